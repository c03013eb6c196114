//! `SearXNG`: `GET /search?format=json`.
//!
//! Read at docs.searxng.org (`dev/search_api` and `admin/settings/settings_search)`: formats other than HTML are off until
//! they are listed in `search.formats`, and asking for one that is off is a 403. How many results come is the instance's
//! to say. `number_of_results` is often 0 although there are some, so it is not looked at; `unresponsive_engines` are pairs
//! of an engine and what was wrong with it.

use serde::Deserialize;
use serde_json::Value;

use super::policy::with_operators;
use super::{Answer, Query, Sent, Told, Trouble, hits, or_nothing, parsed};
use crate::config::search::Provider;

/// What a 403 means.
pub(super) const FORBIDDEN: &str =
    "does not answer in JSON: add `json` to `search.formats` in its settings.yml, and start it again";

/// Longer questions are refused by the engines behind it.
const MOST_CHARS: usize = 400;

#[derive(Deserialize)]
struct Page {
    #[serde(default, deserialize_with = "or_nothing")]
    results: Vec<Entry>,
    #[serde(default, deserialize_with = "or_nothing")]
    unresponsive_engines: Vec<Value>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default, deserialize_with = "or_nothing")]
    url: String,
    #[serde(default, deserialize_with = "or_nothing")]
    title: String,
    #[serde(default, deserialize_with = "or_nothing")]
    content: String,
    #[serde(rename = "publishedDate")]
    published: Option<String>,
}

pub(super) fn request(provider: &Provider, query: &Query) -> Sent {
    let words = with_operators(&query.text, &query.policy, MOST_CHARS, MOST_CHARS);
    Sent::get(&provider.base, "search", &[("q", words), ("format", "json".to_owned())])
}

pub(super) fn read(provider: &Provider, body: &[u8]) -> Result<Answer, Trouble> {
    let Page { results, unresponsive_engines } = parsed(body)?;
    let down: Vec<_> = unresponsive_engines.iter().filter_map(engine).collect();
    let note = (!down.is_empty()).then(|| format!("had no answer from {}", down.join(", ")));
    let told = |Entry { url, title, content, published }| Told { url, title, snippet: content, published, text: None };
    let hits = hits(provider, results.into_iter().map(told));
    match note {
        // To find nothing is an answer only if somebody looked.
        Some(note) if hits.is_empty() => Err(Trouble::Failed(format!("found nothing, and {note}"))),
        note => Ok(Answer { hits, note }),
    }
}

/// An engine, and what was wrong with it.
fn engine(pair: &Value) -> Option<String> {
    match pair {
        Value::String(name) => Some(name.clone()),
        Value::Array(pair) => {
            let name = pair.first()?.as_str()?;
            let why = pair.get(1).and_then(Value::as_str);
            Some(why.map_or_else(|| name.to_owned(), |why| format!("{name} ({why})")))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}
