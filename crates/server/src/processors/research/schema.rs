//! Reads a JSON Schema as far as an answer needs it: references, unions with null, types, enums.

use serde_json::{Map, Value};

/// How deep references are followed; a schema may refer to itself.
const DEEPEST: usize = 8;

/// What a property may hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::processors) enum Kind<'s> {
    Text,
    Integer,
    Number,
    Boolean,
    /// One of these values.
    Choice(&'s [Value]),
    /// A list of what this schema says.
    List(&'s Value),
    /// An object with these properties.
    Object(&'s Map<String, Value>),
}

/// A schema with its definitions at hand.
#[derive(Clone, Copy, Debug)]
pub(in crate::processors) struct Schema<'s> {
    root: &'s Value,
}

static ANYTHING: Value = Value::Null;

impl<'s> Schema<'s> {
    /// A whole schema.
    pub(in crate::processors) fn new(root: &'s Value) -> Self {
        Self { root }
    }

    /// The properties of the root; none if it has none.
    pub(in crate::processors) fn properties(self) -> impl Iterator<Item = (&'s String, &'s Value)> + use<'s> {
        let map = match self.kind(self.root) {
            Kind::Object(map) => Some(map),
            Kind::Text | Kind::Integer | Kind::Number | Kind::Boolean | Kind::Choice(_) | Kind::List(_) => None,
        };
        map.into_iter().flatten()
    }

    /// What a node may hold besides null.
    pub(in crate::processors) fn kind(self, node: &'s Value) -> Kind<'s> {
        let node = self.resolved(node);
        if let Some(values) = node.get("enum").and_then(Value::as_array) {
            return Kind::Choice(values);
        }
        if let Some(value) = node.get("const") {
            return Kind::Choice(std::slice::from_ref(value));
        }
        match type_of(node) {
            "integer" => Kind::Integer,
            "number" => Kind::Number,
            "boolean" => Kind::Boolean,
            "array" => Kind::List(node.get("items").unwrap_or(&ANYTHING)),
            "object" => node.get("properties").and_then(Value::as_object).map_or(Kind::Text, Kind::Object),
            _ => Kind::Text,
        }
    }

    /// The words that describe a node: its description, also beside a reference.
    pub(in crate::processors) fn description(self, node: &'s Value) -> Option<&'s str> {
        let own = |node: &'s Value| node.get("description").and_then(Value::as_str);
        own(node).or_else(|| own(self.resolved(node)))
    }

    /// Whether a text shall be a date.
    pub(in crate::processors) fn is_date(self, node: &'s Value) -> bool {
        let format = self.resolved(node).get("format").and_then(Value::as_str);
        matches!(format, Some("date" | "date-time"))
    }

    fn resolved(self, node: &'s Value) -> &'s Value {
        let mut node = node;
        for _ in 0..DEEPEST {
            let next = self.reference(node).or_else(|| alternative(node));
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }

    fn reference(self, node: &Value) -> Option<&'s Value> {
        let path = node.get("$ref")?.as_str()?.strip_prefix('#')?;
        self.root.pointer(path)
    }
}

/// The first alternative that is not null.
fn alternative(node: &Value) -> Option<&Value> {
    let list = ["anyOf", "oneOf", "allOf"].iter().find_map(|key| node.get(*key)?.as_array())?;
    list.iter().find(|option| option.get("type").and_then(Value::as_str) != Some("null"))
}

fn type_of(node: &Value) -> &str {
    let named = match node.get("type") {
        Some(Value::String(name)) => Some(name.as_str()),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        _ => None,
    };
    named.unwrap_or(if node.get("properties").is_some() {
        "object"
    } else if node.get("items").is_some() {
        "array"
    } else {
        "string"
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_and_unions_with_null_are_read() {
        let root = json!({
            "type": "object",
            "properties": {
                "a": {"$ref": "#/$defs/City", "description": "where"},
                "b": {"anyOf": [{"type": "null"}, {"type": "integer"}]},
                "c": {"type": ["string", "null"]},
                "d": {"type": "array", "items": {"$ref": "#/$defs/City"}},
                "e": {"$ref": "#/properties/e"},
            },
            "$defs": {"City": {"type": "object", "properties": {"name": {"type": "string"}}}}
        });
        let schema = Schema::new(&root);
        let kinds: Vec<_> = schema.properties().map(|(_, node)| schema.kind(node)).collect();
        assert!(matches!(kinds[0], Kind::Object(_)));
        assert!(matches!(kinds[1], Kind::Integer));
        assert!(matches!(kinds[2], Kind::Text));
        assert!(matches!(kinds[3], Kind::List(_)));
        assert!(matches!(kinds[4], Kind::Text));
        assert_eq!(schema.description(&root["properties"]["a"]), Some("where"));
    }
}
