//! What every store promises, as functions that check it. Each store's test calls [`promises`].
//!
//! A promise gets an empty store. Times are given, never read.

#![expect(clippy::unwrap_used, reason = "these are tests, only they are called by other crates' tests")]

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::future::{join, join_all};

use super::{ApplyError, Claim, Claimed, ForgetError, ListQuery, NewRun, Place, Store};
use crate::command::{Command, Refused};
use crate::delivery::{Form, Tells, Webhook};
use crate::fact::{Report, ReportBody, Step, What};
use crate::fair::Limits;
use crate::id::{NodeId, Owner, RunId, Token};
use crate::run::{Failure, FailureCode, Lineage, Run, State, Status};
use crate::time::Micros;

mod deliveries;
mod groups;
mod journal;
mod keys;
mod limits;
mod nodes;
mod receipts;
mod sources;

/// A check of one promise; it panics when the promise is broken.
pub type Promise = for<'a> fn(&'a dyn Store) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// All promises with their names, each to be checked on an empty store.
pub fn promises() -> Vec<(&'static str, Promise)> {
    let of_others = [groups::promises(), receipts::promises(), deliveries::promises(), keys::promises()].concat();
    [of_runs(), journal::promises(), limits::promises(), of_others, nodes::promises(), sources::promises()].concat()
}

fn of_runs() -> Vec<(&'static str, Promise)> {
    vec![
        ("a_run_is_found_as_it_was_submitted", |s| Box::pin(a_run_is_found_as_it_was_submitted(s))),
        ("what_was_never_submitted_is_not_found", |s| Box::pin(what_was_never_submitted_is_not_found(s))),
        ("a_big_body_comes_back_whole", |s| Box::pin(a_big_body_comes_back_whole(s))),
        ("a_run_is_claimed_once", |s| Box::pin(a_run_is_claimed_once(s))),
        ("the_longest_waiting_is_claimed_first", |s| Box::pin(the_longest_waiting_is_claimed_first(s))),
        ("only_what_there_is_room_for_is_claimed", |s| Box::pin(only_what_there_is_room_for_is_claimed(s))),
        ("no_owner_starves_another", |s| Box::pin(no_owner_starves_another(s))),
        ("no_processor_starves_another", |s| Box::pin(no_processor_starves_another(s))),
        ("some_processors_share_their_room", |s| Box::pin(some_processors_share_their_room(s))),
        ("runs_are_taken_in_the_places_that_were_told", |s| Box::pin(runs_are_taken_in_the_places_that_were_told(s))),
        ("a_place_is_told_only_as_far_as_asked_for", |s| Box::pin(a_place_is_told_only_as_far_as_asked_for(s))),
        ("a_run_that_waits_is_not_claimed_early", |s| Box::pin(a_run_that_waits_is_not_claimed_early(s))),
        ("a_completed_run_has_its_output_and_ends_once", |s| Box::pin(a_completed_run_has_its_output_and_ends_once(s))),
        ("a_late_worker_cannot_complete_a_run_it_lost", |s| Box::pin(a_late_worker_cannot_complete_a_run_it_lost(s))),
        ("a_lease_that_ran_out_is_due", |s| Box::pin(a_lease_that_ran_out_is_due(s))),
        ("a_renewed_lease_is_not_due", |s| Box::pin(a_renewed_lease_is_not_due(s))),
        ("a_cancelled_run_is_never_claimed", |s| Box::pin(a_cancelled_run_is_never_claimed(s))),
        ("a_deadline_that_passed_is_due", |s| Box::pin(a_deadline_that_passed_is_due(s))),
        ("the_log_is_read_from_any_cursor", |s| Box::pin(the_log_is_read_from_any_cursor(s))),
        ("a_resumed_attempt_says_nothing_twice", |s| Box::pin(a_resumed_attempt_says_nothing_twice(s))),
        ("a_list_shows_an_owner_his_own_newest_first", |s| Box::pin(a_list_shows_an_owner_his_own_newest_first(s))),
        ("a_list_is_paged_without_gaps", |s| Box::pin(a_list_is_paged_without_gaps(s))),
        ("a_page_stays_where_it_is_while_runs_come_and_go", |s| {
            Box::pin(a_page_stays_where_it_is_while_runs_come_and_go(s))
        }),
        ("the_runs_that_went_on_from_one_are_found_also_when_it_is_gone", |s| {
            Box::pin(the_runs_that_went_on_from_one_are_found_also_when_it_is_gone(s))
        }),
        ("a_list_is_filtered", |s| Box::pin(a_list_is_filtered(s))),
        ("a_search_finds_what_was_said_a_moment_later", |s| Box::pin(a_search_finds_what_was_said_a_moment_later(s))),
        ("a_search_is_never_led_astray", |s| Box::pin(a_search_is_never_led_astray(s))),
        ("a_forgotten_run_leaves_nothing", |s| Box::pin(a_forgotten_run_leaves_nothing(s))),
        ("what_ended_long_ago_and_is_owed_to_nobody_is_found", |s| {
            Box::pin(what_ended_long_ago_and_is_owed_to_nobody_is_found(s))
        }),
        ("a_run_that_has_not_ended_is_not_forgotten", |s| Box::pin(a_run_that_has_not_ended_is_not_forgotten(s))),
        ("the_feed_tells_an_owner_every_state_once", |s| Box::pin(the_feed_tells_an_owner_every_state_once(s))),
        ("a_place_in_the_feed_is_never_given_twice", |s| Box::pin(a_place_in_the_feed_is_never_given_twice(s))),
        ("versions_tell_who_changed", |s| Box::pin(versions_tell_who_changed(s))),
        ("many_commands_at_once_fail_alone", |s| Box::pin(many_commands_at_once_fail_alone(s))),
    ]
}

