//! The keys that were made for callers. There are few, and all are read at once.

use legwork_core::id::{KeyId, Owner};
use legwork_core::key::{self, Digest, Key};
use legwork_core::store::{AddKeyError, ForgetKeyError, StoreError};
use legwork_core::time::Micros;
use tokio_postgres::Row;

use super::alone::{Stopped, alone};
use super::link::{BEGIN, COMMIT, Link, Step};
use super::pool::Pool;
use super::rows::get;
use super::sql;

/// All of them, oldest first.
pub(super) async fn all(pool: &Pool) -> Result<Vec<Key>, StoreError> {
    pool.rows(&sql::KEYS, &[]).await?.iter().map(one).collect()
}

/// Reads the columns of `sql::KEYS`.
pub(super) fn one(row: &Row) -> Result<Key, StoreError> {
    let moment = |column| Ok::<_, StoreError>(get::<Option<i64>>(row, column)?.map(Micros));
    let digest: [u8; 32] =
        get::<&[u8]>(row, 0)?.try_into().map_err(|_| StoreError::Inconsistent("a key's digest is none".to_owned()))?;
    Ok(Key {
        digest: Digest(digest),
        name: get(row, 1)?,
        ending: get(row, 2)?,
        owner: Owner::named(get::<String>(row, 3)?),
        created_at: Micros(get(row, 4)?),
        expires_at: moment(5)?,
        revoked_at: moment(6)?,
    })
}

/// Begins a transaction in which nobody else changes keys, and reads them.
async fn held(link: &Link) -> Result<Vec<Key>, Stopped> {
    let steps = [Step::Plain(BEGIN), Step::With(&sql::HOLD_KEYS, Vec::new()), Step::With(&sql::KEYS, Vec::new())];
    let found = link.all(&steps).await?;
    Ok(found.last().into_iter().flatten().map(one).collect::<Result<_, _>>()?)
}

async fn over(link: &Link) -> Result<(), Stopped> {
    link.plain(COMMIT).await.map_err(Stopped::at_commit)
}

pub(super) async fn add(pool: &Pool, new: &Key) -> Result<(), AddKeyError> {
    let added = alone(pool, |link| async move {
        let known = held(&link).await?;
        if !key::is_free(&new.name, &known, new.created_at) {
            over(&link).await?;
            return Ok(Err(AddKeyError::Taken));
        }
        if known.iter().any(|key| key.id() == new.id()) {
            return Err(StoreError::Inconsistent(format!("the key {} is there already", new.id())).into());
        }
        let Key { digest, name, ending, owner, created_at, expires_at, revoked_at } = new;
        let (expires_at, revoked_at) = (expires_at.map(|at| at.0), revoked_at.map(|at| at.0));
        let (digest, owner) = (digest.0.as_slice(), owner.as_str());
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
            [&digest, name, ending, &owner, &created_at.0, &expires_at, &revoked_at];
        link.rows(&sql::ADD_KEY, &values).await?;
        over(&link).await?;
        Ok(Ok(()))
    });
    added.await?
}

pub(super) async fn revoke(pool: &Pool, id: KeyId, now: Micros) -> Result<Option<Key>, StoreError> {
    let revoked = alone(pool, |link| async move {
        let key = held(&link).await?.into_iter().find(|key| key.id() == id).map(|key| key.revoked(now));
        if let Some(key) = &key {
            link.rows(&sql::REVOKE_KEY, &[&key.digest.0.as_slice(), &key.revoked_at.map(|at| at.0)]).await?;
        }
        over(&link).await?;
        Ok(key)
    });
    revoked.await
}

pub(super) async fn forget(pool: &Pool, id: KeyId, now: Micros) -> Result<(), ForgetKeyError> {
    let forgotten = alone(pool, |link| async move {
        let key = held(&link).await?.into_iter().find(|key| key.id() == id);
        let answer = match &key {
            None => Err(ForgetKeyError::Unknown),
            Some(key) if key.is_good(now) => Err(ForgetKeyError::Good),
            Some(key) => {
                link.rows(&sql::FORGET_KEY, &[&key.digest.0.as_slice()]).await?;
                Ok(())
            }
        };
        over(&link).await?;
        Ok(answer)
    });
    forgotten.await?
}
