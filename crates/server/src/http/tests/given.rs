//! What a run is given for its work, and what it says of it.

use legwork_core::run::Status;
use serde_json::json;

use super::{MINIMAL, accepted, path};
use crate::testing::{Answer, World};

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