const T: Micros = Micros(1_000_000_000);
const LEASE: Micros = Micros(1_030_000_000);
const AFTER: Micros = Micros(1_030_000_001);

fn id(number: u128) -> RunId {
    RunId::from_u128(number)
}

fn new(number: u128) -> NewRun {
    NewRun {
        id: id(number),
        owner: Owner::local(),
        processor: "base".to_owned(),
        input: Bytes::from(format!("{{\"input\":\"{number}\",\"processor\":\"base\"}}")),
        metadata: None,
        warnings: None,
        group: None,
        lineage: Lineage::default(),
        events: true,
        deadline: None,
        webhook: None,
        secrets: None,
    }
}

async fn submit(store: &dyn Store, run: NewRun, at: Micros) -> Run {
    store.submit(run, at).await.unwrap()
}

fn room(of: &[(&str, usize)], tokens: std::ops::Range<u64>) -> Claim {
    Claim {
        node: NodeId(1),
        room: of.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect(),
        limits: Limits::default(),
        tokens: tokens.map(Token).collect(),
        until: LEASE,
    }
}

async fn claim(store: &dyn Store, n: usize, first_token: u64) -> Vec<Claimed> {
    store.claim(room(&[("base", n)], first_token..first_token + n as u64), T).await.unwrap()
}

async fn claim_one(store: &dyn Store, first_token: u64) -> (RunId, Token) {
    let claimed = claim(store, 1, first_token).await;
    (claimed[0].run.id, claimed[0].run.life.state.lease().unwrap().token)
}

fn complete(token: Token) -> Command {
    Command::Complete { token, output: Bytes::from_static(b"{\"type\":\"text\"}"), reports: Vec::new() }
}

async fn output(store: &dyn Store, id: RunId) -> Option<Bytes> {
    store.result(id).await.unwrap().and_then(|(_, output)| output)
}

async fn status(store: &dyn Store, id: RunId) -> Status {
    store.run(id).await.unwrap().unwrap().life.status()
}

async fn told(store: &dyn Store, id: RunId, after: u64) -> Vec<(u64, What)> {
    store.facts(id, after, 100).await.unwrap().into_iter().map(|fact| (fact.seq, fact.what)).collect()
}

fn state(status: Status) -> What {
    What::State { status, failure: None, question: None }
}

async fn a_run_is_found_as_it_was_submitted(store: &dyn Store) {
    let new = NewRun {
        metadata: Some(Bytes::from_static(b"{\"k\": 1.0}")),
        warnings: Some(Bytes::from_static(b"[]")),
        deadline: Some(AFTER),
        lineage: Lineage { previous: Some(id(7)), rerun_of: Some(id(8)) },
        ..new(1)
    };
    let given = submit(store, new.clone(), T).await;
    assert_eq!(given, store.run(id(1)).await.unwrap().unwrap());
    assert_eq!(given.life.state, State::Queued { not_before: T });
    assert_eq!((given.metadata, given.warnings, given.life.deadline), (new.metadata, new.warnings, Some(AFTER)));
    assert_eq!(given.lineage, new.lineage);
    assert_eq!(store.input(id(1)).await.unwrap(), Some(new.input));
    assert_eq!(output(store, id(1)).await, None);
    assert_eq!(told(store, id(1), 0).await, [(1, state(Status::Queued))]);
}

async fn what_was_never_submitted_is_not_found(store: &dyn Store) {
    assert_eq!(store.run(id(1)).await.unwrap(), None);
    assert_eq!(store.input(id(1)).await.unwrap(), None);
    assert_eq!(told(store, id(1), 0).await, []);
    let refused = store.apply(id(1), Command::Cancel, T).await.unwrap_err();
    assert!(matches!(refused, ApplyError::Unknown));
}

