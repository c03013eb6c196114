//! Finds the sentence that answers, by words alone: in the operator's documents, or in one entry of the Factbook.
//!
//! Words prove little, so such an answer is never better than medium, and low unless everything the question names stands
//! beside it.

use std::ops::Range;

use legwork_core::output::Confidence;
use unicode_segmentation::UnicodeSegmentation;

use super::cite::Evidence;
use super::corpus::Corpus;
use super::document::{Document, Field};
use super::facts::{items, shortened};
use super::part::{Finding, Part, ended, evidence, missing};
use super::reader::{Candidate, Read, read_passages};
use super::text::{stems, words};

/// How many passages are read, of those found by words and of those found by meaning.
const READ: usize = 40;

/// The best sentence of the operator's documents, if it is good enough.
pub(super) fn answer<'a>(
    corpus: &'a Corpus,
    question: &str,
    usable: &dyn Fn(&Document) -> bool,
) -> Option<Finding<'a>> {
    let Best { document, sentence, read } = best(corpus, question, usable)?;
    let label = read.label()?;
    let proof = Evidence::of(document, &sentence, document.slice(&sentence))
        .or_else(|| Evidence::of(document, &sentence, &shortened(document.slice(&sentence), 500)))?;
    let value = proof.text().split_whitespace().collect::<Vec<_>>().join(" ");
    let what = format!("“{}”", document.title);
    // Whom it speaks of is said with it where the text says so, and cited.
    let subject = if read.leans { named_in(document) } else { None };
    let line = match &subject {
        Some(_) => format!("{}: {}", document.title, ended(&value)),
        None => ended(&value),
    };
    let evidence = std::iter::once(proof).chain(subject).collect();
    let finding = Finding { what, value, line, evidence, doubt: None };
    Some(if label == Confidence::Low { finding.doubted("the sentence was chosen by its words") } else { finding })
}

/// Where a document names what it is called after.
fn named_in(document: &Document) -> Option<Evidence<'_>> {
    let at = document.text.find(document.title.as_str()).filter(|_| !document.title.is_empty())?;
    let passage = document.passages.iter().find(|passage| passage.range.contains(&at))?;
    let sentences = document.slice(&passage.range).split_sentence_bound_indices();
    let (start, sentence) = sentences.take_while(|(start, _)| passage.range.start + start <= at).last()?;
    let start = passage.range.start + start;
    Evidence::of(document, &(start..start + sentence.trim_end().len()), &document.title)
}

/// A sentence of the operator's documents, and what the reader thinks of it.
pub(super) struct Best<'a> {
    pub(super) document: &'a Document,
    pub(super) sentence: Range<usize>,
    pub(super) read: Read,
}

/// The best sentence of the operator's documents, however good it is.
pub(super) fn best<'a>(corpus: &'a Corpus, question: &str, usable: &dyn Fn(&Document) -> bool) -> Option<Best<'a>> {
    if !corpus.has_own() {
        return None;
    }
    let own = |at: usize| corpus.documents[at].entity.is_none() && usable(&corpus.documents[at]);
    let found = corpus.found(question, READ, own);
    let places: Vec<(&Document, &Range<usize>)> = found
        .iter()
        .map(|ranked| {
            let document = &corpus.documents[ranked.document];
            (document, &document.passages[ranked.passage].range)
        })
        .collect();
    let candidates: Vec<Candidate<'_>> = places
        .iter()
        .map(|(document, range)| Candidate { title: &document.title, text: document.slice(range) })
        .collect();
    let read = read_passages(question, &candidates, &|stem| corpus.rarity(stem)).into_iter().next()?;
    let (document, passage) = places[read.candidate];
    Some(Best { document, sentence: passage.start + read.range.start..passage.start + read.range.end, read })
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
