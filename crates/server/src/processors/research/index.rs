//! Words to passages: BM25 over every passage, with the title of its document counted in.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::bag::{Bag, Count, number_of};

const K1: f32 = 1.2;
const B: f32 = 0.6;
/// How much a word of the title counts, compared with one of the passage.
const TITLE: f32 = 0.7;

/// An inverted index in memory. The postings of a term are one run of a single list.
#[derive(Debug)]
pub(in crate::processors) struct Index {
    terms: HashMap<u64, u32, BuildHasherDefault<AsItIs>>,
    starts: Vec<usize>,
    postings: Vec<Posting>,
    passages: Vec<Place>,
    average: f32,
}

#[derive(Clone, Copy, Debug, Default)]
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
pub(in crate::processors) struct Ranked {
    pub(in crate::processors) document: usize,
    pub(in crate::processors) passage: usize,
    pub(in crate::processors) score: f32,
}

impl Index {
    /// Puts the words of all documents together, in their order.
    pub(in crate::processors) fn new<'a>(bags: impl Iterator<Item = &'a Bag> + Clone) -> Self {
        let mut index = Self {
            terms: HashMap::default(),
            starts: Vec::new(),
            postings: Vec::new(),
            passages: Vec::new(),
            average: 1.0,
        };
        let numbered: Vec<Vec<u32>> = bags.clone().map(|bag| index.number(bag)).collect();
        let mut ends = index.make_room(bags.clone().zip(&numbered));
        for (document, (bag, terms)) in bags.zip(&numbered).enumerate() {
            index.add(document, bag, terms, &mut ends);
        }
        let total: f32 = index.passages.iter().map(|place| place.length).sum();
        index.average = (total / count(index.passages.len().max(1))).max(1.0);
        index
    }

    /// The numbers of a document's terms here.
    fn number(&mut self, bag: &Bag) -> Vec<u32> {
        let mut number = |term: &u64| {
            let next = narrow(self.terms.len());
            *self.terms.entry(*term).or_insert(next)
        };
        bag.terms.iter().map(&mut number).collect()
    }

    /// Makes room for all postings; returns where each term's next one goes.
    fn make_room<'a, 'b>(&mut self, bags: impl Iterator<Item = (&'a Bag, &'b Vec<u32>)>) -> Vec<usize> {
        let mut counts = vec![0_usize; self.terms.len()];
        for (bag, terms) in bags {
            let mut weights = Weights::new(bag);
            for passage in &bag.passages {
                weights.of(&passage.counts, &bag.title).iter().for_each(|(term, _)| counts[terms[*term] as usize] += 1);
            }
        }
        let mut total = 0;
        self.starts = counts.iter().map(|count| (total, total += count).0).collect();
        self.starts.push(total);
        self.postings = vec![Posting::default(); total];
        self.starts.clone()
    }

    fn add(&mut self, document: usize, bag: &Bag, terms: &[u32], ends: &mut [usize]) {
        let mut weights = Weights::new(bag);
        for (at, words) in bag.passages.iter().enumerate() {
            let passage = narrow(self.passages.len());
            self.passages.push(Place { document: narrow(document), passage: narrow(at), length: exact(words.length) });
            for &(term, weight) in weights.of(&words.counts, &bag.title) {
                let end = &mut ends[terms[term] as usize];
                self.postings[*end] = Posting { passage, weight };
                *end += 1;
            }
        }
    }

    /// The best passages for these stems, best first; equal scores in the order of the corpus.
    pub(in crate::processors) fn search(
        &self,
        stems: &[String],
        most: usize,
        allowed: impl Fn(usize) -> bool,
    ) -> Vec<Ranked> {
        let mut scores = vec![0.0_f32; self.passages.len()];
        for stem in stems {
            let list = self.list(stem);
            let rare = self.rarity(list.len());
            for posting in list {
                let length = self.passages[posting.passage as usize].length;
                let norm = K1 * (1.0 - B + B * length / self.average);
                scores[posting.passage as usize] += rare * posting.weight * (K1 + 1.0) / (posting.weight + norm);
            }
        }
        let met = scores.iter().enumerate().filter(|(_, score)| **score > 0.0);
        let mut ranked: Vec<(usize, f32)> = met
            .map(|(passage, score)| (passage, *score))
            .filter(|(passage, _)| allowed(self.passages[*passage].document as usize))
            .collect();
        let order = |a: &(usize, f32), b: &(usize, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if ranked.len() > most {
            ranked.select_nth_unstable_by(most, order);
            ranked.truncate(most);
        }
        ranked.sort_by(order);
        ranked.into_iter().map(|(passage, score)| self.ranked(passage, score)).collect()
    }

    fn list(&self, stem: &str) -> &[Posting] {
        self.terms.get(&number_of(stem)).map_or(&[], |&term| {
            let term = term as usize;
            &self.postings[self.starts[term]..self.starts[term + 1]]
        })
    }

    fn ranked(&self, passage: usize, score: f32) -> Ranked {
        let place = self.passages[passage];
        Ranked { document: place.document as usize, passage: place.passage as usize, score }
    }

    fn rarity(&self, passages: usize) -> f32 {
        let (all, with) = (count(self.passages.len()), count(passages));
        (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
    }

    /// How rare a word is, from 0 (everywhere or unknown everywhere alike) upwards.
    pub(super) fn weight(&self, stem: &str) -> f32 {
        self.rarity(self.list(stem).len())
    }
}

/// The words of a passage with those of its title, each once, with its weight.
struct Weights {
    sums: Vec<f32>,
    found: Vec<(usize, f32)>,
}

impl Weights {
    fn new(bag: &Bag) -> Self {
        Self { sums: vec![0.0; bag.terms.len()], found: Vec::new() }
    }

    fn of(&mut self, own: &[Count], title: &[Count]) -> &[(usize, f32)] {
        own.iter().for_each(|count| self.sums[count.term as usize] += exact(count.times));
        title.iter().for_each(|count| self.sums[count.term as usize] += TITLE * exact(count.times));
        self.found.clear();
        for count in own.iter().chain(title) {
            let sum = std::mem::take(&mut self.sums[count.term as usize]);
            if sum > 0.0 {
                self.found.push((count.term as usize, sum));
            }
        }
        &self.found
    }
}

/// A term's number is well mixed already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Only whole numbers are hashed; anything else would still be hashed, badly.
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
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

fn exact(number: u32) -> f32 {
    count(number as usize)
}
