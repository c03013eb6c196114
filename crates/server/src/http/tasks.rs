//! The routes of task runs (wire.md 1.1), and cancel, finish, answer, list, long poll and delete on top.

use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use legwork_api::answer::read_answer;
use legwork_api::code::Code;
use legwork_api::result::{RunPage, result_bytes};
use legwork_api::run::{TaskRun, told};
use legwork_api::run_input::RunInput;
use legwork_core::command::Command;
use legwork_core::id::{Owner, RunId};
use legwork_core::run::{Run, State as Stands, Status};
use legwork_core::store::{Cursor, ListQuery};
use legwork_core::time::Micros;
use serde_json::json;
use tokio::time::Instant;

use super::Api;
use super::body::Given;
use super::caller::{Caller, Reader, while_let_in};
use super::create::prepared;
use super::failure::Failure;
use super::hold::Hold;
use super::limits::{Creator, Standing};
use super::once::{Recognised, create_run};
use super::outlook::with_outlook;
use super::query::Query;
use crate::follow::{View, Waited};

/// How long a long poll holds at the most.
const LONGEST_POLL: Duration = Duration::from_mins(5);
/// How many runs a page has when nobody says, and at the most.
const PAGE: usize = 20;
const LONGEST_PAGE: usize = 1000;
/// How long the words to search for may be, in bytes.
const LONGEST_SEARCH: usize = 1000;

/// The routes below `/v1` and `/v1beta`.
pub(super) fn routes() -> [(&'static str, MethodRouter<Api>); 7] {
    [
        ("/tasks/runs", post(submit).get(list)),
        ("/tasks/runs/{id}", get(show).delete(forget)),
        ("/tasks/runs/{id}/input", get(input)),
        ("/tasks/runs/{id}/result", get(result)),
        ("/tasks/runs/{id}/cancel", post(cancel)),
        ("/tasks/runs/{id}/finish", post(finish)),
        ("/tasks/runs/{id}/answer", post(answer)),
    ]
}

/// The run that a path names. What cannot be an id names nothing.
pub(super) struct Id(pub(super) RunId);

impl FromRequestParts<Api> for Id {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Failure> {
        let Path(text) = Path::<String>::from_request_parts(parts, api)
            .await
            .map_err(|_| Failure::new(Code::NotFound, "the run's id is not text"))?;
        let odd = |odd| Failure::new(Code::NotFound, format!("there is no run {text:?}: {odd}"));
        text.parse().map(Self).map_err(odd)
    }
}

async fn submit(
    Creator { owner, standing }: Creator,
    State(api): State<Api>,
    recognised: Result<Recognised, Failure>,
    body: Result<Given, Failure>,
) -> (Standing, Result<Response, Failure>) {
    (standing, accept(&api, &owner, recognised, body).await)
}

async fn accept(
    api: &Api,
    owner: &Owner,
    recognised: Result<Recognised, Failure>,
    body: Result<Given, Failure>,
) -> Result<Response, Failure> {
    let (recognised, Given(body)) = (recognised?, body?);
    let new = prepared(api, owner, RunInput::read(&body)?).await?;
    create_run(api, recognised.ticket(owner, "runs", &body), new).await
}

/// The run as it is; with `wait`, as soon as it is not what `If-None-Match` names (or what it was when asked).
async fn show(
    caller: Reader,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let run = api.runs.get(&caller.0, id).await.map_err(|error| Failure::wish(id, "shown", error))?;
    let known = Known::in_headers(&headers);
    let wait = query.read::<f64>("wait", "a number of seconds")?.map(seconds).transpose()?;
    let run = match wait {
        Some(wait) => while_let_in(&api, caller.1, changed(&api, run, known.as_ref(), Instant::now() + wait)).await??,
        None => run,
    };
    let unchanged = known.is_some_and(|known| known.names(&run));
    let answer = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Json(with_outlook(&api, &run).await?).into_response()
    };
    Ok(([(ETAG, etag(&run))], answer).into_response())
}

async fn changed(api: &Api, run: Run, known: Option<&Known>, deadline: Instant) -> Result<Run, Failure> {
    let (id, version) = (run.id, run.life.version);
    let is_known = |run: &Run| known.map_or(run.life.version == version, |known| known.names(run));
    // Nothing will ever happen to an ended run: waiting for it would be for nothing.
    if !is_known(&run) || run.life.status().is_ended() {
        return Ok(run);
    }
    match api.follow.until(&run.owner, id, deadline, |view| !is_known(&view.run)).await? {
        Waited::Done(view) | Waited::Late(view) => Ok(view.run.clone()),
        Waited::Gone => Err(Failure::no_such_run(id)),
        Waited::Stopping => Err(stopping()),
    }
}

/// The tags of `If-None-Match`, as they stand there.
struct Known(Vec<String>);

impl Known {
    fn in_headers(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        // Our tags are numbers: a comma is never a part of one.
        let tags: Vec<_> = values.flat_map(|value| value.split(',')).map(|tag| tag.trim().to_owned()).collect();
        (!tags.is_empty()).then_some(Self(tags))
    }

    /// Whether the run is named as it is; a proxy that compressed the answer has made the tag a weak one.
    fn names(&self, run: &Run) -> bool {
        let now = etag(run);
        self.0.iter().any(|tag| tag == "*" || now == *tag.strip_prefix("W/").unwrap_or(tag))
    }
}

fn seconds(number: f64) -> Result<Duration, Failure> {
    Duration::try_from_secs_f64(number)
        .map(|wait| wait.min(LONGEST_POLL))
        .map_err(|_| Failure::invalid("query", "wait", "a number of seconds from 0 to 300 is needed"))
}

