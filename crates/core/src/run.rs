//! A run's life, as data. Nothing here waits, reads a clock or touches a disk.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::delivery::Tells;
use crate::id::{GroupId, NodeId, Owner, RunId, Token};
use crate::time::Micros;

/// How often a run is started before it is given up. A clean stop of the server does not count.
pub const MAX_ATTEMPTS: u32 = 10;

/// How long a worker may take to obey a cancellation before the run is taken from it.
pub const CANCEL_GRACE: Duration = Duration::from_secs(10);

/// Everything a caller may be shown of a run, but for its input, its output and its log.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its name.
    pub id: RunId,
    /// Whose it is; never shown, only compared.
    pub owner: Owner,
    /// The processor asked for, as it was spelled.
    pub processor: String,
    /// When it was accepted.
    pub created_at: Micros,
    /// The group it belongs to.
    pub group: Option<GroupId>,
    /// The caller's metadata, a JSON object as it was given.
    pub metadata: Option<Bytes>,
    /// What was odd about the request: a JSON list of the wire's warnings.
    pub warnings: Option<Bytes>,
    /// Which earlier runs it comes from.
    pub lineage: Lineage,
    /// Where it stands; the only part that changes.
    pub life: Life,
}

/// Which earlier runs a run comes from. They stay named, whatever becomes of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lineage {
    /// The run whose interaction it goes on from.
    pub previous: Option<RunId>,
    /// The run whose request it is once more.
    pub rerun_of: Option<RunId>,
}

/// The part of a run that changes, and what the rules look at when they change it.
#[derive(Clone, Debug, PartialEq)]
pub struct Life {
    /// Where it stands.
    pub state: State,
    /// How many facts its log holds, and so the number of the last one. The wire's `ETag`.
    pub version: u64,
    /// When its state last changed.
    pub modified_at: Micros,
    /// How often it was started; a clean stop of the server takes its start back.
    pub attempts: u32,
    /// The caller wants the answer written from what is there. Outlives the attempt it was said to.
    pub finish: bool,
    /// The highest progress recorded, 0 to 100.
    pub meter: u8,
    /// Whether progress is kept in the log. States always are.
    pub events: bool,
    /// When a run that still waits for its start is given up.
    pub deadline: Option<Micros>,
    /// What its webhook is told of.
    pub tells: Tells,
    /// Whether anything lies beside the run that is for its work alone, such as the steps that were kept. It goes with the
    /// commit of the run's end, which costs nothing where there is nothing.
    pub papers: bool,
}

/// Where a run stands. A state carries what is only true in that state.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Waits for a worker.
    Queued {
        /// No worker takes it before this moment. [`AT_ONCE`] puts it first in line.
        not_before: Micros,
    },
    /// A worker is at it.
    Running {
        /// By what right.
        lease: Lease,
    },
    /// The processor asked the caller something; no worker waits meanwhile.
    ActionRequired {
        /// What it asked.
        question: Question,
    },
    /// The caller wants it stopped, and the worker has yet to obey.
    Cancelling {
        /// The worker's lease, which no renewal extends beyond `stop_by`.
        lease: Lease,
        /// When the run is taken from a worker that did not obey.
        stop_by: Micros,
    },
    /// Ended with an output.
    Completed,
    /// Ended without.
    Failed {
        /// What the caller is told about it.
        why: Failure,
    },
    /// Ended because the caller wanted it to.
    Cancelled,
}

/// The first place in line: before every run that waits since it was created.
pub const AT_ONCE: Micros = Micros(0);

/// The right to work on a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The process that holds it.
    pub node: NodeId,
    /// What the holder proves itself with.
    pub token: Token,
    /// Which start of the run this is, from 1.
    pub attempt: u32,
    /// When it runs out unless it is renewed.
    pub until: Micros,
}

/// What a processor wants to know from the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The question, in words.
    pub text: String,
    /// The answer to go on with when none came in time, as JSON text.
    pub default: Option<String>,
    /// Until when an answer is waited for; `None` waits for ever.
    pub deadline: Option<Micros>,
}

