//! One answer of a server, as far as it was not an error.

use std::time::Duration;

use bytes::Bytes;
use reqwest::RequestBuilder;
use reqwest::header::{HeaderMap, HeaderName, RETRY_AFTER};
use serde::de::DeserializeOwned;
use url::Url;

use super::error::{ClientError, Oddity, Refusal};
use crate::code::ErrorBody;

/// How much of a body that is none of ours is told, in characters.
const EXCERPT: usize = 200;

/// An answer with a status of success, or 304.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Bytes,
    headers: HeaderMap,
    base: Url,
}

impl Answer {
    /// Sends the request; `base` is whom an error names.
    pub(super) async fn to(request: RequestBuilder, base: &Url) -> Result<Self, ClientError> {
        let lost = |source: reqwest::Error| ClientError::Unreachable { url: named(base), source: source.without_url() };
        let response = request.send().await.map_err(lost)?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.bytes().await.map_err(lost)?;
        match status {
            200..300 | 304 => Ok(Self { status, body, headers, base: base.clone() }),
            400.. => Err(refused(status, &headers, &body)),
            _ => Err(ClientError::Odd { url: named(base), source: Oddity::Status(status) }),
        }
    }

    /// Sends the request and returns with the head of an answer of success; its body is yet to come.
    pub(super) async fn opened(request: RequestBuilder, base: &Url) -> Result<reqwest::Response, ClientError> {
        let lost = |source: reqwest::Error| ClientError::Unreachable { url: named(base), source: source.without_url() };
        let response = request.send().await.map_err(lost)?;
        let status = response.status().as_u16();
        if (200..300).contains(&status) {
            return Ok(response);
        }
        let headers = response.headers().clone();
        let body = response.bytes().await.map_err(lost)?;
        match status {
            400.. => Err(refused(status, &headers, &body)),
            _ => Err(ClientError::Odd { url: named(base), source: Oddity::Status(status) }),
        }
    }

    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        let odd = |error| ClientError::Odd { url: named(&self.base), source: Oddity::Body(error) };
        serde_json::from_slice(&self.body).map_err(odd)
    }

    pub(super) fn header(&self, name: &HeaderName) -> Option<String> {
        text(&self.headers, name).map(str::to_owned)
    }
}

fn refused(status: u16, headers: &HeaderMap, body: &[u8]) -> ClientError {
    let (message, detail, ref_id) = match serde_json::from_slice::<ErrorBody>(body) {
        Ok(told) => (told.error.message, told.error.detail, told.error.ref_id),
        Err(_) => (foreign(status, body), None, String::new()),
    };
    if status == 401 {
        return ClientError::Auth { message };
    }
    // Dates are allowed too, but no server of this API sends one.
    let retry_after = text(headers, &RETRY_AFTER).and_then(|value| value.parse().ok()).map(Duration::from_secs);
    ClientError::Refused(Box::new(Refusal { status, message, detail, ref_id, retry_after }))
}

/// An address as one would type it.
fn named(base: &Url) -> String {
    base.as_str().trim_end_matches('/').to_owned()
}

/// What something on the way answered, such as a proxy.
fn foreign(status: u16, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let excerpt: String = text.trim().chars().take(EXCERPT).collect();
    if excerpt.is_empty() { format!("status {status}") } else { format!("status {status}: {excerpt}") }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
