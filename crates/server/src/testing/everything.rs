//! A store with something of everything in it: each state, each kind of record, each that may be missing there and missing.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use legwork_core::command::Command;
use legwork_core::delivery::{Attempt, DeliveryId, Form, Heard, Tells, Webhook};
use legwork_core::fact::{Report, ReportBody, Step};
use legwork_core::fair::Limits;
use legwork_core::id::{GroupId, NodeId, Owner, RunId, Token};
use legwork_core::journal::Entry;
use legwork_core::key::{Digest, Key};
use legwork_core::receipt::{Sign, Ticket};
use legwork_core::run::{Failure, FailureCode, Lineage, Question};
use legwork_core::store::{Claim, Create, DeliveryClaim, NewGroup, NewRun, Once, Store};
use legwork_core::time::Micros;

use super::MONDAY;
use crate::source::{Source, hash_of};

/// When everything was put there.
pub(crate) const THEN: Micros = MONDAY;
/// When all leases that were given have run out.
pub(crate) const LATER: Micros = Micros(MONDAY.0 + 60_000_000);

/// A run of this number.
pub(crate) const fn id(number: u128) -> RunId {
    RunId::from_u128(number)
}

/// The runs: what their numbers stand for.
pub(crate) const QUEUED: RunId = id(1);
pub(crate) const WAITING: RunId = id(2);
pub(crate) const RUNNING: RunId = id(3);
pub(crate) const ASKING: RunId = id(4);
pub(crate) const CANCELLING: RunId = id(5);
pub(crate) const COMPLETED: RunId = id(6);
pub(crate) const FAILED: RunId = id(7);
pub(crate) const CANCELLED: RunId = id(8);
pub(crate) const SENT_NOW: RunId = id(9);
pub(crate) const GIVEN_UP: RunId = id(10);
pub(crate) const GROUPED: [RunId; 3] = [id(21), id(22), id(23)];
pub(crate) const ONCE: RunId = id(31);
pub(crate) const FORGOTTEN: RunId = id(99);

/// The group of [`GROUPED`], and one without runs.
pub(crate) const GROUP: GroupId = GroupId::from_u128(1);
pub(crate) const EMPTY_GROUP: GroupId = GroupId::from_u128(2);

