//! Whatever is asked of them, in whatever order, the stores give the same answers and end up with the same logs.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join;
use legwork_core::command::Command;
use legwork_core::delivery::{Attempt, DeliveryId, Form, Heard, Tells, Webhook};
use legwork_core::fact::{Report, ReportBody, Step};
use legwork_core::fair::Limits;
use legwork_core::id::{GroupId, NodeId, Owner, RunId, Token};
use legwork_core::journal::Entry;
use legwork_core::receipt::{Sign, Ticket};
use legwork_core::run::{Failure, FailureCode, Lineage, Question};
use legwork_core::store::{Claim, Create, DeliveryClaim, GroupRuns, ListQuery, NewGroup, NewRun, Store};
use legwork_core::time::Micros;
use proptest::prelude::*;

use super::sqlite::SqliteStore;
use crate::config::DatabaseUrl;
use crate::metrics::Metrics;
use crate::testing::Deaf;
use crate::testing::database::{Database, apart};

/// Something that is asked of a store. Numbers name what there is by then, the newest first.
#[derive(Clone, Debug)]
enum Op {
    Submit { owner: u8, processor: u8, has_webhook: bool },
    SubmitTogether(usize),
    Once { key: u8, body: u8 },
    Retry { tries: u32, body: u8 },
    Claim { room: usize, each_owner: Option<usize>, each_processor: Option<usize> },
    WithLease(usize, Deed),
    Cancel(usize),
    Answer(usize),
    Finish(usize),
    Forget(usize),
    ClaimDeliveries(usize),
    Settle(usize, u16),
    Redeliver(usize),
    Pass(u64),
    Sweep,
    Search,
}

/// What a worker does with a run it has, or had.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Report(u8),
    Keep(u8),
    Complete,
    Fail,
    Retry,
    GiveBack,
    Ask,
    Renew,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let which = || 0..6_usize;
    let deed = prop_oneof![
        (0..3_u8).prop_map(Deed::Report),
        (0..3_u8).prop_map(Deed::Keep),
        Just(Deed::Complete),
        Just(Deed::Fail),
        Just(Deed::Retry),
        Just(Deed::GiveBack),
        Just(Deed::Ask),
        Just(Deed::Renew),
    ];
    let limit = || prop_oneof![Just(None), (0..3_usize).prop_map(Some)];
    let op = prop_oneof![
        4 => (0..3_u8, 0..2_u8, any::<bool>())
            .prop_map(|(owner, processor, has_webhook)| Op::Submit { owner, processor, has_webhook }),
        2 => (1..4_usize).prop_map(Op::SubmitTogether),
        1 => (0..2_u8, 0..2_u8).prop_map(|(key, body)| Op::Once { key, body }),
        1 => (0..3_u32, 0..2_u8).prop_map(|(tries, body)| Op::Retry { tries, body }),
        4 => (1..4_usize, limit(), limit())
            .prop_map(|(room, each_owner, each_processor)| Op::Claim { room, each_owner, each_processor }),
        6 => (which(), deed).prop_map(|(n, deed)| Op::WithLease(n, deed)),
        2 => which().prop_map(Op::Cancel),
        1 => which().prop_map(Op::Answer),
        1 => which().prop_map(Op::Finish),
        1 => which().prop_map(Op::Forget),
        2 => (1..4_usize).prop_map(Op::ClaimDeliveries),
        2 => (which(), prop_oneof![Just(200_u16), Just(500)]).prop_map(|(n, status)| Op::Settle(n, status)),
        1 => which().prop_map(Op::Redeliver),
        2 => (1..40_u64).prop_map(Op::Pass),
        2 => Just(Op::Sweep),
        1 => Just(Op::Search),
    ];
    prop::collection::vec(op, 1..50)
}

/// Two stores that are asked the same, and what is known of both.
struct Pair<'a> {
    one: &'a dyn Store,
    two: &'a dyn Store,
    now: Micros,
    next: u64,
    runs: Vec<RunId>,
    leases: Vec<(RunId, Token)>,
    sent: Vec<(DeliveryId, Token)>,
}

const GROUP: GroupId = GroupId::from_u128(1);

