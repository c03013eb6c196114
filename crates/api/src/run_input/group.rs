//! Runs that are added to a group in one request, and the group that is made for them (wire.md 1.2).

use bytes::Bytes;
use serde_json::value::RawValue;

use super::{RunInput, Unreadable, metadata};
use crate::findings::{At, Fault, Findings, Step};
use crate::json::{self, Members};

/// How many runs may be added at once.
pub const MAX_INPUTS: usize = 1000;

/// How long one of them may be, in bytes.
pub(super) const MAX_INPUT: usize = 1024 * 1024;

/// How many faults are told of, over all runs.
const MAX_FAULTS: usize = 100;

/// Reads the body that makes a group; its metadata as they were given. An empty body is an empty object.
pub fn read_group(body: &[u8]) -> Result<Option<Bytes>, Unreadable> {
    if body.trim_ascii().is_empty() {
        return Ok(None);
    }
    let (_, members) = json::read_object(body)?;
    let mut found = Findings::default();
    let metadata = metadata::read(members.get("metadata"), &mut found);
    if found.faults.is_empty() { Ok(metadata) } else { Err(Unreadable::because(found.faults)) }
}

/// Reads the body that adds runs to a group. A run without a `task_spec` has the one in `default_task_spec`. All of them
/// are sound, or what is wrong is told: of each run, with its place in `inputs`.
pub fn read_inputs(body: &[u8]) -> Result<Vec<RunInput>, Unreadable> {
    let (_, members) = json::read_object(body)?;
    let mut found = Findings::default();
    let inputs = inputs(&members, &mut found);
    let default = members.get("default_task_spec");
    let mut read = Vec::with_capacity(inputs.len());
    let mut faults = found.faults;
    for (place, raw) in inputs.into_iter().enumerate() {
        match input(raw, default) {
            Ok(input) => read.push(input),
            Err(wrong) => faults.extend(wrong.into_iter().map(|fault| at(place, fault))),
        }
        if faults.len() >= MAX_FAULTS {
            break;
        }
    }
    if faults.is_empty() { Ok(read) } else { Err(Unreadable::because(faults)) }
}

fn inputs<'a>(members: &Members<'a>, found: &mut Findings) -> Vec<&'a RawValue> {
    let place = At::Body.key("inputs");
    let Some(raw) = members.get("inputs") else {
        found.wrong(&place, "missing", format!("is required: a list of 1 to {MAX_INPUTS} runs"));
        return Vec::new();
    };
    let Ok(inputs) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) else {
        found.wrong(&place, "list_type", format!("is no list; a list of 1 to {MAX_INPUTS} runs was expected"));
        return Vec::new();
    };
    if inputs.is_empty() {
        found.wrong(&place, "too_short", "is empty; there has to be a run in it");
    }
    if inputs.len() > MAX_INPUTS {
        let message = format!("has {} runs; at most {MAX_INPUTS} can be added at once", inputs.len());
        found.wrong(&place, "too_long", message);
        return Vec::new();
    }
    inputs
}

/// Reads one run, or says what is wrong with it, as if it were a body of its own.
fn input(raw: &RawValue, default: Option<&RawValue>) -> Result<RunInput, Vec<Fault>> {
    let mut found = Findings::default();
    if raw.get().len() > MAX_INPUT {
        found.wrong(&At::Body, "too_long", format!("is over the limit of {MAX_INPUT} bytes for one run"));
        return Err(found.faults);
    }
    let Some(mut members) = found.object(&At::Body, raw) else { return Err(found.faults) };
    let default = default.filter(|_| members.get("task_spec").is_none());
    let text = match default {
        Some(spec) => {
            members.put("task_spec", spec);
            None
        }
        None => Some(raw.get()),
    };
    match RunInput::of(text, &members, &mut found) {
        Some(read) if found.faults.is_empty() => Ok(RunInput { warnings: found.warnings, ..read }),
        _ => Err(found.faults),
    }
}

