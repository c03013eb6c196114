//! What every store promises of what is owed to webhooks.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::{Promise, T, claim_one, complete, id, new, submit};
use crate::command::Command;
use crate::delivery::{
    ATTEMPTS_KEPT, Attempt, Delivery, DeliveryId, FIRST_WAIT, Form, Heard, Standing, Tells, Webhook,
};
use crate::id::{Owner, RunId, Token};
use crate::run::{Question, Status};
use crate::store::{DeliveryClaim, NewRun, OwedDelivery, OwnersShare, Receiver, Store};
use crate::time::Micros;

/// The promises with their names.
pub(super) fn promises() -> Vec<(&'static str, Promise)> {
    vec![
        ("the_end_of_a_run_owes_its_webhook_one_delivery", |s| {
            Box::pin(the_end_of_a_run_owes_its_webhook_one_delivery(s))
        }),
        ("a_webhook_is_kept_as_long_as_its_run", |s| Box::pin(a_webhook_is_kept_as_long_as_its_run(s))),
        ("a_webhook_is_told_what_it_asked_for", |s| Box::pin(a_webhook_is_told_what_it_asked_for(s))),
        ("a_delivery_is_claimed_once_until_its_lease_runs_out", |s| {
            Box::pin(a_delivery_is_claimed_once_until_its_lease_runs_out(s))
        }),
        ("a_late_sender_settles_nothing", |s| Box::pin(a_late_sender_settles_nothing(s))),
        ("a_failed_attempt_is_recorded_and_made_again_in_time", |s| {
            Box::pin(a_failed_attempt_is_recorded_and_made_again_in_time(s))
        }),
        ("what_is_delivered_is_not_owed", |s| Box::pin(what_is_delivered_is_not_owed(s))),
        ("a_receiver_at_its_limit_holds_up_nobody", |s| Box::pin(a_receiver_at_its_limit_holds_up_nobody(s))),
        ("one_owners_dead_receivers_hold_up_no_other_owner", |s| {
            Box::pin(one_owners_dead_receivers_hold_up_no_other_owner(s))
        }),
        ("the_last_attempts_are_kept", |s| Box::pin(the_last_attempts_are_kept(s))),
        ("the_first_body_is_the_one_that_is_kept", |s| Box::pin(the_first_body_is_the_one_that_is_kept(s))),
        ("what_is_asked_for_again_is_owed_at_once", |s| Box::pin(what_is_asked_for_again_is_owed_at_once(s))),
        ("a_forgotten_run_owes_nothing", |s| Box::pin(a_forgotten_run_owes_nothing(s))),
    ]
}

const ENDS: Tells = Tells { ends: true, questions: false };
const UNTIL: Micros = Micros(T.0 + 60_000_000);

fn webhook(receiver: &str) -> Webhook {
    Webhook {
        url: format!("https://{receiver}/hook"),
        receiver: receiver.to_owned(),
        secret: Some("whsec_c2VjcmV0".to_owned()),
        form: Form::Guide,
    }
}

fn hooked(number: u128, receiver: &str) -> NewRun {
    NewRun { webhook: Some((webhook(receiver), ENDS)), ..new(number) }
}

/// A run that is cancelled at this moment, and so owes its webhook that.
async fn ended(store: &dyn Store, number: u128, receiver: &str, at: Micros) -> DeliveryId {
    ended_of(store, Owner::local(), number, receiver, at).await
}

async fn ended_of(store: &dyn Store, owner: Owner, number: u128, receiver: &str, at: Micros) -> DeliveryId {
    submit(store, NewRun { owner, ..hooked(number, receiver) }, at).await;
    store.apply(id(number), Command::Cancel, at).await.unwrap();
    DeliveryId { run: id(number), seq: 2 }
}

fn wish(token: u64, room: usize) -> DeliveryClaim {
    DeliveryClaim {
        token: Token(token),
        room,
        room_each_owner: room,
        room_each_receiver: room,
        owners: BTreeMap::new(),
        until: UNTIL,
    }
}

async fn claimed(store: &dyn Store, claim: DeliveryClaim, now: Micros) -> Vec<OwedDelivery> {
    store.claim_deliveries(claim, now).await.unwrap()
}

fn runs(owed: &[OwedDelivery]) -> Vec<RunId> {
    owed.iter().map(|owed| owed.delivery.id.run).collect()
}

