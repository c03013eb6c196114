//! JSON Schemas at work: does a value follow one? The library is known to this file only.

use legwork_api::warning::{Warning, WarningKind};
use legwork_core::task::Input;
use serde_json::{Value, json};

/// How many faults are told of one value.
const MOST: usize = 10;

/// What about the input does not follow the schema that the caller gave for it. Never an error: the wire only warns.
pub(crate) fn input_warnings(schema: &Value, input: &Input) -> Vec<Warning> {
    let value = match input {
        Input::Text(text) => Value::String(text.clone()),
        Input::Object(object) => Value::Object(object.clone()),
    };
    let warning = |message: String, detail: Value| Warning { kind: WarningKind::Input, message, detail: Some(detail) };
    match faults(schema, &value) {
        Ok(faults) if faults.is_empty() => Vec::new(),
        Ok(faults) => {
            let message = format!("the input does not follow its input_schema: {}", faults.join("; "));
            vec![warning(message, json!({"errors": faults}))]
        }
        Err(odd) => {
            vec![warning(format!("the input_schema cannot be used to check the input: {odd}"), Value::Null)]
        }
    }
}

/// Where a value does not follow a schema; `Err` when the schema itself cannot be used.
fn faults(schema: &Value, value: &Value) -> Result<Vec<String>, String> {
    Ok(Checker::new(schema)?.faults(value))
}

/// A schema, ready to check values.
pub(crate) struct Checker(jsonschema::Validator);

impl Checker {
    /// The schema; `Err` says why it cannot be used.
    pub(crate) fn new(schema: &Value) -> Result<Self, String> {
        jsonschema::validator_for(schema).map(Self).map_err(|error| error.to_string())
    }

    /// Where a value does not follow it.
    pub(crate) fn faults(&self, value: &Value) -> Vec<String> {
        let fault = |error: jsonschema::ValidationError<'_>| {
            let path = error.instance_path().to_string();
            if path.is_empty() { error.to_string() } else { format!("{path}: {error}") }
        };
        self.0.iter_errors(value).take(MOST).map(fault).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object() -> Input {
        Input::Object(json!({"country": 7}).as_object().unwrap().clone())
    }

    #[test]
    fn an_input_that_follows_its_schema_is_not_warned_about() {
        let schema = json!({"type": "object", "properties": {"country": {"type": "integer"}}});
        assert!(input_warnings(&schema, &object()).is_empty());
        assert!(input_warnings(&json!({"type": "string"}), &Input::Text("x".to_owned())).is_empty());
    }

    #[test]
    fn each_fault_is_told_with_its_place() {
        let schema = json!({"properties": {"country": {"type": "string"}}, "required": ["country", "year"]});
        let warnings = input_warnings(&schema, &object());
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].message.contains("/country: 7 is not of type"), "{}", warnings[0].message);
        assert!(warnings[0].message.contains("year"), "{}", warnings[0].message);
    }

    #[test]
    fn a_schema_that_is_none_or_lies_elsewhere_is_told_and_not_fetched() {
        for schema in [json!({"type": 7}), json!({"$ref": "http://127.0.0.1:1/schema"}), json!({"$ref": "file:///x"})] {
            let warnings = input_warnings(&schema, &object());
            assert!(warnings[0].message.contains("cannot be used"), "{schema}: {}", warnings[0].message);
        }
    }
}
