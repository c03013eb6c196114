//! The HTTP surface: exactly the wire, and what is additive beside it. A handler reads, calls, shows.

mod bare;
mod body;
mod caller;
mod create;
mod docs;
mod events;
mod failure;
mod groups;
mod guard;
mod hold;
mod keys;
mod limits;
mod listener;
mod once;
mod ops;
mod outlook;
mod query;
mod rerun;
mod routes;
mod sources;
mod stream;
mod tasks;
mod tokens;
mod webhooks;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{OriginalUri, Request};
use axum::response::{IntoResponse as _, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use legwork_api::code::Code;
use tokio::sync::Semaphore;
use tower_service::Service as _;
use tracing::{Level, debug, enabled};

pub use self::bare::bare;
#[cfg(test)]
pub(crate) use self::docs::document;
use self::failure::Failure;
pub(crate) use self::guard::Guard;
pub(crate) use self::limits::Limits;
pub(crate) use self::listener::{Listener, listen};
pub(crate) use self::ops::VERSION;
pub(crate) use self::outlook::Ceilings;
pub(crate) use self::routes::templates;
pub(crate) use self::stream::Streams;
pub(crate) use self::tokens::Seal;
use crate::follow::Follow;
use crate::keys::Keyring;
use crate::metrics::Metrics;
use crate::model::Models;
use crate::nodes::Nodes;
use crate::processors::Registry;
use crate::runs::Runs;
use crate::webhooks::Courier;

/// What the handlers need.
#[derive(Clone)]
pub(crate) struct Api(Arc<Desk>);

struct Desk {
    parts: Parts,
    /// Room for bodies on their way in, in bytes.
    bodies: Semaphore,
}

/// The parts of a server that some handler asks.
pub(crate) struct Parts {
    pub(crate) runs: Runs,
    pub(crate) follow: Follow,
    pub(crate) processors: Registry,
    pub(crate) nodes: Arc<Nodes>,
    pub(crate) keys: Arc<Keyring>,
    /// What read tokens are signed with.
    pub(crate) seal: Seal,
    /// The operator's pages can be reached from elsewhere, and are not for everybody.
    pub(crate) pages: bool,
    pub(crate) courier: Arc<Courier>,
    pub(crate) store_id: String,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) streams: Streams,
    pub(crate) limits: Limits,
    pub(crate) ceilings: Ceilings,
    /// None where nothing is worked on.
    pub(crate) models: Option<Arc<Models>>,
    /// The search providers by name.
    pub(crate) search: Vec<String>,
    /// The documents, by what they are called.
    pub(crate) documents: Vec<String>,
}

impl std::ops::Deref for Api {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0.parts
    }
}

impl Api {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(Desk { parts, bodies: Semaphore::new(body::IN_FLIGHT) }))
    }

    /// Room for bodies on their way in, in bytes.
    fn bodies(&self) -> &Semaphore {
        &self.0.bodies
    }
}

/// Answers requests: the guard first, then the routes.
pub(crate) struct Front {
    guard: Guard,
    router: Router,
    templates: Vec<String>,
    metrics: Arc<Metrics>,
    keys: Arc<Keyring>,
}

impl Front {
    pub(crate) fn new(guard: Guard, api: Api) -> Self {
        let (metrics, keys) = (api.metrics.clone(), api.keys.clone());
        let router = routes::router().fallback(nothing_here).with_state(api);
        Self { guard, router, templates: templates(), metrics, keys }
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, mut request: Request<Body>) -> Response {
        let came = Instant::now();
        let method = request.method().clone();
        let route = routes::place(&self.templates, request.uri().path());
        // The query is left out: it may hold a token.
        let path = enabled!(Level::DEBUG).then(|| request.uri().path().to_owned());
        let ring = self.keys.ring();
        let open = ring.is_open();
        let reader = self.guard.reader(request.headers(), open).cloned();
        request.extensions_mut().insert(ring);
        let mut response = match self.guard.check(request.uri(), request.headers(), open) {
            Err(failure) => failure.into_response(),
            Ok(()) if is_preflight(&request) => preflight(request.headers(), reader.is_some()),
            Ok(()) => {
                let answer = self.router.clone().call(request).await;
                answer.unwrap_or_else(|never| match never {})
            }
        };
        response.headers_mut().insert("legwork-version", HeaderValue::from_static(ops::VERSION));
        if let Some(origin) = reader {
            allow(response.headers_mut(), origin);
        }
        let (status, took) = (response.status().as_u16(), came.elapsed());
        self.metrics.answered(route, method.as_str(), status, took);
        if let Some(path) = path {
            let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            debug!(http.method = %method, http.path = path, http.status = status, took_ms, "answered");
        }
        response
    }
}

fn is_preflight(request: &Request<Body>) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Says which headers and methods a page may use; the SDKs' browser builds send a dozen headers of their own.
fn preflight(asked: &HeaderMap, allowed: bool) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if allowed {
        let headers = response.headers_mut();
        let wanted = asked.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.unwrap_or(HeaderValue::from_static("*")));
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE"));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    response
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(VARY, HeaderValue::from_static("origin"));
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static(
            "etag, retry-after, ratelimit, ratelimit-policy, x-should-retry, idempotent-replayed, legwork-version",
        ),
    );
}

async fn nothing_here(method: Method, uri: Uri) -> Failure {
    let hint = "the Task API lives under /v1/tasks/runs";
    Failure::new(Code::NotFound, format!("there is nothing at {method} {}; {hint}", uri.path()))
}

async fn wrong_method(method: Method, OriginalUri(uri): OriginalUri) -> Failure {
    Failure::new(Code::MethodNotAllowed, format!("{method} cannot be used on {}", uri.path()))
}

#[cfg(test)]
mod tests;
