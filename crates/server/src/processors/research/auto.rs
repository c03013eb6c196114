//! A schema of our own for tasks that leave the form to the processor: one property for each part of the answer.

use legwork_core::output::{FieldBasis, Output};
use serde_json::{Map, Value, json};

use super::desk::Desk;
use super::part::Part;

/// Whether a processor answers a task without a schema in JSON: from `pro` on.
pub(in crate::processors) fn wants_json(processor: &str) -> bool {
    processor.starts_with("pro") || processor.starts_with("ultra")
}

/// The answer as an object, with the schema it follows.
pub(super) fn output(desk: &Desk<'_>, parts: &[Part<'_>]) -> Output {
    let mut content = Map::new();
    let mut properties = Map::new();
    let mut basis: Vec<FieldBasis> = Vec::new();
    for part in parts {
        let (what, value) = match part {
            Part::Found(finding) => (finding.what.as_str(), Value::String(finding.value.clone())),
            Part::Missing { what, .. } => (what.as_str(), Value::Null),
        };
        let known = parts.iter().any(|part| matches!(part, Part::Found(_)));
        let name = if known { unused(&key(what), &content) } else { "answer".to_owned() };
        if content.contains_key(&name) {
            continue;
        }
        let kind = if value.is_null() { json!(["string", "null"]) } else { json!("string") };
        properties.insert(name.clone(), json!({"type": kind, "description": what}));
        basis.push(desk.basis(&name, std::slice::from_ref(part)));
        content.insert(name, value);
    }
    let required: Vec<&String> = content.keys().collect();
    let schema = json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    Output::json(content, basis, Some(schema))
}

/// `Capital of Mongolia` as a property's name.
fn key(what: &str) -> String {
    let folded = super::text::fold(what);
    let mut name: String = folded.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' }).collect();
    name = name.split_whitespace().take(8).collect::<Vec<_>>().join("_");
    if name.is_empty() { "answer".to_owned() } else { name }
}

fn unused(name: &str, content: &Map<String, Value>) -> String {
    let numbered = (2..).map(|number| format!("{name}_{number}"));
    // The numbers do not run out before the parts do.
    std::iter::once(name.to_owned()).chain(numbered).find(|name| !content.contains_key(name)).unwrap_or_default()
}
