//! What is spoken to each kind of provider: a file a kind, in two functions: the request for a query, and what an answer
//! has in it. Nothing in here sends anything.
//!
//! What a kind is sent and answers is what its vendor documents; where that was read, its file says.

mod brave;
mod exa;
mod http;
mod kagi;
pub(super) mod mcp;
mod parallel;
mod pointers;
mod policy;
mod searxng;
mod serper;
mod tavily;
mod text;
mod wikipedia;

use std::time::Duration;

use ::http::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use ::http::{HeaderMap, Request, StatusCode, Uri};
use bytes::Bytes;
use legwork_api::secret::Secret;
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::Value;
use url::Url;
use url::form_urlencoded::Serializer;

use self::text::day;
use super::address::normal;
use super::found::{Hit, Query};
use crate::config::search::{Engine, Provider};
use crate::web::wire::{Unreached, header, said};

/// How long what is said of a page may be, in characters; what is longer is cut. To choose by it needs no more.
const SNIPPET: usize = 2_000;

/// What a provider answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// Its results, the best first.
    pub(super) hits: Vec<Hit>,
    /// What was wrong with it, although it answered.
    pub(super) note: Option<String>,
}

/// Why there is no answer, in words that follow the provider's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    /// It wants to be asked later.
    #[error("{says}")]
    Busy {
        /// How much later, if it says so.
        after: Option<Duration>,
        /// What it says.
        says: String,
    },
    /// To ask it again at once would help nothing.
    #[error("{0}")]
    Failed(String),
}

impl From<Unreached> for Trouble {
    fn from(error: Unreached) -> Self {
        Self::Failed(error.to_string())
    }
}

/// A request on its way to a provider.
pub(super) struct Sent {
    /// What is called; it may have a key in it.
    url: Url,
    /// What is sent, as JSON; without any it is a `GET`.
    body: Option<String>,
    headers: Vec<(&'static str, Secret)>,
}

impl Sent {
    /// A `GET` of what lies below the base, with these parameters.
    fn get(base: &Url, path: &str, parameters: &[(&str, String)]) -> Self {
        let mut url = below(base, path);
        let query = Serializer::new(String::new()).extend_pairs(parameters).finish();
        url.set_query(Some(&query));
        Self { url, body: None, headers: Vec::new() }
    }

    /// A `POST` of JSON to what lies below the base.
    fn post(base: &Url, path: &str, body: &Value) -> Self {
        Self { url: below(base, path), body: Some(body.to_string()), headers: Vec::new() }
    }

    /// With a header that nobody shall read.
    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, Secret::from(value.into())));
        self
    }

    /// With the key of the provider, where the vendor wants it.
    fn keyed(self, provider: &Provider, name: &'static str, before: &str) -> Result<Self, String> {
        let key = provider.key.as_ref().ok_or("has no key")?;
        Ok(self.with(name, format!("{before}{}", key.reveal())))
    }
}

/// What lies below an address, whether that ends in a slash or not.
fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    let whole = format!("{}/{}", base.path().trim_end_matches('/'), path.trim_start_matches('/'));
    url.set_path(&whole);
    url
}

/// What is sent to a provider for a query; `None` when it has nothing that may be used, so that it need not be asked.
pub(super) fn request(provider: &Provider, query: &Query, today: &str) -> Result<Option<Request<Bytes>>, String> {
    let sent = match &provider.engine {
        Engine::Searxng => searxng::request(provider, query),
        Engine::Brave => brave::request(provider, query, today)?,
        Engine::Tavily { text } => tavily::request(provider, query, *text)?,
        Engine::Exa { text } => exa::request(provider, query, *text)?,
        Engine::Serper => serper::request(provider, query)?,
        Engine::Kagi => kagi::request(provider, query)?,
        Engine::Wikipedia { contact } => match wikipedia::request(provider, query, contact.as_deref()) {
            Some(sent) => sent,
            None => return Ok(None),
        },
        Engine::Parallel => parallel::request(provider, query)?,
        Engine::Http(template) => http::request(provider, template, query)?,
        Engine::Mcp(_) => return Err("is called as a tool".to_owned()),
    };
    built(sent, provider).map(Some)
}

