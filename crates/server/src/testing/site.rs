//! A web site that writes down what it is asked and answers as it is told.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, Uri};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// A site, until it is dropped.
pub(crate) struct Site {
    at: SocketAddr,
    desk: Arc<Desk>,
    serving: tokio::task::JoinHandle<()>,
}

/// What it says at one address.
#[derive(Clone)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Says,
}

#[derive(Clone)]
enum Says {
    /// This.
    All(Bytes),
    /// This, over and over.
    Endless(Bytes),
    /// This, and then nothing more without an end.
    Stuck(Bytes),
    /// Nothing before the site is told to go on.
    Held(Bytes),
}

/// What it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The path, with what follows its `?`.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
}

#[derive(Default)]
struct Desk {
    replies: Mutex<HashMap<String, Reply>>,
    asked: Mutex<Vec<Asked>>,
    came: Notify,
    go_on: Notify,
}

impl Reply {
    /// A web page.
    pub(crate) fn html(body: impl Into<Bytes>) -> Self {
        Self::typed("text/html; charset=utf-8", body)
    }

    /// Something of this media type.
    pub(crate) fn typed(media: &str, body: impl Into<Bytes>) -> Self {
        Self::status(200, body).with("content-type", media)
    }

    /// Something without a type.
    pub(crate) fn status(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Vec::new(), body: Says::All(body.into()) }
    }

    /// A redirect.
    pub(crate) fn to(location: &str) -> Self {
        Self::status(302, "").with("location", location)
    }

    pub(crate) fn with(mut self, header: &'static str, value: &str) -> Self {
        self.headers.push((header, value.to_owned()));
        self
    }

    /// The same body over and over.
    pub(crate) fn endless(self) -> Self {
        Self { body: Says::Endless(self.bytes()), ..self }
    }

    /// The same body, and then nothing.
    pub(crate) fn stuck(self) -> Self {
        Self { body: Says::Stuck(self.bytes()), ..self }
    }

    /// The same, when the site is told to go on.
    pub(crate) fn held(self) -> Self {
        Self { body: Says::Held(self.bytes()), ..self }
    }

    fn bytes(&self) -> Bytes {
        match &self.body {
            Says::All(bytes) | Says::Endless(bytes) | Says::Stuck(bytes) | Says::Held(bytes) => bytes.clone(),
        }
    }
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap()).await
    }

    pub(crate) async fn start_at(address: SocketAddr) -> Self {
        let desk = Arc::<Desk>::default();
        let listener = TcpListener::bind(address).await.unwrap();
        let at = listener.local_addr().unwrap();
        let router = Router::new().fallback(reply).with_state(desk.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { at, desk, serving }
    }

    pub(crate) fn port(&self) -> u16 {
        self.at.port()
    }

    /// What is said at this path from now on; at all others it is 404.
    pub(crate) fn says(&self, path: &str, reply: Reply) {
        self.desk.replies.lock().unwrap().insert(path.to_owned(), reply);
    }

    /// All that it was asked, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.desk.asked.lock().unwrap().clone()
    }

    /// The paths that it was asked, but for its `robots.txt`.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.path).filter(|path| path != "/robots.txt").collect()
    }

    /// Waits until it has been asked for this path.
    pub(crate) async fn is_asked(&self, path: &str) {
        loop {
            let came = self.desk.came.notified();
            if self.asked().iter().any(|asked| asked.path == path) {
                return;
            }
            came.await;
        }
    }

    /// Lets one answer go that is held.
    pub(crate) fn go_on(&self) {
        self.desk.go_on.notify_one();
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn reply(State(desk): State<Arc<Desk>>, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let found = desk.replies.lock().unwrap().get(&path).cloned();
    let Reply { status, headers: said, body } = found.unwrap_or_else(|| Reply::status(404, "There is nothing here."));
    desk.asked.lock().unwrap().push(Asked { path, headers });
    desk.came.notify_waiters();
    let body = match body {
        Says::All(bytes) => Body::from(bytes),
        Says::Endless(bytes) => Body::from_stream(stream::repeat(bytes).map(Ok::<_, std::io::Error>)),
        Says::Stuck(bytes) => {
            Body::from_stream(stream::iter([Ok::<_, std::io::Error>(bytes)]).chain(stream::pending()))
        }
        Says::Held(bytes) => {
            desk.go_on.notified().await;
            Body::from(bytes)
        }
    };
    let mut response = Response::builder().status(status);
    for (name, value) in said {
        response = response.header(name, value);
    }
    response.body(body).unwrap()
}
