//! What is promised to those who run a server: its log, its copies, and what `doctor` says of it.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use legwork_api::client::{Client, End, ListRuns, NewTask};
use serde_json::Value;

use crate::support::{Server, Store, legwork};

fn on(store: &Path, arguments: &[&str]) -> Output {
    with(store, &[], arguments)
}

fn with(store: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = legwork();
    // Whoever else listens on this machine is no matter.
    command.args(arguments).env("LEGWORK_STORE", store).env("LEGWORK_LISTEN", "0").envs(variables.iter().copied());
    command.stdin(Stdio::null()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn client(server: &Server) -> Client {
    Client::new(&server.url(), Some(server.file().key.clone())).unwrap()
}

fn question(text: &str) -> NewTask {
    NewTask { input: text.into(), processor: "base".to_owned(), ..NewTask::default() }
}

#[test]
fn a_json_log_is_one_object_a_line_and_nothing_else() {
    let store = tempfile::tempdir().unwrap();
    let mut command = legwork();
    command.args(["serve", "--listen", "0", "--role", "api", "--log", "json", "-v"]).env("LEGWORK_STORE", store.path());
    let mut serving = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(serving.stderr.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&log.next().unwrap().unwrap()).unwrap() };
    let started = loop {
        let line = next();
        if line["message"] == "listening" {
            break line;
        }
    };
    let address: SocketAddr = started["server.address"].as_str().unwrap().parse().unwrap();
    let asked = std::process::Command::new(env!("CARGO_BIN_EXE_legwork"))
        .args(["list", "--server", &format!("http://{address}")])
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .output()
        .unwrap();
    assert!(asked.status.success());
    let answered = loop {
        let line = next();
        if line["message"] == "answered" {
            break line;
        }
    };
    assert_eq!(answered["level"], "DEBUG");
    assert_eq!(answered["http.method"], "GET");
    assert_eq!(answered["http.path"], "/v1/tasks/runs", "the query is left out");
    assert_eq!(answered["http.status"], 200);
    assert!(answered["took_ms"].is_u64() && answered["timestamp"].is_string(), "{answered}");
    serving.kill().unwrap();
    serving.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_made_under_load_has_every_run_that_was_accepted_before_it_began() {
    let (store, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(store.path(), &["--role", "api"]);
    let accepted = Arc::new(Mutex::new(Vec::new()));
    let stop = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (client, accepted, stop) = (client(&server), accepted.clone(), stop.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let run = client.create(&question("What is the capital of Chad?")).await.unwrap();
                    accepted.lock().unwrap().push(run.run_id);
                }
            })
        })
        .collect();
    while accepted.lock().unwrap().len() < 200 {
        tokio::task::yield_now().await;
    }
    let before = accepted.lock().unwrap().clone();
    let file = elsewhere.path().join("copy/legwork.db");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    let (from, to) = (store.path().to_owned(), file.display().to_string());
    let copied = tokio::task::spawn_blocking(move || stdout(&on(&from, &["backup", &to, "--json"]))).await.unwrap();
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    let copied: Value = serde_json::from_str(&copied).unwrap();
    drop(server);

    // The copy is a store: what it holds is found again, and goes on.
    let again = Server::start(file.parent().unwrap(), &[]);
    assert_eq!(again.file().store_id, copied["store"].as_str().unwrap());
    let client = client(&again);
    for id in &before {
        client.run(*id).await.unwrap();
    }
    assert!(usize::try_from(copied["runs"].as_u64().unwrap()).unwrap() >= before.len());
    let ended = client.result(before[0], None).await.unwrap();
    assert_eq!(ended.run().status.as_str(), "completed");
    assert!(!client.list(&ListRuns::default()).await.unwrap().runs.is_empty());
}

