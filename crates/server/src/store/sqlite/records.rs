//! The embedded store written out and taken in, as the records of `store::records`.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use legwork_core::delivery::{Delivery, Webhook};
use legwork_core::id::{GroupId, Owner, RunId};
use legwork_core::receipt::{Sign, Ticket};
use legwork_core::run::{Run, Status};
use legwork_core::secret::Secret;
use legwork_core::source::KeptSource;
use legwork_core::store::StoreError;
use legwork_core::time::Micros;
use rusqlite::{Connection, ErrorCode, Row, params};
use serde_json::value::RawValue;

use super::open::{self, OpenError, Opened};
use super::read::{self, one};
use super::rows::{self, RunRow, get, unavailable};
use super::writer::Batch;
use super::{copy, deliveries, groups, journal, keys, sources, sql, write};
use crate::metrics::Metrics;
use crate::store::columns::{StandingColumns, form_of, text};
use crate::store::records::{
    AttemptRecord, Body, DeliveryRecord, ExportError, FactRecord, Give, GroupRecord, Identity, Incoming, KeyRecord,
    Kind, Outgoing, ReceiptRecord, Record, Refused, RunRecord, SourceRecord, StepRecord, TakeError, WebhookRecord,
    without_papers,
};

/// A store as it was when this was made, whatever its server has done since.
pub(crate) struct OutgoingSqlite {
    connection: Connection,
}

/// Why a store cannot be written out.
#[derive(Debug, thiserror::Error)]
pub enum ReadOutError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It was last served by an earlier legwork.
    #[error("the store was last served by an older legwork (schema {found}; this one reads {known})")]
    Older {
        /// The schema that it has.
        found: usize,
        /// The one that this binary reads.
        known: usize,
    },
    /// It does not answer as it should.
    #[error("the store cannot be read")]
    Read(#[source] rusqlite::Error),
}

impl OutgoingSqlite {
    /// The store in this file, as it is now.
    pub(crate) fn open(file: &Path) -> Result<Self, ReadOutError> {
        let connection = copy::reading(file)?;
        let found: usize = open::pragma(&connection, "user_version").map_err(ReadOutError::Read)?;
        if found < open::SCHEMA {
            return Err(ReadOutError::Older { found, known: open::SCHEMA });
        }
        connection.execute_batch("begin").map_err(ReadOutError::Read)?;
        Ok(Self { connection })
    }

    fn each(
        &self,
        statement: &str,
        give: Give<'_>,
        read: impl Fn(&Row<'_>) -> Result<Record, StoreError>,
    ) -> Result<(), ExportError> {
        let mut statement = self.connection.prepare(statement).map_err(unavailable)?;
        let mut rows = statement.query([]).map_err(unavailable)?;
        while let Some(row) = rows.next().map_err(unavailable)? {
            give(read(row)?)?;
        }
        Ok(())
    }

    fn sources(&self, give: Give<'_>) -> Result<(), ExportError> {
        let mut statement = self.connection.prepare(sql::ALL_SOURCES).map_err(unavailable)?;
        let mut rows = statement.query([]).map_err(unavailable)?;
        while let Some(row) = rows.next().map_err(unavailable)? {
            if let Some(source) = SourceRecord::of(&sources::source(row)?) {
                give(Record::Source(source))?;
            }
        }
        Ok(())
    }

    fn number(&self, statement: &str) -> Result<u64, StoreError> {
        Ok(one(&self.connection, statement, [], |row| get(row, 0))?.unwrap_or(0))
    }

    fn text(&self, statement: &str) -> Result<String, StoreError> {
        let missing = || StoreError::Inconsistent("the store does not say which one it is".to_owned());
        one(&self.connection, statement, [], |row| get(row, 0))?.ok_or_else(missing)
    }

    fn delivery(&self, row: &Row<'_>) -> Result<Record, StoreError> {
        let found = deliveries::delivery(row)?;
        let attempts = read::all(&self.connection, sql::ATTEMPTS_OF, params![found.d], deliveries::attempt)?;
        let body = body(row, deliveries::COLUMNS)?;
        Ok(Record::Delivery(DeliveryRecord::of(found.delivery, body, attempts)))
    }
}

impl Outgoing for OutgoingSqlite {
    fn identity(&mut self) -> Result<Identity, StoreError> {
        Ok(Identity {
            id: self.text(sql::STORE_ID)?,
            seal: self.text(sql::SEAL)?,
            last_run: self.number(sql::LAST_RUN)?,
            last_fact: self.number(sql::FEED_END)?,
        })
    }