/// Why a run failed, for the caller's eyes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of failure it is; for programs.
    pub code: FailureCode,
    /// What happened and what may be done about it; for people.
    pub message: String,
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// The processor said that it cannot do the task.
    Processor,
    /// Its attempts are used up.
    Attempts,
    /// A deadline passed before it was done.
    Deadline,
    /// Its processor is no longer configured.
    NoProcessor,
}

/// The name of a state, as the wire and the stores have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits for a worker.
    Queued,
    /// A worker is at it.
    Running,
    /// Waits for the caller's answer.
    ActionRequired,
    /// Is being stopped.
    Cancelling,
    /// Ended with an output.
    Completed,
    /// Ended without.
    Failed,
    /// Ended because the caller wanted it to.
    Cancelled,
}

impl Status {
    /// All of them, in the order in which a run may meet them.
    pub const ALL: [Self; 7] = [
        Self::Queued,
        Self::Running,
        Self::ActionRequired,
        Self::Cancelling,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::ActionRequired => "action_required",
            Self::Cancelling => "cancelling",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The wire's `is_active`: the server will go on with it by itself. A run that waits for an answer is not active.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Queued | Self::Running | Self::Cancelling)
    }

    /// Nothing will ever happen to the run again.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Status {
    type Err = NotAStatus;

    fn from_str(text: &str) -> Result<Self, NotAStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(NotAStatus)
    }
}

/// The text names no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a status is one of queued, running, action_required, cancelling, completed, failed, cancelled")]
pub struct NotAStatus;

impl State {
    /// The state's name.
    pub const fn status(&self) -> Status {
        match self {
            Self::Queued { .. } => Status::Queued,
            Self::Running { .. } => Status::Running,
            Self::ActionRequired { .. } => Status::ActionRequired,
            Self::Cancelling { .. } => Status::Cancelling,
            Self::Completed => Status::Completed,
            Self::Failed { .. } => Status::Failed,
            Self::Cancelled => Status::Cancelled,
        }
    }

    /// The lease under which a worker is at it, if one is.
    pub const fn lease(&self) -> Option<&Lease> {
        match self {
            Self::Running { lease } | Self::Cancelling { lease, .. } => Some(lease),
            Self::Queued { .. }
            | Self::ActionRequired { .. }
            | Self::Completed
            | Self::Failed { .. }
            | Self::Cancelled => None,
        }
    }
}

impl Life {
    /// The life of a run that was just accepted. Its first fact, `queued`, has number 1.
    pub fn new(now: Micros, events: bool, deadline: Option<Micros>) -> Self {
        Self {
            state: State::Queued { not_before: now },
            version: 1,
            modified_at: now,
            attempts: 0,
            finish: false,
            meter: 0,
            events,
            deadline,
            tells: Tells::default(),
            papers: false,
        }
    }

    /// The name of the state.
    pub const fn status(&self) -> Status {
        self.state.status()
    }

    /// When time alone changes the run, unless something else does before: a deadline for its start or its answer.
    /// (Leases run out, too; they are watched where they are kept.)
    pub const fn expires_at(&self) -> Option<Micros> {
        match &self.state {
            State::Queued { .. } => self.deadline,
            State::ActionRequired { question } => question.deadline,
            State::Running { .. }
            | State::Cancelling { .. }
            | State::Completed
            | State::Failed { .. }
            | State::Cancelled => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_reads_what_it_prints() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{status}\""));
        }
        assert_eq!("done".parse::<Status>(), Err(NotAStatus));
    }

    #[test]
    fn active_is_queued_running_and_cancelling_and_nothing_else() {
        let active: Vec<_> = Status::ALL.into_iter().filter(|s| s.is_active()).collect();
        assert_eq!(active, [Status::Queued, Status::Running, Status::Cancelling]);
    }
}
