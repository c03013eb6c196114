//! Passages found by what they mean: their vectors beside those of a question.

use std::fmt;
use std::sync::Arc;

use legwork_embed::{Compact, Embedder};

use super::index::Ranked;

/// What is less close has nothing to do with the question, and would only take the place of what was found by its words. With
/// all-MiniLM-L6-v2 the articles that answer the 40 questions of `eval/lookup-40.jsonl` are at 0.39 or more, 39 of them at 0.52 or
/// more; what is closest to a question that nothing has to do with is mostly below 0.3.
const LEAST: f32 = 0.3;

/// The vectors of the operator's passages, and what makes one of a question.
pub(super) struct Meaning {
    embedder: Arc<Embedder>,
    /// Document and passage of each vector.
    places: Vec<(usize, usize)>,
    vectors: Vec<Compact>,
}

impl Meaning {
    /// The vectors of documents that follow each other from this one on; none for what has none yet.
    pub(super) fn new(embedder: Arc<Embedder>, first: usize, documents: Vec<Vec<Compact>>) -> Self {
        let mut meaning = Self { embedder, places: Vec::new(), vectors: Vec::new() };
        for (at, passages) in documents.into_iter().enumerate() {
            for (passage, vector) in passages.into_iter().enumerate() {
                meaning.places.push((first + at, passage));
                meaning.vectors.push(vector);
            }
        }
        meaning
    }

    /// What decides what is found, as a text: the pack. How much of the documents it has seen so far is not in it; that is soon
    /// all of them, and until then nobody has to do anything about it.
    pub(super) fn described(&self) -> String {
        format!("{:016x}", self.embedder.fingerprint())
    }

    /// The closest passages that are close at all, the closest first; equal ones in the order of the corpus.
    pub(super) fn search(&self, text: &str, most: usize, allowed: impl Fn(usize) -> bool) -> Vec<Ranked> {
        if self.vectors.is_empty() {
            return Vec::new();
        }
        let Some(question) = self.embedder.embed(&[text]).pop() else { return Vec::new() };
        let places = self.places.iter().zip(&self.vectors).filter(|((document, _), _)| allowed(*document));
        let mut ranked: Vec<Ranked> = places
            .map(|(&(document, passage), vector)| Ranked { document, passage, score: vector.cosine(&question) })
            .filter(|ranked| ranked.score >= LEAST)
            .collect();
        let order = |a: &Ranked, b: &Ranked| {
            b.score.total_cmp(&a.score).then((a.document, a.passage).cmp(&(b.document, b.passage)))
        };
        if ranked.len() > most {
            ranked.select_nth_unstable_by(most, order);
            ranked.truncate(most);
        }
        ranked.sort_by(order);
        ranked
    }
}

impl fmt::Debug for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meaning").field("passages", &self.places.len()).finish_non_exhaustive()
    }
}
