//! The whole of a task: from its input to an output with its basis.

use legwork_core::output::{Confidence, FieldBasis, Output};
use legwork_core::task::{Input, Task, Wanted};
use serde_json::Value;

use super::cite::{Evidence, citations};
use super::corpus::Corpus;
use super::document::Document;
use super::gloss::glossed;
use super::note::Note;
use super::part::{Finding, Part};
use super::plan::Planner;
use super::policy::allows;
use super::question::Question;
use super::text::{content_stems, words};
use super::{auto, json};
use crate::processors::engine::honest::verify_values;

/// Works on a task and says what it does; the same task gives the same output.
pub fn research(corpus: &Corpus, task: &Task, processor: &str, say: &mut dyn FnMut(Note)) -> Output {
    let desk = Desk { corpus, task };
    match &task.wanted {
        Wanted::Json { schema } => {
            let (content, basis, parts) = json::fill(&desk, schema);
            tell(corpus, &parts, say);
            Output::json(content, basis, None)
        }
        Wanted::Auto if auto::wants_json(processor) => {
            let parts = desk.parts(&question_of(&task.input));
            tell(corpus, &parts, say);
            auto::output(&desk, &parts)
        }
        Wanted::Auto | Wanted::Text { .. } => desk.text(say),
    }
}

/// A task at work.
pub(super) struct Desk<'a> {
    pub(super) corpus: &'a Corpus,
    pub(super) task: &'a Task,
}

impl<'a> Desk<'a> {
    /// The parts of the answer to a question in words.
    pub(super) fn parts(&self, question: &str) -> Vec<Part<'a>> {
        let usable = |document: &Document| allows(&self.task.sources, document, &self.corpus.edition);
        let question = Question::read(question, &self.corpus.names, &self.corpus.fields);
        let parts = Planner { corpus: self.corpus, question: &question, usable: &usable }.parts();
        parts.into_iter().map(checked).map(|part| glossed(self.corpus, part)).collect()
    }

    /// The entities a text names without ambiguity, each once.
    pub(super) fn entities(&self, text: &str) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for mention in self.corpus.names.mentions(text, &words(text)) {
            let [one] = mention.documents.as_slice() else { continue };
            let entity = self.corpus.documents[*one].entity.clone().unwrap_or_default();
            if !found.contains(&entity) {
                found.push(entity);
            }
        }
        found
    }

    /// Whether words are the name of a field and of nothing weaker.
    pub(super) fn names_field(&self, text: &str) -> bool {
        let stems = content_stems(text);
        let stems: Vec<Option<&str>> = stems.iter().map(|stem| Some(stem.as_str())).collect();
        self.corpus.fields.hits(&stems).iter().any(|hit| !hit.weak)
    }

    fn text(&self, say: &mut dyn FnMut(Note)) -> Output {
        let question = question_of(&self.task.input);
        let parts = self.parts(&question);
        tell(self.corpus, &parts, say);
        Output::text(content(self.corpus, &parts), vec![self.basis("output", &parts)])
    }

    /// The basis of a field that these parts answer.
    pub(super) fn basis(&self, field: &str, parts: &[Part<'_>]) -> FieldBasis {
        FieldBasis {
            field: field.to_owned(),
            reasoning: reasoning(self.corpus, parts),
            citations: citations(&evidence(parts)),
            confidence: confidence(parts),
            legwork: None,
        }
    }
}

