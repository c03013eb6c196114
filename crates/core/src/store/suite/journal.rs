//! What every store promises of what a run has for its work alone: the steps that were taken, and its secrets.

use bytes::Bytes;
use futures_util::future::join_all;

use super::{
    AFTER, LEASE, Promise, T, claim, claim_one, complete, id, message, new, output, room, status, submit, told,
};
use crate::command::{Command, Refused};
use crate::fact::Report;
use crate::id::{GroupId, Owner, RunId, Token};
use crate::journal::{Entry, LONGEST_BODY};
use crate::receipt::{Sign, Ticket};
use crate::run::{Failure, FailureCode, Question, Status};
use crate::secret::Secret;
use crate::store::{ApplyError, Create, NewGroup, NewRun, Store};
use crate::time::Micros;

/// The promises with their names.
pub(super) fn promises() -> Vec<(&'static str, Promise)> {
    vec![
        ("steps_come_back_in_the_order_in_which_they_were_kept", |s| {
            Box::pin(steps_come_back_in_the_order_in_which_they_were_kept(s))
        }),
        ("of_two_steps_of_one_name_the_first_is_kept", |s| Box::pin(of_two_steps_of_one_name_the_first_is_kept(s))),
        ("the_next_attempt_finds_what_was_kept_before_it", |s| {
            Box::pin(the_next_attempt_finds_what_was_kept_before_it(s))
        }),
        ("who_lost_his_lease_keeps_nothing", |s| Box::pin(who_lost_his_lease_keeps_nothing(s))),
        ("a_step_and_what_it_told_come_together_or_not_at_all", |s| {
            Box::pin(a_step_and_what_it_told_come_together_or_not_at_all(s))
        }),
        ("a_journal_ends_with_its_run", |s| Box::pin(a_journal_ends_with_its_run(s))),
        ("a_step_that_is_kept_beside_the_end_is_gone", |s| Box::pin(a_step_that_is_kept_beside_the_end_is_gone(s))),
        ("a_big_step_comes_back_whole", |s| Box::pin(a_big_step_comes_back_whole(s))),
        ("secrets_are_kept_until_the_run_has_ended", |s| Box::pin(secrets_are_kept_until_the_run_has_ended(s))),
        ("many_may_keep_steps_at_once", |s| Box::pin(many_may_keep_steps_at_once(s))),
    ]
}

fn step(key: &str, body: &str) -> Entry {
    Entry::new(key, body.to_owned()).unwrap()
}

fn keep(token: Token, steps: &[&str], reports: Vec<Report>) -> Command {
    Command::Report {
        token,
        reports,
        steps: steps.iter().map(|key| step(key, &format!("{key} by {token:?}"))).collect(),
    }
}

async fn apply(store: &dyn Store, run: RunId, command: Command) {
    store.apply(run, command, T).await.unwrap();
}

async fn keys(store: &dyn Store, run: RunId) -> Vec<String> {
    store.journal(run).await.unwrap().iter().map(|step| step.key().to_owned()).collect()
}

/// A run that is being worked on under this token.
async fn at_work(store: &dyn Store, number: u128, token: u64) -> Token {
    submit(store, new(number), T).await;
    let (run, token) = claim_one(store, token).await;
    assert_eq!(run, id(number));
    token
}

async fn steps_come_back_in_the_order_in_which_they_were_kept(store: &dyn Store) {
    let (one, two) = (at_work(store, 1, 1).await, at_work(store, 2, 2).await);
    apply(store, id(1), keep(one, &["z", "a"], vec![])).await;
    apply(store, id(2), keep(two, &["a", "m"], vec![])).await;
    apply(store, id(1), keep(one, &["k"], vec![])).await;
    apply(store, id(1), keep(one, &["b"], vec![])).await;
    assert_eq!(keys(store, id(1)).await, ["z", "a", "k", "b"]);
    assert_eq!(keys(store, id(2)).await, ["a", "m"]);
    assert_eq!(keys(store, id(3)).await, [""; 0]);
    let before = store.run(id(1)).await.unwrap().unwrap().life;
    assert_eq!((before.version, before.papers), (2, true), "a step is no fact");
}

async fn of_two_steps_of_one_name_the_first_is_kept(store: &dyn Store) {
    let token = at_work(store, 1, 1).await;
    let steps = vec![step("a", "first"), step("b", "other"), step("a", "second")];
    apply(store, id(1), Command::Report { token, reports: vec![], steps }).await;
    apply(store, id(1), Command::Report { token, reports: vec![message("x")], steps: vec![step("b", "late")] }).await;
    assert_eq!(store.journal(id(1)).await.unwrap(), [step("a", "first"), step("b", "other")]);
    assert_eq!(told(store, id(1), 2).await.len(), 1, "what it told is recorded all the same");
}

