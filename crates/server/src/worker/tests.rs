//! What a worker does with runs that end well, badly, late or not at all.

use legwork_core::command::Command;
use legwork_core::fact::What;
use legwork_core::fair::Limits;
use legwork_core::id::Owner;
use legwork_core::run::{FailureCode, MAX_ATTEMPTS, State, Status};
use legwork_core::store::{ListQuery, NewRun};

use crate::testing::{self, World};

use super::*;

#[tokio::test]
async fn a_run_is_worked_on_and_completed() {
    let world = World::new();
    let work = world.work();
    let id = world.submit("hello").await;
    world.until_status(id, Status::Completed).await;
    let output = world.store.result(id).await.unwrap().unwrap().1.unwrap();
    assert!(output.starts_with(b"{\"type\":\"text\",\"content\":\"hello\""), "{output:?}");
    world.stop.cancel();
    work.await.unwrap();
}

#[tokio::test]
async fn a_processor_that_says_no_fails_the_run() {
    let world = World::new();
    world.work();
    let id = world.submit("fail").await;
    let life = world.until_status(id, Status::Failed).await;
    let State::Failed { why } = life.state else { panic!("{life:?}") };
    assert_eq!(why.message, "it cannot be done");
}

/// It runs out of attempts into a failure that a person can read; nobody else is hurt.
#[tokio::test]
async fn a_processor_that_panics_is_tried_again_and_then_given_up() {
    let world = World::new();
    let id = world.submit("panic").await;
    for attempt in 1..=MAX_ATTEMPTS {
        assert_eq!(world.worker.once().await.unwrap(), 1, "attempt {attempt}");
        world.until(id, |life| life.state.lease().is_none()).await;
        world.clock.pass(Duration::from_mins(1));
    }
    let State::Failed { why } = world.run(id).await.life.state else { panic!("it is not given up") };
    assert_eq!(why.code, FailureCode::Attempts);
    assert_eq!(why.message, "gave up after 10 attempts; the last one: the processor panicked: it went wrong");
}

#[tokio::test]
async fn a_retry_waits_for_its_time() {
    let world = World::new();
    let id = world.submit("retry").await;
    world.worker.once().await.unwrap();
    world.until_status(id, Status::Queued).await;
    assert_eq!(world.worker.once().await.unwrap(), 0);
    world.clock.pass(Duration::from_secs(5));
    assert_eq!(world.worker.once().await.unwrap(), 1);
}

#[tokio::test]
async fn what_a_processor_tells_is_in_the_log_before_its_end() {
    let world = World::new();
    world.work();
    let id = world.submit("tell").await;
    world.until_status(id, Status::Completed).await;
    let log = world.store.facts(id, 0, 100).await.unwrap();
    let kinds: Vec<_> = log.iter().map(|fact| matches!(fact.what, What::Progress { .. })).collect();
    assert_eq!(kinds, [false, false, true, true, true, false]);
}

#[tokio::test]
async fn a_cancelled_run_is_stopped_at_once() {
    let world = World::new();
    world.work();
    let id = world.submit("hang").await;
    world.until_status(id, Status::Running).await;
    world.runs.apply(id, Command::Cancel).await.unwrap();
    world.until_status(id, Status::Cancelled).await;
}

#[tokio::test]
async fn a_run_that_is_told_to_finish_writes_what_it_has() {
    let world = World::new();
    world.work();
    let id = world.submit("hang").await;
    world.until_status(id, Status::Running).await;
    world.runs.apply(id, Command::Finish).await.unwrap();
    world.until_status(id, Status::Completed).await;
}

#[tokio::test]
async fn a_processor_that_does_not_obey_is_dropped() {
    let world = World::new();
    world.work();
    let id = world.submit("be deaf").await;
    world.until_status(id, Status::Running).await;
    world.runs.apply(id, Command::Cancel).await.unwrap();
    world.until_status(id, Status::Cancelled).await;
}

/// A stop lets running work go on for a while, then gives its leases back, and that costs no attempt.
#[tokio::test]
async fn a_stop_gives_leases_back() {
    let world = World::new();
    let work = world.work();
    let id = world.submit("hang").await;
    world.until_status(id, Status::Running).await;
    world.stop.cancel();
    world.hard_stop.cancel();
    work.await.unwrap();
    let life = world.run(id).await.life;
    assert_eq!((life.status(), life.attempts), (Status::Queued, 0));
    let world = world.restarted();
    assert_eq!(world.worker.once().await.unwrap(), 1);
}

