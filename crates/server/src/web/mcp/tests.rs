//! Conversations with MCP servers of both kinds, and with such as do not keep to either.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Response;
use serde_json::json;
use tokio::time::Instant;

use super::*;
use crate::config::Targets;
use crate::reach::{self, Names, Rule};
use crate::testing::provider::{Asked, Endpoint, Script, answer};
use crate::web::wire::Direct;

const TOOL: &str = r#"{"name":"search","description":"Searches.","inputSchema":{"type":"object","properties":{
    "query":{"type":"string"},"region":{"type":"string","x-mcp-header":"Region"}}}}"#;

fn result(asked: &Asked, result: &Value) -> Response<String> {
    answer(200, &json!({"jsonrpc": "2.0", "id": asked.json()["id"], "result": result}).to_string())
}

fn error(status: u16, asked: &Asked, code: i64, says: &str) -> Response<String> {
    let id = asked.json()["id"].clone();
    answer(status, &json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": says}}).to_string())
}

fn method(asked: &Asked) -> String {
    asked.json()["method"].as_str().unwrap_or_default().to_owned()
}

fn tools() -> Value {
    json!({"tools": [serde_json::from_str::<Value>(TOOL).unwrap()]})
}

fn said_hello(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}], "isError": false})
}

/// As servers of 2026-07-28 do it.
#[expect(clippy::unnecessary_wraps, reason = "it is an answer as scripts give them")]
fn modern(asked: &Asked) -> Option<Response<String>> {
    let body = asked.json();
    let version = &body["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"];
    if asked.header("mcp-protocol-version") != MODERN
        || version != MODERN
        || asked.header("mcp-method") != method(asked)
    {
        return Some(error(400, asked, -32020, "Header mismatch"));
    }
    Some(match method(asked).as_str() {
        "tools/list" => result(asked, &tools()),
        "tools/call" => result(asked, &said_hello("hello")),
        _ => error(404, asked, -32601, "Method not found"),
    })
}

/// As servers with sessions do it, down to the words in which they refuse what they do not know.
fn legacy(asked: &Asked, session: &str) -> Response<String> {
    if method(asked) == "initialize" {
        let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "s", "version": "1"}});
        let (mut head, body) = result(asked, &hello).into_parts();
        head.headers.insert("mcp-session-id", session.parse().unwrap());
        return Response::from_parts(head, body);
    }
    match asked.header("mcp-session-id") {
        known if known == session => {}
        "" => return error(400, asked, -32000, "Bad Request: Unsupported protocol version: 2026-07-28"),
        _ => return error(404, asked, -32001, "Session not found"),
    }
    assert_eq!(asked.header("mcp-protocol-version"), "2025-06-18");
    assert!(asked.header("mcp-method").is_empty() && asked.json()["params"].get("_meta").is_none());
    match method(asked).as_str() {
        "notifications/initialized" => Response::builder().status(202).body(String::new()).unwrap(),
        "tools/list" => result(asked, &tools()),
        "tools/call" => result(asked, &said_hello("hello")),
        _ => Response::builder().status(405).body(String::new()).unwrap(),
    }
}

async fn open(endpoint: &Endpoint) -> Result<Connection, McpError> {
    open_with(endpoint, &BTreeMap::new()).await
}

async fn open_with(endpoint: &Endpoint, headers: &BTreeMap<String, Secret>) -> Result<Connection, McpError> {
    let url = endpoint.url().join("/mcp").unwrap();
    let wire = Arc::new(Direct::to(&url).unwrap());
    Connection::open(wire, &url, headers.iter().map(|(name, value)| (name.as_str(), value))).await
}

