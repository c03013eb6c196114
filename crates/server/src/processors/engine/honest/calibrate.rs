//! Fits probabilities to answers of which it is known whether they were right, and says how far they can be trusted.
//!
//! Every figure is of answers that were held out: the answers to one question are all in one of five parts, and the labels
//! of each part follow a table that was fitted to the other four.

use std::collections::BTreeMap;

use legwork_core::output::Confidence;
use serde::Deserialize;

use super::calibration::{
    CHECKS, Calibration, Calibrations, Measured, Share, Table, checks, described, dot, logistic, points, rank,
};
use super::independent::hash;
use super::label::Features;

/// In so many parts answers are held out.
const PARTS: u64 = 5;
/// Fewer answers prove nothing.
const LEAST: usize = 30;
/// A label with fewer answers says nothing about the order of labels.
const SOME: usize = 5;
/// What is labelled high is to be right so often, and what is labelled medium is likely so.
const HIGH: f64 = 0.9;
const MEDIUM: f64 = 0.6;

/// An answer of which it is known whether it was right.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Answer {
    /// What was asked.
    pub question: String,
    /// Who answered.
    pub processor: String,
    /// With which model; none for the researcher that needs none.
    #[serde(default)]
    pub model: Option<String>,
    /// The label that it was given.
    pub confidence: Confidence,
    /// Whether it was right.
    pub correct: bool,
    /// Whether there was an answer at all; that nothing was found needs no probability.
    #[serde(default = "yes")]
    pub found: bool,
    /// What was checked of it.
    #[serde(default)]
    pub features: Option<Features>,
    /// What its label rested on; none and `uncalibrated` are the rule.
    #[serde(default)]
    pub labels: Option<String>,
}

impl Answer {
    /// Whether there is nothing to measure it by but a label that was measured before.
    fn is_measured(&self) -> bool {
        self.features.is_none() && self.labels.as_ref().is_some_and(|labels| *labels != described(None, None, ""))
    }
}

fn yes() -> bool {
    true
}

/// A line that is no answer.
#[derive(Debug, thiserror::Error)]
#[error("line {line} is no labelled answer: {why}")]
pub struct BadLine {
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

/// Reads answers, one a line.
pub fn answers(text: &str) -> Result<Vec<Answer>, BadLine> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let answer = |(at, line): (usize, &str)| {
        let bad = |why| BadLine { line: at + 1, why };
        let answer: Answer = serde_json::from_str(line).map_err(|error| bad(error.to_string()))?;
        if answer.found && answer.is_measured() {
            return Err(bad(
                "its label was measured already: have the questions answered without --calibration".to_owned()
            ));
        }
        Ok(answer)
    };
    lines.map(answer).collect()
}

/// Fits a table for each model and tier. `date` is written down with them.
pub fn calibrate(answers: &[Answer], date: &str) -> Calibrations {
    let mut groups: BTreeMap<(Option<&str>, &str), Vec<&Answer>> = BTreeMap::new();
    for answer in answers.iter().filter(|answer| answer.found) {
        groups.entry((answer.model.as_deref(), &answer.processor)).or_default().push(answer);
    }
    let n = groups.values().map(Vec::len).sum();
    let tables = groups.into_iter().map(|((model, tier), answers)| table(model, tier, &answers)).collect();
    Calibrations::new(date.to_owned(), n, tables)
}

fn table(model: Option<&str>, tier: &str, answers: &[&Answer]) -> Calibration {
    let has_features = answers.iter().all(|answer| answer.features.is_some());
    let ways: &[Way] = if has_features { &[Way::Points, Way::Logistic] } else { &[Way::Labels] };
    let tried = ways.iter().map(|way| (*way, held_out(*way, answers)));
    let best = tried.min_by(|(_, one), (_, other)| brier(one).total_cmp(&brier(other)));
    // There is at least one way.
    let (way, outcomes) = best.unwrap_or((Way::Labels, Vec::new()));
    let held_out = measured(&outcomes);
    let mut as_given = Measured::default();
    answers.iter().for_each(|answer| as_given.add(answer.confidence, answer.correct));
    let why = unusable(answers.len(), &held_out);
    Calibration {
        model: model.map(str::to_owned),
        tier: tier.to_owned(),
        n: answers.len(),
        usable: why.is_none(),
        why,
        as_given,
        held_out,
        high: HIGH,
        medium: MEDIUM,
        table: way.fit(answers),
    }
}

/// Why labels may not follow a table of which this was measured.
fn unusable(n: usize, held_out: &Measured) -> Option<String> {
    if n < LEAST {
        return Some(format!("{n} answers are too few, {LEAST} are needed"));
    }
    let accuracy = |share: Share| share.accuracy().unwrap_or_default();
    if held_out.high.n > 0 && accuracy(held_out.high) < HIGH {
        return Some(format!(
            "of those labelled high {:.1} % are right, and 90 % should be",
            accuracy(held_out.high) * 100.0
        ));
    }
    let enough = [("low", held_out.low), ("medium", held_out.medium), ("high", held_out.high)];
    let enough: Vec<(&str, Share)> = enough.into_iter().filter(|(_, share)| share.n >= SOME).collect();
    let falls = enough.windows(2).find(|two| accuracy(two[0].1) > accuracy(two[1].1));
    falls.map(|two| format!("those labelled {} are right more often than those labelled {}", two[0].0, two[1].0))
}

/// An answer that was held out: how likely it seemed, how sure it may be called at the most, and whether it was right.
#[derive(Clone, Copy)]
struct Outcome {
    p: f64,
    most: Confidence,
    right: bool,
}

