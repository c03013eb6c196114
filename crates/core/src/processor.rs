//! Who does the work: the trait of processors, and what passes between one and the worker that runs it.

use std::time::Duration;

use async_trait::async_trait;

use crate::fact::Report;
use crate::id::RunId;
use crate::node::Fingerprint;
use crate::output::Output;
use crate::run::{Failure, Question};
use crate::task::Task;

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
}

/// How an attempt ended.
#[derive(Clone, Debug)]
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

    /// What is wished of the processor at this moment.
    fn wish(&self) -> Wish;

    /// Returns as soon as something other than [`Wish::GoOn`] is wished.
    async fn wished(&self) -> Wish;
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
