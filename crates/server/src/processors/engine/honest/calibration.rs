//! What was measured of labels: `calibration.json`, as `legwork calibrate` writes it and a server reads it. Without one,
//! labels follow the rule alone and are called uncalibrated.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use legwork_core::output::Confidence;
use serde::{Deserialize, Serialize};

use super::class::Class;
use super::label::{Features, Judgement};

/// The form of the file; another one is not read.
pub(super) const VERSION: u32 = 1;

/// All that was measured at one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibrations {
    version: u32,
    /// The day of the measurement, as `2026-03-10`.
    pub date: String,
    /// How many answers were measured.
    pub n: usize,
    /// One entry for each model and tier.
    pub tables: Vec<Calibration>,
}

/// What was measured of one model in one tier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The model; `None` for the researcher that needs none.
    pub model: Option<String>,
    /// The processor's name.
    pub tier: String,
    /// How many answers were measured.
    pub n: usize,
    /// Whether labels may follow it.
    pub usable: bool,
    /// Why not.
    pub why: Option<String>,
    /// How answers fared under the labels they were given.
    pub as_given: Measured,
    /// How they fare under the labels of this table, each held out when its label was fitted.
    pub held_out: Measured,
    /// From this probability on a label is high.
    pub high: f64,
    /// From this one on it is medium.
    pub medium: f64,
    /// How probabilities follow from what was checked.
    pub table: Table,
}

/// How often labels were right.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Of those that were labelled high.
    pub high: Share,
    /// Of those that were labelled medium.
    pub medium: Share,
    /// Of those that were labelled low.
    pub low: Share,
    /// The expected calibration error: how far probabilities are from what happened, in tenths of their range.
    pub ece: Option<f64>,
    /// The Brier score: the mean square of how far each was.
    pub brier: Option<f64>,
}

/// So many right of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// How many there were.
    pub n: usize,
    /// How many of them were right.
    pub right: usize,
}

impl Share {
    /// The share that was right; `None` of none.
    #[expect(clippy::cast_precision_loss, reason = "nobody labels more answers than a double counts")]
    pub fn accuracy(self) -> Option<f64> {
        (self.n > 0).then(|| self.right as f64 / self.n as f64)
    }

    pub(super) fn add(&mut self, right: bool) {
        self.n += 1;
        self.right += usize::from(right);
    }
}

impl Measured {
    /// The share of one label.
    pub fn of(&self, label: Confidence) -> Share {
        match label {
            Confidence::High => self.high,
            Confidence::Medium => self.medium,
            Confidence::Low => self.low,
        }
    }

    pub(super) fn add(&mut self, label: Confidence, right: bool) {
        let share = match label {
            Confidence::High => &mut self.high,
            Confidence::Medium => &mut self.medium,
            Confidence::Low => &mut self.low,
        };
        share.add(right);
    }
}

/// How a probability follows from what was checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "kebab-case")]
pub enum Table {
    /// By the label of the rule: from each label on, so probable.
    Labels {
        /// Labels as 0, 1, 2 from low to high, each with its probability, both rising.
        steps: Vec<(f64, f64)>,
    },
    /// By the points of the checks, which rise with what speaks for a value.
    Points {
        /// From so many points on, so probable, both rising.
        steps: Vec<(f64, f64)>,
    },
    /// A logistic regression over the checks.
    Logistic {
        /// A weight for each check, in the order of `checks`.
        weights: Vec<f64>,
    },
}

/// How many checks a regression weighs.
pub(super) const CHECKS: usize = 15;

