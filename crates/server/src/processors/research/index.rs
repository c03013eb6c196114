//! Words to passages: BM25 over every passage, with the title of its document counted in.

use std::collections::{BTreeMap, HashMap};

use super::document::Document;
use super::text::{is_stop, words};

const K1: f32 = 1.2;
const B: f32 = 0.6;
/// How much a word of the title counts, compared with one of the passage.
const TITLE: f32 = 0.7;

/// An inverted index in memory.
#[derive(Debug)]
pub(super) struct Index {
    terms: HashMap<String, u32>,
    postings: Vec<Vec<Posting>>,
    passages: Vec<Place>,
    average: f32,
}

#[derive(Clone, Copy, Debug)]
struct Posting {
    passage: u32,
    weight: f32,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    document: u32,
    passage: u32,
    length: f32,
}

/// A passage that shares words with the query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ranked {
    pub(super) document: usize,
    pub(super) passage: usize,
    pub(super) score: f32,
}

impl Index {
    /// Reads all documents.
    pub(super) fn new(documents: &[Document]) -> Self {
        let mut index = Self { terms: HashMap::new(), postings: Vec::new(), passages: Vec::new(), average: 1.0 };
        for (number, document) in documents.iter().enumerate() {
            index.add_document(number, document);
        }
        let total: f32 = index.passages.iter().map(|place| place.length).sum();
        index.average = (total / count(index.passages.len().max(1))).max(1.0);
        index
    }

    fn add_document(&mut self, number: usize, document: &Document) {
        // A field's line begins with its country, so the title adds nothing there.
        let title = if document.entity.is_some() { "" } else { document.title.as_str() };
        let title: Vec<String> = words(title).into_iter().map(|word| word.stem).collect();
        for (at, passage) in document.passages.iter().enumerate() {
            let mut weights: BTreeMap<u32, f32> = BTreeMap::new();
            let mut length = 0.0;
            for word in words(document.slice(&passage.range)) {
                if !is_stop(&word.stem) {
                    *weights.entry(self.term(word.stem)).or_default() += 1.0;
                    length += 1.0;
                }
            }
            for stem in &title {
                if !is_stop(stem) {
                    *weights.entry(self.term(stem.clone())).or_default() += TITLE;
                }
            }
            let passage = narrow(self.passages.len());
            self.passages.push(Place { document: narrow(number), passage: narrow(at), length });
            for (term, weight) in weights {
                self.postings[term as usize].push(Posting { passage, weight });
            }
        }
    }

    fn term(&mut self, stem: String) -> u32 {
        let next = narrow(self.postings.len());
        let term = *self.terms.entry(stem).or_insert(next);
        if term == next {
            self.postings.push(Vec::new());
        }
        term
    }

    /// The best passages for these stems, best first; equal scores in the order of the corpus.
    pub(super) fn search(&self, stems: &[String], most: usize, allowed: impl Fn(usize) -> bool) -> Vec<Ranked> {
        let mut scores: HashMap<u32, f32> = HashMap::new();
        for stem in stems {
            let Some(&term) = self.terms.get(stem) else { continue };
            let list = &self.postings[term as usize];
            let rare = self.rarity(list.len());
            for posting in list {
                let length = self.passages[posting.passage as usize].length;
                let norm = K1 * (1.0 - B + B * length / self.average);
                let score = rare * posting.weight * (K1 + 1.0) / (posting.weight + norm);
                *scores.entry(posting.passage).or_default() += score;
            }
        }
        let mut ranked: Vec<(u32, f32)> = scores
            .into_iter()
            .filter(|(passage, _)| allowed(self.passages[*passage as usize].document as usize))
            .collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        ranked.truncate(most);
        ranked.into_iter().map(|(passage, score)| self.ranked(passage, score)).collect()
    }

    fn ranked(&self, passage: u32, score: f32) -> Ranked {
        let place = self.passages[passage as usize];
        Ranked { document: place.document as usize, passage: place.passage as usize, score }
    }

    fn rarity(&self, passages: usize) -> f32 {
        let (all, with) = (count(self.passages.len()), count(passages));
        (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
    }

    /// How rare a word is, from 0 (everywhere or unknown everywhere alike) upwards.
    pub(super) fn weight(&self, stem: &str) -> f32 {
        let with = self.terms.get(stem).map_or(0, |&term| self.postings[term as usize].len());
        self.rarity(with)
    }
}

/// The corpus lives in memory, so its counts stay far below 2³².
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "a score does not need more than 24 bits")]
fn count(number: usize) -> f32 {
    number as f32
}
