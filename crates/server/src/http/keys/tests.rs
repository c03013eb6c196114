//! Keys that are made, taken back and forgotten while a server answers.

use std::time::Duration;

use legwork_core::id::{Owner, RunId};
use legwork_core::key::Key;
use serde_json::{Value, json};

use crate::testing::{Answer, MONDAY, World};

const OPERATOR: (&str, &str) = ("x-api-key", "the local key");
const RUNS: &str = "/v1/tasks/runs";
const MINIMAL: &[u8] = br#"{"processor":"base","input":"hello"}"#;

async fn operate(world: &World, method: &str, path: &str, body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    world.ask(method, path, &[OPERATOR], body.as_bytes()).await
}

/// Makes a key; returns its id and the key itself.
async fn made(world: &World, wish: Value) -> (String, String) {
    let answer = operate(world, "POST", "/v1/keys", &wish).await;
    assert_eq!(answer.status, 201, "{:#}", answer.body);
    (answer.text("/id").to_owned(), answer.text("/key").to_owned())
}

async fn listed(world: &World) -> Vec<Value> {
    operate(world, "GET", "/v1/keys", &Value::Null).await.body["keys"].as_array().unwrap().clone()
}

async fn revoked(world: &World, id: &str) -> Answer {
    operate(world, "POST", &format!("/v1/keys/{id}/revoke"), &Value::Null).await
}

async fn forgotten(world: &World, id: &str) -> Answer {
    operate(world, "DELETE", &format!("/v1/keys/{id}"), &Value::Null).await
}

async fn submitted(world: &World, key: &str) -> RunId {
    let answer = world.ask("POST", RUNS, &[("x-api-key", key)], MINIMAL).await;
    assert_eq!(answer.status, 202, "{:#}", answer.body);
    answer.run_id()
}

/// The ids of the runs that a key sees, or why it sees none.
async fn seen(world: &World, key: &str) -> Result<Vec<RunId>, (u16, String)> {
    let answer = world.ask("GET", RUNS, &[("x-api-key", key)], b"").await;
    if answer.status != 200 {
        return Err((answer.status, answer.text("/error/message").to_owned()));
    }
    let runs = answer.body["runs"].as_array().unwrap();
    Ok(runs.iter().map(|run| run["run_id"].as_str().unwrap().parse().unwrap()).collect())
}

#[tokio::test]
async fn a_key_is_shown_once_and_kept_as_its_digest() {
    let world = World::new();
    let answer =
        operate(&world, "POST", "/v1/keys", &json!({"name": "ci", "expires_at": "2027-01-31T00:00:00Z"})).await;
    assert_eq!((answer.status, &answer.headers["cache-control"]), (201, &"no-store".parse().unwrap()));
    let key = answer.text("/key").to_owned();
    assert_eq!(answer.text("/ending"), &key[key.len() - 4..]);
    let listed = listed(&world).await;
    let mut without = answer.body.clone();
    without.as_object_mut().unwrap().remove("key");
    assert_eq!(listed, [without]);
    assert_eq!((listed[0]["status"].as_str(), &listed[0]["adopts"]), (Some("good"), &json!(false)));
    assert_eq!(listed[0]["expires_at"], "2027-01-31T00:00:00.000000Z");
    let Some(file) = world.file() else { return };
    let kept = std::fs::read(file.with_extension("db-wal")).unwrap();
    assert!(!kept.windows(key.len()).any(|bytes| bytes == key.as_bytes()), "the key lies nowhere");
}

#[tokio::test]
async fn the_first_key_ends_open_mode_at_once() {
    let world = World::new();
    let old = world.post(RUNS, "{\"processor\":\"base\",\"input\":\"hello\"}").await.run_id();
    let page = ("origin", "https://elsewhere.example");
    assert_eq!(world.ask("POST", RUNS, &[page], MINIMAL).await.status, 403);
    let (_, key) = made(&world, json!({"name": "ci"})).await;
    for (shown, told) in [("", "there is no API key"), ("any", "not accepted")] {
        let refused = seen(&world, shown).await.unwrap_err();
        assert!(refused.0 == 401 && refused.1.contains(told), "{refused:?}");
    }
    let by_page = world.ask("POST", RUNS, &[page, ("x-api-key", &key)], MINIMAL).await;
    assert_eq!(by_page.status, 202, "where it comes from does not matter any more: the key decides");
    assert_eq!(seen(&world, &key).await, Ok(vec![by_page.run_id()]), "and sees its own");
    assert_eq!(seen(&world, "the local key").await, Ok(vec![old]));
}

