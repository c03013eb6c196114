//! Records in columns: a statement takes as many as there are.

use std::borrow::Cow;

use legwork_core::delivery::Delivery;
use legwork_core::fact::What;
use legwork_core::key::Key;
use legwork_core::receipt::{Sign, Ticket};
use legwork_core::run::Status;
use legwork_core::time::Micros;
use uuid::Uuid;

use super::super::columns;
use super::super::link::{Step, Value};
use super::super::rows::{clean, group_uuid, uuid};
use super::super::sql;
use crate::store::columns::{StandingColumns, heard_columns, json, micros, text};
use crate::store::records::{
    AttemptRecord, DeliveryRecord, FactRecord, GroupRecord, ReceiptRecord, Refused, RunRecord, StepRecord, TakeError,
    WebhookRecord,
};

/// A number as the database has it, if it can.
fn fits(number: u64) -> Result<i64, TakeError> {
    let beyond = |_| Refused { which: None, why: format!("{number} is beyond what a store can keep") };
    Ok(i64::try_from(number).map_err(beyond)?)
}

fn moment(at: Option<Micros>) -> Option<i64> {
    at.map(|at| at.0)
}

#[derive(Default)]
pub(super) struct Keys<'a> {
    digest: Vec<&'a [u8]>,
    name: Vec<Cow<'a, str>>,
    ending: Vec<&'a str>,
    owner: Vec<&'a str>,
    created_at: Vec<i64>,
    expires_at: Vec<Option<i64>>,
    revoked_at: Vec<Option<i64>>,
}

impl<'a> Keys<'a> {
    pub(super) fn push(&mut self, key: &'a Key) {
        let Key { digest, name, ending, owner, created_at, expires_at, revoked_at } = key;
        self.digest.push(&digest.0);
        self.name.push(clean(name));
        self.ending.push(ending);
        self.owner.push(owner.as_str());
        self.created_at.push(created_at.0);
        self.expires_at.push(moment(*expires_at));
        self.revoked_at.push(moment(*revoked_at));
    }

    pub(super) fn values(&self) -> Vec<Value<'_>> {
        vec![&self.digest, &self.name, &self.ending, &self.owner, &self.created_at, &self.expires_at, &self.revoked_at]
    }
}

#[derive(Default)]
pub(super) struct Groups<'a> {
    id: Vec<Uuid>,
    owner: Vec<&'a str>,
    created_at: Vec<i64>,
    metadata: Vec<Option<&'a str>>,
    modified_at: Vec<i64>,
    last_place: Vec<i64>,
    last_end: Vec<i64>,
}

impl<'a> Groups<'a> {
    pub(super) fn push(&mut self, group: &'a GroupRecord) -> Result<(), TakeError> {
        let GroupRecord { id, owner, created_at, metadata, modified_at, last_place, last_end } = group;
        self.id.push(group_uuid(*id));
        self.owner.push(owner.as_str());
        self.created_at.push(created_at.0);
        self.metadata.push(text(metadata.as_deref())?);
        self.modified_at.push(modified_at.0);
        self.last_place.push(fits(*last_place)?);
        self.last_end.push(fits(*last_end)?);
        Ok(())
    }

    pub(super) fn values(&self) -> Vec<Value<'_>> {
        vec![
            &self.id,
            &self.owner,
            &self.created_at,
            &self.metadata,
            &self.modified_at,
            &self.last_place,
            &self.last_end,
        ]
    }
}

