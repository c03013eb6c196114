//! Groups as a client meets them.

use legwork_api::run_input::MAX_INPUTS;
use legwork_core::run::Status;
use serde_json::{Value, json};

use crate::testing::{Answer, World};

async fn group(world: &World) -> String {
    world.post("/v1/tasks/groups", "{}").await.text("/taskgroup_id").to_owned()
}

fn inputs(what: &[&str]) -> Value {
    what.iter().map(|what| json!({"input": what, "processor": "base"})).collect()
}

async fn added(world: &World, group: &str, what: &[&str]) -> Answer {
    world.post(&format!("/v1/tasks/groups/{group}/runs"), &json!({"inputs": inputs(what)}).to_string()).await
}

async fn get(world: &World, group: &str, rest: &str) -> Answer {
    world.get(&format!("/v1/tasks/groups/{group}{rest}")).await
}

/// The events of a stream.
fn events(answer: &Answer) -> Vec<Value> {
    let stream = answer.body.as_str().unwrap_or_default();
    let data = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

fn ids(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["run"]["run_id"].as_str()).collect()
}

/// Lets the workers end all runs of a group.
async fn worked(world: &World, answer: &Answer) {
    let working = world.work();
    for id in answer.body["run_ids"].as_array().unwrap() {
        let id = id.as_str().unwrap().parse().unwrap();
        world.until(id, |life| life.status().is_ended()).await;
    }
    working.abort();
}

