//! Calls the webhooks that are owed something: claims deliveries under leases, makes them, settles them.
//!
//! A delivery is written in the commit of the fact that it tells of, so nothing is forgotten, whatever dies; what was
//! under way then is made again. What it says is made of that fact once and kept before the first attempt.

mod courier;
mod post;
mod receivers;
mod secrets;
mod target;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use legwork_api::webhook::{Attached, Output, body};
use legwork_core::delivery::{DeliveryId, Heard, Standing, Webhook};
use legwork_core::id::Token;
use legwork_core::store::{DeliveryClaim, OwedDelivery, StoreError};
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, warn};
use uuid::Uuid;

pub(crate) use self::courier::Courier;
use self::receivers::{AT_FIRST, Receivers};
pub(crate) use self::secrets::Secrets;
pub(crate) use self::target::{Forbidden, Rule};
use crate::follow::Lines;
use crate::metrics::Metrics;
use crate::runs::Runs;

/// How long a lease is: longer than an attempt can take, with what is written before and after it.
const LEASE: Duration = Duration::from_mins(1);
/// How often it is looked when no hint comes; what is tried again later has none.
const LOOK_ANYWAY: Duration = Duration::from_secs(1);
/// How long to wait with a store that could not.
const BETWEEN_TRIES: Duration = Duration::from_millis(200);
/// How often an attempt that was made is written down before it is left to its lease.
const TRIES: u32 = 100;
/// How long attempts under way may take to be settled after everything had to stop.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The sender: one a process.
pub(crate) struct Sender {
    desk: Arc<Desk>,
    lines: Arc<Lines>,
    attempts: TaskTracker,
    hard_stop: CancellationToken,
}

/// What every delivery needs.
struct Desk {
    runs: Runs,
    courier: Arc<Courier>,
    letters: Letters,
    receivers: Mutex<Receivers>,
    /// Rung when an attempt has ended.
    freed: Notify,
    metrics: Arc<Metrics>,
}

/// How bodies are made.
#[derive(Clone, Debug)]
pub(crate) struct Letters {
    /// When the output is in them.
    pub(crate) output: Output,
    /// What `/v1/…` is put behind, for outputs that are too long; empty when this server does not know its own address.
    pub(crate) base: String,
}

impl Sender {
    /// A sender that has nothing under way. `hard_stop` ends the attempts.
    pub(crate) fn new(
        runs: Runs,
        lines: Arc<Lines>,
        courier: Arc<Courier>,
        letters: Letters,
        hard_stop: CancellationToken,
        metrics: Arc<Metrics>,
    ) -> Self {
        let desk = Desk { runs, courier, letters, receivers: Mutex::default(), freed: Notify::new(), metrics };
        Self { desk: Arc::new(desk), lines, attempts: TaskTracker::new(), hard_stop }
    }

    /// Sends until `stop`, and returns when the attempts under way have ended.
    pub(crate) async fn send(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let owed = self.lines.owed();
            match self.once().await {
                Ok(0) => {}
                Ok(_) => continue,
                Err(error) => {
                    warn!(error = &error as &dyn std::error::Error, "could not claim deliveries, will try again");
                    sleep(LOOK_ANYWAY).await;
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = owed => {}
                () = self.desk.freed.notified() => {}
                () = sleep(LOOK_ANYWAY) => {}
            }
        }
        self.attempts.close();
        let out_of_time = async {
            self.hard_stop.cancelled().await;
            sleep(LAST_WORDS).await;
        };
        tokio::select! {
            () = self.attempts.wait() => {}
            // What is cut off is made again by the next process.
            () = out_of_time => {}
        }
    }

    /// Waits until what is under way has ended.
    #[cfg(test)]
    pub(crate) async fn settled(&self) {
        self.attempts.close();
        self.attempts.wait().await;
        self.attempts.reopen();
    }

    /// Claims what there is room for and begins with it; returns how many deliveries that were.
    pub(crate) async fn once(&self) -> Result<usize, StoreError> {
        let (room, receivers) = {
            let receivers = self.desk.receivers();
            (receivers.room(), receivers.loads())
        };
        if room == 0 {
            return Ok(0);
        }
        let token = Token(fresh());
        let until = self.desk.runs.now() + LEASE;
        let claim = DeliveryClaim { token, room, room_each: AT_FIRST, receivers, until };
        let claimed = self.desk.runs.claim_deliveries(claim).await?;
        let count = claimed.len();
        for owed in claimed {
            self.desk.receivers().begin(&owed.webhook.receiver);
            let desk = self.desk.clone();
            self.attempts.spawn(async move {
                let well = desk.make(&owed, token).await;
                desk.receivers().end(&owed.webhook.receiver, well);
                desk.freed.notify_one();
            });
        }
        Ok(count)
    }
}

impl Desk {
    /// Makes one delivery and settles it; returns whether the receiver has it.
    async fn make(&self, owed: &OwedDelivery, token: Token) -> bool {
        let id = owed.delivery.id;
        let body = match self.body(owed).await {
            Ok(Some(body)) => body,
            // The run was deleted meanwhile.
            Ok(None) => return true,
            Err(error) => {
                error!(webhook.id = %id, error = &error as &dyn std::error::Error, "what a webhook says cannot be made");
                return false;
            }
        };
        let now = self.runs.now();
        let attempt = self.courier.deliver(&owed.webhook, &owed.owner, &id.to_string(), body, now).await;
        let well = matches!(attempt.heard, Heard::Answer { status: 200..=299, .. });
        self.metrics.attempted(well, attempt.took);
        match &attempt.heard {
            Heard::Answer { status, .. } => debug!(webhook.id = %id, http.status = status, "a webhook was called"),
            Heard::Nothing { why } => debug!(webhook.id = %id, why, "a webhook was called in vain"),
        }
        for _ in 0..TRIES {
            match self.runs.settle(id, token, attempt.clone(), fresh()).await {
                Ok(after) => {
                    if after.is_some_and(|after| matches!(after.standing, Standing::GivenUp { .. })) {
                        warn!(webhook.id = %id, "a webhook is given up; it can be asked for again");
                    }
                    return well;
                }
                Err(error) => {
                    warn!(webhook.id = %id, error = &error as &dyn std::error::Error, "an attempt was not recorded yet");
                    sleep(BETWEEN_TRIES).await;
                }
            }
        }
        well
    }

    /// What the delivery says: as it was kept, or made now and kept before anybody is told.
    async fn body(&self, owed: &OwedDelivery) -> Result<Option<Bytes>, StoreError> {
        if let Some(kept) = &owed.body {
            return Ok(Some(kept.clone()));
        }
        let id = owed.delivery.id;
        let Some(made) = self.letter(id, &owed.webhook).await? else { return Ok(None) };
        self.runs.keep_body(id, made).await
    }

    async fn letter(&self, id: DeliveryId, webhook: &Webhook) -> Result<Option<Bytes>, StoreError> {
        let Some((run, fact, output)) = self.runs.told_by(id).await? else { return Ok(None) };
        let result_url = format!("{}/v1/tasks/runs/{}/result", self.letters.base, run.id);
        let attached = if self.letters.output.goes_to(webhook.form) {
            Attached::Output { output: output.as_ref(), result_url: &result_url }
        } else {
            Attached::Nothing
        };
        Ok(Some(body(&run, &fact, attached)))
    }

    fn receivers(&self) -> MutexGuard<'_, Receivers> {
        self.receivers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number nobody used before.
fn fresh() -> u64 {
    Uuid::new_v4().as_u64_pair().0
}

#[cfg(test)]
mod tests;
