//! Finds a quote in a page, however it spells spaces, case, quotes and dashes, and cuts the excerpt that is published:
//! always the page's own words.
//!
//! This is the one place where words are held against a text; the researcher without a model uses it, too.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

use super::cut;

/// A quote shorter than this proves nothing, in characters of its normal form.
const SHORTEST: usize = 12;
/// Of a quote that does not stand in the page as a whole, at least this share must, in one piece; in hundredths.
const ENOUGH: usize = 92;
/// An excerpt is at most this long, in characters.
const LONGEST: usize = 600;

/// Where `quote` stands in `text`; `None` if it does not, or is too short to prove anything. For several quotes of a long
/// text make a [`Page`] of it once.
#[cfg(test)]
pub(in crate::processors) fn verify_quote(text: &str, quote: &str) -> Option<Range<usize>> {
    Page::new(text).quote(quote)
}

/// Where a quote stands that somebody asks for: word for word, and a short one where it stands first.
pub fn place_of(text: &str, quote: &str) -> Option<Range<usize>> {
    Page::new(text).words(quote)
}

/// Whether a value of any length stands word for word in an excerpt that is verified already.
pub(in crate::processors) fn holds(excerpt: &str, value: &str) -> bool {
    Page::new(excerpt).words(value).is_some()
}

/// A page's text with its normal form, made once for all that is looked up in it.
#[derive(Debug)]
pub(in crate::processors) struct Page<'a> {
    text: &'a str,
    normal: Normal,
}

impl<'a> Page<'a> {
    /// Reads a text.
    pub(in crate::processors) fn new(text: &'a str) -> Self {
        Self { text, normal: Normal::of(text) }
    }

    /// The text as it is.
    pub(in crate::processors) fn text(&self) -> &'a str {
        self.text
    }

    /// Where a quote stands, or almost all of it in one piece. What is left over may not hold a number or a name that
    /// does not stand beside the piece.
    pub(in crate::processors) fn quote(&self, quote: &str) -> Option<Range<usize>> {
        let quote = bare(quote);
        let wanted = Normal::of(quote);
        let letters = wanted.text.chars().filter(|c| canonical_combining_class(*c) == 0).count();
        if letters < SHORTEST {
            return None;
        }
        let normal = self.whole(&wanted.text).or_else(|| self.piece(quote, &wanted))?;
        Some(self.normal.origin(&normal))
    }

    /// Where these words stand, whole and in this order.
    fn words(&self, wanted: &str) -> Option<Range<usize>> {
        let wanted = Normal::of(wanted).text;
        if wanted.is_empty() {
            return None;
        }
        let start = self.normal.text.find(&wanted)?;
        Some(self.normal.origin(&(start..start + wanted.len())))
    }

    /// The first place of a quote that cuts no number in two.
    fn whole(&self, wanted: &str) -> Option<Range<usize>> {
        let mut places = self.normal.text.match_indices(wanted).map(|(start, _)| start..start + wanted.len());
        places.find(|place| !cuts_number(&self.normal.text, place))
    }

    /// The longest piece of a quote that stands in the page, if it is long enough. Every such piece holds the quote's
    /// middle, so that is looked for, and what is around it is compared.
    fn piece(&self, quote: &str, wanted: &Normal) -> Option<Range<usize>> {
        let (hay, text) = (&self.normal.text, &wanted.text);
        let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let length = ends.len() - 1;
        let least = (length * ENOUGH).div_ceil(100);
        let (from, to) = (ends[length - least], ends[least]);
        let core = text.get(from..to).filter(|core| !core.is_empty())?;
        let mut best: Option<(usize, Range<usize>, Range<usize>)> = None;
        for (at, _) in hay.match_indices(core) {
            let before = shared(hay[..at].chars().rev(), text[..from].chars().rev());
            let after = shared(hay[at + core.len()..].chars(), text[to..].chars());
            let size = core.chars().count() + before.0 + after.0;
            let place = at - before.1..at + core.len() + after.1;
            if size >= least && best.as_ref().is_none_or(|(most, ..)| size > *most) && !cuts_number(hay, &place) {
                best = Some((size, place, from - before.1..to + after.1));
            }
        }
        let (_, place, of_quote) = best?;
        // What is left over, with the words whole that the piece cuts.
        let left = match of_quote.start {
            0 => "",
            end => &quote[..word_end(quote, wanted.origin(&(0..end)).end)],
        };
        let right = match text.len() - of_quote.end {
            0 => "",
            _ => &quote[word_start(quote, wanted.origin(&(of_quote.end..text.len())).start)..],
        };
        let before = hay.floor_char_boundary(place.start.saturating_sub(of_quote.start + SLACK));
        let after = hay.ceil_char_boundary((place.end + text.len() - of_quote.end + SLACK).min(hay.len()));
        let before = &hay[word_start(hay, before)..word_end(hay, place.start)];
        let after = &hay[word_start(hay, place.end)..word_end(hay, after)];
        (is_covered(left, before) && is_covered(right, after)).then_some(place)
    }
}

