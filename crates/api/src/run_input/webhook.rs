//! Who is told when the run ends (wire.md 4), in the official form and in the guide's (`webhook_url`).

use serde_json::value::RawValue;
use url::Url;

use super::{Secret, address};
use crate::findings::{At, Findings};
use crate::json::Members;

/// The one event a run's webhook is called for; the default when none is named.
pub(super) const EVENT: &str = "task_run.status";

/// An address that is called once the run has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Where to.
    pub url: Url,
    /// What this run's call is signed with instead of the server's secret. Never shown again.
    pub secret: Option<Secret>,
}

/// Reads `webhook` and `webhook_url`. Both may be given when they say the same.
pub(super) fn read(members: &Members<'_>, found: &mut Findings) -> Option<Webhook> {
    let official = members.get("webhook").and_then(|raw| webhook(raw, found));
    let at = At::Body.key("webhook_url");
    let guides = members.get("webhook_url").and_then(|raw| address::read(&at, raw, found));
    match (official, guides) {
        (Some(webhook), Some(url)) if webhook.url != url => {
            found.refuse(&at, "value_error", "and `webhook.url` are different; give one of them")
        }
        (Some(webhook), _) => Some(webhook),
        (None, Some(url)) => Some(Webhook { url, secret: None }),
        (None, None) => None,
    }
}

fn webhook(raw: &RawValue, found: &mut Findings) -> Option<Webhook> {
    let at = At::Body.key("webhook");
    let members = found.object(&at, raw)?;
    event_types(&at.key("event_types"), &members, found);
    let secret = members.get("secret").and_then(|raw| secret(&at.key("secret"), raw, found));
    let url = match members.get("url") {
        Some(raw) => address::read(&at.key("url"), raw, found)?,
        None => return found.refuse(&at.key("url"), "missing", "is required: the address to call"),
    };
    Some(Webhook { url, secret })
}

fn event_types(at: &At<'_>, members: &Members<'_>, found: &mut Findings) {
    let named = members.get("event_types").and_then(|raw| found.texts(at, raw)).unwrap_or_default();
    if named.iter().any(|name| name != EVENT) {
        found.wrong(at, "literal_error", format!("may hold `{EVENT}` and nothing else"));
    }
}

fn secret(at: &At<'_>, raw: &RawValue, found: &mut Findings) -> Option<Secret> {
    let text = found.text(at, raw)?;
    if text.is_empty() { found.refuse(at, "value_error", "is empty") } else { Some(Secret::from(text.into_owned())) }
}
