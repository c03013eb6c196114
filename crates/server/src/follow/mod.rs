//! Everything that waits for a run: get in line, look, and only then sleep. A hint says *that* something changed; what
//! changed is read from the store.

mod feed;
mod group;
mod lines;
mod log;
mod pages;
mod tail;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use legwork_core::id::{GroupId, Owner, RunId};
use legwork_core::run::Run;
use legwork_core::store::{GroupRuns, Nudge as _, Store, StoreError};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tracing::warn;

pub(crate) use self::feed::{Feed, Wanted};
pub(crate) use self::group::{Course, Members};
pub(crate) use self::lines::{Line, Lines, View};
pub(crate) use self::log::Log;
use self::log::Source;
use self::pages::Pages;
use crate::metrics::Metrics;

/// How long a wait lasts beyond its event at the most, if every hint is lost.
const LOOK_ANYWAY: Duration = Duration::from_secs(1);

/// Waits for runs.
#[derive(Clone)]
pub(crate) struct Follow {
    store: Arc<dyn Store>,
    source: Arc<Source>,
    lines: Arc<Lines>,
    stop: CancellationToken,
    metrics: Arc<Metrics>,
}

/// How a wait ended.
#[derive(Debug)]
pub(crate) enum Waited {
    /// What was waited for is there.
    Done(Arc<View>),
    /// The time is up; this is how the run stands.
    Late(Arc<View>),
    /// There is no such run, or not any more.
    Gone,
    /// The server stops.
    Stopping,
}

impl Follow {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        lines: Arc<Lines>,
        stop: CancellationToken,
        metrics: Arc<Metrics>,
    ) -> Self {
        let source = Arc::new(Source { store: store.clone(), pages: Pages::new() });
        Self { store, source, lines, stop, metrics }
    }

    /// The log of a run after the fact of this number, and on as it grows.
    pub(crate) fn log(&self, run: Run, after: u64) -> Log {
        let line = self.lines.join(run.id);
        Log::new(self.source.clone(), line, run, after, &self.metrics)
    }

    /// The states of all of an owner's runs after this place, and on as they come.
    pub(crate) fn feed(&self, owner: Owner, wanted: Wanted, after: u64) -> Feed {
        Feed::new(self.store.clone(), self.lines.clone(), owner, wanted, after, &self.metrics)
    }

    /// A group's runs as they are now, after this place.
    pub(crate) fn members(&self, group: GroupId, which: GroupRuns, after: u64) -> Members {
        Members::new(self.store.clone(), group, which, after)
    }

    /// What becomes of a group after this place, at the longest until then.
    pub(crate) fn course(&self, group: GroupId, after: u64, until: Instant) -> Course {
        Course::new(self.store.clone(), &self.lines, group, after, until, &self.metrics)
    }

    /// Resolves when the server stops.
    pub(crate) fn stopping(&self) -> WaitForCancellationFutureOwned {
        self.stop.clone().cancelled_owned()
    }

    /// Waits until an owner's run is as wished, at the longest until the deadline. Another's run is as good as none.
    pub(crate) async fn until(
        &self,
        owner: &Owner,
        id: RunId,
        deadline: Instant,
        wished: impl Fn(&View) -> bool,
    ) -> Result<Waited, StoreError> {
        let line = self.lines.join(id);
        let _counted = self.metrics.waiter();
        loop {
            let mut changed = pin!(line.changed());
            changed.as_mut().enable();
            let looked = line.look(&*self.store).await?.filter(|view| view.run.owner == *owner);
            let Some(view) = looked else { return Ok(Waited::Gone) };
            if wished(&view) {
                return Ok(Waited::Done(view));
            }
            tokio::select! {
                () = self.stop.cancelled() => return Ok(Waited::Stopping),
                woken = timeout_at(deadline, changed) => if woken.is_err() { return Ok(Waited::Late(view)) },
            }
        }
    }

    /// Whether the server stops.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Looks once after all watched runs, and wakes those who wait for one that changed; who follows a feed or a group
    /// is woken to look for himself. Returns how many runs had changed.
    pub(crate) async fn watch_once(&self) -> Result<usize, StoreError> {
        self.lines.logged();
        self.lines.ring_all();
        let watched = self.lines.watched();
        if watched.is_empty() {
            return Ok(0);
        }
        let ids: Vec<_> = watched.iter().map(|(id, _)| *id).collect();
        let now: std::collections::HashMap<_, _> = self.store.versions(&ids).await?.into_iter().collect();
        let missed: Vec<_> = watched.into_iter().filter(|(id, seen)| now.get(id) != Some(seen)).collect();
        for (id, _) in &missed {
            self.lines.changed(*id);
        }
        Ok(missed.len())
    }

    /// Makes up for hints that were lost, once a second and when it is known that some were, until the server stops.
    pub(crate) async fn watch(self) {
        while !self.stop.is_cancelled() {
            if let Err(error) = self.watch_once().await {
                warn!(error = &error as &dyn std::error::Error, "could not look after watched runs, will try again");
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = self.lines.missed() => {}
                () = sleep(LOOK_ANYWAY) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
