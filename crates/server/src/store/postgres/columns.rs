//! Runs in columns: a statement takes as many as there are.

use std::borrow::Cow;

use bytes::Bytes;
use legwork_core::delivery::Webhook;
use legwork_core::id::RunId;
use legwork_core::run::{Life, Run};
use serde_json::Value as Json;
use uuid::Uuid;

use super::link::Value;
use super::rows::{clean, group_uuid, int, uuid};
use crate::store::columns::{StateColumns, form_number, tells_number};

/// Between the labels of a run on their way to the database; in none of them, since it is taken out.
const BETWEEN: char = '\u{1e}';

/// The labels of a run as they go to the database.
fn joined_labels(metadata: Option<&[u8]>) -> String {
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
pub(super) fn label(key: &str, value: &str) -> String {
    format!("{key}={value}").replace(['\0', BETWEEN], "\u{fffd}")
}

/// What never changes of runs.
#[derive(Default)]
pub(super) struct Runs<'a> {
    pub(super) id: Vec<Uuid>,
    owner: Vec<&'a str>,
    processor: Vec<&'a str>,
    created_at: Vec<i64>,
    metadata: Vec<Option<&'a str>>,
    labels: Vec<String>,
    warnings: Vec<Option<&'a str>>,
    pub(super) group: Vec<Option<Uuid>>,
    previous: Vec<Option<Uuid>>,
    rerun_of: Vec<Option<Uuid>>,
    events: Vec<bool>,
    deadline: Vec<Option<i64>>,
    tells: Vec<i64>,
}

impl<'a> Runs<'a> {
    /// Adds a run, of which is known that what it carries is text.
    pub(super) fn push(&mut self, run: &'a Run) {
        let said = |json: &'a Option<Bytes>| json.as_deref().and_then(|json| std::str::from_utf8(json).ok());
        self.id.push(uuid(run.id));
        self.owner.push(run.owner.as_str());
        self.processor.push(&run.processor);
        self.created_at.push(run.created_at.0);
        self.metadata.push(said(&run.metadata));
        self.labels.push(joined_labels(run.metadata.as_deref()));
        self.warnings.push(said(&run.warnings));
        self.group.push(run.group.map(group_uuid));
        self.previous.push(run.lineage.previous.map(uuid));
        self.rerun_of.push(run.lineage.rerun_of.map(uuid));
        self.events.push(run.life.events);
        self.deadline.push(run.life.deadline.map(|at| at.0));
        self.tells.push(tells_number(run.life.tells));
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
        ]
    }
}

/// The lives of runs.
#[derive(Default)]
pub(super) struct Lives {
    status: Vec<i64>,
    version: Vec<i64>,
    modified_at: Vec<i64>,
    attempts: Vec<i64>,
    finish: Vec<bool>,
    meter: Vec<i64>,
    moment: Vec<Option<i64>>,
    detail: Vec<Option<String>>,
    pub(super) expires_at: Vec<Option<i64>>,
    pub(super) papers: Vec<bool>,
}

impl Lives {
    pub(super) fn push(&mut self, life: &Life) {
        let StateColumns { status, moment, detail } = StateColumns::of(&life.state);
        self.status.push(status);
        self.version.push(int(life.version));
        self.modified_at.push(life.modified_at.0);
        self.attempts.push(i64::from(life.attempts));
        self.finish.push(life.finish);
        self.meter.push(i64::from(life.meter));
        self.moment.push(moment);
        self.detail.push(detail);
        self.expires_at.push(life.expires_at().map(|at| at.0));
        self.papers.push(life.papers);
    }

    pub(super) fn values(&self) -> Vec<Value<'_>> {
        vec![
            &self.status,
            &self.version,
            &self.modified_at,
            &self.attempts,
            &self.finish,
            &self.meter,
            &self.moment,
            &self.detail,
            &self.expires_at,
            &self.papers,
        ]
    }
}

/// The webhooks of runs.
#[derive(Default)]
pub(super) struct Webhooks<'a> {
    pub(super) run: Vec<Uuid>,
    url: Vec<Cow<'a, str>>,
    receiver: Vec<&'a str>,
    secret: Vec<Option<Cow<'a, str>>>,
    form: Vec<i64>,
}

impl<'a> Webhooks<'a> {
    pub(super) fn push(&mut self, id: RunId, Webhook { url, receiver, secret, form }: &'a Webhook) {
        self.run.push(uuid(id));
        self.url.push(clean(url));
        self.receiver.push(receiver);
        self.secret.push(secret.as_deref().map(clean));
        self.form.push(form_number(*form));
    }

    pub(super) fn values(&self) -> Vec<Value<'_>> {
        vec![&self.run, &self.url, &self.receiver, &self.secret, &self.form]
    }
}
