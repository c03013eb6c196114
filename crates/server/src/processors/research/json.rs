//! Fills an object that follows a JSON Schema, field by field: each property is a small question about the input.

use legwork_core::output::{Confidence, FieldBasis};
use serde_json::{Map, Value};

use super::desk::{Desk, question_of};
use super::part::{Part, missing};
use super::pick;
use super::pick::Unit;
use super::schema::{Kind, Schema};
use super::text::{stems, words};

/// Properties that mean the whole question.
const WHOLE: &[&str] = &[
    "answer",
    "result",
    "response",
    "value",
    "output",
    "summary",
    "text",
    "content",
    "finding",
    "description",
    "report",
    "overview",
];
/// Properties that mean the entity itself.
const ITSELF: &[&str] = &["country", "country name", "name", "entity", "nation", "territory", "country or territory"];
/// Words of a property that say how the value is written, not what it is.
const FORM: &[&str] = &[
    "sq",
    "km",
    "km2",
    "sqkm",
    "usd",
    "percent",
    "pct",
    "million",
    "billion",
    "thousand",
    "trillion",
    "list",
    "count",
    "year",
    "date",
    "text",
    "string",
    "number",
    "est",
    "iso",
    "array",
    "mio",
    "bn",
    "mn",
    "float",
    "integer",
    "int",
    "current",
    "latest",
    "mile",
    "mi",
    "unit",
    "human",
    "readable",
    "e.g",
    "eg",
    "etc",
    "null",
    "unavailable",
    "unknown",
    "known",
    "format",
    "yyyy",
    "mm",
    "dd",
];

/// Words of a nested property that mean its parent's value.
const GENERIC: &[&str] = &[
    "name",
    "value",
    "total",
    "amount",
    "number",
    "text",
    "year",
    "date",
    "estimate",
    "since",
    "full",
    "title",
    "latest",
    "as",
    "of",
    "in",
    "km",
    "sq",
    "usd",
    "percent",
    "million",
    "billion",
    "person",
    "meter",
    "m",
    "elevation",
    "height",
    "unit",
];

/// A filled property.
struct Filled<'a> {
    value: Value,
    parts: Vec<Part<'a>>,
}

/// The object and its basis.
pub(super) fn fill<'a>(desk: &Desk<'a>, schema: &Value) -> (Map<String, Value>, Vec<FieldBasis>, Vec<Part<'a>>) {
    let maker = Filler { desk, schema: Schema::new(schema), question: question_of(&desk.task.input) };
    let entities = desk.entities(&maker.question);
    let (mut content, mut basis, mut all) = (Map::new(), Vec::new(), Vec::new());
    for (name, node) in maker.schema.properties() {
        let filled = maker.property(name, node, "", &entities);
        basis.extend(maker.basis(name, &filled));
        all.extend(filled.parts);
        content.insert(name.clone(), filled.value);
    }
    (content, basis, all)
}

struct Filler<'a, 's, 'd> {
    desk: &'d Desk<'a>,
    schema: Schema<'s>,
    question: String,
}

