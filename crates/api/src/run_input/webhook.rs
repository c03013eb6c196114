//! Who is told when the run ends (wire.md 4), in the official form and in the guide's (`webhook_url`).

use legwork_core::delivery::{Form, Tells};
use serde_json::value::RawValue;
use url::Url;

use super::{Unreadable, address};
use crate::findings::{At, Findings};
use crate::json::{self, Members};
use crate::secret::Secret;

/// The event of a run's end; the default when none is named.
pub(super) const EVENT: &str = "task_run.status";
/// The event of a run that waits for an answer, in full and short: legwork's own.
const QUESTION: [&str; 2] = ["task_run.action_required", "action_required"];

/// An address that is called once the run has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Where to.
    pub url: Url,
    /// What this run's call is signed with instead of the server's secret. Never shown again.
    pub secret: Option<Secret>,
    /// What it is told of.
    pub tells: Tells,
    /// How it was given.
    pub form: Form,
}

impl Webhook {
    /// Reads a body that is a webhook in the official form and nothing else.
    pub fn read(body: &[u8]) -> Result<Self, Unreadable> {
        let (_, members) = json::read_object(body)?;
        let mut found = Findings::default();
        match of(&At::Body, &members, &mut found) {
            Some(webhook) if found.faults.is_empty() => Ok(webhook),
            _ => Err(Unreadable::because(found.faults)),
        }
    }
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
        (Some(webhook), Some(_)) => Some(Webhook { form: Form::Guide, ..webhook }),
        (Some(webhook), None) => Some(webhook),
        (None, Some(url)) => Some(Webhook { url, secret: None, tells: ENDS, form: Form::Guide }),
        (None, None) => None,
    }
}

fn webhook(raw: &RawValue, found: &mut Findings) -> Option<Webhook> {
    let at = At::Body.key("webhook");
    let members = found.object(&at, raw)?;
    of(&at, &members, found)
}

/// The official form.
fn of(at: &At<'_>, members: &Members<'_>, found: &mut Findings) -> Option<Webhook> {
    let tells = event_types(&at.key("event_types"), members, found);
    let secret = members.get("secret").and_then(|raw| secret(&at.key("secret"), raw, found));
    let url = match members.get("url") {
        Some(raw) => address::read(&at.key("url"), raw, found)?,
        None => return found.refuse(&at.key("url"), "missing", "is required: the address to call"),
    };
    Some(Webhook { url, secret, tells, form: Form::Official })
}

/// What is told when nothing is named.
const ENDS: Tells = Tells { ends: true, questions: false };

fn event_types(at: &At<'_>, members: &Members<'_>, found: &mut Findings) -> Tells {
    let named = members.get("event_types").and_then(|raw| found.texts(at, raw)).unwrap_or_default();
    let question = |name: &str| QUESTION.contains(&name);
    if named.iter().any(|name| name != EVENT && !question(name)) {
        found.wrong(at, "literal_error", format!("may hold `{EVENT}` and `{}`", QUESTION[0]));
    }
    if named.is_empty() {
        return ENDS;
    }
    Tells { ends: named.iter().any(|name| name == EVENT), questions: named.iter().any(|name| question(name)) }
}

fn secret(at: &At<'_>, raw: &RawValue, found: &mut Findings) -> Option<Secret> {
    let text = found.text(at, raw)?;
    if text.is_empty() { found.refuse(at, "value_error", "is empty") } else { Some(Secret::from(text.into_owned())) }
}
