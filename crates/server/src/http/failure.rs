//! Every way in which a request can fail, as the answer that a client gets.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};
use legwork_api::code::{Code, ErrorBody, ErrorView};
use legwork_api::run_input::Unreadable;
use legwork_core::id::RunId;
use legwork_core::store::StoreError;
use serde_json::{Value, json};
use tracing::error;
use uuid::Uuid;

use crate::runs::WishError;

const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// A failed request. What is not for the client's eyes stands in the log, under the same reference.
#[derive(Debug)]
pub(crate) struct Failure {
    code: Code,
    error: Box<ErrorView>,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        let error = ErrorView { ref_id: Uuid::new_v4().to_string(), message: message.into(), detail: None };
        Self::of_run(code, error)
    }

    /// A failure that tells of a run's own error.
    pub(crate) fn of_run(code: Code, error: ErrorView) -> Self {
        Self { code, error: Box::new(error) }
    }

    pub(crate) fn detail(mut self, detail: Value) -> Self {
        self.error.detail = Some(detail);
        self
    }

    /// One wrong thing in the request, in the form of the validation errors.
    pub(crate) fn invalid(part: &str, field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let loc: Vec<_> = std::iter::once(part).chain(field.split('.')).collect();
        let errors = json!({"errors": [{"loc": loc, "msg": message, "type": "value_error"}]});
        Self::new(Code::Invalid, format!("`{field}`: {message}")).detail(errors)
    }

    /// The same about an element of a list in the body.
    pub(crate) fn within(mut self, list: &str, place: usize) -> Self {
        let message = &self.error.message;
        self.error.message = match message.strip_prefix('`') {
            Some(rest) => format!("`{list}[{place}].{rest}"),
            None => format!("`{list}[{place}]`: {message}"),
        };
        let errors = self.error.detail.as_mut().and_then(|detail| detail.get_mut("errors")?.as_array_mut());
        for loc in errors.into_iter().flatten().filter_map(|error| error.get_mut("loc")?.as_array_mut()) {
            loc.splice(1.min(loc.len())..1.min(loc.len()), [json!(list), json!(place)]);
        }
        self
    }

    pub(crate) fn no_such_run(id: RunId) -> Self {
        Self::new(Code::NotFound, format!("there is no run {id}"))
    }

    /// What became of an owner's wish for a run.
    pub(crate) fn wish(id: RunId, verb: &str, error: WishError) -> Self {
        match error {
            WishError::Unknown => Self::no_such_run(id),
            WishError::NotIn(status) => Self::new(Code::Conflict, format!("a run that is {status} cannot be {verb}"))
                .detail(json!({"status": status})),
            WishError::Store(error) => error.into(),
        }
    }
}

impl From<Unreadable> for Failure {
    fn from(odd: Unreadable) -> Self {
        let failure = Self::new(odd.code, odd.message.clone());
        match odd.detail() {
            Some(detail) => failure.detail(detail),
            None => failure,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let (code, message) = match &error {
            StoreError::Busy => (Code::Busy, "the server has more to write than it can; try again in a second"),
            StoreError::Unavailable(_) => (Code::Busy, "the store is unavailable; nothing was changed"),
            StoreError::Inconsistent(_) => (Code::Internal, "the server has a fault; its log says more"),
        };
        let failure = Self::new(code, message);
        error!(ref_id = failure.error.ref_id, error = &error as &dyn std::error::Error, "a request failed");
        failure
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&ErrorBody::new(*self.error)).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        // Every code has a status between 400 and 503.
        *response.status_mut() = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(again) = self.code.should_retry_header() {
            headers.insert(SHOULD_RETRY, HeaderValue::from_static(if again { "true" } else { "false" }));
        }
        if self.code == Code::Busy {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
