//! Makes one call of a webhook and says what came of it.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use legwork_api::secret::Secret;
use legwork_core::delivery::{Attempt, Webhook};
use legwork_core::id::Owner;
use legwork_core::time::Micros;
use url::Url;

use super::post::{Parcel, Post};
use super::secrets::Secrets;
use super::target::{Forbidden, Rule};
use crate::keys::Keyring;

/// Knows where webhooks may go and what they are signed with.
pub(crate) struct Courier {
    rule: Arc<Rule>,
    keys: Arc<Keyring>,
    secrets: Secrets,
    post: Post,
}

impl Courier {
    /// Whether this machine may be called depends on the keys that there are.
    pub(crate) fn new(rule: Rule, keys: Arc<Keyring>, secrets: Secrets) -> Self {
        let rule = Arc::new(rule);
        Self { post: Post::new(rule.clone(), keys.clone()), rule, keys, secrets }
    }

    /// Judges the form of an address that a caller gave.
    pub(crate) fn check(&self, url: &Url) -> Result<(), Forbidden> {
        self.rule.form(url, self.keys.ring().is_at_home())
    }

    /// The secrets of this server.
    pub(crate) const fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Calls a run's webhook.
    pub(super) async fn deliver(
        &self,
        webhook: &Webhook,
        owner: &Owner,
        id: &str,
        body: Bytes,
        now: Micros,
    ) -> Attempt {
        let secrets = self.secrets.for_webhook(webhook, owner);
        self.call(&webhook.url, &secrets, id, body, now).await
    }

    /// Calls an address, signed with these secrets.
    pub(crate) async fn call(&self, url: &str, secrets: &[Secret], id: &str, body: Bytes, now: Micros) -> Attempt {
        let began = Instant::now();
        let scheme = self.secrets.scheme();
        let heard = self.post.send(Parcel { url, id, body, secrets, scheme }, now).await;
        Attempt { at: now, took: began.elapsed(), heard }
    }
}
