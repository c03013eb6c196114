//! The part of JSON Schema that an output may be described with (wire.md 2.4).
//!
//! What would leave us with an output we cannot produce is an error; what we merely do not look at is a warning. A
//! schema is walked once: a definition that many places refer to is looked into once, and one that refers to itself is
//! refused, so the walk ends whatever it is given.

use std::collections::{BTreeMap, BTreeSet};

use legwork_core::tier::Tier;
use serde_json::{Map, Value, json};

use crate::findings::{At, Findings};

/// How deep objects may lie in each other; the root is the first.
const MAX_DEPTH: usize = 5;

/// How many properties there may be, all objects together.
const MAX_PROPERTIES: usize = 100;

/// How long the names of properties and the values of enumerations may be, all together, in characters.
const MAX_NAMES: usize = 25_000;

/// How many values enumerations may have, all together.
const MAX_ENUM_VALUES: usize = 500;

/// An enumeration of more values than this may have only [`MAX_LARGE_ENUM`] characters.
const LARGE_ENUM: usize = 250;

/// How long the values of a large enumeration may be together, in characters.
const MAX_LARGE_ENUM: usize = 7_500;

/// How many schemas may lie in each other whatever they are, references followed. Keeps the walk off the stack's end.
const MAX_LEVEL: usize = 64;

/// What the basis says already; a property of this name asks for it twice.
const IN_THE_BASIS: [&str; 7] =
    ["citations", "confidence", "evidence", "reasoning", "source", "sources", "source_urls"];

/// Keywords that the official server refuses. Generated schemas are full of them, so here they are only not enforced.
const UNSUPPORTED: [&str; 19] = [
    "contains",
    "format",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "patternProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
];

const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// Says what is wrong and what is odd about the schema of an output.
pub(super) fn check(schema: &Value, at: &At<'_>, tier: Option<&Tier>, found: &mut Findings) {
    let Value::Object(root) = schema else { return };
    if !is_sound_root(root, at, found) {
        return;
    }
    let mut walk = Walk::new(schema, at, found);
    let height = walk.schema(schema, at, Within::Nothing, 0);
    walk.limits(height);
    walk.remarks();
    too_many_fields(root, tier, found);
}

fn is_sound_root(root: &Map<String, Value>, at: &At<'_>, found: &mut Findings) -> bool {
    let before = found.faults.len();
    if root.contains_key("anyOf") {
        found.wrong(&at.key("anyOf"), "value_error", "must not be used at the root of an output schema");
    }
    if root.get("type").and_then(Value::as_str) != Some("object") {
        found.wrong(&at.key("type"), "value_error", "must be `object` at the root of an output schema");
    }
    let properties = root.get("properties").and_then(Value::as_object);
    if properties.is_none_or(Map::is_empty) {
        found.wrong(&at.key("properties"), "value_error", "must name at least one field of the output");
    }
    found.faults.len() == before
}

fn too_many_fields(root: &Map<String, Value>, tier: Option<&Tier>, found: &mut Findings) {
    let count = root.get("properties").and_then(Value::as_object).map_or(0, Map::len);
    let Some(tier) = tier.filter(|tier| count > tier.fields) else { return };
    let message =
        format!("{count} output fields are more than the about {} that `{}` is meant for", tier.fields, tier.name);
    found.odd_spec(message, Some(json!({ "fields": count, "meant_for": tier.fields })));
}

/// Where a schema stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    /// By itself.
    Nothing,
    /// One of several that may hold; only there `null` has a meaning.
    Union,
}

/// One walk over a schema.
struct Walk<'s, 'f> {
    root: &'s Value,
    at: &'f At<'f>,
    found: &'f mut Findings,
    /// How many objects lie in each other from a definition on, once it was looked into.
    heights: BTreeMap<&'s str, usize>,
    /// The references that are being followed.
    open: Vec<&'s str>,
    /// It was said that the schema lies too deep.
    told_of_level: bool,
    properties: usize,
    enum_values: usize,
    chars: usize,
    not_required: Vec<String>,
    not_closed: Vec<String>,
    in_the_basis: BTreeSet<&'s str>,
    unsupported: BTreeSet<&'s str>,
}