/// A machine that slept wakes up with all leases run out by the wall clock; its own attempts go on.
#[tokio::test]
async fn a_lease_is_not_swept_while_its_attempt_lives() {
    let world = World::new();
    world.work();
    let id = world.submit("hang").await;
    world.until_status(id, Status::Running).await;
    world.clock.pass(Duration::from_hours(8));
    assert_eq!(world.sweeper.once().await.unwrap(), 0);
    assert_eq!(world.status(id).await, Status::Running);
}

/// After a crash nobody waits for a lease's time, where the store belongs to one process.
#[tokio::test]
async fn what_a_dead_process_was_at_is_taken_up_at_once() {
    let world = World::new();
    if world.file().is_none() {
        return;
    }
    let (hung, waiting) = (world.submit("be deaf").await, world.submit("hello").await);
    let room = [("base".to_owned(), 1)].into();
    let (limits, until) = (Limits::default(), world.runs.now() + LEASE);
    let claim = Claim { node: NodeId(1), room, limits, tokens: vec![Token(1)], until };
    assert_eq!(world.runs.claim(claim).await.unwrap()[0].run.id, hung);
    let world = world.restarted();
    assert_eq!(world.sweeper.once().await.unwrap(), 1);
    assert_eq!(world.worker.once().await.unwrap(), 2);
    world.until_status(waiting, Status::Completed).await;
    assert_eq!(world.run(hung).await.life.attempts, 2);
}

#[tokio::test]
async fn heavy_runs_leave_a_place_for_light_ones() {
    let world = World::new();
    for _ in 0..8 {
        world.submit_for("ultra", "hang").await;
    }
    assert_eq!(world.worker.once().await.unwrap(), 2, "of four slots");
    let light = world.submit_for("lite", "quick").await;
    world.worker.once().await.unwrap();
    world.until_status(light, Status::Completed).await;
}

#[tokio::test]
async fn a_lease_that_is_lost_ends_the_attempt_and_changes_nothing() {
    let world = World::new();
    let id = world.submit("hang").await;
    world.worker.once().await.unwrap();
    let life = world.until_status(id, Status::Running).await;
    let token = life.state.lease().unwrap().token;
    // Somebody else is sure that we are gone.
    world.clock.pass(Duration::from_hours(1));
    world.runs.apply(id, Command::Lapse { token }).await.unwrap();
    world.worker.bench.leases.renew_once(&world.runs).await;
    world.worker.attempts.close();
    world.worker.attempts.wait().await;
    let life = world.run(id).await.life;
    assert_eq!((life.status(), life.attempts), (Status::Queued, 1));
}

/// Another processor's runs, which wait behind them, go on.
#[tokio::test]
async fn no_more_runs_of_a_processor_are_worked_on_than_its_limit_says() {
    let world = World::with_limits(&[("base", 1), ("lite", 0)], None);
    for processor in ["base", "base", "base", "lite", "core"] {
        world.submit_for(processor, "be deaf").await;
    }
    assert_eq!(world.worker.once().await.unwrap(), 2);
    assert_eq!(world.worker.once().await.unwrap(), 0);
    let running = world.runs.list(&ListQuery { status: Some(Status::Running), ..everything() }).await.unwrap();
    let mut running: Vec<_> = running.runs.into_iter().map(|run| run.processor).collect();
    running.sort();
    assert_eq!(running, ["base", "core"]);
}

/// Not after a second, when the queue is looked at anyway: the bell rings, and the place is free by then.
#[tokio::test]
async fn an_end_under_a_limit_wakes_the_worker_for_the_next() {
    let world = World::with_limits(&[("base", 1)], Some(1));
    let (first, second) = (world.submit("hang").await, world.submit("hello").await);
    assert_eq!(world.worker.once().await.unwrap(), 1);
    assert_eq!(world.worker.once().await.unwrap(), 0);
    world.runs.apply(first, Command::Finish).await.unwrap();
    world.worker.freed.notified().await;
    assert_eq!(world.worker.once().await.unwrap(), 1);
    world.until_status(second, Status::Completed).await;
}

/// Another key's runs go on.
#[tokio::test]
async fn no_more_runs_of_a_key_are_worked_on_than_the_limit_says() {
    let world = World::with_limits(&[], Some(2));
    for processor in ["base", "lite", "core"] {
        world.submit_for(processor, "be deaf").await;
    }
    assert_eq!(world.worker.once().await.unwrap(), 2);
    let others = NewRun { owner: Owner::named("key_other"), ..testing::fresh("base", "be deaf") };
    let others = world.runs.submit(others).await.unwrap().id;
    assert_eq!(world.worker.once().await.unwrap(), 1);
    assert_eq!(world.status(others).await, Status::Running);
}

