//! Webhooks on the built binary: the guide's fourth pattern, the listener, and what `kill -9` does to what is owed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use legwork_api::client::Client;
use legwork_api::signature::{ID, SIGNATURE, Scheme, TIMESTAMP, sign};
use legwork_core::id::RunId;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::receiver::{Call, Receiver};
use crate::support::{Server, Store, here, legwork};

/// Starts a listener and takes its address from what it says.
fn listening(arguments: &[&str]) -> (std::process::Child, String) {
    let mut command = legwork();
    command.args(["listen", "--port", "0"]).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    // What is on this machine is not asked for by way of another.
    command.env("HTTP_PROXY", "http://127.0.0.1:9").env("http_proxy", "http://127.0.0.1:9");
    let mut child = command.spawn().unwrap();
    let mut told = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut told).unwrap();
    let url = told.split_whitespace().find(|word| word.starts_with("http")).unwrap_or_else(|| panic!("{told}"));
    (child, url.trim_end_matches([';', '/']).to_owned())
}

fn next_line(child: &mut std::process::Child) -> Value {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}"))
}

#[test]
fn pattern_4_has_the_receiver_called_with_the_output() {
    let store = Store::new();
    let server = Server::start(&store, &[]);
    let (mut listener, url) = listening(&["--json", "--server", &server.url()]);
    let lines = std::fs::read_to_string(here("tests/guide/webhook.sh")).unwrap();
    let lines =
        lines.replace("https://api.parallel.ai", &server.url()).replace("https://your-server.example.com", &url);
    let ran = Command::new("bash").args(["-c", &lines]).env_remove("PARALLEL_API_KEY").output().unwrap();
    let created: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let call = next_line(&mut listener);
    listener.kill().unwrap();
    listener.wait().unwrap();
    assert_eq!((&call["verified"], &call["answered"]), (&json!(true), &json!(200)), "{call}");
    let data = &call["payload"]["data"];
    assert_eq!((&data["run_id"], &data["status"]), (&created["run_id"], &json!("completed")));
    assert_eq!(data["output"]["type"], "json", "pro answers with an object: {data}");
}

#[test]
fn a_listener_believes_only_what_is_signed() {
    let (mut listener, url) = listening(&["--json", "--secret", "whsec_c2VjcmV0"]);
    let post = |headers: &[&str]| {
        let headers = headers.iter().flat_map(|header| ["-H", header]);
        let mut curl = Command::new("curl");
        curl.args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "-d", "{}", &url]).args(headers);
        String::from_utf8(curl.output().unwrap().stdout).unwrap()
    };
    assert_eq!(post(&[]), "400");
    let old = ["webhook-id: a", "webhook-timestamp: 1", "webhook-signature: v1,AAAA"];
    assert_eq!(post(&old), "401");
    assert_eq!(next_line(&mut listener)["verdict"], "unsigned: there is no webhook-id");
    listener.kill().unwrap();
    listener.wait().unwrap();
}

