//! Settings beside the question: where its searches are made from; and fields that are checked, so that a mistake in them is
//! told, and that change nothing about the task.

use serde_json::value::RawValue;

use crate::findings::{At, Findings};
use crate::json::Members;

/// How long a `memory_scope_key` may be, in characters.
const MAX_SCOPE_KEY: usize = 128;

/// Checks `advanced_settings` and `memory_scope_key`; returns the country of the former, in small letters.
pub(super) fn read(members: &Members<'_>, found: &mut Findings) -> Option<String> {
    let location =
        members.get("advanced_settings").and_then(|raw| advanced(&At::Body.key("advanced_settings"), raw, found));
    if let Some(raw) = members.get("memory_scope_key") {
        scope_key(&At::Body.key("memory_scope_key"), raw, found);
    }
    location
}

fn advanced(at: &At<'_>, raw: &RawValue, found: &mut Findings) -> Option<String> {
    let members = found.object(at, raw)?;
    let country = members.get("location").and_then(|raw| location(&at.key("location"), raw, found));
    if let Some(raw) = members.get("data_sources") {
        data_sources(&at.key("data_sources"), raw, found);
    }
    country
}

fn location(at: &At<'_>, raw: &RawValue, found: &mut Findings) -> Option<String> {
    let text = found.text(at, raw)?;
    if text.len() != 2 || !text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        found.wrong(at, "value_error", "is no country: two letters as in ISO 3166-1 were expected, for example `de`");
        return None;
    }
    Some(text.to_ascii_lowercase())
}

fn data_sources(at: &At<'_>, raw: &RawValue, found: &mut Findings) {
    let Some(members) = found.object(at, raw) else { return };
    for key in ["free", "pay_per_use"] {
        if let Some(raw) = members.get(key) {
            found.texts(&at.key(key), raw);
        }
    }
}

fn scope_key(at: &At<'_>, raw: &RawValue, found: &mut Findings) {
    let Some(text) = found.text(at, raw) else { return };
    let fits = (1..=MAX_SCOPE_KEY).contains(&text.len());
    if !fits || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')) {
        let message = format!("must have 1 to {MAX_SCOPE_KEY} characters, each a letter, a digit, `_` or `-`");
        found.wrong(at, "value_error", message);
    }
}
