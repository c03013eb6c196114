//! The writer thread: many commands share one commit, and each caller is answered after it.
//!
//! Strangers in one batch are not coupled: if anything in it fails or panics, the batch is undone and every command is
//! run again alone, so that only the guilty one fails. A caller that went away leaves a whole command behind.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use legwork_core::id::{GroupId, RunId};
use legwork_core::run::{Run, Status};
use legwork_core::store::{Nudge, StoreError};
use legwork_core::time::Micros;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use tracing::error;

use super::read::{all, one};
use super::rows::unavailable;
use super::sql;
use crate::metrics::Metrics;
use crate::store::told::Told;

/// How many commands share a commit at most.
const BATCH: usize = 1024;
/// So many waiting commands are a line.
const A_LINE: usize = 8;
/// How many commands wait at most; beyond that the store is busy.
const QUEUE: usize = 16 * 1024;

/// A door to the writer thread.
pub(super) struct Writer {
    commands: Option<mpsc::Sender<Box<dyn Work>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// `last_fact` is the highest number that was ever given to a fact.
    pub(super) fn start(connection: Connection, last_fact: u64, nudge: Arc<dyn Nudge>, metrics: Arc<Metrics>) -> Self {
        let (commands, waiting) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new().name("store-writer".to_owned());
        // Fails only when the system has no thread left, before anything was accepted.
        let thread = thread.spawn(move || run(&connection, last_fact, waiting, &*nudge, &metrics)).ok();
        Self { commands: Some(commands), thread }
    }

    /// Whether commands stand in line: then what can wait should.
    pub(super) fn is_busy(&self) -> bool {
        self.commands.as_ref().is_none_or(|commands| commands.max_capacity() - commands.capacity() >= A_LINE)
    }

    /// Does this in a transaction, and returns what it returned once that is on disk.
    ///
    /// `work` may be run more than once, each time on an undone transaction.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Batch<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let task: Box<dyn Work> = Box::new(Task { work, done: None, reply });
        let commands = self.commands.as_ref().ok_or_else(gone)?;
        commands.try_send(task).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => gone(),
        })?;
        answer.await.map_err(|_| gone())?
    }
}

/// What was handed over is written before the thread ends.
impl Drop for Writer {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("the writer has stopped".into())
}

/// The transaction that is open, and what it has to tell when it is on disk.
pub(super) struct Batch<'a> {
    pub(super) connection: &'a Connection,
    metrics: &'a Metrics,
    told: Told,
    /// The last number given to a fact.
    last_fact: u64,
}

impl<'a> Batch<'a> {
    /// Nothing yet, on a connection with a transaction that is or will be open.
    pub(super) fn on(connection: &'a Connection, metrics: &'a Metrics, last_fact: u64) -> Self {
        Self { connection, metrics, told: Told::default(), last_fact }
    }

    /// A number for a fact, higher than any before it.
    pub(super) fn next_fact(&mut self) -> u64 {
        self.told.logged = true;
        self.last_fact += 1;
        self.last_fact
    }

    /// The last number that was given to a fact.
    pub(super) fn last_fact(&self) -> u64 {
        self.last_fact
    }

    /// Runs a statement that is prepared once; returns how many rows it changed.
    pub(super) fn execute(&self, statement: &str, with: impl rusqlite::Params) -> Result<usize, StoreError> {
        let mut statement = self.connection.prepare_cached(statement).map_err(unavailable)?;
        statement.execute(with).map_err(unavailable)
    }

    /// This run changed.
    pub(super) fn changed(&mut self, id: RunId) {
        self.told.changed.push(id);
    }

    /// Runs of this group changed, or were added.
    pub(super) fn grouped(&mut self, id: GroupId) {
        self.told.grouped(id);
    }

    /// Something was put into the queue.
    pub(super) fn queued(&mut self) {
        self.told.queued = true;
    }

    /// Something is due at a webhook, now or later.
    pub(super) fn due_at_a_webhook(&mut self) {
        self.told.due = true;
    }

    /// So many deliveries more are owed than before.
    pub(super) fn more_owed(&mut self, more: i64) {
        self.told.more_owed += more;
    }

    /// This run came into being, or went on from a status to the one in `to`; `run` is as it was before.
    pub(super) fn moved(&mut self, run: &Run, from: Option<Status>, to: Status, now: Micros) {
        self.told.moved(self.metrics, run, from, to, now);
    }
}

