//! Cuts a passage into its sentences.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::super::roots::root;
use super::super::text::{Word, is_stop, words};

/// A sentence with its words.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) text: &'a str,
    pub(super) words: Vec<Word>,
    /// The roots of the words, in their order.
    pub(super) roots: Vec<String>,
}

impl<'a> Line<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let words = words(text);
        let said = |at: usize| {
            // What is found somewhere was not founded; `to found` is another verb.
            let found = words[at].folded == "found" && (at == 0 || words[at - 1].folded != "to");
            if found { "find".to_owned() } else { root(&words[at].folded) }
        };
        let roots = (0..words.len()).map(said).collect();
        Self { text, words, roots }
    }

    /// Whether a word of this root stands here.
    pub(super) fn has(&self, root: &str) -> bool {
        self.roots.iter().any(|own| own == root)
    }

    /// The roots of the words that carry content.
    pub(super) fn content(&self) -> impl Iterator<Item = &str> {
        self.roots.iter().enumerate().filter(|(at, _)| self.is_content(*at)).map(|(_, root)| root.as_str())
    }

    /// Whether a word carries content.
    pub(super) fn is_content(&self, at: usize) -> bool {
        !is_stop(&self.words[at].stem)
    }

    /// Whether a word is written as names are.
    pub(super) fn is_name(&self, at: usize) -> bool {
        self.words[at].is_capital(self.text) && self.is_content(at)
    }

    /// Whether a word owns what follows: `Orvia's`.
    pub(super) fn owns(&self, at: usize) -> bool {
        let written = &self.text[self.words[at].range.clone()];
        written.ends_with("'s") || written.ends_with("’s")
    }

    /// Whether nothing but a space, a hyphen or the end of a line stands between a word and the next.
    pub(super) fn touch(&self, at: usize) -> bool {
        let Some(next) = self.words.get(at + 1) else { return false };
        self.text[self.words[at].range.end..next.range.start]
            .chars()
            .all(|c| matches!(c, ' ' | '-' | '–' | '\u{a0}' | '\n'))
    }

    /// Whether it begins with a word that stands for somebody or something named before.
    pub(super) fn leans(&self) -> bool {
        let first = self.words.first().map(|word| word.folded.as_str()).unwrap_or_default();
        ["he", "she", "it", "they"].contains(&first) || OWNED.contains(&first)
    }

    /// Whether it tells something that belongs to somebody or something named before.
    pub(super) fn owns_something(&self) -> bool {
        self.words.iter().any(|word| OWNED.contains(&word.folded.as_str()))
    }
}

/// Words for what belongs to somebody named before.
const OWNED: &[&str] = &["its", "his", "her", "their"];

/// What ends with a full stop and ends no sentence.
const SHORT: &[&str] = &[
    "st", "mt", "ft", "dr", "mr", "mrs", "ms", "jr", "sr", "prof", "gen", "col", "capt", "lt", "sgt", "rev", "hon",
    "gov", "sen", "rep", "c", "ca", "cf", "no", "nos", "vs", "v", "vol", "pp", "fig", "approx", "est", "inc", "ltd",
    "co", "corp", "bros", "e.g", "i.e", "lit", "fl", "r", "d", "b",
];

/// A line of so many characters that ends without a mark was broken because it was full.
const FULL: usize = 60;

/// The sentences, each where it stands, without the space around it.
pub(super) fn ranges(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut open: Option<usize> = None;
    for (at, piece) in text.split_sentence_bound_indices() {
        let start = open.unwrap_or(at);
        let end = at + piece.len();
        if end < text.len() && goes_on(&text[start..end], &text[end..]) {
            open = Some(start);
        } else {
            open = None;
            found.extend(trimmed(text, start..end));
        }
    }
    found
}

/// Whether a piece ends within a sentence: with a shortened word or an initial, as in `John F.`, `St.` and `Amazon.com, Inc.`,
/// or with a line that was broken where it was full.
fn goes_on(piece: &str, rest: &str) -> bool {
    if let Some(line) = piece.strip_suffix('\n') {
        let last = line.rsplit('\n').next().unwrap_or(line).trim_end();
        let open = last.ends_with(|c: char| c.is_alphanumeric() || matches!(c, ',' | '-' | '–'));
        let full = last.chars().count() >= FULL && rest.starts_with(char::is_alphabetic);
        return open && (full || rest.starts_with(char::is_lowercase));
    }
    let Some(before) = piece.trim_end().strip_suffix('.') else { return false };
    let word = before.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
    let initial = word.chars().count() == 1 && word.chars().all(char::is_uppercase);
    initial || SHORT.contains(&word.to_lowercase().as_str())
}

fn trimmed(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let part = &text[range.clone()];
    let start = range.start + (part.len() - part.trim_start().len());
    let end = range.start + part.trim_end().len();
    (start < end).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_and_shortened_words_end_no_sentence() {
        let text = "Ada B. Corve was born near St. Orwin. She built kites. Corve Inc. is hers.\nIt sells kites.";
        let found: Vec<&str> = ranges(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(
            found,
            ["Ada B. Corve was born near St. Orwin.", "She built kites.", "Corve Inc. is hers.", "It sells kites."]
        );
    }

    #[test]
    fn a_line_that_was_full_ends_no_sentence_and_a_short_one_does() {
        let text = "The hall was built by Ada\nand her sons. It stands in the middle of the old town of Tarnmouth, near the\n\
            Harrow. Name: Ada\nTown: Orvia\n- one\n- two";
        let found: Vec<&str> = ranges(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(
            found,
            [
                "The hall was built by Ada\nand her sons.",
                "It stands in the middle of the old town of Tarnmouth, near the\nHarrow.",
                "Name: Ada",
                "Town: Orvia",
                "- one",
                "- two",
            ]
        );
    }
}
