//! Finds the sentence that answers, by words alone: in the operator's documents, or in one entry of the Factbook.
//!
//! Words prove little, so such an answer is never better than low unless everything the question names stands beside it.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::cite::Evidence;
use super::corpus::Corpus;
use super::document::{Document, Field};
use super::facts::{items, shortened};
use super::part::{Finding, Part, ended, evidence, missing};
use super::roots::root;
use super::text::{Word, content_stems, is_stop, stems, words};

/// How many passages are read.
const READ: usize = 24;
/// The share of the question's weight that must stand in the passage and its title.
const ENOUGH: f32 = 0.75;
/// The share that must stand in the sentence and the title.
const LEAST: f32 = 0.6;

/// The best sentence of the operator's documents, if it is good enough.
pub(super) fn answer<'a>(
    corpus: &'a Corpus,
    question: &str,
    usable: &dyn Fn(&Document) -> bool,
) -> Option<Finding<'a>> {
    if !corpus.has_own() {
        return None;
    }
    let query = Query::new(corpus, question);
    if query.weights.is_empty() {
        return None;
    }
    let own = |at: usize| corpus.documents[at].entity.is_none() && usable(&corpus.documents[at]);
    let stems = content_stems(question);
    let mut best: Option<(f32, &'a Document, Range<usize>)> = None;
    for ranked in corpus.index().search(&stems, READ, own) {
        let document = &corpus.documents[ranked.document];
        let passage = &document.passages[ranked.passage].range;
        let Some((score, sentence)) = query.best_sentence(document, passage) else { continue };
        if best.as_ref().is_none_or(|(top, _, _)| score > *top) {
            best = Some((score, document, sentence));
        }
    }
    let (_, document, sentence) = best?;
    let proof = Evidence::of(document, &sentence, document.slice(&sentence))
        .or_else(|| Evidence::of(document, &sentence, &shortened(document.slice(&sentence), 500)))?;
    let value = proof.text().split_whitespace().collect::<Vec<_>>().join(" ");
    let line = ended(&value);
    let finding =
        Finding { what: format!("“{}”", document.title), value, line, evidence: vec![proof], doubt: None };
    Some(finding.doubted("the sentence was chosen by its words"))
}

/// A field of one entry that names all these words; the shortest such field.
pub(super) fn in_entry<'a>(document: &'a Document, wanted: &[String], said: &str, question: &str) -> Part<'a> {
    let entity = document.entity.as_deref().unwrap_or_default();
    let what = format!("“{said}” in the entry of {entity}");
    let holding = document.fields().filter(|field| {
        let own = stems(document.slice(&field.passage.range));
        wanted.iter().all(|word| own.contains(word))
    });
    // Who lives there is told by three fields that list it.
    let lists = |field: &Field<'_>| ["Religions", "Languages", "Ethnic groups"].contains(&field.label);
    let Some(field) = holding.min_by_key(|field| (!lists(field), field.value.len())) else {
        return missing(what, "no field of the entry names it");
    };
    let item = items(field.value).into_iter().find(|item| super::fields::names_all(item, wanted)).map(str::to_owned);
    if wanted == ["time"] {
        return missing(what, "the corpus has no clock");
    }
    let wants = wants(question);
    if wants == Wants::Person || wants == Wants::Amount && !item.as_deref().is_some_and(is_measured) {
        return missing(what, "no field of the entry tells it");
    }
    let sentence = item.or_else(|| sentence_with(field.value, wanted)).unwrap_or_else(|| shortened(field.value, 400));
    let Some(proof) = evidence(&field, &sentence) else { return missing(what, "the value could not be verified") };
    let label =
        if field.sub.is_empty() { field.label.to_owned() } else { format!("{} – {}", field.label, field.sub) };
    let line = format!("{entity} – {label}: {}", ended(&sentence));
    let finding = Finding { what, value: sentence, line, evidence: vec![proof], doubt: None };
    Part::Found(finding.doubted("the field was chosen by its words"))
}

/// What an entry searched by words cannot be trusted with, or only by an item with a number.
#[derive(PartialEq, Eq)]
enum Wants {
    Person,
    Amount,
    Other,
}

fn wants(question: &str) -> Wants {
    const AMOUNTS: &[&str] = &[
        "many",
        "much",
        "number",
        "average",
        "rate",
        "percent",
        "percentage",
        "share",
        "price",
        "cost",
        "proportion",
        "fraction",
        "old",
        "tall",
    ];
    let words = words(question);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.folded.as_str()));
    if has(&["who", "whom", "whose"]) {
        Wants::Person
    } else if has(AMOUNTS) {
        Wants::Amount
    } else {
        Wants::Other
    }
}

/// A short item with a number: `Roman Catholic 70.7%`.
fn is_measured(item: &str) -> bool {
    let bare: usize = item.split('(').map(|piece| piece.rsplit(')').next().unwrap_or(piece).chars().count()).sum();
    bare <= 80 && super::amount::first_amount(item).is_some()
}

