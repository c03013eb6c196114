//! Puts entities in order by a number: `Which country has the largest population?`, `Is Chad larger than Peru?`

use super::amount::first_amount;
use super::corpus::Corpus;
use super::document::{Document, Field};
use super::facts::Asked;
use super::part::{Finding, Part, evidence, missing};

/// Which end of the order is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Most,
    Least,
}

/// The end a word of a question asks for, and the field it means when none is named.
pub(super) fn end_of(word: &str) -> Option<(End, Option<&'static str>)> {
    Some(match word {
        "largest" | "biggest" | "larger" | "bigger" => (End::Most, Some("area")),
        "smallest" | "smaller" => (End::Least, Some("area")),
        "highest" | "higher" | "most" | "more" | "longest" | "longer" | "greatest" | "greater" => (End::Most, None),
        "lowest" | "lower" | "least" | "fewest" | "fewer" | "less" | "shortest" | "shorter" => (End::Least, None),
        _ => return None,
    })
}

/// Whether a document is of a country: not the world, a union, or a dependency.
fn is_country(document: &Document) -> bool {
    let Some(entity) = document.entity.as_deref() else { return false };
    let outside = [
        "World",
        "European Union",
        "Antarctica",
        "West Bank",
        "Gaza Strip",
        "Western Sahara",
        "Paracel Islands",
        "Spratly Islands",
    ];
    !outside.contains(&entity)
        && document.find("Dependency status", "").is_none()
        && document.find("Independence", "").is_some_and(|field| !field.value.starts_with("none"))
}

struct Placed<'a> {
    field: Field<'a>,
    value: f64,
}

fn placed<'a>(asked: &Asked<'a>, document: &'a Document) -> Option<Placed<'a>> {
    asked.row.choices(document).filter_map(|fields| fields.into_iter().next()).find_map(|field| {
        let value = first_amount(field.value)?.value;
        // An area of nothing is one that was rounded to it.
        (value != 0.0 || field.label != "Area").then_some(Placed { field, value })
    })
}

/// The first of all countries.
pub(super) fn first<'a>(
    corpus: &'a Corpus,
    asked: &Asked<'a>,
    end: End,
    usable: &dyn Fn(&Document) -> bool,
) -> Part<'a> {
    let word = if end == End::Most { "highest" } else { "lowest" };
    let what = format!("{}, {word} of all countries", asked.row.name);
    if !asked.row.is("rank") && !asked.row.is("rank!") {
        return missing(what, "countries cannot be put in order by it");
    }
    let mut all: Vec<Placed<'a>> =
        corpus.documents.iter().filter(|d| usable(d) && is_country(d)).filter_map(|d| placed(asked, d)).collect();
    all.sort_by(|a, b| if end == End::Most { b.value.total_cmp(&a.value) } else { a.value.total_cmp(&b.value) });
    let [one, two, ..] = all.as_slice() else { return missing(what, "too few entries have the field") };
    if (one.value - two.value).abs() < f64::EPSILON {
        return missing(what, "several countries share the first place");
    }
    let (Some(first), Some(second)) = (evidence(&one.field, one.field.value), evidence(&two.field, two.field.value))
    else {
        return missing(what, "the value could not be verified");
    };
    let name = |placed: &Placed<'_>| placed.field.document.entity.clone().unwrap_or_default();
    let line = format!("{}: {} ({}), before {} ({}).", what, name(one), one.field.value, name(two), two.field.value);
    let finding = Finding::of_value(what, name(one), vec![first, second]).worded(line);
    if asked.row.is("rank!") {
        return Part::Found(finding);
    }
    Part::Found(finding.doubted("the order holds for the entries that have the field, and their years differ"))
}

/// The first of two entities.
pub(super) fn compare<'a>(asked: &Asked<'a>, end: End, one: &'a Document, two: &'a Document) -> Part<'a> {
    let what = format!("{} compared", asked.row.name);
    let (Some(a), Some(b)) = (placed(asked, one), placed(asked, two)) else {
        return missing(what, "one of the two has no such field");
    };
    if (a.value - b.value).abs() < f64::EPSILON {
        return missing(what, "the two are equal");
    }
    let (winner, other) = if (a.value > b.value) == (end == End::Most) { (a, b) } else { (b, a) };
    let proof = evidence(&winner.field, winner.field.value).zip(evidence(&other.field, other.field.value));
    let Some((first, second)) = proof else { return missing(what, "the value could not be verified") };
    let name = |placed: &Placed<'_>| placed.field.document.entity.clone().unwrap_or_default();
    let line = format!(
        "{}: {} ({}: {}; {}: {}).",
        name(&winner),
        asked.row.name,
        name(&winner),
        winner.field.value,
        name(&other),
        other.field.value
    );
    let line = line.replacen(
        &format!("{}: {} (", name(&winner), asked.row.name),
        &format!("{} – {} (", name(&winner), asked.row.name),
        1,
    );
    Part::Found(Finding::of_value(what, name(&winner), vec![first, second]).worded(line))
}
