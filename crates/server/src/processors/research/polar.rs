//! Questions with given answers: yes or no, and this or that.

use std::ops::Range;

use super::amount::first_amount;
use super::corpus::Corpus;
use super::document::{Document, Field};
use super::facts::{Asked, items};
use super::fields::{Row, names};
use super::part::{Finding, Part, about, ended, evidence, missing};
use super::question::{Clause, Question};
use super::text::{content_stems, stems};

/// Names of organisations as the Factbook abbreviates them.
const ORGANIZATIONS: &[(&str, &str)] = &[
    ("north atlantic treaty organization", "NATO"),
    ("european union", "EU"),
    ("united nation", "UN"),
    ("world trade organization", "WTO"),
    ("african union", "AU"),
    ("organization of petroleum exporting country", "OPEC"),
    ("arab league", "LAS"),
    ("league of arab state", "LAS"),
    ("association of southeast asian nation", "ASEAN"),
    ("organization for economic cooperation and development", "OECD"),
    ("international monetary fund", "IMF"),
    ("world health organization", "WHO"),
    ("organization of american state", "OAS"),
    ("commonwealth of independent state", "CIS"),
    ("commonwealth of nation", "C"),
    ("commonwealth", "C"),
    ("council of europe", "CE"),
    ("european free trade association", "EFTA"),
    ("european space agency", "ESA"),
    ("shanghai cooperation organization", "SCO"),
    ("nordic council", "NC"),
    ("gulf cooperation council", "GCC"),
    ("organization of islamic cooperation", "OIC"),
    ("non-aligned movement", "NAM"),
    ("schengen area", "Schengen Convention"),
    ("schengen", "Schengen Convention"),
    ("g20", "G-20"),
    ("g7", "G-7"),
    ("g8", "G-8"),
    ("g77", "G-77"),
    ("world bank", "IBRD"),
];

/// The field a membership is looked up in.
pub(super) const MEMBERSHIP: &str = "International organization participation";

/// An organisation's abbreviation for the words of a question, if the Factbook uses one.
pub(super) fn organization(text: &str) -> Vec<String> {
    let wanted: Vec<String> =
        stems(text).into_iter().filter(|word| !matches!(word.as_str(), "the" | "a" | "an")).collect();
    let known = ORGANIZATIONS.iter().find(|(name, _)| stems(name) == wanted);
    known.map_or(wanted, |(_, short)| stems(short))
}

/// The organisation that a question names in full, or by a name of two words or more.
pub(super) fn named_organization(question: &str) -> Option<&'static str> {
    let words = stems(question);
    let fits = |name: &str| super::text::find_run(&words, &stems(name)).is_some();
    ORGANIZATIONS.iter().find(|(name, _)| fits(name)).map(|(_, short)| *short)
}

/// The item of a list that names these stems.
fn item<'v>(value: &'v str, wanted: &[String]) -> Option<&'v str> {
    items(value).into_iter().find(|item| names(item, wanted))
}

/// An item of a membership list: the name itself, whatever stands in brackets after it.
fn membership<'v>(value: &'v str, wanted: &[String]) -> Option<&'v str> {
    items(value).into_iter().find(|item| stems(item.split(" (").next().unwrap_or(item)) == wanted)
}

fn member_field(document: &Document) -> Option<Field<'_>> {
    document.find(MEMBERSHIP, "")
}

/// Whether an entity belongs to an organisation that some entry names.
pub(super) fn is_organization(corpus: &Corpus, wanted: &[String]) -> bool {
    !wanted.is_empty()
        && corpus.documents.iter().filter_map(member_field).any(|field| membership(field.value, wanted).is_some())
}

