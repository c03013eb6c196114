//! The HTTP surface in one process, whole bodies as snapshots; here the life of a run.

mod access;
mod given;
mod lists;
mod operator;
mod sources;

use std::fmt::Write as _;

use legwork_core::id::RunId;
use legwork_core::run::Status;
use serde_json::json;

use crate::testing::{Answer, World};

const MINIMAL: &str = r#"{"processor":"base","input":"hello"}"#;

async fn accepted(world: &World, body: &str) -> Answer {
    let answer = world.post("/v1/tasks/runs", body).await;
    assert_eq!(answer.status, 202, "{:#}", answer.body);
    answer
}

fn path(answer: &Answer, rest: &str) -> String {
    format!("/v1/tasks/runs/{}{rest}", answer.run_id())
}

#[tokio::test]
async fn a_run_is_accepted_with_every_key_of_the_wire() {
    let world = World::new();
    let answer = accepted(&world, MINIMAL).await;
    insta::assert_snapshot!(answer.shown());
    let again = world.get(&path(&answer, "")).await;
    let mut looked_at = answer.body;
    let waits = json!({"queue_position": 0, "eta": null});
    looked_at["legwork"].as_object_mut().unwrap().extend(waits.as_object().unwrap().clone());
    assert_eq!(again.body, looked_at);
}

#[tokio::test]
async fn what_was_submitted_is_shown_as_it_was_given() {
    let world = World::new();
    let body = r#"{"input": {"n": 1.0, "big": 123456789012345678901234567890},
        "processor": "pro", "metadata": null, "unknown": [1], "webhook_url": "https://example.com/hook"}"#;
    let answer = accepted(&world, body).await;
    insta::assert_snapshot!(world.get(&path(&answer, "/input")).await.shown());
}