impl<'a, 's> Filler<'a, 's, '_> {
    /// A property's own entry, and one for each element of a list.
    fn basis(&self, name: &str, filled: &Filled<'a>) -> Vec<FieldBasis> {
        let own = if filled.value.is_null() { none_cited(&filled.parts) } else { filled.parts.clone() };
        let mut found = vec![self.desk.basis(name, &own)];
        let elements = filled.value.as_array().map_or(0, Vec::len);
        for at in 0..elements {
            found.push(self.desk.basis(&format!("{name}.{at}"), &own));
        }
        if filled.value.is_null() {
            found[0].confidence = Confidence::Low;
        }
        found
    }

    fn property(&self, name: &str, node: &'s Value, parent: &str, entities: &[String]) -> Filled<'a> {
        let words = humanised(name);
        match self.schema.kind(node) {
            Kind::Object(map) => self.object(&words, map, entities),
            Kind::List(items) => self.list(&words, node, items, entities),
            kind @ (Kind::Text | Kind::Integer | Kind::Number | Kind::Boolean | Kind::Choice(_)) => {
                self.leaf(&words, node, kind, parent, entities)
            }
        }
    }

    fn object(&self, words: &str, map: &'s Map<String, Value>, entities: &[String]) -> Filled<'a> {
        let mut object = Map::new();
        let mut parts = Vec::new();
        for (name, node) in map {
            let filled = self.property(name, node, words, entities);
            parts.extend(filled.parts);
            object.insert(name.clone(), filled.value);
        }
        let empty = object.values().all(Value::is_null);
        Filled { value: if empty { Value::Null } else { Value::Object(object) }, parts }
    }

    fn list(&self, words: &str, node: &'s Value, items: &'s Value, entities: &[String]) -> Filled<'a> {
        let about_entities = ["country", "entity", "result", "item", "row"].contains(&stems(words).join(" ").as_str());
        match self.schema.kind(items) {
            Kind::Object(map) if about_entities && !entities.is_empty() => self.rows(map, entities),
            Kind::Object(map) => self.records(words, node, map, entities),
            Kind::Text | Kind::Choice(_) | Kind::Integer | Kind::Number | Kind::Boolean | Kind::List(_) => {
                let parts = self.asked(words, node, "", entities, false);
                let value = found(&parts).map(|finding| pick::list(&finding.value));
                let value = value.filter(|list| !list.is_empty()).map_or(Value::Null, Value::from);
                Filled { value, parts }
            }
        }
    }

    /// One object for each entity of the input.
    fn rows(&self, map: &'s Map<String, Value>, entities: &[String]) -> Filled<'a> {
        let filled: Vec<Filled<'a>> =
            entities.iter().map(|entity| self.object("", map, std::slice::from_ref(entity))).collect();
        let (values, parts): (Vec<Value>, Vec<Vec<Part<'a>>>) = filled.into_iter().map(|f| (f.value, f.parts)).unzip();
        Filled { value: Value::Array(values), parts: parts.into_iter().flatten().collect() }
    }

    /// One object for each item of a list field: its name and its number.
    fn records(&self, words: &str, node: &'s Value, map: &'s Map<String, Value>, entities: &[String]) -> Filled<'a> {
        let parts = self.asked(words, node, "", entities, false);
        let Some(finding) = found(&parts) else { return Filled { value: Value::Null, parts } };
        let items = super::facts::items(&finding.value);
        let records: Vec<Value> = items
            .into_iter()
            .filter(|item| !pick::list(item).is_empty())
            .map(|item| {
                let mut named = false;
                let entry = map.iter().map(|(name, node)| {
                    let value = match self.schema.kind(node) {
                        Kind::Text if !named => {
                            named = true;
                            Value::String(pick::name_of(item))
                        }
                        Kind::Integer => pick::number(item, Unit::of(&humanised(name)), true).unwrap_or(Value::Null),
                        Kind::Number => pick::number(item, Unit::of(&humanised(name)), false).unwrap_or(Value::Null),
                        Kind::Text | Kind::Boolean | Kind::Choice(_) | Kind::List(_) | Kind::Object(_) => Value::Null,
                    };
                    (name.clone(), value)
                });
                Value::Object(entry.collect())
            })
            .collect();
        Filled { value: if records.is_empty() { Value::Null } else { Value::Array(records) }, parts }
    }

    fn leaf(&self, words: &str, node: &'s Value, kind: Kind<'s>, parent: &str, entities: &[String]) -> Filled<'a> {
        if let (Kind::Text, true, [entity, ..]) = (kind, ITSELF.contains(&words) && parent.is_empty(), entities) {
            let parts = self.desk.parts(&format!("short form of {entity}"));
            if found(&parts).is_some() {
                return Filled { value: Value::String(entity.clone()), parts };
            }
        }
        let polar = kind == Kind::Boolean || matches!(kind, Kind::Choice(choices) if pick::is_yes_or_no(choices));
        let parts = self.asked(words, node, parent, entities, polar);
        let value = found(&parts).and_then(|finding| {
            let person = finding.what.starts_with("Chief of state") || finding.what.starts_with("Head of government");
            match words {
                "title" | "position" | "role" | "office" if person => pick::title(&finding.value).map(Value::String),
                "name" | "full name" if person => Some(Value::String(pick::person(&finding.value))),
                "name" if !parent.is_empty() => Some(Value::String(self.name_in(finding))),
                _ => self.typed(finding, &parts, words, node, kind),
            }
        });
        Filled { value: value.unwrap_or(Value::Null), parts }
    }

    /// `Fan Si Pan` in `Fan Si Pan 3,144 m`.
    #[expect(clippy::unused_self, reason = "it stands among the methods it is used by")]
    fn name_in(&self, finding: &super::part::Finding<'a>) -> String {
        let first = super::facts::items(&finding.value).first().map(|item| pick::name_of(item));
        first.filter(|name| !name.is_empty()).unwrap_or_else(|| finding.value.clone())
    }

    fn typed(
        &self,
        finding: &super::part::Finding<'a>,
        parts: &[Part<'a>],
        words: &str,
        node: &'s Value,
        kind: Kind<'s>,
    ) -> Option<Value> {
        let told = format!("{words} {}", self.schema.description(node).unwrap_or_default());
        match kind {
            Kind::Integer => pick::number(&finding.value, Unit::of(&told), true),
            Kind::Number => pick::number(&finding.value, Unit::of(&told), false),
            // `has_coastline`
            Kind::Boolean if finding.what.starts_with("Coastline") && finding.line.starts_with("Coastline") => {
                Some(Value::Bool(!finding.value.contains("landlocked")))
            }
            Kind::Boolean => pick::boolean(&finding.line, &finding.value).map(Value::Bool),
            Kind::Choice(choices) if pick::is_yes_or_no(choices) => {
                pick::boolean(&finding.line, &finding.value).and_then(|yes| pick::yes_or_no(yes, choices))
            }
            Kind::Choice(choices) => pick::choice(&finding.value, choices),
            Kind::Text if self.schema.is_date(node) => pick::date(&finding.value).map(Value::String),
            Kind::Text if WHOLE.contains(&words) => Some(Value::String(lines(parts))),
            Kind::Text if stems(words).iter().any(|word| word == "code") => Some(Value::String(code(&finding.value))),
            Kind::Text if stems(words).iter().any(|word| word == "year") => {
                pick::number(&finding.value, Unit::of("year"), true).map(|year| Value::String(year.to_string()))
            }
            Kind::Text if stems(words).iter().any(|word| word == "since") => {
                pick::since(&finding.value).map(Value::String)
            }
            Kind::Text if words == "continent" => {
                Some(Value::String(pick::continent(&finding.value).unwrap_or_else(|| self.name_in(finding))))
            }
            Kind::Text if finding.what.starts_with("Location") && words != "location" => {
                Some(Value::String(self.name_in(finding)))
            }
            Kind::Text if is_foremost(words) => Some(Value::String(self.name_in(finding))),
            Kind::Text => {
                let single = finding.what.starts_with("Capital") && !finding.value.contains("); ");
                Some(Value::String(pick::short(&finding.value, single)))
            }
            Kind::List(_) | Kind::Object(_) => None,
        }
    }

    /// The parts that answer a property: by its description, by its name, by its parent's name.
    fn asked(&self, words: &str, node: &'s Value, parent: &str, entities: &[String], polar: bool) -> Vec<Part<'a>> {
        if WHOLE.contains(&words) && parent.is_empty() {
            return self.desk.parts(&self.question);
        }
        let Some(entity) = entities.first() else { return self.loosely(words) };
        // A region of a country is where it lies, not one of its own.
        let bare =
            if matches!(words, "region" | "subregion" | "world region") { "location".into() } else { plain(words) };
        let described = self.schema.description(node).map(plain).unwrap_or_default();
        let mut tried: Vec<String> = Vec::new();
        if polar {
            tried.extend([&described, &bare].iter().filter(|t| !t.is_empty()).map(|t| format!("Is {entity} {t}?")));
        }
        let joined = plain(&format!("{parent} {words}"));
        // A child that says nothing of its own (`name`, `value`) means its parent.
        let own = stems(words).iter().all(|word| GENERIC.contains(&word.as_str()));
        let whole = if own { plain(parent) } else { String::new() };
        // Below a parent that is a field, a child by its own name would be about something else: the party of a person.
        let bare = if self.desk.names_field(parent) { String::new() } else { bare };
        for text in [&described, &joined, &bare, &whole] {
            if !text.is_empty() {
                tried.push(format!("{text} of {entity}"));
            }
        }
        let mut first: Option<Vec<Part<'a>>> = None;
        for question in tried {
            let parts = self.desk.parts(&question);
            // A description that asks for a year the corpus lacks is an answer too: there is none.
            if matches!(parts.as_slice(), [Part::Found(finding)] if finding.doubt.is_none())
                || Self::names_a_year(&question, &parts)
            {
                return parts;
            }
            if parts.len() == 1 && first.as_ref().is_none_or(|old| found(old).is_none() && found(&parts).is_some()) {
                first = Some(parts);
            }
        }
        first.unwrap_or_else(|| vec![missing(format!("{words} of {entity}"), "no field of the corpus is called that")])
    }

    fn names_a_year(question: &str, parts: &[Part<'a>]) -> bool {
        let year = words(question).iter().any(|word| word.is_number() && word.folded.len() == 4);
        year && matches!(parts, [Part::Missing { why, .. }] if why.starts_with("the field has nothing for"))
    }

    /// Without an entity only the operator's documents can help.
    fn loosely(&self, words: &str) -> Vec<Part<'a>> {
        let question = format!("{} {}", words, self.question);
        let parts = self.desk.parts(&question);
        if found(&parts).is_some() {
            parts
        } else {
            vec![missing(words, "the input names nothing that the corpus knows")]
        }
    }
}

/// The finding of parts that are one finding.
fn found<'p, 'a>(parts: &'p [Part<'a>]) -> Option<&'p super::part::Finding<'a>> {
    parts.iter().find_map(|part| match part {
        Part::Found(finding) => Some(finding),
        Part::Missing { .. } => None,
    })
}

/// Found parts whose value could not be used cite nothing.
fn none_cited<'a>(parts: &[Part<'a>]) -> Vec<Part<'a>> {
    parts
        .iter()
        .map(|part| match part {
            Part::Found(finding) => {
                missing(finding.what.clone(), format!("“{}” does not hold a value of the wanted type", finding.value))
            }
            Part::Missing { .. } => part.clone(),
        })
        .collect()
}