/// A run that asks for this.
pub(crate) fn new(id: RunId, asked: &str) -> NewRun {
    NewRun {
        id,
        owner: Owner::local(),
        processor: "base".to_owned(),
        input: Bytes::from(format!("{{\"input\": \"{asked}\"}}")),
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

/// A create that is done once by its key.
pub(crate) fn ticket() -> Ticket {
    Ticket { owner: Owner::local(), route: "runs".to_owned(), body: [7; 32], sign: Sign::Key("k \u{1f511}".to_owned()) }
}

/// The wish for so much work of the processor `base`.
pub(crate) fn claim(tokens: &[u64]) -> Claim {
    let room = [("base".to_owned(), tokens.len())].into();
    Claim {
        node: NodeId(u64::MAX),
        room,
        limits: Limits::default(),
        tokens: tokens.iter().copied().map(Token).collect(),
        until: LATER,
    }
}

/// The wish for everything that is owed.
pub(crate) fn deliveries(token: u64) -> DeliveryClaim {
    let room = 100;
    DeliveryClaim {
        token: Token(token),
        room,
        room_each_owner: room,
        room_each_receiver: room,
        owners: BTreeMap::new(),
        until: LATER,
    }
}

fn hooked(run: NewRun, receiver: &str, secret: Option<&str>, form: Form) -> NewRun {
    let url = format!("https://{receiver}/hook?a=1");
    let webhook = Webhook { url, receiver: receiver.to_owned(), secret: secret.map(str::to_owned), form };
    NewRun { webhook: Some((webhook, Tells { ends: true, questions: true })), ..run }
}

/// What [`QUEUED`] was given and nobody is shown.
pub(crate) const SECRET: &str = r#"{"v":1,"mcp_headers":[{"x":"sesame"}]}"#;

/// Puts it there.
pub(crate) async fn fill(store: &dyn Store) {
    keys(store).await;
    groups(store).await;
    ended(store).await;
    at_work(store).await;
    queued(store).await;
    receipts(store).await;
    sources(store).await;
    // The highest numbers of all are those of what is gone.
    store.submit(new(FORGOTTEN, "gone"), THEN).await.unwrap();
    store.apply(FORGOTTEN, Command::Cancel, THEN).await.unwrap();
    store.forget(FORGOTTEN).await.unwrap();
}

async fn keys(store: &dyn Store) {
    let key = |n: u8, name: &str, expires_at, revoked_at| {
        let digest = Digest([n; 32]);
        let (name, ending, owner) = (name.to_owned(), "wxyz".to_owned(), Owner::of_key(digest.id()));
        Key { digest, name, ending, owner, created_at: THEN, expires_at, revoked_at }
    };
    store.add_key(key(0xff, "ada", None, None)).await.unwrap();
    store.add_key(key(1, "ben", Some(LATER), Some(THEN))).await.unwrap();
}

async fn groups(store: &dyn Store) {
    let metadata = Some(Bytes::from_static(br#"{"set": "lands \u0000 \"x\"", "n":1.0}"#));
    store.create_group(NewGroup { id: GROUP, owner: Owner::local(), metadata }, THEN).await.unwrap();
    let none = NewGroup { id: EMPTY_GROUP, owner: Owner::named("key_ada"), metadata: None };
    store.create_group(none, THEN).await.unwrap();
    let runs = GROUPED.iter().map(|id| new(*id, "of the group")).collect();
    store.submit_to_group(GROUP, runs, THEN).await.unwrap().unwrap();
    // The first stays as it is, the second ends, and so does the last, which is forgotten.
    for id in [GROUPED[1], GROUPED[2]] {
        store.apply(id, Command::Cancel, THEN).await.unwrap();
    }
    store.forget(GROUPED[2]).await.unwrap();
    // The queue shall be empty for what comes.
    let claimed = store.claim(claim(&[21]), THEN).await.unwrap();
    assert_eq!(claimed[0].run.id, GROUPED[0]);
}

async fn start(store: &dyn Store, run: NewRun, token: u64) -> (RunId, Token) {
    let id = store.submit(run, THEN).await.unwrap().id;
    let claimed = store.claim(claim(&[token]), THEN).await.unwrap();
    assert_eq!(claimed[0].run.id, id);
    (id, Token(token))
}

async fn ended(store: &dyn Store) {
    let (run, token) = start(store, hooked(new(COMPLETED, "capital"), "a.test:443", None, Form::Official), 1).await;
    let told = |key: &str, body| Report { key: key.to_owned(), body };
    let plan = ReportBody::Message { step: Step::Plan, message: "Look\nup \u{fffd} it.".to_owned() };
    let stats = ReportBody::Stats { meter: 40, considered: 3, read: 2, sample: vec!["corpus:x".to_owned()] };
    let reports = vec![told("plan", plan), told("stats", stats)];
    store.apply(run, Command::Report { token, reports, steps: Vec::new() }, THEN).await.unwrap();
    store.apply(run, Command::Finish, THEN).await.unwrap();
    let output = Bytes::from_static(b"{ \"type\":\"text\",\"content\":\"Ulaanbaatar\" }");
    store.apply(run, Command::Complete { token, output, reports: Vec::new() }, THEN).await.unwrap();

    // What is carried is bytes, whatever they are.
    let odd =
        NewRun { input: Bytes::from_static(b"\xff\x00 no text"), processor: "base".to_owned(), ..new(FAILED, "") };
    let (run, token) = start(store, hooked(odd, "[::1]:80", Some("whsec_c2VjcmV0"), Form::Guide), 2).await;
    let why = Failure { code: FailureCode::Processor, message: "cannot \"be\"".to_owned() };
    store.apply(run, Command::Fail { token, why, reports: Vec::new() }, THEN).await.unwrap();

    for (run, receiver) in [(GIVEN_UP, "gone.test:1"), (SENT_NOW, "slow.test:1")] {
        store.submit(hooked(new(run, "x"), receiver, None, Form::Official), THEN).await.unwrap();
        store.apply(run, Command::Cancel, THEN).await.unwrap();
    }
    store.submit(new(CANCELLED, "nothing"), THEN).await.unwrap();
    store.apply(CANCELLED, Command::Cancel, THEN).await.unwrap();
    sent(store).await;
}

/// The first is delivered at the second try, another owed after one, one given up, and a sender is at the last.
async fn sent(store: &dyn Store) {
    let answer = |status, retry_after| Heard::Answer { status, retry_after, excerpt: "so\n".to_owned() };
    let nothing = || Heard::Nothing { why: "refused".to_owned() };
    let owed = store.claim_deliveries(deliveries(7), THEN).await.unwrap();
    assert_eq!(owed.len(), 4);
    for of in owed {
        let heard = match of.delivery.id.run {
            SENT_NOW => continue,
            GIVEN_UP => answer(410, None),
            COMPLETED => answer(503, Some(Duration::from_secs(9))),
            _ => nothing(),
        };
        store.keep_body(of.delivery.id, Bytes::from(format!("{{\"of\":\"{}\"}}", of.delivery.id))).await.unwrap();
        let attempt = Attempt { at: THEN, took: Duration::from_micros(1_234), heard };
        store.settle(of.delivery.id, Token(7), attempt, 5).await.unwrap();
    }
    let again = store.deliveries(COMPLETED).await.unwrap()[0].delivery.id;
    store.redeliver(again, THEN).await.unwrap();
    let claimed = store.claim_deliveries(deliveries(8), THEN).await.unwrap();
    assert_eq!(claimed[0].delivery.id, again);
    let attempt = Attempt { at: THEN, took: Duration::ZERO, heard: answer(204, None) };
    store.settle(again, Token(8), attempt, 5).await.unwrap();
}

async fn at_work(store: &dyn Store) {
    let (run, token) = start(store, NewRun { owner: Owner::named("key_ada"), ..new(RUNNING, "long") }, 11).await;
    let step = |key: &str, body: &'static [u8]| Entry::new(key, body).unwrap();
    let steps = vec![step("search:\u{fc}", b"{\"hits\": []}"), step("a page", b"\xff\x00 no text")];
    store.apply(run, Command::Report { token, reports: Vec::new(), steps }, THEN).await.unwrap();
    let (run, token) = start(store, hooked(new(ASKING, "which?"), "ask.test:443", None, Form::Official), 12).await;
    let question = Question {
        text: "Which \"Springfield\"?".to_owned(),
        default: Some("\"Illinois\"".to_owned()),
        deadline: Some(LATER),
    };
    let steps = vec![step("search:1", b"")];
    store.apply(run, Command::Report { token, reports: Vec::new(), steps }, THEN).await.unwrap();
    store.apply(run, Command::Ask { token, question: question.clone() }, THEN).await.unwrap();
    store.apply(run, Command::Answer { answer: "\"Ohio\"".to_owned() }, THEN).await.unwrap();
    store.claim(claim(&[13]), THEN).await.unwrap();
    store.apply(run, Command::Ask { token: Token(13), question }, THEN).await.unwrap();
    let (run, _) = start(store, new(CANCELLING, "stop"), 14).await;
    store.apply(run, Command::Cancel, THEN).await.unwrap();
}

async fn queued(store: &dyn Store) {
    let (run, token) = start(store, NewRun { events: false, ..new(WAITING, "again") }, 15).await;
    let why = Failure { code: FailureCode::Attempts, message: "not now".to_owned() };
    store.apply(run, Command::Retry { token, why, not_before: LATER }, THEN).await.unwrap();
    let run = NewRun {
        metadata: Some(Bytes::from_static(br#"{"a":  "\u00e9", "b": 1e3}"#)),
        warnings: Some(Bytes::from_static(br#"[{"message":"odd"}]"#)),
        lineage: Lineage { previous: Some(COMPLETED), rerun_of: Some(FORGOTTEN) },
        deadline: Some(LATER),
        secrets: Some(SECRET.to_owned().into()),
        ..new(QUEUED, "capital of Chad")
    };
    store.submit(run, THEN).await.unwrap();
}

async fn receipts(store: &dyn Store) {
    let create = Create::Run(Box::new(new(ONCE, "once")));
    assert!(matches!(store.once(ticket(), create, THEN).await.unwrap(), Once::New { .. }));
    let tries = |n| Ticket { route: "groups".to_owned(), sign: Sign::Tries(n), ..ticket() };
    let group = NewGroup { id: GroupId::from_u128(3), owner: Owner::local(), metadata: None };
    store.once(tries(0), Create::Group(group.clone()), THEN).await.unwrap();
    store.once(tries(1), Create::Group(group), THEN).await.unwrap();
    let route = Ticket { route: "group runs".to_owned(), ..ticket() };
    let runs = Create::Runs(GroupId::from_u128(3), vec![new(id(32), "of another group")]);
    let Once::New { receipt, .. } = store.once(route, runs, THEN).await.unwrap() else { panic!("it is new") };
    store.handed_over(receipt).await.unwrap();
}

/// Two texts that were cited under one address, one of which came with the program.
async fn sources(store: &dyn Store) {
    let text = |text: &str, retrieved_at: Option<Micros>| {
        let (url, title) = ("corpus:lands/mongolia".to_owned(), "Mongolia".to_owned());
        let published = retrieved_at.map(|_| "2026-01-02".to_owned());
        Source { hash: hash_of(text), url, title, text: text.to_owned(), retrieved_at, published }.packed().unwrap()
    };
    let (one, other) = ("The capital of Mongolia is\nUlaanbaatar.", "Ülan Bator \"is\" it.");
    store.keep_sources(vec![text(one, None), text(other, Some(THEN))]).await.unwrap();
}

/// The delivery that a sender was at.
pub(crate) const UNDER_WAY: DeliveryId = DeliveryId { run: SENT_NOW, seq: 2 };
