//! How a request leaves this machine, and what comes back: straight to where the operator pointed, or by another way.
//!
//! Who asks does not know which way it goes. What the operator configured is called as it stands; what callers name has to
//! pass the address guard, and so has a way of its own.

use std::error::Error;
use std::fmt;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{BoxStream, StreamExt as _};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use legwork_api::client::http_to;
use legwork_api::secret::Secret;
use serde_json::Value;
use url::Url;

use crate::reach;

/// How much is told of an answer that says why it is none, in characters.
const EXCERPT: usize = 200;

/// A way for requests.
#[async_trait]
pub(crate) trait Wire: Send + Sync + 'static {
    /// Sends it, and waits for the head of the answer. A redirect is an answer: it is not followed.
    async fn send(&self, request: Request<Bytes>) -> Result<Reply, Unreached>;
}

/// An answer whose body is still to come.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: BoxStream<'static, Result<Bytes, Unreached>>,
}

/// Why there is no answer, or not all of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreached {
    /// Nobody was reached, or the connection was lost.
    #[error("cannot be reached: {0}")]
    Lost(String),
    /// The answer does not end where it could be read.
    #[error("answers with more than {0} bytes")]
    TooLarge(usize),
}

impl Unreached {
    /// What is at the bottom of an error: the rest is the library's business.
    pub(crate) fn by(error: &(dyn Error + 'static)) -> Self {
        let mut cause = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        Self::Lost(cause.to_string())
    }
}

impl Reply {
    /// The whole body.
    pub(crate) async fn whole(mut self, most: usize) -> Result<Bytes, Unreached> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.body.next().await {
            let chunk = chunk?;
            if whole.len() + chunk.len() > most {
                return Err(Unreached::TooLarge(most));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    /// Whether its body is of this type.
    pub(crate) fn is(&self, kind: &str) -> bool {
        let told = self.headers.get(CONTENT_TYPE).and_then(|told| told.to_str().ok()).unwrap_or_default();
        told.split(';').next().is_some_and(|told| told.trim().eq_ignore_ascii_case(kind))
    }
}

/// A header with a value that is shown nowhere.
pub(crate) fn header(name: &str, value: &Secret) -> Result<(HeaderName, HeaderValue), String> {
    let odd = |what: &str| format!("cannot be asked: the {what} of its header `{name}` has what no header may have");
    let read: HeaderName = name.parse().map_err(|_| odd("name"))?;
    let mut value = HeaderValue::from_str(value.reveal()).map_err(|_| odd("value"))?;
    value.set_sensitive(true);
    Ok((read, value))
}

/// What an answer says that is a refusal: the message in it if it is JSON with one, else how it begins. Secrets that were
/// sent are not repeated.
pub(crate) fn said(body: &[u8], secrets: &[&Secret]) -> String {
    let message = serde_json::from_slice(body).ok().and_then(|value: Value| message(&value));
    let text = message.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for secret in secrets.iter().map(|secret| secret.reveal()).filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "***");
    }
    text.chars().filter(|c| !c.is_control()).take(EXCERPT).collect()
}

/// Where those who refuse say why.
fn message(value: &Value) -> Option<String> {
    let places = ["/error/message", "/error/info", "/error/detail", "/error", "/message", "/detail/error", "/detail"];
    let text = places.iter().find_map(|place| value.pointer(place)?.as_str());
    let first = || value.pointer("/error/0/msg").or_else(|| value.pointer("/error/0/message"))?.as_str();
    text.or_else(first).map(str::to_owned)
}

/// The way to what the operator configured: no guard, no redirects.
pub(crate) struct Direct {
    http: reqwest::Client,
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Direct")
    }
}

impl Direct {
    /// The way to this address and what is beside it.
    pub(crate) fn to(base: &Url) -> Result<Self, Unreached> {
        let http = http_to(base).map_err(|error| Unreached::by(&error))?;
        Ok(Self { http })
    }
}

#[async_trait]
impl Wire for Direct {
    async fn send(&self, request: Request<Bytes>) -> Result<Reply, Unreached> {
        // Addresses may have keys in them, and errors are read by everybody.
        let lost = |error: reqwest::Error| Unreached::by(&error.without_url());
        let request = reqwest::Request::try_from(request).map_err(lost)?;
        let response = self.http.execute(request).await.map_err(lost)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes_stream().map(move |chunk| chunk.map_err(lost)).boxed();
        Ok(Reply { status, headers, body })
    }
}

/// The way to what callers name: only to where this server may go.
#[async_trait]
impl Wire for reach::Client {
    async fn send(&self, request: Request<Bytes>) -> Result<Reply, Unreached> {
        let answer = self.send(request.map(Full::new)).await.map_err(|error| Unreached::Lost(error.to_string()))?;
        let (head, body) = answer.into_parts();
        let body = body.into_data_stream().map(|chunk| chunk.map_err(|error| Unreached::by(&error))).boxed();
        Ok(Reply { status: head.status, headers: head.headers, body })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[test]
    fn a_refusal_is_told_in_its_own_words_and_without_the_key() {
        let key = Secret::from("tvly-1".to_owned());
        for (body, told) in [
            (r#"{"error":{"message":"bad key tvly-1","code":1}}"#, "bad key ***"),
            (r#"{"detail":{"error":"Unauthorized:\n missing key"}}"#, "Unauthorized: missing key"),
            (r#"{"error":[{"code":0,"msg":"Insufficient credit"}]}"#, "Insufficient credit"),
            (r#"{"message":"Unauthorized."}"#, "Unauthorized."),
            (r#"{"unknown":1}"#, r#"{"unknown":1}"#),
            ("<html>tvly-1</html>", "<html>***</html>"),
            ("", ""),
        ] {
            assert_eq!(said(body.as_bytes(), &[&key]), told);
        }
        assert_eq!(said("é".repeat(1_000).as_bytes(), &[]).chars().count(), EXCERPT);
    }

    #[tokio::test]
    async fn a_body_without_an_end_is_left() {
        let chunk = || Ok(Bytes::from_static(b"0123456789"));
        let endless = stream::repeat_with(chunk).boxed();
        let reply = Reply { status: StatusCode::OK, headers: HeaderMap::new(), body: endless };
        assert_eq!(reply.whole(25).await, Err(Unreached::TooLarge(25)));
    }
}
