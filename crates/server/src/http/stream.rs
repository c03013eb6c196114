//! A stream of events as the body of an answer. It ends when its source does, when the server stops, when its time is
//! over, or when its reader's key is good no more. Whoever may still read comes back with its cursor and misses nothing.

use std::pin::Pin;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};
use legwork_api::sse;
use legwork_core::store::StoreError;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::warn;

use super::Api;
use crate::follow::{Course, Feed, Log, Members};
use crate::keys::By;

/// How long a source rests that could not be read.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Tells proxies of nginx's kind not to gather what comes.
const NO_BUFFERING: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// How streams are kept alive and ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Streams {
    /// How often something is sent when there is nothing to say.
    pub(crate) heartbeat: Duration,
    /// How long a stream lives; `None` is as long as its reader stays.
    pub(crate) limit: Option<Duration>,
}

/// Where events come from.
pub(super) enum Source {
    /// The log of one run.
    Log(Log),
    /// The states of all of an owner's runs.
    Feed(Feed),
    /// The runs of a group.
    Members(Members),
    /// What becomes of a group.
    Course(Course),
}

impl Source {
    /// The next events; `None` when none will come. May be dropped and called again: nothing is lost by it.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let next = match self {
                Self::Log(log) => log.next().await.map(|chunk| chunk.map(|chunk| chunk.frames)),
                Self::Feed(feed) => feed.next().await.map(Some),
                Self::Members(members) => members.next().await,
                Self::Course(course) => course.next().await,
            };
            match next {
                Ok(next) => return next,
                // The reader stays, and misses nothing: what it has not seen is read when it can be.
                Err(error) => rest(&error).await,
            }
        }
    }
}

async fn rest(error: &StoreError) {
    warn!(error = error as &dyn std::error::Error, "a stream cannot be read, will try again");
    sleep(AGAIN_AFTER).await;
}

/// The answer that streams a source to whoever was let in by this right, after what is to be said first. Its head is sent
/// at once.
pub(super) fn stream(first: Option<Bytes>, source: Source, by: By, api: &Api) -> Response {
    let terms = api.streams;
    let stopping = Box::pin(api.follow.stopping());
    let shut_out = Box::pin(api.keys.clone().ended(by));
    let until = terms.limit.map(|limit| Instant::now() + limit);
    let open = Open { first, source, stopping, shut_out, until, heartbeat: terms.heartbeat };
    let frames = stream::unfold(open, async |mut open| {
        let frame = open.next().await?;
        Some((Ok::<_, std::convert::Infallible>(frame), open))
    });
    answer(Body::from_stream(frames))
}

/// A stream in which nothing is left to say.
pub(super) fn empty() -> Response {
    answer(Body::empty())
}

fn answer(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    headers.insert(NO_BUFFERING.0, NO_BUFFERING.1);
    response
}

struct Open {
    first: Option<Bytes>,
    source: Source,
    stopping: Pin<Box<tokio_util::sync::WaitForCancellationFutureOwned>>,
    shut_out: Pin<Box<dyn Future<Output = ()> + Send>>,
    until: Option<Instant>,
    heartbeat: Duration,
}

impl Open {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        tokio::select! {
            biased;
            () = &mut self.stopping => None,
            () = &mut self.shut_out => None,
            () = over(self.until) => None,
            next = self.source.next() => next,
            () = sleep(self.heartbeat) => Some(sse::HEARTBEAT),
        }
    }
}

async fn over(until: Option<Instant>) {
    match until {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
