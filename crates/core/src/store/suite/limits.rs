//! What every store promises of limits: how many runs of a processor, and of an owner, are worked on at a time.

use futures_util::future::join_all;

use super::{AFTER, Promise, T, claim, complete, new, room, status, submit};
use crate::command::Command;
use crate::fair::Limits;
use crate::id::{NodeId, Owner, RunId, Token};
use crate::run::{Question, Status};
use crate::store::{Claim, NewRun, Place, Store};
use crate::time::Micros;

/// The promises with their names.
pub(super) fn promises() -> Vec<(&'static str, Promise)> {
    vec![
        ("a_processors_limit_holds_over_all_nodes", |s| Box::pin(a_processors_limit_holds_over_all_nodes(s))),
        ("an_owners_limit_holds_over_all_nodes", |s| Box::pin(an_owners_limit_holds_over_all_nodes(s))),
        ("claims_that_come_at_once_keep_limits_together", |s| {
            Box::pin(claims_that_come_at_once_keep_limits_together(s))
        }),
        ("a_run_counts_until_its_attempt_has_ended", |s| Box::pin(a_run_counts_until_its_attempt_has_ended(s))),
        ("a_place_tells_how_much_of_its_owners_goes_before", |s| {
            Box::pin(a_place_tells_how_much_of_its_owners_goes_before(s))
        }),
        ("what_was_taken_without_a_limit_counts_too", |s| Box::pin(what_was_taken_without_a_limit_counts_too(s))),
    ]
}

/// Accepts runs of an owner's, one after the other.
async fn submit_some(store: &dyn Store, owner: &str, processor: &str, numbers: std::ops::Range<u128>) {
    for number in numbers {
        let run = NewRun { owner: Owner::named(owner), processor: processor.to_owned(), ..new(number) };
        submit(store, run, Micros(T.0 - 10_000 + i64::try_from(number).unwrap())).await;
    }
}

/// A claim by the node of this number that has room for nine runs of each of three processors.
fn wish(node: u64, limits: &Limits) -> Claim {
    let tokens = node * 1000..node * 1000 + 9;
    Claim { node: NodeId(node), limits: limits.clone(), ..room(&[("base", 9), ("core", 9), ("ultra", 9)], tokens) }
}

/// What such a claim takes, in its order, each with its token.
async fn taken(store: &dyn Store, node: u64, limits: &Limits, now: Micros) -> Vec<(RunId, Token)> {
    let claimed = store.claim(wish(node, limits), now).await.unwrap().into_iter();
    claimed.map(|claimed| (claimed.run.id, claimed.run.life.state.lease().unwrap().token)).collect()
}

fn numbers(taken: &[(RunId, Token)]) -> Vec<u128> {
    taken.iter().map(|(id, _)| id.as_u128()).collect()
}

/// So many runs of `base` and none of `core`.
fn three_of_base() -> Limits {
    Limits { each_processor: [("base".to_owned(), 3), ("core".to_owned(), 0)].into(), each_owner: None }
}

/// A processor that is full keeps no other waiting, and is used again as soon as there is a place.
async fn a_processors_limit_holds_over_all_nodes(store: &dyn Store) {
    submit_some(store, "key_one", "base", 1..10).await;
    submit_some(store, "key_one", "core", 11..12).await;
    let limits = three_of_base();
    let first = taken(store, 1, &limits, T).await;
    assert_eq!(numbers(&first), [1, 2, 3]);
    submit_some(store, "key_two", "base", 21..22).await;
    submit_some(store, "key_two", "ultra", 22..23).await;
    assert_eq!(numbers(&taken(store, 2, &limits, T).await), [22], "of a processor without a limit");
    let (run, token) = first[0];
    store.apply(run, complete(token), T).await.unwrap();
    assert_eq!(numbers(&taken(store, 3, &limits, T).await), [21], "the turn is his who has less running");
    assert_eq!(numbers(&taken(store, 1, &limits, T).await), []);
}

