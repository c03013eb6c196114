//! The writer: many commands share one commit, and each caller is answered after it.
//!
//! Strangers in one batch are not coupled: when it cannot be written as a whole, each command is tried alone, so that only
//! the guilty one fails. A caller that went away leaves a whole command behind. When the connection is lost while a commit
//! is asked for, whether it was made is read from the log before anything is done again.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use legwork_core::command::Command;
use legwork_core::id::RunId;
use legwork_core::run::{Life, Run};
use legwork_core::store::{ApplyError, NewRun, StoreError};
use legwork_core::time::Micros;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};
use tokio_postgres::Error;

use super::hints::Teller;
use super::link::{Door, Link, PATIENCE, ROLLBACK, Step, Trouble, unavailable};
use super::rows::uuid;
use super::sql;
use super::unit::{Mark, NewReceipt, Unit};
use crate::metrics::Metrics;
use crate::store::told::Told;

/// How many commands share a commit at most.
const BATCH: usize = 1024;
/// How many commands wait at most; beyond that the store is busy.
const QUEUE: usize = 16 * 1024;
/// How often a batch is tried at which others were, too, before its commands are tried one by one.
const TRIES: u32 = 5;
/// How long a command is tried alone while somebody holds what it is about: longer than the server lets anybody.
const HELD: Duration = Duration::from_secs(15);
/// The pause before something is tried again, times how often it was tried.
const PAUSE: Duration = Duration::from_millis(3);

type Reply<T> = oneshot::Sender<T>;

/// What a run is created with, and the receipt that is written beside it.
pub(super) struct OnceRun {
    pub(super) new: NewRun,
    pub(super) receipt: NewReceipt,
}

/// A command that waits to be written.
enum Work {
    Submit(Box<NewRun>, Micros, Reply<Result<Run, StoreError>>),
    Once(Box<OnceRun>, Reply<Result<Option<(Run, i64)>, StoreError>>),
    HandedOver(i64, Reply<Result<(), StoreError>>),
    /// Nothing, to see whether anything could be written.
    Check(Reply<Result<(), StoreError>>),
    Apply(RunId, Box<Command>, Micros, Reply<Result<Life, ApplyError>>),
}

/// What is answered when it is on disk.
enum Answer {
    Submit(Result<Run, StoreError>),
    Once(Result<Run, StoreError>, i64),
    HandedOver,
    Check,
    Apply(Result<Life, ApplyError>),
}

/// A door to the writer.
pub(super) struct Writer {
    commands: mpsc::Sender<Work>,
}

impl Writer {
    /// Starts it. It ends when this is dropped and what was handed over is written.
    pub(super) fn start(door: Arc<Door>, teller: Arc<Teller>, metrics: Arc<Metrics>) -> Self {
        let (commands, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(Desk { door, link: None, teller, metrics }.work(waiting));
        Self { commands }
    }

    /// Whether commands stand in line: then what can wait should.
    pub(super) fn is_busy(&self) -> bool {
        const A_LINE: usize = 8;
        self.commands.max_capacity() - self.commands.capacity() >= A_LINE
    }

    /// Accepts a run.
    pub(super) async fn submit(&self, new: NewRun, now: Micros) -> Result<Run, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.hand_over(Work::Submit(Box::new(new), now, reply))?;
        answer.await.map_err(|_| gone())?
    }

    /// Accepts a run with a receipt, whose number is returned; `None` when there is such a receipt already.
    pub(super) async fn once(&self, once: OnceRun) -> Result<Option<(Run, i64)>, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.hand_over(Work::Once(Box::new(once), reply))?;
        answer.await.map_err(|_| gone())?
    }

    /// The answer of this receipt was handed over.
    pub(super) async fn handed_over(&self, receipt: i64) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.hand_over(Work::HandedOver(receipt, reply))?;
        answer.await.map_err(|_| gone())?
    }

    /// Whether anything could be written.
    pub(super) async fn check(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.hand_over(Work::Check(reply))?;
        answer.await.map_err(|_| gone())?
    }

    /// Does to a run what the rules say.
    pub(super) async fn apply(&self, id: RunId, command: Command, now: Micros) -> Result<Life, ApplyError> {
        let (reply, answer) = oneshot::channel();
        self.hand_over(Work::Apply(id, Box::new(command), now, reply))?;
        answer.await.map_err(|_| gone())?
    }

    fn hand_over(&self, work: Work) -> Result<(), StoreError> {
        self.commands.try_send(work).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => gone(),
        })
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("the writer has stopped".into())
}

