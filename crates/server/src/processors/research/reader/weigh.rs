//! What the features of a sentence are worth together, and what a score says.
//!
//! The weights are those of a choice among all sentences read and "none of these", fitted on 241 questions that were
//! written for it (`testdata/reader-fitted.jsonl`) and, with less weight, on questions of a public set that the documents do
//! not tell; they were drawn towards a first guess, so that no single question moves them far. The limits were chosen on the
//! same 241: below `shown` more than half of the sentences are wrong, from `trusted` on nine of ten clear ones are right.
//! BENCHMARKS.md says what that came to on questions that nothing was fitted on.

use super::features::Features;

/// The weights, in the order of `Features::all`.
const WEIGHTS: [f32; 15] = [2.2, 0.1, 3.0, 0.6, 2.0, 2.0, 0.7, 1.7, 0.7, -1.1, -2.4, -1.0, -0.9, -1.0, 1.3];
/// What speaks against any sentence.
const AGAINST: f32 = -8.9;
/// What the cosine of sentence and question is worth (that of all-MiniLM-L6-v2, with which it was measured), and where it
/// speaks neither for nor against.
const CLOSE: f32 = 3.0;
const NEUTRAL: f32 = 0.5;

/// What a score rests on; each has limits of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Words,
    Vectors,
}

/// From which scores on something is done with a sentence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// It is shown.
    pub(super) shown: f32,
    /// It is trusted, if it is clear as well.
    pub(super) trusted: f32,
}

impl By {
    pub(super) const fn limits(self) -> Limits {
        match self {
            Self::Words => Limits { shown: 0.35, trusted: 0.85 },
            Self::Vectors => Limits { shown: 0.5, trusted: 0.9 },
        }
    }
}

/// How likely a sentence answers, from 0 to 1.
pub(super) fn score(features: &Features, close: Option<f32>) -> f32 {
    let words: f32 = features.all().iter().zip(WEIGHTS).map(|(value, weight)| value * weight).sum();
    let close = close.map_or(0.0, |close| CLOSE * (close - NEUTRAL));
    1.0 / (1.0 + (-(words + AGAINST + close)).exp())
}
