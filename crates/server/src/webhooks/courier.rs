//! Makes one call of a webhook and says what came of it.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use legwork_api::secret::Secret;
use legwork_core::delivery::{Attempt, Webhook};
use legwork_core::id::Owner;
use legwork_core::time::Micros;
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

use super::post::{Parcel, Post};
use super::secrets::Secrets;
use crate::config::Targets;
use crate::keys::Keyring;
use crate::reach::{Forbidden, Names, Rule};

/// What an operator does who wants webhooks to go further.
const HINT: &str = "a server goes there if it was started with --allow-target HOST, or with --allow-private-targets";
/// How many receivers may be tried at a time.
const TRIALS: usize = 16;

/// Knows where webhooks may go and what they are signed with.
pub(crate) struct Courier {
    rule: Arc<Rule>,
    secrets: Secrets,
    post: Post,
    trials: Semaphore,
}

impl Courier {
    /// For a server that listens at `own`. Whether this machine may be called depends on the keys that there are.
    pub(crate) fn new(targets: Targets, own: SocketAddr, names: Names, keys: Arc<Keyring>, secrets: Secrets) -> Self {
        let rule = Rule::new(targets, own, HINT).with_home(move || keys.ring().is_at_home());
        let rule = Arc::new(rule);
        Self { post: Post::new(rule.clone(), names), rule, secrets, trials: Semaphore::new(TRIALS) }
    }

    /// Judges the form of an address that a caller gave.
    pub(crate) fn check(&self, url: &Url) -> Result<(), Forbidden> {
        self.rule.form(url)
    }

    /// The secrets of this server.
    pub(crate) const fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// A place to try a receiver from, as long as it is held; `None` when all are taken.
    pub(crate) fn trial(&self) -> Option<SemaphorePermit<'_>> {
        self.trials.try_acquire().ok()
    }

    /// Calls the webhook of an owner's run.
    pub(super) async fn deliver(
        &self,
        webhook: &Webhook,
        owner: &Owner,
        id: &str,
        body: Bytes,
        now: Micros,
    ) -> Attempt {
        let secrets = self.secrets.for_webhook(webhook, owner);
        self.call(&webhook.url, owner, &secrets, id, body, now).await
    }

    /// Calls an address for an owner, signed with these secrets.
    pub(crate) async fn call(
        &self,
        url: &str,
        owner: &Owner,
        secrets: &[Secret],
        id: &str,
        body: Bytes,
        now: Micros,
    ) -> Attempt {
        let scheme = self.secrets.scheme();
        self.post.send(owner, Parcel { url, id, body, secrets, scheme }, now).await
    }
}
