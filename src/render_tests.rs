//! What is printed, as it is printed.

use serde_json::json;

use super::*;

const PLAIN: Style = Style { color: false };

fn run_with(more: &Value) -> TaskRun {
    let mut run = json!({
        "run_id": "trun_0000000000000000000000000199a1b2",
        "interaction_id": "trun_0000000000000000000000000199a1b2",
        "status": "completed",
        "is_active": false,
        "processor": "base",
        "created_at": "2025-04-23T20:21:48.037943Z",
        "modified_at": "2025-04-23T20:22:10.000000Z",
    });
    run.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    // Carried JSON is read from text only.
    serde_json::from_str(&run.to_string()).unwrap()
}

fn result(output: &Value) -> TaskRunResult {
    let run = serde_json::to_string(&run_with(&json!({}))).unwrap();
    serde_json::from_str(&format!(r#"{{"run":{run},"output":{output}}}"#)).unwrap()
}

#[test]
fn a_text_is_printed_with_what_it_rests_on() {
    let excerpt = "Paris is the capital and largest city of France, with an estimated population of 2,048,472 \
                   residents in January 2025 in an area of more than 105 square kilometres.";
    let text = result(&json!({
        "type": "text",
        "content": "Paris.\n",
        "basis": [{ "field": "output", "reasoning": "Two sources agree.", "confidence": "high", "citations": [
            { "url": "https://a.example/paris", "title": "Paris", "excerpts": [excerpt] },
            { "url": "corpus:factbook/fr.md", "title": null, "excerpts": ["Capital: Paris"] },
        ] }],
    }));
    insta::assert_snapshot!(answer(&text, PLAIN));
}

#[test]
fn an_object_is_printed_with_each_field_and_its_basis() {
    let object = result(&json!({
        "type": "json",
        "content": { "capital": "Paris", "anthem": null },
        "basis": [
            { "field": "capital", "reasoning": "r", "confidence": "medium", "citations": [{ "url": "https://a.example/" }] },
            { "field": "anthem", "reasoning": "Not found in 3 documents.", "confidence": "low", "citations": [] },
            { "field": "bare" },
        ],
    }));
    insta::assert_snapshot!(answer(&object, PLAIN));
}

#[test]
fn how_likely_an_answer_is_right_is_said_where_it_was_measured() {
    let basis = json!([{ "field": "output", "confidence": "high", "legwork": { "probability": 0.973 } }]);
    let text = result(&json!({ "type": "text", "content": "Paris.", "basis": basis }));
    assert_eq!(answer(&text, PLAIN), "Paris.\n\nconfidence: high (97 % by measurement)\n");
}

#[test]
fn the_last_line_of_an_answer_says_what_it_took() {
    let took = |extras: Value| {
        let output = json!({ "type": "text", "content": "Paris.", "basis": [], "legwork": extras });
        answer(&result(&output), PLAIN)
    };
    let much = json!({
        "usage": { "seconds": 12.34, "searches": 4, "pages": 1, "model_calls": 12, "tool_calls": 2,
            "prompt_tokens": 1_200_000, "completion_tokens": 34_567, "cost_usd": 0.0125, "tokens_estimated": true },
        "warnings": ["stopped at max_seconds", "https://a.example/ could not\u{1b} be read"],
    });
    assert_eq!(
        took(much),
        "Paris.\n\nwarning: stopped at max_seconds\nwarning: https://a.example/ could not be read\n\
         took: 12.3 s, 4 searches, 1 page, 12 model calls, 2 tool calls, 1,234,567 tokens (estimated), $0.0125\n"
    );
    assert_eq!(took(json!({ "usage": { "seconds": 1.04 } })), "Paris.\n\ntook: 1.0 s\n");
    assert_eq!(took(json!({ "usage": { "seconds": 0.04 } })), "Paris.\n");
    assert_eq!(took(Value::Null), "Paris.\n");
    let counts = [0, 7, 999, 1_000, 12_345, 1_000_000];
    assert_eq!(counts.map(grouped), ["0", "7", "999", "1,000", "12,345", "1,000,000"]);
}

#[test]
fn what_a_document_says_does_nothing_to_the_terminal() {
    let nasty = result(&json!({
        "type": "text", "content": "a\u{1b}[2Jb\r\u{9b}31mc",
        "basis": [{ "field": "output", "citations": [{ "url": "u\u{7}", "title": "\u{1b}]0;t", "excerpts": ["\u{8}e"] }] }],
    }));
    let printed = answer(&nasty, PLAIN);
    assert!(!printed.chars().any(|char| char.is_control() && char != '\n'), "{printed:?}");
}

#[test]
fn a_run_is_printed_with_all_there_is_to_say() {
    let failed = run_with(&json!({
        "status": "failed",
        "error": { "ref_id": "r", "message": "too late", "detail": null },
        "metadata": { "team": "a" },
        "warnings": [{ "type": "warning", "message": "odd", "detail": null }],
        "legwork": { "version": 3, "attempts": 1, "progress_meter": 40 },
    }));
    insta::assert_snapshot!(run(&failed, PLAIN));
    assert_eq!(without_output(&failed), "the run failed: too late");
}

#[test]
fn a_list_stands_in_columns_also_in_colour() {
    let runs =
        vec![run_with(&json!({})), run_with(&json!({ "status": "action_required", "processor": "ultra8x-fast" }))];
    let page = RunPage { runs, next_cursor: None };
    insta::assert_snapshot!(table(&page, PLAIN));
    let coloured = table(&page, Style { color: true });
    assert!(coloured.contains('\u{1b}'));
    assert_eq!(table(&RunPage::default(), PLAIN), "no runs\n");
}

#[test]
fn progress_is_one_word_and_a_number_once_there_is_one() {
    let running = |meter: u8| {
        run_with(&json!({ "status": "running", "legwork": { "version": 2, "attempts": 1, "progress_meter": meter } }))
    };
    assert_eq!(progress(&running(0)), "running");
    assert_eq!(progress(&running(40)), "running 40 %");
    assert_eq!(progress(&run_with(&json!({}))), "completed");
}

#[test]
fn a_run_that_asks_says_what_and_how_it_is_answered() {
    let legwork = json!({ "version": 4, "question": { "text": "Which\u{1b} one?" } });
    let asking = run_with(&json!({ "status": "action_required", "legwork": legwork }));
    let answer = "legwork answer trun_0000000000000000000000000199a1b2 ANSWER";
    assert_eq!(progress(&asking), format!("action_required: Which one? (`{answer}`)"));
    let printed = run(&asking, PLAIN);
    assert!(printed.contains(&format!("asks       Which one?\nanswer     {answer}\n")), "{printed}");
}

#[test]
fn a_run_that_waits_says_how_many_are_before_it() {
    let queued = |place: Value| {
        let legwork = json!({ "version": 1, "queue_position": place, "eta": "2025-04-23T20:25:00.000000Z" });
        run_with(&json!({ "status": "queued", "legwork": legwork }))
    };
    assert_eq!(progress(&queued(json!(3))), "queued, 3 before it");
    assert_eq!(progress(&queued(json!(0))), "queued");
    assert_eq!(progress(&queued(Value::Null)), "queued");
    let printed = run(&queued(json!(3)), PLAIN);
    assert!(printed.contains("before it  3\ndone about 2025-04-23 20:25:00Z\n"), "{printed}");
}