fn answered(at: Micros, status: u16) -> Attempt {
    let heard = Heard::Answer { status, retry_after: None, excerpt: "thanks".to_owned() };
    Attempt { at, took: Duration::from_millis(3), heard }
}

async fn settle(store: &dyn Store, id: DeliveryId, token: u64, attempt: &Attempt) -> Option<Delivery> {
    store.settle(id, Token(token), attempt.clone(), 100).await.unwrap()
}

async fn the_end_of_a_run_owes_its_webhook_one_delivery(store: &dyn Store) {
    submit(store, hooked(1, "a.example:443"), T).await;
    submit(store, new(2), T).await;
    assert!(store.deliveries(id(1)).await.unwrap().is_empty());
    for _ in 0..2 {
        let (run, token) = claim_one(store, 1).await;
        store.apply(run, complete(token), T).await.unwrap();
        assert!(store.apply(run, complete(token), T).await.is_err());
    }
    let told = store.deliveries(id(1)).await.unwrap();
    assert_eq!(told.len(), 1);
    let fact = DeliveryId { run: id(1), seq: 3 };
    assert_eq!(told[0].delivery, Delivery::owed(fact, T));
    assert_eq!((told[0].status, &*told[0].url), (Status::Completed, "https://a.example:443/hook"));
    assert!(told[0].attempts.is_empty());
    assert!(store.deliveries(id(2)).await.unwrap().is_empty(), "nobody is to be told of that run");
    let owed = claimed(store, wish(7, 9), T).await;
    assert_eq!(runs(&owed), [id(1)]);
    assert_eq!((&owed[0].webhook, owed[0].owner.as_str()), (&webhook("a.example:443"), "local"));
    assert_eq!(owed[0].body, None);
}

async fn a_webhook_is_kept_as_long_as_its_run(store: &dyn Store) {
    submit(store, hooked(1, "a.example:443"), T).await;
    submit(store, new(2), T).await;
    store.apply(id(1), Command::Cancel, T).await.unwrap();
    assert_eq!(store.webhook(id(1)).await.unwrap(), Some(webhook("a.example:443")));
    assert_eq!(store.webhook(id(2)).await.unwrap(), None);
    store.forget(id(1)).await.unwrap();
    assert_eq!(store.webhook(id(1)).await.unwrap(), None);
}

async fn a_webhook_is_told_what_it_asked_for(store: &dyn Store) {
    let both = Tells { ends: true, questions: true };
    let with = |number, tells| NewRun { webhook: Some((webhook("a.example:443"), tells)), ..new(number) };
    submit(store, with(1, both), T).await;
    submit(store, with(2, ENDS), T).await;
    for _ in 0..2 {
        let (run, token) = claim_one(store, 1).await;
        let question = Question { text: "Which?".to_owned(), default: None, deadline: None };
        store.apply(run, Command::Ask { token, question }, T).await.unwrap();
        store.apply(run, Command::Cancel, T).await.unwrap();
    }
    let told = async |number| -> Vec<Status> {
        store.deliveries(id(number)).await.unwrap().iter().map(|log| log.status).collect()
    };
    assert_eq!(told(1).await, [Status::ActionRequired, Status::Cancelled]);
    assert_eq!(told(2).await, [Status::Cancelled]);
}

async fn a_delivery_is_claimed_once_until_its_lease_runs_out(store: &dyn Store) {
    for number in 0..5 {
        ended(store, number, "a.example:443", T).await;
    }
    let mut first = claimed(store, wish(1, 3), T).await;
    first.extend(claimed(store, wish(2, 9), T).await);
    let mut all = runs(&first);
    all.sort();
    assert_eq!(all, (0..5).map(id).collect::<Vec<_>>(), "each once");
    assert!(claimed(store, wish(3, 9), Micros(UNTIL.0 - 1)).await.is_empty());
    assert_eq!(claimed(store, wish(4, 9), UNTIL).await.len(), 5, "who holds a lease too long has lost it");
}

async fn a_late_sender_settles_nothing(store: &dyn Store) {
    let owed = ended(store, 1, "a.example:443", T).await;
    claimed(store, wish(1, 9), T).await;
    claimed(store, DeliveryClaim { until: Micros(i64::MAX), ..wish(2, 9) }, UNTIL).await;
    assert_eq!(settle(store, owed, 1, &answered(T, 200)).await, None);
    assert!(store.deliveries(id(1)).await.unwrap()[0].attempts.is_empty());
    assert!(settle(store, owed, 2, &answered(T, 200)).await.is_some());
    assert_eq!(settle(store, owed, 2, &answered(T, 500)).await, None, "a lease ends with its attempt");
}

