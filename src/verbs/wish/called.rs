//! `--pattern webhook` of `ask` and `rerun`: has itself called when the run has ended. All that the other patterns do in one verb,
//! done the way a server would.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use legwork_api::client::{End, NewWebhook};
use legwork_api::run::TaskRun;
use legwork_api::secret::Secret;
use legwork_api::webhook::Call;
use legwork_core::id::RunId;
use legwork_core::run::Status;
use legwork_server::config::Role;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Wish, faults, say_what_is_used};
use crate::args::WaitArgs;
use crate::exit::{Exit, Failure};
use crate::print;
use crate::progress::Progress;
use crate::receiver::{Received, Receiver};
use crate::render;
use crate::resolve::Target;
use crate::signals::Signals;
use crate::station::Station;
use crate::verbs::key::new_secret;
use crate::verbs::result::{come_back, ended};
use crate::waiting::{self, Outcome, Pattern};

/// How long a call may be on its way after the run was seen to have ended.
const ON_ITS_WAY: Duration = Duration::from_secs(20);

/// What came of waiting to be called.
enum Came {
    /// The call, with all that it brings.
    Call(End),
    /// The time given is over, or Ctrl-C.
    Left {
        exit: Exit,
        /// The run had ended, and only the call was missing.
        has_ended: bool,
    },
}

/// Creates the run with a webhook of this process, waits for the call, and prints what it brings.
pub(super) async fn run(mut target: Target, wish: Wish, args: &WaitArgs) -> Result<Exit, Failure> {
    let secret = new_secret();
    // It is there before any server, so that an engine of our own can be told that it may call it.
    let mut receiver = Receiver::start(SocketAddr::new(target.reaches_us_at(), 0), vec![secret.clone()], None).await?;
    target.allow(receiver.address());
    let mut station = Station::find(target, Role::All).await?;
    say_what_is_used(&station).await;
    let came = submit_and_wait(&mut station, &mut receiver, secret, wish, args).await;
    // The server has its answer before this process goes, or its engine is stopped.
    receiver.close().await;
    let id = came.as_ref().ok().map(|(id, _)| *id);
    let hint = id.map(|id| come_back(&station, id)).unwrap_or_default();
    station.leave().await?;
    match came? {
        (_, Came::Call(end)) => ended(end, args.json),
        (id, Came::Left { exit, has_ended }) => {
            let stands = if has_ended { "has ended, but the webhook did not come" } else { "is not done yet" };
            let why = if exit == Exit::Interrupted { "interrupted; " } else { "" };
            Err(Failure::said(exit, format!("{why}{id} {stands}")).hint(hint))
        }
    }
}

async fn submit_and_wait(
    station: &mut Station,
    receiver: &mut Receiver,
    secret: Secret,
    wish: Wish,
    args: &WaitArgs,
) -> Result<(RunId, Came), Failure> {
    let mut signals = Signals::listen()?;
    let at = receiver.address();
    let webhook = NewWebhook { url: format!("http://{at}/"), secret: Some(secret) };
    let wish = wish.calling(webhook);
    let run = match station.persist(async |client| wish.create(client).await).await {
        Ok(run) => run,
        Err(refused) => return Err(with_flag(refused, at)),
    };
    let id = run.run_id;
    print::talk(&id.to_string());
    let deadline = args.timeout.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let progress = Progress::start(&format!("waiting to be called at http://{at}/"));
    // The call is what is waited for. The run is looked at beside that, so that a server that goes away is noticed, and a
    // call that cannot come.
    let seen = tokio::select! {
        brought = brought(receiver, id) => Err(brought?),
        outcome = waiting::until_end(station, id, Pattern::Poll, deadline, &progress, &mut signals) => Ok(outcome?),
    };
    let left = |exit, has_ended| Ok((id, Came::Left { exit, has_ended }));
    let call = match seen {
        Err(call) => call,
        Ok(Outcome::TooLate) => return left(Exit::Timeout, false),
        Ok(Outcome::Interrupted) => return left(Exit::Interrupted, false),
        Ok(Outcome::Ended(_)) => tokio::select! {
            brought = brought(receiver, id) => brought?,
            () = signals.asked() => return left(Exit::Interrupted, true),
            () = until(deadline) => return left(Exit::Timeout, true),
            () = sleep(ON_ITS_WAY) => return Err(not_called(station, id, at).await),
        },
    };
    drop(progress);
    Ok((id, Came::Call(end(station, id, call).await?)))
}

