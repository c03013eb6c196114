//! Days in the life: random lists of operations on a real store with a clock moved by hand, crashes among them.
//! Whatever the list, every accepted run ends once, its log tells the whole story, and its webhook is told of its end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use legwork_core::command::Command;
use legwork_core::delivery::{Attempt, DeliveryId, Heard, Standing};
use legwork_core::fair::Limits;
use legwork_core::group::Counts;
use legwork_core::id::{GroupId, NodeId, Owner, RunId, Token};
use legwork_core::journal::Entry;
use legwork_core::run::{Failure, FailureCode, Status};
use legwork_core::store::{Claim, DeliveryClaim, NewGroup};
use proptest::prelude::*;
use serde_json::Value;

use crate::testing::World;

#[derive(Clone, Debug)]
enum Op {
    Submit,
    SubmitTogether,
    Claim,
    Keep(usize),
    Complete(usize),
    Retry(usize),
    GiveBack(usize),
    Cancel(usize),
    Answer(usize),
    Ask(usize),
    Forget(usize),
    ClaimDeliveries,
    Deliver(usize, u16),
    Redeliver(usize),
    Pass(u64),
    Sweep,
    Crash,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let which = 0..8_usize;
    let op = prop_oneof![
        3 => Just(Op::Submit),
        2 => Just(Op::SubmitTogether),
        4 => Just(Op::Claim),
        3 => which.clone().prop_map(Op::Keep),
        3 => which.clone().prop_map(Op::Complete),
        1 => which.clone().prop_map(Op::Retry),
        1 => which.clone().prop_map(Op::GiveBack),
        2 => which.clone().prop_map(Op::Cancel),
        1 => which.clone().prop_map(Op::Ask),
        1 => which.clone().prop_map(Op::Answer),
        2 => Just(Op::ClaimDeliveries),
        2 => (which.clone(), prop_oneof![Just(200_u16), Just(500)]).prop_map(|(n, status)| Op::Deliver(n, status)),
        1 => which.clone().prop_map(Op::Redeliver),
        1 => which.prop_map(Op::Forget),
        2 => (1..40_u64).prop_map(Op::Pass),
        2 => Just(Op::Sweep),
        1 => Just(Op::Crash),
    ];
    prop::collection::vec(op, 1..60)
}

/// What the world has been told and has answered.
struct Day {
    world: World,
    accepted: Vec<RunId>,
    /// A group, and those of the accepted runs that are in it.
    group: GroupId,
    together: Vec<RunId>,
    /// Every lease ever given, the lost ones too: a late worker keeps trying.
    leases: Vec<(RunId, Token)>,
    /// Every delivery ever claimed, the lost leases too: a late sender keeps trying.
    sent: Vec<(DeliveryId, Token)>,
    /// The deliveries that a receiver has had, by what was recorded.
    received: BTreeSet<DeliveryId>,
    /// The steps that were kept.
    kept: BTreeMap<RunId, Vec<Entry>>,
    tokens: u64,
}

impl Day {
    async fn new() -> Self {
        let world = World::new();
        let group = NewGroup { id: GroupId::from_u128(1), owner: Owner::local(), metadata: None };
        let group = world.runs.create_group(group).await.unwrap().id;
        Self {
            world,
            accepted: Vec::new(),
            group,
            together: Vec::new(),
            leases: Vec::new(),
            sent: Vec::new(),
            received: BTreeSet::new(),
            kept: BTreeMap::new(),
            tokens: 0,
        }
    }

    async fn step(mut self, op: Op) -> Self {
        let why = Failure { code: FailureCode::Processor, message: "not now".to_owned() };
        let not_before = self.world.runs.now() + Duration::from_secs(3);
        match op {
            Op::Submit => self.accepted.push(self.world.submit_with_webhook("x").await),
            Op::SubmitTogether => self.submit_together().await,
            Op::Claim => self.claim(2).await,
            Op::Keep(n) => self.keep(n).await,
            Op::Complete(n) => {
                self.with_lease(n, |token| Command::Complete { token, output: "{}".into(), reports: vec![] }).await;
            }
            Op::Retry(n) => {
                self.with_lease(n, |token| Command::Retry { token, why: why.clone(), not_before }).await;
            }
            Op::GiveBack(n) => self.with_lease(n, |token| Command::GiveBack { token }).await,
            Op::Ask(n) => {
                let question = legwork_core::run::Question { text: "?".to_owned(), default: None, deadline: None };
                self.with_lease(n, |token| Command::Ask { token, question: question.clone() }).await;
            }
            Op::Cancel(n) => self.with_run(n, Command::Cancel).await,
            Op::Answer(n) => self.with_run(n, Command::Answer { answer: "1".to_owned() }).await,
            Op::Forget(n) => self.forget(n).await,
            Op::ClaimDeliveries => drop(self.claim_deliveries().await),
            Op::Deliver(n, status) => self.deliver(n, status).await,
            Op::Redeliver(n) => {
                let Some((id, _)) = self.sent.len().checked_sub(1 + n).map(|at| self.sent[at]) else { return self };
                drop(self.world.runs.redeliver(&Owner::local(), id).await);
            }
            Op::Pass(seconds) => self.world.clock.pass(Duration::from_secs(seconds)),
            Op::Sweep => drop(self.world.sweeper.once().await.unwrap()),
            Op::Crash => {
                self.world = self.world.restarted();
                self.check_journals().await;
            }
        }
        self
    }

