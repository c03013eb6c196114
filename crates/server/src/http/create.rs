//! Accepting a run: read the request, look up what only the server knows, and hand it to the store.

use bytes::Bytes;
use legwork_api::code::Code;
use legwork_api::run_input::RunInput;
use legwork_api::warning::Warning;
use legwork_core::id::{Owner, RunId};
use legwork_core::run::Run;
use legwork_core::store::NewRun;
use legwork_core::tier::Tier;
use serde_json::json;

use super::Api;
use super::failure::Failure;
use crate::runs::{Runs, WishError};
use crate::schema;

/// Reads a request and accepts it; when this returns, the run is on disk.
pub(super) async fn create(api: &Api, owner: Owner, body: &[u8]) -> Result<Run, Failure> {
    let mut input = RunInput::read(body)?;
    check_processor(api, &input.processor)?;
    if let Some(earlier) = input.previous_interaction_id {
        check_earlier(api, &owner, earlier).await?;
    }
    if let Some(wanted) = input.input_schema.take() {
        input.warnings.extend(schema::input_warnings(&wanted, &input.task.input));
    }
    let events = input.enable_events.unwrap_or_else(|| Tier::of(&input.processor).is_none_or(Tier::is_deep));
    let new = NewRun {
        id: Runs::new_id(),
        owner,
        events,
        warnings: carried(&input.warnings),
        processor: input.processor,
        input: input.shown,
        metadata: input.metadata,
        group: None,
        deadline: None,
    };
    Ok(api.runs.submit(new).await?)
}

fn carried(warnings: &[Warning]) -> Option<Bytes> {
    if warnings.is_empty() {
        return None;
    }
    serde_json::to_vec(warnings).ok().map(Bytes::from)
}

fn check_processor(api: &Api, name: &str) -> Result<(), Failure> {
    if api.processors.has(name) {
        return Ok(());
    }
    let known: Vec<_> = api.processors.names().collect();
    let message = format!("there is no processor {name:?}; this server has {}", known.join(", "));
    Err(Failure::new(Code::UnknownProcessor, message).detail(json!({"processors": known})))
}

async fn check_earlier(api: &Api, owner: &Owner, id: RunId) -> Result<(), Failure> {
    let odd = |message: String| Failure::invalid("body", "previous_interaction_id", message);
    match api.runs.get(owner, id).await {
        Ok(run) if run.life.status().is_ended() => Ok(()),
        Ok(run) => Err(odd(format!("the run {id} is still {}; wait for its end", run.life.status()))),
        Err(WishError::Store(error)) => Err(error.into()),
        Err(WishError::Unknown | WishError::NotIn(_)) => Err(odd(format!("there is no run {id}"))),
    }
}