#[tokio::test]
async fn what_the_document_admits_is_taken_and_shown_again() {
    let world = World::new();
    let with_schema = |schema: serde_json::Value| json!({"task_spec": {"output_schema": schema}});
    let json_schema = json!({"type": "object", "properties": {"capital": {"type": "string"}}});
    for more in [
        with_schema(json_schema.clone()),
        with_schema(json!({"type": null, "json_schema": json_schema})),
        with_schema(json!({"type": "json", "json_schema": json_schema, "description": null})),
        with_schema(json!({"type": "text", "json_schema": null, "description": null})),
        with_schema(json!({"type": "auto", "json_schema": null, "description": null})),
        json!({"mcp_servers": [{"type": null, "url": "https://example.com/mcp", "name": "one", "headers": null}]}),
        json!({"webhook_url": null}),
        json!({"legwork": {"max_seconds": 0.5, "max_cost_usd": 0, "max_tokens": 1, "own": []}}),
        json!({"legwork": {"max_seconds": null, "max_cost_usd": null, "max_tokens": null}}),
        json!({"legwork": null}),
    ] {
        let mut body = json!({"processor": "base", "input": "x"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = accepted(&world, &body.to_string()).await;
        let shown = world.get(&path(&answer, "/input")).await;
        assert_eq!(shown.status, 200, "{body}");
    }
}

#[tokio::test]
async fn a_number_out_of_bounds_is_taken_as_the_nearest() {
    let world = World::new();
    let answer = accepted(&world, MINIMAL).await;
    world.post(&path(&answer, "/cancel"), "").await;
    for query in ["?limit=0", "?limit=100000"] {
        assert_eq!(world.get(&format!("/v1/tasks/runs{query}")).await.status, 200, "{query}");
    }
    assert_eq!(world.get("/v1/tasks/runs?limit=-1").await.status, 422);
    assert_eq!(world.get(&path(&answer, "?wait=100000")).await.status, 200);
    assert_eq!(world.get(&path(&answer, "?wait=-1")).await.status, 422);
}

#[tokio::test]
async fn a_result_is_held_until_the_run_has_ended() {
    let world = World::new();
    let answer = accepted(&world, MINIMAL).await;
    world.work();
    let result = world.get(&path(&answer, "/result")).await;
    insta::assert_snapshot!(result.shown());
}

#[tokio::test]
async fn a_result_that_is_not_there_in_time_is_a_408_and_the_run_goes_on() {
    let world = World::new();
    let answer = accepted(&world, MINIMAL).await;
    insta::assert_snapshot!(world.get(&path(&answer, "/result?timeout=0")).await.shown());
    assert_eq!(world.status(answer.run_id()).await, Status::Queued);
}

#[tokio::test]
async fn a_failed_run_has_no_result_but_a_reason() {
    let world = World::new();
    world.work();
    let answer = accepted(&world, r#"{"processor":"base","input":"fail"}"#).await;
    insta::assert_snapshot!("failed_result", world.get(&path(&answer, "/result")).await.shown());
    insta::assert_snapshot!("failed_run", world.get(&path(&answer, "")).await.shown());
}

#[tokio::test]
async fn a_cancelled_run_has_no_result() {
    let world = World::new();
    let answer = accepted(&world, MINIMAL).await;
    let cancelled = world.post(&path(&answer, "/cancel"), "").await;
    assert_eq!((cancelled.status, cancelled.text("/status")), (200, "cancelled"));
    let again = world.post(&path(&answer, "/cancel"), "").await;
    assert_eq!((again.status, &again.body), (200, &cancelled.body), "asking again changes nothing");
    insta::assert_snapshot!(world.get(&path(&answer, "/result")).await.shown());
}

#[tokio::test]
async fn a_completed_run_cannot_be_cancelled_and_the_sdks_do_not_try_again() {
    let world = World::new();
    world.work();
    let answer = accepted(&world, MINIMAL).await;
    world.until_status(answer.run_id(), Status::Completed).await;
    let refused = world.post(&path(&answer, "/cancel"), "").await;
    assert_eq!(refused.headers["x-should-retry"], "false");
    insta::assert_snapshot!(refused.shown());
}

#[tokio::test]
async fn a_running_run_is_cancelling_first() {
    let world = World::new();
    world.work();
    let answer = accepted(&world, r#"{"processor":"base","input":"be deaf"}"#).await;
    world.until_status(answer.run_id(), Status::Running).await;
    let cancelled = world.post(&path(&answer, "/cancel"), "").await;
    assert_eq!(cancelled.text("/status"), "cancelling");
    assert_eq!(cancelled.body["is_active"], json!(true));
}

/// And asking again changes nothing.
#[tokio::test]
async fn a_run_that_is_told_to_finish_writes_its_answer_from_what_is_there() {
    let world = World::new();
    world.worker.once().await.unwrap();
    let answer = accepted(&world, r#"{"processor":"base","input":"hang"}"#).await;
    let refused = world.post(&path(&answer, "/finish"), "").await;
    assert_eq!((refused.status, refused.headers["x-should-retry"].to_str().unwrap()), (409, "false"));
    assert_eq!(refused.text("/error/message"), "a run that is queued cannot be told to finish");
    world.work();
    world.until_status(answer.run_id(), Status::Running).await;
    let told = world.post(&path(&answer, "/finish"), "").await;
    assert_eq!((told.status, told.text("/status")), (200, "running"));
    world.until_status(answer.run_id(), Status::Completed).await;
    let result = world.get(&path(&answer, "/result")).await;
    assert_eq!(result.text("/output/content"), "finished early");
    for id in [answer.run_id().to_string(), RunId::from_u128(1).to_string()] {
        let late = world.post(&format!("/v1beta/tasks/runs/{id}/finish"), "").await;
        assert_eq!(late.status, if id == answer.run_id().to_string() { 409 } else { 404 });
    }
}

#[tokio::test]
async fn a_run_goes_on_with_the_answer_to_its_question() {
    let world = World::new();
    world.work();
    let answer = accepted(&world, r#"{"processor":"base","input":"ask"}"#).await;
    world.until_status(answer.run_id(), Status::ActionRequired).await;
    let to = path(&answer, "/answer");
    for (body, status) in [("", 400), ("{}", 422), (r#"{"answer":null}"#, 422)] {
        assert_eq!(world.post(&to, body).await.status, status, "{body}");
    }
    assert_eq!(world.post(&path(&answer, "/finish"), "").await.status, 409);
    let answered = world.post(&to.replace("/v1/", "/v1beta/"), r#"{"answer": {"b": 1.0, "a":"x"}}"#).await;
    assert_eq!((answered.status, answered.text("/status")), (200, "queued"));
    world.until_status(answer.run_id(), Status::Completed).await;
    let result = world.get(&path(&answer, "/result")).await;
    assert_eq!(result.text("/output/content"), r#"answered: {"b": 1.0, "a":"x"}"#, "byte for byte");
    let again = world.post(&to, r#"{"answer":1}"#).await;
    assert_eq!((again.status, again.headers["x-should-retry"].to_str().unwrap()), (409, "false"));
    assert_eq!(again.text("/error/message"), "a run that is completed cannot be answered");
    assert_eq!(again.text("/error/detail/status"), "completed");
}

#[tokio::test]
async fn both_prefixes_are_the_same() {
    let world = World::new();
    let answer = world.post("/v1beta/tasks/runs?beta=true", MINIMAL).await;
    assert_eq!(answer.status, 202);
    let run = format!("/v1beta/tasks/runs/{}", answer.run_id());
    assert_eq!(world.get(&run).await.body, world.get(&path(&answer, "")).await.body);
    assert_eq!(world.get(&format!("{run}/result?timeout=0&beta=true")).await.status, 408);
}

#[tokio::test]
async fn a_body_is_read_whatever_its_content_type_says() {
    let world = World::new();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8"] {
        let answer = world.ask("POST", "/v1/tasks/runs", &[("content-type", kind)], MINIMAL.as_bytes()).await;
        assert_eq!(answer.status, 202, "{kind}");
    }
}

#[tokio::test]
async fn all_eighteen_processors_are_there() {
    let world = World::new();
    for name in legwork_core::tier::Tier::names() {
        accepted(&world, &json!({"processor": name, "input": "x"}).to_string()).await;
    }
}

#[tokio::test]
async fn every_refusal_helps() {
    let world = World::new();
    let long = format!(r#"{{"processor":"base","input":"{}"}}"#, "x".repeat(1024 * 1024));
    let deep = format!(r#"{{"processor":"base","input":{{"a":{}{}}}}}"#, "[".repeat(200), "]".repeat(200));
    let asks: [(&str, &str, &[u8]); 17] = [
        ("POST", "/v1/tasks/runs", b""),
        ("POST", "/v1/tasks/runs", b"{\"input\":"),
        ("POST", "/v1/tasks/runs", b"[]"),
        ("POST", "/v1/tasks/runs", b"{\"input\":\"\xff\"}"),
        ("POST", "/v1/tasks/runs", b"{}"),
        ("POST", "/v1/tasks/runs", br#"{"input":7,"processor":["base"],"enable_events":"yes"}"#),
        ("POST", "/v1/tasks/runs", br#"{"input":"x","processor":"turbo"}"#),
        (
            "POST",
            "/v1/tasks/runs",
            br#"{"input":"x","processor":"base","previous_interaction_id":"trun_00000000000000000000000000000001"}"#,
        ),
        ("POST", "/v1/tasks/runs", long.as_bytes()),
        ("POST", "/v1/tasks/runs", deep.as_bytes()),
        ("GET", "/v1/tasks/runs/trun_1", b""),
        ("GET", "/v1/tasks/runs/trun_00000000000000000000000000000001", b""),
        ("GET", "/v1/tasks/runs/%ff/result", b""),
        ("PUT", "/v1/tasks/runs", b""),
        ("GET", "/v2/tasks/runs", b""),
        ("GET", "/v1/tasks/runs?status=done", b""),
        ("GET", "/v1/tasks/runs?created_after=yesterday", b""),
    ];
    let mut shown = String::new();
    for (method, path, body) in asks {
        let start: String = String::from_utf8_lossy(body).chars().take(100).collect();
        let answer = world.ask(method, path, &[], body).await;
        write!(shown, "{method} {path} {start}\n{}\n", answer.shown()).unwrap();
    }
    insta::assert_snapshot!(shown);
}

#[tokio::test]
async fn a_long_poll_returns_when_the_run_changed() {
    let world = World::new();
    let answer = accepted(&world, MINIMAL).await;
    let first = world.get(&path(&answer, "")).await;
    let etag = first.headers["etag"].to_str().unwrap().to_owned();
    let known = [("if-none-match", etag.as_str())];
    let late = world.ask("GET", &path(&answer, "?wait=0.01"), &known, b"").await;
    assert_eq!((late.status, &late.body), (304, &json!(null)));
    let poll_path = path(&answer, "?wait=60");
    let (changed, _) = tokio::join!(
        world.ask("GET", &poll_path, &known, b""),
        world.runs.apply(answer.run_id(), legwork_core::command::Command::Cancel)
    );
    assert_eq!((changed.status, changed.text("/status")), (200, "cancelled"));
    let ended = world.get(&path(&answer, "?wait=60")).await;
    assert_eq!(ended.status, 200, "an ended run is not waited for");
}

#[tokio::test]
async fn a_run_that_is_known_is_not_sent_again() {
    let world = World::new();
    let answer = accepted(&world, MINIMAL).await;
    for (known, status) in [
        (r#""1""#, 304),
        (r#"W/"1""#, 304),
        (r#""7", W/"1""#, 304),
        ("*", 304),
        (r#""2""#, 200),
        (r#"W/"2","3""#, 200),
        ("1", 200),
        ("", 200),
    ] {
        let shown = world.ask("GET", &path(&answer, ""), &[("if-none-match", known)], b"").await;
        assert_eq!(shown.status, status, "{known}");
    }
    let poll_path = path(&answer, "?wait=60");
    let known = [("if-none-match", r#"W/"1", "9""#)];
    let (changed, _) = tokio::join!(
        world.ask("GET", &poll_path, &known, b""),
        world.runs.apply(answer.run_id(), legwork_core::command::Command::Cancel)
    );
    assert_eq!((changed.status, changed.text("/status")), (200, "cancelled"));
}

#[tokio::test]
async fn an_ended_run_can_be_deleted() {
    let world = World::new();
    let answer = accepted(&world, MINIMAL).await;
    let refused = world.ask("DELETE", &path(&answer, ""), &[], b"").await;
    assert_eq!((refused.status, &refused.headers["x-should-retry"]), (409, &"false".parse().unwrap()));
    world.post(&path(&answer, "/cancel"), "").await;
    assert_eq!(world.ask("DELETE", &path(&answer, ""), &[], b"").await.status, 204);
    assert_eq!(world.get(&path(&answer, "")).await.status, 404);
}

#[tokio::test]
async fn a_held_result_is_told_when_the_server_stops() {
    let world = World::new();
    let answer = accepted(&world, MINIMAL).await;
    world.stop.cancel();
    let held = world.get(&path(&answer, "/result")).await;
    assert_eq!((held.status, &held.headers["retry-after"]), (503, &"1".parse().unwrap()));
}
