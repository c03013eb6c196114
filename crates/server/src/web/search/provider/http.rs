//! Anything else that answers over HTTP in JSON, as the operator describes it.

use serde_json::Value;
use url::Url;
use url::form_urlencoded::byte_serialize;

use super::pointers::pointed;
use super::policy::with_operators;
use super::{Answer, Query, Sent, Trouble, hits, parsed};
use crate::config::search::{Provider, Template};

/// Longer questions are refused by most.
const MOST_CHARS: usize = 1_000;

pub(super) fn request(provider: &Provider, template: &Template, query: &Query) -> Result<Sent, String> {
    let words = if template.operators {
        with_operators(&query.text, &query.policy, MOST_CHARS, MOST_CHARS)
    } else {
        query.text.clone()
    };
    let key = provider.key.as_ref().map_or("", |key| key.reveal());
    let count = query.want.max(1).to_string();
    let fill = |template: &str, write: fn(&str) -> String| {
        // What is searched comes last, and what stands in it for a place is none.
        template.replace("{count}", &count).replace("{key}", &write(key)).replace("{query}", &write(&words))
    };
    // A plus is a space in what follows a `?` only.
    let url = fill(&template.url, |text| byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20"));
    let url = Url::parse(&url).map_err(|error| format!("has an address that cannot be called: {error}"))?;
    let body = template.body.as_deref().map(|body| fill(body, in_json));
    Ok(Sent { url, body, headers: Vec::new() })
}

/// The text as it stands between quotes in JSON.
fn in_json(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

pub(super) fn read(provider: &Provider, template: &Template, body: &[u8]) -> Result<Answer, Trouble> {
    let told = pointed(&parsed::<Value>(body)?, &template.pointers)?;
    Ok(Answer { hits: hits(provider, told), note: None })
}
