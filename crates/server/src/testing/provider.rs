//! A server of somebody else's: it writes down what it is asked, and answers what a test has it answer.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::net::TcpListener;
use url::Url;

use crate::web::wire::{Reply, Unreached, Wire};

/// What it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// What is asked for by this name behind the `?`.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let pairs = url::form_urlencoded::parse(self.uri.query().unwrap_or_default().as_bytes());
        pairs.into_owned().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

/// What it answers; `None` is silence.
pub(crate) type Answers = Box<dyn FnMut(&Asked) -> Option<Response<String>> + Send>;

/// What it answers, and what it was asked so far.
struct Book {
    answers: Answers,
    asked: Vec<Asked>,
}

type Shared = Arc<Mutex<Book>>;

fn take(book: &Shared, asked: &Asked) -> Option<Response<String>> {
    let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
    book.asked.push(asked.clone());
    (book.answers)(asked)
}

/// A server on loopback, until it is dropped.
pub(crate) struct Endpoint {
    at: SocketAddr,
    book: Shared,
    serving: tokio::task::JoinHandle<()>,
}

impl Endpoint {
    pub(crate) async fn start(answers: impl FnMut(&Asked) -> Option<Response<String>> + Send + 'static) -> Self {
        let book = Arc::new(Mutex::new(Book { answers: Box::new(answers), asked: Vec::new() }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let router = Router::new().fallback(serve).with_state(book.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { at, book, serving }
    }

    /// One that always answers this.
    pub(crate) async fn that_answers(status: u16, body: &str) -> Self {
        let body = body.to_owned();
        Self::start(move |_| Some(answer(status, &body))).await
    }

    pub(crate) fn url(&self) -> Url {
        format!("http://{}", self.at).parse().unwrap()
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.book.lock().unwrap().asked.clone()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// An answer in JSON.
pub(crate) fn answer(status: u16, body: &str) -> Response<String> {
    Response::builder().status(status).header("content-type", "application/json").body(body.to_owned()).unwrap()
}

async fn serve(State(book): State<Shared>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let asked = Asked { method: parts.method, uri: parts.uri, headers: parts.headers, body };
    match take(&book, &asked) {
        Some(response) => response.map(Body::from),
        None => std::future::pending().await,
    }
}

/// The same without a network, for tests that move the clock: nothing happens in it while time stands still.
pub(crate) struct Script(Shared);

impl Script {
    pub(crate) fn new(answers: impl FnMut(&Asked) -> Option<Response<String>> + Send + 'static) -> Arc<Self> {
        Arc::new(Self(Arc::new(Mutex::new(Book { answers: Box::new(answers), asked: Vec::new() }))))
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.0.lock().unwrap().asked.clone()
    }
}

#[async_trait]
impl Wire for Script {
    async fn send(&self, request: Request<Bytes>) -> Result<Reply, Unreached> {
        let (parts, body) = request.into_parts();
        let asked = Asked { method: parts.method, uri: parts.uri, headers: parts.headers, body };
        let Some(response) = take(&self.0, &asked) else { return std::future::pending().await };
        let (parts, body) = response.into_parts();
        // No server has this status: it stands for one that is not there.
        if parts.status == StatusCode::from_u16(599).unwrap() {
            return Err(Unreached::Lost("Connection refused".to_owned()));
        }
        let body = stream::iter([Ok(Bytes::from(body))]).boxed();
        Ok(Reply { status: parts.status, headers: parts.headers, body })
    }
}
