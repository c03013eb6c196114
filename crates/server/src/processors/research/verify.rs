//! Checks that a quote stands in a text and that an answer says nothing its excerpts do not.

use std::collections::BTreeSet;
use std::ops::Range;

use unicode_normalization::UnicodeNormalization;

use super::text::words;

/// A quote shorter than this proves nothing.
const SHORTEST: usize = 12;

/// Where `quote` stands in `text`, however it spells spaces, case, quotes and dashes; `None` if it does not.
pub fn verify_quote(text: &str, quote: &str) -> Option<Range<usize>> {
    let wanted = Normal::of(quote);
    if wanted.text.chars().count() < SHORTEST {
        return None;
    }
    find_normal(text, &wanted)
}

/// Where a quote stands that somebody asks for: like [`verify_quote`], and a short one where it stands first.
pub fn place_of(text: &str, quote: &str) -> Option<Range<usize>> {
    let wanted = Normal::of(quote);
    if wanted.text.is_empty() { None } else { find_normal(text, &wanted) }
}

/// Like [`verify_quote`], for a value of any length inside an excerpt that is already verified.
pub(super) fn holds(excerpt: &str, value: &str) -> bool {
    let wanted = Normal::of(value);
    !wanted.text.is_empty() && find_normal(excerpt, &wanted).is_some()
}

/// Whether every number and every capitalised word of `value` stands in one of the excerpts.
pub fn verify_values(value: &str, excerpts: &[&str]) -> bool {
    let known: BTreeSet<String> = excerpts.iter().flat_map(|text| words(text)).map(|word| word.stem).collect();
    words(value).iter().filter(|w| w.is_number() || w.is_capital(value)).all(|word| known.contains(&word.stem))
}

fn find_normal(text: &str, wanted: &Normal) -> Option<Range<usize>> {
    let hay = Normal::of(text);
    let start = hay.text.find(&wanted.text)?;
    let end = start + wanted.text.len();
    Some(hay.origin[start].start..hay.origin[end - 1].end)
}

/// A text in its normal form, and for each of its bytes the characters it came from.
struct Normal {
    text: String,
    origin: Vec<Range<usize>>,
}

impl Normal {
    fn of(text: &str) -> Self {
        let mut normal = Self { text: String::with_capacity(text.len()), origin: Vec::with_capacity(text.len()) };
        for (at, c) in text.char_indices() {
            let place = at..at + c.len_utf8();
            if c.is_whitespace() {
                if !normal.text.is_empty() && !normal.text.ends_with(' ') {
                    normal.push(' ', place);
                }
                continue;
            }
            for part in std::iter::once(c).nfkc().flat_map(char::to_lowercase) {
                normal.push(plain(part), place.clone());
            }
        }
        if normal.text.ends_with(' ') {
            normal.text.pop();
            normal.origin.pop();
        }
        normal
    }

    fn push(&mut self, c: char, place: Range<usize>) {
        self.text.push(c);
        self.origin.extend(std::iter::repeat_n(place, c.len_utf8()));
    }
}

fn plain(c: char) -> char {
    match c {
        '‘' | '’' | '‚' | '`' | '´' | 'ʻ' | 'ʼ' | '′' => '\'',
        '“' | '”' | '„' | '«' | '»' => '"',
        '‐' | '‑' | '‒' | '–' | '—' | '−' => '-',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_found_in_its_own_spelling() {
        let text = "It’s the “Great\n  Khural” – the parliament.";
        let range = verify_quote(text, "it's the \"great khural\" - the").unwrap();
        assert_eq!(&text[range], "It’s the “Great\n  Khural” – the");
    }

    #[test]
    fn a_changed_digit_is_not_found() {
        assert_eq!(verify_quote("Population: 3,281,676 (2024 est.)", "Population: 3,281,677"), None);
    }

    #[test]
    fn a_short_quote_proves_nothing() {
        assert_eq!(verify_quote("Capital: Oslo", "Oslo"), None);
        assert!(holds("Capital: Oslo", "oslo"));
    }

    #[test]
    fn every_number_and_name_must_be_in_the_excerpts() {
        assert!(verify_values("Ulaanbaatar has 3,281,676 people", &["Capital: Ulaanbaatar", "total 3281676"]));
        assert!(!verify_values("Ulaanbaatar has 3 people", &["Capital: Ulaanbaatar"]));
    }
}
