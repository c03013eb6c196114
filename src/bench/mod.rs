//! Measures the server from outside: it is a process of its own, spoken to over TCP, on a fresh store.
//!
//! Every figure stands beside the floor of the same machine in the same minute, since machines differ and are shared:
//! the ratio is what can be compared, the absolute is what was seen.

mod figure;
mod floor;
mod groups;
mod load;
mod nodes;
mod restart;
mod server;
mod store;
mod streams;
mod waits;
mod webhooks;
mod wire;

use std::time::Duration;

use anyhow::Result;

pub(crate) use self::figure::{Figure, table};
pub(crate) use self::floor::serve as serve_floor;
pub(crate) use self::store::Store;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// How long each rate is taken, in seconds.
    pub(crate) seconds: u64,
    /// How many waiters idle, from few to many.
    pub(crate) waiters: [usize; 2],
    /// How many runs lie on disk at the restart.
    pub(crate) stored: usize,
    /// How many runs are stored when the rates are taken again, from few to many.
    pub(crate) scale: &'static [usize],
    /// How long it is watched whether a database's rate stays level.
    pub(crate) level: Duration,
}

impl Extent {
    /// Everything, in some minutes.
    pub(crate) const FULL: Self = Self {
        seconds: 5,
        waiters: [1000, 9000],
        stored: 100_000,
        scale: &[1_000, 100_000, 1_000_000],
        level: Duration::from_mins(1),
    };
    /// Enough to see that it works, in some seconds.
    pub(crate) const QUICK: Self = Self {
        seconds: 1,
        waiters: [100, 1000],
        stored: 5_000,
        scale: &[1_000, 10_000],
        level: Duration::from_secs(5),
    };
}

/// Takes all figures of the embedded store in folders below this one, telling what it is at.
pub(crate) async fn measure(extent: Extent, below: &Store, tell: impl Fn(&str)) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let mut take = async |name: &str, taken: Result<Vec<Figure>>| -> Result<()> {
        figures.extend(taken.map_err(|error| error.context(format!("measuring {name}")))?);
        Ok(())
    };
    tell("creates, with nobody working");
    take("creates", load::creates(&below.fresh("creates").await?, extent.seconds).await).await?;
    tell("creates to results, with a processor that does nothing");
    take("end to end", load::end_to_end(&below.fresh("rounds").await?, extent.seconds).await).await?;
    tell("wake-ups");
    take("wake-ups", waits::wake_ups(&below.fresh("wakes").await?).await).await?;
    tell("memory of idle waiters");
    take("memory", waits::memory(&below.fresh("idle").await?, extent.waiters).await).await?;
    tell("streams");
    take("streams", streams::streams(&below.fresh("streams").await?, extent.waiters).await).await?;
    tell("webhooks");
    take("webhooks", webhooks::webhooks(&below.fresh("webhooks").await?, extent.seconds).await).await?;
    tell("groups and long queues");
    let queues = [extent.stored.max(20_000), extent.scale.last().copied().unwrap_or(0).max(20_000)];
    take("groups", groups::groups(&below.fresh("groups").await?, extent.stored, queues).await).await?;
    tell("restart after kill -9");
    take("restart", restart::restart(&below.fresh("restart").await?, extent.stored).await).await?;
    tell("rates with many runs stored");
    take("scale", load::scale(&below.fresh("scale").await?, extent.scale, extent.seconds).await).await?;
    Ok(figures)
}

/// Takes the figures of servers on a database, alone and several at once.
pub(crate) async fn measure_database(extent: Extent, database: &Store, tell: impl Fn(&str)) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let mut take = async |name: &str, taken: Result<Vec<Figure>>| -> Result<()> {
        figures.extend(taken.map_err(|error| error.context(format!("measuring {name}")))?);
        Ok(())
    };
    tell("what the database does by itself");
    take("the database", nodes::floor(database, extent.seconds).await).await?;
    tell("creates, with nobody working");
    take("creates", load::creates(&database.fresh("creates").await?, extent.seconds).await).await?;
    tell("creates to results, with a processor that does nothing");
    take("end to end", load::end_to_end(database, extent.seconds).await).await?;
    tell("wake-ups from one node to another");
    take("wake-ups", nodes::wake_ups(database).await).await?;
    tell("one worker, and three");
    take("workers", nodes::workers(database, extent.seconds).await).await?;
    tell("webhooks");
    take("webhooks", webhooks::webhooks(database, extent.seconds).await).await?;
    tell("whether the rate stays level");
    take("level", nodes::level(database, extent.level).await).await?;
    Ok(figures)
}