/// A page may have so many bytes more than a quote beside what is common to both.
const SLACK: usize = 3;

/// Whether every number and every capitalised word of what is left over of a quote stands in this part of the page.
fn is_covered(left_over: &str, near: &str) -> bool {
    let near: Vec<&str> = tokens(near).collect();
    let is_marked = |word: &&str| word.contains(char::is_numeric) || word.starts_with(char::is_uppercase);
    tokens(left_over).filter(is_marked).all(|word| near.contains(&Normal::of(word).text.as_str()))
}

/// The words of a text, numbers with what separates their digits.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c| !is_inner(c)).map(|word| word.trim_matches(['.', ',', '\'', '’']));
    words.filter(|word| !word.is_empty())
}

fn is_inner(c: char) -> bool {
    c.is_alphanumeric() || canonical_combining_class(c) != 0 || matches!(c, '.' | ',' | '\'' | '’')
}

/// Where the word ends that stands at a place, or right before it.
fn word_end(text: &str, at: usize) -> usize {
    at + text[at..].chars().take_while(|c| is_inner(*c)).map(char::len_utf8).sum::<usize>()
}

/// Where the word begins that stands at a place, or right behind it.
fn word_start(text: &str, at: usize) -> usize {
    at - text[..at].chars().rev().take_while(|c| is_inner(*c)).map(char::len_utf8).sum::<usize>()
}

/// How many characters two texts begin with alike, and their bytes in the first.
fn shared(one: impl Iterator<Item = char>, other: impl Iterator<Item = char>) -> (usize, usize) {
    let alike = one.zip(other).take_while(|(a, b)| a == b);
    alike.fold((0, 0), |(count, bytes), (c, _)| (count + 1, bytes + c.len_utf8()))
}

/// Whether a place begins or ends inside a number.
fn cuts_number(text: &str, place: &Range<usize>) -> bool {
    let digit = |c: Option<char>| c.is_some_and(char::is_numeric);
    let joins = |c: Option<char>| matches!(c, Some('.' | ','));
    let cut = |last: Option<char>, next: Option<char>, second: Option<char>| {
        digit(last) && (digit(next) || joins(next) && digit(second))
    };
    let inside = &text[place.clone()];
    let mut before = text[..place.start].chars().rev();
    let mut after = text[place.end..].chars();
    cut(inside.chars().next_back(), after.next(), after.next())
        || cut(inside.chars().next(), before.next(), before.next())
}

/// A quote without what a writer puts around it: quotation marks, and dots where he left something out.
fn bare(quote: &str) -> &str {
    quote
        .trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '“' | '”' | '„' | '«' | '»' | '…'))
        .trim_start_matches("...")
        .trim_end_matches("...")
        .trim()
}

/// What is published for a place in a page: the sentences around it, or as much of them as an excerpt may hold.
pub(in crate::processors) fn excerpt(text: &str, place: &Range<usize>) -> Range<usize> {
    let place =
        trimmed(text, text.floor_char_boundary(place.start)..text.ceil_char_boundary(place.end.min(text.len())));
    let window = window(text, &place);
    let mut around = place.clone();
    for sentence in cut::sentences(&text[window.clone()]) {
        let sentence = window.start + sentence.start..window.start + sentence.end;
        if sentence.start < place.end && place.start < sentence.end {
            around = around.start.min(sentence.start)..around.end.max(sentence.end);
        }
    }
    let around = trimmed(text, around);
    let room = |range: &Range<usize>| LONGEST.saturating_sub(text[range.clone()].chars().count());
    if text[around.clone()].chars().count() <= LONGEST {
        return around;
    }
    // Too long: the place itself, then to the end of its sentence as far as that goes, then to the beginning.
    if room(&place) == 0 {
        return trimmed(
            text,
            place.start..cut::before(text, place.start, cut::after_chars(text, place.start, LONGEST)),
        );
    }
    let limit = cut::after_chars(text, place.end, room(&place));
    let end = if around.end <= limit { around.end } else { cut::before(text, place.end, limit) };
    let start = cut::after(text, cut::before_chars(text, place.start, room(&(place.start..end))), place.start);
    trimmed(text, start.max(around.start)..end)
}

