//! Rows and the values they stand for.

use bytes::Bytes;
use legwork_core::fact::Fact;
use legwork_core::id::{GroupId, NodeId, Owner, RunId, Token};
use legwork_core::run::{Lease, Life, Lineage, Run};
use legwork_core::store::StoreError;
use legwork_core::time::Micros;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use uuid::Uuid;

use super::link::unavailable;
use crate::store::columns::{StateColumns, tells_of};

/// How many columns `sql::run_columns` has: the first that is not of the run.
pub(super) const AFTER_RUN: usize = 22;
/// How many they are with those of the lease.
pub(super) const AFTER_LEASE: usize = AFTER_RUN + 4;

/// A run with its number.
#[derive(Clone, Debug)]
pub(super) struct RunRow {
    pub(super) n: i64,
    pub(super) run: Run,
}

/// Reads the columns of `sql::run_columns`.
pub(super) fn run(row: &Row, lease: Option<Lease>) -> Result<RunRow, StoreError> {
    let id = run_id(get(row, 0)?);
    let columns = StateColumns { status: get(row, 13)?, moment: get(row, 19)?, detail: get(row, 20)? };
    let life = Life {
        state: columns.state(id, lease)?,
        version: whole(row, 14)?,
        modified_at: Micros(get(row, 15)?),
        attempts: whole(row, 16)?,
        finish: get(row, 17)?,
        meter: whole(row, 18)?,
        events: get(row, 10)?,
        deadline: get::<Option<i64>>(row, 11)?.map(Micros),
        tells: tells_of(get(row, 12)?),
        papers: get(row, 21)?,
    };
    let named = |column| Ok::<_, StoreError>(get::<Option<Uuid>>(row, column)?.map(run_id));
    let run = Run {
        id,
        owner: Owner::named(get::<String>(row, 2)?),
        processor: get(row, 3)?,
        created_at: Micros(get(row, 4)?),
        metadata: get::<Option<String>>(row, 5)?.map(Into::into),
        warnings: get::<Option<String>>(row, 6)?.map(Into::into),
        group: get::<Option<Uuid>>(row, 7)?.map(group_id),
        lineage: Lineage { previous: named(8)?, rerun_of: named(9)? },
        life,
    };
    Ok(RunRow { n: get(row, 1)?, run })
}

/// Reads the columns of `sql::run_columns` and `sql::lease_columns`.
pub(super) fn run_with_lease(row: &Row) -> Result<RunRow, StoreError> {
    let lease = match get::<Option<i64>>(row, AFTER_RUN)? {
        None => None,
        Some(_) => Some(lease(row, AFTER_RUN)?),
    };
    run(row, lease)
}

/// A run of which only what never changes is meant: nobody asks for its state.
pub(super) fn run_as_it_was(row: &Row) -> Result<Run, StoreError> {
    // A lease that is not read stands for whichever there is.
    let any = Lease { node: NodeId(0), token: Token(0), attempt: 0, until: Micros(0) };
    Ok(run(row, Some(any))?.run)
}

/// Reads the columns `node`, `token`, `attempt` and `until`, which begin at `first`.
pub(super) fn lease(row: &Row, first: usize) -> Result<Lease, StoreError> {
    Ok(Lease {
        node: NodeId(get::<i64>(row, first)?.cast_unsigned()),
        token: Token(get::<i64>(row, first + 1)?.cast_unsigned()),
        attempt: whole(row, first + 2)?,
        until: Micros(get(row, first + 3)?),
    })
}

/// Reads the columns `seq`, `at` and `what`, which begin at `first`.
pub(super) fn fact(row: &Row, first: usize, id: RunId) -> Result<Fact, StoreError> {
    let what = serde_json::from_str(get(row, first + 2)?)
        .map_err(|error| StoreError::Inconsistent(format!("run {id}: a fact cannot be read: {error}")))?;
    Ok(Fact { seq: whole(row, first)?, at: Micros(get(row, first + 1)?), what })
}

/// A body, if there is one.
pub(super) fn body(row: &Row, column: usize) -> Result<Option<Bytes>, StoreError> {
    Ok(get::<Option<Vec<u8>>>(row, column)?.map(Bytes::from))
}

/// A column of a row, counted from 0.
pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, StoreError> {
    row.try_get(column).map_err(unavailable)
}

/// A number that is of a narrower kind than its column.
pub(super) fn whole<T: TryFrom<i64>>(row: &Row, column: usize) -> Result<T, StoreError> {
    let number: i64 = get(row, column)?;
    T::try_from(number).map_err(|_| StoreError::Inconsistent(format!("{number} stands where it cannot be")))
}

/// A run's name as the database has it.
pub(super) fn uuid(id: RunId) -> Uuid {
    Uuid::from_bytes(id.to_bytes())
}

/// A group's name as the database has it.
pub(super) fn group_uuid(id: GroupId) -> Uuid {
    Uuid::from_bytes(id.to_bytes())
}

pub(super) fn run_id(uuid: Uuid) -> RunId {
    RunId::from_bytes(uuid.into_bytes())
}

pub(super) fn group_id(uuid: Uuid) -> GroupId {
    GroupId::from_bytes(uuid.into_bytes())
}

/// A number as the database has it. Ours stay below what that can hold.
pub(super) fn int(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// A text as the database can hold it: without the one character that it cannot.
pub(super) fn clean(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}
