//! Every wait ends with its event, with hints and without.

use std::collections::HashSet;

use futures_util::future::join_all;
use legwork_core::command::Command;
use legwork_core::id::Owner;
use legwork_core::run::Status;
use legwork_core::store::NewGroup;

use super::*;
use crate::testing::{World, fresh};

fn far() -> Instant {
    Instant::now() + Duration::from_hours(1)
}

fn cancelled(view: &View) -> bool {
    view.run.life.status() == Status::Cancelled
}

#[tokio::test]
async fn a_wait_ends_with_its_event() {
    let world = World::new();
    let id = world.submit("x").await;
    let wait = world.follow.until(&world.owner, id, far(), cancelled);
    let (waited, _) = tokio::join!(wait, world.runs.apply(id, Command::Cancel));
    assert!(matches!(waited.unwrap(), Waited::Done(_)));
}

#[tokio::test]
async fn a_wait_ends_without_any_hint() {
    let world = World::without_hints();
    let id = world.submit("x").await;
    let follow = world.follow.clone();
    let wait = tokio::spawn(async move { follow.until(&Owner::local(), id, far(), cancelled).await });
    while world.lines.watched().is_empty() {
        tokio::task::yield_now().await;
    }
    world.runs.apply(id, Command::Cancel).await.unwrap();
    while !wait.is_finished() {
        world.follow.watch_once().await.unwrap();
        tokio::task::yield_now().await;
    }
    assert!(matches!(wait.await.unwrap().unwrap(), Waited::Done(_)));
    assert_eq!(world.follow.watch_once().await.unwrap(), 0, "nobody waits any more");
}

#[tokio::test]
async fn a_group_is_followed_without_any_hint() {
    let world = World::without_hints();
    let group = NewGroup { id: GroupId::from_u128(1), owner: Owner::local(), metadata: None };
    let group = world.runs.create_group(group).await.unwrap().id;
    let run = fresh("base", "x");
    let id = run.id;
    world.runs.submit_to_group(group, vec![run]).await.unwrap();
    let mut course = world.follow.course(group, 0, far());
    course.next().await.unwrap().unwrap();
    let told = tokio::spawn(async move { while course.next().await.unwrap().is_some() {} });
    tokio::task::yield_now().await;
    world.runs.apply(id, Command::Cancel).await.unwrap();
    while !told.is_finished() {
        world.follow.watch_once().await.unwrap();
        tokio::task::yield_now().await;
    }
    told.await.unwrap();
}

#[tokio::test]
async fn a_thousand_waiters_share_what_was_read() {
    let world = World::new();
    let id = world.submit("x").await;
    let waits = join_all((0..1000).map(|_| world.follow.until(&world.owner, id, far(), cancelled)));
    let (waited, _) = tokio::join!(waits, world.runs.apply(id, Command::Cancel));
    let views: Vec<_> = waited.into_iter().map(Result::unwrap).collect();
    let read = |waited: &Waited| {
        let Waited::Done(view) = waited else { panic!("{waited:?}") };
        Arc::as_ptr(view)
    };
    // Who looks for the first time while the run ends may have read it apart from those who were told.
    let reads: HashSet<_> = views.iter().map(read).collect();
    assert!(reads.len() < 10, "{} reads for a thousand waits", reads.len());
}

#[tokio::test]
async fn a_wait_that_is_given_up_leaves_no_line_behind() {
    let world = World::new();
    let id = world.submit("x").await;
    let soon = Instant::now() + Duration::from_millis(20);
    let waited = world.follow.until(&world.owner, id, soon, cancelled).await.unwrap();
    assert!(matches!(waited, Waited::Late(view) if view.run.life.status() == Status::Queued));
    assert!(world.lines.watched().is_empty());
}

#[tokio::test]
async fn a_stop_ends_every_wait() {
    let world = World::new();
    let id = world.submit("x").await;
    world.stop.cancel();
    assert!(matches!(world.follow.until(&world.owner, id, far(), cancelled).await.unwrap(), Waited::Stopping));
}

#[tokio::test]
async fn what_does_not_exist_is_not_waited_for() {
    let world = World::new();
    let id = crate::runs::Runs::new_id();
    assert!(matches!(world.follow.until(&world.owner, id, far(), cancelled).await.unwrap(), Waited::Gone));
}

#[tokio::test]
async fn a_run_that_is_deleted_ends_the_wait_for_it() {
    let world = World::new();
    let id = world.submit("x").await;
    world.runs.apply(id, Command::Cancel).await.unwrap();
    let wait = world.follow.until(&world.owner, id, far(), |view| view.run.life.version > 99);
    let (waited, forgotten) = tokio::join!(wait, world.store.forget(id));
    forgotten.unwrap();
    assert!(matches!(waited.unwrap(), Waited::Gone));
}
