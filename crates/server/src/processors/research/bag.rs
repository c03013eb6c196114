//! The words of one document, counted by passage: what the index is put together from. It depends on nothing but the
//! document, so that it can be made beside others and kept from one start to the next.

use std::collections::HashMap;

use super::document::Document;
use super::text::{is_stop, words};

/// The words of a document by passage. A word is known by a number that is the same everywhere and always.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::processors) struct Bag {
    /// The document's different words.
    pub(super) terms: Vec<u64>,
    /// Those of its title: places in `terms`, with how often.
    pub(super) title: Vec<Count>,
    /// Each passage's words.
    pub(super) passages: Vec<Passage>,
}

/// The words of a passage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Passage {
    /// How many there are.
    pub(super) length: u32,
    pub(super) counts: Vec<Count>,
}

/// A word and how often it stands somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    /// Its place in the document's list.
    pub(super) term: u32,
    pub(super) times: u32,
}

impl Bag {
    /// Counts the words of a document.
    pub(in crate::processors) fn of(document: &Document) -> Self {
        let mut counter = Counter::default();
        // A field's line begins with its country, so the title adds nothing there.
        let title = if document.entity.is_some() { "" } else { document.title.as_str() };
        let title = counter.count(title).counts;
        let texts = document.passages.iter().map(|passage| document.slice(&passage.range));
        let passages = texts.map(|text| counter.count(text)).collect();
        Self { terms: counter.terms, title, passages }
    }

    /// The bag as bytes, to be kept.
    pub(in crate::processors) fn encoded(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.terms.len() * 9 + self.passages.len() * 64);
        put(&mut out, self.terms.len());
        self.terms.iter().for_each(|term| out.extend_from_slice(&term.to_le_bytes()));
        put_counts(&mut out, &self.title);
        put(&mut out, self.passages.len());
        for passage in &self.passages {
            put(&mut out, passage.length as usize);
            put_counts(&mut out, &passage.counts);
        }
        out
    }

    /// Reads what [`Bag::encoded`] wrote; `None` if it is anything else.
    pub(in crate::processors) fn decoded(mut bytes: &[u8]) -> Option<Self> {
        let input = &mut bytes;
        let count = take(input)?;
        let (terms, rest) = input.split_at_checked(count.checked_mul(8)?)?;
        *input = rest;
        let terms: Vec<u64> = terms.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
        let title = take_counts(input, terms.len())?;
        let count = take(input).filter(|count| *count <= input.len())?;
        let mut passages = Vec::with_capacity(count);
        for _ in 0..count {
            let length = u32::try_from(take(input)?).ok()?;
            passages.push(Passage { length, counts: take_counts(input, terms.len())? });
        }
        input.is_empty().then_some(Self { terms, title, passages })
    }

    /// How many passages it is of.
    pub(in crate::processors) fn passages(&self) -> usize {
        self.passages.len()
    }
}

#[derive(Default)]
struct Counter {
    terms: Vec<u64>,
    places: HashMap<u64, u32>,
}

impl Counter {
    fn count(&mut self, text: &str) -> Passage {
        let mut found: Vec<u32> = words(text)
            .into_iter()
            .filter(|word| !is_stop(&word.stem))
            .map(|word| self.place(number_of(&word.stem)))
            .collect();
        let length = narrow(found.len());
        found.sort_unstable();
        let counts = found.chunk_by(|a, b| a == b).map(|run| Count { term: run[0], times: narrow(run.len()) });
        Passage { length, counts: counts.collect() }
    }

    fn place(&mut self, term: u64) -> u32 {
        let next = narrow(self.terms.len());
        let place = *self.places.entry(term).or_insert(next);
        if place == next {
            self.terms.push(term);
        }
        place
    }
}

/// The number of a word: FNV-1a, stirred once more. Two of a million words share one less than once in ten million
/// corpora, and then a search finds a passage too many.
pub(super) fn number_of(stem: &str) -> u64 {
    let mixed = stem
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    (mixed ^ (mixed >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A document is far smaller than 2³² words.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Appends a number, seven bits a byte, the low ones first.
pub(in crate::processors) fn put(out: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        out.push(low(number) | 0x80);
        number >>= 7;
    }
    out.push(low(number));
}

/// The seven low bits.
fn low(number: usize) -> u8 {
    // Below 0x80 by the mask.
    u8::try_from(number & 0x7f).unwrap_or(0)
}

/// Takes a number off the front; `None` if there is none.
pub(in crate::processors) fn take(input: &mut &[u8]) -> Option<usize> {
    let mut number = 0_usize;
    for shift in (0..=56).step_by(7) {
        let (&byte, rest) = input.split_first()?;
        *input = rest;
        number |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn put_counts(out: &mut Vec<u8>, counts: &[Count]) {
    put(out, counts.len());
    let mut last = 0;
    for count in counts {
        put(out, (count.term - last) as usize);
        put(out, count.times as usize);
        last = count.term;
    }
}

fn take_counts(input: &mut &[u8], terms: usize) -> Option<Vec<Count>> {
    let count = take(input).filter(|count| *count <= input.len())?;
    let mut counts = Vec::with_capacity(count);
    let mut last = 0_usize;
    for _ in 0..count {
        last = last.checked_add(take(input)?).filter(|term| *term < terms)?;
        counts.push(Count { term: narrow(last), times: u32::try_from(take(input)?).ok()? });
    }
    Some(counts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::passages::passages;
    use super::*;
    use crate::source::hash_of;

    fn document(title: &str, text: &str) -> Document {
        Document {
            hash: hash_of(text),
            corpus: "notes".into(),
            url: "corpus:notes/a.txt".into(),
            host: None,
            title: title.into(),
            text: text.into(),
            read_at: None,
            published: None,
            entity: None,
            passages: passages(text).into(),
        }
    }

    #[test]
    fn words_are_counted_by_passage_without_those_that_say_nothing() {
        let bag = Bag::of(&document("Owls", "The owl saw an owl.\n\nIt flew."));
        assert_eq!((bag.passages.len(), bag.passages[0].length, bag.terms.len()), (2, 3, 3));
        let owl = bag.terms.iter().position(|term| *term == number_of("owl")).unwrap();
        assert!(bag.passages[0].counts.iter().any(|count| count.term as usize == owl && count.times == 2));
        assert_eq!(bag.title.len(), 1);
    }

    proptest! {
        #[test]
        fn a_bag_reads_what_it_wrote(title in ".{0,40}", text in "[a-z \\n.äß0-9]{0,2000}") {
            let bag = Bag::of(&document(&title, &text));
            prop_assert_eq!(Bag::decoded(&bag.encoded()), Some(bag));
        }

        #[test]
        fn damaged_bytes_are_no_bag_and_no_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 0..400_usize) {
            let _ = Bag::decoded(&bytes);
            let mut good = Bag::of(&document("Title", "Some words stand here. And more of them.")).encoded();
            good.truncate(cut % good.len());
            prop_assert!(Bag::decoded(&good).is_none());
            bytes.clear();
        }
    }
}