/// A command that waits to be written.
trait Work: Send {
    /// Does it; `Err` undoes the transaction it is in.
    fn perform(&mut self, batch: &mut Batch<'_>) -> Result<(), ()>;
    /// Answers the caller; what was performed counts only if it was committed.
    fn answer(self: Box<Self>, committed: bool);
}

struct Task<T, F> {
    work: F,
    done: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Work for Task<T, F>
where
    T: Send,
    F: FnMut(&mut Batch<'_>) -> Result<T, StoreError> + Send,
{
    fn perform(&mut self, batch: &mut Batch<'_>) -> Result<(), ()> {
        let work = &mut self.work;
        let done = catch_unwind(AssertUnwindSafe(|| work(batch)))
            .unwrap_or_else(|_| Err(StoreError::Inconsistent("a rule panicked; see the log".to_owned())));
        let kept = done.as_ref().map(drop).map_err(drop);
        self.done = Some(done);
        kept
    }

    fn answer(self: Box<Self>, committed: bool) {
        let answer = match self.done {
            Some(Ok(_)) | None if !committed => Err(StoreError::Unavailable("the commit failed".into())),
            Some(done) => done,
            None => Err(gone()),
        };
        // The caller may have gone; the command was whole all the same.
        drop(self.reply.send(answer));
    }
}

fn run(
    connection: &Connection,
    last_fact: u64,
    mut waiting: mpsc::Receiver<Box<dyn Work>>,
    nudge: &dyn Nudge,
    metrics: &Metrics,
) {
    count(connection, metrics);
    let mut table = Table { connection, nudge, metrics, last_fact };
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.blocking_recv_many(&mut batch, BATCH) > 0 {
        if table.commit(&mut batch) {
            batch.drain(..).for_each(|work| work.answer(true));
        } else {
            batch.drain(..).for_each(|work| table.alone(work));
        }
    }
}

/// What an earlier process left in the queue, with its workers and with its sender, counted before anything is added to
/// it. All of that is narrow: a hundred thousand queued runs are counted in some milliseconds.
fn count(connection: &Connection, metrics: &Metrics) {
    match one(connection, sql::COUNT_OWED, [], |row| row.get(0).map_err(unavailable)) {
        Ok(owed) => metrics.more_owed(owed.unwrap_or(0)),
        Err(failed) => error!(error = &failed as &dyn std::error::Error, "the deliveries could not be counted"),
    }
    for (statement, is_queue) in [(sql::COUNT_QUEUE, true), (sql::COUNT_LEASES, false)] {
        let counted = all(connection, statement, [], |row| {
            Ok((row.get::<_, String>(0).map_err(unavailable)?, row.get::<_, i64>(1).map_err(unavailable)?))
        });
        match counted {
            Ok(rows) => rows.iter().for_each(|(processor, count)| {
                let (queued, running) = if is_queue { (*count, 0) } else { (0, *count) };
                metrics.processor(processor).found(queued, running);
            }),
            Err(failed) => error!(error = &failed as &dyn std::error::Error, "the queue could not be counted"),
        }
    }
}

/// What the writer works at.
struct Table<'a> {
    connection: &'a Connection,
    nudge: &'a dyn Nudge,
    metrics: &'a Metrics,
    last_fact: u64,
}

impl Table<'_> {
    fn alone(&mut self, work: Box<dyn Work>) {
        let mut single = vec![work];
        let committed = self.commit(&mut single);
        single.into_iter().for_each(|work| work.answer(committed));
    }

    /// Performs all of them in one transaction. Either all is on disk and told, or nothing happened.
    fn commit(&mut self, works: &mut [Box<dyn Work>]) -> bool {
        let began = Instant::now();
        let mut batch = Batch::on(self.connection, self.metrics, self.last_fact);
        let outcome = batch
            .execute("begin immediate", [])
            .map_err(log)
            .and_then(|_| works.iter_mut().try_for_each(|work| work.perform(&mut batch)))
            .and_then(|()| batch.execute("commit", []).map_err(log));
        if outcome.is_err() {
            if !self.connection.is_autocommit() {
                // Logged; the next batch begins with a clean slate or fails as well.
                let _ = batch.execute("rollback", []).map_err(log);
            }
            return false;
        }
        self.last_fact = batch.last_fact;
        self.metrics.committed(works.len(), began.elapsed());
        batch.told.tell(self.nudge, self.metrics);
        true
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn log(failed: StoreError) {
    error!(error = &failed as &dyn std::error::Error, "the store could not commit");
}
