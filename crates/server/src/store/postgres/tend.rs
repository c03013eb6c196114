//! What a store does by itself from time to time: it looks at the database's clock, counts what waits, and sweeps up behind
//! the tables whose rows come and go.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use legwork_core::store::StoreError;
use legwork_core::time::Micros;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::link::unavailable;
use super::pool::Pool;
use super::rows::{get, whole};
use super::sql;
use crate::metrics::Metrics;

/// How often it is done.
const EVERY: Duration = Duration::from_secs(5);

/// How often the time is asked for at a time. The first answer also pays for what is done once a connection.
const LOOKS: usize = 4;
/// An answer that took longer tells too little.
const QUICK: Duration = Duration::from_millis(20);

/// Tables in which rows come and go all the time. What a finished run leaves in them is dead weight to every claim, and the
/// database's own vacuum looks once a minute. Where there is no such thing as vacuum, this does nothing.
const SWEPT: [&str; 5] = ["queue", "leases", "log_end", "task_groups", "deliveries"];

/// The database's time, for all nodes the same. Between looks it goes on with this machine's steady clock.
pub(crate) struct DatabaseClock {
    /// Since when this machine's clock is counted.
    began: Instant,
    /// The database's time then, in microseconds.
    then: AtomicI64,
}

impl DatabaseClock {
    /// A clock that has not looked yet.
    fn new() -> Self {
        Self { began: Instant::now(), then: AtomicI64::new(0) }
    }

    /// The time now.
    pub(crate) fn now(&self) -> Micros {
        Micros(self.then.load(Ordering::Relaxed)) + self.began.elapsed()
    }

    /// Asks over a connection that is there already and that nobody else uses, several times: the quickest answer tells most
    /// exactly. If none is quick, and it is known already what time it is, that stays.
    async fn look(&self, pool: &Pool) -> Result<(), StoreError> {
        let mut own = pool.own().await?;
        let mut best: Option<(Duration, Micros)> = None;
        for _ in 0..LOOKS {
            let asked = self.began.elapsed();
            let Some(row) = own.row(&sql::NOW, &[]).await.map_err(unavailable)? else { continue };
            let took = self.began.elapsed().saturating_sub(asked);
            // It was read somewhere between the question and the answer.
            let then = Micros(get(&row, 0)?) - (asked + took / 2);
            if best.is_none_or(|(least, _)| took < least) {
                best = Some((took, then));
            }
        }
        own.done();
        let is_new = self.then.load(Ordering::Relaxed) == 0;
        if let Some((_, then)) = best.filter(|(took, _)| is_new || *took < QUICK) {
            self.then.store(then.0, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// The clock of a database, looked at once.
pub(super) async fn clock(pool: &Pool) -> Result<Arc<DatabaseClock>, StoreError> {
    let clock = Arc::new(DatabaseClock::new());
    clock.look(pool).await?;
    Ok(clock)
}

/// Does all of it until `stop`.
pub(super) async fn tend(pool: Arc<Pool>, clock: Arc<DatabaseClock>, metrics: Arc<Metrics>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = once(&pool, &clock, &metrics).await {
            debug!(error = &error as &dyn std::error::Error, "the database could not be tended, will try again");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(EVERY) => {}
        }
    }
}

async fn once(pool: &Pool, clock: &DatabaseClock, metrics: &Metrics) -> Result<(), StoreError> {
    clock.look(pool).await?;
    count(pool, metrics).await?;
    let mut own = pool.own().await?;
    for table in SWEPT {
        // Another node may be at it, and other databases have no such statement.
        drop(own.plain(&format!("vacuum (skip_locked, truncate off) {table}")).await);
    }
    own.done();
    Ok(())
}

/// What waits and what is worked on, whichever node did it.
async fn count(pool: &Pool, metrics: &Metrics) -> Result<(), StoreError> {
    let mut counts: std::collections::BTreeMap<String, (i64, i64)> = std::collections::BTreeMap::new();
    for row in pool.rows(&sql::COUNT_QUEUE, &[]).await? {
        counts.entry(get(&row, 0)?).or_default().0 = get(&row, 1)?;
    }
    for row in pool.rows(&sql::RUNNING, &[]).await? {
        counts.entry(get(&row, 1)?).or_default().1 += get::<i64>(&row, 2)?;
    }
    let owed = pool.row(&sql::COUNT_OWED, &[]).await?.map_or(Ok(0), |row| whole(&row, 0))?;
    metrics.counted(&counts, owed);
    Ok(())
}