/// However the attempt before it ended, between whichever two steps.
async fn the_next_attempt_finds_what_was_kept_before_it(store: &dyn Store) {
    let mut token = at_work(store, 1, 1).await;
    let why = || Failure { code: FailureCode::Processor, message: "not now".to_owned() };
    let question = || Question { text: "Which?".to_owned(), default: None, deadline: None };
    let mut kept = Vec::new();
    for n in 0..4_u64 {
        for _ in 0..n {
            let key = format!("step:{}", kept.len());
            apply(store, id(1), keep(token, &[&key], vec![])).await;
            kept.push(key);
        }
        match n {
            0 => drop(store.apply(id(1), Command::Lapse { token }, AFTER).await.unwrap()),
            1 => apply(store, id(1), Command::GiveBack { token }).await,
            2 => apply(store, id(1), Command::Retry { token, why: why(), not_before: T }).await,
            _ => {
                apply(store, id(1), Command::Ask { token, question: question() }).await;
                assert_eq!(keys(store, id(1)).await, kept, "while it waits for an answer, too");
                apply(store, id(1), Command::Answer { answer: "1".to_owned() }).await;
            }
        }
        let claimed = store.claim(room(&[("base", 1)], n + 2..n + 3), AFTER).await.unwrap();
        assert_eq!(claimed[0].run.life.papers, !kept.is_empty(), "whoever takes it knows whether there is something");
        token = claimed[0].run.life.state.lease().unwrap().token;
        assert_eq!(keys(store, id(1)).await, kept);
    }
}

async fn who_lost_his_lease_keeps_nothing(store: &dyn Store) {
    let late = at_work(store, 1, 1).await;
    apply(store, id(1), keep(late, &["a"], vec![])).await;
    store.apply(id(1), Command::Lapse { token: late }, AFTER).await.unwrap();
    for _ in 0..2 {
        let refused = store.apply(id(1), keep(late, &["b"], vec![message("b")]), AFTER).await.unwrap_err();
        assert!(matches!(refused, ApplyError::Refused(Refused::Stale)), "{refused}");
        assert_eq!(keys(store, id(1)).await, ["a"]);
        // In the queue, and then while another is at it.
        claim(store, 1, 2).await;
    }
    apply(store, id(1), keep(Token(2), &["b"], vec![])).await;
    assert_eq!(store.journal(id(1)).await.unwrap()[1], step("b", "b by Token(2)"));
}

async fn a_step_and_what_it_told_come_together_or_not_at_all(store: &dyn Store) {
    let token = at_work(store, 1, 1).await;
    apply(store, id(1), keep(token, &["a"], vec![message("a")])).await;
    let stale = store.apply(id(1), keep(Token(9), &["b"], vec![message("b")]), T).await;
    assert!(stale.is_err());
    assert_eq!((keys(store, id(1)).await.len(), told(store, id(1), 2).await.len()), (1, 1));
    apply(store, id(1), complete(token)).await;
    let late = store.apply(id(1), keep(token, &["c"], vec![message("c")]), T).await.unwrap_err();
    assert!(matches!(late, ApplyError::Refused(Refused::Ended(Status::Completed))));
    assert_eq!((keys(store, id(1)).await.len(), told(store, id(1), 3).await.len()), (0, 1));
}

/// All that may end a run that is being worked on, or was.
fn ends(token: Token) -> [Vec<(Micros, Command)>; 8] {
    let why = || Failure { code: FailureCode::Processor, message: "no".to_owned() };
    let question = || Question { text: "Which?".to_owned(), default: None, deadline: Some(LEASE) };
    let ask = || (T, Command::Ask { token, question: question() });
    let (cancel, give_back) = ((T, Command::Cancel), (T, Command::GiveBack { token }));
    [
        vec![(T, complete(token))],
        vec![(T, Command::Fail { token, why: why(), reports: vec![] })],
        vec![cancel.clone(), give_back.clone()],
        vec![cancel.clone(), (Micros(AFTER.0 * 2), Command::Lapse { token })],
        vec![cancel.clone(), (T, complete(token))],
        vec![ask(), cancel],
        vec![ask(), (AFTER, Command::Expire)],
        vec![give_back, (T, Command::Reject { why: why() })],
    ]
}

async fn a_journal_ends_with_its_run(store: &dyn Store) {
    for (number, way) in (1_u64..).zip(0..8) {
        let (run, token) = (id(number.into()), at_work(store, number.into(), number).await);
        apply(store, run, keep(token, &["a", "b"], vec![])).await;
        for (at, command) in ends(token)[way].clone() {
            assert_eq!(keys(store, run).await.len(), 2, "before {command:?}");
            store.apply(run, command, at).await.unwrap();
        }
        let life = store.run(run).await.unwrap().unwrap().life;
        assert!(life.status().is_ended() && !life.papers, "{life:?}");
        assert_eq!(keys(store, run).await, [""; 0], "{life:?}");
    }
}