/// Not even when there are two kinds of them in line.
#[tokio::test]
async fn heavy_runs_of_two_kinds_leave_a_place_for_light_ones() {
    let world = World::new();
    for processor in ["pro", "pro", "ultra", "ultra"] {
        world.submit_for(processor, "be deaf").await;
    }
    assert_eq!(world.worker.once().await.unwrap(), 2, "half of the four slots");
    world.submit("hello").await;
    assert_eq!(world.worker.once().await.unwrap(), 1);
}

fn everything() -> ListQuery {
    ListQuery { owner: Some(Owner::local()), limit: 100, ..ListQuery::default() }
}

/// A worker of another process on the same store, which has only this processor.
fn another_worker(world: &World, processor: &str) -> Arc<Worker> {
    let slots = Slots { all: 4, limits: Limits::default() };
    let (runs, lines, leases) = (world.runs.clone(), world.lines.clone(), Arc::new(Leases::default()));
    let has = testing::puppets([processor.to_owned()]);
    Worker::new(slots, has, runs, lines, leases, world.hard_stop.clone(), Patience::default())
}

#[tokio::test]
async fn a_node_takes_only_what_it_has_and_leaves_the_rest_to_others() {
    let world = World::new();
    let theirs = world.submit_for("theirs", "hello").await;
    let other = another_worker(&world, "theirs");
    assert_ne!(other.node(), world.worker.node());
    assert_eq!(world.worker.once().await.unwrap(), 0);
    assert_eq!(world.status(theirs).await, Status::Queued);
    let ours = world.submit("hello").await;
    assert_eq!(other.once().await.unwrap(), 1);
    world.until_status(theirs, Status::Completed).await;
    assert_eq!((other.once().await.unwrap(), world.status(ours).await), (0, Status::Queued));
    assert_eq!(world.worker.once().await.unwrap(), 1);
    world.until_status(ours, Status::Completed).await;
}

/// Between any two of them an attempt ends, and the next goes on behind the last one.
#[tokio::test]
async fn a_step_that_was_kept_is_not_taken_again() {
    let world = World::new();
    let id = world.submit("stumble").await;
    for attempt in 1..=4 {
        assert_eq!(world.worker.once().await.unwrap(), 1, "attempt {attempt}");
        world.until(id, |life| life.state.lease().is_none()).await;
        let kept = world.store.journal(id).await.unwrap().len();
        assert_eq!(kept, attempt % 4, "in the end there is none");
        world.clock.pass(Duration::from_mins(1));
    }
    let output = world.store.result(id).await.unwrap().unwrap().1.unwrap();
    let output: serde_json::Value = serde_json::from_slice(&output).unwrap();
    assert_eq!(
        output["content"], r#"step:1 b"attempt 1", step:2 b"attempt 2", step:3 b"attempt 3""#,
        "what the others had taken was found"
    );
    let log = world.store.facts(id, 0, 100).await.unwrap();
    assert_eq!(log.iter().filter(|fact| matches!(fact.what, What::Progress { .. })).count(), 3, "each was told once");
}

/// Though the attempt may not go on from it.
#[tokio::test]
async fn a_step_that_was_taken_while_the_server_stops_is_kept() {
    let world = World::new();
    let work = world.work();
    let id = world.submit("step late").await;
    world.until_status(id, Status::Running).await;
    world.stop.cancel();
    world.hard_stop.cancel();
    work.await.unwrap();
    let life = world.run(id).await.life;
    assert_eq!((life.status(), life.attempts, life.papers), (Status::Queued, 0, true));
    assert_eq!(world.store.journal(id).await.unwrap()[0].key(), "step:1");
}

#[tokio::test]
async fn an_attempt_that_lost_its_lease_keeps_no_step_and_ends() {
    let world = World::new();
    let id = world.submit("step late").await;
    world.worker.once().await.unwrap();
    let life = world.until_status(id, Status::Running).await;
    let token = life.state.lease().unwrap().token;
    world.clock.pass(Duration::from_hours(1));
    world.runs.apply(id, Command::Lapse { token }).await.unwrap();
    // Nobody renews: what it wants to keep tells it.
    world.worker.attempts.close();
    world.worker.attempts.wait().await;
    let run = world.run(id).await;
    assert_eq!((run.life.status(), run.life.papers), (Status::Queued, false));
    assert_eq!(world.store.journal(id).await.unwrap(), []);
}
