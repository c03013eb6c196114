//! What time brings: leases that ran out and deadlines that passed.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use legwork_core::command::Command;
use legwork_core::store::{ApplyError, StoreError};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::runs::Runs;
use crate::worker::Leases;

/// How often it is looked for; nobody waits for it more urgently.
const EVERY: Duration = Duration::from_secs(1);
/// How much is swept in one go.
const BATCH: usize = 500;

/// How many runs are forgotten in one go, and how often in one round.
const FORGOTTEN: usize = 200;
const ROUNDS: usize = 10;

/// Sweeps.
pub(crate) struct Sweeper {
    pub(crate) runs: Runs,
    /// Our own leases are never swept while the attempt lives: a machine that slept wakes up with all of them run out.
    pub(crate) leases: Arc<Leases>,
    /// How long a run is kept after its end; `None` is for ever.
    pub(crate) retain: Option<Duration>,
}

impl Sweeper {
    /// Sweeps once; returns how many runs changed by it.
    pub(crate) async fn once(&self) -> Result<usize, StoreError> {
        let due = self.runs.due(BATCH).await?;
        let ours = |command: &Command| command.token().is_some_and(|token| self.leases.holds(token));
        let due = due.into_iter().filter(|(_, command)| !ours(command));
        let swept = join_all(due.map(|(id, command)| self.runs.apply(id, command))).await;
        let mut changed = 0;
        for answer in swept {
            match answer {
                Ok(_) => changed += 1,
                // Somebody was faster, which is fine.
                Err(ApplyError::Unknown | ApplyError::Refused(_)) => {}
                Err(ApplyError::Store(error)) => return Err(error),
            }
        }
        // Nobody is told of it, and nobody waits for it.
        self.runs.forget_receipts(BATCH).await?;
        if let Some(retain) = self.retain {
            // In small batches, so that callers' commits come in between.
            for _ in 0..ROUNDS {
                if self.runs.forget_older(retain, FORGOTTEN).await? < FORGOTTEN {
                    break;
                }
            }
        }
        Ok(changed)
    }

    /// Sweeps until `stop`.
    pub(crate) async fn sweep(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.once().await {
                Ok(0) => {}
                Ok(swept) => {
                    info!(swept, "runs whose time had come were moved on");
                    continue; // There may be more.
                }
                Err(error) => warn!(error = &error as &dyn std::error::Error, "could not sweep, will try again"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(EVERY) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;

    #[tokio::test]
    async fn runs_are_forgotten_so_long_after_their_end_and_not_before() {
        let world = World::new();
        let (ended, open) = (world.submit("x").await, world.submit("y").await);
        world.runs.apply(ended, Command::Cancel).await.unwrap();
        let retain = Some(Duration::from_hours(24));
        let sweeper = Sweeper { runs: world.runs.clone(), leases: Arc::default(), retain };
        world.clock.pass(Duration::from_hours(23));
        sweeper.once().await.unwrap();
        assert!(world.store.run(ended).await.unwrap().is_some());
        world.clock.pass(Duration::from_hours(1));
        sweeper.once().await.unwrap();
        assert!(world.store.run(ended).await.unwrap().is_none());
        assert!(world.store.run(open).await.unwrap().is_some(), "what goes on is kept, however old it is");
    }
}