async fn a_failed_attempt_is_recorded_and_made_again_in_time(store: &dyn Store) {
    let owed = ended(store, 1, "a.example:443", T).await;
    claimed(store, wish(1, 9), T).await;
    let none = Attempt { heard: Heard::Nothing { why: "it hung up".to_owned() }, ..answered(T, 0) };
    let after = settle(store, owed, 1, &none).await.unwrap();
    assert_eq!(after, Delivery::owed(owed, T).after(&none, 100), "the rules decide");
    let due = T + Duration::from_millis(3) + FIRST_WAIT;
    assert_eq!(after.standing, Standing::Owed { due_at: due });
    assert!(claimed(store, wish(2, 9), Micros(due.0 - 1)).await.is_empty());
    assert_eq!(claimed(store, DeliveryClaim { until: Micros(i64::MAX), ..wish(2, 9) }, due).await[0].delivery.tries, 1);
    let refused = Attempt {
        heard: Heard::Answer { status: 429, retry_after: Some(Duration::from_hours(1)), excerpt: "slow".to_owned() },
        ..answered(due, 0)
    };
    settle(store, owed, 2, &refused).await.unwrap();
    let log = &store.deliveries(id(1)).await.unwrap()[0];
    assert_eq!(log.attempts, [none, refused.clone()]);
    let Standing::Owed { due_at } = log.delivery.standing else { panic!("{log:?}") };
    assert_eq!(due_at, due + refused.took + Duration::from_hours(1));
}

async fn what_is_delivered_is_not_owed(store: &dyn Store) {
    let owed = ended(store, 1, "a.example:443", T).await;
    let gone = ended(store, 2, "a.example:443", T).await;
    claimed(store, wish(1, 9), T).await;
    settle(store, owed, 1, &answered(T, 204)).await.unwrap();
    settle(store, gone, 1, &answered(T, 410)).await.unwrap();
    assert!(claimed(store, wish(2, 9), Micros(i64::MAX - 1)).await.is_empty());
    let standing = async |number| store.deliveries(id(number)).await.unwrap()[0].delivery.standing;
    let at = T + Duration::from_millis(3);
    assert_eq!((standing(1).await, standing(2).await), (Standing::Delivered { at }, Standing::GivenUp { at }));
}

async fn a_receiver_at_its_limit_holds_up_nobody(store: &dyn Store) {
    for number in 0..6 {
        ended(store, number, "dead.example:443", T).await;
    }
    ended(store, 6, "late.example:443", Micros(T.0 + 1)).await;
    let now = Micros(T.0 + 2);
    let room = |each| DeliveryClaim { room_each_receiver: each, ..wish(1, 9) };
    let first = claimed(store, room(2), now).await;
    assert_eq!(runs(&first), [id(0), id(6), id(1)], "in turns, and each receiver as much as there is room for it");
    let full = BTreeMap::from([("dead.example:443".to_owned(), Receiver { under_way: 2, room: 0 })]);
    let owners = BTreeMap::from([(Owner::local(), OwnersShare { room: 9, receivers: full })]);
    ended(store, 7, "late.example:443", now).await;
    let busy = DeliveryClaim { owners, room: 1, ..room(2) };
    assert_eq!(runs(&claimed(store, busy, now).await), [id(7)]);
    assert_eq!(claimed(store, wish(1, 9), now).await.len(), 4, "the others were passed over, not lost");
}

async fn one_owners_dead_receivers_hold_up_no_other_owner(store: &dyn Store) {
    let (loud, calm) = (Owner::named("loud"), Owner::named("calm"));
    for number in 0..6 {
        ended_of(store, loud.clone(), number, &format!("{number}.example:443"), T).await;
    }
    ended_of(store, calm.clone(), 6, "0.example:443", Micros(T.0 + 1)).await;
    let now = Micros(T.0 + 2);
    let first = claimed(store, DeliveryClaim { room_each_owner: 3, ..wish(1, 2) }, now).await;
    assert_eq!(runs(&first), [id(0), id(6)], "in turns, however many receivers one of them has");
    let at = |receiver: &str, under_way, room| (receiver.to_owned(), Receiver { under_way, room });
    let dead = OwnersShare { room: 0, receivers: BTreeMap::from([at("0.example:443", 3, 0)]) };
    let owners = BTreeMap::from([(loud, dead)]);
    ended_of(store, calm, 7, "0.example:443", now).await;
    let busy = DeliveryClaim { owners, ..wish(1, 9) };
    assert_eq!(runs(&claimed(store, busy, now).await), [id(7)], "what one does at a receiver is not the other's fault");
    assert_eq!(claimed(store, DeliveryClaim { room_each_owner: 3, ..wish(1, 9) }, now).await.len(), 3);
    assert_eq!(claimed(store, wish(1, 9), now).await.len(), 2, "the others were passed over, not lost");
}

