//! What a run that waits may expect: its place in line, and when it is likely to be done.

use std::collections::BTreeMap;
use std::time::Duration;

use legwork_api::run::{QueueView, TaskRun};
use legwork_core::eta;
use legwork_core::run::{Run, Status};
use legwork_core::store::{Place, StoreError};

use super::Api;

/// How far a place in line is counted: what is looked at for it has an end, whatever the queue's has not.
const COUNTED: usize = 1000;

/// How many runs of each processor this process works on at a time at the most, and of all together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ceilings {
    pub(crate) all: usize,
    pub(crate) each: BTreeMap<String, usize>,
    /// And of one owner, whatever for.
    pub(crate) each_owner: Option<usize>,
}

/// A run as it is, and while it waits what it may expect. That is for whoever looks at one run now: it changes without the
/// run, so it is in no list, no event and no webhook, and does not move the `ETag`.
pub(super) async fn with_outlook(api: &Api, run: &Run) -> Result<TaskRun, StoreError> {
    let mut shown = TaskRun::from(run);
    if run.life.status() == Status::Queued {
        let place = api.runs.place(run.id, COUNTED).await?;
        let eta = place.and_then(|place| expected(api, &run.processor, place)).map(|time| api.runs.now() + time);
        let view = QueueView { queue_position: place.map(|place| place.before as u64), eta };
        shown.legwork = shown.legwork.map(|ours| ours.with_queue(view));
    }
    Ok(shown)
}

/// How long a run in this place is likely to take; `None` while no run of its processor has ended here, and where none is
/// worked on. It waits for the slots, and for its owner's limit: for whichever takes longer.
fn expected(api: &Api, processor: &str, Place { before, of_owner }: Place) -> Option<Duration> {
    let of = api.metrics.processor(processor);
    let (typical, running) = (of.typical()?, of.running());
    let others = api.metrics.running().saturating_sub(running);
    let most = api.ceilings.each.get(processor).copied().unwrap_or(0);
    // What others take now is not there; but it will be shared, so that one is there in the end.
    let slots = most.min(api.ceilings.all.saturating_sub(others).max(1));
    let for_slots = eta::Outlook { before, running, slots, typical }.done_in()?;
    let Some(most) = api.ceilings.each_owner else { return Some(for_slots) };
    let for_owner = eta::Outlook { before: of_owner, running: 0, slots: most, typical }.done_in()?;
    Some(for_slots.max(for_owner))
}

#[cfg(test)]
mod tests {
    use legwork_core::command::Command;
    use legwork_core::id::RunId;
    use serde_json::{Value, json};

    use crate::testing::World;

    use super::*;

    async fn looked_at(world: &World, id: RunId) -> Value {
        world.get(&format!("/v1/tasks/runs/{id}")).await.body["legwork"].clone()
    }

    /// Works on one run for so long.
    async fn work_for(world: &World, time: Duration) {
        let id = world.submit("hang").await;
        world.worker.once().await.unwrap();
        world.until_status(id, Status::Running).await;
        world.clock.pass(time);
        world.runs.apply(id, Command::Finish).await.unwrap();
        world.until_status(id, Status::Completed).await;
    }

    #[tokio::test]
    async fn a_run_that_waits_shows_its_place_and_from_the_first_end_on_when_it_will_be_done() {
        let world = World::new();
        let first = world.submit("one").await;
        assert_eq!(looked_at(&world, first).await["eta"], Value::Null, "nothing is known yet");
        world.runs.apply(first, Command::Cancel).await.unwrap();
        work_for(&world, Duration::from_secs(40)).await;
        let mut waiting = Vec::new();
        for _ in 0..6 {
            waiting.push(world.submit("hang").await);
        }
        // Four at a time, forty seconds each: the fifth waits for the first of them to end.
        for (i, until) in [(0, 40), (3, 40), (4, 50), (5, 60)] {
            let ours = looked_at(&world, waiting[i]).await;
            let eta = (world.runs.now() + Duration::from_secs(until)).to_string();
            assert_eq!((&ours["queue_position"], &ours["eta"]), (&json!(i), &json!(eta)), "{i}");
        }
        assert_eq!(world.worker.once().await.unwrap(), 4);
        assert_eq!(looked_at(&world, waiting[4]).await["queue_position"], json!(0));
        let running = looked_at(&world, waiting[0]).await;
        assert!(running.get("queue_position").is_none() && running.get("eta").is_none(), "{running}");
    }

    /// Four slots, but one at a time of each key.
    #[tokio::test]
    async fn a_key_at_its_limit_waits_for_its_own() {
        let world = World::with_limits(&[], Some(1));
        work_for(&world, Duration::from_secs(40)).await;
        let mut waiting = Vec::new();
        for _ in 0..3 {
            waiting.push(world.submit("hang").await);
        }
        for at_work in 0..2 {
            for (i, until) in [(1, 80), (2, 120)] {
                let ours = looked_at(&world, waiting[i]).await;
                let eta = (world.runs.now() + Duration::from_secs(until)).to_string();
                assert_eq!((&ours["queue_position"], &ours["eta"]), (&json!(i - at_work), &json!(eta)), "{i}");
            }
            assert_eq!(world.worker.once().await.unwrap(), 1 - at_work);
        }
    }

    #[tokio::test]
    async fn what_waits_for_its_time_is_not_in_line() {
        let world = World::new();
        let id = world.submit("retry").await;
        world.worker.once().await.unwrap();
        world.until_status(id, Status::Queued).await;
        let ours = looked_at(&world, id).await;
        assert_eq!((&ours["queue_position"], &ours["eta"]), (&Value::Null, &Value::Null));
    }

    /// An estimate is no change of the run.
    #[tokio::test]
    async fn an_estimate_moves_no_etag_and_is_told_nowhere_else() {
        let world = World::new();
        let (first, second) = (world.submit("one").await, world.submit("two").await);
        let before = world.get(&format!("/v1/tasks/runs/{second}")).await;
        assert_eq!(before.body["legwork"]["queue_position"], json!(1));
        world.runs.apply(first, Command::Cancel).await.unwrap();
        let after = world.get(&format!("/v1/tasks/runs/{second}")).await;
        assert_eq!(after.body["legwork"]["queue_position"], json!(0));
        assert_eq!(before.headers["etag"], after.headers["etag"]);
        let etag = after.headers["etag"].to_str().unwrap();
        let known = world.ask("GET", &format!("/v1/tasks/runs/{second}"), &[("if-none-match", etag)], b"").await;
        assert_eq!(known.status, 304);
        for elsewhere in ["/v1/tasks/runs".to_owned(), format!("/v1/tasks/runs/{second}/log")] {
            let body = world.get(&elsewhere).await.body.to_string();
            assert!(!body.contains("queue_position") && !body.contains("\"eta\""), "{elsewhere}: {body}");
        }
    }
}
