//! The store for several machines: one PostgreSQL database, any number of processes.
//!
//! Commands that come together share a commit (`writer`), and what a transaction does is worked out in memory by the same
//! rules as everywhere (`unit`). Nothing depends on who holds which connection, so a node may die at any point: what it
//! held is taken back by the database, and what it had claimed by the clock.

mod address;
mod alone;
mod claim;
mod columns;
mod deliveries;
mod ground;
mod groups;
mod hints;
mod incoming;
mod keys;
mod link;
mod look;
mod nodes;
mod open;
mod outgoing;
mod pool;
mod read;
mod receipts;
mod rows;
mod search;
mod sources;
mod sql;
mod tend;
mod unit;
mod write;
mod writer;

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
use tokio_util::sync::{CancellationToken, DropGuard};

use self::address::Address;
pub use self::ground::Ground;
use self::hints::Teller;
pub(crate) use self::incoming::IncomingPostgres;
pub use self::incoming::IntoDatabaseError;
use self::link::Door;
pub use self::look::{DatabaseSummary, look};
pub use self::open::DatabaseError;
use self::open::Opened;
pub(crate) use self::outgoing::OutgoingPostgres;
pub use self::outgoing::ReadDatabaseError;
use self::pool::Pool;
pub(crate) use self::tend::DatabaseClock;
use self::writer::Writer;
use crate::config::DatabaseUrl;
use crate::metrics::Metrics;

/// A store in a PostgreSQL database.
pub(crate) struct PostgresStore {
    id: String,
    seal: [u8; 32],
    pool: Arc<Pool>,
    writer: Writer,
    teller: Arc<Teller>,
    metrics: Arc<Metrics>,
    clock: Arc<DatabaseClock>,
    _stop: DropGuard,
}

impl PostgresStore {
    /// Opens the store in this database, and brings it up to date.
    pub(crate) async fn open(
        url: &DatabaseUrl,
        nudge: Arc<dyn Nudge>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, DatabaseError> {
        let door = Arc::new(Door::to(Address::of(url)?));
        let link = door.open_patiently().await.map_err(DatabaseError::Unreachable)?;
        let Opened { id, seal } = open::open(&link).await?;
        drop(link);
        let pool = Arc::new(Pool::new(door.clone()));
        let clock = tend::clock(&pool).await?;
        let has_hints = door.address().has_hints;
        let teller = Teller::new(nudge, metrics.clone(), has_hints);
        let writer = Writer::start(door.clone(), teller.clone(), metrics.clone());
        let stop = CancellationToken::new();
        if has_hints {
            tokio::spawn(hints::exchange(door, teller.clone(), format!("legwork_{id}"), stop.clone()));
        }
        tokio::spawn(tend::tend(pool.clone(), clock.clone(), metrics.clone(), stop.clone()));
        Ok(Self { id, seal, pool, writer, teller, metrics, clock, _stop: stop.drop_guard() })
    }

    /// The time that all nodes go by.
    pub(crate) fn clock(&self) -> Arc<DatabaseClock> {
        self.clock.clone()
    }
}

#[async_trait]
impl Store for PostgresStore {
    fn id(&self) -> &str {
        &self.id
    }

    fn seal(&self) -> &[u8; 32] {
        &self.seal
    }

    async fn submit(&self, new: NewRun, now: Micros) -> Result<Run, StoreError> {
        self.writer.submit(new, now).await
    }

    async fn apply(&self, id: RunId, command: Command, now: Micros) -> Result<Life, ApplyError> {
        self.writer.apply(id, command, now).await
    }

    async fn claim(&self, claim: Claim, now: Micros) -> Result<Vec<Claimed>, StoreError> {
        self.take(&claim, now).await
    }

    async fn place(&self, id: RunId, most: usize, now: Micros) -> Result<Option<Place>, StoreError> {
        claim::place(&self.pool, id, most, now).await
    }

    async fn run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        read::run(&self.pool, id).await
    }

    async fn input(&self, id: RunId) -> Result<Option<Bytes>, StoreError> {
        read::input(&self.pool, id).await
    }

    async fn webhook(&self, id: RunId) -> Result<Option<Webhook>, StoreError> {
        read::webhook(&self.pool, id).await
    }

    async fn result(&self, id: RunId) -> Result<Option<(Run, Option<Bytes>)>, StoreError> {
        read::result(&self.pool, id).await
    }

    async fn facts(&self, id: RunId, after: u64, limit: usize) -> Result<Vec<Fact>, StoreError> {
        read::facts(&self.pool, id, after, limit).await
    }

    async fn journal(&self, id: RunId) -> Result<Vec<Entry>, StoreError> {
        read::journal(&self.pool, id).await
    }

    async fn secrets(&self, id: RunId) -> Result<Option<Secret>, StoreError> {
        read::secrets(&self.pool, id).await
    }

    async fn feed(&self, owner: &Owner, after: u64, limit: usize) -> Result<FeedPage, StoreError> {
        read::feed(&self.pool, owner, after, limit).await
    }

