//! Measures the server from outside: it is a process of its own, spoken to over TCP, on a fresh store.
//!
//! Every figure stands beside the floor of the same machine in the same minute, since machines differ and are shared:
//! the ratio is what can be compared, the absolute is what was seen.

mod figure;
mod floor;
mod groups;
mod load;
mod nodes;
mod research;
mod restart;
mod server;
mod store;
mod streams;
mod waits;
mod webhooks;
mod wire;

use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum as _;

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

/// What is measured of the embedded store, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// Creates, with nobody working.
    Creates,
    /// Creates to results, with a processor that does nothing.
    EndToEnd,
    /// How soon a wait ends.
    WakeUps,
    /// Memory of idle waiters.
    Memory,
    /// Streams of events.
    Streams,
    /// Webhooks.
    Webhooks,
    /// Groups and long queues.
    Groups,
    /// Runs of the researcher.
    Research,
    /// A restart after `kill -9`.
    Restart,
    /// Rates with many runs stored.
    Scale,
}

/// Takes all figures of the embedded store, or those of one part, in folders below this one, telling what it is at.
pub(crate) async fn measure(
    extent: Extent,
    below: &Store,
    only: Option<Part>,
    tell: impl Fn(&str),
) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for part in Part::value_variants().iter().filter(|part| only.is_none_or(|only| only == **part)) {
        let name = part.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
        tell(&name);
        let taken = measure_part(*part, extent, &below.fresh(&name).await?).await;
        figures.extend(taken.map_err(|error| error.context(format!("measuring {name}")))?);
    }
    Ok(figures)
}

async fn measure_part(part: Part, extent: Extent, store: &Store) -> Result<Vec<Figure>> {
    match part {
        Part::Creates => load::creates(store, extent.seconds).await,
        Part::EndToEnd => load::end_to_end(store, extent.seconds).await,
        Part::WakeUps => waits::wake_ups(store).await,
        Part::Memory => waits::memory(store, extent.waiters).await,
        Part::Streams => streams::streams(store, extent.waiters).await,
        Part::Webhooks => webhooks::webhooks(store, extent.seconds).await,
        Part::Groups => {
            let queues = [extent.stored.max(20_000), extent.scale.last().copied().unwrap_or(0).max(20_000)];
            groups::groups(store, extent.stored, queues).await
        }
        Part::Research => research::lite(store).await,
        Part::Restart => restart::restart(store, extent.stored).await,
        Part::Scale => load::scale(store, extent.scale, extent.seconds).await,
    }
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
