//! What was measured, and how it is shown.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    /// What was measured.
    pub(crate) name: String,
    /// How much it was.
    pub(crate) value: f64,
    /// Of what.
    pub(crate) unit: &'static str,
    /// The same figure of the machine itself, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) floor: Option<Floor>,
    /// Half of the calls took less, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p50_ms: Option<f64>,
    /// All but a hundredth of the calls took less, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p99_ms: Option<f64>,
    /// What else is to be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

/// What the machine itself does, measured in the same minute.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Floor {
    /// What it is.
    pub(crate) name: &'static str,
    /// How much, in the figure's unit.
    pub(crate) value: f64,
    /// The figure divided by it.
    pub(crate) ratio: f64,
}

impl Figure {
    pub(crate) fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, unit, floor: None, p50_ms: None, p99_ms: None, note: None }
    }

    pub(crate) fn floor(self, name: &'static str, value: f64) -> Self {
        let ratio = self.value / value;
        Self { floor: Some(Floor { name, value, ratio }), ..self }
    }

    /// With the spread of these durations, in microseconds.
    pub(crate) fn spread(self, micros: &mut [u64]) -> Self {
        micros.sort_unstable();
        Self { p50_ms: percentile(micros, 50), p99_ms: percentile(micros, 99), ..self }
    }

    pub(crate) fn note(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }
}

/// The duration that so many of a hundred stay below, in milliseconds.
pub(super) fn percentile(sorted: &[u64], percent: usize) -> Option<f64> {
    let at = (sorted.len() * percent / 100).min(sorted.len().checked_sub(1)?);
    Some(in_ms(sorted[at]))
}

/// Microseconds as milliseconds.
#[expect(clippy::cast_precision_loss, reason = "a measurement is not exact to sixteen digits")]
pub(super) fn in_ms(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

/// How many there were each second.
pub(super) fn per_second(of: usize, took: Duration) -> f64 {
    count(of) / took.as_secs_f64()
}

/// So many, which is well below 2^32 of anything.
pub(super) fn count(of: usize) -> f64 {
    f64::from(u32::try_from(of).unwrap_or(u32::MAX))
}

/// A table for people: the ratio first, since it can be compared; then what was seen.
pub(crate) fn table(figures: &[Figure]) -> String {
    let mut text =
        format!("{:<46} {:>7} {:>12} {:<9} {:>8} {:>8}  {}\n", "", "× floor", "", "", "p50 ms", "p99 ms", "");
    for figure in figures {
        let ratio = figure.floor.as_ref().map_or(String::new(), |floor| format!("{:.2}", floor.ratio));
        let ms = |ms: Option<f64>| ms.map_or(String::new(), |ms| format!("{ms:.2}"));
        let floor = figure.floor.as_ref().map(|floor| format!("{}: {}", floor.name, amount(floor.value)));
        let notes: Vec<_> = floor.into_iter().chain(figure.note.clone()).collect();
        let row = format!(
            "{:<46} {ratio:>7} {:>12} {:<9} {:>8} {:>8}  {}",
            figure.name,
            amount(figure.value),
            figure.unit,
            ms(figure.p50_ms),
            ms(figure.p99_ms),
            notes.join("; ")
        );
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}", row.trim_end());
    }
    text
}

/// A number with as many digits as it deserves.
fn amount(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_list() {
        let figure = Figure::new("x", 1.0, "/s").spread(&mut (1..=100).rev().map(|n| n * 1000).collect::<Vec<_>>());
        assert_eq!((figure.p50_ms, figure.p99_ms), (Some(51.0), Some(100.0)));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn the_ratio_stands_first() {
        let figures = [Figure::new("creates", 30_000.0, "/s").floor("bare axum", 60_000.0).note("none lost")];
        let shown = table(&figures);
        let row: Vec<_> = shown.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(row, ["creates", "0.50", "30000", "/s", "bare", "axum:", "60000;", "none", "lost"]);
    }
}
