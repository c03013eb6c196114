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
    /// The one that is under way.
    begun: Option<Begun>,
}

/// A document with the vectors of its first passages.
struct Begun {
    document: Document,
    made: Vec<Compact>,
}

impl Learner {
    pub(super) fn new(pack: Arc<Embedder>) -> Self {
        Self { pack, waiting: Vec::new(), begun: None }
    }

    /// What the vectors are made with.
    pub(super) fn pack(&self) -> Arc<Embedder> {
        self.pack.clone()
    }

    /// Whether there is something left to do.
    pub(super) fn is_busy(&self) -> bool {
        self.begun.is_some() || !self.waiting.is_empty()
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
        let under_way = self.begun.take();
        let same = |begun: &Begun, other: &Document| {
            (&begun.document.hash, &begun.document.title) == (&other.hash, &other.title)
        };
        // What was made of one that is still wanted is not made again.
        self.begun = under_way.and_then(|begun| {
            let at = self.waiting.iter().position(|document| same(&begun, document))?;
            self.waiting.swap_remove(at);
            Some(begun)
        });
        shelf.forget_vectors(&self.pack)?;
        Ok(known)
    }

    /// Makes vectors until all are made or it is time to look around; says whether all are made.
    pub(super) fn go_on(&mut self, shelf: &mut Shelf, until: Instant, stop: &AtomicBool) -> Result<bool, ShelfError> {
        while self.is_busy() && Instant::now() < until && !stop.load(Ordering::Relaxed) {
            let made = self.some();
            if !made.is_empty() {
                shelf.change(|change| {
                    made.iter().try_for_each(|(document, made)| change.keep_vectors(document, &self.pack, made))
                })?;
            }
        }
        Ok(!self.is_busy())
    }

    /// Makes the vectors of a batch of passages; the documents that are done with it come back.
    fn some(&mut self) -> Vec<(Document, Vec<Compact>)> {
        let (mut done, mut room) = (Vec::new(), BATCH);
        while room > 0 {
            let next = || self.waiting.pop().map(|document| Begun { document, made: Vec::new() });
            let Some(Begun { document, mut made }) = self.begun.take().or_else(next) else { break };
            let rest = &document.passages[made.len().min(document.passages.len())..];
            // A passage means little without the title that it stands under.
            let texts: Vec<String> = rest
                .iter()
                .take(room)
                .map(|passage| format!("{}: {}", document.title, &document.text[passage.range.clone()]))
                .collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            made.extend(self.pack.embed(&texts).iter().map(Vector::compact));
            room -= texts.len();
            if made.len() < document.passages.len() {
                self.begun = Some(Begun { document, made });
            } else {
                done.push((document, made));
            }
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::processors::research::passages;

    fn document(paragraphs: usize) -> Document {
        let text = vec!["The river is long."; paragraphs].join("\n\n");
        Document {
            hash: format!("of {paragraphs}"),
            corpus: "own".to_owned(),
            url: "corpus:own/rivers.md".to_owned(),
            host: None,
            title: "Rivers".to_owned(),
            passages: passages(&text).into(),
            text: text.into(),
            read_at: None,
            published: None,
            entity: None,
        }
    }

    #[test]
    fn a_large_document_is_learned_bit_by_bit_and_goes_on_where_it_was_after_a_look_around() {
        let pack = tempfile::tempdir().unwrap();
        legwork_embed::tiny::write(pack.path(), &["river", "long"]).unwrap();
        let pack = Arc::new(Embedder::open(pack.path()).unwrap());
        let home = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(&home.path().join("shelf.db"));
        let (large, small) = (document(2 * BATCH + 1), document(1));
        let mut learner = Learner::new(pack);
        learner.known(&shelf, [&large].into_iter()).unwrap();
        assert!(learner.some().is_empty() && learner.is_busy(), "a batch does not do for it");
        learner.known(&shelf, [&small, &large].into_iter()).unwrap();
        assert!(learner.some().is_empty());
        let done = learner.some();
        let told: Vec<_> = done.iter().map(|(document, made)| (document.hash.as_str(), made.len())).collect();
        assert_eq!(told, [(&*large.hash, 2 * BATCH + 1), (&*small.hash, 1)]);
        assert!(!learner.is_busy());
        learner.known(&shelf, [&large].into_iter()).unwrap();
        learner.some();
        learner.known(&shelf, [&small].into_iter()).unwrap();
        assert_eq!(learner.some().len(), 1, "what is gone is not learned to its end");
        assert!(!learner.is_busy());
    }
}