    fn records(&mut self, kind: Kind, give: Give<'_>) -> Result<(), ExportError> {
        match kind {
            Kind::Key => self.each(sql::KEYS, give, |row| Ok(Record::Key(KeyRecord(keys::one_key(row)?)))),
            Kind::Group => self.each(sql::ALL_GROUPS, give, group),
            Kind::Run => self.each(sql::ALL_RUNS, give, run),
            Kind::Fact => self.each(sql::ALL_FACTS, give, fact),
            Kind::Step => self.each(sql::ALL_STEPS, give, step),
            Kind::Delivery => self.each(sql::ALL_DELIVERIES, give, |row| self.delivery(row)),
            Kind::Receipt => self.each(sql::ALL_RECEIPTS, give, receipt),
            Kind::Source => self.sources(give),
        }
    }
}

fn group(row: &Row<'_>) -> Result<Record, StoreError> {
    let groups::GroupRow { last_place, last_end, group, .. } = groups::row(row)?;
    let legwork_core::group::Group { id, owner, created_at, metadata, modified_at, counts: _ } = group;
    Ok(Record::Group(GroupRecord { id, owner, created_at, metadata, modified_at, last_place, last_end }))
}

fn run(row: &Row<'_>) -> Result<Record, StoreError> {
    const AFTER: usize = rows::AFTER_RUN;
    let RunRow { n, run } = rows::run(row)?;
    let webhook = get::<Option<String>>(row, AFTER + 1)?.map(|url| {
        let (receiver, secret) = (get(row, AFTER + 2)?, get(row, AFTER + 3)?);
        Ok(WebhookRecord(Webhook { url, receiver, secret, form: form_of(get(row, AFTER + 4)?) }))
    });
    let input = body(row, AFTER + 5)?;
    let input = input.ok_or_else(|| StoreError::Inconsistent(format!("run {}: its input is missing", run.id)))?;
    let (n, place, webhook, output) =
        (n.cast_unsigned(), get(row, AFTER)?, webhook.transpose()?, body(row, AFTER + 6)?);
    let secrets = get::<Option<String>>(row, AFTER + 7)?.map(Secret::from);
    Ok(Record::Run(Box::new(RunRecord { n, run, place, webhook, input, output, secrets })))
}

fn fact(row: &Row<'_>) -> Result<Record, StoreError> {
    let n: u64 = get(row, 1)?;
    Ok(Record::Fact(FactRecord { g: get(row, 0)?, n, fact: read::fact_of(row, 2, &n)? }))
}

fn step(row: &Row<'_>) -> Result<Record, StoreError> {
    Ok(Record::Step(StepRecord::of(get(row, 0)?, &journal::entry(row, 1)?)))
}

fn receipt(row: &Row<'_>) -> Result<Record, StoreError> {
    let odd = |what: &dyn std::fmt::Display| StoreError::Inconsistent(format!("a receipt cannot be read: {what}"));
    let sign = match (get::<Option<String>>(row, 2)?, get::<Option<u32>>(row, 3)?) {
        (Some(key), _) => Sign::Key(key),
        (None, Some(tries)) => Sign::Tries(tries),
        (None, None) => return Err(odd(&"it says nothing of how it is recognised")),
    };
    let owner = Owner::named(get::<String>(row, 0)?);
    Ok(Record::Receipt(ReceiptRecord {
        ticket: Ticket { owner, route: get(row, 1)?, body: get(row, 4)?, sign },
        at: Micros(get(row, 5)?),
        n: get(row, 6)?,
        taken: get(row, 7)?,
        answer: RawValue::from_string(get(row, 8)?).map_err(|error| odd(&error))?,
    }))
}

fn body(row: &Row<'_>, column: usize) -> Result<Option<Body>, StoreError> {
    Ok(get::<Option<Vec<u8>>>(row, column)?.map(|bytes| Body(Bytes::from(bytes))))
}

/// A store that becomes another, in one transaction: whatever happens before its end, it is as empty as it was.
pub(crate) struct IncomingSqlite {
    connection: Connection,
    /// Counts for nobody: who serves the store counts it when it is opened.
    metrics: Arc<Metrics>,
}

impl IncomingSqlite {
    /// The store in this file, which is made if it is not there. The caller holds the folder's lock.
    pub(crate) fn open(file: &Path) -> Result<Self, OpenError> {
        let Opened { connection, .. } = open::for_writing(file)?;
        Ok(Self { connection, metrics: Metrics::new([]) })
    }

