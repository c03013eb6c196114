//! Opening the file: is it ours, is it new enough, is SQLite new enough; then the migrations.

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::sql;

/// Marks the file as ours, in its header: "LGWK".
const APPLICATION_ID: i32 = 0x4c47_574b;

/// Forward only. The position is the schema's version, kept in `user_version`.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/sqlite/0001_runs.sql"),
    include_str!("../../../migrations/sqlite/0002_search.sql"),
    include_str!("../../../migrations/sqlite/0003_webhooks.sql"),
    include_str!("../../../migrations/sqlite/0004_groups.sql"),
    include_str!("../../../migrations/sqlite/0005_receipts.sql"),
    include_str!("../../../migrations/sqlite/0006_keys.sql"),
    include_str!("../../../migrations/sqlite/0007_lineage.sql"),
    include_str!("../../../migrations/sqlite/0008_sources.sql"),
    include_str!("../../../migrations/sqlite/0009_age.sql"),
    include_str!("../../../migrations/sqlite/0010_journal.sql"),
];

/// The newest schema that this program knows.
pub(super) const SCHEMA: usize = MIGRATIONS.len();

/// The first schema with keys in it.
pub(super) const SINCE_KEYS: usize = 6;

/// Before this version two connections could corrupt the log (sqlite.org/wal.html, "the WAL-reset bug").
const OLDEST_SQLITE: i32 = 3_051_003;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The SQLite that this binary was linked with has a bug that loses data.
    #[error("SQLite {0} is too old: versions before 3.51.3 can corrupt a store")]
    OldSqlite(String),
    /// The file was written by a later legwork.
    #[error("{} was written by a newer legwork (schema {found}; this one knows {known})", file.display())]
    Newer {
        /// The file.
        file: PathBuf,
        /// The schema it has.
        found: usize,
        /// The newest schema this binary knows.
        known: usize,
    },
    /// The file is somebody else's.
    #[error("{} is not a legwork store", .0.display())]
    NotOurs(PathBuf),
    /// SQLite says why.
    #[error("the store {} cannot be opened", file.display())]
    Sqlite {
        /// The file.
        file: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
}

/// A store that is up to date.
pub(super) struct Opened {
    /// The writer's connection.
    pub(super) connection: Connection,
    /// The store's id.
    pub(super) id: String,
    /// What its server signs with.
    pub(super) seal: [u8; 32],
    /// The highest number that was ever given to a fact.
    pub(super) last_fact: u64,
}

/// Opens the file, or makes it, and brings it up to date.
pub(super) fn for_writing(file: &Path) -> Result<Opened, OpenError> {
    check_sqlite(rusqlite::version_number(), rusqlite::version())?;
    let failed = |source| OpenError::Sqlite { file: file.to_owned(), source };
    create(file);
    let mut connection = Connection::open(file).map_err(failed)?;
    check_file(&connection, file)?;
    // Only now is it known to be ours.
    close(file);
    settings(&connection).map_err(failed)?;
    migrate(&mut connection).map_err(failed)?;
    let id = kept(&connection, sql::STORE_ID, sql::SET_STORE_ID, || format!("store_{}", Uuid::new_v4().simple()));
    let id = id.map_err(failed)?;
    let random = || format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let seal = kept(&connection, sql::SEAL, sql::SET_SEAL, random).map_err(failed)?;
    for statement in [sql::VOID_LEASES, sql::VOID_RECEIVERS, sql::VOID_DELIVERIES] {
        connection.execute(statement, []).map_err(failed)?;
    }
    let last_fact = connection.query_row(sql::FEED_END, [], |row| row.get(0)).map_err(failed)?;
    Ok(Opened { connection, id, seal: Sha256::digest(seal).into(), last_fact })
}

/// Makes the file, if there is none, so that only its user can read it. SQLite gives its log the same mode.
fn create(file: &Path) {
    // Whatever is odd here, opening it says so.
    drop(OpenOptions::new().write(true).create_new(true).mode(0o600).open(file));
}

/// Takes the file, and what lies beside it, from everybody but its user: earlier versions did not.
fn close(file: &Path) {
    for ending in ["", "-wal", "-shm"] {
        let mut path = file.as_os_str().to_owned();
        path.push(ending);
        let Ok(there) = fs::metadata(&path) else { continue };
        let mode = there.permissions().mode();
        if mode & 0o077 != 0 {
            // A file that is another user's, who lets us write to it, stays as he wants it.
            drop(fs::set_permissions(&path, Permissions::from_mode(mode & !0o077)));
        }
    }
}

/// A connection that can only read.
pub(super) fn for_reading(file: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    every_connection(&connection)?;
    Ok(connection)
}

