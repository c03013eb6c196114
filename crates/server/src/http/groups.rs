//! The routes of task groups (wire.md 1.2), and cancelling one on top.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post};
use bytes::Bytes;
use http::HeaderMap;
use http::request::Parts;
use legwork_api::code::Code;
use legwork_api::event::EventId;
use legwork_api::group::{TaskGroup, TaskGroupRunResponse};
use legwork_api::run::TaskRun;
use legwork_api::run_input::{RunInput, read_group, read_inputs};
use legwork_core::group::Group;
use legwork_core::id::{GroupId, Owner, RunId};
use legwork_core::store::{Create, GroupRuns, NewGroup, NewRun};
use tokio::time::Instant;

use super::Api;
use super::body::{Given, GivenMany};
use super::caller::Caller;
use super::create::prepared;
use super::events::{begin, seen};
use super::failure::Failure;
use super::limits::{Creator, Standing};
use super::once::{Recognised, once};
use super::outlook::with_outlook;
use super::query::Query;
use super::stream::{self, Source};
use crate::keys::By;
use crate::runs::Runs;

/// How long the stream of a group's events lives at the most.
const LONGEST: Duration = Duration::from_hours(1);
/// How many runs are read in one go for a stream.
const PAGE: usize = 100;
/// A body that takes longer than some milliseconds to read is read beside the threads that serve everybody.
const LONG: usize = 1024 * 1024;

