//! What came of a question: whether it was answered, and whether that is right.

use legwork_api::result::{BasisView, OutputView};
use legwork_core::output::Confidence;
use serde::Serialize;
use serde_json::Value;

use super::proof::unmarked;
use super::set::{Expected, Question};

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub(crate) enum Came {
    /// A run with this output.
    Answered(Outcome),
    /// A run that failed or was cancelled.
    Failed {
        /// Why.
        error: String,
    },
    /// Nothing yet.
    Open,
}

/// What a completed run says, and whether it is right.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Outcome {
    /// Whether something was found.
    pub(crate) found: bool,
    /// Whether it is right: the answer, or that there is none.
    pub(crate) right: bool,
    /// The label of the least sure field that rests on something; other servers may not say.
    pub(crate) confidence: Option<Confidence>,
    /// How likely that field is right, if that was measured.
    pub(crate) probability: Option<f64>,
    /// What was checked of that field.
    pub(crate) features: Option<Value>,
    /// The model that read.
    pub(crate) model: Option<String>,
    /// What labels rest on.
    pub(crate) labels: Option<String>,
    /// What was answered.
    pub(crate) answer: Value,
}

/// Holds an output against what is right.
pub(crate) fn outcome(question: &Question, output: &OutputView) -> Outcome {
    let found = is_found(output);
    let right = match &question.expected {
        Expected::Nothing => !found,
        Expected::Answer { regex, text } => {
            let said = said(&output.content);
            let matches = regex.as_ref().is_some_and(|regex| regex.is_match(&said));
            found && (matches || text.as_ref().is_some_and(|text| is_it(text, &said, &output.content)))
        }
    };
    let least = least(output);
    let extras = least.and_then(|basis| basis.legwork.clone()).unwrap_or_default();
    let ours = output.legwork.as_ref();
    Outcome {
        found,
        right,
        confidence: least.and_then(confidence),
        probability: extras.probability,
        features: extras.features,
        model: ours.and_then(|ours| ours.model.clone()),
        labels: ours.and_then(|ours| ours.labels.clone()),
        answer: output.content.clone(),
    }
}

/// Whether an output says anything. That something was not found stands in it in words, or as fields without values; what is
/// cited was found, whatever else was not.
pub(super) fn is_found(output: &OutputView) -> bool {
    let is_cited = output.basis.iter().any(|basis| !basis.citations.is_empty());
    let says = match output.content.as_str() {
        Some(text) => text.lines().any(|line| !line.trim().is_empty() && !is_refusal(line)),
        None => has_value(&output.content),
    };
    says && (is_cited || !refuses(&output.content))
}

/// Whether a text begins with saying that nothing was found.
fn refuses(content: &Value) -> bool {
    content.as_str().is_some_and(|text| text.lines().find(|line| !line.trim().is_empty()).is_some_and(is_refusal))
}