/// Returns when the time given is over, if any was.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The call about this run that can be believed.
async fn brought(receiver: &mut Receiver, id: RunId) -> Result<(TaskRun, Call), Failure> {
    while let Some(Received { verdict, body, .. }) = receiver.next().await {
        if !verdict.is_good() {
            print::talk(&format!("somebody called who is not the server: {verdict}"));
            continue;
        }
        let Ok(call) = serde_json::from_slice::<Call>(&body) else { continue };
        if let Some(run) = call.run().filter(|run| run.run_id == id && run.status.is_ended()) {
            return Ok((run, call));
        }
    }
    Err(Failure::said(Exit::Api, "the receiver stopped"))
}

/// How the run ended, as the call says; what is not in it is asked for.
async fn end(station: &mut Station, id: RunId, (run, call): (TaskRun, Call)) -> Result<End, Failure> {
    if run.status != Status::Completed {
        return Ok(End::Nothing { run: Box::new(run) });
    }
    let mut data: Value = serde_json::from_str(call.data.get()).unwrap_or_default();
    let output = data.as_object_mut().and_then(|data| data.remove("output")).filter(|output| !output.is_null());
    match output {
        Some(output) => {
            let body = json!({"run": data, "output": output}).to_string();
            let result = serde_json::from_str(&body)
                .map_err(|error| Failure::said(Exit::Api, format!("the webhook holds no result: {error}")))?;
            Ok(End::Output { result: Box::new(result), body: Bytes::from(body) })
        }
        None => station.persist(async |client| client.result(id, None).await).await,
    }
}

/// The run has ended and nobody called: says what the server heard, if it knows.
async fn not_called(station: &mut Station, id: RunId, at: SocketAddr) -> Failure {
    let page = station.persist(async |client| client.deliveries(id).await).await.ok();
    let last = page.and_then(|page| page.webhooks.last()?.attempts.last().cloned());
    let heard = last.and_then(|attempt| attempt.error.or_else(|| attempt.status.map(|status| status.to_string())));
    let why = heard.map_or_else(String::new, |heard| format!(": {}", render::clean(&heard)));
    let message = format!("{id} has ended, but the server did not reach http://{at}/{why}");
    Failure::said(Exit::Api, message).hint(format!("the answer is there: `legwork result{} {id}`", station.option()))
}

/// A server that does not call this machine has to be told to. There is nothing else about our address to be refused.
fn with_flag(refused: Failure, at: SocketAddr) -> Failure {
    if faults(&refused).map(|fault| &fault["loc"]).any(|loc| *loc == json!(["body", "webhook", "url"])) {
        return refused
            .hint(format!("start that server with `--allow-target {}`, or `--allow-private-targets`", host(at)));
    }
    refused
}

/// The host alone, as URLs have it: each command listens at another port.
fn host(at: SocketAddr) -> String {
    if at.is_ipv6() { format!("[{}]", at.ip()) } else { at.ip().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verbs::wish::tests::refused;

    #[test]
    fn a_server_that_refuses_is_named_the_flag_it_needs() {
        let at = "192.168.0.7:5000".parse().unwrap();
        let hint = with_flag(refused(&["body", "webhook", "url"]), at).hint.unwrap();
        assert!(hint.contains("--allow-target 192.168.0.7`"), "{hint}");
        assert!(with_flag(refused(&["body", "input"]), at).hint.is_none());
        assert!(with_flag(Failure::said(Exit::BadInput, "webhook.url"), at).hint.is_none());
    }
}