fn built(sent: Sent, provider: &Provider) -> Result<Request<Bytes>, String> {
    let uri: Uri = sent.url.as_str().parse().map_err(|_| "has an address that cannot be called".to_owned())?;
    let mut request = match sent.body {
        None => Request::get(uri).body(Bytes::new()),
        Some(body) => Request::post(uri).header(CONTENT_TYPE, "application/json").body(Bytes::from(body)),
    }
    .map_err(|error| format!("cannot be asked: {error}"))?;
    let own = sent.headers.iter().map(|(name, value)| (*name, value));
    let set = provider.headers.iter().map(|(name, value)| (name.as_str(), value));
    let usual = Secret::from("application/json".to_owned());
    for (name, value) in [(ACCEPT.as_str(), &usual)].into_iter().chain(own).chain(set) {
        let (name, value) = header(name, value)?;
        request.headers_mut().insert(name, value);
    }
    Ok(request)
}

/// What an answer of a provider has in it, or why it has nothing.
pub(super) fn read(
    provider: &Provider,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Answer, Trouble> {
    if !status.is_success() {
        return Err(refused(provider, status, headers, body));
    }
    match &provider.engine {
        Engine::Searxng => searxng::read(provider, body),
        Engine::Brave => brave::read(provider, body),
        Engine::Tavily { .. } => tavily::read(provider, body),
        Engine::Exa { .. } => exa::read(provider, body),
        Engine::Serper => serper::read(provider, body),
        Engine::Kagi => kagi::read(provider, body),
        Engine::Wikipedia { .. } => wikipedia::read(provider, body),
        Engine::Parallel => parallel::read(provider, body),
        Engine::Http(template) => http::read(provider, template, body),
        Engine::Mcp(_) => Err(Trouble::Failed("is called as a tool".to_owned())),
    }
}

/// How long a provider wants to be left alone, by its own headers.
pub(super) fn wait(provider: &Provider, headers: &HeaderMap) -> Option<Duration> {
    match provider.engine {
        Engine::Brave => brave::wait(headers),
        Engine::Searxng
        | Engine::Tavily { .. }
        | Engine::Exa { .. }
        | Engine::Serper
        | Engine::Kagi
        | Engine::Wikipedia { .. }
        | Engine::Parallel
        | Engine::Http(_)
        | Engine::Mcp(_) => None,
    }
}

fn refused(provider: &Provider, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Trouble {
    let says = told(status, &said(body, &secrets(provider)));
    match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Trouble::Busy { after: None, says },
        StatusCode::FORBIDDEN if provider.engine == Engine::Searxng => Trouble::Failed(searxng::FORBIDDEN.to_owned()),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Trouble::Failed(format!("does not let us in, so its key is likely wrong: {says}"))
        }
        StatusCode::PAYMENT_REQUIRED => Trouble::Failed(format!("wants to be paid first: {says}")),
        redirect if redirect.is_redirection() => {
            let to = headers.get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("elsewhere");
            let to = Url::parse(to).map_or_else(|_| to.to_owned(), |to| to.origin().ascii_serialization());
            Trouble::Failed(format!("sends us to {to}: set that as its `base_url`"))
        }
        _ => Trouble::Failed(says),
    }
}

fn told(status: StatusCode, says: &str) -> String {
    let status = match status.canonical_reason() {
        Some(reason) => format!("answers {} ({reason})", status.as_u16()),
        None => format!("answers {}", status.as_u16()),
    };
    if says.is_empty() { status } else { format!("{status}: {says}") }
}

/// What must not be repeated of what was sent.
fn secrets(provider: &Provider) -> Vec<&Secret> {
    provider.key.iter().chain(provider.headers.iter().map(|(_, value)| value)).collect()
}

/// The body as what the vendor documents.
fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Trouble> {
    serde_json::from_slice(body).map_err(|error| {
        let begins = said(body, &[]);
        let begins: String = begins.chars().take(60).collect();
        Trouble::Failed(format!("answers with what cannot be read: {error}; it begins with `{begins}`"))
    })
}

/// What is null is as good as not there.
fn or_nothing<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// A result as a provider tells it.
#[derive(Default)]
struct Told {
    url: String,
    title: String,
    snippet: String,
    published: Option<String>,
    text: Option<String>,
}

/// The results of a provider as hits. What is no page on the web is dropped.
fn hits(provider: &Provider, told: impl IntoIterator<Item = Told>) -> Vec<Hit> {
    let hit = |(i, told): (usize, Told)| {
        let Told { url, title, snippet, published, text } = told;
        Some(Hit {
            url: normal(&url)?.into(),
            title: one_line(&title),
            snippet: one_line(&snippet).chars().take(SNIPPET).collect(),
            provider: provider.name.clone(),
            rank: i + 1,
            published: published.as_deref().and_then(day),
            text: text.filter(|text| !text.trim().is_empty()),
        })
    };
    told.into_iter().enumerate().filter_map(hit).collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
pub(super) mod tests;
