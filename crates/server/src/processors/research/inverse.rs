//! Answers a question for the country: `Which country has the capital Ulaanbaatar?`

use super::corpus::Corpus;
use super::document::{Document, Field};
use super::facts::{Asked, items};
use super::fields::names;
use super::part::{Finding, Part, evidence, missing, with_article};
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
            if let Some(item) = items(field.value.strip_suffix(" per US dollar").unwrap_or(field.value))
                .into_iter()
                .find(|item| names(item, wanted))
            {
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
