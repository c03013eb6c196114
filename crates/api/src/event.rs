//! The events of a run (wire.md 3.2): its log, one event a fact.
//!
//! An event is made from its fact and from what never changes of the run, so that it is the same bytes on every replay.

use std::fmt;

use bytes::Bytes;
use legwork_core::fact::{Fact, ReportBody, Step, What};
use legwork_core::id::{GroupId, RunId};
use legwork_core::run::{Run, Status};
use legwork_core::time::Micros;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::value::RawValue;

use crate::code::ErrorView;
use crate::group::TaskGroupStatus;
use crate::result::OutputView;
use crate::run::{TaskRun, as_time};

/// A place in a log: what a reader that comes back has seen last. The SSE `id:`, an event's `event_id`, the log's
/// `after`.
///
/// `17-9f3ac2`: the number of the fact, and a piece of the name of the log it belongs to, so that the cursor of another
/// log is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventId {
    number: u64,
    log: u32,
}

impl EventId {
    /// A place in the log of one run: after its fact of this number.
    pub fn in_run(run: RunId, number: u64) -> Self {
        // The low digits are the random ones.
        Self { number, log: u32::try_from(run.as_u128() & 0xff_ffff).unwrap_or(0) }
    }

    /// A place among the runs of a group, or among their ends.
    pub fn in_group(group: GroupId, number: u64) -> Self {
        Self { number, log: u32::try_from(group.as_u128() & 0xff_ffff).unwrap_or(0) }
    }

    /// A place in the log of all runs of a store, which is named by its id.
    pub fn in_store(store: &str, number: u64) -> Self {
        let digits = store.get(store.len().saturating_sub(6)..).unwrap_or_default();
        Self { number, log: u32::from_str_radix(digits, 16).unwrap_or(0) }
    }

    /// The number of the fact.
    pub fn number(self) -> u64 {
        self.number
    }

    /// The number in a text that names a place in the same log as this; `None` for any other text.
    pub fn same_log(self, text: &str) -> Option<u64> {
        let (number, _) = text.split_once('-')?;
        let number = number.parse().ok()?;
        (Self { number, ..self }.to_string() == text).then_some(number)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:06x}", self.number, self.log)
    }
}

/// One event.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type")]
pub enum Event {
    /// The run entered a state.
    #[serde(rename = "task_run.state")]
    State(Box<StateEvent>),
    /// How far the work is.
    #[serde(rename = "task_run.progress_stats")]
    Stats(StatsEvent),
    /// What will be looked for and why.
    #[serde(rename = "task_run.progress_msg.plan")]
    Plan(MessageEvent),
    /// A search and what it brought.
    #[serde(rename = "task_run.progress_msg.search")]
    Search(MessageEvent),
    /// A document being read.
    #[serde(rename = "task_run.progress_msg.extract")]
    Extract(MessageEvent),
    /// What was found.
    #[serde(rename = "task_run.progress_msg.result")]
    Result(MessageEvent),
    /// A tool of the caller's being called.
    #[serde(rename = "task_run.progress_msg.tool_call")]
    ToolCall(MessageEvent),
    /// The state of the work itself.
    #[serde(rename = "task_run.progress_msg.exec_status")]
    ExecStatus(MessageEvent),
    /// How the runs of a group stand; in the streams of groups only.
    #[serde(rename = "task_group_status")]
    GroupStatus(Box<GroupStatusEvent>),
    /// The stream cannot go on. Other servers send it; this one has clients come back instead.
    #[serde(rename = "error")]
    Error(ErrorEvent),
    /// Some other server's; it is passed over.
    #[serde(rename = "unknown")]
    Unknown,
}

/// The run entered a state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StateEvent {
    /// What to come back with.
    #[serde(default)]
    pub event_id: Option<String>,
    /// What was asked for; only in the streams of groups, and only when it was wished for.
    #[serde(default)]
    pub input: Option<Box<RawValue>>,
    /// The run as it was then.
    pub run: TaskRun,
    /// The output of a run that is completed.
    #[serde(default)]
    pub output: Option<Box<RawValue>>,
}

/// How the runs of a group stand.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GroupStatusEvent {
    /// What to come back with.
    #[serde(default)]
    pub event_id: Option<String>,
    /// The group's status at that moment.
    pub status: TaskGroupStatus,
}

/// How far the work is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StatsEvent {
    /// What to come back with.
    #[serde(default)]
    pub event_id: Option<String>,
    /// The sources so far.
    pub source_stats: SourceStats,
    /// From 0 to 100; never less than before, and 100 only at the end.
    #[serde(default, serialize_with = "whole_if_it_is")]
    pub progress_meter: f64,
}

/// The sources so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SourceStats {
    /// How many were looked at from outside.
    #[serde(default)]
    pub num_sources_considered: Option<u64>,
    /// How many were read.
    #[serde(default)]
    pub num_sources_read: Option<u64>,
    /// The addresses of some that were read.
    #[serde(default)]
    pub sources_read_sample: Option<Vec<String>>,
}

/// A sentence about the work.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MessageEvent {
    /// What to come back with.
    #[serde(default)]
    pub event_id: Option<String>,
    /// The sentence.
    pub message: String,
    /// When it was recorded.
    #[serde(default, with = "as_time")]
    pub timestamp: Option<Micros>,
}

/// Why a stream cannot go on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ErrorEvent {
    /// What happened.
    pub error: ErrorView,
}

/// A part of a run's log, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogPage {
    /// The events.
    pub events: Vec<Event>,
    /// What to ask with as `after` for those that follow; `None` when there are none yet.
    pub next_cursor: Option<String>,
}

