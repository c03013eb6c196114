//! What a transaction writes, in columns: a statement takes as many rows as there are.

use std::borrow::Cow;
use std::collections::BTreeMap;

use legwork_core::fact::What;
use legwork_core::id::{GroupId, RunId};
use legwork_core::journal::Entry;
use legwork_core::receipt::Sign;
use legwork_core::run::{Life, Run, State, Status};
use legwork_core::store::NewRun;
use legwork_core::time::Micros;
use uuid::Uuid;

use super::super::columns::{Lives, Runs, Webhooks};
use super::super::link::{Step, Value};
use super::super::rows::{RunRow, clean, group_uuid, int, uuid};
use super::super::sql;
use super::{Held, NewDelivery, NewFact, NewReceipt};

/// The columns of new runs.
#[derive(Default)]
pub(super) struct NewRuns<'a> {
    pub(super) runs: Runs<'a>,
    pub(super) lives: Lives,
    pub(super) input: Vec<&'a [u8]>,
    pub(super) webhooks: Webhooks<'a>,
    pub(super) secrets: (Vec<Uuid>, Vec<Cow<'a, str>>),
}

impl<'a> NewRuns<'a> {
    pub(super) fn of(new: &'a [(NewRun, Run)]) -> Self {
        let mut all = Self::default();
        for (new, run) in new {
            all.runs.push(run);
            all.lives.push(&run.life);
            all.input.push(&new.input);
            if let Some((webhook, _)) = &new.webhook {
                all.webhooks.push(run.id, webhook);
            }
            if let Some(secrets) = &new.secrets {
                all.secrets.0.push(uuid(run.id));
                all.secrets.1.push(clean(secrets.reveal()));
            }
        }
        all
    }

    /// What else is in their rows follows from their being new.
    pub(super) fn values(&self) -> Vec<Value<'_>> {
        let mut values = self.runs.values();
        values.push(&self.lives.expires_at);
        values.push(&self.lives.papers);
        values
    }
}

/// The columns of lives that changed.
#[derive(Default)]
pub(super) struct Changed {
    pub(super) id: Vec<Uuid>,
    lives: Lives,
}

impl Changed {
    pub(super) fn of<'a>(held: impl Iterator<Item = &'a Held>) -> Self {
        let mut all = Self::default();
        // A renewed lease is not in the life's row.
        let is_in_row = |was: &Life, is: &Life| was.version != is.version || was.papers != is.papers;
        for Held { row, .. } in held.filter(|of| is_in_row(&of.was, &of.row.run.life)) {
            all.id.push(uuid(row.run.id));
            all.lives.push(&row.run.life);
        }
        all
    }

    pub(super) fn values(&self) -> Vec<Value<'_>> {
        let mut values: Vec<Value<'_>> = vec![&self.id];
        values.extend(self.lives.values());
        values
    }
}

/// The columns of new steps.
#[derive(Default)]
pub(super) struct Steps<'a> {
    pub(super) run: Vec<Uuid>,
    pub(super) key: Vec<&'a str>,
    pub(super) body: Vec<&'a [u8]>,
}

impl<'a> Steps<'a> {
    pub(super) fn of(new: &'a [(RunId, Entry)]) -> Self {
        let mut all = Self::default();
        for (run, step) in new {
            all.run.push(uuid(*run));
            all.key.push(step.key());
            all.body.push(step.body());
        }
        all
    }

    pub(super) fn values(&self) -> Vec<Value<'_>> {
        vec![&self.run, &self.key, &self.body]
    }
}

/// A place in the queue, in columns.
#[derive(Default)]
pub(super) struct Places<'a> {
    pub(super) processor: Vec<&'a str>,
    pub(super) owner: Vec<&'a str>,
    pub(super) not_before: Vec<i64>,
    pub(super) n: Vec<i64>,
    pub(super) run: Vec<Uuid>,
}

