//! What the engine tells while it works. What is told is named by what it is about, never by the attempt, so that a run that
//! is begun again tells nothing twice.

use legwork_core::fact::{Report, ReportBody, Step};

use super::ledger::Ledger;
use crate::source::hash_of;

/// How many addresses are told of those that were read.
const SAMPLE: usize = 8;

/// A sentence about the work; `about` names what it belongs to.
pub(super) fn message(step: Step, about: &str, message: impl Into<String>) -> Report {
    let message = message.into();
    let kind = match step {
        Step::Plan => "plan",
        Step::Search => "search",
        Step::Extract => "extract",
        Step::Result => "result",
        Step::ToolCall => "tool",
        Step::ExecStatus => "status",
    };
    let key = format!("research:{kind}:{}", &hash_of(&format!("{about}\n{message}"))[..16]);
    Report { key, body: ReportBody::Message { step, message } }
}

/// How far the work is at a place that it comes to once: how long it took to come there may differ from attempt to attempt.
pub(super) fn stats(ledger: &Ledger, place: &str, meter: u8) -> Report {
    let read = u32::try_from(ledger.sources.len()).unwrap_or(u32::MAX);
    let sample: Vec<String> =
        ledger.sources.iter().rev().take(SAMPLE).map(|source| source.document.url.clone()).collect();
    let key = format!("research:stats:{place}");
    Report { key, body: ReportBody::Stats { meter, considered: ledger.considered, read, sample } }
}

/// How far the work is while it looks: 5 when it is planned, up to 80 when all is settled or the tightest limit is used up.
pub(super) fn meter(settled: f64, share: f64) -> u8 {
    let part = settled.max(share).clamp(0.0, 1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 5 and 80")]
    let meter = (5.0 + 75.0 * part).round() as u8;
    meter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meter_goes_from_five_to_eighty() {
        assert_eq!((meter(0.0, 0.0), meter(0.2, 0.6), meter(1.0, 0.3), meter(7.0, 0.0)), (5, 50, 80, 80));
    }

    #[test]
    fn the_same_sentence_about_the_same_has_one_name() {
        let one = message(Step::Plan, "round 1", "Looking for tea");
        assert_eq!(one.key, message(Step::Plan, "round 1", "Looking for tea").key);
        assert_ne!(one.key, message(Step::Plan, "round 2", "Looking for tea").key);
        assert!(one.key.starts_with("research:plan:"));
    }
}
