//! What a caller is shown of a run: the wire's `TaskRun` (wire.md 2.1).

use bytes::Bytes;
use legwork_core::fact::{Fact, What};
use legwork_core::id::{GroupId, RunId};
use legwork_core::run::{Failure, Lineage, Question, Run, State, Status};
use legwork_core::time::Micros;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use crate::code::ErrorView;
use crate::warning::Warning;

/// A run as the wire has it. Serialises with all eleven official keys, and ours in the one object `legwork`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TaskRun {
    /// Its name.
    #[serde(with = "as_text")]
    pub run_id: RunId,
    /// What a later run refers to it by; the same as `run_id`.
    #[serde(with = "as_text")]
    pub interaction_id: RunId,
    /// Where it stands.
    pub status: Status,
    /// Whether the server goes on with it by itself.
    pub is_active: bool,
    /// The processor, as it was asked for.
    pub processor: String,
    /// When it was accepted.
    #[serde(default, with = "as_time")]
    pub created_at: Option<Micros>,
    /// When its state last changed.
    #[serde(default, with = "as_time")]
    pub modified_at: Option<Micros>,
    /// What was odd about the request; [`TaskRun::warnings`] reads it.
    #[serde(default)]
    pub warnings: Option<Box<RawValue>>,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<ErrorView>,
    /// The caller's metadata, byte for byte; `{}` when there is none.
    #[serde(default)]
    pub metadata: Option<Box<RawValue>>,
    /// The group it belongs to.
    #[serde(default, with = "as_text_or_null")]
    pub taskgroup_id: Option<GroupId>,
    /// What other servers do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legwork: Option<Legwork>,
}

/// What legwork tells of a run beyond the official keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Legwork {
    /// Rises with every fact of the run's log; also its `ETag`.
    pub version: u64,
    /// How often it was started. Not in events, which tell what a fact says and no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// How far it is, 0 to 100, if its progress is kept. Not in events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_meter: Option<u8>,
    /// What it wants to know, while it is `action_required`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<QuestionView>,
    /// The run whose interaction it goes on from. That may be gone.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "as_text_or_null")]
    pub previous_interaction_id: Option<RunId>,
    /// The run whose request it is once more. That may be gone.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "as_text_or_null")]
    pub rerun_of: Option<RunId>,
    /// What it may expect, while it is queued and looked at by itself.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueView>,
}

/// What a run that waits may expect. It changes without the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueView {
    /// How many runs of the same processor are taken before it; null when it is not in line yet, or too far back to count.
    #[serde(deserialize_with = "Deserialize::deserialize")]
    pub queue_position: Option<u64>,
    /// When it is likely to be done; null when nothing is known that tells.
    #[serde(with = "as_time")]
    pub eta: Option<Micros>,
}

/// A question to the caller.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QuestionView {
    /// The question, in words.
    pub text: String,
    /// The answer it will go on with when none comes.
    #[serde(default)]
    pub default: Option<Box<RawValue>>,
    /// Until when an answer is waited for.
    #[serde(default, with = "as_time")]
    pub deadline: Option<Micros>,
}

impl TaskRun {
    /// What was odd about the request. What cannot be read as a warning is left out.
    pub fn warnings(&self) -> Vec<Warning> {
        self.warnings.as_deref().and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
    }

    /// The run as a fact of its log left it. Only the fact and what never changes of the run is shown, so that it is the
    /// same whenever it is asked.
    pub fn as_of(run: &Run, fact: &Fact) -> Self {
        let (status, why, asked) = match &fact.what {
            What::State { status, failure, question } => (*status, failure.as_ref(), question.as_ref()),
            // No other fact changes what is shown of a run; no caller asks this of one.
            What::Answer { .. } | What::Finish | What::Progress { .. } => return Self::from(run),
        };
        let question = asked.map(QuestionView::from);
        let legwork = Legwork { question, ..Legwork::at(fact.seq, run.lineage) };
        Self::shown(run, status, fact.at, why, legwork)
    }

