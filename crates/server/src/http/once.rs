//! Creates that are asked for twice and done once: by the caller's `Idempotency-Key`, or as an official SDK's own retry,
//! which says nothing but how often it has tried.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use http_body::{Frame, SizeHint};
use legwork_api::code::Code;
use legwork_api::group::{TaskGroup, TaskGroupRunResponse};
use legwork_api::run::TaskRun;
use legwork_core::id::Owner;
use legwork_core::receipt::{Sign, Ticket};
use legwork_core::store::{Create, Created, NewRun, Once};
use sha2::{Digest as _, Sha256};
use tokio::time::sleep;
use tracing::warn;

use super::Api;
use super::failure::Failure;
use crate::runs::Runs;

const KEY: &str = "idempotency-key";
const TRIES: &str = "x-stainless-retry-count";
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// How long a retry lets each try before it go first; the SDKs wait ten times as long before they try again.
const GO_FIRST: Duration = Duration::from_millis(50);
/// How many tries are let go first at the most: the SDKs make three.
const MOST_TRIES: u32 = 3;
/// How long a key may be, in bytes.
const LONGEST_KEY: usize = 255;

/// What a request says of itself, if it says anything.
pub(super) struct Recognised(Option<Sign>);

impl FromRequestParts<Api> for Recognised {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Failure> {
        let text = |name| parts.headers.get(name).map(HeaderValue::to_str);
        match text(KEY) {
            Some(Ok(key)) if key.len() <= LONGEST_KEY && !key.trim().is_empty() => {
                return Ok(Self(Some(Sign::Key(key.to_owned()))));
            }
            Some(_) => {
                let message = format!("a text of 1 to {LONGEST_KEY} visible ASCII characters is needed");
                return Err(Failure::invalid("header", "Idempotency-Key", message));
            }
            None => {}
        }
        let tries = text(TRIES).and_then(|count| count.ok()?.parse().ok());
        Ok(Self(tries.map(Sign::Tries)))
    }
}

impl Recognised {
    /// By what the request is found again; `None` for one that says nothing, which is always another.
    pub(super) fn ticket(self, owner: &Owner, route: &str, body: &[u8]) -> Option<Ticket> {
        let body = Sha256::digest(body).into();
        self.0.map(|sign| Ticket { owner: owner.clone(), route: route.to_owned(), body, sign })
    }
}

/// Creates a run, once if its request can be told from another one like it.
pub(super) async fn create_run(api: &Api, ticket: Option<Ticket>, new: NewRun) -> Result<Response, Failure> {
    match ticket {
        Some(ticket) => once(api, ticket, Create::Run(Box::new(new))).await,
        None => Ok(shown(&Created::Run(Box::new(api.runs.submit(new).await?)))),
    }
}

/// Creates something once, and answers as if for the first time.
pub(super) async fn once(api: &Api, ticket: Ticket, create: Create) -> Result<Response, Failure> {
    // After a standstill of this machine all tries of one client lie here at once, and are taken up in any order.
    if let Sign::Tries(tries) = ticket.sign {
        sleep(GO_FIRST * tries.min(MOST_TRIES)).await;
    }
    match api.runs.once(ticket, create).await? {
        Once::New { created, receipt } => Ok(watched(shown(&created), api.runs.clone(), receipt)),
        Once::Again { created, receipt } => {
            let mut response = watched(shown(&created), api.runs.clone(), receipt);
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            Ok(response)
        }
        Once::OtherBody => {
            let message = "this key was used for another body in the last 24 hours; give each create a key of its own";
            Err(Failure::invalid("header", "Idempotency-Key", message))
        }
        Once::NoGroup => Err(Failure::new(Code::NotFound, "there is no such task group")),
    }
}

fn shown(created: &Created) -> Response {
    match created {
        Created::Run(run) => (StatusCode::ACCEPTED, Json(TaskRun::from(&**run))).into_response(),
        Created::Group(group) => Json(TaskGroup::from(group)).into_response(),
        Created::Runs(added, ids) => Json(TaskGroupRunResponse::of(added, ids.clone())).into_response(),
    }
}

/// The answer, with an eye on whether it is taken: a connection that is gone does not ask for its bytes.
fn watched(response: Response, runs: Runs, receipt: u64) -> Response {
    response.map(|body| Body::new(Watched { body, taken: Some((runs, receipt)) }))
}

