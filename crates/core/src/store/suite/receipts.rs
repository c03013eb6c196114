//! What every store promises of creates that are asked for twice.

use std::time::Duration;

use futures_util::future::join_all;

use super::{Promise, T, id, new};
use crate::command::Command;
use crate::id::{GroupId, Owner};
use crate::receipt::{REMEMBERED, RETRIED_WITHIN, Sign, Ticket};
use crate::run::Run;
use crate::store::{Create, Created, NewGroup, Once, Store};
use crate::time::Micros;

/// The promises with their names.
pub(super) fn promises() -> Vec<(&'static str, Promise)> {
    vec![
        ("the_same_key_is_the_same_create", |s| Box::pin(the_same_key_is_the_same_create(s))),
        ("a_key_is_its_owners_and_its_routes", |s| Box::pin(a_key_is_its_owners_and_its_routes(s))),
        ("a_key_with_another_body_is_told", |s| Box::pin(a_key_with_another_body_is_told(s))),
        ("twins_at_once_are_one_create", |s| Box::pin(twins_at_once_are_one_create(s))),
        ("a_retry_takes_over_the_try_before_it_once", |s| Box::pin(a_retry_takes_over_the_try_before_it_once(s))),
        ("equal_creates_stay_as_many_runs", |s| Box::pin(equal_creates_stay_as_many_runs(s))),
        ("a_try_whose_answer_was_handed_over_is_not_taken_over", |s| {
            Box::pin(a_try_whose_answer_was_handed_over_is_not_taken_over(s))
        }),
        ("many_runs_of_a_group_are_added_once", |s| Box::pin(many_runs_of_a_group_are_added_once(s))),
        ("what_is_forgotten_is_not_given_again", |s| Box::pin(what_is_forgotten_is_not_given_again(s))),
        ("receipts_that_are_old_go", |s| Box::pin(receipts_that_are_old_go(s))),
    ]
}

fn keyed(key: &str) -> Ticket {
    Ticket { owner: Owner::local(), route: "runs".to_owned(), body: [7; 32], sign: Sign::Key(key.to_owned()) }
}

fn tried(tries: u32) -> Ticket {
    Ticket { sign: Sign::Tries(tries), ..keyed("") }
}

async fn once(store: &dyn Store, ticket: Ticket, number: u128, at: Micros) -> Once {
    store.once(ticket, Create::Run(Box::new(new(number))), at).await.unwrap()
}

fn run(of: Once) -> (Run, bool) {
    let (created, is_new) = match of {
        Once::New { created, .. } => (created, true),
        Once::Again { created, .. } => (created, false),
        Once::OtherBody | Once::NoGroup => panic!("nothing came of it"),
    };
    let Created::Run(run) = created else { panic!("{created:?} is no run") };
    (*run, is_new)
}

/// Which run a create came to, and whether it is a new one.
async fn came(store: &dyn Store, ticket: Ticket, number: u128, at: Micros) -> (u128, bool) {
    let (run, is_new) = run(once(store, ticket, number, at).await);
    (run.id.as_u128(), is_new)
}

fn receipt(of: &Once) -> u64 {
    let (Once::New { receipt, .. } | Once::Again { receipt, .. }) = of else { panic!("{of:?} has none") };
    *receipt
}

async fn the_same_key_is_the_same_create(store: &dyn Store) {
    let (first, is_new) = run(once(store, keyed("k"), 1, T).await);
    assert!(is_new && first == store.run(id(1)).await.unwrap().unwrap());
    store.apply(id(1), Command::Cancel, T).await.unwrap();
    let later = T + REMEMBERED - Duration::from_secs(1);
    assert_eq!(run(once(store, keyed("k"), 2, later).await), (first, false), "as it was then, whatever became of it");
    assert_eq!(store.run(id(2)).await.unwrap(), None);
    assert_eq!(came(store, keyed("other"), 3, later).await, (3, true));
    assert_eq!(came(store, keyed("k"), 4, T + REMEMBERED + Duration::from_secs(1)).await, (4, true), "for a day");
}

async fn a_key_is_its_owners_and_its_routes(store: &dyn Store) {
    assert_eq!(came(store, keyed("k"), 1, T).await, (1, true));
    let others = Ticket { owner: Owner::named("other"), ..keyed("k") };
    assert_eq!(came(store, others, 2, T).await, (2, true));
    let elsewhere = Ticket { route: "elsewhere".to_owned(), ..keyed("k") };
    assert_eq!(came(store, elsewhere, 3, T).await, (3, true));
}

async fn a_key_with_another_body_is_told(store: &dyn Store) {
    came(store, keyed("k"), 1, T).await;
    let other = Ticket { body: [8; 32], ..keyed("k") };
    assert!(matches!(once(store, other, 2, T).await, Once::OtherBody));
    assert_eq!(store.run(id(2)).await.unwrap(), None);
}

async fn twins_at_once_are_one_create(store: &dyn Store) {
    let twins = (1..=20).map(|number| came(store, keyed("k"), number, T));
    let came = join_all(twins).await;
    assert_eq!(came.iter().filter(|(_, is_new)| *is_new).count(), 1);
    assert!(came.iter().all(|(number, _)| *number == came[0].0));
}