    fn shown(run: &Run, status: Status, modified_at: Micros, why: Option<&Failure>, legwork: Legwork) -> Self {
        Self {
            run_id: run.id,
            interaction_id: run.id,
            status,
            is_active: status.is_active(),
            processor: run.processor.clone(),
            created_at: Some(run.created_at),
            modified_at: Some(modified_at),
            warnings: run.warnings.as_ref().and_then(carried),
            error: why.map(|why| told(run.id, why)),
            metadata: Some(run.metadata.as_ref().and_then(carried).unwrap_or_else(empty_object)),
            taskgroup_id: run.group,
            legwork: Some(legwork),
        }
    }
}

impl From<&Run> for TaskRun {
    fn from(run: &Run) -> Self {
        Self::shown(run, run.life.status(), run.life.modified_at, failure(&run.life.state), Legwork::from(run))
    }
}

impl From<&Run> for Legwork {
    fn from(run: &Run) -> Self {
        Self {
            attempts: Some(run.life.attempts),
            progress_meter: Some(run.life.meter),
            question: question(&run.life.state).map(QuestionView::from),
            ..Self::at(run.life.version, run.lineage)
        }
    }
}

impl Legwork {
    /// What can be told of a run at any time, and nothing else.
    fn at(version: u64, Lineage { previous, rerun_of }: Lineage) -> Self {
        Self {
            version,
            attempts: None,
            progress_meter: None,
            question: None,
            previous_interaction_id: previous,
            rerun_of,
            queue: None,
        }
    }

    /// The same, and what the run may expect of the queue.
    #[must_use]
    pub fn with_queue(self, queue: QueueView) -> Self {
        Self { queue: Some(queue), ..self }
    }
}

impl From<&Question> for QuestionView {
    fn from(asked: &Question) -> Self {
        let default = asked.default.clone().and_then(|text| RawValue::from_string(text).ok());
        Self { text: asked.text.clone(), default, deadline: asked.deadline }
    }
}

/// Why a run failed, as the wire says it; the same bytes each time it is asked.
pub fn told(run: RunId, why: &Failure) -> ErrorView {
    ErrorView { ref_id: ref_id(run), message: why.message.clone(), detail: Some(json!({ "code": why.code })) }
}

/// The `ref_id` of what goes wrong with a run: the run's number, written as a UUID.
pub fn ref_id(run: RunId) -> String {
    let hex = format!("{:032x}", run.as_u128());
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// JSON that is shown as the bytes it was stored as. A row that a disk fault made unreadable is shown without it.
fn carried(json: &Bytes) -> Option<Box<RawValue>> {
    serde_json::from_slice(json).ok()
}

fn empty_object() -> Box<RawValue> {
    RawValue::from_string("{}".to_owned()).expect("an empty object is JSON")
}

fn failure(state: &State) -> Option<&Failure> {
    match state {
        State::Failed { why } => Some(why),
        State::Queued { .. }
        | State::Running { .. }
        | State::ActionRequired { .. }
        | State::Cancelling { .. }
        | State::Completed
        | State::Cancelled => None,
    }
}

fn question(state: &State) -> Option<&Question> {
    match state {
        State::ActionRequired { question } => Some(question),
        State::Queued { .. }
        | State::Running { .. }
        | State::Cancelling { .. }
        | State::Completed
        | State::Failed { .. }
        | State::Cancelled => None,
    }
}

/// Ids on the wire.
pub(crate) mod as_text {
    use std::borrow::Cow;
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<T: Display, S: Serializer>(id: &T, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(id)
    }

    pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        Cow::<str>::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// Ids on the wire where there may be none.
mod as_text_or_null {
    use std::borrow::Cow;
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::ref_option, reason = "serde gives a reference to the field")]
    pub(super) fn serialize<T: Display, S: Serializer>(id: &Option<T>, to: S) -> Result<S::Ok, S::Error> {
        match id {
            Some(id) => to.collect_str(id),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        Option::<Cow<str>>::deserialize(from)?.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}

/// Lists of ids on the wire.
pub(crate) mod as_texts {
    use std::borrow::Cow;
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<T: Display, S: Serializer>(ids: &[T], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(ids.iter().map(ToString::to_string))
    }

    pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<Vec<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let texts = Vec::<Cow<str>>::deserialize(from)?;
        texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
    }
}

/// Moments on the wire: RFC 3339 or null.
pub(crate) mod as_time {
    use std::borrow::Cow;

    use legwork_core::time::Micros;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::ref_option, reason = "serde gives a reference to the field")]
    pub(crate) fn serialize<S: Serializer>(at: &Option<Micros>, to: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => to.collect_str(at),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Micros>, D::Error> {
        let Some(text) = Option::<Cow<str>>::deserialize(from)? else { return Ok(None) };
        Micros::parse_rfc3339(&text).map(Some).ok_or_else(|| D::Error::custom("a time is written as RFC 3339 has it"))
    }
}

