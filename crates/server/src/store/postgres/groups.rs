//! Groups: their counts change where their runs do.

use legwork_core::group::{Counts, Group, moved};
use legwork_core::id::{GroupId, Owner};
use legwork_core::run::Status;
use legwork_core::store::{AddedToGroup, FeedPage, GroupPage, GroupRun, GroupRuns, NewGroup, NewRun, StoreError};
use legwork_core::time::Micros;
use tokio_postgres::Row;

use super::alone::Stopped;
use super::link::{BEGIN, Link, Step};
use super::pool::Pool;
use super::rows::{self, body, fact, get, group_id, group_uuid, int, whole};
use super::sql;
use super::unit::Unit;
use crate::store::columns::text;

/// A group as it lies in the database.
pub(super) struct GroupRow {
    pub(super) last_place: u64,
    pub(super) last_end: u64,
    pub(super) group: Group,
}

/// A group that has just been made.
pub(super) fn made(new: &NewGroup, now: Micros) -> Group {
    let NewGroup { id, owner, metadata } = new.clone();
    Group { id, owner, created_at: now, metadata, counts: Counts::default(), modified_at: now }
}

/// The step that makes a group, given its columns.
pub(super) struct Making<'a> {
    id: uuid::Uuid,
    owner: &'a str,
    at: i64,
    metadata: Option<&'a str>,
}

impl<'a> Making<'a> {
    pub(super) fn of(new: &'a NewGroup, now: Micros) -> Result<Self, StoreError> {
        let metadata = text(new.metadata.as_deref())?;
        Ok(Self { id: group_uuid(new.id), owner: new.owner.as_str(), at: now.0, metadata })
    }

    pub(super) fn step(&self) -> Step<'_> {
        Step::With(&sql::ADD_GROUP, vec![&self.id, &self.owner, &self.at, &self.metadata])
    }
}

/// Reads the columns of `sql::GROUP_BY_ID`.
pub(super) fn row(row: &Row) -> Result<GroupRow, StoreError> {
    /// Where the counts begin, in the order of `Status::ALL`.
    const COUNTS: usize = 7;
    let mut counts = [0; Status::ALL.len()];
    for (status, count) in counts.iter_mut().enumerate() {
        *count = whole(row, COUNTS + status)?;
    }
    let group = Group {
        id: group_id(get(row, 0)?),
        owner: Owner::named(get::<String>(row, 1)?),
        created_at: Micros(get(row, 2)?),
        metadata: get::<Option<String>>(row, 3)?.map(Into::into),
        counts: Counts::new(counts),
        modified_at: Micros(get(row, 4)?),
    };
    Ok(GroupRow { last_place: whole(row, 5)?, last_end: whole(row, 6)?, group })
}

async fn find(pool: &Pool, id: GroupId) -> Result<Option<GroupRow>, StoreError> {
    pool.row(&sql::GROUP_BY_ID, &[&group_uuid(id)]).await?.as_ref().map(row).transpose()
}

pub(super) async fn read(pool: &Pool, id: GroupId) -> Result<Option<Group>, StoreError> {
    Ok(find(pool, id).await?.map(|row| row.group))
}

/// The same in a transaction.
pub(super) async fn read_over(link: &Link, id: GroupId) -> Result<Option<Group>, Stopped> {
    let found = link.row(&sql::GROUP_BY_ID, &[&group_uuid(id)]).await?;
    Ok(found.as_ref().map(row).transpose()?.map(|row| row.group))
}

pub(super) async fn places(pool: &Pool, id: GroupId) -> Result<Option<(u64, u64)>, StoreError> {
    Ok(find(pool, id).await?.map(|row| (row.last_place, row.last_end)))
}

/// Holds a group and puts runs into it; what changes is in the unit. It is in a transaction if `is_open`, and begins one
/// else. `None` when there is no such group.
pub(super) async fn add(
    link: &Link,
    unit: &mut Unit,
    is_open: bool,
    id: GroupId,
    runs: &[NewRun],
    now: Micros,
) -> Result<Option<AddedToGroup>, Stopped> {
    let name = group_uuid(id);
    let mut steps = if is_open { Vec::new() } else { vec![Step::Plain(BEGIN)] };
    steps.push(Step::With(&sql::HOLD_GROUP, vec![&name]));
    let found = link.all(&steps).await?;
    let Some(before) = found.last().and_then(|rows| rows.first()).map(row).transpose()? else { return Ok(None) };
    for new in runs {
        unit.submit(NewRun { group: Some(id), ..new.clone() }, now)?;
    }
    unit.add_to_group(id, before.last_place, runs.iter().map(|new| new.id));
    let mut group = before.group;
    let [by, ..] = moved(None, Some(Status::Queued));
    let more = by.unsigned_abs() * runs.len() as u64;
    let mut counts = [0; Status::ALL.len()];
    for (count, (status, was)) in counts.iter_mut().zip(group.counts.iter()) {
        *count = was + if status == Status::Queued { more } else { 0 };
    }
    group.counts = Counts::new(counts);
    if !runs.is_empty() {
        group.modified_at = group.modified_at.max(now);
    }
    let had_runs = before.last_place > 0;
    Ok(Some(AddedToGroup {
        group,
        runs_before: Some(before.last_place).filter(|_| had_runs),
        ends_before: Some(before.last_end).filter(|_| had_runs),
    }))
}

pub(super) async fn runs(pool: &Pool, id: GroupId, after: u64, which: &GroupRuns) -> Result<GroupPage, StoreError> {
    const AFTER: usize = rows::AFTER_LEASE;
    let GroupRuns { status, with_input, with_output, limit } = *which;
    let wanted = (group_uuid(id), int(after), int(limit));
    let found = pool.long(&sql::GROUP_RUNS, &[&wanted.0, &wanted.1, &wanted.2, &with_input, &with_output]).await?;
    let looked_at = found.iter().map(|row| {
        let run = rows::run_with_lease(row)?.run;
        Ok(GroupRun { place: whole(row, AFTER)?, run, input: body(row, AFTER + 1)?, output: body(row, AFTER + 2)? })
    });
    let looked_at = looked_at.collect::<Result<Vec<_>, StoreError>>()?;
    let (upto, is_end) = (looked_at.last().map_or(after, |of| of.place), looked_at.len() < limit);
    let wanted = |of: &GroupRun| status.is_none_or(|status| of.run.life.status() == status);
    Ok(GroupPage { runs: looked_at.into_iter().filter(wanted).collect(), upto, is_end })
}

pub(super) async fn ends(pool: &Pool, id: GroupId, after: u64, limit: usize) -> Result<FeedPage, StoreError> {
    const G: usize = rows::AFTER_RUN;
    let found = pool.rows(&sql::GROUP_ENDS, &[&group_uuid(id), &int(after), &int(limit)]).await?;
    let entries = found.iter().map(|row| {
        let run = rows::run_as_it_was(row)?;
        let fact = fact(row, G + 1, run.id)?;
        Ok((whole(row, G)?, run, fact))
    });
    let entries = entries.collect::<Result<Vec<(u64, _, _)>, StoreError>>()?;
    let (upto, is_end) = (entries.last().map_or(after, |(g, ..)| *g), entries.len() < limit);
    Ok(FeedPage { entries, upto, is_end })
}
