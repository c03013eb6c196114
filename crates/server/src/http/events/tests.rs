//! A stream is exactly the log: whole, from any place in it, live and replayed, for those who may read it.

use std::fmt::Write as _;

use legwork_core::command::Command;
use legwork_core::id::{Owner, RunId};
use legwork_core::run::Status;
use serde_json::{Value, json};

use crate::follow::Wanted;
use crate::testing::{Answer, World};

/// A run that has told three things and ended.
async fn told(world: &World) -> RunId {
    let id = world.submit("tell").await;
    world.work();
    world.until_status(id, Status::Completed).await;
    id
}

fn at(id: RunId, rest: &str) -> String {
    format!("/v1/tasks/runs/{id}{rest}")
}

fn text(answer: &Answer) -> &str {
    answer.body.as_str().unwrap_or_default()
}

/// The events of a stream, each with its id.
fn frames(stream: &str) -> Vec<(String, Value)> {
    let events = stream.split_inclusive("\n\n").map(|frame| {
        let lines: Vec<_> = frame.lines().filter(|line| !line.starts_with(':')).collect();
        let [id, event, data, ""] = lines[..] else { panic!("not an event: {frame:?}") };
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(event, format!("event: {}", data["type"].as_str().unwrap()));
        assert_eq!(id, format!("id: {}", data["event_id"].as_str().unwrap()));
        (id["id: ".len()..].to_owned(), data)
    });
    events.collect()
}

#[tokio::test]
async fn a_stream_is_the_whole_log_and_ends_with_the_run() {
    let world = World::new();
    let id = told(&world).await;
    let answer = world.get(&at(id, "/events")).await;
    assert_eq!(answer.headers["content-type"], "text/event-stream");
    assert_eq!(answer.headers["cache-control"], "no-cache, no-transform");
    let mut story = String::new();
    for (n, (cursor, event)) in frames(text(&answer)).into_iter().enumerate() {
        assert!(cursor.starts_with(&format!("{}-", n + 1)), "no gap: {cursor}");
        let what = [&event["run"]["status"], &event["message"], &event["output"]["content"]];
        let what: Vec<_> = what.into_iter().filter_map(Value::as_str).collect();
        writeln!(story, "{}: {}", event["type"].as_str().unwrap(), what.join(", ")).unwrap();
    }
    insta::assert_snapshot!(story);
    let beta = world.get(&format!("/v1beta/tasks/runs/{id}/events?beta=true")).await;
    assert_eq!(text(&beta), text(&answer), "the same bytes again");
}

#[tokio::test]
async fn a_stream_goes_on_after_any_event_once_each() {
    let world = World::new();
    let id = told(&world).await;
    let whole = text(&world.get(&at(id, "/events?last_event_id=")).await).to_owned();
    let events = frames(&whole);
    for (n, (cursor, _)) in events.iter().enumerate().take(events.len() - 1) {
        let by_query = world.get(&at(id, &format!("/events?last_event_id={cursor}"))).await;
        assert_eq!(frames(text(&by_query)), events[n + 1..], "after {cursor}");
        let header = [("last-event-id", cursor.as_str())];
        let by_header = world.ask("GET", &at(id, "/events?last_event_id=1-000000"), &header, b"").await;
        assert_eq!(text(&by_header), text(&by_query), "the header goes first");
    }
    let (last, _) = events.last().unwrap();
    let by_query = world.get(&at(id, &format!("/events?last_event_id={last}"))).await;
    assert_eq!((by_query.status, text(&by_query)), (200, ""));
    let by_header = world.ask("GET", &at(id, "/events"), &[("last-event-id", last)], b"").await;
    assert_eq!(by_header.status, 204, "a browser does not come back");
}

#[tokio::test]
async fn a_cursor_of_another_log_tells_everything_and_says_so() {
    let world = World::new();
    let id = told(&world).await;
    let whole = text(&world.get(&at(id, "/events")).await).to_owned();
    let other = frames(&whole)[0].0.replace('-', "-f");
    for odd in ["7", "nonsense", other.as_str(), "99999-000000"] {
        let answer = world.get(&at(id, &format!("/events?last_event_id={odd}"))).await;
        let (comment, rest) = text(&answer).split_once('\n').unwrap();
        assert!(comment.starts_with(": ") && rest == whole, "{odd}: {comment}");
    }
}

