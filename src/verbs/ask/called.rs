//! `legwork ask --pattern webhook`: has itself called when the run has ended. All that the other patterns do in one verb,
//! done the way a server would.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs as _, UdpSocket};
use std::time::Duration;

use bytes::Bytes;
use legwork_api::client::{End, NewTask, NewWebhook};
use legwork_api::run::TaskRun;
use legwork_api::webhook::Call;
use legwork_core::id::RunId;
use legwork_core::run::Status;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use url::Url;

use crate::args::WaitArgs;
use crate::exit::{Exit, Failure};
use crate::print;
use crate::progress::Progress;
use crate::receiver::{Received, Receiver};
use crate::render;
use crate::signals::Signals;
use crate::station::Station;
use crate::verbs::key::new_secret;
use crate::verbs::result::{come_back, ended};
use crate::waiting::{self, Outcome, Pattern};

/// How long a call may be on its way after the run was seen to have ended.
const ON_ITS_WAY: Duration = Duration::from_secs(20);

/// Submits the task with a webhook of this process, waits for the call, and prints what it brings.
pub(super) async fn run(mut station: Station, task: NewTask, args: &WaitArgs) -> Result<Exit, Failure> {
    let came = submit_and_wait(&mut station, task, args).await;
    let id = came.as_ref().ok().map(|(id, _)| *id);
    let hint = id.map(|id| come_back(&station, id)).unwrap_or_default();
    station.leave().await?;
    let (id, outcome) = came?;
    match outcome {
        Outcome::Ended(end) => ended(end, args.json),
        Outcome::TooLate => Err(Failure::said(Exit::Timeout, format!("{id} is not done yet")).hint(hint)),
        Outcome::Interrupted => {
            Err(Failure::said(Exit::Interrupted, format!("interrupted; {id} is not done yet")).hint(hint))
        }
    }
}

async fn submit_and_wait(station: &mut Station, task: NewTask, args: &WaitArgs) -> Result<(RunId, Outcome), Failure> {
    let mut signals = Signals::listen()?;
    let secret = new_secret();
    let at = SocketAddr::new(reached_by(station.client().base()), 0);
    let mut receiver = Receiver::start(at, vec![secret.clone()], None).await?;
    let at = receiver.address();
    let webhook = NewWebhook { url: format!("http://{at}/"), secret: Some(secret) };
    let task = NewTask { webhook: Some(webhook), ..task };
    let run =
        station.persist(async |client| client.create(&task).await).await.map_err(|refused| with_flag(refused, at))?;
    let id = run.run_id;
    print::talk(&id.to_string());
    let deadline = args.timeout.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let progress = Progress::start(&format!("waiting to be called at http://{at}/"));
    let outcome = {
        // The call is what is waited for. The run is looked at beside that, so that a server that goes away is noticed,
        // and a call that cannot come.
        let mut watched =
            std::pin::pin!(waiting::until_end(station, id, Pattern::Poll, deadline, &progress, &mut signals));
        tokio::select! {
            brought = brought(&mut receiver, id) => Ok(Ok(brought?)),
            outcome = &mut watched => match outcome? {
                Outcome::Ended(_) => tokio::select! {
                    brought = brought(&mut receiver, id) => Ok(Ok(brought?)),
                    () = sleep(ON_ITS_WAY) => Err(()),
                },
                other @ (Outcome::TooLate | Outcome::Interrupted) => Ok(Err(other)),
            },
        }
    };
    drop(progress);
    match outcome {
        Ok(Ok(call)) => Ok((id, Outcome::Ended(end(station, id, call).await?))),
        Ok(Err(other)) => Ok((id, other)),
        Err(()) => Err(not_called(station, id, at).await),
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

/// A server that does not call this machine has to be told to.
fn with_flag(refused: Failure, at: SocketAddr) -> Failure {
    if refused.exit == Exit::BadInput && refused.error.to_string().contains("may not be called") {
        return refused.hint(format!("start that server with `--allow-target {at}`, or `--allow-private-targets`"));
    }
    refused
}

/// The address of ours by which a server can reach us: loopback for one on this machine, else the one that the way to it
/// begins at. No packet is sent to find that out.
fn reached_by(server: &Url) -> IpAddr {
    let way = || {
        let to = (server.host_str()?.trim_matches(['[', ']']), server.port_or_known_default()?)
            .to_socket_addrs()
            .ok()?
            .next()?;
        let any: SocketAddr = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }.parse().ok()?;
        let socket = UdpSocket::bind(any).ok()?;
        socket.connect(to).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    way().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_this_machine_calls_over_loopback() {
        for server in ["http://127.0.0.1:8787", "http://localhost:1/", "http://[::1]:8787"] {
            let at = reached_by(&server.parse().unwrap());
            assert!(at.is_loopback(), "{server} by {at}");
        }
    }

    #[test]
    fn a_server_that_refuses_is_named_the_flag_it_needs() {
        let at = "192.168.0.7:5000".parse().unwrap();
        let refused = |text: &str| Failure::said(Exit::BadInput, text);
        let hint = with_flag(refused("`webhook.url`: 192.168.0.7 may not be called: …"), at).hint.unwrap();
        assert!(hint.contains("--allow-target 192.168.0.7:5000"), "{hint}");
        assert!(with_flag(refused("`input` is empty"), at).hint.is_none());
    }
}