/// What readers and the writer have in common.
fn every_connection(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(128);
    // A plan does not depend on the values that are bound; else each binding of other values plans the statement anew.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn check_sqlite(number: i32, name: &str) -> Result<(), OpenError> {
    if number < OLDEST_SQLITE { Err(OpenError::OldSqlite(name.to_owned())) } else { Ok(()) }
}

pub(super) fn check_file(connection: &Connection, file: &Path) -> Result<(), OpenError> {
    let failed = |source: rusqlite::Error| match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => OpenError::NotOurs(file.to_owned()),
        _ => OpenError::Sqlite { file: file.to_owned(), source },
    };
    let tables: i64 =
        connection.query_row("select count(*) from sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    let application: i32 = pragma(connection, "application_id").map_err(failed)?;
    if tables > 0 && application != APPLICATION_ID {
        return Err(OpenError::NotOurs(file.to_owned()));
    }
    let found: usize = pragma(connection, "user_version").map_err(failed)?;
    if found > MIGRATIONS.len() {
        return Err(OpenError::Newer { file: file.to_owned(), found, known: MIGRATIONS.len() });
    }
    Ok(())
}

pub(super) fn pragma<T: rusqlite::types::FromSql>(connection: &Connection, name: &str) -> Result<T, rusqlite::Error> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// Page size and vacuum mode are fixed by the first write; a commit is on disk before it returns.
fn settings(connection: &Connection) -> Result<(), rusqlite::Error> {
    every_connection(connection)?;
    connection.execute_batch(
        "pragma page_size = 8192; pragma auto_vacuum = incremental; pragma journal_mode = wal; \
         pragma synchronous = full; pragma fullfsync = on; pragma checkpoint_fullfsync = on; \
         pragma wal_autocheckpoint = 1000; pragma foreign_keys = off; pragma temp_store = memory;",
    )?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)
}

fn migrate(connection: &mut Connection) -> Result<(), rusqlite::Error> {
    let done: usize = pragma(connection, "user_version")?;
    for (version, migration) in MIGRATIONS.iter().enumerate().skip(done) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", version + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

/// A value that is made once and stays for ever.
fn kept(
    connection: &Connection,
    get: &str,
    set: &str,
    make: impl FnOnce() -> String,
) -> Result<String, rusqlite::Error> {
    if let Some(value) = connection.query_row(get, [], |row| row.get(0)).optional()? {
        return Ok(value);
    }
    let value = make();
    connection.execute(set, [&value])?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sqlite_that_loses_data_is_refused() {
        assert!(matches!(check_sqlite(3_051_002, "3.51.2"), Err(OpenError::OldSqlite(_))));
        assert!(check_sqlite(3_051_003, "3.51.3").is_ok());
    }

    #[test]
    fn a_store_keeps_its_id() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("legwork.db");
        let Opened { connection: first, id, seal, .. } = for_writing(&file).unwrap();
        drop(first);
        let again = for_writing(&file).unwrap();
        assert_eq!((again.id, again.seal), (id, seal));
    }

    #[test]
    fn only_its_user_can_read_a_store() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("legwork.db");
        let modes = || -> Vec<_> {
            let entries = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().metadata().unwrap());
            entries.map(|metadata| metadata.permissions().mode() & 0o777).collect()
        };
        let Opened { connection: writer, .. } = for_writing(&file).unwrap();
        assert_eq!(modes(), [0o600; 3], "the file, its log and the log's index");
        for entry in folder.path().read_dir().unwrap() {
            fs::set_permissions(entry.unwrap().path(), Permissions::from_mode(0o644)).unwrap();
        }
        let Opened { connection: again, .. } = for_writing(&file).unwrap();
        assert_eq!(modes(), [0o600; 3], "those of an earlier version too");
        drop((writer, again));
        let other = folder.path().join("other.db");
        Connection::open(&other).unwrap().execute_batch("create table t (x)").unwrap();
        fs::set_permissions(&other, Permissions::from_mode(0o644)).unwrap();
        assert!(for_writing(&other).is_err());
        assert_eq!(fs::metadata(&other).unwrap().permissions().mode() & 0o777, 0o644, "it is not ours");
    }

    #[test]
    fn a_newer_store_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("legwork.db");
        let Opened { connection, .. } = for_writing(&file).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        drop(connection);
        let refused = for_writing(&file).err().unwrap();
        assert!(matches!(refused, OpenError::Newer { found: 99, .. }), "{refused}");
    }

    #[test]
    fn a_file_that_is_not_ours_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("letters.db");
        std::fs::write(&text, "Dear reader, this is a letter and not a database at all.".repeat(20)).unwrap();
        assert!(matches!(for_writing(&text), Err(OpenError::NotOurs(_))));
        let other = folder.path().join("other.db");
        Connection::open(&other).unwrap().execute_batch("create table t (x)").unwrap();
        assert!(matches!(for_writing(&other), Err(OpenError::NotOurs(_))));
    }
}
