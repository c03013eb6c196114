//! What a store holds, in a form that is no store's own: `legwork export` writes it, and `legwork import` reads it.
//!
//! One JSON object a line. The first is a [`Head`], then come the records, kind by kind in the order of [`Kind::ALL`], so
//! that each stands behind those that it names; the last line counts them, so that a file that was cut off is noticed.
//! What follows from other records is not written: queues, counts, the lines of receivers, the index of the search.
//!
//! A store is read out through [`Outgoing`] and taken in through [`Incoming`]. Both are plain blocking code, which a
//! command calls off the runtime's threads; a store whose library is asynchronous waits for it inside.

mod lines;
mod shape;

use std::collections::BTreeMap;

use bytes::Bytes;
use legwork_core::delivery::{Attempt, Delivery, Standing, Webhook};
use legwork_core::fact::Fact;
use legwork_core::id::{GroupId, Owner};
use legwork_core::journal::Entry;
use legwork_core::key::Key;
use legwork_core::receipt::Ticket;
use legwork_core::run::Run;
use legwork_core::secret::Secret;
use legwork_core::source::KeptSource;
use legwork_core::store::StoreError;
use legwork_core::time::Micros;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tracing::warn;

pub use self::lines::{ExportError, ImportError};
pub(crate) use self::lines::{export, import};
pub(crate) use self::shape::Body;
use crate::source::Source;

/// The version of the form. It rises with every change, also with a field that is added: what a reader does not know would
/// be lost.
pub(crate) const FORMAT: u32 = 2;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    /// The version of the form.
    pub(crate) legwork_export: u32,
    /// The program that wrote it.
    pub(crate) written_by: String,
    /// The store that it was written from.
    pub(crate) store: Identity,
}

/// What makes a store the one that it is, wherever it lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identity {
    /// Its id.
    pub(crate) id: String,
    /// What its seal is made from, as it is kept: tokens and signatures stay good.
    pub(crate) seal: String,
    /// The highest number that a run ever had, be it that the run is gone.
    pub(crate) last_run: u64,
    /// The highest place in the log of all runs that was ever given.
    pub(crate) last_fact: u64,
}

/// One thing that a store holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Record {
    Key(KeyRecord),
    Group(GroupRecord),
    Run(Box<RunRecord>),
    Fact(FactRecord),
    Step(StepRecord),
    Delivery(DeliveryRecord),
    Receipt(ReceiptRecord),
    Source(SourceRecord),
}

/// The kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Keys that were made for callers.
    Key,
    /// Groups.
    Group,
    /// Runs with their inputs, outputs and webhooks.
    Run,
    /// The log of all runs.
    Fact,
    /// Steps that were taken in runs under way.
    Step,
    /// What was owed to webhooks, with every attempt.
    Delivery,
    /// Creates that are known again.
    Receipt,
    /// Texts that were cited.
    Source,
}

impl Kind {
    /// All of them, in the order in which they are written.
    pub const ALL: [Self; 8] =
        [Self::Key, Self::Group, Self::Run, Self::Fact, Self::Step, Self::Delivery, Self::Receipt, Self::Source];

    /// What one of them is called, in a file and to people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Group => "group",
            Self::Run => "run",
            Self::Fact => "fact",
            Self::Step => "step",
            Self::Delivery => "delivery",
            Self::Receipt => "receipt",
            Self::Source => "source",
        }
    }
}

impl Record {
    /// Its kind.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Key(_) => Kind::Key,
            Self::Group(_) => Kind::Group,
            Self::Run(_) => Kind::Run,
            Self::Fact(_) => Kind::Fact,
            Self::Step(_) => Kind::Step,
            Self::Delivery(_) => Kind::Delivery,
            Self::Receipt(_) => Kind::Receipt,
            Self::Source(_) => Kind::Source,
        }
    }
}

/// How many records there are of each kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Counts(BTreeMap<Kind, u64>);

