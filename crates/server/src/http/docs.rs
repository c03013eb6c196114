//! The description of this surface, for programs and for people. Nothing in it is fetched from elsewhere.
//!
//! The document is kept by hand. That it is true is checked by every test that asks anything over HTTP
//! (`testing/contract.rs`).

use std::sync::OnceLock;

use axum::response::IntoResponse;
use bytes::Bytes;
use http::HeaderName;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use serde_json::Value;

use super::caller::Operator;
use super::ops::VERSION;

/// Everything below `/v1`, and the routes without a prefix.
const DOCUMENT: &str = include_str!("../../docs/openapi.json");
const PAGE: &str = include_str!("../../docs/index.html");
/// RapiDoc 9.3.8, as its authors packed it; see NOTICE.
const SCRIPT: &[u8] = include_bytes!("../../docs/rapidoc-min.js.gz");

/// Scripts and questions only from and to here; RapiDoc styles itself with inline styles.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const NO_SNIFF: (HeaderName, &str) = (X_CONTENT_TYPE_OPTIONS, "nosniff");

pub(super) async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json"), NO_SNIFF], document())
}

pub(super) async fn page(_: Operator) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY), NO_SNIFF], PAGE)
}

pub(super) async fn script(_: Operator) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, "text/javascript; charset=utf-8"),
        // Every browser reads it, and curl with `--compressed`.
        (CONTENT_ENCODING, "gzip"),
        (CACHE_CONTROL, "private, max-age=86400"),
        NO_SNIFF,
    ];
    (headers, SCRIPT)
}

/// The whole document: what is kept by hand, its routes under `/v1beta` as well, and this version.
pub(crate) fn document() -> Bytes {
    static WHOLE: OnceLock<Bytes> = OnceLock::new();
    WHOLE
        .get_or_init(|| {
            let mut document: Value = serde_json::from_str(DOCUMENT).unwrap_or_default();
            document["info"]["version"] = VERSION.into();
            if let Some(paths) = document["paths"].as_object_mut() {
                let twins: Vec<_> = paths.iter().filter_map(|(path, item)| twin(path, item)).collect();
                paths.extend(twins);
            }
            document.to_string().into()
        })
        .clone()
}

/// The same route for older clients.
fn twin(path: &str, item: &Value) -> Option<(String, Value)> {
    let rest = path.strip_prefix("/v1/")?;
    let mut item = item.clone();
    let operations = item.as_object_mut()?.values_mut().filter_map(Value::as_object_mut);
    for operation in operations.filter(|operation| operation.contains_key("operationId")) {
        let id = operation["operationId"].as_str().map(|id| format!("{id}Beta"));
        operation.insert("operationId".to_owned(), id.into());
        operation.insert("tags".to_owned(), vec!["Older clients: the same under /v1beta"].into());
    }
    Some((format!("/v1beta/{rest}"), item))
}