async fn input(caller: Caller, State(api): State<Api>, Id(id): Id) -> Result<Response, Failure> {
    let input = api.runs.input(&caller.0, id).await.map_err(|error| Failure::wish(id, "shown", error))?;
    Ok(raw_json(input).into_response())
}

/// Holds until the run has ended, and gives its output.
async fn result(caller: Reader, State(api): State<Api>, Id(id): Id, Hold(wait): Hold) -> Result<Response, Failure> {
    let held = api.follow.until(&caller.0, id, Instant::now() + wait, |view| view.run.life.status().is_ended());
    match while_let_in(&api, caller.1, held).await?? {
        Waited::Done(view) => outcome(&view),
        Waited::Late(view) => Err(still_active(&view.run, wait)),
        Waited::Gone => Err(Failure::no_such_run(id)),
        Waited::Stopping => Err(stopping()),
    }
}

fn outcome(view: &View) -> Result<Response, Failure> {
    let run = &view.run;
    let status = run.life.status();
    match (&run.life.state, &view.output) {
        (Stands::Failed { why }, _) => {
            let mut error = told(run.id, why);
            let code = error.detail.take();
            error.detail = Some(json!({"status": status, "run_id": run.id.to_string(), "error": code}));
            Err(Failure::of_run(Code::NoOutput, error))
        }
        (Stands::Completed, Some(output)) => {
            // Made once for all who waited.
            let body = view.shown.get_or_init(|| result_bytes(run, output));
            Ok(raw_json(body.clone()).into_response())
        }
        _ => Err(Failure::new(Code::NoOutput, format!("the run was {status}: it has no result"))
            .detail(json!({"status": status, "run_id": run.id.to_string()}))),
    }
}

/// Scripts look for `408` or `timeout` in the text, so both stand in it.
fn still_active(run: &Run, wait: Duration) -> Failure {
    let status = run.life.status();
    let hint = if status == Status::ActionRequired { "it waits for an answer" } else { "ask again" };
    let message = format!("408 timeout: the run is still {status} after {} s; {hint}", wait.as_secs_f64());
    Failure::new(Code::StillActive, message).detail(json!({"status": status, "run_id": run.id.to_string()}))
}

fn stopping() -> Failure {
    Failure::new(Code::Busy, "the server is stopping; the run is kept: ask again in a second")
}

async fn cancel(caller: Caller, State(api): State<Api>, Id(id): Id) -> Result<Response, Failure> {
    wanted_of(&api, &caller.0, id, Command::Cancel, "cancelled").await
}

/// The run goes on until it has written its answer.
async fn finish(caller: Caller, State(api): State<Api>, Id(id): Id) -> Result<Response, Failure> {
    wanted_of(&api, &caller.0, id, Command::Finish, "told to finish").await
}

async fn answer(
    caller: Caller,
    State(api): State<Api>,
    Id(id): Id,
    body: Result<Given, Failure>,
) -> Result<Response, Failure> {
    // Whose run it is not learns nothing of what he sent.
    api.runs.get(&caller.0, id).await.map_err(|error| Failure::wish(id, "answered", error))?;
    let answer = read_answer(&body?.0)?;
    wanted_of(&api, &caller.0, id, Command::Answer { answer }, "answered").await
}

async fn wanted_of(api: &Api, owner: &Owner, id: RunId, command: Command, done: &str) -> Result<Response, Failure> {
    let run = api.runs.want(owner, id, command).await.map_err(|error| Failure::wish(id, done, error))?;
    Ok(shown(&run))
}

async fn forget(caller: Caller, State(api): State<Api>, Id(id): Id) -> Result<StatusCode, Failure> {
    api.runs.forget(&caller.0, id).await.map_err(|error| Failure::wish(id, "deleted", error))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list(caller: Caller, State(api): State<Api>, query: Query) -> Result<Json<RunPage>, Failure> {
    let page = api.runs.list(&wanted(caller.0, &query)?).await?;
    let next_cursor = page.next.map(|cursor| cursor.0.to_string());
    Ok(Json(RunPage { runs: page.runs.iter().map(TaskRun::from).collect(), next_cursor }))
}

fn wanted(owner: Owner, query: &Query) -> Result<ListQuery, Failure> {
    let words = query.get("q").map(str::to_owned);
    if words.as_ref().is_some_and(|words| words.len() > LONGEST_SEARCH) {
        return Err(Failure::invalid("query", "q", format!("at most {LONGEST_SEARCH} bytes are searched for")));
    }
    let after = query.get("created_after").map(|text| {
        let odd = || {
            Failure::invalid(
                "query",
                "created_after",
                format!("a time like 2026-11-23T12:00:00Z is needed, not {text:?}"),
            )
        };
        Micros::parse_rfc3339(text).ok_or_else(odd)
    });
    Ok(ListQuery {
        owner: Some(owner),
        status: query.read("status", "one of the seven states")?,
        processor: query.get("processor").map(str::to_owned),
        group: query.read("taskgroup_id", "a group's id")?,
        previous: query.read("previous_interaction_id", "a run's id")?,
        created_after: after.transpose()?,
        metadata: query.by_key("metadata"),
        words,
        cursor: query.read("cursor", "what `next_cursor` said")?.map(Cursor),
        limit: query.read("limit", "a number of runs")?.unwrap_or(PAGE).clamp(1, LONGEST_PAGE),
    })
}

fn shown(run: &Run) -> Response {
    Json(TaskRun::from(run)).into_response()
}

fn etag(run: &Run) -> HeaderValue {
    // Digits and quotes are fair in a header.
    HeaderValue::try_from(format!("\"{}\"", run.life.version)).unwrap_or(HeaderValue::from_static("\"0\""))
}

fn raw_json(body: bytes::Bytes) -> impl IntoResponse {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body)
}