/// Runs with what lies beside them.
#[derive(Default)]
pub(super) struct Runs<'a> {
    pub(super) fixed: columns::Runs<'a>,
    n: Vec<i64>,
    lives: columns::Lives,
    input: Vec<&'a [u8]>,
    outputs: (Vec<Uuid>, Vec<&'a [u8]>),
    places: (Vec<Uuid>, Vec<i64>, Vec<Uuid>),
    webhooks: columns::Webhooks<'a>,
    secrets: (Vec<Uuid>, Vec<Cow<'a, str>>),
}

impl<'a> Runs<'a> {
    pub(super) fn push(&mut self, of: &'a RunRecord) -> Result<(), TakeError> {
        let RunRecord { n, run, place, webhook, input, output, secrets } = of;
        let id = uuid(run.id);
        for json in [&run.metadata, &run.warnings] {
            text(json.as_deref())?;
        }
        fits(run.life.version)?;
        self.fixed.push(run);
        self.n.push(fits(*n)?);
        self.lives.push(&run.life);
        self.input.push(&input.0);
        if let Some(output) = output {
            self.outputs.0.push(id);
            self.outputs.1.push(&output.0);
        }
        if let (Some(group), Some(place)) = (run.group, place) {
            self.places.0.push(group_uuid(group));
            self.places.1.push(fits(*place)?);
            self.places.2.push(id);
        }
        if let Some(WebhookRecord(webhook)) = webhook {
            self.webhooks.push(run.id, webhook);
        }
        if let Some(secrets) = secrets {
            self.secrets.0.push(id);
            self.secrets.1.push(clean(secrets.reveal()));
        }
        Ok(())
    }

    pub(super) fn steps(&self) -> Vec<Step<'_>> {
        let Self { fixed, outputs, places, webhooks, secrets, .. } = self;
        let mut steps =
            vec![Step::With(&sql::PUT_RUNS, self.values()), Step::With(&sql::ADD_INPUTS, vec![&fixed.id, &self.input])];
        if !outputs.0.is_empty() {
            steps.push(Step::With(&sql::ADD_OUTPUTS, vec![&outputs.0, &outputs.1]));
        }
        if !places.0.is_empty() {
            steps.push(Step::With(&sql::PUT_GROUP_RUNS, vec![&places.0, &places.1, &places.2]));
        }
        if !webhooks.run.is_empty() {
            steps.push(Step::With(&sql::ADD_WEBHOOKS, webhooks.values()));
        }
        if !secrets.0.is_empty() {
            steps.push(Step::With(&sql::ADD_SECRETS, vec![&secrets.0, &secrets.1]));
        }
        steps
    }

    fn values(&self) -> Vec<Value<'_>> {
        let mut values = self.fixed.values();
        values.push(&self.n);
        values.extend(self.lives.values());
        values
    }
}

/// Facts, and which of them are ends.
#[derive(Default)]
pub(super) struct Facts<'a> {
    g: Vec<i64>,
    pub(super) n: Vec<Option<i64>>,
    seq: Vec<i64>,
    at: Vec<i64>,
    key: Vec<Option<Cow<'a, str>>>,
    what: Vec<String>,
    ends: (Vec<i64>, Vec<i64>),
}

impl<'a> Facts<'a> {
    pub(super) fn push(&mut self, of: &'a FactRecord) -> Result<(), TakeError> {
        let FactRecord { g, n, fact } = of;
        let (g, n) = (fits(*g)?, fits(*n)?);
        self.g.push(g);
        self.n.push(Some(n));
        self.seq.push(fits(fact.seq)?);
        self.at.push(fact.at.0);
        self.key.push(match &fact.what {
            What::Progress { report } => Some(clean(&report.key)),
            What::State { .. } | What::Answer { .. } | What::Finish => None,
        });
        self.what.push(json(&fact.what));
        if fact.what.entered().is_some_and(Status::is_ended) {
            self.ends.0.push(g);
            self.ends.1.push(n);
        }
        Ok(())
    }

    pub(super) fn steps(&self) -> Vec<Step<'_>> {
        let Self { g, n, seq, at, key, what, ends } = self;
        let mut steps = vec![Step::With(&sql::PUT_FACTS, vec![g, n, seq, at, key, what])];
        if !ends.0.is_empty() {
            steps.push(Step::With(&sql::PUT_GROUP_ENDS, vec![&ends.0, &ends.1]));
        }
        steps
    }
}

#[derive(Default)]
pub(super) struct Steps<'a> {
    pub(super) n: Vec<Option<i64>>,
    pub(super) key: Vec<&'a str>,
    pub(super) body: Vec<&'a [u8]>,
}

impl<'a> Steps<'a> {
    pub(super) fn push(&mut self, of: &'a StepRecord) -> Result<(), TakeError> {
        of.kept()?;
        self.n.push(Some(fits(of.n)?));
        self.key.push(&of.key);
        self.body.push(&of.body.0);
        Ok(())
    }
}

