//! The command line: what is printed where, and with which exit code. Ids, times and places are taken out of what is
//! compared.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStderr, Output, Stdio};

use legwork_api::client::Client;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Server, legwork};

/// A store of its own for one test, and the commands on it.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn store(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = legwork();
        command.args(arguments).env("LEGWORK_STORE", self.store()).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Starts a command that goes on for a while; its stderr is read line by line.
    fn start(&self, arguments: &[&str]) -> (Child, BufReader<ChildStderr>) {
        let mut child = self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        (child, stderr)
    }

    /// What a command did, without what is different every time.
    fn told(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let typed = arguments.join(" ");
        self.plain(&format!("$ legwork {typed}\n{}", shown(&output)))
    }

    fn plain(&self, text: &str) -> String {
        text.replace(&*self.store().to_string_lossy(), "[STORE]")
    }
}

fn shown(output: &Output) -> String {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let code = output.status.code().map_or_else(|| "killed".to_owned(), |code| code.to_string());
    format!("{stdout}--- stderr\n{stderr}--- exit {code}\n")
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", shown(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn line(stderr: &mut impl std::io::BufRead) -> String {
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

/// The run that a command made: its id stands alone on a line.
fn run_of(output: &Output) -> String {
    let told = String::from_utf8_lossy(&output.stderr);
    told.lines().find(|line| line.starts_with("trun_")).unwrap_or_else(|| panic!("{told}")).to_owned()
}

fn signal(child: &Child, name: &str) {
    let sent = std::process::Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

macro_rules! assert_told {
    ($told:expr) => {
        insta::with_settings!({ filters => vec![
            (r"trun_[0-9a-f]{32}", "[ID]"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "[TIME]"),
            (r"127\.0\.0\.1:[1-9]\d*", "127.0.0.1:[PORT]"),
            (r"--accept-key [0-9a-f]{32}", "--accept-key [KEY]"),
            (r"legwork \d+\.\d+\.\d+", "legwork [VERSION]"),
        ] }, { insta::assert_snapshot!($told) });
    };
}

#[test]
fn a_question_is_answered_without_a_server() {
    let desk = Desk::new();
    assert_told!(desk.told(&["ask", "What", "is", "the", "capital", "of", "Mongolia?"]));
}

#[test]
fn a_question_may_come_from_stdin() {
    let desk = Desk::new();
    let mut asking = desk.command(&["ask", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    asking.stdin.take().unwrap().write_all(b"What is the capital of Niger?\n").unwrap();
    let answer = stdout(&asking.wait_with_output().unwrap());
    assert!(answer.contains("Niamey"), "{answer}");
}

#[test]
fn an_answer_has_the_form_that_was_asked_for() {
    let desk = Desk::new();
    let schema = r#"{"type":"object","properties":{"capital":{"type":"string"}},"required":["capital"],"additionalProperties":false}"#;
    let asked = desk.run(&["ask", "Mongolia", "-p", "core", "--json", "--metadata", "team=a", "--schema", schema]);
    let result: Value = serde_json::from_str(&stdout(&asked)).unwrap();
    assert_eq!(result["run"]["metadata"]["team"], "a");
    assert_eq!(result["output"]["type"], "json");
    assert!(result["output"]["content"]["capital"].is_string(), "{result}");
}

#[test]
fn what_is_not_found_is_an_answer_too() {
    let asked = Desk::new().run(&["ask", "Who won the 2087 chess cup of Atlantis?"]);
    assert!(stdout(&asked).contains("confidence: low"), "{}", shown(&asked));
}

#[test]
fn runs_can_be_looked_at_without_a_server() {
    let desk = Desk::new();
    assert_told!(desk.told(&["list"]));
    let id = run_of(&desk.run(&["ask", "What is the capital of Chad?"]));
    let told = [
        desk.told(&["list"]),
        desk.told(&["list", "--status", "failed"]),
        desk.told(&["status", &id]),
        desk.told(&["result", &id]),
        desk.told(&["cancel", &id]),
        desk.told(&["finish", &id]),
        desk.told(&["answer", &id, "the", "first"]),
    ];
    assert_told!(told.join("\n"));
    let page: Value = serde_json::from_str(&stdout(&desk.run(&["list", "--json"]))).unwrap();
    assert_eq!(page["runs"][0]["run_id"], *id);
}

#[test]
fn what_a_run_was_asked_can_be_asked_again() {
    let desk = Desk::new();
    let id = run_of(&desk.run(&["ask", "What is the capital of Chad?", "--metadata", "team=a"]));
    assert_told!(desk.told(&["rerun", &id]));
    let again = desk.run(&["rerun", &id, "-p", "core", "--json", "--pattern", "stream"]);
    let result: Value = serde_json::from_str(&stdout(&again)).unwrap();
    assert_eq!(result["run"]["legwork"]["rerun_of"], *id);
    assert_eq!((&result["run"]["processor"], &result["run"]["metadata"]["team"]), (&"core".into(), &"a".into()));
    let called = desk.run(&["rerun", &id, "--pattern", "webhook"]);
    assert!(stdout(&called).contains("Djamena"), "{}", shown(&called));
    // The webhook was that command's own, and belongs to its run all the same.
    let third = run_of(&called);
    for (more, owed) in [(&[][..], 1), (&["--no-webhook"], 0)] {
        let rerun = desk.run(&[&["rerun", &third], more].concat());
        assert!(stdout(&rerun).contains("Djamena"), "{}", shown(&rerun));
        let page = desk.run(&["webhooks", &run_of(&rerun), "--json"]);
        let page: Value = serde_json::from_str(&stdout(&page)).unwrap();
        assert_eq!(page["webhooks"].as_array().unwrap().len(), owed, "{more:?}");
    }
    let nobody = "trun_0000000000000000000000000199a1b2";
    assert_eq!(desk.run(&["rerun", nobody]).status.code(), desk.run(&["status", nobody]).status.code());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_shows_what_went_on_from_a_run() {
    let desk = Desk::new();
    let server = Server::start(desk.store(), &[]);
    let first = run_of(&desk.run(&["ask", "What is the capital of Chad?"]));
    let next = serde_json::json!({"input": "And of Mali?", "processor": "base", "previous_interaction_id": first});
    let client = Client::new(&server.url(), Some(server.file().key.clone())).unwrap();
    let next = client.create(&next).await.unwrap().run_id.to_string();
    let page: Value = serde_json::from_str(&stdout(&desk.run(&["list", "--previous", &first, "--json"]))).unwrap();
    let ids: Vec<_> = page["runs"].as_array().unwrap().iter().map(|run| &run["run_id"]).collect();
    assert_eq!(ids, [&next]);
    let status = stdout(&desk.run(&["status", &next]));
    assert!(status.lines().any(|line| line.starts_with("follows") && line.ends_with(&first)), "{status}");
    assert_eq!(stdout(&desk.run(&["list", "--previous", &next])), "no runs\n");
}

#[test]
fn mistakes_are_told_with_what_to_try() {
    let desk = Desk::new();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = format!("http://{nobody}");
    std::fs::write(desk.store().join("bad.toml"), "solts = 4\n").unwrap();
    let bad = desk.store().join("bad.toml").display().to_string();
    let typed: [&[&str]; 15] = [
        &["status", "12"],
        &["status", "trun_0000000000000000000000000199a1b2"],
        &["webhooks", "trun_0000000000000000000000000199a1b2"],
        &["listen", "--secret", "whsec_c2VjcmV0", "--forward", "nowhere"],
        &["serve", "--webhook-signature", "standard", "--webhook-secret", "words"],
        &["ask", "q", "--processor", "nobody"],
        &["ask", "q", "--schema", "{"],
        &["ask", "q", "--schema", r#"{"type":"array"}"#],
        &["ask", " "],
        &["list", "--server", &nobody],
        &["list", "--server", "nowhere"],
        &["list", "--config", &bad],
        &["serve", "--store", "postgres://localhost/legwork?sslmode=maybe"],
        &["serve", "--listen", "0.0.0.0:8787"],
        &["serve", "--processor-slots", "ultar=2"],
    ];
    let told: Vec<_> = typed.iter().map(|arguments| desk.told(arguments)).collect();
    assert_told!(told.join("\n"));
}

#[test]
fn a_server_with_keys_wants_one() {
    let desk = Desk::new();
    let server = Server::start(desk.store(), &["--accept-key", "sesame"]);
    let refused = desk.run(&["list", "--server", &server.url()]);
    assert_eq!(refused.status.code(), Some(3), "{}", shown(&refused));
    assert_eq!(stdout(&desk.run(&["list", "--server", &server.url(), "--api-key", "sesame"])), "no runs\n");
    // Whoever can read the store's folder needs no other key.
    assert_eq!(stdout(&desk.run(&["list"])), "no runs\n");
}

#[test]
fn a_key_that_asks_too_often_is_told_when_to_come_back() {
    let desk = Desk::new();
    let server = Server::start(desk.store(), &["--creates-per-minute", "1"]);
    let ask = || desk.run(&["ask", "What is the capital of Peru?", "--server", &server.url()]);
    assert!(ask().status.success());
    let refused = ask();
    assert_eq!(refused.status.code(), Some(4), "{}", shown(&refused));
    assert!(
        shown(&refused).contains("this key may create 1 times a minute and has; try again in "),
        "{}",
        shown(&refused)
    );
}

#[test]
fn a_command_finds_the_server_that_runs_on_its_store() {
    let desk = Desk::new();
    let _server = Server::start(desk.store(), &["--role", "api"]);
    let told = [
        desk.told(&["ask", "What is the capital of Chad?", "--timeout", "0"]),
        desk.told(&["ask", "What is the capital of Peru?", "--timeout", "0", "--pattern", "poll"]),
        desk.told(&["list"]),
    ];
    assert_told!(told.join("\n"));
    let id = run_of(&desk.run(&["ask", "q", "--timeout", "0"]));
    assert_eq!(stdout(&desk.run(&["cancel", &id])), format!("{id} is cancelled\n"));
    let ended = desk.run(&["result", &id]);
    assert_eq!(ended.status.code(), Some(1), "{}", shown(&ended));
}

#[test]
fn a_question_outlives_the_server_it_was_put_to() {
    let desk = Desk::new();
    let server = Server::start(desk.store(), &["--role", "api"]);
    let (asking, mut stderr) = desk.start(&["ask", "What is the capital of Mali?"]);
    assert!(line(&mut stderr).starts_with("trun_"));
    server.kill();
    let answered = asking.wait_with_output().unwrap();
    let mut told = String::new();
    stderr.read_to_string(&mut told).unwrap();
    assert!(stdout(&answered).contains("Bamako"), "{told}");
    assert!(told.contains("the server went away; going on in this process"), "{told}");
}

#[test]
fn many_questions_at_once_are_all_answered() {
    let desk = Desk::new();
    let asked = [("Chad", "Djamena"), ("Peru", "Lima"), ("Japan", "Tokyo"), ("Niger", "Niamey")];
    let asking = asked.map(|(country, capital)| {
        let question = format!("What is the capital of {country}?");
        let mut command = desk.command(&["ask", &question]);
        (command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap(), capital)
    });
    for (child, capital) in asking {
        let answered = child.wait_with_output().unwrap();
        assert!(stdout(&answered).contains(capital), "{}", shown(&answered));
    }
    let page: Value = serde_json::from_str(&stdout(&desk.run(&["list", "--json"]))).unwrap();
    assert_eq!(page["runs"].as_array().unwrap().len(), asked.len());
}

#[test]
fn ctrl_c_leaves_the_run_and_says_how_to_come_back() {
    let desk = Desk::new();
    let _server = Server::start(desk.store(), &["--role", "api"]);
    let (asking, mut stderr) = desk.start(&["ask", "What is the capital of Mali?"]);
    let id = line(&mut stderr);
    assert_eq!(line(&mut stderr), "waiting for the answer");
    signal(&asking, "-INT");
    assert_eq!(asking.wait_with_output().unwrap().status.code(), Some(130));
    let mut told = String::new();
    stderr.read_to_string(&mut told).unwrap();
    assert_told!(desk.plain(&told));
    assert!(stdout(&desk.run(&["list", "--status", "queued"])).contains(&id));
}

#[test]
fn serve_says_how_to_use_it_and_stops_when_it_is_told() {
    let desk = Desk::new();
    let (serving, mut stderr) = desk.start(&["serve", "--listen", "0"]);
    let mut told = String::new();
    while !told.contains("curl") {
        assert_ne!(stderr.read_line(&mut told).unwrap(), 0, "it ended: {told}");
    }
    signal(&serving, "-TERM");
    let stopped = serving.wait_with_output().unwrap();
    assert!(stopped.status.success() && stopped.stdout.is_empty());
    assert_told!(desk.plain(&told));
}

#[test]
fn whoever_stops_reading_has_what_they_wanted() {
    let desk = Desk::new();
    let mut listing = desk.command(&["list"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(listing.stdout.take());
    assert!(listing.wait().unwrap().success());
}
