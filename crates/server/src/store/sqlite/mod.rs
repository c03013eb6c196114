//! The embedded store: one SQLite file, one writer thread with group commit, read-only connections for reads.
//!
//! Everything is written by the one writer, which also makes it the one place that could break a promise. Point reads
//! run where they are called, each on a connection of its own from a small pool; long scans go to the blocking pool.

mod copy;
mod deliveries;
mod groups;
mod journal;
mod keys;
mod nodes;
mod open;
mod queue;
mod read;
mod receipts;
mod records;
mod rows;
mod search;
mod sources;
mod sql;
mod write;
mod writer;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use legwork_core::command::Command;
use legwork_core::delivery::{Attempt, Delivery, DeliveryId, Webhook};
use legwork_core::fact::Fact;
use legwork_core::group::Group;
use legwork_core::id::{GroupId, KeyId, NodeId, Owner, RunId, Token};
use legwork_core::journal::Entry;
use legwork_core::key::Key;
use legwork_core::node::Node;
use legwork_core::receipt::Ticket;
use legwork_core::run::{Life, Run};
use legwork_core::secret::Secret;
use legwork_core::source::KeptSource;
use legwork_core::store::{
    AddKeyError, AddedToGroup, ApplyError, Claim, Claimed, Create, DeliveryClaim, DeliveryLog, FeedPage, ForgetError,
    ForgetKeyError, GroupPage, GroupRuns, ListQuery, NewGroup, NewRun, Nudge, Once, OwedDelivery, Page, Place, Store,
    StoreError,
};
use legwork_core::time::Micros;

pub(crate) use self::copy::made_keys;
pub use self::copy::{CopyError, Summary, copy, known, summary};
use self::nodes::Nodes;
pub use self::open::OpenError;
use self::open::Opened;
use self::read::Readers;
pub use self::records::ReadOutError;
pub(crate) use self::records::{IncomingSqlite, OutgoingSqlite};
use self::writer::Writer;
use crate::metrics::Metrics;

/// The embedded store. Dropping it finishes what was handed to the writer.
pub(crate) struct SqliteStore {
    id: String,
    seal: [u8; 32],
    /// Dropped before the writer: the last connection to close tidies the log away, and only a writer can.
    readers: Arc<Readers>,
    writer: Writer,
    nodes: Nodes,
}

impl SqliteStore {
    /// Opens the store in this file, or makes it. The caller holds the folder's lock: leases found in the file belong
    /// to a process that is gone, and are void from now on.
    pub(crate) fn open(file: &Path, nudge: Arc<dyn Nudge>, metrics: Arc<Metrics>) -> Result<Self, OpenError> {
        let Opened { connection, id, seal, last_fact } = open::for_writing(file)?;
        let writer = Writer::start(connection, last_fact, nudge, metrics);
        Ok(Self { id, seal, writer, readers: Arc::new(Readers::of(file)), nodes: Nodes::default() })
    }
}

/// How many point reads may be made in one go where they are called.
const A_FEW: usize = 64;

/// Reads that take their time shall not hold up the threads that serve everybody.
async fn off_the_workers<T: Send + 'static>(
    reads: usize,
    read: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    if reads <= A_FEW {
        return read();
    }
    tokio::task::spawn_blocking(read).await.map_err(|gone| StoreError::Unavailable(gone.into()))?
}

#[async_trait]
impl Store for SqliteStore {
    fn id(&self) -> &str {
        &self.id
    }

    fn seal(&self) -> &[u8; 32] {
        &self.seal
    }

    async fn submit(&self, new: NewRun, now: Micros) -> Result<Run, StoreError> {
        self.writer.write(move |batch| write::submit(batch, &new, now).map(|row| row.run)).await
    }

    async fn apply(&self, id: RunId, command: Command, now: Micros) -> Result<Life, ApplyError> {
        self.writer.write(move |batch| write::apply(batch, id, &command, now)).await?
    }

    async fn claim(&self, claim: Claim, now: Micros) -> Result<Vec<Claimed>, StoreError> {
        self.writer.write(move |batch| write::claim(batch, &claim, now)).await
    }