async fn a_retry_takes_over_the_try_before_it_once(store: &dyn Store) {
    assert_eq!(came(store, tried(0), 1, T).await, (1, true));
    let soon = T + Duration::from_secs(1);
    assert_eq!(came(store, tried(2), 2, soon).await, (2, true), "it is not the one before");
    assert_eq!(came(store, tried(1), 3, soon).await, (1, false));
    assert_eq!(came(store, tried(1), 4, soon).await, (4, true), "it has been taken");
    assert_eq!(came(store, tried(2), 5, soon).await, (4, false), "the last one first");
    assert_eq!(came(store, tried(2), 6, soon).await, (1, false), "and the retry of the retry");
    let other = Ticket { body: [8; 32], ..tried(3) };
    assert_eq!(came(store, other, 7, soon).await, (7, true));
    assert_eq!(came(store, tried(0), 8, soon).await, (8, true));
    let late = soon + RETRIED_WITHIN + Duration::from_secs(1);
    assert_eq!(came(store, tried(1), 9, late).await, (9, true), "too late");
}

async fn equal_creates_stay_as_many_runs(store: &dyn Store) {
    for number in 1..=20 {
        assert_eq!(came(store, tried(0), number, T).await, (number, true));
    }
    // Each of them is retried: each retry finds one, and no two the same.
    let mut found = Vec::new();
    for number in 21..=40 {
        let (run, is_new) = came(store, tried(1), number, T).await;
        assert!(!is_new);
        found.push(run);
    }
    found.sort_unstable();
    assert_eq!(found, (1..=20).collect::<Vec<_>>());
}

async fn a_try_whose_answer_was_handed_over_is_not_taken_over(store: &dyn Store) {
    let first = once(store, tried(0), 1, T).await;
    store.handed_over(receipt(&first)).await.unwrap();
    let second = once(store, tried(1), 2, T).await;
    store.handed_over(receipt(&second)).await.unwrap();
    assert_eq!(run(second), (store.run(id(2)).await.unwrap().unwrap(), true));
    // Nor is one whose answer was the replay of another's.
    came(store, tried(0), 5, T).await;
    let again = once(store, tried(1), 6, T).await;
    store.handed_over(receipt(&again)).await.unwrap();
    assert_eq!(came(store, tried(2), 7, T).await, (7, true));
    // A key says what it says, whoever has had the answer.
    let first = once(store, keyed("k"), 3, T).await;
    store.handed_over(receipt(&first)).await.unwrap();
    assert_eq!(came(store, keyed("k"), 4, T).await, (3, false));
}

async fn many_runs_of_a_group_are_added_once(store: &dyn Store) {
    let group = NewGroup { id: GroupId::from_u128(1), owner: Owner::local(), metadata: None };
    let made = store.once(keyed("g"), Create::Group(group.clone()), T).await.unwrap();
    let Once::New { created: Created::Group(made), .. } = made else { panic!("{made:?}") };
    let other = NewGroup { id: GroupId::from_u128(2), ..group };
    let again = store.once(keyed("g"), Create::Group(other), T).await.unwrap();
    assert!(matches!(again, Once::Again { created: Created::Group(again), .. } if again == made));
    let add = async |first: u128, ticket| {
        let runs = (first..first + 1000).map(new).collect();
        store.once(ticket, Create::Runs(GroupId::from_u128(1), runs), T).await.unwrap()
    };
    let Once::New { created: Created::Runs(added, ids), .. } = add(1000, tried(0)).await else { panic!("not new") };
    assert!(ids.iter().copied().eq((1000..2000).map(id)));
    store.apply(id(1000), Command::Cancel, T).await.unwrap();
    let Once::Again { created: Created::Runs(again, same), .. } = add(3000, tried(1)).await else {
        panic!("not again")
    };
    assert_eq!((again, same), (added, ids), "the very answer");
    assert_eq!(store.group(GroupId::from_u128(1)).await.unwrap().unwrap().counts.total(), 1000);
    let nowhere = Create::Runs(GroupId::from_u128(9), vec![new(9000)]);
    assert!(matches!(store.once(keyed("n"), nowhere, T).await.unwrap(), Once::NoGroup));
}

async fn what_is_forgotten_is_not_given_again(store: &dyn Store) {
    came(store, keyed("k"), 1, T).await;
    store.apply(id(1), Command::Cancel, T).await.unwrap();
    store.forget(id(1)).await.unwrap();
    assert_eq!(came(store, keyed("k"), 2, T).await, (2, true));
}

async fn receipts_that_are_old_go(store: &dyn Store) {
    came(store, keyed("a"), 1, T).await;
    came(store, keyed("b"), 2, T + REMEMBERED).await;
    let now = T + REMEMBERED + Duration::from_secs(1);
    assert_eq!(store.forget_receipts(now, 10).await.unwrap(), 1);
    assert_eq!(store.forget_receipts(now, 10).await.unwrap(), 0);
    assert_eq!(came(store, keyed("b"), 3, now).await, (2, false));
}
