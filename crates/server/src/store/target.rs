//! Files that a store is copied or written out to: never over a store, whole or not at all, and for their user only.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The file of an embedded store in its folder.
pub(crate) const STORE: &str = "legwork.db";

/// Why nothing was written there. Nothing is left at the target but what was there before.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Something is at the target already.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// The target is the store itself, by this name or another.
    #[error("{} is the store itself", .0.display())]
    Itself(PathBuf),
    /// What is at the target is a folder, a device or the like.
    #[error("{} is no file", .0.display())]
    NoFile(PathBuf),
    /// The target lies in a store's folder, or has the log of one beside it.
    #[error("{} belongs to a store", .0.display())]
    OfAStore(PathBuf),
    /// The system does not let us write there.
    #[error("{} cannot be written", file.display())]
    Write {
        /// The target.
        file: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// A file that appears at its target when it is whole and on disk. Dropped before, it leaves nothing behind.
pub(crate) struct Target {
    target: PathBuf,
    draft: PathBuf,
}

impl Target {
    /// Checks whether a file may be put there, and makes an empty draft of it that only its user can read, since it will
    /// hold everything that anybody asked. `store` is the file of the store that it is made from, if that is one.
    pub(crate) fn at(target: &Path, replace: bool, store: Option<&Path>) -> Result<Self, TargetError> {
        check(target, replace, store)?;
        let mut draft = target.as_os_str().to_owned();
        draft.push(format!(".{}.part", std::process::id()));
        let file = Self { target: target.to_owned(), draft: PathBuf::from(draft) };
        file.open().map_err(|source| file.failed(source))?;
        Ok(file)
    }

    /// The file as long as it is not whole.
    pub(crate) fn draft(&self) -> &Path {
        &self.draft
    }

    /// Where it will be.
    pub(crate) fn path(&self) -> &Path {
        &self.target
    }

    /// The draft, to be written from its beginning.
    pub(crate) fn open(&self) -> io::Result<File> {
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.draft)
    }

    /// It is whole: it takes its place.
    pub(crate) fn keep(self) -> Result<(), TargetError> {
        let folder = self.target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(&self.draft)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&self.draft, &self.target))
            .and_then(|()| File::open(folder)?.sync_all())
            .map_err(|source| self.failed(source))
    }

    /// The system did not let us write it.
    pub(crate) fn failed(&self, source: io::Error) -> TargetError {
        TargetError::Write { file: self.target.clone(), source }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // It is gone if it was kept, and may not even have come into being.
        drop(fs::remove_file(&self.draft));
    }
}

/// Whether a file may be put there. A store that is open keeps a part of what it knows in the log beside its file: a file
/// put in its place would be read together with that log, and both would be lost.
fn check(target: &Path, replace: bool, store: Option<&Path>) -> Result<(), TargetError> {
    let write = |source| TargetError::Write { file: target.to_owned(), source };
    // What a link leads to counts, since it was meant.
    match fs::metadata(target) {
        Ok(there) => {
            let store = store.map(fs::metadata).transpose().map_err(write)?;
            if store.is_some_and(|store| (there.dev(), there.ino()) == (store.dev(), store.ino())) {
                return Err(TargetError::Itself(target.to_owned()));
            }
            if !there.is_file() {
                return Err(TargetError::NoFile(target.to_owned()));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(write(error)),
    }
    let led_to = target.canonicalize().unwrap_or_else(|_| target.to_owned());
    if [target, &led_to].into_iter().any(is_of_a_store) {
        return Err(TargetError::OfAStore(target.to_owned()));
    }
    // A link that leads nowhere is something as well.
    if target.symlink_metadata().is_ok() && !replace { Err(TargetError::Exists(target.to_owned())) } else { Ok(()) }
}

/// Whether SQLite's log lies beside this file, or a store that was served from there.
fn is_of_a_store(file: &Path) -> bool {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let is_served = file.with_file_name("lock").exists() && file.with_file_name(STORE).exists();
    is_served || Path::new(&log).exists()
}
