//! Putting the answer together: the object that the schema asks for, the basis of each of its fields, and what is to be warned
//! of. All of it is code: no model writes a value, a label or an address.

use std::cell::RefCell;
use std::collections::BTreeSet;

use legwork_core::output::{BasisExtras, Citation, CitationExtras, Confidence, FieldBasis};
use serde_json::{Map, Value};

use super::super::research::{Kind, Schema, content_stems, pick_typed};
use super::brief::{Brief, cut, humanised};
use super::gather::asked;
use super::honest::{Calibration, Features, Support, Supporter, label};
use super::ledger::Ledger;
use super::settle::{Settled, same_item};

/// How many sources are cited for a field, and with how many excerpts each.
const CITED: usize = 8;
const EXCERPTS: usize = 3;

/// What every label is made from beside the ledger.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms<'a> {
    /// What was asked.
    pub(super) brief: &'a Brief,
    /// In how many passes was looked.
    pub(super) passes: u32,
    /// What was learned of how often labels are right; without it a rule says them.
    pub(super) calibration: Option<&'a Calibration>,
}

/// The object, with its basis.
pub(super) struct Object {
    pub(super) content: Map<String, Value>,
    pub(super) basis: Vec<FieldBasis>,
}

/// Builds the object that a schema asks for from what was settled.
pub(super) fn object(brief: &Brief, schema: &Value, settled: &[Settled], ledger: &Ledger, terms: Terms<'_>) -> Object {
    let maker = Maker { brief, schema: Schema::new(schema), settled, gone_out: RefCell::default() };
    let (mut content, mut basis) = (Map::new(), Vec::new());
    for (name, node) in maker.schema.properties() {
        let (value, items) = maker.property(name, node);
        let of_top = |known: &&Settled| brief.fields[known.field].top == *name;
        // What did not go out proves nothing of what did; where nothing did, it is told.
        let goes_out = |known: &&Settled| value.is_null() || maker.has_gone_out(known);
        let mine: Vec<&Settled> = settled.iter().filter(of_top).filter(goes_out).collect();
        basis.push(field_basis(name, &mine, &value, ledger, terms));
        for (at, item) in items.iter().enumerate() {
            let is_of = |known: &&Settled| same_item(known.item.as_deref(), item.as_deref());
            let own: Vec<&Settled> = mine.iter().copied().filter(is_of).collect();
            basis.push(field_basis(&format!("{name}.{at}"), &own, &value[at], ledger, terms));
        }
        content.insert(name.clone(), value);
    }
    Object { content, basis }
}

struct Maker<'a> {
    brief: &'a Brief,
    schema: Schema<'a>,
    settled: &'a [Settled],
    /// The places of those whose values the object has.
    gone_out: RefCell<BTreeSet<usize>>,
}

/// An element of a list, and the item that it is.
type Element = (Option<String>, Value);

impl<'a> Maker<'a> {
    /// The value of a property, and the items that its elements are, if it is a list.
    fn property(&self, name: &str, node: &'a Value) -> (Value, Vec<Option<String>>) {
        let Kind::List(element) = self.schema.kind(node) else { return (self.value(name, node, None), Vec::new()) };
        let (items, values): (Vec<_>, Vec<_>) = self.list(name, element, None).into_iter().unzip();
        (array(values), items)
    }

    /// The value of a node at a path, of one item if it stands in a list.
    fn value(&self, path: &str, node: &'a Value, item: Option<&str>) -> Value {
        match self.schema.kind(node) {
            Kind::Object(map) => {
                let object: Map<String, Value> = map
                    .iter()
                    .map(|(name, below)| (name.clone(), self.value(&format!("{path}.{name}"), below, item)))
                    .collect();
                if object.values().all(Value::is_null) { Value::Null } else { Value::Object(object) }
            }
            Kind::List(items) => array(self.list(path, items, item).into_iter().map(|(_, value)| value).collect()),
            Kind::Text | Kind::Integer | Kind::Number | Kind::Boolean | Kind::Choice(_) => self.leaf(path, node, item),
        }
    }

