//! Brave Search: `GET /res/v1/web/search`.
//!
//! Read in Brave's own skills (github.com/brave/brave-search-skills, skills/web-search) and at api-dashboard.search.brave.com:
//! the key is the header `X-Subscription-Token`; a question has 400 characters and 50 words at the most; a page has 20
//! results; `freshness` takes a range of days; `page_age` is when a page was published. `X-RateLimit-Remaining` and
//! `X-RateLimit-Reset` have a number for each window, a second and a month, divided by commas.

use std::time::Duration;

use ::http::HeaderMap;
use serde::Deserialize;

use super::policy::with_operators;
use super::text::plain;
use super::{Answer, Query, Sent, Told, Trouble, hits, or_nothing, parsed};
use crate::config::search::Provider;

const MOST_CHARS: usize = 400;
const MOST_WORDS: usize = 50;
const MOST: usize = 20;

#[derive(Deserialize)]
struct Page {
    #[serde(default, deserialize_with = "or_nothing")]
    web: Web,
}

#[derive(Default, Deserialize)]
struct Web {
    #[serde(default, deserialize_with = "or_nothing")]
    results: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default, deserialize_with = "or_nothing")]
    url: String,
    #[serde(default, deserialize_with = "or_nothing")]
    title: String,
    description: Option<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    extra_snippets: Vec<String>,
    page_age: Option<String>,
}

pub(super) fn request(provider: &Provider, query: &Query, today: &str) -> Result<Sent, String> {
    let words = with_operators(&query.text, &query.policy, MOST_CHARS, MOST_WORDS);
    let mut parameters = vec![
        ("q", words),
        ("count", query.want.clamp(1, MOST).to_string()),
        ("result_filter", "web".to_owned()),
        ("text_decorations", "false".to_owned()),
    ];
    if let Some(country) = &query.country {
        parameters.push(("country", country.to_uppercase()));
    }
    if let Some(after) = query.policy.after_date.as_deref().filter(|after| *after <= today) {
        parameters.push(("freshness", format!("{after}to{today}")));
    }
    Sent::get(&provider.base, "res/v1/web/search", &parameters).keyed(provider, "x-subscription-token", "")
}

pub(super) fn read(provider: &Provider, body: &[u8]) -> Result<Answer, Trouble> {
    let page: Page = parsed(body)?;
    let told = |Entry { url, title, description, extra_snippets, page_age }| {
        let snippets: Vec<_> = description.iter().chain(&extra_snippets).map(|snippet| plain(snippet)).collect();
        Told { url, title: plain(&title), snippet: snippets.join(" … "), published: page_age, text: None }
    };
    Ok(Answer { hits: hits(provider, page.web.results.into_iter().map(told)), note: None })
}

/// How long until every window has room for one more.
pub(super) fn wait(headers: &HeaderMap) -> Option<Duration> {
    let numbers = |name: &str| -> Vec<u64> {
        let told = headers.get(name).and_then(|told| told.to_str().ok()).unwrap_or_default();
        told.split(',').filter_map(|number| number.trim().parse().ok()).collect()
    };
    let (left, reset) = (numbers("x-ratelimit-remaining"), numbers("x-ratelimit-reset"));
    let used_up = left.iter().zip(reset).filter(|(left, _)| **left == 0).map(|(_, reset)| reset);
    used_up.max().map(Duration::from_secs)
}
