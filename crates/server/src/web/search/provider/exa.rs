//! Exa: `POST /search`.
//!
//! Read at exa.ai/docs (search/quickstart, reference/search) and in github.com/exa-labs/openapi-spec: the key is the header
//! `x-api-key`; up to 100 results; `contents.highlights` are passages that fit the question, `contents.text` is the full
//! text of the page; dates are ISO 8601; `userLocation` is a country of two letters.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::policy::whole_domains;
use super::{Answer, Query, Sent, Told, Trouble, hits, or_nothing, parsed};
use crate::config::search::Provider;

const MOST: usize = 100;

#[derive(Deserialize)]
struct Page {
    #[serde(default, deserialize_with = "or_nothing")]
    results: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default, deserialize_with = "or_nothing")]
    url: String,
    #[serde(default, deserialize_with = "or_nothing")]
    title: String,
    published_date: Option<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    highlights: Vec<String>,
    text: Option<String>,
}

pub(super) fn request(provider: &Provider, query: &Query, text: bool) -> Result<Sent, String> {
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| drop(body.insert(key.to_owned(), value));
    put("query", query.text.as_str().into());
    put("type", "auto".into());
    put("numResults", query.want.clamp(1, MOST).into());
    put("contents", if text { json!({"highlights": true, "text": true}) } else { json!({"highlights": true}) });
    let (wanted, unwanted) = whole_domains(&query.policy);
    if !wanted.is_empty() {
        put("includeDomains", json!(wanted));
    }
    if !unwanted.is_empty() {
        put("excludeDomains", json!(unwanted));
    }
    if let Some(after) = &query.policy.after_date {
        put("startPublishedDate", format!("{after}T00:00:00.000Z").into());
    }
    if let Some(country) = &query.country {
        put("userLocation", country.to_uppercase().into());
    }
    Sent::post(&provider.base, "search", &body.into()).keyed(provider, "x-api-key", "")
}

pub(super) fn read(provider: &Provider, body: &[u8]) -> Result<Answer, Trouble> {
    let page: Page = parsed(body)?;
    let told = |Entry { url, title, published_date, highlights, text }| Told {
        url,
        title,
        snippet: highlights.join(" … "),
        published: published_date,
        text,
    };
    Ok(Answer { hits: hits(provider, page.results.into_iter().map(told)), note: None })
}
