//! What of a request stands in its headers, too, so that whoever stands between can see it: servers of 2026-07-28 and later
//! demand that the two say the same, and name with `x-mcp-header` the arguments of a tool that are among it.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value};

const MARK: &str = "x-mcp-header";

/// A text as a header has it: as it is if it can be, else in base64 between marks.
pub(super) fn value(text: &str) -> HeaderValue {
    let is_plain = text.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte))
        && text.trim() == text
        && !(text.starts_with("=?base64?") && text.ends_with("?="));
    let written = if is_plain { text.to_owned() } else { format!("=?base64?{}?=", STANDARD.encode(text)) };
    // Only such characters are left as every header may have.
    HeaderValue::try_from(written).unwrap_or(HeaderValue::from_static(""))
}

/// The headers that go along with these arguments of a tool.
pub(super) fn headers(schema: &Value, arguments: &Map<String, Value>) -> Vec<(HeaderName, HeaderValue)> {
    let arguments = Value::Object(arguments.clone());
    let header = |(path, name): (Vec<String>, String)| {
        let argument = path.iter().try_fold(&arguments, |value, key| value.get(key))?;
        let text = match argument {
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) => argument.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        Some((HeaderName::try_from(format!("mcp-param-{name}")).ok()?, value(&text)))
    };
    marked(schema).into_iter().filter_map(header).collect()
}

/// Whether the marks in a schema are as they have to be. A tool with others must not be called.
pub(super) fn is_sound(schema: &Value) -> bool {
    let marked = marked(schema);
    let names: BTreeSet<_> = marked.iter().map(|(_, name)| name.to_ascii_lowercase()).collect();
    let fits = |(path, name): &(Vec<String>, String)| {
        let kind = path.iter().try_fold(schema, |schema, key| schema.get("properties")?.get(key));
        let kind = kind.and_then(|schema| schema.get("type")?.as_str());
        HeaderName::try_from(format!("mcp-param-{name}")).is_ok()
            && !name.is_empty()
            && kind.is_some_and(|kind| ["string", "integer", "boolean"].contains(&kind))
    };
    // Marks that do not lie on a way of properties alone cannot be followed.
    marks(schema) == marked.len() && names.len() == marked.len() && marked.iter().all(fits)
}

/// The marked properties that can be reached through properties alone: the way to each, and the name in its mark.
fn marked(schema: &Value) -> Vec<(Vec<String>, String)> {
    let mut found = Vec::new();
    let mut left = vec![(Vec::new(), schema)];
    while let Some((path, schema)) = left.pop() {
        if let Some(name) = schema.get(MARK).and_then(Value::as_str).filter(|_| !path.is_empty()) {
            found.push((path.clone(), name.to_owned()));
        }
        for (key, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            left.push((path.iter().chain([key]).cloned().collect(), inner));
        }
    }
    found
}

/// How many marks there are, wherever they are.
fn marks(schema: &Value) -> usize {
    match schema {
        Value::Object(members) => usize::from(members.contains_key(MARK)) + members.values().map(marks).sum::<usize>(),
        Value::Array(values) => values.iter().map(marks).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_is_written_so_that_every_header_may_have_it() {
        for (text, written) in [
            ("us-west1", "us-west1"),
            ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
            ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
            ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
        ] {
            assert_eq!(value(text), written);
        }
    }

    #[test]
    fn marked_arguments_go_along_as_headers() {
        let schema = json!({"type": "object", "properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "page": {"type": "object", "properties": {"size": {"type": "integer", "x-mcp-header": "Size"}}},
            "fresh": {"type": "boolean", "x-mcp-header": "Fresh"},
            "query": {"type": "string"},
        }});
        assert!(is_sound(&schema));
        let arguments = json!({"region": "us-west1", "page": {"size": 42}, "fresh": null, "query": "q"});
        let mut told: Vec<_> = headers(&schema, arguments.as_object().unwrap());
        told.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
        let told: Vec<_> = told.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(told, [("mcp-param-region", "us-west1"), ("mcp-param-size", "42")]);
    }

    #[test]
    fn a_tool_with_marks_that_cannot_be_followed_is_not_called() {
        let with = |property: Value| json!({"type": "object", "properties": {"a": property}});
        for odd in [
            with(json!({"type": "string", "x-mcp-header": ""})),
            with(json!({"type": "string", "x-mcp-header": "a b"})),
            with(json!({"type": "string", "x-mcp-header": "a\r\nb"})),
            with(json!({"type": "number", "x-mcp-header": "A"})),
            with(json!({"type": "array", "items": {"type": "string", "x-mcp-header": "A"}})),
            with(json!({"type": "string", "x-mcp-header": 7})),
            json!({"type": "object", "x-mcp-header": "A"}),
            json!({"type": "object", "properties": {
                "a": {"type": "string", "x-mcp-header": "A"}, "b": {"type": "string", "x-mcp-header": "a"},
            }}),
        ] {
            assert!(!is_sound(&odd), "{odd}");
        }
        assert!(is_sound(&with(json!({"type": "string"}))) && is_sound(&Value::Null));
    }
}
