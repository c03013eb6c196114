//! One attempt at one run: start the processor, pass on what it tells and what is wished of it, and settle how it ended.
//!
//! The processor runs in a task of its own, so that its panic is an outcome like any other and it can be dropped when
//! it does not obey.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use legwork_core::command::Command;
use legwork_core::id::{RunId, Token};
use legwork_core::journal::Entry;
use legwork_core::processor::{Job, Outcome, Previous, Processor, Wish};
use legwork_core::run::{CANCEL_GRACE, Failure, FailureCode, Lease, Life, State};
use legwork_core::store::{ApplyError, Claimed, StoreError};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::leases::{self, Leases};
use super::reporter::{Gate, Parcel, Wire};
use crate::follow::{Line, Lines};
use crate::runs::Runs;

/// How long after the work was told to end at once it is still tried to record how it ended.
const LAST_WORD: Duration = Duration::from_secs(3);
/// How long to wait before tellings that could not be recorded are passed on again.
const TELL_AGAIN: Duration = Duration::from_millis(100);
/// How soon an attempt looks for what it may have missed.
const FIRST_LOOK: Duration = Duration::from_millis(20);
/// How long to wait before an attempt that panicked or could not begin is repeated, times the attempt's number.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What every attempt needs.
pub(super) struct Bench {
    pub(super) runs: Runs,
    pub(super) lines: Arc<Lines>,
    pub(super) leases: Arc<Leases>,
    /// Cancelled when running work has to stop.
    pub(super) hard_stop: CancellationToken,
    pub(super) patience: Patience,
    /// For the steps that are on their way to the store.
    pub(super) gate: Gate,
}

/// How long a processor may take to obey before it is dropped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// When its run was cancelled.
    pub(crate) cancelled: Duration,
    /// When the server stops.
    pub(crate) stopping: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { cancelled: CANCEL_GRACE, stopping: Duration::from_secs(1) }
    }
}

/// How the work on a run came to its end.
#[expect(clippy::large_enum_variant, reason = "there is one an attempt, and it is moved once")]
enum End {
    /// The processor said so.
    Said(Outcome),
    /// It panicked.
    Panicked(String),
    /// It was dropped, or obeyed, because a stop was wished.
    Stopped,
    /// The lease is gone: whatever happened, it is not ours to tell.
    Lost,
}

impl Bench {
    /// Works on a claimed run to some end and settles it.
    pub(super) async fn attempt(
        &self,
        processor: Option<Arc<dyn Processor>>,
        claimed: Claimed,
        Lease { token, attempt, .. }: Lease,
        good_until: watch::Receiver<Instant>,
    ) {
        let id = claimed.run.id;
        let started = Instant::now();
        let job = self.job(&claimed, attempt).await;
        let bytes = job.iter().flat_map(|job| &job.journal).map(Entry::size).sum();
        let wish = if claimed.run.life.finish { Wish::Finish } else { Wish::GoOn };
        let wire = Arc::new(Wire::new(wish, bytes, self.gate.clone()));
        let end = match (processor, job) {
            (Some(processor), Ok(job)) => {
                let work = spawn(processor, job, wire.clone());
                let line = self.lines.join(id);
                tokio::select! {
                    end = self.attend(id, token, &line, &wire, work) => end,
                    () = leases::lost(good_until) => End::Lost,
                }
            }
            (None, _) => End::Said(Outcome::Failed(no_processor(&claimed.run.processor))),
            (_, Err(why)) => End::Said(why),
        };
        self.settle(id, token, attempt, end, wire.take_all()).await;
        self.leases.let_go(token);
        let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        debug!(run.id = %id, attempt, took_ms, "an attempt ended");
    }

