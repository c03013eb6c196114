//! Moving a store: everything that it holds goes out as lines of JSON and comes in again in another, of whatever kind.
//!
//! The other is the same store from then on: ids, cursors, keys, signatures and promises hold. Whoever serves the first one
//! after that has two of it.

use std::io::{BufRead, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::folder::{Folder, FolderError};
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
    /// What was read is not what it should be, or the store holds something already.
    #[error(transparent)]
    Import(#[from] ImportError),
}

/// Writes out the store in this folder, as it is at one moment, while its server runs or not.
pub fn export(folder: &Path, out: &mut dyn Write) -> Result<Moved, OutError> {
    let mut store = out_of(folder)?;
    write_out(&mut store, out)
}

/// The same, to a file that appears when it is whole and on disk.
pub fn export_to(folder: &Path, target: &Path, replace: bool) -> Result<Moved, OutError> {
    let mut store = out_of(folder)?;
    let target = Target::at(target, replace, Some(&folder.join(STORE)))?;
    let file = target.open().map_err(|source| target.failed(source))?;
    let moved = write_out(&mut store, &mut BufWriter::new(file))?;
    target.keep()?;
    Ok(moved)
}

fn write_out(store: &mut dyn Outgoing, out: &mut dyn Write) -> Result<Moved, OutError> {
    let id = store.identity().map_err(ExportError::from)?.id;
    Ok(Moved { id, counts: records::export(store, out)? })
}

/// Takes what was written out into the store of this folder, which must be empty and is made if there is none. No server
/// may run on it.
pub fn import(folder: &Path, from: &mut dyn BufRead) -> Result<Moved, InError> {
    let owned = Folder::take(folder)?;
    let mut store = IncomingSqlite::open(&owned.database())?;
    let (identity, counts) = records::import(from, &mut store)?;
    Ok(Moved { id: identity.id, counts })
}

fn out_of(folder: &Path) -> Result<OutgoingSqlite, OutError> {
    let file = folder.join(STORE);
    if !file.exists() {
        return Err(OutError::NoStore(folder.to_owned()));
    }
    Ok(OutgoingSqlite::open(&file)?)
}

#[cfg(test)]
mod tests;