/// `Does Norway belong to NATO?`
pub(super) fn belongs<'a>(corpus: &'a Corpus, document: &'a Document, name: &str) -> Part<'a> {
    let entity = document.entity.as_deref().unwrap_or_default();
    let what = format!("Membership of {entity} in {name}");
    if organization(name) == ["eu"]
        && let Some(part) = left_union(corpus, document, &what)
    {
        return part;
    }
    let Some(field) = member_field(document) else {
        return missing(what, format!("the entry of {entity} has no such field"));
    };
    let wanted = organization(name);
    let found = membership(field.value, &wanted);
    let Some(proof) = found.or_else(|| items(field.value).first().copied()).and_then(|value| evidence(&field, value))
    else {
        return missing(what, "the value could not be verified");
    };
    let place = about(MEMBERSHIP, entity);
    let Some(found) = found else {
        let line = format!("No: {place} does not list {name}.");
        let finding = Finding::of_value(what, "no".to_owned(), vec![proof]).worded(line);
        return Part::Found(finding.doubted("that something is not listed is a weak proof that it is not so"));
    };
    // `EU (candidate country)` is not a plain yes.
    let word = if found.contains('(') { "Listed" } else { "Yes" };
    let line = format!("{word}: {place} lists {found}.");
    Part::Found(Finding::of_value(what, found.to_owned(), vec![proof]).worded(line))
}

/// The union lists its members itself; an entry may still name it after its country has left.
fn left_union<'a>(corpus: &'a Corpus, document: &'a Document, what: &str) -> Option<Part<'a>> {
    let entity = document.entity.as_deref()?;
    let union = corpus.documents.iter().find(|document| document.entity.as_deref() == Some("European Union"))?;
    let members = union.find("Member states", "")?;
    let own = member_field(document)?;
    let listed = membership(own.value, &stems("EU")).is_some_and(|item| !item.contains('('));
    let at = corpus.documents.iter().position(|other| other.entity == document.entity)?;
    let mut spellings = corpus.names.of(at);
    spellings.push(stems(entity));
    let member = spellings.iter().any(|words| names(members.value, words));
    if !listed || member {
        return None;
    }
    let whole = super::facts::shortened(members.value, 480);
    let line = format!("No: the member states of the European Union do not include {entity}: {}", ended(&whole));
    let finding = Finding::of_value(what.to_owned(), "no".to_owned(), vec![evidence(&members, &whole)?]).worded(line);
    Some(Part::Found(finding.doubted(format!("the entry of {entity} still lists the EU"))))
}

/// `Which does Norway belong to, NATO or the EU?` and other choices between two values of one field.
pub(super) fn choose<'a>(
    asked: &Asked<'a>,
    question: &Question,
    document: &'a Document,
    (left, right): (&Range<usize>, &Range<usize>),
) -> Part<'a> {
    let entity = document.entity.as_deref().unwrap_or_default();
    let what = about(&asked.row.name, entity);
    let orgs = asked.row.is("orgs");
    let stems_of = |text: &str| if orgs { organization(text) } else { content_stems(text) };
    let within = |field: &Field<'a>, text: &str| {
        let wanted = stems_of(text);
        let found = if orgs { membership(field.value, &wanted) } else { item(field.value, &wanted) };
        found.map(str::to_owned)
    };
    for field in asked.row.choices(document).flatten() {
        let offered = [question.slice(left), question.slice(right)];
        let found: Vec<String> = offered.iter().filter_map(|text| within(&field, text)).collect();
        let proof: Vec<_> = found.iter().filter_map(|value| evidence(&field, value)).collect();
        if proof.is_empty() || proof.len() != found.len() {
            continue;
        }
        let value = found.join(" and ");
        let line = format!("{what}: {}", ended(&value));
        return Part::Found(Finding::of_value(what, value, proof).worded(line));
    }
    missing(what, "the field names neither of the two".to_owned())
}

