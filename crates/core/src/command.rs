//! The rules: what each command does to a run in each state. Nothing else produces a new state.
//!
//! [`decide`] looks and says; it neither stores nor tells. A store loads a [`Life`], asks, and saves what it is told
//! in one transaction.

use std::time::Duration;

use bytes::Bytes;

use crate::fact::{Fact, Report, ReportBody, What};
use crate::id::{NodeId, Token};
use crate::journal::Entry;
use crate::run::{AT_ONCE, CANCEL_GRACE, Failure, FailureCode, Lease, Life, MAX_ATTEMPTS, Question, State, Status};
use crate::time::Micros;

/// What may be asked of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// A worker takes it from the queue.
    Start {
        /// The worker's process.
        node: NodeId,
        /// A token nobody used before.
        token: Token,
        /// When the lease runs out.
        until: Micros,
    },
    /// The worker is still at it.
    Renew {
        /// Proof of the lease.
        token: Token,
        /// When the lease runs out from now on.
        until: Micros,
    },
    /// The worker tells how it is going and what it has done. Leave out what the log already says ([`Command::unsaid`]).
    Report {
        /// Proof of the lease.
        token: Token,
        /// What it tells.
        reports: Vec<Report>,
        /// The steps to keep, those together with this that they have told.
        steps: Vec<Entry>,
    },
    /// The worker needs an answer from the caller and gives the lease back.
    Ask {
        /// Proof of the lease.
        token: Token,
        /// What it asks.
        question: Question,
    },
    /// The worker is done.
    Complete {
        /// Proof of the lease.
        token: Token,
        /// The output as the wire shows it.
        output: Bytes,
        /// What it had not told yet.
        reports: Vec<Report>,
    },
    /// The worker cannot do it, and nobody else could.
    Fail {
        /// Proof of the lease.
        token: Token,
        /// What the caller is told.
        why: Failure,
        /// What it had not told yet.
        reports: Vec<Report>,
    },
    /// The worker could not do it this time.
    Retry {
        /// Proof of the lease.
        token: Token,
        /// What the caller is told if this was the last attempt.
        why: Failure,
        /// When to try again.
        not_before: Micros,
    },
    /// The worker stopped without an end: it was told to, or its process stops.
    GiveBack {
        /// Proof of the lease.
        token: Token,
    },
    /// The lease has run out.
    Lapse {
        /// The lease that is meant.
        token: Token,
    },
    /// A deadline has passed.
    Expire,
    /// Nobody can work on it.
    Reject {
        /// What the caller is told.
        why: Failure,
    },
    /// The caller wants it stopped.
    Cancel,
    /// The caller wants the answer written from what is there.
    Finish,
    /// The caller answers the question.
    Answer {
        /// The answer as JSON text.
        answer: String,
    },
}

/// What shall be stored and told.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The run from now on.
    pub life: Life,
    /// What to append to its log.
    pub facts: Vec<Fact>,
    /// What to append to its journal, unless there is a step of that name. The journal goes, and with it all else that
    /// lies beside the run for its work, where [`Life::papers`] ends.
    pub steps: Vec<Entry>,
    /// The number of the one among them that the run's webhook is owed.
    pub owed: Option<u64>,
}

/// Why a command does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The run has ended.
    #[error("the run has ended: it is {0}")]
    Ended(Status),
    /// The lease is another's, or nobody's.
    #[error("the lease is lost")]
    Stale,
    /// The command has no meaning in this state.
    #[error("this cannot be done to a run that is {0}")]
    NotIn(Status),
    /// What the command says has passed has not.
    #[error("it is too early for that")]
    TooEarly,
}

impl Command {
    /// The proof that comes with a worker's command.
    pub const fn token(&self) -> Option<Token> {
        match self {
            Self::Start { .. }
            | Self::Expire
            | Self::Reject { .. }
            | Self::Cancel
            | Self::Finish
            | Self::Answer { .. } => None,
            Self::Renew { token, .. }
            | Self::Report { token, .. }
            | Self::Ask { token, .. }
            | Self::Complete { token, .. }
            | Self::Fail { token, .. }
            | Self::Retry { token, .. }
            | Self::GiveBack { token }
            | Self::Lapse { token } => Some(*token),
        }
    }

