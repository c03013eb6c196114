//! Parallel's Search API: `POST /v1/search`.
//!
//! Read at docs.parallel.ai (search/search-quickstart, search/advanced-search-settings, resources/source-policy) and in
//! github.com/parallel-web/parallel-agent-skills (migrate-to-parallel/references/parallel-search.md): the key is the header
//! `x-api-key`; an objective has 5,000 characters, a query 200; limits and filters stand in `advanced_settings`; of the two
//! lists of domains one is sent, 200 at the most, without paths, endings such as `.gov` among them. `mode` is `basic`:
//! `advanced`, the usual, may take longer than a search here. `excerpts` are passages, not pages.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::policy::{excluded, included};
use super::text::cut;
use super::{Answer, Query, Sent, Told, Trouble, hits, or_nothing, parsed};
use crate::config::search::Provider;

const OBJECTIVE_CHARS: usize = 5_000;
const QUERY_CHARS: usize = 200;
const MOST: usize = 40;

#[derive(Deserialize)]
struct Page {
    #[serde(default, deserialize_with = "or_nothing")]
    results: Vec<Entry>,
    #[serde(default, deserialize_with = "or_nothing")]
    warnings: Vec<Warning>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default, deserialize_with = "or_nothing")]
    url: String,
    #[serde(default, deserialize_with = "or_nothing")]
    title: String,
    publish_date: Option<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    excerpts: Vec<String>,
}

#[derive(Deserialize)]
struct Warning {
    #[serde(default, deserialize_with = "or_nothing")]
    message: String,
}

pub(super) fn request(provider: &Provider, query: &Query) -> Result<Sent, String> {
    let mut settings = Map::new();
    let mut put = |key: &str, value: Value| drop(settings.insert(key.to_owned(), value));
    put("max_results", query.want.clamp(1, MOST).into());
    if let Some(country) = &query.country {
        put("location", country.to_lowercase().into());
    }
    let mut policy = Map::new();
    let spelled = |domain: &&str| if domain.contains('.') { (*domain).to_owned() } else { format!(".{domain}") };
    for (key, list) in [("include_domains", included(&query.policy)), ("exclude_domains", excluded(&query.policy))] {
        if !list.is_empty() {
            policy.insert(key.to_owned(), list.iter().map(spelled).collect::<Vec<_>>().into());
        }
    }
    if let Some(after) = &query.policy.after_date {
        policy.insert("after_date".to_owned(), after.as_str().into());
    }
    if !policy.is_empty() {
        put("source_policy", policy.into());
    }
    let body = json!({
        "objective": cut(&query.text, OBJECTIVE_CHARS, OBJECTIVE_CHARS),
        "search_queries": [cut(&query.text, QUERY_CHARS, QUERY_CHARS)],
        "mode": "basic",
        "advanced_settings": settings,
    });
    Sent::post(&provider.base, "v1/search", &body).keyed(provider, "x-api-key", "")
}

pub(super) fn read(provider: &Provider, body: &[u8]) -> Result<Answer, Trouble> {
    let Page { results, warnings } = parsed(body)?;
    let warnings: Vec<_> = warnings.into_iter().map(|warning| warning.message).collect();
    let note = (!warnings.is_empty()).then(|| format!("warns: {}", warnings.join("; ")));
    let told = |Entry { url, title, publish_date, excerpts }| Told {
        url,
        title,
        snippet: excerpts.join(" … "),
        published: publish_date,
        text: None,
    };
    Ok(Answer { hits: hits(provider, results.into_iter().map(told)), note })
}
