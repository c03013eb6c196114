//! A receiver of webhooks that writes down what it is sent and answers as it is told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use legwork_api::signature::{ID, SIGNATURE, Signed, TIMESTAMP, Unverified, verify};
use legwork_core::time::Micros;
use tokio::net::TcpListener;

/// What it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A receiver at work, until it is dropped.
pub(crate) struct Receiver {
    at: SocketAddr,
    desk: Arc<Desk>,
    serving: tokio::task::JoinHandle<()>,
}

/// A status, and headers beside it.
type Scripted = (u16, Vec<(&'static str, String)>);

#[derive(Default)]
struct Desk {
    calls: Mutex<Vec<Call>>,
    /// Status, and headers; without any left it is 200.
    answers: Mutex<VecDeque<Scripted>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap()).await
    }

    pub(crate) async fn start_at(address: SocketAddr) -> Self {
        let desk = Arc::<Desk>::default();
        let listener = TcpListener::bind(address).await.unwrap();
        let at = listener.local_addr().unwrap();
        let router = Router::new().fallback(take).with_state(desk.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { at, desk, serving }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.at)
    }

    /// The answers to the next calls.
    pub(crate) fn will_answer(&self, statuses: &[u16]) {
        let answers = statuses.iter().map(|status| (*status, Vec::new()));
        self.desk.answers.lock().unwrap().extend(answers);
    }

    pub(crate) fn will_answer_with(&self, status: u16, header: &'static str, value: &str) {
        self.desk.answers.lock().unwrap().push_back((status, vec![(header, value.to_owned())]));
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.desk.calls.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Bytes) -> Response {
    desk.calls.lock().unwrap().push(Call { headers, body });
    let (status, headers) = desk.answers.lock().unwrap().pop_front().unwrap_or((200, Vec::new()));
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(Body::from("thanks")).unwrap()
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// Whether this secret signed it at about this time.
    pub(crate) fn verify(&self, secret: &str, now: Micros) -> Result<(), Unverified> {
        let (id, timestamp, signature) = (self.header(ID), self.header(TIMESTAMP), self.header(SIGNATURE));
        verify(&[secret.to_owned().into()], Signed { id, timestamp, signature }, &self.body, now)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}