/// Deliveries with their bodies and attempts.
#[derive(Default)]
pub(super) struct Deliveries<'a> {
    pub(super) run: Vec<Uuid>,
    pub(super) seq: Vec<i64>,
    owed_at: Vec<i64>,
    tries: Vec<i64>,
    since: Vec<Option<i64>>,
    due_at: Vec<Option<i64>>,
    settled_at: Vec<Option<i64>>,
    outcome: Vec<i64>,
    bodies: (Vec<Uuid>, Vec<i64>, Vec<&'a [u8]>),
    attempts: Attempts<'a>,
}

#[derive(Default)]
struct Attempts<'a> {
    run: Vec<Uuid>,
    seq: Vec<i64>,
    number: Vec<i64>,
    at: Vec<i64>,
    took: Vec<i64>,
    status: Vec<Option<i64>>,
    retry_after: Vec<Option<i64>>,
    said: Vec<Cow<'a, str>>,
}

impl<'a> Deliveries<'a> {
    pub(super) fn push(&mut self, of: &'a DeliveryRecord) -> Result<(), TakeError> {
        let DeliveryRecord { delivery: Delivery { id, owed_at, standing, tries, since }, body, attempts } = of;
        let (run, seq) = (uuid(id.run), fits(id.seq)?);
        let StandingColumns { outcome, due_at, settled_at } = StandingColumns::of(*standing);
        self.run.push(run);
        self.seq.push(seq);
        self.owed_at.push(owed_at.0);
        self.tries.push(i64::from(*tries));
        self.since.push(moment(*since));
        self.due_at.push(due_at);
        self.settled_at.push(settled_at);
        self.outcome.push(outcome);
        if let Some(body) = body {
            self.bodies.0.push(run);
            self.bodies.1.push(seq);
            self.bodies.2.push(&body.0);
        }
        for (number, AttemptRecord(attempt)) in (1..).zip(attempts) {
            let (status, retry_after, said) = heard_columns(&attempt.heard);
            self.attempts.run.push(run);
            self.attempts.seq.push(seq);
            self.attempts.number.push(number);
            self.attempts.at.push(attempt.at.0);
            self.attempts.took.push(micros(attempt.took));
            self.attempts.status.push(status);
            self.attempts.retry_after.push(retry_after);
            self.attempts.said.push(clean(said));
        }
        Ok(())
    }

    pub(super) fn steps(&self) -> Vec<Step<'_>> {
        let Self { run, seq, owed_at, tries, since, due_at, settled_at, outcome, bodies, attempts } = self;
        let columns: Vec<Value<'_>> = vec![run, seq, owed_at, tries, since, due_at, settled_at, outcome];
        let mut steps = vec![Step::With(&sql::PUT_DELIVERIES, columns)];
        if !bodies.0.is_empty() {
            steps.push(Step::With(&sql::PUT_BODIES, vec![&bodies.0, &bodies.1, &bodies.2]));
        }
        if !attempts.run.is_empty() {
            let Attempts { run, seq, number, at, took, status, retry_after, said } = attempts;
            steps.push(Step::With(&sql::PUT_ATTEMPTS, vec![run, seq, number, at, took, status, retry_after, said]));
        }
        steps
    }
}

#[derive(Default)]
pub(super) struct Receipts<'a> {
    owner: Vec<&'a str>,
    route: Vec<&'a str>,
    key: Vec<Option<&'a str>>,
    retry: Vec<Option<i64>>,
    body: Vec<&'a [u8]>,
    at: Vec<i64>,
    pub(super) n: Vec<Option<i64>>,
    taken: Vec<bool>,
    answer: Vec<&'a str>,
}

impl<'a> Receipts<'a> {
    pub(super) fn push(&mut self, of: &'a ReceiptRecord) -> Result<(), TakeError> {
        let ReceiptRecord { ticket: Ticket { owner, route, body, sign }, at, n, taken, answer } = of;
        let (key, retry) = match sign {
            Sign::Key(key) => (Some(key.as_str()), None),
            Sign::Tries(tries) => (None, Some(i64::from(*tries))),
        };
        self.owner.push(owner.as_str());
        self.route.push(route);
        self.key.push(key);
        self.retry.push(retry);
        self.body.push(body);
        self.at.push(at.0);
        self.n.push(n.map(fits).transpose()?);
        self.taken.push(*taken);
        self.answer.push(answer.get());
        Ok(())
    }

    pub(super) fn values(&self) -> Vec<Value<'_>> {
        vec![&self.owner, &self.route, &self.key, &self.retry, &self.body, &self.at, &self.n, &self.taken, &self.answer]
    }
}
