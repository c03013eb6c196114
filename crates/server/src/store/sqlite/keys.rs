//! The keys that were made for callers. There are few, and all are read at once.

use legwork_core::id::{KeyId, Owner};
use legwork_core::key::{self, Digest, Key};
use legwork_core::store::{AddKeyError, ForgetKeyError, StoreError};
use legwork_core::time::Micros;
use rusqlite::{Connection, Row, params};

use super::read::all;
use super::rows::get;
use super::sql;
use super::writer::Batch;

/// All of them, oldest first.
pub(super) fn all_keys(connection: &Connection) -> Result<Vec<Key>, StoreError> {
    all(connection, sql::KEYS, [], one_key)
}

/// Reads the columns of `sql::KEYS`.
pub(super) fn one_key(row: &Row<'_>) -> Result<Key, StoreError> {
    let moment = |column| Ok(get::<Option<i64>>(row, column)?.map(Micros));
    Ok(Key {
        digest: Digest(get(row, 0)?),
        name: get(row, 1)?,
        ending: get(row, 2)?,
        owner: Owner::named(get::<String>(row, 3)?),
        created_at: Micros(get(row, 4)?),
        expires_at: moment(5)?,
        revoked_at: moment(6)?,
    })
}

fn find(batch: &Batch<'_>, id: KeyId) -> Result<Option<Key>, StoreError> {
    Ok(all_keys(batch.connection)?.into_iter().find(|key| key.id() == id))
}

pub(super) fn add(batch: &Batch<'_>, new: &Key) -> Result<Result<(), AddKeyError>, StoreError> {
    let known = all_keys(batch.connection)?;
    if !key::is_free(&new.name, &known, new.created_at) {
        return Ok(Err(AddKeyError::Taken));
    }
    if known.iter().any(|key| key.id() == new.id()) {
        return Err(StoreError::Inconsistent(format!("the key {} is there already", new.id())));
    }
    put(batch, new).map(Ok)
}

/// Writes a key behind those that are there.
pub(super) fn put(batch: &Batch<'_>, key: &Key) -> Result<(), StoreError> {
    let Key { digest, name, ending, owner, created_at, expires_at, revoked_at } = key;
    let (expires_at, revoked_at) = (expires_at.map(|at| at.0), revoked_at.map(|at| at.0));
    let columns = params![digest.0, name, ending, owner.as_str(), created_at.0, expires_at, revoked_at];
    batch.execute(sql::ADD_KEY, columns).map(drop)
}

pub(super) fn revoke(batch: &Batch<'_>, id: KeyId, now: Micros) -> Result<Option<Key>, StoreError> {
    let Some(key) = find(batch, id)? else { return Ok(None) };
    let key = key.revoked(now);
    batch.execute(sql::REVOKE_KEY, params![key.digest.0, key.revoked_at.map(|at| at.0)])?;
    Ok(Some(key))
}

pub(super) fn forget(batch: &Batch<'_>, id: KeyId, now: Micros) -> Result<Result<(), ForgetKeyError>, StoreError> {
    let Some(key) = find(batch, id)? else { return Ok(Err(ForgetKeyError::Unknown)) };
    if key.is_good(now) {
        return Ok(Err(ForgetKeyError::Good));
    }
    batch.execute(sql::FORGET_KEY, params![key.digest.0])?;
    Ok(Ok(()))
}