/// Be it in the same commit.
async fn a_step_that_is_kept_beside_the_end_is_gone(store: &dyn Store) {
    for number in 1..=5 {
        let token = at_work(store, number, u64::try_from(number).unwrap()).await;
        let steps =
            [store.apply(id(number), keep(token, &["a"], vec![]), T), store.apply(id(number), complete(token), T)];
        assert!(join_all(steps).await.iter().all(Result::is_ok));
        assert_eq!(keys(store, id(number)).await, [""; 0]);
        assert!(output(store, id(number)).await.is_some());
    }
}

async fn a_big_step_comes_back_whole(store: &dyn Store) {
    let token = at_work(store, 1, 1).await;
    let body = Bytes::from((0..LONGEST_BODY).map(|n| u8::try_from(n % 251).unwrap()).collect::<Vec<_>>());
    let steps = vec![Entry::new("big", body).unwrap(), step("small", "")];
    apply(store, id(1), Command::Report { token, reports: vec![], steps: steps.clone() }).await;
    assert!(store.journal(id(1)).await.unwrap() == steps);
    // Others that stand beside it stay.
    let token = at_work(store, 2, 2).await;
    apply(store, id(2), keep(token, &["small"], vec![])).await;
    apply(store, id(1), Command::Cancel).await;
    apply(store, id(1), Command::GiveBack { token: Token(1) }).await;
    assert_eq!((keys(store, id(1)).await.len(), keys(store, id(2)).await.len()), (0, 1));
}

/// With steps beside them and without, in a group or not, however it ended.
async fn secrets_are_kept_until_the_run_has_ended(store: &dyn Store) {
    let secret = |number: u64| Secret::from(format!("{{\"sesame {number}\": \"\u{fc}\"}}"));
    let with = |number: u64| NewRun { secrets: Some(secret(number)), ..new(number.into()) };
    let group = NewGroup { id: GroupId::from_u128(1), owner: Owner::local(), metadata: None };
    store.create_group(group, T).await.unwrap();
    for number in 1..=3 {
        assert!(submit(store, with(number), T).await.life.papers);
    }
    store.submit_to_group(GroupId::from_u128(1), vec![with(4), new(5)], T).await.unwrap().unwrap();
    let ticket = Ticket { owner: Owner::local(), route: "runs".to_owned(), body: [1; 32], sign: Sign::Tries(0) };
    store.once(ticket, Create::Run(Box::new(with(6))), T).await.unwrap();
    let kept = async |number: u64| store.secrets(id(number.into())).await.unwrap();
    for (number, token) in [(1, 1), (2, 2)] {
        assert_eq!(claim_one(store, token).await.0, id(number));
    }
    apply(store, id(2), keep(Token(2), &["a"], vec![])).await;
    apply(store, id(2), Command::GiveBack { token: Token(2) }).await;
    assert_eq!(claim_one(store, 3).await.0, id(2));
    for number in [1, 2, 3, 4, 6] {
        assert_eq!(kept(number).await, Some(secret(number)));
    }
    assert_eq!((kept(5).await, kept(7).await), (None, None));
    apply(store, id(1), complete(Token(1))).await;
    apply(store, id(2), Command::Cancel).await;
    assert_eq!(kept(2).await, Some(secret(2)), "while it is being stopped");
    apply(store, id(2), Command::GiveBack { token: Token(3) }).await;
    for number in [3, 4, 6] {
        apply(store, id(number), Command::Cancel).await;
    }
    for number in 1..=6 {
        assert_eq!(kept(number).await, None, "{number}");
    }
    store.forget(id(1)).await.unwrap();
}

/// Of one run and of many, and more of them than are read in one go.
async fn many_may_keep_steps_at_once(store: &dyn Store) {
    let runs = 1..=4_u64;
    for number in runs.clone() {
        submit(store, NewRun { events: false, ..new(number.into()) }, T).await;
    }
    for claimed in claim(store, 4, 1).await {
        assert_eq!(status(store, claimed.run.id).await, Status::Running);
    }
    let owner = async |number: u128| store.run(id(number)).await.unwrap().unwrap().life.state.lease().unwrap().token;
    let mut all = Vec::new();
    for number in runs.clone() {
        let token = owner(number.into()).await;
        all.extend((0..40).map(|n| (id(number.into()), keep(token, &[&format!("step:{n}")], vec![]))));
    }
    let answers = join_all(all.into_iter().map(|(run, command)| store.apply(run, command, T))).await;
    assert!(answers.iter().all(Result::is_ok));
    for number in runs {
        let expected: Vec<_> = (0..40).map(|n| format!("step:{n}")).collect();
        assert_eq!(keys(store, id(number.into())).await, expected);
    }
}
