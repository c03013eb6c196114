//! Holds every answer in a test against `/openapi.json`: what the document does not say is not answered.

use std::sync::OnceLock;

use http::HeaderMap;
use serde_json::{Value, json};

use crate::http::document;

/// The document, with every object closed: a key it does not name is an error here, and none for a client.
fn contract() -> &'static Value {
    static CONTRACT: OnceLock<Value> = OnceLock::new();
    CONTRACT.get_or_init(|| {
        let mut document: Value = serde_json::from_slice(&document()).unwrap();
        close(&mut document["components"]["schemas"]);
        document
    })
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.contains_key("properties") && !object.contains_key("additionalProperties") {
                object.insert("additionalProperties".to_owned(), json!(false));
            }
            object.values_mut().for_each(close);
        }
        Value::Array(list) => list.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Panics unless the document foresees this answer, its headers and its body.
pub(super) fn check(method: &str, path: &str, status: u16, headers: &HeaderMap, body: &Value) {
    let asked = format!("{method} {path} answered {status}");
    let path = path.split('?').next().unwrap_or_default();
    let Some(item) = item(path) else {
        assert_eq!(status, 404, "{asked}, which is nowhere");
        return follows(&asked, &json!({"$ref": "#/components/schemas/ErrorBody"}), body);
    };
    let Some(operation) = item.get(method.to_lowercase()) else {
        if method == "OPTIONS" && status == 204 {
            return;
        }
        assert!([403, 405, 421].contains(&status), "{asked}, without such an operation");
        return follows(&asked, &json!({"$ref": "#/components/schemas/ErrorBody"}), body);
    };
    let listed = operation["responses"].get(status.to_string());
    let response = resolved(listed.unwrap_or_else(|| panic!("{asked}, which is not listed")));
    for (name, header) in response["headers"].as_object().into_iter().flatten() {
        let is_there = headers.contains_key(name) || resolved(header)["required"] != true;
        assert!(is_there, "{asked} without the header {name}");
    }
    let kind = headers.get("content-type").map_or("", |kind| kind.to_str().unwrap());
    let kind = kind.split(';').next().unwrap_or_default();
    match response.get("content") {
        None => assert_eq!((body, kind), (&Value::Null, ""), "{asked} with a body"),
        Some(content) => {
            let content = content.get(kind).unwrap_or_else(|| panic!("{asked} as {kind:?}"));
            follows(&asked, &content["schema"], body);
        }
    }
}

/// The path item that a path belongs to; names that are spelled out go before names in braces.
fn item(path: &str) -> Option<&'static Value> {
    let fits = |template: &str| {
        template.split('/').count() == path.split('/').count()
            && template.split('/').zip(path.split('/')).all(|(t, p)| t == p || (t.starts_with('{') && !p.is_empty()))
    };
    let paths = contract()["paths"].as_object().unwrap();
    paths.get(path).or_else(|| Some(paths.iter().find(|(template, _)| fits(template))?.1))
}

fn resolved(value: &'static Value) -> &'static Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(at) => contract().pointer(at.trim_start_matches('#')).unwrap_or_else(|| panic!("{at} is nowhere")),
        None => value,
    }
}

fn follows(asked: &str, schema: &Value, value: &Value) {
    let whole = json!({"allOf": [schema], "components": contract()["components"]});
    let validator = jsonschema::draft202012::new(&whole).unwrap();
    let faults: Vec<_> = validator.iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(faults.is_empty(), "{asked}: {faults:#?}\n{value:#}");
}

/// Panics unless a webhook's body is one that the document foresees.
pub(crate) fn is_sent_as_described(call: &Value) {
    let document: Value = serde_json::from_slice(&document()).unwrap();
    let schema = json!({"$ref": "#/components/schemas/WebhookCall"});
    let whole = json!({"allOf": [schema], "components": document["components"]});
    let validator = jsonschema::draft202012::new(&whole).unwrap();
    let faults: Vec<_> = validator.iter_errors(call).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(faults.is_empty(), "{faults:#?}\n{call:#}");
    // What stands beside the run's own keys is named there, and nothing else is.
    let mut run = call["data"].clone();
    if run.get("run_id").is_some() {
        ["output", "result_url"].iter().for_each(|key| drop(run.as_object_mut().unwrap().shift_remove(*key)));
        follows("a webhook", &json!({"$ref": "#/components/schemas/TaskRun"}), &run);
    }
}

#[test]
fn the_document_is_whole_and_its_examples_follow_it() {
    let document = contract();
    let mut examples = 0;
    each(document, &mut |value| {
        if let Some(at) = value.get("$ref").and_then(Value::as_str) {
            assert!(document.pointer(at.trim_start_matches('#')).is_some(), "{at} is nowhere");
        }
        let Some(schema) = value.get("schema") else { return };
        let several = value.get("examples").and_then(Value::as_object);
        let several = several.into_iter().flat_map(|examples| examples.values().map(|example| &example["value"]));
        for example in value.get("example").into_iter().chain(several) {
            follows("an example", schema, example);
            examples += 1;
        }
    });
    assert!(examples > 20, "{examples}");
}

fn each(value: &Value, look: &mut impl FnMut(&Value)) {
    look(value);
    match value {
        Value::Object(object) => object.values().for_each(|value| each(value, look)),
        Value::Array(list) => list.iter().for_each(|value| each(value, look)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let paths = contract()["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|item| item.as_object().unwrap().values());
    let mut names: Vec<_> = operations.filter_map(|operation| operation.get("operationId")?.as_str()).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}
