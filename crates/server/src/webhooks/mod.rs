//! Calls the webhooks that are owed something: claims deliveries under leases, makes them, settles them.
//!
//! A delivery is written in the commit of the fact that it tells of, so nothing is forgotten, whatever dies; what was
//! under way then is made again. What it says is made of that fact once and kept before the first attempt.

mod courier;
mod post;
mod receivers;
mod secrets;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use legwork_api::webhook::{Attached, Output, body};
use legwork_core::delivery::{Attempt, DeliveryId, Heard, Standing, Webhook};
use legwork_core::id::{Owner, Token};
use legwork_core::store::{DeliveryClaim, OwedDelivery, StoreError};
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, warn};
use uuid::Uuid;

pub(crate) use self::courier::Courier;
use self::receivers::{AT_FIRST, Learned, OWNERS, Receivers};
pub(crate) use self::secrets::Secrets;
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
/// How often a body is made before the delivery is left to its lease.
const BODY_TRIES: u32 = 5;
/// How long attempts under way may still be answered after everything had to stop. Then they are cut off.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long it may take after that to write down what came of them.
const LAST_RECORDS: Duration = Duration::from_secs(1);
/// What is written down of an attempt that was cut off.
const STOPPED: &str = "the server was stopped before there was an answer";
/// What is written down when there was nothing to send.
const NO_BODY: &str = "the server could not make what it has to say; its log says more";

/// The sender: one a process.
pub(crate) struct Sender {
    desk: Arc<Desk>,
    lines: Arc<Lines>,
    attempts: TaskTracker,
    /// Ends whatever is left of the attempts.
    abandon: CancellationToken,
}

/// What every delivery needs.
struct Desk {
    runs: Runs,
    courier: Arc<Courier>,
    letters: Letters,
    receivers: Mutex<Receivers>,
    /// Rung when an attempt has ended.
    freed: Notify,
    hard_stop: CancellationToken,
    metrics: Arc<Metrics>,
}

/// A place under way, given back however its attempt ends.
struct Place {
    desk: Arc<Desk>,
    name: (Owner, String),
    learned: Learned,
}

impl Place {
    fn take(desk: Arc<Desk>, owed: &OwedDelivery) -> Self {
        let name = (owed.owner.clone(), owed.webhook.receiver.clone());
        desk.receivers().begin(&name);
        Self { desk, name, learned: Learned::Nothing }
    }

    fn learn(&mut self, learned: Learned) {
        self.learned = learned;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.desk.receivers().end(&self.name, self.learned);
        self.desk.freed.notify_one();
    }
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
    /// A sender that has nothing under way. `hard_stop` ends the attempts; what is cut off is recorded.
    pub(crate) fn new(
        runs: Runs,
        lines: Arc<Lines>,
        courier: Arc<Courier>,
        letters: Letters,
        hard_stop: CancellationToken,
        metrics: Arc<Metrics>,
    ) -> Self {
        let receivers = Mutex::default();
        let desk = Desk { runs, courier, letters, receivers, freed: Notify::new(), hard_stop, metrics };
        let (attempts, abandon) = (TaskTracker::new(), CancellationToken::new());
        Self { desk: Arc::new(desk), lines, attempts, abandon }
    }

    /// Sends until `stop`, and returns when the attempts under way have ended: nothing of them is left then.
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
            self.desk.hard_stop.cancelled().await;
            sleep(LAST_WORDS + LAST_RECORDS).await;
        };
        tokio::select! {
            () = self.attempts.wait() => {}
            () = out_of_time => {
                // What could not be recorded is made again by the next process.
                self.abandon.cancel();
                self.attempts.wait().await;
            }
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
        let (room, owners) = {
            let receivers = self.desk.receivers();
            (receivers.room(), receivers.shares())
        };
        if room == 0 {
            return Ok(0);
        }
        let token = Token(fresh());
        let until = self.desk.runs.now() + LEASE;
        let (room_each_owner, room_each_receiver) = (OWNERS, AT_FIRST);
        let claim = DeliveryClaim { token, room, room_each_owner, room_each_receiver, owners, until };
        let claimed = self.desk.runs.claim_deliveries(claim).await?;
        let count = claimed.len();
        for owed in claimed {
            let mut place = Place::take(self.desk.clone(), &owed);
            let abandoned = self.abandon.clone().cancelled_owned();
            self.attempts.spawn(async move {
                let desk = place.desk.clone();
                tokio::select! {
                    learned = desk.make(&owed, token) => place.learn(learned),
                    () = abandoned => {}
                }
            });
        }
        Ok(count)
    }
}