    async fn submit_together(&mut self) {
        let input = serde_json::json!({"input": "x", "processor": "base", "webhook_url": "https://hooks.example.com/"});
        let body = serde_json::json!({"inputs": [input, input]});
        let added = self.world.post(&format!("/v1/tasks/groups/{}/runs", self.group), &body.to_string()).await;
        let ids = ["/run_ids/0", "/run_ids/1"].map(|at| added.text(at).parse::<RunId>().unwrap());
        self.accepted.extend(ids);
        self.together.extend(ids);
    }

    async fn claim(&mut self, n: u64) {
        let tokens = (self.tokens..self.tokens + n).map(Token).collect();
        self.tokens += n;
        let room = [("base".to_owned(), usize::try_from(n).unwrap())].into();
        let until = self.world.runs.now() + Duration::from_secs(30);
        let claim = Claim { node: NodeId(1), room, limits: Limits::default(), tokens, until };
        let claimed = self.world.runs.claim(claim).await.unwrap();
        let lease = |run: &legwork_core::run::Run| (run.id, run.life.state.lease().unwrap().token);
        self.leases.extend(claimed.iter().map(|claimed| lease(&claimed.run)));
    }

    async fn claim_deliveries(&mut self) -> usize {
        let token = Token(self.tokens);
        self.tokens += 1;
        let until = self.world.runs.now() + Duration::from_mins(1);
        let owners = BTreeMap::new();
        let claim = DeliveryClaim { token, room: 4, room_each_owner: 4, room_each_receiver: 2, owners, until };
        let claimed = self.world.runs.claim_deliveries(claim).await.unwrap();
        self.sent.extend(claimed.iter().map(|owed| (owed.delivery.id, token)));
        claimed.len()
    }

    /// A receiver has answered with this status, whether its lease still holds or not.
    async fn deliver(&mut self, n: usize, status: u16) {
        let Some((id, token)) = self.sent.len().checked_sub(1 + n).map(|at| self.sent[at]) else { return };
        let heard = Heard::Answer { status, retry_after: None, excerpt: String::new() };
        let attempt = Attempt { at: self.world.runs.now(), took: Duration::ZERO, heard };
        let settled = self.world.runs.settle(id, token, attempt, 7).await.unwrap();
        if settled.is_some_and(|after| matches!(after.standing, Standing::Delivered { .. })) {
            self.received.insert(id);
        }
    }

    /// Refusals are fine: what must hold is checked on the log.
    async fn with_lease(&self, n: usize, command: impl Fn(Token) -> Command) {
        let Some((run, token)) = self.leases.len().checked_sub(1 + n).map(|at| self.leases[at]) else { return };
        drop(self.world.runs.apply(run, command(token)).await);
    }

    /// What was answered is kept, by whichever attempt.
    async fn keep(&mut self, n: usize) {
        let Some((run, token)) = self.leases.len().checked_sub(1 + n).map(|at| self.leases[at]) else { return };
        let kept = self.kept.entry(run).or_default();
        let step = Entry::new(format!("step:{}", kept.len()), format!("{token:?}")).unwrap();
        let command = Command::Report { token, reports: Vec::new(), steps: vec![step.clone()] };
        if self.world.runs.apply(run, command).await.is_ok() {
            kept.push(step);
        }
    }

    /// A run that goes on has all of its steps, one that has ended has none.
    async fn check_journals(&self) {
        for (run, kept) in &self.kept {
            let found = self.world.store.journal(*run).await.unwrap();
            let goes_on = self.accepted.contains(run) && !self.world.status(*run).await.is_ended();
            assert_eq!(found, if goes_on { &**kept } else { &[] }, "{run}");
        }
    }

