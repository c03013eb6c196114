//! What one transaction does: the runs that it holds as they were and as they are to be, and what is new. The rules work on
//! it in memory; then all of it is sent in one go, the commit last.
//!
//! Whoever adds to the log holds its end until the commit, so that is the last thing but one: it is not held while anything
//! is waited for but the disk.

mod columns;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use legwork_core::command::{Command, Decision, decide};
use legwork_core::fact::{Fact, What};
use legwork_core::group::moved;
use legwork_core::id::{GroupId, RunId};
use legwork_core::journal::Entry;
use legwork_core::receipt::Ticket;
use legwork_core::run::{Life, Run, State, Status};
use legwork_core::store::{ApplyError, NewRun, StoreError};
use legwork_core::time::Micros;
use tokio_postgres::Error;
use uuid::Uuid;

use self::columns::{Changed, Counts, Deliveries, Facts, Moves, NewRuns, Receipts, Steps};
use super::link::{BEGIN, COMMIT, Link, Step};
use super::rows::{self, RunRow, clean, get, group_uuid, int, run_id, uuid};
use super::sql;
use crate::metrics::Metrics;
use crate::store::columns::{json, text};
use crate::store::told::Told;

/// A run that this transaction holds.
pub(super) struct Held {
    row: RunRow,
    /// Its life before the transaction.
    was: Life,
    /// Whose line its webhook's deliveries stand in, if it has one.
    receiver: Option<String>,
    /// What its processors have told already of what they tell now.
    said: HashSet<String>,
    output: Option<bytes::Bytes>,
}

/// A run's fact, on its way into the log.
struct NewFact {
    run: RunId,
    group: Option<GroupId>,
    fact: Fact,
    what: String,
}

/// A delivery that is owed from now on.
struct NewDelivery {
    run: RunId,
    seq: u64,
    owner: String,
    receiver: String,
    owed_at: Micros,
}

/// A receipt to be written.
#[derive(Clone)]
pub(super) struct NewReceipt {
    pub(super) ticket: Ticket,
    pub(super) run: Option<RunId>,
    pub(super) answer: String,
    pub(super) now: Micros,
}

/// What a fact's commit can be known by when the word of it was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    run: Uuid,
    seq: i64,
    at: i64,
    what: String,
}

/// What one transaction does.
pub(super) struct Unit {
    metrics: Arc<Metrics>,
    held: BTreeMap<RunId, Held>,
    new: Vec<(NewRun, Run)>,
    facts: Vec<NewFact>,
    steps: Vec<(RunId, Entry)>,
    deliveries: Vec<NewDelivery>,
    receipts: Vec<NewReceipt>,
    /// Receipts that are taken over, or whose answer was handed over.
    taken: Vec<i64>,
    /// What goes into a group, after this place.
    grouped: Vec<(GroupId, u64, Vec<Uuid>)>,
    counts: BTreeMap<GroupId, ([i64; Status::ALL.len()], Micros)>,
    told: Told,
}

