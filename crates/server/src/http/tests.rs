//! The HTTP surface in one process, whole bodies as snapshots.

use std::collections::BTreeSet;
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
async fn a_list_is_paged_and_filtered() {
    let world = World::new();
    for n in 0..5 {
        accepted(&world, &json!({"processor": "base", "input": "x", "metadata": {"n": n}}).to_string()).await;
    }
    let first = world.get("/v1/tasks/runs?limit=3").await;
    assert_eq!(first.body["runs"].as_array().unwrap().len(), 3);
    let rest = world.get(&format!("/v1/tasks/runs?limit=3&cursor={}", first.text("/next_cursor"))).await;
    let numbers = |page: &Answer| -> Vec<_> {
        page.body["runs"].as_array().unwrap().iter().map(|run| run["metadata"]["n"].clone()).collect()
    };
    assert_eq!((numbers(&first), numbers(&rest)), (vec![json!(4), json!(3), json!(2)], vec![json!(1), json!(0)]));
    assert_eq!(rest.body["next_cursor"], json!(null));
    assert_eq!(numbers(&world.get("/v1/tasks/runs?metadata[n]=2&status=queued").await), [json!(2)]);
}

#[tokio::test]
async fn every_filter_of_a_list_is_read_alone_and_together() {
    let world = World::new();
    let first = accepted(&world, &json!({"processor": "base", "input": "alpha"}).to_string()).await;
    world.post(&path(&first, "/cancel"), "").await;
    world.clock.pass(std::time::Duration::from_secs(1));
    let group = world.post("/v1/tasks/groups", "{}").await.text("/taskgroup_id").to_owned();
    let inputs = json!({"inputs": [{"processor": "base", "input": "alpha", "metadata": {"team": "blue", "n": 1}}]});
    let added = world.post(&format!("/v1/tasks/groups/{group}/runs"), &inputs.to_string()).await;
    let grouped = added.text("/run_ids/0");
    let next = json!({"processor": "pro", "input": "beta", "previous_interaction_id": first.body["run_id"]});
    let next = accepted(&world, &next.to_string()).await;
    world.indexer.once().await.unwrap();
    let (first, next) = (first.text("/run_id"), next.text("/run_id"));
    let created = world.get(&format!("/v1/tasks/runs/{first}")).await.text("/created_at").to_owned();
    for (filter, found) in [
        (String::new(), &[next, grouped, first][..]),
        ("unknown=1&status=".to_owned(), &[next, grouped, first]),
        ("status=cancelled".to_owned(), &[first]),
        ("processor=pro".to_owned(), &[next]),
        (format!("taskgroup_id={group}"), &[grouped]),
        ("metadata[team]=blue&metadata[n]=1".to_owned(), &[grouped]),
        ("metadata[team]=blue&metadata[n]=2".to_owned(), &[]),
        (format!("created_after={created}"), &[next, grouped]),
        ("q=alpha".to_owned(), &[grouped, first]),
        (format!("previous_interaction_id={first}"), &[next]),
        (format!("previous_interaction_id={next}"), &[]),
        (format!("q=alpha&taskgroup_id={group}&status=queued&processor=base&created_after={created}"), &[grouped]),
        (format!("q=alpha&previous_interaction_id={first}"), &[]),
        (format!("q=beta&previous_interaction_id={first}&status=queued"), &[next]),
        ("q=alpha&status=completed".to_owned(), &[]),
    ] {
        let page = world.get(&format!("/v1/tasks/runs?{filter}")).await;
        let ids: Vec<_> = page.body["runs"].as_array().unwrap().iter().map(|run| run["run_id"].clone()).collect();
        assert_eq!(ids, found, "{filter}");
    }
    for odd in
        ["status=done", "taskgroup_id=7", "created_after=now", "previous_interaction_id=7", "limit=x", "cursor=x"]
    {
        assert_eq!(world.get(&format!("/v1/tasks/runs?{odd}")).await.status, 422, "{odd}");
    }
}

#[tokio::test]
async fn a_run_that_goes_on_from_another_says_so_wherever_it_is_shown() {
    let world = World::new();
    let first = accepted(&world, MINIMAL).await;
    world.post(&path(&first, "/cancel"), "").await;
    let next = json!({"processor": "pro", "input": "x", "previous_interaction_id": first.body["interaction_id"]});
    let next = accepted(&world, &next.to_string()).await;
    world.work();
    let result = world.get(&path(&next, "/result")).await;
    let list = world.get("/v1/tasks/runs?limit=1").await;
    let log = world.get(&path(&next, "/log")).await;
    let states: Vec<_> = log.body["events"].as_array().unwrap().iter().filter_map(|event| event.get("run")).collect();
    let runs = [&next.body, &result.body["run"], &list.body["runs"][0], &world.get(&path(&next, "")).await.body];
    assert!(states.len() >= 3, "{:#}", log.body);
    for run in runs.into_iter().chain(states) {
        assert_eq!(run["legwork"]["previous_interaction_id"], first.body["run_id"], "{run:#}");
    }
    let alone = world.get(&path(&first, "")).await;
    assert_eq!(alone.body["legwork"].get("previous_interaction_id"), None);
}

