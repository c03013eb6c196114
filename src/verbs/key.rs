//! `legwork key`: the keys of a server, and the secrets that its webhooks are signed with.

mod made;

use legwork_api::secret::Secret;
use legwork_api::signature::secret_of;
use legwork_server::config::Role;
use uuid::Uuid;

use super::Settings;
use crate::args::{KeyArgs, KeyKind, WebhookKeyArgs};
use crate::exit::{Exit, Failure};
use crate::{print, render};

pub(super) async fn run(args: KeyArgs, settings: Settings) -> Result<Exit, Failure> {
    match args.kind {
        KeyKind::Create(args) => Box::pin(made::create(args, settings)).await,
        KeyKind::List(args) => Box::pin(made::list(args, settings)).await,
        KeyKind::Revoke(args) => Box::pin(made::revoke(args, settings)).await,
        KeyKind::Forget(args) => Box::pin(made::forget(args, settings)).await,
        KeyKind::Webhook(args) => webhook(args, settings).await,
    }
}

/// Shows what webhooks are signed with, one secret a line.
async fn webhook(args: WebhookKeyArgs, settings: Settings) -> Result<Exit, Failure> {
    let secrets = if args.new {
        vec![new_secret()]
    } else {
        let station = settings.station(args.target, Role::Api).await?;
        station.once(async |client| client.webhook_secrets().await).await?
    };
    let texts: Vec<_> = secrets.iter().map(Secret::reveal).collect();
    print::data(&if args.json { render::json(&serde_json::json!({"secrets": texts}))? } else { texts.join("\n") })?;
    Ok(Exit::Done)
}

/// A secret that nobody has.
pub(crate) fn new_secret() -> Secret {
    let (one, two) = (Uuid::new_v4(), Uuid::new_v4());
    secret_of(&[*one.as_bytes(), *two.as_bytes()].concat())
}
