//! What lies beside runs under way for their work alone: the steps that were taken, and what nobody is shown.

use bytes::Bytes;
use legwork_core::id::RunId;
use legwork_core::journal::Entry;
use legwork_core::secret::Secret;
use legwork_core::store::StoreError;
use rusqlite::{Connection, Row, params};

use super::read::{all, one};
use super::rows::get;
use super::sql;
use super::writer::Batch;
use crate::store::columns::step;

/// Keeps those whose names are new to the run.
pub(super) fn keep(batch: &Batch<'_>, n: i64, steps: &[Entry]) -> Result<(), StoreError> {
    steps.iter().try_for_each(|step| batch.execute(sql::KEEP_STEP, params![n, step.key(), &**step.body()]).map(drop))
}

pub(super) fn of_run(connection: &Connection, id: RunId) -> Result<Vec<Entry>, StoreError> {
    all(connection, sql::JOURNAL_OF, params![id.to_bytes()], |row| entry(row, 0))
}

/// Reads the columns `key` and `body`, which begin at `first`.
pub(super) fn entry(row: &Row<'_>, first: usize) -> Result<Entry, StoreError> {
    step(get(row, first)?, Bytes::from(get::<Vec<u8>>(row, first + 1)?))
}

pub(super) fn keep_secrets(batch: &Batch<'_>, n: i64, secrets: &Secret) -> Result<(), StoreError> {
    batch.execute(sql::ADD_SECRETS, params![n, secrets.reveal()]).map(drop)
}

pub(super) fn secrets_of(connection: &Connection, id: RunId) -> Result<Option<Secret>, StoreError> {
    one(connection, sql::SECRETS_OF, params![id.to_bytes()], |row| Ok(Secret::from(get::<String>(row, 0)?)))
}

/// The run has ended, or is removed.
pub(super) fn forget(batch: &Batch<'_>, n: i64) -> Result<(), StoreError> {
    batch.execute(sql::FORGET_JOURNAL, params![n])?;
    batch.execute(sql::FORGET_SECRETS, params![n]).map(drop)
}
