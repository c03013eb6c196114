//! Reads passages for the sentence that answers a question, by its words alone, and says how far that sentence can be trusted.
//!
//! It knows no corpus: a passage may be of the operator's documents or of a page of the web. Nothing is written here; an
//! answer is a sentence as it stands. What the features are worth was fitted once (`weigh.rs`), on questions that are not
//! those it is measured with.

mod asked;
mod cues;
mod features;
mod kind;
mod offer;
mod place;
mod sentence;
mod superlative;
mod weigh;

#[cfg(test)]
mod tests;

use std::ops::Range;

use legwork_core::output::Confidence;

use self::asked::Asked;
use self::features::{Features, Page};
use crate::processors::engine::honest::is_anchored;

/// A passage to be read, and the title of the page or document it stands in.
#[derive(Clone, Copy, Debug)]
pub(in crate::processors) struct Candidate<'a> {
    /// What the page is called; empty if nobody knows.
    pub(in crate::processors) title: &'a str,
    /// The passage itself.
    pub(in crate::processors) text: &'a str,
}

/// The best sentence of one candidate.
#[derive(Clone, Debug)]
pub(in crate::processors) struct Read {
    /// Which of the candidates it stands in.
    pub(in crate::processors) candidate: usize,
    /// Where it stands in the candidate's text, in bytes.
    pub(in crate::processors) range: Range<usize>,
    /// How likely it answers, from 0 to 1.
    pub(in crate::processors) score: f32,
    /// It begins with `he`, `she` or `it` and says of them what was asked: only with the title it is an answer.
    pub(in crate::processors) leans: bool,
    /// Nothing is left to guess in it, and nothing that is as good says another number.
    clear: bool,
    /// The numbers with which it answers.
    told: Vec<String>,
}

impl Read {
    /// How far the sentence can be trusted; `None` if it is not good enough to be shown. One sentence never proves enough
    /// for high.
    pub(in crate::processors) fn label(&self) -> Option<Confidence> {
        if self.score < weigh::SHOWN {
            None
        } else if self.clear && self.score >= weigh::TRUSTED {
            Some(Confidence::Medium)
        } else {
            Some(Confidence::Low)
        }
    }
}

impl Read {
    /// Whether both would be trusted, and have no number in common.
    fn is_against(&self, other: &Self) -> bool {
        let told = !self.told.is_empty() && !other.told.is_empty();
        let both = [self, other].iter().all(|read| read.label() == Some(Confidence::Medium));
        told && both && !self.told.iter().any(|number| other.told.contains(number))
    }
}

/// The best sentence of each candidate that has one, best first; of equals, the one of the earlier candidate.
///
/// `rarity` says how rare a stem is in texts at large, from 0 upwards; only proportions matter. A passage that lacks a
/// number of the question or most of its names is not read, with or without its title.
pub(in crate::processors) fn read_passages(
    question: &str,
    candidates: &[Candidate<'_>],
    rarity: &dyn Fn(&str) -> f32,
) -> Vec<Read> {
    let reader = Reader { question, asked: Asked::read(question, rarity) };
    if reader.asked.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<Read> =
        candidates.iter().enumerate().filter_map(|(at, candidate)| reader.best(at, candidate)).collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let disputed: Vec<bool> = found.iter().map(|read| found.iter().any(|other| read.is_against(other))).collect();
    found.iter_mut().zip(disputed).for_each(|(read, disputed)| read.clear &= !disputed);
    found
}

struct Reader<'a> {
    question: &'a str,
    asked: Asked,
}

impl Reader<'_> {
    fn best(&self, candidate: usize, passage: &Candidate<'_>) -> Option<Read> {
        let page = Page::of(&self.asked, passage.title);
        if !self.is_about(&page, passage) {
            return None;
        }
        let mut best: Option<Read> = None;
        for (at, range) in sentence::ranges(passage.text).into_iter().enumerate() {
            let Some(features) = Features::of(&self.asked, &page, at, &passage.text[range.clone()]) else { continue };
            let score = weigh::score(&features);
            if best.as_ref().is_none_or(|best| score > best.score) {
                let clear = features.is_clear();
                best = Some(Read { candidate, range, score, leans: features.leans, clear, told: features.told });
            }
        }
        best
    }

    /// Whether the passage has the anchors of the question. Numbers are compared as the answers of models are, which
    /// costs more than all else here, so it is done only where there are some.
    fn is_about(&self, page: &Page<'_>, passage: &Candidate<'_>) -> bool {
        let numbers = self.question.contains(|c: char| c.is_numeric());
        self.asked.is_anchored(&page.title, passage.text)
            && (!numbers || is_anchored(self.question, passage.text, passage.title))
    }
}
