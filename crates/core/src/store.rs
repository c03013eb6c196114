//! Where runs are kept: the trait of stores. What every store promises stands in [`suite`] as functions that check it.
//!
//! A store does one interesting thing: in one transaction load, ask [`decide`](crate::command::decide), save the
//! state and append the facts. It answers after the commit, and after the commit it tells its [`Nudge`].

use std::collections::BTreeMap;
use std::error::Error;

use async_trait::async_trait;
use bytes::Bytes;

use crate::command::{Command, Refused};
use crate::delivery::{Attempt, Delivery, DeliveryId, Tells, Webhook};
use crate::fact::{Fact, What};
use crate::fair::{Limits, Room};
use crate::group::Group;
use crate::id::{GroupId, KeyId, NodeId, Owner, RunId, Token};
use crate::journal::Entry;
use crate::key::Key;
use crate::node::Node;
use crate::receipt::Ticket;
use crate::run::{Life, Lineage, Run, Status};
use crate::secret::Secret;
use crate::source::KeptSource;
use crate::time::Micros;

#[cfg(feature = "suite")]
pub mod suite;

/// Keeps runs, their inputs, outputs and logs, the texts that were cited, and the keys that were made for callers.
///
/// What a method has returned is on disk; only nodes, which are about what lives now, need not outlive the store's
/// processes. Times come in as `now`; a store reads no clock.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Names the stored data, for ever; another store has another.
    fn id(&self) -> &str;

    /// What this server signs with, made with the store and kept in it: what was signed holds over restarts.
    fn seal(&self) -> &[u8; 32];

    /// Accepts a run: it is queued, and fact 1 says so.
    async fn submit(&self, new: NewRun, now: Micros) -> Result<Run, StoreError>;

    /// Does to a run what [`decide`](crate::command::decide) says, or nothing.
    async fn apply(&self, id: RunId, command: Command, now: Micros) -> Result<Life, ApplyError>;

    /// Takes runs from the queue as [`fair::share`](crate::fair::share) says, those that wait longest first; fair between
    /// owners. A run is given to one claimer only. What counts against the limits of a claim is every run under a lease,
    /// whoever holds it, from its start until its attempt has ended, be it by [`Command::Lapse`]; claims that come at once
    /// count each other.
    async fn claim(&self, claim: Claim, now: Micros) -> Result<Vec<Claimed>, StoreError>;

    /// Where a run stands in line: before whom it would be taken if there were room for all of them now. That is the order, in
    /// which a claim passes over those that a limit holds back: one whose owner is at his limit may be taken later than its
    /// place says, after others' that are behind it. `None` when it is not in line, or when more than `most` are before it.
    async fn place(&self, id: RunId, most: usize, now: Micros) -> Result<Option<Place>, StoreError>;

    /// A run as it is now.
    async fn run(&self, id: RunId) -> Result<Option<Run>, StoreError>;

    /// What was submitted, as the bytes that were stored.
    async fn input(&self, id: RunId) -> Result<Option<Bytes>, StoreError>;

    /// Who is called about a run, with the secret that is never shown.
    async fn webhook(&self, id: RunId) -> Result<Option<Webhook>, StoreError>;

    /// A run as it is now, with its output as the bytes that were stored; there is one when the run is completed.
    async fn result(&self, id: RunId) -> Result<Option<(Run, Option<Bytes>)>, StoreError>;

    /// The log after the fact numbered `after` (0 = from the start), oldest first, at most `limit`.
    async fn facts(&self, id: RunId, after: u64, limit: usize) -> Result<Vec<Fact>, StoreError>;

    /// The steps of a run that were kept, in the order in which they were: they are there as long as the run has not ended.
    async fn journal(&self, id: RunId) -> Result<Vec<Entry>, StoreError>;

    /// What a run was given that nobody is shown, as long as it has not ended.
    async fn secrets(&self, id: RunId) -> Result<Option<Secret>, StoreError>;

    /// The states that an owner's runs entered, all runs in one log, after the place `after` in it (0 = from the start),
    /// oldest first. At most `limit` facts of anybody's are looked at.
    async fn feed(&self, owner: &Owner, after: u64, limit: usize) -> Result<FeedPage, StoreError>;

    /// The last place in the log of all runs.
    async fn feed_end(&self) -> Result<u64, StoreError>;

    /// An owner's runs, newest first.
    async fn list(&self, query: &ListQuery) -> Result<Page, StoreError>;

    /// Brings the search on by so many facts of the log at the most, and returns how many there were; 0 when it has
    /// caught up. Refuses with [`StoreError::Busy`] rather than keep others waiting.
    async fn index_some(&self, limit: usize) -> Result<usize, StoreError>;

    /// The versions of those of these runs that exist, in any order.
    async fn versions(&self, ids: &[RunId]) -> Result<Vec<(RunId, u64)>, StoreError>;

    /// What time has brought: leases that ran out and deadlines that passed, each with the command to apply.
    async fn due(&self, now: Micros, limit: usize) -> Result<Vec<(RunId, Command)>, StoreError>;

    /// Makes a group without runs.
    async fn create_group(&self, new: NewGroup, now: Micros) -> Result<Group, StoreError>;

    /// A group as it stands now.
    async fn group(&self, id: GroupId) -> Result<Option<Group>, StoreError>;

    /// The place of the last run that was added to a group, and that of the last end in it: no cursor is beyond them.
    async fn group_places(&self, id: GroupId) -> Result<Option<(u64, u64)>, StoreError>;

    /// Accepts runs into their group, in their order, all or none of them; `None` when there is no such group. Whatever
    /// group the runs name is not looked at.
    async fn submit_to_group(
        &self,
        id: GroupId,
        runs: Vec<NewRun>,
        now: Micros,
    ) -> Result<Option<AddedToGroup>, StoreError>;

    /// Creates something, or finds what was created for the same request: [`Ticket`] says when it is the same. Then it is
    /// given as it was when it was created.
    async fn once(&self, ticket: Ticket, create: Create, now: Micros) -> Result<Once, StoreError>;

    /// The answer that this receipt is for was handed to a connection that lived: no retry takes it over any more.
    async fn handed_over(&self, receipt: u64) -> Result<(), StoreError>;

    /// Removes receipts that no request can find any more, at most so many; returns how many.
    async fn forget_receipts(&self, now: Micros, limit: usize) -> Result<usize, StoreError>;

    /// The runs of a group as they are now, in the order in which they were added, after this place (0 = from the start).
    /// At most `limit` runs are looked at.
    async fn group_runs(&self, id: GroupId, after: u64, which: &GroupRuns) -> Result<GroupPage, StoreError>;

    /// The ends of a group's runs, in the order in which they came, after this place (0 = from the start). Never more than
    /// `limit`.
    async fn group_ends(&self, id: GroupId, after: u64, limit: usize) -> Result<FeedPage, StoreError>;

    /// Takes deliveries that are due: fair between owners, so that nobody's dead receivers hold up another, and among an
    /// owner's fair between receivers, from each those that are due longest. A delivery is given to one claimer only until
    /// its lease runs out.
    async fn claim_deliveries(&self, claim: DeliveryClaim, now: Micros) -> Result<Vec<OwedDelivery>, StoreError>;

    /// Keeps what a delivery says, unless that is kept already, and returns what is kept; `None` when there is no such
    /// delivery.
    async fn keep_body(&self, id: DeliveryId, body: Bytes) -> Result<Option<Bytes>, StoreError>;

    /// Records an attempt and what [`Delivery::after`] says comes of it (`chance` is passed on). `None`, and nothing is
    /// recorded, when the lease is lost or the delivery gone. The last [`ATTEMPTS_KEPT`](crate::delivery::ATTEMPTS_KEPT)
    /// attempts are kept.
    async fn settle(
        &self,
        id: DeliveryId,
        token: Token,
        attempt: Attempt,
        chance: u64,
    ) -> Result<Option<Delivery>, StoreError>;

    /// What was and is owed to a run's webhook, oldest first.
    async fn deliveries(&self, run: RunId) -> Result<Vec<DeliveryLog>, StoreError>;

    /// Owes a delivery again ([`Delivery::anew`]), unless an attempt is under way; `None` when there is no such delivery.
    async fn redeliver(&self, id: DeliveryId, now: Micros) -> Result<Option<Delivery>, StoreError>;

    /// Removes an ended run with everything that hangs on it, in one commit. A run that has not ended is refused.
    async fn forget(&self, id: RunId) -> Result<(), ForgetError>;

    /// Keeps texts that are about to be cited, for ever, all of them or none. Of a hash that is there already nothing
    /// changes, and of several of one hash the first is kept. Any number of callers may keep the same at once, each in
    /// his own order.
    async fn keep_sources(&self, sources: Vec<KeptSource>) -> Result<(), StoreError>;

    /// The text of this hash.
    async fn source(&self, hash: &[u8; 32]) -> Result<Option<KeptSource>, StoreError>;

    /// The text that was cited under this address; of several the one that was read last, and one that came with the
    /// program only if there is no other.
    async fn source_at(&self, url: &str) -> Result<Option<KeptSource>, StoreError>;

    /// Runs that ended before this moment and of which nobody is owed anything any more, at most so many.
    async fn ended_before(&self, moment: Micros, limit: usize) -> Result<Vec<RunId>, StoreError>;

    /// The keys that were made, also those that are good no more, oldest first.
    async fn keys(&self) -> Result<Vec<Key>, StoreError>;

    /// Keeps a new key, unless its name is another's that is still good when it is made
    /// ([`is_free`](crate::key::is_free)).
    async fn add_key(&self, new: Key) -> Result<(), AddKeyError>;

    /// Takes a key back ([`Key::revoked`]); `None` when there is no such key.
    async fn revoke_key(&self, id: KeyId, now: Micros) -> Result<Option<Key>, StoreError>;

    /// Removes a key that is good no more. Its owner's runs stay.
    async fn forget_key(&self, id: KeyId, now: Micros) -> Result<(), ForgetKeyError>;

    /// Notes what a node says of itself, in the place of all that it said before; it is seen `now`, whatever it says of that.
    /// Nodes that are not [alive](Node::is_alive) any more are removed.
    async fn announce(&self, node: Node, now: Micros) -> Result<(), StoreError>;

    /// The nodes that are alive, those that started first before others.
    async fn nodes(&self, now: Micros) -> Result<Vec<Node>, StoreError>;

    /// Removes a node: it stops. That it is not there is no error.
    async fn leave(&self, id: NodeId) -> Result<(), StoreError>;
}