fn held_out(way: Way, answers: &[&Answer]) -> Vec<Outcome> {
    let part = |answer: &Answer| hash(&[answer.question.trim()]) % PARTS;
    let mut outcomes = Vec::with_capacity(answers.len());
    for held in 0..PARTS {
        let (out, rest): (Vec<&Answer>, Vec<&Answer>) =
            answers.iter().copied().partition(|answer| part(answer) == held);
        let table = way.fit(&rest);
        outcomes.extend(out.iter().map(|answer| Outcome {
            p: table.p(answer.features.as_ref(), answer.confidence),
            most: answer.features.as_ref().map_or(Confidence::High, Features::most),
            right: answer.correct,
        }));
    }
    outcomes
}

fn measured(outcomes: &[Outcome]) -> Measured {
    let mut measured = Measured::default();
    for Outcome { p, most, right } in outcomes {
        let label = match *p {
            p if p >= HIGH => Confidence::High,
            p if p >= MEDIUM => Confidence::Medium,
            _ => Confidence::Low,
        };
        measured.add(label.min(*most), *right);
    }
    measured.ece = (!outcomes.is_empty()).then(|| ece(outcomes));
    measured.brier = (!outcomes.is_empty()).then(|| brier(outcomes));
    measured
}

fn worth(right: bool) -> f64 {
    if right { 1.0 } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "nobody labels more answers than a double counts")]
fn count(n: usize) -> f64 {
    n as f64
}

fn brier(outcomes: &[Outcome]) -> f64 {
    let sum: f64 = outcomes.iter().map(|outcome| (outcome.p - worth(outcome.right)).powi(2)).sum();
    sum / count(outcomes.len().max(1))
}

/// How far probabilities are from what happened, in tenths of their range, each weighed by how many are in it.
fn ece(outcomes: &[Outcome]) -> f64 {
    let far = (0_u8..10).map(|tenth| {
        let from = f64::from(tenth) / 10.0;
        let is_in = |p: f64| p >= from && (p < from + 0.1 || tenth == 9);
        let apart: f64 =
            outcomes.iter().filter(|outcome| is_in(outcome.p)).map(|outcome| outcome.p - worth(outcome.right)).sum();
        apart.abs()
    });
    far.sum::<f64>() / count(outcomes.len().max(1))
}

/// How a table is fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Labels,
    Points,
    Logistic,
}

impl Way {
    fn fit(self, answers: &[&Answer]) -> Table {
        match self {
            Self::Labels => {
                Table::Labels { steps: isotonic(answers.iter().map(|a| (rank(a.confidence), a.correct)).collect()) }
            }
            Self::Points => {
                let points =
                    answers.iter().filter_map(|answer| Some((points(answer.features.as_ref()?), answer.correct)));
                Table::Points { steps: isotonic(points.collect()) }
            }
            Self::Logistic => {
                let rows =
                    answers.iter().filter_map(|answer| Some((checks(answer.features.as_ref()?), answer.correct)));
                Table::Logistic { weights: regression(&rows.collect::<Vec<_>>()).to_vec() }
            }
        }
    }
}

/// The steps that rise and are closest to what happened: neighbours that fall are made one. Each step counts two answers
/// more than it has, one right and one wrong, so that few answers never look certain.
fn isotonic(mut points: Vec<(f64, bool)>) -> Vec<(f64, f64)> {
    struct Step {
        from: f64,
        share: Share,
    }
    impl Step {
        fn p(&self) -> f64 {
            (count(self.share.right) + 1.0) / (count(self.share.n) + 2.0)
        }
    }
    points.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut steps: Vec<Step> = Vec::new();
    for (x, right) in points {
        match steps.last_mut() {
            Some(last) if last.from.total_cmp(&x).is_eq() => last.share.add(right),
            _ => steps.push(Step { from: x, share: Share { n: 1, right: usize::from(right) } }),
        }
    }
    let mut rising: Vec<Step> = Vec::new();
    for step in steps {
        rising.push(step);
        while let [.., before, last] = rising.as_slice()
            && before.p() >= last.p()
        {
            let share = Share { n: before.share.n + last.share.n, right: before.share.right + last.share.right };
            rising.pop();
            if let Some(before) = rising.last_mut() {
                before.share = share;
            }
        }
    }
    let found: Vec<(f64, f64)> = rising.iter().map(|step| (step.from, step.p())).collect();
    // Without any answer nothing is known.
    if found.is_empty() { vec![(0.0, 0.5)] } else { found }
}

/// A logistic regression that is held back from large weights, by plain descent.
fn regression(rows: &[([f64; CHECKS], bool)]) -> [f64; CHECKS] {
    const ROUNDS: usize = 1500;
    const PACE: f64 = 0.5;
    let mut weights = [0.0; CHECKS];
    let n = count(rows.len().max(1));
    for _ in 0..ROUNDS {
        let mut slope = [0.0; CHECKS];
        for (checks, right) in rows {
            let off = logistic(dot(checks, &weights)) - worth(*right);
            slope.iter_mut().zip(checks).for_each(|(slope, check)| *slope += off * check / n);
        }
        for (at, (weight, slope)) in weights.iter_mut().zip(slope).enumerate() {
            let back = if at == 0 { 0.0 } else { *weight / n };
            *weight -= PACE * (slope + back);
        }
    }
    weights
}

#[cfg(test)]
#[path = "calibrate_tests.rs"]
mod tests;
