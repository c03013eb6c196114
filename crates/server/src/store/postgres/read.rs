//! Reads.

use bytes::Bytes;
use legwork_core::command::Command;
use legwork_core::delivery::Webhook;
use legwork_core::fact::Fact;
use legwork_core::id::{Owner, RunId, Token};
use legwork_core::journal::Entry;
use legwork_core::run::Run;
use legwork_core::secret::Secret;
use legwork_core::store::{Cursor, FeedPage, ListQuery, Page, StoreError};
use legwork_core::time::Micros;

use super::columns::label;
use super::link::Value;
use super::pool::Pool;
use super::rows::{self, body, clean, fact, get, group_uuid, int, run_id, uuid, whole};
use super::{search, sql};
use crate::store::columns::{form_of, status_number, step};

pub(super) async fn run(pool: &Pool, id: RunId) -> Result<Option<Run>, StoreError> {
    let row = pool.row(&sql::RUN_BY_ID, &[&uuid(id)]).await?;
    Ok(row.as_ref().map(rows::run_with_lease).transpose()?.map(|row| row.run))
}

pub(super) async fn result(pool: &Pool, id: RunId) -> Result<Option<(Run, Option<Bytes>)>, StoreError> {
    let Some(row) = pool.row(&sql::RESULT_BY_ID, &[&uuid(id)]).await? else { return Ok(None) };
    Ok(Some((rows::run_with_lease(&row)?.run, body(&row, rows::AFTER_LEASE)?)))
}

pub(super) async fn input(pool: &Pool, id: RunId) -> Result<Option<Bytes>, StoreError> {
    pool.row(&sql::INPUT_OF, &[&uuid(id)]).await?.map_or(Ok(None), |row| body(&row, 0))
}

pub(super) async fn webhook(pool: &Pool, id: RunId) -> Result<Option<Webhook>, StoreError> {
    let Some(row) = pool.row(&sql::WEBHOOK_OF, &[&uuid(id)]).await? else { return Ok(None) };
    let (url, receiver, secret) = (get(&row, 0)?, get(&row, 1)?, get(&row, 2)?);
    Ok(Some(Webhook { url, receiver, secret, form: form_of(get(&row, 3)?) }))
}

pub(super) async fn facts(pool: &Pool, id: RunId, after: u64, limit: usize) -> Result<Vec<Fact>, StoreError> {
    let rows = pool.rows(&sql::FACTS_AFTER, &[&uuid(id), &int(after), &int(limit)]).await?;
    rows.iter().map(|row| fact(row, 0, id)).collect()
}

/// So many steps are read at a time: each may be some MiB.
const STEPS: i64 = 16;

pub(super) async fn journal(pool: &Pool, id: RunId) -> Result<Vec<Entry>, StoreError> {
    let (run, mut after, mut steps) = (uuid(id), 0_i64, Vec::new());
    loop {
        let rows = pool.long(&sql::JOURNAL_AFTER, &[&run, &after, &STEPS]).await?;
        for row in &rows {
            after = get(row, 0)?;
            steps.push(step(get(row, 1)?, body(row, 2)?.unwrap_or_default())?);
        }
        if int(rows.len()) < STEPS {
            return Ok(steps);
        }
    }
}

pub(super) async fn secrets(pool: &Pool, id: RunId) -> Result<Option<Secret>, StoreError> {
    let row = pool.row(&sql::SECRETS_OF, &[&uuid(id)]).await?;
    row.map(|row| Ok(Secret::from(get::<String>(&row, 0)?))).transpose()
}

pub(super) async fn feed(pool: &Pool, owner: &Owner, after: u64, limit: usize) -> Result<FeedPage, StoreError> {
    const G: usize = rows::AFTER_RUN;
    let looked_at = pool.rows(&sql::FEED, &[&int(after), &int(limit), &owner.as_str()]).await?;
    let upto = looked_at.last().map_or(Ok(after), |row| whole(row, G))?;
    let mut entries = Vec::new();
    for row in &looked_at {
        // What is another's has no words here.
        if get::<Option<&str>>(row, G + 3)?.is_none() {
            continue;
        }
        let run = rows::run_as_it_was(row)?;
        let fact = fact(row, G + 1, run.id)?;
        if fact.what.entered().is_some() {
            entries.push((whole(row, G)?, run, fact));
        }
    }
    Ok(FeedPage { entries, upto, is_end: looked_at.len() < limit })
}

