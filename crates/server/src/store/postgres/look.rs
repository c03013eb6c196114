//! A look at a store from outside, while its servers run or not.

use tokio_postgres::error::SqlState;

use super::address::Address;
use super::link::{Door, Link, Sql, unavailable};
use super::open::{DatabaseError, known};
use super::rows::whole;
use super::sql;
use crate::config::DatabaseUrl;

/// What a store in a database says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseSummary {
    /// Its id.
    pub id: String,
    /// The version of its schema.
    pub schema: i64,
    /// The newest version that this program knows.
    pub known: i64,
    /// How many runs it holds.
    pub runs: u64,
    /// How many keys were made in it, those that are good no more included.
    pub keys: usize,
}

/// What lies in a database; `None` if that is no store yet. Nothing is changed, and it is not asked for again when it cannot
/// be reached.
pub async fn look(url: &DatabaseUrl) -> Result<Option<DatabaseSummary>, DatabaseError> {
    let link = Door::to(Address::of(url)?).open().await;
    let link = link.map_err(|error| DatabaseError::Unreachable(unavailable(error)))?;
    match summary(&link).await {
        Err(DatabaseError::Refused(error)) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(None),
        told => told,
    }
}

async fn summary(link: &Link) -> Result<Option<DatabaseSummary>, DatabaseError> {
    let Some(schema) = link.row(&sql::SCHEMA_SEEN, &[]).await? else { return Ok(None) };
    let Some(id) = link.row(&sql::META, &[&"store_id"]).await? else { return Ok(None) };
    Ok(Some(DatabaseSummary {
        id: id.try_get(0)?,
        schema: schema.try_get(0)?,
        known: known(),
        runs: count(link, &sql::COUNT_RUNS).await?,
        keys: usize::try_from(count(link, &sql::COUNT_KEYS).await?).unwrap_or(usize::MAX),
    }))
}

async fn count(link: &Link, statement: &'static Sql) -> Result<u64, DatabaseError> {
    let row = link.row(statement, &[]).await?;
    Ok(row.map_or(Ok(0), |row| whole(&row, 0))?)
}
