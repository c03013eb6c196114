//! Who does the work: the trait of processors, and what passes between one and the worker that runs it.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::fact::Report;
use crate::id::RunId;
use crate::journal::{Entry, MOST_BYTES};
use crate::node::Fingerprint;
use crate::output::Output;
use crate::run::{Failure, FailureCode, Question};
use crate::task::{Input, Task};
use crate::time::Micros;

/// Does tasks. One value serves many runs at a time.
///
/// A processor may be stopped between any two awaits, and started again on the same run; it may panic, which is an
/// error of this attempt and hurts nobody else. It should not block its thread for more than a few milliseconds.
#[async_trait]
pub trait Processor: Send + Sync + 'static {
    /// Does the task once.
    async fn run(&self, job: Job, reporter: &dyn Reporter) -> Outcome;

    /// What decides its answers, in short, as it is now. `None` while it does not know that itself. Nodes compare theirs by
    /// it, so what is equal on two machines has to be equal here.
    fn fingerprint(&self) -> Option<Fingerprint>;
}

/// One attempt at a run.
#[derive(Clone, Debug)]
pub struct Job {
    /// The run.
    pub run: RunId,
    /// The processor's name as the caller asked for it; one processor may answer to several.
    pub processor: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// What is to be done.
    pub task: Task,
    /// The caller's answers to earlier questions, as JSON text, oldest first.
    pub answers: Vec<String>,
    /// The steps that earlier attempts kept, in the order in which they did.
    pub journal: Vec<Entry>,
    /// When it was asked.
    pub asked_at: Micros,
    /// What [`Task::previous`] was asked and answered; `None` also when that run has no output or is not there any more.
    pub previous: Option<Previous>,
}

/// An earlier run that another goes on from.
#[derive(Clone, Debug)]
pub struct Previous {
    /// What it was asked.
    pub input: Input,
    /// Its output, as it was stored.
    pub output: Bytes,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one an attempt, and it is moved once")]
pub enum Outcome {
    /// The task is done.
    Done(Output),
    /// The task cannot be done, now or later.
    Failed(Failure),
    /// It did not work this time.
    Retry {
        /// What went wrong; shown to the caller if no attempt is left.
        why: Failure,
        /// How long to wait before the next attempt.
        after: Duration,
    },
    /// The caller has to answer first.
    Ask(Question),
    /// Stopped because [`Wish::Stop`] was wished.
    Stopped,
}

/// A processor's line to the outside while it works.
#[async_trait]
pub trait Reporter: Send + Sync {
    /// Tells how it is going. Returns when the telling is taken; it is on disk at the latest with the outcome.
    async fn report(&self, report: Report);

    /// Keeps a step and tells what it brought, in one commit, and returns when that is on disk. What was told before goes
    /// before it; what the log has already is left out. Steps that are kept at the same time share a commit.
    ///
    /// A step is kept whenever that can still be done, also if the answer is that the attempt may not go on.
    async fn keep(&self, step: Entry, reports: Vec<Report>) -> Result<(), NotKept>;

    /// What is wished of the processor at this moment.
    fn wish(&self) -> Wish;

    /// Returns as soon as something other than [`Wish::GoOn`] is wished.
    async fn wished(&self) -> Wish;
}

/// Why an attempt does not go on from a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotKept {
    /// The attempt may not go on: its lease is lost, or [`Wish::Stop`] is wished.
    #[error("the attempt may not go on")]
    Lost,
    /// So much is not kept of one run.
    #[error("the steps of one run may bring {MOST_BYTES} bytes together")]
    Full,
}

/// What an attempt comes to that cannot keep its steps.
impl From<NotKept> for Outcome {
    fn from(why: NotKept) -> Self {
        match why {
            NotKept::Lost => Self::Stopped,
            NotKept::Full => Self::Failed(Failure { code: FailureCode::Processor, message: why.to_string() }),
        }
    }
}

/// What is wished of a processor at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Go on.
    GoOn,
    /// Stop looking and write the answer from what is there.
    Finish,
    /// Stop now, without an answer.
    Stop,
}