impl Unit {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            held: BTreeMap::new(),
            new: Vec::new(),
            facts: Vec::new(),
            steps: Vec::new(),
            deliveries: Vec::new(),
            receipts: Vec::new(),
            taken: Vec::new(),
            grouped: Vec::new(),
            counts: BTreeMap::new(),
            told: Told::default(),
        }
    }

    /// Begins a transaction, and holds the runs that these commands are for. `before` is sent first in it.
    pub(super) async fn hold(
        &mut self,
        link: &Link,
        commands: &[(RunId, &Command)],
    ) -> Result<Result<(), StoreError>, Error> {
        let ids: Vec<_> = commands.iter().map(|(id, _)| uuid(*id)).collect();
        let (mut of, mut keys) = (Vec::new(), Vec::new());
        for (id, command) in commands {
            of.extend(command.reports().iter().map(|_| uuid(*id)));
            keys.extend(command.reports().iter().map(|report| clean(&report.key).into_owned()));
        }
        let mut steps =
            vec![Step::Plain(BEGIN), Step::With(&sql::HOLD_RUNS, vec![&ids]), Step::With(&sql::LEASES_OF, vec![&ids])];
        if !keys.is_empty() {
            steps.push(Step::With(&sql::SAID, vec![&of, &keys]));
        }
        let found = link.all(&steps).await?;
        Ok(self.held(&found))
    }

    fn held(&mut self, found: &[Vec<tokio_postgres::Row>]) -> Result<(), StoreError> {
        let none = Vec::new();
        let mut of = found.iter().skip(1);
        let (runs, leases, said) = (of.next(), of.next(), of.next());
        let mut under = HashMap::new();
        for row in leases.unwrap_or(&none) {
            under.insert(run_id(get(row, 0)?), rows::lease(row, 1)?);
        }
        for row in runs.unwrap_or(&none) {
            let id = run_id(get(row, 0)?);
            self.take(rows::run(row, under.remove(&id))?, get(row, rows::AFTER_RUN)?);
        }
        for row in said.unwrap_or(&none) {
            if let Some(held) = self.held.get_mut(&run_id(get(row, 0)?)) {
                held.said.insert(get(row, 1)?);
            }
        }
        Ok(())
    }

    /// Holds a run that was read in this transaction.
    pub(super) fn take(&mut self, row: RunRow, receiver: Option<String>) {
        let (id, was) = (row.run.id, row.run.life.clone());
        self.held.insert(id, Held { row, was, receiver, said: HashSet::new(), output: None });
    }

    /// A run that is held, as it is by now.
    pub(super) fn run(&self, id: RunId) -> Option<&Run> {
        self.held.get(&id).map(|held| &held.row.run)
    }

    /// Does to a run what the rules say. If they refuse, nothing is changed.
    pub(super) fn apply(&mut self, id: RunId, command: &Command, now: Micros) -> Result<Life, ApplyError> {
        let held = self.held.get_mut(&id).ok_or(ApplyError::Unknown)?;
        let unsaid;
        let command = if command.reports().is_empty() {
            command
        } else {
            unsaid = command.clone().unsaid(|key| held.said.contains(&*clean(key)));
            &unsaid
        };
        let decision = decide(&held.row.run.life, command, now)?;
        if decision.owed.is_some() && held.receiver.is_none() {
            return Err(StoreError::Inconsistent(format!("run {id} has no webhook to tell")).into());
        }
        if let (Command::Complete { output, .. }, State::Completed) = (command, &decision.life.state) {
            held.output = Some(output.clone());
        }
        let life = decision.life.clone();
        self.decided(id, decision, now);
        Ok(life)
    }

    fn decided(&mut self, id: RunId, Decision { life, facts, steps, owed }: Decision, now: Micros) {
        let Some(held) = self.held.get_mut(&id) else { return };
        let run = &held.row.run;
        let (from, to, at) = (run.life.status(), life.status(), life.modified_at);
        if from != to {
            if let Some(group) = run.group {
                count(&mut self.counts, &mut self.told, group, Some(from), Some(to), at);
            }
            self.told.moved(&self.metrics, run, Some(from), to, now);
        }
        if let (Some(seq), Some(receiver)) = (owed, &held.receiver) {
            let (owner, receiver) = (run.owner.as_str().to_owned(), receiver.clone());
            self.deliveries.push(NewDelivery { run: id, seq, owner, receiver, owed_at: at });
            self.told.due = true;
            self.told.more_owed += 1;
        }
        // A renewed lease changes nothing that anybody is told.
        if !facts.is_empty() {
            self.told.changed.push(id);
        }
        for fact in facts {
            if let What::Progress { report } = &fact.what {
                held.said.insert(clean(&report.key).into_owned());
            }
            self.facts.push(NewFact { run: id, group: run.group, what: json(&fact.what), fact });
        }
        self.steps.extend(steps.into_iter().map(|step| (id, step)));
        if held.row.run.life.papers && !life.papers {
            // What was kept in this transaction only need not be written.
            self.steps.retain(|(run, _)| *run != id);
        }
        held.row.run.life = life;
    }

    /// Accepts a run; returns it as it is from then on.
    pub(super) fn submit(&mut self, new: NewRun, now: Micros) -> Result<Run, StoreError> {
        for json in [&new.metadata, &new.warnings] {
            text(json.as_deref())?;
        }
        let (run, fact) = new.accepted(now);
        self.facts.push(NewFact { run: run.id, group: run.group, what: json(&fact.what), fact });
        if let Some(group) = run.group {
            count(&mut self.counts, &mut self.told, group, None, Some(Status::Queued), now);
        }
        self.told.moved(&self.metrics, &run, None, Status::Queued, now);
        self.new.push((new, run.clone()));
        Ok(run)
    }

    /// These of the new runs go into a group, after this place in it.
    pub(super) fn add_to_group(&mut self, id: GroupId, after: u64, runs: impl Iterator<Item = RunId>) {
        self.grouped.push((id, after, runs.map(uuid).collect()));
    }

    /// Writes a receipt.
    pub(super) fn keep(&mut self, receipt: NewReceipt) {
        self.receipts.push(receipt);
    }

    /// A receipt was taken over, or its answer was handed over.
    pub(super) fn taken(&mut self, receipt: i64) {
        self.taken.push(receipt);
    }

    /// The run whose end is not told to a group any more: it is removed.
    pub(super) fn leave_group(&mut self, id: GroupId, status: Status, at: Micros) {
        count(&mut self.counts, &mut self.told, id, Some(status), None, at);
    }

    /// By what its commit can be known. Without a fact it can be done again.
    pub(super) fn mark(&self) -> Option<Mark> {
        let NewFact { run, fact, what, .. } = self.facts.first()?;
        Some(Mark { run: uuid(*run), seq: int(fact.seq), at: fact.at.0, what: what.clone() })
    }

    /// What is to be told; for those who add something to it.
    pub(super) fn told(&mut self) -> &mut Told {
        &mut self.told
    }

    /// What is to be told once it is on disk.
    pub(super) fn into_told(self) -> Told {
        self.told
    }

    /// Sends all of it, `more` before the rest, and commits; with nothing to change, the transaction ends all the same.
    /// `is_open`: [`Unit::hold`] or somebody else has begun it. Returns the numbers of the receipts, in their order.
    pub(super) async fn commit(&mut self, link: &Link, is_open: bool, more: Vec<Step<'_>>) -> Result<Vec<i64>, Error> {
        let new = NewRuns::of(&self.new);
        let changed = Changed::of(self.held.values());
        let moves = Moves::of(self.held.values());
        let outputs: Vec<_> =
            self.held.values().filter_map(|of| Some((uuid(of.row.run.id), of.output.as_deref()?))).collect();
        let (output_of, outputs): (Vec<_>, Vec<_>) = outputs.into_iter().unzip();
        let done_with: Vec<_> = self
            .held
            .values()
            .filter(|of| of.was.papers && !of.row.run.life.papers)
            .map(|of| uuid(of.row.run.id))
            .collect();
        let kept = Steps::of(&self.steps);
        let deliveries = Deliveries::of(&self.deliveries);
        let receipts = Receipts::of(&self.receipts);
        let counts = Counts::of(&self.counts);
        let facts = Facts::of(&self.facts);
        let places: Vec<_> =
            self.grouped.iter().map(|(id, after, runs)| (group_uuid(*id), int(*after), runs)).collect();
        let lasts: Vec<_> = places.iter().map(|(_, after, runs)| after + int(runs.len())).collect();

        let mut steps = if is_open { Vec::new() } else { vec![Step::Plain(BEGIN)] };
        steps.extend(more);
        if !self.new.is_empty() {
            steps.push(Step::With(&sql::ADD_RUNS, new.values()));
            steps.push(Step::With(&sql::ADD_INPUTS, vec![&new.runs.id, &new.input]));
        }
        if !new.webhooks.run.is_empty() {
            steps.push(Step::With(&sql::ADD_WEBHOOKS, new.webhooks.values()));
        }
        if !new.secrets.0.is_empty() {
            steps.push(Step::With(&sql::ADD_SECRETS, vec![&new.secrets.0, &new.secrets.1]));
        }
        if !changed.id.is_empty() {
            steps.push(Step::With(&sql::SAVE_LIVES, changed.values()));
        }
        if !outputs.is_empty() {
            steps.push(Step::With(&sql::ADD_OUTPUTS, vec![&output_of, &outputs]));
        }
        if !kept.run.is_empty() {
            steps.push(Step::With(&sql::KEEP_STEPS, kept.values()));
        }
        if !done_with.is_empty() {
            steps.push(Step::With(&sql::FORGET_JOURNALS, vec![&done_with]));
            steps.push(Step::With(&sql::FORGET_SECRETS, vec![&done_with]));
        }
        moves.steps(&mut steps);
        if !deliveries.run.is_empty() {
            steps.push(Step::With(&sql::ADD_DELIVERIES, deliveries.values()));
        }
        if !receipts.old.0.is_empty() {
            let (owner, route, key, since) = &receipts.old;
            steps.push(Step::With(&sql::FORGET_RECEIPTS_BY_KEY, vec![owner, route, key, since]));
        }
        let added = (!receipts.owner.is_empty()).then(|| {
            steps.push(Step::With(&sql::ADD_RECEIPTS, receipts.values()));
            steps.len() - 1
        });
        if !self.taken.is_empty() {
            steps.push(Step::With(&sql::TAKE_RECEIPTS, vec![&self.taken]));
        }
        for ((id, after, runs), last) in places.iter().zip(&lasts) {
            steps.push(Step::With(&sql::ADD_GROUP_RUNS, vec![id, after, *runs]));
            steps.push(Step::With(&sql::GROUP_PLACE, vec![id, last]));
        }
        if !counts.id.is_empty() {
            steps.push(Step::With(&sql::COUNT_GROUPS, counts.values()));
        }
        let count = int(facts.run.len());
        if count > 0 {
            steps.push(Step::With(
                &sql::ADD_FACTS,
                vec![&facts.run, &facts.seq, &facts.at, &facts.key, &facts.what, &count],
            ));
        }
        if !facts.end_of.is_empty() {
            steps.push(Step::With(&sql::ADD_GROUP_ENDS, vec![&facts.end_of, &facts.ended, &facts.end]));
        }
        steps.push(Step::Plain(COMMIT));
        self.told.logged = count > 0;
        self.told.queued = !self.new.is_empty() || moves.puts_into_queue();
        let done = link.all(&steps).await?;
        let receipts = added.and_then(|at| done.get(at)).into_iter().flatten();
        receipts.map(|row| row.try_get(0)).collect()
    }
}

impl Mark {
    /// Whether its commit was made.
    pub(super) async fn is_there(&self, link: &Link) -> Result<bool, Error> {
        let Self { run, seq, at, what } = self;
        Ok(link.row(&sql::IS_FACT, &[run, seq, at, what]).await?.is_some())
    }
}

fn count(
    counts: &mut BTreeMap<GroupId, ([i64; Status::ALL.len()], Micros)>,
    told: &mut Told,
    group: GroupId,
    from: Option<Status>,
    to: Option<Status>,
    at: Micros,
) {
    let (sum, last) = counts.entry(group).or_default();
    sum.iter_mut().zip(moved(from, to)).for_each(|(sum, by)| *sum += by);
    *last = (*last).max(at);
    told.grouped(group);
}
