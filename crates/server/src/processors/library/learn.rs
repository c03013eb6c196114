//! The vectors of documents are made beside everything else, a few at a time, and kept on the shelf.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use legwork_embed::{Compact, Embedder, Vector};

use super::shelf::{Shelf, ShelfError};
use crate::processors::research::Document;

/// After so many passages of whatever documents what was made is written down: what a stop loses is a second or two.
const BATCH: usize = 32;

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
            let (mut made, mut passages) = (Vec::new(), 0);
            while passages < BATCH {
                let Some(document) = self.waiting.pop() else { break };
                let Some(vectors) = self.vectors(&document, stop) else {
                    self.waiting.push(document);
                    break;
                };
                passages += vectors.len();
                made.push((document, vectors));
            }
            shelf.change(|change| {
                made.iter().try_for_each(|(document, made)| change.keep_vectors(document, &self.pack, made))
            })?;
        }
        Ok(!self.is_busy())
    }

    /// The vectors of all passages; `None` if it is time to stop. A passage means little without the title that it stands under.
    fn vectors(&self, document: &Document, stop: &AtomicBool) -> Option<Vec<Compact>> {
        let mut made = Vec::with_capacity(document.passages.len());
        for passages in document.passages.chunks(BATCH) {
            if stop.load(Ordering::Relaxed) {
                return None;
            }
            let texts: Vec<String> = passages
                .iter()
                .map(|passage| format!("{}: {}", document.title, &document.text[passage.range.clone()]))
                .collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            made.extend(self.pack.embed(&texts).iter().map(Vector::compact));
        }
        Some(made)
    }
}