#[tokio::test]
async fn one_made_key_never_sees_anothers_runs_and_adopting_ones_share_those_of_open_mode() {
    let world = World::new();
    let old = world.post(RUNS, "{\"processor\":\"base\",\"input\":\"hello\"}").await.run_id();
    let (_, one) = made(&world, json!({"name": "one"})).await;
    let (_, two) = made(&world, json!({"name": "two"})).await;
    let (_, heir) = made(&world, json!({"name": "heir", "adopt": true})).await;
    let (_, other) = made(&world, json!({"name": "other", "adopt": true})).await;
    let (of_one, of_two) = (submitted(&world, &one).await, submitted(&world, &two).await);
    assert_eq!((seen(&world, &one).await, seen(&world, &two).await), (Ok(vec![of_one]), Ok(vec![of_two])));
    let path = format!("{RUNS}/{of_one}");
    assert_eq!(world.ask("GET", &path, &[("x-api-key", &two)], b"").await.status, 404);
    let new = submitted(&world, &heir).await;
    for key in [&heir, &other] {
        assert_eq!(seen(&world, key).await, Ok(vec![new, old]));
    }
    let adopts: Vec<_> = listed(&world).await.iter().map(|key| key["adopts"].clone()).collect();
    assert_eq!(adopts, [false, false, true, true]);
}

#[tokio::test]
async fn a_key_that_is_good_no_more_is_told_why_and_opens_the_server_to_nobody() {
    let world = World::new();
    let end = (MONDAY + Duration::from_hours(1)).to_string();
    let (expiring, old) = made(&world, json!({"name": "old", "expires_at": end})).await;
    let (id, key) = made(&world, json!({"name": "leaked"})).await;
    submitted(&world, &key).await;
    submitted(&world, &old).await;
    let first = revoked(&world, &id).await;
    assert_eq!((first.status, first.text("/status")), (200, "revoked"));
    assert_eq!(revoked(&world, &id).await.body, first.body, "asking again changes nothing");
    world.clock.pass(Duration::from_hours(1));
    for (key, why) in [(&key, "this API key was revoked"), (&old, "this API key has expired, at 2025-11-24T09:00:00")] {
        let refused = seen(&world, key).await.unwrap_err();
        assert!(refused.0 == 401 && refused.1.contains(why), "{refused:?}");
    }
    assert_eq!(seen(&world, "").await.unwrap_err().0, 401);
    let world = world.restarted();
    assert_eq!(seen(&world, "").await.unwrap_err().0, 401, "nor does a restart");
    let standing: Vec<_> = listed(&world).await.iter().map(|key| key["status"].clone()).collect();
    assert_eq!(standing, ["expired", "revoked"]);
    for (id, status) in [(&expiring, 204), (&id, 204), (&id, 404)] {
        assert_eq!(forgotten(&world, id).await.status, status);
    }
    assert_eq!(seen(&world, "").await, Ok(vec![]), "it is open again, and those runs are not everybody's");
}