    fn list(&self, path: &str, node: &'a Value, item: Option<&str>) -> Vec<Element> {
        let below = format!("{path}[]");
        let stated = |known: &Settled| Some((known.item.clone(), self.typed(known, node)?));
        match (self.schema.kind(node), item) {
            // In an item of a list: its own values of this list.
            (_, Some(item)) => self
                .at(&below)
                .filter(|known| same_item(known.item.as_deref(), Some(item)))
                .filter_map(stated)
                .collect(),
            (Kind::Object(map), None) => {
                let record = |item: String| {
                    let object: Map<String, Value> = map
                        .iter()
                        .map(|(name, inner)| (name.clone(), self.value(&format!("{below}.{name}"), inner, Some(&item))))
                        .collect();
                    (Some(item), Value::Object(object))
                };
                let says =
                    |(_, value): &Element| value.as_object().is_some_and(|map| !map.values().all(Value::is_null));
                self.items(path).into_iter().map(record).filter(says).collect()
            }
            (_, None) => self.at(&below).filter_map(stated).collect(),
        }
    }

    /// The items of a list, in the order in which they were found.
    fn items(&self, top: &str) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for known in self.settled {
            let field = &self.brief.fields[known.field];
            let in_list = field.path.strip_prefix(top).is_some_and(|rest| rest.starts_with("[]"));
            let Some(item) = known.item.as_deref().filter(|_| in_list) else { continue };
            if !found.iter().any(|other| same_item(Some(other), Some(item))) {
                found.push(item.to_owned());
            }
        }
        found
    }

    fn leaf(&self, path: &str, node: &'a Value, item: Option<&str>) -> Value {
        let mut such = self.at(path).filter(|known| item.is_none() || same_item(known.item.as_deref(), item));
        such.find_map(|known| self.typed(known, node)).unwrap_or(Value::Null)
    }

    fn at<'p>(&'p self, path: &'p str) -> impl Iterator<Item = &'p Settled> {
        self.settled.iter().filter(move |known| self.brief.fields[known.field].path == path)
    }

    /// The value in the type that the schema wants; `None` when it cannot be had without inventing something.
    fn typed(&self, known: &Settled, node: &'a Value) -> Option<Value> {
        let words = format!(
            "{} {}",
            humanised(&self.brief.fields[known.field].path),
            self.schema.description(node).unwrap_or_default()
        );
        let value = pick_typed(self.schema, node, &known.value, &words)?;
        self.gone_out.borrow_mut().extend(self.place(known));
        Some(value)
    }

    fn has_gone_out(&self, known: &Settled) -> bool {
        self.place(known).is_some_and(|place| self.gone_out.borrow().contains(&place))
    }

    fn place(&self, known: &Settled) -> Option<usize> {
        self.settled.iter().position(|other| std::ptr::eq(other, known))
    }
}

/// A list without elements is one of which nothing is known.
fn array(values: Vec<Value>) -> Value {
    if values.is_empty() { Value::Null } else { Value::Array(values) }
}

/// The basis of a field that rests on these settled things.
pub(super) fn field_basis(
    name: &str,
    settled: &[&Settled],
    value: &Value,
    ledger: &Ledger,
    terms: Terms<'_>,
) -> FieldBasis {
    // What was found and does not fit is told, not cited.
    if value.is_null() || settled.is_empty() {
        let tried = ledger.sources.len();
        let reasoning = match settled.first() {
            None => format!("Not found in the {tried} texts that were read."),
            Some(known) => format!("What was found ({}) does not fit the field.", cut(&known.value, 120)),
        };
        let (citations, confidence) = (Vec::new(), Confidence::Low);
        return FieldBasis { field: name.to_owned(), reasoning, citations, confidence, legwork: None };
    }
    let labels: Vec<Labelled> = settled.iter().map(|known| labelled(known, ledger, terms)).collect();
    // A field is as sure as the least sure thing in it.
    let least = labels.iter().min_by_key(|label| label.confidence);
    FieldBasis {
        field: name.to_owned(),
        reasoning: reasoning(settled, &labels, ledger),
        citations: cited(settled, ledger),
        confidence: least.map_or(Confidence::Low, |label| label.confidence),
        legwork: least.map(Labelled::extras),
    }
}