impl Event {
    /// The event of a run's fact. `output` is what the run came to, if this is the fact that it is completed.
    pub fn of(run: &Run, fact: &Fact, output: Option<&Bytes>) -> Self {
        let event_id = Some(EventId::in_run(run.id, fact.seq).to_string());
        let message = |message: &str| MessageEvent {
            event_id: event_id.clone(),
            message: message.to_owned(),
            timestamp: Some(fact.at),
        };
        match &fact.what {
            What::State { status: Status::Completed, .. } => Self::state(run, fact, event_id, output),
            What::State { .. } => Self::state(run, fact, event_id, None),
            What::Answer { .. } => Self::ExecStatus(message("The question was answered")),
            What::Finish => Self::ExecStatus(message("Asked to write the answer from what is there")),
            What::Progress { report } => match &report.body {
                ReportBody::Message { step, message: said } => Self::said(*step, message(said)),
                ReportBody::Stats { meter, considered, read, sample } => Self::Stats(StatsEvent {
                    event_id,
                    source_stats: SourceStats {
                        num_sources_considered: Some((*considered).into()),
                        num_sources_read: Some((*read).into()),
                        sources_read_sample: Some(sample.clone()),
                    },
                    progress_meter: f64::from(*meter),
                }),
            },
        }
    }

    /// The event that a run entered the state of this fact, under the id that it has in some stream.
    pub fn state(run: &Run, fact: &Fact, event_id: Option<String>, output: Option<&Bytes>) -> Self {
        let output = output.and_then(|bytes| serde_json::from_slice(bytes).ok());
        Self::State(Box::new(StateEvent { event_id, input: None, run: TaskRun::as_of(run, fact), output }))
    }

    fn said(step: Step, message: MessageEvent) -> Self {
        match step {
            Step::Plan => Self::Plan(message),
            Step::Search => Self::Search(message),
            Step::Extract => Self::Extract(message),
            Step::Result => Self::Result(message),
            Step::ToolCall => Self::ToolCall(message),
            Step::ExecStatus => Self::ExecStatus(message),
        }
    }

    /// Its `type`, which is also the SSE `event:`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::State(_) => "task_run.state",
            Self::Stats(_) => "task_run.progress_stats",
            Self::Plan(_) => "task_run.progress_msg.plan",
            Self::Search(_) => "task_run.progress_msg.search",
            Self::Extract(_) => "task_run.progress_msg.extract",
            Self::Result(_) => "task_run.progress_msg.result",
            Self::ToolCall(_) => "task_run.progress_msg.tool_call",
            Self::ExecStatus(_) => "task_run.progress_msg.exec_status",
            Self::GroupStatus(_) => "task_group_status",
            Self::Error(_) => "error",
            Self::Unknown => "unknown",
        }
    }

    /// What to come back with after it, where the server says so.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::State(event) => event.event_id.as_deref(),
            Self::Stats(event) => event.event_id.as_deref(),
            Self::GroupStatus(event) => event.event_id.as_deref(),
            Self::Error(_) | Self::Unknown => None,
            Self::Plan(message)
            | Self::Search(message)
            | Self::Extract(message)
            | Self::Result(message)
            | Self::ToolCall(message)
            | Self::ExecStatus(message) => message.event_id.as_deref(),
        }
    }

    /// The sentence that it carries, if it is one about the work.
    pub fn message(&self) -> Option<&MessageEvent> {
        match self {
            Self::Plan(message)
            | Self::Search(message)
            | Self::Extract(message)
            | Self::Result(message)
            | Self::ToolCall(message)
            | Self::ExecStatus(message) => Some(message),
            Self::State(_) | Self::Stats(_) | Self::GroupStatus(_) | Self::Error(_) | Self::Unknown => None,
        }
    }

    /// Reads an event of any server. One of a kind that we do not know is [`Event::Unknown`], no error.
    pub fn read(json: &str) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct Kind<'a> {
            #[serde(default, rename = "type", borrow)]
            name: std::borrow::Cow<'a, str>,
        }
        // By hand: serde's own way of reading a tagged enum cannot carry JSON as it is.
        let kind: Kind<'_> = serde_json::from_str(json)?;
        Ok(match &*kind.name {
            "task_run.state" => Self::State(serde_json::from_str(json)?),
            "task_run.progress_stats" => Self::Stats(serde_json::from_str(json)?),
            "task_run.progress_msg.plan" => Self::Plan(serde_json::from_str(json)?),
            "task_run.progress_msg.search" => Self::Search(serde_json::from_str(json)?),
            "task_run.progress_msg.extract" => Self::Extract(serde_json::from_str(json)?),
            "task_run.progress_msg.result" => Self::Result(serde_json::from_str(json)?),
            "task_run.progress_msg.tool_call" => Self::ToolCall(serde_json::from_str(json)?),
            "task_run.progress_msg.exec_status" => Self::ExecStatus(serde_json::from_str(json)?),
            "task_group_status" => Self::GroupStatus(serde_json::from_str(json)?),
            "error" => Self::Error(serde_json::from_str(json)?),
            _ => Self::Unknown,
        })
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(from)?;
        Self::read(json.get()).map_err(D::Error::custom)
    }
}

impl StateEvent {
    /// The output, read.
    pub fn output(&self) -> Option<OutputView> {
        serde_json::from_str(self.output.as_deref()?.get()).ok()
    }
}

/// 40 and not 40.0: some clients read a whole number.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference to the field")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked before")]
fn whole_if_it_is<S: Serializer>(meter: &f64, to: S) -> Result<S::Ok, S::Error> {
    if meter.fract() == 0.0 && (0.0..=100.0).contains(meter) {
        to.serialize_u8(*meter as u8)
    } else {
        to.serialize_f64(*meter)
    }
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
