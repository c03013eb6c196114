//! A processor that does nothing, so that what is around it can be measured.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use legwork_core::output::Output;
use legwork_core::processor::{Job, Outcome, Processor, Reporter};
use legwork_core::task::Input;

/// Done at once, or, for the input `{"at": MICROSECONDS}`, at that moment. Its answer is when it was done, in
/// microseconds since 1970.
pub(super) struct Idle;

#[async_trait]
impl Processor for Idle {
    async fn run(&self, job: Job, _: &dyn Reporter) -> Outcome {
        if let Some(at) = moment(&job.task.input) {
            tokio::time::sleep(at.saturating_sub(now())).await;
        }
        Outcome::Done(Output::text(now().as_micros().to_string(), Vec::new()))
    }
}

fn moment(input: &Input) -> Option<Duration> {
    let Input::Object(object) = input else { return None };
    object.get("at")?.as_u64().map(Duration::from_micros)
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
