//! How many creates a key may make a minute, and what it is told about it.
//!
//! Told is what draft-ietf-httpapi-ratelimit-headers-11 of the IETF has: the policy, and how much of it is left within the
//! time until there is more.

use std::collections::HashMap;
use std::convert::Infallible;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, IntoResponseParts, Response, ResponseParts};
use http::header::RETRY_AFTER;
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use legwork_api::code::Code;
use legwork_core::id::Owner;
use legwork_core::pace::{Pace, Spent, Turn};
use legwork_core::time::Micros;
use serde_json::json;

use super::Api;
use super::caller::Caller;
use super::failure::Failure;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STANDING: HeaderName = HeaderName::from_static("ratelimit");

/// What this process remembers of each owner's creates.
pub(crate) struct Limits {
    /// `None` is as many as they like.
    pace: Option<Pace>,
    /// One entry an owner: there are as many as keys.
    spent: Mutex<HashMap<Owner, Spent>>,
}

impl Limits {
    pub(crate) fn new(creates_per_minute: Option<NonZeroU32>) -> Self {
        let pace = creates_per_minute.map(|per_minute| Pace { per_minute });
        Self { pace, spent: Mutex::default() }
    }

    /// Counts one create of an owner's: a run, or a group's worth of them. What is returned goes on top of the answer,
    /// whatever that is; an error is the whole answer.
    pub(crate) fn admit(&self, owner: &Owner, now: Micros) -> Result<Standing, Refused> {
        let Some(pace) = self.pace else { return Ok(Standing(None)) };
        let mut owners = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = owners.entry(owner.clone()).or_default();
        let (is, turn) = pace.next(*spent, now);
        *spent = is;
        let standing = Standing(Some((pace, turn)));
        if turn.admitted { Ok(standing) } else { Err(Refused { standing, pace, again_in: whole_seconds(turn) }) }
    }
}

/// Until there is more, in the seconds of a header: 1 to 60.
fn whole_seconds(turn: Turn) -> u64 {
    turn.more_in.saturating_add(Duration::from_nanos(999_999_999)).as_secs().clamp(1, 60)
}

/// How an owner stands with his creates, as headers; none when nothing is limited.
pub(crate) struct Standing(Option<(Pace, Turn)>);

impl IntoResponseParts for Standing {
    type Error = Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Infallible> {
        let Some((Pace { per_minute }, turn)) = self.0 else { return Ok(response) };
        let policy = format!("\"creates\";q={per_minute};w=60");
        let standing = format!("\"creates\";r={};t={}", turn.left, whole_seconds(turn));
        // Quotes, words and digits are fair in a header.
        let headers = [(POLICY, policy), (STANDING, standing)];
        let headers = headers.into_iter().filter_map(|(name, text)| Some((name, HeaderValue::try_from(text).ok()?)));
        response.headers_mut().extend(headers);
        Ok(response)
    }
}

/// A create that was one too many.
pub(crate) struct Refused {
    standing: Standing,
    pace: Pace,
    again_in: u64,
}

impl axum::response::IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self { standing, pace: Pace { per_minute }, again_in } = self;
        let message = format!("this key may create {per_minute} times a minute and has; try again in {again_in} s");
        let detail = json!({"creates_per_minute": per_minute, "retry_after": again_in});
        let failure = Failure::new(Code::TooManyRequests, message).detail(detail);
        (standing, [(RETRY_AFTER, HeaderValue::from(again_in))], failure).into_response()
    }
}

/// The owner that a create speaks for, when he may create now. Its body is not read before that is known.
pub(crate) struct Creator {
    pub(crate) owner: Owner,
    /// To be put on top of the answer.
    pub(crate) standing: Standing,
}

impl FromRequestParts<Api> for Creator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Response> {
        let Caller(owner, _) = Caller::from_request_parts(parts, api).await.map_err(Failure::into_response)?;
        let standing = api.limits.admit(&owner, api.runs.now()).map_err(Refused::into_response)?;
        Ok(Self { owner, standing })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Answer, World};

    use super::*;

    const HELLO: &[u8] = br#"{"processor":"base","input":"hello"}"#;

    async fn create(world: &World, key: &str, body: &[u8]) -> Answer {
        world.ask("POST", "/v1/tasks/runs", &[("x-api-key", key)], body).await
    }

    fn told(answer: &Answer) -> [Option<&str>; 3] {
        ["ratelimit-policy", "ratelimit", "retry-after"].map(|name| answer.headers.get(name)?.to_str().ok())
    }

    #[tokio::test]
    async fn nothing_is_limited_unless_it_is_configured() {
        let world = World::with_keys(&["one"]);
        let answer = create(&world, "one", HELLO).await;
        assert_eq!((answer.status, told(&answer)), (202, [None, None, None]));
    }

    #[tokio::test]
    async fn a_key_that_creates_too_much_is_told_when_to_come_back() {
        let world = World::with_creates_per_minute(&["one", "two"], 2);
        let policy = Some("\"creates\";q=2;w=60");
        let first = create(&world, "one", HELLO).await;
        assert_eq!((first.status, told(&first)), (202, [policy, Some("\"creates\";r=1;t=30"), None]));
        create(&world, "one", HELLO).await;
        let refused = create(&world, "one", HELLO).await;
        assert_eq!((refused.status, told(&refused)), (429, [policy, Some("\"creates\";r=0;t=30"), Some("30")]));
        insta::assert_snapshot!(refused.shown());
        assert_eq!(create(&world, "two", HELLO).await.status, 202, "another key is not held up by it");
        world.clock.pass(Duration::from_secs(30));
        assert_eq!(create(&world, "one", HELLO).await.status, 202);
        assert_eq!(create(&world, "one", HELLO).await.status, 429);
    }

    #[tokio::test]
    async fn whoever_waits_as_long_as_he_was_told_is_let_in() {
        for per_minute in [1, 7, 59, 61, 2000] {
            let world = World::with_creates_per_minute(&["one"], per_minute);
            let refused = loop {
                let answer = create(&world, "one", b"").await;
                if answer.status == 429 {
                    break answer;
                }
            };
            let wait: u64 = told(&refused)[2].unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait), "{wait}");
            world.clock.pass(Duration::from_secs(wait));
            assert_eq!(create(&world, "one", HELLO).await.status, 202, "{per_minute}");
        }
    }

    /// What is wrong is read all the same, so it counts; a refusal for asking too often does not, nor does looking.
    #[tokio::test]
    async fn every_create_counts_whatever_comes_of_it_and_nothing_else_does() {
        let world = World::with_creates_per_minute(&["one"], 3);
        let wrong = create(&world, "one", b"{}").await;
        assert_eq!((wrong.status, told(&wrong)[1]), (422, Some("\"creates\";r=2;t=20")));
        let unreadable = create(&world, "one", b"no JSON").await;
        assert_eq!((unreadable.status, told(&unreadable)[1]), (400, Some("\"creates\";r=1;t=20")));
        assert_eq!(told(&world.ask("GET", "/v1/tasks/runs", &[("x-api-key", "one")], b"").await), [None; 3]);
        assert_eq!(create(&world, "nobody", HELLO).await.status, 401);
        let large = create(&world, "one", &vec![b' '; 2 << 20]).await;
        assert_eq!((large.status, told(&large)[1]), (413, Some("\"creates\";r=0;t=20")));
        for _ in 0..100 {
            assert_eq!(create(&world, "one", HELLO).await.status, 429);
        }
        world.clock.pass(Duration::from_secs(20));
        assert_eq!(create(&world, "one", HELLO).await.status, 202);
    }
}
