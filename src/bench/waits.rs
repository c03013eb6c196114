//! Waiting: how soon an answer is in hand, and what a waiter costs while nothing happens.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::figure::{Figure, in_ms};
use super::floor::Bare;
use super::server::{Server, accepted};
use super::store::Store;
use super::wire::{Answer, Wire, field, get, post};

/// How often a single wake-up is taken.
pub(super) const TIMES: usize = 200;
/// How many waiters a crowd has.
const CROWD: usize = 1000;
/// How many bytes a result has beside what the processor said.
const RESULT: usize = 600;
/// How many slots the server needs so that a crowd's runs are worked on all at once.
const SLOTS: &str = "1100";

/// Microseconds since 1970, as the idle processor counts them.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Runs the waiters on one thread of their own: they shall not hand each other from core to core.
pub(super) async fn apart<T: Send + 'static>(wait: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    let alone = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::spawn_blocking(move || alone.block_on(wait)).await?
}

/// A run that is done at this moment.
async fn due(wire: &mut Wire, at: u64) -> Result<String> {
    let body = format!(r#"{{"processor":"lite","input":{{"at":{at}}}}}"#);
    accepted(&wire.call(&post("/v1/tasks/runs", &body)).await?)
}

/// How long ago the processor was done when this answer came.
fn since_done(answer: &Answer) -> Result<u64> {
    let done: u64 = field(&answer.body, "content").context("an answer without content")?.parse()?;
    Ok(now().saturating_sub(done))
}

pub(super) fn result_of(id: &str) -> Vec<u8> {
    get(&format!("/v1/tasks/runs/{id}/result"))
}

/// How soon waiters have their answer.
pub(super) async fn wake_ups(store: &Store) -> Result<Vec<Figure>> {
    let store = store.clone();
    apart(async move { wake_ups_on(&store).await }).await
}

async fn wake_ups_on(store: &Store) -> Result<Vec<Figure>> {
    let server = Server::start(store, &["--slots", SLOTS]).await?;
    let mut figures = single(&server).await?;
    let bare = in_ms(crowd_on_floor().await?);
    let last = crowd_on_one(&server).await?;
    figures.push(crowd("waiters on one run: last answered", last).floor("bare axum", bare));
    let last = crowd_on_many(&server).await?;
    figures.push(crowd("runs done at once: last answered", last).floor("bare axum", bare));
    Ok(figures)
}

fn crowd(what: &str, last: u64) -> Figure {
    Figure::new(format!("{CROWD} {what}"), in_ms(last), "ms")
}

/// One waiter at a time: from done to the answer in hand, and how much of that is the commit.
async fn single(server: &Server) -> Result<Vec<Figure>> {
    let mut wire = server.wire().await?;
    let (mut waits, mut commits) = (Vec::new(), Vec::new());
    for _ in 0..TIMES {
        let id = due(&mut wire, now() + 20_000).await?;
        let answer = wire.call(&result_of(&id)).await?;
        waits.push(since_done(&answer)?);
        commits.push(commit(&mut wire).await?);
    }
    commits.sort_unstable();
    let commit = commits[TIMES / 2];
    let mut after: Vec<_> = waits.iter().map(|wait| wait.saturating_sub(commit)).collect();
    let from_done =
        Figure::new("wake-up, 1 waiter: done → answer in hand", median(&mut waits), "ms").spread(&mut waits);
    let note = format!("the median commit of {:.2} ms taken off", in_ms(commit));
    let from_commit = Figure::new("wake-up, 1 waiter: commit → answer in hand", median(&mut after), "ms");
    let bare = single_on_floor().await?;
    Ok(vec![from_done, from_commit.spread(&mut after).floor("told and answered by bare axum", bare).note(note)])
}

/// The floor of a wake-up: the bare web framework is told on one connection and answers on another.
async fn single_on_floor() -> Result<f64> {
    let bare = Bare::start().await?;
    let (mut waiter, mut teller) = (Wire::open(bare.address).await?, Wire::open(bare.address).await?);
    let mut waits = Vec::new();
    for _ in 0..TIMES {
        waiter.send(&get("/held")).await?;
        sleep(Duration::from_millis(20)).await;
        teller.send(&told()).await?;
        waits.push(since_done(&waiter.answer().await?)?);
        teller.answer().await?;
    }
    Ok(median(&mut waits))
}

/// Tells the bare web framework to answer all it holds with this moment, in as many bytes as a result has.
fn told() -> Vec<u8> {
    post("/held", &format!(r#"{{"content":"{}","padding":"{}"}}"#, now(), "x".repeat(RESULT)))
}

pub(super) fn median(micros: &mut [u64]) -> f64 {
    micros.sort_unstable();
    in_ms(micros[micros.len() / 2])
}

/// How long a commit takes: what a create takes beyond a read over the same connection.
async fn commit(wire: &mut Wire) -> Result<u64> {
    let asked = now();
    let id = due(wire, 0).await?;
    let created = now();
    let answer = wire.call(&get(&format!("/v1/tasks/runs/{id}"))).await?;
    ensure!(answer.status == 200, "a run was answered with {}", answer.status);
    Ok((created - asked).saturating_sub(now() - created))
}

/// Opens so many connections and has each wait for a run's result.
async fn waiting(server: &Server, ids: impl Iterator<Item = String>) -> Result<Vec<Wire>> {
    all_sent(server.address, ids.map(|id| result_of(&id))).await
}

/// Opens a connection for each request and sends it.
async fn all_sent(address: SocketAddr, requests: impl Iterator<Item = Vec<u8>>) -> Result<Vec<Wire>> {
    let mut wires = Vec::new();
    for request in requests {
        let mut wire = Wire::open(address).await?;
        wire.send(&request).await?;
        wires.push(wire);
    }
    Ok(wires)
}

/// How long after done the last of them was answered. The connections stay open until then: closing a thousand of them
/// is work that no answer should wait behind.
async fn last_answered(wires: Vec<Wire>) -> Result<u64> {
    let mut answers = JoinSet::new();
    for mut wire in wires {
        answers.spawn(async move { anyhow::Ok((since_done(&wire.answer().await?)?, wire)) });
    }
    let (mut last, mut open) = (0, Vec::new());
    while let Some(answer) = answers.join_next().await {
        let (wait, wire) = answer??;
        last = last.max(wait);
        open.push(wire);
    }
    Ok(last)
}

/// The same crowd before the bare web framework, which answers all of it with the body it is sent: what the sockets and
/// the client take.
async fn crowd_on_floor() -> Result<u64> {
    let bare = Bare::start().await?;
    let wires = all_sent(bare.address, std::iter::repeat_n(get("/held"), CROWD)).await?;
    let mut wire = Wire::open(bare.address).await?;
    let tell = async {
        // Until the last of them is held.
        sleep(Duration::from_millis(500)).await;
        Ok(wire.send(&told()).await?)
    };
    Ok(tokio::try_join!(last_answered(wires), tell)?.0)
}

async fn crowd_on_one(server: &Server) -> Result<u64> {
    let at = now() + 1_500_000;
    let id = due(&mut server.wire().await?, at).await?;
    let wires = waiting(server, std::iter::repeat_n(id, CROWD)).await?;
    ensure!(now() < at, "the crowd was not there in time");
    last_answered(wires).await
}

async fn crowd_on_many(server: &Server) -> Result<u64> {
    let (at, mut creates) = (now() + 5_000_000, JoinSet::new());
    for _ in 0..CROWD {
        let address = server.address;
        creates.spawn(async move { due(&mut Wire::open(address).await?, at).await });
    }
    let ids = creates.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
    let wires = waiting(server, ids.into_iter()).await?;
    ensure!(now() < at, "the crowd was not there in time");
    last_answered(wires).await
}

/// What an idle waiter costs in resident memory.
pub(super) async fn memory(store: &Store, waiters: [usize; 2]) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for count in waiters {
        let server = Server::start(&store.fresh(&count.to_string()).await?, &["--role", "api"]).await?;
        let mut wire = server.wire().await?;
        // One round before, so that what is set up once is not counted.
        let id = due(&mut wire, 0).await?;
        drop(waiting(&server, std::iter::once(id.clone())).await?);
        let before = server.resident()?;
        let wires = waiting(&server, std::iter::repeat_n(id, count)).await?;
        sleep(Duration::from_secs(1)).await;
        let grown = server.resident()?.saturating_sub(before);
        drop(wires);
        // Well below 2^53 bytes.
        let each = in_ms(grown / u64::try_from(count)?) * 1000.0 / 1024.0;
        figures.push(Figure::new(format!("an idle waiter, of {count}"), each, "KB"));
    }
    Ok(figures)
}
