//! The one number or date of a sentence. Where a sentence has two, only who understands it knows which is meant.

use super::scan::{Item, Kind, items};
use crate::processors::research::{fold, roots};

/// Words of a field's name that ask for a year, if nothing in it counts.
const YEAR: &[&str] = &[
    "year",
    "years",
    "when",
    "since",
    "founded",
    "founding",
    "established",
    "born",
    "birth",
    "died",
    "death",
    "opened",
    "opening",
    "built",
    "launched",
    "created",
    "formed",
    "released",
    "published",
    "introduced",
    "inaugurated",
    "completed",
    "dissolved",
    "abolished",
    "independence",
];
/// Words of a field that counts something: `number of people born there`.
const COUNT: &[&str] =
    &["number", "many", "much", "count", "total", "amount", "percent", "percentage", "share", "age", "price", "rate"];
/// Words before a year: `in 1998`.
const BEFORE: &[&str] = &["in", "since", "until", "till", "from", "before", "after", "during", "year", "circa"];
/// Words behind a year, where one follows at once: `in 1998 it had`. Behind a number of things stand the things: `in 1500 cities`.
const BEHIND: &[&str] = &[
    "it", "the", "he", "she", "they", "we", "was", "were", "had", "has", "have", "is", "and", "or", "but", "with",
    "by", "to", "at", "a", "an", "its", "his", "her", "their", "there", "when", "as", "for", "on", "that", "which",
    "in", "after",
];

/// The only date of a sentence that has a day, as it is written, unless the question names it itself.
pub(in crate::processors) fn lone_date(sentence: &str, question: &str) -> Option<String> {
    let asked = items(question);
    let is_day = |item: &Item| matches!(&item.kind, Kind::Date(days) if days.iter().any(|day| day.day.is_some()));
    let said = items(sentence);
    alone(said.iter().enumerate().filter(|(_, item)| is_day(item)), &asked).map(|at| said[at].text.clone())
}

/// The only number of a sentence, as it is written, unless the question names it itself. A year is one only where the field asks
/// for one, and nothing else is one there. What may be a year or not stands in the way of any other number, and is taken only
/// where a year is asked for, or where the thing follows that the field counts. `name` and `about` are the field's own words.
pub(in crate::processors) fn lone_number(sentence: &str, question: &str, name: &str, about: &str) -> Option<String> {
    let (asked, said) = (items(question), items(sentence));
    let wants_year = wants_year(name, about)?;
    let fits = |at: &usize| match (&said[*at].kind, year(&said, *at)) {
        (Kind::Date(_), _) | (Kind::Number(_), Year::Is) => wants_year,
        (Kind::Number(_), Year::IsNot) => !wants_year,
        (Kind::Number(_), Year::MayBe) => true,
        (Kind::Number(_), Year::Decade) | (Kind::Code(_) | Kind::Word(_), _) => false,
    };
    let at = alone((0..said.len()).filter(fits).map(|at| (at, &said[at])), &asked)?;
    let counts = || {
        let things = roots(&format!("{name} {about}"));
        let behind = said.get(at + 1).filter(|item| item.joined);
        behind.is_some_and(|item| roots(&item.text).iter().any(|root| things.contains(root)))
    };
    let is_sure = wants_year || !matches!(year(&said, at), Year::MayBe) || counts();
    is_sure.then(|| said[at].text.clone())
}

/// Whether a number is a year.
enum Year {
    Is,
    IsNot,
    MayBe,
    /// It is ten of them: `1990s`.
    Decade,
}

fn year(said: &[Item], at: usize) -> Year {
    let Kind::Number(number) = &said[at].kind else { return Year::IsNot };
    if number.quantity.year().is_none() {
        return Year::IsNot;
    }
    if number.ending.is_some() {
        return Year::Decade;
    }
    let written = &said[at].text;
    if written.len() != 4 || !written.bytes().all(|c| c.is_ascii_digit()) {
        return Year::IsNot;
    }
    let is_one_of = |item: Option<&Item>, list: &[&str]| match item.map(|item| &item.kind) {
        Some(Kind::Word(word)) => list.contains(&word.folded.as_str()),
        _ => false,
    };
    let before = at.checked_sub(1).and_then(|before| said.get(before));
    let behind = said.get(at + 1).filter(|item| item.joined);
    let is_told = said[at].joined && is_one_of(before, BEFORE) && (behind.is_none() || is_one_of(behind, BEHIND));
    if is_told { Year::Is } else { Year::MayBe }
}

