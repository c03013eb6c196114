//! A run that a command wants and waits for: a question of its own, or what another run was asked once more.

mod called;

use legwork_api::client::{Calls, Client, ClientError, NewTask, NewWebhook, Rerun};
use legwork_api::ready::Uses;
use legwork_api::run::TaskRun;
use legwork_core::id::RunId;
use legwork_server::config::Role;
use serde_json::Value;

use super::result;
use crate::args::{PatternArg, WaitArgs};
use crate::environment::Environment;
use crate::exit::{Exit, Failure};
use crate::print;
use crate::resolve::{Target, unused_key};
use crate::station::Station;
use crate::waiting::Pattern;

/// What a run is made of.
#[expect(clippy::large_enum_variant, reason = "there is one, and it is moved twice")]
pub(super) enum Wish {
    /// A task.
    Task(NewTask),
    /// The request of this run, and what is different in it.
    Again(RunId, Rerun),
}

/// Creates the run, waits for its end as was asked for, and prints what came of it.
pub(super) async fn fulfil(
    target: Target,
    wish: Wish,
    pattern: Option<PatternArg>,
    wait: &WaitArgs,
) -> Result<Exit, Failure> {
    if pattern == Some(PatternArg::Webhook) {
        return called::run(target, wish, wait).await;
    }
    let mut station = Station::find(target, Role::All).await?;
    say_what_is_used(&station).await;
    match station.persist(async |client| wish.create(client).await).await {
        Ok(run) => {
            print::talk(&run.run_id.to_string());
            let pattern = Pattern::of(pattern, &run.processor).unwrap_or(Pattern::Poll);
            result::finish(station, &run, pattern, wait).await
        }
        Err(refused) => {
            station.leave().await?;
            Err(wish.helped(refused))
        }
    }
}

/// Who asks shall know what answers.
pub(super) async fn say_what_is_used(station: &Station) {
    let Some(Uses { model, search, documents }) = station.uses().await else { return };
    let search = if search.is_empty() { "none".to_owned() } else { search.join(", ") };
    // An earlier server does not name them.
    let documents = if documents.is_empty() { String::new() } else { format!("; documents: {}", documents.join(", ")) };
    print::talk(&format!("model: {model}; search: {search}{documents}"));
    // What another server has in its environment is not known here.
    if let Some(hint) = unused_key(&Environment::read()).filter(|_| model == "none" && station.is_own()) {
        print::talk(&hint);
    }
}

impl Wish {
    async fn create(&self, client: &Client) -> Result<TaskRun, ClientError> {
        match self {
            Self::Task(task) => client.create(task).await,
            Self::Again(id, rerun) => client.rerun(*id, rerun).await,
        }
    }

    /// The same, with this webhook to be called.
    fn calling(self, webhook: NewWebhook) -> Self {
        match self {
            Self::Task(task) => Self::Task(NewTask { webhook: Some(webhook), ..task }),
            Self::Again(id, rerun) => Self::Again(id, Rerun { webhook: Calls::This(webhook), ..rerun }),
        }
    }

    /// A webhook that the first run had may be one that is not called any more.
    fn helped(&self, refused: Failure) -> Failure {
        let is_again = matches!(self, Self::Again(..));
        let is_webhook = |loc: &Value| matches!(loc[1].as_str(), Some("webhook" | "webhook_url"));
        if is_again && faults(&refused).any(|fault| is_webhook(&fault["loc"])) {
            return refused.hint("with `--no-webhook` nobody is called");
        }
        refused
    }
}

/// What a server said is wrong with the request, one by one.
fn faults(refused: &Failure) -> impl Iterator<Item = &Value> {
    let detail = if let Some(ClientError::Refused(refusal)) = refused.error.downcast_ref::<ClientError>() {
        refusal.detail.as_ref()
    } else {
        None
    };
    detail.and_then(|detail| detail["errors"].as_array()).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use legwork_api::client::Refusal;
    use serde_json::json;

    use super::*;

    /// What a server says that finds this wrong.
    pub(super) fn refused(loc: &[&str]) -> Failure {
        let detail = json!({"errors": [{"loc": loc, "msg": "", "type": "value_error"}]});
        let (message, ref_id) = ("no".to_owned(), "1".to_owned());
        let refusal = Refusal { status: 422, message, detail: Some(detail), ref_id, retry_after: None };
        Failure::from(ClientError::Refused(Box::new(refusal)))
    }

    #[test]
    fn who_asks_again_is_told_how_to_leave_a_webhook_out_that_is_refused() {
        let again = Wish::Again(RunId::from_u128(1), Rerun::default());
        for loc in [&["body", "webhook", "url"][..], &["body", "webhook_url"]] {
            assert!(again.helped(refused(loc)).hint.unwrap().contains("--no-webhook"), "{loc:?}");
            assert!(Wish::Task(NewTask::default()).helped(refused(loc)).hint.is_none());
        }
        assert!(again.helped(refused(&["body", "mcp_servers"])).hint.is_none());
    }
}
