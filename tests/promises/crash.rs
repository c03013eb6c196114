//! `kill -9` under load, again and again: what was accepted is found again and ends once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use legwork_api::client::Client;
use legwork_core::id::RunId;
use legwork_core::run::Status;
use serde_json::json;

use crate::nodes::claims;
use crate::nodes::clients::Caller;
use crate::support::{Server, Store};

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
    let store = Store::new();
    let accepted = Accepted::default();
    for round in 0..ROUNDS {
        let server = Server::start(&store, &[]);
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
    let server = Server::start(&store, &[]);
    let client = Client::new(&server.url(), None).unwrap();
    for id in &accepted {
        let result = client.result(*id, None).await.unwrap();
        assert_eq!(result.run().status, Status::Completed);
    }
    // Those whose answer got lost, too.
    let (node, mut found) = (Caller::new(&server.url()), BTreeSet::new());
    for id in claims::listed(&node).await {
        claims::ended_once(&node, id).await;
        found.insert(id);
    }
    assert!(accepted.is_subset(&found));
}

/// A client that waits takes the answer from the next process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_result_survives_the_servers_death() {
    let store = Store::new();
    // Nobody works, so the result is still held when the server dies.
    let server = Server::start(&store, &["--role", "api"]);
    let address = server.address.to_string();
    let client = Client::new(&server.url(), None).unwrap();
    let run = client.create(&json!({"processor": "base", "input": "What is the capital of Chad?"})).await.unwrap();
    let waiting = tokio::spawn(async move { client.result(run.run_id, None).await });
    server.kill();
    let _again = Server::start_at(&address, &store, &[]);
    let result = waiting.await.unwrap().unwrap();
    assert_eq!(result.run().status, Status::Completed);
}