impl<'s, 'f> Walk<'s, 'f> {
    fn new(root: &'s Value, at: &'f At<'f>, found: &'f mut Findings) -> Self {
        Self {
            root,
            at,
            found,
            heights: BTreeMap::new(),
            open: Vec::new(),
            told_of_level: false,
            properties: 0,
            enum_values: 0,
            chars: 0,
            not_required: Vec::new(),
            not_closed: Vec::new(),
            in_the_basis: BTreeSet::new(),
            unsupported: BTreeSet::new(),
        }
    }

    /// Looks into a schema; says how many objects lie in each other from here on.
    fn schema(&mut self, schema: &'s Value, at: &At<'_>, within: Within, level: usize) -> usize {
        let Value::Object(schema) = schema else {
            if !schema.is_boolean() {
                self.found.wrong(at, "dict_type", "is no schema: an object was expected");
            }
            return 0;
        };
        if level > MAX_LEVEL {
            self.too_deep();
            return 0;
        }
        self.unsupported.extend(schema.keys().map(String::as_str).filter(|key| UNSUPPORTED.contains(key)));
        self.kind(schema, at, within);
        self.values(schema, at);
        let below = self.children(schema, at, level).max(self.reference(schema, at, within, level));
        if is_object(schema) { below + 1 } else { below }
    }

    fn too_deep(&mut self) {
        if !std::mem::replace(&mut self.told_of_level, true) {
            self.found.wrong(self.at, "value_error", format!("has more than {MAX_LEVEL} schemas in each other"));
        }
    }

    fn kind(&mut self, schema: &Map<String, Value>, at: &At<'_>, within: Within) {
        let at = at.key("type");
        let names: Vec<&Value> = match schema.get("type") {
            None => return,
            Some(Value::Array(names)) => names.iter().collect(),
            Some(name) => vec![name],
        };
        if !names.iter().all(|name| name.as_str().is_some_and(|name| TYPES.contains(&name))) {
            self.found.wrong(&at, "literal_error", format!("must be one of {}, or a list of them", TYPES.join(", ")));
        } else if within == Within::Nothing && names.iter().all(|name| *name == "null") {
            self.found.wrong(&at, "value_error", "may be `null` only beside another type");
        }
    }

    fn values(&mut self, schema: &'s Map<String, Value>, at: &At<'_>) {
        if let Some(value) = schema.get("const") {
            self.chars += chars(value);
        }
        let Some(values) = schema.get("enum") else { return };
        let at = at.key("enum");
        let Some(values) = values.as_array().filter(|values| !values.is_empty()) else {
            return self.found.wrong(&at, "list_type", "must be a list of at least one value");
        };
        let length: usize = values.iter().map(chars).sum();
        self.enum_values += values.len();
        self.chars += length;
        if values.len() > LARGE_ENUM && length > MAX_LARGE_ENUM {
            let message = format!(
                "has {} values of {length} characters together; with more than {LARGE_ENUM} values at most {MAX_LARGE_ENUM} are allowed",
                values.len()
            );
            self.found.wrong(&at, "too_long", message);
        }
    }

    fn children(&mut self, schema: &'s Map<String, Value>, at: &At<'_>, level: usize) -> usize {
        let mut height = 0;
        if is_object(schema) {
            height = height.max(self.object(schema, at, level));
        }
        for (key, within) in [
            ("items", Within::Nothing),
            ("prefixItems", Within::Nothing),
            ("additionalProperties", Within::Nothing),
            ("anyOf", Within::Union),
            ("oneOf", Within::Union),
            ("allOf", Within::Nothing),
        ] {
            let at = at.key(key);
            height = height.max(match schema.get(key) {
                None => 0,
                Some(Value::Array(schemas)) => schemas
                    .iter()
                    .enumerate()
                    .map(|(i, schema)| self.schema(schema, &at.index(i), within, level + 1))
                    .max()
                    .unwrap_or(0),
                Some(schema) => self.schema(schema, &at, within, level + 1),
            });
        }
        height
    }

