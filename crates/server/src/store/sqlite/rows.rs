//! Rows and the values they stand for.

use legwork_core::id::{GroupId, NodeId, Owner, RunId, Token};
use legwork_core::run::{Lease, Life, Lineage, Run};
use legwork_core::store::StoreError;
use legwork_core::time::Micros;
use rusqlite::Row;
use rusqlite::types::FromSql;

use crate::store::columns::{StateColumns, tells_of};

/// A run with the number by which the other tables refer to it.
pub(super) struct RunRow {
    pub(super) n: i64,
    pub(super) run: Run,
}

/// How many columns `sql::run_columns` has: the first that is not of the run.
pub(super) const AFTER_RUN: usize = 26;
/// Which of them is the owner.
pub(super) const OWNER: usize = 2;

/// Reads the columns of `sql::run_columns`.
pub(super) fn run(row: &Row<'_>) -> Result<RunRow, StoreError> {
    let get = Columns(row);
    let id = RunId::from_bytes(get.at(1)?);
    let columns = StateColumns { status: get.at(10)?, moment: get.at(16)?, detail: get.at(17)? };
    let life = Life {
        state: columns.state(id, lease(&get)?)?,
        version: get.at(11)?,
        modified_at: Micros(get.at(12)?),
        attempts: get.at(13)?,
        finish: get.at(14)?,
        meter: get.at(15)?,
        events: get.at(8)?,
        deadline: get.at::<Option<i64>>(9)?.map(Micros),
        tells: tells_of(get.at(22)?),
        papers: get.at(25)?,
    };
    let run = Run {
        id,
        owner: Owner::named(get.at::<String>(2)?),
        processor: get.at(3)?,
        created_at: Micros(get.at(4)?),
        metadata: get.at::<Option<String>>(5)?.map(Into::into),
        warnings: get.at::<Option<String>>(6)?.map(Into::into),
        group: get.at::<Option<[u8; 16]>>(7)?.map(GroupId::from_bytes),
        lineage: Lineage { previous: named(&get, 23)?, rerun_of: named(&get, 24)? },
        life,
    };
    Ok(RunRow { n: get.at(0)?, run })
}

fn named(get: &Columns<'_>, column: usize) -> Result<Option<RunId>, StoreError> {
    Ok(get.at::<Option<[u8; 16]>>(column)?.map(RunId::from_bytes))
}

fn lease(get: &Columns<'_>) -> Result<Option<Lease>, StoreError> {
    let Some(node) = get.at::<Option<i64>>(18)? else { return Ok(None) };
    Ok(Some(Lease {
        node: NodeId(node.cast_unsigned()),
        token: Token(get.at::<i64>(19)?.cast_unsigned()),
        attempt: get.at(20)?,
        until: Micros(get.at(21)?),
    }))
}

/// A column of a row, counted from 0.
pub(super) fn get<T: FromSql>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    row.get(column).map_err(unavailable)
}

struct Columns<'a>(&'a Row<'a>);

impl Columns<'_> {
    fn at<T: FromSql>(&self, column: usize) -> Result<T, StoreError> {
        get(self.0, column)
    }
}

/// SQLite's errors are all alike to a caller: try later, or look at the log.
pub(super) fn unavailable(error: rusqlite::Error) -> StoreError {
    StoreError::Unavailable(error.into())
}
