//! What happened to a run, in order. The log is append-only: a fact is never changed, and goes only with its run.
//!
//! A run's facts are numbered from 1 by one sequence. That number is the resume point of every reader: the SSE `id:`,
//! the log's `after`, the run's version.

use serde::{Deserialize, Serialize};

use crate::run::{Failure, Question, Status};
use crate::time::Micros;

/// One entry of a run's log.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// Its number within the run; the first is 1, and there are no gaps.
    pub seq: u64,
    /// When it was decided.
    pub at: Micros,
    /// What happened.
    pub what: What,
}

/// What a fact says. The stored form is this enum's JSON, `{"v":1,"what":…}`; samples of it are read in a test for ever.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum What {
    /// The run entered a state. Everything the wire shows of that state stands here, so that a replay is the same
    /// bytes as the first telling.
    State {
        /// The state entered.
        status: Status,
        /// Why, when the state is `failed`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
        /// What is asked, when the state is `action_required`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        question: Option<Question>,
    },
    /// The caller's answer to a question; the processor reads it when it resumes.
    Answer {
        /// The answer as JSON text, as it was given.
        answer: String,
    },
    /// The caller asked the run to stop looking and to write its answer.
    Finish,
    /// The processor told how it is going.
    Progress {
        /// What it told.
        #[serde(flatten)]
        report: Report,
    },
}

impl What {
    /// The state that the run entered by this, if it entered one.
    pub fn entered(&self) -> Option<Status> {
        if let Self::State { status, .. } = self { Some(*status) } else { None }
    }
}

/// What a processor tells while it works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Names the telling within the run whatever the attempt, so that a resumed attempt which says the same thing
    /// again records nothing twice.
    pub key: String,
    /// What is told.
    #[serde(flatten)]
    pub body: ReportBody,
}

/// The kinds of telling; the wire's `task_run.progress_msg.*` and `task_run.progress_stats`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "report")]
pub enum ReportBody {
    /// A sentence about the work.
    Message {
        /// What kind of step it is about.
        step: Step,
        /// The sentence.
        message: String,
    },
    /// How far the work is.
    Stats {
        /// From 0 to 100; never less than what was recorded before, and 100 only at the end.
        meter: u8,
        /// How many sources were looked at from outside.
        considered: u32,
        /// How many were read.
        read: u32,
        /// Addresses of some that were read.
        sample: Vec<String>,
    },
}

/// The steps a message may be about; the last part of the wire's `task_run.progress_msg.*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// What will be looked for and why.
    Plan,
    /// A search and what it brought.
    Search,
    /// A document being read.
    Extract,
    /// What was found.
    Result,
    /// A tool of the caller's being called.
    ToolCall,
    /// The state of the work itself.
    ExecStatus,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows written by every version so far. A line is added when the shape grows; none is ever removed.
    const STORED: &str = include_str!("../samples/facts.jsonl");

    #[test]
    fn every_fact_ever_stored_can_still_be_read() {
        for line in STORED.lines() {
            let what: What = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_string(&what).unwrap(), line, "and says the same");
        }
        assert!(STORED.lines().count() >= 9);
    }
}
