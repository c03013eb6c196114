//! The answers that hold runs: a result (wire.md 2.2), and a page of a list.

use bytes::Bytes;
use legwork_core::output::{BasisExtras, Citation, OutputExtras};
use legwork_core::run::Run;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::run::TaskRun;

/// The body of `/result` for a completed run. The stored output is carried as it is, neither parsed nor copied twice.
pub fn result_bytes(run: &Run, output: &Bytes) -> Bytes {
    let run = serde_json::to_vec(&TaskRun::from(run)).expect("a run is JSON: its keys are text, its numbers whole");
    [&br#"{"run":"#[..], &run, br#","output":"#, output, b"}"].concat().into()
}

/// A result, as a client reads it. It is more forgiving than what we write, so that other servers' results can be read.
#[derive(Clone, Debug, Deserialize)]
pub struct TaskRunResult {
    /// The run, which is completed.
    pub run: TaskRun,
    /// What came of it.
    pub output: OutputView,
}

/// An output, as a client reads it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct OutputView {
    /// A text as a JSON string, or the object that was asked for.
    pub content: Value,
    /// What it rests on, field by field.
    #[serde(default)]
    pub basis: Vec<BasisView>,
    /// What it took to get it. Other servers do not tell.
    #[serde(default)]
    pub legwork: Option<OutputExtras>,
}

/// Why one field is believed, as a client reads it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct BasisView {
    /// The field, in dot notation with indexes; `output` for a text.
    pub field: String,
    /// What speaks for it.
    #[serde(default)]
    pub reasoning: String,
    /// The sources.
    #[serde(default)]
    pub citations: Vec<Citation>,
    /// `high`, `medium` or `low`; other servers also leave it empty or out.
    #[serde(default)]
    pub confidence: Option<String>,
    /// What was checked, and what that is worth. Other servers do not tell.
    #[serde(default)]
    pub legwork: Option<BasisExtras>,
}

/// A part of an owner's runs, newest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RunPage {
    /// The runs.
    pub runs: Vec<TaskRun>,
    /// What to ask with for the next page; `None` on the last.
    pub next_cursor: Option<String>,
}

#[cfg(test)]
pub(crate) mod tests {
    use legwork_core::id::{Owner, RunId};
    use legwork_core::output::{Confidence, FieldBasis, Output, Usage};
    use legwork_core::run::{Life, Lineage, State};
    use legwork_core::time::Micros;

    use super::*;

    /// A run that was just accepted.
    pub(crate) fn a_run() -> Run {
        Run {
            id: RunId::from_u128(0x0199_a1b2),
            owner: Owner::local(),
            processor: "base".to_owned(),
            created_at: Micros(1_745_439_708_037_943),
            group: None,
            metadata: None,
            warnings: None,
            lineage: Lineage::default(),
            life: Life::new(Micros(1_745_439_708_037_943), false, None),
        }
    }

    fn an_output() -> Output {
        let citation = Citation { url: "https://a.example/".to_owned(), title: None, excerpts: None, legwork: None };
        let basis = FieldBasis {
            field: "output".to_owned(),
            reasoning: "It says so.".to_owned(),
            citations: vec![citation],
            confidence: Confidence::Medium,
            legwork: None,
        };
        Output::text("42", vec![basis])
    }

    #[test]
    fn a_result_is_the_run_around_the_stored_output() {
        let mut run = a_run();
        run.life.state = State::Completed;
        let output = Bytes::from(serde_json::to_vec(&an_output()).unwrap());
        let body = result_bytes(&run, &output);
        insta::assert_snapshot!(String::from_utf8_lossy(&body));
        let read: TaskRunResult = serde_json::from_slice(&body).unwrap();
        assert_eq!(read.output.content, "42");
        assert_eq!(read.output.basis[0].confidence.as_deref(), Some("medium"));
        assert_eq!(read.output.legwork, None);
        let usage = Usage { pages: 7, ..Usage::default() };
        let extras = OutputExtras { usage, ..OutputExtras::default() };
        let output = serde_json::to_vec(&an_output().with_extras(extras.clone())).unwrap();
        let read: TaskRunResult = serde_json::from_slice(&result_bytes(&run, &output.into())).unwrap();
        assert_eq!(read.output.legwork, Some(extras));
    }

    #[test]
    fn an_output_with_a_bare_basis_can_be_read() {
        let text =
            r#"{"type":"json","content":{"a":1},"basis":[{"field":"a","citations":[{"url":"u"}],"confidence":null}]}"#;
        let read: OutputView = serde_json::from_str(text).unwrap();
        assert_eq!(read.basis[0].citations[0].url, "u");
    }

    #[test]
    fn the_last_page_says_so() {
        assert_eq!(serde_json::to_string(&RunPage::default()).unwrap(), r#"{"runs":[],"next_cursor":null}"#);
    }
}