/// Asks both, and checks that they say the same.
macro_rules! both {
    ($pair:expr, |$store:ident| $asked:expr) => {{
        let ask = async |$store: &dyn Store| $asked.await;
        let (one, two) = join(ask($pair.one), ask($pair.two)).await;
        assert_eq!(shown(&one), shown(&two));
        one
    }};
}

/// An answer as it is compared. Errors of the stores themselves are worded as each likes.
fn shown(answer: &impl Debug) -> String {
    let text = format!("{answer:?}");
    if text.contains("Inconsistent(") { "inconsistent".to_owned() } else { text }
}

impl Pair<'_> {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn new_run(&mut self, owner: u8, processor: u8, has_webhook: bool) -> NewRun {
        let id = RunId::from_u128(u128::from(self.number()));
        self.runs.push(id);
        let webhook = Webhook {
            url: format!("https://hook{processor}.example.com/"),
            receiver: format!("hook{processor}.example.com:443"),
            secret: Some("whsec_x".to_owned()),
            form: Form::Official,
        };
        NewRun {
            id,
            owner: Owner::named(format!("owner{owner}")),
            processor: ["base", "pro"][usize::from(processor)].to_owned(),
            input: Bytes::from(format!("{{\"input\":\"question number {id}\"}}")),
            metadata: Some(Bytes::from(format!("{{\"owner\":\"{owner}\",\"n\":{processor}}}"))),
            warnings: None,
            group: None,
            lineage: Lineage { previous: self.runs.iter().rev().nth(2).copied(), rerun_of: None },
            events: true,
            deadline: (processor == 1).then(|| self.now + Duration::from_mins(10)),
            webhook: has_webhook.then_some((webhook, Tells { ends: true, questions: true })),
            secrets: (owner == 1).then(|| format!("secret of {id}").into()),
        }
    }

    fn nth<T: Copy>(of: &[T], n: usize) -> Option<T> {
        of.iter().rev().nth(n).copied()
    }

    async fn step(&mut self, op: Op) {
        self.now = self.now + Duration::from_millis(7);
        let now = self.now;
        match op {
            Op::Submit { owner, processor, has_webhook } => {
                let new = self.new_run(owner, processor, has_webhook);
                both!(self, |store| store.submit(new.clone(), now)).unwrap();
            }
            Op::SubmitTogether(count) => {
                let runs: Vec<_> = (0..count).map(|_| self.new_run(0, 0, true)).collect();
                both!(self, |store| store.submit_to_group(GROUP, runs.clone(), now)).unwrap();
            }
            Op::Once { key, body } => self.once(Sign::Key(format!("key{key}")), body).await,
            Op::Retry { tries, body } => self.once(Sign::Tries(tries), body).await,
            Op::Claim { room, each_owner, each_processor } => self.claim(room, each_owner, each_processor).await,
            Op::WithLease(n, deed) => self.with_lease(n, deed).await,
            Op::Cancel(n) => self.with_run(n, Command::Cancel).await,
            Op::Answer(n) => self.with_run(n, Command::Answer { answer: "1".to_owned() }).await,
            Op::Finish(n) => self.with_run(n, Command::Finish).await,
            Op::Forget(n) => {
                if let Some(id) = Self::nth(&self.runs, n) {
                    let _ = both!(self, |store| store.forget(id));
                }
            }
            Op::ClaimDeliveries(room) => self.claim_deliveries(room).await,
            Op::Settle(n, status) => {
                let Some((id, token)) = Self::nth(&self.sent, n) else { return };
                let heard = Heard::Answer { status, retry_after: None, excerpt: "so \0 be it".to_owned() };
                let attempt = Attempt { at: now, took: Duration::from_millis(3), heard };
                let settled = both!(self, |store| store.settle(id, token, attempt.clone(), 7));
                settled.unwrap();
            }
            Op::Redeliver(n) => {
                let Some((id, _)) = Self::nth(&self.sent, n) else { return };
                both!(self, |store| store.redeliver(id, now)).unwrap();
            }
            Op::Pass(seconds) => self.now = self.now + Duration::from_secs(seconds),
            Op::Sweep => self.sweep().await,
            Op::Search => while both!(self, |store| store.index_some(5)).unwrap() > 0 {},
        }
    }

    async fn once(&mut self, sign: Sign, body: u8) {
        let now = self.now;
        let new = self.new_run(0, 0, false);
        let ticket = Ticket { owner: Owner::named("owner0"), route: "runs".to_owned(), body: [body; 32], sign };
        both!(self, |store| store.once(ticket.clone(), Create::Run(Box::new(new.clone())), now)).unwrap();
    }

    async fn claim(&mut self, room: usize, each_owner: Option<usize>, each_processor: Option<usize>) {
        let now = self.now;
        let tokens: Vec<_> = (0..room).map(|_| Token(self.number())).collect();
        let limits = Limits {
            each_owner,
            each_processor: each_processor.map(|most| ("base".to_owned(), most)).into_iter().collect(),
        };
        let claim = Claim {
            node: NodeId(1),
            room: [("base".to_owned(), room), ("pro".to_owned(), room)].into(),
            limits,
            tokens,
            until: now + Duration::from_secs(30),
        };
        let claimed = both!(self, |store| store.claim(claim.clone(), now)).unwrap();
        let lease = |run: &legwork_core::run::Run| run.life.state.lease().map(|lease| (run.id, lease.token));
        self.leases.extend(claimed.iter().filter_map(|claimed| lease(&claimed.run)));
    }

    async fn with_lease(&self, n: usize, deed: Deed) {
        let Some((run, token)) = Self::nth(&self.leases, n) else { return };
        let why = Failure { code: FailureCode::Processor, message: "it cannot be".to_owned() };
        let told = |n: u8| Report {
            key: format!("told\0{n}"),
            body: ReportBody::Message { step: Step::Plan, message: format!("step {n}") },
        };
        let output = Bytes::from_static(b"{\"type\":\"text\",\"content\":\"an answer\"}");
        let command = match deed {
            Deed::Report(n) => Command::Report { token, reports: vec![told(n), told(n + 1)], steps: Vec::new() },
            Deed::Keep(n) => {
                // Of one name twice: the first stays.
                let body = |more: &str| format!("step {n} of {}{more}", token.0);
                let step = |key: u8, more| Entry::new(format!("step:{key}"), body(more)).unwrap();
                let steps = vec![step(n, ""), step(n + 1, ""), step(n, " again")];
                Command::Report { token, reports: vec![told(n)], steps }
            }
            Deed::Complete => Command::Complete { token, output, reports: vec![told(0)] },
            Deed::Fail => Command::Fail { token, why, reports: Vec::new() },
            Deed::Retry => Command::Retry { token, why, not_before: self.now + Duration::from_secs(3) },
            Deed::GiveBack => Command::GiveBack { token },
            Deed::Ask => {
                let deadline = Some(self.now + Duration::from_mins(1));
                Command::Ask { token, question: Question { text: "Which?".to_owned(), default: None, deadline } }
            }
            Deed::Renew => Command::Renew { token, until: self.now + Duration::from_secs(30) },
        };
        let now = self.now;
        let _ = both!(self, |store| store.apply(run, command.clone(), now));
    }

    async fn with_run(&self, n: usize, command: Command) {
        let Some(run) = Self::nth(&self.runs, n) else { return };
        let now = self.now;
        let _ = both!(self, |store| store.apply(run, command.clone(), now));
    }

    async fn claim_deliveries(&mut self, room: usize) {
        let (now, token) = (self.now, Token(self.number()));
        let until = now + Duration::from_mins(1);
        let owners = BTreeMap::new();
        let claim = DeliveryClaim { token, room, room_each_owner: 4, room_each_receiver: 2, owners, until };
        // Those that are due since the same moment may come in any order.
        let ask = async |store: &dyn Store| {
            let mut owed = store.claim_deliveries(claim.clone(), now).await.unwrap();
            owed.sort_by_key(|owed| owed.delivery.id);
            owed
        };
        let (one, two) = join(ask(self.one), ask(self.two)).await;
        assert_eq!(shown(&one), shown(&two));
        for owed in one {
            let id = owed.delivery.id;
            both!(self, |store| store.keep_body(id, Bytes::from_static(b"said"))).unwrap();
            self.sent.push((id, token));
        }
    }

    async fn sweep(&mut self) {
        let now = self.now;
        let ask = async |store: &dyn Store| {
            let mut due = store.due(now, 100).await.unwrap();
            due.sort_by_key(|(id, _)| *id);
            due
        };
        let (one, two) = join(ask(self.one), ask(self.two)).await;
        assert_eq!(one, two);
        for (id, command) in one {
            let _ = both!(self, |store| store.apply(id, command.clone(), now));
        }
        both!(self, |store| store.forget_receipts(now, 10)).unwrap();
    }

    /// All that can be read of both is the same.
    async fn compare(&self) {
        let now = self.now;
        for id in self.runs.iter().copied() {
            both!(self, |store| store.result(id)).unwrap();
            both!(self, |store| store.input(id)).unwrap();
            both!(self, |store| store.webhook(id)).unwrap();
            both!(self, |store| store.facts(id, 0, 1000)).unwrap();
            both!(self, |store| store.journal(id)).unwrap();
            let (one, two) = join(self.one.secrets(id), self.two.secrets(id)).await;
            assert_eq!(one.unwrap(), two.unwrap());
            both!(self, |store| store.place(id, 100, now)).unwrap();
            let logs = async |store: &dyn Store| shown(&store.deliveries(id).await.unwrap()).replace("\\0", "\u{fffd}");
            let (one, two) = join(logs(self.one), logs(self.two)).await;
            assert_eq!(one, two);
        }
        for number in 0..3 {
            let owner = Owner::named(format!("owner{number}"));
            let all = ListQuery { owner: Some(owner.clone()), limit: 1000, ..ListQuery::default() };
            let of = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
            let words = ListQuery { words: Some("question numb*".to_owned()), ..all.clone() };
            let labelled = ListQuery { metadata: of("n", "1"), ..all.clone() };
            let on = ListQuery { previous: self.runs.first().copied(), ..all.clone() };
            for query in [ListQuery { limit: 3, ..all.clone() }, all, words, labelled, on] {
                both!(self, |store| store.list(&query)).unwrap();
            }
            let feed = async |store: &dyn Store| {
                let page = store.feed(&owner, 0, 10_000).await.unwrap();
                page.entries.into_iter().map(|(place, run, fact)| (place, run.id, fact)).collect::<Vec<_>>()
            };
            let (one, two) = join(feed(self.one), feed(self.two)).await;
            assert_eq!(one, two);
        }
        both!(self, |store| store.group(GROUP)).unwrap();
        both!(self, |store| store.group_places(GROUP)).unwrap();
        let which = GroupRuns { with_input: true, with_output: true, limit: 1000, ..GroupRuns::default() };
        both!(self, |store| store.group_runs(GROUP, 0, &which)).unwrap();
        let ends = async |store: &dyn Store| {
            let page = store.group_ends(GROUP, 0, 1000).await.unwrap();
            page.entries.into_iter().map(|(place, run, fact)| (place, run.id, fact)).collect::<Vec<_>>()
        };
        let (one, two) = join(ends(self.one), ends(self.two)).await;
        assert_eq!(one, two);
        both!(self, |store| store.feed_end()).unwrap();
    }
}

async fn agree(url: DatabaseUrl, ops: Vec<Op>) {
    let folder = tempfile::tempdir().unwrap();
    let one = SqliteStore::open(&folder.path().join("legwork.db"), Arc::new(Deaf), Metrics::new([])).unwrap();
    let two = super::postgres::PostgresStore::open(&url, Arc::new(Deaf), Metrics::new([])).await.unwrap();
    let now = Micros(1_000_000);
    let (runs, leases, sent) = (Vec::new(), Vec::new(), Vec::new());
    let mut pair = Pair { one: &one, two: &two, now, next: 100, runs, leases, sent };
    let group = NewGroup { id: GROUP, owner: Owner::named("owner0"), metadata: None };
    both!(pair, |store| store.create_group(group.clone(), now)).unwrap();
    for op in ops {
        pair.step(op).await;
    }
    pair.compare().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn both_stores_say_the_same_whatever_they_are_asked(ops in ops()) {
        if let Some(server) = Database::server() {
            let database = apart(async move { server.fresh().await });
            let url = database.url().clone();
            apart(agree(url, ops));
        }
    }
}