/// The part of a text that an excerpt of this place can lie in: a paragraph, or the middle of one that is long.
fn window(text: &str, place: &Range<usize>) -> Range<usize> {
    // No sentence that is longer than an excerpt may be is kept whole anyway.
    let start = cut::before_chars(text, place.start, LONGEST);
    let end = cut::after_chars(text, place.end, LONGEST);
    let start = text[start..place.start].rfind("\n\n").map_or(start, |at| start + at + 2);
    let end = text[place.end..end].find("\n\n").map_or(end, |at| place.end + at);
    start..end
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + (part.len() - part.trim_start().len());
    let end = range.start + part.trim_end().len();
    start.min(end)..end
}

/// A text in its normal form, and where each part of it came from.
#[derive(Debug)]
struct Normal {
    text: String,
    /// Where the two texts stop to go on byte by byte alike, in their order.
    steps: Vec<Step>,
}

/// From here on the normal text goes along with the original, or stands for one piece of it.
#[derive(Debug)]
struct Step {
    normal: usize,
    origin: usize,
    /// The length of the one piece; `None` where each byte has its own.
    piece: Option<usize>,
}

impl Normal {
    fn of(text: &str) -> Self {
        let mut normal = Self { text: String::with_capacity(text.len()), steps: Vec::new() };
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let at = text.len() - rest.len();
            // A letter and the accents that follow it, which may be written as one.
            let marks = rest[first.len_utf8()..].chars().take_while(|c| canonical_combining_class(*c) != 0);
            let length = first.len_utf8() + marks.map(char::len_utf8).sum::<usize>();
            let piece = &rest[..length];
            rest = &rest[length..];
            if first.is_ascii() && length == 1 {
                normal.ascii(first, at);
            } else if first.is_whitespace() {
                normal.space(at, length);
            } else if !is_unseen(first) {
                let before = normal.text.len();
                let spelled = piece.nfkd().flat_map(char::to_lowercase).map(plain).filter(|c| !is_unseen(*c));
                normal.text.extend(spelled);
                normal.step(before, at, (normal.text.len() - before != length).then_some(length));
            }
        }
        if normal.text.ends_with(' ') {
            normal.text.pop();
        }
        normal
    }

    fn ascii(&mut self, c: char, at: usize) {
        if c.is_whitespace() {
            return self.space(at, 1);
        }
        if c.is_control() {
            return;
        }
        let before = self.text.len();
        self.text.push(plain(c.to_ascii_lowercase()));
        self.step(before, at, None);
    }

    fn space(&mut self, at: usize, length: usize) {
        if !self.text.is_empty() && !self.text.ends_with(' ') {
            let before = self.text.len();
            self.text.push(' ');
            self.step(before, at, (length != 1).then_some(length));
        }
    }

    fn step(&mut self, normal: usize, origin: usize, piece: Option<usize>) {
        let goes_on = self.steps.last().is_some_and(|last| {
            piece.is_none() && last.piece.is_none() && origin.checked_sub(last.origin) == Some(normal - last.normal)
        });
        if !goes_on && normal < self.text.len() {
            self.steps.push(Step { normal, origin, piece });
        }
    }

    /// The part of the original that a part of the normal text, which is not empty, stands for.
    fn origin(&self, part: &Range<usize>) -> Range<usize> {
        self.place(part.start).start..self.place(part.end - 1).end
    }

    fn place(&self, byte: usize) -> Range<usize> {
        let step = &self.steps[self.steps.partition_point(|step| step.normal <= byte) - 1];
        if let Some(length) = step.piece {
            return step.origin..step.origin + length;
        }
        let at = step.origin + (byte - step.normal);
        at..at + 1
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

/// What nobody sees and nobody quotes: soft hyphens, joiners, marks of direction.
pub(super) fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
#[path = "quote_tests.rs"]
mod tests;
