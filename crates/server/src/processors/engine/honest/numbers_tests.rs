//! How numbers are read.

use super::*;

/// The first reading of the number at the first digit: value as text, kind of unit, rest behind it.
fn read_with(text: &str, commas: bool) -> Option<(Ratio, Option<&'static str>, String)> {
    let chars: Vec<char> = text.chars().collect();
    let lower: Vec<char> = text.to_lowercase().chars().collect();
    let at = chars.iter().position(char::is_ascii_digit)?;
    let number = number_at(&chars, &lower, at, commas)?;
    let first = number.quantity;
    Some((first.value()?, first.unit.map(|unit| unit.kind), chars[number.end..].iter().collect()))
}

fn value(text: &str) -> Option<Ratio> {
    read_with(text, false).map(|(value, ..)| value)
}

fn is(text: &str) -> Option<Ratio> {
    Ratio::decimal(text)
}

#[test]
fn separators_of_thousands_are_no_part_of_a_number() {
    for text in ["1234567", "1,234,567", "1 234 567", "1\u{a0}234\u{a0}567", "1'234'567", "1.234.567", "12,34,567"] {
        assert_eq!(value(text), is("1234567"), "{text}");
    }
    assert_eq!(value("3,281"), is("3281"));
    assert_eq!(value("3,28"), is("3.28"), "no thousands look like this");
    assert_eq!(value("1,234.5"), is("1234.5"));
    assert_eq!(value("1.234,5"), is("1234.5"));
    assert_eq!(value("0.125"), is("0.125"));
    assert_eq!((value("1.2.3"), value("0024")), (None, None));
    assert_eq!(value("in 2019 300 people"), is("2019"));
}

#[test]
fn where_decimals_have_commas_they_are_read_so() {
    let german = |text| read_with(text, true).map(|(value, ..)| value);
    assert_eq!(german("1.234 Einwohner"), is("1234"));
    assert_eq!(german("1,234 km"), is("1.234"));
    assert!(writes_decimal_commas("Die Stadt hat 1.234 Einwohner und ist nicht groß"));
    assert!(!writes_decimal_commas("The city has 1.234 and is of the size"));
}

#[test]
fn scales_make_a_number_larger() {
    for text in
        ["1.2 million", "1.2 million people", "1.2M", "1.2mn", "US$1.2m", "$1.2 m", "€1.2 Mio. in", "1,2 Millionen"]
    {
        assert_eq!(value(text), is("1200000"), "{text}");
    }
    assert_eq!(value("3 hundred thousand"), is("300000"));
    assert_eq!(value("5bn"), is("5000000000"));
    assert_eq!(value("2.5 crore"), is("25000000"));
    assert_eq!(value("1.2万"), is("12000"));
    assert_eq!(value("5 m"), is("5"));
}

#[test]
fn a_number_has_the_unit_that_stands_at_it() {
    let unit = |text| read_with(text, false).and_then(|(_, unit, _)| unit);
    for (text, kind) in [
        ("5 km", "length"),
        ("5km", "length"),
        ("5 %", "percent"),
        ("5 per cent", "percent"),
        ("5-year", "years"),
        ("$5", "$"),
        ("US$ 5", "USD"),
        ("5 dollars", "$"),
        ("EUR 5 million", "EUR"),
        ("5 million euros", "EUR"),
        ("5 million square kilometers", "area"),
        ("-5 °C", "°C"),
        ("8,849 (m)", "length"),
        ("£5 a pound", "GBP"),
    ] {
        assert_eq!(unit(text), Some(kind), "{text}");
    }
    for text in ["5 in 2024", "5 people", "5 (more)", "5 mangoes"] {
        assert_eq!(unit(text), None, "{text}");
    }
}

#[test]
fn a_sign_is_one_only_where_it_can_be() {
    assert_eq!(value("at -40 m"), is("40").map(Ratio::negative));
    assert_eq!(value("(-40)"), is("40").map(Ratio::negative));
    assert_eq!(value("-$2.3 billion"), is("2300000000").map(Ratio::negative));
    let chars: Vec<char> = "10-15".chars().collect();
    assert_eq!(number_at(&chars, &chars, 3, false).unwrap().quantity.value(), is("15"));
}

#[test]
fn words_are_numbers_too() {
    let word = |text: &str| {
        let chars: Vec<char> = text.chars().collect();
        let lower: Vec<char> = text.to_lowercase().chars().collect();
        word_at(&chars, &lower, 0).and_then(|number| number.quantity.value())
    };
    for (text, number) in [
        ("Twelve", "12"),
        ("twenty-five", "25"),
        ("two million", "2000000"),
        ("nineteenth", "19"),
        ("forty", "40"),
        ("million dollars", "1000000"),
    ] {
        assert_eq!(word(text), is(number), "{text}");
    }
    assert_eq!(word("often"), None);
    assert_eq!(word("tennis"), None);
}

#[test]
fn decades_and_places_in_an_order_are_their_own() {
    let ending = |text: &str| {
        let chars: Vec<char> = text.chars().collect();
        number_at(&chars, &chars, 0, false).and_then(|number| number.ending)
    };
    assert_eq!((ending("1990s"), ending("19th"), ending("5s"), ending("1990")), (Some("s"), Some("th"), None, None));
}