    async fn feed_end(&self) -> Result<u64, StoreError> {
        read::feed_end(&self.pool).await
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        read::list(&self.pool, query).await
    }

    async fn index_some(&self, limit: usize) -> Result<usize, StoreError> {
        self.learn(limit).await
    }

    async fn versions(&self, ids: &[RunId]) -> Result<Vec<(RunId, u64)>, StoreError> {
        read::versions(&self.pool, ids).await
    }

    async fn due(&self, now: Micros, limit: usize) -> Result<Vec<(RunId, Command)>, StoreError> {
        read::due(&self.pool, now, limit).await
    }

    async fn create_group(&self, new: NewGroup, now: Micros) -> Result<Group, StoreError> {
        self.make_group(&new, now).await
    }

    async fn group(&self, id: GroupId) -> Result<Option<Group>, StoreError> {
        groups::read(&self.pool, id).await
    }

    async fn group_places(&self, id: GroupId) -> Result<Option<(u64, u64)>, StoreError> {
        groups::places(&self.pool, id).await
    }

    async fn submit_to_group(
        &self,
        id: GroupId,
        runs: Vec<NewRun>,
        now: Micros,
    ) -> Result<Option<AddedToGroup>, StoreError> {
        self.add_to_group(id, &runs, now).await
    }

    async fn once(&self, ticket: Ticket, create: Create, now: Micros) -> Result<Once, StoreError> {
        self.create_once(ticket, create, now).await
    }

    async fn handed_over(&self, receipt: u64) -> Result<(), StoreError> {
        self.writer.handed_over(receipt.cast_signed()).await
    }

    async fn forget_receipts(&self, now: Micros, limit: usize) -> Result<usize, StoreError> {
        self.forget_old_receipts(now, limit).await
    }

    async fn group_runs(&self, id: GroupId, after: u64, which: &GroupRuns) -> Result<GroupPage, StoreError> {
        groups::runs(&self.pool, id, after, which).await
    }

    async fn group_ends(&self, id: GroupId, after: u64, limit: usize) -> Result<FeedPage, StoreError> {
        groups::ends(&self.pool, id, after, limit).await
    }

    async fn claim_deliveries(&self, claim: DeliveryClaim, now: Micros) -> Result<Vec<OwedDelivery>, StoreError> {
        self.take_deliveries(&claim, now).await
    }

    async fn keep_body(&self, id: DeliveryId, body: Bytes) -> Result<Option<Bytes>, StoreError> {
        deliveries::keep_body(&self.pool, id, &body).await
    }

    async fn settle(
        &self,
        id: DeliveryId,
        token: Token,
        attempt: Attempt,
        chance: u64,
    ) -> Result<Option<Delivery>, StoreError> {
        self.settle_delivery(id, token, &attempt, chance).await
    }

    async fn deliveries(&self, run: RunId) -> Result<Vec<DeliveryLog>, StoreError> {
        deliveries::of_run(&self.pool, run).await
    }

    async fn redeliver(&self, id: DeliveryId, now: Micros) -> Result<Option<Delivery>, StoreError> {
        self.owe_again(id, now).await
    }

    async fn forget(&self, id: RunId) -> Result<(), ForgetError> {
        self.remove(id).await
    }

    async fn keep_sources(&self, sources: Vec<KeptSource>) -> Result<(), StoreError> {
        sources::keep(&self.pool, &sources).await
    }

    async fn source(&self, hash: &[u8; 32]) -> Result<Option<KeptSource>, StoreError> {
        sources::by_hash(&self.pool, hash).await
    }

    async fn source_at(&self, url: &str) -> Result<Option<KeptSource>, StoreError> {
        sources::at(&self.pool, url).await
    }

    async fn ended_before(&self, moment: Micros, limit: usize) -> Result<Vec<RunId>, StoreError> {
        read::ended_before(&self.pool, moment, limit).await
    }

    async fn keys(&self) -> Result<Vec<Key>, StoreError> {
        keys::all(&self.pool).await
    }

    async fn add_key(&self, new: Key) -> Result<(), AddKeyError> {
        keys::add(&self.pool, &new).await
    }

    async fn revoke_key(&self, id: KeyId, now: Micros) -> Result<Option<Key>, StoreError> {
        keys::revoke(&self.pool, id, now).await
    }

    async fn forget_key(&self, id: KeyId, now: Micros) -> Result<(), ForgetKeyError> {
        keys::forget(&self.pool, id, now).await
    }

    async fn announce(&self, node: Node, now: Micros) -> Result<(), StoreError> {
        nodes::announce(&self.pool, &node, now).await
    }

    async fn nodes(&self, now: Micros) -> Result<Vec<Node>, StoreError> {
        nodes::alive(&self.pool, now).await
    }

    async fn leave(&self, id: NodeId) -> Result<(), StoreError> {
        nodes::leave(&self.pool, id).await
    }
}

#[cfg(test)]
mod tests;
