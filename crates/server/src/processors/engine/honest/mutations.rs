//! Changes one digit, letter, name or unit in what a made-up reader or writer says: the checks must refuse it.

use proptest::prelude::*;
use proptest::sample::Index;

use super::check::{Checked, Finding, Refused, check};
use super::date::Date;
use super::quote::Page;
use super::sentences::{Evidence, proved};

const TODAY: Date = Date { year: Some(2026), month: Some(3), day: Some(1) };
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Something that a page tells.
#[derive(Clone, Debug)]
struct Fact {
    first: String,
    last: String,
    amount: u64,
    unit: &'static str,
    day: u32,
    month: usize,
    year: u32,
}

impl Fact {
    /// As a page has it.
    fn sentence(&self) -> String {
        let Self { first, last, day, year, .. } = self;
        let (amount, month) = (grouped(self.amount), MONTHS[self.month]);
        format!("On {day} {month} {year}, {first} {last} opened a pipe of {amount} {} near the harbour.", self.unit)
    }

    /// As a reader has it, in other spellings.
    fn value(&self) -> String {
        let (year, month, day) = (self.year, self.month + 1, self.day);
        format!("{} {}: {} {}, {year:04}-{month:02}-{day:02}", self.first, self.last, self.amount, self.unit)
    }

    fn numbers(&self) -> [u64; 4] {
        [self.amount, u64::from(self.day), u64::try_from(self.month).unwrap() + 1, u64::from(self.year)]
    }
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

prop_compose! {
    fn fact()(
        // No English word begins like this, so that no name is one by chance.
        first in "Q[bdfgk][aeiou][a-z]{2,6}",
        last in "X[bdfgk][aeiou][a-z]{2,6}",
        amount in 100_u64..10_000_000,
        unit in prop::sample::select(vec!["km", "kg", "MW", "percent", "barrels"]),
        day in 1_u32..29,
        month in 0_usize..12,
        year in 1800_u32..2026,
    ) -> Fact {
        Fact { first, last, amount, unit, day, month, year }
    }
}

fn facts() -> impl Strategy<Value = Vec<Fact>> {
    prop::collection::vec(fact(), 1..6)
}

fn page(facts: &[Fact]) -> String {
    let sentences: Vec<String> = facts.iter().map(Fact::sentence).collect();
    format!("Pipes of the coast\n\n{}", sentences.join(" "))
}

fn read(page: &str, value: &str, quote: &str) -> Result<Checked, Refused> {
    let finding = Finding { question: "Who opened which pipe?", value, quote, expression: None };
    check(&Page::new(page), "Pipes", &finding, TODAY)
}

/// The text with one of the characters that fit changed.
fn changed(text: &str, which: Index, fits: impl Fn(char) -> bool, to: impl Fn(char) -> char) -> Option<String> {
    let places: Vec<usize> = text.char_indices().filter(|(_, c)| fits(*c)).map(|(at, _)| at).collect();
    let at = *places.get(which.index(places.len().max(1)))?;
    let c = text[at..].chars().next()?;
    Some(format!("{}{}{}", &text[..at], to(c), &text[at + c.len_utf8()..]))
}

fn other_digit(by: u32) -> impl Fn(char) -> char {
    move |c| char::from_digit((c.to_digit(10).unwrap() + by) % 10, 10).unwrap()
}

fn other_letter(by: u32) -> impl Fn(char) -> char {
    move |c| {
        let first = u32::from(if c.is_ascii_uppercase() { 'A' } else { 'a' });
        char::from_u32(first + (u32::from(c) - first + by) % 26).unwrap()
    }
}

fn numbers_of(text: &str) -> Vec<u64> {
    text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn what_a_page_says_is_believed(facts in facts(), which: Index) {
        let page = page(&facts);
        let fact = which.get(&facts);
        let quote = fact.sentence().replace('\'', "’").to_uppercase();
        let checked = read(&page, &fact.value(), &quote);
        let excerpt = checked.map(|checked| page[checked.excerpt].to_owned());
        prop_assert_eq!(excerpt, Ok(fact.sentence()));
    }

    #[test]
    fn a_changed_digit_of_a_value_is_refused(facts in facts(), which: Index, at: Index, by in 1_u32..10) {
        let page = page(&facts);
        let fact = which.get(&facts);
        let value = changed(&fact.value(), at, |c| c.is_ascii_digit(), other_digit(by)).unwrap();
        // By chance it may say another number of the same sentence, or the same one with a nought before it.
        let known = fact.numbers();
        prop_assume!(!numbers_of(&value).iter().all(|number| known.contains(number)));
        prop_assert!(read(&page, &value, &fact.sentence()).is_err(), "{value} of {}", fact.sentence());
    }

    #[test]
    fn a_changed_letter_of_a_name_is_refused(fact in fact(), at: Index, by in 1_u32..26) {
        let page = page(std::slice::from_ref(&fact));
        for name in [&fact.first, &fact.last] {
            let wrong = changed(name, at, char::is_alphabetic, other_letter(by)).unwrap();
            let value = fact.value().replace(name.as_str(), &wrong);
            prop_assert!(read(&page, &value, &fact.sentence()).is_err(), "{value}");
            // The same in the quote, where the page has the right one.
            let quote = fact.sentence().replace(name.as_str(), &wrong);
            prop_assert_eq!(read(&page, &fact.value(), &quote), Err(Refused::NoQuote));
        }
    }

    #[test]
    fn a_changed_unit_is_refused(fact in fact(), unit in prop::sample::select(vec!["m", "km", "kg", "GW", "MW", "percent", "percentage points", "barrels", "miles", "$"])) {
        prop_assume!(unit != fact.unit);
        let page = page(std::slice::from_ref(&fact));
        let value = fact.value().replace(&format!(" {},", fact.unit), &format!(" {unit},"));
        prop_assert!(read(&page, &value, &fact.sentence()).is_err() || unit == "$", "{value} of {}", fact.sentence());
        let money = format!("${}", fact.amount);
        prop_assert!(read(&page, &money, &fact.sentence()).is_err(), "{money}");
    }

    #[test]
    fn a_changed_digit_of_a_quote_is_refused(facts in facts(), which: Index, at: Index, by in 1_u32..10) {
        let page = page(&facts);
        let fact = which.get(&facts);
        let quote = changed(&fact.sentence(), at, |c| c.is_ascii_digit(), other_digit(by)).unwrap();
        prop_assume!(!page.contains(&quote));
        prop_assert_eq!(read(&page, &fact.value(), &quote), Err(Refused::NoQuote));
    }

    #[test]
    fn whatever_is_changed_in_a_quote_the_pages_words_are_published(facts in facts(), which: Index, at: Index, by in 1_u32..26) {
        let page = page(&facts);
        let fact = which.get(&facts);
        let quote = changed(&fact.sentence(), at, |c| c.is_ascii_lowercase(), other_letter(by)).unwrap();
        if let Ok(checked) = read(&page, &fact.value(), &quote) {
            prop_assert_eq!(&page[checked.excerpt], fact.sentence());
        }
    }

    #[test]
    fn a_fact_is_not_proved_by_the_sentence_of_another(facts in prop::collection::vec(fact(), 2..5)) {
        prop_assume!(facts[0].first != facts[1].first);
        let page = page(&facts);
        prop_assert!(read(&page, &facts[0].value(), &facts[1].sentence()).is_err());
    }

    #[test]
    fn a_changed_sentence_of_a_report_is_dropped(fact in fact(), at: Index, by in 1_u32..10) {
        let excerpt = fact.sentence();
        let evidence = [Evidence { id: "e1", page: "a", title: "Pipes", excerpts: vec![&excerpt], suspicious: false }];
        let report = format!("{} {} opened it on {} {} {} with {} {} [e1].", fact.first, fact.last, MONTHS[fact.month], fact.day, fact.year, fact.amount, fact.unit);
        prop_assert_eq!(proved(&report, &evidence, "").kept, 1, "{}", report);
        let digits = report.trim_end_matches(" [e1].");
        let wrong = changed(digits, at, |c| c.is_ascii_digit(), other_digit(by)).unwrap();
        let known = fact.numbers();
        prop_assume!(!numbers_of(&wrong).iter().all(|number| known.contains(number)));
        prop_assert_eq!(proved(&format!("{wrong} [e1]."), &evidence, "").text, "", "{}", wrong);
        let letter = changed(&fact.last, at, char::is_alphabetic, other_letter(by)).unwrap();
        let wrong = report.replace(&fact.last, &letter);
        prop_assert_eq!(proved(&wrong, &evidence, "").text, "", "{}", wrong);
    }

    #[test]
    fn a_changed_operand_or_result_is_refused(a in 100_u64..9999, b in 100_u64..9999, at: Index, by in 1_u32..10) {
        let text = format!("The first harbour took {a} ships and the second harbour took {b} ships last year.");
        let sum = (a + b).to_string();
        let compute = |value: &str, expression: &str| {
            let finding = Finding { question: "How many ships?", value, quote: &text, expression: Some(expression) };
            check(&Page::new(&text), "Ships", &finding, TODAY)
        };
        prop_assert!(compute(&sum, &format!("{a} + {b}")).is_ok(), "{}", sum);
        let wrong = changed(&sum, at, |c| c.is_ascii_digit(), other_digit(by)).unwrap();
        prop_assume!(wrong.parse() != Ok(a + b));
        prop_assert!(compute(&wrong, &format!("{a} + {b}")).is_err(), "{wrong}");
        let operand = changed(&a.to_string(), at, |c| c.is_ascii_digit(), other_digit(by)).unwrap();
        prop_assume!(operand.parse() != Ok(b));
        prop_assert!(compute(&sum, &format!("{operand} + {b}")).is_err(), "{operand}");
    }

    #[test]
    fn nothing_that_is_written_makes_the_checks_panic(page in "\\PC{0,300}", value in "\\PC{0,60}", quote in "\\PC{0,80}", expression in "[0-9a-z+*/() .,;\"-]{0,60}") {
        let finding = Finding { question: &value, value: &value, quote: &quote, expression: Some(&expression) };
        let read = Page::new(&page);
        drop(check(&read, &value, &finding, TODAY));
        drop(check(&read, &value, &Finding { expression: None, ..finding }, TODAY));
        // A piece of the page is found in it, unless it is short or begins or ends in a number.
        drop(check(&read, &value, &Finding { quote: &page, expression: None, ..finding }, TODAY));
        drop(super::wrap::clean(&page, "k123"));
        let _ = super::suspect::suspicion(&page);
        drop(proved(&page, &[], &value));
    }
}
