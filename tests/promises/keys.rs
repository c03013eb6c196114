//! Keys on the built binary: made, used and taken back while a server runs, and without one.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::{Server, legwork};

fn on(store: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = legwork();
    command.args(arguments).env("LEGWORK_STORE", store).envs(variables.iter().copied());
    command.stdin(Stdio::null()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr(output));
    String::from_utf8(output.stdout.clone()).unwrap().trim_end().to_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Makes a key.
fn made(store: &Path, arguments: &[&str]) -> String {
    let key = stdout(&on(store, &[], &[&["key", "create"], arguments].concat()));
    assert!(key.starts_with("lw_") && key.len() == 46, "{key}");
    key
}

/// What a server answers: its status, and its body.
fn curl(server: &Server, key: Option<&str>, path: &str, body: Option<&str>) -> (u16, Value) {
    let mut command = Command::new("curl");
    command.args(["-s", "-w", "\n%{http_code}", &format!("{}{path}", server.url())]);
    if let Some(key) = key {
        command.args(["-H", &format!("x-api-key: {key}")]);
    }
    if let Some(body) = body {
        command.args(["-d", body]);
    }
    let told = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let (body, status) = told.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), serde_json::from_str(body).unwrap())
}

fn submitted(server: &Server, key: Option<&str>) -> String {
    let body = r#"{"processor":"base","input":"What is the capital of Chad?"}"#;
    let (status, run) = curl(server, key, "/v1/tasks/runs", Some(body));
    assert_eq!(status, 202, "{run}");
    run["run_id"].as_str().unwrap().to_owned()
}

/// The runs that a key sees, newest first.
fn seen(server: &Server, key: &str) -> Vec<String> {
    let (status, page) = curl(server, Some(key), "/v1/tasks/runs", None);
    assert_eq!(status, 200, "{page}");
    let runs = page["runs"].as_array().unwrap().iter();
    runs.map(|run| run["run_id"].as_str().unwrap().to_owned()).collect()
}

fn refused(server: &Server, key: Option<&str>, why: &str) {
    let (status, body) = curl(server, key, "/v1/tasks/runs", None);
    assert_eq!(status, 401, "{body}");
    let told = body["error"]["message"].as_str().unwrap();
    assert!(told.contains(why), "{told}");
}

#[test]
fn a_key_is_made_used_and_taken_back_while_the_server_runs() {
    let store = tempfile::tempdir().unwrap();
    let server = Server::start(store.path(), &["--role", "api"]);
    let of_open_mode = submitted(&server, None);
    let made_first = on(store.path(), &[], &["key", "create", "one", "--expires", "90d"]);
    let one = stdout(&made_first);
    let told = stderr(&made_first);
    assert!(told.contains("shown only now") && told.contains("first key"), "{told}");
    refused(&server, None, "there is no API key");
    let two = made(store.path(), &["two"]);
    let heir = made(store.path(), &["heir", "--adopt"]);
    let (of_one, of_two) = (submitted(&server, Some(&one)), submitted(&server, Some(&two)));
    assert_eq!((seen(&server, &one), seen(&server, &two)), (vec![of_one.clone()], vec![of_two]));
    assert_eq!(curl(&server, Some(&two), &format!("/v1/tasks/runs/{of_one}"), None).0, 404);
    assert_eq!(seen(&server, &heir), [of_open_mode]);

    stdout(&on(store.path(), &[], &["key", "revoke", "one"]));
    refused(&server, Some(&one), "was revoked");
    assert_eq!(seen(&server, &two).len(), 1, "another is not hurt by it");
    let listed: Value = serde_json::from_str(&stdout(&on(store.path(), &[], &["key", "list", "--json"]))).unwrap();
    let keys = listed["keys"].as_array().unwrap().iter();
    let shown: Vec<_> = keys.map(|key| (key["name"].as_str().unwrap(), key["status"].as_str().unwrap())).collect();
    assert_eq!(shown, [("one", "revoked"), ("two", "good"), ("heir", "good")]);
    assert!(!listed.to_string().contains(&two), "no key is shown again");

    // Neither a restart nor a kill brings one back.
    server.kill();
    let server = Server::start(store.path(), &["--role", "api"]);
    refused(&server, Some(&one), "was revoked");
    refused(&server, None, "there is no API key");
    assert_eq!(seen(&server, &two).len(), 1);
}

