//! How the rules' values lie in columns: the same in every store, and for ever. Outside `legwork_core::command` this is the
//! one place that builds a `State`.

use std::time::Duration;

use bytes::Bytes;
use legwork_core::delivery::{Form, Heard, Standing, Tells};
use legwork_core::id::{RunId, Token};
use legwork_core::journal::Entry;
use legwork_core::run::{Lease, State, Status};
use legwork_core::store::StoreError;
use legwork_core::time::Micros;
use serde::de::DeserializeOwned;

/// The parts of a life that have columns of their own kind. A lease lies in its own table.
pub(super) struct StateColumns {
    pub(super) status: i64,
    /// Queued: not before; cancelling: stop by.
    pub(super) moment: Option<i64>,
    /// Action required: the question; failed: why.
    pub(super) detail: Option<String>,
}

impl StateColumns {
    /// The columns for a state.
    pub(super) fn of(state: &State) -> Self {
        let (moment, detail) = match state {
            State::Queued { not_before } => (Some(not_before.0), None),
            State::Cancelling { stop_by, .. } => (Some(stop_by.0), None),
            State::ActionRequired { question } => (None, Some(json(question))),
            State::Failed { why } => (None, Some(json(why))),
            State::Running { .. } | State::Completed | State::Cancelled => (None, None),
        };
        Self { status: status_number(state.status()), moment, detail }
    }

    /// The state that they stand for.
    pub(super) fn state(&self, id: RunId, lease: Option<Lease>) -> Result<State, StoreError> {
        let status = status_of(self.status).ok_or_else(|| odd(id, "its status is none we know"))?;
        let moment = || self.moment.map(Micros).ok_or_else(|| odd(id, "its moment is missing"));
        let lease = || lease.ok_or_else(|| odd(id, "its lease is missing"));
        Ok(match status {
            Status::Queued => State::Queued { not_before: moment()? },
            Status::Running => State::Running { lease: lease()? },
            Status::ActionRequired => State::ActionRequired { question: self.detail(id)? },
            Status::Cancelling => State::Cancelling { lease: lease()?, stop_by: moment()? },
            Status::Completed => State::Completed,
            Status::Failed => State::Failed { why: self.detail(id)? },
            Status::Cancelled => State::Cancelled,
        })
    }

    fn detail<T: DeserializeOwned>(&self, id: RunId) -> Result<T, StoreError> {
        let text = self.detail.as_ref().ok_or_else(|| odd(id, "its detail is missing"))?;
        serde_json::from_str(text).map_err(|error| odd(id, &format!("its detail cannot be read: {error}")))
    }
}

fn odd(id: RunId, what: &str) -> StoreError {
    StoreError::Inconsistent(format!("run {id}: {what}"))
}

/// Our own plain values as JSON text.
pub(super) fn json<T: serde::Serialize>(value: &T) -> String {
    // Structs of strings and numbers with string keys: there is nothing in them that JSON cannot say.
    serde_json::to_string(value).unwrap_or_default()
}

/// Carried JSON as the text it is.
pub(super) fn text(json: Option<&[u8]>) -> Result<Option<&str>, StoreError> {
    json.map(std::str::from_utf8).transpose().map_err(|error| StoreError::Unavailable(error.into()))
}

/// The number of a status.
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

/// The number of what a webhook is told of: 1 its run's end, 2 its questions, 3 both.
pub(super) fn tells_number(tells: Tells) -> i64 {
    i64::from(tells.ends) | (i64::from(tells.questions) << 1)
}

/// What a webhook is told of that has this number.
pub(super) fn tells_of(number: i64) -> Tells {
    Tells { ends: number & 1 != 0, questions: number & 2 != 0 }
}

/// The number of a form.
pub(super) const fn form_number(form: Form) -> i64 {
    match form {
        Form::Official => 0,
        Form::Guide => 1,
    }
}

/// The form of this number.
pub(super) fn form_of(number: i64) -> Form {
    if number == form_number(Form::Guide) { Form::Guide } else { Form::Official }
}

/// How a delivery stands, but for the token of who is at it.
#[derive(Clone, Copy)]
pub(super) struct StandingColumns {
    /// 0 owed, 1 delivered, 2 given up.
    pub(super) outcome: i64,
    /// Owed: not before; under way: when the lease runs out.
    pub(super) due_at: Option<i64>,
    pub(super) settled_at: Option<i64>,
}

impl StandingColumns {
    /// The columns for how a delivery stands.
    pub(super) fn of(standing: Standing) -> Self {
        let (outcome, due_at, settled_at) = match standing {
            Standing::Owed { due_at } | Standing::Sending { until: due_at } => (0, Some(due_at.0), None),
            Standing::Delivered { at } => (1, None, Some(at.0)),
            Standing::GivenUp { at } => (2, None, Some(at.0)),
        };
        Self { outcome, due_at, settled_at }
    }

    /// What they stand for, under this token.
    pub(super) fn standing(self, token: Option<Token>) -> Standing {
        let moment = |at: Option<i64>| Micros(at.unwrap_or(0));
        match (self.outcome, token) {
            (1, _) => Standing::Delivered { at: moment(self.settled_at) },
            (2, _) => Standing::GivenUp { at: moment(self.settled_at) },
            (_, Some(_)) => Standing::Sending { until: moment(self.due_at) },
            (_, None) => Standing::Owed { due_at: moment(self.due_at) },
        }
    }
}

/// The columns for what was heard: the status, when it may be tried again, and what was said.
pub(super) fn heard_columns(heard: &Heard) -> (Option<i64>, Option<i64>, &str) {
    match heard {
        Heard::Answer { status, retry_after, excerpt } => (Some(i64::from(*status)), retry_after.map(micros), excerpt),
        Heard::Nothing { why } => (None, None, why),
    }
}

/// What was heard that has these columns.
pub(super) fn heard(status: Option<i64>, retry_after: Option<i64>, said: String) -> Result<Heard, StoreError> {
    let Some(status) = status else { return Ok(Heard::Nothing { why: said }) };
    let odd = |_| StoreError::Inconsistent(format!("an attempt was answered {status}, which is no status"));
    let retry_after = retry_after.map(|micros| Duration::from_micros(micros.unsigned_abs()));
    Ok(Heard::Answer { status: status.try_into().map_err(odd)?, retry_after, excerpt: said })
}

/// A step that was kept, which could be.
pub(super) fn step(key: String, body: Bytes) -> Result<Entry, StoreError> {
    Entry::new(key, body).map_err(|odd| StoreError::Inconsistent(format!("a step cannot be read: {odd}")))
}

/// A time's length in microseconds.
pub(super) fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
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