/// How sure a settled thing is, why not more, and what that follows from.
pub(super) struct Labelled {
    pub(super) confidence: Confidence,
    why: Vec<String>,
    p: Option<f64>,
    features: Features,
}

impl Labelled {
    /// What is said of it beside the label, so that labels can be measured.
    pub(super) fn extras(&self) -> BasisExtras {
        BasisExtras { probability: self.p, features: serde_json::to_value(&self.features).ok() }
    }
}

/// How sure a settled thing is.
pub(super) fn labelled(known: &Settled, ledger: &Ledger, terms: Terms<'_>) -> Labelled {
    let members: Vec<_> = known.support.iter().map(|at| &ledger.evidence[*at]).collect();
    let support: Vec<Support<'_>> = members
        .iter()
        .map(|evidence| Support {
            from: Supporter { url: &ledger.document(evidence).url, passage: ledger.excerpt(evidence) },
            class: ledger.class(terms.brief, evidence),
            similarity: similarity(
                terms.brief,
                known.field,
                &ledger.document(evidence).title,
                ledger.excerpt(evidence),
            ),
            suspicious: evidence.suspicious,
            age_ok: ledger.age(terms.brief, evidence),
        })
        .collect();
    let passes: BTreeSet<u32> = members.iter().map(|evidence| evidence.pass).collect();
    let share = f64::from(u32::try_from(passes.len()).unwrap_or(u32::MAX)) / f64::from(terms.passes.max(1));
    let features = Features {
        values_ok: true,
        // What does not name what the question names may speak of something else.
        anchored: members.iter().any(|evidence| evidence.anchored),
        judge: known.verdict,
        contradiction: !known.against.is_empty(),
        computed: members.iter().all(|evidence| evidence.computed),
        agreement_of_passes: (terms.passes > 1).then_some(share),
        by_words: members.iter().filter_map(|evidence| evidence.by_words).max(),
        ..Features::of(&support)
    };
    let made = label(&features, terms.calibration);
    let why = made.why.into_iter().map(str::to_owned).collect();
    Labelled { confidence: made.confidence, why, p: made.p, features }
}

/// How much of what is asked about a field its excerpt speaks of: the share of the words that say something.
fn similarity(brief: &Brief, field: usize, title: &str, excerpt: &str) -> Option<f64> {
    let asked: BTreeSet<String> = content_stems(&asked(brief, brief.fields.get(field)?)).into_iter().collect();
    let said: BTreeSet<String> = content_stems(&format!("{title} {excerpt}")).into_iter().collect();
    let of = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    (!asked.is_empty()).then(|| of(asked.intersection(&said).count()) / of(asked.len()))
}

fn reasoning(settled: &[&Settled], labels: &[Labelled], ledger: &Ledger) -> String {
    let mut sentences = Vec::new();
    for (known, label) in settled.iter().zip(labels).take(6) {
        let mut titles: Vec<&str> =
            known.support.iter().map(|at| ledger.document(&ledger.evidence[*at]).title.as_str()).collect();
        titles.dedup();
        titles.truncate(3);
        sentences.push(format!("“{}” stands in {}.", cut(&known.value, 120), titles.join("; ")));
        for (other, members) in known.against.iter().take(2) {
            let said = members.first().map_or("another source", |at| &ledger.document(&ledger.evidence[*at]).title);
            sentences.push(format!(
                "{said} says “{}” instead; what more independent sources say was preferred.",
                cut(other, 120)
            ));
        }
        sentences.extend(label.why.iter().map(|why| format!("{why}.")));
    }
    if settled.len() > 6 {
        sentences.push(format!("{} more values rest on what is cited.", settled.len() - 6));
    }
    sentences.dedup();
    sentences.join(" ")
}

/// The citations of these things, each source once, its best first; the best of them only.
fn cited(settled: &[&Settled], ledger: &Ledger) -> Vec<Citation> {
    let (first, _) = gathered(super::write::pieces(settled), ledger);
    first.into_iter().take(CITED).collect()
}

