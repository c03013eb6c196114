//! What every store promises of groups.

use bytes::Bytes;
use futures_util::future::join_all;

use super::{AFTER, Promise, T, claim, claim_one, complete, id, new};
use crate::command::Command;
use crate::fact::What;
use crate::group::{Counts, Group};
use crate::id::{GroupId, Owner, RunId};
use crate::run::Status;
use crate::store::{AddedToGroup, GroupPage, GroupRuns, NewGroup, NewRun, Store};

/// The promises with their names.
pub(super) fn promises() -> Vec<(&'static str, Promise)> {
    vec![
        ("a_group_is_found_as_it_was_made", |s| Box::pin(a_group_is_found_as_it_was_made(s))),
        ("runs_are_added_in_order_all_or_none", |s| Box::pin(runs_are_added_in_order_all_or_none(s))),
        ("the_counts_of_a_group_are_those_of_its_runs", |s| Box::pin(the_counts_of_a_group_are_those_of_its_runs(s))),
        ("the_runs_of_a_group_are_read_from_any_place", |s| Box::pin(the_runs_of_a_group_are_read_from_any_place(s))),
        ("each_end_in_a_group_is_told_once", |s| Box::pin(each_end_in_a_group_is_told_once(s))),
        ("a_run_that_is_forgotten_leaves_its_group", |s| Box::pin(a_run_that_is_forgotten_leaves_its_group(s))),
    ]
}

fn name(number: u128) -> GroupId {
    GroupId::from_u128(number)
}

async fn made(store: &dyn Store, number: u128) -> Group {
    store.create_group(NewGroup { id: name(number), owner: Owner::local(), metadata: None }, T).await.unwrap()
}

async fn add(store: &dyn Store, group: u128, runs: impl IntoIterator<Item = u128>) -> AddedToGroup {
    let runs = runs.into_iter().map(new).collect();
    store.submit_to_group(name(group), runs, T).await.unwrap().unwrap()
}

async fn counts(store: &dyn Store, group: u128) -> Counts {
    store.group(name(group)).await.unwrap().unwrap().counts
}

fn all(limit: usize) -> GroupRuns {
    GroupRuns { limit, ..GroupRuns::default() }
}

/// All runs of a group after a place, in pages.
async fn runs(store: &dyn Store, group: u128, mut after: u64, which: GroupRuns) -> Vec<RunId> {
    let mut found = Vec::new();
    loop {
        let GroupPage { runs, upto, is_end } = store.group_runs(name(group), after, &which).await.unwrap();
        found.extend(runs.iter().map(|of| of.run.id));
        if is_end {
            return found;
        }
        assert!(upto > after, "it goes on");
        after = upto;
    }
}

async fn ends(store: &dyn Store, group: u128, mut after: u64, limit: usize) -> Vec<(u64, RunId, Status)> {
    let mut found = Vec::new();
    loop {
        let page = store.group_ends(name(group), after, limit).await.unwrap();
        found.extend(page.entries.into_iter().map(|(place, run, fact)| match fact.what {
            What::State { status, .. } => (place, run.id, status),
            other @ (What::Answer { .. } | What::Finish | What::Progress { .. }) => panic!("{other:?} is no end"),
        }));
        if page.is_end {
            return found;
        }
        assert!(page.upto > after, "it goes on");
        after = page.upto;
    }
}

async fn a_group_is_found_as_it_was_made(store: &dyn Store) {
    let metadata = Some(Bytes::from_static(b"{\"k\": 1.0}"));
    let owner = Owner::named("other");
    let made = store.create_group(NewGroup { id: name(1), owner, metadata: metadata.clone() }, T).await.unwrap();
    assert_eq!(store.group(name(1)).await.unwrap().unwrap(), made);
    assert_eq!((made.owner.as_str(), made.metadata, made.created_at), ("other", metadata, T));
    assert_eq!((made.counts, made.modified_at), (Counts::default(), T));
    assert_eq!(store.group(name(2)).await.unwrap(), None);
    assert!(runs(store, 1, 0, all(10)).await.is_empty() && ends(store, 1, 0, 10).await.is_empty());
    let again = NewGroup { id: name(1), owner: Owner::local(), metadata: None };
    assert!(store.create_group(again, T).await.is_err(), "a name is used once");
}

async fn runs_are_added_in_order_all_or_none(store: &dyn Store) {
    made(store, 1).await;
    let first = add(store, 1, [5, 3, 4]).await;
    assert_eq!((first.runs_before, first.ends_before), (None, None));
    assert_eq!(first.group.counts.of(Status::Queued), 3);
    let run = store.run(id(3)).await.unwrap().unwrap();
    assert_eq!(run.group, Some(name(1)));
    let taken = vec![new(6), new(3), new(7)];
    assert!(store.submit_to_group(name(1), taken, T).await.is_err());
    for number in [6, 7] {
        assert_eq!(store.run(id(number)).await.unwrap(), None, "none of them");
    }
    let second = add(store, 1, [9, 8]).await;
    let added = async |before| runs(store, 1, before, all(10)).await;
    assert_eq!(added(second.runs_before.unwrap()).await, [id(9), id(8)]);
    assert_eq!(added(0).await, [5, 3, 4, 9, 8].map(id));
    assert_eq!(second.ends_before, Some(0), "nothing has ended before them");
    let page = store.group_runs(name(1), 0, &all(10)).await.unwrap();
    assert_eq!(store.group_places(name(1)).await.unwrap(), Some((page.upto, 0)));
    assert_eq!(store.group_places(name(2)).await.unwrap(), None);
    assert_eq!(store.submit_to_group(name(2), vec![new(20)], T).await.unwrap(), None);
    assert_eq!(store.run(id(20)).await.unwrap(), None);
    assert_eq!(claim(store, 9, 1).await.len(), 5, "they are queued like any other");
}

