//! Who may ask, and from where.

use serde_json::json;

use super::{MINIMAL, path};
use crate::testing::World;

#[tokio::test]
async fn one_key_never_sees_anothers_runs() {
    let world = World::with_keys(&["one", "two"]);
    let (one, two) = (("x-api-key", "one"), ("authorization", "Bearer two"));
    let mine = world.ask("POST", "/v1/tasks/runs", &[one], MINIMAL.as_bytes()).await;
    assert_eq!(mine.status, 202);
    for (method, rest) in [
        ("GET", ""),
        ("GET", "/input"),
        ("GET", "/result?timeout=0"),
        ("POST", "/cancel"),
        ("POST", "/finish"),
        ("POST", "/answer"),
        ("DELETE", ""),
    ] {
        let answer = world.ask(method, &path(&mine, rest), &[two], b"").await;
        assert_eq!(answer.status, 404, "{method} {rest}");
    }
    let list = |key| world.ask("GET", "/v1/tasks/runs", std::slice::from_ref(key), b"");
    assert_eq!(list(&two).await.body["runs"], json!([]));
    assert_eq!(list(&one).await.body["runs"][0]["run_id"], mine.body["run_id"]);
    assert_eq!(world.ask("GET", &path(&mine, ""), &[one], b"").await.status, 200);
}

#[tokio::test]
async fn a_server_with_keys_wants_one() {
    let world = World::with_keys(&["one"]);
    for headers in [&[][..], &[("x-api-key", "")], &[("x-api-key", "On")], &[("authorization", "Basic one")]] {
        let answer = world.ask("POST", "/v1/tasks/runs", headers, MINIMAL.as_bytes()).await;
        assert_eq!(answer.status, 401, "{headers:?}");
    }
    let local = world.ask("POST", "/v1/tasks/runs", &[("x-api-key", "the local key")], MINIMAL.as_bytes()).await;
    assert_eq!(local.status, 202, "the key in the store's folder opens it");
    assert_eq!(world.get("/health").await.status, 200);
}

#[tokio::test]
async fn no_web_page_drives_a_server_without_keys() {
    let world = World::new();
    let page = [("origin", "https://evil.example"), ("content-type", "text/plain")];
    let answer = world.ask("POST", "/v1/tasks/runs", &page, MINIMAL.as_bytes()).await;
    insta::assert_snapshot!("foreign_origin", answer.shown());
    let request = http::Request::post("/v1/tasks/runs").header("host", "rebound.example:8787");
    let request = request.body(axum::body::Body::from(MINIMAL)).unwrap();
    assert_eq!(world.front.answer(request).await.status(), 421);
    assert_eq!(world.get("/v1/tasks/runs").await.body["runs"], json!([]), "nothing was accepted");
}

#[tokio::test]
async fn a_page_of_this_machine_may_use_every_header_of_the_sdk() {
    let world = World::new();
    let headers = [
        ("origin", "http://localhost:5173"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "x-api-key,x-stainless-lang"),
    ];
    let answer = world.ask("OPTIONS", "/v1/tasks/runs", &headers, b"").await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.headers["access-control-allow-origin"], "http://localhost:5173");
    assert_eq!(answer.headers["access-control-allow-headers"], "x-api-key,x-stainless-lang");
}

#[tokio::test]
async fn the_operators_pages_want_a_key_where_others_can_reach_them() {
    let world = World::with_keys(&["one"]);
    for path in ["/metrics", "/docs", "/docs/rapidoc.js"] {
        let refused = world.get(path).await;
        assert_eq!(refused.status, 401, "{path}");
        assert!(refused.headers["www-authenticate"].to_str().unwrap().starts_with("Basic "));
        // `:one` and `x:two`.
        for (name, value, status) in [
            ("x-api-key", "one", 200),
            ("authorization", "Bearer one", 200),
            ("authorization", "Basic Om9uZQ==", 200),
            ("authorization", "Basic eDp0d28=", 401),
            ("authorization", "Basic ???", 401),
        ] {
            assert_eq!(world.ask("GET", path, &[(name, value)], b"").await.status, status, "{path} {value}");
        }
    }
    let basic = ("authorization", "Basic Om9uZQ==");
    let ambient = world.ask("POST", "/v1/tasks/runs", &[basic], MINIMAL.as_bytes()).await;
    assert_eq!(ambient.status, 401, "what a browser sends along unasked creates nothing");
    for path in ["/health", "/ready", "/version", "/openapi.json"] {
        assert_eq!(world.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_page_on_the_list_may_ask_with_keys_and_without() {
    let listed = ("origin", "https://app.example.com");
    let other = ("origin", "https://app.example.com:444");
    let preflight = ("access-control-request-method", "POST");
    for (world, with_keys) in [(World::new(), false), (World::with_keys(&["one"]), true)] {
        let answer = world.ask("OPTIONS", "/v1/tasks/runs", &[listed, preflight], b"").await;
        assert_eq!(answer.status, 204);
        assert_eq!(answer.headers["access-control-allow-origin"], "https://app.example.com");
        assert_eq!(answer.headers["vary"], "origin");
        assert!(!answer.headers.contains_key("access-control-allow-credentials"));
        let answer = world.ask("GET", "/v1/tasks/runs", &[listed, ("x-api-key", "one")], b"").await;
        assert_eq!(
            (answer.status, &answer.headers["access-control-allow-origin"]),
            (200, &"https://app.example.com".parse().unwrap())
        );
        let answer = world.ask("GET", "/v1/tasks/runs", &[other, ("x-api-key", "one")], b"").await;
        assert_eq!(answer.status, if with_keys { 200 } else { 403 });
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "with keys: {with_keys}");
    }
}
