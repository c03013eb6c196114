//! Two answers to one question put together: what the documents say, and what the web says of what they do not.

use legwork_core::output::{FieldBasis, Output, OutputExtras};
use serde_json::Value;

/// What is said first where no model read anything.
const EXTRACTIVE: &str = "Extractive; no language model configured.";

/// The fields of an answer that nothing is cited for; none of an object whose schema is ours, as long as it says anything.
pub(super) fn open(output: &Output) -> Vec<String> {
    let is_open = |basis: &&FieldBasis| basis.citations.is_empty();
    match output {
        Output::Text { basis, .. } => basis.iter().filter(is_open).map(|basis| basis.field.clone()).collect(),
        Output::Json { basis, output_schema: Some(_), .. } if basis.iter().any(|basis| !is_open(&basis)) => Vec::new(),
        Output::Json { content, basis, .. } => {
            let unfilled = |basis: &&FieldBasis| content.get(&basis.field).is_some_and(is_empty);
            basis.iter().filter(is_open).filter(unfilled).map(|basis| basis.field.clone()).collect()
        }
    }
}

/// Whether a value says nothing: it is null, or has nothing but such in it.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.iter().all(is_empty),
        Value::Object(fields) => fields.values().all(is_empty),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Whether a field is an element of this list: `rivers.0` of `rivers`.
fn is_element(list: &str, field: &str) -> bool {
    let rest = field.strip_prefix(list).and_then(|rest| rest.strip_prefix('.'));
    rest.is_some_and(|number| !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit()))
}

/// The first answer, with what the second one has for these fields of it.
pub(super) fn joined(documents: Output, web: Output, open: &[String]) -> Output {
    match (documents, web) {
        (
            Output::Text { content, basis, .. },
            Output::Text { content: found, basis: proof, mcp_tool_calls, beta_fields, legwork },
        ) => {
            let is_found = proof.iter().any(|basis| !basis.citations.is_empty());
            let content = if is_found { found } else { format!("{content}\n{}", neither(legwork.as_ref())) };
            let basis = basis.into_iter().map(|own| field(own, &proof)).collect();
            Output::Text { content, basis, mcp_tool_calls, beta_fields, legwork }
        }
        (
            Output::Json { mut content, basis, output_schema: None, .. },
            Output::Json { content: mut found, basis: proof, mcp_tool_calls, beta_fields, legwork, .. },
        ) => {
            let mut all = Vec::new();
            // Lists that the web's took the place of.
            let mut replaced: Vec<String> = Vec::new();
            for own in basis {
                let name = own.field.clone();
                if replaced.iter().any(|list| is_element(list, &name)) {
                    continue;
                }
                if !open.contains(&name) {
                    all.push(own);
                    continue;
                }
                all.push(field(own, &proof));
                if let Some(value) = found.remove(&name).filter(|value| !value.is_null()) {
                    all.extend(proof.iter().filter(|basis| is_element(&name, &basis.field)).cloned());
                    replaced.push(name.clone());
                    content.insert(name, value);
                }
            }
            Output::Json { content, basis: all, mcp_tool_calls, beta_fields, output_schema: None, legwork }
        }
        // Where the form was ours, and the documents had nothing for it, it is the web's.
        (_, web) => web,
    }
}

/// What is said where neither has an answer: that the web could not be asked is not that it says nothing.
fn neither(web: Option<&OutputExtras>) -> &'static str {
    match web {
        Some(extras) if extras.usage.pages > 0 => "Nothing that was read on the web states it either.",
        Some(extras) if !extras.warnings.is_empty() => "The web could not be read.",
        Some(_) | None => "Nothing was found on the web.",
    }
}

/// What a field rests on: the second answer's, if that has anything, else the first one's; with what both did.
fn field(own: FieldBasis, others: &[FieldBasis]) -> FieldBasis {
    let Some(other) = others.iter().find(|other| other.field == own.field) else { return own };
    if other.citations.is_empty() {
        let reasoning = format!("{} On the web: {}", own.reasoning, other.reasoning);
        return FieldBasis { reasoning, ..own };
    }
    let reasoning = format!("{EXTRACTIVE} Not in the documents of this server; on the web: {}", other.reasoning);
    FieldBasis { reasoning, ..other.clone() }
}

