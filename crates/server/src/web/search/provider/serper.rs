//! Serper: `POST /search`, Google's results.
//!
//! Serper documents its API behind a login; this is what its clients send and read (langchain-community's
//! `GoogleSerperAPIWrapper`, langchainjs' `serper.ts`): the key is the header `X-API-KEY`; `q`, `num`, `gl` and `tbs` are
//! Google's own; `organic` has `title`, `link`, `snippet`, `position` and sometimes `date`.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::policy::with_operators;
use super::{Answer, Query, Sent, Told, Trouble, hits, or_nothing, parsed};
use crate::config::search::Provider;

/// Google reads no more words.
const MOST_WORDS: usize = 32;
const MOST_CHARS: usize = 1_000;
const MOST: usize = 100;

#[derive(Deserialize)]
struct Page {
    #[serde(default, deserialize_with = "or_nothing")]
    organic: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default, deserialize_with = "or_nothing")]
    link: String,
    #[serde(default, deserialize_with = "or_nothing")]
    title: String,
    #[serde(default, deserialize_with = "or_nothing")]
    snippet: String,
    date: Option<String>,
}

pub(super) fn request(provider: &Provider, query: &Query) -> Result<Sent, String> {
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| drop(body.insert(key.to_owned(), value));
    put("q", with_operators(&query.text, &query.policy, MOST_CHARS, MOST_WORDS).into());
    put("num", query.want.clamp(1, MOST).into());
    if let Some(country) = &query.country {
        put("gl", country.to_lowercase().into());
    }
    if let Some(after) = query.policy.after_date.as_deref().and_then(as_google_has_it) {
        put("tbs", format!("cdr:1,cd_min:{after}").into());
    }
    Sent::post(&provider.base, "search", &body.into()).keyed(provider, "x-api-key", "")
}

/// `2026-03-01` as `03/01/2026`.
fn as_google_has_it(day: &str) -> Option<String> {
    let mut parts = day.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    Some(format!("{month}/{day}/{year}"))
}

pub(super) fn read(provider: &Provider, body: &[u8]) -> Result<Answer, Trouble> {
    let page: Page = parsed(body)?;
    let told = |Entry { link, title, snippet, date }| Told { url: link, title, snippet, published: date, text: None };
    Ok(Answer { hits: hits(provider, page.organic.into_iter().map(told)), note: None })
}