async fn a_big_body_comes_back_whole(store: &dyn Store) {
    let body = Bytes::from(format!("\"{}\"", "ü\u{0000}".repeat(400_000)));
    submit(store, NewRun { input: body.clone(), ..new(1) }, T).await;
    assert_eq!(store.input(id(1)).await.unwrap().unwrap(), body);
    assert_eq!(claim(store, 1, 1).await[0].input, body);
    let done = Command::Complete { token: Token(1), output: body.clone(), reports: Vec::new() };
    store.apply(id(1), done, T).await.unwrap();
    assert_eq!(output(store, id(1)).await.unwrap(), body);
    store.forget(id(1)).await.unwrap();
    assert_eq!(store.input(id(1)).await.unwrap(), None);
}

/// Two workers asking at once never get the same run.
async fn a_run_is_claimed_once(store: &dyn Store) {
    submit(store, new(1), T).await;
    let (one, two) = join(claim(store, 10, 1), claim(store, 10, 20)).await;
    assert_eq!(one.len() + two.len(), 1);
    assert!(claim(store, 10, 40).await.is_empty());
}

async fn the_longest_waiting_is_claimed_first(store: &dyn Store) {
    for number in 1..=5_u8 {
        submit(store, new(u128::from(10 - number)), Micros(T.0 - 100 + i64::from(number))).await;
    }
    let claimed = claim(store, 3, 1).await;
    assert_eq!(claimed.iter().map(|c| c.run.id).collect::<Vec<_>>(), [id(9), id(8), id(7)]);
}

async fn only_what_there_is_room_for_is_claimed(store: &dyn Store) {
    for number in 0..6 {
        let processor = if number % 2 == 0 { "base" } else { "ultra" };
        submit(store, NewRun { processor: processor.to_owned(), ..new(number) }, T).await;
    }
    let claimed = store.claim(room(&[("base", 2), ("lite", 5)], 1..10), T).await.unwrap();
    assert_eq!(claimed.iter().map(|c| &*c.run.processor).collect::<Vec<_>>(), ["base", "base"]);
    let claimed = store.claim(room(&[("base", 9), ("ultra", 9)], 20..22), T).await.unwrap();
    assert_eq!(claimed.len(), 2, "no more than there are tokens");
}

/// Accepts runs of an owner's, from the one of this number on.
async fn submit_many(store: &dyn Store, owner: &str, processor: &str, first: u128, count: u128) {
    let run = |number| NewRun { owner: Owner::named(owner), processor: processor.to_owned(), ..new(number) };
    for part in 0..count.div_ceil(500) {
        let numbers = first + part * 500..first + count.min(part * 500 + 500);
        join_all(numbers.map(|number| submit(store, run(number), Micros(T.0 - 10_000)))).await;
    }
}

/// One key's ten thousand runs, all there before, do not keep another's one waiting: the next place is his.
async fn no_owner_starves_another(store: &dyn Store) {
    submit_many(store, "key_busy", "base", 1, 10_000).await;
    assert_eq!(claim(store, 4, 1).await.len(), 4);
    submit(store, NewRun { owner: Owner::named("key_calm"), ..new(20_000) }, T).await;
    assert_eq!(store.place(id(20_000), 1000, T).await.unwrap(), Some(Place { before: 0, of_owner: 0 }));
    assert_eq!(claim(store, 1, 10).await[0].run.id, id(20_000));
}

/// Nor does it matter which processor they are for.
async fn no_processor_starves_another(store: &dyn Store) {
    submit_many(store, "key_busy", "base", 1, 100).await;
    assert_eq!(claim(store, 4, 1).await.len(), 4);
    submit_many(store, "key_calm", "ultra", 200, 1).await;
    let claimed = store.claim(room(&[("base", 9), ("ultra", 9)], 10..11), T).await.unwrap();
    assert_eq!(claimed[0].run.id, id(200));
}

async fn some_processors_share_their_room(store: &dyn Store) {
    submit_many(store, "key_one", "pro", 1, 5).await;
    submit_many(store, "key_one", "ultra", 11, 5).await;
    let mut wish = room(&[("pro", 4), ("ultra", 4)], 1..20);
    wish.room.together = vec![(["pro", "ultra"].map(str::to_owned).into(), 5)];
    assert_eq!(store.claim(wish, T).await.unwrap().len(), 5);
}

