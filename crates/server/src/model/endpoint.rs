//! An address where chat completions are spoken: one call of it, as many at a time as it may have, and again where that is
//! worth it.

use std::error::Error;
use std::fmt;
use std::sync::Once;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt as _;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use legwork_api::secret::Secret;
use reqwest::{RequestBuilder, Response, redirect};
use serde_json::Value;
use sse_stream::SseByteStream;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use super::answer::{Answer, Odd};
use super::refusal::Refusal;
use crate::config::LlmEndpoint;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);
/// How long what is told beside an answer is waited for when that has ended.
const AFTERWORD: Duration = Duration::from_secs(2);
/// How long the end of a stream is waited for that has said everything.
const GOODBYE: Duration = Duration::from_millis(100);
/// How much of an answer that does not stream, or of a refusal, is read.
const MOST: usize = 8 * 1024 * 1024;

/// One endpoint; all models at it share it.
pub(super) struct Endpoint {
    base: Url,
    key: Option<Secret>,
    http: reqwest::Client,
    room: Semaphore,
}

/// How long a call may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// From its beginning to the end of the answer.
    pub(super) whole: Duration,
    /// From one piece of the answer to the next.
    pub(super) silence: Duration,
}

/// Why a call came to nothing.
#[derive(Debug)]
pub(super) enum Fault {
    /// There is nobody.
    Nobody(String),
    /// It was not done in time, and this much had come.
    Late(Box<Answer>, Duration),
    /// The connection broke, and this much had come.
    Cut(Box<Answer>),
    /// It ended its answer before it said a word: something went wrong when it was too late to refuse.
    Empty,
    /// It refused.
    Refused(Refusal),
    /// What it says is no chat completion.
    Odd(String),
}

impl Fault {
    /// What had come of an answer: it may be billed.
    pub(super) fn begun(&self) -> Option<&Answer> {
        match self {
            Self::Late(answer, _) | Self::Cut(answer) => Some(&**answer).filter(|answer| answer.has_begun()),
            Self::Nobody(_) | Self::Empty | Self::Refused(_) | Self::Odd(_) => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody(why) => write!(f, "it cannot be reached: {why}"),
            Self::Late(answer, after) if answer.has_begun() => {
                write!(f, "its answer did not come to an end within {} s", after.as_secs())
            }
            Self::Late(_, after) => write!(f, "it did not answer within {} s", after.as_secs()),
            Self::Cut(_) => f.write_str("the connection broke in the midst of its answer"),
            Self::Empty => f.write_str("its answer ended before it began"),
            Self::Refused(refusal) if refusal.says.is_empty() => write!(f, "it answers with {}", refusal.status),
            Self::Refused(refusal) => write!(f, "it answers with {}: {}", refusal.status, refusal.says),
            Self::Odd(why) => write!(f, "what it answers is no chat completion: {why}"),
        }
    }
}

impl Endpoint {
    /// The endpoint at this address, with so many calls at a time.
    pub(super) fn new(at: &LlmEndpoint, concurrency: usize) -> Result<Self, reqwest::Error> {
        let http = http_to(&at.base, at.is_local())?;
        Ok(Self { base: at.base.clone(), key: at.key.clone(), http, room: Semaphore::new(concurrency) })
    }