#[tokio::test]
async fn a_group_is_made_and_shown_with_every_key_of_the_wire() {
    let world = World::new();
    for body in ["{}", r#"{"metadata":null}"#, ""] {
        let made = world.post("/v1beta/tasks/groups", body).await;
        assert_eq!((made.status, &made.body["metadata"]), (200, &Value::Null));
        let shown = get(&world, made.text("/taskgroup_id"), "").await;
        assert_eq!(shown.body, made.body);
        let status = json!({"num_task_runs": 0, "task_run_status_counts": {}, "is_active": false,
            "status_message": null, "modified_at": made.body["created_at"]});
        assert_eq!(made.body["status"], status);
    }
    let made = world.post("/v1/tasks/groups", r#"{"metadata":{"batch":"a","n":1.0}}"#).await;
    assert_eq!(made.body["metadata"], json!({"batch": "a", "n": 1.0}));
    assert_eq!(world.post("/v1/tasks/groups", r#"{"metadata":7}"#).await.status, 422);
}

#[tokio::test]
async fn runs_are_added_in_order_and_shown_with_their_group() {
    let world = World::new();
    let group = group(&world).await;
    let first = added(&world, &group, &["a", "b", "c"]).await;
    assert_eq!(first.status, 200);
    assert_eq!((&first.body["run_cursor"], &first.body["event_cursor"]), (&Value::Null, &Value::Null));
    assert_eq!(first.body["status"]["task_run_status_counts"], json!({"queued": 3}));
    let ids: Vec<_> = first.body["run_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    for (id, what) in ids.iter().zip(["a", "b", "c"]) {
        let input = world.get(&format!("/v1/tasks/runs/{id}/input")).await;
        assert_eq!(input.text("/input"), what);
        let run = get(&world, &group, &format!("/runs/{id}")).await;
        assert_eq!((run.status, run.text("/taskgroup_id")), (200, &*group));
        assert_eq!(world.get(&format!("/v1/tasks/runs/{id}")).await.body, run.body);
    }
    let other = self::group(&world).await;
    assert_eq!(get(&world, &other, &format!("/runs/{}", ids[0])).await.status, 404, "it is not in that one");
    let listed = world.get(&format!("/v1/tasks/runs?taskgroup_id={group}")).await;
    assert_eq!(listed.body["runs"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn one_run_that_is_wrong_keeps_all_of_them_out() {
    let world = World::new();
    let group = group(&world).await;
    for (second, status, told) in [
        (json!({"processor": "base"}), 422, "`inputs[1].input`"),
        (json!({"input": "b", "processor": "nobody"}), 403, "`inputs[1]`: there is no processor"),
        (json!({"input": "b", "processor": "base", "webhook_url": "http://10.0.0.1/"}), 422, "`inputs[1].webhook_url`"),
    ] {
        let body = json!({"inputs": [{"input": "a", "processor": "base"}, second]});
        let refused = world.post(&format!("/v1/tasks/groups/{group}/runs"), &body.to_string()).await;
        assert_eq!(refused.status, status, "{}", refused.body);
        assert!(refused.text("/error/message").starts_with(told), "{}", refused.text("/error/message"));
    }
    assert_eq!(get(&world, &group, "").await.body["status"]["num_task_runs"], 0);
    let many = vec!["x"; MAX_INPUTS + 1];
    assert_eq!(added(&world, &group, &many).await.status, 422);
}

#[tokio::test]
async fn a_thousand_runs_are_added_at_once_and_each_is_told_of_once() {
    let world = World::new();
    let group = group(&world).await;
    let many: Vec<_> = (0..MAX_INPUTS).map(|n| n.to_string()).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let answer = added(&world, &group, &many).await;
    let told = events(&get(&world, &group, "/runs").await);
    let given: Vec<_> = answer.body["run_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    assert_eq!(ids(&told), given);
}

#[tokio::test]
async fn the_runs_of_a_group_are_told_as_they_are_and_waited_for_by_nobody() {
    let world = World::new();
    let group = group(&world).await;
    let answer = added(&world, &group, &["a", "fail"]).await;
    let before = events(&get(&world, &group, "/runs").await);
    assert_eq!(before.iter().map(|event| &event["run"]["status"]).collect::<Vec<_>>(), ["queued", "queued"]);
    worked(&world, &answer).await;
    let bare = events(&get(&world, &group, "/runs?include_input=false").await);
    assert!(bare.iter().all(|event| event["input"].is_null() && event["output"].is_null()));
    let whole = events(&get(&world, &group, "/runs?include_input=true&include_output=true").await);
    assert_eq!((&whole[0]["input"]["input"], &whole[0]["output"]["content"]), (&json!("a"), &json!("a")));
    assert_eq!(
        (&whole[1]["run"]["error"]["message"], &whole[1]["output"]),
        (&json!("it cannot be done"), &Value::Null)
    );
    let failed = events(&get(&world, &group, "/runs?status=failed").await);
    assert_eq!(ids(&failed), ids(&whole[1..]));
    let cursor = whole[0]["event_id"].as_str().unwrap();
    assert_eq!(ids(&events(&get(&world, &group, &format!("/runs?last_event_id={cursor}")).await)), ids(&whole[1..]));
    assert_eq!(ids(&events(&get(&world, &group, "/runs?last_event_id=").await)).len(), 2, "empty is absent");
    let foreign = get(&world, &group, "/runs?last_event_id=1-ffffff").await;
    assert!(foreign.body.as_str().unwrap().starts_with(": this cursor"), "{}", foreign.body);
    assert_eq!(events(&foreign).len(), 2);
    let right = group.get(group.len() - 6..).unwrap();
    let beyond = get(&world, &group, &format!("/runs?last_event_id=99-{right}")).await;
    assert_eq!(events(&beyond).len(), 2, "what was never there is none of this group");
    let later = added(&world, &group, &["b"]).await;
    let from = later.text("/run_cursor");
    assert_eq!(ids(&events(&get(&world, &group, &format!("/runs?last_event_id={from}")).await)).len(), 1);
}

#[tokio::test]
async fn a_group_is_followed_until_it_is_at_rest() {
    let world = World::new();
    let group = group(&world).await;
    let empty = events(&get(&world, &group, "/events").await);
    assert_eq!(empty.len(), 1, "an empty group is at rest: {empty:?}");
    let answer = added(&world, &group, &["a", "fail", "b"]).await;
    let (stream, ()) = tokio::join!(get(&world, &group, "/events"), worked(&world, &answer));
    let told = events(&stream);
    assert_eq!((&told[0]["type"], &told[0]["status"]["num_task_runs"]), (&json!("task_group_status"), &json!(3)));
    let last = told.last().unwrap();
    assert_eq!(last["status"]["task_run_status_counts"], json!({"completed": 2, "failed": 1}));
    assert_eq!(
        (&last["status"]["is_active"], &last["status"]["status_message"]),
        (&json!(false), &json!("3 of 3 runs have ended, 1 of them failed"))
    );
    let ends: Vec<_> = told.iter().filter(|event| event["type"] == "task_run.state").collect();
    assert_eq!(ends.len(), 3, "one for each end");
    assert!(ends.iter().all(|event| event["input"].is_null() && event["output"].is_null()));
    let again = events(&get(&world, &group, "/events").await);
    assert_eq!(ids(&again), ids(&told), "a finished group is told again");
    let cursor = ends[1]["event_id"].as_str().unwrap();
    let rest = events(&get(&world, &group, &format!("/events?last_event_id={cursor}")).await);
    assert_eq!(ids(&rest), ids(&told)[2..], "no loss, nothing twice");
    assert_eq!(rest[0]["type"], "task_group_status", "at least the status");
    let later = added(&world, &group, &["c"]).await;
    world.post(&format!("/v1/tasks/groups/{group}/cancel"), "").await;
    let from = later.text("/event_cursor");
    let new = events(&get(&world, &group, &format!("/events?last_event_id={from}")).await);
    assert_eq!(ids(&new), [later.text("/run_ids/0")]);
}

#[tokio::test]
async fn a_stream_of_a_group_at_work_ends_with_its_time() {
    let world = World::new();
    let group = group(&world).await;
    added(&world, &group, &["a"]).await;
    let told = events(&get(&world, &group, "/events?timeout=0").await);
    assert_eq!(told.len(), 1);
    assert_eq!(get(&world, &group, "/events?timeout=-1").await.status, 422);
    assert_eq!(get(&world, &group, "/runs?status=done").await.status, 422);
}

#[tokio::test]
async fn a_group_is_cancelled_as_a_whole() {
    let world = World::new();
    let group = group(&world).await;
    let answer = added(&world, &group, &["hang", "a"]).await;
    let working = world.work();
    let hanging = answer.text("/run_ids/0").parse().unwrap();
    world.until_status(hanging, Status::Running).await;
    world.until_status(answer.text("/run_ids/1").parse().unwrap(), Status::Completed).await;
    let third = added(&world, &group, &["hang"]).await.text("/run_ids/0").parse().unwrap();
    let cancelled = world.post(&format!("/v1/tasks/groups/{group}/cancel"), "").await;
    assert_eq!(cancelled.status, 200);
    world.until_status(hanging, Status::Cancelled).await;
    world.until_status(third, Status::Cancelled).await;
    working.abort();
    let counts = get(&world, &group, "").await.body["status"]["task_run_status_counts"].clone();
    assert_eq!(counts, json!({"completed": 1, "cancelled": 2}));
}

#[tokio::test]
async fn a_group_is_its_owners_alone() {
    let world = World::with_keys(&["one", "two"]);
    let ask = async |key: &str, method: &str, path: &str, body: &str| {
        world.ask(method, path, &[("x-api-key", key)], body.as_bytes()).await
    };
    let group = ask("one", "POST", "/v1/tasks/groups", "{}").await.text("/taskgroup_id").to_owned();
    let path = format!("/v1/tasks/groups/{group}");
    let body = json!({"inputs": inputs(&["a"])}).to_string();
    let run = ask("one", "POST", &format!("{path}/runs"), &body).await.text("/run_ids/0").to_owned();
    for (method, rest, body) in [
        ("GET", String::new(), ""),
        ("GET", "/runs".to_owned(), ""),
        ("POST", "/runs".to_owned(), &*body),
        ("GET", "/events".to_owned(), ""),
        ("GET", format!("/runs/{run}"), ""),
        ("POST", "/cancel".to_owned(), ""),
    ] {
        assert_eq!(ask("two", method, &format!("{path}{rest}"), body).await.status, 404, "{method} {rest}");
        assert_eq!(ask("nobody", method, &format!("{path}{rest}"), body).await.status, 401, "{method} {rest}");
    }
    assert_eq!(ask("one", "GET", "/v1/tasks/groups/tgrp_1", "").await.status, 404);
}
