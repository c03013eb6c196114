//! Whether a value says nothing that its excerpts do not: every number, date, sum of money and proper name in it must
//! stand in one of them.

use std::sync::OnceLock;

use super::date::{Date, month};
use super::names::{self, As, Names};
use super::numbers::{Number, Quantity};
use super::ratio::Ratio;
use super::scan::{Item, Kind, items, letters, lowered};
use super::units::{Unit, scale_at, unit_at};

/// What came of looking for a value's parts in its excerpts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// How many numbers, dates and names were looked for.
    pub checked: usize,
    /// Those that stand nowhere, as the value writes them.
    pub missing: Vec<String>,
}

impl Verdict {
    /// Whether everything stands in the excerpts. A value without numbers and names has nothing that could be missing.
    pub fn stands(&self) -> bool {
        self.missing.is_empty()
    }
}

/// Looks for every number, date and name of a value in its excerpts.
pub fn verify_values(value: &str, excerpts: &[&str]) -> Verdict {
    let facts: Vec<Facts> = excerpts.iter().map(|text| Facts::of(text)).collect();
    let facts: Vec<&Facts> = facts.iter().collect();
    verify(value, &facts, &[], As::Value)
}

/// The same for a value or a sentence and texts that were read before. Names may stand in `titles` as well, numbers may not.
pub(super) fn verify(text: &str, facts: &[&Facts], titles: &[&Facts], read_as: As) -> Verdict {
    let items = items(text);
    let mut verdict = Verdict::default();
    for item in &items {
        let stands = match &item.kind {
            Kind::Number(number) if !is_pronoun(item, number) => facts.iter().any(|facts| facts.has_number(number)),
            Kind::Date(dates) => facts.iter().any(|facts| facts.has_date(dates)),
            Kind::Code(code) => facts.iter().any(|facts| facts.has_code(code)),
            Kind::Number(_) | Kind::Word(_) => continue,
        };
        verdict.checked += 1;
        if !stands {
            verdict.missing.push(item.text.clone());
        }
    }
    let among: Vec<&Names> = facts.iter().chain(titles).map(|facts| &facts.names).collect();
    let (count, missing) = names::missing(&items, &among, read_as);
    verdict.checked += count;
    verdict.missing.extend(missing);
    verdict
}

/// `One of them` counts nothing.
fn is_pronoun(item: &Item, number: &Number) -> bool {
    let quantity = &number.quantity;
    item.text.eq_ignore_ascii_case("one") && quantity.unit.is_none() && quantity.scale == Ratio::whole(1)
}

/// What a text says, read once, to hold values against.
#[derive(Debug)]
pub(super) struct Facts {
    numbers: Vec<Number>,
    dates: Vec<Date>,
    codes: Vec<String>,
    names: Names,
    /// Years that stand by themselves, and the second of `2019–20`.
    years: Vec<i32>,
    /// Months that stand without a day and a year.
    months: Vec<u8>,
    /// The text in lower case, for units and scales that stand apart from their numbers.
    lower: Vec<char>,
    /// The units that are named in it, looked for when it matters.
    units: OnceLock<Vec<Unit>>,
}

impl Facts {
    /// Reads a text.
    pub(super) fn of(text: &str) -> Self {
        let items = items(text);
        let mut facts = Self {
            numbers: Vec::new(),
            dates: Vec::new(),
            codes: Vec::new(),
            names: Names::of(text, &items),
            years: Vec::new(),
            months: Vec::new(),
            lower: letters(text).into_iter().map(lowered).collect(),
            units: OnceLock::new(),
        };
        for item in &items {
            match &item.kind {
                Kind::Number(number) => facts.add(number, item.mark),
                Kind::Date(dates) => facts.dates.extend(dates),
                Kind::Code(code) => facts.codes.push(code.clone()),
                Kind::Word(word) if word.is_name => facts.months.extend(month(&word.folded)),
                Kind::Word(_) => {}
            }
        }
        facts.years.extend(facts.dates.iter().filter_map(|date| date.year));
        facts
    }

    fn add(&mut self, number: &Number, mark: Option<char>) {
        let is_year = number.ending.is_none() && number.digits.len() == 4;
        let year = number.quantity.year().filter(|_| is_year);
        // `2019–20` is two years.
        let short = number.quantity.bare.as_whole().and_then(|short| i32::try_from(short).ok());
        let is_short = number.digits.len() == 2 && matches!(mark, Some('-' | '/'));
        let range = self.years.last().copied().filter(|_| is_short);
        let second = short.zip(range).map(|(short, year)| year - year % 100 + short).filter(|year| Some(*year) > range);
        self.years.extend(year.or(second));
        self.numbers.push(number.clone());
        self.numbers.extend(number.apart.iter().cloned());
    }

