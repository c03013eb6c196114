//! The client against servers that say what they were told to say.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const RUN: &str = r#"{"run_id":"trun_0000000000000000000000000199a1b2","interaction_id":"trun_0000000000000000000000000199a1b2",
    "status":"failed","is_active":false,"processor":"base","error":{"ref_id":"r","message":"too late","detail":null}}"#;

/// Answers one connection after the other with these texts; an empty one is a connection that gets lost. Keeps what it
/// was asked.
async fn server(answers: Vec<String>) -> (Client, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/some/path/", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&asked);
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let head = head(&mut stream).await;
            keep.lock().unwrap().push(head);
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let client = Client::new(&base, Some("sesame".to_owned())).unwrap();
    (client, asked)
}

async fn head(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut chunk = [0; 1024];
        let count = stream.read(&mut chunk).await.unwrap();
        assert!(count > 0, "the request ends with its head");
        bytes.extend_from_slice(&chunk[..count]);
    }
    String::from_utf8(bytes).unwrap()
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}", body.len())
}

fn error(message: &str) -> String {
    format!(r#"{{"type":"error","error":{{"ref_id":"r","message":"{message}","detail":null}}}}"#)
}

fn id() -> RunId {
    RunId::from_u128(0x0199_a1b2)
}

#[tokio::test]
async fn waiting_goes_on_through_lost_connections_and_busy_servers() {
    let result = format!(r#"{{"run":{RUN},"output":{{"type":"text","content":"42","basis":[]}}}}"#);
    let (client, asked) = server(vec![
        String::new(),
        answer("503 Busy", "retry-after: 0\r\n", &error("stopping")),
        answer("408 Still", "", &error("still at work")),
        answer("200 OK", "", &result),
    ])
    .await;
    let End::Output { result, .. } = client.result(id(), None).await.unwrap() else { panic!("there is an output") };
    assert_eq!(result.output.content, "42");
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 4);
    let first = "GET /some/path/v1/tasks/runs/trun_0000000000000000000000000199a1b2/result?timeout=50 HTTP/1.1";
    assert!(asked[0].starts_with(first), "{}", asked[0]);
    assert!(asked[0].contains("x-api-key: sesame"));
}

#[tokio::test]
async fn a_run_without_an_output_is_an_end_and_an_unknown_one_is_an_error() {
    let (client, _) = server(vec![answer("404 Not Found", "", &error("failed")), answer("200 OK", "", RUN)]).await;
    let End::Nothing { run } = client.result(id(), None).await.unwrap() else { panic!("it failed") };
    assert_eq!(run.error.unwrap().message, "too late");

    let (client, _) = server(vec![
        answer("404 Not Found", "", &error("no such run")),
        answer("404 Not Found", "", &error("no such run")),
    ])
    .await;
    let error = client.result(id(), None).await.unwrap_err();
    assert_eq!(error.status(), Some(404), "{error:?}");
}

#[tokio::test]
async fn a_deadline_that_passes_says_that_the_run_is_at_work() {
    let (client, asked) = server(vec![answer("408 Still", "", &error("still"))]).await;
    let error = client.result(id(), Some(Instant::now())).await.unwrap_err();
    assert!(matches!(error, ClientError::StillActive), "{error:?}");
    assert!(asked.lock().unwrap()[0].contains("?timeout=0 "));
}

#[tokio::test]
async fn nobody_there_is_said_at_once_by_a_client_without_patience() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::new(&base, None).unwrap().patient_for(Duration::ZERO);
    let error = client.result(id(), None).await.unwrap_err();
    assert_eq!(error.to_string(), format!("no answer from {base}"));
}

#[tokio::test]
async fn a_long_poll_says_whether_something_changed() {
    let (client, asked) =
        server(vec![answer("200 OK", "etag: \"7\"\r\n", RUN), answer("304 Not Modified", "etag: \"7\"\r\n", "")]).await;
    let Waited::Changed { etag, .. } = client.wait(id(), None, Duration::from_secs(9)).await.unwrap() else {
        panic!("the first look is a change")
    };
    assert_eq!(etag.as_deref(), Some("\"7\""));
    let waited = client.wait(id(), etag.as_deref(), Duration::from_secs(9)).await.unwrap();
    assert!(matches!(waited, Waited::Unchanged));
    let asked = asked.lock().unwrap();
    assert!(asked[1].contains("?wait=9 ") && asked[1].contains("if-none-match: \"7\""), "{}", asked[1]);
}

