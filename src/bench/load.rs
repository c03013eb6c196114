//! Rates: 64 connections that each do one thing after the other, for some seconds.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use super::figure::{Figure, per_second};
use super::floor;
use super::server::{Server, accepted, count_after_kill, request};
use super::store::Store;
use super::wire::{Wire, get};

const CONNECTIONS: usize = 64;
/// What a rate is called that includes the work and its result.
pub(super) const ROUND: &str = "create → completed → /result";

/// What was seen under load.
pub(super) struct Taken {
    /// How long each call took.
    pub(super) micros: Vec<u64>,
    elapsed: Duration,
}

impl Taken {
    /// Calls each second.
    pub(super) fn rate(&self) -> f64 {
        per_second(self.micros.len(), self.elapsed)
    }

    pub(super) fn figure(mut self, name: impl Into<String>, unit: &'static str) -> Figure {
        Figure::new(name, self.rate(), unit).spread(&mut self.micros)
    }
}

/// When a connection stops.
#[derive(Clone, Copy)]
pub(super) enum Until {
    /// At this moment.
    Time(Duration),
    /// When so many calls were begun on all connections.
    Count(usize),
}

/// Does `call` on every connection, again as soon as it is done, with a number that no other call has.
async fn on_all<F>(address: SocketAddr, until: Until, call: F) -> Result<Taken>
where
    F: for<'a> Fn(&'a mut Wire, usize) -> futures::Call<'a> + Clone + Send + 'static,
{
    let (begun, next) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (call, next) = (call.clone(), next.clone());
        connections.spawn(async move {
            let mut wire = Wire::open(address).await?;
            let mut micros = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let over = match until {
                    Until::Time(time) => begun.elapsed() >= time,
                    Until::Count(count) => number >= count,
                };
                if over {
                    return anyhow::Ok(micros);
                }
                let asked = Instant::now();
                call(&mut wire, number).await?;
                micros.push(u64::try_from(asked.elapsed().as_micros())?);
            }
        });
    }
    let mut micros = Vec::new();
    while let Some(connection) = connections.join_next().await {
        micros.extend(connection??);
    }
    Ok(Taken { micros, elapsed: begun.elapsed() })
}

mod futures {
    //! A call on a connection, as a future that borrows it.

    use std::pin::Pin;

    use anyhow::Result;

    pub(super) type Call<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;
}

/// The same request on every connection.
pub(super) async fn posts(address: SocketAddr, seconds: u64, request: Vec<u8>) -> Result<Taken> {
    let request: Arc<[u8]> = request.into();
    on_all(address, Until::Time(Duration::from_secs(seconds)), move |wire, _| {
        let request = request.clone();
        Box::pin(async move {
            let answer = wire.call(&request).await?;
            ensure!(answer.status == 202, "a post was answered with {}", answer.status);
            Ok(())
        })
    })
    .await
}

/// Creates runs, each like no other.
pub(super) async fn create(address: SocketAddr, until: Until) -> Result<Taken> {
    on_all(address, until, |wire, number| {
        Box::pin(async move { accepted(&wire.call(&request(number)).await?).map(drop) })
    })
    .await
}

/// Creates a run and waits for its result, on every connection.
pub(super) async fn rounds(address: SocketAddr, time: Duration) -> Result<Taken> {
    on_all(address, Until::Time(time), |wire, number| {
        Box::pin(async move {
            let id = accepted(&wire.call(&request(number)).await?)?;
            let answer = wire.call(&get(&format!("/v1/tasks/runs/{id}/result"))).await?;
            ensure!(answer.status == 200, "a result was answered with {}", answer.status);
            Ok(())
        })
    })
    .await
}

/// Durable creates with nobody working, beside what the machine does for the bare framework and the disk.
pub(super) async fn creates(store: &Store, seconds: u64) -> Result<Vec<Figure>> {
    let (fsyncs, bare) = (floor::fsyncs(store.folder())?, floor::bare_posts(seconds).await?);
    let server = Server::start(store, &["--role", "api"]).await?;
    let taken = create(server.address, Until::Time(Duration::from_secs(seconds))).await?;
    let answered = taken.micros.len();
    let note = counted(server, answered).await?;
    Ok(vec![
        Figure::new("floor: 8 KB written and on disk", fsyncs, "/s"),
        Figure::new("floor: POST to bare axum", bare, "/s"),
        taken.figure("durable creates, no worker", "/s").floor("bare axum", bare).note(note),
    ])
}

async fn counted(server: Server, answered: usize) -> Result<String> {
    let found = count_after_kill(server).await?;
    ensure!(found >= answered, "{answered} creates were answered with 202, and after kill -9 there are {found} runs");
    Ok(format!("after kill -9: {found} runs for {answered} answers"))
}

/// The same with workers, and the whole way to the result.
pub(super) async fn end_to_end(store: &Store, seconds: u64) -> Result<Vec<Figure>> {
    let bare = floor::bare_posts(seconds).await?;
    let server = Server::start(&store.fresh("creates").await?, &[]).await?;
    let creates = create(server.address, Until::Time(Duration::from_secs(seconds))).await?;
    drop(server);
    let server = Server::start(&store.fresh("rounds").await?, &[]).await?;
    let rounds = rounds(server.address, Duration::from_secs(seconds)).await?;
    let answered = rounds.micros.len();
    let note = counted(server, answered).await?;
    Ok(vec![
        creates.figure("durable creates, while workers complete them", "/s").floor("bare axum", bare),
        rounds.figure(ROUND, "runs/s").floor("bare axum", bare).note(note),
    ])
}

/// The rates again with more and more runs in the store.
pub(super) async fn scale(store: &Store, sizes: &[usize], seconds: u64) -> Result<Vec<Figure>> {
    let (mut figures, mut stored) = (Vec::new(), 0);
    let mut server = Server::start(store, &[]).await?;
    for size in sizes {
        stored += create(server.address, Until::Count(size.saturating_sub(stored))).await?.micros.len();
        server = settled(server).await?;
        let taken = rounds(server.address, Duration::from_secs(seconds)).await?;
        stored += taken.micros.len();
        figures.push(taken.figure(format!("{ROUND}, {size} stored"), "runs/s"));
        let again = Server::start(&server.kill()?, &["--role", "api"]).await?;
        let taken = create(again.address, Until::Time(Duration::from_secs(seconds))).await?;
        stored += taken.micros.len();
        figures.push(taken.figure(format!("durable creates, {size} stored"), "/s"));
        server = Server::start(&again.kill()?, &[]).await?;
    }
    Ok(figures)
}

/// Waits until nothing is queued any more: what is measured next is not the work on what came before.
async fn settled(server: Server) -> Result<Server> {
    let mut wire = server.wire().await?;
    let mut idle = 0;
    while idle < 2 {
        let answer = wire.call(&get("/v1/tasks/runs?limit=1&status=queued")).await?;
        idle = if answer.body.starts_with(br#"{"runs":[]"#) { idle + 1 } else { 0 };
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(server)
}
