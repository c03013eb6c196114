//! `legwork group` on the built binary: a table in, the same table with answers out, through Ctrl-C and `kill -9`.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::support::{Server, Store, legwork};

const LANDS: [(&str, &str); 3] = [("Chad", "N'Djamena"), ("Peru", "Lima"), ("Japan", "Tokyo")];
const QUESTION: &str = "What is the capital of {country}?";

/// A folder with a table in it, and room for a store.
fn desk() -> tempfile::TempDir {
    let desk = tempfile::tempdir().unwrap();
    let rows = LANDS.map(|(land, _)| format!("{land},\"x, y\"\n")).concat();
    std::fs::write(desk.path().join("lands.csv"), format!("country,note\n{rows}")).unwrap();
    desk
}

fn group(desk: &Path, arguments: &[&str]) -> Command {
    let mut command = legwork();
    command.current_dir(desk).arg("group").args(arguments).arg("--store").arg(desk.join("store"));
    command
}

fn stdout(output: &Output) -> &str {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::str::from_utf8(&output.stdout).unwrap()
}

#[test]
fn a_table_is_answered_row_by_row_in_its_order() {
    let desk = desk();
    let ran = group(desk.path(), &["lands.csv", "-q", QUESTION, "-o", "out.csv"]).output().unwrap();
    assert_eq!(stdout(&ran), "", "the answers are in the file");
    let out = std::fs::read_to_string(desk.path().join("out.csv")).unwrap();
    let rows: Vec<_> = out.lines().collect();
    assert_eq!(rows[0], "country,note,answer,confidence,sources,status,error,run_id");
    for ((_, capital), row) in LANDS.iter().zip(&rows[1..]) {
        assert!(row.contains(capital) && row.contains("corpus:factbook/"), "{row}");
    }
}

#[test]
fn lines_of_json_hold_the_whole_answer_and_columns_are_fields_of_the_input() {
    let desk = desk();
    let schema = r#"{"type":"object","properties":{"capital":{"type":"string"}},"required":["capital"]}"#;
    let ran = group(desk.path(), &["lands.csv", "--schema", schema, "-p", "core"]).output().unwrap();
    let answers: Vec<Value> = stdout(&ran).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for ((land, capital), answer) in LANDS.iter().zip(&answers) {
        assert_eq!(
            (answer["input"]["country"].as_str(), answer["input"]["note"].as_str()),
            (Some(*land), Some("x, y"))
        );
        assert_eq!(answer["output"]["content"]["capital"], **capital, "{answer}");
        assert_eq!(answer["output"]["basis"][0]["field"], "capital");
    }
}

#[test]
fn what_cannot_be_read_is_said_before_anything_is_asked() {
    let desk = desk();
    std::fs::write(desk.path().join("ragged.csv"), "a,b\n1\n").unwrap();
    std::fs::write(desk.path().join("odd.txt"), "a\n").unwrap();
    for (arguments, told) in [
        (&["ragged.csv"][..], "ragged.csv"),
        (&["odd.txt"], "name it .csv, .tsv or .jsonl"),
        (&["none.csv"], "none.csv"),
        (&["lands.csv", "-q", "What of {city}?"], "there is no column `city`"),
        (&["lands.csv", "-o", "out"], "name it .csv, .tsv or .jsonl"),
        (&["lands.csv", "-p", "nobody"], "there is no processor \"nobody\""),
    ] {
        let ran = group(desk.path(), arguments).output().unwrap();
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(!ran.status.success() && said.contains(told), "{arguments:?}: {said}");
    }
}

/// Starts it and waits for the group's id.
fn started(mut command: Command) -> (Child, BufReader<std::process::ChildStderr>, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut id = String::new();
    stderr.read_line(&mut id).unwrap();
    assert!(id.starts_with("tgrp_"), "{id}");
    (child, stderr, id.trim().to_owned())
}

#[test]
fn ctrl_c_leaves_the_group_and_it_is_taken_up_again_without_asking_twice() {
    let desk = desk();
    // Nobody works, so it waits.
    let server = Server::start(&desk.path().join("store"), &["--role", "api"]);
    let (child, mut stderr, id) = started(group(desk.path(), &["lands.csv", "-q", QUESTION]));
    let mut line = String::new();
    while !line.contains("0 of 3 runs have ended") {
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "{line}");
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    let mut told = String::new();
    stderr.read_to_string(&mut told).unwrap();
    assert!(told.contains("lands.csv --question 'What is the capital of {country}?'"), "{told}");
    assert!(told.contains(&format!("--resume {id}")), "{told}");
    let other = group(desk.path(), &["lands.csv", "-q", "Who borders {country}?", "--resume", &id]).output().unwrap();
    assert!(String::from_utf8_lossy(&other.stderr).contains("was not made of this table"), "{other:?}");
    let lands = std::fs::read_to_string(desk.path().join("lands.csv")).unwrap();
    let mut lines: Vec<_> = lands.lines().collect();
    lines[2..].reverse();
    std::fs::write(desk.path().join("turned.csv"), lines.join("\n")).unwrap();
    let turned = group(desk.path(), &["turned.csv", "-q", QUESTION, "--resume", &id]).output().unwrap();
    assert!(String::from_utf8_lossy(&turned.stderr).contains("was not made of this table"), "{turned:?}");
    server.kill();
    let ran = group(desk.path(), &["lands.csv", "-q", QUESTION, "--resume", &id]).output().unwrap();
    assert_eq!(stdout(&ran).lines().count(), LANDS.len(), "each row once");
    let again = group(desk.path(), &["--resume", &id]).output().unwrap();
    assert_eq!(stdout(&again).lines().count(), LANDS.len(), "the file is not needed once all rows are in the group");
}

#[test]
fn a_table_outlives_the_server_it_was_put_to() {
    let desk = desk();
    let server = Server::start(&desk.path().join("store"), &["--role", "api"]);
    let (child, _stderr, _) = started(group(desk.path(), &["lands.csv", "-q", QUESTION]));
    server.kill();
    let ran = child.wait_with_output().unwrap();
    assert!(ran.status.success());
    assert_eq!(String::from_utf8(ran.stdout).unwrap().lines().count(), LANDS.len());
}

#[test]
fn a_server_that_was_named_may_restart_meanwhile() {
    let (desk, store) = (desk(), Store::new());
    let server = Server::start(&store, &["--role", "api"]);
    let address = server.address.to_string();
    let (child, _stderr, _) = started(group(desk.path(), &["lands.csv", "-q", QUESTION, "--server", &server.url()]));
    server.kill();
    let _again = Server::start_at(&address, &store, &[]);
    let ran = child.wait_with_output().unwrap();
    assert!(ran.status.success());
    assert_eq!(String::from_utf8(ran.stdout).unwrap().lines().count(), LANDS.len());
}