impl Default for Counts {
    fn default() -> Self {
        Self(Kind::ALL.into_iter().map(|kind| (kind, 0)).collect())
    }
}

impl Counts {
    /// How many there are of this kind.
    pub fn of(&self, kind: Kind) -> u64 {
        self.0.get(&kind).copied().unwrap_or(0)
    }

    fn add(&mut self, kind: Kind) {
        *self.0.entry(kind).or_default() += 1;
    }
}

/// A key, in the order in which they were made.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeyRecord(#[serde(with = "shape::KeyShape")] pub(crate) Key);

/// A group, in the order in which they were made. Its counts and the ends in it follow from its runs.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupRecord {
    #[serde(with = "shape::text")]
    pub(crate) id: GroupId,
    pub(crate) owner: Owner,
    pub(crate) created_at: Micros,
    #[serde(with = "shape::some_json")]
    pub(crate) metadata: Option<Bytes>,
    pub(crate) modified_at: Micros,
    /// The place of the last run that was added to it.
    pub(crate) last_place: u64,
    /// The place in the log of all runs of the last end that was told in it.
    pub(crate) last_end: u64,
}

/// A run. Who was at it is not written: whoever takes it in holds its lease for run out, and it goes back into the queue by
/// the rules, as after a death.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunRecord {
    /// Its number: they rise as runs are accepted, and the cursors of lists are made of them.
    pub(crate) n: u64,
    #[serde(with = "shape::RunShape")]
    pub(crate) run: Run,
    /// Its place in its group.
    pub(crate) place: Option<u64>,
    pub(crate) webhook: Option<WebhookRecord>,
    pub(crate) input: Body,
    pub(crate) output: Option<Body>,
    /// What it was given that is shown nowhere, as long as it has not ended. Not in form 1.
    #[serde(default, with = "shape::some_secret")]
    pub(crate) secrets: Option<Secret>,
}

/// A webhook, with the secret that is shown nowhere else.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WebhookRecord(#[serde(with = "shape::WebhookShape")] pub(crate) Webhook);

/// A fact.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FactRecord {
    /// Its place in the log of all runs: the cursors of feeds and of groups' ends are made of them.
    pub(crate) g: u64,
    /// The number of its run.
    pub(crate) n: u64,
    #[serde(with = "shape::FactShape")]
    pub(crate) fact: Fact,
}

/// A step that was taken in a run under way: run by run, and in each in the order in which they were kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepRecord {
    /// The number of its run.
    pub(crate) n: u64,
    pub(crate) key: String,
    pub(crate) body: Body,
}

impl StepRecord {
    /// A step of the run of this number.
    pub(crate) fn of(n: u64, step: &Entry) -> Self {
        Self { n, key: step.key().to_owned(), body: Body(step.body().clone()) }
    }

    /// As a store keeps it.
    pub(crate) fn kept(&self) -> Result<Entry, TakeError> {
        let step = Entry::new(&*self.key, self.body.0.clone());
        Ok(step.map_err(|odd| Refused { which: None, why: odd.to_string() })?)
    }
}

/// Why a step is refused whose run says that there are none.
pub(crate) fn without_papers(n: u64) -> String {
    format!("it is of run number {n}, which has no papers")
}

/// What was owed to a webhook, in the order in which it was. One that a sender is at is written as owed since it was.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeliveryRecord {
    #[serde(with = "shape::DeliveryShape")]
    pub(crate) delivery: Delivery,
    /// What it says, once that is made.
    pub(crate) body: Option<Body>,
    pub(crate) attempts: Vec<AttemptRecord>,
}

impl DeliveryRecord {
    /// A delivery with no sender at it: what was heard of an attempt under way is not known, so it is owed as it was.
    pub(crate) fn of(delivery: Delivery, body: Option<Body>, attempts: Vec<Attempt>) -> Self {
        let delivery = match delivery.standing {
            Standing::Sending { .. } => Delivery { standing: Standing::Owed { due_at: delivery.owed_at }, ..delivery },
            Standing::Owed { .. } | Standing::Delivered { .. } | Standing::GivenUp { .. } => delivery,
        };
        Self { delivery, body, attempts: attempts.into_iter().map(AttemptRecord).collect() }
    }
}

