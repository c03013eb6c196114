//! Cuts a text into what can be held against another: numbers, dates, codes and words.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};

use super::date::{Date, date_at};
use super::numbers::{Number, number_at, word_at, writes_decimal_commas};
use super::units::currency_before;
use crate::processors::research::fold;

/// Something that a text says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    pub(super) kind: Kind,
    /// How it is written.
    pub(super) text: String,
    /// It begins a sentence or a line, so that its large letter says nothing.
    pub(super) starts: bool,
    /// Nothing but a space stands between it and the one before.
    pub(super) joined: bool,
    /// What stands between it and the one before, if that is one character.
    pub(super) mark: Option<char>,
}

/// What it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A number with what it counts.
    Number(Number),
    /// All days that it may be.
    Date(Vec<Date>),
    /// Letters and digits, or words joined by dots: `A380`, `10:30`, `evil.example`. Without its hyphens, in lower case.
    Code(String),
    /// Anything else.
    Word(Word),
}

/// A word.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Word {
    /// Lower case, without accents, apostrophes and a possessive `s`.
    pub(super) folded: String,
    /// What follows an elided article: `europe` in `l'Europe`.
    pub(super) after: Option<String>,
    /// It is written as names are, or has no large and small letters.
    pub(super) is_name: bool,
    /// All of it is large.
    pub(super) is_acronym: bool,
    /// Its script does not part words: it has to stand in a text letter by letter.
    pub(super) is_unparted: bool,
}

/// What a text says, from left to right.
pub(super) fn items(text: &str) -> Vec<Item> {
    let letters = letters(text);
    let lower: Vec<char> = letters.iter().map(|c| lowered(*c)).collect();
    let commas = writes_decimal_commas(text);
    let mut scan = Scan { text: &letters, lower: &lower, commas, at: 0, found: Vec::new(), last: 0 };
    while scan.at < letters.len() {
        scan.step();
    }
    scan.found
}

/// A text's characters in one spelling: plain digits, quotes, dashes and spaces, without what is not seen, without raised
/// digits behind a number and without the numbers of notes.
pub(super) fn letters(text: &str) -> Vec<char> {
    let mut found: Vec<char> = Vec::with_capacity(text.len());
    for c in text.nfc() {
        let raised = matches!(c, '²' | '³' | '¹' | '⁰' | '⁴'..='⁹' | '₀'..='₉');
        let after_digit = found.last().is_some_and(char::is_ascii_digit);
        match c {
            _ if raised && after_digit => {}
            '\u{a0}' | '\u{202f}' | '\u{2007}' | '\u{2009}' => found.push('\u{a0}'),
            '\n' => found.push('\n'),
            _ if c.is_whitespace() => found.push(' '),
            '‘' | '’' | '‚' | '`' | '´' | 'ʻ' | 'ʼ' | '′' => found.push('\''),
            '“' | '”' | '„' | '«' | '»' => found.push('"'),
            '‐' | '‑' | '‒' | '–' | '—' | '−' => found.push('-'),
            '½' | '¼' | '¾' => found.push(c),
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => {}
            _ if c.is_ascii() => found.push(c),
            _ => match decimal(c) {
                Some(digit) => found.push(digit),
                None => found.extend(std::iter::once(c).nfkc()),
            },
        }
    }
    without_notes(&found)
}

/// The plain digit for one of another script.
fn decimal(c: char) -> Option<char> {
    const ZEROS: &[char] = &['\u{660}', '\u{6f0}', '\u{966}', '\u{9e6}', '\u{ff10}'];
    let digit = ZEROS.iter().find_map(|zero| (c as u32).checked_sub(*zero as u32).filter(|digit| *digit < 10))?;
    char::from_digit(digit, 10)
}

/// Removes `[12]` behind a word or a number.
fn without_notes(letters: &[char]) -> Vec<char> {
    let mut found = Vec::with_capacity(letters.len());
    let mut at = 0;
    while at < letters.len() {
        let digits = letters[at + 1..].iter().take_while(|c| c.is_ascii_digit()).count();
        let is_note = letters[at] == '['
            && (1..=3).contains(&digits)
            && letters.get(at + 1 + digits) == Some(&']')
            && found.last().is_some_and(|c: &char| !c.is_whitespace());
        if is_note {
            at += digits + 2;
        } else {
            found.push(letters[at]);
            at += 1;
        }
    }
    found
}

