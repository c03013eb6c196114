//! The store written out, as the records of `store::records`.

use std::pin::pin;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use legwork_core::delivery::{Attempt, Webhook};
use legwork_core::id::Owner;
use legwork_core::receipt::{Sign, Ticket};
use legwork_core::secret::Secret;
use legwork_core::store::StoreError;
use legwork_core::time::Micros;
use serde_json::value::RawValue;
use tokio::runtime::Handle;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use super::address::Address;
use super::link::{Door, Link, Sql, unavailable};
use super::open::{self, DatabaseError};
use super::rows::{self, RunRow, fact, get, run_id, whole};
use super::{deliveries, groups, keys, sources, sql};
use crate::config::DatabaseUrl;
use crate::store::columns::{form_of, heard, step};
use crate::store::records::{
    Body, DeliveryRecord, ExportError, FactRecord, Give, GroupRecord, Identity, KeyRecord, Kind, Outgoing,
    ReceiptRecord, Record, RunRecord, SourceRecord, StepRecord, WebhookRecord,
};

/// All that is read is of one moment.
const BEGIN: &str = "begin isolation level repeatable read read only";

/// Why a database cannot be written out.
#[derive(Debug, thiserror::Error)]
pub enum ReadDatabaseError {
    /// It cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// There is no store in it.
    #[error("there is no store in that database")]
    NoStore,
    /// It was last served by an earlier legwork.
    #[error("the store was last served by an older legwork (schema {found}; this one reads {known})")]
    Older {
        /// The schema that it has.
        found: i64,
        /// The one that this binary reads.
        known: i64,
    },
}

impl From<tokio_postgres::Error> for ReadDatabaseError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}

/// A store as it was when this was made, whatever its servers have done since.
pub(crate) struct OutgoingPostgres {
    link: Link,
    runtime: Handle,
}

impl OutgoingPostgres {
    /// The store in this database, as it is now. To be called off the threads of a runtime.
    pub(crate) fn open(url: &DatabaseUrl) -> Result<Self, ReadDatabaseError> {
        let runtime = Handle::current();
        let link = runtime.block_on(begun(url))?;
        Ok(Self { link, runtime })
    }

    /// Rows are read as they are given on: there may be more of them than memory.
    fn each(
        &self,
        statement: &'static Sql,
        give: Give<'_>,
        read: impl Fn(&Row) -> Result<Option<Record>, StoreError>,
    ) -> Result<(), ExportError> {
        let rows = self.runtime.block_on(self.link.stream(statement)).map_err(unavailable)?;
        let mut rows = pin!(rows);
        while let Some(row) = self.runtime.block_on(rows.try_next()).map_err(unavailable)? {
            if let Some(record) = read(&row)? {
                give(record)?;
            }
        }
        Ok(())
    }

    fn row(&self, statement: &'static Sql) -> Result<Row, StoreError> {
        let missing = || StoreError::Inconsistent("the store does not say which one it is".to_owned());
        self.runtime.block_on(self.link.row(statement, &[])).map_err(unavailable)?.ok_or_else(missing)
    }

    fn meta(&self, key: &str) -> Result<String, StoreError> {
        let missing = || StoreError::Inconsistent(format!("the store does not say its {key}"));
        let row = self.runtime.block_on(self.link.row(&sql::META, &[&key])).map_err(unavailable)?;
        get(&row.ok_or_else(missing)?, 0)
    }
}

async fn begun(url: &DatabaseUrl) -> Result<Link, ReadDatabaseError> {
    let link = Door::to(Address::of(url).map_err(DatabaseError::from)?).open_patiently().await;
    let link = link.map_err(DatabaseError::Unreachable)?;
    link.plain(BEGIN).await?;
    let seen = match link.row(&sql::SCHEMA_SEEN, &[]).await {
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => None,
        seen => seen?,
    };
    let found: i64 = seen.ok_or(ReadDatabaseError::NoStore)?.try_get(0)?;
    let known = open::known();
    match found {
        0 => Err(ReadDatabaseError::NoStore),
        _ if found < known => Err(ReadDatabaseError::Older { found, known }),
        _ if found > known => Err(DatabaseError::Newer { found, known }.into()),
        _ => Ok(link),
    }
}

impl Outgoing for OutgoingPostgres {
    fn identity(&mut self) -> Result<Identity, StoreError> {
        Ok(Identity {
            id: self.meta("store_id")?,
            seal: self.meta("seal")?,
            last_run: whole(&self.row(&sql::LAST_RUN)?, 0)?,
            last_fact: whole(&self.row(&sql::FEED_END)?, 0)?,
        })
    }

