//! A processor that does nothing, so that what is around it can be measured.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use legwork_core::fact::{Report, ReportBody, Step};
use legwork_core::output::Output;
use legwork_core::processor::{Job, Outcome, Processor, Reporter, Wish};
use legwork_core::task::Input;

/// Done at once, or, for the input `{"at": MICROSECONDS}`, at that moment. `{"events": COUNT, "every": MICROSECONDS}`
/// has it tell so many things first, one at a time from `at` on; each is when it was told. Its answer is when it was done,
/// in microseconds since 1970.
pub(super) struct Idle;

#[async_trait]
impl Processor for Idle {
    async fn run(&self, job: Job, reporter: &dyn Reporter) -> Outcome {
        let number = |name| number(&job.task.input, name);
        let at = number("at").map_or_else(now, Duration::from_micros);
        tokio::time::sleep(at.saturating_sub(now())).await;
        let every = number("every").unwrap_or(0);
        for n in 0..number("events").unwrap_or(0) {
            let due = at + Duration::from_micros(every.saturating_mul(n));
            tokio::time::sleep(due.saturating_sub(now())).await;
            if reporter.wish() != Wish::GoOn {
                break;
            }
            let body = ReportBody::Message { step: Step::Plan, message: now().as_micros().to_string() };
            reporter.report(Report { key: format!("idle:{n}"), body }).await;
        }
        Outcome::Done(Output::text(now().as_micros().to_string(), Vec::new()))
    }
}

fn number(input: &Input, name: &str) -> Option<u64> {
    let Input::Object(object) = input else { return None };
    object.get(name)?.as_u64()
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