#[tokio::test]
async fn what_is_followed_live_is_what_is_replayed_later() {
    for world in [World::new(), World::without_hints()] {
        let id = world.submit("tell").await;
        let (follow, stop) = (world.follow.clone(), world.stop.clone());
        world.work();
        let watched = tokio::spawn(async move {
            while !stop.is_cancelled() {
                follow.watch_once().await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let live = world.get(&at(id, "/events")).await;
        assert_eq!(text(&live), text(&world.get(&at(id, "/events")).await));
        assert_eq!(frames(text(&live)).last().unwrap().1["run"]["status"], "completed");
        world.stop.cancel();
        watched.await.unwrap();
    }
}

#[tokio::test]
async fn a_stream_survives_a_restart_without_a_gap() {
    let world = World::new();
    let id = world.submit("tell").await;
    world.work();
    world.until_status(id, Status::Completed).await;
    let before = text(&world.get(&at(id, "/events")).await).to_owned();
    let again = world.restarted();
    assert_eq!(text(&again.get(&at(id, "/events")).await), before);
}

#[tokio::test]
async fn a_failed_run_ends_its_stream_with_the_reason_and_progress_that_is_not_kept_is_not_told() {
    let world = World::new();
    world.work();
    let body = r#"{"processor":"base","input":"fail","enable_events":false}"#;
    let answer = world.post("/v1/tasks/runs", body).await;
    let events = frames(text(&world.get(&at(answer.run_id(), "/events")).await));
    let statuses: Vec<_> = events.iter().map(|(_, event)| event["run"]["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["queued", "running", "failed"]);
    assert_eq!(events[2].1["run"]["error"]["message"], "it cannot be done");
    let quiet = world.post("/v1/tasks/runs", r#"{"processor":"base","input":"tell"}"#).await;
    assert_eq!(frames(text(&world.get(&at(quiet.run_id(), "/events")).await)).len(), 3, "base keeps none by itself");
}

#[tokio::test]
async fn the_log_has_the_same_events_in_pages() {
    let world = World::new();
    let id = told(&world).await;
    let streamed: Vec<_> = frames(text(&world.get(&at(id, "/events")).await)).into_iter().map(|(_, e)| e).collect();
    let whole = world.get(&at(id, "/log")).await;
    assert_eq!(whole.body, json!({"events": streamed, "next_cursor": null}));
    let (mut paged, mut after) = (Vec::new(), String::new());
    loop {
        let page = world.get(&at(id, &format!("/log?limit=2&after={after}"))).await;
        paged.extend(page.body["events"].as_array().unwrap().clone());
        match page.body["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => break,
        }
    }
    assert_eq!(paged, streamed);
    assert_eq!(world.get(&at(id, "/log?after=7")).await.status, 422);
}

#[tokio::test]
async fn an_unknown_run_has_no_stream() {
    let world = World::new();
    for rest in ["/events", "/log"] {
        let answer = world.get(&at(RunId::from_u128(7), rest)).await;
        assert_eq!((answer.status, answer.text("/type")), (404, "error"));
    }
}

#[tokio::test]
async fn a_token_opens_one_run_to_a_reader_and_nothing_else() {
    let world = World::with_keys(&["mine", "yours"]);
    let key = [("x-api-key", "mine")];
    let run = world.ask("POST", "/v1/tasks/runs", &key, br#"{"processor":"base","input":"x"}"#).await.run_id();
    let other = world.ask("POST", "/v1/tasks/runs", &key, br#"{"processor":"base","input":"y"}"#).await.run_id();
    world.work();
    assert_eq!(world.ask("POST", &at(run, "/token"), &[("x-api-key", "yours")], b"").await.status, 404);
    let token = world.ask("POST", &at(run, "/token"), &key, b"").await.text("/token").to_owned();
    for rest in ["", "/events", "/log", "/result"] {
        assert_eq!(world.get(&at(run, &format!("{rest}?token={token}"))).await.status, 200, "{rest}");
        assert_eq!(world.get(&at(other, &format!("{rest}?token={token}"))).await.status, 401, "{rest}");
        assert_eq!(world.get(&at(run, rest)).await.status, 401, "{rest} without");
    }
    let not_for_it = [("GET", "/input"), ("POST", "/cancel"), ("POST", "/finish"), ("POST", "/answer"), ("DELETE", "")];
    for (method, rest) in not_for_it.into_iter().chain([("POST", "/token")]) {
        assert_eq!(world.ask(method, &at(run, &format!("{rest}?token={token}")), &[], b"").await.status, 401, "{rest}");
    }
    assert_eq!(world.status(run).await, Status::Completed);
    world.clock.pass(std::time::Duration::from_secs(3601));
    assert_eq!(world.get(&at(run, &format!("/events?token={token}"))).await.status, 401, "an hour after the end");
}

#[tokio::test]
async fn the_states_of_all_runs_are_one_stream_that_can_be_resumed() {
    let world = World::new();
    let (one, two) = (world.submit("a").await, world.submit("b").await);
    world.runs.apply(one, Command::Cancel).await.unwrap();
    let mut feed = world.follow.feed(Owner::local(), Wanted::default(), 0);
    let first = String::from_utf8(feed.next().await.unwrap().to_vec()).unwrap();
    let shown = |frames: &[(String, Value)]| {
        let states = frames.iter().map(|(_, event)| (event["run"]["run_id"].clone(), event["run"]["status"].clone()));
        states.map(|(id, status)| format!("{id} {status}").replace('"', "")).collect::<Vec<_>>()
    };
    let expected = [format!("{one} queued"), format!("{two} queued"), format!("{one} cancelled")];
    assert_eq!(shown(&frames(&first)), expected);
    let (next, _) = tokio::join!(feed.next(), world.runs.apply(two, Command::Cancel));
    let next = String::from_utf8(next.unwrap().to_vec()).unwrap();
    assert_eq!(shown(&frames(&next)), [format!("{two} cancelled")], "as it comes");
    // A stop ends every stream, so that here it can be read whole.
    world.stop.cancel();
    for (rest, after) in [("", 0), ("&status=cancelled", 0)] {
        let head = world.get(&format!("/v1/tasks/runs/events?last_event_id={after}{rest}")).await;
        assert_eq!(head.status, 200);
    }
}