/// The routes below `/v1` and `/v1beta`.
pub(super) fn routes() -> [(&'static str, MethodRouter<Api>); 6] {
    [
        ("/tasks/groups", post(create)),
        ("/tasks/groups/{id}", get(show)),
        ("/tasks/groups/{id}/runs", post(add).get(runs)),
        ("/tasks/groups/{id}/events", get(events)),
        ("/tasks/groups/{id}/runs/{run_id}", get(run)),
        ("/tasks/groups/{id}/cancel", post(cancel)),
    ]
}

/// The group that a path names, if it is the caller's, and by what right the caller asks.
struct Named(Group, By);

impl FromRequestParts<Api> for Named {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Failure> {
        let Caller(owner, by) = Caller::from_request_parts(parts, api).await?;
        let path = Path::<BTreeMap<String, String>>::from_request_parts(parts, api).await;
        let text = path.ok().and_then(|Path(names)| names.get("id").cloned()).unwrap_or_default();
        let odd = |odd| Failure::new(Code::NotFound, format!("there is no task group {text:?}: {odd}"));
        Ok(Self(find(api, &owner, text.parse().map_err(odd)?).await?, by))
    }
}

async fn find(api: &Api, owner: &Owner, id: GroupId) -> Result<Group, Failure> {
    let group = api.runs.group(owner, id).await?;
    group.ok_or_else(|| no_such(id))
}

fn no_such(id: GroupId) -> Failure {
    Failure::new(Code::NotFound, format!("there is no task group {id}"))
}

async fn create(
    caller: Caller,
    State(api): State<Api>,
    recognised: Recognised,
    Given(body): Given,
) -> Result<Response, Failure> {
    let metadata = read_group(&body)?;
    let ticket = recognised.ticket(&caller.0, "groups", &body);
    let new = NewGroup { id: Runs::new_group_id(), owner: caller.0, metadata };
    match ticket {
        Some(ticket) => once(&api, ticket, Create::Group(new)).await,
        None => Ok(Json(TaskGroup::from(&api.runs.create_group(new).await?)).into_response()),
    }
}

async fn show(Named(group, _): Named) -> Json<TaskGroup> {
    Json(TaskGroup::from(&group))
}

/// Adds runs, all or none, which counts as one create. How the group stands is always fresh, whatever `refresh_status`
/// says: it costs nothing.
async fn add(
    Creator { owner, standing }: Creator,
    State(api): State<Api>,
    named: Result<Named, Failure>,
    recognised: Result<Recognised, Failure>,
    body: Result<GivenMany, Failure>,
) -> (Standing, Result<Response, Failure>) {
    (standing, added(&api, &owner, named, recognised, body).await)
}

async fn added(
    api: &Api,
    owner: &Owner,
    named: Result<Named, Failure>,
    recognised: Result<Recognised, Failure>,
    body: Result<GivenMany, Failure>,
) -> Result<Response, Failure> {
    let (Named(group, _), GivenMany(body)) = (named?, body?);
    let ticket = recognised?.ticket(owner, &format!("groups/{}/runs", group.id), &body);
    let inputs = read(body).await?;
    let mut runs: Vec<NewRun> = Vec::with_capacity(inputs.len());
    for (place, input) in inputs.into_iter().enumerate() {
        runs.push(prepared(api, owner, input).await.map_err(|failure| failure.within("inputs", place))?);
    }
    if let Some(ticket) = ticket {
        return once(api, ticket, Create::Runs(group.id, runs)).await;
    }
    let ids: Vec<RunId> = runs.iter().map(|run| run.id).collect();
    let added = api.runs.submit_to_group(group.id, runs).await?.ok_or_else(|| no_such(group.id))?;
    Ok(Json(TaskGroupRunResponse::of(&added, ids)).into_response())
}

async fn read(body: Bytes) -> Result<Vec<RunInput>, Failure> {
    if body.len() <= LONG {
        return Ok(read_inputs(&body)?);
    }
    let read = tokio::task::spawn_blocking(move || read_inputs(&body)).await;
    Ok(read.map_err(|gone| Failure::new(Code::Internal, format!("the body was not read: {gone}")))??)
}

/// The group's runs as they are now, then the end.
async fn runs(
    Named(group, by): Named,
    State(api): State<Api>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let flag = |name| query.read::<bool>(name, "true or false").map(Option::unwrap_or_default);
    let which = GroupRuns {
        status: query.read("status", "one of the seven states")?,
        with_input: flag("include_input")?,
        with_output: flag("include_output")?,
        limit: PAGE,
    };
    let (last, _) = api.runs.group_places(group.id).await?;
    let (after, first) = begin(seen(&headers, &query).as_ref(), &EventId::in_group(group.id, 0), last);
    let source = Source::Members(api.follow.members(group.id, which, after));
    Ok(stream::stream(first, source, by, &api))
}

/// How the group stands, and the end of each run, until nothing goes on in it.
async fn events(
    Named(group, by): Named,
    State(api): State<Api>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let seconds = query.read::<f64>("timeout", "a number of seconds")?;
    let timeout = seconds.map_or(Ok(LONGEST), Duration::try_from_secs_f64).map_err(|_| {
        Failure::invalid("query", "timeout", format!("a number of seconds from 0 to {} is needed", LONGEST.as_secs()))
    })?;
    let (_, last) = api.runs.group_places(group.id).await?;
    let (after, first) = begin(seen(&headers, &query).as_ref(), &EventId::in_group(group.id, 0), last);
    let until = Instant::now() + timeout.min(LONGEST);
    let source = Source::Course(api.follow.course(group.id, after, until));
    Ok(stream::stream(first, source, by, &api))
}

/// One run of the group.
async fn run(
    Named(group, _): Named,
    State(api): State<Api>,
    Path((_, run)): Path<(String, String)>,
) -> Result<Json<TaskRun>, Failure> {
    let odd = |odd| Failure::new(Code::NotFound, format!("there is no run {run:?}: {odd}"));
    let id: RunId = run.parse().map_err(odd)?;
    let run = api.runs.get(&group.owner, id).await.map_err(|error| Failure::wish(id, "shown", error))?;
    let missing = || Failure::new(Code::NotFound, format!("there is no run {id} in the task group {}", group.id));
    if run.group == Some(group.id) { Ok(Json(with_outlook(&api, &run).await?)) } else { Err(missing()) }
}

/// Cancels every run of the group that has not ended.
async fn cancel(Named(group, _): Named, State(api): State<Api>) -> Result<Json<TaskGroup>, Failure> {
    api.runs.cancel_group(group.id).await?;
    Ok(Json(TaskGroup::from(&find(&api, &group.owner, group.id).await?)))
}

#[cfg(test)]
mod tests;