#[tokio::test]
async fn health_is_asked_for_without_the_key() {
    let (client, asked) =
        server(vec![answer("200 OK", "", r#"{"status":"ok","version":"0.1.0","store":"s","more":1}"#)]).await;
    assert_eq!(client.health().await.unwrap().store, "s");
    assert!(!asked.lock().unwrap()[0].contains("sesame"));
}

#[tokio::test]
async fn a_refusal_is_told_in_the_servers_words() {
    let (client, _) = server(vec![answer("401 No", "", &error("wrong key")), answer("502 Bad", "", "<html>")]).await;
    let error = client.run(id()).await.unwrap_err();
    assert!(matches!(&error, ClientError::Auth { message } if message == "wrong key"), "{error:?}");
    let error = client.run(id()).await.unwrap_err();
    assert_eq!(error.to_string(), "status 502: <html>");
}

#[tokio::test]
async fn what_is_no_task_api_is_said_to_be_none() {
    let (client, _) =
        server(vec![answer("200 OK", "", "<html>"), answer("302 Found", "location: http://elsewhere/\r\n", "")]).await;
    for _ in 0..2 {
        let error = client.run(id()).await.unwrap_err();
        assert!(matches!(error, ClientError::Odd { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_run_is_told_to_finish_and_its_question_is_answered() {
    let (client, asked) = server(vec![answer("200 OK", "", RUN), answer("200 OK", "", RUN)]).await;
    client.finish(id()).await.unwrap();
    client.answer_question(id(), &"Ohio".into()).await.unwrap();
    let asked = asked.lock().unwrap();
    for (asked, verb) in asked.iter().zip(["finish", "answer"]) {
        let first = format!("POST /some/path/v1/tasks/runs/trun_0000000000000000000000000199a1b2/{verb} HTTP/1.1");
        assert!(asked.starts_with(&first), "{asked}");
    }
    assert!(asked[1].contains("content-type: application/json"), "{}", asked[1]);
}

#[test]
fn a_base_url_must_be_an_address() {
    for odd in ["", "localhost:8787", "ftp://a.example", "file:///tmp"] {
        assert!(matches!(Client::new(odd, None), Err(ClientError::BadUrl { .. })), "{odd}");
    }
}

#[test]
fn a_key_is_not_printed() {
    let client = Client::new("https://a.example", Some("sesame".to_owned())).unwrap();
    assert!(!format!("{client:?}").contains("sesame"));
}

#[test]
fn a_new_task_sends_only_what_was_given() {
    let task = NewTask { input: "q".into(), processor: "base".to_owned(), ..NewTask::default() };
    assert_eq!(serde_json::to_string(&task).unwrap(), r#"{"input":"q","processor":"base"}"#);
    let limits = Limits { max_seconds: Some(60.0), max_tokens: Some(5), ..Limits::default() };
    let sent = serde_json::to_value(NewTask { limits, ..task }).unwrap();
    assert_eq!(sent["legwork"], json!({"max_seconds": 60.0, "max_tokens": 5}));
}

#[test]
fn a_rerun_sends_only_what_is_different() {
    let sent = |processor: Option<&str>, webhook| {
        serde_json::to_string(&Rerun { processor: processor.map(str::to_owned), webhook }).unwrap()
    };
    assert_eq!(sent(None, Calls::AsBefore), "{}");
    assert_eq!(sent(Some("pro"), Calls::Nobody), r#"{"processor":"pro","webhook":null}"#);
    let other = Calls::This(NewWebhook { url: "https://a.example/".to_owned(), secret: None });
    assert_eq!(sent(None, other), r#"{"webhook":{"url":"https://a.example/"}}"#);
}
