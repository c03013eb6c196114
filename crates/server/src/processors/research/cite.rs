//! Turns evidence into citations: excerpts cut at readable bounds, word for word from the document.

use std::ops::Range;

use legwork_core::output::{Citation, CitationExtras};

use super::document::Document;
use crate::processors::engine::honest::{bound_before, holds};

/// An excerpt is at most this long, in characters.
const LONGEST: usize = 600;

/// At most this many excerpts in one citation.
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

/// One citation for each document, in the order in which they were first used, and another one behind it where it has more
/// excerpts than fit: what is left out nobody could check.
pub(super) fn citations(evidence: &[Evidence<'_>]) -> Vec<Citation> {
    let mut found: Vec<Citation> = Vec::new();
    for piece in evidence {
        let text = piece.text().to_owned();
        let mine = |citation: &&Citation| citation.url == piece.document.url;
        if found.iter().filter(mine).any(|citation| citation.excerpts.iter().flatten().any(|known| *known == text)) {
            continue;
        }
        let last = found.iter_mut().rfind(|citation| citation.url == piece.document.url);
        match last.and_then(|citation| citation.excerpts.as_mut()).filter(|excerpts| excerpts.len() < MOST) {
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
            published: None,
            entity: None,
            passages: vec![Passage { range: 0..text.len(), field: None }].into(),
        }
    }

    #[test]
    fn every_excerpt_is_cited_three_at_a_time() {
        let text = "One is 1. Two is 2. Three is 3. Four is 4. ";
        let document = document(text);
        let passages = [0..9, 10..19, 20..31, 0..9, 32..42];
        let evidence: Vec<_> =
            passages.iter().map(|range| Evidence { document: &document, range: range.clone() }).collect();
        let sizes: Vec<usize> = citations(&evidence).iter().map(|c| c.excerpts.as_ref().unwrap().len()).collect();
        assert_eq!(sizes, [3, 1]);
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
}