    /// What the processor is given, or what becomes of the attempt without.
    async fn job(&self, claimed: &Claimed, attempt: u32) -> Result<Job, Outcome> {
        let run = &claimed.run;
        let broken = |message| Failure { code: FailureCode::Processor, message };
        let unread = |error: StoreError| {
            warn!(run.id = %run.id, attempt, error = &error as &dyn std::error::Error, "an attempt could not begin");
            Outcome::Retry { why: broken(error.to_string()), after: AGAIN_AFTER * attempt }
        };
        let (journal, secrets) =
            if run.life.papers { self.runs.papers(run.id).await.map_err(unread)? } else { (Vec::new(), None) };
        let input = legwork_api::run_input::RunInput::kept(&claimed.input, secrets.as_ref())
            .map_err(|odd| Outcome::Failed(broken(format!("the stored input cannot be read: {odd}"))))?;
        // Version 2 is the first start: nothing was answered before it.
        let answers = match run.life.version {
            ..=2 => Vec::new(),
            _ => self.runs.answers(run.id).await.map_err(unread)?,
        };
        let previous = match input.task.previous {
            Some(earlier) => self.runs.answered(&run.owner, earlier).await.map_err(unread)?.and_then(previous),
            None => None,
        };
        let asked_at = run.created_at;
        let (run, processor, task) = (run.id, run.processor.clone(), input.task);
        Ok(Job { run, processor, attempt, task, answers, journal, asked_at, previous })
    }

    /// Stands by a processor at work until it ends, or has to.
    async fn attend(&self, id: RunId, token: Token, line: &Line, wire: &Wire, work: JoinHandle<Outcome>) -> End {
        let mut work = Dropped(work);
        let mut give_up_at: Option<Instant> = None;
        let stop_within = |grace: Duration, at: &mut Option<Instant>| {
            wire.wish_for(Wish::Stop);
            let soon = Instant::now() + grace;
            *at = Some(at.map_or(soon, |at| at.min(soon)));
        };
        let mut stopping = pin!(self.hard_stop.cancelled());
        // A change between the claim and our place in line has not rung; most attempts are over before it is looked for.
        let mut missed = pin!(sleep(FIRST_LOOK));
        let (mut stop_seen, mut looked, mut changed_since) = (false, false, false);
        loop {
            let mut changed = pin!(line.changed());
            changed.as_mut().enable();
            if std::mem::take(&mut changed_since) {
                looked = true;
                match self.wished_of(id).await {
                    Wish::GoOn => {}
                    Wish::Finish => wire.wish_for(Wish::Finish),
                    Wish::Stop => stop_within(self.patience.cancelled, &mut give_up_at),
                }
            }
            tokio::select! {
                biased;
                ended = &mut work.0 => return End::of(ended),
                () = &mut stopping, if !stop_seen => {
                    stop_seen = true;
                    stop_within(self.patience.stopping, &mut give_up_at);
                }
                () = until(give_up_at) => return End::Stopped,
                // Before the tellings: a processor that never stops telling shall be stopped all the same.
                () = changed => changed_since = true,
                () = &mut missed, if !looked => changed_since = true,
                // What is told while this is being recorded shares the next commit.
                () = wire.ready() => {
                    if !self.pass_on(id, token, wire).await {
                        return End::Lost;
                    }
                }
            }
        }
    }

    async fn wished_of(&self, id: RunId) -> Wish {
        match self.runs.life(id).await {
            Ok(Some(life)) if matches!(life.state, State::Running { .. }) && life.finish => Wish::Finish,
            Ok(Some(life)) if matches!(life.state, State::Running { .. }) => Wish::GoOn,
            Ok(_) => Wish::Stop,
            // Asked again at the next change; the lease bounds how long this can go on.
            Err(error) => {
                warn!(run.id = %id, error = &error as &dyn std::error::Error, "could not look after a run at work");
                Wish::GoOn
            }
        }
    }

    /// Returns whether the lease still is ours.
    async fn pass_on(&self, id: RunId, token: Token, wire: &Wire) -> bool {
        let parcel = wire.take(Instant::now());
        if parcel.is_empty() {
            return true;
        }
        match self.runs.apply(id, report(token, &parcel)).await {
            Ok(_) => parcel.kept(),
            Err(ApplyError::Refused(_) | ApplyError::Unknown) => return false,
            Err(ApplyError::Store(error)) => {
                warn!(run.id = %id, error = &error as &dyn std::error::Error, "progress is not recorded yet");
                wire.put_back(parcel);
                sleep(TELL_AGAIN).await;
            }
        }
        true
    }

    /// Writes down how it ended, with what was told and kept last.
    async fn settle(&self, id: RunId, token: Token, attempt: u32, end: End, rest: Parcel) {
        let Some(command) = self.verdict(id, token, attempt, end, &rest) else { return };
        // An end takes it along; a run that goes on has it before.
        let goes_on = !matches!(command, Command::Complete { .. } | Command::Fail { .. });
        if goes_on && !rest.is_empty() && self.insist(id, attempt, report(token, &rest)).await.is_none() {
            return;
        }
        if let Some(life) = self.insist(id, attempt, command).await {
            told(id, attempt, &life);
        }
    }