struct Watched {
    body: Body,
    taken: Option<(Runs, u64)>,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if let (Poll::Ready(Some(Ok(_))), Some((runs, receipt))) = (&frame, self.taken.take()) {
            tokio::spawn(async move {
                if let Err(error) = runs.handed_over(receipt).await {
                    warn!(error = &error as &dyn std::error::Error, "an answer that was handed over was not noted");
                }
            });
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{Answer, World};

    const KEY: (&str, &str) = ("idempotency-key", "k-1");
    const FIRST: (&str, &str) = ("x-stainless-retry-count", "0");
    const SECOND: (&str, &str) = ("x-stainless-retry-count", "1");

    async fn create(world: &World, path: &str, header: (&str, &str), body: &Value) -> Answer {
        world.ask("POST", path, &[header], body.to_string().as_bytes()).await
    }

    fn replayed(answer: &Answer) -> bool {
        answer.headers.get("idempotent-replayed").is_some_and(|value| value == "true")
    }

    #[tokio::test]
    async fn a_create_with_the_same_key_is_answered_with_the_same_bytes() {
        let world = World::new();
        let body = json!({"input": "x", "processor": "base", "metadata": {"a": 1.0}});
        let first = create(&world, "/v1/tasks/runs", KEY, &body).await;
        world.post(&format!("/v1/tasks/runs/{}/cancel", first.run_id()), "").await;
        let again = create(&world, "/v1beta/tasks/runs", KEY, &body).await;
        assert_eq!((again.status, &again.body), (202, &first.body), "as it was then, under either prefix");
        assert!(replayed(&again) && !replayed(&first));
        let other = create(&world, "/v1/tasks/runs", KEY, &json!({"input": "y", "processor": "base"})).await;
        assert_eq!(other.status, 422);
        assert!(other.text("/error/message").contains("Idempotency-Key"));
        let list = world.get("/v1/tasks/runs").await;
        assert_eq!(list.body["runs"].as_array().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn only_what_was_created_is_remembered() {
        let world = World::new();
        assert_eq!(create(&world, "/v1/tasks/runs", KEY, &json!({"input": "x"})).await.status, 422);
        let body = json!({"input": "x", "processor": "base"});
        assert_eq!(create(&world, "/v1/tasks/runs", KEY, &body).await.status, 202);
        for odd in ["", " ", &"k".repeat(256)] {
            assert_eq!(create(&world, "/v1/tasks/runs", ("idempotency-key", odd), &body).await.status, 422, "{odd:?}");
        }
    }

    #[tokio::test]
    async fn a_group_and_its_runs_are_added_once() {
        let world = World::new();
        let made = create(&world, "/v1/tasks/groups", KEY, &json!({})).await;
        assert_eq!(create(&world, "/v1/tasks/groups", KEY, &json!({})).await.body, made.body);
        let path = format!("/v1/tasks/groups/{}/runs", made.text("/taskgroup_id"));
        let body = json!({"inputs": [{"input": "x", "processor": "base"}, {"input": "y", "processor": "base"}]});
        let first = create(&world, &path, KEY, &body).await;
        world.post(&format!("/v1/tasks/runs/{}/cancel", first.text("/run_ids/0")), "").await;
        let again = create(&world, &path, KEY, &body).await;
        assert_eq!((&again.body, replayed(&again)), (&first.body, true));
        let nowhere = "/v1/tasks/groups/tgrp_0199a1b2c3d47e5f8a9b0c1d2e3f4a5b/runs";
        assert_eq!(create(&world, nowhere, KEY, &body).await.status, 404);
    }

    /// An SDK whose answer got lost tries again; one whose answer was read begins anew.
    #[tokio::test]
    async fn a_retry_is_the_create_whose_answer_nobody_took() {
        let world = World::new();
        let body = json!({"input": "x", "processor": "base"}).to_string();
        let request = http::Request::post("/v1/tasks/runs").header("host", "localhost").header(FIRST.0, FIRST.1);
        let lost = world.front.answer(request.body(body.clone().into()).unwrap()).await;
        assert_eq!(lost.status(), 202);
        drop(lost); // Its body was never asked for.
        let value: Value = serde_json::from_str(&body).unwrap();
        let again = create(&world, "/v1/tasks/runs", SECOND, &value).await;
        assert!(replayed(&again));
        let list = world.get("/v1/tasks/runs").await;
        assert_eq!(list.body["runs"].as_array().unwrap().len(), 1);
        let first = create(&world, "/v1/tasks/runs", FIRST, &value).await;
        // That this answer was taken is written down beside it; whatever is written next comes after that.
        world.post("/v1/tasks/groups", "{}").await;
        let new = create(&world, "/v1/tasks/runs", SECOND, &value).await;
        assert!(!replayed(&new) && new.run_id() != first.run_id());
    }
}