pub(super) async fn feed_end(pool: &Pool) -> Result<u64, StoreError> {
    pool.row(&sql::FEED_END, &[]).await?.map_or(Ok(0), |row| whole(&row, 0))
}

pub(super) async fn list(pool: &Pool, query: &ListQuery) -> Result<Page, StoreError> {
    let Some(owner) = &query.owner else { return Ok(Page::default()) };
    let before = query.cursor.map_or(i64::MAX, |cursor| int(cursor.0));
    let words = match query.words.as_deref().map(search::query) {
        Some(None) => return Ok(Page::default()), // Nothing is in no word.
        words => words.flatten(),
    };
    let status = query.status.map(status_number);
    let group = query.group.map(group_uuid);
    let created_after = query.created_after.map(|at| at.0);
    let labels: Vec<_> = query.metadata.iter().map(|(key, value)| label(key, value)).collect();
    // One more than asked for tells whether there is another page.
    let limit = int(query.limit.saturating_add(1));
    let previous = query.previous.map(uuid);
    let (owner, processor) = (owner.as_str(), query.processor.as_deref().map(clean));
    let mut wanted: Vec<Value<'_>> =
        vec![&owner, &before, &status, &processor, &group, &created_after, &labels, &limit];
    let statement = match (&words, &previous) {
        (None, None) => &sql::LIST,
        (None, Some(_)) => {
            wanted.push(&previous);
            &sql::LIST_ON
        }
        (Some(words), _) => {
            wanted.push(&previous);
            wanted.push(words);
            &sql::LIST_FOUND
        }
    };
    let found = pool.long(statement, &wanted).await?;
    let mut found = found.iter().map(rows::run_with_lease).collect::<Result<Vec<_>, _>>()?;
    let more = found.len() > query.limit;
    found.truncate(query.limit);
    let last = found.last().map(|row| Cursor(row.n.cast_unsigned()));
    Ok(Page { runs: found.into_iter().map(|row| row.run).collect(), next: last.filter(|_| more) })
}

pub(super) async fn versions(pool: &Pool, ids: &[RunId]) -> Result<Vec<(RunId, u64)>, StoreError> {
    let ids: Vec<_> = ids.iter().copied().map(uuid).collect();
    let rows = pool.rows(&sql::VERSIONS, &[&ids]).await?;
    rows.iter().map(|row| Ok((run_id(get(row, 0)?), whole(row, 1)?))).collect()
}

pub(super) async fn ended_before(pool: &Pool, moment: Micros, limit: usize) -> Result<Vec<RunId>, StoreError> {
    let found = pool.long(&sql::ENDED_BEFORE, &[&moment.0, &int(limit)]).await?;
    found.iter().map(|row| Ok(run_id(get(row, 0)?))).collect()
}

pub(super) async fn due(pool: &Pool, now: Micros, limit: usize) -> Result<Vec<(RunId, Command)>, StoreError> {
    let lapsed = pool.rows(&sql::LEASES_OUT, &[&now.0, &int(limit)]).await?;
    let lapse = |row| {
        let token = Token(get::<i64>(row, 1)?.cast_unsigned());
        Ok::<_, StoreError>((run_id(get(row, 0)?), Command::Lapse { token }))
    };
    let mut due = lapsed.iter().map(lapse).collect::<Result<Vec<_>, _>>()?;
    let rest = limit.saturating_sub(due.len());
    for row in pool.rows(&sql::EXPIRED, &[&now.0, &int(rest)]).await? {
        due.push((run_id(get(&row, 0)?), Command::Expire));
    }
    Ok(due)
}