impl<'a> Places<'a> {
    pub(super) fn push(&mut self, RunRow { n, run }: &'a RunRow, not_before: Micros) {
        self.processor.push(&run.processor);
        self.owner.push(run.owner.as_str());
        self.not_before.push(not_before.0);
        self.n.push(*n);
        self.run.push(uuid(run.id));
    }
}

/// What changes in the queue and in the leases.
#[derive(Default)]
pub(super) struct Moves<'a> {
    pub(super) from: Places<'a>,
    pub(super) to: Places<'a>,
    pub(super) dropped: Vec<Uuid>,
    pub(super) run: Vec<Uuid>,
    pub(super) owner: Vec<&'a str>,
    pub(super) processor: Vec<&'a str>,
    pub(super) node: Vec<i64>,
    pub(super) token: Vec<i64>,
    pub(super) attempt: Vec<i64>,
    pub(super) until: Vec<i64>,
}

impl<'a> Moves<'a> {
    pub(super) fn of(held: impl Iterator<Item = &'a Held>) -> Self {
        let mut all = Self::default();
        for Held { row, was, .. } in held {
            let is = &row.run.life;
            let (from, to) = (place(was), place(is));
            if from != to {
                from.into_iter().for_each(|at| all.from.push(row, at));
                to.into_iter().for_each(|at| all.to.push(row, at));
            }
            match (was.state.lease(), is.state.lease()) {
                (was, Some(is)) if was != Some(is) => {
                    all.run.push(uuid(row.run.id));
                    all.owner.push(row.run.owner.as_str());
                    all.processor.push(&row.run.processor);
                    all.node.push(is.node.0.cast_signed());
                    all.token.push(is.token.0.cast_signed());
                    all.attempt.push(i64::from(is.attempt));
                    all.until.push(is.until.0);
                }
                (Some(_), None) => all.dropped.push(uuid(row.run.id)),
                _ => {}
            }
        }
        all
    }

    pub(super) fn steps<'b>(&'b self, steps: &mut Vec<Step<'b>>) {
        let Self { from, to, .. } = self;
        if !from.n.is_empty() {
            let values: Vec<Value<'_>> = vec![&from.processor, &from.owner, &from.not_before, &from.n];
            steps.push(Step::With(&sql::TAKE_FROM_QUEUE, values));
        }
        if !to.n.is_empty() {
            let values: Vec<Value<'_>> = vec![&to.processor, &to.owner, &to.not_before, &to.n, &to.run];
            steps.push(Step::With(&sql::ADD_TO_QUEUE, values));
        }
        if !self.dropped.is_empty() {
            steps.push(Step::With(&sql::DROP_LEASES, vec![&self.dropped]));
        }
        if !self.run.is_empty() {
            let values: Vec<Value<'_>> =
                vec![&self.run, &self.owner, &self.processor, &self.node, &self.token, &self.attempt, &self.until];
            steps.push(Step::With(&sql::SET_LEASES, values));
        }
    }

    pub(super) fn puts_into_queue(&self) -> bool {
        !self.to.n.is_empty()
    }
}

fn place(life: &Life) -> Option<Micros> {
    if let State::Queued { not_before } = life.state { Some(not_before) } else { None }
}

/// The columns of new deliveries.
#[derive(Default)]
pub(super) struct Deliveries<'a> {
    pub(super) run: Vec<Uuid>,
    pub(super) seq: Vec<i64>,
    pub(super) owner: Vec<&'a str>,
    pub(super) receiver: Vec<&'a str>,
    pub(super) owed_at: Vec<i64>,
}

impl<'a> Deliveries<'a> {
    pub(super) fn of(new: &'a [NewDelivery]) -> Self {
        let mut all = Self::default();
        for NewDelivery { run, seq, owner, receiver, owed_at } in new {
            all.run.push(uuid(*run));
            all.seq.push(int(*seq));
            all.owner.push(owner);
            all.receiver.push(receiver);
            all.owed_at.push(owed_at.0);
        }
        all
    }

    pub(super) fn values(&self) -> Vec<Value<'_>> {
        vec![&self.run, &self.seq, &self.owner, &self.receiver, &self.owed_at]
    }
}

