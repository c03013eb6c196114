//! Groups: their counts change where their runs do.

use bytes::Bytes;
use legwork_core::group::{Counts, Group, moved};
use legwork_core::id::{GroupId, Owner};
use legwork_core::run::Status;
use legwork_core::store::{AddedToGroup, FeedPage, GroupPage, GroupRun, GroupRuns, NewGroup, NewRun, StoreError};
use legwork_core::time::Micros;
use rusqlite::{Connection, Row, params};

use super::read::{all, fact, one};
use super::rows::{self, get};
use super::writer::Batch;
use super::{sql, write};
use crate::store::columns::text;

pub(super) fn create(batch: &Batch<'_>, new: &NewGroup, now: Micros) -> Result<Group, StoreError> {
    let NewGroup { id, owner, metadata } = new;
    let metadata = text(metadata.as_deref())?;
    match batch.execute(sql::ADD_GROUP, params![id.to_bytes(), owner.as_str(), now.0, metadata])? {
        0 => Err(StoreError::Inconsistent(format!("the name {id} is taken"))),
        _ => read(batch.connection, *id)?.ok_or_else(|| StoreError::Inconsistent(format!("{id} is not there"))),
    }
}

/// A group as it lies in the file.
pub(super) struct GroupRow {
    m: i64,
    pub(super) last_place: u64,
    pub(super) last_end: u64,
    pub(super) group: Group,
}

/// Reads the columns of `sql::group_columns`.
pub(super) fn row(row: &Row<'_>) -> Result<GroupRow, StoreError> {
    /// Where the counts begin, in the order of `Status::ALL`.
    const COUNTS: usize = 8;
    let mut counts = [0; Status::ALL.len()];
    for (status, count) in counts.iter_mut().enumerate() {
        *count = get(row, COUNTS + status)?;
    }
    let group = Group {
        id: GroupId::from_bytes(get(row, 1)?),
        owner: Owner::named(get::<String>(row, 2)?),
        created_at: Micros(get(row, 3)?),
        metadata: get::<Option<String>>(row, 4)?.map(Into::into),
        counts: Counts::new(counts),
        modified_at: Micros(get(row, 5)?),
    };
    Ok(GroupRow { m: get(row, 0)?, last_place: get(row, 6)?, last_end: get(row, 7)?, group })
}

fn find(connection: &Connection, id: GroupId) -> Result<Option<GroupRow>, StoreError> {
    one(connection, sql::GROUP_BY_ID, params![id.to_bytes()], row)
}

pub(super) fn read(connection: &Connection, id: GroupId) -> Result<Option<Group>, StoreError> {
    Ok(find(connection, id)?.map(|row| row.group))
}

pub(super) fn places(connection: &Connection, id: GroupId) -> Result<Option<(u64, u64)>, StoreError> {
    Ok(find(connection, id)?.map(|row| (row.last_place, row.last_end)))
}

pub(super) fn submit(
    batch: &mut Batch<'_>,
    id: GroupId,
    runs: &[NewRun],
    now: Micros,
) -> Result<Option<AddedToGroup>, StoreError> {
    let Some(before) = find(batch.connection, id)? else { return Ok(None) };
    let mut place = before.last_place;
    for new in runs {
        let n = write::submit(batch, &NewRun { group: Some(id), ..new.clone() }, now)?.n;
        place += 1;
        batch.execute(sql::ADD_GROUP_RUN, params![before.m, place, n])?;
    }
    batch.execute(sql::GROUP_PLACE, params![before.m, place])?;
    let group = read(batch.connection, id)?.ok_or_else(|| StoreError::Inconsistent(format!("{id} went away")))?;
    let had_runs = before.last_place > 0;
    let (runs_before, ends_before) = (Some(before.last_place), Some(before.last_end));
    Ok(Some(AddedToGroup {
        group,
        runs_before: runs_before.filter(|_| had_runs),
        ends_before: ends_before.filter(|_| had_runs),
    }))
}

/// A run of a group went from one state to another; `None` is outside of it.
pub(super) fn count(
    batch: &mut Batch<'_>,
    id: GroupId,
    from: Option<Status>,
    to: Option<Status>,
    now: Micros,
) -> Result<(), StoreError> {
    let [queued, running, asking, cancelling, completed, failed, cancelled] = moved(from, to);
    let by = params![id.to_bytes(), now.0, queued, running, asking, cancelling, completed, failed, cancelled];
    batch.execute(sql::COUNT_GROUP, by)?;
    batch.grouped(id);
    Ok(())
}

/// A run of a group has ended, with the fact at this place in the log of all runs.
pub(super) fn end(batch: &Batch<'_>, id: GroupId, n: i64, g: u64) -> Result<(), StoreError> {
    batch.execute(sql::ADD_GROUP_END, params![id.to_bytes(), g, n])?;
    batch.execute(sql::GROUP_END, params![id.to_bytes(), g]).map(drop)
}

pub(super) fn runs(
    connection: &Connection,
    id: GroupId,
    after: u64,
    which: &GroupRuns,
) -> Result<GroupPage, StoreError> {
    const AFTER: usize = rows::AFTER_RUN;
    let GroupRuns { status, with_input, with_output, limit } = *which;
    let wanted = params![id.to_bytes(), after, limit, with_input, with_output];
    let looked_at = all(connection, sql::GROUP_RUNS, wanted, |row| {
        let body = |column| Ok::<_, StoreError>(get::<Option<Vec<u8>>>(row, column)?.map(Bytes::from));
        let run = rows::run(row)?.run;
        Ok(GroupRun { place: get(row, AFTER)?, run, input: body(AFTER + 1)?, output: body(AFTER + 2)? })
    })?;
    let (upto, is_end) = (looked_at.last().map_or(after, |of| of.place), looked_at.len() < limit);
    let wanted = |of: &GroupRun| status.is_none_or(|status| of.run.life.status() == status);
    Ok(GroupPage { runs: looked_at.into_iter().filter(wanted).collect(), upto, is_end })
}

pub(super) fn ends(connection: &Connection, id: GroupId, after: u64, limit: usize) -> Result<FeedPage, StoreError> {
    const G: usize = rows::AFTER_RUN;
    let entries = all(connection, sql::GROUP_ENDS, params![id.to_bytes(), after, limit], |row| {
        let run = rows::run(row)?.run;
        let fact = fact(row, G + 1, run.id)?;
        Ok((get::<u64>(row, G)?, run, fact))
    })?;
    let (upto, is_end) = (entries.last().map_or(after, |(g, ..)| *g), entries.len() < limit);
    Ok(FeedPage { entries, upto, is_end })
}