/// What was checked of a value, as numbers from 0 to 1. The first is there for all alike.
pub(super) fn checks(features: &Features) -> [f64; CHECKS] {
    let is = |yes: bool| if yes { 1.0 } else { 0.0 };
    [
        1.0,
        is(features.quote_ok),
        is(features.values_ok),
        is(features.judge == Some(Judgement::Supports)),
        is(matches!(features.judge, Some(Judgement::Contradicts | Judgement::Insufficient))),
        is(features.independent_domains >= 2),
        is(features.independent_domains >= 3),
        is(features.contradiction),
        match features.class {
            Class::Primary => 1.0,
            Class::Reference => 0.5,
            Class::Other => 0.0,
        },
        features.similarity.unwrap_or(0.5).clamp(0.0, 1.0),
        is(features.computed),
        is(features.suspicious),
        is(features.age_ok == Some(false)),
        features.agreement_of_passes.unwrap_or(0.5).clamp(0.0, 1.0),
        is(features.anchored),
    ]
}

/// What each check is worth where only their order counts, in the order of [`checks`].
const POINTS: [f64; CHECKS] = [0.0, 3.0, 3.0, 2.0, -3.0, 1.5, 0.5, -2.0, 1.0, 2.0, -0.5, -2.0, -1.0, 1.0, 3.0];

pub(super) fn points(features: &Features) -> f64 {
    dot(&checks(features), &POINTS)
}

pub(super) fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

pub(super) fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

pub(super) fn rank(label: Confidence) -> f64 {
    match label {
        Confidence::Low => 0.0,
        Confidence::Medium => 1.0,
        Confidence::High => 2.0,
    }
}

impl Table {
    /// How likely a value is right of which this was checked, and which the rule gave this label.
    pub(super) fn p(&self, features: Option<&Features>, by_rule: Confidence) -> f64 {
        let step = |steps: &[(f64, f64)], x: f64| {
            let at = steps.partition_point(|(from, _)| *from <= x);
            steps.get(at.saturating_sub(1)).map_or(0.5, |(_, p)| *p)
        };
        match (self, features) {
            (Self::Labels { steps }, _) => step(steps, rank(by_rule)),
            (Self::Points { steps }, Some(features)) => step(steps, points(features)),
            (Self::Logistic { weights }, Some(features)) => logistic(dot(&checks(features), weights)),
            // What was not checked cannot be weighed.
            (Self::Points { .. } | Self::Logistic { .. }, None) => 0.0,
        }
    }

    fn is_sound(&self) -> bool {
        let rises = |steps: &[(f64, f64)]| {
            let fits = |(x, p): &(f64, f64)| x.is_finite() && (0.0..=1.0).contains(p);
            !steps.is_empty()
                && steps.iter().all(fits)
                && steps.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 <= two[1].1)
        };
        match self {
            Self::Labels { steps } | Self::Points { steps } => rises(steps),
            Self::Logistic { weights } => weights.len() == CHECKS && weights.iter().all(|weight| weight.is_finite()),
        }
    }
}

impl Calibration {
    /// How likely a value is right.
    pub(super) fn p(&self, features: Option<&Features>, by_rule: Confidence) -> f64 {
        self.table.p(features, by_rule)
    }

    /// The label for a probability.
    pub(super) fn label(&self, p: f64) -> Confidence {
        match p {
            p if p >= self.high => Confidence::High,
            p if p >= self.medium => Confidence::Medium,
            _ => Confidence::Low,
        }
    }

    /// The label for an answer of which nothing is known but the label that the rule gave it, and how likely it is right;
    /// `None` if more than that has to be known.
    pub(in crate::processors) fn by_label(&self, by_rule: Confidence) -> Option<(Confidence, f64)> {
        let p = matches!(self.table, Table::Labels { .. }).then(|| self.p(None, by_rule))?;
        Some((self.label(p), p))
    }

    /// One that is always so sure.
    #[cfg(test)]
    pub(in crate::processors) fn always(p: f64) -> Self {
        Self {
            model: None,
            tier: "base".to_owned(),
            n: 100,
            usable: true,
            why: None,
            as_given: Measured::default(),
            held_out: Measured::default(),
            high: 0.9,
            medium: 0.6,
            table: Table::Labels { steps: vec![(0.0, p)] },
        }
    }
}

