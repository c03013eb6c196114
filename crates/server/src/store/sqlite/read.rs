//! Reads, on connections that cannot write.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use legwork_core::command::Command;
use legwork_core::fact::Fact;
use legwork_core::id::{Owner, RunId, Token};
use legwork_core::run::Run;
use legwork_core::store::{Cursor, FeedPage, ListQuery, Page, StoreError};
use legwork_core::time::Micros;
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params};

use super::rows::{self, RunRow, get, unavailable};
use super::{open, search, sql};
use crate::store::columns::{json, status_number};

/// As many read-only connections as were ever used at once; in practice one for each thread of the runtime.
pub(super) struct Readers {
    file: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn of(file: &Path) -> Self {
        Self { file: file.to_owned(), idle: Mutex::new(Vec::new()) }
    }

    /// Reads on a connection that nobody else uses meanwhile.
    pub(super) fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = idle.map_or_else(|| open::for_reading(&self.file), Ok).map_err(unavailable)?;
        let answer = read(&connection);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        answer
    }
}

pub(super) fn run(connection: &Connection, id: RunId) -> Result<Option<Run>, StoreError> {
    Ok(row_by_id(connection, id)?.map(|row| row.run))
}

pub(super) fn row_by_id(connection: &Connection, id: RunId) -> Result<Option<RunRow>, StoreError> {
    one(connection, sql::RUN_BY_ID, params![id.to_bytes()], rows::run)
}

pub(super) fn row_by_n(connection: &Connection, n: i64) -> Result<Option<RunRow>, StoreError> {
    one(connection, sql::RUN_BY_N, params![n], rows::run)
}

pub(super) fn result(connection: &Connection, id: RunId) -> Result<Option<(Run, Option<Bytes>)>, StoreError> {
    one(connection, sql::RESULT_BY_ID, params![id.to_bytes()], |row| {
        let output: Option<Vec<u8>> = get(row, rows::AFTER_RUN)?;
        Ok((rows::run(row)?.run, output.map(Bytes::from)))
    })
}

pub(super) fn input(connection: &Connection, id: RunId) -> Result<Option<Bytes>, StoreError> {
    one(connection, sql::INPUT_OF, params![id.to_bytes()], blob)
}

pub(super) fn blob(row: &Row<'_>) -> Result<Bytes, StoreError> {
    Ok(Bytes::from(get::<Vec<u8>>(row, 0)?))
}

pub(super) fn facts(connection: &Connection, id: RunId, after: u64, limit: usize) -> Result<Vec<Fact>, StoreError> {
    all(connection, sql::FACTS_AFTER, params![id.to_bytes(), after, limit], |row| fact(row, 0, id))
}

/// Reads the columns `seq`, `at` and `what`, which begin at `first`.
pub(super) fn fact(row: &Row<'_>, first: usize, id: RunId) -> Result<Fact, StoreError> {
    fact_of(row, first, &id)
}

/// The same, of a run that is known by whatever name.
pub(super) fn fact_of(row: &Row<'_>, first: usize, run: &dyn fmt::Display) -> Result<Fact, StoreError> {
    let text = row.get_ref(first + 2).map_err(unavailable)?;
    let what = serde_json::from_slice(text.as_bytes().map_err(|odd| StoreError::Unavailable(odd.into()))?)
        .map_err(|error| StoreError::Inconsistent(format!("run {run}: a fact cannot be read: {error}")))?;
    Ok(Fact { seq: get(row, first)?, at: Micros(get(row, first + 1)?), what })
}

pub(super) fn feed(connection: &Connection, owner: &Owner, after: u64, limit: usize) -> Result<FeedPage, StoreError> {
    const G: usize = rows::AFTER_RUN;
    let looked_at = all(connection, sql::FEED, params![after, limit], |row| {
        let g: u64 = get(row, G)?;
        if row.get_ref(rows::OWNER).map_err(unavailable)?.as_str().ok() != Some(owner.as_str()) {
            return Ok((g, None));
        }
        let run = rows::run(row)?.run;
        let fact = fact(row, G + 1, run.id)?;
        Ok((g, Some((run, fact))))
    })?;
    let (upto, is_end) = (looked_at.last().map_or(after, |(g, _)| *g), looked_at.len() < limit);
    let states = looked_at.into_iter().filter_map(|(g, found)| found.map(|(run, fact)| (g, run, fact)));
    let entries = states.filter(|(_, _, fact)| fact.what.entered().is_some()).collect();
    Ok(FeedPage { entries, upto, is_end })
}

