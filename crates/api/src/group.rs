//! What a caller is shown of a group of runs (wire.md 2.8).

use std::collections::BTreeMap;

use legwork_core::group::{Counts, Group};
use legwork_core::id::{GroupId, RunId};
use legwork_core::run::Status;
use legwork_core::store::AddedToGroup;
use legwork_core::time::Micros;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::event::EventId;
use crate::run::{as_text, as_texts, as_time};

/// A group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TaskGroup {
    /// Its name.
    #[serde(with = "as_text")]
    pub taskgroup_id: GroupId,
    /// The caller's metadata, byte for byte.
    #[serde(default)]
    pub metadata: Option<Box<RawValue>>,
    /// How its runs stand.
    pub status: TaskGroupStatus,
    /// When it was made.
    #[serde(default, with = "as_time")]
    pub created_at: Option<Micros>,
}

/// How the runs of a group stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskGroupStatus {
    /// How many there are.
    pub num_task_runs: u64,
    /// How many are in each state; states that nobody is in are left out.
    pub task_run_status_counts: BTreeMap<Status, u64>,
    /// Whether the server goes on with some of them by itself.
    pub is_active: bool,
    /// The same for people.
    #[serde(default)]
    pub status_message: Option<String>,
    /// When that last changed.
    #[serde(default, with = "as_time")]
    pub modified_at: Option<Micros>,
}

/// The answer to adding runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TaskGroupRunResponse {
    /// How the group stands with them.
    pub status: TaskGroupStatus,
    /// The runs, in the order in which they were given.
    #[serde(with = "as_texts")]
    pub run_ids: Vec<RunId>,
    /// What to give as `last_event_id` to the group's `runs` to get these and no earlier ones; null when there are none.
    #[serde(default)]
    pub run_cursor: Option<String>,
    /// The same for the group's `events`.
    #[serde(default)]
    pub event_cursor: Option<String>,
}

impl From<&Group> for TaskGroup {
    fn from(group: &Group) -> Self {
        Self {
            taskgroup_id: group.id,
            metadata: group.metadata.as_ref().and_then(|json| serde_json::from_slice(json).ok()),
            status: TaskGroupStatus::from(group),
            created_at: Some(group.created_at),
        }
    }
}

impl From<&Group> for TaskGroupStatus {
    fn from(group: &Group) -> Self {
        let counts = &group.counts;
        Self {
            num_task_runs: counts.total(),
            task_run_status_counts: counts.iter().filter(|(_, count)| *count > 0).collect(),
            is_active: counts.is_active(),
            status_message: message(counts),
            modified_at: Some(group.modified_at),
        }
    }
}

/// `3 of 10 runs have ended, 1 of them failed`.
fn message(counts: &Counts) -> Option<String> {
    let (total, ended, failed) = (counts.total(), counts.ended(), counts.of(Status::Failed));
    let runs = if total == 1 { "run has" } else { "runs have" };
    let failed = if failed > 0 { format!(", {failed} of them failed") } else { String::new() };
    (total > 0).then(|| format!("{ended} of {total} {runs} ended{failed}"))
}

impl TaskGroupRunResponse {
    /// What a caller is told who added these runs.
    pub fn of(added: &AddedToGroup, run_ids: Vec<RunId>) -> Self {
        let cursor = |place| EventId::in_group(added.group.id, place).to_string();
        Self {
            status: TaskGroupStatus::from(&added.group),
            run_ids,
            run_cursor: added.runs_before.map(cursor),
            event_cursor: added.ends_before.map(cursor),
        }
    }
}

#[cfg(test)]
mod tests {
    use legwork_core::id::Owner;

    use super::*;

    fn group(numbers: [u64; 7]) -> Group {
        Group {
            id: GroupId::from_u128(0xabc),
            owner: Owner::local(),
            created_at: Micros(0),
            metadata: Some(r#"{"n": 1.0}"#.into()),
            counts: Counts::new(numbers),
            modified_at: Micros(1_000_000),
        }
    }

    #[test]
    fn a_group_shows_only_states_that_some_run_is_in() {
        let shown = serde_json::to_string(&TaskGroup::from(&group([2, 1, 0, 0, 4, 1, 0]))).unwrap();
        insta::assert_snapshot!(shown);
        let read: TaskGroup = serde_json::from_str(&shown).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), shown, "the client reads what the server writes");
    }

    #[test]
    fn an_empty_group_is_at_rest() {
        let shown = TaskGroupStatus::from(&group([0; 7]));
        assert_eq!((shown.num_task_runs, shown.is_active, shown.status_message), (0, false, None));
        assert!(shown.task_run_status_counts.is_empty());
    }

    #[test]
    fn a_group_that_only_waits_for_answers_is_at_rest() {
        assert!(!TaskGroupStatus::from(&group([0, 0, 3, 0, 1, 0, 0])).is_active);
    }

    #[test]
    fn whoever_adds_runs_is_told_where_they_begin() {
        let added = |before| AddedToGroup { group: group([1; 7]), runs_before: before, ends_before: before };
        let first = TaskGroupRunResponse::of(&added(None), vec![RunId::from_u128(1)]);
        assert_eq!((first.run_cursor, first.event_cursor), (None, None));
        let later = TaskGroupRunResponse::of(&added(Some(7)), Vec::new());
        assert_eq!(later.run_cursor.as_deref(), Some("7-000abc"));
    }
}
