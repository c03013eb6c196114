//! What form the answer shall have: the wire's `task_spec` in all its spellings (wire.md 2.3).

use legwork_core::task::Wanted;
use legwork_core::tier::Tier;
use serde_json::Value;
use serde_json::value::RawValue;

use super::json_schema;
use crate::findings::{At, Findings};
use crate::json::{self, Kind, Members};

/// How long a `task_spec` may be, in characters of compact JSON.
const MAX_SPEC: usize = 15_000;

/// What a `task_spec` says.
pub(super) struct Spec {
    /// The form of the answer.
    pub(super) wanted: Wanted,
    /// What the input is said to follow, if that is a JSON Schema.
    pub(super) input_schema: Option<Value>,
}

/// A schema after its spelling was understood.
enum Form<'a> {
    /// Words, which may be missing.
    Text(Option<String>),
    /// A JSON Schema in its envelope.
    Json(&'a RawValue),
    /// A JSON Schema without one.
    Bare(&'a RawValue),
    /// Whatever the processor finds fit.
    Auto,
}

/// Reads a `task_spec`; none is the same as an output of no given form.
pub(super) fn read(raw: Option<&RawValue>, tier: Option<&Tier>, found: &mut Findings) -> Spec {
    let auto = Spec { wanted: Wanted::Auto, input_schema: None };
    let Some(raw) = raw else { return auto };
    let at = At::Body.key("task_spec");
    if raw.get().len() > MAX_SPEC {
        let chars = json::compact_chars(raw);
        if chars > MAX_SPEC {
            // A schema of any size is not worth looking into.
            found.wrong(&at, "string_too_long", format!("has {chars} characters; at most {MAX_SPEC} are allowed"));
            return auto;
        }
    }
    let Some(members) = found.object(&at, raw) else { return auto };
    let wanted = wanted(&at.key("output_schema"), members.get("output_schema"), tier, found);
    let input_schema = members.get("input_schema").and_then(|raw| input(&at.key("input_schema"), raw, found));
    Spec { wanted: wanted.unwrap_or(Wanted::Auto), input_schema }
}

fn wanted(at: &At<'_>, raw: Option<&RawValue>, tier: Option<&Tier>, found: &mut Findings) -> Option<Wanted> {
    let Some(raw) = raw else {
        let message =
            r#"is required: {"type":"json","json_schema":{…}}, {"type":"text"}, {"type":"auto"} or a description"#;
        return found.refuse(at, "missing", message);
    };
    match form(at, raw, found)? {
        Form::Auto => Some(Wanted::Auto),
        Form::Text(description) => Some(Wanted::Text { description }),
        Form::Json(raw) => output_schema(&at.key("json_schema"), raw, tier, found),
        Form::Bare(raw) => output_schema(at, raw, tier, found),
    }
}

fn output_schema(at: &At<'_>, raw: &RawValue, tier: Option<&Tier>, found: &mut Findings) -> Option<Wanted> {
    let schema = schema(at, raw, found)?;
    json_schema::check(&schema, at, tier, found);
    Some(Wanted::Json { schema })
}

/// An input schema only has to be a schema: not following it is no more than a warning.
fn input(at: &At<'_>, raw: &RawValue, found: &mut Findings) -> Option<Value> {
    match form(at, raw, found)? {
        Form::Text(_) => None,
        Form::Json(raw) => schema(&at.key("json_schema"), raw, found),
        Form::Bare(raw) => schema(at, raw, found),
        Form::Auto => found.refuse(at, "literal_error", "cannot be `auto`: an input has the form you gave it"),
    }
}

fn schema(at: &At<'_>, raw: &RawValue, found: &mut Findings) -> Option<Value> {
    match json::value_of(raw) {
        Ok(schema) if schema.is_object() => Some(schema),
        Ok(_) => {
            let kind = Kind::of(raw.get()).named();
            found.refuse(at, "dict_type", format!("is {kind}; a JSON Schema (an object) was expected"))
        }
        Err(error) => found.refuse(at, "json_invalid", format!("cannot be read: {error}")),
    }
}

fn form<'a>(at: &At<'_>, raw: &'a RawValue, found: &mut Findings) -> Option<Form<'a>> {
    if Kind::of(raw.get()) == Kind::Text {
        return found.text(at, raw).map(|text| Form::Text(Some(text.into_owned())));
    }
    let members = found.object(at, raw)?;
    let kind_at = at.key("type");
    let kind = match members.get("type") {
        Some(kind) => found.text(&kind_at, kind)?,
        None => return untyped(at, raw, &members, found),
    };
    match kind.as_ref() {
        "json" => enveloped(at, &members, found),
        "text" => text(at, &members, found),
        "auto" => Some(Form::Auto),
        "object" => Some(bare(at, raw, found)),
        _ => found.refuse(&kind_at, "literal_error", "must be `json`, `text` or `auto`"),
    }
}

/// Every form has a default for its `type`, so that it may be left out. `{}` is what the Python SDK's
/// `TextSchemaParam()` becomes on the wire: a text.
fn untyped<'a>(at: &At<'_>, raw: &'a RawValue, members: &Members<'a>, found: &mut Findings) -> Option<Form<'a>> {
    if members.has("json_schema") {
        enveloped(at, members, found)
    } else if members.has("properties") {
        Some(bare(at, raw, found))
    } else {
        text(at, members, found)
    }
}

fn enveloped<'a>(at: &At<'_>, members: &Members<'a>, found: &mut Findings) -> Option<Form<'a>> {
    match members.get("json_schema") {
        Some(raw) => Some(Form::Json(raw)),
        None => found.refuse(&at.key("json_schema"), "missing", "is required with the type `json`"),
    }
}

fn text(at: &At<'_>, members: &Members<'_>, found: &mut Findings) -> Option<Form<'static>> {
    let Some(raw) = members.get("description") else { return Some(Form::Text(None)) };
    found.text(&at.key("description"), raw).map(|text| Form::Text(Some(text.into_owned())))
}

/// Not in the official contract, but what langchain-parallel 0.5.0 sends for a dict.
fn bare<'a>(at: &At<'_>, raw: &'a RawValue, found: &mut Findings) -> Form<'a> {
    let message = format!(r#"`{at}` is a bare JSON Schema; it was read as {{"type":"json","json_schema":…}}"#);
    found.odd_spec(message, None);
    Form::Bare(raw)
}
