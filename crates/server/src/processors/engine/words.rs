//! Reading without a model: of each field the sentence is taken that fits it best by its words, and held against its page like
//! any other. Nothing is inferred: a number or a date is only taken from a sentence that has no other.

use legwork_core::output::Confidence;
use serde_json::Value;

use super::super::research::reader::{Candidate, read_passages};
use super::super::research::{content_words, roots};
use super::brief::{Brief, Field, Kind};
use super::gather::{Ranking, Shown, asked};
use super::honest::{lone_date, lone_number};
use super::ledger::{Evidence, Ledger};
use super::read::{Row, checked, pages};

/// How many passages are looked at for a field.
const LOOKED_AT: usize = 40;

/// What the best sentences say of these fields, one for each at the most; `rarity` says how rare a word is, by its stem.
pub(super) fn read(brief: &Brief, open: &[usize], ledger: &Ledger, rarity: &dyn Fn(&str) -> f32) -> Vec<Evidence> {
    let ranking = Ranking::of(ledger);
    let mut found = Vec::new();
    for field in open.iter().filter_map(|at| brief.fields.get(*at)) {
        let question = asked(brief, field);
        let mut shown = ranking.passages(&question);
        shown.truncate(LOOKED_AT);
        found.extend(best(brief, field, &question, &shown, ledger, rarity));
    }
    found
}

/// The first sentence of those that may be trusted which has what the field wants.
fn best(
    brief: &Brief,
    field: &Field,
    question: &str,
    shown: &[Shown],
    ledger: &Ledger,
    rarity: &dyn Fn(&str) -> f32,
) -> Option<Evidence> {
    let candidates: Vec<Candidate<'_>> = shown
        .iter()
        .map(|passage| {
            let document = &ledger.sources[passage.source].document;
            let text = document.text.get(passage.range.clone()).unwrap_or_default();
            Candidate { title: &document.title, text }
        })
        .collect();
    let pages = pages(shown, ledger);
    let own = own_words(brief, field);
    read_passages(question, &candidates, rarity).into_iter().find_map(|read| {
        let label: Confidence = read.label()?;
        let sentence = candidates[read.candidate].text.get(read.range.clone())?;
        if !own.is_empty() && !roots(sentence).iter().any(|root| own.contains(root)) {
            return None;
        }
        let row = Row {
            field: field.path.clone(),
            value: Value::String(value(field, question, sentence)?),
            passage: i64::try_from(read.candidate + 1).ok()?,
            quote: sentence.to_owned(),
            ..Row::default()
        };
        let evidence = checked(&row, brief, shown, &pages, ledger, 1).ok()?;
        Some(Evidence { by_words: Some(label), ..evidence })
    })
}

/// What tells a field from the others: its name, and what is said of it beside what the input says, as roots. A sentence that has
/// none of them speaks of the subject, and of something else.
fn own_words(brief: &Brief, field: &Field) -> Vec<String> {
    // The one field of a form of ours is the question itself.
    if brief.is_text() || field.path == "answer" {
        return Vec::new();
    }
    let asked = roots(&brief.question);
    let about = roots(&content_words(&field.about)).into_iter().filter(|root| !asked.contains(root));
    roots(&field.words()).into_iter().chain(about).collect()
}

/// What of a sentence is the value of a field: all of it where it is a text; `None` where it would take understanding.
fn value(field: &Field, question: &str, sentence: &str) -> Option<String> {
    match &field.kind {
        // Which of several choices is meant is looked for in the whole sentence.
        Kind::Text | Kind::Choice(_) => Some(sentence.split_whitespace().collect::<Vec<_>>().join(" ")),
        Kind::Date => lone_date(sentence, question),
        Kind::Integer | Kind::Number => lone_number(sentence, question, &field.words(), &field.about),
        Kind::Boolean => None,
    }
}
