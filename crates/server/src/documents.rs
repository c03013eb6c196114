//! The folders of documents looked at from outside: what is read, and what is left out and why.

use std::path::{Path, PathBuf};

use crate::folder::{Folder, FolderError};
use crate::processors::CorpusError;
use crate::processors::library::survey;
pub use crate::processors::library::{FolderSurvey, KindSurvey, SkippedSurvey, Survey};

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