pub(super) fn feed_end(connection: &Connection) -> Result<u64, StoreError> {
    Ok(one(connection, sql::FEED_END, [], |row| get(row, 0))?.unwrap_or(0))
}

pub(super) fn list(connection: &Connection, query: &ListQuery) -> Result<Page, StoreError> {
    let Some(owner) = &query.owner else { return Ok(Page::default()) };
    let before = query.cursor.map_or(i64::MAX, |cursor| i64::try_from(cursor.0).unwrap_or(i64::MAX));
    let words = match query.words.as_deref().map(search::query) {
        Some(None) => return Ok(Page::default()), // Nothing is in no word.
        words => words.flatten(),
    };
    let wanted = params![
        owner.as_str(),
        before,
        query.status.map(status_number),
        query.processor,
        query.group.map(legwork_core::id::GroupId::to_bytes),
        query.created_after.map(|at| at.0),
        json(&query.metadata),
        // One more than asked for tells whether there is another page.
        query.limit.saturating_add(1),
    ];
    let previous = query.previous.map(RunId::to_bytes);
    let (statement, more): (_, &[&dyn ToSql]) = match (&words, &previous) {
        (None, None) => (sql::LIST, &[]),
        (None, Some(previous)) => (sql::LIST_ON, &[previous]),
        (Some(words), previous) => (sql::LIST_FOUND, &[previous, words]),
    };
    let wanted: Vec<&dyn ToSql> = wanted.iter().chain(more).copied().collect();
    let mut found = all(connection, statement, &*wanted, rows::run)?;
    let more = found.len() > query.limit;
    found.truncate(query.limit);
    let last = found.last().map(|row| Cursor(row.n.cast_unsigned()));
    Ok(Page { runs: found.into_iter().map(|row| row.run).collect(), next: last.filter(|_| more) })
}

pub(super) fn versions(connection: &Connection, ids: &[RunId]) -> Result<Vec<(RunId, u64)>, StoreError> {
    let version = |id: &RunId| {
        let found = one(connection, sql::VERSION_OF, params![id.to_bytes()], |row| get(row, 0))?;
        Ok(found.map(|version| (*id, version)))
    };
    ids.iter().filter_map(|id| version(id).transpose()).collect()
}

pub(super) fn due(connection: &Connection, now: Micros, limit: usize) -> Result<Vec<(RunId, Command)>, StoreError> {
    let mut due = all(connection, sql::LEASES_OUT, params![now.0, limit], |row| {
        let token = Token(get::<i64>(row, 1)?.cast_unsigned());
        Ok((id_at(row, 0)?, Command::Lapse { token }))
    })?;
    let rest = limit.saturating_sub(due.len());
    due.extend(all(connection, sql::EXPIRED, params![now.0, rest], |row| Ok((id_at(row, 0)?, Command::Expire)))?);
    Ok(due)
}

pub(super) fn ended_before(connection: &Connection, moment: Micros, limit: usize) -> Result<Vec<RunId>, StoreError> {
    all(connection, sql::ENDED_BEFORE, params![moment.0, limit], |row| id_at(row, 0))
}

fn id_at(row: &Row<'_>, column: usize) -> Result<RunId, StoreError> {
    row.get(column).map(RunId::from_bytes).map_err(unavailable)
}

/// The first row of a statement that is prepared once a connection.
pub(super) fn one<T>(
    connection: &Connection,
    statement: &str,
    with: impl rusqlite::Params,
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let mut statement = connection.prepare_cached(statement).map_err(unavailable)?;
    let row = statement.query_row(with, |row| Ok(read(row))).optional().map_err(unavailable)?;
    row.transpose()
}

/// All rows of a statement that is prepared once a connection.
pub(super) fn all<T>(
    connection: &Connection,
    statement: &str,
    with: impl rusqlite::Params,
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(statement).map_err(unavailable)?;
    let rows = statement.query_map(with, |row| Ok(read(row))).map_err(unavailable)?;
    rows.map(|row| row.map_err(unavailable)?).collect()
}
