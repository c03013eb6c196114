//! Webhooks: how many are delivered, how soon, and what becomes of them when the server is killed.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::figure::{Figure, count, in_ms, per_second};
use super::server::{Server, accepted};
use super::store::Store;
use super::waits::now;
use super::wire::{Wire, field, post};

/// How many runs are on their way at once.
const IN_FLIGHT: usize = 64;
/// How long a delivery may take before it counts as lost: longer than the lease of a sender that died.
const PATIENCE: Duration = Duration::from_mins(2);
/// So many at a time a receiver gets at first that nobody knows yet.
const AT_FIRST: usize = 8;
/// How many runs are created for each death of the server.
const A_DEATH: usize = 2_000;

/// A receiver that costs next to nothing: it reads a request, writes down whom it is about and when, and answers.
struct Sink {
    address: SocketAddr,
    desk: Arc<Desk>,
    serving: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Desk {
    /// How often the call of each number came.
    came: Mutex<HashMap<usize, usize>>,
    waiting: Mutex<HashMap<usize, oneshot::Sender<Vec<u8>>>>,
    arrived: Notify,
    /// Answers are kept back.
    holds: AtomicBool,
}

impl Sink {
    async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, desk) = (listener.local_addr()?, Arc::<Desk>::default());
        let serving = tokio::spawn(serve(listener, desk.clone()));
        Ok(Self { address, desk, serving })
    }

    /// A request for a run whose end the sink is told under this number.
    fn request(&self, number: usize) -> Vec<u8> {
        let padding = "legwork does the legwork. ".repeat(36);
        let url = format!("http://{}/{number}", self.address);
        let body = format!(r#"{{"processor":"base","input":"{number}: {padding}","webhook":{{"url":"{url}"}}}}"#);
        post("/v1/tasks/runs", &body)
    }

    /// The call of this number, when it comes.
    fn expect(&self, number: usize) -> oneshot::Receiver<Vec<u8>> {
        let (sender, call) = oneshot::channel();
        locked(&self.desk.waiting).insert(number, sender);
        call
    }

    /// Waits until as many different calls have come.
    async fn until(&self, count: usize) -> Result<()> {
        self.until_came(count, 0).await
    }

    /// The same, and until so many of them have come again.
    async fn until_came(&self, count: usize, again: usize) -> Result<()> {
        loop {
            let arrived = self.desk.arrived.notified();
            if locked(&self.desk.came).len() >= count && doubled(self) >= again {
                return Ok(());
            }
            timeout(PATIENCE, arrived).await.context("webhooks that were owed did not come")?;
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, desk: Arc<Desk>) {
    while let Ok((stream, _)) = listener.accept().await {
        let desk = desk.clone();
        // A server that is killed hangs up in the middle.
        tokio::spawn(async move { drop(answer_all(stream, &desk).await) });
    }
}

async fn answer_all(mut stream: TcpStream, desk: &Desk) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut read = Vec::with_capacity(4096);
    loop {
        let (number, body, taken) = loop {
            if let Some(call) = parse(&read) {
                break call;
            }
            if stream.read_buf(&mut read).await? == 0 {
                return Ok(());
            }
        };
        read.drain(..taken);
        *locked(&desk.came).entry(number).or_default() += 1;
        desk.arrived.notify_one();
        if let Some(waiting) = locked(&desk.waiting).remove(&number) {
            drop(waiting.send(body));
        }
        if desk.holds.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await?;
    }
}

/// The first whole request: its number, its body, and how many bytes it took.
fn parse(read: &[u8]) -> Option<(usize, Vec<u8>, usize)> {
    let head = read.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&read[..head]).ok()?;
    let number = text.strip_prefix("POST /")?.split(' ').next()?.parse().ok()?;
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse::<usize>().ok()?;
    let body = read.get(head..head + length)?;
    Some((number, body.to_vec(), head + length))
}

/// All figures about webhooks.
pub(super) async fn webhooks(store: &Store, seconds: u64) -> Result<Vec<Figure>> {
    let mut figures = rate(&store.fresh("rate").await?, Duration::from_secs(seconds)).await?;
    figures.extend(death(&store.fresh("death").await?).await?);
    figures.push(again(&store.fresh("again").await?).await?);
    Ok(figures)
}

