//! What every store promises of the nodes that share it.

use std::time::Duration;

use futures_util::future::join_all;

use super::{Promise, T};
use crate::id::NodeId;
use crate::node::{ALIVE_FOR, Fingerprint, Node, Role};
use crate::store::Store;
use crate::time::Micros;

/// The promises with their names.
pub(super) fn promises() -> Vec<(&'static str, Promise)> {
    vec![
        ("announced_nodes_are_seen_as_they_are", |s| Box::pin(announced_nodes_are_seen_as_they_are(s))),
        ("the_newest_announcement_counts", |s| Box::pin(the_newest_announcement_counts(s))),
        ("a_node_that_was_not_seen_for_long_is_gone", |s| Box::pin(a_node_that_was_not_seen_for_long_is_gone(s))),
        ("a_node_that_leaves_is_gone_at_once", |s| Box::pin(a_node_that_leaves_is_gone_at_once(s))),
        ("nodes_that_come_at_once_are_all_there", |s| Box::pin(nodes_that_come_at_once_are_all_there(s))),
    ]
}

fn node(number: u64) -> Node {
    Node {
        id: NodeId(number),
        role: Role::All,
        host: format!("machine-{number}"),
        address: ([10, 0, 0, 1], 8787).into(),
        version: "0.1.0".to_owned(),
        started_at: Micros(T.0 - 1_000 + i64::try_from(number % 100).unwrap()),
        seen_at: T,
        processors: [("base".to_owned(), Some(Fingerprint(7)))].into(),
    }
}

async fn alive(store: &dyn Store, now: Micros) -> Vec<u64> {
    store.nodes(now).await.unwrap().into_iter().map(|node| node.id.0).collect()
}

async fn announced_nodes_are_seen_as_they_are(store: &dyn Store) {
    assert_eq!(store.nodes(T).await.unwrap(), []);
    // A number beyond those that a database counts with, an IPv6 address, a name that is not ASCII.
    let works = Node {
        id: NodeId(u64::MAX - 3),
        role: Role::Worker,
        host: "büro".to_owned(),
        address: "[2001:db8::1]:443".parse().unwrap(),
        processors: [("base".to_owned(), None), ("ultra".to_owned(), Some(Fingerprint(u64::MAX)))].into(),
        ..node(97)
    };
    let answers = Node { role: Role::Api, processors: [].into(), ..node(1) };
    // When it was seen is not for the node to say.
    store.announce(Node { seen_at: Micros(0), ..works.clone() }, T).await.unwrap();
    store.announce(answers.clone(), T).await.unwrap();
    store.announce(node(5), T).await.unwrap();
    assert_eq!(store.nodes(T).await.unwrap(), [answers, node(5), works], "those that started first before others");
}

async fn the_newest_announcement_counts(store: &dyn Store) {
    store.announce(node(1), T).await.unwrap();
    let later = T + Duration::from_secs(10);
    let processors = [("lite".to_owned(), Some(Fingerprint(8)))].into();
    let changed = Node { role: Role::Worker, version: "0.2.0".to_owned(), seen_at: later, processors, ..node(1) };
    store.announce(changed.clone(), later).await.unwrap();
    assert_eq!(store.nodes(later).await.unwrap(), std::slice::from_ref(&changed));
    let nearly = later + ALIVE_FOR - Duration::from_micros(1);
    assert_eq!(store.nodes(nearly).await.unwrap(), [changed], "it lives on from the newest");
}

async fn a_node_that_was_not_seen_for_long_is_gone(store: &dyn Store) {
    store.announce(node(1), T).await.unwrap();
    let then = T + ALIVE_FOR;
    assert!(alive(store, then).await.is_empty());
    assert_eq!(alive(store, T).await, [1], "looking removes nothing");
    store.announce(node(2), then).await.unwrap();
    assert_eq!(alive(store, then).await, [2]);
    assert!(!alive(store, T).await.contains(&1), "nothing is left of it");
    store.announce(node(1), then).await.unwrap();
    assert_eq!(alive(store, then).await, [1, 2], "it was only slow");
}

async fn a_node_that_leaves_is_gone_at_once(store: &dyn Store) {
    store.leave(NodeId(1)).await.unwrap();
    store.announce(node(1), T).await.unwrap();
    store.announce(node(2), T).await.unwrap();
    store.leave(NodeId(1)).await.unwrap();
    assert_eq!(alive(store, T).await, [2]);
    store.leave(NodeId(1)).await.unwrap();
    assert_eq!(alive(store, T).await, [2]);
}

async fn nodes_that_come_at_once_are_all_there(store: &dyn Store) {
    // Each of them removes who is not alive, and some are there twice.
    store.announce(node(50), T).await.unwrap();
    let then = T + ALIVE_FOR;
    let announced = (1..=20).map(|number| store.announce(node(number % 10 + 1), then));
    for announced in join_all(announced).await {
        announced.unwrap();
    }
    assert_eq!(alive(store, then).await, (1..=10).collect::<Vec<_>>());
}