/// Calls an address as a server would, at this moment, and returns the answer with its headers. Without a secret it is
/// not signed.
fn call(url: &str, secret: Option<&str>, id: &str) -> String {
    let mut curl = Command::new("curl");
    curl.args(["-s", "-i", "-d", "{}", "-H", "content-type: application/json", url]);
    if let Some(secret) = secret {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed();
        let signature = sign(&[secret.to_owned().into()], Scheme::Both, id, now, b"{}");
        for header in [format!("{ID}: {id}"), format!("{TIMESTAMP}: {now}"), format!("{SIGNATURE}: {signature}")] {
            curl.args(["-H", &header]);
        }
    }
    String::from_utf8(curl.output().unwrap().stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_passes_on_what_is_verified_and_answers_what_is_answered_there() {
    let behind = Receiver::start(0).await;
    *behind.desk.answer.lock().unwrap() = Some(
        b"HTTP/1.1 503 Later\r\nretry-after: 7\r\ncontent-type: text/x-odd\r\nx-own: 1\r\ncontent-length: 4\r\n\r\nbusy",
    );
    let folder = tempfile::tempdir().unwrap();
    let secrets = folder.path().join("secrets");
    std::fs::write(&secrets, "# the old one\nwhsec_b2xk\nwhsec_c2VjcmV0\n").unwrap();
    let secrets = format!("@{}", secrets.display());
    let (mut listener, url) = listening(&["--json", "--secret", &secrets, "--forward", &behind.url]);
    assert!(call(&url, None, "a").starts_with("HTTP/1.1 400 "));
    assert!(call(&url, Some("whsec_b3RoZXI="), "a").starts_with("HTTP/1.1 401 "));
    let answer = call(&url, Some("whsec_c2VjcmV0"), "a");
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("\r\n\r\nbusy"), "{answer}");
    assert!(answer.contains("retry-after: 7\r\n") && answer.contains("content-type: text/x-odd\r\n"), "{answer}");
    assert!(!answer.contains("x-own"), "{answer}");
    let passed = behind.until(|calls| !calls.is_empty()).await;
    assert_eq!((passed.len(), &*passed[0].body, &*passed[0].headers[ID]), (1, "{}", "a"));
    passed[0].check(&["whsec_c2VjcmV0".to_owned().into()]);
    listener.kill().unwrap();
    listener.wait().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (mut listener, url) =
        listening(&["--json", "--secret", "whsec_c2VjcmV0", "--forward", &format!("http://{nobody}/")]);
    assert!(call(&url, Some("whsec_c2VjcmV0"), "a").starts_with("HTTP/1.1 502 "));
    assert_eq!(next_line(&mut listener)["answered"], 502);
    listener.kill().unwrap();
    listener.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_is_made_again_by_the_command_that_asks_for_it() {
    let (store, receiver) = (tempfile::tempdir().unwrap(), Receiver::start(0).await);
    let server = Server::start(store.path(), &[]);
    let client = Client::new(&server.url(), None).unwrap();
    let mut named = Vec::new();
    for url in [receiver.url.as_str(), "http://127.0.0.1:1/"] {
        let task = json!({"processor": "base", "input": "What is the capital of Chad?", "webhook_url": url});
        let id = client.create(&task).await.unwrap().run_id;
        client.result(id, None).await.unwrap();
        named.push((id, client.deliveries(id).await.unwrap().webhooks.remove(0).webhook_id));
    }
    receiver.until(|calls| !calls.is_empty()).await;
    server.kill();
    let again = |(id, name): &(RunId, String)| {
        let mut command = legwork();
        command.args(["webhooks", &id.to_string(), "--redeliver", name, "--json", "--store"]).arg(store.path());
        let ran = command.env("LEGWORK_ALLOW_PRIVATE_TARGETS", "yes").output().unwrap();
        let told = String::from_utf8(ran.stderr).unwrap();
        (ran.status.code(), serde_json::from_slice::<Value>(&ran.stdout).unwrap_or_else(|_| panic!("{told}")))
    };
    let (code, shown) = again(&named[0]);
    assert_eq!((code, &shown["status"]), (Some(0), &json!("delivered")), "{shown}");
    let calls = receiver.until(|calls| calls.len() >= 2).await;
    assert!(calls.iter().all(|call| call.headers[ID] == named[0].1));
    let (code, shown) = again(&named[1]);
    assert_eq!((code, &shown["status"]), (Some(1), &json!("pending")), "{shown}");
    assert!(shown["attempts"][0]["error"].as_str().unwrap().contains("refused"), "{shown}");
}

#[test]
fn a_question_may_have_its_answer_sent_to_the_command_that_asked() {
    let store = tempfile::tempdir().unwrap();
    let ask = |store: &std::path::Path, more: &[&str]| {
        let mut command = legwork();
        command.args(["ask", "What is the capital of Chad?", "--pattern", "webhook", "--store"]).arg(store).args(more);
        let ran = command.output().unwrap();
        (ran.status.code(), String::from_utf8(ran.stdout).unwrap(), String::from_utf8(ran.stderr).unwrap())
    };
    let (code, answer, told) = ask(store.path(), &[]);
    assert!(code == Some(0) && answer.contains("N'Djamena"), "an engine of its own: {told}");
    let mut with_keys = legwork();
    with_keys.args(["ask", "What is the capital of Chad?", "--pattern", "webhook", "--store"]).arg(store.path());
    let ran = with_keys.env("LEGWORK_ACCEPT_KEYS", "sesame").output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "one with keys, too: {}", String::from_utf8_lossy(&ran.stderr));
    let server = Server::start(store.path(), &[]);
    let (code, answer, told) = ask(store.path(), &["--json"]);
    let result: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((code, &result["run"]["status"]), (Some(0), &json!("completed")), "a server without keys: {told}");
    let log = loop {
        let mut shown = legwork();
        shown.args(["webhooks", result["run"]["run_id"].as_str().unwrap(), "--json", "--store"]).arg(store.path());
        let page: Value = serde_json::from_slice(&shown.output().unwrap().stdout).unwrap();
        if page["webhooks"][0]["status"] != "sending" {
            break page;
        }
    };
    let attempts = log["webhooks"][0]["attempts"].as_array().unwrap();
    assert_eq!((attempts.len(), &attempts[0]["status"]), (1, &json!(200)), "the server had its answer: {log}");
    drop(server);
    let keyed = tempfile::tempdir().unwrap();
    let server = Server::start(keyed.path(), &["--accept-key", "sesame"]);
    let url = server.url();
    let (code, _, told) = ask(store.path(), &["--server", &url, "--api-key", "sesame"]);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("start that server with `--allow-target 127.0.0.1`"), "{told}");
    drop(server);
    let server = Server::start(keyed.path(), &["--accept-key", "sesame", "--allow-private-targets"]);
    let (code, answer, told) = ask(store.path(), &["--server", &server.url(), "--api-key", "sesame"]);
    assert!(code == Some(0) && answer.contains("N'Djamena"), "{told}");
}