fn arguments(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[tokio::test]
async fn a_server_of_today_is_asked_at_once() {
    let endpoint = Endpoint::start(modern).await;
    let connection = open(&endpoint).await.unwrap();
    assert_eq!(connection.tools()[0].name, "search");
    let told = connection.call("search", arguments(&json!({"query": "q", "region": "eu"}))).await.unwrap();
    assert_eq!((told.text.as_str(), told.is_error), ("hello", false));
    connection.close().await;
    let asked = endpoint.asked();
    assert_eq!(asked.iter().map(method).collect::<Vec<_>>(), ["tools/list", "tools/call"], "no handshake, no goodbye");
    let call = &asked[1];
    assert_eq!((call.header("mcp-name"), call.header("mcp-param-region")), ("search", "eu"));
    assert_eq!(call.header("accept"), "application/json, text/event-stream");
    assert_eq!(call.json()["params"]["arguments"], json!({"query": "q", "region": "eu"}));
}

#[tokio::test]
async fn an_earlier_server_is_shaken_hands_with() {
    let endpoint = Endpoint::start(|asked| Some(legacy(asked, "s1"))).await;
    let connection = open(&endpoint).await.unwrap();
    connection.call("search", Map::new()).await.unwrap();
    connection.close().await;
    let asked = endpoint.asked();
    let methods: Vec<_> = asked.iter().map(method).collect();
    let all = ["tools/list", "initialize", "notifications/initialized", "tools/list", "tools/call", ""];
    assert_eq!(methods, all);
    assert_eq!((asked[5].method.as_str(), asked[5].header("mcp-session-id")), ("DELETE", "s1"));
}

#[tokio::test]
async fn a_session_that_was_forgotten_is_begun_anew() {
    let mut sessions = 0;
    let endpoint = Endpoint::start(move |asked| {
        sessions += u32::from(method(asked) == "initialize");
        // The first session is forgotten as soon as its tools were listed.
        let is_first = sessions == 1 && method(asked) == "tools/call";
        let session = if is_first { "gone".to_owned() } else { format!("s{sessions}") };
        Some(legacy(asked, &session))
    })
    .await;
    let connection = open(&endpoint).await.unwrap();
    assert_eq!(connection.call("search", Map::new()).await.unwrap().text, "hello");
    let calls = endpoint.asked().iter().filter(|asked| method(asked) == "tools/call").count();
    assert_eq!(calls, 2);
}

#[tokio::test]
async fn a_server_of_both_kinds_is_spoken_to_in_what_it_has() {
    // A later version than ours, and one of those before.
    let endpoint = Endpoint::start(|asked| {
        let id = asked.json()["id"].clone();
        let data = json!({"supported": ["2027-01-01", "2025-06-18"], "requested": MODERN});
        let body =
            json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32022, "message": "Unsupported", "data": data}});
        let is_modern = asked.header("mcp-protocol-version") == MODERN;
        Some(if is_modern { answer(400, &body.to_string()) } else { legacy(asked, "s1") })
    })
    .await;
    assert!(open(&endpoint).await.is_ok());
}

#[tokio::test]
#[expect(clippy::format_collect, reason = "a test may write a stream as it reads best")]
async fn answers_come_as_streams_with_other_messages_in_them() {
    let endpoint = Endpoint::start(|asked| {
        let id = asked.json()["id"].clone();
        let outcome = if method(asked) == "tools/list" { tools() } else { said_hello("streamed") };
        let messages = [
            json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": 1}}),
            json!({"jsonrpc": "2.0", "id": "theirs", "method": "ping"}),
            json!({"jsonrpc": "2.0", "id": id, "result": outcome}),
            json!({"jsonrpc": "2.0", "method": "notifications/message"}),
        ];
        let events: String = messages.iter().map(|message| format!("event: message\ndata: {message}\n\n")).collect();
        let stream = Response::builder().header("content-type", "text/event-stream; charset=utf-8");
        Some(stream.body(format!(": hello\n\n{events}")).unwrap())
    })
    .await;
    let connection = open(&endpoint).await.unwrap();
    assert_eq!(connection.call("search", Map::new()).await.unwrap().text, "streamed");
}

#[tokio::test]
async fn a_list_of_tools_is_read_to_its_end_and_what_cannot_be_called_is_left_out() {
    let endpoint = Endpoint::start(|asked| {
        let tool = |name: &str, mark: &str| {
            json!({"name": name, "inputSchema": {"type": "object", "properties": {"a": {"type": "string", "x-mcp-header": mark}}}})
        };
        Some(match asked.json()["params"]["cursor"].as_str() {
            None => result(asked, &json!({"tools": [tool("one", "A"), tool("odd", "a b")], "nextCursor": "2"})),
            Some(_) => result(asked, &json!({"tools": [tool("two", "A")], "nextCursor": ""})),
        })
    })
    .await;
    let connection = open(&endpoint).await.unwrap();
    assert_eq!(connection.names(), "`one`, `two`");
    let missing = connection.call("odd", Map::new()).await.unwrap_err();
    assert_eq!(missing.to_string(), "has no tool `odd`; it has `one`, `two`");
    let endless = Endpoint::start(|asked| Some(result(asked, &json!({"tools": [], "nextCursor": "more"})))).await;
    let error = open(&endless).await.unwrap_err();
    assert_eq!(error.to_string(), "has a list of tools that does not end after 20 pages");
}

#[tokio::test]
async fn what_a_tool_answers_is_read_in_all_its_forms() {
    let content = json!([
        {"type": "text", "text": "one"},
        {"type": "image", "data": "AAAA", "mimeType": "image/png"},
        {"type": "resource", "resource": {"uri": "file:///a", "text": "two"}},
        {"type": "resource_link", "uri": "https://a.example/1", "name": "a", "title": "One", "description": "first"},
    ]);
    let all = json!({"content": content, "structuredContent": {"n": 1}, "isError": false});
    let told = message::told(&all).unwrap();
    assert_eq!((told.text.as_str(), told.structured), ("one\n\ntwo", Some(json!({"n": 1}))));
    assert_eq!(told.links, [("https://a.example/1".to_owned(), "One".to_owned(), "first".to_owned())]);
    assert!(message::told(&json!({"content": [], "isError": true})).unwrap().is_error);
    assert_eq!(message::told(&json!({"structuredContent": [1]})).unwrap().structured, Some(json!([1])));
    let asks = message::told(&json!({"resultType": "input_required", "inputRequests": {}})).unwrap_err();
    assert_eq!(asks.to_string(), "wants to ask somebody something, and nobody is there");
    assert!(message::told(&json!({})).is_err());
}