impl Desk {
    /// Makes one delivery and settles it; returns what that says about the receiver.
    async fn make(&self, owed: &OwedDelivery, token: Token) -> Learned {
        let id = owed.delivery.id;
        let (attempt, learned) = match self.body(owed).await {
            Ok(Some(body)) => self.call(owed, body).await,
            // The run was deleted meanwhile.
            Ok(None) => return Learned::Nothing,
            Err(error) => {
                error!(webhook.id = %id, error = &error as &dyn std::error::Error, "what a webhook says cannot be made");
                match error {
                    StoreError::Inconsistent(_) => {}
                    StoreError::Busy | StoreError::Unavailable(_) => return Learned::Nothing,
                }
                (self.nothing(Instant::now(), NO_BODY), Learned::Nothing)
            }
        };
        match &attempt.heard {
            Heard::Answer { status, .. } => debug!(webhook.id = %id, http.status = status, "a webhook was called"),
            Heard::Nothing { why } => debug!(webhook.id = %id, why, "a webhook was called in vain"),
        }
        self.settle(id, token, &attempt).await;
        learned
    }

    /// Calls, and is cut off when there is no more time.
    async fn call(&self, owed: &OwedDelivery, body: Bytes) -> (Attempt, Learned) {
        let (began, id) = (Instant::now(), owed.delivery.id.to_string());
        let call = self.courier.deliver(&owed.webhook, &owed.owner, &id, body, self.runs.now());
        let out_of_time = async {
            self.hard_stop.cancelled().await;
            sleep(LAST_WORDS).await;
        };
        let (attempt, learned) = tokio::select! {
            attempt = call => {
                let learned = if attempt.is_success() { Learned::Well } else { Learned::Failed };
                (attempt, learned)
            }
            () = out_of_time => (self.nothing(began, STOPPED), Learned::Nothing),
        };
        self.metrics.attempted(attempt.is_success(), attempt.took);
        (attempt, learned)
    }

    /// An attempt, begun at this moment, that brought no answer through no fault of the receiver's.
    fn nothing(&self, began: Instant, why: &str) -> Attempt {
        let took = began.elapsed();
        Attempt { at: self.runs.now() - took, took, heard: Heard::Nothing { why: why.to_owned() } }
    }

    /// Writes down what came of an attempt.
    async fn settle(&self, id: DeliveryId, token: Token, attempt: &Attempt) {
        for _ in 0..TRIES {
            match self.runs.settle(id, token, attempt.clone(), fresh()).await {
                Ok(after) => {
                    if after.is_some_and(|after| matches!(after.standing, Standing::GivenUp { .. })) {
                        warn!(webhook.id = %id, "a webhook is given up; it can be asked for again");
                    }
                    return;
                }
                Err(error) => {
                    warn!(webhook.id = %id, error = &error as &dyn std::error::Error, "an attempt was not recorded yet");
                    sleep(BETWEEN_TRIES).await;
                }
            }
        }
    }

    /// What the delivery says, tried again while the store has no time.
    async fn body(&self, owed: &OwedDelivery) -> Result<Option<Bytes>, StoreError> {
        for _ in 1..BODY_TRIES {
            match self.kept_body(owed).await {
                Err(StoreError::Busy | StoreError::Unavailable(_)) => sleep(BETWEEN_TRIES).await,
                made => return made,
            }
        }
        self.kept_body(owed).await
    }

    /// As it was kept, or made now and kept before anybody is told.
    async fn kept_body(&self, owed: &OwedDelivery) -> Result<Option<Bytes>, StoreError> {
        if let Some(kept) = &owed.body {
            return Ok(Some(kept.clone()));
        }
        let id = owed.delivery.id;
        let Some(made) = self.letter(id, &owed.webhook).await? else { return Ok(None) };
        self.runs.keep_body(id, made).await
    }

    async fn letter(&self, id: DeliveryId, webhook: &Webhook) -> Result<Option<Bytes>, StoreError> {
        let has_output = self.letters.output.goes_to(webhook.form);
        let Some((run, fact, output)) = self.runs.told_by(id, has_output).await? else { return Ok(None) };
        let result_url = format!("{}/v1/tasks/runs/{}/result", self.letters.base, run.id);
        let attached = if has_output {
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