#[cfg(test)]
mod tests {
    use legwork_core::run::{FailureCode, Life};

    use super::*;
    use crate::result::tests::a_run;

    fn shown(run: &Run) -> String {
        serde_json::to_string(&TaskRun::from(run)).unwrap()
    }

    #[test]
    fn a_fresh_run_shows_all_its_keys() {
        insta::assert_snapshot!(shown(&a_run()));
    }

    #[test]
    fn a_failed_run_says_why() {
        let mut run = a_run();
        let why = Failure { code: FailureCode::Deadline, message: "too late".to_owned() };
        run.life.state = State::Failed { why };
        insta::assert_snapshot!(shown(&run));
    }

    #[test]
    fn a_run_that_waits_for_an_answer_shows_its_question() {
        let mut run = a_run();
        let question = Question {
            text: "Which Springfield?".to_owned(),
            default: Some(r#"{"state": "IL"}"#.to_owned()),
            deadline: Some(Micros(5_000_000)),
        };
        run.life.state = State::ActionRequired { question };
        insta::assert_snapshot!(shown(&run));
    }

    #[test]
    fn metadata_and_warnings_are_shown_as_they_were_given() {
        let mut run = a_run();
        run.metadata = Some(Bytes::from_static(br#"{"b": 1.0, "a":1e2}"#));
        run.warnings = Some(Bytes::from_static(br#"[{"type":"warning","message":"m","detail":null}]"#));
        assert!(shown(&run).contains(r#""metadata":{"b": 1.0, "a":1e2}"#));
        assert_eq!(TaskRun::from(&run).warnings()[0].message, "m");
    }

    #[test]
    fn the_client_reads_what_the_server_writes() {
        let mut run = a_run();
        run.group = Some(GroupId::from_u128(7));
        run.life = Life { meter: 40, ..run.life };
        run.lineage = Lineage { previous: Some(RunId::from_u128(8)), rerun_of: Some(RunId::from_u128(9)) };
        let text = shown(&run);
        let read: TaskRun = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }

    #[test]
    fn a_run_names_those_it_comes_from_in_its_events_too() {
        let mut run = a_run();
        run.lineage.rerun_of = Some(RunId::from_u128(9));
        let first = What::State { status: Status::Queued, failure: None, question: None };
        let told = TaskRun::as_of(&run, &Fact { seq: 1, at: run.created_at, what: first });
        let told = serde_json::to_string(&told.legwork).unwrap();
        assert_eq!(told, r#"{"version":1,"rerun_of":"trun_00000000000000000000000000000009"}"#);
    }

    #[test]
    fn what_a_run_may_expect_is_read_as_it_was_written_and_may_be_unknown() {
        let view = |text: &str| {
            let read: Legwork = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), text);
            read.queue
        };
        assert_eq!(view(r#"{"version":1}"#), None);
        let unknown = QueueView { queue_position: None, eta: None };
        assert_eq!(view(r#"{"version":1,"queue_position":null,"eta":null}"#), Some(unknown));
        let known = QueueView { queue_position: Some(3), eta: Some(Micros(0)) };
        assert_eq!(view(r#"{"version":1,"queue_position":3,"eta":"1970-01-01T00:00:00.000000Z"}"#), Some(known));
    }

    #[test]
    fn a_run_of_another_server_can_be_read() {
        let text = r#"{"run_id":"trun_9907962f83aa4d9d98fd7f4bf745d654","interaction_id":"trun_9907962f83aa4d9d98fd7f4bf745d654",
            "status":"running","is_active":true,"processor":"core","tomorrow":1,"created_at":null}"#;
        let read: TaskRun = serde_json::from_str(text).unwrap();
        assert_eq!((read.status, read.created_at), (Status::Running, None));
    }

    #[test]
    fn a_ref_id_is_the_runs_number_as_a_uuid() {
        assert_eq!(ref_id(RunId::from_u128(0x0199_a1b2)), "00000000-0000-0000-0000-00000199a1b2");
    }
}
