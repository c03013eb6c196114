//! Opening the database: is it ours, is it new enough; then the migrations. Several nodes may do so at the same time.

use legwork_core::store::StoreError;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::address::AddressError;
use super::link::{BEGIN, COMMIT, Link, ROLLBACK, Step, Trouble};
use super::rows::int;
use super::sql;

/// Forward only. The position is the schema's version, kept in `legwork_schema`.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/postgres/0001_store.sql"),
    include_str!("../../../migrations/postgres/0002_journal.sql"),
];

/// The table that marks a database as ours, with its schema's version in it.
const MARK: &str = "create table if not exists legwork_schema (one bigint primary key check (one = 1), version bigint not null); \
                    insert into legwork_schema (one, version) values (1, 0) on conflict (one) do nothing";

/// How often somebody else's migration is waited for, two seconds each time.
const WAITS: usize = 150;

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// Its URL is wrong.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// It cannot be reached, or does not let us in.
    #[error("the database cannot be reached")]
    Unreachable(#[source] StoreError),
    /// A later legwork was at it.
    #[error("the database was brought up to date by a newer legwork (schema {found}; this one knows {known})")]
    Newer {
        /// The schema it has.
        found: i64,
        /// The newest schema this program knows.
        known: i64,
    },
    /// It holds tables of somebody else's by the names of ours.
    #[error("the database holds something else")]
    NotOurs(#[source] tokio_postgres::Error),
    /// It says why.
    #[error("the database cannot be opened")]
    Refused(#[from] tokio_postgres::Error),
    /// What it holds cannot be.
    #[error(transparent)]
    Odd(#[from] StoreError),
}

impl DatabaseError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Address(_) => Some("write postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=require"),
            Self::Newer { .. } => Some("use the legwork that did, or a later one"),
            Self::NotOurs(_) => Some("use a database of its own: createdb legwork, --store postgres://…/legwork"),
            Self::Unreachable(_) => {
                Some("see that it runs, and that host, port, user, password and database in --store are right")
            }
            Self::Refused(_) | Self::Odd(_) => None,
        }
    }

    /// Whether it was named wrongly, and is not only out of order.
    pub fn is_mistaken(&self) -> bool {
        match self {
            Self::Address(_) | Self::Newer { .. } | Self::NotOurs(_) => true,
            Self::Unreachable(_) | Self::Refused(_) | Self::Odd(_) => false,
        }
    }
}

/// The newest schema that this program knows.
pub(super) fn known() -> i64 {
    int(MIGRATIONS.len())
}

/// A store that is up to date.
pub(super) struct Opened {
    /// The store's id.
    pub(super) id: String,
    /// What its servers sign with.
    pub(super) seal: [u8; 32],
}

/// Brings the database up to date.
pub(super) async fn open(link: &Link) -> Result<Opened, DatabaseError> {
    migrate(link).await?;
    let id = kept(link, "store_id", format!("store_{}", Uuid::new_v4().simple())).await?;
    let random = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let seal = kept(link, "seal", random).await?;
    Ok(Opened { id, seal: Sha256::digest(seal).into() })
}

async fn migrate(link: &Link) -> Result<(), DatabaseError> {
    // Who may only read and write what is there need not be able to make anything.
    let seen = link.row(&sql::SCHEMA_SEEN, &[]).await;
    if seen.is_ok_and(|row| row.is_some_and(|row| row.get::<_, i64>(0) == known())) {
        return Ok(());
    }
    // Two that make it at the same moment trip over each other; then it is there.
    if link.plain(MARK).await.is_err() {
        drop(link.plain(ROLLBACK).await);
        link.plain(MARK).await?;
    }
    for wait in 0.. {
        match migrated(link).await {
            // Somebody else is at it, which may take its time.
            Err(DatabaseError::Refused(error)) if Trouble::of(&error) == Trouble::Held && wait < WAITS => {}
            Err(failed) => {
                drop(link.plain(ROLLBACK).await);
                return Err(failed);
            }
            Ok(()) => return Ok(()),
        }
        drop(link.plain(ROLLBACK).await);
    }
    Ok(())
}

async fn migrated(link: &Link) -> Result<(), DatabaseError> {
    let held = link.all(&[Step::Plain(BEGIN), Step::With(&sql::SCHEMA, Vec::new())]).await?;
    let found: i64 = held.get(1).and_then(|rows| rows.first()).map_or(Ok(0), |row| row.try_get(0))?;
    let known = known();
    if found > known {
        return Err(DatabaseError::Newer { found, known });
    }
    for migration in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        link.plain(migration).await.map_err(|error| match error.code() {
            Some(&tokio_postgres::error::SqlState::DUPLICATE_TABLE) => DatabaseError::NotOurs(error),
            _ => DatabaseError::Refused(error),
        })?;
    }
    if found < known {
        link.rows(&sql::SET_SCHEMA, &[&known]).await?;
    }
    Ok(link.plain(COMMIT).await?)
}

/// A value that is made once and stays for ever, whoever comes first.
async fn kept(link: &Link, key: &str, value: String) -> Result<String, DatabaseError> {
    link.rows(&sql::SET_META, &[&key, &value]).await?;
    Ok(link.row(&sql::META, &[&key]).await?.map_or(Ok(value), |row| row.try_get(0))?)
}