async fn runs_are_taken_in_the_places_that_were_told(store: &dyn Store) {
    for (owner, first, count) in [("key_one", 1, 9), ("key_two", 21, 3), ("key_three", 41, 5)] {
        for number in first..first + count {
            let at = Micros(T.0 - 1000 + i64::try_from(number * 7 % 41 + number).unwrap());
            submit(store, NewRun { owner: Owner::named(owner), ..new(number) }, at).await;
        }
    }
    submit(store, NewRun { processor: "lite".to_owned(), ..new(60) }, T).await;
    assert_eq!(claim(store, 4, 1).await.len(), 4);
    let mut told = BTreeMap::new();
    for number in (1..10).chain(21..24).chain(41..46) {
        if let Some(place) = store.place(id(number), 100, T).await.unwrap() {
            told.insert(place.before, id(number));
        }
    }
    assert_eq!(told.keys().copied().collect::<Vec<_>>(), (0..13).collect::<Vec<_>>());
    let taken: Vec<_> = claim(store, 20, 10).await.into_iter().map(|claimed| claimed.run.id).collect();
    assert_eq!(taken, told.into_values().collect::<Vec<_>>());
}

async fn a_place_is_told_only_as_far_as_asked_for(store: &dyn Store) {
    submit_many(store, "key_one", "base", 1, 12).await;
    submit_many(store, "key_two", "base", 21, 12).await;
    let place = async |number, most| store.place(id(number), most, T).await.unwrap().map(|place| place.before);
    let last = place(12, 100).await.unwrap();
    assert!((22..=23).contains(&last), "{last}");
    assert_eq!((place(12, last).await, place(12, last - 1).await), (Some(last), None));
    assert_eq!((place(5, 4).await, place(99, 100).await), (None, None));
    let early = store.place(id(1), 100, Micros(T.0 - 10_001)).await.unwrap();
    assert_eq!(early, None, "what waits for its time is not in line");
    let (run, _) = claim_one(store, 1).await;
    assert_eq!(store.place(run, 100, T).await.unwrap(), None);
}

async fn a_run_that_waits_is_not_claimed_early(store: &dyn Store) {
    submit(store, new(1), T).await;
    let (run, token) = claim_one(store, 1).await;
    let why = Failure { code: FailureCode::Processor, message: "try later".to_owned() };
    store.apply(run, Command::Retry { token, why, not_before: LEASE }, T).await.unwrap();
    assert!(claim(store, 1, 2).await.is_empty());
    assert_eq!(store.claim(room(&[("base", 1)], 3..4), LEASE).await.unwrap().len(), 1);
}

async fn a_completed_run_has_its_output_and_ends_once(store: &dyn Store) {
    submit(store, new(1), T).await;
    let (run, token) = claim_one(store, 1).await;
    store.apply(run, complete(token), T).await.unwrap();
    assert_eq!(status(store, run).await, Status::Completed);
    assert_eq!(output(store, run).await.unwrap(), "{\"type\":\"text\"}");
    for again in [complete(token), Command::Cancel, Command::GiveBack { token }, Command::Lapse { token }] {
        let refused = store.apply(run, again, T).await.unwrap_err();
        assert!(matches!(refused, ApplyError::Refused(Refused::Ended(Status::Completed))));
    }
    let states = [(1, state(Status::Queued)), (2, state(Status::Running)), (3, state(Status::Completed))];
    assert_eq!(told(store, run, 0).await, states);
}

async fn a_late_worker_cannot_complete_a_run_it_lost(store: &dyn Store) {
    submit(store, new(1), T).await;
    let (run, late) = claim_one(store, 1).await;
    store.apply(run, Command::Lapse { token: late }, AFTER).await.unwrap();
    let (_, current) = claim_one(store, 2).await;
    let refused = store.apply(run, complete(late), AFTER).await.unwrap_err();
    assert!(matches!(refused, ApplyError::Refused(Refused::Stale)));
    store.apply(run, complete(current), AFTER).await.unwrap();
}

async fn a_lease_that_ran_out_is_due(store: &dyn Store) {
    submit(store, new(1), T).await;
    submit(store, new(2), T).await;
    let (run, token) = claim_one(store, 1).await;
    assert!(store.due(T, 10).await.unwrap().is_empty());
    let due = store.due(AFTER, 10).await.unwrap();
    assert_eq!(due, [(run, Command::Lapse { token })]);
    store.apply(run, Command::Lapse { token }, AFTER).await.unwrap();
    assert!(store.due(AFTER, 10).await.unwrap().is_empty());
    assert_eq!(claim_one(store, 2).await.0, run, "a run that was lost is first in line");
    assert_eq!(store.run(run).await.unwrap().unwrap().life.attempts, 2);
}

