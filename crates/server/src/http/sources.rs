//! The texts that citations point at. Whoever may ask questions here may read what they are answered from.

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use http::header::{ACCEPT, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use legwork_api::code::Code;
use legwork_api::source::{SourceRange, SourceView};

use super::Api;
use super::caller::Caller;
use super::failure::Failure;
use super::query::Query;
use crate::processors::{Source, place_of};

/// The routes below `/v1` and `/v1beta`.
pub(super) fn routes() -> [(&'static str, MethodRouter<Api>); 2] {
    [("/sources", get(at_address)), ("/sources/{hash}", get(by_hash))]
}

/// The hash that a path names. What is no text names nothing.
struct Hash(String);

impl FromRequestParts<Api> for Hash {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Failure> {
        let path = Path::<String>::from_request_parts(parts, api).await;
        let Path(text) = path.map_err(|_| Failure::new(Code::NotFound, "the source's hash is not text"))?;
        Ok(Self(text.to_lowercase()))
    }
}

/// The text of this hash, as it was when it was cited.
async fn by_hash(
    _: Caller,
    State(api): State<Api>,
    Hash(hash): Hash,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let source = api.processors.source(&hash).await?;
    let source = source.ok_or_else(|| Failure::new(Code::NotFound, format!("there is no source {hash:?}")))?;
    Ok(shown(source, &query, &headers))
}

/// The text at an address, as it is now; one that is gone, as it was last cited.
async fn at_address(_: Caller, State(api): State<Api>, query: Query, headers: HeaderMap) -> Result<Response, Failure> {
    let Some(url) = query.get("url") else {
        return Err(Failure::invalid("query", "url", "the address of a citation is needed"));
    };
    let source = api.processors.source_at(url).await?;
    let source = source.ok_or_else(|| Failure::new(Code::NotFound, format!("there is no source at {url:?}")))?;
    Ok(shown(source, &query, &headers))
}

fn shown(source: Source, query: &Query, headers: &HeaderMap) -> Response {
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepted.trim_start().starts_with("text/plain") {
        // It may be anybody's text: no browser shall take it for a page.
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        let headers = [(CONTENT_TYPE, plain), (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))];
        return (headers, source.text).into_response();
    }
    Json(view(source, query.get("quote"))).into_response()
}

fn view(source: Source, quote: Option<&str>) -> SourceView {
    let Source { hash, url, title, text, retrieved_at, published: _ } = source;
    let place = quote.and_then(|quote| place_of(&text, quote));
    let characters = |end: usize| text[..end].chars().count();
    let range = place.map(|place| SourceRange { start: characters(place.start), end: characters(place.end) });
    SourceView { hash, url, title, text, retrieved_at, range }
}
