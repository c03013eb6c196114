//! The folders that the operator named, checked to be there.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use super::Skipped;
use super::look::name_of;
use crate::processors::research::FACTBOOK;

/// Why the documents cannot be answered from at all.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// The directory given by the operator cannot be read.
    #[error("the corpus directory {} cannot be read", .path.display())]
    Directory {
        /// What was given.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// A folder of documents.
#[derive(Debug)]
pub(super) struct Folder {
    /// Its canonical path.
    pub(super) path: PathBuf,
    /// The name its corpus has in addresses.
    pub(super) name: String,
    /// What the last look could not even open.
    pub(super) skipped: Vec<Skipped>,
    /// Files of kinds that cannot be read, by the ends of their names.
    pub(super) unknown: BTreeMap<String, usize>,
    /// The same files one by one.
    pub(super) unread: Vec<Skipped>,
}

impl Folder {
    /// Checks the folders; one that was named twice is one.
    pub(super) fn all(named: &[PathBuf]) -> Result<Vec<Self>, CorpusError> {
        let mut found: Vec<Self> = Vec::new();
        let mut names = vec![FACTBOOK.to_owned()];
        for named in named {
            let failed = |source| CorpusError::Directory { path: named.clone(), source };
            let path = named.canonicalize().map_err(failed)?;
            fs::read_dir(&path).map_err(failed)?;
            if found.iter().all(|folder| folder.path != path) {
                let name = name_of(&path, &names);
                names.push(name.clone());
                found.push(Self { path, name, skipped: Vec::new(), unknown: BTreeMap::new(), unread: Vec::new() });
            }
        }
        Ok(found)
    }

    /// What it is known by on the shelf.
    pub(super) fn key(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }
}
