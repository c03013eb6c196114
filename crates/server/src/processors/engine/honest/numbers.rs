//! Numbers as people write them: separators of thousands, decimals, scales, units, currencies, words up to ninety-nine.

use super::ratio::{Ratio, power_of_ten};
use super::units::{Unit, currency_before, scale_at, unit_at};

/// A number with what it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::processors) struct Quantity {
    /// As it is written, without its scale.
    pub(super) bare: Ratio,
    /// By how much the words behind it make it larger.
    pub(super) scale: Ratio,
    pub(super) unit: Option<Unit>,
    /// How much one in its last digit is worth, scale and all.
    pub(super) step: Ratio,
}

impl Quantity {
    /// What it is in all; `None` if that is too large.
    pub(super) fn value(&self) -> Option<Ratio> {
        self.bare.times(self.scale)
    }

    /// The year it may be.
    pub(super) fn year(&self) -> Option<i32> {
        let plain = self.unit.is_none() && self.scale == Ratio::whole(1);
        let whole = self.bare.as_whole().filter(|year| plain && (1000..=2999).contains(year))?;
        i32::try_from(whole).ok()
    }
}

/// A number at a place in a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Number {
    pub(super) quantity: Quantity,
    /// Its digits as they are written.
    pub(super) digits: String,
    /// Where it ends, with scale and unit.
    pub(super) end: usize,
    /// The numbers it is if the spaces in it part them: `5 300`.
    pub(super) apart: Vec<Number>,
    /// `nineteenth`, `1990s`: `th`, `s`.
    pub(super) ending: Option<&'static str>,
}

/// Whether a text writes its decimals with a comma.
pub(super) fn writes_decimal_commas(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "der", "die", "das", "und", "ist", "nicht", "mit", "von", "le", "les", "des", "est", "une", "dans", "el",
        "los", "las", "del", "para", "il", "che", "della", "sono", "het", "een", "och", "som", "uma", "dos", "nie",
        "jest",
    ];
    const ENGLISH: &[&str] = &["the", "of", "and", "is", "was", "are", "were", "with", "for", "by"];
    let mut words = [0_usize; 2];
    for word in text.split(|c: char| !c.is_alphabetic()).take(400) {
        words[0] += usize::from(WORDS.contains(&word));
        words[1] += usize::from(ENGLISH.contains(&word));
    }
    words[0] > words[1]
}

/// The number that begins at a digit of this text; `lower` is the same in lower case, `commas` says that decimals are
/// written with one.
pub(super) fn number_at(text: &[char], lower: &[char], at: usize, commas: bool) -> Option<Number> {
    let (digits, end, apart) = spelled(text, at, commas);
    let (bare, step) = reading(&digits, commas)?;
    let plain = Quantity { bare, scale: Ratio::whole(1), unit: None, step };
    let attached: String = lower[end..].iter().take_while(|c| c.is_alphabetic()).collect();
    let ending = match attached.as_str() {
        "st" | "nd" | "rd" | "th" => Some("th"),
        "s" if digits.len() == 4 && digits.ends_with('0') => Some("s"),
        _ => None,
    };
    if ending.is_some() {
        return Some(Number { quantity: plain, digits, end: end + attached.len(), apart: Vec::new(), ending });
    }
    let is_minus =
        |at: usize| at > 0 && text[at - 1] == '-' && !at.checked_sub(2).is_some_and(|before| is_inner(text[before]));
    let signed = is_minus(at);
    let money = currency(lower, if signed { at - 1 } else { at });
    let is_negative = signed || money.is_some_and(|(_, begins)| is_minus(begins));
    let quantity = Quantity { bare: if is_negative { bare.negative() } else { bare }, ..plain };
    let (quantity, end) = counted(quantity, text, lower, end, money.map(|(unit, _)| unit))?;
    Some(Number { quantity, digits, end, apart, ending: None })
}

/// The number that a word names, with the scale and the unit behind it.
pub(super) fn word_at(text: &[char], lower: &[char], at: usize) -> Option<Number> {
    let word: String = lower[at..].iter().take_while(|c| c.is_alphabetic()).collect();
    // `A million`, `a hundred`: one of them.
    let is_scale = ["hundred", "thousand", "million", "billion", "trillion"].contains(&word.as_str());
    let (number, length, ending) = named(lower, at, &word).or_else(|| is_scale.then_some((1, 0, None)))?;
    let one = Ratio::whole(1);
    let plain = Quantity { bare: Ratio::whole(number), scale: one, unit: None, step: one };
    let (quantity, end) = match ending {
        Some(_) => (plain, at + length),
        None => counted(plain, text, lower, at + length, None)?,
    };
    Some(Number { quantity, digits: number.to_string(), end, apart: Vec::new(), ending })
}

