//! Runs in lists: pages, filters, search.

use serde_json::json;

use super::{MINIMAL, accepted, path};
use crate::testing::{Answer, World};

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
