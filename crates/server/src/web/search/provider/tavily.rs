//! Tavily: `POST /search`.
//!
//! Read at docs.tavily.com (documentation/api-reference/endpoint/search): the key is a bearer token; a question has 400
//! characters at the most and brings 20 results; `content` is a part of the page that fits the question, and `raw_content`,
//! sent with `include_raw_content`, its cleaned text. `published_date` is told of news.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::policy::whole_domains;
use super::text::cut;
use super::{Answer, Query, Sent, Told, Trouble, hits, or_nothing, parsed};
use crate::config::search::Provider;

const MOST_CHARS: usize = 400;
const MOST: usize = 20;

#[derive(Deserialize)]
struct Page {
    #[serde(default, deserialize_with = "or_nothing")]
    results: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default, deserialize_with = "or_nothing")]
    url: String,
    #[serde(default, deserialize_with = "or_nothing")]
    title: String,
    #[serde(default, deserialize_with = "or_nothing")]
    content: String,
    raw_content: Option<String>,
    published_date: Option<String>,
}

pub(super) fn request(provider: &Provider, query: &Query, text: bool) -> Result<Sent, String> {
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| drop(body.insert(key.to_owned(), value));
    put("query", cut(&query.text, MOST_CHARS, MOST_CHARS).into());
    put("max_results", query.want.clamp(1, MOST).into());
    put("search_depth", "basic".into());
    if text {
        put("include_raw_content", "text".into());
    }
    let (wanted, unwanted) = whole_domains(&query.policy);
    if !wanted.is_empty() {
        put("include_domains", json!(wanted));
    }
    if !unwanted.is_empty() {
        put("exclude_domains", json!(unwanted));
    }
    if let Some(after) = &query.policy.after_date {
        put("start_date", after.as_str().into());
    }
    Sent::post(&provider.base, "search", &body.into()).keyed(provider, "authorization", "Bearer ")
}

pub(super) fn read(provider: &Provider, body: &[u8]) -> Result<Answer, Trouble> {
    let page: Page = parsed(body)?;
    let told = |Entry { url, title, content, raw_content, published_date }| Told {
        url,
        title,
        snippet: content,
        published: published_date,
        text: raw_content,
    };
    Ok(Answer { hits: hits(provider, page.results.into_iter().map(told)), note: None })
}