fn has_value(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(list) => list.iter().any(has_value),
        Value::Object(map) => map.values().any(has_value),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// A line that says what was not found, and repeats words of the question to do so.
fn is_refusal(line: &str) -> bool {
    line.trim_start().starts_with("Not found")
}

/// What is answered, in words: of a text without what it says it did not find, of an object its JSON.
pub(super) fn said(content: &Value) -> String {
    let Some(text) = content.as_str() else { return content.to_string() };
    let text = unmarked(text.split("\n## Sources\n").next().unwrap_or_default());
    text.lines().filter(|line| !is_refusal(line)).collect::<Vec<_>>().join("\n")
}

/// Whether an answer, or a field of it, is this text, however it is spaced and capitalised.
fn is_it(text: &str, said: &str, content: &Value) -> bool {
    let plain = |text: &str| {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        words.trim_end_matches(['.', ' ']).to_owned()
    };
    let wanted = plain(text);
    let is = |words: &str| plain(words) == wanted;
    match content {
        Value::Object(_) | Value::Array(_) => leaves(content).iter().any(|leaf| is(leaf)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => is(said) || said.lines().any(is),
    }
}

/// All values in a value, as texts.
pub(super) fn leaves(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Bool(_) | Value::Number(_) => vec![value.to_string()],
        Value::Array(list) => list.iter().flat_map(leaves).collect(),
        Value::Object(map) => map.values().flat_map(leaves).collect(),
    }
}

/// The least sure field of those that rest on something, or else of all.
fn least(output: &OutputView) -> Option<&BasisView> {
    let of = |cited: bool| output.basis.iter().filter(move |basis| !cited || !basis.citations.is_empty());
    let least = of(true).min_by_key(|basis| confidence(basis));
    least.or_else(|| of(false).min_by_key(|basis| confidence(basis)))
}

fn confidence(basis: &BasisView) -> Option<Confidence> {
    match basis.confidence.as_deref()? {
        "high" => Some(Confidence::High),
        "medium" => Some(Confidence::Medium),
        "low" => Some(Confidence::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::set::read;
    use super::*;

    fn asked(expected: &str) -> Question {
        read(&format!("{{\"question\": \"In what year did it end? 1989?\", {expected}}}"), "s", 1).unwrap().remove(0)
    }

    fn output(content: &Value, basis: &[(&str, &str, bool)]) -> OutputView {
        let basis: Vec<Value> = basis
            .iter()
            .map(|(field, confidence, cited)| {
                let citations = if *cited { json!([{"url": "corpus:a"}]) } else { json!([]) };
                json!({"field": field, "confidence": confidence, "citations": citations})
            })
            .collect();
        serde_json::from_value(json!({"content": content, "basis": basis})).unwrap()
    }

    fn text(content: &str, cited: bool) -> OutputView {
        output(&json!(content), &[("output", "medium", cited)])
    }

    #[test]
    fn an_answer_is_right_when_it_says_what_is_expected() {
        let regex = asked("\"answer_regex\": \"\\\\b1989\\\\b\"");
        for (said, found, right) in [
            (text("It ended in 1989.", true), true, true),
            (text("It ended in 19890.", true), true, false),
            (text("Not found: In what year did it end? 1989?\nSearched 3 pages.", false), false, false),
            (text("Not found: 1989?\n\nIt began in 1961. [1]", true), true, false),
            (text("1989", false), true, true),
            (text(" ", true), false, false),
            (output(&json!({"year": 1989}), &[("year", "low", true)]), true, true),
            (output(&json!({"year": null, "places": []}), &[("year", "low", false)]), false, false),
        ] {
            let came = outcome(&regex, &said);
            assert_eq!((came.found, came.right), (found, right), "{said:?}");
        }
    }

    #[test]
    fn a_text_is_the_answer_however_it_is_spaced_and_capitalised() {
        let exact = asked("\"answer\": \"Lake  Titicaca\"");
        assert!(outcome(&exact, &text("lake titicaca.\n", true)).right);
        assert!(!outcome(&exact, &text("near Lake Titicaca", true)).right);
        assert!(outcome(&exact, &output(&json!({"a": {"b": ["Lake Titicaca"]}}), &[("a", "high", true)])).right);
    }

    #[test]
    fn what_cannot_be_answered_is_right_when_nothing_is_found() {
        let nothing = asked("\"answer_regex\": null");
        assert!(outcome(&nothing, &text("Not found: what?", false)).right);
        assert!(!outcome(&nothing, &text("It is 7.", true)).right);
    }

    #[test]
    fn an_answer_is_as_sure_as_its_least_sure_field_that_rests_on_something() {
        let question = asked("\"answer\": \"a\"");
        let fields = [("a", "high", true), ("b", "medium", true), ("c", "low", false)];
        let came = outcome(&question, &output(&json!({"a": "a", "b": "b", "c": null}), &fields));
        assert_eq!(came.confidence, Some(Confidence::Medium));
        assert_eq!(outcome(&question, &output(&json!("a"), &[("output", "", true)])).confidence, None);
    }
}
