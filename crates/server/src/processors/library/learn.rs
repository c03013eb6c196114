//! The vectors of documents are made beside everything else, a few at a time, and kept on the shelf.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use legwork_embed::{Compact, Embedder, Vector};

use super::shelf::{Shelf, ShelfError};
use crate::processors::research::Document;

/// How many documents are written down at once: what a stop may have to wait for, and lose, is a second or two.
const BATCH: usize = 16;

/// Makes vectors with one pack.
pub(super) struct Learner {
    pack: Arc<Embedder>,
    /// Documents that have none yet.
    waiting: Vec<Document>,
}

impl Learner {
    pub(super) fn new(pack: Arc<Embedder>) -> Self {
        Self { pack, waiting: Vec::new() }
    }

    /// What the vectors are made with.
    pub(super) fn pack(&self) -> Arc<Embedder> {
        self.pack.clone()
    }

    /// Whether there is something left to do.
    pub(super) fn is_busy(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The vectors of these documents as far as they are there; the others wait for theirs from now on.
    pub(super) fn known<'a>(
        &mut self,
        shelf: &Shelf,
        documents: impl Iterator<Item = &'a Document>,
    ) -> Result<Vec<Vec<Compact>>, ShelfError> {
        self.waiting.clear();
        let known = |document: &Document| {
            let vectors = shelf.vectors(document, &self.pack)?;
            if vectors.is_none() {
                self.waiting.push(document.clone());
            }
            Ok(vectors.unwrap_or_default())
        };
        let known = documents.map(known).collect::<Result<_, ShelfError>>()?;
        shelf.forget_vectors(&self.pack)?;
        Ok(known)
    }

    /// Makes vectors until all are made or it is time to look around; says whether all are made.
    pub(super) fn go_on(&mut self, shelf: &mut Shelf, until: Instant, stop: &AtomicBool) -> Result<bool, ShelfError> {
        while self.is_busy() && Instant::now() < until && !stop.load(Ordering::Relaxed) {
            let batch = self.waiting.split_off(self.waiting.len().saturating_sub(BATCH));
            let made: Vec<Vec<Compact>> = batch.iter().map(|document| self.vectors(document)).collect();
            shelf.change(|change| {
                batch.iter().zip(&made).try_for_each(|(document, made)| change.keep_vectors(document, &self.pack, made))
            })?;
        }
        Ok(!self.is_busy())
    }

    /// A passage means little without the title that it stands under.
    fn vectors(&self, document: &Document) -> Vec<Compact> {
        let passages = document.passages.iter();
        let texts: Vec<String> =
            passages.map(|passage| format!("{}: {}", document.title, &document.text[passage.range.clone()])).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        self.pack.embed(&texts).iter().map(Vector::compact).collect()
    }
}