async fn the_last_attempts_are_kept(store: &dyn Store) {
    let owed = ended(store, 1, "a.example:443", T).await;
    let at = |n: u32| T + Duration::from_secs(n.into());
    for n in 0..ATTEMPTS_KEPT + 2 {
        let mine = DeliveryClaim { until: Micros(i64::MAX), ..wish(1, 1) };
        assert_eq!(claimed(store, mine, at(n)).await.len(), 1);
        settle(store, owed, 1, &answered(at(n), 200)).await.unwrap();
        store.redeliver(owed, at(n)).await.unwrap();
    }
    let kept = &store.deliveries(id(1)).await.unwrap()[0].attempts;
    assert_eq!(kept.len(), usize::try_from(ATTEMPTS_KEPT).unwrap());
    assert_eq!((kept.first().unwrap().at, kept.last().unwrap().at), (at(2), at(ATTEMPTS_KEPT + 1)));
}

async fn the_first_body_is_the_one_that_is_kept(store: &dyn Store) {
    let owed = ended(store, 1, "a.example:443", T).await;
    let keep = async |text: &'static str| store.keep_body(owed, Bytes::from_static(text.as_bytes())).await.unwrap();
    assert_eq!(keep("first").await.as_deref(), Some(&b"first"[..]));
    assert_eq!(keep("second").await.as_deref(), Some(&b"first"[..]));
    let body = claimed(store, wish(1, 9), T).await.remove(0).body;
    assert_eq!(body.as_deref(), Some(&b"first"[..]));
    let nothing = DeliveryId { run: id(9), seq: 2 };
    assert_eq!(store.keep_body(nothing, Bytes::new()).await.unwrap(), None);
}

async fn what_is_asked_for_again_is_owed_at_once(store: &dyn Store) {
    let owed = ended(store, 1, "a.example:443", T).await;
    claimed(store, wish(1, 9), T).await;
    let under_way = store.redeliver(owed, T).await.unwrap().unwrap();
    assert_eq!(under_way.standing, Standing::Sending { until: UNTIL }, "it is being made already");
    assert_eq!(store.deliveries(id(1)).await.unwrap()[0].delivery, under_way, "and is shown so");
    settle(store, owed, 1, &answered(T, 200)).await.unwrap();
    let later = Micros(UNTIL.0 + 1);
    assert_eq!(store.redeliver(owed, later).await.unwrap().unwrap().standing, Standing::Owed { due_at: later });
    let again = claimed(store, DeliveryClaim { until: Micros(i64::MAX), ..wish(2, 9) }, later).await;
    assert_eq!(again[0].delivery.id, owed, "under the same name");
    settle(store, owed, 2, &answered(later, 200)).await.unwrap();
    assert_eq!(store.deliveries(id(1)).await.unwrap()[0].attempts.len(), 2, "what was before stays to be seen");
    assert_eq!(store.redeliver(DeliveryId { run: id(9), seq: 2 }, T).await.unwrap(), None);
}

async fn a_forgotten_run_owes_nothing(store: &dyn Store) {
    let owed = ended(store, 1, "a.example:443", T).await;
    store.keep_body(owed, Bytes::from_static(b"x")).await.unwrap();
    let under_way = ended(store, 2, "a.example:443", T).await;
    store.forget(id(1)).await.unwrap();
    assert_eq!(runs(&claimed(store, wish(1, 9), T).await), [id(2)]);
    store.forget(id(2)).await.unwrap();
    assert_eq!(settle(store, under_way, 1, &answered(T, 200)).await, None);
    assert!(store.deliveries(id(1)).await.unwrap().is_empty());
    assert_eq!(store.keep_body(owed, Bytes::new()).await.unwrap(), None);
    assert!(claimed(store, wish(2, 9), Micros(i64::MAX - 1)).await.is_empty());
}
