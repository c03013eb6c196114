//! What is told while runs go on: the stream of one run (wire.md 3), the same log as pages, and an owner's states over
//! all runs. A stream is exactly the log, from a cursor on.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use legwork_api::event::{Event, EventId, LogPage};
use legwork_api::sse;
use legwork_api::token::ReadToken;

use super::Api;
use super::caller::{Caller, Reader};
use super::failure::Failure;
use super::query::Query;
use super::stream::{self, Source};
use super::tasks::Id;
use crate::follow::Wanted;

/// How many events a page has when nobody says, and at the most.
const PAGE: usize = 100;
const LONGEST_PAGE: usize = 1000;
/// The cursor that stands for the end of a log, whichever it is.
const LATEST: &str = "latest";

/// The routes below `/v1` and `/v1beta`.
pub(super) fn routes() -> [(&'static str, MethodRouter<Api>); 4] {
    [
        // Before the routes of one run, whose id could be any word.
        ("/tasks/runs/events", get(all_runs)),
        ("/tasks/runs/{id}/events", get(events)),
        ("/tasks/runs/{id}/log", get(log)),
        ("/tasks/runs/{id}/token", post(token)),
    ]
}

/// What a reader that comes back has seen last.
pub(super) struct Seen {
    cursor: String,
    /// A browser sends it by itself, and comes back again and again unless it is told that it is over.
    by_header: bool,
}

/// The header goes first: a browser keeps the query of its first request. Empty is absent.
pub(super) fn seen(headers: &HeaderMap, query: &Query) -> Option<Seen> {
    let header = headers.get("last-event-id").and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty());
    let by_header = header.is_some();
    header.or_else(|| query.get("last_event_id")).map(|text| Seen { cursor: text.to_owned(), by_header })
}

/// Where a reader goes on in a log that ends at `last`, and what it is told first. A cursor of something else begins anew
/// and says so; so does one beyond the end, which was given before the store was put back to an earlier day.
pub(super) fn begin(seen: Option<&Seen>, log: &EventId, last: u64) -> (u64, Option<Bytes>) {
    let Some(seen) = seen else { return (0, None) };
    let named = if seen.cursor == LATEST { Some(last) } else { log.same_log(&seen.cursor) };
    let anew = || (0, Some(sse::comment("this cursor is none of this log: it is told from the start")));
    named.filter(|place| *place <= last).map_or_else(anew, |place| (place, None))
}

/// The log of one run, and on as it grows, to its end.
async fn events(
    reader: Reader,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let run = api.runs.get(&reader.0, id).await.map_err(|error| Failure::wish(id, "shown", error))?;
    let seen = seen(&headers, &query);
    let version = run.life.version;
    let (after, first) = begin(seen.as_ref(), &EventId::in_run(id, 0), version);
    if run.life.status().is_ended() && after == version {
        let over = seen.is_some_and(|seen| seen.by_header);
        return Ok(if over { StatusCode::NO_CONTENT.into_response() } else { stream::empty() });
    }
    let source = Source::Log(api.follow.log(run, after));
    Ok(stream::stream(first, source, reader.1, &api))
}

/// The same log, a page at a time.
async fn log(reader: Reader, State(api): State<Api>, Id(id): Id, query: Query) -> Result<Json<LogPage>, Failure> {
    let run = api.runs.get(&reader.0, id).await.map_err(|error| Failure::wish(id, "shown", error))?;
    let odd = |text: &str| Failure::invalid("query", "after", format!("{text:?} is no cursor of this run's log"));
    let after = query.get("after").map(|text| EventId::in_run(id, 0).same_log(text).ok_or_else(|| odd(text)));
    let limit = query.read("limit", "a number of events")?.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
    let (facts, output) = api.runs.log(&run, after.transpose()?.unwrap_or(0), limit).await?;
    let more = facts.last().filter(|last| last.seq < run.life.version);
    let next_cursor = more.map(|last| EventId::in_run(id, last.seq).to_string());
    let events = facts.iter().map(|fact| Event::of(&run, fact, output.as_ref())).collect();
    Ok(Json(LogPage { events, next_cursor }))
}

/// The states that the caller's runs enter, all runs in one stream. It has no end.
async fn all_runs(
    caller: Caller,
    State(api): State<Api>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let wanted = Wanted {
        status: query.read("status", "one of the seven states")?,
        group: query.read("taskgroup_id", "a group's id")?,
    };
    let end = api.runs.feed_end().await?;
    let (after, first) = begin(seen(&headers, &query).as_ref(), &EventId::in_store(&api.store_id, 0), end);
    let source = Source::Feed(api.follow.feed(caller.0, wanted, after));
    Ok(stream::stream(first, source, caller.1, &api))
}

/// A token that lets whoever has it read this one run, for pages whose `EventSource` can send no key.
async fn token(caller: Caller, State(api): State<Api>, Id(id): Id) -> Result<Json<ReadToken>, Failure> {
    let run = api.runs.get(&caller.0, id).await.map_err(|error| Failure::wish(id, "shown", error))?;
    let (token, expires_at) = api.seal.token_for(&run, caller.1);
    Ok(Json(ReadToken { token, run_id: id.to_string(), expires_at: expires_at.map(|at| at.to_string()) }))
}

#[cfg(test)]
mod tests;
