//! Takes runs from the queue and works on them, as many at a time as there are slots.

mod attempt;
mod leases;
mod reporter;
mod slots;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use legwork_core::id::{NodeId, Token};
use legwork_core::store::{Claim, Claimed, StoreError};
use tokio::sync::Notify;
use tokio::time::{Instant, interval, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use self::attempt::Bench;
pub(crate) use self::attempt::Patience;
pub(crate) use self::leases::Leases;
use self::leases::{LEASE, RENEW};
use self::reporter::Gate;
use self::slots::Busy;
pub(crate) use self::slots::Slots;
use crate::follow::Lines;
use crate::processors::Registry;
use crate::runs::Runs;

/// How long the queue is left alone when no hint comes; runs that wait for their time have none.
const LOOK_ANYWAY: Duration = Duration::from_secs(1);
/// How soon it is looked once more after a hint: a run that another node accepted is for its time, and two nodes' clocks are
/// never quite the same.
const SOON: Duration = Duration::from_millis(30);
/// How many runs are claimed at a time at the most.
const AT_ONCE: usize = 64;

/// A worker: one a process.
pub(crate) struct Worker {
    node: NodeId,
    /// The next token. They count up from a number by chance: one by chance each is a call to the system for every place
    /// that may stay empty.
    token: AtomicU64,
    slots: Slots,
    processors: Registry,
    lines: Arc<Lines>,
    bench: Arc<Bench>,
    busy: Mutex<Busy>,
    /// Rung when an attempt of this worker has ended: a slot is free, and perhaps a place under a limit. What ends elsewhere
    /// rings nothing here; the queue is looked at anyway.
    freed: Notify,
    attempts: TaskTracker,
}

impl Worker {
    /// A worker under a fresh name. `hard_stop` ends the attempts that are under way.
    pub(crate) fn new(
        slots: Slots,
        processors: Registry,
        runs: Runs,
        lines: Arc<Lines>,
        leases: Arc<Leases>,
        hard_stop: CancellationToken,
        patience: Patience,
    ) -> Arc<Self> {
        let bench = Bench { runs, lines: lines.clone(), leases, hard_stop, patience, gate: Gate::new() };
        Arc::new(Self {
            node: NodeId(fresh()),
            token: AtomicU64::new(fresh()),
            slots,
            processors,
            lines,
            bench: Arc::new(bench),
            busy: Mutex::default(),
            freed: Notify::new(),
            attempts: TaskTracker::new(),
        })
    }

    /// The name that it claims under, which is this process's.
    pub(crate) fn node(&self) -> NodeId {
        self.node
    }

    /// Works until `stop`, and returns when the attempts under way have ended. Leases are renewed to the very last.
    pub(crate) async fn work(self: Arc<Self>, stop: CancellationToken) {
        let renewing = tokio::spawn(self.clone().renew());
        let mut pause = LOOK_ANYWAY;
        while !stop.is_cancelled() {
            let queued = self.lines.work();
            match self.once().await {
                Ok(0) => {}
                Ok(_) => continue,
                Err(error) => {
                    warn!(error = &error as &dyn std::error::Error, "could not claim runs, will try again");
                    sleep(LOOK_ANYWAY).await;
                }
            }
            pause = tokio::select! {
                () = stop.cancelled() => LOOK_ANYWAY,
                () = queued => SOON,
                () = self.freed.notified() => LOOK_ANYWAY,
                () = sleep(pause) => LOOK_ANYWAY,
            };
        }
        self.attempts.close();
        self.attempts.wait().await;
        renewing.abort();
    }

    /// Claims what there is room for and starts on it; returns how many runs that were.
    pub(crate) async fn once(self: &Arc<Self>) -> Result<usize, StoreError> {
        let room = self.slots.room(&self.busy(), self.processors.names());
        let total = room.each.values().sum::<usize>().min(self.slots.all).min(AT_ONCE);
        if total == 0 {
            return Ok(0);
        }
        let tokens: Vec<_> = (0..total).map(|_| self.next_token()).collect();
        let (leases, asked) = (&self.bench.leases, Instant::now());
        leases.ask_for(&tokens);
        let until = self.bench.runs.now() + LEASE;
        let limits = self.slots.limits.clone();
        let claim = Claim { node: self.node, room, limits, tokens: tokens.clone(), until };
        let claimed = self.bench.runs.claim(claim).await;
        let started = claimed.map(|claimed| {
            let count = claimed.len();
            claimed.into_iter().for_each(|claimed| self.start(claimed, asked));
            count
        });
        leases.answered(&tokens);
        started
    }

    fn next_token(&self) -> Token {
        Token(self.token.fetch_add(1, Ordering::Relaxed))
    }

    fn start(self: &Arc<Self>, claimed: Claimed, asked: Instant) {
        // What was claimed has a lease.
        let Some(lease) = claimed.run.life.state.lease().copied() else { return };
        let name = claimed.run.processor.clone();
        self.busy().begin(&name);
        let processor = self.processors.get(&name);
        let good_until = self.bench.leases.hold(claimed.run.id, lease.token, asked);
        let worker = self.clone();
        self.attempts.spawn(async move {
            worker.bench.attempt(processor, claimed, lease, good_until).await;
            worker.busy().end(&name);
            worker.freed.notify_one();
        });
    }

    async fn renew(self: Arc<Self>) {
        let mut round = interval(RENEW);
        loop {
            round.tick().await;
            self.bench.leases.renew_once(&self.bench.runs).await;
        }
    }

    fn busy(&self) -> std::sync::MutexGuard<'_, Busy> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number nobody used before.
fn fresh() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().0
}

#[cfg(test)]
mod tests;
