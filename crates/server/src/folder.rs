//! The store's folder: it belongs to one process at a time, and says to others on this machine where that one is.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::StoreAt;

const LOCK: &str = "lock";
const SERVER: &str = "server.json";
const DRAFT: &str = "server.json.new";
const DATABASE: &str = "legwork.db";

/// How many processes on one machine can share a database.
const MOST_OF_A_NAME: usize = 64;

/// In a folder with this bit nobody may remove what is another's: it is meant for many.
const STICKY: u32 = 0o1000;

/// All that we put into a folder.
const OURS: [&str; 8] =
    [LOCK, SERVER, DRAFT, DATABASE, "legwork.db-wal", "legwork.db-shm", "legwork.db-journal", "corpus"];

/// Where the folder's owner can be reached. Readable by its user only: the key opens the store.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerFile {
    /// The process.
    pub pid: u32,
    /// Where it listens.
    pub address: SocketAddr,
    /// The store's id; compare it with what `/health` says before showing the key to anybody.
    pub store_id: String,
    /// A key that the process accepts for the owner `local`.
    pub key: String,
}

impl std::fmt::Debug for ServerFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerFile").field("pid", &self.pid).field("address", &self.address).finish_non_exhaustive()
    }
}

/// Why a folder cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another process has it.
    #[error("the store {} is in use by another process{}", folder.display(), by.as_ref().map_or_else(String::new, at))]
    Held {
        /// The folder.
        folder: PathBuf,
        /// Who has it, if it said so yet.
        by: Option<ServerFile>,
    },
    /// The system does not let us.
    #[error("the folder {} cannot be used as a store", folder.display())]
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

fn at(by: &ServerFile) -> String {
    format!(" (process {}, at http://{})", by.pid, by.address)
}

/// A folder that is ours until this is dropped or the process ends, however it ends.
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder if need be and takes it.
    pub(crate) fn take(path: &Path) -> Result<Self, FolderError> {
        let unusable = |source| FolderError::Unusable { folder: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unusable)?;
        let lock = open_lock(path).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(FolderError::Held { folder: path.to_owned(), by: read(path) });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        // What cannot be closed can be used all the same: the files in it are for their user alone.
        drop(close(path, &lock));
        let folder = Self { path: path.to_owned(), _lock: lock };
        // What an earlier owner left is no longer true.
        folder.unpublish();
        Ok(folder)
    }

    /// Takes the first that is free of the folders of this name and a number, of which each process on this machine has one.
    pub(crate) fn take_one_of(path: &Path) -> Result<Self, FolderError> {
        let mut taken = Self::take(&StoreAt::numbered(path, 1));
        for number in 2..=MOST_OF_A_NAME {
            if !matches!(taken, Err(FolderError::Held { .. })) {
                break;
            }
            taken = Self::take(&StoreAt::numbered(path, number));
        }
        taken
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file of the embedded store.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// Tells others on this machine where we are.
    pub(crate) fn publish(&self, server: &ServerFile) -> io::Result<()> {
        let draft = self.path.join(DRAFT);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(&serde_json::to_vec(server)?)?;
        fs::rename(draft, self.path.join(SERVER))
    }

    fn unpublish(&self) {
        // It may well not be there; and if it stays, the lock and the store's id still tell the truth.
        drop(fs::remove_file(self.path.join(SERVER)));
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.unpublish();
    }
}

/// Who owns this folder right now; `None` when nobody does, or when the owner has not said yet where it is.
pub fn holder(path: &Path) -> Option<ServerFile> {
    let lock = File::open(path.join(LOCK)).ok()?;
    match lock.try_lock_shared() {
        Err(TryLockError::WouldBlock) => read(path),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

/// Who runs on this store, on this machine; of several, any.
pub fn server_on(store: &StoreAt) -> Option<ServerFile> {
    match store {
        StoreAt::Folder(path) => holder(path),
        StoreAt::Database { node, .. } => {
            let folders = (1..=MOST_OF_A_NAME).map(|number| StoreAt::numbered(node, number));
            folders.take_while(|path| path.exists()).find_map(|path| holder(&path))
        }
    }
}

/// Takes a folder that was there already from everybody but its user, if it is for our files only. Somebody's home, or
/// the folder of temporary files, stays as it is.
fn close(path: &Path, lock: &File) -> io::Result<()> {
    let folder = fs::metadata(path)?;
    let mode = folder.permissions().mode();
    let (is_open, is_shared) = (mode & 0o077 != 0, mode & STICKY != 0);
    if !is_open || is_shared || folder.uid() != lock.metadata()?.uid() {
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        if !OURS.iter().any(|ours| name == *ours) {
            return Ok(());
        }
    }
    fs::set_permissions(path, Permissions::from_mode(mode & !0o077))
}

fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path.join(LOCK))
}

fn read(path: &Path) -> Option<ServerFile> {
    serde_json::from_slice(&fs::read(path.join(SERVER)).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> ServerFile {
        let address = "127.0.0.1:8787".parse().unwrap();
        ServerFile { pid: 7, address, store_id: "store_1".to_owned(), key: "k".to_owned() }
    }

    #[test]
    fn a_folder_has_one_owner_at_a_time() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("deep/store");
        let first = Folder::take(&path).unwrap();
        first.publish(&server()).unwrap();
        let Err(FolderError::Held { by, .. }) = Folder::take(&path) else { panic!("it was taken twice") };
        assert_eq!(by, Some(server()));
        assert_eq!(holder(&path), Some(server()));
        drop(first);
        assert_eq!(holder(&path), None);
        Folder::take(&path).unwrap();
    }

    #[test]
    fn what_a_dead_owner_left_is_not_believed() {
        let home = tempfile::tempdir().unwrap();
        let first = Folder::take(home.path()).unwrap();
        first.publish(&server()).unwrap();
        let left = fs::read(home.path().join(SERVER)).unwrap();
        drop(first);
        fs::write(home.path().join(SERVER), left).unwrap();
        assert_eq!(holder(home.path()), None, "nobody holds the lock");
        let _second = Folder::take(home.path()).unwrap();
        assert_eq!(holder(home.path()), None, "the new owner has not said where it is");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_a_clear_error() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("file"), "").unwrap();
        let Err(refused) = Folder::take(&home.path().join("file/store")) else { panic!("it was made") };
        assert!(matches!(refused, FolderError::Unusable { .. }), "{refused}");
    }

    #[test]
    fn only_the_user_can_read_the_key() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::take(&home.path().join("store")).unwrap();
        folder.publish(&server()).unwrap();
        let mode = |name: &str| fs::metadata(folder.path.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(SERVER), mode(".")), (0o600, 0o700));
    }

    #[test]
    fn a_folder_with_our_files_only_is_closed_to_others() {
        let home = tempfile::tempdir().unwrap();
        let open = |name: &str, mode| {
            let path = home.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            path
        };
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        let (empty, ours, mixed, shared) =
            (open("empty", 0o755), open("ours", 0o775), open("mixed", 0o755), open("shared", 0o1777));
        fs::write(ours.join("legwork.db"), "").unwrap();
        fs::write(mixed.join("letters.txt"), "").unwrap();
        for (path, then) in [(empty, 0o700), (ours, 0o700), (mixed, 0o755), (shared, 0o1777)] {
            drop(Folder::take(&path).unwrap());
            assert_eq!(mode(&path), then, "{}", path.display());
        }
    }
}