    async fn with_run(&self, n: usize, command: Command) {
        let Some(run) = self.accepted.len().checked_sub(1 + n).map(|at| self.accepted[at]) else { return };
        drop(self.world.runs.apply(run, command).await);
    }

    async fn forget(&mut self, n: usize) {
        let Some(at) = self.accepted.len().checked_sub(1 + n) else { return };
        if self.world.store.forget(self.accepted[at]).await.is_ok() {
            let run = self.accepted.remove(at);
            self.together.retain(|other| *other != run);
        }
    }

    /// Gives the world time until nothing is left to do.
    async fn evening(&mut self) {
        for run in self.accepted.clone() {
            drop(self.world.runs.apply(run, Command::Answer { answer: "1".to_owned() }).await);
        }
        for _ in 0..200 {
            self.world.clock.pass(Duration::from_mins(1));
            while self.world.sweeper.once().await.unwrap() > 0 {}
            let before = self.leases.len();
            self.claim(8).await;
            let news = self.leases.len() - before;
            for n in 0..news {
                self.with_lease(n, |token| Command::Complete { token, output: "{}".into(), reports: vec![] }).await;
            }
            let owed = self.claim_deliveries().await;
            for n in 0..owed {
                self.deliver(n, 200).await;
            }
            if news + owed == 0 {
                return;
            }
        }
        panic!("the evening has no end");
    }

    /// The counts of the group are a fold over its runs, and it tells the end of each that has ended.
    async fn check_group(&self) {
        let (mut counts, mut ended) = ([0; Status::ALL.len()], BTreeSet::new());
        for run in &self.together {
            let status = self.world.status(*run).await;
            counts.iter_mut().zip(Status::ALL).filter(|(_, of)| *of == status).for_each(|(count, _)| *count += 1);
            ended.extend(status.is_ended().then_some(*run));
        }
        let group = self.world.store.group(self.group).await.unwrap().unwrap();
        assert_eq!(group.counts, Counts::new(counts));
        let ends = self.world.store.group_ends(self.group, 0, 1000).await.unwrap().entries;
        assert_eq!(ends.len(), ended.len());
        assert_eq!(ends.iter().map(|(_, run, _)| run.id).collect::<BTreeSet<_>>(), ended);
    }

    /// What is counted on the way is what lies there.
    async fn check_count(&self) {
        let mut owed = 0;
        for run in &self.accepted {
            let logs = self.world.store.deliveries(*run).await.unwrap();
            owed += logs.iter().filter(|log| log.delivery.standing.is_owed()).count();
        }
        let Value::String(metrics) = self.world.get("/metrics").await.body else { panic!("no text") };
        let line = metrics.lines().find(|line| line.starts_with("legwork_webhooks_owed ")).unwrap();
        assert_eq!(line, format!("legwork_webhooks_owed {owed}"));
    }

    async fn check(&self) {
        for run in &self.accepted {
            let life = self.world.run(*run).await.life;
            let log = self.world.store.facts(*run, 0, 1000).await.unwrap();
            assert_eq!(log.iter().map(|fact| fact.seq).collect::<Vec<_>>(), (1..=life.version).collect::<Vec<_>>());
            assert!(log.windows(2).all(|pair| pair[0].at <= pair[1].at), "the log does not run backwards");
            let states: Vec<Status> = log.iter().filter_map(|fact| fact.what.entered()).collect();
            assert_eq!(states.first(), Some(&Status::Queued));
            assert_eq!(states.last(), Some(&life.status()));
            assert_eq!(states.iter().filter(|status| status.is_ended()).count(), 1, "it ends once: {states:?}");
            let (_, output) = self.world.store.result(*run).await.unwrap().unwrap();
            assert_eq!(output.is_some(), life.status() == Status::Completed);
            let owed = self.world.store.deliveries(*run).await.unwrap();
            assert_eq!(owed.iter().map(|log| log.delivery.id.seq).collect::<Vec<_>>(), [life.version], "its end, once");
            assert!(self.received.contains(&owed[0].delivery.id), "its webhook has been told");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn every_accepted_run_ends_once_whatever_the_day_brings(ops in ops()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut day = Day::new().await;
            for op in ops {
                day = day.step(op).await;
            }
            day.check_group().await;
            day.check_count().await;
            day.check_journals().await;
            day.evening().await;
            day.check_count().await;
            day.check_journals().await;
            day.check().await;
            day.check_group().await;
        });
    }
}
