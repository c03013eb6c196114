//! Rows and the values they stand for. Outside `legwork_core::command` this is the one place that builds a `State`.

use legwork_core::id::{GroupId, NodeId, Owner, RunId, Token};
use legwork_core::run::{Lease, Life, Lineage, Run, State, Status};
use legwork_core::store::StoreError;
use legwork_core::time::Micros;
use rusqlite::Row;
use rusqlite::types::FromSql;
use serde::de::DeserializeOwned;

use super::deliveries;

/// A run with the number by which the other tables refer to it.
pub(super) struct RunRow {
    pub(super) n: i64,
    pub(super) run: Run,
}

/// How many columns `sql::run_columns` has: the first that is not of the run.
pub(super) const AFTER_RUN: usize = 25;
/// Which of them is the owner.
pub(super) const OWNER: usize = 2;

/// Reads the columns of `sql::run_columns`.
pub(super) fn run(row: &Row<'_>) -> Result<RunRow, StoreError> {
    let get = Columns(row);
    let id = RunId::from_bytes(get.at(1)?);
    let life = Life {
        state: state(id, &get)?,
        version: get.at(11)?,
        modified_at: Micros(get.at(12)?),
        attempts: get.at(13)?,
        finish: get.at(14)?,
        meter: get.at(15)?,
        events: get.at(8)?,
        deadline: get.at::<Option<i64>>(9)?.map(Micros),
        tells: deliveries::tells_of(get.at(22)?),
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

fn state(id: RunId, get: &Columns<'_>) -> Result<State, StoreError> {
    let status = status_of(get.at(10)?).ok_or_else(|| odd(id, "its status is none we know"))?;
    let moment = || get.at::<Option<i64>>(16)?.map(Micros).ok_or_else(|| odd(id, "its moment is missing"));
    Ok(match status {
        Status::Queued => State::Queued { not_before: moment()? },
        Status::Running => State::Running { lease: lease(id, get)? },
        Status::ActionRequired => State::ActionRequired { question: detail(id, get)? },
        Status::Cancelling => State::Cancelling { lease: lease(id, get)?, stop_by: moment()? },
        Status::Completed => State::Completed,
        Status::Failed => State::Failed { why: detail(id, get)? },
        Status::Cancelled => State::Cancelled,
    })
}

fn lease(id: RunId, get: &Columns<'_>) -> Result<Lease, StoreError> {
    if get.at::<Option<i64>>(18)?.is_none() {
        return Err(odd(id, "its lease is missing"));
    }
    Ok(Lease {
        node: NodeId(get.at::<i64>(18)?.cast_unsigned()),
        token: Token(get.at::<i64>(19)?.cast_unsigned()),
        attempt: get.at(20)?,
        until: Micros(get.at(21)?),
    })
}

fn detail<T: DeserializeOwned>(id: RunId, get: &Columns<'_>) -> Result<T, StoreError> {
    let text: Option<String> = get.at(17)?;
    let text = text.ok_or_else(|| odd(id, "its detail is missing"))?;
    serde_json::from_str(&text).map_err(|error| odd(id, &format!("its detail cannot be read: {error}")))
}

fn odd(id: RunId, what: &str) -> StoreError {
    StoreError::Inconsistent(format!("run {id}: {what}"))
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

/// The parts of a life that have columns of their own kind.
pub(super) struct StateColumns {
    pub(super) status: i64,
    pub(super) moment: Option<i64>,
    pub(super) detail: Option<String>,
}

/// The columns for a state; its lease lies in its own table.
pub(super) fn state_columns(state: &State) -> StateColumns {
    let (moment, detail) = match state {
        State::Queued { not_before } => (Some(not_before.0), None),
        State::Cancelling { stop_by, .. } => (Some(stop_by.0), None),
        State::ActionRequired { question } => (None, Some(json(question))),
        State::Failed { why } => (None, Some(json(why))),
        State::Running { .. } | State::Completed | State::Cancelled => (None, None),
    };
    StateColumns { status: status_number(state.status()), moment, detail }
}

/// Our own plain values as JSON text.
pub(super) fn json<T: serde::Serialize>(value: &T) -> String {
    // Structs of strings and numbers with string keys: there is nothing in them that JSON cannot say.
    serde_json::to_string(value).unwrap_or_default()
}

/// The number a status has in the file. These stay as they are for ever.
pub(super) const fn status_number(status: Status) -> i64 {
    match status {
        Status::Queued => 0,
        Status::Running => 1,
        Status::ActionRequired => 2,
        Status::Cancelling => 3,
        Status::Completed => 4,
        Status::Failed => 5,
        Status::Cancelled => 6,
    }
}

fn status_of(number: i64) -> Option<Status> {
    Status::ALL.into_iter().find(|status| status_number(*status) == number)
}

/// SQLite's errors are all alike to a caller: try later, or look at the log.
pub(super) fn unavailable(error: rusqlite::Error) -> StoreError {
    StoreError::Unavailable(error.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_the_states_stay_as_they_are() {
        let numbers: Vec<_> = Status::ALL.into_iter().map(|s| (s.as_str(), status_number(s))).collect();
        let kept = [
            ("queued", 0),
            ("running", 1),
            ("action_required", 2),
            ("cancelling", 3),
            ("completed", 4),
            ("failed", 5),
            ("cancelled", 6),
        ];
        assert_eq!(numbers, kept);
        assert!(Status::ALL.into_iter().all(|s| status_of(status_number(s)) == Some(s)));
    }
}
