//! What a transaction writes, in columns: a statement takes as many rows as there are.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use legwork_core::delivery::Webhook;
use legwork_core::fact::What;
use legwork_core::id::GroupId;
use legwork_core::receipt::Sign;
use legwork_core::run::{Life, Run, State, Status};
use legwork_core::store::NewRun;
use legwork_core::time::Micros;
use serde_json::Value as Json;
use uuid::Uuid;

use super::super::link::{Step, Value};
use super::super::rows::{RunRow, clean, group_uuid, int, uuid};
use super::super::sql;
use super::{Held, NewDelivery, NewFact, NewReceipt};
use crate::store::columns::{StateColumns, form_number, tells_number};

/// Between the labels of a run on their way to the database; in none of them, since it is taken out.
const BETWEEN: char = '\u{1e}';

/// The labels of a run as they go to the database.
pub(in super::super) fn joined_labels(metadata: Option<&[u8]>) -> String {
    metadata.map(labels).unwrap_or_default().join(&BETWEEN.to_string())
}

/// A run's metadata as labels, each `key=value` as a list is filtered: values as text, without what is no value.
fn labels(metadata: &[u8]) -> Vec<String> {
    let Ok(Json::Object(object)) = serde_json::from_slice(metadata) else { return Vec::new() };
    let label = |(key, value): (String, Json)| {
        let value = match value {
            Json::String(text) => text,
            Json::Null => return None,
            value @ (Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_)) => value.to_string(),
        };
        Some(label(&key, &value))
    };
    object.into_iter().filter_map(label).collect()
}

/// One label. What cannot stand in one is taken out, here as where they are looked for.
pub(in super::super) fn label(key: &str, value: &str) -> String {
    format!("{key}={value}").replace(['\0', BETWEEN], "\u{fffd}")
}

/// The columns of new runs.
#[derive(Default)]
pub(super) struct NewRuns<'a> {
    pub(super) id: Vec<Uuid>,
    pub(super) owner: Vec<&'a str>,
    pub(super) processor: Vec<&'a str>,
    pub(super) created_at: Vec<i64>,
    pub(super) metadata: Vec<Option<&'a str>>,
    pub(super) labels: Vec<String>,
    pub(super) warnings: Vec<Option<&'a str>>,
    pub(super) group: Vec<Option<Uuid>>,
    pub(super) previous: Vec<Option<Uuid>>,
    pub(super) rerun_of: Vec<Option<Uuid>>,
    pub(super) events: Vec<bool>,
    pub(super) deadline: Vec<Option<i64>>,
    pub(super) tells: Vec<i64>,
    pub(super) expires_at: Vec<Option<i64>>,
    pub(super) input: Vec<&'a [u8]>,
}

impl<'a> NewRuns<'a> {
    pub(super) fn of(new: &'a [(NewRun, Run)]) -> Self {
        let mut all = Self::default();
        // That they are texts was looked at when they were submitted.
        let said = |json: &'a Option<Bytes>| json.as_deref().and_then(|json| std::str::from_utf8(json).ok());
        for (new, run) in new {
            all.id.push(uuid(run.id));
            all.owner.push(run.owner.as_str());
            all.processor.push(&run.processor);
            all.created_at.push(run.created_at.0);
            all.metadata.push(said(&new.metadata));
            all.labels.push(joined_labels(new.metadata.as_deref()));
            all.warnings.push(said(&new.warnings));
            all.group.push(run.group.map(group_uuid));
            all.previous.push(run.lineage.previous.map(uuid));
            all.rerun_of.push(run.lineage.rerun_of.map(uuid));
            all.events.push(run.life.events);
            all.deadline.push(run.life.deadline.map(|at| at.0));
            all.tells.push(tells_number(run.life.tells));
            all.expires_at.push(run.life.expires_at().map(|at| at.0));
            all.input.push(&new.input);
        }
        all
    }

    pub(super) fn values(&self) -> Vec<Value<'_>> {
        vec![
            &self.id,
            &self.owner,
            &self.processor,
            &self.created_at,
            &self.metadata,
            &self.labels,
            &self.warnings,
            &self.group,
            &self.previous,
            &self.rerun_of,
            &self.events,
            &self.deadline,
            &self.tells,
            &self.expires_at,
        ]
    }
}

/// The columns of the webhooks of new runs.
#[derive(Default)]
pub(super) struct NewWebhooks<'a> {
    pub(super) run: Vec<Uuid>,
    pub(super) url: Vec<&'a str>,
    pub(super) receiver: Vec<&'a str>,
    pub(super) secret: Vec<Option<Cow<'a, str>>>,
    pub(super) form: Vec<i64>,
}

impl<'a> NewWebhooks<'a> {
    pub(super) fn of(new: &'a [(NewRun, Run)]) -> Self {
        let mut all = Self::default();
        for (new, _) in new {
            let Some((Webhook { url, receiver, secret, form }, _)) = &new.webhook else { continue };
            all.run.push(uuid(new.id));
            all.url.push(url);
            all.receiver.push(receiver);
            all.secret.push(secret.as_deref().map(clean));
            all.form.push(form_number(*form));
        }
        all
    }

    pub(super) fn values(&self) -> Vec<Value<'_>> {
        vec![&self.run, &self.url, &self.receiver, &self.secret, &self.form]
    }
}

/// The columns of lives that changed.
#[derive(Default)]
pub(super) struct Lives {
    pub(super) id: Vec<Uuid>,
    pub(super) status: Vec<i64>,
    pub(super) version: Vec<i64>,
    pub(super) modified_at: Vec<i64>,
    pub(super) attempts: Vec<i64>,
    pub(super) finish: Vec<bool>,
    pub(super) meter: Vec<i64>,
    pub(super) moment: Vec<Option<i64>>,
    pub(super) detail: Vec<Option<String>>,
    pub(super) expires_at: Vec<Option<i64>>,
}

impl Lives {
    pub(super) fn of<'a>(held: impl Iterator<Item = &'a Held>) -> Self {
        let mut all = Self::default();
        // A renewed lease is not in the life's row.
        for Held { row, .. } in held.filter(|of| of.was.version != of.row.run.life.version) {
            let life = &row.run.life;
            let state = StateColumns::of(&life.state);
            all.id.push(uuid(row.run.id));
            all.status.push(state.status);
            all.version.push(int(life.version));
            all.modified_at.push(life.modified_at.0);
            all.attempts.push(i64::from(life.attempts));
            all.finish.push(life.finish);
            all.meter.push(i64::from(life.meter));
            all.moment.push(state.moment);
            all.detail.push(state.detail);
            all.expires_at.push(life.expires_at().map(|at| at.0));
        }
        all
    }

    pub(super) fn values(&self) -> Vec<Value<'_>> {
        vec![
            &self.id,
            &self.status,
            &self.version,
            &self.modified_at,
            &self.attempts,
            &self.finish,
            &self.meter,
            &self.moment,
            &self.detail,
            &self.expires_at,
        ]
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