/// The first sentence that names all the words.
fn sentence_with(text: &str, wanted: &[String]) -> Option<String> {
    let sentence = text.unicode_sentences().find(|sentence| {
        let own = stems(sentence);
        wanted.iter().all(|word| own.contains(word))
    })?;
    Some(shortened(sentence.trim(), 400))
}

/// What kind of thing answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Number,
    Date,
    Name,
    Any,
}

/// A question as weighted words.
struct Query {
    /// Roots with their weights.
    weights: Vec<(String, f32)>,
    total: f32,
    numbers: Vec<String>,
    names: Vec<String>,
    kind: Kind,
}

impl Query {
    fn new(corpus: &Corpus, question: &str) -> Self {
        let words = words(question);
        let mut weights: Vec<(String, f32)> = Vec::new();
        for word in words.iter().filter(|word| !is_stop(&word.stem)) {
            let root = root(&word.folded);
            if weights.iter().all(|(known, _)| *known != root) {
                weights.push((root, corpus.index().weight(&word.stem)));
            }
        }
        let total = weights.iter().map(|(_, weight)| weight).sum();
        let numbers = words.iter().filter(|word| word.is_number()).map(|word| root(&word.folded)).collect();
        Self { total, numbers, names: names(question, &words), kind: kind(&words), weights }
    }

    /// The best sentence of a passage with its score; `None` if the passage does not speak of the question.
    fn best_sentence(&self, document: &Document, passage: &Range<usize>) -> Option<(f32, Range<usize>)> {
        let title = roots(&document.title);
        let around: Vec<String> = roots(document.slice(passage)).into_iter().chain(title.iter().cloned()).collect();
        let within = |wanted: &[String]| wanted.iter().all(|word| around.contains(word));
        if !within(&self.numbers) || !within(&self.names) || self.covered(&around) < ENOUGH * self.total {
            return None;
        }
        // A document whose whole title stands in the question is what the question is about.
        let asked = |root: &String| self.weights.iter().any(|(known, _)| known == root);
        let subject = content_stems(&document.title).iter().all(|word| asked(&root(word)));
        let lead = if subject { 0.5 * self.total } else { 0.0 };
        let mut best: Option<(f32, Range<usize>)> = None;
        for (at, sentence) in document.slice(passage).split_sentence_bound_indices() {
            let own = roots(sentence);
            let both: Vec<String> = own.iter().chain(&title).cloned().collect();
            if own.is_empty() || !self.fits(sentence) || self.covered(&both) < LEAST * self.total {
                continue;
            }
            let score = self.covered(&own) + 0.8 * self.covered(&both) + lead;
            // Among equals the earlier one: leads say first what matters.
            if best.as_ref().is_none_or(|(top, _)| score > *top * 1.001) {
                let start = passage.start + at;
                best = Some((score, start..start + sentence.trim_end().len()));
            }
        }
        best
    }

    fn covered(&self, own: &[String]) -> f32 {
        self.weights.iter().filter(|(root, _)| own.contains(root)).map(|(_, weight)| weight).sum()
    }

    /// Whether the sentence holds something of the kind asked for that the question does not name itself.
    fn fits(&self, sentence: &str) -> bool {
        let words = words(sentence);
        let new = |word: &&Word| self.weights.iter().all(|(known, _)| *known != root(&word.folded));
        let mut fresh = words.iter().filter(new);
        match self.kind {
            Kind::Number => fresh.any(Word::is_number),
            Kind::Date => fresh.any(Word::is_number),
            Kind::Name => fresh.any(|word| word.is_capital(sentence) && !is_stop(&word.stem)),
            Kind::Any => fresh.any(|word| !is_stop(&word.stem)),
        }
    }
}

/// The roots of a text's words.
fn roots(text: &str) -> Vec<String> {
    words(text).iter().map(|word| root(&word.folded)).collect()
}

/// The capitalised words of a question, without its first word.
fn names(question: &str, words: &[Word]) -> Vec<String> {
    let capital = words.iter().skip(1).filter(|word| word.is_capital(question) && !is_stop(&word.stem));
    capital.map(|word| root(&word.folded)).collect()
}

fn kind(words: &[Word]) -> Kind {
    let text: Vec<&str> = words.iter().take(6).map(|word| word.folded.as_str()).collect();
    let has = |wanted: &[&str]| text.windows(wanted.len()).any(|run| run == wanted);
    if has(&["when"]) || has(&["what", "year"]) || has(&["which", "year"]) || has(&["what", "date"]) {
        Kind::Date
    } else if has(&["how", "many"])
        || has(&["how", "much"])
        || has(&["how", "tall"])
        || has(&["how", "long"])
        || has(&["how", "old"])
    {
        Kind::Number
    } else if has(&["who"]) || has(&["where"]) || has(&["whose"]) || has(&["whom"]) {
        Kind::Name
    } else {
        Kind::Any
    }
}
