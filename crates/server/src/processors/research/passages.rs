//! Cuts a text into passages: the units that are searched and cited.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::document::Passage;

/// A passage is ended after about this many bytes.
const LONG: usize = 700;
/// A sentence that is longer than this is cut at a space: what looks like one is a table or a log.
const LONGEST: usize = 2000;

/// Paragraphs; long ones in runs of whole sentences.
pub(in crate::processors) fn passages(text: &str) -> Vec<Passage> {
    let mut found = Vec::new();
    for paragraph in paragraphs(text) {
        let mut start = paragraph.start;
        let mut end = start;
        for stop in ends(text, &paragraph) {
            if end > start && stop - start > LONG {
                found.extend(trimmed(text, start..end));
                start = end;
            }
            end = stop;
        }
        found.extend(trimmed(text, start..paragraph.end));
    }
    found
}

/// The runs of lines between blank lines.
fn paragraphs(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut open = false;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let range = at..at + line.len();
        at = range.end;
        if line.trim().is_empty() {
            open = false;
        } else if let Some(last) = found.last_mut().filter(|_| open) {
            last.end = range.end;
        } else {
            found.push(range);
            open = true;
        }
    }
    found
}

/// Where a paragraph may be cut: after its sentences, and within those that never end.
fn ends(text: &str, paragraph: &Range<usize>) -> Vec<usize> {
    if paragraph.len() <= LONG {
        return vec![paragraph.end];
    }
    let mut found = Vec::new();
    for (at, sentence) in text[paragraph.clone()].split_sentence_bound_indices() {
        let mut rest = sentence;
        let mut start = paragraph.start + at;
        while rest.len() > LONGEST {
            let cut = readable(rest);
            start += cut;
            rest = &rest[cut..];
            found.push(start);
        }
        found.push(start + rest.len());
    }
    found
}

/// The last space before a passage is full, else the last whole character.
fn readable(text: &str) -> usize {
    let limit = text.floor_char_boundary(LONG);
    text[..limit].rfind(char::is_whitespace).filter(|at| *at > 0).unwrap_or(limit)
}

fn trimmed(text: &str, range: Range<usize>) -> Option<Passage> {
    let part = &text[range.clone()];
    let start = range.start + (part.len() - part.trim_start().len());
    let end = range.start + part.trim_end().len();
    (start < end).then_some(Passage { range: start..end, field: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_are_exact_and_cover_the_text() {
        let text = format!("First one.\n\n{}\n", "A sentence of the long paragraph. ".repeat(60));
        let passages = passages(&text);
        assert!(passages.len() > 2);
        assert!(passages.iter().all(|p| text[p.range.clone()].len() <= LONG + 40));
        assert_eq!(&text[passages[0].range.clone()], "First one.");
    }

    #[test]
    fn what_never_ends_is_cut_all_the_same() {
        for endless in ["word ".repeat(2000), "ä".repeat(5000)] {
            let passages = passages(&endless);
            assert!(passages.iter().all(|passage| passage.range.len() <= LONGEST), "{}", passages.len());
            let covered: usize = passages.iter().map(|passage| passage.range.len()).sum();
            assert!(covered + passages.len() >= endless.trim_end().len());
        }
    }
}