    /// Whether a number stands here.
    pub(super) fn has_number(&self, number: &Number) -> bool {
        let is_year = number.ending.is_none() && number.digits.len() == 4;
        if is_year && number.quantity.year().is_some_and(|year| self.years.contains(&year)) {
            return true;
        }
        let mut same_kind = self.numbers.iter().filter(|other| other.ending == number.ending);
        let whole =
            same_kind.any(|other| self.is_same(&number.quantity, &other.quantity, other.digits == number.digits));
        whole || !number.apart.is_empty() && number.apart.iter().all(|part| self.has_number(part))
    }

    fn is_same(&self, wanted: &Quantity, found: &Quantity, same_digits: bool) -> bool {
        let one = Ratio::whole(1);
        let (wanted_size, found_size) = match (wanted.unit, found.unit) {
            (None, _) | (Some(_), None) => (one, one),
            (Some(unit), Some(other)) if unit.is_like(other) => (unit.size(), other.size()),
            (Some(_), Some(_)) => return false,
        };
        let in_all = |quantity: &Quantity, size: Ratio| quantity.value().and_then(|value| value.times(size));
        let same = in_all(wanted, wanted_size).is_some_and(|value| Some(value) == in_all(found, found_size));
        // The same digits, read as another language reads them.
        let same_sign = wanted.bare.is_negative() == found.bare.is_negative();
        let as_written = same_digits && same_sign && wanted.scale == found.scale && wanted_size == found_size;
        // `GDP (US$ millions): 1,234`.
        let scaled = || {
            let apart = wanted.scale != one && found.scale == one && wanted.bare == found.bare;
            apart && self.mentions_scale(wanted.scale)
        };
        // A unit may stand apart from its number, as in the head of a table.
        let has_unit =
            || wanted.unit.is_none() || found.unit.is_some() || wanted.unit.is_some_and(|unit| self.mentions(unit));
        (same || as_written || scaled()) && has_unit()
    }

    /// Whether a unit is named here, wherever.
    fn mentions(&self, unit: Unit) -> bool {
        let units = self.units.get_or_init(|| {
            let found = self.starts().filter_map(|at| unit_at(&self.lower[at..]));
            found.map(|(unit, _)| unit).collect()
        });
        units.contains(&unit)
    }

    /// Whether a scale is named here that belongs to no number.
    fn mentions_scale(&self, scale: Ratio) -> bool {
        let free = |at: usize| {
            let before = self.lower[..at].iter().rev().find(|c| !matches!(c, ' ' | '-' | '\u{a0}'));
            !before.is_some_and(char::is_ascii_digit)
        };
        self.starts().any(|at| free(at) && scale_at(&self.lower[at..]).is_some_and(|(other, _)| other == scale))
    }

    /// Where words and signs begin.
    fn starts(&self) -> impl Iterator<Item = usize> {
        let inner = |at: usize| at > 0 && self.lower[at - 1].is_alphabetic() && self.lower[at].is_alphabetic();
        (0..self.lower.len()).filter(move |at| !self.lower[*at].is_whitespace() && !inner(*at))
    }

    /// Whether a date stands here, at least as exactly: as one, or as a day and the year of the sentence.
    fn has_date(&self, wanted: &[Date]) -> bool {
        wanted.iter().any(|wanted| {
            let without_year = Date { year: None, ..*wanted };
            let has_year = wanted.year.is_none_or(|year| self.years.contains(&year));
            let bare = |date: &&Date| date.year.is_none();
            self.dates.iter().any(|date| date.says(*wanted))
                || has_year && self.dates.iter().filter(bare).any(|date| date.says(without_year))
                || has_year && wanted.day.is_none() && wanted.month.is_some_and(|month| self.months.contains(&month))
        })
    }

    /// Whether a code stands here.
    pub(super) fn has_code(&self, code: &str) -> bool {
        self.codes.iter().any(|own| own == code)
    }

    /// Whether a date stands here by itself, for what is computed from it.
    pub(super) fn has_day(&self, wanted: Date) -> bool {
        self.has_date(&[wanted])
    }

    /// The names of the text.
    pub(super) fn names(&self) -> &Names {
        &self.names
    }
}

#[cfg(test)]
#[path = "values_tests.rs"]
mod tests;