    async fn place(&self, id: RunId, most: usize, now: Micros) -> Result<Option<Place>, StoreError> {
        self.readers.with(|connection| queue::place(connection, id, most, now))
    }

    async fn run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        self.readers.with(|connection| read::run(connection, id))
    }

    async fn input(&self, id: RunId) -> Result<Option<Bytes>, StoreError> {
        self.readers.with(|connection| read::input(connection, id))
    }

    async fn webhook(&self, id: RunId) -> Result<Option<Webhook>, StoreError> {
        self.readers.with(|connection| deliveries::webhook(connection, id))
    }

    async fn result(&self, id: RunId) -> Result<Option<(Run, Option<Bytes>)>, StoreError> {
        self.readers.with(|connection| read::result(connection, id))
    }

    async fn facts(&self, id: RunId, after: u64, limit: usize) -> Result<Vec<Fact>, StoreError> {
        self.readers.with(|connection| read::facts(connection, id, after, limit))
    }

    async fn journal(&self, id: RunId) -> Result<Vec<Entry>, StoreError> {
        let readers = self.readers.clone();
        // It may be much.
        off_the_workers(usize::MAX, move || readers.with(|connection| journal::of_run(connection, id))).await
    }

    async fn secrets(&self, id: RunId) -> Result<Option<Secret>, StoreError> {
        self.readers.with(|connection| journal::secrets_of(connection, id))
    }

    async fn feed(&self, owner: &Owner, after: u64, limit: usize) -> Result<FeedPage, StoreError> {
        let (readers, owner) = (self.readers.clone(), owner.clone());
        off_the_workers(limit, move || readers.with(|connection| read::feed(connection, &owner, after, limit))).await
    }

    async fn feed_end(&self) -> Result<u64, StoreError> {
        self.readers.with(read::feed_end)
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        let (readers, query) = (self.readers.clone(), query.clone());
        off_the_workers(usize::MAX, move || readers.with(|connection| read::list(connection, &query))).await
    }

    async fn index_some(&self, limit: usize) -> Result<usize, StoreError> {
        if self.writer.is_busy() {
            return Err(StoreError::Busy);
        }
        let readers = self.readers.clone();
        let read = move || readers.with(|connection| search::lesson(connection, limit));
        let lesson = tokio::task::spawn_blocking(read).await.map_err(|gone| StoreError::Unavailable(gone.into()))??;
        let facts = lesson.facts;
        if facts > 0 {
            self.writer.write(move |batch| search::learn(batch, &lesson)).await?;
        }
        Ok(facts)
    }

    async fn versions(&self, ids: &[RunId]) -> Result<Vec<(RunId, u64)>, StoreError> {
        let (readers, ids) = (self.readers.clone(), ids.to_vec());
        off_the_workers(ids.len(), move || readers.with(|connection| read::versions(connection, &ids))).await
    }

    async fn due(&self, now: Micros, limit: usize) -> Result<Vec<(RunId, Command)>, StoreError> {
        self.readers.with(|connection| read::due(connection, now, limit))
    }

    async fn create_group(&self, new: NewGroup, now: Micros) -> Result<Group, StoreError> {
        self.writer.write(move |batch| groups::create(batch, &new, now)).await
    }

    async fn group(&self, id: GroupId) -> Result<Option<Group>, StoreError> {
        self.readers.with(|connection| groups::read(connection, id))
    }

    async fn group_places(&self, id: GroupId) -> Result<Option<(u64, u64)>, StoreError> {
        self.readers.with(|connection| groups::places(connection, id))
    }

    async fn submit_to_group(
        &self,
        id: GroupId,
        runs: Vec<NewRun>,
        now: Micros,
    ) -> Result<Option<AddedToGroup>, StoreError> {
        self.writer.write(move |batch| groups::submit(batch, id, &runs, now)).await
    }

    async fn once(&self, ticket: Ticket, create: Create, now: Micros) -> Result<Once, StoreError> {
        self.writer.write(move |batch| receipts::once(batch, &ticket, &create, now)).await
    }

    async fn handed_over(&self, receipt: u64) -> Result<(), StoreError> {
        self.writer.write(move |batch| batch.execute(sql::TAKE_RECEIPT, [receipt.cast_signed()]).map(drop)).await
    }

    async fn forget_receipts(&self, now: Micros, limit: usize) -> Result<usize, StoreError> {
        self.writer.write(move |batch| receipts::forget(batch, now, limit)).await
    }

    async fn group_runs(&self, id: GroupId, after: u64, which: &GroupRuns) -> Result<GroupPage, StoreError> {
        let (readers, which) = (self.readers.clone(), *which);
        off_the_workers(which.limit, move || readers.with(|connection| groups::runs(connection, id, after, &which)))
            .await
    }

    async fn group_ends(&self, id: GroupId, after: u64, limit: usize) -> Result<FeedPage, StoreError> {
        let readers = self.readers.clone();
        off_the_workers(limit, move || readers.with(|connection| groups::ends(connection, id, after, limit))).await
    }

    async fn claim_deliveries(&self, claim: DeliveryClaim, now: Micros) -> Result<Vec<OwedDelivery>, StoreError> {
        self.writer.write(move |batch| deliveries::claim(batch, &claim, now)).await
    }

    async fn keep_body(&self, id: DeliveryId, body: Bytes) -> Result<Option<Bytes>, StoreError> {
        self.writer.write(move |batch| deliveries::keep_body(batch, id, &body)).await
    }

    async fn settle(
        &self,
        id: DeliveryId,
        token: Token,
        attempt: Attempt,
        chance: u64,
    ) -> Result<Option<Delivery>, StoreError> {
        self.writer.write(move |batch| deliveries::settle(batch, id, token, &attempt, chance)).await
    }

    async fn deliveries(&self, run: RunId) -> Result<Vec<DeliveryLog>, StoreError> {
        self.readers.with(|connection| deliveries::of_run(connection, run))
    }

    async fn redeliver(&self, id: DeliveryId, now: Micros) -> Result<Option<Delivery>, StoreError> {
        self.writer.write(move |batch| deliveries::redeliver(batch, id, now)).await
    }

    async fn forget(&self, id: RunId) -> Result<(), ForgetError> {
        self.writer.write(move |batch| write::forget(batch, id)).await?
    }

    async fn keep_sources(&self, sources: Vec<KeptSource>) -> Result<(), StoreError> {
        self.writer.write(move |batch| sources::keep(batch, &sources)).await
    }

    async fn source(&self, hash: &[u8; 32]) -> Result<Option<KeptSource>, StoreError> {
        self.readers.with(|connection| sources::by_hash(connection, hash))
    }

    async fn source_at(&self, url: &str) -> Result<Option<KeptSource>, StoreError> {
        self.readers.with(|connection| sources::at(connection, url))
    }

    async fn ended_before(&self, moment: Micros, limit: usize) -> Result<Vec<RunId>, StoreError> {
        let readers = self.readers.clone();
        off_the_workers(usize::MAX, move || readers.with(|connection| read::ended_before(connection, moment, limit)))
            .await
    }

    async fn keys(&self) -> Result<Vec<Key>, StoreError> {
        self.readers.with(keys::all_keys)
    }

    async fn add_key(&self, new: Key) -> Result<(), AddKeyError> {
        self.writer.write(move |batch| keys::add(batch, &new)).await?
    }

    async fn revoke_key(&self, id: KeyId, now: Micros) -> Result<Option<Key>, StoreError> {
        self.writer.write(move |batch| keys::revoke(batch, id, now)).await
    }

    async fn forget_key(&self, id: KeyId, now: Micros) -> Result<(), ForgetKeyError> {
        self.writer.write(move |batch| keys::forget(batch, id, now)).await?
    }

    async fn announce(&self, node: Node, now: Micros) -> Result<(), StoreError> {
        self.nodes.announce(node, now);
        Ok(())
    }

    async fn nodes(&self, now: Micros) -> Result<Vec<Node>, StoreError> {
        Ok(self.nodes.alive(now))
    }

    async fn leave(&self, id: NodeId) -> Result<(), StoreError> {
        self.nodes.leave(id);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
