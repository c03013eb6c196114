//! Turns evidence into citations: excerpts cut at readable bounds, word for word from the document.

use std::ops::Range;

use legwork_core::output::{Citation, CitationExtras};

use super::document::Document;
use crate::processors::engine::honest::{bound_before, holds};

/// An excerpt is at most this long, in characters.
const LONGEST: usize = 600;

/// At most this many excerpts of one document.
const MOST: usize = 3;

/// A place in a document that supports an answer.
#[derive(Clone, Debug)]
pub(super) struct Evidence<'a> {
    pub(super) document: &'a Document,
    /// The excerpt, at most 600 characters.
    pub(super) range: Range<usize>,
}

impl<'a> Evidence<'a> {
    /// The excerpt of `passage` that holds `value`; `None` if the passage does not hold it.
    pub(super) fn of(document: &'a Document, passage: &Range<usize>, value: &str) -> Option<Self> {
        let whole = document.slice(passage);
        let range = if whole.chars().count() <= LONGEST {
            passage.clone()
        } else {
            let at = whole.find(value)?;
            let cut = window(whole, at, value.len().max(1));
            passage.start + cut.start..passage.start + cut.end
        };
        holds(document.slice(&range), value).then_some(Self { document, range })
    }

    /// The excerpt's words.
    pub(super) fn text(&self) -> &'a str {
        &self.document.text[self.range.clone()]
    }
}

/// The part of a long text around `at`, from its beginning if that reaches far enough, ended at a readable bound.
fn window(text: &str, at: usize, length: usize) -> Range<usize> {
    let limit = byte_at(text, LONGEST);
    if at + length <= limit {
        return 0..bound_before(text, at + length, limit);
    }
    let lead = text[..at].rfind(['.', ';']).map_or(at, |mark| mark + 1);
    let start = if at - lead < LONGEST / 3 { lead } else { at };
    let start = start + (text[start..].len() - text[start..].trim_start().len());
    let limit = start + byte_at(&text[start..], LONGEST);
    start..bound_before(text, (at + length).min(limit), limit)
}

/// The byte after the first `count` characters.
fn byte_at(text: &str, count: usize) -> usize {
    text.char_indices().nth(count).map_or(text.len(), |(at, _)| at)
}

/// One citation for each document, in the order in which they were first used.
pub(super) fn citations(evidence: &[Evidence<'_>]) -> Vec<Citation> {
    let mut found: Vec<Citation> = Vec::new();
    for piece in evidence {
        let text = piece.text().to_owned();
        let position = found.iter().position(|citation| citation.url == piece.document.url);
        match position.and_then(|at| found[at].excerpts.as_mut()) {
            Some(excerpts) if excerpts.contains(&text) || excerpts.len() >= MOST => {}
            Some(excerpts) => excerpts.push(text),
            None => found.push(Citation {
                url: piece.document.url.clone(),
                title: Some(piece.document.title.clone()),
                excerpts: Some(vec![text]),
                legwork: Some(CitationExtras { source: piece.document.hash.clone() }),
            }),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::document::Passage;
    use super::*;
    use crate::source::hash_of;

    fn document(text: &str) -> Document {
        Document {
            hash: hash_of(text),
            corpus: "notes".into(),
            url: "corpus:notes/a.txt".into(),
            host: None,
            title: "a".into(),
            text: text.into(),
            read_at: None,
            entity: None,
            passages: vec![Passage { range: 0..text.len(), field: None }].into(),
        }
    }

    #[test]
    fn a_long_passage_is_cut_around_the_value_at_readable_bounds() {
        let text = format!("{}The needle is here. {}", "One sentence. ".repeat(80), "And more. ".repeat(80));
        let document = document(&text);
        let evidence = Evidence::of(&document, &(0..text.len()), "needle").unwrap();
        assert!(evidence.text().starts_with("The needle is here."));
        assert!(evidence.text().chars().count() <= LONGEST);
    }

    #[test]
    fn a_value_that_is_not_there_is_no_evidence() {
        let document = document("Capital: Oslo");
        assert!(Evidence::of(&document, &(0..13), "Bergen").is_none());
    }

    #[test]
    fn a_document_is_cited_once_with_three_excerpts_at_most() {
        let document = document("alpha beta gamma delta epsilon");
        let evidence: Vec<_> = ["alpha", "beta", "gamma", "delta"]
            .iter()
            .filter_map(|value| {
                let at = document.text.find(value)?;
                Evidence::of(&document, &(at..at + value.len()), value)
            })
            .collect();
        let cited = citations(&evidence);
        assert_eq!(cited.len(), 1);
        assert_eq!(cited[0].excerpts.as_ref().unwrap().len(), 3);
    }
}