/// Where the commands are worked on.
struct Desk {
    door: Arc<Door>,
    link: Option<Link>,
    teller: Arc<Teller>,
    metrics: Arc<Metrics>,
}

/// What is answered and told once it is on disk.
struct Written {
    answers: Vec<Answer>,
    told: Told,
    /// By what its commit can be known; without one, doing it again does no harm.
    mark: Option<Mark>,
}

/// Why a try at writing a batch failed.
enum Failed {
    /// Nothing of it was written.
    Plainly(Error),
    /// The word of the commit was lost.
    Unsure(Error, Written),
    /// What was read cannot be.
    Odd(StoreError),
}

/// Why a batch was not written.
enum Failure {
    /// There is such a row already, which may be a receipt.
    Taken { is_receipt: bool },
    /// Each command may fare better alone.
    Together(StoreError),
    /// None would.
    All(StoreError),
}

impl Desk {
    async fn work(mut self, mut waiting: mpsc::Receiver<Work>) {
        let mut batch = Vec::with_capacity(BATCH);
        while waiting.recv_many(&mut batch, BATCH).await > 0 {
            self.write(std::mem::take(&mut batch)).await;
        }
    }

    /// Writes all of them, with one commit if that can be.
    async fn write(&mut self, works: Vec<Work>) {
        let mut left = VecDeque::from([works]);
        while let Some(works) = left.pop_front() {
            match self.written(&works).await {
                Ok(answers) => works.into_iter().zip(answers).for_each(|(work, answer)| work.answer(answer)),
                Err(Failure::Together(_) | Failure::Taken { .. }) if works.len() > 1 => {
                    left.extend(works.into_iter().map(|work| vec![work]));
                }
                Err(failure) => {
                    works.into_iter().for_each(|work| work.fail(&failure));
                    // The others would find the database away as well, each after waiting for it.
                    if let Failure::All(_) = failure {
                        left.drain(..).flatten().for_each(|work| work.fail(&failure));
                    }
                }
            }
        }
    }

    async fn written(&mut self, works: &[Work]) -> Result<Vec<Answer>, Failure> {
        let (began, is_single) = (Instant::now(), works.len() == 1);
        // What was sent when the word of its commit was lost.
        let (mut tries, mut unsure): (u32, Option<Written>) = (0, None);
        loop {
            tries += 1;
            let error = match self.attempt(works).await? {
                Ok(written) => {
                    self.metrics.committed(works.len(), began.elapsed());
                    return self.true_one(unsure, written, works, began).await;
                }
                Err(Failed::Odd(error)) => return Err(Failure::Together(error)),
                Err(Failed::Plainly(error)) => error,
                Err(Failed::Unsure(error, written)) => {
                    unsure = Some(written).filter(|written| written.mark.is_some()).or(unsure);
                    error
                }
            };
            let trouble = Trouble::of(&error);
            if trouble == Trouble::Lost {
                self.link = None;
            }
            if let (Trouble::Lost | Trouble::Taken, Some(written)) = (trouble, unsure.take()) {
                if self.was_made(&written, began).await? {
                    let written = self.with_receipts(works, written).await;
                    return Ok(self.tell(written));
                }
                unsure = Some(written);
            }
            match trouble {
                Trouble::Again if tries < TRIES || is_single && began.elapsed() < HELD => sleep(PAUSE * tries).await,
                Trouble::Held if is_single && began.elapsed() < HELD => {}
                Trouble::Lost if began.elapsed() < PATIENCE => sleep(PAUSE * tries).await,
                Trouble::Lost => return Err(Failure::All(unavailable(error))),
                Trouble::Taken => {
                    let constraint = error.as_db_error().and_then(|error| error.constraint());
                    return Err(Failure::Taken { is_receipt: constraint == Some("receipts_by_key") });
                }
                Trouble::Again | Trouble::Held | Trouble::Refused => return Err(Failure::Together(unavailable(error))),
            }
        }
    }

