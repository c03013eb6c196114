//! `kill -9` under load, again and again: what was accepted is found again and ends once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use legwork_api::client::Client;
use legwork_core::id::RunId;
use legwork_core::run::Status;
use serde_json::json;

use crate::support::Server;

const ROUNDS: u64 = 20;
const CLIENTS: usize = 8;

type Accepted = Arc<Mutex<BTreeSet<RunId>>>;

/// Creates runs until the server is gone, and writes down each one that was answered with 202.
async fn load(url: String, accepted: Accepted) {
    let client = Client::new(&url, None).unwrap();
    let countries = ["Mongolia", "Chad", "Norway", "Peru", "Japan"];
    for n in 0.. {
        let processor = if n % 3 == 0 { "lite" } else { "base" };
        let question = format!("What is the capital of {}?", countries[n % countries.len()]);
        let Ok(run) = client.create(&json!({"processor": processor, "input": question})).await else { return };
        accepted.lock().unwrap().insert(run.run_id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_is_found_again_and_ends_once() {
    let folder = tempfile::tempdir().unwrap();
    let accepted = Accepted::default();
    for round in 0..ROUNDS {
        let server = Server::start(folder.path(), &[]);
        let clients: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(load(server.url(), accepted.clone()))).collect();
        // Killed at another moment each round: during the first creates, in the thick of it, while sweeping.
        tokio::time::sleep(Duration::from_millis(5 + round * round)).await;
        server.kill();
        for client in clients {
            client.await.unwrap();
        }
    }
    let accepted = accepted.lock().unwrap().clone();
    assert!(accepted.len() > 100, "there was some load: {}", accepted.len());
    let server = Server::start(folder.path(), &[]);
    let client = Client::new(&server.url(), None).unwrap();
    for id in &accepted {
        let result = client.result(*id, None).await.unwrap();
        assert_eq!(result.run().status, Status::Completed);
    }
    server.kill();
    ends_once(&folder.path().join("legwork.db"), &accepted);
}

/// Reads the log itself: every run, the accepted ones and those whose answer got lost, has one end and no gap.
fn ends_once(database: &std::path::Path, accepted: &BTreeSet<RunId>) {
    let store = rusqlite::Connection::open(database).unwrap();
    let mut logs = store
        .prepare(
            "select r.id, max(f.seq) = count(*) and max(f.seq) = r.version, \
             sum(f.what like '%\"completed\"%' or f.what like '%\"failed\"%'), r.status \
             from runs r join facts f on f.n = r.n group by r.n",
        )
        .unwrap();
    let rows =
        logs.query_map([], |row| Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, bool>(1)?, row.get::<_, i64>(2)?)));
    let mut found = BTreeSet::new();
    for row in rows.unwrap() {
        let (id, whole, ends) = row.unwrap();
        let id = RunId::from_bytes(id);
        assert!(whole, "the log of {id} has a gap");
        assert!(ends <= 1, "{id} ended {ends} times");
        found.insert(id);
    }
    assert!(accepted.is_subset(&found));
}

/// A client that waits takes the answer from the next process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_result_survives_the_servers_death() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody works, so the result is still held when the server dies.
    let server = Server::start(folder.path(), &["--role", "api"]);
    let address = server.at.address.to_string();
    let client = Client::new(&server.url(), None).unwrap();
    let run = client.create(&json!({"processor": "base", "input": "What is the capital of Chad?"})).await.unwrap();
    let waiting = tokio::spawn(async move { client.result(run.run_id, None).await });
    server.kill();
    let _again = Server::start_at(&address, folder.path(), &[]);
    let result = waiting.await.unwrap().unwrap();
    assert_eq!(result.run().status, Status::Completed);
}
