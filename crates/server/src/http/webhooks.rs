//! What an owner sees of the webhooks of his runs, and how he tries a receiver.

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use http::request::Parts;
use legwork_api::code::Code;
use legwork_api::run_input::Webhook;
use legwork_api::webhook::{AttemptView, DeliveryPage, DeliveryView, SecretView, TestView, test_body};
use legwork_core::delivery::DeliveryId;
use legwork_core::id::RunId;
use uuid::Uuid;

use super::Api;
use super::body::Given;
use super::caller::Caller;
use super::create::{check_secret, check_webhook};
use super::failure::Failure;
use super::tasks::Id;

/// The routes below `/v1` and `/v1beta`.
pub(super) fn routes() -> [(&'static str, MethodRouter<Api>); 4] {
    [
        ("/tasks/runs/{id}/webhooks", get(list)),
        ("/tasks/runs/{id}/webhooks/{delivery}/redeliver", post(redeliver)),
        ("/webhooks/test", post(test)),
        ("/webhooks/secret", get(secret)),
    ]
}

/// Every delivery of a run, with every attempt.
async fn list(caller: Caller, State(api): State<Api>, Id(id): Id) -> Result<Json<DeliveryPage>, Failure> {
    let logs = api.runs.deliveries(&caller.0, id).await.map_err(|error| Failure::wish(id, "shown", error))?;
    Ok(Json(DeliveryPage { webhooks: logs.iter().map(DeliveryView::from).collect() }))
}

/// Has a delivery made again at once, whatever became of it. One that is being made is left to that.
async fn redeliver(caller: Caller, State(api): State<Api>, Named(named): Named) -> Result<Response, Failure> {
    let id = named.run;
    let no_such = || no_such(id, &named.to_string());
    let wished = api.runs.redeliver(&caller.0, named).await;
    if !wished.map_err(|error| Failure::wish(id, "told of again", error))? {
        return Err(no_such());
    }
    let logs = api.runs.deliveries(&caller.0, id).await.map_err(|error| Failure::wish(id, "shown", error))?;
    let view = logs.iter().find(|log| log.delivery.id == named).map(DeliveryView::from).ok_or_else(no_such)?;
    Ok((StatusCode::ACCEPTED, Json(view)).into_response())
}

/// The delivery that a path names, one of the run that it names as well.
struct Named(DeliveryId);

impl FromRequestParts<Api> for Named {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Failure> {
        let Path((run, delivery)) = Path::<(String, String)>::from_request_parts(parts, api)
            .await
            .map_err(|_| Failure::new(Code::NotFound, "the ids in the path are not text"))?;
        let no_run = |odd| Failure::new(Code::NotFound, format!("there is no run {run:?}: {odd}"));
        let id: RunId = run.parse().map_err(no_run)?;
        let named = delivery.parse().ok().filter(|named: &DeliveryId| named.run == id);
        named.map(Self).ok_or_else(|| no_such(id, &delivery))
    }
}

fn no_such(id: RunId, delivery: &str) -> Failure {
    Failure::new(Code::NotFound, format!("the run {id} has no webhook delivery {delivery:?}"))
}

/// Calls an address once with something that is no news of any run, and tells what came back.
async fn test(caller: Caller, State(api): State<Api>, Given(body): Given) -> Result<Json<TestView>, Failure> {
    let Webhook { url, secret, .. } = Webhook::read(&body)?;
    check_webhook(&api, "url", &url)?;
    if let Some(secret) = &secret {
        check_secret(&api, "secret", secret)?;
    }
    let busy = || Failure::new(Code::Busy, "too many receivers are being tried; try again in a second");
    let _place = api.courier.trial().ok_or_else(busy)?;
    let secrets = secret.map_or_else(|| api.courier.secrets().of(&caller.0), |own| vec![own]);
    let webhook_id = format!("whevent_{}_test", Uuid::now_v7().simple());
    let now = api.runs.now();
    let attempt = api.courier.call(url.as_str(), &caller.0, &secrets, &webhook_id, test_body(now), now).await;
    Ok(Json(TestView { webhook_id, delivered: attempt.is_success(), attempt: AttemptView::from(&attempt) }))
}

/// What the caller's webhooks are signed with.
async fn secret(caller: Caller, State(api): State<Api>) -> Response {
    let secrets = api.courier.secrets().of(&caller.0);
    let secrets = secrets.iter().map(|secret| secret.reveal().to_owned()).collect();
    ([(CACHE_CONTROL, "no-store")], Json(SecretView { secrets })).into_response()
}