#[tokio::test]
async fn runs_are_found_by_what_was_said() {
    let world = World::new();
    let answer = accepted(&world, r#"{"processor":"base","input":{"land":"Chad"}}"#).await;
    accepted(&world, r#"{"processor":"base","input":"Peru"}"#).await;
    world.indexer.once().await.unwrap();
    let found = world.get("/v1/tasks/runs?q=land+cha*").await;
    assert_eq!(found.body["runs"].as_array().unwrap().len(), 1);
    assert_eq!(found.text("/runs/0/run_id"), answer.text("/run_id"));
    assert_eq!(world.get("/v1/tasks/runs?q=%22%28%29*").await.body["runs"], json!([]));
    let long = format!("/v1/tasks/runs?q={}", "x".repeat(1001));
    assert_eq!(world.get(&long).await.status, 422);
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

#[tokio::test]
async fn an_input_that_breaks_its_schema_is_accepted_with_a_warning() {
    let world = World::new();
    let spec = json!({
        "input_schema": {"type": "json", "json_schema": {"type": "object", "required": ["country"]}},
        "output_schema": {"type": "text"},
    });
    let body = json!({"processor": "base", "input": {"land": "Chad"}, "task_spec": spec});
    let answer = accepted(&world, &body.to_string()).await;
    assert_eq!(answer.text("/warnings/0/type"), "input_validation_warning");
}

#[tokio::test]
async fn an_interaction_goes_on_from_an_ended_run_only() {
    let world = World::new();
    let first = accepted(&world, MINIMAL).await;
    let next = json!({"processor": "base", "input": "x", "previous_interaction_id": first.body["interaction_id"]});
    assert_eq!(world.post("/v1/tasks/runs", &next.to_string()).await.status, 422);
    world.work();
    world.until_status(first.run_id(), Status::Completed).await;
    accepted(&world, &next.to_string()).await;
}

#[tokio::test]
async fn the_operators_routes_tell_what_they_should() {
    let world = World::new();
    let mut shown = String::new();
    for path in ["/health", "/ready", "/version"] {
        write!(shown, "{path}\n{}", world.get(path).await.shown()).unwrap();
    }
    insta::assert_snapshot!(shown);
}

#[tokio::test]
async fn the_document_names_each_route_and_no_other() {
    let world = World::new();
    let document = world.get("/openapi.json").await.body;
    let paths = document["paths"].as_object().unwrap();
    let named: BTreeSet<_> = paths.keys().cloned().collect();
    assert_eq!(named, super::templates().into_iter().collect());
    // Nothing is held and no stream goes on any more.
    world.stop.cancel();
    for (path, item) in paths {
        let path = path.replace("{id}", "trun_00000000000000000000000000000001");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let answer = world.ask(method, &path, &[], b"").await;
            let documented = item.get(method.to_lowercase()).is_some();
            assert_eq!(answer.status != 405, documented, "{method} {path}: {}", answer.status);
        }
    }
}

#[tokio::test]
async fn a_server_says_what_it_has_counted() {
    let world = World::new();
    world.work();
    let answer = accepted(&world, MINIMAL).await;
    world.get(&path(&answer, "/result")).await;
    world.get("/nowhere/trun_1?key=secret").await;
    let told = world.get("/metrics").await;
    assert_eq!(told.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let told = told.body.as_str().unwrap().to_owned();
    for line in [
        r#"legwork_runs_created_total{processor="base"} 1"#,
        r#"legwork_runs_total{processor="base",status="completed"} 1"#,
        r#"legwork_run_seconds_count{processor="base",status="completed"} 1"#,
        r#"legwork_queue_depth{processor="base"} 0"#,
        r#"legwork_runs_running{processor="base"} 0"#,
        r#"legwork_http_requests_total{route="/v1/tasks/runs",method="POST",status="202"} 1"#,
        r#"legwork_http_requests_total{route="/v1/tasks/runs/{id}/result",method="GET",status="200"} 1"#,
        r#"legwork_http_requests_total{route="(none)",method="GET",status="404"} 1"#,
        "legwork_waiters 0",
    ] {
        assert!(told.lines().any(|told| told == line), "{line} in\n{told}");
    }
    assert!(!told.contains("trun_") && !told.contains("secret"), "no id and no query is a label");
}

#[tokio::test]
async fn what_an_earlier_process_left_is_counted() {
    let world = World::new();
    accepted(&world, MINIMAL).await;
    let world = world.restarted();
    // Whatever the writer is asked comes after its count.
    world.get("/ready").await;
    let told = world.get("/metrics").await.body.as_str().unwrap().to_owned();
    assert!(told.contains("legwork_queue_depth{processor=\"base\"} 1\n"), "{told}");
    assert!(told.contains("legwork_runs_created_total{processor=\"base\"} 0\n"), "{told}");
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
async fn the_page_of_the_document_fetches_nothing_from_elsewhere() {
    let world = World::new();
    let page = world.get("/docs").await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    let html = page.body.as_str().unwrap();
    assert!(!html.contains("://"), "{html}");
    assert_eq!(world.get("/docs/rapidoc.js").await.headers["content-encoding"], "gzip");
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

#[tokio::test]
async fn a_server_that_stops_is_not_ready() {
    let world = World::new();
    world.stop.cancel();
    let answer = world.get("/ready").await;
    assert_eq!((answer.status, &answer.headers["retry-after"]), (503, &"1".parse().unwrap()));
    assert_eq!(world.get("/health").await.status, 200, "it lives all the same");
}

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

#[tokio::test]
async fn what_a_run_was_given_in_secret_reaches_its_processor_and_nobody_else() {
    let world = World::new();
    let server =
        json!({"name": "one", "url": "https://one.example/mcp", "headers": {"authorization": "Bearer sesame"}});
    let body = json!({"processor": "base", "input": "what is known", "mcp_servers": [server]});
    let answer = accepted(&world, &body.to_string()).await;
    let is_kept = async || world.store.secrets(answer.run_id()).await.unwrap().is_some();
    assert!(is_kept().await);
    let mut seen = answer.body.to_string();
    world.work();
    world.until_status(answer.run_id(), Status::Completed).await;
    assert!(!is_kept().await, "it is gone with the run's end");
    for rest in ["", "/input", "/result", "/log", "/events", "/webhooks"] {
        seen += &world.get(&path(&answer, rest)).await.body.to_string();
    }
    assert!(!seen.contains("sesame"), "{seen}");
    let result = world.get(&path(&answer, "/result")).await;
    assert!(result.text("/output/content").starts_with(r#"["authorization of 13 bytes"]"#), "{:#}", result.body);
    // To be asked again it has to be given again.
    assert_eq!(world.post(&path(&answer, "/rerun"), "").await.status, 422);
}

#[tokio::test]
async fn a_run_knows_what_it_may_take_and_what_the_one_before_it_answered() {
    let world = World::new();
    let first = accepted(&world, MINIMAL).await;
    world.worker.once().await.unwrap();
    world.until_status(first.run_id(), Status::Completed).await;
    let previous = first.body["interaction_id"].clone();
    let limits = json!({"max_seconds": 60, "max_cost_usd": 0.25, "max_tokens": 1000, "own": 1});
    let body =
        json!({"processor": "base", "input": "what is known", "previous_interaction_id": previous, "legwork": limits});
    let known = async |next: Answer| {
        world.worker.once().await.unwrap();
        world.until_status(next.run_id(), Status::Completed).await;
        world.get(&path(&next, "/result")).await.text("/output/content").to_owned()
    };
    let next = accepted(&world, &body.to_string()).await;
    assert_eq!(next.text("/warnings/0/detail/keys/0"), "own");
    assert_eq!(world.get(&path(&next, "/input")).await.body["legwork"], limits);
    let limits = "Limits { max_seconds: Some(60.0), max_cost_usd: Some(0.25), max_tokens: Some(1000) }";
    assert_eq!(known(next).await, format!(r#"[], {limits}, Some(String("hello"))"#));
    let owner = legwork_core::id::Owner::named("key_other");
    assert_eq!(world.runs.answered(&owner, first.run_id()).await.unwrap(), None, "another's is none");
    let next = accepted(&world, &body.to_string()).await;
    assert_eq!(world.ask("DELETE", &path(&first, ""), &[], b"").await.status, 204);
    assert_eq!(known(next).await, format!("[], {limits}, None"), "it may be gone by then");
}

#[tokio::test]
async fn a_result_says_what_it_took() {
    let world = World::new();
    world.work();
    let answer = accepted(&world, r#"{"processor":"base","input":"what it took"}"#).await;
    world.until_status(answer.run_id(), Status::Completed).await;
    let ours = world.get(&path(&answer, "/result")).await.body["output"]["legwork"].clone();
    assert_eq!((&ours["usage"]["pages"], &ours["usage"]["cost_usd"]), (&json!(3), &json!(null)));
    assert_eq!(ours["warnings"], json!(["it was short"]));
}
