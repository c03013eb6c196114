//! What the caller wants to find again with the run (wire.md 1.4). Shown with every status, so it is kept small.

use bytes::Bytes;
use serde_json::json;
use serde_json::value::RawValue;

use crate::findings::{At, Findings};
use crate::json::Kind;

/// How long a key may be, in characters. Parallel documents [`USUAL_KEY`], but its own cookbook goes beyond.
const MAX_KEY: usize = 64;

/// Up to here a key works with every server of this API; a longer one is worth a warning.
const USUAL_KEY: usize = 16;

/// How long a value may be, in characters.
const MAX_VALUE: usize = 512;

/// How many entries there may be.
const MAX_ENTRIES: usize = 256;

/// The object as it was given.
pub(super) fn read(raw: Option<&RawValue>, found: &mut Findings) -> Option<Bytes> {
    let raw = raw?;
    let at = At::Body.key("metadata");
    let members = found.object(&at, raw)?;
    if members.count() > MAX_ENTRIES {
        found.wrong(&at, "too_long", format!("has {} entries; at most {MAX_ENTRIES} are allowed", members.count()));
    }
    for (key, value) in members.iter() {
        check(&at.key(key), key, value, found);
    }
    warn_of_long_keys(members.iter().map(|(key, _)| key), found);
    Some(Bytes::copy_from_slice(raw.get().as_bytes()))
}

fn check(at: &At<'_>, key: &str, value: &RawValue, found: &mut Findings) {
    if key.chars().count() > MAX_KEY {
        found.wrong(at, "string_too_long", format!("has a key of more than {MAX_KEY} characters"));
    }
    match Kind::of(value.get()) {
        Kind::Text => {
            let long = found.text(at, value).is_some_and(|text| text.chars().count() > MAX_VALUE);
            if long {
                found.wrong(at, "string_too_long", format!("has more than {MAX_VALUE} characters"));
            }
        }
        Kind::Number | Kind::Flag => {}
        kind @ (Kind::Null | Kind::List | Kind::Object) => {
            let message = format!("is {}; a string, a number or a boolean was expected", kind.named());
            found.wrong(at, "value_error", message);
        }
    }
}

fn warn_of_long_keys<'a>(keys: impl Iterator<Item = &'a str>, found: &mut Findings) {
    let long: Vec<_> = keys.filter(|key| key.chars().count() > USUAL_KEY).collect();
    if !long.is_empty() {
        let message =
            format!("metadata keys of more than {USUAL_KEY} characters are not taken by every server of this API");
        found.odd(message, Some(json!({ "keys": long })));
    }
}
