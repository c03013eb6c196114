//! Streams: how soon a thousand readers of one run have what was told, how fast a long log is told again, and what a
//! reader costs while nothing happens.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::figure::{Figure, in_ms, per_second};
use super::server::{Server, accepted};
use super::store::Store;
use super::waits::{apart, now};
use super::wire::{get, post};

/// How many readers one run has.
const CROWD: usize = 1000;
/// How many events a long log has.
const LONG: usize = 10_000;
/// How often it is told again.
const AGAIN: usize = 20;
/// What the last event of a run says here.
const ENDS: [&str; 2] = [r#""status":"completed""#, r#""status":"cancelled""#];

/// A run that tells so many things from a moment on, one every so many microseconds.
async fn talkative(server: &Server, at: u64, events: usize, every: u64) -> Result<String> {
    let input = format!(r#"{{"at":{at},"events":{events},"every":{every}}}"#);
    let body = format!(r#"{{"processor":"lite","input":{input},"enable_events":true}}"#);
    accepted(&server.wire().await?.call(&post("/v1/tasks/runs", &body)).await?)
}

/// A reader of a run's stream.
pub(super) struct Reader {
    stream: TcpStream,
    read: Vec<u8>,
}

/// What a reader has seen in one go.
#[derive(Default)]
pub(super) struct Seen {
    events: usize,
    /// How long after each thing was told it was here, in microseconds.
    late: Vec<u64>,
    is_over: bool,
}

impl Reader {
    pub(super) async fn open(server: &Server, id: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(server.address).await?;
        stream.set_nodelay(true)?;
        stream.write_all(&get(&format!("/v1/tasks/runs/{id}/events"))).await?;
        Ok(Self { stream, read: Vec::with_capacity(4096) })
    }

    /// Waits for more, and looks at the whole events in it.
    async fn more(&mut self) -> Result<Seen> {
        let count = self.stream.read_buf(&mut self.read).await?;
        let whole = self.read.windows(2).rposition(|two| two == b"\n\n").map_or(0, |at| at + 2);
        let text = std::str::from_utf8(&self.read[..whole])?;
        let came = now();
        let told = text.split(r#""message":""#).skip(1).filter_map(|rest| rest.split('"').next()?.parse::<u64>().ok());
        let seen = Seen {
            events: text.as_bytes().windows(2).filter(|two| *two == b"\n\n").count(),
            late: told.map(|told| came.saturating_sub(told)).collect(),
            is_over: count == 0 || ENDS.iter().any(|end| text.contains(end)),
        };
        self.read.drain(..whole);
        ensure!(count > 0 || self.read.is_empty() || seen.is_over, "a stream broke off");
        Ok(seen)
    }

    pub(super) async fn whole(mut self) -> Result<Seen> {
        let mut all = Seen::default();
        while !all.is_over {
            let seen = self.more().await?;
            all.events += seen.events;
            all.late.extend(seen.late);
            all.is_over = seen.is_over;
        }
        Ok(all)
    }
}

/// All of it.
pub(super) async fn streams(store: &Store, readers: [usize; 2]) -> Result<Vec<Figure>> {
    let at = store.clone();
    let mut figures = apart(async move {
        let server = Server::start(&at.fresh("tell").await?, &[]).await?;
        let mut figures = vec![
            fan_out(&server, 100, 50_000, "at 20 a second").await?,
            fan_out(&server, 400, 5_000, "at 200 a second").await?,
        ];
        figures.extend(replay(&server).await?);
        anyhow::Ok(figures)
    })
    .await?;
    figures.extend(memory(store, readers).await?);
    Ok(figures)
}

/// A crowd that reads one run which tells something every so many microseconds.
async fn fan_out(server: &Server, events: usize, every: u64, pace: &str) -> Result<Figure> {
    let at = now() + 1_500_000;
    let id = talkative(server, at, events, every).await?;
    let mut readers = JoinSet::new();
    for _ in 0..CROWD {
        readers.spawn(Reader::open(server, &id).await?.whole());
    }
    ensure!(now() < at, "the crowd was not there in time");
    let (mut late, mut seen) = (Vec::new(), 0);
    while let Some(reader) = readers.join_next().await {
        let reader = reader??;
        ensure!(reader.late.len() == events, "a reader missed something: {} of {events}", reader.late.len());
        seen += reader.events;
        late.extend(reader.late);
    }
    let took = Duration::from_micros(now().saturating_sub(at));
    let name = format!("{CROWD} readers of one run, told {pace}");
    Ok(Figure::new(name, per_second(seen, took), "events/s").spread(&mut late))
}

/// A long log that is told again, one reader after the other.
async fn replay(server: &Server) -> Result<Vec<Figure>> {
    let id = talkative(server, 0, LONG, 0).await?;
    let mut wire = server.wire().await?;
    let answer = wire.call(&get(&format!("/v1/tasks/runs/{id}/result"))).await?;
    ensure!(answer.status == 200, "a result was answered with {}", answer.status);
    let mut rates = Vec::new();
    for _ in 0..=AGAIN {
        let began = Instant::now();
        let mut reader = Reader::open(server, &id).await?;
        let (mut events, mut bytes) = (0, vec![0; 256 * 1024]);
        // Counted only: what a client makes of the events is its own business.
        let mut last = 0;
        while events < LONG + 3 {
            let count = reader.stream.read(&mut bytes).await?;
            ensure!(count > 0, "a replay broke off after {events} events");
            events += usize::from(last == b'\n' && bytes[0] == b'\n');
            events += bytes[..count].windows(2).filter(|two| *two == b"\n\n").count();
            last = bytes[count - 1];
        }
        rates.push(per_second(LONG, began.elapsed()));
    }
    let first = rates.remove(0);
    rates.sort_by(f64::total_cmp);
    let again = Figure::new(format!("a log of {LONG} events, told again"), rates[AGAIN / 2], "events/s");
    Ok(vec![Figure::new(format!("a log of {LONG} events, told from disk"), first, "events/s"), again])
}

/// What an idle reader costs in resident memory.
async fn memory(store: &Store, readers: [usize; 2]) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for count in readers {
        let server = Server::start(&store.fresh(&count.to_string()).await?, &["--role", "api"]).await?;
        let id = talkative(&server, 0, 0, 0).await?;
        // One before, so that what is set up once is not counted.
        drop(Reader::open(&server, &id).await?.more().await?);
        let before = server.resident()?;
        let mut open = Vec::new();
        for _ in 0..count {
            let mut reader = Reader::open(&server, &id).await?;
            while reader.more().await?.events == 0 {}
            open.push(reader);
        }
        sleep(Duration::from_secs(1)).await;
        let grown = server.resident()?.saturating_sub(before);
        drop(open);
        let each = in_ms(grown / u64::try_from(count).context("a count")?) * 1000.0 / 1024.0;
        figures.push(Figure::new(format!("an idle reader of a stream, of {count}"), each, "KB"));
    }
    Ok(figures)
}
