//! What the features of a sentence are worth together, and what a score says.
//!
//! The weights are those of a choice among all sentences read and "none of these", fitted on 241 questions that were
//! written for it (`testdata/reader-fitted.jsonl`) and, with less weight, on questions of a public set that the documents do
//! not tell; they were drawn towards a first guess, so that no single question moves them far. The limits were chosen on the
//! same 241: below `SHOWN` more than half of the sentences are wrong, from `TRUSTED` on nine of ten clear ones are right.
//! BENCHMARKS.md says what that came to on questions that nothing was fitted on.

use super::features::Features;

/// The weights, in the order of `Features::all`.
const WEIGHTS: [f32; 15] = [2.2, 0.1, 3.0, 0.6, 2.0, 2.0, 0.7, 1.7, 0.7, -1.1, -2.4, -1.0, -0.9, -1.0, 1.3];
/// What speaks against any sentence.
const AGAINST: f32 = -8.9;

/// From this score on a sentence is shown.
pub(super) const SHOWN: f32 = 0.35;
/// From this score on it is trusted, if it is clear as well.
pub(super) const TRUSTED: f32 = 0.85;

/// How likely a sentence answers, from 0 to 1.
pub(super) fn score(features: &Features) -> f32 {
    let words: f32 = features.all().iter().zip(WEIGHTS).map(|(value, weight)| value * weight).sum();
    1.0 / (1.0 + (-(words + AGAINST)).exp())
}
