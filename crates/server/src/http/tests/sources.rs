//! Cited texts are opened.

use serde_json::json;

use crate::testing::World;

#[tokio::test]
async fn a_source_is_shown_to_whoever_may_ask_with_the_quote_found() {
    let world = World::with_documents(&["sesame"], &[("a.md", "# Köln\n\nThe bridge was built by Ada Finch.\n")]);
    let mine = [("x-api-key", "sesame")];
    let found = world.ask("GET", "/v1/sources?url=corpus:docs/a.md&quote=BUILT+by++ada", &mine, b"").await;
    assert_eq!(found.status, 200, "{:#}", found.body);
    assert_eq!(found.body["range"], json!({"start": 23, "end": 35}));
    let hash = found.text("/hash").to_owned();
    for path in [format!("/v1/sources/{hash}"), format!("/v1beta/sources/{}", hash.to_uppercase())] {
        let source = world.ask("GET", &path, &mine, b"").await;
        assert_eq!((source.text("/title"), source.text("/url")), ("Köln", "corpus:docs/a.md"));
        assert_eq!(source.text("/text"), "# Köln\n\nThe bridge was built by Ada Finch.\n");
        assert_eq!(source.body["range"], json!(null));
    }
    let nobody = world.get(&format!("/v1/sources/{hash}")).await;
    assert_eq!(nobody.status, 401);
}

#[tokio::test]
async fn a_source_can_be_had_as_plain_text() {
    let world = World::with_documents(&[], &[("a.md", "Plain words.\n")]);
    let found = world.get("/v1/sources?url=corpus:docs/a.md").await;
    let request = http::Request::get(format!("/v1/sources/{}", found.text("/hash")));
    let request = request.header("host", "localhost:8787").header("accept", "text/plain");
    let answer = world.front.answer(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
    let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
    assert_eq!(body, "Plain words.\n");
}

#[tokio::test]
async fn what_is_no_source_is_not_found() {
    let world = World::with_documents(&[], &[]);
    for path in [
        "/v1/sources/00",
        "/v1/sources/%ff",
        "/v1/sources/..%2f..%2fetc%2fpasswd",
        "/v1/sources?url=corpus:docs/none.md",
    ] {
        assert_eq!(world.get(path).await.status, 404, "{path}");
    }
    assert_eq!(world.get("/v1/sources").await.status, 422);
    let bare = World::new();
    assert_eq!(bare.get(&format!("/v1/sources/{}", "0".repeat(64))).await.status, 404);
}
