//! Copies of a store, and a look at one from outside: while its server runs or not, and never by way of the writer.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::open::{self, OpenError};
use super::sql;
use crate::store::target::{STORE, Target, TargetError};

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
    /// No file may be put there.
    #[error(transparent)]
    Target(#[from] TargetError),
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
pub(crate) fn made_keys(folder: &Path) -> Result<usize, OpenError> {
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
    let target = Target::at(target, replace, Some(&file))?;
    let told = copy_to(&file, &target)?;
    target.keep()?;
    Ok(told)
}

fn copy_to(file: &Path, target: &Target) -> Result<Summary, CopyError> {
    let draft = target.draft();
    let failed = |source| CopyError::Copy { file: target.path().to_owned(), source };
    let source = reading(file)?;
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
    Ok(summary_of(&reading(draft)?, draft)?)
}

pub(super) fn file_in(folder: &Path) -> PathBuf {
    folder.join(STORE)
}

pub(super) fn reading(file: &Path) -> Result<Connection, OpenError> {
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
