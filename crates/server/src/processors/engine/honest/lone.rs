//! The one number or date of a sentence. Where a sentence has two, only who understands it knows which is meant.

use super::scan::{Item, Kind, items};
use crate::processors::research::fold;

/// Words of a question that ask for a year.
const YEAR: &[&str] = &["year", "when", "founded", "established", "born", "died", "since"];

/// The only date of a sentence that has a day, as it is written, unless the question names it itself.
pub(in crate::processors) fn lone_date(sentence: &str, question: &str) -> Option<String> {
    let asked = items(question);
    let is_day = |item: &Item| matches!(&item.kind, Kind::Date(days) if days.iter().any(|day| day.day.is_some()));
    alone(items(sentence), &asked, is_day)
}

/// The only number of a sentence, as it is written, unless the question names it itself. A year is a number only where one is
/// asked for, and nothing else is one there.
pub(in crate::processors) fn lone_number(sentence: &str, question: &str) -> Option<String> {
    let asked = items(question);
    let wants_year = fold(question).split(|c: char| !c.is_alphanumeric()).any(|word| YEAR.contains(&word));
    let is_such = |item: &Item| match &item.kind {
        Kind::Number(number) => number.quantity.year().is_some() == wants_year,
        Kind::Date(_) => wants_year,
        Kind::Code(_) | Kind::Word(_) => false,
    };
    alone(items(sentence), &asked, is_such)
}

fn alone(said: Vec<Item>, asked: &[Item], is_such: impl Fn(&Item) -> bool) -> Option<String> {
    let is_news = |item: &Item| asked.iter().all(|other| other.text != item.text);
    let mut found = said.into_iter().filter(|item| is_such(item) && is_news(item));
    found.next().filter(|_| found.next().is_none()).map(|item| item.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_taken_where_there_is_no_other() {
        let number = |sentence, question| lone_number(sentence, question);
        assert_eq!(number("It has 300 rooms.", "rooms of the house").as_deref(), Some("300"));
        assert_eq!(number("It has 300 rooms and 20 halls.", "rooms of the house"), None);
        assert_eq!(number("In 1998 it had 300 rooms.", "rooms of the house").as_deref(), Some("300"));
        assert_eq!(number("It was built in 1998.", "rooms of the house"), None);
        assert_eq!(number("It was founded in 1998.", "year it was founded").as_deref(), Some("1998"));
        assert_eq!(number("It was founded in 1998 and rebuilt in 2004.", "year it was founded"), None);
        assert_eq!(number("House 7 has 300 rooms.", "How many rooms has house 7?").as_deref(), Some("300"));
    }

    #[test]
    fn a_date_is_taken_where_there_is_no_other() {
        assert_eq!(lone_date("It opened on 5 May 1962.", "opening").as_deref(), Some("5 May 1962"));
        assert_eq!(lone_date("It opened on 5 May 1962 and closed on 6 June 1963.", "opening"), None);
        assert_eq!(lone_date("It opened in 1962.", "opening"), None);
    }
}