/// Is told after a commit. It carries no data, may be told too often, and must return at once.
pub trait Nudge: Send + Sync + 'static {
    /// This run changed.
    fn changed(&self, id: RunId);

    /// Something was put into the queue.
    fn queued(&self);

    /// Runs of this group changed, or were added.
    fn grouped(&self, id: GroupId);

    /// Some webhook is owed something.
    fn owed(&self);

    /// Some log grew, also that of a run that is new and that nobody can wait for yet.
    fn logged(&self);

    /// Anything may have changed: what happened was not told, or was too much to tell.
    fn missed(&self);
}

/// A run to be accepted.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Its name, not used before.
    pub id: RunId,
    /// Whose it is.
    pub owner: Owner,
    /// The processor's name.
    pub processor: String,
    /// The request, as it shall be shown and read again.
    pub input: Bytes,
    /// The caller's metadata, a JSON object.
    pub metadata: Option<Bytes>,
    /// What was odd about the request, a JSON list.
    pub warnings: Option<Bytes>,
    /// The group it belongs to.
    pub group: Option<GroupId>,
    /// Which earlier runs it comes from; they need not be there any more.
    pub lineage: Lineage,
    /// Whether progress is kept in the log.
    pub events: bool,
    /// When it is given up if no worker has started it.
    pub deadline: Option<Micros>,
    /// Who is called, and when.
    pub webhook: Option<(Webhook, Tells)>,
    /// What its work needs and nobody is shown; kept until its end and no longer.
    pub secrets: Option<Secret>,
}