async fn a_renewed_lease_is_not_due(store: &dyn Store) {
    submit(store, new(1), T).await;
    let (run, token) = claim_one(store, 1).await;
    let before = store.run(run).await.unwrap().unwrap().life.version;
    let until = Micros(AFTER.0 + 5);
    store.apply(run, Command::Renew { token, until }, T).await.unwrap();
    assert!(store.due(AFTER, 10).await.unwrap().is_empty());
    let run = store.run(run).await.unwrap().unwrap();
    assert_eq!(run.life.state.lease().unwrap().until, until);
    assert_eq!(run.life.version, before, "a renewal is no fact");
}

async fn a_cancelled_run_is_never_claimed(store: &dyn Store) {
    submit(store, new(1), T).await;
    store.apply(id(1), Command::Cancel, T).await.unwrap();
    assert!(claim(store, 1, 1).await.is_empty());
    store.apply(id(1), Command::Cancel, T).await.unwrap();
    assert_eq!(told(store, id(1), 1).await, [(2, state(Status::Cancelled))], "asking again says nothing new");
}

async fn a_deadline_that_passed_is_due(store: &dyn Store) {
    submit(store, NewRun { deadline: Some(LEASE), ..new(1) }, T).await;
    assert!(store.due(T, 10).await.unwrap().is_empty());
    assert_eq!(store.due(LEASE, 10).await.unwrap(), [(id(1), Command::Expire)]);
    store.apply(id(1), Command::Expire, LEASE).await.unwrap();
    assert_eq!(status(store, id(1)).await, Status::Failed);
    assert!(store.due(AFTER, 10).await.unwrap().is_empty());
}

fn message(key: &str) -> Report {
    Report { key: key.to_owned(), body: ReportBody::Message { step: Step::Plan, message: key.to_owned() } }
}

