//! Who asks: what a request shows, and whom that lets in.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use legwork_api::code::Code;
use legwork_core::id::Owner;

use super::Api;
use super::failure::Failure;
use super::query::Query;
use super::tasks::Id;
use crate::keys::{By, Pass, Refused, Ring};

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let hint = "send one that the server accepts as `x-api-key` or as `Authorization: Bearer`";
        let why = match refused {
            Refused::NoKey => "there is no API key in the request".to_owned(),
            Refused::Unknown => "this API key is not accepted here".to_owned(),
            Refused::Expired(at) => format!("this API key has expired, at {at}"),
            Refused::Revoked => "this API key was revoked".to_owned(),
        };
        Self::new(Code::Unauthorized, format!("{why}; {hint}"))
    }
}

/// The keys as they were when the request came: what is looked at for one request is one and the same.
fn ring(parts: &Parts, api: &Api) -> Arc<Ring> {
    parts.extensions.get::<Arc<Ring>>().cloned().unwrap_or_else(|| api.keys.ring())
}

fn admit(parts: &Parts, api: &Api, shown: Option<&[u8]>) -> Result<Pass, Failure> {
    Ok(ring(parts, api).admit(shown, api.keys.now())?)
}

/// The owner that a request speaks for, and by what right.
pub(crate) struct Caller(pub(crate) Owner, pub(crate) By);

impl FromRequestParts<Api> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Failure> {
        let Pass { owner, by } = admit(parts, api, shown(&parts.headers))?;
        Ok(Self(owner, by))
    }
}

/// Who reads a run: the owner, or whoever has a token for this one run, as `?token=`.
pub(crate) struct Reader(pub(crate) Owner, pub(crate) By);

impl FromRequestParts<Api> for Reader {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Failure> {
        let query = Query::from(parts.uri.query());
        let Some(token) = query.get("token").filter(|_| shown(&parts.headers).is_none()) else {
            let Pass { owner, by } = admit(parts, api, shown(&parts.headers))?;
            return Ok(Self(owner, by));
        };
        let Id(id) = Id::from_request_parts(parts, api).await?;
        // Whoever has no token for it does not learn whether it is there.
        let no_such = || Failure::new(Code::Unauthorized, "this token does not open this run");
        let run = api.runs.any(id).await?.ok_or_else(no_such)?;
        let Pass { owner, by } = api.seal.open(&run, token, &ring(parts, api), api.keys.now())?;
        Ok(Self(owner, by))
    }
}

/// The key that a request shows.
fn shown(headers: &HeaderMap) -> Option<&[u8]> {
    let key = headers.get("x-api-key").map(HeaderValue::as_bytes);
    key.filter(|key| !key.is_empty()).or_else(|| authorization(headers, b"bearer "))
}

fn authorization<'a>(headers: &'a HeaderMap, wanted: &[u8]) -> Option<&'a [u8]> {
    let (scheme, rest) = headers.get(AUTHORIZATION)?.as_bytes().split_at_checked(wanted.len())?;
    scheme.eq_ignore_ascii_case(wanted).then_some(rest.trim_ascii())
}

/// Waits for what an answer needs, but no longer than whoever asks may have it: a key that is taken back ends its waits.
pub(super) async fn while_let_in<T>(api: &Api, by: By, wait: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::select! {
        biased;
        waited = wait => Ok(waited),
        () = api.keys.clone().ended(by) => {
            Err(Failure::new(Code::Unauthorized, "what let this request in is good no more: keys have changed"))
        }
    }
}

/// Who may look at the operator's pages: everybody on this machine, and whoever has a key from elsewhere.
pub(crate) struct Operator;

impl FromRequestParts<Api> for Operator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Response> {
        if !api.pages {
            return Ok(Self);
        }
        // A browser has no other way to show a key for a page. Only pages that can be read take it so: it is sent along
        // unasked ever after.
        let password = authorization(&parts.headers, b"basic ").and_then(password);
        match admit(parts, api, shown(&parts.headers).or(password.as_deref())) {
            Ok(_) => Ok(Self),
            Err(failure) => {
                Err(([(WWW_AUTHENTICATE, "Basic realm=\"legwork: a key as the password\"")], failure).into_response())
            }
        }
    }
}

fn password(basic: &[u8]) -> Option<Vec<u8>> {
    let text = BASE64_STANDARD.decode(basic).ok()?;
    let colon = text.iter().position(|byte| *byte == b':')?;
    Some(text[colon + 1..].to_owned())
}
