//! Copies of a store, and a look at one from outside: while its server runs or not, and never by way of the writer.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::open::{self, OpenError};
use super::sql;

/// The file of a store in its folder.
const FILE: &str = "legwork.db";

/// What a store says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its id.
    pub id: String,
    /// The version of its schema.
    pub schema: usize,
    /// How many runs it holds.
    pub runs: u64,
    /// How long its file is, in bytes, without what is only in the log beside it yet.
    pub bytes: u64,
}

/// Why a store was not copied. Nothing is left at the target but what was there before.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// There is none in that folder.
    #[error("there is no store in {}", .0.display())]
    NoStore(PathBuf),
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
    /// It cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// SQLite could not copy it.
    #[error("the store cannot be copied to {}", file.display())]
    Copy {
        /// The target.
        file: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// The system does not let us write there.
    #[error("the copy cannot be written to {}", file.display())]
    Write {
        /// The target.
        file: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// The versions of the schema that this program knows, and of the SQLite in it.
pub fn known() -> (usize, &'static str) {
    (open::SCHEMA, rusqlite::version())
}

/// What the store in this folder says of itself; `None` when there is none.
pub fn summary(folder: &Path) -> Result<Option<Summary>, OpenError> {
    let file = file_in(folder);
    if !file.exists() {
        return Ok(None);
    }
    let connection = reading(&file)?;
    summary_of(&connection, &file).map(Some)
}

/// How many keys were made for the store in this folder, be it that none of them is good any more.
pub fn made_keys(folder: &Path) -> Result<usize, OpenError> {
    let file = file_in(folder);
    if !file.exists() {
        return Ok(0);
    }
    let failed = |source| OpenError::Sqlite { file: file.clone(), source };
    let connection = reading(&file)?;
    let schema: usize = open::pragma(&connection, "user_version").map_err(failed)?;
    if schema < open::SINCE_KEYS {
        return Ok(0);
    }
    connection.query_row(sql::COUNT_KEYS, [], |row| row.get(0)).map_err(failed)
}

/// Copies the store in this folder to a file, as it is at one moment: everything that was answered before the copy began
/// is in it. The target appears when it is whole and on disk.
pub fn copy(folder: &Path, target: &Path, replace: bool) -> Result<Summary, CopyError> {
    let file = file_in(folder);
    if !file.exists() {
        return Err(CopyError::NoStore(folder.to_owned()));
    }
    check_target(&file, target, replace)?;
    let mut draft = target.as_os_str().to_owned();
    draft.push(format!(".{}.part", std::process::id()));
    let draft = PathBuf::from(draft);
    let copied = copy_to(&file, &draft, target);
    if copied.is_err() {
        // It may not even have come into being.
        drop(fs::remove_file(&draft));
    }
    copied
}

/// Whether a copy may be put there. A store that is open keeps a part of what it knows in the log beside its file: a file
/// put in its place would be read together with that log, and both would be lost.
fn check_target(file: &Path, target: &Path, replace: bool) -> Result<(), CopyError> {
    let write = |source| CopyError::Write { file: target.to_owned(), source };
    // What a link leads to counts, since it was meant.
    match fs::metadata(target) {
        Ok(there) => {
            let source = fs::metadata(file).map_err(write)?;
            if (there.dev(), there.ino()) == (source.dev(), source.ino()) {
                return Err(CopyError::Itself(target.to_owned()));
            }
            if !there.is_file() {
                return Err(CopyError::NoFile(target.to_owned()));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(write(error)),
    }
    let led_to = target.canonicalize().unwrap_or_else(|_| target.to_owned());
    if [target, &led_to].into_iter().any(is_of_a_store) {
        return Err(CopyError::OfAStore(target.to_owned()));
    }
    // A link that leads nowhere is something as well.
    if target.symlink_metadata().is_ok() && !replace { Err(CopyError::Exists(target.to_owned())) } else { Ok(()) }
}

/// Whether SQLite's log lies beside this file, or a store that was served from there.
fn is_of_a_store(file: &Path) -> bool {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let is_served = file.with_file_name("lock").exists() && file.with_file_name(FILE).exists();
    is_served || Path::new(&log).exists()
}

fn copy_to(file: &Path, draft: &Path, target: &Path) -> Result<Summary, CopyError> {
    let write = |source| CopyError::Write { file: target.to_owned(), source };
    let failed = |source| CopyError::Copy { file: target.to_owned(), source };
    let source = reading(file)?;
    private(draft).map_err(write)?;
    let mut copy = Connection::open(draft).map_err(failed)?;
    let backup = Backup::new(&source, &mut copy).map_err(failed)?;
    // In one step, which is one read transaction: with several, each commit in between would begin it anew.
    while backup.step(-1).map_err(failed)? != StepResult::Done {
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(backup);
    // One file, with nothing beside it: the store that opens it turns its log on again.
    copy.pragma_update(None, "journal_mode", "delete").map_err(failed)?;
    copy.close().map_err(|(_, source)| failed(source))?;
    let told = summary_of(&reading(draft)?, draft)?;
    File::open(draft).and_then(|file| file.sync_all()).map_err(write)?;
    fs::rename(draft, target).map_err(write)?;
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(write)?;
    Ok(told)
}

/// An empty file that only its user can read, since a copy holds everything that anybody asked.
fn private(file: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file).map(drop)
}

fn file_in(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

fn reading(file: &Path) -> Result<Connection, OpenError> {
    let failed = |source| OpenError::Sqlite { file: file.to_owned(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(failed)?;
    connection.busy_timeout(Duration::from_secs(5)).map_err(failed)?;
    open::check_file(&connection, file)?;
    Ok(connection)
}

fn summary_of(connection: &Connection, file: &Path) -> Result<Summary, OpenError> {
    let failed = |source| OpenError::Sqlite { file: file.to_owned(), source };
    Ok(Summary {
        id: connection.query_row(sql::STORE_ID, [], |row| row.get(0)).map_err(failed)?,
        schema: open::pragma(connection, "user_version").map_err(failed)?,
        runs: connection.query_row(sql::COUNT_RUNS, [], |row| row.get(0)).map_err(failed)?,
        bytes: fs::metadata(file).map_or(0, |metadata| metadata.len()),
    })
}
