//! Several servers on one database: how soon what one of them committed is known at another, whether more workers get more
//! done, and whether the rate stays level.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::time::sleep;

use super::figure::{Figure, count};
use super::groups::drained;
use super::load::{ROUND, rounds};
use super::server::{Server, accepted, request};
use super::store::Store;
use super::streams::Reader;
use super::waits::{TIMES, apart, median, result_of};
use super::wire::{Wire, post};

/// Until a request is surely held: a node tells the others what changed some milliseconds later.
const A_MOMENT: Duration = Duration::from_millis(25);
/// In so many parts it is seen whether a rate stays level.
const PARTS: u32 = 5;

/// What the database does by itself.
pub(super) async fn floor(database: &Store, seconds: u64) -> Result<Vec<Figure>> {
    let rate = database.inserts(seconds).await?;
    let name = "floor: 1 KB inserted, one connection";
    Ok(rate.map(|rate| Figure::new(name, rate, "/s")).into_iter().collect())
}

/// How soon those who wait at one node know what was committed at the same, and at another.
pub(super) async fn wake_ups(database: &Store) -> Result<Vec<Figure>> {
    let (ends, rounds) = (database.clone(), database.clone());
    let ends = ends.fresh("ends").await?;
    let mut figures = apart(async move { wake_ups_by_end(&ends).await }).await?;
    let rounds = rounds.fresh("one-by-one").await?;
    figures.push(apart(async move { one_by_one(&rounds).await }).await?);
    Ok(figures)
}

/// Nobody works: the measuring itself ends the runs, by cancelling them.
async fn wake_ups_by_end(store: &Store) -> Result<Vec<Figure>> {
    let here = Server::start(store, &["--role", "api"]).await?;
    let there = Server::start(store, &["--role", "api"]).await?;
    let mut figures = Vec::new();
    let mut add = |what: &str, mut same: Vec<u64>, mut other: Vec<u64>| {
        let name = format!("ended at another node → {what}");
        let figure = Figure::new(name, median(&mut other), "ms").spread(&mut other);
        figures.push(figure.floor("at the same", median(&mut same)));
    };
    add("/result in hand", results(&here, &here).await?, results(&here, &there).await?);
    add("told in a stream", streams(&here, &here).await?, streams(&here, &there).await?);
    Ok(figures)
}

/// How long after the answer of a cancel there, which comes after its commit, a waiter here has its own, in microseconds.
async fn results(here: &Server, there: &Server) -> Result<Vec<u64>> {
    let (mut waiter, mut teller) = (here.wire().await?, there.wire().await?);
    let mut waits = Vec::new();
    for number in 0..TIMES {
        let id = accepted(&teller.call(&request(number)).await?)?;
        waiter.send(&result_of(&id)).await?;
        sleep(A_MOMENT).await;
        let wait = async {
            let answer = waiter.answer().await?;
            ensure!(answer.status == 404, "a cancelled run's result was answered with {}", answer.status);
            Ok(Instant::now())
        };
        let (cancelled, answered) = tokio::try_join!(cancel(&mut teller, &id), wait)?;
        waits.push(after(cancelled, answered)?);
    }
    Ok(waits)
}

/// The same until a reader has the last event of a stream.
async fn streams(here: &Server, there: &Server) -> Result<Vec<u64>> {
    let mut teller = there.wire().await?;
    let mut waits = Vec::new();
    for number in 0..TIMES {
        let id = accepted(&teller.call(&request(number)).await?)?;
        let reader = Reader::open(here, &id).await?;
        sleep(A_MOMENT).await;
        let read = async {
            reader.whole().await?;
            Ok(Instant::now())
        };
        let (cancelled, told) = tokio::try_join!(cancel(&mut teller, &id), read)?;
        waits.push(after(cancelled, told)?);
    }
    Ok(waits)
}

