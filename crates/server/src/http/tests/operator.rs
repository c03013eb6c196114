//! What is there for who runs the server: its document, its figures, its state.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{MINIMAL, accepted, path};
use crate::testing::World;

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
    assert_eq!(named, crate::http::templates().into_iter().collect());
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
async fn a_server_that_stops_is_not_ready() {
    let world = World::new();
    world.stop.cancel();
    let answer = world.get("/ready").await;
    assert_eq!((answer.status, &answer.headers["retry-after"]), (503, &"1".parse().unwrap()));
    assert_eq!(world.get("/health").await.status, 200, "it lives all the same");
}
