//! What a caller asks for: the wire's `RunInput` (wire.md 1.4), read and checked.
//!
//! The body is read as JSON whatever its content type says. Unknown keys are ignored, `null` is as good as absent for
//! every optional field, and everything that is wrong is told at once. What a value must be beyond the wire's words is
//! decided here; whether there is a processor of the name asked for is the server's to say.

use bytes::Bytes;
use legwork_core::id::RunId;
use legwork_core::secret::Secret;
use legwork_core::task::{Input, Task};
use legwork_core::tier::{TIERS, Tier};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::code::Code;
use crate::findings::{At, Findings};
pub use crate::findings::{Fault, Step};
use crate::json::{self, Kind, Members};
use crate::warning::Warning;

mod address;
mod group;
mod json_schema;
mod limits;
mod mcp_servers;
mod metadata;
mod rerun;
mod secrets;
mod settings;
mod shown;
mod source_policy;
mod task_spec;
mod webhook;

pub use group::{MAX_INPUTS, read_group, read_inputs};
pub use rerun::{Rerun, read_rerun};
pub use webhook::Webhook;

/// How long a processor's name may be, in characters.
pub const MAX_PROCESSOR: usize = 64;

/// How long `task_spec` and `input` may be together, in characters of compact JSON. Without a `task_spec` an input may
/// fill the body.
pub const MAX_SPEC_AND_INPUT: usize = 25_000;

/// How many faults a message spells out; all of them stand in the detail.
const SPELLED_OUT: usize = 3;

/// A request that can be accepted. Nothing in it is left to check, but for what only the server knows.
#[derive(Clone, Debug)]
pub struct RunInput {
    /// The processor's name, as it was spelled.
    pub processor: String,
    /// What is to be done.
    pub task: Task,
    /// The caller's metadata, a JSON object as it was given.
    pub metadata: Option<Bytes>,
    /// Whether progress shall be kept; `None` leaves it to the processor.
    pub enable_events: Option<bool>,
    /// The JSON Schema that the caller says the input follows. Not following it is worth a warning, no more.
    pub input_schema: Option<Value>,
    /// Who is told when the run ends.
    pub webhook: Option<Webhook>,
    /// What was odd.
    pub warnings: Vec<Warning>,
    /// What `/input` answers and the store keeps: the bytes that were given, without what must not be told again. Reading it
    /// with [`RunInput::secrets`] gives the same task ([`RunInput::kept`]).
    pub shown: Bytes,
}

/// A body that is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Unreadable {
    /// Bad request when it cannot be read at all, invalid when something in it is wrong.
    pub code: Code,
    /// What is wrong and what would be right, for people.
    pub message: String,
    /// The faults one by one; empty when the body as a whole is none.
    pub faults: Vec<Fault>,
}

impl RunInput {
    /// Reads a body. It should be within the server's limit already; the cost is linear in its length.
    pub fn read(body: &[u8]) -> Result<Self, Unreadable> {
        let (text, members) = json::read_object(body)?;
        let mut found = Findings::default();
        match Self::of(Some(text), &members, &mut found) {
            Some(read) if found.faults.is_empty() => Ok(Self { warnings: found.warnings, ..read }),
            _ => Err(Unreadable::because(found.faults)),
        }
    }

    /// Reads a request as it is kept: what is shown of it, and what is not ([`RunInput::secrets`]).
    pub fn kept(shown: &[u8], secrets: Option<&Secret>) -> Result<Self, Unreadable> {
        let mut read = Self::read(shown)?;
        secrets::give(&mut read.task.mcp_servers, secrets).map_err(|error| Unreadable {
            code: Code::Invalid,
            // Not what stands there: it is secret.
            message: format!("what is kept beside it is in no form that is known (line 1, column {})", error.column()),
            faults: Vec::new(),
        })?;
        Ok(read)
    }

    /// What its work needs beyond what is shown; `None` when there is nothing.
    pub fn secrets(&self) -> Option<Secret> {
        secrets::of(&self.task.mcp_servers)
    }

    /// `text` is what the members were taken from, unless they are no longer as they were in it.
    fn of(text: Option<&str>, members: &Members<'_>, found: &mut Findings) -> Option<Self> {
        let input = input(members, found);
        let processor = processor(members, found);
        let tier = processor.as_deref().and_then(Tier::of);
        let spec = task_spec::read(members.get("task_spec"), tier, found);
        if let (Some(input), Some(raw)) = (&input, members.get("task_spec")) {
            within_the_common_limit(input, members.get("input"), raw, found);
        }
        let sources = source_policy::read(members.get("source_policy"), found);
        let mcp_servers = mcp_servers::read(members.get("mcp_servers"), found);
        let previous = previous(members, found);
        let limits = limits::read(members.get("legwork"), found);
        let mut read = Self {
            metadata: metadata::read(members.get("metadata"), found),
            enable_events: enable_events(members, found),
            webhook: webhook::read(members, found),
            input_schema: spec.input_schema,
            processor: processor?,
            task: Task { input: input?, wanted: spec.wanted, sources, mcp_servers, previous, limits, location: None },
            warnings: Vec::new(),
            shown: Bytes::new(),
        };
        read.task.location = settings::read(members, found);
        // Only what is sound is worth writing down.
        found.faults.is_empty().then(|| Self { shown: shown::shown(text, members), ..read })
    }
}

