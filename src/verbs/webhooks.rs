//! `legwork webhooks`: what a run's webhook was sent, how to send it again, and whether a receiver can be reached.

use std::fmt::Write as _;
use std::time::Duration;

use legwork_api::webhook::{AttemptView, DeliveryPage, DeliveryView, Stands, TestView};
use legwork_core::id::RunId;
use legwork_server::config::Role;
use tokio::time::{Instant, sleep};

use super::Settings;
use crate::args::WebhooksArgs;
use crate::exit::{Exit, Failure};
use crate::render::{Style, clean};
use crate::station::Station;
use crate::{print, render};

/// How long an attempt may take: the sender's 15 s, and what is written before and after it.
const AN_ATTEMPT: Duration = Duration::from_secs(20);
/// How often it is looked meanwhile.
const LOOK: Duration = Duration::from_millis(50);

pub(super) async fn run(args: WebhooksArgs, settings: Settings) -> Result<Exit, Failure> {
    // An engine of our own has to send what is asked for.
    let role = if args.redeliver.is_some() { Role::All } else { Role::Api };
    let station = settings.station(args.target, role).await?;
    let style = print::style();
    if let Some(url) = args.test {
        let test = station.once(async |client| client.test_webhook(&url, None).await).await?;
        print::data(&if args.json { render::json(&test)? } else { tested(&test, style) })?;
        return Ok(if test.delivered { Exit::Done } else { Exit::RunFailed });
    }
    // One of the two is there, or nothing would have been read of the rest.
    let id = args.id.ok_or_else(|| Failure::said(Exit::BadInput, "a run is needed, or --test and an address"))?;
    if let Some(name) = args.redeliver {
        let (again, is_over) = redelivered(station, id, &name).await?;
        print::data(&if args.json { render::json(&again)? } else { delivery(&again, style) })?;
        let is_failed = is_over && again.status != Stands::Delivered;
        return Ok(if is_failed { Exit::RunFailed } else { Exit::Done });
    }
    let page = station.once(async |client| client.deliveries(id).await).await?;
    print::data(&if args.json { render::json(&page)? } else { listed(&page, style) })?;
    Ok(Exit::Done)
}

/// Asks for the delivery again. A server does that in its own time; an engine of ours ends with this command, so it is
/// waited for. Returns how the delivery stands, and whether that is how the attempt went.
async fn redelivered(mut station: Station, run: RunId, name: &str) -> Result<(DeliveryView, bool), Failure> {
    let asked = station.persist(async |client| client.redeliver(run, name).await).await;
    let again = match asked {
        Ok(before) if station.is_own() => attempted(&mut station, run, before).await.map(|after| (after, true)),
        other => other.map(|before| (before, false)),
    };
    station.leave().await?;
    again
}

/// The delivery as it stands after the next attempt, or when none comes of it in time.
async fn attempted(station: &mut Station, run: RunId, before: DeliveryView) -> Result<DeliveryView, Failure> {
    let give_up = Instant::now() + AN_ATTEMPT;
    let mut now = before.clone();
    while now.attempts.last() == before.attempts.last() && Instant::now() < give_up {
        sleep(LOOK).await;
        let page = station.persist(async |client| client.deliveries(run).await).await?;
        let found = page.webhooks.into_iter().find(|of| of.webhook_id == before.webhook_id);
        now = found.ok_or_else(|| Failure::said(Exit::Api, "the delivery is gone"))?;
    }
    Ok(now)
}

fn listed(page: &DeliveryPage, style: Style) -> String {
    if page.webhooks.is_empty() {
        return "nothing is owed to a webhook: the run has none, or has not ended\n".to_owned();
    }
    page.webhooks.iter().map(|of| delivery(of, style)).collect()
}

fn delivery(of: &DeliveryView, style: Style) -> String {
    let stands = style.verdict(of.status == Stands::Delivered, &of.status.to_string());
    let next = of.next_attempt_at.map_or_else(String::new, |at| format!(", next attempt {at}"));
    let mut out = format!("{} {stands}{next}\n", style.bold(&clean(&of.webhook_id)));
    let _ = writeln!(out, "  tells that the run is {}, at {}", of.run_status, style.link(&clean(&of.url)));
    for tried in &of.attempts {
        let _ = writeln!(out, "  {}", attempt(tried));
    }
    out
}

fn attempt(tried: &AttemptView) -> String {
    let at = tried.at.map_or_else(String::new, |at| format!("{at} "));
    let heard = match (tried.status, &tried.answer, &tried.error) {
        (Some(status), _, Some(error)) => format!("{status}, {}", clean(error)),
        (Some(status), Some(answer), _) if !answer.trim().is_empty() => format!("{status} {}", clean(answer.trim())),
        (Some(status), ..) => status.to_string(),
        (None, _, Some(error)) => clean(error),
        (None, _, None) => "no answer".to_owned(),
    };
    format!("{at}after {} ms: {heard}", tried.took_ms)
}

fn tested(test: &TestView, style: Style) -> String {
    let word = if test.delivered { "delivered" } else { "not delivered" };
    format!("{} {}\n", style.verdict(test.delivered, word), attempt(&test.attempt))
}

#[cfg(test)]
mod tests {
    use legwork_core::run::Status;
    use legwork_core::time::Micros;

    use super::*;

    #[test]
    fn a_delivery_is_told_with_every_attempt() {
        let tried = |status, answer: Option<&str>, error: Option<&str>| AttemptView {
            at: Some(Micros(1_745_439_708_037_943)),
            took_ms: 12.5,
            status,
            answer: answer.map(str::to_owned),
            error: error.map(str::to_owned),
        };
        let of = DeliveryView {
            webhook_id: "whevent_1_3".to_owned(),
            url: "https://a.example/hook".to_owned(),
            run_status: Status::Completed,
            status: Stands::Pending,
            created_at: Some(Micros(0)),
            next_attempt_at: Some(Micros(1_745_439_713_000_000)),
            attempts: vec![
                tried(None, None, Some("Connection refused")),
                tried(Some(500), Some("oh\u{1b}[31m no\n"), None),
                tried(Some(204), Some(""), None),
            ],
        };
        let page = DeliveryPage { webhooks: vec![of] };
        insta::assert_snapshot!(listed(&page, Style { color: false }));
        assert!(listed(&DeliveryPage { webhooks: vec![] }, Style { color: false }).starts_with("nothing"));
    }
}