#[test]
fn keys_are_managed_without_a_server_and_let_one_listen_to_others() {
    let store = tempfile::tempdir().unwrap();
    let beyond = ["serve", "--listen", "0.0.0.0:0"];
    let without = on(store.path(), &[], &beyond);
    assert_eq!(without.status.code(), Some(2));
    assert!(stderr(&without).contains("legwork key create NAME"), "{}", stderr(&without));
    let key = made(store.path(), &["laptop"]);
    assert!(stdout(&on(store.path(), &[], &["doctor"])).contains("1 made, and `legwork key list` shows"));
    // A command that has no server does the work as this key's owner, if it is told to.
    let asked = on(store.path(), &[("LEGWORK_API_KEY", &key)], &["ask", "What is the capital of Chad?", "--json"]);
    let run = serde_json::from_str::<Value>(&stdout(&asked)).unwrap()["run"]["run_id"].as_str().unwrap().to_owned();
    assert_eq!(stdout(&on(store.path(), &[], &["list"])), "no runs", "it is not the folder's");

    let server = Server::start_at("0.0.0.0:0", store.path(), &["--role", "api"]);
    assert_eq!(seen(&server, &key), [run]);
    refused(&server, None, "there is no API key");
    drop(server);

    for (arguments, code) in [
        (&["key", "create", "laptop"][..], 4),
        (&["key", "create", "x", "--expires", "2001-01-01"], 2),
        (&["key", "create", "x", "--expires", "soon"], 2),
        (&["key", "revoke", "nobody"], 2),
        (&["key", "forget", "laptop"], 4),
        (&["key", "revoke", "laptop"], 0),
    ] {
        let output = on(store.path(), &[], arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
    }
    let server = Server::start_at("0.0.0.0:0", store.path(), &["--role", "api"]);
    refused(&server, None, "there is no API key");
    stdout(&on(store.path(), &[], &["key", "forget", "laptop"]));
    refused(&server, None, "there is no API key");
    drop(server);
    assert_eq!(on(store.path(), &[], &beyond).status.code(), Some(2), "there is no key left");
    let server = Server::start(store.path(), &["--role", "api"]);
    submitted(&server, None);
}

#[test]
fn a_server_that_was_named_is_known_by_its_store_and_another_says_what_is_wrong() {
    let (here, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(&here.path().join("legwork"), &["--role", "api"]);
    let (url, place) = (server.url(), |home: &tempfile::TempDir| home.path().display().to_string());
    // The usual store, which lies elsewhere for whoever is elsewhere.
    let at = |home: &tempfile::TempDir, variable: &str, arguments: &[&str]| {
        let mut command = legwork();
        command.args(arguments).env("XDG_DATA_HOME", place(home)).env(variable, &url).env("LEGWORK_API_KEY", "any");
        command.stdin(Stdio::null()).output().unwrap()
    };
    for variable in ["PARALLEL_BASE_URL", "LEGWORK_URL"] {
        stdout(&at(&here, variable, &["key", "create", variable]));
        let refused = at(&elsewhere, variable, &["key", "create", "mine"]);
        assert_eq!(refused.status.code(), Some(3), "{}", stderr(&refused));
        assert!(stderr(&refused).contains("on the machine of the server"), "{}", stderr(&refused));
    }
    assert!(!elsewhere.path().join("legwork").exists(), "nothing was made there");
    let listed = stdout(&at(&here, "LEGWORK_URL", &["key", "list"]));
    assert_eq!(listed.lines().count(), 3, "{listed}");
}