/// An attempt.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AttemptRecord(#[serde(with = "shape::AttemptShape")] pub(crate) Attempt);

/// A receipt, in the order in which they were given.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiptRecord {
    #[serde(with = "shape::TicketShape")]
    pub(crate) ticket: Ticket,
    pub(crate) at: Micros,
    /// The number of the run with which it goes, if it is one's.
    pub(crate) n: Option<u64>,
    /// A retry has taken it over, or its answer was handed over.
    pub(crate) taken: bool,
    /// What was created, as stores keep it.
    pub(crate) answer: Box<RawValue>,
}

/// A text that was cited, as it was read, in the order of their hashes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceRecord {
    /// SHA-256 of the text, in lower-case hexadecimal.
    pub(crate) hash: String,
    pub(crate) url: String,
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) retrieved_at: Option<Micros>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) published: Option<String>,
}

impl SourceRecord {
    /// A text that a store keeps. One that is damaged is left out, as it is for who asks for it, and said.
    pub(crate) fn of(kept: &KeptSource) -> Option<Self> {
        let Some(source) = Source::unpacked(&kept.body) else {
            warn!(url = kept.url, "a cited text is damaged and is left out");
            return None;
        };
        let Source { hash, url, title, text, retrieved_at, published } = source;
        Some(Self { hash, url, title, text, retrieved_at, published })
    }

    /// As a store keeps it.
    pub(crate) fn kept(&self) -> Result<KeptSource, TakeError> {
        let Self { hash, url, title, text, retrieved_at, published } = self;
        let (hash, url, title, text) = (hash.clone(), url.clone(), title.clone(), text.clone());
        let (retrieved_at, published) = (*retrieved_at, published.clone());
        let source = Source { hash, url, title, text, retrieved_at, published };
        if !source.is_whole() {
            return Err(Refused { which: None, why: "its hash is not that of its text".to_owned() }.into());
        }
        Ok(source.packed().map_err(|error| StoreError::Unavailable(error.into()))?)
    }
}

/// Takes a record that was read out.
pub(crate) type Give<'a> = &'a mut dyn FnMut(Record) -> Result<(), ExportError>;

/// A store as it is at one moment, to be read out.
pub(crate) trait Outgoing {
    /// What makes it the store that it is.
    fn identity(&mut self) -> Result<Identity, StoreError>;

    /// Gives every record of this kind, in the order that the kind says.
    fn records(&mut self, kind: Kind, give: Give<'_>) -> Result<(), ExportError>;
}

/// An empty store that takes in the records of another. Dropped before [`Incoming::finish`] it is as empty as before.
pub(crate) trait Incoming {
    /// Becomes the store with this identity, if it holds nothing yet.
    fn begin(&mut self, identity: &Identity) -> Result<(), TakeError>;

    /// Takes some records of one kind. The kinds come in the order of [`Kind::ALL`], runs by rising `n` and facts by
    /// rising `g`. [`Refused`] what names something that has not come before.
    fn take(&mut self, records: &[Record]) -> Result<(), TakeError>;

    /// That was all. Makes what follows from the records, checks that each run has its whole log, and keeps everything.
    fn finish(&mut self) -> Result<(), TakeError>;
}

/// Why a store does not take something in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TakeError {
    /// What it was given cannot be.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It holds something already.
    #[error("the store is not empty")]
    NotEmpty,
    /// It could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is wrong with what a store was given.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub(crate) struct Refused {
    /// Which of the records it is about, if that can be said.
    pub(crate) which: Option<usize>,
    /// What is wrong with it.
    pub(crate) why: String,
}