    fn object(&mut self, schema: &'s Map<String, Value>, at: &At<'_>, level: usize) -> usize {
        if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
            self.not_closed.push(at.to_string());
        }
        let at = at.key("properties");
        let properties = match schema.get("properties") {
            None => return 0,
            Some(Value::Object(properties)) => properties,
            Some(_) => {
                self.found.wrong(&at, "dict_type", "must be an object of schemas");
                return 0;
            }
        };
        let required = schema.get("required").and_then(Value::as_array);
        let mut height = 0;
        for (name, property) in properties {
            let at = at.key(name);
            self.properties += 1;
            self.chars += name.chars().count();
            if !required.is_some_and(|names| names.iter().any(|required| required == name)) {
                self.not_required.push(at.to_string());
            }
            self.in_the_basis.extend(IN_THE_BASIS.contains(&name.as_str()).then_some(name.as_str()));
            height = height.max(self.schema(property, &at, Within::Nothing, level + 1));
        }
        height
    }

    fn reference(&mut self, schema: &'s Map<String, Value>, at: &At<'_>, within: Within, level: usize) -> usize {
        let at = at.key("$ref");
        let Some(reference) = schema.get("$ref") else { return 0 };
        let Some(path) = reference.as_str().and_then(|name| name.strip_prefix('#')) else {
            self.found.wrong(&at, "value_error", "must refer to a part of this schema, such as `#/$defs/Person`");
            return 0;
        };
        if let Some(height) = self.heights.get(path) {
            return *height;
        }
        if self.open.contains(&path) {
            self.found.wrong(&at, "value_error", "makes the schema refer to itself; it could go on for ever");
            return 0;
        }
        let Some(target) = self.root.pointer(path) else {
            self.found.wrong(&at, "value_error", format!("refers to `#{path}`, which is not in this schema"));
            return 0;
        };
        self.open.push(path);
        let root = self.at;
        let at = path.strip_prefix('/').map_or(*root, |path| root.key(path));
        let height = self.schema(target, &at, within, level + 1);
        self.open.pop();
        self.heights.insert(path, height);
        height
    }

    fn limits(&mut self, height: usize) {
        for (count, most, what) in [
            (height, MAX_DEPTH, "objects in each other"),
            (self.properties, MAX_PROPERTIES, "properties"),
            (self.enum_values, MAX_ENUM_VALUES, "values in enumerations"),
            (self.chars, MAX_NAMES, "characters in names and values"),
        ] {
            if count > most {
                self.found.wrong(self.at, "value_error", format!("has {count} {what}; at most {most} are allowed"));
            }
        }
    }

    fn remarks(&mut self) {
        if !self.unsupported.is_empty() {
            let message = format!("keywords that are not enforced: {}", joined(self.unsupported.iter().copied()));
            self.found.odd_spec(message, Some(json!({ "keywords": self.unsupported })));
        }
        if !self.in_the_basis.is_empty() {
            let names = joined(self.in_the_basis.iter().copied());
            let message = format!("properties that ask for what the basis says already: {names}");
            self.found.odd_spec(message, Some(json!({ "properties": self.in_the_basis })));
        }
        if !self.not_required.is_empty() {
            let message = "not every property is listed in `required`; the output has them all the same";
            self.found.odd_spec(message, Some(json!({ "properties": self.not_required })));
        }
        if !self.not_closed.is_empty() {
            let message = "not every object has `additionalProperties: false`; the output has no others all the same";
            self.found.odd_spec(message, Some(json!({ "objects": self.not_closed })));
        }
    }
}

fn is_object(schema: &Map<String, Value>) -> bool {
    let named = match schema.get("type") {
        Some(Value::Array(names)) => names.iter().any(|name| name == "object"),
        Some(name) => name == "object",
        None => false,
    };
    named || schema.contains_key("properties")
}

/// How many characters a value of an enumeration has: a string its own, anything else its JSON.
fn chars(value: &Value) -> usize {
    value.as_str().map_or_else(|| value.to_string().chars().count(), |text| text.chars().count())
}

fn joined<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
