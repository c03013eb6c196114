//! Kagi: `POST /api/v1/search`.
//!
//! Read at help.kagi.com/kagi/api (quick-start) and in Kagi's generated clients (github.com/kagisearch/kagi-api-rust,
//! `SearchRequest` and `SearchResult`): the key is a bearer token; results stand in `data.search`, and `time` is when a page
//! was made or changed. `limit` and `filters.after` are in none of
//! those, and what others send. The earlier API under `/api/v0` is deprecated.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::policy::with_operators;
use super::text::plain;
use super::{Answer, Query, Sent, Told, Trouble, hits, or_nothing, parsed};
use crate::config::search::Provider;

const MOST_CHARS: usize = 400;
const MOST: usize = 40;

#[derive(Deserialize)]
struct Page {
    #[serde(default, deserialize_with = "or_nothing")]
    data: Data,
}

#[derive(Default, Deserialize)]
struct Data {
    #[serde(default, deserialize_with = "or_nothing")]
    search: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default, deserialize_with = "or_nothing")]
    url: String,
    #[serde(default, deserialize_with = "or_nothing")]
    title: String,
    #[serde(default, deserialize_with = "or_nothing")]
    snippet: String,
    time: Option<String>,
}

pub(super) fn request(provider: &Provider, query: &Query) -> Result<Sent, String> {
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| drop(body.insert(key.to_owned(), value));
    put("query", with_operators(&query.text, &query.policy, MOST_CHARS, MOST_CHARS).into());
    put("workflow", "search".into());
    put("limit", query.want.clamp(1, MOST).into());
    if let Some(after) = &query.policy.after_date {
        put("filters", json!({"after": after}));
    }
    Sent::post(&provider.base, "api/v1/search", &body.into()).keyed(provider, "authorization", "Bearer ")
}

pub(super) fn read(provider: &Provider, body: &[u8]) -> Result<Answer, Trouble> {
    let page: Page = parsed(body)?;
    let told = |Entry { url, title, snippet, time }| Told {
        url,
        title: plain(&title),
        snippet: plain(&snippet),
        published: time,
        text: None,
    };
    Ok(Answer { hits: hits(provider, page.data.search.into_iter().map(told)), note: None })
}