    /// Of two tries, that which did what was asked. The commit of the first may have been on its way to the disk when it was
    /// looked for; then the second found all of it done.
    async fn true_one(
        &mut self,
        first: Option<Written>,
        second: Written,
        works: &[Work],
        began: Instant,
    ) -> Result<Vec<Answer>, Failure> {
        // The second has the mark of the first if it was the one to do it.
        if let Some(first) = first.filter(|first| first.mark != second.mark)
            && self.was_made(&first, began).await?
        {
            self.teller.tell(&second.told);
            let first = self.with_receipts(works, first).await;
            return Ok(self.tell(first));
        }
        Ok(self.tell(second))
    }

    /// Whether the commit of this was made, asked until there is an answer.
    async fn was_made(&mut self, written: &Written, began: Instant) -> Result<bool, Failure> {
        let Some(mark) = &written.mark else { return Ok(false) };
        loop {
            match mark.is_there(self.link().await.map_err(Failure::All)?).await {
                Ok(is_there) => return Ok(is_there),
                Err(error) if Trouble::of(&error) == Trouble::Lost && began.elapsed() < PATIENCE => {
                    self.link = None;
                    sleep(PAUSE).await;
                }
                Err(error) => return Err(Failure::All(unavailable(error))),
            }
        }
    }

    /// The same with the numbers of its receipts, which came with the answer that was lost.
    async fn with_receipts(&mut self, works: &[Work], mut written: Written) -> Written {
        for (work, answer) in works.iter().zip(&mut written.answers) {
            if let (Work::Once(once, _), Answer::Once(Ok(_), receipt)) = (work, answer)
                && let Ok(link) = self.link().await
                && let Ok(Some(row)) = link.row(&sql::RECEIPT_OF, &[&uuid(once.new.id)]).await
            {
                *receipt = row.get(0);
            }
        }
        written
    }

    fn tell(&self, written: Written) -> Vec<Answer> {
        self.teller.tell(&written.told);
        written.answers
    }

    async fn link(&mut self) -> Result<&Link, StoreError> {
        if self.link.as_ref().is_none_or(Link::is_lost) {
            self.link = Some(self.door.open_patiently().await?);
        }
        self.link.as_ref().ok_or_else(gone)
    }

    /// Tries once to write all of them with one commit.
    async fn attempt(&mut self, works: &[Work]) -> Result<Result<Written, Failed>, Failure> {
        let metrics = self.metrics.clone();
        let link = self.link().await.map_err(Failure::All)?;
        let mut unit = Unit::new(metrics);
        let commands: Vec<_> = works.iter().filter_map(Work::command).collect();
        let is_open = !commands.is_empty();
        let checks = works.iter().any(|work| matches!(work, Work::Check(_)));
        if is_open {
            let failed = match unit.hold(link, &commands).await {
                Ok(Ok(())) => None,
                Ok(Err(odd)) => Some(Failed::Odd(odd)),
                Err(error) => Some(Failed::Plainly(error)),
            };
            if let Some(failed) = failed {
                return Ok(Err(undone(link, failed).await));
            }
        }
        let mut answers: Vec<_> = works.iter().map(|work| work.perform(&mut unit)).collect();
        let mark = unit.mark();
        let check = checks.then(|| Step::With(&sql::CAN_WRITE, Vec::new()));
        let committed = unit.commit(link, is_open, check.into_iter().collect()).await;
        let told = unit.into_told();
        Ok(match committed {
            Ok(numbers) => {
                with_numbers(&mut answers, numbers);
                Ok(Written { answers, told, mark })
            }
            Err(error) if Trouble::of(&error) == Trouble::Lost => {
                Err(Failed::Unsure(error, Written { answers, told, mark }))
            }
            Err(error) => Err(undone(link, Failed::Plainly(error)).await),
        })
    }
}

