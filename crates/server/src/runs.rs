//! The one door for every change of a run, and for every look that an owner takes. An owner sees only his own.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use legwork_core::command::{Command, Refused};
use legwork_core::delivery::{Attempt, Delivery, DeliveryId, Webhook};
use legwork_core::fact::{Fact, What};
use legwork_core::fair::{Limits, Room};
use legwork_core::group::Group;
use legwork_core::id::{GroupId, NodeId, Owner, RunId, Token};
use legwork_core::journal::Entry;
use legwork_core::receipt::Ticket;
use legwork_core::run::{Life, Run, Status};
use legwork_core::secret::Secret;
use legwork_core::store::{
    AddedToGroup, ApplyError, Claim, Claimed, Create, DeliveryClaim, DeliveryLog, ForgetError, GroupRuns, ListQuery,
    NewGroup, NewRun, Once, OwedDelivery, Page, Place, Store, StoreError,
};
use legwork_core::time::Micros;
use uuid::Uuid;

use crate::clock::Clock;

/// How many runs of a group are cancelled together.
const TOGETHER: usize = 500;

/// The runs of this server.
#[derive(Clone)]
pub(crate) struct Runs {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

/// Why an owner's wish was not granted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WishError {
    /// There is no such run, or it is another's, which is the same to a caller.
    #[error("there is no such run")]
    Unknown,
    /// Not in the state that it is in.
    #[error("the run is {0}")]
    NotIn(Status),
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Runs {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// A name that nobody has; those of one process rise with time.
    pub(crate) fn new_id() -> RunId {
        RunId::from_u128(Uuid::now_v7().as_u128())
    }

    pub(crate) async fn submit(&self, new: NewRun) -> Result<Run, StoreError> {
        self.store.submit(new, self.clock.now()).await
    }

    /// A name that no group has.
    pub(crate) fn new_group_id() -> GroupId {
        GroupId::from_u128(Uuid::now_v7().as_u128())
    }

    pub(crate) async fn create_group(&self, new: NewGroup) -> Result<Group, StoreError> {
        self.store.create_group(new, self.clock.now()).await
    }

    /// An owner's group; another's is as good as none.
    pub(crate) async fn group(&self, owner: &Owner, id: GroupId) -> Result<Option<Group>, StoreError> {
        Ok(self.store.group(id).await?.filter(|group| group.owner == *owner))
    }

    /// The last places in a group: of its runs, and of their ends.
    pub(crate) async fn group_places(&self, id: GroupId) -> Result<(u64, u64), StoreError> {
        Ok(self.store.group_places(id).await?.unwrap_or_default())
    }

    /// Accepts runs into their group, all or none; `None` when there is no such group.
    pub(crate) async fn submit_to_group(
        &self,
        id: GroupId,
        runs: Vec<NewRun>,
    ) -> Result<Option<AddedToGroup>, StoreError> {
        self.store.submit_to_group(id, runs, self.clock.now()).await
    }

    /// Creates something, or finds what was created for the same request.
    pub(crate) async fn once(&self, ticket: Ticket, create: Create) -> Result<Once, StoreError> {
        self.store.once(ticket, create, self.clock.now()).await
    }

    /// The answer that this receipt is for was handed over.
    pub(crate) async fn handed_over(&self, receipt: u64) -> Result<(), StoreError> {
        self.store.handed_over(receipt).await
    }

    /// Removes receipts that no request can find any more; returns how many.
    pub(crate) async fn forget_receipts(&self, limit: usize) -> Result<usize, StoreError> {
        self.store.forget_receipts(self.clock.now(), limit).await
    }

    /// Cancels every run of a group that has not ended.
    pub(crate) async fn cancel_group(&self, id: GroupId) -> Result<(), StoreError> {
        let which = GroupRuns { limit: TOGETHER, ..GroupRuns::default() };
        let (mut after, mut is_end) = (0, false);
        while !is_end {
            let page = self.store.group_runs(id, after, &which).await?;
            (after, is_end) = (page.upto, page.is_end);
            let open = page.runs.iter().filter(|of| !of.run.life.status().is_ended());
            for answer in join_all(open.map(|of| self.apply(of.run.id, Command::Cancel))).await {
                match answer {
                    // One that has ended meanwhile needs no cancelling.
                    Ok(_) | Err(ApplyError::Unknown | ApplyError::Refused(_)) => {}
                    Err(ApplyError::Store(error)) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// An owner's run.
    pub(crate) async fn get(&self, owner: &Owner, id: RunId) -> Result<Run, WishError> {
        self.store.run(id).await?.filter(|run| run.owner == *owner).ok_or(WishError::Unknown)
    }

    /// What was submitted.
    pub(crate) async fn input(&self, owner: &Owner, id: RunId) -> Result<Bytes, WishError> {
        self.get(owner, id).await?;
        self.store.input(id).await?.ok_or(WishError::Unknown)
    }

    /// An owner's run with all that was asked for, also what is not shown of it: who is called, and with what secret.
    pub(crate) async fn request(&self, owner: &Owner, id: RunId) -> Result<(Run, Bytes, Option<Webhook>), WishError> {
        let run = self.get(owner, id).await?;
        let input = self.store.input(id).await?.ok_or(WishError::Unknown)?;
        Ok((run, input, self.store.webhook(id).await?))
    }

    pub(crate) async fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        self.store.list(query).await
    }

    /// Does to an owner's run what he wants of it, if the rules let him; one that is so already stays so.
    pub(crate) async fn want(&self, owner: &Owner, id: RunId, command: Command) -> Result<Run, WishError> {
        let run = self.get(owner, id).await?;
        match self.apply(id, command).await {
            Ok(life) => Ok(Run { life, ..run }),
            Err(ApplyError::Unknown) => Err(WishError::Unknown),
            Err(ApplyError::Refused(Refused::Ended(status) | Refused::NotIn(status))) => Err(WishError::NotIn(status)),
            Err(ApplyError::Refused(Refused::Stale | Refused::TooEarly)) => Err(WishError::NotIn(run.life.status())),
            Err(ApplyError::Store(error)) => Err(error.into()),
        }
    }

    /// Removes an owner's ended run and all that hangs on it.
    pub(crate) async fn forget(&self, owner: &Owner, id: RunId) -> Result<(), WishError> {
        self.get(owner, id).await?;
        self.store.forget(id).await.map_err(|refused| match refused {
            ForgetError::Unknown => WishError::Unknown,
            ForgetError::NotEnded(status) => WishError::NotIn(status),
            ForgetError::Store(error) => WishError::Store(error),
        })
    }

    /// Removes runs that ended longer ago than this and of which nobody is owed anything, at most so many; returns how many.
    pub(crate) async fn forget_older(&self, than: Duration, limit: usize) -> Result<usize, StoreError> {
        let ended = self.store.ended_before(self.now() - than, limit).await?;
        for forgotten in join_all(ended.iter().map(|id| self.store.forget(*id))).await {
            match forgotten {
                // Somebody else was faster.
                Ok(()) | Err(ForgetError::Unknown | ForgetError::NotEnded(_)) => {}
                Err(ForgetError::Store(error)) => return Err(error),
            }
        }
        Ok(ended.len())
    }

    /// Does to a run what the rules say. For workers and sweepers, who have no owner.
    pub(crate) async fn apply(&self, id: RunId, command: Command) -> Result<Life, ApplyError> {
        self.store.apply(id, command, self.clock.now()).await
    }

    /// Anybody's run, for those who have proved otherwise that they may see it.
    pub(crate) async fn any(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        self.store.run(id).await
    }

    /// A part of a run's log, and the run's output if its completion is in that part.
    pub(crate) async fn log(
        &self,
        run: &Run,
        after: u64,
        limit: usize,
    ) -> Result<(Vec<Fact>, Option<Bytes>), StoreError> {
        let facts = self.store.facts(run.id, after, limit).await?;
        let output = match facts.last() {
            Some(last) if last.what.entered() == Some(Status::Completed) => {
                self.store.result(run.id).await?.and_then(|(_, output)| output)
            }
            _ => None,
        };
        Ok((facts, output))
    }

    /// The last place in the log of all runs.
    pub(crate) async fn feed_end(&self) -> Result<u64, StoreError> {
        self.store.feed_end().await
    }

    /// How a run stands.
    pub(crate) async fn life(&self, id: RunId) -> Result<Option<Life>, StoreError> {
        Ok(self.store.run(id).await?.map(|run| run.life))
    }

    pub(crate) async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        self.store.claim(claim, self.clock.now()).await
    }

    /// Where a run stands in line, if it does and `most` are before it at the most.
    pub(crate) async fn place(&self, id: RunId, most: usize) -> Result<Option<Place>, StoreError> {
        self.store.place(id, most, self.clock.now()).await
    }

    /// Brings the search on by so many facts.
    pub(crate) async fn index_some(&self, limit: usize) -> Result<usize, StoreError> {
        self.store.index_some(limit).await
    }

    /// Whether runs can be read and written. A claim without room takes nothing, and goes through the writer all the
    /// same.
    pub(crate) async fn check(&self) -> Result<(), StoreError> {
        self.due(1).await?;
        let (room, limits) = (Room::default(), Limits::default());
        let nothing = Claim { node: NodeId(0), room, limits, tokens: Vec::new(), until: self.now() };
        self.claim(nothing).await.map(drop)
    }

    /// Takes deliveries that are due.
    pub(crate) async fn claim_deliveries(&self, claim: DeliveryClaim) -> Result<Vec<OwedDelivery>, StoreError> {
        self.store.claim_deliveries(claim, self.clock.now()).await
    }

    /// The run and the fact that a delivery tells of, and the output, if that is wanted and the fact is the run's
    /// completion; `None` when the run is gone.
    pub(crate) async fn told_by(
        &self,
        id: DeliveryId,
        with_output: bool,
    ) -> Result<Option<(Run, Fact, Option<Bytes>)>, StoreError> {
        let found = if with_output {
            self.store.result(id.run).await?
        } else {
            self.store.run(id.run).await?.map(|run| (run, None))
        };
        let Some((run, output)) = found else { return Ok(None) };
        let fact = self.store.facts(id.run, id.seq.saturating_sub(1), 1).await?.pop();
        Ok(fact.map(|fact| {
            let is_completion = fact.what.entered() == Some(Status::Completed);
            (run, fact, output.filter(|_| is_completion))
        }))
    }

    /// Keeps what a delivery says, and returns what is kept.
    pub(crate) async fn keep_body(&self, id: DeliveryId, body: Bytes) -> Result<Option<Bytes>, StoreError> {
        self.store.keep_body(id, body).await
    }

    /// Records an attempt.
    pub(crate) async fn settle(
        &self,
        id: DeliveryId,
        token: Token,
        attempt: Attempt,
        chance: u64,
    ) -> Result<Option<Delivery>, StoreError> {
        self.store.settle(id, token, attempt, chance).await
    }

    /// What was and is owed to the webhook of an owner's run.
    pub(crate) async fn deliveries(&self, owner: &Owner, id: RunId) -> Result<Vec<DeliveryLog>, WishError> {
        self.get(owner, id).await?;
        Ok(self.store.deliveries(id).await?)
    }

    /// Owes a delivery of an owner's run again; returns whether there is one of this name.
    pub(crate) async fn redeliver(&self, owner: &Owner, id: DeliveryId) -> Result<bool, WishError> {
        self.get(owner, id.run).await?;
        Ok(self.store.redeliver(id, self.clock.now()).await?.is_some())
    }

    pub(crate) async fn due(&self, limit: usize) -> Result<Vec<(RunId, Command)>, StoreError> {
        self.store.due(self.clock.now(), limit).await
    }

    /// The caller's answers to a run's questions so far, oldest first.
    pub(crate) async fn answers(&self, id: RunId) -> Result<Vec<String>, StoreError> {
        let mut answers = Vec::new();
        let mut after = 0;
        loop {
            let facts = self.store.facts(id, after, 1000).await?;
            let Some(last) = facts.last() else { return Ok(answers) };
            after = last.seq;
            answers.extend(facts.into_iter().filter_map(|fact| match fact.what {
                What::Answer { answer } => Some(answer),
                What::State { .. } | What::Finish | What::Progress { .. } => None,
            }));
        }
    }

    /// What lies beside a run under way for its work alone: the steps that were kept, and what nobody is shown.
    pub(crate) async fn papers(&self, id: RunId) -> Result<(Vec<Entry>, Option<Secret>), StoreError> {
        Ok((self.store.journal(id).await?, self.store.secrets(id).await?))
    }

    /// What an owner's run was asked, and its output, if it is there and has one.
    pub(crate) async fn answered(&self, owner: &Owner, id: RunId) -> Result<Option<(Bytes, Bytes)>, StoreError> {
        let output = self.store.result(id).await?.filter(|(run, _)| run.owner == *owner).and_then(|(_, output)| output);
        Ok(self.store.input(id).await?.zip(output))
    }

    /// The time that this server goes by.
    pub(crate) fn now(&self) -> Micros {
        self.clock.now()
    }
}
