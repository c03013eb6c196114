//! Cuts a text into sentences, and at places where a reader would.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// What ends with a dot and does not end a sentence, in lower case.
const SHORT: &[&str] = &[
    "dr", "mr", "mrs", "ms", "prof", "st", "mt", "no", "nr", "vs", "inc", "co", "corp", "ltd", "jr", "sr", "gen",
    "col", "capt", "lt", "sgt", "rev", "hon", "gov", "sen", "rep", "pres", "fig", "vol", "pp", "ed", "eds", "cf",
    "approx", "ca", "est", "dept", "univ", "al", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct",
    "nov", "dec",
];

/// Words that begin a sentence, and not a name that goes on.
const BEGINS: &[&str] = &[
    "the", "a", "an", "it", "its", "in", "on", "at", "this", "that", "these", "those", "he", "she", "they", "we",
    "there", "as", "by", "for", "from", "with", "after", "before", "since", "when", "while", "however", "but", "and",
];

/// What is told apart by single letters.
const NAMED: &[&str] = &[
    "vitamin",
    "hepatitis",
    "plan",
    "group",
    "class",
    "type",
    "grade",
    "part",
    "section",
    "figure",
    "appendix",
    "option",
    "team",
    "schedule",
    "exhibit",
    "table",
    "series",
    "phase",
    "block",
    "zone",
];

/// The sentences of a text in their order, with the space behind each; together they are the text.
pub(super) fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, piece) in text.split_sentence_bound_indices() {
        let range = at..at + piece.len();
        match found.last_mut() {
            Some(last) if goes_on(&text[last.clone()], piece) => last.end = range.end,
            _ => found.push(range),
        }
    }
    found
}

/// Whether what looks like a sentence's end is an abbreviation's.
fn goes_on(sentence: &str, next: &str) -> bool {
    if sentence.ends_with('\n') {
        return false;
    }
    let Some(said) = sentence.trim_end().strip_suffix('.') else { return false };
    let mut words = said.rsplit(|c: char| c.is_whitespace() || c == '(');
    let last = words.next().unwrap_or_default();
    let first = next.split_whitespace().next().unwrap_or_default();
    if first.starts_with(char::is_lowercase) || SHORT.contains(&last.to_lowercase().as_str()) {
        return true;
    }
    let begins = BEGINS.contains(&first.trim_end_matches(|c: char| !c.is_alphanumeric()).to_lowercase().as_str());
    let letters = last.split('.');
    let is_dotted = letters.clone().all(|part| part.chars().count() == 1 && part.chars().all(char::is_alphabetic));
    match letters.count() {
        // The initial of a name: `George W. Bush`; not `Vitamin C. Others`.
        1 => is_dotted && !begins && words.next().is_none_or(|word| !NAMED.contains(&word.to_lowercase().as_str())),
        // `U.S. Army`.
        _ => is_dotted && !begins,
    }
}

/// The byte after so many characters from a place on.
pub(super) fn after_chars(text: &str, at: usize, count: usize) -> usize {
    text[at..].char_indices().nth(count).map_or(text.len(), |(offset, _)| at + offset)
}

/// The byte before so many characters up to a place.
pub(super) fn before_chars(text: &str, at: usize, count: usize) -> usize {
    if count == 0 {
        return at;
    }
    text[..at].char_indices().rev().nth(count - 1).map_or(0, |(offset, _)| offset)
}

/// The last readable bound between two places: the end of a sentence or of an item, else a space, else the second place.
pub(in crate::processors) fn before(text: &str, from: usize, limit: usize) -> usize {
    if limit >= text.len() {
        return text.len();
    }
    let part = &text[from..limit];
    for marks in [&["; ", ". "][..], &[", "], &[" "]] {
        if let Some(at) = marks.iter().filter_map(|mark| part.rfind(mark)).max() {
            return from + at;
        }
    }
    limit
}

/// The first beginning of a word between two places, else the second place.
pub(super) fn after(text: &str, from: usize, limit: usize) -> usize {
    if from == 0 {
        return 0;
    }
    text[from..limit].find(char::is_whitespace).map_or(limit, |at| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<&str> {
        sentences(text).into_iter().map(|range| text[range].trim()).collect()
    }

    #[test]
    fn an_abbreviation_ends_no_sentence() {
        assert_eq!(cut("Dr. Who met J. K. Rowling. They spoke."), ["Dr. Who met J. K. Rowling.", "They spoke."]);
        assert_eq!(cut("It left the U.S. The rest stayed."), ["It left the U.S.", "The rest stayed."]);
        assert_eq!(cut("It has vitamin C. Others do not."), ["It has vitamin C.", "Others do not."]);
        assert_eq!(
            cut("It costs approx. 5 euros. 他来了。她走了。"),
            ["It costs approx. 5 euros.", "他来了。", "她走了。"]
        );
    }

    #[test]
    fn a_line_ends_a_sentence_and_nothing_is_lost() {
        let text = "Name: A. B\nArea: 5.\n";
        assert_eq!(cut(text), ["Name: A. B", "Area: 5."]);
        assert_eq!(sentences(text).last().unwrap().end, text.len());
    }
}