/// Ends a transaction that is not to be, whatever it came to.
async fn undone(link: &Link, failed: Failed) -> Failed {
    // If this fails as well, the connection is gone, and the transaction with it.
    drop(link.plain(ROLLBACK).await);
    failed
}

/// Gives the receipts their numbers, which come in the order of their commands.
fn with_numbers(answers: &mut [Answer], numbers: Vec<i64>) {
    let receipts = answers.iter_mut().filter_map(|answer| match answer {
        Answer::Once(Ok(_), receipt) => Some(receipt),
        Answer::Submit(_) | Answer::Once(Err(_), _) | Answer::HandedOver | Answer::Check | Answer::Apply(_) => None,
    });
    receipts.zip(numbers).for_each(|(receipt, number)| *receipt = number);
}

impl Work {
    fn command(&self) -> Option<(RunId, &Command)> {
        match self {
            Self::Apply(id, command, _, _) => Some((*id, command)),
            Self::Submit(..) | Self::Once(..) | Self::HandedOver(..) | Self::Check(_) => None,
        }
    }

    /// Does it in memory.
    fn perform(&self, unit: &mut Unit) -> Answer {
        match self {
            Self::Submit(new, now, _) => Answer::Submit(unit.submit((**new).clone(), *now)),
            Self::Once(once, _) => {
                let submitted = unit.submit(once.new.clone(), once.receipt.now);
                if submitted.is_ok() {
                    unit.keep(once.receipt.clone());
                }
                // The number is known once it is written.
                Answer::Once(submitted, 0)
            }
            Self::HandedOver(receipt, _) => {
                unit.taken(*receipt);
                Answer::HandedOver
            }
            Self::Check(_) => Answer::Check,
            Self::Apply(id, command, now, _) => {
                let applied = catch_unwind(AssertUnwindSafe(|| unit.apply(*id, command, *now)));
                Answer::Apply(applied.unwrap_or_else(|_| {
                    Err(StoreError::Inconsistent("a rule panicked; see the log".to_owned()).into())
                }))
            }
        }
    }

    /// The caller may have gone; the command was whole all the same.
    fn answer(self, answer: Answer) {
        match (self, answer) {
            (Self::Submit(_, _, reply), Answer::Submit(run)) => drop(reply.send(run)),
            (Self::Once(_, reply), Answer::Once(run, receipt)) => {
                drop(reply.send(run.map(|run| Some((run, receipt)))));
            }
            (Self::HandedOver(_, reply), Answer::HandedOver) | (Self::Check(reply), Answer::Check) => {
                drop(reply.send(Ok(())));
            }
            (Self::Apply(_, _, _, reply), Answer::Apply(life)) => drop(reply.send(life)),
            // Each is answered with what it was performed to.
            (work, _) => work.fail(&Failure::All(gone())),
        }
    }

    fn fail(self, failure: &Failure) {
        let error = |id: Option<RunId>| match (failure, id) {
            (Failure::Taken { .. }, Some(id)) => StoreError::Inconsistent(format!("the name {id} is taken")),
            (Failure::Taken { .. }, None) => StoreError::Inconsistent("a row is there twice".to_owned()),
            (Failure::Together(error) | Failure::All(error), _) => again(error),
        };
        match self {
            Self::Submit(new, _, reply) => drop(reply.send(Err(error(Some(new.id))))),
            Self::Once(once, reply) => drop(reply.send(match failure {
                Failure::Taken { is_receipt: true } => Ok(None),
                Failure::Taken { .. } | Failure::Together(_) | Failure::All(_) => Err(error(Some(once.new.id))),
            })),
            Self::HandedOver(_, reply) | Self::Check(reply) => drop(reply.send(Err(error(None)))),
            Self::Apply(_, _, _, reply) => drop(reply.send(Err(error(None).into()))),
        }
    }
}

/// The same error once more: many are told of one.
fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Busy => StoreError::Busy,
        StoreError::Unavailable(source) => {
            let cause = std::error::Error::source(&**source).map_or_else(String::new, |cause| format!(": {cause}"));
            StoreError::Unavailable(format!("{source}{cause}").into())
        }
        StoreError::Inconsistent(why) => StoreError::Inconsistent(why.clone()),
    }
}
