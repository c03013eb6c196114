//! The routes for those who run the server. None of them needs a key, and none tells anything worth one.

use axum::Json;
use axum::extract::State;
use legwork_api::code::Code;
use serde_json::{Value, json};

use super::Api;
use super::failure::Failure;

/// The version of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The process lives. Also names the store, so that a client can tell whether it has found the right one.
pub(super) async fn health(State(api): State<Api>) -> Json<Value> {
    Json(json!({"status": "ok", "version": VERSION, "store": api.store_id}))
}

/// Runs can be accepted: the store answers and the server does not stop.
pub(super) async fn ready(State(api): State<Api>) -> Result<Json<Value>, Failure> {
    if api.follow.is_stopping() {
        return Err(Failure::new(Code::Busy, "the server is stopping"));
    }
    api.runs.due(1).await?;
    Ok(Json(json!({"status": "ready"})))
}

pub(super) async fn version() -> Json<Value> {
    Json(json!({"name": "legwork", "version": VERSION}))
}
