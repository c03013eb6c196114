//! Measures the server from outside: it is a process of its own, spoken to over TCP, on a fresh store.
//!
//! Every figure stands beside the floor of the same machine in the same minute, since machines differ and are shared:
//! the ratio is what can be compared, the absolute is what was seen.

mod figure;
mod floor;
mod groups;
mod load;
mod restart;
mod server;
mod streams;
mod waits;
mod webhooks;
mod wire;

use std::path::Path;

use anyhow::Result;

pub(crate) use self::figure::{Figure, table};
pub(crate) use self::floor::serve as serve_floor;

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
}

impl Extent {
    /// Everything, in some minutes.
    pub(crate) const FULL: Self =
        Self { seconds: 5, waiters: [1000, 9000], stored: 100_000, scale: &[1_000, 100_000, 1_000_000] };
    /// Enough to see that it works, in some seconds.
    pub(crate) const QUICK: Self = Self { seconds: 1, waiters: [100, 1000], stored: 5_000, scale: &[1_000, 10_000] };
}

/// Takes all figures, telling what it is at.
pub(crate) async fn measure(extent: Extent, folder: &Path, tell: impl Fn(&str)) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let mut take = async |name: &str, taken: Result<Vec<Figure>>| -> Result<()> {
        figures.extend(taken.map_err(|error| error.context(format!("measuring {name}")))?);
        Ok(())
    };
    let store = |name: &str| folder.join(name);
    tell("creates, with nobody working");
    take("creates", load::creates(&store("creates"), extent.seconds).await).await?;
    tell("creates to results, with a processor that does nothing");
    take("end to end", load::end_to_end(&store("rounds"), extent.seconds).await).await?;
    tell("wake-ups");
    take("wake-ups", waits::wake_ups(&store("wakes")).await).await?;
    tell("memory of idle waiters");
    take("memory", waits::memory(&store("idle"), extent.waiters).await).await?;
    tell("streams");
    take("streams", streams::streams(&store("streams"), extent.waiters).await).await?;
    tell("webhooks");
    take("webhooks", webhooks::webhooks(&store("webhooks"), extent.seconds).await).await?;
    tell("groups and long queues");
    let queues = [extent.stored.max(20_000), extent.scale.last().copied().unwrap_or(0).max(20_000)];
    take("groups", groups::groups(&store("groups"), extent.stored, queues).await).await?;
    tell("restart after kill -9");
    take("restart", restart::restart(&store("restart"), extent.stored).await).await?;
    tell("rates with many runs stored");
    take("scale", load::scale(&store("scale"), extent.scale, extent.seconds).await).await?;
    Ok(figures)
}
