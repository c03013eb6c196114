//! The guide's own lines, pasted into a shell as they stand with only the host changed and no key set.

use std::process::Command;

use serde_json::Value;

use crate::support::{Server, Store, here};

/// Runs a script of the guide against a fresh server; returns what it printed.
fn pasted(script: &str, store: &Store) -> (bool, String) {
    let server = Server::start(store, &[]);
    let lines = std::fs::read_to_string(here("tests/guide").join(script)).unwrap();
    let lines = lines.replace("https://api.parallel.ai", &server.url());
    let ran = Command::new("bash").args(["-c", &lines]).env_remove("PARALLEL_API_KEY").output().unwrap();
    eprintln!("{}", String::from_utf8_lossy(&ran.stderr));
    (ran.status.success(), String::from_utf8(ran.stdout).unwrap())
}

#[test]
fn pattern_1_blocks_until_the_output_is_there() {
    let store = Store::new();
    let (ok, printed) = pasted("blocking.sh", &store);
    assert!(ok);
    let output: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(output["type"], "text", "{printed}");
    assert_eq!(output["basis"][0]["confidence"], "low", "a market value is not in the built-in corpus: {printed}");
    assert_eq!(output["basis"][0]["citations"], serde_json::json!([]));
}

#[test]
fn pattern_2_polls_until_the_output_is_there() {
    let store = Store::new();
    let (ok, printed) = pasted("polling.sh", &store);
    assert!(ok);
    let start = printed.find('{').unwrap_or_else(|| panic!("no output: {printed}"));
    let output: Value = serde_json::from_str(&printed[start..]).unwrap();
    assert_eq!(output["type"], "json", "pro answers with an object: {printed}");
    assert!(output["output_schema"].is_object());
}

#[test]
fn the_headers_of_patterns_3_and_4_are_welcome() {
    let store = Store::new();
    let (ok, printed) = pasted("beta_headers.sh", &store);
    assert!(ok);
    let statuses: Vec<_> = printed.lines().collect();
    assert_eq!(statuses, ["queued", "queued"], "{printed}");
}
