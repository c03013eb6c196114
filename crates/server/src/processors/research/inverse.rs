//! Answers a question for the country: `Which country has the capital Ulaanbaatar?`

use super::corpus::Corpus;
use super::document::{Document, Field};
use super::facts::{Asked, items, unit_of_currency};
use super::fields::names;
use super::part::{Finding, Part, evidence, missing, with_article};
use super::pick::name_of;
use super::text::stems;

/// More entities than this are no answer.
const MOST: usize = 12;

/// The entities whose field says what the question names.
pub(super) fn countries<'a>(
    corpus: &'a Corpus,
    asked: &Asked<'a>,
    wanted: &[String],
    usable: &dyn Fn(&Document) -> bool,
) -> Part<'a> {
    let what = format!("{} “{}”", asked.row.name, wanted.join(" "));
    let mut found: Vec<(Field<'a>, &'a str, bool)> = Vec::new();
    for document in corpus.documents.iter().filter(|document| usable(document)) {
        for field in document.fields().filter(|field| asked.row.takes(field)) {
            if let Some(item) = items(unit_of_currency(field.value)).into_iter().find(|item| names(item, wanted)) {
                let first = stems(field.value).starts_with(wanted);
                found.push((field, item, first));
                break;
            }
        }
    }
    // `London` heads the United Kingdom's capital and only occurs in another's.
    if asked.row.is("single") && found.iter().any(|(_, _, first)| *first) {
        found.retain(|(_, _, first)| *first);
    }
    if found.is_empty() || found.len() > MOST {
        let why =
            if found.is_empty() { "no entry says so".to_owned() } else { format!("{} entries say so", found.len()) };
        return missing(what, why);
    }
    settle(asked, what, &found)
}

/// `The population of Tokyo`: the figure of the one urban area that has this name.
pub(super) fn city<'a>(documents: impl Iterator<Item = &'a Document>, wanted: &[String]) -> Option<Part<'a>> {
    let wanted: Vec<String> = wanted.iter().filter(|word| !KINDS.contains(&word.as_str())).cloned().collect();
    if wanted.is_empty() {
        return None;
    }
    // The world's entry lists the cities of all.
    let countries = documents.filter(|document| document.entity.as_deref() != Some("World"));
    let fields = countries.filter_map(|document| document.find("Major urban areas - population", ""));
    let found: Vec<(Field<'a>, &'a str)> = fields
        .filter_map(|field| Some((field, items(field.value).into_iter().find(|item| names(item, &wanted))?)))
        .collect();
    let [(field, item)] = found.as_slice() else { return None };
    let what = format!("Urban population of {} in {}", name_of(item), with_article(field.document.entity.as_deref()?));
    let finding = Finding::of_value(what, (*item).to_owned(), vec![evidence(field, item)?]);
    Some(Part::Found(finding.doubted("the figure is for the urban area")))
}

/// Fields that name places: where a river, a mountain or a city is.
const PLACES: &[(&str, &str)] = &[
    ("Capital", "name"),
    ("Elevation", "highest point"),
    ("Major urban areas - population", ""),
    ("Major rivers (by length in km)", ""),
    ("Major lakes (area sq km)", "fresh water lake(s)"),
    ("Major lakes (area sq km)", "salt water lake(s)"),
    ("Administrative divisions", ""),
    ("Ports", "key ports"),
];

/// Words that only say what kind of place it is.
const KINDS: &[&str] = &["mount", "mt", "river", "lake", "city", "town", "mountain", "province", "port", "peak"];

/// The entities in whose entries a place is named, by the first kind of field that names it.
pub(super) fn places<'a>(
    corpus: &'a Corpus,
    wanted: &[String],
    usable: &dyn Fn(&Document) -> bool,
) -> Option<Part<'a>> {
    let wanted: Vec<String> = wanted.iter().filter(|word| !KINDS.contains(&word.as_str())).cloned().collect();
    if wanted.is_empty() {
        return None;
    }
    let documents = || corpus.documents.iter().filter(|document| usable(document));
    let found: Vec<(Field<'a>, &'a str)> = PLACES.iter().find_map(|(label, sub)| {
        let fields = documents().filter_map(|document| document.find(label, sub));
        let item = |field: Field<'a>| Some((field, items(field.value).into_iter().find(|item| names(item, &wanted))?));
        let found: Vec<_> = fields.filter_map(item).collect();
        (!found.is_empty()).then_some(found)
    })?;
    let proof: Vec<_> = found.iter().take(MOST).filter_map(|(field, item)| evidence(field, item)).collect();
    if proof.len() != found.len() {
        return None;
    }
    let entities: Vec<&str> = found.iter().filter_map(|(field, _)| field.document.entity.as_deref()).collect();
    let (field, item) = found.first()?;
    let what = format!("Place of “{}”", wanted.join(" "));
    let line = match entities.as_slice() {
        [entity] => format!("{entity} – {}: {item}.", field.label),
        several => format!("{} ({}).", several.join(", "), field.label),
    };
    let finding = Finding::of_value(what, entities.join(", "), proof).worded(line);
    Some(Part::Found(finding.doubted("the place was found by its name alone")))
}

fn settle<'a>(asked: &Asked<'_>, what: String, found: &[(Field<'a>, &'a str, bool)]) -> Part<'a> {
    let mut proof = Vec::new();
    let mut entities = Vec::new();
    for (field, item, _) in found {
        let Some(evidence) = evidence(field, item) else { continue };
        proof.push(evidence);
        entities.push(field.document.entity.clone().unwrap_or_default());
    }
    if entities.is_empty() {
        return missing(what, "the value could not be verified");
    }
    let value = entities.join(", ");
    let line = match found {
        [(field, item, _)] => {
            format!("{}: {} – {}: {item}.", capitalised(&with_article(&value)), asked.row.name, own_sub(field))
        }
        _ => format!(
            "{value} ({}: {}).",
            asked.row.name,
            what.split('“').nth(1).unwrap_or_default().trim_end_matches('”')
        ),
    };
    let line = line.replace(" – : ", ": ");
    let finding = Finding::of_value(what, value, proof).worded(line);
    if found.len() == 1 {
        return Part::Found(finding);
    }
    Part::Found(finding.doubted("several entries say so, and there may be more that word it differently"))
}

/// The sub-label, unless the row's name says it already.
fn own_sub<'a>(field: &Field<'a>) -> &'a str {
    match field.sub {
        "male" | "female" => field.sub,
        _ => "",
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
