//! The corpus: the Factbook and the operator's documents, with what is needed to look things up in them. It never
//! changes: when documents do, another takes its place.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use legwork_core::node::Fingerprint;
use legwork_embed::{Compact, Embedder};

use super::bag::Bag;
use super::document::Document;
use super::factbook::unpack;
use super::fields::Fields;
use super::index::{Index, Ranked};
use super::meaning::Meaning;
use super::names::Names;
use super::text::content_stems;
use crate::processors::fingerprint;

/// All documents that can be searched and cited.
#[derive(Debug)]
pub struct Corpus {
    pub(super) documents: Vec<Document>,
    pub(super) names: Arc<Names>,
    pub(super) fields: Arc<Fields>,
    /// The year for which the Factbook was published.
    pub(super) edition: Arc<str>,
    by_hash: HashMap<String, usize>,
    index: OnceLock<Index>,
    fingerprint: OnceLock<Fingerprint>,
    /// Words that are not in the index yet.
    bags: Vec<Bag>,
    meaning: Option<Meaning>,
    base: Base,
}

/// What every corpus begins with: the Factbook, unpacked once. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::processors) struct Base(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    documents: Vec<Document>,
    names: Arc<Names>,
    fields: Arc<Fields>,
    edition: Arc<str>,
    bags: OnceLock<Vec<Bag>>,
}

impl Base {
    /// Unpacks the Factbook.
    pub(in crate::processors) fn unpacked() -> Self {
        let factbook = unpack();
        let parts = Parts {
            names: Arc::new(Names::new(&factbook.documents)),
            fields: Arc::new(Fields::new(&factbook.documents)),
            edition: factbook.edition.into(),
            bags: OnceLock::new(),
            documents: factbook.documents,
        };
        Self(Arc::new(parts))
    }

    /// The words of its documents, counted when they are first needed.
    pub(in crate::processors) fn bags(&self) -> &[Bag] {
        self.0.bags.get_or_init(|| self.0.documents.iter().map(Bag::of).collect())
    }

    /// Gives it words that were counted earlier; what does not fit is not believed.
    pub(in crate::processors) fn remember(&self, bags: Vec<Bag>) {
        let documents = &self.0.documents;
        let fits = |(document, bag): (&Document, &Bag)| document.passages.len() == bag.passages();
        if bags.len() == documents.len() && documents.iter().zip(&bags).all(fits) {
            // If they were counted meanwhile, they are the same.
            let _ = self.0.bags.set(bags);
        }
    }
}

impl Corpus {
    /// The embedded Factbook alone.
    pub fn factbook() -> Self {
        Self::of(Base::unpacked(), Vec::new())
    }

    /// The base and these documents of the operator's, each with its words.
    pub(in crate::processors) fn of(base: Base, own: Vec<(Document, Bag)>) -> Self {
        let (own, bags): (Vec<_>, Vec<_>) = own.into_iter().unzip();
        let documents: Vec<Document> = base.0.documents.iter().cloned().chain(own).collect();
        let mut by_hash = HashMap::with_capacity(documents.len());
        for (at, document) in documents.iter().enumerate() {
            by_hash.entry(document.hash.clone()).or_insert(at);
        }
        Self {
            names: base.0.names.clone(),
            fields: base.0.fields.clone(),
            edition: base.0.edition.clone(),
            by_hash,
            index: OnceLock::new(),
            fingerprint: OnceLock::new(),
            bags,
            meaning: None,
            base,
            documents,
        }
    }

    /// The same documents, found by their meaning as well. The vectors are those of the operator's documents in their
    /// order, one for each passage; a document that has none yet is found by its words.
    pub(in crate::processors) fn with_meaning(self, embedder: Arc<Embedder>, own: Vec<Vec<Compact>>) -> Self {
        let first = self.base.0.documents.len();
        Self { meaning: Some(Meaning::new(embedder, first, own)), ..self }
    }

    /// The document whose text has this SHA-256 (lower-case hexadecimal).
    pub fn document(&self, hash: &str) -> Option<&Document> {
        self.by_hash.get(hash).map(|&at| &self.documents[at])
    }

    /// The document at this address.
    pub fn document_at(&self, url: &str) -> Option<&Document> {
        self.documents.iter().find(|document| document.url == url)
    }

    /// All documents, the Factbook's first.
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// What the documents are, in short: two corpora of the same texts at the same addresses under the same titles have the
    /// same, in whatever order they were read, if they are found by the same means.
    pub(in crate::processors) fn fingerprint(&self) -> Fingerprint {
        *self.fingerprint.get_or_init(|| {
            let mut all: Vec<[&str; 3]> =
                self.documents.iter().map(|document| [&*document.hash, &*document.url, &*document.title]).collect();
            all.sort_unstable();
            let meaning = self.meaning.as_ref().map(Meaning::described);
            fingerprint::of(all.into_iter().flatten().chain(meaning.as_deref()))
        })
    }

    /// Builds the word index now instead of at the first search that needs it, and counts all documents. What the index was
    /// built from is let go.
    pub(in crate::processors) fn warm(&mut self) {
        self.index();
        self.fingerprint();
        self.bags = Vec::new();
    }

    /// The word index over all passages.
    pub(super) fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::new(self.base.bags().iter().chain(&self.bags)))
    }

    /// The passages that may answer a text, at most so many by its words and as many by its meaning where there are
    /// vectors: one by meaning, one by words, the best first.
    pub(in crate::processors) fn found(&self, text: &str, most: usize, allowed: impl Fn(usize) -> bool) -> Vec<Ranked> {
        let by_words = self.index().search(&content_stems(text), most, &allowed);
        let Some(meaning) = &self.meaning else { return by_words };
        let by_meaning = meaning.search(text, most, &allowed);
        let mut found: Vec<Ranked> = Vec::with_capacity(by_words.len() + by_meaning.len());
        for at in 0..by_words.len().max(by_meaning.len()) {
            for ranked in [by_meaning.get(at), by_words.get(at)].into_iter().flatten() {
                let same = |other: &Ranked| (other.document, other.passage) == (ranked.document, ranked.passage);
                if !found.iter().any(same) {
                    found.push(*ranked);
                }
            }
        }
        found
    }

    /// How rare a stem is in the documents, from 0 upwards; what is in none is the rarest.
    pub(in crate::processors) fn rarity(&self, stem: &str) -> f32 {
        self.index().weight(stem)
    }

    /// Whether there is anything besides the Factbook.
    pub(super) fn has_own(&self) -> bool {
        self.documents.last().is_some_and(|document| document.entity.is_none())
    }

    /// The year for which the Factbook was published.
    pub(in crate::processors) fn edition(&self) -> &str {
        &self.edition
    }

    /// The passages that may answer a text, best first, of documents that may be used: as [`Self::found`].
    pub(in crate::processors) fn passages_with(
        &self,
        text: &str,
        most: usize,
        usable: &dyn Fn(&Document) -> bool,
    ) -> Vec<(&Document, &str)> {
        let found = self.found(text, most, |at| usable(&self.documents[at]));
        let passage = |ranked: Ranked| {
            let document = &self.documents[ranked.document];
            Some((document, document.slice(&document.passages.get(ranked.passage)?.range)))
        };
        found.into_iter().filter_map(passage).collect()
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
