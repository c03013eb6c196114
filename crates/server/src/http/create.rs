//! A request as the store takes it: what only the server knows is looked up.

use bytes::Bytes;
use legwork_api::code::Code;
use legwork_api::run_input::{self, RunInput};
use legwork_api::secret::Secret;
use legwork_api::signature;
use legwork_api::warning::Warning;
use legwork_core::delivery::{Form, Tells, Webhook};
use legwork_core::id::{Owner, RunId};
use legwork_core::run::{Lineage, Run};
use legwork_core::store::NewRun;
use legwork_core::tier::Tier;
use serde_json::json;
use url::Url;

use super::Api;
use super::failure::Failure;
use crate::runs::{Runs, WishError};
use crate::schema;

/// A request as the store takes it, once what only the server knows has been looked up.
pub(super) async fn prepared(api: &Api, owner: &Owner, input: RunInput) -> Result<NewRun, Failure> {
    looked_up(api, owner, input, None).await
}

/// The same for a request that was accepted before, as that of this run.
pub(super) async fn prepared_again(api: &Api, first: &Run, input: RunInput) -> Result<NewRun, Failure> {
    looked_up(api, &first.owner, input, Some(first)).await
}

async fn looked_up(api: &Api, owner: &Owner, mut input: RunInput, rerun_of: Option<&Run>) -> Result<NewRun, Failure> {
    check_processor(api, &input.processor).await?;
    let previous = input.task.previous;
    // The one from before was looked at then; it had ended, and may have been deleted since.
    let known = rerun_of.and_then(|first| first.lineage.previous);
    if let Some(earlier) = previous.filter(|earlier| known != Some(*earlier)) {
        check_earlier(api, owner, earlier).await?;
    }
    if let Some(wanted) = input.input_schema.take() {
        input.warnings.extend(schema::input_warnings(&wanted, &input.task.input));
    }
    let webhook = input.webhook.take().map(|webhook| registered(api, webhook)).transpose()?;
    let secrets = input.secrets();
    let events = input.enable_events.unwrap_or_else(|| Tier::of(&input.processor).is_none_or(Tier::is_deep));
    Ok(NewRun {
        id: Runs::new_id(),
        owner: owner.clone(),
        events,
        warnings: carried(&input.warnings),
        processor: input.processor,
        input: input.shown,
        secrets,
        metadata: input.metadata,
        group: None,
        lineage: Lineage { previous, rerun_of: rerun_of.map(|first| first.id) },
        deadline: None,
        webhook,
    })
}

/// A webhook as it is kept, if this server may call it and can sign what it sends there.
fn registered(api: &Api, asked: run_input::Webhook) -> Result<(Webhook, Tells), Failure> {
    let run_input::Webhook { url, secret, tells, form } = asked;
    let field = match form {
        Form::Official => "webhook.url",
        Form::Guide => "webhook_url",
    };
    check_webhook(api, field, &url)?;
    if let Some(secret) = &secret {
        check_secret(api, "webhook.secret", secret)?;
    }
    let secret = secret.map(|secret| secret.reveal().to_owned());
    Ok((Webhook { receiver: receiver(&url), url: url.into(), secret, form }, tells))
}

/// Whether the form of an address is one that this server may call.
pub(super) fn check_webhook(api: &Api, field: &str, url: &Url) -> Result<(), Failure> {
    let named = url.host_str().unwrap_or_default();
    let odd = |why| Failure::invalid("body", field, format!("{named} may not be called: {why}"));
    api.courier.check(url).map_err(odd)
}

/// Whether this server can sign with a secret.
pub(super) fn check_secret(api: &Api, field: &str, secret: &Secret) -> Result<(), Failure> {
    if signature::fits(secret, api.courier.secrets().scheme()) {
        return Ok(());
    }
    Err(Failure::invalid(
        "body",
        field,
        "cannot be used: it is empty, has spaces in it, or is not `whsec_` and base64 where it has to be",
    ))
}

/// Host and port of an address.
fn receiver(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(0))
}

fn carried(warnings: &[Warning]) -> Option<Bytes> {
    if warnings.is_empty() {
        return None;
    }
    serde_json::to_vec(warnings).ok().map(Bytes::from)
}

/// Whether this node or another one works with it.
async fn check_processor(api: &Api, name: &str) -> Result<(), Failure> {
    if api.nodes.have(name).await? {
        return Ok(());
    }
    let known: Vec<_> = api.nodes.names().into_iter().collect();
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