    fn batch(&self) -> Batch<'_> {
        Batch::on(&self.connection, &self.metrics, 0)
    }
}

impl Incoming for IncomingSqlite {
    fn begin(&mut self, identity: &Identity) -> Result<(), TakeError> {
        let batch = self.batch();
        batch.execute("begin immediate", [])?;
        if one(&self.connection, sql::IS_USED, [], |row| get(row, 0))?.unwrap_or(true) {
            return Err(TakeError::NotEmpty);
        }
        let Identity { id, seal, last_run, last_fact } = identity;
        batch.execute(sql::BECOME, params![id, seal, last_run.to_string(), last_fact.to_string()])?;
        // Runs that are gone leave these behind.
        batch.execute(sql::FORGET_RECEIVERS, [])?;
        // The search reads the log from its beginning, a moment later.
        batch.execute(sql::SEARCH_ANEW, [])?;
        Ok(())
    }

    fn take(&mut self, records: &[Record]) -> Result<(), TakeError> {
        let mut batch = self.batch();
        for (which, record) in records.iter().enumerate() {
            put(&mut batch, record).map_err(|error| match error {
                TakeError::Store(error) => impossible(error, which),
                TakeError::Refused(Refused { why, .. }) => Refused { which: Some(which), why }.into(),
                TakeError::NotEmpty => TakeError::NotEmpty,
            })?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), TakeError> {
        let batch = self.batch();
        batch.execute(sql::PUT_RECEIVERS, [])?;
        let id = |row: &Row<'_>| Ok(RunId::from_bytes(get(row, 0)?));
        if let Some(id) = one(&self.connection, sql::WITHOUT_ITS_LOG, [], id)? {
            return Err(Refused { which: None, why: format!("the log of {id} is not all there") }.into());
        }
        batch.execute("commit", [])?;
        Ok(())
    }
}

/// What the file's own rules do not let in is the record's fault, and not the disk's.
fn impossible(error: StoreError, which: usize) -> TakeError {
    let why = match &error {
        StoreError::Unavailable(cause) => cause.downcast_ref::<rusqlite::Error>().filter(|cause| {
            matches!(cause, rusqlite::Error::ToSqlConversionFailure(_))
                || cause.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
        }),
        StoreError::Busy | StoreError::Inconsistent(_) => None,
    };
    match why.map(ToString::to_string) {
        Some(why) => Refused { which: Some(which), why }.into(),
        None => error.into(),
    }
}

fn put(batch: &mut Batch<'_>, record: &Record) -> Result<(), TakeError> {
    match record {
        Record::Key(KeyRecord(key)) => Ok(keys::put(batch, key)?),
        Record::Group(group) => put_group(batch, group),
        Record::Run(run) => put_run(batch, run),
        Record::Fact(fact) => put_fact(batch, fact),
        Record::Step(step) => put_step(batch, step),
        Record::Delivery(delivery) => put_delivery(batch, delivery),
        Record::Receipt(receipt) => put_receipt(batch, receipt),
        Record::Source(source) => put_source(batch, source),
    }
}

fn refuse(why: impl Into<String>) -> TakeError {
    Refused { which: None, why: why.into() }.into()
}

fn put_group(batch: &Batch<'_>, of: &GroupRecord) -> Result<(), TakeError> {
    let GroupRecord { id, owner, created_at, metadata, modified_at, last_place, last_end } = of;
    let text = text(metadata.as_deref())?;
    let (created_at, modified_at) = (created_at.0, modified_at.0);
    let columns = params![id.to_bytes(), owner.as_str(), created_at, text, modified_at, last_place, last_end];
    batch.execute(sql::PUT_GROUP, columns)?;
    Ok(())
}

fn put_run(batch: &mut Batch<'_>, of: &RunRecord) -> Result<(), TakeError> {
    let RunRecord { n, run, place, webhook, input, output, secrets } = of;
    // The reader has checked that it is no higher than a store can keep.
    let n = n.cast_signed();
    write::with_columns(run, |columns| {
        let number: &dyn rusqlite::ToSql = &n;
        let columns: Vec<_> = columns.iter().copied().chain([number]).collect();
        batch.execute(sql::PUT_RUN, &*columns)
    })?;
    batch.execute(sql::ADD_INPUT, params![n, &*input.0])?;
    if let Some(output) = output {
        batch.execute(sql::ADD_OUTPUT, params![n, &*output.0])?;
    }
    if let Some(WebhookRecord(webhook)) = webhook {
        deliveries::register(batch, n, webhook)?;
    }
    if let Some(secrets) = secrets {
        journal::keep_secrets(batch, n, secrets)?;
    }
    if let Some(lease) = run.life.state.lease() {
        let (node, token, until) = (lease.node.0.cast_signed(), lease.token.0.cast_signed(), lease.until.0);
        let columns = params![n, run.owner.as_str(), node, token, run.life.attempts, until];
        batch.execute(sql::SET_LEASE, columns)?;
    }
    let row = RunRow { n, run: run.clone() };
    write::move_in_queue(batch, &row, None, write::place(&run.life))?;
    run.group.map_or(Ok(()), |group| put_into_group(batch, group, n, run, *place))
}

fn put_into_group(
    batch: &mut Batch<'_>,
    group: GroupId,
    n: i64,
    run: &Run,
    place: Option<u64>,
) -> Result<(), TakeError> {
    if groups::read(batch.connection, group)?.is_none() {
        return Err(refuse(format!("it names {group}, which has not come before")));
    }
    // When the group last changed stands in its record.
    groups::count(batch, group, None, Some(run.life.status()), Micros(i64::MIN))?;
    if let Some(place) = place {
        batch.execute(sql::PUT_GROUP_RUN, params![group.to_bytes(), place, n])?;
    }
    Ok(())
}

fn put_fact(batch: &Batch<'_>, of: &FactRecord) -> Result<(), TakeError> {
    let n = known(batch, of.n)?;
    write::put_fact(batch, of.g, n, &of.fact)?;
    if of.fact.what.entered().is_some_and(Status::is_ended) {
        batch.execute(sql::PUT_GROUP_END, params![of.g, n])?;
    }
    Ok(())
}

fn put_step(batch: &Batch<'_>, of: &StepRecord) -> Result<(), TakeError> {
    let n = known(batch, of.n)?;
    let step = of.kept()?;
    match batch.execute(sql::PUT_STEP, params![n, step.key(), &**step.body()])? {
        0 => Err(refuse(without_papers(of.n))),
        _ => Ok(()),
    }
}

/// The number of a run that has come before.
fn known(batch: &Batch<'_>, n: u64) -> Result<i64, TakeError> {
    let number = |row: &Row<'_>| get::<[u8; 16]>(row, 0).map(drop);
    match one(batch.connection, sql::ID_BY_N, params![n], number)? {
        Some(()) => Ok(n.cast_signed()),
        None => Err(refuse(format!("it names run number {n}, which has not come before"))),
    }
}

fn put_delivery(batch: &mut Batch<'_>, of: &DeliveryRecord) -> Result<(), TakeError> {
    let DeliveryRecord { delivery, body, attempts } = of;
    let Delivery { id, owed_at, standing, tries, since } = delivery;
    let StandingColumns { outcome, due_at, settled_at } = StandingColumns::of(*standing);
    let (run, since) = (id.run.to_bytes(), since.map(|at| at.0));
    let columns = params![run, id.seq, owed_at.0, tries, since, due_at, settled_at, outcome];
    if batch.execute(sql::PUT_DELIVERY, columns)? == 0 {
        return Err(refuse("it tells of a fact that has not come before, or its run has no webhook"));
    }
    let d = batch.connection.last_insert_rowid();
    if let Some(body) = body {
        batch.execute(sql::KEEP_BODY, params![d, &*body.0])?;
    }
    for AttemptRecord(attempt) in attempts {
        deliveries::add_attempt(batch, d, attempt)?;
    }
    Ok(())
}

fn put_receipt(batch: &Batch<'_>, of: &ReceiptRecord) -> Result<(), TakeError> {
    let ReceiptRecord { ticket: Ticket { owner, route, body, sign }, at, n, taken, answer } = of;
    let (key, tries) = match sign {
        Sign::Key(key) => (Some(key), None),
        Sign::Tries(tries) => (None, Some(*tries)),
    };
    let n = n.map(|n| known(batch, n)).transpose()?;
    let columns = params![owner.as_str(), route, key, tries, body, at.0, n, taken, answer.get()];
    batch.execute(sql::PUT_RECEIPT, columns)?;
    Ok(())
}

fn put_source(batch: &Batch<'_>, of: &SourceRecord) -> Result<(), TakeError> {
    let KeptSource { hash, url, retrieved_at, body } = of.kept()?;
    let columns = params![hash, url, retrieved_at.map(|at| at.0), body.as_ref()];
    batch.execute(sql::KEEP_SOURCE, columns)?;
    Ok(())
}
