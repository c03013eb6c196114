//! Who asks: the keys that this server accepts, and whose they are.
//!
//! Keys are long random texts, so a plain SHA-256 is enough to keep them by; digests are compared in constant time.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac as _};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use legwork_api::code::Code;
use legwork_core::id::Owner;
use legwork_core::run::Run;
use legwork_core::time::Micros;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::Api;
use super::failure::Failure;
use super::query::Query;
use super::tasks::Id;

/// How long a read token opens its run after the run's end: a page that showed a long run can still come back.
const AFTER_THE_END: Duration = Duration::from_hours(1);

/// The keys that are accepted.
pub(crate) struct Keys {
    accepted: Vec<[u8; 32]>,
    /// The key in the store's folder: whoever can read that file may do anything with the store.
    local: [u8; 32],
    /// The operator's pages can be reached from elsewhere, and are not for everybody.
    pages: bool,
    /// What read tokens are signed with.
    seal: [u8; 32],
}

impl Keys {
    /// No accepted key at all is open mode. Read tokens are signed with `seal`, which outlives the process.
    pub(crate) fn new(accepted: &[String], local: &str, seal: [u8; 32]) -> Self {
        Self {
            accepted: accepted.iter().map(|key| digest(key.as_bytes())).collect(),
            local: digest(local.as_bytes()),
            pages: false,
            seal,
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

    /// Whether there still is a key of this owner.
    fn is_known(&self, owner: &Owner) -> bool {
        *owner == Owner::local() || self.accepted.iter().any(|known| name(known) == owner.as_str())
    }

    /// A token that lets whoever has it read this run, and until when if that is known: an hour after the run's end. It
    /// is worth nothing without its owner's key: a key that is no longer accepted takes its tokens along.
    pub(crate) fn token_for(&self, run: &Run) -> (String, Option<Micros>) {
        let ends_at = run.life.status().is_ended().then(|| run.life.modified_at + AFTER_THE_END);
        (BASE64_URL_SAFE_NO_PAD.encode(self.signature(run).finalize().into_bytes()), ends_at)
    }

    /// The run's owner, if the token opens it now.
    fn open(&self, run: &Run, token: &str, now: Micros) -> Result<Owner, Failure> {
        let refused = |why: &str| Err(Failure::new(Code::Unauthorized, format!("{why}; POST …/token gives a new one")));
        let given = BASE64_URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
        if self.signature(run).verify_slice(&given).is_err() {
            return refused("this token does not open this run");
        }
        if !self.is_known(&run.owner) {
            return refused("the key that this token came from is not accepted any more");
        }
        match self.token_for(run).1 {
            Some(ends_at) if ends_at < now => refused("this token has run out"),
            _ => Ok(run.owner.clone()),
        }
    }

    fn signature(&self, run: &Run) -> Hmac<Sha256> {
        let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.seal).expect("HMAC takes keys of any length");
        let mac = mac.chain_update(b"read\0").chain_update(run.id.to_bytes());
        mac.chain_update(run.owner.as_str())
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

/// Who reads a run: the owner, or whoever has a token for this one run, as `?token=`.
pub(crate) struct Reader(pub(crate) Owner);

impl FromRequestParts<Api> for Reader {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Failure> {
        let query = Query::from(parts.uri.query());
        let Some(token) = query.get("token").filter(|_| shown(&parts.headers).is_none()) else {
            return api.keys.admit(shown(&parts.headers)).map(Self);
        };
        let Id(id) = Id::from_request_parts(parts, api).await?;
        // Whoever has no token for it does not learn whether it is there.
        let no_such = || Failure::new(Code::Unauthorized, "this token does not open this run");
        let run = api.runs.any(id).await?.ok_or_else(no_such)?;
        api.keys.open(&run, token, api.runs.now()).map(Self)
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
    use legwork_core::id::RunId;
    use legwork_core::run::{Life, State as RunState};

    use super::*;

    #[test]
    fn without_keys_everybody_is_local() {
        let keys = Keys::new(&[], "l", [7; 32]);
        assert_eq!(keys.admit(None).unwrap(), Owner::local());
        assert_eq!(keys.admit(Some(b"anything")).unwrap(), Owner::local());
    }

    #[test]
    fn each_key_is_an_owner_of_its_own() {
        let keys = Keys::new(&["one".to_owned(), "two".to_owned()], "l", [7; 32]);
        let (one, two) = (keys.admit(Some(b"one")).unwrap(), keys.admit(Some(b"two")).unwrap());
        assert_ne!(one, two);
        assert_eq!(
            one,
            Keys::new(&["one".to_owned()], "other", [7; 32]).admit(Some(b"one")).unwrap(),
            "and stays the same"
        );
        assert_eq!(keys.admit(Some(b"l")).unwrap(), Owner::local());
        assert!(!one.as_str().contains("one"));
    }

    #[test]
    fn a_wrong_key_and_no_key_are_refused() {
        let keys = Keys::new(&["one".to_owned()], "l", [7; 32]);
        assert!(keys.admit(None).is_err());
        assert!(keys.admit(Some(b"on")).is_err());
        assert!(keys.admit(Some(b"")).is_err());
    }

    fn run_of(owner: &Owner, status: Option<RunState>) -> Run {
        let mut life = Life::new(Micros(0), true, None);
        life.state = status.unwrap_or(life.state);
        Run {
            id: RunId::from_u128(9),
            owner: owner.clone(),
            processor: "base".to_owned(),
            created_at: Micros(0),
            group: None,
            metadata: None,
            warnings: None,
            life,
        }
    }

    #[test]
    fn a_token_opens_its_run_until_an_hour_after_the_end_and_dies_with_its_key() {
        let keys = Keys::new(&["one".to_owned()], "l", [7; 32]);
        let owner = keys.admit(Some(b"one")).unwrap();
        let run = run_of(&owner, None);
        let (token, expires) = keys.token_for(&run);
        assert_eq!((keys.open(&run, &token, Micros(i64::MAX)).unwrap(), expires), (owner.clone(), None));
        let ended = run_of(&owner, Some(RunState::Completed));
        assert!(keys.open(&ended, &token, Micros(3_600_000_000)).is_ok());
        assert!(keys.open(&ended, &token, Micros(3_600_000_001)).is_err());
        let other = Run { id: RunId::from_u128(10), ..run.clone() };
        for (run, token) in [(&other, token.as_str()), (&run, ""), (&run, &token[1..]), (&run, "€")] {
            assert!(keys.open(run, token, Micros(0)).is_err(), "{token}");
        }
        assert!(Keys::new(&["two".to_owned()], "l", [7; 32]).open(&run, &token, Micros(0)).is_err(), "the key is gone");
        assert!(Keys::new(&["one".to_owned()], "l", [8; 32]).open(&run, &token, Micros(0)).is_err(), "another store");
    }
}