/// The citations of all these pieces of evidence: each source once, in the order in which a text numbers them, and behind them
/// once more those of which more is cited than one citation holds. What is left out nobody could check.
pub(super) fn citations(pieces: &[usize], ledger: &Ledger) -> Vec<Citation> {
    let (first, more) = gathered(pieces.iter().copied(), ledger);
    first.into_iter().chain(more).collect()
}

/// The citations of pieces of evidence, each source once, and those that take up what is too much for these.
fn gathered(pieces: impl Iterator<Item = usize>, ledger: &Ledger) -> (Vec<Citation>, Vec<Citation>) {
    /// Each with its source's place in the ledger.
    type Found = Vec<(usize, Citation)>;

    let (mut first, mut more) = (Found::new(), Found::new());
    for at in pieces {
        let evidence = &ledger.evidence[at];
        let excerpt = ledger.excerpt(evidence).to_owned();
        let mine = |(source, _): &&mut (usize, Citation)| *source == evidence.source;
        let known = first.iter_mut().chain(&mut more).filter(mine).map(|(_, citation)| citation);
        let mut known: Vec<&mut Vec<String>> = known.filter_map(|citation| citation.excerpts.as_mut()).collect();
        if known.iter().any(|excerpts| excerpts.contains(&excerpt)) {
            continue;
        }
        let is_new = known.is_empty();
        if let Some(excerpts) = known.iter_mut().find(|excerpts| excerpts.len() < EXCERPTS) {
            excerpts.push(excerpt);
            continue;
        }
        let document = ledger.document(evidence);
        let citation = Citation {
            url: document.url.clone(),
            title: Some(document.title.clone()),
            excerpts: Some(vec![excerpt]),
            legwork: Some(CitationExtras { source: document.hash.clone() }),
        };
        if is_new { &mut first } else { &mut more }.push((evidence.source, citation));
    }
    let bare = |all: Found| all.into_iter().map(|(_, citation)| citation).collect();
    (bare(first), bare(more))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::settle::settle;
    use super::super::testing::{evidence, of_item, schema, source};
    use super::*;

    #[test]
    fn every_piece_that_a_text_rests_on_is_cited_and_numbers_go_on_naming_sources() {
        let brief = schema("The tower", &json!({"type": "object", "properties": {"a": {"type": "string"}}}));
        let mut ledger = Ledger::default();
        let sentences: Vec<String> =
            (1..=5).map(|floor| format!("Floor {floor} of the tower is {floor}0 metres high.")).collect();
        ledger.add_source(source("https://a.example/", "Tower", &sentences.join(" ")));
        ledger.add_source(source("https://b.example/", "Other", "The tower stands in Paris."));
        for value in ["10 metres", "20 metres", "30 metres", "40 metres", "50 metres"] {
            let proof = evidence(&ledger, 0, 0, value);
            ledger.prove(proof);
        }
        let proof = evidence(&ledger, 0, 1, "Paris");
        ledger.prove(proof);
        let all = citations(&[0, 1, 2, 3, 4, 5], &ledger);
        let told: Vec<(&str, usize)> =
            all.iter().map(|citation| (citation.url.as_str(), citation.excerpts.as_ref().unwrap().len())).collect();
        assert_eq!(told, [("https://a.example/", 3), ("https://b.example/", 1), ("https://a.example/", 2)]);
        let settled = settle(&brief, &ledger, None);
        let best = cited(&settled.iter().collect::<Vec<_>>(), &ledger);
        assert_eq!(best.len(), 2, "a field has each source once");
    }

    /// What does not fit its type is left out, and the proof of the others stays theirs.
    #[test]
    fn each_element_of_a_list_has_its_own_proof_when_another_does_not_fit() {
        let wanted = json!({"type": "object", "properties": {
            "heights": {"type": "array", "items": {"type": "integer"}, "description": "heights in metres"}}});
        let brief = schema("The towers", &wanted);
        let mut ledger = Ledger::default();
        ledger.add_source(source("https://a.example/", "A", "The first tower is of unknown height."));
        ledger.add_source(source("https://b.example/", "B", "The second tower is 330 metres high."));
        for (source, value, item) in [(0, "unknown height", "first tower"), (1, "330 metres", "second tower")] {
            let proof = of_item(evidence(&ledger, 0, source, value), Some(item));
            ledger.prove(proof);
        }
        let settled = settle(&brief, &ledger, None);
        let made = object(&brief, &wanted, &settled, &ledger, Terms { brief: &brief, passes: 1, calibration: None });
        assert_eq!(made.content["heights"], json!([330]));
        let element = made.basis.iter().find(|basis| basis.field == "heights.0").unwrap();
        assert_eq!(element.citations[0].url, "https://b.example/", "{element:?}");
        let whole = made.basis.iter().find(|basis| basis.field == "heights").unwrap();
        assert_eq!(whole.citations.len(), 1, "what did not go out proves nothing: {whole:?}");
    }

    #[test]
    fn an_item_of_which_nothing_fits_is_none_and_a_name_may_have_a_dot() {
        let wanted = json!({"type": "object", "properties": {
            "offices": {"type": "array", "items": {"type": "object", "properties": {"staff": {"type": "integer"}}}},
            "head.office": {"type": "string"}}});
        let brief = schema("The firm", &wanted);
        assert_eq!(brief.fields[1].top, "head.office");
        let mut ledger = Ledger::default();
        ledger.add_source(source(
            "https://a.example/",
            "A",
            "In Bern a few dozen people work. The head office is in Lund.",
        ));
        let dozen = of_item(evidence(&ledger, 0, 0, "a few dozen people"), Some("Bern"));
        ledger.prove(dozen);
        let lund = evidence(&ledger, 1, 0, "Lund");
        ledger.prove(lund);
        let settled = settle(&brief, &ledger, None);
        let made = object(&brief, &wanted, &settled, &ledger, Terms { brief: &brief, passes: 1, calibration: None });
        assert_eq!(Value::Object(made.content), json!({"offices": null, "head.office": "Lund"}));
        let told: Vec<_> = made.basis.iter().map(|basis| (basis.field.as_str(), basis.citations.len())).collect();
        assert_eq!(told, [("offices", 0), ("head.office", 1)]);
    }

    #[test]
    fn an_object_is_put_together_from_what_was_settled() {
        let wanted = json!({"type": "object", "properties": {
            "height_m": {"type": "integer", "description": "height in metres"},
            "owner": {"type": ["string", "null"]},
            "floors": {"type": "array", "items": {"type": "object", "properties": {
                "name": {"type": "string"}, "area": {"type": "integer"}}}},
        }});
        let brief = schema("The tower", &wanted);
        let mut ledger = Ledger::default();
        ledger.add_source(source(
            "https://a.example/",
            "Tower",
            "The tower is 330 metres high. The first floor has an area of 4220 square metres. The second floor is smaller.",
        ));
        for (field, item, value) in [
            (0, None, "330 metres"),
            (2, Some("first floor"), "first floor"),
            (3, Some("First floor"), "4220"),
            (2, Some("second floor"), "second floor"),
        ] {
            let proof = of_item(evidence(&ledger, field, 0, value), item);
            ledger.prove(proof);
        }
        let settled = settle(&brief, &ledger, None);
        let made = object(&brief, &wanted, &settled, &ledger, Terms { brief: &brief, passes: 1, calibration: None });
        assert_eq!(
            Value::Object(made.content),
            json!({
                "height_m": 330,
                "owner": null,
                "floors": [{"name": "first floor", "area": 4220}, {"name": "second floor", "area": null}],
            })
        );
        let names: Vec<&str> = made.basis.iter().map(|basis| basis.field.as_str()).collect();
        assert_eq!(names, ["height_m", "owner", "floors", "floors.0", "floors.1"]);
        assert_eq!(made.basis[1].confidence, Confidence::Low);
        assert!(made.basis[1].citations.is_empty());
        assert_eq!(made.basis[0].citations[0].excerpts, Some(vec!["The tower is 330 metres high.".to_owned()]));
        let similarity = |of: usize| made.basis[of].legwork.clone().unwrap().features.unwrap()["similarity"].as_f64();
        assert!(similarity(0).is_some_and(|share| (0.5..=1.0).contains(&share)), "{:?}", similarity(0));
    }
}