/// A fault of one run as a fault of the whole body.
fn at(place: usize, mut fault: Fault) -> Fault {
    let steps = [Step::Key("inputs".to_owned()), Step::Index(place)];
    fault.loc.splice(1..1, steps);
    fault.msg = match fault.msg.strip_prefix('`') {
        Some(rest) => format!("`inputs[{place}].{rest}"),
        None => format!("`inputs[{place}]`: {}", fault.msg),
    };
    fault
}

#[cfg(test)]
mod tests {
    use legwork_core::task::{Input, Wanted};
    use serde_json::{Value, json};

    use super::*;

    fn read(body: &Value) -> Result<Vec<RunInput>, Unreadable> {
        read_inputs(body.to_string().as_bytes())
    }

    #[test]
    fn runs_are_read_in_order_each_with_its_own_spec_or_the_default() {
        let own = json!({"output_schema": {"type": "text", "description": "short"}});
        let read = read(&json!({
            "inputs": [
                {"input": "a", "processor": "lite"},
                {"input": "b", "processor": "base", "task_spec": own},
                {"input": "c", "processor": "base", "task_spec": null},
            ],
            "default_task_spec": {"output_schema": "one word"},
        }))
        .unwrap();
        let text = |description: &str| Wanted::Text { description: Some(description.to_owned()) };
        let wanted: Vec<_> = read.iter().map(|input| input.task.wanted.clone()).collect();
        assert_eq!(wanted, [text("one word"), text("short"), text("one word")]);
        assert_eq!(read[2].task.input, Input::Text("c".to_owned()));
        let shown: Value = serde_json::from_slice(&read[2].shown).unwrap();
        assert_eq!(shown["task_spec"], json!({"output_schema": "one word"}), "it is shown with what it was given");
        assert_eq!(RunInput::read(&read[0].shown).unwrap().task, read[0].task, "and reads the same again");
    }

    #[test]
    fn without_a_default_a_run_without_a_spec_has_none() {
        for default in [json!(null), json!({"inputs": 1})["none"].clone()] {
            let read =
                read(&json!({"inputs": [{"input": "a", "processor": "lite"}], "default_task_spec": default})).unwrap();
            assert_eq!(read[0].task.wanted, Wanted::Auto);
        }
    }

    #[test]
    fn what_is_wrong_with_a_run_is_told_with_its_place() {
        let refused = read(&json!({"inputs": [
            {"input": "a", "processor": "lite"},
            {"processor": "lite"},
            7,
            {"input": "a", "processor": "lite", "metadata": {"k": []}},
        ]}))
        .unwrap_err();
        insta::assert_snapshot!(serde_json::to_string_pretty(&refused.detail()).unwrap());
        assert!(refused.message.starts_with("`inputs[1].input` is required"), "{}", refused.message);
    }

    #[test]
    fn there_are_one_to_a_thousand_runs() {
        let many = |count: usize| json!({"inputs": vec![json!({"input": "a", "processor": "lite"}); count]});
        assert_eq!(read(&many(MAX_INPUTS)).unwrap().len(), MAX_INPUTS);
        for body in [many(0), many(MAX_INPUTS + 1), json!({}), json!({"inputs": {}}), json!({"inputs": null})] {
            assert!(read(&body).is_err());
        }
    }

    #[test]
    fn a_group_is_made_of_metadata_or_of_nothing() {
        for body in ["", "{}", r#"{"metadata":null}"#, r#"{"metadata":{},"unknown":1}"#] {
            assert!(read_group(body.as_bytes()).is_ok(), "{body}");
        }
        assert_eq!(read_group(br#"{"metadata":{"k": 1.0}}"#).unwrap().as_deref(), Some(&br#"{"k": 1.0}"#[..]));
        assert!(read_group(br#"{"metadata":[]}"#).is_err() && read_group(b"[]").is_err());
    }
}
