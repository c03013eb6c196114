//! Groups: adding a thousand runs at once, asking how a big group stands, and working through one. And whether a long queue
//! makes a claim dearer.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::figure::{Figure, in_ms, per_second};
use super::load::{Until, create};
use super::server::Server;
use super::store::Store;
use super::wire::{Wire, field, get, post};

/// How many runs are added at once.
const MANY: usize = 1000;
/// How often that is taken.
const TIMES: usize = 20;
/// How many runs the group has that is worked through.
const WORKED: usize = 10_000;
/// How many of a long queue are worked on.
const FIRST: u64 = 5_000;

/// All figures about groups. `stored` is how many runs the biggest group has; `queues` are the lengths of the queues.
pub(super) async fn groups(store: &Store, stored: usize, queues: [usize; 2]) -> Result<Vec<Figure>> {
    let mut figures = adding(&store.fresh("adding").await?, stored).await?;
    figures.push(working(&store.fresh("working").await?).await?);
    for (number, queued) in queues.into_iter().enumerate() {
        figures.push(queue(&store.fresh(&format!("queue-{number}")).await?, queued).await?);
    }
    Ok(figures)
}

/// Makes a group; returns its path.
async fn made(wire: &mut Wire) -> Result<String> {
    let answer = wire.call(&post("/v1/tasks/groups", "{}")).await?;
    let id = field(&answer.body, "taskgroup_id").context("a group was not made")?;
    Ok(format!("/v1/tasks/groups/{id}"))
}

fn many(count: usize) -> String {
    let padding = "legwork does the legwork. ".repeat(36);
    let run = |number| json!({"processor": "base", "input": format!("{number}: {padding}")});
    json!({ "inputs": (0..count).map(run).collect::<Vec<_>>() }).to_string()
}

async fn add(wire: &mut Wire, group: &str, body: &str) -> Result<u64> {
    let asked = Instant::now();
    let answer = wire.call(&post(&format!("{group}/runs"), body)).await?;
    ensure!(answer.status == 200, "runs were added with {}", answer.status);
    Ok(u64::try_from(asked.elapsed().as_micros())?)
}

/// How long adding takes, and asking how the group stands once it is big.
async fn adding(store: &Store, stored: usize) -> Result<Vec<Figure>> {
    let server = Server::start(store, &["--role", "api"]).await?;
    let mut wire = server.wire().await?;
    let (group, body) = (made(&mut wire).await?, many(MANY));
    let mut adds = Vec::new();
    for _ in 0..stored.div_ceil(MANY).max(TIMES) {
        adds.push(add(&mut wire, &group, &body).await?);
    }
    let mut asks = Vec::new();
    for _ in 0..200 {
        let asked = Instant::now();
        let answer = wire.call(&get(&group)).await?;
        ensure!(answer.status == 200, "a group was answered with {}", answer.status);
        asks.push(u64::try_from(asked.elapsed().as_micros())?);
    }
    let whole = adds.len() * MANY;
    Ok(vec![
        spread(format!("{MANY} runs of 1 KB added to a group at once, durable"), &mut adds),
        spread(format!("how a group of {whole} runs stands"), &mut asks),
    ])
}

fn spread(name: String, micros: &mut [u64]) -> Figure {
    micros.sort_unstable();
    Figure::new(name, in_ms(micros[micros.len() / 2]), "ms").spread(micros)
}

/// From the first add to the moment when nothing goes on in the group.
async fn working(store: &Store) -> Result<Figure> {
    let server = Server::start(store, &[]).await?;
    let mut wire = server.wire().await?;
    let (group, body) = (made(&mut wire).await?, many(MANY));
    let begun = Instant::now();
    for _ in 0..WORKED / MANY {
        add(&mut wire, &group, &body).await?;
    }
    until_done(&mut wire, &group, WORKED).await?;
    let rate = per_second(WORKED, begun.elapsed());
    Ok(Figure::new(format!("a group of {WORKED} runs, added and done"), rate, "runs/s"))
}

/// Waits until so many runs of a group are completed; returns how many those are then.
async fn until_done(wire: &mut Wire, group: &str, count: usize) -> Result<usize> {
    loop {
        let answer = wire.call(&get(group)).await?;
        let shown: Value = serde_json::from_slice(&answer.body)?;
        let done = shown["status"]["task_run_status_counts"]["completed"].as_u64().unwrap_or(0);
        let done = usize::try_from(done)?;
        if done >= count {
            return Ok(done);
        }
        sleep(Duration::from_millis(5)).await;
    }
}

/// How fast a long queue is worked through by so many processes beside one that answers, from the first run that is done.
pub(super) async fn drained(store: &Store, workers: usize) -> Result<Figure> {
    let api = Server::start(store, &["--role", "api"]).await?;
    let mut wire = api.wire().await?;
    let (group, body) = (made(&mut wire).await?, many(MANY));
    for _ in 0..WORKED / MANY {
        add(&mut wire, &group, &body).await?;
    }
    let mut working = Vec::new();
    for _ in 0..workers {
        working.push(Server::start(store, &["--role", "worker"]).await?);
    }
    let first = until_done(&mut wire, &group, 1).await?;
    let begun = Instant::now();
    until_done(&mut wire, &group, WORKED).await?;
    let rate = per_second(WORKED - first, begun.elapsed());
    Ok(Figure::new(format!("{WORKED} queued runs worked through, workers: {workers}"), rate, "runs/s"))
}

/// How fast the first of a long queue are worked on.
async fn queue(store: &Store, queued: usize) -> Result<Figure> {
    let server = Server::start(store, &["--role", "api"]).await?;
    create(server.address, Until::Count(queued)).await?;
    let server = Server::start(&server.kill()?, &[]).await?;
    let mut wire = server.wire().await?;
    let (began, first) = loop {
        let done = completed(&mut wire).await?;
        if done > 0 {
            break (Instant::now(), done);
        }
    };
    loop {
        let done = completed(&mut wire).await? - first;
        if done >= FIRST {
            let rate = per_second(usize::try_from(done)?, began.elapsed());
            return Ok(Figure::new(format!("the first {FIRST} of {queued} queued runs worked on"), rate, "runs/s"));
        }
        sleep(Duration::from_millis(2)).await;
    }
}

async fn completed(wire: &mut Wire) -> Result<u64> {
    let answer = wire.call(&get("/metrics")).await?;
    let text = String::from_utf8(answer.body)?;
    let line = text.lines().find(|line| line.starts_with("legwork_runs_total") && line.contains("\"completed\""));
    Ok(line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0))
}