/// The receiver has the request when the server dies, and the server has no answer: it comes again, at once, the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_under_way_at_kill_9_is_sent_again_the_same() {
    let store = Store::new();
    let receiver = Receiver::start(1).await;
    let server = Server::start(&store, &[]);
    let client = Client::new(&server.url(), None).unwrap();
    let task = json!({"processor": "base", "input": "What is the capital of Chad?", "webhook_url": receiver.url});
    let id = client.create(&task).await.unwrap().run_id;
    receiver.until(|calls| calls.len() == 1).await;
    server.kill();
    let server = Server::start(&store, &[]);
    let calls = receiver.until(|calls| calls.len() >= 2).await;
    let secrets = Client::new(&server.url(), None).unwrap().webhook_secrets().await.unwrap();
    calls.iter().for_each(|call| call.check(&secrets));
    assert_eq!((&calls[0].headers[ID], &calls[0].body), (&calls[1].headers[ID], &calls[1].body));
    assert_eq!(calls[0].run(), id);
}

/// Killed again and again while runs end and webhooks are called: each accepted run's webhook is called in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_webhook_is_lost_over_kill_9() {
    let store = Store::new();
    let receiver = Receiver::start(0).await;
    let mut accepted = BTreeSet::new();
    for round in 0_u64..10 {
        let server = Server::start(&store, &["--idle"]);
        let client = Client::new(&server.url(), None).unwrap();
        let task = json!({"processor": "base", "input": {"at": 0}, "webhook_url": receiver.url});
        // However slow the machine is.
        for _ in 0..6 {
            accepted.insert(client.create(&task).await.unwrap().run_id);
        }
        let creating = async {
            loop {
                let Ok(run) = client.create(&task).await else { return };
                accepted.insert(run.run_id);
            }
        };
        // Killed at another moment each round, in the thick of it.
        drop(tokio::time::timeout(Duration::from_millis(30 + round * 17), creating).await);
        server.kill();
    }
    let server = Server::start(&store, &["--idle"]);
    let told = |calls: &[Call]| calls.iter().map(Call::run).collect::<BTreeSet<_>>();
    let calls = receiver.until(|calls| accepted.is_subset(&told(calls))).await;
    let secrets = Client::new(&server.url(), None).unwrap().webhook_secrets().await.unwrap();
    let mut bodies = BTreeMap::new();
    for call in &calls {
        call.check(&secrets);
        let first = bodies.entry(call.headers[ID].clone()).or_insert_with(|| call.body.clone());
        assert_eq!(*first, call.body, "the same id, the same bytes");
    }
}
