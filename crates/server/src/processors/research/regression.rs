//! Whole question sets against the embedded corpus: how many are right, and that nothing is ever invented.

use std::sync::LazyLock;

use legwork_core::output::{Citation, Confidence, Output};
use legwork_core::task::{Input, Task, Wanted};
use regex_lite::RegexBuilder;
use serde::Deserialize;

use super::{Corpus, research};
use crate::processors::engine::honest::verify_quote;

static SHARED: &str = include_str!("../../../../../eval/countries-15.jsonl");
static COUNTRIES: &str = include_str!("../../../../../eval/countries.jsonl");
static UNANSWERABLE: &str = include_str!("../../../../../eval/unanswerable.jsonl");

/// The Factbook, unpacked once for all tests.
pub(super) fn shared() -> &'static Corpus {
    static CORPUS: LazyLock<Corpus> = LazyLock::new(Corpus::factbook);
    &CORPUS
}

/// A question, and a pattern for what is in a right answer; none if the documents do not tell.
#[derive(Deserialize)]
pub(super) struct Row {
    pub(super) question: String,
    pub(super) answer_regex: Option<String>,
}

/// What came of one question.
pub(super) struct Outcome {
    question: String,
    pub(super) right: bool,
    pub(super) content: String,
    pub(super) confidence: Confidence,
    citations: Vec<Citation>,
}

pub(super) fn ask(corpus: &Corpus, row: Row) -> Outcome {
    let task = Task::new(Input::Text(row.question.clone()), Wanted::Text { description: None });
    let Output::Text { content, mut basis, .. } = research(corpus, &task, "base", &mut |_| {}) else {
        panic!("a text was wanted");
    };
    let basis = basis.remove(0);
    let right = match row.answer_regex {
        None => content.starts_with("Not found") && basis.citations.is_empty(),
        Some(regex) => {
            let regex = RegexBuilder::new(&regex).case_insensitive(true).build().unwrap();
            regex.is_match(&content) && !content.starts_with("Not found")
        }
    };
    Outcome { question: row.question, right, content, confidence: basis.confidence, citations: basis.citations }
}

fn run(corpus: &Corpus, set: &str) -> Vec<Outcome> {
    set.lines().map(|line| ask(corpus, serde_json::from_str(line).unwrap())).collect()
}

fn right(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|outcome| outcome.right).count()
}

/// Every excerpt stands word for word in the document it is cited from, and is short and few.
fn assert_verbatim(corpus: &Corpus, outcome: &Outcome) {
    for citation in &outcome.citations {
        let document = corpus.documents().iter().find(|document| document.url == citation.url).unwrap();
        let excerpts = citation.excerpts.as_ref().unwrap();
        assert!((1..=3).contains(&excerpts.len()), "{}", outcome.question);
        for excerpt in excerpts {
            assert!(document.text.contains(excerpt.as_str()), "{excerpt}");
            assert!(excerpt.chars().count() <= 600, "{excerpt}");
            assert!(verify_quote(&document.text, excerpt).is_some(), "{excerpt}");
        }
    }
}

#[test]
fn questions_about_countries_are_answered() {
    let corpus = shared();
    for (set, least) in [(COUNTRIES, 0.95), (SHARED, 0.9)] {
        let outcomes = run(corpus, set);
        #[expect(clippy::cast_precision_loss, reason = "the sets are small")]
        let share = right(&outcomes) as f64 / outcomes.len() as f64;
        let wrong: Vec<_> = outcomes.iter().filter(|o| !o.right).map(|o| (&o.question, &o.content)).collect();
        assert!(share >= least, "{share}: {wrong:#?}");
        for outcome in &outcomes {
            assert!(
                outcome.right || outcome.confidence == Confidence::Low,
                "{}: {}",
                outcome.question,
                outcome.content
            );
            assert_verbatim(corpus, outcome);
        }
    }
}

#[test]
fn what_the_corpus_does_not_hold_is_not_found() {
    let corpus = shared();
    for outcome in run(corpus, UNANSWERABLE) {
        assert!(outcome.right, "{}: {}", outcome.question, outcome.content);
        assert_eq!(outcome.confidence, Confidence::Low, "{}", outcome.question);
    }
}

#[test]
fn answers_are_clean_text() {
    let corpus = shared();
    for outcome in run(corpus, COUNTRIES) {
        for junk in ["  ", "<br", "++", "..", " ,", "()", "&nbsp;"] {
            assert!(!outcome.content.replace('\n', " ").contains(junk), "{junk:?}: {}", outcome.content);
        }
    }
}
