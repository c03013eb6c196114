//! `legwork listen`: receives webhooks, says whether they are to be believed, and prints them.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use legwork_api::secret::Secret;
use legwork_api::signature::Scheme;
use legwork_api::webhook::Call;
use legwork_server::config::Role;
use serde_json::{Value, json};
use url::Url;

use super::Settings;
use crate::args::ListenArgs;
use crate::exit::{Exit, Failure};
use crate::receiver::{Received, Receiver};
use crate::render::Style;
use crate::signals::Signals;
use crate::{print, render, resolve};

pub(super) async fn run(args: ListenArgs, settings: Settings) -> Result<Exit, Failure> {
    let forward = args.forward.as_deref().map(address).transpose()?;
    let mut signals = Signals::listen()?;
    let secrets: Vec<Secret> = match args.secret.as_slice() {
        [] => {
            let station = settings.station(args.target, Role::Api).await?;
            let found = station.once(async |client| client.webhook_secrets().await).await;
            let is_odd = |failure: &Failure| failure.exit == Exit::Api && failure.hint.is_none();
            found.map_err(|failure| {
                if is_odd(&failure) { failure.hint("give what it signs with: --secret whsec_…") } else { failure }
            })?
        }
        given => resolve::secrets(given.to_vec(), Scheme::Both)?,
    };
    let at = SocketAddr::new(args.host, args.port);
    let known = secrets.len();
    let mut receiver = Receiver::start(at, secrets, forward).await.map_err(|error| {
        let hint = "choose another port: --port 0 takes any free one";
        Failure::new(Exit::Api, anyhow::Error::new(error).context(format!("cannot listen at {at}"))).hint(hint)
    })?;
    print::talk(&greeting(receiver.address(), known, args.forward.as_deref()));
    loop {
        tokio::select! {
            () = signals.asked() => break,
            call = receiver.next() => match call {
                Some(call) if args.json => print::data(&line(&call))?,
                Some(call) => print::data(&told(&call, print::style()))?,
                None => break,
            },
        }
    }
    receiver.close().await;
    Ok(Exit::Done)
}

fn address(text: &str) -> Result<Url, Failure> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| Failure::said(Exit::BadInput, format!("`{text}` is no address to pass webhooks on to")))
}

fn greeting(at: SocketAddr, known: usize, forward: Option<&str>) -> String {
    let host = if at.ip().is_unspecified() { IpAddr::from([127, 0, 0, 1]) } else { at.ip() };
    let url = format!("http://{}/", SocketAddr::new(host, at.port()));
    let secrets = if known == 1 { "one secret is known".to_owned() } else { format!("{known} secrets are known") };
    let on = forward.map_or_else(String::new, |url| format!("; what is verified goes on to {url}"));
    format!("listening for webhooks at {url}; {secrets}{on}\nregister it with a run: \"webhook_url\": \"{url}\"")
}

/// A call as one line of JSON.
fn line(call: &Received) -> String {
    let payload: Value =
        serde_json::from_slice(&call.body).unwrap_or_else(|_| String::from_utf8_lossy(&call.body).into_owned().into());
    json!({
        "received_at": call.at.to_string(),
        "webhook_id": call.id,
        "verified": call.verdict.is_good(),
        "verdict": call.verdict.to_string(),
        "answered": call.answered,
        "payload": payload,
    })
    .to_string()
}

/// A call for people: what it is and whether it is to be believed, and below that what it says.
fn told(call: &Received, style: Style) -> String {
    let read = serde_json::from_slice::<Call>(&call.body).ok();
    // What is not to be believed is not repeated.
    let read = read.filter(|_| call.verdict.is_good());
    let about = match read.as_ref().map(|call| (call, call.run())) {
        None if !call.verdict.is_good() => "refused".to_owned(),
        Some((_, Some(run))) => format!("{} is {}", run.run_id, run.status),
        Some((call, None)) => render::clean(&call.kind),
        None => "(no webhook of a Task API)".to_owned(),
    };
    let id = if call.id.is_empty() { "(no id)".to_owned() } else { render::clean(&call.id) };
    let head = format!("{} {about}", call.at);
    let verdict = style.verdict(call.verdict.is_good(), &render::clean(&call.verdict.to_string()));
    let mut out = format!("{}\n  {verdict}; answered {}; {}\n", style.bold(&head), call.answered, style.dim(&id));
    if let Some(read) = read {
        for line in says(&read).lines() {
            let _ = writeln!(out, "  {line}");
        }
    }
    out
}

/// The answer that a call brings, or the failure, or its data as they are.
fn says(call: &Call) -> String {
    let data: Value = serde_json::from_str(call.data.get()).unwrap_or_default();
    if let Some(content) = data.pointer("/output/content") {
        return render::content(content);
    }
    if let Some(message) = data.pointer("/error/message").and_then(Value::as_str) {
        return render::clean(message);
    }
    match data.get("result_url").or_else(|| data.get("message")).and_then(Value::as_str) {
        Some(text) => render::clean(text),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use legwork_api::signature::Unverified;
    use legwork_core::time::Micros;

    use super::*;
    use crate::receiver::Verdict;

    fn received(verdict: Verdict, body: &'static str) -> Received {
        let (at, id) = (Micros(1_745_439_708_037_943), "whevent_1".to_owned());
        Received { at, id, verdict, body: Bytes::from_static(body.as_bytes()), answered: 200 }
    }

    const BODY: &str = r#"{"timestamp":"2025-04-23T20:21:48.000000Z","type":"task_run.status","data":{"run_id":"trun_0000000000000000000000000199a1b2",
        "interaction_id":"trun_0000000000000000000000000199a1b2","status":"completed","is_active":false,"processor":"base",
        "output":{"type":"text","content":"Ulaanbaatar\u001b[31m"}}}"#;

    #[test]
    fn a_call_is_told_with_what_it_brings_if_it_is_to_be_believed() {
        let plain = Style { color: false };
        let good = told(&received(Verdict::New, BODY), plain);
        let bad = told(&received(Verdict::NotBelieved(Unverified::NoMatch), BODY), plain);
        let odd = told(&received(Verdict::Unsigned("webhook-id"), "hello"), plain);
        insta::assert_snapshot!([good, bad, odd].join("\n"));
    }

    #[test]
    fn a_line_says_whether_the_call_is_verified_and_holds_all_of_it() {
        let line: Value = serde_json::from_str(&line(&received(Verdict::Again, BODY))).unwrap();
        assert_eq!((&line["verified"], &line["payload"]["data"]["output"]["type"]), (&json!(true), &json!("text")));
        assert_eq!(line["verdict"], "verified, delivered again");
    }

    #[test]
    fn only_addresses_are_passed_on_to() {
        assert!(address("http://localhost:3000/hooks").is_ok());
        assert!(address("localhost:3000").is_err() && address("file:///etc").is_err());
    }
}
