//! The search follows the log: a moment behind it, and only when there is nothing better to do.

use std::time::Duration;

use legwork_core::store::StoreError;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::runs::Runs;

/// How far behind the log it is when there is little to do.
const EVERY: Duration = Duration::from_secs(1);
/// How many facts it takes in at a time: a few milliseconds for the writer.
const BATCH: usize = 64;

/// Brings the search on.
pub(crate) struct Indexer {
    pub(crate) runs: Runs,
}

impl Indexer {
    /// Takes in the next facts; returns how many there were.
    pub(crate) async fn once(&self) -> Result<usize, StoreError> {
        self.runs.index_some(BATCH).await
    }

    /// Follows the log until `stop`.
    pub(crate) async fn follow(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let began = Instant::now();
            let pause = match self.once().await {
                // It rests for as long as it worked: whoever else wants the disk finds it free.
                Ok(BATCH) => began.elapsed(),
                // Whatever else is written goes first.
                Ok(_) | Err(StoreError::Busy) => EVERY,
                Err(error) => {
                    warn!(error = &error as &dyn std::error::Error, "the search does not follow, will try again");
                    EVERY
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(pause) => {}
            }
        }
    }
}