impl NewRun {
    /// The run that it is when it is accepted now, and the fact that its log begins with.
    pub fn accepted(&self, now: Micros) -> (Run, Fact) {
        let tells = self.webhook.as_ref().map_or(Tells::default(), |(_, tells)| *tells);
        let run = Run {
            id: self.id,
            owner: self.owner.clone(),
            processor: self.processor.clone(),
            created_at: now,
            group: self.group,
            metadata: self.metadata.clone(),
            warnings: self.warnings.clone(),
            lineage: self.lineage,
            life: Life { tells, papers: self.secrets.is_some(), ..Life::new(now, self.events, self.deadline) },
        };
        let what = What::State { status: Status::Queued, failure: None, question: None };
        (run, Fact { seq: 1, at: now, what })
    }
}

/// A group to be made.
#[derive(Clone, Debug)]
pub struct NewGroup {
    /// Its name, not used before.
    pub id: GroupId,
    /// Whose it is.
    pub owner: Owner,
    /// The caller's metadata, a JSON object.
    pub metadata: Option<Bytes>,
}

/// Runs that were added to a group.
#[derive(Clone, Debug, PartialEq)]
pub struct AddedToGroup {
    /// The group with them.
    pub group: Group,
    /// The place of the last run before them; `None` when they are the first.
    pub runs_before: Option<u64>,
    /// The place of the last end before them; `None` when they are the first runs.
    pub ends_before: Option<u64>,
}