fn lines(parts: &[Part<'_>]) -> String {
    let found: Vec<&str> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Found(finding) => Some(finding.line.as_str()),
            Part::Missing { .. } => None,
        })
        .collect();
    found.join("\n")
}

/// Whether a property asks for the first of a list: `main religion`, `official language`.
fn is_foremost(words: &str) -> bool {
    const FIRST: &[&str] =
        &["main", "largest", "primary", "predominant", "dominant", "official", "biggest", "top", "major"];
    const LISTS: &[&str] =
        &["religion", "language", "city", "partner", "export", "import", "group", "industry", "resource"];
    let words = stems(words);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    has(FIRST) && has(LISTS)
}

/// `togrog/tugriks (MNT)` has the code `MNT`.
fn code(value: &str) -> String {
    let bracketed = value.split('(').skip(1).filter_map(|rest| rest.split(')').next());
    let is_code = |text: &&str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    bracketed.into_iter().find(is_code).unwrap_or(value).to_owned()
}

/// `gdpPerCapita_usd` as words.
pub(super) fn humanised(name: &str) -> String {
    let mut text = String::new();
    let mut before = ' ';
    for c in name.chars() {
        if c.is_uppercase() && before.is_lowercase() {
            text.push(' ');
        }
        text.push(if c.is_alphanumeric() { c.to_ascii_lowercase() } else { ' ' });
        before = c;
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A property's words without those that say how the value is written; brackets and second sentences go too.
fn plain(text: &str) -> String {
    let head = text.split(['(', '.', ';', '\n']).next().unwrap_or_default();
    let head = head.split(", e.g").next().unwrap_or(head);
    let kept = words(head).into_iter().filter(|word| !FORM.contains(&word.stem.as_str()) || word.is_number());
    kept.map(|word| head[word.range].to_owned()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_properties_become_words() {
        assert_eq!(humanised("gdpPerCapita_usd"), "gdp per capita usd");
        assert_eq!(humanised("official-languages"), "official languages");
    }

    #[test]
    fn words_of_form_are_left_out() {
        assert_eq!(plain("area sq km"), "area");
        assert_eq!(plain("Total population (latest estimate). Use null if unknown."), "Total population");
    }
}
