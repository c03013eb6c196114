//! Who asks: the keys that this server accepts, and whose they are.
//!
//! Keys are long random texts, so a plain SHA-256 is enough to keep them by; digests are compared in constant time.

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use legwork_api::code::Code;
use legwork_core::id::Owner;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::Api;
use super::failure::Failure;

/// The keys that are accepted.
pub(crate) struct Keys {
    accepted: Vec<[u8; 32]>,
    /// The key in the store's folder: whoever can read that file may do anything with the store.
    local: [u8; 32],
    /// The operator's pages can be reached from elsewhere, and are not for everybody.
    pages: bool,
}

impl Keys {
    /// No accepted key at all is open mode.
    pub(crate) fn new(accepted: &[String], local: &str) -> Self {
        Self {
            accepted: accepted.iter().map(|key| digest(key.as_bytes())).collect(),
            local: digest(local.as_bytes()),
            pages: false,
        }
    }

    /// Wants a key for the operator's pages as well.
    pub(crate) fn with_pages(self, pages: bool) -> Self {
        Self { pages, ..self }
    }

    /// Any key or none is the one owner `local`.
    pub(crate) fn is_open(&self) -> bool {
        self.accepted.is_empty()
    }

    /// Whose key this is; `None` if it is nobody's.
    fn owner(&self, key: &[u8]) -> Option<Owner> {
        let shown = digest(key);
        // All are compared, so that the time tells nothing about which one it was.
        let matches = self.accepted.iter().filter(|known| bool::from(known.ct_eq(&shown))).count();
        if bool::from(self.local.ct_eq(&shown)) {
            return Some(Owner::local());
        }
        (matches > 0).then(|| Owner::named(name(&shown)))
    }

    fn admit(&self, shown: Option<&[u8]>) -> Result<Owner, Failure> {
        if self.is_open() {
            return Ok(Owner::local());
        }
        let hint = "send one that the server accepts as `x-api-key` or as `Authorization: Bearer`";
        let Some(key) = shown else {
            return Err(Failure::new(Code::Unauthorized, format!("there is no API key in the request; {hint}")));
        };
        self.owner(key)
            .ok_or_else(|| Failure::new(Code::Unauthorized, format!("this API key is not accepted here; {hint}")))
    }
}

fn digest(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// What a key's owner is called: enough of the digest to tell it from every other, and nothing of the key.
fn name(digest: &[u8; 32]) -> String {
    let (first, _) = digest.split_first_chunk().unwrap_or((&[0; 8], &[]));
    format!("key_{:016x}", u64::from_be_bytes(*first))
}

/// The owner that a request speaks for.
pub(crate) struct Caller(pub(crate) Owner);

impl FromRequestParts<Api> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Failure> {
        api.keys.admit(shown(&parts.headers)).map(Caller)
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

/// Who may look at the operator's pages: everybody on this machine, and whoever has a key from elsewhere.
pub(crate) struct Operator;

impl FromRequestParts<Api> for Operator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Response> {
        if !api.keys.pages {
            return Ok(Self);
        }
        // A browser has no other way to show a key for a page. Only pages that can be read take it so: it is sent along
        // unasked ever after.
        let password = authorization(&parts.headers, b"basic ").and_then(password);
        match api.keys.admit(shown(&parts.headers).or(password.as_deref())) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_keys_everybody_is_local() {
        let keys = Keys::new(&[], "l");
        assert_eq!(keys.admit(None).unwrap(), Owner::local());
        assert_eq!(keys.admit(Some(b"anything")).unwrap(), Owner::local());
    }

    #[test]
    fn each_key_is_an_owner_of_its_own() {
        let keys = Keys::new(&["one".to_owned(), "two".to_owned()], "l");
        let (one, two) = (keys.admit(Some(b"one")).unwrap(), keys.admit(Some(b"two")).unwrap());
        assert_ne!(one, two);
        assert_eq!(one, Keys::new(&["one".to_owned()], "other").admit(Some(b"one")).unwrap(), "and stays the same");
        assert_eq!(keys.admit(Some(b"l")).unwrap(), Owner::local());
        assert!(!one.as_str().contains("one"));
    }

    #[test]
    fn a_wrong_key_and_no_key_are_refused() {
        let keys = Keys::new(&["one".to_owned()], "l");
        assert!(keys.admit(None).is_err());
        assert!(keys.admit(Some(b"on")).is_err());
        assert!(keys.admit(Some(b"")).is_err());
    }
}