/// The columns of new receipts.
#[derive(Default)]
pub(super) struct Receipts<'a> {
    pub(super) owner: Vec<&'a str>,
    pub(super) route: Vec<&'a str>,
    pub(super) key: Vec<Option<&'a str>>,
    pub(super) retry: Vec<Option<i64>>,
    pub(super) body: Vec<&'a [u8]>,
    pub(super) at: Vec<i64>,
    pub(super) run: Vec<Option<Uuid>>,
    pub(super) answer: Vec<&'a str>,
    /// Of those with a key: what is older than this under it is nobody's any more.
    pub(super) old: (Vec<&'a str>, Vec<&'a str>, Vec<&'a str>, Vec<i64>),
}

impl<'a> Receipts<'a> {
    pub(super) fn of(new: &'a [NewReceipt]) -> Self {
        let mut all = Self::default();
        for NewReceipt { ticket, run, answer, now } in new {
            let (key, retry) = match &ticket.sign {
                Sign::Key(key) => (Some(key.as_str()), None),
                Sign::Tries(tries) => (None, Some(i64::from(*tries))),
            };
            if let Some(key) = key {
                all.old.0.push(ticket.owner.as_str());
                all.old.1.push(&ticket.route);
                all.old.2.push(key);
                all.old.3.push(ticket.since(*now).0);
            }
            all.owner.push(ticket.owner.as_str());
            all.route.push(&ticket.route);
            all.key.push(key);
            all.retry.push(retry);
            all.body.push(&ticket.body);
            all.at.push(now.0);
            all.run.push(run.map(uuid));
            all.answer.push(answer);
        }
        all
    }

    pub(super) fn values(&self) -> Vec<Value<'_>> {
        vec![&self.owner, &self.route, &self.key, &self.retry, &self.body, &self.at, &self.run, &self.answer]
    }
}

/// By how much groups' counts change, in columns.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) id: Vec<Uuid>,
    pub(super) at: Vec<i64>,
    pub(super) by: [Vec<i64>; Status::ALL.len()],
}

impl Counts {
    pub(super) fn of(counts: &BTreeMap<GroupId, ([i64; Status::ALL.len()], Micros)>) -> Self {
        let mut all = Self::default();
        for (id, (by, at)) in counts {
            all.id.push(group_uuid(*id));
            all.at.push(at.0);
            all.by.iter_mut().zip(by).for_each(|(column, by)| column.push(*by));
        }
        all
    }

    pub(super) fn values(&self) -> Vec<Value<'_>> {
        let mut values: Vec<Value<'_>> = vec![&self.id, &self.at];
        values.extend(self.by.iter().map(|column| column as Value<'_>));
        values
    }
}

/// The columns of new facts, and which of them are ends in a group.
#[derive(Default)]
pub(super) struct Facts<'a> {
    pub(super) run: Vec<Uuid>,
    pub(super) seq: Vec<i64>,
    pub(super) at: Vec<i64>,
    pub(super) key: Vec<Option<Cow<'a, str>>>,
    pub(super) what: Vec<&'a str>,
    pub(super) end_of: Vec<Uuid>,
    pub(super) ended: Vec<Uuid>,
    pub(super) end: Vec<i64>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(new: &'a [NewFact]) -> Self {
        let mut all = Self::default();
        for NewFact { run, group, fact, what } in new {
            let key = match &fact.what {
                What::Progress { report } => Some(clean(&report.key)),
                What::State { .. } | What::Answer { .. } | What::Finish => None,
            };
            all.run.push(uuid(*run));
            all.seq.push(int(fact.seq));
            all.at.push(fact.at.0);
            all.key.push(key);
            all.what.push(what);
            if let (Some(group), true) = (group, fact.what.entered().is_some_and(Status::is_ended)) {
                all.end_of.push(group_uuid(*group));
                all.ended.push(uuid(*run));
                all.end.push(int(fact.seq));
            }
        }
        all
    }
}
