//! What counts as a quote, and which words of the page are published for it.

use super::*;

/// The page's words for a quote.
fn found<'a>(text: &'a str, quote: &str) -> Option<&'a str> {
    verify_quote(text, quote).map(|range| &text[range])
}

#[test]
fn a_quote_is_found_in_its_own_spelling() {
    let text = "It’s the “Great\n  Khural” – the parliament.";
    assert_eq!(found(text, "it's the \"great khural\" - the"), Some("It’s the “Great\n  Khural” – the"));
}

#[test]
fn a_quote_is_found_however_its_letters_are_composed() {
    let text = "Die Stra\u{df}e f\u{fc}hrt u\u{308}ber Tha\u{302}\u{323}p \u{fb01}nal und \u{ff11}\u{ff12} km weit.";
    assert_eq!(found(text, "fu\u{308}hrt \u{fc}ber"), None, "eleven characters, which is too few");
    let all = found(text, "führt über Thập final und 12 km").unwrap();
    assert!(all.starts_with("führt") && all.ends_with("km"), "{all}");
}

#[test]
fn what_is_not_seen_does_not_hide_a_quote() {
    let text = "The par\u{ad}lia\u{200b}ment has 126 \u{202e}seats\u{202c} today.";
    assert_eq!(
        found(text, "parliament has 126 seats today"),
        Some("par\u{ad}lia\u{200b}ment has 126 \u{202e}seats\u{202c} today")
    );
}

#[test]
fn a_changed_digit_is_not_found() {
    let text = "Population: 3,281,676 (2024 est.), of whom about half live in the capital Ulaanbaatar.";
    assert_eq!(found(text, "Population: 3,281,677"), None);
    assert_eq!(found(text, "Population: 3,281,67"), None, "a number that is cut is another");
    // Long enough that one character is within what may differ.
    let long = "Population: 3,281,676 (2024 est.), of whom about half live in the capital";
    assert_eq!(found(text, long), Some(long));
    for digit in [long.replace("3,281", "3,291"), long.replace("2024", "2025"), long.replace("3,281,676", "93,281,676")]
    {
        assert_eq!(found(text, &digit), None, "{digit}");
    }
}

#[test]
fn almost_all_of_a_quote_is_enough_and_the_pages_words_are_taken() {
    let text = "The treaty was signed in the old town hall by the ministers of both countries after long talks.";
    let slip = "he treaty was signed in the old town hall by the ministers of both countries after long talk!";
    assert_eq!(
        found(text, slip),
        Some("he treaty was signed in the old town hall by the ministers of both countries after long talk")
    );
    assert_eq!(found(text, "treaty was signed in the new town hall by the ministers of both countries"), None);
}

#[test]
fn what_is_left_over_of_a_quote_may_hold_no_name_of_its_own() {
    let text = "Yesterday the treaty was signed in the old town hall by the ministers of both of the countries after talks, Norway.";
    let quote = "the treaty was signed in the old town hall by the ministers of both of the countries after talks";
    assert!(found(text, &format!("{quote}; Norway")).is_some());
    assert_eq!(found(text, &format!("{quote}, Sweden")), None);
    assert_eq!(found(text, &format!("{quote}, Norwax")), None);
    assert_eq!(found(text, &format!("On 5 May {quote}")), None);
}

#[test]
fn a_short_quote_proves_nothing() {
    assert_eq!(verify_quote("Capital: Oslo", "Oslo"), None);
    assert_eq!(verify_quote("Capital: Oslo", ""), None);
    assert!(holds("Capital: Oslo", "oslo"));
    assert!(!holds("Capital: Oslo", ""));
}

#[test]
fn marks_around_a_quote_are_not_part_of_it() {
    let text = "The river rises in the Alps and flows north.";
    assert_eq!(found(text, "“… rises in the Alps and flows …”"), Some("rises in the Alps and flows"));
    assert_eq!(found(text, "...rises in the Alps and flows..."), Some("rises in the Alps and flows"));
    assert_eq!(found(text, "The river ... flows north and on"), None, "two pieces are no quote");
}

#[test]
fn an_excerpt_is_whole_sentences_of_the_page() {
    let text = "One is first. Dr. Ada N. Smith found 3.5 kg of it in the U.S. Army depot. Three is last.\n\nFour.";
    let place = verify_quote(text, "found 3.5 kg of it").unwrap();
    assert_eq!(&text[excerpt(text, &place)], "Dr. Ada N. Smith found 3.5 kg of it in the U.S. Army depot.");
    let line = "Name: Oslo\nPopulation of the city: 717,710\nArea: 454 sq km";
    let place = verify_quote(line, "of the city: 717").or_else(|| verify_quote(line, "of the city: 717,710")).unwrap();
    assert_eq!(&line[excerpt(line, &place)], "Population of the city: 717,710");
}

#[test]
fn an_excerpt_is_never_too_long_and_always_holds_its_place() {
    let endless = format!("{}the needle is here and {}", "word ".repeat(400), "more ".repeat(400));
    let place = verify_quote(&endless, "the needle is here").unwrap();
    let cut = &endless[excerpt(&endless, &place)];
    assert!(cut.chars().count() <= LONGEST && cut.contains("the needle is here"), "{cut}");
    let whole = excerpt(&endless, &(0..endless.len()));
    assert!(endless[whole.clone()].chars().count() <= LONGEST && whole.start == 0);
    let wide = "ä".repeat(3000);
    assert!(wide[excerpt(&wide, &(100..102))].chars().count() <= LONGEST);
}