/// `Is Nepal landlocked?`
pub(super) fn landlocked<'a>(asked: &Asked<'a>, document: &'a Document) -> Part<'a> {
    let entity = document.entity.as_deref().unwrap_or_default();
    let what = about("Coastline", entity);
    let Some(field) = document.find("Coastline", "") else {
        return missing(what, format!("the entry of {entity} has no such field"));
    };
    let locked = field.value.contains("landlocked");
    let open = !locked && first_amount(field.value).is_some_and(|amount| amount.value > 0.0);
    let Some(proof) = evidence(&field, field.value).filter(|_| locked || open) else {
        return missing(what, "the field does not tell".to_owned());
    };
    let about_land = asked.wording.iter().any(|word| word == "landlocked");
    let yes = if about_land == locked { "Yes" } else { "No" };
    let line = format!("{yes}: {what}: {}", ended(field.value));
    Part::Found(Finding::of_value(what, field.value.to_owned(), vec![proof]).worded(line))
}

/// `Does Mongolia border China?`, `Is Spanish spoken in Chile?`: whether the field names what the question names.
pub(super) fn says<'a>(
    asked: &Asked<'a>,
    document: &'a Document,
    objects: &[(String, Vec<Vec<String>>)],
) -> Vec<Part<'a>> {
    let entity = document.entity.as_deref().unwrap_or_default();
    let what = about(&asked.row.name, entity);
    let Some(fields) = asked.row.choices(document).next() else {
        return vec![missing(what, format!("the entry of {entity} has no such field"))];
    };
    objects.iter().map(|(name, spellings)| said(asked.row, &what, &fields, name, spellings, asked)).collect()
}

fn said<'a>(
    row: &Row,
    what: &str,
    fields: &[Field<'a>],
    name: &str,
    spellings: &[Vec<String>],
    asked: &Asked<'_>,
) -> Part<'a> {
    for field in fields {
        let found = spellings.iter().find_map(|wanted| item(field.value, wanted));
        let official = asked.wording.iter().any(|word| word == "official");
        let Some(found) = found.filter(|found| !official || found.contains("official")) else { continue };
        let Some(proof) = evidence(field, found) else { continue };
        let line = format!("Yes: {what}: {}", ended(found));
        return Part::Found(Finding::of_value(what.to_owned(), found.to_owned(), vec![proof]).worded(line));
    }
    let field = &fields[0];
    let whole = super::facts::shortened(field.value, 300);
    let proof = evidence(field, &whole);
    match proof {
        Some(proof) if row.is("closed") || row.is("single") => {
            let line = format!("No: {what}: {}", ended(&whole));
            let finding = Finding::of_value(what.to_owned(), whole, vec![proof]).worded(line);
            // A closed list says what is not so; a single value may be spelled in another way.
            let finding = if row.is("closed") {
                finding
            } else {
                finding.doubted(format!("the field does not say “{name}”"))
            };
            Part::Found(finding)
        }
        _ => missing(format!("“{name}” in {what}"), format!("the field does not name it (it says: {whole})")),
    }
}

/// What a yes-or-no clause asks about: countries named besides the first, else the words left over.
pub(super) fn objects(corpus: &Corpus, question: &Question, clause: &Clause) -> Vec<(String, Vec<Vec<String>>)> {
    let mut found: Vec<(String, Vec<Vec<String>>)> = clause
        .mentions
        .iter()
        .skip(1)
        .map(|mention| {
            let own = stems(question.slice(&mention.words));
            let others = mention.documents.iter().flat_map(|&at| corpus.names.of(at));
            (question.slice(&mention.words).to_owned(), std::iter::once(own).chain(others).collect())
        })
        .collect();
    let left: Vec<String> = clause.left.iter().map(|&at| question.stem(at).to_owned()).collect();
    if !left.is_empty() {
        let believers = left.iter().map(|word| believer(word).to_owned()).collect();
        found.push((left.join(" "), vec![left, believers]));
    }
    found
}

/// The Factbook counts believers: `Muslim`, not `Islam`.
fn believer(faith: &str) -> &str {
    match faith {
        "islam" => "muslim",
        "christianity" => "christian",
        "catholicism" => "catholic",
        "protestantism" => "protestant",
        "buddhism" => "buddhist",
        "hinduism" => "hindu",
        "judaism" => "jewish",
        other => other,
    }
}