/// Whether a field asks for a year; `None` when it may ask for something of a year as well: `revenue in the last year`.
fn wants_year(name: &str, about: &str) -> Option<bool> {
    let has = |text: &str, list: &[&str]| {
        let text = fold(text).replace("per year", "");
        text.split(|c: char| !c.is_alphanumeric()).any(|word| list.contains(&word))
    };
    let counts = has(name, COUNT) || has(about, COUNT);
    match (has(name, YEAR), has(about, YEAR)) {
        (true, _) => (!counts).then_some(true),
        (false, true) => None,
        (false, false) => Some(false),
    }
}

/// The one of these that the question does not name, if it is the only one: where it is.
fn alone<'i>(said: impl Iterator<Item = (usize, &'i Item)>, asked: &[Item]) -> Option<usize> {
    let mut found = said.filter(|(_, item)| asked.iter().all(|other| other.text != item.text));
    found.next().filter(|_| found.next().is_none()).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_taken_where_there_is_no_other() {
        let number = |sentence, field| lone_number(sentence, field, field, "");
        assert_eq!(number("It has 300 rooms.", "rooms of the house").as_deref(), Some("300"));
        assert_eq!(number("It has 300 rooms and 20 halls.", "rooms of the house"), None);
        assert_eq!(number("In 1998 it had 300 rooms.", "rooms of the house").as_deref(), Some("300"));
        assert_eq!(number("It was built in 1998.", "rooms of the house"), None);
        assert_eq!(number("It was founded in 1998.", "year it was founded").as_deref(), Some("1998"));
        assert_eq!(number("It was founded in 1998 and rebuilt in 2004.", "year it was founded"), None);
        assert_eq!(number("In the 1990s it had 300 rooms.", "rooms of the house").as_deref(), Some("300"));
        assert_eq!(
            number("The house (1998) has 300 rooms.", "rooms of the house"),
            None,
            "or it has 1998 of something"
        );
        assert_eq!(number("House 7 has 300 rooms.", "How many rooms has house 7?").as_deref(), Some("300"));
    }

    /// What may be one thing or another is not taken, and does not make another number the only one.
    #[test]
    fn what_looks_like_a_year_and_may_be_none_is_no_reason_to_take_another_number() {
        let seats = |sentence| lone_number(sentence, "When was the hall built?", "seats", "of the hall");
        for two in [
            "The hall has 1,200 seats in 12 rows.",
            "The hall has 1 200 seats in 12 rows.",
            "The hall has 1500 seats in 12 rows.",
            "A total of 1500 seats stand in 12 rows.",
            "Seats were brought in 1500 carts of 12 horses.",
            "Seats (1500) stand in 12 rows.",
            // A year that is not seen to be one.
            "In 2023 ACME sold seats.",
            "Founded 1998, the hall sells seats.",
        ] {
            assert_eq!(seats(two), None, "{two}");
        }
        assert_eq!(seats("The hall has 1,200 seats.").as_deref(), Some("1,200"));
        assert_eq!(seats("The hall has 1500 seats.").as_deref(), Some("1500"));
        assert_eq!(seats("Since 1962 the hall has 1,500 seats.").as_deref(), Some("1,500"));
        let year = |sentence| lone_number(sentence, "How many seats has the hall?", "built", "the year of that");
        assert_eq!(year("It was built in 1962 with 1,200 seats.").as_deref(), Some("1962"));
        assert_eq!(year("It has 1,200 seats."), None);
    }

    #[test]
    fn a_field_asks_for_a_year_in_its_own_words() {
        for (name, about, wants) in [
            ("founded", "", Some(true)),
            ("founded", "the year in which it was founded", Some(true)),
            ("year of birth", "", Some(true)),
            ("peak", "the year in which the number of visitors was largest", None),
            ("born", "number of people born there", None),
            ("revenue", "revenue in the last fiscal year", None),
            ("visitors per year", "", Some(false)),
            ("height", "height in metres", Some(false)),
        ] {
            assert_eq!(wants_year(name, about), wants, "{name}: {about}");
        }
    }

    #[test]
    fn a_date_is_taken_where_there_is_no_other() {
        assert_eq!(lone_date("It opened on 5 May 1962.", "opening").as_deref(), Some("5 May 1962"));
        assert_eq!(lone_date("It opened on 5 May 1962 and closed on 6 June 1963.", "opening"), None);
        assert_eq!(lone_date("It opened in 1962.", "opening"), None);
    }
}
