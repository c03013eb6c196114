//! What is kept of a create, so that its answer can be given again.

use legwork_core::group::{Counts, Group};
use legwork_core::id::RunId;
use legwork_core::run::{Life, Run, Status};
use legwork_core::store::{AddedToGroup, StoreError};
use serde::{Deserialize, Serialize};

/// What was created, as it is kept to be told again. What never changes is read where it lies.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kept {
    Run(String),
    Group(String),
    Runs {
        group: String,
        ids: Vec<String>,
        counts: [u64; Status::ALL.len()],
        at: i64,
        runs_before: Option<u64>,
        ends_before: Option<u64>,
    },
}

impl Kept {
    /// Reads what was kept.
    pub(super) fn read(text: &str) -> Result<Self, StoreError> {
        serde_json::from_str(text).map_err(odd)
    }

    /// Runs that were added to a group.
    pub(super) fn runs(added: &AddedToGroup, ids: &[RunId]) -> Self {
        let mut counts = [0; Status::ALL.len()];
        counts.iter_mut().zip(added.group.counts.iter()).for_each(|(kept, (_, count))| *kept = count);
        Self::Runs {
            group: added.group.id.to_string(),
            ids: ids.iter().map(ToString::to_string).collect(),
            counts,
            at: added.group.modified_at.0,
            runs_before: added.runs_before,
            ends_before: added.ends_before,
        }
    }
}

/// A run as it was when it was accepted.
pub(super) fn as_submitted(run: Run) -> Run {
    let Life { events, deadline, tells, .. } = run.life;
    Run { life: Life { tells, ..Life::new(run.created_at, events, deadline) }, ..run }
}

/// A group as it was when it was made.
pub(super) fn at_first(group: Group) -> Group {
    Group { counts: Counts::default(), modified_at: group.created_at, ..group }
}

/// What was kept is not what was written.
pub(super) fn odd(error: impl std::fmt::Display) -> StoreError {
    StoreError::Inconsistent(format!("a receipt cannot be read: {error}"))
}
