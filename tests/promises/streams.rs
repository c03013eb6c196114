//! Streams on the built binary: cut at any point, through `kill -9` of the server, they give the same events once each.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use legwork_api::client::Client;
use legwork_api::event::Event;
use legwork_core::id::RunId;
use legwork_core::run::Status;
use serde_json::json;

use crate::support::{Server, Store, here, legwork};

/// How many things the run tells, one every two milliseconds.
const EVENTS: u64 = 500;

async fn talkative(client: &Client) -> RunId {
    let input = json!({"events": EVENTS, "every": 2000});
    let task = json!({"processor": "base", "input": input, "enable_events": true});
    client.create(&task).await.unwrap().run_id
}

fn curl(server: &Server, id: RunId, after: &str, seconds: &str) -> String {
    let url = format!("{}/v1/tasks/runs/{id}/events?last_event_id={after}", server.url());
    let ran = Command::new("curl").args(["-sN", "--max-time", seconds, &url]).output().unwrap();
    String::from_utf8(ran.stdout).unwrap()
}

/// The whole events of a stream that was cut anywhere, and the id of the last one.
pub(crate) fn whole(stream: &str) -> (String, Option<String>) {
    let end = stream.rfind("\n\n").map_or(0, |at| at + 2);
    let events: String = stream[..end].split_inclusive('\n').filter(|line| !line.starts_with(':')).collect();
    let last = events.lines().rev().find_map(|line| line.strip_prefix("id: ")).map(str::to_owned);
    (events, last)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_cut_again_and_again_gives_each_event_once_also_over_kill_9() {
    let store = Store::new();
    let mut server = Server::start(&store, &["--idle"]);
    let address = server.address.to_string();
    let client = Client::new(&server.url(), None).unwrap();
    let id = talkative(&client).await;
    let (mut pieced, mut last) = (String::new(), String::new());
    for round in 0_u32.. {
        assert!(round < 2000, "the stream comes to an end");
        if [3, 9, 20].contains(&round) {
            server.kill();
            server = Server::start_at(&address, &store, &["--idle"]);
        }
        let seconds = format!("0.{:02}", 2 + round % 7 * 3);
        let (events, seen) = whole(&curl(&server, id, &last, &seconds));
        pieced.push_str(&events);
        last = seen.unwrap_or(last);
        if pieced.contains(r#""status":"completed""#) {
            break;
        }
    }
    let (replay, _) = whole(&curl(&server, id, "", "20"));
    assert_eq!(pieced, replay, "cut or not, it is the same");
    assert!(replay.matches("event: task_run.progress_msg.plan\n").count() as u64 == EVENTS, "each is told once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clients_stream_comes_back_by_itself() {
    let store = Store::new();
    let server = Server::start(&store, &["--idle"]);
    let address = server.address.to_string();
    let client = Client::new(&server.url(), None).unwrap().patient_for(Duration::from_mins(1));
    let id = talkative(&client).await;
    let mut events = client.events(id, None);
    let (mut server, mut numbers, mut end) = (Some(server), Vec::new(), None);
    while let Some(event) = events.next().await.unwrap() {
        numbers.push(event.id().unwrap().split('-').next().unwrap().parse::<u64>().unwrap());
        if [40, 200].contains(&numbers.len()) {
            server.take().unwrap().kill();
            server = Some(Server::start_at(&address, &store, &["--idle"]));
        }
        if let Event::State(state) = event {
            end = Some((state.run.status, state.output().is_some()));
        }
    }
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    assert!(numbers.len() as u64 > EVENTS && end == Some((Status::Completed, true)), "{end:?}");
}

/// `legwork watch` on this store.
fn watch(store: &Path, arguments: &[&str]) -> std::process::Output {
    legwork().args(["watch", "--store"]).arg(store).args(arguments).output().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watch_prints_events_as_lines_and_goes_on_after_one() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let client = Client::new(&server.url(), None).unwrap();
    let task = json!({"processor": "pro", "input": "What is the capital of Mongolia?"});
    let id = client.create(&task).await.unwrap().run_id.to_string();
    let told = watch(folder.path(), &[&id, "--json"]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let lines = String::from_utf8(told.stdout).unwrap();
    let events: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds[..3], ["task_run.state", "task_run.state", "task_run.progress_msg.exec_status"]);
    assert!(kinds.contains(&"task_run.progress_msg.plan") && kinds.contains(&"task_run.progress_stats"), "{kinds:?}");
    let last = events.last().unwrap();
    assert_eq!((last["run"]["status"].as_str(), last["output"]["type"].as_str()), (Some("completed"), Some("json")));
    let after = events[2]["event_id"].as_str().unwrap();
    let rest = watch(folder.path(), &[&id, "--json", "--after", after]);
    assert_eq!(String::from_utf8(rest.stdout).unwrap().lines().count(), events.len() - 3);
    let plain = watch(folder.path(), &[&id]);
    assert!(plain.status.success() && plain.stdout.is_empty(), "what is told on the way is talk");
}

#[test]
fn the_guides_third_pattern_streams_to_the_end() {
    let store = Store::new();
    let server = Server::start(&store, &[]);
    let lines = std::fs::read_to_string(here("tests/guide/streaming.sh")).unwrap();
    let lines = lines.replace("https://api.parallel.ai", &server.url());
    let ran = Command::new("bash").args(["-c", &lines]).env_remove("PARALLEL_API_KEY").output().unwrap();
    let told = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success() && told.contains("event: task_run.progress_stats\n"), "{told}");
    let (events, last) = whole(&told);
    assert!(events.ends_with("\n\n") && events.contains(r#""status":"completed""#), "{events}");
    let number: u64 = last.unwrap().split('-').next().unwrap().parse().unwrap();
    assert_eq!(events.matches("\nevent: ").count() as u64, number, "every one of them");
}