/// A number with the scale and the unit behind it, and where they end; `None` if it is too large.
fn counted(
    plain: Quantity,
    text: &[char],
    lower: &[char],
    end: usize,
    money: Option<Unit>,
) -> Option<(Quantity, usize)> {
    let (scale, unit, end) = tail(text, lower, end, money);
    let quantity = Quantity { scale, unit, step: plain.step.times(scale)?, ..plain };
    quantity.value().map(|_| (quantity, end))
}

/// The digits of a number with their marks, where they end, and the numbers they are if spaces part them.
fn spelled(text: &[char], at: usize, commas: bool) -> (String, usize, Vec<Number>) {
    let digit = |at: usize| text.get(at).is_some_and(char::is_ascii_digit);
    let run = |from: usize| text[from.min(text.len())..].iter().take_while(|c| c.is_ascii_digit()).count();
    let mut digits = String::new();
    let (mut end, mut groups) = (at, Vec::new());
    loop {
        let length = run(end);
        groups.push((end, length));
        digits.extend(&text[end..end + length]);
        end += length;
        let Some(mark) = text.get(end).copied().filter(|_| digit(end + 1)) else { break };
        let three = run(end + 1) == 3;
        let may_group = groups[0].1 <= 3 && groups[1..].iter().all(|(_, length)| *length == 3);
        match mark {
            '.' | ',' => digits.push(mark),
            '\'' | '\u{a0}' if three && may_group => {}
            ' ' if three
                && may_group
                && !digits.contains(['.', ','])
                && !text.get(end + 4).is_some_and(|c| is_inner(*c)) => {}
            _ => break,
        }
        end += 1;
    }
    let spaced = groups.iter().skip(1).any(|(from, _)| text[from - 1] == ' ');
    let lone = |(from, length): &(usize, usize)| {
        let digits: String = text[*from..from + length].iter().collect();
        let (bare, step) = reading(&digits, commas)?;
        let quantity = Quantity { bare, scale: Ratio::whole(1), unit: None, step };
        Some(Number { quantity, digits, end: from + length, apart: Vec::new(), ending: None })
    };
    let apart = if spaced { groups.iter().filter_map(lone).collect() } else { Vec::new() };
    (digits, end, apart)
}

/// What digits with dots and commas mean, and what one in the last digit is worth; `None` if they are no number.
fn reading(digits: &str, commas: bool) -> Option<(Ratio, Ratio)> {
    // `0024` is no way to write a number.
    if digits.len() > 1 && digits.starts_with('0') && !digits[1..].starts_with(['.', ',']) {
        return None;
    }
    let (dots, points) = (digits.matches('.').count(), digits.matches(',').count());
    let joined = |mark: char| digits.replace(mark, "");
    let by_comma = is_grouped(digits.split('.').next().unwrap_or_default(), ',');
    let by_dot = is_grouped(digits.split(',').next().unwrap_or_default(), '.');
    let plain = match (dots, points) {
        (0, 0) => digits.to_owned(),
        // `1,234` is a thousand and more, where decimals are not written so; `1,5` can only be one and a half.
        (0, 1) if by_comma && !commas => joined(','),
        (0, 1) => digits.replace(',', "."),
        (0, _) if by_comma => joined(','),
        (1, 0) if by_dot && commas => joined('.'),
        (1, 0) => digits.to_owned(),
        (_, 0) if by_dot => joined('.'),
        (1, _) if by_comma && digits.find('.') > digits.rfind(',') => joined(','),
        (_, 1) if by_dot && digits.find(',') > digits.rfind('.') => joined('.').replace(',', "."),
        _ => return None,
    };
    let places = plain.split_once('.').map_or(0, |(_, part)| part.len());
    Some((Ratio::decimal(&plain)?, Ratio::new(1, power_of_ten(places)?)?))
}

/// Whether a mark parts thousands, in threes, or as in India in twos before the last three.
fn is_grouped(digits: &str, mark: char) -> bool {
    let groups: Vec<usize> = digits.split(mark).map(str::len).collect();
    let [first, rest @ .., last] = groups.as_slice() else { return false };
    let even = |size: usize| rest.iter().all(|length| *length == size);
    !digits.starts_with('0') && *last == 3 && ((1..=3).contains(first) && even(3) || (1..=2).contains(first) && even(2))
}

/// The currency before a place, and where it begins.
fn currency(lower: &[char], at: usize) -> Option<(Unit, usize)> {
    let end = at - usize::from(at > 0 && matches!(lower[at - 1], ' ' | '\u{a0}'));
    // No sign is longer.
    let window = &lower[end.saturating_sub(8)..end];
    let (unit, length) = currency_before(window)?;
    Some((unit, end - length))
}