    /// Waits for its turn.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.room.acquire().await.ok()
    }

    /// What `GET /models` lists.
    pub(super) async fn list(&self, within: Duration) -> Result<Value, Fault> {
        let listing = async {
            let response = self.sent(self.http.get(self.at("models"))).await?;
            let body = read(response).await.ok_or_else(|| Fault::Cut(Box::default()))?;
            serde_json::from_slice(&body).map_err(|error| Fault::Odd(error.to_string()))
        };
        timeout(within, listing).await.unwrap_or_else(|_| Err(Fault::Late(Box::default(), within)))
    }

    /// Sends one request and takes the answer in. Dropping this breaks the connection off, and with that the answer.
    pub(super) async fn call(&self, body: &Value, times: Times) -> Result<Answer, Fault> {
        let until = Instant::now() + times.whole;
        let late = || Fault::Late(Box::default(), times.whole);
        let request = self.http.post(self.at("chat/completions")).json(body);
        let response = timeout_at(until, self.sent(request)).await.unwrap_or_else(|_| Err(late()))?;
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.starts_with("application/json") {
            let body = timeout_at(until, read(response)).await.map_err(|_| late())?;
            return Answer::whole(&body.ok_or_else(|| Fault::Cut(Box::default()))?).map_err(|odd| self.odd(odd));
        }
        self.streamed(response, until, times).await
    }

    async fn streamed(&self, response: Response, until: Instant, times: Times) -> Result<Answer, Fault> {
        let mut frames = SseByteStream::new(response.bytes_stream());
        let mut answer = Answer::default();
        loop {
            let began = Instant::now();
            let next = match (answer.finish(), answer.has_begun()) {
                // A stream that was read to its end leaves a connection that can be used again.
                (Some(_), _) if answer.is_accounted() => began + GOODBYE,
                (Some(_), _) => began + AFTERWORD,
                // Long prompts take long to read: before the first piece the whole time is there.
                (None, false) => until,
                (None, true) => until.min(began + times.silence),
            };
            match timeout_at(next, frames.next()).await {
                Ok(Some(Ok(frame))) => {
                    if let Some(data) = frame.data.filter(|data| !data.is_empty()) {
                        answer.take(&data).map_err(|odd| self.odd(odd))?;
                    }
                }
                // It had said everything, whatever becomes of the connection.
                _ if answer.finish().is_some() => return Ok(answer),
                Ok(None) if !answer.has_begun() => return Err(Fault::Empty),
                Ok(None | Some(Err(_))) => return Err(Fault::Cut(Box::new(answer))),
                Err(_) if next < until => return Err(Fault::Late(Box::new(answer), times.silence)),
                Err(_) => return Err(Fault::Late(Box::new(answer), times.whole)),
            }
        }
    }

    async fn sent(&self, request: RequestBuilder) -> Result<Response, Fault> {
        let request = match &self.key {
            Some(key) => request.bearer_auth(key.reveal()),
            None => request,
        };
        let response = request.send().await.map_err(|error| Fault::Nobody(root(&error)))?;
        let status = response.status().as_u16();
        if (200..300).contains(&status) {
            return Ok(response);
        }
        let headers: HeaderMap = response.headers().clone();
        let body = read(response).await.unwrap_or_default();
        Err(Fault::Refused(Refusal::read(status, &headers, &body, self.key.as_ref(), SystemTime::now())))
    }

    fn odd(&self, odd: Odd) -> Fault {
        match odd {
            Odd::Error(error) => Fault::Refused(Refusal::within(&error, self.key.as_ref())),
            Odd::Unreadable(why) => Fault::Odd(why),
            Odd::Endless => Fault::Odd("it has no end".to_owned()),
        }
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        url
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.base))
    }
}

/// An address as one would type it.
pub(super) fn shown(base: &Url) -> String {
    let path = base.path().trim_end_matches('/');
    format!("{}{}", base.origin().ascii_serialization(), path.strip_suffix("/v1").unwrap_or(path))
}

/// All that was said, up to a limit; `None` when the connection broke.
async fn read(response: Response) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        body.extend_from_slice(&chunk.ok()?);
        if body.len() > MOST {
            break;
        }
    }
    Some(body)
}

/// What is at the bottom of an error: the rest is the library's business.
fn root(error: &dyn Error) -> String {
    std::iter::successors(error.source(), |&cause| cause.source()).last().unwrap_or(error).to_string()
}

/// What calls of this address are made with: it follows no redirects, which would carry the key to wherever they point, asks no
/// proxy for what is on this machine, and wants certificates only for `https`.
fn http_to(base: &Url, is_local: bool) -> Result<reqwest::Client, reqwest::Error> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // An error says that the program has chosen another provider, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let http = reqwest::Client::builder()
        .user_agent(concat!("legwork/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .redirect(redirect::Policy::none());
    let http = if is_local { http.no_proxy() } else { http };
    let http = if base.scheme() == "http" { http.tls_certs_only([]) } else { http };
    http.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_as_one_would_type_it() {
        for (base, as_typed) in [
            ("http://127.0.0.1:11434/v1", "http://127.0.0.1:11434"),
            ("https://openrouter.ai/api/v1/", "https://openrouter.ai/api"),
            ("https://h/?api-version=1", "https://h"),
        ] {
            assert_eq!(shown(&base.parse().unwrap()), as_typed);
        }
    }

    #[test]
    fn paths_go_behind_the_base_and_queries_stay() {
        let base = "https://h/deployments/d?api-version=1".parse().unwrap();
        let endpoint = Endpoint::new(&LlmEndpoint { base, key: None, context: None }, 1).unwrap();
        assert_eq!(endpoint.at("models").as_str(), "https://h/deployments/d/models?api-version=1");
    }
}