#[cfg(test)]
mod tests {
    use legwork_core::output::{Citation, Confidence};
    use serde_json::json;

    use super::*;

    fn basis(field: &str, url: Option<&str>) -> FieldBasis {
        let cited = |url: &str| Citation { url: url.into(), title: None, excerpts: None, legwork: None };
        FieldBasis {
            field: field.into(),
            reasoning: format!("{field} by {}.", url.unwrap_or("nobody")),
            citations: url.map(cited).into_iter().collect(),
            confidence: Confidence::Low,
            legwork: None,
        }
    }

    fn object(fields: &[(&str, Value, Option<&str>)]) -> Output {
        let top = fields.iter().filter(|(name, _, _)| !name.contains('.'));
        let content = top.map(|(name, value, _)| ((*name).to_owned(), value.clone())).collect();
        Output::json(content, fields.iter().map(|(name, _, url)| basis(name, *url)).collect(), None)
    }

    #[test]
    fn what_the_documents_say_stays_and_the_web_fills_the_rest() {
        let documents = object(&[
            ("capital", json!("Oslo"), Some("corpus:a")),
            ("mayor", Value::Null, None),
            ("x", Value::Null, None),
            ("rivers", json!([{"name": null}]), None),
            ("rivers.0", Value::Null, None),
            ("size", json!({"km2": null, "people": {"year": null}}), None),
        ]);
        let open = open(&documents);
        assert_eq!(open, ["mayor", "x", "rivers", "size"]);
        let web = object(&[
            ("capital", json!("Bergen"), Some("https://b.example/")),
            ("mayor", json!(["Ada", "Bo"]), Some("https://b.example/")),
            ("mayor.0", json!(null), Some("https://b.example/")),
            ("x", Value::Null, None),
            ("rivers", json!([{"name": "Aker"}, {"name": "Alna"}]), Some("https://b.example/")),
            ("rivers.0", Value::Null, Some("https://b.example/")),
            ("rivers.1", Value::Null, Some("https://b.example/")),
            ("size", Value::Null, None),
        ]);
        let Output::Json { content, basis, .. } = joined(documents, web, &open) else { panic!("an object was asked") };
        let rivers = json!([{"name": "Aker"}, {"name": "Alna"}]);
        let size = json!({"km2": null, "people": {"year": null}});
        assert_eq!(
            Value::Object(content),
            json!({"capital": "Oslo", "mayor": ["Ada", "Bo"], "x": null, "rivers": rivers, "size": size})
        );
        let names: Vec<&str> = basis.iter().map(|basis| basis.field.as_str()).collect();
        assert_eq!(names, ["capital", "mayor", "mayor.0", "x", "rivers", "rivers.0", "rivers.1", "size"]);
        assert_eq!(basis[1].citations[0].url, "https://b.example/");
        assert_eq!(basis[3].reasoning, "x by nobody. On the web: x by nobody.");
    }

    #[test]
    fn a_text_is_the_webs_where_the_documents_have_none() {
        let not_found = || Output::text("Not found.", vec![basis("output", None)]);
        assert_eq!(open(&not_found()), ["output"]);
        let web = Output::text("Oslo [1]", vec![basis("output", Some("https://b.example/"))]);
        let Output::Text { content, basis: proof, .. } = joined(not_found(), web, &["output".into()]) else {
            panic!("a text was asked")
        };
        assert_eq!(content, "Oslo [1]");
        assert!(proof[0].reasoning.starts_with(EXTRACTIVE), "{}", proof[0].reasoning);
        let Output::Text { content, .. } = joined(not_found(), not_found(), &["output".into()]) else {
            panic!("a text was asked")
        };
        assert_eq!(content, "Not found.\nNothing was found on the web.");
        let warned =
            not_found().with_extras(OutputExtras { warnings: vec!["no way".into()], ..OutputExtras::default() });
        let Output::Text { content, .. } = joined(not_found(), warned, &["output".into()]) else {
            panic!("a text was asked")
        };
        assert_eq!(content, "Not found.\nThe web could not be read.");
        assert!(open(&Output::text("Oslo", vec![basis("output", Some("corpus:a"))])).is_empty());
    }
}
