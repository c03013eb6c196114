//! The lines that `legwork calibrate` reads: one for each answer of which it is known whether it is right.

use serde_json::json;

use super::figures::Record;
use super::outcome::Came;

/// A line for each run that came to an end and gave a label. What was not found has one, too, and is not measured.
pub(crate) fn lines(processor: &str, records: &[Record]) -> String {
    let line = |record: &Record| {
        let Came::Answered(outcome) = &record.came else { return None };
        let line = json!({
            "question": record.question.text(),
            "processor": processor,
            "model": outcome.model,
            "confidence": outcome.confidence?,
            "labels": outcome.labels,
            "correct": outcome.right,
            "found": outcome.found,
            "features": outcome.features,
            "set": record.question.set,
            "run_id": record.run,
            "answer": outcome.answer,
        });
        Some(line.to_string() + "\n")
    };
    records.iter().filter_map(line).collect()
}
