//! A text that citations point at, as it is shown.

use legwork_core::time::Micros;
use serde::{Deserialize, Serialize};

use crate::run::as_time;

/// A document as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceView {
    /// SHA-256 of the text, in lower-case hexadecimal: `legwork.source` of a citation.
    pub hash: String,
    /// The document's own address, or `corpus:NAME/path`.
    pub url: String,
    /// What it is called.
    pub title: String,
    /// The text. Excerpts stand in it word for word.
    pub text: String,
    /// When it was read; `None` when it came with the program.
    #[serde(default, with = "as_time")]
    pub retrieved_at: Option<Micros>,
    /// Where the quote stands that was asked for; `None` when none was, or it stands nowhere.
    #[serde(default)]
    pub range: Option<SourceRange>,
}

/// A part of a text, in characters (Unicode scalar values) from its beginning: `text[start:end]` in Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRange {
    /// The first character.
    pub start: usize,
    /// The first one behind it.
    pub end: usize,
}

impl SourceView {
    /// What stands before the range, in it, and behind it.
    pub fn around(&self) -> Option<(&str, &str, &str)> {
        let at = |place: usize| {
            let found = self.text.char_indices().nth(place).map(|(at, _)| at);
            found.unwrap_or(self.text.len())
        };
        let range = self.range.filter(|range| range.start <= range.end)?;
        let (before, rest) = self.text.split_at(at(range.start));
        let (inside, behind) = rest.split_at(at(range.end) - before.len());
        Some((before, inside, behind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_counts_characters() {
        let source = SourceView {
            hash: "00".to_owned(),
            url: "corpus:notes/a.md".to_owned(),
            title: "A".to_owned(),
            text: "Grüße aus Köln.".to_owned(),
            retrieved_at: None,
            range: Some(SourceRange { start: 6, end: 14 }),
        };
        assert_eq!(source.around(), Some(("Grüße ", "aus Köln", ".")));
        let beyond = SourceView { range: Some(SourceRange { start: 6, end: 99 }), ..source };
        assert_eq!(beyond.around(), Some(("Grüße ", "aus Köln.", "")));
    }
}