#[test]
fn a_copy_is_made_of_a_store_whose_server_was_killed_and_replaces_nothing_unasked() {
    let (store, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = elsewhere.path().join("copy.db").display().to_string();
    let none = on(store.path(), &["backup", &file]);
    assert_eq!(none.status.code(), Some(2), "there is no store yet");
    let server = Server::start(store.path(), &["--role", "api"]);
    on(store.path(), &["ask", "q", "--timeout", "0"]);
    server.kill();
    assert!(stdout(&on(store.path(), &["backup", &file])).contains("copy.db: 1 run, "));
    let refused = on(store.path(), &["backup", &file]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--force"));
    stdout(&on(store.path(), &["backup", &file, "--force"]));
    let left: Vec<_> = elsewhere.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["copy.db"], "no draft is left");
}

#[test]
fn a_copy_never_takes_the_place_of_a_store() {
    let (store, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(store.path(), &["--role", "api"]);
    let another = Server::start(other.path(), &["--role", "api"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("link.db");
    std::os::unix::fs::symlink(store.path().join("legwork.db"), &link).unwrap();
    let linked = elsewhere.path().join("other.db");
    std::os::unix::fs::symlink(other.path().join("legwork.db"), &linked).unwrap();
    let left = elsewhere.path().join("left.db");
    std::fs::write(elsewhere.path().join("left.db-wal"), "a log").unwrap();
    for (target, why) in [
        (store.path().join("legwork.db"), "is the store itself"),
        (link, "is the store itself"),
        (other.path().join("legwork.db"), "belongs to a store"),
        (linked, "belongs to a store"),
        (store.path().join("server.json"), "belongs to a store"),
        (left, "belongs to a store"),
        (elsewhere.path().to_owned(), "is no file"),
    ] {
        let refused = on(store.path(), &["backup", &target.display().to_string(), "--force"]);
        let told = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{target:?}: {told}");
        assert!(told.contains(why) && told.contains("hint: "), "{target:?}: {told}");
    }
    // Both go on as they were.
    for server in [&server, &another] {
        stdout(&on(store.path(), &["list", "--server", &server.url()]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_written_out_while_it_is_served_and_goes_on_elsewhere() {
    let (store, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(store.path(), &[]);
    let asked = client(&server).create(&question("What is the capital of Chad?")).await.unwrap();
    let answered = client(&server).result(asked.run_id, None).await.unwrap();
    let lines = stdout(&on(store.path(), &["export"]));
    let file = elsewhere.path().join("all.jsonl").display().to_string();
    let told: Value = serde_json::from_str(&stdout(&on(store.path(), &["export", &file, "--json"]))).unwrap();
    assert_eq!(told["records"]["run"], 1);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), lines);
    assert_eq!(on(store.path(), &["export", &file]).status.code(), Some(2));
    assert!(stdout(&on(store.path(), &["export", &file, "--force"])).contains("all.jsonl: 1 run, 0 groups, 0 keys"));
    // Nobody takes a store from under its server.
    let held = on(store.path(), &["import", &file]);
    assert_eq!(held.status.code(), Some(2), "{}", String::from_utf8_lossy(&held.stderr));
    drop(server);

    let other = elsewhere.path().join("store");
    assert!(stdout(&on(&other, &["import", &file])).contains("all.jsonl: 1 run, "));
    let again = Server::start(&other, &[]);
    assert_eq!(again.file().store_id, told["store"].as_str().unwrap());
    let found = client(&again).result(asked.run_id, None).await.unwrap();
    assert_eq!(format!("{found:?}"), format!("{answered:?}"));
    drop(again);
    assert_eq!(stdout(&on(&other, &["export"])), lines);
    let full = on(&other, &["import", &file]);
    assert_eq!(full.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&full.stderr).contains("is not empty"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_goes_from_a_folder_into_postgresql_and_is_served_there() {
    let Some(database) = Store::in_a_database() else { return };
    let (store, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // Nobody works here, so everything waits.
    let server = Server::start(store.path(), &["--role", "api"]);
    let first = client(&server).create(&question("What is the capital of Chad?")).await.unwrap();
    let last = client(&server).create(&question("What is the capital of Mali?")).await.unwrap();
    let newest = client(&server).list(&ListRuns { limit: Some(1), ..ListRuns::default() }).await.unwrap();
    assert_eq!(newest.runs[0].run_id, last.run_id);
    let id = server.file().store_id.clone();
    drop(server);
    let file = elsewhere.path().join("all.jsonl").display().to_string();
    let back = elsewhere.path().join("back.jsonl").display().to_string();
    stdout(&on(store.path(), &["export", &file]));
    let url = Path::new(database.as_ref());
    assert_eq!(on(url, &["export"]).status.code(), Some(2), "there is no store yet");
    let told: Value = serde_json::from_str(&stdout(&on(url, &["import", &file, "--json"]))).unwrap();
    assert_eq!((told["store"].as_str().unwrap(), &told["records"]["run"]), (&*id, &2.into()));
    stdout(&on(url, &["export", &back]));
    assert_eq!(std::fs::read_to_string(&back).unwrap(), std::fs::read_to_string(&file).unwrap());

    let server = Server::start(&database, &[]);
    let there = Client::new(&server.url(), None).unwrap();
    for run in [first.run_id, last.run_id] {
        let End::Output { .. } = there.result(run, None).await.unwrap() else { panic!("{run} has no result") };
    }
    let cursor = newest.next_cursor.clone();
    assert!(cursor.is_some());
    let rest = there.list(&ListRuns { cursor, ..ListRuns::default() }).await.unwrap();
    assert_eq!(rest.runs.iter().map(|run| run.run_id).collect::<Vec<_>>(), [first.run_id]);
    let served = on(url, &["import", &file]);
    let told = String::from_utf8_lossy(&served.stderr);
    assert_eq!(served.status.code(), Some(2), "{told}");
    assert!(told.contains("the store is served at ") && told.contains("hint: "), "{told}");
    stdout(&on(url, &["export", &back, "--force"]));
    drop(server);
    let home = elsewhere.path().join("home");
    assert!(stdout(&on(&home, &["import", &back])).contains("2 runs, "));
    let server = Server::start(&home, &[]);
    assert_eq!(server.file().store_id, id);
    let End::Output { .. } = client(&server).result(last.run_id, None).await.unwrap() else { panic!("it is lost") };
}

#[test]
fn what_cannot_be_taken_in_is_told_with_what_to_try() {
    let (store, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = elsewhere.path().join("in.jsonl");
    let head = r#"{"legwork_export":1,"written_by":"t","store":{"id":"s","seal":"s","last_run":0,"last_fact":0}}"#;
    for (text, says) in [
        ("", "this is no export of a store"),
        ("{\"legwork_export\":7,\"written_by\":\"legwork 3.0.0\"}\n", "written by legwork 3.0.0 in form 7"),
        (&format!("{head}\n"), "the file was cut off: it ends with line 1"),
        (&format!("{head}\n{{\"key\":1}}\n"), "line 2 is wrong: "),
    ] {
        std::fs::write(&file, text).unwrap();
        let refused = on(store.path(), &["import", &file.display().to_string()]);
        let told = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{told}");
        assert!(told.contains(says) && told.contains("hint: "), "{told}");
    }
    let missing = on(store.path(), &["import", "/nowhere/in.jsonl"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("/nowhere/in.jsonl cannot be read"));
    assert_eq!(on(elsewhere.path(), &["export"]).status.code(), Some(2), "there is no store");
}

/// What `doctor` found: how each thing is that it looked at.
fn found(output: &Output) -> Vec<(String, String)> {
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["ok"], output.status.success());
    let checks = told["checks"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    checks.map(|check| (text(&check["about"]), text(&check["health"]))).collect()
}

#[test]
fn doctor_finds_a_server_that_is_well_and_says_what_is_wrong() {
    let store = tempfile::tempdir().unwrap();
    let is =
        |found: &[(String, String)], about: &str, health: &str| found.contains(&(about.to_owned(), health.to_owned()));
    let without = on(store.path(), &["doctor", "--json"]);
    assert!(without.status.success(), "{}", String::from_utf8_lossy(&without.stdout));

    let server = Server::start(store.path(), &["--accept-key", "sesame"]);
    let well = found(&on(store.path(), &["doctor", "--json"]));
    for about in ["store", "runs", "server", "version", "ready", "key", "sqlite"] {
        assert!(is(&well, about, "ok"), "{about} in {well:?}");
    }
    let wrong = on(store.path(), &["doctor", "--json", "--api-key", "wrong"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(is(&found(&wrong), "key", "fail"));
    let bad = store.path().join("bad.toml");
    std::fs::write(&bad, "solts = 4\n").unwrap();
    let odd = on(store.path(), &["doctor", "--json", "--config", &bad.display().to_string(), "--corpus", "/nowhere"]);
    assert!(is(&found(&odd), "settings", "fail") && is(&found(&odd), "corpus", "fail"));
    drop(server);
    let gone = on(store.path(), &["doctor", "--json", "--server", "http://127.0.0.1:1"]);
    assert!(is(&found(&gone), "server", "fail"));
}

/// Answers of which those labelled high are right, those labelled medium often, and those labelled low seldom.
fn labelled_answers() -> String {
    let line = |at: usize| {
        let (label, right) = [("high", true), ("medium", at % 10 < 7), ("low", at % 10 < 3)][at % 3];
        format!("{{\"question\":\"q{at}\",\"processor\":\"base\",\"confidence\":\"{label}\",\"correct\":{right}}}\n")
    };
    (0..240).map(line).collect()
}

#[test]
fn labels_are_uncalibrated_until_they_are_measured_and_nothing_else_is_taken_for_a_measurement() {
    let store = tempfile::tempdir().unwrap();
    let path = |name: &str| store.path().join(name).display().to_string();
    let told = said(&on(store.path(), &["doctor", "--json"]), "labels");
    assert!(told.starts_with("ok: uncalibrated"), "{told}");
    std::fs::write(path("set.jsonl"), labelled_answers()).unwrap();
    let measured = on(store.path(), &["calibrate", &path("set.jsonl"), "-o", &path("calibration.json")]);
    assert!(stdout(&measured).contains("base, no model: 240 answers"), "{measured:?}");
    let told = said(&on(store.path(), &["doctor", "--json", "--calibration", &path("calibration.json")]), "labels");
    assert!(told.starts_with("ok: calibrated on 20") && told.contains("240 answers"), "{told}");
    std::fs::write(path("odd.json"), "{}").unwrap();
    let told = said(&on(store.path(), &["doctor", "--json", "--calibration", &path("odd.json")]), "labels");
    assert!(told.starts_with("fail: ") && told.contains("odd.json is no calibration"), "{told}");
    let refused = with(store.path(), &[("LEGWORK_CALIBRATION", &path("odd.json"))], &["serve"]);
    assert!(!refused.status.success());
    let talk = String::from_utf8_lossy(&refused.stderr);
    assert!(talk.contains("odd.json is no calibration") && talk.contains("hint: measure anew"), "{talk}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_says_what_it_is_before_it_answers_anybody_and_that_nobody_works() {
    let store = tempfile::tempdir().unwrap();
    let server = Server::start(store.path(), &["--role", "api"]);
    let ready = client(&server).ready().await.unwrap();
    let [this] = &ready.nodes.unwrap()[..] else { panic!("it is alone") };
    assert_eq!((this.address, &*this.version), (server.address, env!("CARGO_PKG_VERSION")));
    assert!(!this.host.is_empty());
    assert!(ready.warnings[0].message.contains("--role worker"), "{:?}", ready.warnings);
    let told = said(&on(store.path(), &["doctor", "--json"]), "nodes");
    assert!(told.starts_with("warn: ") && told.contains("--role worker"), "{told}");
}

/// What `doctor` says about one thing.
fn said(output: &Output, about: &str) -> String {
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut checks = told["checks"].as_array().unwrap().iter();
    let check = checks.find(|check| check["about"] == about).unwrap_or_else(|| panic!("{about} in {told:#}"));
    format!("{}: {}", check["health"].as_str().unwrap(), check["says"].as_str().unwrap())
}

#[test]
fn doctor_counts_documents_as_a_server_does() {
    let home = tempfile::tempdir().unwrap();
    let (store, docs) = (home.path().join("store"), home.path().join("docs"));
    std::fs::create_dir(&docs).unwrap();
    let look = || on(&store, &["doctor", "--json", "--corpus", &docs.display().to_string()]);
    let write = |name: &str, text: &[u8]| std::fs::write(docs.join(name), text).unwrap();
    assert!(said(&look(), "corpus").starts_with("warn: "), "nothing is there");
    write("empty.txt", b"");
    write("binary.txt", &[0, 1, 2, 0, 255, 0, 7, 0].repeat(100));
    write(".hidden.md", b"# Hidden\n\nNobody is answered from this.\n");
    let nothing = said(&look(), "corpus");
    assert!(nothing.starts_with("warn: ") && nothing.contains("has nothing to answer from"), "{nothing}");
    write("page.html", b"<html><body><h1>Bridges</h1><p>The bridge was built by Ada Finch in 1911.</p></body></html>");
    write("people.csv", b"name,town\nAda Finch,Chester\nBen Lowe,York\n");
    let two = said(&look(), "corpus");
    assert!(two.starts_with("ok: ") && two.contains("in 2 files"), "{two}");
    assert!(!store.exists(), "to look is not to make");
}

#[test]
fn doctor_asks_each_provider_of_search_once() {
    let store = tempfile::tempdir().unwrap();
    let gone = "http://127.0.0.1:1";
    let searxng = [("LEGWORK_SEARCH", "searxng"), ("LEGWORK_SEARCH_SEARXNG_BASE_URL", gone)];
    let down = with(store.path(), &searxng, &["doctor", "--json"]);
    assert_eq!(down.status.code(), Some(1));
    let told = said(&down, "search");
    assert!(told.starts_with("fail: searxng cannot be reached: "), "{told}");
    let nobody = said(&on(store.path(), &["doctor", "--json"]), "search");
    assert!(nobody.starts_with("ok: nobody is asked"), "{nobody}");
    let keyless = with(store.path(), &[("LEGWORK_SEARCH", "brave")], &["doctor", "--json"]);
    let told = said(&keyless, "settings");
    assert!(String::from_utf8_lossy(&keyless.stdout).contains("LEGWORK_SEARCH_BRAVE_KEY"), "{told}");
}

#[test]
fn doctor_says_at_the_root_why_a_store_cannot_be_opened() {
    let store = tempfile::tempdir().unwrap();
    std::fs::create_dir(store.path().join("legwork.db")).unwrap();
    let told = said(&on(store.path(), &["doctor", "--json"]), "runs");
    assert!(told.starts_with("fail: ") && told.contains("cannot be opened: "), "{told}");
}

#[test]
fn doctor_says_what_serve_would_refuse() {
    let store = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().map(|address| (taken, address.to_string())).unwrap();
    let listens = |at| ("LEGWORK_LISTEN", at);
    for (variable, about, says) in [
        (listens("0.0.0.0:8787"), "settings", "--accept-key"),
        (listens("nowhere"), "settings", "no address to listen on"),
        (("LEGWORK_SLOTS", "many"), "settings", "invalid value 'many'"),
        (("LEGWORK_CORS_ORIGINS", "everybody"), "settings", "no origin of a page"),
        (listens(&taken.1), "listen", "cannot be listened on: "),
    ] {
        let told = with(store.path(), &[variable], &["doctor", "--json"]);
        assert_eq!(told.status.code(), Some(1), "{variable:?}");
        let told: Value = serde_json::from_slice(&told.stdout).unwrap();
        let mut checks = told["checks"].as_array().unwrap().iter();
        let is_it = |check: &Value| check["about"] == about && check["health"] == "fail";
        let check = checks.find(|check| is_it(check)).unwrap_or_else(|| panic!("{variable:?}: {told:#}"));
        assert!(check["says"].as_str().unwrap().contains(says), "{check}");
    }
    assert!(said(&on(store.path(), &["doctor", "--json"]), "listen").starts_with("ok: "));
}

#[test]
fn the_commands_describe_themselves_whatever_the_settings_are_like() {
    let store = tempfile::tempdir().unwrap();
    let bad = store.path().join("bad.toml");
    std::fs::write(&bad, "solts = 4\n").unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = legwork().args(["completions", shell]).env("LEGWORK_CONFIG", &bad).output().unwrap();
        assert!(stdout(&script).contains("doctor"), "{shell}");
    }
    assert!(stdout(&legwork().args(["man", "serve"]).output().unwrap()).contains("\\-\\-listen"));
}
