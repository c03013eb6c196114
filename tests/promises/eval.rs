//! Answers are measured, and labels follow what was measured: `legwork eval`, `legwork calibrate`, and a server that is given
//! what came of them.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Server, here, legwork};

/// A folder for what is written, and the store in it.
fn desk() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn command(desk: &Path, arguments: &[&str]) -> Command {
    let mut command = legwork();
    command.args(arguments).current_dir(desk).stdin(Stdio::null());
    // Whoever else listens on this machine is no matter.
    command.env("LEGWORK_STORE", desk.join("store")).env("LEGWORK_LISTEN", "0");
    command
}

fn run(desk: &Path, arguments: &[&str]) -> Output {
    command(desk, arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap()
}

fn set(name: &str) -> String {
    here("eval").join(name).display().to_string()
}

#[test]
fn a_set_is_evaluated_out_of_the_box() {
    let desk = desk();
    let table = stdout(&run(desk.path(), &["eval", &set("countries-15.jsonl"), "--at-least", "0.9"]));
    assert!(table.starts_with("base, no model: 15 questions\n"), "{table}");
    assert!(table.contains("stand word for word in their page") && !table.contains('\u{1b}'), "{table}");
}

#[test]
fn labels_follow_what_was_measured() {
    let desk = desk();
    let (known, unknown) = (set("countries.jsonl"), set("unanswerable.jsonl"));
    let told = run(desk.path(), &["eval", &known, &unknown, "--limit", "90", "--out", "lines.jsonl", "--json"]);
    let report = json(&told);
    assert!(report["right"]["share"].as_f64().unwrap() > 0.9, "{:#}", report["right"]);
    assert_eq!(report["unanswerable"]["refused"], 90);
    assert_eq!(report["excerpts"]["share"], 1.0, "{:#}", report["questions"]);
    assert_eq!(report["values"]["share"], 1.0, "{:#}", report["questions"]);
    assert_eq!(report["sets"].as_object().unwrap().len(), 2);
    assert_eq!(std::fs::read_to_string(desk.path().join("lines.jsonl")).unwrap().lines().count(), 180);
    let measured = stdout(&run(desk.path(), &["calibrate", "lines.jsonl"]));
    assert!(measured.contains("base, no model: ") && measured.contains("by their labels alone"), "{measured}");
    let ask = |more: &[&str]| {
        let arguments = [&["ask", "What is the capital of Mongolia?", "--json"], more].concat();
        json(&run(desk.path(), &arguments))["output"].clone()
    };
    let before = ask(&[]);
    assert_eq!((&before["basis"][0]["confidence"], &before["basis"][0]["legwork"]), (&"medium".into(), &Value::Null));
    let after = ask(&["--calibration", "calibration.json"]);
    let labels = after["legwork"]["labels"].as_str().unwrap();
    assert!(labels.starts_with("calibrated on 20"), "{after:#}");
    assert!(after["basis"][0]["legwork"]["probability"].as_f64().unwrap() >= 0.9, "{after:#}");
    assert_eq!(after["basis"][0]["confidence"], "high");
}

#[test]
fn what_is_no_set_is_told_with_its_line_and_too_few_right_ones_fail() {
    let desk = desk();
    std::fs::write(desk.path().join("odd.jsonl"), "{\"question\": \"q\", \"answer\": \"a\"}\n{\"question\": \"q\"}\n")
        .unwrap();
    std::fs::write(
        desk.path().join("one.jsonl"),
        "{\"question\": \"What is the capital of Mali?\", \"answer\": \"Rome\"}\n",
    )
    .unwrap();
    for (arguments, exit, told) in [
        (&["odd.jsonl"][..], 2, "odd.jsonl: line 2 does not say what is right"),
        (&["odd.jsonl"], 2, "hint: write what is right as `\"answer_regex\""),
        (&["none.jsonl"], 2, "none.jsonl cannot be read"),
        (&["/dev/null"], 2, "there is no question"),
        (&["one.jsonl", "-p", "nobody"], 4, "there is no processor \"nobody\""),
        (&["one.jsonl", "--out", "no/where"], 2, "there is no folder no"),
        (&["one.jsonl", "--at-least", "0.5"], 1, "0.0 % are right, and at least 50.0 % shall be"),
    ] {
        let ran = run(desk.path(), &[&["eval"], arguments].concat());
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.code() == Some(exit) && said.contains(told), "{arguments:?}: {said}");
    }
}

/// Starts it and waits until this was said.
fn started(desk: &Path, arguments: &[&str], said: &str) -> (Child, BufReader<ChildStderr>) {
    let mut child = command(desk, arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    while !told.contains(said) {
        assert_ne!(stderr.read_line(&mut told).unwrap(), 0, "{told}");
    }
    (child, stderr)
}

#[test]
fn ctrl_c_says_what_is_known_and_leaves_the_runs() {
    let desk = desk();
    let questions = set("countries-15.jsonl");
    // Nobody works, so it waits.
    let server = Server::start(&desk.path().join("store"), &["--role", "api"]);
    let arguments = ["eval", &questions, "--limit", "3", "--concurrency", "2"];
    let (child, mut stderr) = started(desk.path(), &arguments, "0 of 2 runs have ended");
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&ended.stdout).contains("not done      3"), "{ended:?}");
    let mut told = String::new();
    stderr.read_to_string(&mut told).unwrap();
    let id = told.rsplit_once("--resume ").unwrap().1.trim_end_matches(['`', '\n']);
    server.kill();
    let again = [&arguments[..], &["--resume", id]].concat();
    assert!(stdout(&run(desk.path(), &again)).contains("3 questions"), "each is asked once");
    let other = run(desk.path(), &["eval", &set("general-60.jsonl"), "--resume", id]);
    assert!(String::from_utf8_lossy(&other.stderr).contains("was not made of these questions"), "{other:?}");
}

#[test]
fn a_run_without_an_answer_is_named_and_the_others_are_measured() {
    let desk = desk();
    let server = Server::start(&desk.path().join("store"), &["--role", "api"]);
    let arguments = ["eval", &set("countries-15.jsonl"), "--limit", "2", "--json"];
    let (child, mut stderr) = started(desk.path(), &arguments, "0 of 2 runs have ended");
    let newest = json(&run(desk.path(), &["list", "--json"]))["runs"][0]["run_id"].as_str().unwrap().to_owned();
    stdout(&run(desk.path(), &["cancel", &newest]));
    // Whoever waits takes its place, and answers the other.
    server.kill();
    let ended = child.wait_with_output().unwrap();
    let mut told = String::new();
    stderr.read_to_string(&mut told).unwrap();
    assert!(ended.status.code() == Some(1) && told.contains("1 of 2 runs failed"), "{told}");
    let report: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!((&report["answerable"]["failed"], &report["answerable"]["right"]), (&1.into(), &1.into()), "{report:#}");
    assert_eq!(
        (&report["questions"][1]["outcome"], &report["questions"][1]["run_id"]),
        (&"failed".into(), &newest.into())
    );
}