/// A character in lower case without its accent; one for one, so that places stay.
pub(super) fn lowered(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    std::iter::once(c).nfkd().next().unwrap_or(c).to_lowercase().next().unwrap_or(c)
}

struct Scan<'a> {
    text: &'a [char],
    lower: &'a [char],
    commas: bool,
    at: usize,
    found: Vec<Item>,
    /// Where the last item ended.
    last: usize,
}

impl Scan<'_> {
    fn step(&mut self) {
        let c = self.text[self.at];
        if !c.is_alphanumeric() && !matches!(c, '½' | '¼' | '¾') {
            self.at += 1;
            return;
        }
        let code = self.code();
        if let Some((dates, length)) = date_at(&self.text[self.at..])
            && !self.text.get(self.at + length).is_some_and(|c| is_in_word(*c))
        {
            self.push(Kind::Date(dates), self.at + length);
        } else if let Some((code, end)) = code {
            self.push(Kind::Code(code), end);
        } else if let Some(number) = self.number() {
            let end = number.end;
            self.push(Kind::Number(number), end);
        } else if c.is_ascii_digit() {
            let length = self.text[self.at..].iter().take_while(|c| is_in_word(**c) || matches!(c, '.' | ',')).count();
            let written: String = self.text[self.at..self.at + length].iter().collect();
            let end = self.at + written.trim_end_matches(['.', ',']).chars().count();
            self.push(Kind::Code(written.trim_end_matches(['.', ',']).to_lowercase()), end);
        } else {
            self.word();
        }
    }

    fn number(&self) -> Option<Number> {
        if self.text[self.at].is_ascii_digit() {
            number_at(self.text, self.lower, self.at, self.commas)
        } else {
            word_at(self.text, self.lower, self.at)
        }
    }

    /// Letters and digits that are one word, times, versions, addresses.
    fn code(&self) -> Option<(String, usize)> {
        let rest = &self.text[self.at..];
        let length = rest.iter().enumerate().take_while(|(at, c)| is_in_word(**c) || is_joint(rest, *at)).count();
        let word = &rest[..length];
        let letters = word.iter().filter(|c| c.is_alphabetic()).count();
        let digits = word.iter().filter(|c| c.is_ascii_digit()).count();
        let is_code = if word[0].is_ascii_digit() {
            let lead = word.iter().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '\'')).count();
            // `3D`, `4x4`; not `5km`, `19th`, `5-year`, `1.2bn`.
            let times = word.contains(&':');
            let mixed = letters > 0 && word[lead..].iter().any(char::is_ascii_digit) && !word[lead..].contains(&'-');
            times || mixed || is_form(&word[lead..])
        } else {
            let dotted = word
                .windows(3)
                .any(|three| three[1] == '.' && three[0].is_alphanumeric() && three[2].is_alphanumeric());
            let is_abbreviation = is_abbreviation(word);
            let prefix = word.iter().take_while(|c| c.is_alphabetic()).all(|c| c.is_lowercase());
            let hyphened = word.contains(&'-');
            // `CO2`, `COVID-19`, `a@b.example`; not `mid-1990s`, `U.S.`, `well-known`.
            word.contains(&'@') || dotted && !is_abbreviation || digits > 0 && !(hyphened && prefix)
        };
        if !is_code {
            return None;
        }
        let code: String = word.iter().filter(|c| **c != '-').flat_map(|c| c.to_lowercase()).collect();
        Some((code, self.at + length))
    }

    fn word(&mut self) {
        let rest = &self.text[self.at..];
        let inside = |at: usize, c: char| {
            c.is_alphanumeric()
                || is_combining_mark(c)
                || matches!(c, '\'' | '.')
                    && is_between_letters(rest, at)
                    && (c == '\'' || is_abbreviation_to(rest, at))
        };
        let length = rest.iter().enumerate().take_while(|(at, c)| inside(*at, **c)).count().max(1);
        let written: String = rest[..length].iter().collect();
        let end = self.at + length;
        if self.is_currency(end) {
            self.at = end;
        } else {
            self.push(Kind::Word(word(&written)), end);
        }
    }

    /// Whether a word is the currency of the number behind it: `US$5`, `EUR 5`.
    fn is_currency(&self, end: usize) -> bool {
        let sign = usize::from(self.text.get(end) == Some(&'$'));
        let space = usize::from(matches!(self.text.get(end + sign), Some(' ' | '\u{a0}')));
        let number = self.text.get(end + sign + space).is_some_and(char::is_ascii_digit);
        let name = &self.lower[self.at..end + sign];
        number && currency_before(name).is_some_and(|(_, length)| length == name.len())
    }

    fn push(&mut self, kind: Kind, end: usize) {
        let end = end.max(self.at + 1).min(self.text.len());
        let between = &self.text[self.last..self.at];
        let joined = !self.found.is_empty() && between.iter().all(|c| matches!(c, ' ' | '\u{a0}'));
        let text: String = self.text[self.at..end].iter().collect();
        let starts = starts(&self.text[..self.at]);
        let mark = if let [mark] = between { Some(*mark) } else { None };
        self.found.push(Item { kind, text, starts, joined, mark });
        self.at = end;
        self.last = end;
    }
}

