//! What a value may say of an excerpt.

use super::*;

fn stands(value: &str, excerpt: &str) -> bool {
    verify_values(value, &[excerpt]).stands()
}

fn check(excerpt: &str, good: &[&str], bad: &[&str]) {
    for value in good {
        assert!(stands(value, excerpt), "{value:?} in {excerpt:?}: {:?}", verify_values(value, &[excerpt]));
    }
    for value in bad {
        assert!(!stands(value, excerpt), "{value:?} in {excerpt:?}");
    }
}

#[test]
fn every_number_and_name_must_be_in_the_excerpts() {
    let excerpts = ["Capital: Ulaanbaatar", "total 3281676"];
    let verdict = verify_values("Ulaanbaatar has 3,281,676 people", &excerpts);
    assert!(verdict.stands() && verdict.checked == 2);
    assert_eq!(verify_values("Ulaanbaatar has 3 people in Asia", &excerpts).missing, ["3", "Asia"]);
    assert_eq!(verify_values("copper and coal", &excerpts), Verdict::default());
}

#[test]
fn a_number_may_be_spelled_in_any_way() {
    check(
        "The city had 1,200,000 inhabitants.",
        &["1.2 million", "1200000", "1 200 000", "1.2M", "1,200,000 inhabitants"],
        &["1.2", "1.3 million", "1,200,001", "12,000,000", "-1,200,000", "1.2 billion"],
    );
    check("It has twelve members, three of them new.", &["12", "twelve", "3"], &["13", "two", "eleven"]);
    check(
        "It cost $1.2bn in 2019–20.",
        &["$1.2 billion", "1,200,000,000 dollars", "2020", "US$1.2bn"],
        &["€1.2 billion", "2021"],
    );
    check("Ventes: 5 300 unités", &["5300", "5 300", "5,300"], &["5301", "53"]);
}

#[test]
fn a_language_reads_its_own_numbers() {
    check("Die Stadt hat 1.234 Einwohner und ist nicht groß.", &["1234", "1,234", "1.234"], &["1235"]);
    check("The trail is 1.234 km of the whole.", &["1.234 km", "1.234"], &["1,234 km", "1234"]);
    check("Der Umsatz stieg um 1,5 Prozent und ist", &["1.5 %", "1,5"], &["15 %"]);
}

#[test]
fn a_unit_is_part_of_a_number() {
    check(
        "The bridge is 5 km long.",
        &["5 km", "5", "5 kilometers", "5,000 m"],
        &["5 m", "5 miles", "5 kg", "50 km", "5%"],
    );
    check(
        "Turnout was 61.3%.",
        &["61.3 %", "61.3 percent", "61.3 per cent"],
        &["61.3 percentage points", "61.3 km", "0.613"],
    );
    check("Height (m): 8,849", &["8,849 m", "8849"], &["8,849 km", "8,849 ft"]);
    check("GDP (US$ millions): 1,234", &["$1,234 million", "1,234"], &["$1,234 billion", "€1,234 million"]);
    check(
        "a 30-year loan of CAD 5 million",
        &["30 years", "5 million dollars", "C$5 million"],
        &["30 days", "US$5 million"],
    );
    check("It weighs 2 tonnes.", &["2,000 kg"], &["2 kg", "200 kg"]);
}

#[test]
fn a_date_may_be_spelled_in_any_way() {
    for excerpt in [
        "signed on 5 March 2024",
        "signed on March 5th, 2024",
        "signed 2024-03-05",
        "am 5. März 2024",
        "In 2024 it was signed, on 5 March",
    ] {
        check(
            excerpt,
            &["2024-03-05", "5 March 2024", "March 5, 2024", "March 2024", "2024", "5 March"],
            &["2024-03-06", "5 May 2024", "March 2023", "2023", "6 March"],
        );
    }
    check("founded in March 2024", &["2024", "March 2024"], &["2024-03-05", "5 March 2024"]);
    check("in the 1990s and the nineteenth century", &["1990s", "19th century"], &["1990", "1980s", "18th century"]);
}

#[test]
fn codes_are_compared_as_they_are() {
    check(
        "The A380 flies on SAF; see COVID-19 at 10:30.",
        &["A380", "A-380", "COVID-19", "10:30"],
        &["A381", "COVID-20", "10:31", "A 380", "019"],
    );
    check("written in node.js 1.2.3", &["node.js", "1.2.3"], &["node.ts", "1.2.4", "evil.example"]);
}

#[test]
fn names_may_stand_in_a_title_and_numbers_may_not() {
    let facts = Facts::of("It has 3 million people.");
    let title = Facts::of("Mongolia in 2020");
    assert!(verify("Mongolia has 3 million people.", &[&facts], &[&title], As::Sentence).stands());
    assert_eq!(verify("Mongolia had 3 million in 2020.", &[&facts], &[&title], As::Sentence).missing, ["2020"]);
    assert_eq!(verify("Norway has 3 million people.", &[&facts], &[&title], As::Sentence).missing, ["Norway"]);
}

#[test]
fn what_is_no_claim_is_not_looked_for() {
    assert!(stands("One of the largest", "among the largest"));
    assert!(stands("Yes", "it does"));
    assert!(stands("About 5 km", "5 km") && stands("The river", "a river") && !stands("Will Smith", "Smith"));
    assert!(!stands("one million", "among the largest"));
    check(
        "It cost a million dollars.",
        &["1 million dollars", "$1,000,000"],
        &["a billion dollars", "two million dollars"],
    );
}

#[test]
fn a_number_in_a_note_is_none() {
    check("The area is 454 km²[12] in all.", &["454 km2", "454 square kilometers"], &["12", "4542"]);
}
