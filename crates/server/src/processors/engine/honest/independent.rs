//! How many sources say something independently of each other: by registrable domain, and what is a copy of another
//! counts once.

use std::collections::{BTreeMap, BTreeSet};

use super::scan::letters;
use crate::processors::research::host_of;

/// Passages whose fingerprints differ in at most so many bits are the same text.
const NEAR: u32 = 3;
/// So many words in a row that two passages share are a piece of one text.
const RUN: usize = 6;
/// Passages that share so many of a hundred of the shorter one's pieces are copies, if there are enough of them.
const COPIED: usize = 50;
const LEAST: usize = 4;

/// A passage that supports something, and the address it is from.
#[derive(Clone, Copy, Debug)]
pub(in crate::processors) struct Supporter<'a> {
    pub(in crate::processors) url: &'a str,
    pub(in crate::processors) passage: &'a str,
}

/// How many of the supporters are independent: those of one domain are not, nor are copies of one text, nor what hangs
/// together by a row of such.
pub(in crate::processors) fn independent(supporters: &[Supporter<'_>]) -> usize {
    let marks: Vec<Marks> = supporters.iter().map(|supporter| Marks::of(supporter.passage)).collect();
    let domains: Vec<String> = supporters.iter().map(|supporter| domain(supporter.url)).collect();
    let mut group: Vec<usize> = (0..supporters.len()).collect();
    for one in 0..supporters.len() {
        for other in 0..one {
            if domains[one] == domains[other] || marks[one].is_copy(&marks[other]) {
                let (from, to) = (group[one], group[other]);
                group.iter_mut().filter(|of| **of == from).for_each(|of| *of = to);
            }
        }
    }
    group.iter().collect::<BTreeSet<_>>().len()
}

/// Who answers for an address: its registrable domain; its host where it has none; a folder of documents by its name.
pub(in crate::processors) fn domain(url: &str) -> String {
    match host_of(url) {
        Some(host) => psl::domain_str(&host).map_or(host.clone(), str::to_owned),
        None => url.split('/').next().unwrap_or(url).to_lowercase(),
    }
}

/// What a passage is recognised by.
struct Marks {
    fingerprint: u64,
    /// Its pieces, and how often each stands in it.
    pieces: BTreeMap<u64, usize>,
}

impl Marks {
    fn of(passage: &str) -> Self {
        let text: String = letters(passage).into_iter().flat_map(char::to_lowercase).collect();
        let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let mut pieces = BTreeMap::new();
        for piece in words.windows(RUN) {
            *pieces.entry(hash(piece)).or_insert(0) += 1;
        }
        Self { fingerprint: simhash(&words), pieces }
    }

    fn is_copy(&self, other: &Self) -> bool {
        if (self.fingerprint ^ other.fingerprint).count_ones() <= NEAR {
            return true;
        }
        let size = |marks: &Self| marks.pieces.values().sum::<usize>();
        let shared: usize =
            self.pieces.iter().map(|(piece, count)| other.pieces.get(piece).map_or(0, |own| *own.min(count))).sum();
        let shorter = size(self).min(size(other));
        shorter >= LEAST && shared * 100 >= shorter * COPIED
    }
}

/// A fingerprint of 64 bits that changes little where the text does.
fn simhash(words: &[&str]) -> u64 {
    let mut weights = [0_i32; 64];
    let pairs = words.windows(2).map(hash);
    for mark in words.chunks(1).map(hash).chain(pairs) {
        for (bit, weight) in weights.iter_mut().enumerate() {
            *weight += if mark >> bit & 1 == 1 { 1 } else { -1 };
        }
    }
    weights.iter().enumerate().fold(0, |mark, (bit, weight)| mark | u64::from(*weight > 0) << bit)
}

/// The same for the same words on every machine and in every build.
pub(super) fn hash(words: &[&str]) -> u64 {
    let bytes = words.iter().flat_map(|word| word.bytes().chain([0]));
    let sum = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    // Its low bits are poorly mixed as they are.
    let mixed = (sum ^ (sum >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENCY: &str = "ULAANBAATAR - Mongolia's parliament on Friday approved a budget that raises spending on roads by a \
        third, after months of talks between the two largest parties. The finance minister said that the deficit would stay \
        below two percent of output, helped by exports of copper and coal to its southern neighbour.";

    fn count(of: &[(&str, &str)]) -> usize {
        let supporters: Vec<_> = of.iter().map(|(url, passage)| Supporter { url, passage }).collect();
        independent(&supporters)
    }

    #[test]
    fn a_domain_counts_once_whatever_its_hosts() {
        let (one, two) = ("The capital is Oslo.", "Oslo has been the capital of Norway since 1814.");
        assert_eq!(count(&[("https://www.bbc.co.uk/a", one), ("https://news.bbc.co.uk/b", two)]), 1);
        assert_eq!(count(&[("https://a.github.io/", one), ("https://b.github.io/", two)]), 2);
        assert_eq!(count(&[("https://bbc.co.uk/", one), ("https://cnn.com/", two)]), 2);
        assert_eq!(count(&[("corpus:notes/a.md", one), ("corpus:notes/b.md", two), ("http://10.0.0.1/x", two)]), 1);
        assert_eq!(count(&[("corpus:notes/a.md", one), ("http://10.0.0.1:8080/x", two)]), 2);
        assert_eq!(count(&[]), 0);
    }

    #[test]
    fn what_an_agency_wrote_counts_once() {
        let edited = AGENCY.replace("on Friday ", "").replace("neighbour", "neighbor");
        let cut = format!("By our staff. {}", &AGENCY[14..180]);
        for copy in [AGENCY, edited.as_str(), &AGENCY.to_uppercase(), cut.as_str()] {
            assert_eq!(count(&[("https://one.example/", AGENCY), ("https://two.example/", copy)]), 1, "{copy}");
        }
        let own = "Lawmakers in Mongolia passed next year's budget at the end of the week. Roads get a third more, and the deficit \
            is to remain under 2 % of GDP, according to the minister of finance.";
        assert_eq!(count(&[("https://one.example/", AGENCY), ("https://two.example/", own)]), 2);
        // Through the copy in the middle the first and the last hang together.
        let both = [("https://one.example/", AGENCY), ("https://two.example/", own), ("https://two.example/x", AGENCY)];
        assert_eq!(count(&both), 1);
    }

    #[test]
    fn short_passages_that_say_the_same_are_no_copies() {
        assert_eq!(
            count(&[("https://a.example/", "Oslo is the capital."), ("https://b.example/", "The capital is Oslo.")]),
            2
        );
    }
}