/// Cancels a run; returns when that was answered.
async fn cancel(wire: &mut Wire, id: &str) -> Result<Instant> {
    let answer = wire.call(&post(&format!("/v1/tasks/runs/{id}/cancel"), "")).await?;
    ensure!(answer.status == 200, "a cancel was answered with {}", answer.status);
    Ok(Instant::now())
}

/// In microseconds. Who waited may know before who cancelled does.
fn after(cancelled: Instant, known: Instant) -> Result<u64> {
    Ok(u64::try_from(known.saturating_duration_since(cancelled).as_micros())?)
}

/// One run after the other, from the create to the result, worked on by another node and by the same.
async fn one_by_one(store: &Store) -> Result<Figure> {
    let both = Server::start(store, &[]).await?;
    let mut same = rounds_of_one(&both).await?;
    drop(both);
    let here = Server::start(store, &["--role", "api"]).await?;
    let _there = Server::start(store, &["--role", "worker"]).await?;
    let mut other = rounds_of_one(&here).await?;
    let name = "one at a time over two nodes: create → /result";
    let figure = Figure::new(name, median(&mut other), "ms").spread(&mut other);
    Ok(figure.floor("on one node", median(&mut same)))
}

async fn rounds_of_one(server: &Server) -> Result<Vec<u64>> {
    let mut wire = server.wire().await?;
    let mut took = Vec::new();
    for number in 0..TIMES {
        let began = Instant::now();
        let id = accepted(&wire.call(&request(number)).await?)?;
        let answer = wire.call(&result_of(&id)).await?;
        ensure!(answer.status == 200, "a result was answered with {}", answer.status);
        took.push(after(began, Instant::now())?);
    }
    Ok(took)
}

/// The same load on one node that answers, with one process that works behind it and with three: a long queue, and callers
/// who each wait for their run.
pub(super) async fn workers(database: &Store, seconds: u64) -> Result<Vec<Figure>> {
    let beside = |one: Figure, three: Figure| {
        let rate = one.value;
        [one, three.floor("one worker", rate)]
    };
    let queued =
        beside(drained(&database.fresh("queue").await?, 1).await?, drained(&database.fresh("queue").await?, 3).await?);
    let waited = beside(rounds_by(database, 1, seconds).await?, rounds_by(database, 3, seconds).await?);
    Ok(queued.into_iter().chain(waited).collect())
}

async fn rounds_by(database: &Store, count: usize, seconds: u64) -> Result<Figure> {
    let store = database.fresh("workers").await?;
    let api = Server::start(&store, &["--role", "api"]).await?;
    let mut workers = Vec::new();
    for _ in 0..count {
        workers.push(Server::start(&store, &["--role", "worker"]).await?);
    }
    let taken = rounds(api.address, Duration::from_secs(seconds)).await?;
    Ok(taken.figure(format!("{ROUND}, workers: {count}"), "runs/s"))
}

/// The rate at the begin of a long time and at its end, and what the queue has left behind in its table.
pub(super) async fn level(database: &Store, time: Duration) -> Result<Vec<Figure>> {
    let store = database.fresh("level").await?;
    let server = Server::start(&store, &[]).await?;
    let (mut rates, mut dead) = (Vec::new(), Vec::new());
    for _ in 0..PARTS {
        rates.push(rounds(server.address, time / PARTS).await?.rate());
        dead.extend(store.dead_rows().await?);
    }
    let (Some(first), Some(last)) = (rates.first(), rates.last()) else { return Ok(Vec::new()) };
    let name = format!("{ROUND}, at last, of {} s", time.as_secs());
    let mut figures = vec![Figure::new(name, *last, "runs/s").floor("in the first fifth", *first)];
    if let (Some(first), Some(last)) = (dead.first(), dead.last()) {
        let note = format!("{first} after the first fifth");
        figures.push(Figure::new("dead rows of the queue after that", count(usize::try_from(*last)?), "").note(note));
    }
    Ok(figures)
}
