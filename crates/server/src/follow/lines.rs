//! Who waits for which run. One line a watched run, however many stand in it.
//!
//! A hint bumps the line's generation and wakes everybody in it. What was read of the run since that bump is shared:
//! a thousand waiters on one run cost one read, not a thousand.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use bytes::Bytes;
use legwork_core::id::{GroupId, RunId};
use legwork_core::run::Run;
use legwork_core::store::{Nudge, Store, StoreError};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::log::{Next, Source};
use super::tail::{Known, Tail};

const SHARDS: usize = 32;

type Shard = Mutex<HashMap<RunId, Weak<Line>>>;

/// All lines of this process, and the bells for work and for webhooks.
pub(crate) struct Lines {
    shards: [Shard; SHARDS],
    hash: RandomState,
    work: Notify,
    outbox: Notify,
    groups: Mutex<HashMap<GroupId, Weak<Notify>>>,
    logs: Notify,
    missed: Notify,
}

/// A run that somebody waits for.
pub(crate) struct Line {
    id: RunId,
    lines: Weak<Lines>,
    changed: Notify,
    generation: AtomicU64,
    seen: Mutex<Option<Seen>>,
    tail: Mutex<Tail>,
    /// Held by the one who reads for all.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Seen {
    generation: u64,
    view: Option<Arc<View>>,
}

/// A run as it was read, with its output if it has one.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) run: Run,
    pub(crate) output: Option<Bytes>,
    /// The same as a caller is shown it; made by the first who shows it.
    pub(crate) shown: OnceLock<Bytes>,
}

impl View {
    /// Reads a run; `None` when there is none of this name.
    pub(crate) async fn read(store: &dyn Store, id: RunId) -> Result<Option<Self>, StoreError> {
        let found = store.result(id).await?;
        Ok(found.map(|(run, output)| Self { run, output, shown: OnceLock::new() }))
    }
}

impl Lines {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            shards: std::array::from_fn(|_| Shard::default()),
            hash: RandomState::new(),
            work: Notify::new(),
            outbox: Notify::new(),
            groups: Mutex::default(),
            logs: Notify::new(),
            missed: Notify::new(),
        })
    }

    /// Joins the line for a run.
    pub(crate) fn join(self: &Arc<Self>, id: RunId) -> Arc<Line> {
        let mut shard = self.shard(id).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = shard.get(&id).and_then(Weak::upgrade) {
            return line;
        }
        let line = Arc::new(Line {
            id,
            lines: Arc::downgrade(self),
            changed: Notify::new(),
            generation: AtomicU64::new(1),
            seen: Mutex::new(None),
            tail: Mutex::default(),
            reading: tokio::sync::Mutex::new(()),
        });
        shard.insert(id, Arc::downgrade(&line));
        line
    }

    /// Resolves when something was put into the queue since it was last asked.
    pub(crate) fn work(&self) -> Notified<'_> {
        self.work.notified()
    }

    /// Resolves when a webhook was owed something since it was last asked.
    pub(crate) fn owed(&self) -> Notified<'_> {
        self.outbox.notified()
    }

    /// The bell of a group: it rings when runs of it change.
    pub(crate) fn bell(&self, id: GroupId) -> Arc<Notify> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = groups.get(&id).and_then(Weak::upgrade) {
            return bell;
        }
        // Whoever comes first to a group removes those that nobody hears any more.
        groups.retain(|_, bell| bell.strong_count() > 0);
        let bell = Arc::new(Notify::new());
        groups.insert(id, Arc::downgrade(&bell));
        bell
    }

    /// Rings the bells of all groups.
    pub(super) fn ring_all(&self) {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.values().filter_map(Weak::upgrade).for_each(|bell| bell.notify_waiters());
    }

    /// Resolves when any log grows.
    pub(crate) fn log_grew(&self) -> Notified<'_> {
        self.logs.notified()
    }

    /// Resolves when anything may have changed since it was last asked.
    pub(super) fn missed(&self) -> Notified<'_> {
        self.missed.notified()
    }

    /// The runs that somebody waits for, each with the version that everybody in line has seen at least.
    pub(crate) fn watched(&self) -> Vec<(RunId, u64)> {
        let watched = |shard: &Shard| {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let lines: Vec<_> = shard.values().filter_map(Weak::upgrade).collect();
            // Unlocked before the lines are dropped: the last one to leave takes this lock.
            drop(shard);
            lines.iter().map(|line| (line.id, line.version())).collect::<Vec<_>>()
        };
        self.shards.iter().flat_map(watched).collect()
    }

    fn shard(&self, id: RunId) -> &Shard {
        // The remainder is below SHARDS.
        &self.shards[usize::try_from(self.hash.hash_one(id) % SHARDS as u64).unwrap_or(0)]
    }
}