/// Something to be created.
#[derive(Clone, Debug)]
pub enum Create {
    /// A run.
    Run(Box<NewRun>),
    /// A group without runs.
    Group(NewGroup),
    /// Runs of a group, all or none.
    Runs(GroupId, Vec<NewRun>),
}

/// Something that was created.
#[derive(Clone, Debug, PartialEq)]
pub enum Created {
    /// A run.
    Run(Box<Run>),
    /// A group.
    Group(Group),
    /// Runs of a group, and their names in the order in which they were given.
    Runs(AddedToGroup, Vec<RunId>),
}

/// What came of a create that is done once.
#[derive(Clone, Debug, PartialEq)]
pub enum Once {
    /// It was created now.
    New {
        /// What was created.
        created: Created,
        /// Names the answer to this request, for [`Store::handed_over`].
        receipt: u64,
    },
    /// It had been created before.
    Again {
        /// How it was then.
        created: Created,
        /// The receipt of this try, for [`Store::handed_over`].
        receipt: u64,
    },
    /// The key was used for another body.
    OtherBody,
    /// There is no such group.
    NoGroup,
}

/// Which runs of a group, and what of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct GroupRuns {
    /// Only runs in this state.
    pub status: Option<Status>,
    /// With what was submitted.
    pub with_input: bool,
    /// With the output, if there is one.
    pub with_output: bool,
    /// How many runs are looked at, at the most.
    pub limit: usize,
}

/// A run of a group, with its place there.
#[derive(Clone, Debug)]
pub struct GroupRun {
    /// Its place.
    pub place: u64,
    /// The run as it is now.
    pub run: Run,
    /// What was submitted, if that was asked for.
    pub input: Option<Bytes>,
    /// Its output, if that was asked for and is there.
    pub output: Option<Bytes>,
}

/// A part of a group's runs.
#[derive(Clone, Debug, Default)]
pub struct GroupPage {
    /// The runs.
    pub runs: Vec<GroupRun>,
    /// Up to where was looked.
    pub upto: u64,
    /// Whether there are no more.
    pub is_end: bool,
}

/// A worker's wish for work.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The process that asks.
    pub node: NodeId,
    /// How many runs of each processor it has room for.
    pub room: Room,
    /// How many runs may be worked on at a time, with those of all other nodes.
    pub limits: Limits,
    /// A fresh token for each run it would take; their number bounds the whole.
    pub tokens: Vec<Token>,
    /// When the leases run out.
    pub until: Micros,
}

/// A run that was taken from the queue.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The run, with the lease in its state.
    pub run: Run,
    /// What was submitted.
    pub input: Bytes,
}

/// Where a run stands in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// How many runs of the same processor, whoever's, are taken before it.
    pub before: usize,
    /// How many of its owner's go before it: those of the same processor that wait longer, and all that are being worked on,
    /// whatever for.
    pub of_owner: usize,
}

/// A sender's wish for deliveries.
#[derive(Clone, Debug)]
pub struct DeliveryClaim {
    /// A fresh token: proof of the lease on all that is taken.
    pub token: Token,
    /// How many it would take.
    pub room: usize,
    /// How many of them for one owner, unless he is in `owners`.
    pub room_each_owner: usize,
    /// How many of them from one owner to one receiver, unless that is among the owner's in `owners`.
    pub room_each_receiver: usize,
    /// What the sender knows of: attempts under way, and receivers at which there were some.
    pub owners: BTreeMap<Owner, OwnersShare>,
    /// When the leases run out.
    pub until: Micros,
}

