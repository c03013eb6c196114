//! What the processes on a store know of each other.

use legwork_core::id::NodeId;
use legwork_core::node::Role;
use serde_json::json;

use super::*;
use crate::testing::{World, node};

/// This process as it would be in another role or with other processors, on the same store.
fn beside(world: &World, this: Node, processors: Registry) -> Nodes {
    Nodes::new(world.store.clone(), world.clock.clone(), this, processors)
}

async fn create(world: &World, processor: &str) -> crate::testing::Answer {
    world.post("/v1/tasks/runs", &json!({"input": "x", "processor": processor}).to_string()).await
}

async fn alive(world: &World) -> Vec<u64> {
    world.store.nodes(world.clock.now()).await.unwrap().into_iter().map(|node| node.id.0).collect()
}

#[tokio::test]
async fn a_name_that_only_another_node_has_is_accepted() {
    let world = World::new();
    let refused = create(&world, "theirs").await;
    assert_eq!((refused.status, refused.text("/error/message").contains("\"theirs\"")), (403, true));
    // It came after the last look: the name is looked for before it is refused.
    world.store.announce(node(2, Role::Worker, &[("theirs", 1)]), world.clock.now()).await.unwrap();
    assert_eq!(create(&world, "theirs").await.status, 202);
    let refused = create(&world, "nobodys").await;
    assert_eq!(refused.status, 403);
    let known = &refused.body["error"]["detail"]["processors"];
    assert!(known.as_array().unwrap().contains(&json!("theirs")), "{known}");
    // One that is gone is asked for no more, from the next look on.
    world.store.leave(NodeId(2)).await.unwrap();
    assert!(world.nodes.once().await);
    assert_eq!(create(&world, "theirs").await.status, 403);
    assert_eq!(create(&world, "base").await.status, 202, "what this process has needs nobody");
}

#[tokio::test]
async fn a_node_that_only_answers_has_nothing_to_work_with_and_accepts_all_the_same() {
    let world = World::new();
    let processors = crate::testing::puppets(["base".to_owned()]);
    let answers = beside(&world, node(3, Role::Api, &[]), processors);
    assert!(answers.have("base").await.unwrap());
    assert!(answers.once().await);
    let heard = answers.heard();
    let itself = heard.iter().find(|node| node.id == NodeId(3)).unwrap();
    assert!(itself.processors.is_empty());
    assert!(answers.have("pro").await.unwrap(), "the other one has it");
}

#[tokio::test]
async fn a_node_is_there_until_it_stops() {
    let world = World::new();
    let stop = CancellationToken::new();
    let nodes = Arc::new(beside(&world, node(2, Role::Worker, &[]), Registry::default()));
    let staying = tokio::spawn(nodes.clone().stay(stop.clone()));
    let mut heard = nodes.heard.subscribe();
    heard.wait_for(|heard| heard.len() == 2).await.unwrap();
    assert_eq!(alive(&world).await, [1, 2]);
    stop.cancel();
    staying.await.unwrap();
    assert_eq!(alive(&world).await, [1]);
}

#[tokio::test]
async fn a_node_that_died_is_not_heard_of_any_more() {
    let world = World::new();
    world.store.announce(node(2, Role::Worker, &[("theirs", 1)]), world.clock.now()).await.unwrap();
    world.clock.pass(legwork_core::node::ALIVE_FOR);
    assert!(world.nodes.once().await);
    assert_eq!(alive(&world).await, [1]);
    assert_eq!(create(&world, "theirs").await.status, 403);
}

#[tokio::test]
async fn ready_warns_of_processors_that_differ_and_says_who_is_there() {
    let world = World::new();
    let calm = world.get("/ready").await;
    assert_eq!(calm.body.get("warnings"), None);
    world.store.announce(node(2, Role::Worker, &[("base", 7), ("theirs", 1)]), world.clock.now()).await.unwrap();
    assert!(world.nodes.once().await);
    insta::assert_snapshot!(world.get("/ready").await.shown());
}

#[tokio::test]
async fn ready_warns_when_nobody_works() {
    let world = World::new();
    world.store.leave(NodeId(1)).await.unwrap();
    let answers = beside(&world, node(3, Role::Api, &[]), Registry::default());
    assert!(answers.once().await);
    assert_eq!(answers.worries(), [Worry::NobodyWorks]);
    world.store.announce(node(2, Role::Worker, &[]), world.clock.now()).await.unwrap();
    assert!(answers.once().await);
    assert_eq!(answers.worries(), []);
    let works = beside(&world, node(4, Role::All, &[]), Registry::default());
    assert_eq!(works.worries(), [], "that it works itself it knows");
}

#[tokio::test]
async fn which_nodes_there_are_is_for_whoever_may_see_the_operators_pages() {
    let world = World::with_keys(&["sesame"]);
    world.store.announce(node(2, Role::Worker, &[("base", 7)]), world.clock.now()).await.unwrap();
    assert!(world.nodes.once().await);
    for (key, shown) in [("sesame", true), ("wrong", false)] {
        let answer = world.ask("GET", "/ready", &[("x-api-key", key)], b"").await;
        assert_eq!((answer.status, answer.body.get("nodes").is_some()), (200, shown), "{key}");
        assert_eq!(answer.body["warnings"].as_array().unwrap().len(), 1, "that something is odd is told to all");
        assert!(!answer.body["warnings"].to_string().contains("machine-"));
    }
}