    /// The tellings that come with the command.
    pub fn reports(&self) -> &[Report] {
        match self {
            Self::Report { reports, .. } | Self::Complete { reports, .. } | Self::Fail { reports, .. } => reports,
            Self::Start { .. }
            | Self::Renew { .. }
            | Self::Ask { .. }
            | Self::Retry { .. }
            | Self::GiveBack { .. }
            | Self::Lapse { .. }
            | Self::Expire
            | Self::Reject { .. }
            | Self::Cancel
            | Self::Finish
            | Self::Answer { .. } => &[],
        }
    }

    /// The same command without the tellings whose key the log already holds (`said`), so that an attempt which
    /// resumes and says the same thing again records nothing twice.
    #[must_use]
    pub fn unsaid(mut self, said: impl Fn(&str) -> bool) -> Self {
        if let Self::Report { reports, .. } | Self::Complete { reports, .. } | Self::Fail { reports, .. } = &mut self {
            reports.retain(|report| !said(&report.key));
        }
        self
    }
}

/// What `command` does to a run at the moment `now`.
///
/// A worker's command needs the token of the lease that is in force: whoever lost it can change nothing.
pub fn decide(life: &Life, command: &Command, now: Micros) -> Result<Decision, Refused> {
    match &life.state {
        State::Queued { not_before } => queued(life, *not_before, command, now),
        State::Running { lease } => running(life, lease, command, now),
        State::ActionRequired { question } => action_required(life, question, command, now),
        State::Cancelling { lease, stop_by } => cancelling(life, lease, *stop_by, command, now),
        State::Cancelled if *command == Command::Cancel => Ok(unchanged(life)),
        State::Completed | State::Failed { .. } | State::Cancelled => Err(Refused::Ended(life.status())),
    }
}

fn queued(life: &Life, not_before: Micros, command: &Command, now: Micros) -> Result<Decision, Refused> {
    match command {
        Command::Start { .. } if now < not_before => Err(Refused::TooEarly),
        Command::Start { node, token, until } => {
            let attempt = life.attempts + 1;
            let lease = Lease { node: *node, token: *token, attempt, until: *until };
            Ok(Change::of(life, now).attempts(attempt).into(State::Running { lease }))
        }
        Command::Cancel => Ok(Change::of(life, now).into(State::Cancelled)),
        Command::Expire if life.expires_at().is_none_or(|at| now < at) => Err(Refused::TooEarly),
        Command::Expire => Ok(Change::of(life, now).into(State::Failed { why: not_started_in_time() })),
        Command::Reject { why } => Ok(Change::of(life, now).into(State::Failed { why: why.clone() })),
        Command::Renew { .. }
        | Command::Report { .. }
        | Command::Ask { .. }
        | Command::Complete { .. }
        | Command::Fail { .. }
        | Command::Retry { .. }
        | Command::GiveBack { .. }
        | Command::Lapse { .. } => Err(Refused::Stale),
        Command::Finish | Command::Answer { .. } => Err(Refused::NotIn(Status::Queued)),
    }
}