/// Whether a sentence or a line begins behind this text.
fn starts(before: &[char]) -> bool {
    let mut back = before
        .iter()
        .rev()
        .skip_while(|c| matches!(c, ' ' | '\u{a0}' | '"' | '\'' | '(' | '*' | '_' | '#' | '>' | '|'));
    match back.next() {
        None | Some('\n' | '!' | '?' | '…' | '。' | ';') => true,
        Some('.') => {
            // `U.S. Army`, `J. K. Rowling`.
            let word: Vec<char> = back.take_while(|c| c.is_alphanumeric() || **c == '.').copied().collect();
            word.iter().filter(|c| c.is_alphanumeric()).count() > 1 && !word.contains(&'.')
        }
        Some('-') => {
            back.all(|c| c.is_whitespace()) || before.iter().rev().skip_while(|c| **c != '-').nth(1) == Some(&'\n')
        }
        Some(_) => false,
    }
}

fn is_in_word(c: char) -> bool {
    c.is_alphanumeric()
}

/// A mark inside a code: `10:30`, `COVID-19`, `node.js`, `a@b`.
fn is_joint(text: &[char], at: usize) -> bool {
    let before = at.checked_sub(1).map(|at| text[at]);
    let after = text.get(at + 1).copied();
    let (Some(before), Some(after)) = (before, after) else { return false };
    let word = before.is_alphanumeric() && after.is_alphanumeric();
    match text[at] {
        ':' => before.is_ascii_digit() && after.is_ascii_digit(),
        '@' => word,
        '.' | ',' if before.is_ascii_digit() && after.is_ascii_digit() => true,
        '.' => word && !after.is_uppercase(),
        '-' => {
            word && (before.is_ascii_digit() != after.is_ascii_digit()
                || before.is_alphabetic() && after.is_alphabetic())
        }
        _ => false,
    }
}

/// `-K` in `10-K`: a hyphen and few large letters.
fn is_form(tail: &[char]) -> bool {
    matches!(tail, ['-', rest @ ..] if (1..=2).contains(&rest.len()) && rest.iter().all(|c| c.is_uppercase()))
        || matches!(tail, [one] if one.is_uppercase() && !matches!(one, 'M' | 'K' | 'B' | 'T' | 'C' | 'F' | 'W' | 'V' | 'A' | 'J' | 'N'))
}

/// `U.S`, `e.g`: single letters with dots between.
fn is_abbreviation(word: &[char]) -> bool {
    word.split(|c| *c == '.').all(|part| part.len() <= 1 && part.iter().all(|c| c.is_alphabetic()))
}

