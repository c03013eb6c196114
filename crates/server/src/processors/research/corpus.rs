//! The corpus: the Factbook and the operator's documents, with what is needed to look things up in them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use super::document::Document;
use super::factbook::unpack;
use super::fields::Fields;
use super::index::Index;
use super::load::{CorpusError, Skipped, load};
use super::names::Names;

/// All documents that can be searched and cited.
#[derive(Debug)]
pub struct Corpus {
    pub(super) documents: Vec<Document>,
    pub(super) names: Names,
    pub(super) fields: Fields,
    /// The year for which the Factbook was published.
    pub(super) edition: String,
    by_hash: BTreeMap<String, usize>,
    index: OnceLock<Index>,
    skipped: Vec<Skipped>,
}

impl Corpus {
    /// The embedded Factbook alone.
    pub fn factbook() -> Self {
        Self::of(Vec::new(), Vec::new())
    }

    /// The Factbook and the documents below these directories.
    pub fn load(directories: &[PathBuf]) -> Result<Self, CorpusError> {
        let (documents, skipped) = load(directories)?;
        Ok(Self::of(documents, skipped))
    }

    fn of(own: Vec<Document>, skipped: Vec<Skipped>) -> Self {
        let factbook = unpack();
        let mut documents = factbook.documents;
        documents.extend(own);
        let by_hash = documents.iter().enumerate().map(|(at, document)| (document.hash.clone(), at)).collect();
        Self {
            names: Names::new(&documents),
            fields: Fields::new(&documents),
            edition: factbook.edition,
            by_hash,
            index: OnceLock::new(),
            skipped,
            documents,
        }
    }

    /// The document whose text has this SHA-256 (lower-case hexadecimal).
    pub fn document(&self, hash: &str) -> Option<&Document> {
        self.by_hash.get(hash).map(|&at| &self.documents[at])
    }

    /// All documents, the Factbook's first.
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// The files that could not be read, with the reasons.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Builds the word index now instead of at the first search that needs it.
    pub fn warm(&self) {
        self.index();
    }

    /// The word index over all passages.
    pub(super) fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::new(&self.documents))
    }

    /// Whether there is anything besides the Factbook.
    pub(super) fn has_own(&self) -> bool {
        self.documents.last().is_some_and(|document| document.entity.is_none())
    }

    /// The corpora searched, for a reader: `the World Factbook (2025 edition)` and the names of the directories.
    pub(super) fn described(&self) -> String {
        let mut text = format!("the World Factbook ({} edition)", self.edition);
        let mut seen = Vec::new();
        for document in self.documents.iter().filter(|document| document.entity.is_none()) {
            if !seen.contains(&document.corpus.as_str()) {
                seen.push(&document.corpus);
                text.push_str(" and ");
                text.push_str(&document.corpus);
            }
        }
        text
    }
}