/// Runs created, completed and told to their webhook, so many at once.
async fn rate(store: &Store, time: Duration) -> Result<Vec<Figure>> {
    let (server, sink) = (Server::start(store, &[]).await?, Arc::new(Sink::start().await?));
    let (begun, next) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let mut lines = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (address, sink, next) = (server.address, sink.clone(), next.clone());
        lines.spawn(async move {
            let mut wire = Wire::open(address).await?;
            let mut micros = Vec::new();
            while begun.elapsed() < time {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let call = sink.expect(number);
                accepted(&wire.call(&sink.request(number)).await?)?;
                let body = timeout(PATIENCE, call).await.context("a webhook did not come")??;
                let done: u64 = field(&body, "content").context("a webhook without an output")?.parse()?;
                micros.push(now().saturating_sub(done));
            }
            anyhow::Ok(micros)
        });
    }
    let mut micros = Vec::new();
    while let Some(line) = lines.join_next().await {
        micros.extend(line??);
    }
    let delivered = per_second(micros.len(), begun.elapsed());
    let name = format!("webhooks, {IN_FLIGHT} at once: create → completed → received");
    let name_of_wait = "webhooks: completed → received, both commits included";
    let mut sorted = micros;
    let wait = Figure::new(name_of_wait, 0.0, "ms").spread(&mut sorted);
    let wait = Figure { value: wait.p50_ms.unwrap_or_default(), ..wait };
    Ok(vec![Figure::new(name, delivered, "/s"), wait])
}

/// Kills the server while it delivers, and counts what came in the end.
async fn death(store: &Store) -> Result<Vec<Figure>> {
    let sink = Sink::start().await?;
    let mut created = 0;
    let mut server = Server::start(store, &[]).await?;
    for _ in 0..3 {
        let mut wire = server.wire().await?;
        for number in created..created + A_DEATH {
            accepted(&wire.call(&sink.request(number)).await?)?;
        }
        created += A_DEATH;
        server = Server::start(&server.kill()?, &[]).await?;
    }
    if sink.until(created).await.is_err() {
        bail!("{} of {created} webhooks were lost", created - locked(&sink.desk.came).len());
    }
    let name = format!("webhooks lost over 3 × kill -9, of {created}");
    let doubled = Figure::new("webhooks doubled by it", count(doubled(&sink)), "");
    Ok(vec![Figure::new(name, 0.0, ""), doubled.note("the same webhook-id, as at-least-once has it")])
}

fn doubled(sink: &Sink) -> usize {
    locked(&sink.desk.came).values().filter(|times| **times > 1).count()
}

/// How soon after a restart what was under way is sent again.
async fn again(store: &Store) -> Result<Figure> {
    let sink = Sink::start().await?;
    let server = Server::start(store, &[]).await?;
    sink.desk.holds.store(true, Ordering::Relaxed);
    let mut wire = server.wire().await?;
    for number in 0..IN_FLIGHT {
        accepted(&wire.call(&sink.request(number)).await?)?;
    }
    sink.until(AT_FIRST).await?;
    let store = server.kill()?;
    sink.desk.holds.store(false, Ordering::Relaxed);
    let begun = Instant::now();
    let _server = Server::start(&store, &[]).await?;
    // Where others may be at work, what was under way is not taken for lost before its lease runs out.
    sink.until_came(IN_FLIGHT, AT_FIRST).await?;
    let took = u64::try_from(begun.elapsed().as_micros())?;
    let name = format!("restart after kill -9: all {IN_FLIGHT} owed webhooks received");
    Ok(Figure::new(name, in_ms(took), "ms").note(format!("{AT_FIRST} of them were under way, and came again")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_whole_or_not_at_all() {
        let bytes = b"POST /17 HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}POST /18";
        assert!((0..50).all(|length| parse(&bytes[..length]).is_none()));
        let (number, body, taken) = parse(bytes).unwrap();
        assert_eq!((number, &*body, &bytes[taken..]), (17, &b"{}"[..], &b"POST /18"[..]));
    }
}