fn running(life: &Life, lease: &Lease, command: &Command, now: Micros) -> Result<Decision, Refused> {
    if command.token().is_some_and(|token| token != lease.token) {
        return Err(Refused::Stale);
    }
    let change = Change::of(life, now);
    match command {
        Command::Renew { until, .. } => Ok(renewed(life, State::Running { lease: Lease { until: *until, ..*lease } })),
        Command::Report { reports, steps, .. } => Ok(change.told(reports, 99).kept(steps).unmoved()),
        // A question is no failure: the attempt is given back.
        Command::Ask { question, .. } => {
            Ok(change.attempt_back().into(State::ActionRequired { question: question.clone() }))
        }
        Command::Complete { reports, .. } => Ok(change.told(reports, 100).into(State::Completed)),
        Command::Fail { why, reports, .. } => Ok(change.told(reports, 99).into(State::Failed { why: why.clone() })),
        Command::Retry { why, not_before, .. } => Ok(change.again(*not_before, why)),
        Command::GiveBack { .. } => Ok(change.attempt_back().into(State::Queued { not_before: AT_ONCE })),
        Command::Lapse { .. } if now < lease.until => Err(Refused::TooEarly),
        Command::Lapse { .. } => Ok(change.again(after_loss(life.attempts, now), &worker_lost())),
        Command::Cancel => {
            let stop_by = now + CANCEL_GRACE;
            let lease = Lease { until: lease.until.min(stop_by), ..*lease };
            Ok(change.into(State::Cancelling { lease, stop_by }))
        }
        Command::Finish if life.finish => Ok(unchanged(life)),
        Command::Finish => Ok(change.finish().fact(What::Finish).unmoved()),
        Command::Start { .. } | Command::Expire | Command::Reject { .. } | Command::Answer { .. } => {
            Err(Refused::NotIn(Status::Running))
        }
    }
}

fn action_required(life: &Life, asked: &Question, command: &Command, now: Micros) -> Result<Decision, Refused> {
    let change = Change::of(life, now);
    match command {
        Command::Answer { answer } => Ok(change.answered(answer)),
        Command::Cancel => Ok(change.into(State::Cancelled)),
        Command::Expire if life.expires_at().is_none_or(|at| now < at) => Err(Refused::TooEarly),
        Command::Expire => Ok(match &asked.default {
            Some(answer) => change.answered(answer),
            None => change.into(State::Failed { why: not_answered_in_time() }),
        }),
        Command::Renew { .. }
        | Command::Report { .. }
        | Command::Ask { .. }
        | Command::Complete { .. }
        | Command::Fail { .. }
        | Command::Retry { .. }
        | Command::GiveBack { .. }
        | Command::Lapse { .. } => Err(Refused::Stale),
        Command::Start { .. } | Command::Reject { .. } | Command::Finish => Err(Refused::NotIn(Status::ActionRequired)),
    }
}

fn cancelling(
    life: &Life,
    lease: &Lease,
    stop_by: Micros,
    command: &Command,
    now: Micros,
) -> Result<Decision, Refused> {
    if command.token().is_some_and(|token| token != lease.token) {
        return Err(Refused::Stale);
    }
    let change = Change::of(life, now);
    match command {
        Command::Renew { until, .. } => {
            let lease = Lease { until: stop_by.min(*until), ..*lease };
            Ok(renewed(life, State::Cancelling { lease, stop_by }))
        }
        Command::Report { reports, steps, .. } => Ok(change.told(reports, 99).kept(steps).unmoved()),
        // The worker was faster than the cancellation: what was done is not thrown away.
        Command::Complete { reports, .. } => Ok(change.told(reports, 100).into(State::Completed)),
        Command::Fail { why, reports, .. } => Ok(change.told(reports, 99).into(State::Failed { why: why.clone() })),
        Command::Ask { .. } | Command::Retry { .. } | Command::GiveBack { .. } => Ok(change.into(State::Cancelled)),
        Command::Lapse { .. } if now < lease.until => Err(Refused::TooEarly),
        Command::Lapse { .. } => Ok(change.into(State::Cancelled)),
        Command::Cancel => Ok(unchanged(life)),
        Command::Start { .. } | Command::Expire | Command::Reject { .. } | Command::Finish | Command::Answer { .. } => {
            Err(Refused::NotIn(Status::Cancelling))
        }
    }
}

/// When a run is tried again whose worker was lost for the `n`th time.
///
/// At once, as a rule: a machine went down and nobody shall wait for it. But a run that is always there when its worker
/// dies may be the reason; it waits longer each time, so that the others get through and quick restarts cost it little.
fn after_loss(n: u32, now: Micros) -> Micros {
    match n {
        0..3 => AT_ONCE,
        _ => now + Duration::from_secs(2 << (n - 3).min(5)),
    }
}