    fn records(&mut self, kind: Kind, give: Give<'_>) -> Result<(), ExportError> {
        match kind {
            Kind::Key => self.each(&sql::KEYS, give, |row| Ok(Some(Record::Key(KeyRecord(keys::one(row)?))))),
            Kind::Group => self.each(&sql::ALL_GROUPS, give, |row| group(row).map(Some)),
            Kind::Run => self.each(&sql::ALL_RUNS, give, |row| run(row).map(Some)),
            Kind::Fact => self.each(&sql::ALL_FACTS, give, |row| of_log(row).map(Some)),
            Kind::Step => self.each(&sql::ALL_STEPS, give, |row| of_journal(row).map(Some)),
            Kind::Delivery => self.each(&sql::ALL_DELIVERIES, give, |row| delivery(row).map(Some)),
            Kind::Receipt => self.each(&sql::ALL_RECEIPTS, give, |row| receipt(row).map(Some)),
            Kind::Source => self
                .each(&sql::ALL_SOURCES, give, |row| Ok(SourceRecord::of(&sources::source(row)?).map(Record::Source))),
        }
    }
}

fn group(row: &Row) -> Result<Record, StoreError> {
    let groups::GroupRow { last_place, last_end, group } = groups::row(row)?;
    let legwork_core::group::Group { id, owner, created_at, metadata, modified_at, counts: _ } = group;
    Ok(Record::Group(GroupRecord { id, owner, created_at, metadata, modified_at, last_place, last_end }))
}

fn run(row: &Row) -> Result<Record, StoreError> {
    const AFTER: usize = rows::AFTER_LEASE;
    let RunRow { n, run } = rows::run_with_lease(row)?;
    let place = get::<Option<i64>>(row, AFTER)?.map(i64::cast_unsigned);
    let webhook = get::<Option<String>>(row, AFTER + 1)?.map(|url| {
        let (receiver, secret) = (get(row, AFTER + 2)?, get(row, AFTER + 3)?);
        Ok::<_, StoreError>(WebhookRecord(Webhook { url, receiver, secret, form: form_of(get(row, AFTER + 4)?) }))
    });
    let input = body(row, AFTER + 5)?;
    let input = input.ok_or_else(|| StoreError::Inconsistent(format!("run {}: its input is missing", run.id)))?;
    let (n, webhook, output) = (n.cast_unsigned(), webhook.transpose()?, body(row, AFTER + 6)?);
    let secrets = get::<Option<String>>(row, AFTER + 7)?.map(Secret::from);
    Ok(Record::Run(Box::new(RunRecord { n, run, place, webhook, input, output, secrets })))
}

fn of_log(row: &Row) -> Result<Record, StoreError> {
    let run = run_id(get(row, 2)?);
    Ok(Record::Fact(FactRecord { g: whole(row, 0)?, n: whole(row, 1)?, fact: fact(row, 3, run)? }))
}

fn of_journal(row: &Row) -> Result<Record, StoreError> {
    let step = step(get(row, 1)?, rows::body(row, 2)?.unwrap_or_default())?;
    Ok(Record::Step(StepRecord::of(whole(row, 0)?, &step)))
}

fn delivery(row: &Row) -> Result<Record, StoreError> {
    const AFTER: usize = deliveries::COLUMNS;
    let delivery = deliveries::delivery(row)?.delivery;
    let (at, took): (Vec<i64>, Vec<i64>) = (get(row, AFTER + 1)?, get(row, AFTER + 2)?);
    let status: Vec<Option<i64>> = get(row, AFTER + 3)?;
    let (retry_after, said): (Vec<Option<i64>>, Vec<String>) = (get(row, AFTER + 4)?, get(row, AFTER + 5)?);
    let columns = at.into_iter().zip(took).zip(status).zip(retry_after).zip(said);
    let attempts = columns.map(|((((at, took), status), retry_after), said)| {
        let heard = heard(status, retry_after, said)?;
        let took = Duration::from_micros(took.unsigned_abs());
        Ok(Attempt { at: Micros(at), took, heard })
    });
    let attempts = attempts.collect::<Result<_, StoreError>>()?;
    Ok(Record::Delivery(DeliveryRecord::of(delivery, body(row, AFTER)?, attempts)))
}

fn receipt(row: &Row) -> Result<Record, StoreError> {
    let odd = |what: &dyn std::fmt::Display| StoreError::Inconsistent(format!("a receipt cannot be read: {what}"));
    let sign = match (get::<Option<String>>(row, 2)?, get::<Option<i64>>(row, 3)?) {
        (Some(key), _) => Sign::Key(key),
        (None, Some(_)) => Sign::Tries(whole(row, 3)?),
        (None, None) => return Err(odd(&"it says nothing of how it is recognised")),
    };
    let owner = Owner::named(get::<String>(row, 0)?);
    let body = get::<&[u8]>(row, 4)?.try_into().map_err(|_| odd(&"it names no request"))?;
    Ok(Record::Receipt(ReceiptRecord {
        ticket: Ticket { owner, route: get(row, 1)?, body, sign },
        at: Micros(get(row, 5)?),
        n: get::<Option<i64>>(row, 6)?.map(i64::cast_unsigned),
        taken: get(row, 7)?,
        answer: RawValue::from_string(get(row, 8)?).map_err(|error| odd(&error))?,
    }))
}

fn body(row: &Row, column: usize) -> Result<Option<Body>, StoreError> {
    Ok(rows::body(row, column)?.map(Body))
}