/// Whatever his runs are for; another owner's wait for nothing.
async fn an_owners_limit_holds_over_all_nodes(store: &dyn Store) {
    submit_some(store, "key_one", "base", 1..3).await;
    submit_some(store, "key_one", "ultra", 3..6).await;
    let limits = Limits { each_owner: Some(3), ..Limits::default() };
    let first = taken(store, 1, &limits, T).await;
    assert_eq!(numbers(&first), [1, 2, 3]);
    assert_eq!(numbers(&taken(store, 2, &limits, T).await), []);
    submit_some(store, "key_two", "base", 21..26).await;
    assert_eq!(numbers(&taken(store, 2, &limits, T).await), [21, 22, 23]);
    let (run, token) = first[0];
    store.apply(run, complete(token), T).await.unwrap();
    assert_eq!(numbers(&taken(store, 3, &limits, T).await), [4]);
    assert_eq!(numbers(&taken(store, 1, &limits, T).await), []);
}

async fn claims_that_come_at_once_keep_limits_together(store: &dyn Store) {
    let owners = ["key_one", "key_two", "key_three"];
    for (owner, first) in owners.into_iter().zip([1, 101, 201]) {
        submit_some(store, owner, "base", first..first + 10).await;
        submit_some(store, owner, "ultra", first + 50..first + 60).await;
    }
    let limits = Limits { each_processor: [("base".to_owned(), 5)].into(), each_owner: Some(4) };
    let mut taken = Vec::new();
    for claimed in join_all((1..=8).map(|node| store.claim(wish(node, &limits), T))).await {
        taken.extend(claimed.unwrap().into_iter().map(|claimed| claimed.run));
    }
    assert_eq!(taken.iter().filter(|run| run.processor == "base").count(), 5);
    for owner in owners.map(Owner::named) {
        assert_eq!(taken.iter().filter(|run| run.owner == owner).count(), 4);
    }
}

/// Also while it is being cancelled, and when its worker was lost and nobody has noticed yet.
async fn a_run_counts_until_its_attempt_has_ended(store: &dyn Store) {
    submit_some(store, "key_one", "base", 1..20).await;
    for limits in [three_of_base(), Limits { each_owner: Some(3), ..Limits::default() }] {
        let under_way = taken(store, 1, &limits, T).await;
        let [(cancelled, first), (lost, second), (asks, third)] = under_way[..] else { panic!("{under_way:?}") };
        store.apply(cancelled, Command::Cancel, T).await.unwrap();
        assert_eq!(status(store, cancelled).await, Status::Cancelling);
        assert_eq!(taken(store, 2, &limits, AFTER).await, []);
        store.apply(cancelled, Command::GiveBack { token: first }, AFTER).await.unwrap();
        let after_cancelled = taken(store, 2, &limits, AFTER).await;
        store.apply(lost, Command::Lapse { token: second }, AFTER).await.unwrap();
        let after_lost = taken(store, 3, &limits, AFTER).await;
        let question = Question { text: "Which one?".to_owned(), default: None, deadline: None };
        store.apply(asks, Command::Ask { token: third, question }, AFTER).await.unwrap();
        let after_asked = taken(store, 4, &limits, AFTER).await;
        for one in [after_cancelled, after_lost, after_asked] {
            let [(run, token)] = one[..] else { panic!("{one:?}") };
            store.apply(run, complete(token), AFTER).await.unwrap();
        }
    }
}

/// What runs counts whatever it is for, what waits only for the same processor.
async fn a_place_tells_how_much_of_its_owners_goes_before(store: &dyn Store) {
    submit_some(store, "key_one", "ultra", 1..3).await;
    assert_eq!(store.claim(room(&[("ultra", 1)], 1..2), T).await.unwrap().len(), 1);
    submit_some(store, "key_one", "base", 11..15).await;
    submit_some(store, "key_two", "base", 21..31).await;
    let place = async |number| store.place(RunId::from_u128(number), 100, T).await.unwrap();
    assert_eq!(place(13).await, Some(Place { before: 2 + 3, of_owner: 1 + 2 }));
    assert_eq!(place(21).await, Some(Place { before: 0, of_owner: 0 }));
    assert_eq!(place(2).await, Some(Place { before: 0, of_owner: 1 }));
}

async fn what_was_taken_without_a_limit_counts_too(store: &dyn Store) {
    submit_some(store, "key_one", "base", 1..10).await;
    assert_eq!(claim(store, 4, 1).await.len(), 4);
    for limits in [three_of_base(), Limits { each_owner: Some(4), ..Limits::default() }] {
        assert_eq!(taken(store, 2, &limits, T).await, []);
    }
    assert_eq!(taken(store, 3, &Limits::default(), T).await.len(), 5);
}