async fn the_log_is_read_from_any_cursor(store: &dyn Store) {
    submit(store, new(1), T).await;
    let (run, token) = claim_one(store, 1).await;
    let reports = ["a", "b", "c"].map(message).to_vec();
    store.apply(run, Command::Report { token, reports, steps: Vec::new() }, T).await.unwrap();
    store.apply(run, complete(token), T).await.unwrap();
    let all = store.facts(run, 0, 100).await.unwrap();
    assert_eq!(all.iter().map(|f| f.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    for after in 0..=6 {
        let rest = store.facts(run, after, 100).await.unwrap();
        assert_eq!(rest, all[usize::try_from(after).unwrap()..]);
    }
    assert_eq!(store.facts(run, 1, 2).await.unwrap(), all[1..3]);
}

async fn a_resumed_attempt_says_nothing_twice(store: &dyn Store) {
    submit(store, new(1), T).await;
    let (run, first) = claim_one(store, 1).await;
    let reports = vec![message("a"), message("b")];
    let said = Command::Report { token: first, reports, steps: Vec::new() };
    store.apply(run, said, T).await.unwrap();
    store.apply(run, Command::GiveBack { token: first }, T).await.unwrap();
    let (_, second) = claim_one(store, 2).await;
    let reports = ["a", "b", "c"].map(message).to_vec();
    let again = Command::Report { token: second, reports, steps: Vec::new() };
    store.apply(run, again, T).await.unwrap();
    let progress = told(store, run, 0).await.into_iter().filter(|(_, w)| matches!(w, What::Progress { .. })).count();
    assert_eq!(progress, 3);
}

fn query() -> ListQuery {
    ListQuery { owner: Some(Owner::local()), limit: 100, ..ListQuery::default() }
}

async fn ids(store: &dyn Store, query: ListQuery) -> Vec<u128> {
    store.list(&query).await.unwrap().runs.into_iter().map(|run| run.id.as_u128()).collect()
}

async fn a_list_shows_an_owner_his_own_newest_first(store: &dyn Store) {
    for number in 1..=3 {
        submit(store, new(number), T).await;
    }
    submit(store, NewRun { owner: Owner::named("key_other"), ..new(4) }, T).await;
    assert_eq!(ids(store, query()).await, [3, 2, 1]);
    assert_eq!(ids(store, ListQuery { owner: Some(Owner::named("key_other")), ..query() }).await, [4]);
    assert!(ids(store, ListQuery { owner: None, ..query() }).await.is_empty());
}

async fn a_list_is_paged_without_gaps(store: &dyn Store) {
    for number in 1..=5 {
        submit(store, new(number), T).await;
    }
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.list(&ListQuery { limit: 2, cursor, ..query() }).await.unwrap();
        seen.extend(page.runs.iter().map(|run| run.id.as_u128()));
        // A run that comes in between moves nothing.
        submit(store, new(100 + seen.len() as u128), T).await;
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
}

/// Also when those go between which the page ends, and all that are newer; what comes then is in no page behind it.
async fn a_page_stays_where_it_is_while_runs_come_and_go(store: &dyn Store) {
    for number in 1..=8 {
        submit(store, new(number), T).await;
        store.apply(id(number), Command::Cancel, T).await.unwrap();
    }
    let page = store.list(&ListQuery { limit: 3, ..query() }).await.unwrap();
    let cursor = page.next;
    assert!(cursor.is_some());
    for gone in [8, 7, 6, 5, 3] {
        store.forget(id(gone)).await.unwrap();
    }
    for number in 11..=14 {
        submit(store, new(number), T).await;
    }
    assert_eq!(ids(store, ListQuery { cursor, ..query() }).await, [4, 2, 1]);
    assert_eq!(ids(store, query()).await, [14, 13, 12, 11, 4, 2, 1]);
    for gone in [4, 2, 1] {
        store.forget(id(gone)).await.unwrap();
    }
    assert!(ids(store, ListQuery { cursor, ..query() }).await.is_empty());
}

async fn the_runs_that_went_on_from_one_are_found_also_when_it_is_gone(store: &dyn Store) {
    let after = |earlier, number| {
        let lineage = Lineage { previous: Some(id(earlier)), rerun_of: None };
        NewRun { lineage, ..asking(number, "gamma") }
    };
    submit(store, new(1), T).await;
    submit(store, after(1, 2), T).await;
    submit(store, after(2, 3), T).await;
    submit(store, NewRun { processor: "pro".to_owned(), ..after(1, 4) }, T).await;
    submit(store, NewRun { owner: Owner::named("key_other"), ..after(1, 5) }, T).await;
    // To be the same once more is not to go on from it.
    let again = Lineage { previous: None, rerun_of: Some(id(1)) };
    submit(store, NewRun { lineage: again, ..new(6) }, T).await;
    index_all(store).await;
    let on = |number| ListQuery { previous: Some(id(number)), ..query() };
    for is_there in [true, false] {
        assert_eq!(ids(store, on(1)).await, [4, 2]);
        assert_eq!(ids(store, on(2)).await, [3]);
        assert!(ids(store, on(4)).await.is_empty());
        assert_eq!(ids(store, ListQuery { processor: Some("pro".to_owned()), ..on(1) }).await, [4]);
        assert_eq!(ids(store, ListQuery { words: Some("gamma".to_owned()), ..on(1) }).await, [4, 2]);
        let first = store.list(&ListQuery { limit: 1, ..on(1) }).await.unwrap();
        assert_eq!(ids(store, ListQuery { cursor: first.next, ..on(1) }).await, [2]);
        if is_there {
            store.apply(id(1), Command::Cancel, T).await.unwrap();
            store.forget(id(1)).await.unwrap();
        }
    }
    assert_eq!(store.run(id(2)).await.unwrap().unwrap().lineage.previous, Some(id(1)));
    assert_eq!(store.run(id(6)).await.unwrap().unwrap().lineage, again);
    store.apply(id(5), Command::Cancel, T).await.unwrap();
    let (run, token) = claim_one(store, 1).await;
    store.apply(run, complete(token), T).await.unwrap();
    assert_eq!((run, status(store, run).await), (id(2), Status::Completed), "it goes on as any other");
}

async fn a_list_is_filtered(store: &dyn Store) {
    const METADATA: &[u8] = br#"{"team":"blue","n":7,"one":1,"yes":true,"no":false}"#;
    submit(store, NewRun { metadata: Some(Bytes::from_static(METADATA)), ..new(1) }, T).await;
    submit(store, NewRun { processor: "pro".to_owned(), ..new(2) }, AFTER).await;
    submit(store, new(3), AFTER).await;
    store.apply(id(3), Command::Cancel, AFTER).await.unwrap();
    assert_eq!(ids(store, ListQuery { status: Some(Status::Cancelled), ..query() }).await, [3]);
    assert_eq!(ids(store, ListQuery { processor: Some("pro".to_owned()), ..query() }).await, [2]);
    assert_eq!(ids(store, ListQuery { created_after: Some(T), ..query() }).await, [3, 2]);
    let wanted = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    assert_eq!(ids(store, ListQuery { metadata: wanted("team", "blue"), ..query() }).await, [1]);
    assert_eq!(ids(store, ListQuery { metadata: wanted("n", "7"), ..query() }).await, [1]);
    for (key, value) in [("one", "1"), ("yes", "true"), ("no", "false")] {
        assert_eq!(ids(store, ListQuery { metadata: wanted(key, value), ..query() }).await, [1], "{key} is {value}");
    }
    for (key, value) in [("one", "true"), ("yes", "1"), ("no", "0")] {
        assert!(ids(store, ListQuery { metadata: wanted(key, value), ..query() }).await.is_empty(), "{key} is {value}");
    }
    assert!(ids(store, ListQuery { metadata: wanted("team", "red"), ..query() }).await.is_empty());
    assert!(ids(store, ListQuery { metadata: wanted("\"] odd", "x"), ..query() }).await.is_empty());
}

async fn index_all(store: &dyn Store) {
    while store.index_some(3).await.unwrap() > 0 {}
}

async fn found(store: &dyn Store, words: &str) -> Vec<u128> {
    ids(store, ListQuery { words: Some(words.to_owned()), ..query() }).await
}

fn asking(number: u128, input: &str) -> NewRun {
    NewRun { input: Bytes::from(format!("{{\"input\":\"{input}\",\"processor\":\"base\"}}")), ..new(number) }
}

async fn a_search_finds_what_was_said_a_moment_later(store: &dyn Store) {
    submit(store, asking(1, "What is the capital of Mongolia?"), T).await;
    submit(store, asking(2, "Who wrote the Mongolian anthem?"), T).await;
    submit(store, NewRun { owner: Owner::named("key_other"), ..asking(3, "The capital of Mongolia") }, AFTER).await;
    index_all(store).await;
    assert_eq!(found(store, "mongolia CAPITAL").await, [1], "all words, in any order and case, and nobody else's");
    assert_eq!(found(store, "mongol*").await, [2, 1]);
    assert_eq!(store.index_some(10).await.unwrap(), 0, "it has caught up");
    let (run, token) = claim_one(store, 1).await;
    assert_eq!(run, id(1));
    let output = Bytes::from_static("{\"type\":\"text\",\"content\":\"Ulánbátar\"}".as_bytes());
    store.apply(run, Command::Complete { token, output, reports: Vec::new() }, T).await.unwrap();
    assert!(found(store, "ulanbatar").await.is_empty(), "not yet");
    index_all(store).await;
    assert_eq!(found(store, "ulanbatar").await, [1]);
    assert_eq!(found(store, "ulanbatar mongolia").await, [1], "what was asked is still found");
    let completed = ListQuery { words: Some("mongol*".to_owned()), status: Some(Status::Completed), ..query() };
    assert_eq!(ids(store, completed).await, [1], "with the other filters");
    store.forget(id(1)).await.unwrap();
    assert!(found(store, "ulanbatar").await.is_empty(), "what is forgotten is not found");
}

/// Neither by what is typed, nor by runs that were forgotten before it came to them.
async fn a_search_is_never_led_astray(store: &dyn Store) {
    submit(store, asking(1, "alpha"), T).await;
    index_all(store).await;
    for odd in
        ["\"", "a\"b", "alpha OR", "NOT alpha", "*", "(", "asked:alpha", "^alpha", "", "\0", "alpha AND ) beta", "{a}:"]
    {
        found(store, odd).await;
    }
    // The newest facts go and their numbers may be given again.
    submit(store, asking(2, "beta"), T).await;
    store.apply(id(2), Command::Cancel, T).await.unwrap();
    index_all(store).await;
    store.forget(id(2)).await.unwrap();
    submit(store, asking(3, "gamma"), T).await;
    index_all(store).await;
    assert_eq!(found(store, "gamma").await, [3]);
    assert!(found(store, "beta").await.is_empty());
    // Pages go on as without words.
    submit(store, asking(4, "gamma"), T).await;
    index_all(store).await;
    let words = Some("gamma".to_owned());
    let first = store.list(&ListQuery { words: words.clone(), limit: 1, ..query() }).await.unwrap();
    assert_eq!(first.runs[0].id, id(4));
    assert_eq!(ids(store, ListQuery { words, cursor: first.next, ..query() }).await, [3]);
}

async fn a_forgotten_run_leaves_nothing(store: &dyn Store) {
    submit(store, new(1), T).await;
    store.apply(id(1), Command::Cancel, T).await.unwrap();
    store.forget(id(1)).await.unwrap();
    what_was_never_submitted_is_not_found(store).await;
    assert!(ids(store, query()).await.is_empty());
    assert!(matches!(store.forget(id(1)).await, Err(ForgetError::Unknown)));
}

async fn a_run_that_has_not_ended_is_not_forgotten(store: &dyn Store) {
    submit(store, new(1), T).await;
    assert!(matches!(store.forget(id(1)).await, Err(ForgetError::NotEnded(Status::Queued))));
    assert_eq!(status(store, id(1)).await, Status::Queued);
}

async fn what_ended_long_ago_and_is_owed_to_nobody_is_found(store: &dyn Store) {
    let webhook = Webhook {
        url: "https://hooks.example.com/".to_owned(),
        receiver: "hooks.example.com:443".to_owned(),
        secret: None,
        form: Form::Official,
    };
    let tells = Tells { ends: true, questions: false };
    for number in 1..=4 {
        submit(store, new(number), T).await;
    }
    submit(store, NewRun { webhook: Some((webhook, tells)), ..new(5) }, T).await;
    for (number, at) in [(1, T), (2, AFTER), (3, T), (5, T)] {
        store.apply(id(number), Command::Cancel, at).await.unwrap();
    }
    let found = async |moment, limit| {
        let mut found = store.ended_before(moment, limit).await.unwrap();
        found.sort();
        found
    };
    assert_eq!(found(T, 10).await, [id(1), id(3)], "not what ended later, goes on, or has a webhook to be told");
    assert_eq!(found(T, 1).await.len(), 1);
    assert_eq!(found(AFTER, 10).await, [id(1), id(2), id(3)]);
    store.forget(id(1)).await.unwrap();
    assert_eq!(found(T, 10).await, [id(3)]);
}

/// The whole feed of an owner in pages of `limit` facts.
async fn fed(store: &dyn Store, owner: &Owner, mut after: u64, limit: usize) -> Vec<(u64, RunId, Status)> {
    let mut all = Vec::new();
    loop {
        let page = store.feed(owner, after, limit).await.unwrap();
        all.extend(page.entries.into_iter().map(|(place, run, fact)| match fact.what {
            What::State { status, .. } => (place, run.id, status),
            other @ (What::Answer { .. } | What::Finish | What::Progress { .. }) => panic!("{other:?} is no state"),
        }));
        if page.is_end {
            return all;
        }
        assert!(page.upto > after, "the feed goes on");
        after = page.upto;
    }
}

async fn the_feed_tells_an_owner_every_state_once(store: &dyn Store) {
    let other = Owner::named("other");
    submit(store, new(1), T).await;
    submit(store, NewRun { owner: other.clone(), ..new(2) }, T).await;
    let (_, token) = claim_one(store, 1).await;
    let reports = vec![message("plan:1")];
    store.apply(id(1), Command::Report { token, reports, steps: Vec::new() }, T).await.unwrap();
    store.apply(id(1), complete(token), T).await.unwrap();
    store.apply(id(2), Command::Cancel, T).await.unwrap();
    let mine = fed(store, &Owner::local(), 0, 100).await;
    let states: Vec<_> = mine.iter().map(|(_, run, status)| (*run, *status)).collect();
    assert_eq!(states, [Status::Queued, Status::Running, Status::Completed].map(|status| (id(1), status)));
    for limit in 1..6 {
        assert_eq!(fed(store, &Owner::local(), 0, limit).await, mine, "in pages of {limit}");
    }
    assert_eq!(fed(store, &Owner::local(), mine[0].0, 100).await, mine[1..], "from a place in it");
    let theirs: Vec<_> = fed(store, &other, 0, 2).await.into_iter().map(|(_, _, status)| status).collect();
    assert_eq!(theirs, [Status::Queued, Status::Cancelled]);
    let end = store.feed_end().await.unwrap();
    assert!(store.feed(&Owner::local(), end, 100).await.unwrap().entries.is_empty());
}

/// Who has seen the last fact of a run that is forgotten sees the first of the next one.
async fn a_place_in_the_feed_is_never_given_twice(store: &dyn Store) {
    submit(store, new(1), T).await;
    store.apply(id(1), Command::Cancel, T).await.unwrap();
    let seen = store.feed_end().await.unwrap();
    store.forget(id(1)).await.unwrap();
    assert_eq!(store.feed_end().await.unwrap(), seen, "it does not go back");
    submit(store, new(2), T).await;
    let next: Vec<_> = fed(store, &Owner::local(), seen, 100).await.into_iter().map(|(_, run, _)| run).collect();
    assert_eq!(next, [id(2)]);
}

async fn versions_tell_who_changed(store: &dyn Store) {
    submit(store, new(1), T).await;
    submit(store, new(2), T).await;
    store.apply(id(2), Command::Cancel, T).await.unwrap();
    let mut versions = store.versions(&[id(1), id(2), id(3)]).await.unwrap();
    versions.sort();
    assert_eq!(versions, [(id(1), 1), (id(2), 2)]);
}

/// Strangers share a commit; the failure of one is not the failure of all.
async fn many_commands_at_once_fail_alone(store: &dyn Store) {
    for number in 0..50 {
        submit(store, new(number), T).await;
    }
    let commands = (0..100).map(|number| store.apply(id(number), Command::Cancel, T));
    let answers = join_all(commands).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 50);
    assert!(store.submit(new(1), T).await.is_err(), "a name is used once");
    let (one, two) = join(store.submit(new(1), T), store.submit(new(200), T)).await;
    assert!(one.is_err() && two.is_ok());
}
