//! A run's request once more, with another processor or whatever else shall be different. A create like any other, but for
//! where its request comes from.

use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use legwork_api::run_input::{self, read_rerun};
use legwork_api::secret::Secret;
use legwork_core::delivery::{Tells, Webhook};
use legwork_core::id::Owner;

use super::Api;
use super::body::Given;
use super::create::prepared_again;
use super::failure::Failure;
use super::limits::{Creator, Standing};
use super::once::{Recognised, create_run};
use super::tasks::Id;

/// The routes below `/v1` and `/v1beta`.
pub(super) fn routes() -> [(&'static str, MethodRouter<Api>); 1] {
    [("/tasks/runs/{id}/rerun", post(rerun))]
}

async fn rerun(
    Creator { owner, standing }: Creator,
    State(api): State<Api>,
    id: Result<Id, Failure>,
    recognised: Result<Recognised, Failure>,
    body: Result<Given, Failure>,
) -> (Standing, Result<Response, Failure>) {
    (standing, accept(&api, &owner, id, recognised, body).await)
}

async fn accept(
    api: &Api,
    owner: &Owner,
    id: Result<Id, Failure>,
    recognised: Result<Recognised, Failure>,
    body: Result<Given, Failure>,
) -> Result<Response, Failure> {
    let (Id(id), recognised, Given(changes)) = (id?, recognised?, body?);
    let (first, kept, webhook) =
        api.runs.request(owner, id).await.map_err(|error| Failure::wish(id, "asked for again", error))?;
    let mut rerun = read_rerun(&kept, &changes)?;
    let webhook = webhook.and_then(|webhook| whole(webhook, first.life.tells));
    if rerun.keeps_webhook && webhook.is_some() {
        rerun.input.webhook = webhook;
    }
    let new = prepared_again(api, &first, rerun.input).await?;
    create_run(api, recognised.ticket(owner, &format!("runs/{id}/rerun"), &changes), new).await
}

/// A webhook as it was registered, with what is not shown of it: its own secret, and in which form it was given.
fn whole(webhook: Webhook, tells: Tells) -> Option<run_input::Webhook> {
    let Webhook { url, receiver: _, secret, form } = webhook;
    Some(run_input::Webhook { url: url.parse().ok()?, secret: secret.map(Secret::from), tells, form })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use legwork_core::run::Status;
    use serde_json::{Value, json};

    use crate::testing::{Answer, World};

    const NOBODY: &str = "/v1/tasks/runs/trun_00000000000000000000000000000001";

    async fn asked(world: &World, body: &Value) -> Answer {
        let answer = world.post("/v1/tasks/runs", &body.to_string()).await;
        assert_eq!(answer.status, 202, "{:#}", answer.body);
        answer
    }

    fn path(answer: &Answer, rest: &str) -> String {
        format!("/v1/tasks/runs/{}{rest}", answer.run_id())
    }

    async fn again(world: &World, first: &Answer, changes: &str) -> Answer {
        world.post(&path(first, "/rerun"), changes).await
    }

    #[tokio::test]
    async fn a_rerun_asks_the_same_of_another_processor_and_says_where_it_comes_from() {
        let world = World::new();
        let body = json!({
            "input": {"land": "Chad"}, "processor": "base", "metadata": {"team": "blue"}, "own": [1.5],
            "task_spec": {"output_schema": "one word"}, "source_policy": {"include_domains": ["a.example"]},
        });
        let first = asked(&world, &body).await;
        let rerun = again(&world, &first, r#"{"processor":"pro"}"#).await;
        assert_eq!(rerun.body["legwork"]["rerun_of"], first.body["run_id"]);
        insta::assert_snapshot!(rerun.shown());
        let mut wanted = body;
        wanted["processor"] = "pro".into();
        assert_eq!(world.get(&path(&rerun, "/input")).await.body, wanted);
        assert_eq!(world.get(&path(&first, "/input")).await.body["processor"], "base", "the first is as it was");
        let third = world.post(&format!("/v1beta/tasks/runs/{}/rerun", rerun.run_id()), "").await;
        assert_eq!((third.status, &third.body["legwork"]["rerun_of"]), (202, &rerun.body["run_id"]));
        assert_eq!(third.text("/processor"), "pro");
        world.work();
        world.until_status(third.run_id(), Status::Completed).await;
    }

    #[tokio::test]
    async fn whatever_became_of_a_run_it_can_be_asked_for_again_but_not_in_its_group() {
        let world = World::new();
        let group = world.post("/v1/tasks/groups", "{}").await.text("/taskgroup_id").to_owned();
        let runs = r#"{"inputs":[{"input":"fail","processor":"base"}],"default_task_spec":{"output_schema":"short"}}"#;
        let added = world.post(&format!("/v1/tasks/groups/{group}/runs"), runs).await;
        let id = added.text("/run_ids/0").to_owned();
        let rerun = async || world.post(&format!("/v1/tasks/runs/{id}/rerun"), r#"{"input":"hello"}"#).await;
        assert_eq!(rerun().await.status, 202, "it is queued");
        world.work();
        world.until_status(id.parse().unwrap(), Status::Failed).await;
        let other = rerun().await;
        assert_eq!((other.status, &other.body["taskgroup_id"]), (202, &json!(null)));
        let input = world.get(&path(&other, "/input")).await;
        assert_eq!(input.body["task_spec"], json!({"output_schema": "short"}), "what it had from the group it keeps");
        world.until_status(other.run_id(), Status::Completed).await;
        let gone = world.ask("DELETE", &format!("/v1/tasks/runs/{id}"), &[], b"").await;
        assert_eq!((gone.status, rerun().await.status), (204, 404));
        assert_eq!(world.get(&path(&other, "")).await.body["legwork"]["rerun_of"], json!(id), "it still says so");
    }

    #[tokio::test]
    async fn a_rerun_goes_on_from_where_the_first_did_also_when_that_is_gone() {
        let world = World::new();
        let start = asked(&world, &json!({"input": "x", "processor": "base"})).await;
        world.post(&path(&start, "/cancel"), "").await;
        let next = json!({"input": "y", "processor": "base", "previous_interaction_id": start.body["run_id"]});
        let first = asked(&world, &next).await;
        assert_eq!(world.ask("DELETE", &path(&start, ""), &[], b"").await.status, 204);
        let rerun = again(&world, &first, "").await;
        assert_eq!(rerun.status, 202, "{:#}", rerun.body);
        assert_eq!(rerun.body["legwork"]["previous_interaction_id"], start.body["run_id"]);
        let without = again(&world, &first, r#"{"previous_interaction_id":null}"#).await;
        assert_eq!(without.body["legwork"]["previous_interaction_id"], json!(null));
        let nowhere = r#"{"previous_interaction_id":"trun_00000000000000000000000000000001"}"#;
        assert_eq!(again(&world, &first, nowhere).await.status, 422, "another one is looked at");
    }

    #[tokio::test]
    async fn a_rerun_is_refused_as_a_create_would_be() {
        let world = World::with_keys(&["one", "two"]);
        let (one, two) = (("x-api-key", "one"), ("x-api-key", "two"));
        let servers = json!([{"name": "n", "url": "https://a.example/mcp", "headers": {"authorization": "sesame"}}]);
        let body = json!({"input": "x", "processor": "base", "mcp_servers": servers}).to_string();
        let first = world.ask("POST", "/v1/tasks/runs", &[one], body.as_bytes()).await;
        let again = path(&first, "/rerun");
        let mut shown = String::new();
        for (key, path, changes) in [
            (one, &*again, r#"{"processor":"turbo","mcp_servers":null}"#),
            (one, &again, r#"{"processor":"core"}"#),
            (one, &again, r#"{"mcp_servers":null,"webhook_url":"http://127.0.0.1/"}"#),
            (one, &again, "[]"),
            (two, &again, ""),
            (one, &format!("{NOBODY}/rerun"), ""),
            (one, "/v1/tasks/runs/trun_1/rerun", ""),
        ] {
            let answer = world.ask("POST", path, &[key], changes.as_bytes()).await;
            writeln!(shown, "{changes}\n{}", answer.shown().replace(&first.run_id().to_string(), "(id)")).unwrap();
        }
        insta::assert_snapshot!(shown);
        let list = world.ask("GET", "/v1/tasks/runs", &[one], b"").await;
        assert_eq!(list.body["runs"].as_array().unwrap().len(), 1, "nothing was created");
    }

    #[tokio::test]
    async fn a_rerun_is_done_once_for_a_key_and_counts_as_a_create() {
        let world = World::with_creates_per_minute(&["one"], 4);
        let ask = async |path: &str, headers: &[(&str, &str)], body: &str| {
            let headers = [&[("x-api-key", "one")], headers].concat();
            world.ask("POST", path, &headers, body.as_bytes()).await
        };
        let first = ask("/v1/tasks/runs", &[], r#"{"input":"x","processor":"base"}"#).await;
        let key = [("idempotency-key", "k")];
        let rerun = ask(&path(&first, "/rerun"), &key, "").await;
        let same = ask(&path(&first, "/rerun"), &key, "").await;
        assert_eq!(
            (same.status, &same.body, &same.headers["idempotent-replayed"]),
            (202, &rerun.body, &"true".parse().unwrap())
        );
        let other = ask(&path(&rerun, "/rerun"), &key, "").await;
        assert!(other.status == 202 && other.body["run_id"] != rerun.body["run_id"], "of another run it is another");
        let refused = ask(&path(&first, "/rerun"), &[], "").await;
        assert_eq!((refused.status, refused.headers.contains_key("retry-after")), (429, true));
    }

    #[tokio::test]
    async fn a_webhook_is_called_as_before_with_its_own_secret() {
        let world = World::new();
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let webhook =
            json!({"url": "https://hooks.example.com/", "secret": secret, "event_types": ["action_required"]});
        let first = asked(&world, &json!({"input": "x", "processor": "base", "webhook": webhook})).await;
        let second = again(&world, &first, r#"{"processor":"core"}"#).await;
        let kept = async |answer: &Answer| world.store.webhook(answer.run_id()).await.unwrap();
        assert_eq!(kept(&second).await, kept(&first).await);
        assert_eq!(kept(&second).await.unwrap().secret.as_deref(), Some(secret));
        assert_eq!(world.run(second.run_id()).await.life.tells, world.run(first.run_id()).await.life.tells);
        let shown = world.get(&path(&second, "/input")).await;
        assert!(!shown.body.to_string().contains(secret), "{:#}", shown.body);
        // Whose address is given anew is signed for anew.
        let other = again(&world, &first, r#"{"webhook":{"url":"https://other.example.com/"}}"#).await;
        assert_eq!(kept(&other).await.unwrap().secret, None);
        assert_eq!(kept(&again(&world, &first, r#"{"webhook":null}"#).await).await, None);
        let guides = world.submit_with_webhook("x").await;
        let rerun = world.post(&format!("/v1/tasks/runs/{guides}/rerun"), "").await;
        assert_eq!(kept(&rerun).await, world.store.webhook(guides).await.unwrap(), "in the same form");
    }
}