/// An answer whose numbers and names do not stand in its excerpts is no answer.
fn checked(part: Part<'_>) -> Part<'_> {
    let Part::Found(finding) = &part else { return part };
    let excerpts: Vec<&str> = finding.evidence.iter().map(Evidence::text).collect();
    if verify_values(&finding.value, &excerpts).stands() {
        return part;
    }
    Part::Missing { what: finding.what.clone(), why: "the answer could not be verified in its excerpts".to_owned() }
}

/// The input as one question.
pub(in crate::processors) fn question_of(input: &Input) -> String {
    match input {
        Input::Text(text) => text.clone(),
        Input::Object(map) => map.iter().filter_map(|(key, value)| worded(key, value)).collect::<Vec<_>>().join("; "),
    }
}

fn worded(key: &str, value: &Value) -> Option<String> {
    let asks = ["question", "query", "prompt", "task", "instruction", "instructions", "objective"]
        .contains(&key.to_lowercase().as_str());
    match value {
        Value::String(text) if asks => Some(text.clone()),
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(list) => Some(list.iter().filter_map(|value| worded(key, value)).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            Some(map.iter().filter_map(|(key, value)| worded(key, value)).collect::<Vec<_>>().join("; "))
        }
        Value::Null | Value::Bool(_) => None,
    }
}

/// All evidence of the parts.
pub(super) fn evidence<'a>(parts: &[Part<'a>]) -> Vec<Evidence<'a>> {
    let found = parts.iter().filter_map(|part| match part {
        Part::Found(finding) => Some(&finding.evidence),
        Part::Missing { .. } => None,
    });
    found.flatten().cloned().collect()
}

/// One source is never more than medium; a doubt or a gap makes it low.
pub(super) fn confidence(parts: &[Part<'_>]) -> Confidence {
    let sure = |part: &Part<'_>| matches!(part, Part::Found(finding) if finding.doubt.is_none());
    if !parts.is_empty() && parts.iter().all(sure) { Confidence::Medium } else { Confidence::Low }
}

/// The answer's text: a line for each part.
fn content(corpus: &Corpus, parts: &[Part<'_>]) -> String {
    let found = parts.iter().any(|part| matches!(part, Part::Found(_)));
    let lines: Vec<String> = parts
        .iter()
        .map(|part| match part {
            Part::Found(finding) => finding.line.clone(),
            Part::Missing { what, why } => format!("Not found in the corpus: {what} ({why})."),
        })
        .collect();
    let text = lines.join("\n");
    if found { text } else { format!("{text}\nSearched: {}.", corpus.described()) }
}

fn reasoning(corpus: &Corpus, parts: &[Part<'_>]) -> String {
    let mut sentences = vec!["Extractive; no language model configured.".to_owned()];
    for part in parts {
        match part {
            Part::Found(finding) => {
                sentences.push(format!("{}: stated in {}.", finding.what, sources(finding)));
                sentences.extend(finding.doubt.as_ref().map(|doubt| format!("Doubt: {doubt}.")));
            }
            Part::Missing { what, why } => sentences.push(format!("{what}: not found; {why}.")),
        }
    }
    sentences.push(format!("Searched {}.", corpus.described()));
    sentences.join(" ")
}

/// The titles of the documents a finding rests on, each once.
fn sources(finding: &Finding<'_>) -> String {
    let mut titles: Vec<&str> = finding.evidence.iter().map(|piece| piece.document.title.as_str()).collect();
    titles.dedup();
    titles.join(", ")
}

fn tell(corpus: &Corpus, parts: &[Part<'_>], say: &mut dyn FnMut(Note)) {
    let what: Vec<&str> = parts
        .iter()
        .map(|part| match part {
            Part::Found(finding) => finding.what.as_str(),
            Part::Missing { what, .. } => what.as_str(),
        })
        .collect();
    let considered = u32::try_from(corpus.documents.len()).unwrap_or(u32::MAX);
    say(Note::Plan(format!("Looking for: {}", what.join("; "))));
    say(Note::Stats { considered: 0, read: 0, sample: Vec::new(), meter: 5 });
    say(Note::Search(format!("Searched {} ({considered} documents)", corpus.described())));
    let proof = evidence(parts);
    let mut sample: Vec<String> = Vec::new();
    for citation in citations(&proof) {
        if !sample.contains(&citation.url) {
            sample.push(citation.url);
        }
    }
    let read = u32::try_from(sample.len()).unwrap_or(u32::MAX);
    let sample: Vec<String> = sample.into_iter().take(8).collect();
    say(Note::Stats { considered, read, sample: sample.clone(), meter: 80 });
    let found = parts.iter().filter(|part| matches!(part, Part::Found(_))).count();
    say(Note::Result(format!("{found} of {} parts have a source", parts.len())));
    say(Note::Stats { considered, read, sample, meter: 100 });
}