#[tokio::test]
async fn keys_are_for_the_operator_alone() {
    let open = World::new();
    assert_eq!(open.get("/v1/keys").await.status, 403, "also where no key is needed");
    let world = World::with_keys(&["given"]);
    let (id, key) = made(&world, json!({"name": "ci", "adopt": true})).await;
    let asks = [
        ("GET", "/v1/keys".to_owned()),
        ("POST", "/v1/keys".to_owned()),
        ("POST", format!("/v1/keys/{id}/revoke")),
        ("DELETE", format!("/v1/keys/{id}")),
    ];
    for (shown, status) in [("given", 403), (key.as_str(), 403), ("none", 401)] {
        for (method, path) in &asks {
            let answer = world.ask(method, path, &[("x-api-key", shown)], br#"{"name":"mine"}"#).await;
            assert_eq!(answer.status, status, "{shown} {method} {path}");
        }
    }
    assert_eq!(listed(&world).await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_done_with_a_key_is_told() {
    let world = World::new();
    let (id, _) = made(&world, json!({"name": "ci"})).await;
    for (wish, status, why) in [
        (json!({"name": "ci"}), 409, "revoke it, or take another name"),
        (json!({"name": ""}), 422, "is empty"),
        (json!({"name": "x", "expires_at": MONDAY.to_string()}), 422, "is over already"),
        (Value::Null, 400, ""),
    ] {
        let answer = operate(&world, "POST", "/v1/keys", &wish).await;
        assert_eq!(answer.status, status, "{wish}");
        assert!(answer.text("/error/message").contains(why), "{:#}", answer.body);
    }
    let good = forgotten(&world, &id).await;
    assert_eq!((good.status, &good.headers["x-should-retry"]), (409, &"false".parse().unwrap()));
    for none in ["key_0000000000000000", "ci", "%ff"] {
        assert_eq!(revoked(&world, none).await.status, 404, "{none}");
        assert_eq!(forgotten(&world, none).await.status, 404, "{none}");
    }
    revoked(&world, &id).await;
    made(&world, json!({"name": "ci"})).await;
}

#[tokio::test]
async fn the_streams_waits_and_tokens_of_a_key_end_with_it() {
    let world = World::new();
    let (id, key) = made(&world, json!({"name": "page", "adopt": true})).await;
    let run = submitted(&world, &key).await;
    let mine = [("x-api-key", key.as_str())];
    let token = world.ask("POST", &format!("{RUNS}/{run}/token"), &mine, b"").await.text("/token").to_owned();
    let by_token = format!("{RUNS}/{run}?token={token}");
    assert_eq!(world.get(&by_token).await.status, 200);
    let (feed, watched) = (format!("{RUNS}/events"), format!("{RUNS}/{run}/events?token={token}"));
    let (held, polled) = (format!("{RUNS}/{run}/result"), format!("{RUNS}/{run}?wait=60"));
    let (all, one, held, polled, revoked) = tokio::join!(
        world.ask("GET", &feed, &mine, b""),
        world.get(&watched),
        world.ask("GET", &held, &mine, b""),
        world.ask("GET", &polled, &mine, b""),
        revoked(&world, &id)
    );
    assert_eq!((all.status, one.status, revoked.status), (200, 200, 200), "they were streams, and have ended");
    assert_eq!((held.status, polled.status), (401, 401), "nobody waits for what he may not have");
    assert_eq!(world.get(&by_token).await.status, 401);
}

#[tokio::test]
async fn the_streams_of_everybody_end_with_open_mode() {
    let world = World::new();
    let feed = format!("{RUNS}/events");
    let (stream, _) = tokio::join!(world.get(&feed), made(&world, json!({"name": "ci"})));
    assert_eq!(stream.status, 200);
}

#[tokio::test]
async fn webhooks_go_to_this_machine_as_long_as_there_are_no_keys() {
    let world = World::new();
    let body = json!({"processor": "base", "input": "x", "webhook_url": "http://127.0.0.1:9/hook"}).to_string();
    let ask = |key: String| {
        let (world, body) = (&world, &body);
        async move { world.ask("POST", RUNS, &[("x-api-key", &key)], body.as_bytes()).await.status }
    };
    assert_eq!(ask(String::new()).await, 202);
    let (_, key) = made(&world, json!({"name": "ci"})).await;
    assert_eq!(ask(key).await, 422);
}

#[tokio::test]
async fn what_another_process_changes_is_seen_at_the_next_look() {
    let world = World::new();
    let digest = crate::keys::digest(b"theirs");
    let key = Key {
        digest,
        name: "theirs".to_owned(),
        ending: "eirs".to_owned(),
        owner: Owner::of_key(digest.id()),
        created_at: MONDAY,
        expires_at: None,
        revoked_at: None,
    };
    world.store.add_key(key.clone()).await.unwrap();
    world.keys.refresh().await.unwrap();
    assert_eq!(seen(&world, "theirs").await, Ok(vec![]));
    assert_eq!(seen(&world, "").await.unwrap_err().0, 401);
    world.store.revoke_key(key.id(), MONDAY).await.unwrap();
    world.keys.refresh().await.unwrap();
    assert_eq!(seen(&world, "theirs").await.unwrap_err().0, 401);
}
