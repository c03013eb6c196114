//! The HTTP surface: exactly the wire, and what is additive beside it. A handler reads, calls, shows.

mod bare;
mod body;
mod create;
mod failure;
mod guard;
mod hold;
mod keys;
mod listener;
mod ops;
mod query;
mod tasks;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{OriginalUri, Request};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use legwork_api::code::Code;
use tokio::sync::Semaphore;
use tower_service::Service as _;
use tracing::debug;

pub use self::bare::bare;
use self::failure::Failure;
pub(crate) use self::guard::Guard;
pub(crate) use self::keys::Keys;
pub(crate) use self::listener::{Listener, listen};
use crate::follow::Follow;
use crate::processors::Registry;
use crate::runs::Runs;

/// What the handlers need.
#[derive(Clone)]
pub(crate) struct Api(Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) runs: Runs,
    pub(crate) follow: Follow,
    pub(crate) processors: Registry,
    pub(crate) keys: Keys,
    pub(crate) store_id: String,
    bodies: Semaphore,
}

impl std::ops::Deref for Api {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Api {
    pub(crate) fn new(runs: Runs, follow: Follow, processors: Registry, keys: Keys, store_id: String) -> Self {
        let bodies = Semaphore::new(body::IN_FLIGHT);
        Self(Arc::new(Parts { runs, follow, processors, keys, store_id, bodies }))
    }
}

/// Answers requests: the guard first, then the routes.
pub(crate) struct Front {
    guard: Guard,
    router: Router,
}

impl Front {
    pub(crate) fn new(guard: Guard, api: Api) -> Self {
        let tasks = tasks::routes();
        let router = Router::new()
            .nest("/v1", tasks.clone())
            .nest("/v1beta", tasks)
            .route("/health", get(ops::health))
            .route("/ready", get(ops::ready))
            .route("/version", get(ops::version))
            .method_not_allowed_fallback(wrong_method)
            .fallback(nothing_here)
            .with_state(api);
        Self { guard, router }
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Response {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let reader = self.guard.reader(request.headers()).cloned();
        let mut response = match self.guard.check(request.uri(), request.headers()) {
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
        // The query is left out: it may hold a token.
        debug!(%method, path, status = response.status().as_u16(), "answered");
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
        HeaderValue::from_static("etag, retry-after, x-should-retry, legwork-version"),
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
