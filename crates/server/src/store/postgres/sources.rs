//! Texts that were cited.

use std::collections::BTreeMap;

use bytes::Bytes;
use legwork_core::source::KeptSource;
use legwork_core::store::StoreError;
use legwork_core::time::Micros;
use sha2::{Digest as _, Sha256};
use tokio_postgres::Row;

use super::alone::alone;
use super::link::Value;
use super::pool::Pool;
use super::rows::get;
use super::sql;

/// The columns of texts that are to be kept.
#[derive(Default)]
pub(super) struct Sources<'a> {
    hash: Vec<&'a [u8]>,
    url: Vec<&'a [u8]>,
    url_hash: Vec<Vec<u8>>,
    retrieved_at: Vec<Option<i64>>,
    body: Vec<&'a [u8]>,
}

impl<'a> Sources<'a> {
    /// Each hash once, in their order: so nobody who keeps the same waits for one who waits for him.
    pub(super) fn of(sources: &'a [KeptSource]) -> Self {
        let mut firsts = BTreeMap::new();
        for source in sources {
            firsts.entry(&source.hash).or_insert(source);
        }
        let mut all = Self::default();
        for KeptSource { hash, url, retrieved_at, body } in firsts.into_values() {
            all.hash.push(hash);
            all.url.push(url.as_bytes());
            all.url_hash.push(name_of(url));
            all.retrieved_at.push(retrieved_at.map(|at| at.0));
            all.body.push(body);
        }
        all
    }

    pub(super) fn values(&self) -> Vec<Value<'_>> {
        vec![&self.hash, &self.url, &self.url_hash, &self.retrieved_at, &self.body]
    }
}

/// By what an address is looked for.
fn name_of(url: &str) -> Vec<u8> {
    Sha256::digest(url.as_bytes()).to_vec()
}

pub(super) async fn keep(pool: &Pool, sources: &[KeptSource]) -> Result<(), StoreError> {
    if sources.is_empty() {
        return Ok(());
    }
    let columns = &Sources::of(sources);
    alone(pool, |link| async move {
        link.rows(&sql::KEEP_SOURCES, &columns.values()).await?;
        Ok(())
    })
    .await
}

pub(super) async fn by_hash(pool: &Pool, hash: &[u8; 32]) -> Result<Option<KeptSource>, StoreError> {
    pool.long(&sql::SOURCE_BY_HASH, &[&hash.as_slice()]).await?.first().map(source).transpose()
}

pub(super) async fn at(pool: &Pool, url: &str) -> Result<Option<KeptSource>, StoreError> {
    pool.long(&sql::SOURCE_AT, &[&name_of(url), &url.as_bytes()]).await?.first().map(source).transpose()
}

/// Reads the columns `hash`, `url`, `retrieved_at` and `body`.
pub(super) fn source(row: &Row) -> Result<KeptSource, StoreError> {
    let odd = |_| StoreError::Inconsistent("a text that was cited has no proper name".to_owned());
    Ok(KeptSource {
        hash: get::<&[u8]>(row, 0)?.try_into().map_err(odd)?,
        url: String::from_utf8(get(row, 1)?).map_err(|error| StoreError::Inconsistent(error.to_string()))?,
        retrieved_at: get::<Option<i64>>(row, 2)?.map(Micros),
        body: Bytes::from(get::<Vec<u8>>(row, 3)?),
    })
}
