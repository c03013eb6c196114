//! Whether a sentence has something to offer of the kind that is asked for, besides what the question says itself.

use legwork_core::time::MONTHS;

use super::super::roots::root;
use super::super::text::Word;
use super::asked::Asked;
use super::kind::{Kind, Measure};
use super::sentence::Line;

const NUMBERS: &[&str] = &[
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "twenty", "thirty", "forty", "fifty", "sixty", "hundred", "thousand", "million", "billion",
];

/// How well a sentence offers something of the kind that the question does not say itself, from 0 to 1; a half where there
/// is nothing to tell it by.
pub(super) fn fit(asked: &Asked, line: &Line<'_>) -> f32 {
    match &asked.kind {
        Kind::Person => named(asked, line, &["by", "was", "is", "and", "named", "of"], &["in", "at", "the", "near"]),
        Kind::Place => {
            named(asked, line, &["in", "at", "near", "of", "from", "to", "is", "through", "between"], &["by"])
        }
        Kind::Name => named(asked, line, &[], &[]).max(0.3),
        Kind::Date => dated(asked, line),
        Kind::Count(noun) => counted(asked, line, noun),
        Kind::Measure(measure) => measured(asked, line, units(*measure)),
        Kind::Language => {
            let said = ["language", "speak", "spoken"].iter().any(|word| line.has(&root(word)));
            named(asked, line, &[], &[]) * if said { 1.0 } else { 0.3 }
        }
        Kind::Definition => defined(asked, line),
        Kind::Any => 0.5,
    }
}

/// The best of what each word that the question does not say is worth.
fn best(asked: &Asked, line: &Line<'_>, worth: impl Fn(usize, &Word) -> f32) -> f32 {
    let new = line.words.iter().enumerate().filter(|(at, _)| !asked.says(&line.roots[*at]));
    new.map(|(at, word)| worth(at, word)).fold(0.0, f32::max)
}

/// New names. Best behind certain words, worse behind others.
fn named(asked: &Asked, line: &Line<'_>, behind: &[&str], not_behind: &[&str]) -> f32 {
    let new = |at: usize| line.is_name(at) && !asked.says(&line.roots[at]);
    best(asked, line, |at, _| {
        let goes_on = at > 0 && line.touch(at - 1) && new(at - 1);
        if !new(at) || goes_on {
            return 0.0;
        }
        let before = at.checked_sub(1).map(|at| line.words[at].folded.as_str());
        let long = line.touch(at) && new(at + 1);
        let mut after = line.words.iter().skip(at + 1).take(4).map(|word| word.folded.as_str());
        match before {
            None if after.any(|word| ["is", "was", "are", "were"].contains(&word)) => 0.9,
            None if long => 0.8,
            None => 0.5,
            Some(before) if behind.contains(&before) => 1.0,
            Some(before) if not_behind.contains(&before) => 0.3,
            Some(_) if long => 0.9,
            Some(_) => 0.7,
        }
    })
}

fn dated(asked: &Asked, line: &Line<'_>) -> f32 {
    best(asked, line, |at, word| {
        let text = word.folded.as_str();
        let next = line.words.get(at + 1).map(|next| next.folded.as_str());
        match text.strip_suffix('s').unwrap_or(text).parse::<u32>() {
            Ok(1000..=2100) if text.len() <= 5 => 1.0,
            Ok(1..) if matches!(next, Some("bc" | "bce" | "ad" | "ce")) => 1.0,
            _ if matches!(next, Some("century" | "millennium")) => 0.9,
            _ if MONTHS.contains(&text) && word.is_capital(line.text) => 0.6,
            Ok(100..=999) => 0.4,
            Ok(_) | Err(_) => 0.0,
        }
    })
}

/// A number that stands before what is counted, or at least a number.
fn counted(asked: &Asked, line: &Line<'_>, noun: &str) -> f32 {
    best(asked, line, |at, word| {
        let written = NUMBERS.contains(&word.folded.as_str());
        let near = line.roots.iter().skip(at + 1).take(4).any(|root| root == noun);
        match (word.is_number(), written) {
            (true, _) | (_, true) if near => 1.0,
            (true, _) => 0.4,
            (_, true) => 0.2,
            (false, false) => 0.0,
        }
    })
}

/// A number with one of the units, or at least a number.
fn measured(asked: &Asked, line: &Line<'_>, units: &[&str]) -> f32 {
    best(asked, line, |at, word| {
        if !word.is_number() {
            return 0.0;
        }
        let next = line.words.get(at + 1).map(|next| next.stem.as_str()).unwrap_or_default();
        // `5km` is one word.
        let own = word.folded.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let is_year = word.folded.len() == 4 && word.folded.starts_with(['1', '2']);
        if units.contains(&next) || units.contains(&own) || is_marked(line.text, word, units) {
            1.0
        } else if is_year {
            0.1
        } else if units.is_empty() {
            0.8
        } else {
            0.3
        }
    })
}