/// Why a file of measurements is not used.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// It cannot be read.
    #[error("the calibration {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is none.
    #[error("{} is no calibration: {why}", path.display())]
    NotOne {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl Calibrations {
    pub(super) fn new(date: String, n: usize, tables: Vec<Calibration>) -> Self {
        Self { version: VERSION, date, n, tables }
    }

    /// Reads a file that `legwork calibrate` wrote.
    pub fn load(path: &Path) -> Result<Self, CalibrationError> {
        let text = fs::read_to_string(path)
            .map_err(|source| CalibrationError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|why| CalibrationError::NotOne { path: path.to_owned(), why })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let all: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if all.version != VERSION {
            return Err(format!("it has version {}, and {VERSION} is known", all.version));
        }
        let fits = |table: &Calibration| {
            table.table.is_sound() && table.medium <= table.high && (0.0..=1.0).contains(&table.medium)
        };
        match all.tables.iter().find(|table| !fits(table)) {
            Some(odd) => Err(format!("the table of `{}` does not rise or has no probabilities", odd.tier)),
            None => Ok(all),
        }
    }

    /// The table that labels of this model in this tier may follow.
    pub fn of(&self, model: Option<&str>, tier: &str) -> Option<&Calibration> {
        self.tables.iter().find(|table| table.usable && table.model.as_deref() == model && table.tier == tier)
    }
}

/// What there is to say of the labels of a model in a tier, in one line.
pub fn described(all: Option<&Calibrations>, model: Option<&str>, tier: &str) -> String {
    match all.and_then(|all| Some((all, all.of(model, tier)?))) {
        Some((all, table)) => format!("calibrated on {} with {} answers", all.date, table.n),
        None => "uncalibrated".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_usable_table_labels_are_uncalibrated() {
        assert_eq!(described(None, None, "base"), "uncalibrated");
        let table = Calibration::always(0.8);
        let all = Calibrations::new("2026-03-10".to_owned(), 100, vec![table.clone()]);
        assert_eq!(described(Some(&all), None, "base"), "calibrated on 2026-03-10 with 100 answers");
        assert_eq!(described(Some(&all), Some("m"), "base"), "uncalibrated");
        assert_eq!(described(Some(&all), None, "core"), "uncalibrated");
        let refused = Calibrations::new("2026-03-10".to_owned(), 100, vec![Calibration { usable: false, ..table }]);
        assert_eq!(described(Some(&refused), None, "base"), "uncalibrated");
    }

    #[test]
    fn a_file_is_read_as_it_was_written_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calibration.json");
        assert!(matches!(Calibrations::load(&path), Err(CalibrationError::Unreadable { .. })));
        let all = Calibrations::new("2026-03-10".to_owned(), 100, vec![Calibration::always(0.8)]);
        let text = serde_json::to_string(&all).unwrap();
        fs::write(&path, &text).unwrap();
        assert_eq!(Calibrations::load(&path).unwrap(), all);
        for odd in [
            "{}",
            &text.replace("\"version\":1", "\"version\":2"),
            &text.replace("[[0.0,0.8]]", "[]"),
            &text.replace("[[0.0,0.8]]", "[[0.0,0.8],[1.0,0.7]]"),
            &text.replace("[[0.0,0.8]]", "[[0.0,1.8]]"),
            &text.replace("\"medium\":0.6", "\"medium\":0.95"),
        ] {
            fs::write(&path, odd).unwrap();
            assert!(matches!(Calibrations::load(&path), Err(CalibrationError::NotOne { .. })), "{odd}");
        }
    }

    #[test]
    fn probabilities_follow_the_steps() {
        let table = Table::Labels { steps: vec![(0.0, 0.3), (2.0, 0.9)] };
        let p = |label| table.p(None, label);
        let found = [Confidence::Low, Confidence::Medium, Confidence::High].map(p);
        assert_eq!(found.map(|p| format!("{p:.1}")), ["0.3", "0.3", "0.9"]);
    }
}
