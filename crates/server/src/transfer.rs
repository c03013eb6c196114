//! Moving a store: everything that it holds goes out as lines of JSON and comes in again in another, of whatever kind.
//!
//! The other is the same store from then on: ids, cursors, keys, signatures and promises hold. Whoever serves the first one
//! after that has two of it.

use std::io::{BufRead, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::config::StoreAt;
use crate::folder::{Folder, FolderError};
use crate::store::postgres::{IncomingPostgres, OutgoingPostgres};
pub use crate::store::postgres::{IntoDatabaseError, ReadDatabaseError};
use crate::store::records::{self, Outgoing};
pub use crate::store::records::{Counts, ExportError, ImportError, Kind};
pub use crate::store::sqlite::ReadOutError;
use crate::store::sqlite::{IncomingSqlite, OpenError, OutgoingSqlite};
pub use crate::store::target::TargetError;
use crate::store::target::{STORE, Target};

/// What was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The id of the store.
    pub id: String,
    /// How much it holds.
    pub counts: Counts,
}

/// Why a store was not written out.
#[derive(Debug, thiserror::Error)]
pub enum OutError {
    /// There is none in that folder.
    #[error("there is no store in {}", .0.display())]
    NoStore(PathBuf),
    /// It cannot be read.
    #[error(transparent)]
    Store(#[from] ReadOutError),
    /// The database cannot be read.
    #[error(transparent)]
    Database(#[from] ReadDatabaseError),
    /// No file may be put there.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// It broke off on the way.
    #[error(transparent)]
    Export(#[from] ExportError),
}

/// Why a store was not taken in. The one that was there is as empty as it was.
#[derive(Debug, thiserror::Error)]
pub enum InError {
    /// The folder cannot be had: a server may run on it.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The store in it cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// Nothing can be taken into the database.
    #[error(transparent)]
    Database(#[from] IntoDatabaseError),
    /// What was read is not what it should be, or the store holds something already.
    #[error(transparent)]
    Import(#[from] ImportError),
}

/// Writes out a store, as it is at one moment, while its servers run or not. Like all of these it blocks, and is to be
/// called where a runtime lets it.
pub fn export(store: &StoreAt, out: &mut dyn Write) -> Result<Moved, OutError> {
    write_out(&mut *out_of(store)?, out)
}

/// The same, to a file that appears when it is whole and on disk.
pub fn export_to(store: &StoreAt, target: &Path, replace: bool) -> Result<Moved, OutError> {
    let mut outgoing = out_of(store)?;
    let file = match store {
        StoreAt::Folder(folder) => Some(folder.join(STORE)),
        StoreAt::Database { .. } => None,
    };
    let target = Target::at(target, replace, file.as_deref())?;
    let file = target.open().map_err(|source| target.failed(source))?;
    let moved = write_out(&mut *outgoing, &mut BufWriter::new(file))?;
    target.keep()?;
    Ok(moved)
}

fn out_of(store: &StoreAt) -> Result<Box<dyn Outgoing>, OutError> {
    match store {
        StoreAt::Folder(folder) => {
            let file = folder.join(STORE);
            if !file.exists() {
                return Err(OutError::NoStore(folder.clone()));
            }
            Ok(Box::new(OutgoingSqlite::open(&file)?))
        }
        StoreAt::Database { url, .. } => Ok(Box::new(OutgoingPostgres::open(url)?)),
    }
}

fn write_out(store: &mut dyn Outgoing, out: &mut dyn Write) -> Result<Moved, OutError> {
    let id = store.identity().map_err(ExportError::from)?.id;
    Ok(Moved { id, counts: records::export(store, out)? })
}

/// Takes what was written out into a store, which must be empty and is made if there is none. No server may run on it.
pub fn import(store: &StoreAt, from: &mut dyn BufRead) -> Result<Moved, InError> {
    let (identity, counts) = match store {
        StoreAt::Folder(folder) => {
            let owned = Folder::take(folder)?;
            records::import(from, &mut IncomingSqlite::open(&owned.database())?)?
        }
        StoreAt::Database { url, .. } => records::import(from, &mut IncomingPostgres::open(url)?)?,
    };
    Ok(Moved { id: identity.id, counts })
}

#[cfg(test)]
mod tests;
