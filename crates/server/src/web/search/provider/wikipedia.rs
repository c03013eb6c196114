//! Wikipedia, and other wikis on `MediaWiki`: the Action API, which needs no key.
//!
//! Read at www.mediawiki.org (API:Search, API:Etiquette, Wikimedia APIs/Access policy) and in the help that each wiki has
//! of its own API: `generator=search` searches, `prop=extracts` brings how each page begins (of 20 at the most),
//! `prop=info` its address. A search has 300 bytes at the most. A `User-Agent` has to say who asks and how they are reached,
//! and requests are best made one after the other. Errors come as 200 with `error` in them.

use serde::Deserialize;

use super::text::cut;
use super::{Answer, Query, Sent, Told, Trouble, hits, or_nothing, parsed};
use crate::config::search::Provider;

const MOST_BYTES: usize = 300;
const MOST: usize = 20;

#[derive(Deserialize)]
struct Page {
    #[serde(default, deserialize_with = "or_nothing")]
    query: Listed,
    error: Option<Refusal>,
}

#[derive(Default, Deserialize)]
struct Listed {
    #[serde(default, deserialize_with = "or_nothing")]
    pages: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    /// Its place: pages come in the order of their numbers.
    #[serde(default, deserialize_with = "or_nothing")]
    index: i64,
    #[serde(default, deserialize_with = "or_nothing")]
    title: String,
    #[serde(default, deserialize_with = "or_nothing")]
    fullurl: String,
    #[serde(default, deserialize_with = "or_nothing")]
    extract: String,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default, deserialize_with = "or_nothing")]
    code: String,
    #[serde(default, deserialize_with = "or_nothing")]
    info: String,
}

/// `None` when none of its pages may be used.
pub(super) fn request(provider: &Provider, query: &Query, contact: Option<&str>) -> Option<Sent> {
    let host = provider.base.host_str().unwrap_or_default();
    if !query.policy.allows_some_of(host) {
        return None;
    }
    let count = query.want.clamp(1, MOST).to_string();
    let parameters = [
        ("action", "query"),
        ("format", "json"),
        ("formatversion", "2"),
        ("generator", "search"),
        ("gsrsearch", &within(&query.text)),
        ("gsrlimit", &count),
        ("prop", "info|extracts"),
        ("inprop", "url"),
        ("exintro", "1"),
        ("explaintext", "1"),
        ("exchars", "600"),
        ("exlimit", &count),
    ];
    let parameters = parameters.map(|(name, value)| (name, value.to_owned()));
    Some(Sent::get(&provider.base, "w/api.php", &parameters).with("user-agent", agent(contact)))
}

/// As many whole words as it takes.
fn within(text: &str) -> String {
    let mut chars = MOST_BYTES;
    loop {
        let words = cut(text, chars, MOST_BYTES);
        match words.len().checked_sub(MOST_BYTES) {
            None | Some(0) => return words,
            // No character has more than four bytes.
            Some(over) => chars = words.chars().count() - over.div_ceil(4),
        }
    }
}

fn agent(contact: Option<&str>) -> String {
    let reached = contact.unwrap_or("self-hosted; its operator has set no contact");
    format!("legwork/{} ({reached})", env!("CARGO_PKG_VERSION"))
}

pub(super) fn read(provider: &Provider, body: &[u8]) -> Result<Answer, Trouble> {
    let Page { query, error } = parsed(body)?;
    if let Some(Refusal { code, info }) = error {
        let says = format!("refuses: {info} ({code})");
        let is_busy = ["ratelimited", "maxlag", "readonly"].contains(&code.as_str());
        return Err(if is_busy { Trouble::Busy { after: None, says } } else { Trouble::Failed(says) });
    }
    let mut pages = query.pages;
    pages.sort_by_key(|page| page.index);
    let told =
        |Entry { title, fullurl, extract, .. }| Told { url: fullurl, title, snippet: extract, ..Told::default() };
    Ok(Answer { hits: hits(provider, pages.into_iter().map(told)), note: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_as_many_bytes_as_a_wiki_takes() {
        assert_eq!(within("short"), "short");
        let cyrillic = "столица Монголии ".repeat(40);
        let words = within(&cyrillic);
        assert!(words.len() <= MOST_BYTES && words.len() > MOST_BYTES - 40 && cyrillic.starts_with(&words), "{words}");
        assert!(within(&"蒙".repeat(400)).len() <= MOST_BYTES);
    }
}