fn is_abbreviation_to(text: &[char], at: usize) -> bool {
    is_abbreviation(&text[..at]) && !text.get(at + 2).is_some_and(|c| c.is_alphanumeric())
}

fn is_between_letters(text: &[char], at: usize) -> bool {
    at > 0 && text[at - 1].is_alphanumeric() && text.get(at + 1).is_some_and(|c| c.is_alphanumeric())
}

fn word(written: &str) -> Word {
    let mut folded = fold(written);
    if let Some(owner) = folded.strip_suffix("'s") {
        folded = owner.to_owned();
    }
    let after = folded.split_once('\'').filter(|(article, _)| article.len() <= 2).map(|(_, rest)| rest.to_owned());
    folded.retain(|c| c != '\'' && c != '.');
    let mut letters = written.chars().filter(|c| c.is_alphabetic());
    let cased = |c: char| c.is_uppercase() || c.is_lowercase();
    let is_unparted = written.chars().any(is_unparted);
    let is_acronym =
        written.chars().filter(|c| c.is_uppercase()).count() > 1 && !written.chars().any(char::is_lowercase);
    let is_name = letters.clone().any(char::is_uppercase) || !letters.any(cased);
    Word { folded, after, is_name, is_acronym, is_unparted }
}

/// A character of a script that is written without spaces.
fn is_unparted(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}')
        || matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// A text in the form in which words of unparted scripts are looked for.
pub(super) fn run_together(text: &str) -> String {
    text.nfkd()
        .filter(|c| canonical_combining_class(*c) == 0 && c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The items with a letter for their kind.
    fn told(text: &str) -> Vec<String> {
        let kind = |item: &Item| match &item.kind {
            Kind::Number(_) => "n",
            Kind::Date(_) => "d",
            Kind::Code(_) => "c",
            Kind::Word(word) if word.is_name => "N",
            Kind::Word(_) => "w",
        };
        items(text).iter().map(|item| format!("{} {}", kind(item), item.text)).collect()
    }

    #[test]
    fn a_text_is_cut_into_what_it_says() {
        assert_eq!(
            told("On 5 March 2024 U.S. exports rose 3.5% to $1.2 billion."),
            ["N On", "d 5 March 2024", "N U.S", "w exports", "w rose", "n 3.5%", "w to", "n 1.2 billion"]
        );
        let codes = [
            "c COVID-19",
            "c CO2",
            "w and",
            "w the",
            "c A380",
            "w at",
            "c 10:30",
            "w via",
            "c node.js",
            "w or",
            "c a-b@c.example",
        ];
        assert_eq!(told("COVID-19, CO2 and the A380 at 10:30 via node.js or a-b@c.example"), codes);
        assert_eq!(told("mid-1990s, a 5-year plan, 10-K"), ["w mid", "n 1990s", "w a", "n 5-year", "w plan", "c 10-K"]);
    }

    #[test]
    fn notes_and_raised_digits_are_no_part_of_a_number() {
        assert_eq!(told("3,281,676[12] and 454 km²"), ["n 3,281,676", "w and", "n 454 km2"]);
        assert_eq!(told("3,281,676² people"), ["n 3,281,676", "w people"]);
        assert_eq!(told("٣٢ ５"), ["n 32", "n 5"]);
    }

    #[test]
    fn a_large_letter_says_nothing_where_a_sentence_begins() {
        let starts =
            |text: &str| items(text).into_iter().filter(|item| item.starts).map(|item| item.text).collect::<Vec<_>>();
        assert_eq!(
            starts("Copper is mined. Gold, too.\n- Iron by J. Smith of the U.S. Army"),
            ["Copper", "Gold", "Iron"]
        );
        assert_eq!(starts("**Bold** text: Oslo"), ["Bold"]);
    }

    #[test]
    fn an_elided_article_is_no_part_of_a_name() {
        let Kind::Word(word) = &items("l’Europe")[0].kind else { panic!("it is a word") };
        assert_eq!((word.folded.as_str(), word.after.as_deref()), ("leurope", Some("europe")));
    }
}
