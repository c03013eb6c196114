//! The folders of documents looked at from outside: what is read, and what is left out and why.

use std::path::{Path, PathBuf};

use crate::folder::{self, Folder, FolderError};
use crate::processors::CorpusError;
pub use crate::processors::library::{FolderSurvey, KindSurvey, SkippedSurvey, Survey};
use crate::processors::library::{survey, survey_apart};

/// Why nothing can be said about the folders.
#[derive(Debug, thiserror::Error)]
pub enum DocumentsError {
    /// The store's folder cannot be had.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A folder of documents cannot be read.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
}

/// What there is in these folders. If nobody runs on the store, what is new is read and kept there; else it is told
/// what the server has read by now, and with no folder named, of all that it reads.
pub fn documents(store: &Path, corpus: &[PathBuf]) -> Result<Survey, DocumentsError> {
    match Folder::take(store) {
        Ok(_ours) => Ok(survey(corpus, store, true)?),
        Err(FolderError::Held { .. }) => Ok(survey(corpus, store, false)?),
        Err(odd @ FolderError::Unusable { .. }) => Err(odd.into()),
    }
}

/// What there is in these folders, leaving the store as it is: what was read before is believed, and if something is new
/// and nobody runs on the store to read it, all is read for this one look.
pub fn look(store: &Path, corpus: &[PathBuf]) -> Result<Survey, CorpusError> {
    let told = survey(corpus, store, false)?;
    let is_behind = told.folders.iter().any(|folder| folder.pending > 0);
    if is_behind && folder::holder(store).is_none() { survey_apart(corpus, store) } else { Ok(told) }
}