/// The scale and the unit behind a number, and where they end.
fn tail(text: &[char], lower: &[char], end: usize, money: Option<Unit>) -> (Ratio, Option<Unit>, usize) {
    let ten = |times: usize| power_of_ten(times).map_or(Ratio::whole(1), Ratio::whole);
    // A letter right behind the digits: `5M`, `1.2bn`, `$5m`.
    let attached: String = lower[end..].iter().take_while(|c| c.is_alphabetic()).collect();
    let short = match (attached.as_str(), text.get(end)) {
        ("m" | "mm", Some('M')) => Some((6, attached.len())),
        ("b", Some('B')) => Some((9, 1)),
        ("t", Some('T')) if money.is_some() => Some((12, 1)),
        ("m", _) if money.is_some() => Some((6, 1)),
        ("b", _) if money.is_some() => Some((9, 1)),
        _ => None,
    };
    if let Some((tens, length)) = short {
        let (unit, stop) = unit_behind(lower, end + length);
        return (ten(tens), money.or(unit), stop);
    }
    let (mut scale, mut at) = (Ratio::whole(1), end);
    while let Some((more, stop)) = scale_behind(lower, at) {
        let Some(product) = scale.times(more) else { break };
        (scale, at) = (product, stop);
    }
    let (unit, stop) = unit_behind(lower, at);
    match money {
        // `$5 m`.
        Some(_) if at == end && unit.is_some_and(|unit| unit.kind == "length") => (ten(6), money, stop),
        // `$5 million dollars`, `€5 million`; what is sold for it is no unit of it.
        Some(money) => (scale, Some(money), unit.filter(|unit| unit.is_like(money)).map_or(at, |_| stop)),
        None => (scale, unit, stop),
    }
}

fn scale_behind(lower: &[char], at: usize) -> Option<(Ratio, usize)> {
    let from = at + gap(lower, at);
    let (scale, length) = scale_at(&lower[from..])?;
    let dot = usize::from(
        length <= 3 && lower.get(from + length) == Some(&'.') && lower.get(from + length + 1) == Some(&' '),
    );
    Some((scale, from + length + dot))
}

/// The unit behind a place, and where it ends; without one, the place.
fn unit_behind(lower: &[char], at: usize) -> (Option<Unit>, usize) {
    let mut from = at + gap(lower, at);
    for particle in ["of ", "de "] {
        if lower[from..].iter().copied().take(3).eq(particle.chars()) {
            from += 3;
        }
    }
    let bracket = lower.get(from) == Some(&'(');
    match unit_at(&lower[from + usize::from(bracket)..]) {
        // `5 in 2024`: a word as often as a unit.
        Some((unit, 2)) if unit.kind == "inches" => (None, at),
        Some((_, 1)) if bracket && lower.get(from + 2) != Some(&')') => (None, at),
        Some((unit, length)) => (Some(unit), from + usize::from(bracket) + length),
        None => (None, at),
    }
}

/// One space or hyphen before a word.
fn gap(lower: &[char], at: usize) -> usize {
    usize::from(matches!(lower.get(at), Some(' ' | '\u{a0}' | '-')))
}

/// Whether a character before a sign makes it a hyphen.
fn is_inner(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '%' | ')' | '.')
}

const ONES: &[&str] = &[
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
];
const TENS: &[&str] = &["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
/// `First` and `second` are words of other meanings as often.
const ORDINALS: &[&str] = &[
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
    "twenty-first",
];

/// The number of a word, its length, and whether it counts or orders.
fn named(lower: &[char], at: usize, word: &str) -> Option<(i128, usize, Option<&'static str>)> {
    let position = |list: &[&str], word: &str| list.iter().position(|name| *name == word);
    let number = |at: usize| i128::try_from(at).ok();
    if let Some(order) = position(ORDINALS, word) {
        return Some((number(order + 3)?, word.len(), Some("th")));
    }
    if let Some(tens) = position(TENS, word) {
        let tens = number(tens)? * 10 + 20;
        let behind = at + word.len();
        let next: String = lower[behind..].iter().skip(1).take_while(|c| c.is_alphabetic()).collect();
        let ones = position(&ONES[..10], &next).filter(|ones| *ones > 0 && lower.get(behind) == Some(&'-'));
        return match ones {
            Some(ones) => Some((tens + number(ones)?, word.len() + 1 + next.len(), None)),
            None => Some((tens, word.len(), None)),
        };
    }
    Some((number(position(ONES, word)?)?, word.len(), None))
}

#[cfg(test)]
#[path = "numbers_tests.rs"]
mod tests;
