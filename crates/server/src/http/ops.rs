//! The routes for those who run the server. Only `/metrics`, and in `/ready` the nodes and what is used, tell anything worth a
//! key.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use legwork_api::code::Code;
use legwork_api::ready::{Ready, Uses};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Api;
use super::caller::Operator;
use super::failure::Failure;

/// The version of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The process lives. Also names the store, so that a client can tell whether it has found the right one.
pub(super) async fn health(State(api): State<Api>) -> Json<Value> {
    Json(json!({"status": "ok", "version": VERSION, "store": api.store_id}))
}

/// How long the store may take to answer before the server is not ready.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs can be accepted: the store answers, its writer included, and the server does not stop. Says also what to worry
/// about, and to whoever may see the operator's pages which processes share the store and what this one answers with.
pub(super) async fn ready(
    operator: Result<Operator, Response>,
    State(api): State<Api>,
) -> Result<Json<Ready>, Failure> {
    if api.follow.is_stopping() {
        return Err(Failure::new(Code::Busy, "the server is stopping"));
    }
    let late = || Failure::new(Code::Busy, format!("the store did not answer within {} s", PATIENCE.as_secs()));
    timeout(PATIENCE, api.runs.check()).await.map_err(|_| late())??;
    let (nodes, models) = match operator {
        Ok(_) => (Some(api.nodes.heard()), api.models.as_ref()),
        Err(_) => (None, None),
    };
    let (search, documents) = (api.search.clone(), api.documents.clone());
    let uses = models.map(|models| Uses { model: models.in_use(), search, documents });
    Ok(Json(Ready { uses, ..Ready::of(&api.nodes.worries(), nodes.as_deref()) }))
}

/// What this process has counted, for Prometheus.
pub(super) async fn metrics(_: Operator, State(api): State<Api>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], api.metrics.render())
}

pub(super) async fn version() -> Json<Value> {
    Json(json!({"name": "legwork", "version": VERSION}))
}
