//! A processor that does nothing, so that what is around it can be measured.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use legwork_core::fact::{Report, ReportBody, Step};
use legwork_core::node::Fingerprint;
use legwork_core::output::{Output, OutputExtras, Usage};
use legwork_core::processor::{Job, Outcome, Processor, Reporter, Wish};
use legwork_core::run::{Failure, FailureCode};
use legwork_core::task::Input;
use serde_json::Value;

use super::fingerprint;

/// Done at once, or, for the input `{"at": MICROSECONDS}`, at that moment. `{"events": COUNT, "every": MICROSECONDS}`
/// has it tell so many things first, one at a time from `at` on; each is when it was told. Its answer is when it was done,
/// in microseconds since 1970; with `{"pages": COUNT}` it says that so many were read for it. With `{"fail": MESSAGE}` it
/// fails then and says so.
pub(super) struct Idle;

#[async_trait]
impl Processor for Idle {
    async fn run(&self, job: Job, reporter: &dyn Reporter) -> Outcome {
        let number = |name| number(&job.task.input, name);
        let at = number("at").map_or_else(now, Duration::from_micros);
        until(at, reporter).await;
        let every = number("every").unwrap_or(0);
        for n in 0..number("events").unwrap_or(0) {
            let due = at + Duration::from_micros(every.saturating_mul(n));
            until(due, reporter).await;
            if reporter.wish() != Wish::GoOn {
                break;
            }
            let body = ReportBody::Message { step: Step::Plan, message: now().as_micros().to_string() };
            reporter.report(Report { key: format!("idle:{n}"), body }).await;
        }
        if reporter.wish() == Wish::Stop {
            return Outcome::Stopped;
        }
        if let Some(message) = text(&job.task.input, "fail") {
            return Outcome::Failed(Failure { code: FailureCode::Processor, message: message.to_owned() });
        }
        let output = Output::text(now().as_micros().to_string(), Vec::new());
        Outcome::Done(match number("pages") {
            Some(pages) => output.with_extras(took(pages)),
            None => output,
        })
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        Some(fingerprint::of(["idle"]))
    }
}

fn took(pages: u64) -> OutputExtras {
    let usage = Usage { pages: pages.try_into().unwrap_or(u32::MAX), ..Usage::default() };
    OutputExtras { usage, warnings: vec!["nothing was read".to_owned()], ..OutputExtras::default() }
}

/// Waits for a moment, or until something else is wished.
async fn until(moment: Duration, reporter: &dyn Reporter) {
    tokio::select! {
        () = tokio::time::sleep(moment.saturating_sub(now())) => {}
        _ = reporter.wished() => {}
    }
}

fn number(input: &Input, name: &str) -> Option<u64> {
    member(input, name)?.as_u64()
}

fn text<'a>(input: &'a Input, name: &str) -> Option<&'a str> {
    member(input, name)?.as_str()
}

fn member<'a>(input: &'a Input, name: &str) -> Option<&'a Value> {
    let Input::Object(object) = input else { return None };
    object.get(name)
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