/// A decision in the making: the life as it will be, and the facts so far.
struct Change {
    life: Life,
    facts: Vec<Fact>,
    steps: Vec<Entry>,
    owed: Option<u64>,
    now: Micros,
}

impl Change {
    fn of(life: &Life, now: Micros) -> Self {
        // Clocks step back; the log of one run does not.
        let now = now.max(life.modified_at);
        Self { life: life.clone(), facts: Vec::new(), steps: Vec::new(), owed: None, now }
    }

    fn attempts(mut self, attempts: u32) -> Self {
        self.life.attempts = attempts;
        self
    }

    fn attempt_back(self) -> Self {
        let attempts = self.life.attempts.saturating_sub(1);
        self.attempts(attempts)
    }

    fn finish(mut self) -> Self {
        self.life.finish = true;
        self
    }

    fn fact(mut self, what: What) -> Self {
        self.life.version += 1;
        self.facts.push(Fact { seq: self.life.version, at: self.now, what });
        self
    }

    /// Records progress, if this run keeps it. `most` is what the meter may show at this point.
    fn told(mut self, reports: &[Report], most: u8) -> Self {
        if !self.life.events {
            return self;
        }
        for report in reports {
            let mut report = report.clone();
            if let ReportBody::Stats { meter, .. } = &mut report.body {
                *meter = (*meter).min(most).max(self.life.meter);
                self.life.meter = *meter;
            }
            self = self.fact(What::Progress { report });
        }
        self
    }

    /// Keeps steps, also of a run that keeps no progress: they are not for the caller.
    fn kept(mut self, steps: &[Entry]) -> Self {
        self.life.papers |= !steps.is_empty();
        self.steps.extend_from_slice(steps);
        self
    }

    /// Back into the queue, unless the attempts are used up.
    fn again(self, not_before: Micros, why: &Failure) -> Decision {
        if self.life.attempts < MAX_ATTEMPTS {
            return self.into(State::Queued { not_before });
        }
        let message = format!("gave up after {MAX_ATTEMPTS} attempts; the last one: {}", why.message);
        self.into(State::Failed { why: Failure { code: FailureCode::Attempts, message } })
    }

    fn answered(self, answer: &str) -> Decision {
        self.fact(What::Answer { answer: answer.to_owned() }).into(State::Queued { not_before: AT_ONCE })
    }

    /// Into a state, which is a fact.
    fn into(mut self, state: State) -> Decision {
        let (failure, question) = match &state {
            State::Failed { why } => (Some(why.clone()), None),
            State::ActionRequired { question } => (None, Some(question.clone())),
            State::Queued { .. }
            | State::Running { .. }
            | State::Cancelling { .. }
            | State::Completed
            | State::Cancelled => (None, None),
        };
        let status = state.status();
        self.life.papers &= !status.is_ended();
        self.life.state = state;
        self.life.modified_at = self.now;
        let mut entered = self.fact(What::State { status, failure, question });
        entered.owed = entered.life.tells.of(status).then_some(entered.life.version);
        entered.unmoved()
    }

    fn unmoved(self) -> Decision {
        Decision { life: self.life, facts: self.facts, steps: self.steps, owed: self.owed }
    }
}

/// A lease that runs on is no fact: nobody is told of it.
fn renewed(life: &Life, state: State) -> Decision {
    unchanged(&Life { state, ..life.clone() })
}

fn unchanged(life: &Life) -> Decision {
    Decision { life: life.clone(), facts: Vec::new(), steps: Vec::new(), owed: None }
}

fn worker_lost() -> Failure {
    Failure { code: FailureCode::Attempts, message: "the worker stopped without a word".to_owned() }
}

fn not_started_in_time() -> Failure {
    Failure { code: FailureCode::Deadline, message: "no worker was free before the run's deadline".to_owned() }
}

fn not_answered_in_time() -> Failure {
    Failure { code: FailureCode::Deadline, message: "the question was not answered before its deadline".to_owned() }
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