#[tokio::test]
async fn what_is_wrong_is_told_in_words_and_without_secrets() {
    let headers = BTreeMap::from([("Authorization".to_owned(), Secret::from("Bearer sesame".to_owned()))]);
    for (status, body, told) in [
        (
            401,
            r#"{"error":"no such token: Bearer sesame"}"#,
            "does not let us in (401), so its headers are likely wrong: no such token: ***",
        ),
        (403, "", "does not let us in (403), so its headers are likely wrong"),
        (429, "slow down", "answers 429 Too Many Requests: slow down"),
        (302, "", "sends us elsewhere (302)"),
        (500, "oh", "answers 500 Internal Server Error: oh"),
        (404, "<html>no such page</html>", "answers 404 Not Found: <html>no such page</html>"),
        (200, "hello", "answers with what is no JSON: expected value at line 1 column 1"),
        (200, "{}", "does not answer what it was asked"),
        (
            400,
            r#"{"error":{"code":-32020,"message":"Header mismatch: Bearer sesame"}}"#,
            "answers with an error: Header mismatch: *** (-32020)",
        ),
    ] {
        let endpoint = Endpoint::that_answers(status, body).await;
        let error = open_with(&endpoint, &headers).await.unwrap_err();
        assert_eq!(error.to_string(), told, "{status}");
        assert!(!format!("{error:?}").contains("sesame"));
        assert_eq!(endpoint.asked()[0].header("authorization"), "Bearer sesame");
    }
    let endpoint = Endpoint::start(modern).await;
    let connection = open_with(&endpoint, &headers).await.unwrap();
    assert!(!format!("{connection:?}").contains("sesame"));
    drop(endpoint);
    let odd = BTreeMap::from([("X-Odd".to_owned(), Secret::from("a\nb".to_owned()))]);
    let endpoint = Endpoint::start(modern).await;
    let error = open_with(&endpoint, &odd).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot be asked: the value of its header `X-Odd` has what no header may have");
    assert!(endpoint.asked().is_empty());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_of() {
    let endpoint = Endpoint::start(modern).await;
    let url = endpoint.url();
    drop(endpoint);
    let wire = Arc::new(Direct::to(&url).unwrap());
    let error = Connection::open(wire, &url, []).await.unwrap_err();
    assert!(error.to_string().starts_with("cannot be reached: "), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_not_waited_for_longer_than_patience() {
    let script = Script::new(|_| None);
    let began = Instant::now();
    let url = "https://mcp.example/".parse().unwrap();
    let error = Connection::open(script.clone(), &url, []).await.unwrap_err();
    assert_eq!((error, began.elapsed()), (McpError::Late(30), Duration::from_secs(30)));
    assert_eq!(script.asked().len(), 1, "nobody who is silent is shaken hands with");
}

#[tokio::test]
async fn what_callers_name_is_reached_by_the_guard_or_not_at_all() {
    let endpoint = Endpoint::start(modern).await;
    let url = endpoint.url().join("/mcp").unwrap();
    let own = "127.0.0.1:1".parse().unwrap();
    let by = |rule: Rule| Arc::new(reach::Client::new(Arc::new(rule), Names::new()));
    let closed = by(Rule::new(Targets::default(), own, "ask the operator"));
    let error = Connection::open(closed, &url, []).await.unwrap_err();
    assert!(error.to_string().starts_with("cannot be reached: 127.0.0.1 may not be called: "), "{error}");
    assert!(endpoint.asked().is_empty());
    let open = by(Rule::new(Targets { private: true, ..Targets::default() }, own, "ask the operator"));
    let connection = Connection::open(open, &url, []).await.unwrap();
    assert_eq!(connection.call("search", Map::new()).await.unwrap().text, "hello");
}

#[tokio::test]
async fn an_answer_without_an_end_is_left() {
    let large = "x".repeat(MOST_BYTES + 1);
    let endpoint = Endpoint::that_answers(200, &large).await;
    let error = open(&endpoint).await.unwrap_err();
    assert_eq!(error, McpError::Unreached(Unreached::TooLarge(MOST_BYTES)));
    let endpoint = Endpoint::start(move |_| {
        let stream = Response::builder().header("content-type", "text/event-stream");
        Some(stream.body(format!("data: {}\n\n", "x".repeat(MOST_BYTES))).unwrap())
    })
    .await;
    assert_eq!(open(&endpoint).await.unwrap_err(), McpError::Unreached(Unreached::TooLarge(MOST_BYTES)));
}