async fn the_counts_of_a_group_are_those_of_its_runs(store: &dyn Store) {
    made(store, 1).await;
    made(store, 2).await;
    add(store, 1, 1..=4).await;
    add(store, 2, 5..=5).await;
    let (run, token) = claim_one(store, 1).await;
    store.apply(run, complete(token), T).await.unwrap();
    store.apply(id(2), Command::Cancel, T).await.unwrap();
    claim_one(store, 2).await;
    let now = counts(store, 1).await;
    let expected = [(Status::Queued, 1), (Status::Running, 1), (Status::Completed, 1), (Status::Cancelled, 1)];
    assert_eq!(now.iter().filter(|(_, count)| *count > 0).collect::<Vec<_>>(), expected);
    assert_eq!((now.total(), now.is_active(), now.ended()), (4, true, 2));
    assert_eq!(counts(store, 2).await.of(Status::Queued), 1, "that of another group is another's");
    let later = store.apply(id(4), Command::Cancel, AFTER).await.unwrap();
    let group = store.group(name(1)).await.unwrap().unwrap();
    assert_eq!(group.modified_at, later.modified_at);
    // Many at once are counted one by one.
    add(store, 2, 100..200).await;
    join_all((100..200).map(|number| store.apply(id(number), Command::Cancel, T))).await;
    assert_eq!(counts(store, 2).await.of(Status::Cancelled), 100);
}

async fn the_runs_of_a_group_are_read_from_any_place(store: &dyn Store) {
    made(store, 1).await;
    add(store, 1, 1..=5).await;
    let (run, token) = claim_one(store, 1).await;
    store.apply(run, complete(token), T).await.unwrap();
    for limit in 1..7 {
        assert_eq!(runs(store, 1, 0, all(limit)).await, [1, 2, 3, 4, 5].map(id), "in pages of {limit}");
        let queued = GroupRuns { status: Some(Status::Queued), ..all(limit) };
        assert_eq!(runs(store, 1, 0, queued).await, [2, 3, 4, 5].map(id), "in pages of {limit}");
    }
    let page = store.group_runs(name(1), 0, &all(2)).await.unwrap();
    assert_eq!(runs(store, 1, page.runs[0].place, all(9)).await, [2, 3, 4, 5].map(id));
    assert!(page.runs.iter().all(|of| of.input.is_none() && of.output.is_none()), "nobody asked for them");
    let whole = GroupRuns { with_input: true, with_output: true, ..all(2) };
    let page = store.group_runs(name(1), 0, &whole).await.unwrap();
    let bodies: Vec<_> = page.runs.iter().map(|of| (of.input.clone().unwrap(), of.output.is_some())).collect();
    assert_eq!(bodies, [(new(1).input, true), (new(2).input, false)]);
}

async fn each_end_in_a_group_is_told_once(store: &dyn Store) {
    made(store, 1).await;
    add(store, 1, 1..=3).await;
    store.submit(new(9), T).await.unwrap();
    for number in [3, 9, 1] {
        store.apply(id(number), Command::Cancel, T).await.unwrap();
    }
    let told = ends(store, 1, 0, 10).await;
    let which: Vec<_> = told.iter().map(|(_, run, status)| (*run, *status)).collect();
    assert_eq!(which, [(id(3), Status::Cancelled), (id(1), Status::Cancelled)], "in the order in which they came");
    assert_eq!(ends(store, 1, 0, 1).await, told, "one at a time");
    assert_eq!(ends(store, 1, told[0].0, 10).await, told[1..]);
    assert_eq!(store.group_places(name(1)).await.unwrap().map(|(_, last)| last), Some(told[1].0));
    let added = add(store, 1, 4..=4).await;
    assert_eq!(added.ends_before, Some(told[1].0));
    store.apply(id(4), Command::Cancel, T).await.unwrap();
    assert_eq!(ends(store, 1, added.ends_before.unwrap(), 10).await.len(), 1);
}

async fn a_run_that_is_forgotten_leaves_its_group(store: &dyn Store) {
    made(store, 1).await;
    add(store, 1, 1..=2).await;
    store.apply(id(2), Command::Cancel, T).await.unwrap();
    let before = ends(store, 1, 0, 10).await;
    store.forget(id(2)).await.unwrap();
    assert_eq!(counts(store, 1).await.total(), 1);
    assert_eq!(runs(store, 1, 0, all(10)).await, [id(1)]);
    assert!(ends(store, 1, 0, 10).await.is_empty());
    // Whoever has seen the last of them sees what comes next.
    let added = add(store, 1, 3..=3).await;
    assert_eq!(runs(store, 1, added.runs_before.unwrap(), all(10)).await, [id(3)]);
    store.apply(id(3), Command::Cancel, T).await.unwrap();
    assert_eq!(ends(store, 1, before[0].0, 10).await.len(), 1);
    // All members of a run that is submitted with others are its own.
    let named = NewRun { group: Some(name(7)), ..new(5) };
    let added = store.submit_to_group(name(1), vec![named], T).await.unwrap().unwrap();
    assert_eq!((added.group.counts.total(), store.run(id(5)).await.unwrap().unwrap().group), (3, Some(name(1))));
}