/// Whether a sign for a unit stands at a number: `$5`, `5 %`, `5 °C`.
fn is_marked(text: &str, number: &Word, units: &[&str]) -> bool {
    let before = text[..number.range.start].trim_end();
    let behind = text[number.range.end..].trim_start();
    let mut signs = units.iter().filter(|unit| !unit.starts_with(char::is_alphabetic));
    signs.any(|sign| before.ends_with(sign) || behind.starts_with(sign))
}

const fn units(measure: Measure) -> &'static [&'static str] {
    match measure {
        Measure::Length => &[
            "m",
            "metre",
            "meter",
            "km",
            "kilometer",
            "cm",
            "centimeter",
            "mm",
            "millimeter",
            "ft",
            "foot",
            "feet",
            "mi",
            "mile",
            "inch",
            "yard",
            "lightyear",
        ],
        Measure::Area => &["km2", "km", "square", "sq", "acre", "hectare", "ha", "mile", "m2"],
        Measure::Weight => &["kg", "kilogram", "g", "gram", "tonne", "ton", "lb", "pound", "mg"],
        Measure::Heat => &["c", "f", "k", "°", "degree", "celsius", "fahrenheit", "kelvin"],
        Measure::Speed => &["kmh", "mph", "m", "km", "meter", "mile", "kilometer", "knot"],
        Measure::Money => &[
            "dollar", "euro", "pound", "yen", "usd", "eur", "us", "cent", "million", "billion", "trillion", "rupee",
            "yuan", "$", "€", "£", "¥",
        ],
        Measure::Share => &["%", "percent", "per", "percentage"],
        Measure::Time => &["year", "month", "week", "day", "hour", "minute", "second"],
        Measure::Any => &[],
    }
}

/// `A black hole is …`: the thing and then what it is.
fn defined(asked: &Asked, line: &Line<'_>) -> f32 {
    let is = line
        .words
        .iter()
        .take(14)
        .position(|word| ["is", "are", "refers", "was", "were"].contains(&word.folded.as_str()));
    let first = is.and_then(|is| line.roots.iter().take(is).position(|root| asked.wants(root)));
    match first {
        Some(0 | 1) => 1.0,
        Some(_) => 0.5,
        None => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(question: &str, sentence: &str) -> f32 {
        fit(&Asked::read(question, &|_| 1.0), &Line::of(sentence))
    }

    /// The first sentence offers more than the second.
    #[track_caller]
    fn better(question: &str, one: &str, other: &str) {
        let (one, other) = (fits(question, one), fits(question, other));
        assert!(one > other, "{one} > {other}");
    }

    #[test]
    fn a_person_is_named_and_is_no_place() {
        let question = "Who built the Lantern Hall?";
        better(question, "The Lantern Hall was built by Ada Corve.", "The Lantern Hall was built in Orvia.");
        better(question, "Ada Corve was its builder.", "The hall was built quickly.");
    }

    #[test]
    fn a_place_stands_behind_a_preposition() {
        better("Where was Ada Corve born?", "She was born in Orvia.", "She was taught by Mara Quill.");
    }

    #[test]
    fn a_date_is_new_and_has_a_year_or_a_century() {
        let question = "When was the Lantern Hall built, before 1800?";
        for dated in ["It dates from 1741.", "It is of the 17th century.", "It is of 40 BC.", "It is of the 1740s."] {
            assert!(fits(question, dated) > 0.8, "{dated}");
        }
        for not in ["It is older than 1800.", "It has 12 lamps.", "It may be old."] {
            assert!(fits(question, not) < 0.5, "{not}");
        }
    }

    #[test]
    fn what_is_counted_stands_behind_its_number() {
        let question = "How many bridges does Orvia have?";
        better(question, "It has seven old stone bridges.", "Some 12 lamps hang over the water and its bridges.");
        assert!(fits(question, "It has bridges.").abs() < f32::EPSILON);
    }

    #[test]
    fn what_is_measured_has_its_unit() {
        better("How tall is the Lantern Hall?", "It rises 48 metres.", "It has 48 lamps.");
        better("How tall is the Lantern Hall?", "It has 48 lamps.", "It was built in 1741.");
        better("What is the price of tarnite?", "It costs $12.", "It weighs 12.");
        better("What is the literacy rate of Orvia?", "It is 98 %.", "It is 98.");
        better("What is the population of Orvia?", "It has 12,400 people.", "It was built in 1741.");
    }

    #[test]
    fn a_language_is_named_as_one_and_a_thing_defined_by_what_it_is() {
        better("What is the language of Orvia?", "Its language is Orvish.", "It was founded by Orvish monks.");
        better("What is a lantern fish?", "The lantern fish is an animal.", "It eats a lantern fish.");
    }
}