impl Nudge for Lines {
    fn changed(&self, id: RunId) {
        let line = self.shard(id).lock().unwrap_or_else(PoisonError::into_inner).get(&id).and_then(Weak::upgrade);
        if let Some(line) = line {
            line.generation.fetch_add(1, Ordering::AcqRel);
            line.changed.notify_waiters();
        }
    }

    fn queued(&self) {
        self.work.notify_one();
    }

    fn grouped(&self, id: GroupId) {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = groups.get(&id).and_then(Weak::upgrade) {
            bell.notify_waiters();
        }
    }

    fn owed(&self) {
        self.outbox.notify_one();
    }

    fn logged(&self) {
        self.logs.notify_waiters();
    }

    fn missed(&self) {
        self.work.notify_one();
        self.outbox.notify_one();
        self.missed.notify_one();
    }
}

impl Line {
    /// Resolves at the next change. Enable it before looking, or a change slips through in between.
    pub(crate) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// The run as it is now, or as somebody read it since its last change.
    pub(crate) async fn look(&self, store: &dyn Store) -> Result<Option<Arc<View>>, StoreError> {
        if let Some(seen) = self.fresh() {
            return Ok(seen.view);
        }
        let _reading = self.reading.lock().await;
        if let Some(seen) = self.fresh() {
            return Ok(seen.view);
        }
        // Taken before the read: a change during the read makes the next look read again.
        let generation = self.generation.load(Ordering::Acquire);
        let view = View::read(store, self.id).await?.map(Arc::new);
        *self.seen() = Some(Seen { generation, view: view.clone() });
        Ok(view)
    }

    /// What comes after a fact in the run's log.
    pub(super) async fn after(&self, source: &Source, run: &Run, fact: u64) -> Result<Next, StoreError> {
        if let Some(known) = self.known(fact) {
            return Ok(known);
        }
        let _reading = self.reading.lock().await;
        if let Some(known) = self.known(fact) {
            return Ok(known);
        }
        // Taken before the read: a change during the read makes the next look read again.
        let generation = self.generation.load(Ordering::Acquire);
        let (chunk, is_end) = source.read(run, fact).await?;
        if chunk.is_none() && !source.is_there(run).await? {
            return Ok(Next::Gone);
        }
        if is_end {
            self.tail().read(fact, chunk.as_ref(), generation);
        }
        Ok(chunk.map_or(Next::Nothing, Next::Chunk))
    }

    fn known(&self, fact: u64) -> Option<Next> {
        let generation = self.generation.load(Ordering::Acquire);
        match self.tail().after(fact, generation) {
            Known::Chunk(chunk) => Some(Next::Chunk(chunk)),
            Known::Nothing => Some(Next::Nothing),
            Known::Unknown => None,
        }
    }

    /// The version that was read last, in whichever way that is longer ago: who follows the log and who waits for a state
    /// may have read at different times. 0 before the first read and when the run is gone.
    fn version(&self) -> u64 {
        // What is older than the last hint is nobody's any more: whoever is still in line has read since.
        let viewed = self.fresh().map(|seen| seen.view.map_or(0, |view| view.run.life.version));
        let logged = self.tail().end(self.generation.load(Ordering::Acquire));
        viewed.into_iter().chain(logged).min().unwrap_or(0)
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was read since the last change, if anybody has.
    fn fresh(&self) -> Option<Seen> {
        let generation = self.generation.load(Ordering::Acquire);
        self.seen().as_ref().filter(|seen| seen.generation == generation).cloned()
    }

    fn seen(&self) -> MutexGuard<'_, Option<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last one to leave closes the line.
impl Drop for Line {
    fn drop(&mut self) {
        let Some(lines) = self.lines.upgrade() else { return };
        let mut shard = lines.shard(self.id).lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody may have opened a new one meanwhile.
        if shard.get(&self.id).is_some_and(|line| line.strong_count() == 0) {
            shard.remove(&self.id);
        }
    }
}