/// What a sender has under way for one owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnersShare {
    /// For how many more attempts there is room.
    pub room: usize,
    /// The owner's receivers, each as [`Webhook::receiver`] has it.
    pub receivers: BTreeMap<String, Receiver>,
}

/// What a sender has under way from one owner to one receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receiver {
    /// How many attempts are under way.
    pub under_way: usize,
    /// For how many more there is room.
    pub room: usize,
}

/// A delivery that was taken, with all that is needed to make it.
#[derive(Clone, Debug)]
pub struct OwedDelivery {
    /// The delivery.
    pub delivery: Delivery,
    /// Whose run it is about.
    pub owner: Owner,
    /// Where to.
    pub webhook: Webhook,
    /// What it says, if that was kept already.
    pub body: Option<Bytes>,
}

/// A delivery with its attempts.
#[derive(Clone, Debug)]
pub struct DeliveryLog {
    /// The delivery.
    pub delivery: Delivery,
    /// The state that it tells of.
    pub status: Status,
    /// Where it goes.
    pub url: String,
    /// The attempts that have ended, oldest first.
    pub attempts: Vec<Attempt>,
}

/// Which of an owner's runs to list.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    /// Whose runs; `None` lists nothing, so that a forgotten owner shows nobody's.
    pub owner: Option<Owner>,
    /// Only runs in this state.
    pub status: Option<Status>,
    /// Only runs of this processor.
    pub processor: Option<String>,
    /// Only runs of this group.
    pub group: Option<GroupId>,
    /// Only runs that went on from this one, whether it is still there or not.
    pub previous: Option<RunId>,
    /// Only runs accepted after this moment.
    pub created_after: Option<Micros>,
    /// Only runs whose metadata has these values, compared as text.
    pub metadata: BTreeMap<String, String>,
    /// Only runs in whose input or output all of these words stand, in whatever order; a `*` at the end of a word stands
    /// for any ending. What was said since the last [`Store::index_some`] is not found yet.
    pub words: Option<String>,
    /// Where the page before this one ended.
    pub cursor: Option<Cursor>,
    /// How many at most.
    pub limit: usize,
}

/// A place in a list. It stays where it is when runs are added or removed: behind it nothing comes in, and nothing that
/// stays is passed over or shown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(pub u64);

/// A part of a list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The runs, newest first.
    pub runs: Vec<Run>,
    /// Where the next page begins; `None` when this is the last.
    pub next: Option<Cursor>,
}

/// A part of the log of all runs.
#[derive(Clone, Debug, Default)]
pub struct FeedPage {
    /// The states that were entered, each with its place, its run and its fact. Of the run only what never changes is
    /// meant.
    pub entries: Vec<(u64, Run, Fact)>,
    /// Up to where the log was looked at.
    pub upto: u64,
    /// Whether it ends there.
    pub is_end: bool,
}

/// A store could not do what it was asked. Nothing was changed, unless the text of a source says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// More is waiting to be written than is worth queueing; try again in a second.
    #[error("the store is busy")]
    Busy,
    /// The disk or the database does not answer as it should.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// A row says something impossible.
    #[error("the store holds something that cannot be: {0}")]
    Inconsistent(String),
}

/// Why a command was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// There is no such run.
    #[error("there is no such run")]
    Unknown,
    /// The rules refuse it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a run was not forgotten.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// There is no such run.
    #[error("there is no such run")]
    Unknown,
    /// It has not ended.
    #[error("a run that is {0} cannot be deleted")]
    NotEnded(Status),
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a key was not added.
#[derive(Debug, thiserror::Error)]
pub enum AddKeyError {
    /// A key that is still good has its name.
    #[error("the name is taken")]
    Taken,
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a key was not forgotten.
#[derive(Debug, thiserror::Error)]
pub enum ForgetKeyError {
    /// There is no such key.
    #[error("there is no such key")]
    Unknown,
    /// It is still good.
    #[error("a key that is still good is not forgotten")]
    Good,
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}