    /// Does not rest before this is on disk, or the lease is another's.
    async fn insist(&self, id: RunId, attempt: u32, command: Command) -> Option<Life> {
        let mut wait = Duration::from_millis(20);
        while command.token().is_some_and(|token| self.leases.holds(token)) {
            match self.runs.apply(id, command.clone()).await {
                Ok(life) => return Some(life),
                Err(ApplyError::Store(error)) => {
                    warn!(run.id = %id, error = &error as &dyn std::error::Error, "an attempt is not settled yet");
                }
                Err(refused) => {
                    warn!(run.id = %id, attempt, error = &refused as &dyn std::error::Error, "an attempt came too late");
                    return None;
                }
            }
            // A stop does not wait for a store that is away: then the lease runs out.
            tokio::select! {
                () = sleep(wait) => {}
                () = self.given_up() => return None,
            }
            wait = (wait * 2).min(Duration::from_secs(2));
        }
        None
    }

    /// Resolves some time after the work was told to end at once.
    async fn given_up(&self) {
        self.hard_stop.cancelled().await;
        sleep(LAST_WORD).await;
    }

    fn verdict(&self, id: RunId, token: Token, attempt: u32, end: End, rest: &Parcel) -> Option<Command> {
        let reports = rest.reports();
        let again = |why, after: Duration| Command::Retry { token, why, not_before: self.runs.now() + after };
        Some(match end {
            End::Said(Outcome::Done(output)) => match serde_json::to_vec(&output) {
                Ok(output) => Command::Complete { token, output: output.into(), reports },
                Err(error) => Command::Fail { token, why: unsayable(&error), reports },
            },
            End::Said(Outcome::Failed(why)) => Command::Fail { token, why, reports },
            End::Said(Outcome::Retry { why, after }) => again(why, after),
            End::Said(Outcome::Ask(question)) => Command::Ask { token, question },
            End::Said(Outcome::Stopped) | End::Stopped => Command::GiveBack { token },
            End::Panicked(message) => {
                error!(run.id = %id, attempt, panic = message, "a processor panicked");
                again(panicked(&message), AGAIN_AFTER * attempt)
            }
            End::Lost => {
                warn!(run.id = %id, attempt, "an attempt lost its lease");
                return None;
            }
        })
    }
}

impl End {
    fn of(ended: Result<Outcome, tokio::task::JoinError>) -> Self {
        match ended {
            Ok(outcome) => Self::Said(outcome),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => Self::Panicked(words(&*panic)),
                Err(_) => Self::Stopped,
            },
        }
    }
}

/// What a run goes on from, as far as it can be read: what was kept as a request can.
fn previous((request, output): (Bytes, Bytes)) -> Option<Previous> {
    let input = legwork_api::run_input::RunInput::kept(&request, None).ok()?.task.input;
    Some(Previous { input, output })
}

/// The text of a panic, if it has one.
fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

fn report(token: Token, parcel: &Parcel) -> Command {
    Command::Report { token, reports: parcel.reports(), steps: parcel.steps() }
}

fn spawn(processor: Arc<dyn Processor>, job: Job, wire: Arc<Wire>) -> JoinHandle<Outcome> {
    tokio::spawn(async move { processor.run(job, &*wire).await })
}

/// A log that grows with every run is for those who ask for it; what went wrong is for everybody.
fn told(id: RunId, attempt: u32, life: &Life) {
    if let State::Failed { why } = &life.state {
        info!(run.id = %id, attempt, why = why.message, "a run failed");
    } else {
        debug!(run.id = %id, attempt, status = %life.status(), "an attempt was settled");
    }
}

/// A task that does not outlive its attempt.
struct Dropped(JoinHandle<Outcome>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn no_processor(name: &str) -> Failure {
    let message = format!("the processor `{name}` is not configured on this server any more");
    Failure { code: FailureCode::NoProcessor, message }
}

fn panicked(message: &str) -> Failure {
    Failure { code: FailureCode::Processor, message: format!("the processor panicked: {message}") }
}

fn unsayable(error: &serde_json::Error) -> Failure {
    Failure { code: FailureCode::Processor, message: format!("the output cannot be written as JSON: {error}") }
}
