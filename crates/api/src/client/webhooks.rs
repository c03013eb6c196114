//! What a caller does with the webhooks of its runs.

use legwork_core::id::RunId;
use reqwest::Method;
use serde_json::json;

use super::{Client, ClientError, run_path};
use crate::secret::Secret;
use crate::webhook::{DeliveryPage, DeliveryView, SecretView, TestView};

impl Client {
    /// What was and is owed to a run's webhook, with every attempt; nothing when the run has none, or has not ended.
    pub async fn deliveries(&self, run: RunId) -> Result<DeliveryPage, ClientError> {
        self.answer(self.call(Method::GET, &format!("{}/webhooks", run_path(run)))).await?.read()
    }

    /// Has a delivery made again at once. `webhook_id` is as [`DeliveryView::webhook_id`] has it; one that the run has not
    /// is refused with 404. The answer shows the delivery before that attempt.
    pub async fn redeliver(&self, run: RunId, webhook_id: &str) -> Result<DeliveryView, ClientError> {
        let id: String = url::form_urlencoded::byte_serialize(webhook_id.as_bytes()).collect();
        let path = format!("{}/webhooks/{id}/redeliver", run_path(run));
        self.answer(self.call(Method::POST, &path)).await?.read()
    }

    /// Has the server call an address once, and tells what came back: no answer, or a bad one, is no error. Refused with
    /// 422 when the server may not go there, and with 503 when it is busy with other tests.
    pub async fn test_webhook(&self, url: &str, secret: Option<&Secret>) -> Result<TestView, ClientError> {
        let body = json!({"url": url, "secret": secret.map(Secret::reveal)});
        self.answer(self.call(Method::POST, "/v1/webhooks/test").json(&body)).await?.read()
    }

    /// What the caller's webhooks are signed with.
    pub async fn webhook_secrets(&self) -> Result<Vec<Secret>, ClientError> {
        let shown: SecretView = self.answer(self.call(Method::GET, "/v1/webhooks/secret")).await?.read()?;
        Ok(shown.secrets.into_iter().map(Secret::from).collect())
    }
}
