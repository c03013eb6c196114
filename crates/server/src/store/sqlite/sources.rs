//! Texts that were cited.

use bytes::Bytes;
use legwork_core::source::KeptSource;
use legwork_core::store::StoreError;
use legwork_core::time::Micros;
use rusqlite::{Connection, Row, params};

use super::read::one;
use super::rows::get;
use super::sql;
use super::writer::Batch;

pub(super) fn keep(batch: &Batch<'_>, sources: &[KeptSource]) -> Result<(), StoreError> {
    for KeptSource { hash, url, retrieved_at, body } in sources {
        batch.execute(sql::KEEP_SOURCE, params![hash, url, retrieved_at.map(|at| at.0), body.as_ref()])?;
    }
    Ok(())
}

pub(super) fn by_hash(connection: &Connection, hash: &[u8; 32]) -> Result<Option<KeptSource>, StoreError> {
    one(connection, sql::SOURCE_BY_HASH, params![hash], source)
}

pub(super) fn at(connection: &Connection, url: &str) -> Result<Option<KeptSource>, StoreError> {
    one(connection, sql::SOURCE_AT, params![url], source)
}

pub(super) fn source(row: &Row<'_>) -> Result<KeptSource, StoreError> {
    Ok(KeptSource {
        hash: get(row, 0)?,
        url: get(row, 1)?,
        retrieved_at: get::<Option<i64>>(row, 2)?.map(Micros),
        body: Bytes::from(get::<Vec<u8>>(row, 3)?),
    })
}
