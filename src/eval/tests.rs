//! The figures of a made-up set, and how they are told.

use serde_json::{Value, json};

use super::*;
use crate::eval::figures::{Counts, Share, percentile};
use crate::render::Style;

/// A question, and the answer it got: what is expected (none: nothing), what was said (none: not found), with which label.
fn record(at: usize, set: &str, expected: Option<&str>, said: Option<&str>, label: &str) -> Record {
    let line = json!({"question": format!("What is {at}?"), "answer_regex": expected}).to_string();
    let question = read(&line, set, 1).unwrap().remove(0);
    let citations =
        said.map(|said| json!([{"url": "corpus:a", "excerpts": [said, "elsewhere"], "legwork": {"source": "p"}}]));
    let output = json!({
        "content": said.unwrap_or("Not found: what is it?"),
        "basis": [{"field": "output", "confidence": label, "citations": citations.unwrap_or(json!([])),
            "legwork": {"features": {"quote_ok": true, "values_ok": true}}}],
        "legwork": {"model": "m", "labels": "uncalibrated", "warnings": [], "usage": {"seconds": at, "pages": 2, "prompt_tokens": 1000}},
    });
    let output = serde_json::from_value(output).unwrap();
    let pages = Pages::from([("p".to_owned(), said.map(str::to_owned))]);
    let run = Some(format!("trun_{at}"));
    let usage = legwork_api::result::OutputView::clone(&output).legwork.map(|ours| ours.usage);
    let seconds = usage.as_ref().map(|usage| usage.seconds);
    let proof = Proof::of(&question.text(), &output, &pages);
    Record { came: Came::Answered(outcome(&question, &output)), question, run, proof, seconds, usage }
}

/// Of six that can be answered three are right, one wrong, one not found and one failed; of two that cannot, one is refused;
/// one has not ended.
fn records() -> Vec<Record> {
    let failed = Record {
        came: Came::Failed { error: "the run failed: it is broken".to_owned() },
        proof: Proof::default(),
        seconds: None,
        usage: None,
        ..record(6, "a", Some("six"), None, "low")
    };
    let open = Record { came: Came::Open, run: None, ..failed.clone() };
    vec![
        record(1, "a", Some("one"), Some("It is One."), "high"),
        record(2, "a", Some("two"), Some("It is two."), "medium"),
        record(3, "a", Some("three"), Some("It is three."), "low"),
        record(4, "a", Some("four"), Some("It is five."), "low"),
        record(5, "a", Some("five"), None, "low"),
        failed,
        record(7, "b", None, None, "low"),
        record(8, "b", None, Some("It is 8 or 9."), "medium"),
        open,
    ]
}

#[test]
fn right_are_right_answers_and_refusals_of_what_cannot_be_answered() {
    let report = report("base", &records());
    assert_eq!(report.right, Share { n: 4, of: 8 });
    assert_eq!(report.answerable, Counts { questions: 6, right: 3, wrong: 1, refused: 1, failed: 1 });
    assert_eq!(report.unanswerable, Counts { questions: 2, right: 0, wrong: 1, refused: 1, failed: 0 });
    assert_eq!(report.open, 1);
    assert_eq!((report.sets["a"], report.sets["b"]), (Share { n: 3, of: 6 }, Share { n: 1, of: 2 }));
}

#[test]
fn the_curve_counts_less_sure_answers_as_refusals() {
    let report = report("base", &records());
    let share = |n, of| Share { n, of };
    let labels = report.by_label;
    assert_eq!((labels.high, labels.medium, labels.low), (share(1, 1), share(1, 2), share(1, 2)));
    let accuracy = [report.curve.high, report.curve.medium, report.curve.low].map(|point| point.accuracy);
    assert_eq!(accuracy, [share(1, 6), share(2, 6), share(3, 6)]);
    let right = [report.curve.high, report.curve.medium, report.curve.low].map(|point| point.right_of_answers);
    assert_eq!(right, [share(1, 1), share(2, 3), share(3, 5)]);
    let refused = [report.curve.high, report.curve.medium, report.curve.low].map(|point| point.refused);
    assert_eq!(refused, [share(2, 2), share(1, 2), share(1, 2)]);
}

#[test]
fn proof_time_and_usage_are_added_up() {
    let report = report("base", &records());
    assert_eq!(report.excerpts, Share { n: 5, of: 10 });
    assert_eq!((report.seconds.p50, report.seconds.p95, report.seconds.with_waiting), (Some(4.0), Some(8.0), false));
    let usage = report.usage.unwrap();
    assert_eq!((usage.pages, usage.prompt_tokens, report.usage_of), (14, 7000, 7));
    assert_eq!(usage.cost_usd, None, "nobody said what it costs");
}

#[test]
fn a_percentile_is_one_of_the_numbers() {
    let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
    assert_eq!((percentile(&hundred, 50), percentile(&hundred, 95)), (Some(50.0), Some(95.0)));
    assert_eq!((percentile(&[7.0], 50), percentile(&[7.0], 95), percentile(&[], 50)), (Some(7.0), Some(7.0), None));
}

#[test]
fn shares_of_nothing_are_null() {
    let report = serde_json::to_value(report("base", &[])).unwrap();
    assert_eq!(report["right"], json!({"n": 0, "of": 0, "share": null}));
    assert_eq!((&report["usage"], &report["seconds"]["p50"]), (&Value::Null, &Value::Null));
}

#[test]
fn what_calibrate_reads_is_a_line_for_each_answer_with_a_label() {
    let lines = lines("base", &records());
    let answers = legwork_server::calibration::answers(&lines).unwrap();
    assert_eq!(answers.len(), 7, "neither what failed nor what is open has a label");
    let right: Vec<bool> = answers.iter().filter(|answer| answer.found).map(|answer| answer.correct).collect();
    assert_eq!(right, [true, true, true, false, false]);
    assert!(answers.iter().all(|answer| answer.model.as_deref() == Some("m") && answer.features.is_some()));
}

#[test]
fn figures_are_told_as_people_read_them() {
    insta::assert_snapshot!(table(&report("base", &records()), Style { color: false }));
}

#[test]
fn what_a_terminal_would_obey_is_left_out() {
    let odd = vec![record(1, "a", Some("x"), Some("It is \u{1b}[31m12."), "low")];
    assert!(!table(&report("\u{1b}base", &odd), Style { color: false }).contains('\u{1b}'));
}