impl Unreadable {
    pub(crate) fn because(faults: Vec<Fault>) -> Self {
        let told: Vec<&str> = faults.iter().take(SPELLED_OUT).map(|fault| fault.msg.as_str()).collect();
        let more = faults.len() - told.len();
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        Self { code: Code::Invalid, message: told.join("; ") + &more, faults }
    }

    /// What stands in the error body's `detail`: `{"errors":[{"loc","msg","type"}]}`.
    pub fn detail(&self) -> Option<Value> {
        (!self.faults.is_empty()).then(|| json!({ "errors": self.faults }))
    }
}

impl From<json::NoObject> for Unreadable {
    fn from(why: json::NoObject) -> Self {
        Self { code: why.code, message: why.message, faults: Vec::new() }
    }
}

fn processor(members: &Members<'_>, found: &mut Findings) -> Option<String> {
    let at = At::Body.key("processor");
    let Some(raw) = members.get("processor") else {
        let names: Vec<_> = TIERS.iter().map(|tier| tier.name).collect();
        let names = names.join(", ");
        return found.refuse(&at, "missing", format!("is required: one of {names}, each also with `-fast` at its end"));
    };
    let name = found.text(&at, raw)?;
    if name.trim().is_empty() {
        return found.refuse(&at, "value_error", "is empty");
    }
    if name.chars().count() > MAX_PROCESSOR {
        return found.refuse(&at, "string_too_long", format!("has more than {MAX_PROCESSOR} characters"));
    }
    Some(name.into_owned())
}

fn input(members: &Members<'_>, found: &mut Findings) -> Option<Input> {
    let at = At::Body.key("input");
    let Some(raw) = members.get("input") else {
        return found.refuse(&at, "missing", "is required: a question, or an object to work on");
    };
    match Kind::of(raw.get()) {
        Kind::Text => {
            let text = found.text(&at, raw)?;
            if text.trim().is_empty() {
                return found.refuse(&at, "value_error", "is empty: ask a question, or give an object to work on");
            }
            Some(Input::Text(text.into_owned()))
        }
        Kind::Object => {
            let object = object(&at, raw, found)?;
            // With a task_spec the question may stand in the descriptions of its fields.
            if object.is_empty() && members.get("task_spec").is_none() {
                return found.refuse(&at, "value_error", "is an empty object, and no `task_spec` says what is wanted");
            }
            Some(Input::Object(object))
        }
        kind @ (Kind::Null | Kind::Flag | Kind::Number | Kind::List) => {
            found.refuse(&at, "value_error", format!("is {}; a string or an object was expected", kind.named()))
        }
    }
}

/// An object as we work with it, read once.
fn object(at: &At<'_>, raw: &RawValue, found: &mut Findings) -> Option<serde_json::Map<String, Value>> {
    match json::value_of(raw) {
        Ok(Value::Object(object)) => Some(object),
        Ok(_) => found.refuse(at, "dict_type", "is no object"),
        Err(error) => found.refuse(at, "json_invalid", format!("cannot be read: {error}")),
    }
}

fn within_the_common_limit(input: &Input, given: Option<&RawValue>, spec: &RawValue, found: &mut Findings) {
    // Bytes are never fewer than characters, so most requests need no counting.
    if spec.get().len() + given.map_or(0, |raw| raw.get().len()) <= MAX_SPEC_AND_INPUT {
        return;
    }
    let input = match input {
        Input::Text(text) => text.chars().count(),
        Input::Object(_) => given.map_or(0, json::compact_chars),
    };
    let chars = json::compact_chars(spec) + input;
    if chars > MAX_SPEC_AND_INPUT {
        let message =
            format!("and `task_spec` have {chars} characters together; at most {MAX_SPEC_AND_INPUT} are allowed");
        found.wrong(&At::Body.key("input"), "string_too_long", message);
    }
}

fn enable_events(members: &Members<'_>, found: &mut Findings) -> Option<bool> {
    members.get("enable_events").and_then(|raw| found.flag(&At::Body.key("enable_events"), raw))
}

fn previous(members: &Members<'_>, found: &mut Findings) -> Option<RunId> {
    let at = At::Body.key("previous_interaction_id");
    let text = found.text(&at, members.get("previous_interaction_id")?)?;
    text.parse().map_err(|error| found.wrong(&at, "value_error", format!("is no interaction: {error}"))).ok()
}

#[cfg(test)]
#[path = "run_input_tests.rs"]
mod tests;
