//! The whole table of the rules as a snapshot, and what no list of commands may ever break.

use std::fmt::Write as _;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::delivery::Tells;
use crate::fact::Step;

const NOW: Micros = Micros(100_000_000);
const LATER: Micros = Micros(160_000_000);
const SOON: Micros = Micros(102_000_000);
const MINE: Token = Token(7);
const OTHERS: Token = Token(8);

fn why() -> Failure {
    Failure { code: FailureCode::Processor, message: "it is broken".to_owned() }
}

fn question(default: Option<&str>, deadline: Option<Micros>) -> Question {
    Question { text: "Which one?".to_owned(), default: default.map(str::to_owned), deadline }
}

fn lease(until: Micros) -> Lease {
    Lease { node: NodeId(1), token: MINE, attempt: 1, until }
}

fn in_state(state: State) -> Life {
    let started = !matches!(state, State::Queued { .. });
    Life { state, version: 2, attempts: u32::from(started), ..Life::new(Micros(1), true, None) }
}

fn states() -> Vec<(&'static str, Life)> {
    let running = in_state(State::Running { lease: lease(LATER) });
    vec![
        ("queued", in_state(State::Queued { not_before: NOW })),
        ("queued, to wait", in_state(State::Queued { not_before: LATER })),
        ("queued, past its deadline", Life { deadline: Some(NOW), ..in_state(State::Queued { not_before: NOW }) }),
        ("running", running.clone()),
        ("running, told to finish", Life { finish: true, ..running.clone() }),
        ("running, with papers", Life { papers: true, ..running.clone() }),
        ("running, lease ran out", in_state(State::Running { lease: lease(NOW) })),
        (
            "running, last attempt, lease ran out",
            Life { attempts: MAX_ATTEMPTS, ..in_state(State::Running { lease: lease(NOW) }) },
        ),
        ("action_required", in_state(State::ActionRequired { question: question(None, None) })),
        ("action_required, too late", in_state(State::ActionRequired { question: question(None, Some(NOW)) })),
        (
            "action_required, too late, with a default",
            in_state(State::ActionRequired { question: question(Some("1"), Some(NOW)) }),
        ),
        ("cancelling", in_state(State::Cancelling { lease: lease(SOON), stop_by: SOON })),
        ("cancelling, too late", in_state(State::Cancelling { lease: lease(NOW), stop_by: NOW })),
        ("completed", in_state(State::Completed)),
        ("failed", in_state(State::Failed { why: why() })),
        ("cancelled", in_state(State::Cancelled)),
    ]
}

fn stats(meter: u8) -> Report {
    Report {
        key: format!("stats:{meter}"),
        body: ReportBody::Stats { meter, considered: 4, read: 2, sample: Vec::new() },
    }
}

fn message() -> Report {
    Report { key: "plan".to_owned(), body: ReportBody::Message { step: Step::Plan, message: "Look.".to_owned() } }
}

fn step() -> Entry {
    Entry::new("search:1", "found").unwrap()
}

fn commands(token: Token) -> Vec<(&'static str, Command)> {
    let output = Bytes::from_static(b"{}");
    vec![
        ("start", Command::Start { node: NodeId(1), token, until: LATER }),
        ("renew", Command::Renew { token, until: LATER }),
        ("report", Command::Report { token, reports: vec![message(), stats(100)], steps: Vec::new() }),
        ("keep", Command::Report { token, reports: Vec::new(), steps: vec![step()] }),
        ("ask", Command::Ask { token, question: question(None, None) }),
        ("complete", Command::Complete { token, output, reports: vec![stats(100)] }),
        ("fail", Command::Fail { token, why: why(), reports: vec![] }),
        ("retry", Command::Retry { token, why: why(), not_before: LATER }),
        ("give back", Command::GiveBack { token }),
        ("lapse", Command::Lapse { token }),
        ("expire", Command::Expire),
        ("reject", Command::Reject { why: why() }),
        ("cancel", Command::Cancel),
        ("finish", Command::Finish),
        ("answer", Command::Answer { answer: "\"this one\"".to_owned() }),
    ]
}

fn told(fact: &Fact) -> String {
    match &fact.what {
        What::State { status, .. } => status.to_string(),
        What::Answer { .. } => "(answer)".to_owned(),
        What::Finish => "(finish)".to_owned(),
        What::Progress { report: Report { body: ReportBody::Stats { meter, .. }, .. } } => format!("({meter} %)"),
        What::Progress { .. } => "(message)".to_owned(),
    }
}

fn stands(life: &Life) -> String {
    let more = match &life.state {
        State::Queued { not_before } => format!(" from {}", seconds(*not_before)),
        State::Running { lease } => format!(" until {}", seconds(lease.until)),
        State::Cancelling { lease, stop_by } => {
            format!(" until {}, stop by {}", seconds(lease.until), seconds(*stop_by))
        }
        State::Failed { why } => format!(": {}", why.message),
        State::ActionRequired { .. } | State::Completed | State::Cancelled => String::new(),
    };
    let finish = if life.finish { ", to finish" } else { "" };
    let papers = if life.papers { ", with papers" } else { "" };
    format!("{}{more}, attempts {}{finish}{papers}", life.status(), life.attempts)
}

fn seconds(at: Micros) -> String {
    format!("{}s", at.0 / 1_000_000)
}

fn row(life: &Life, command: &Command) -> String {
    match decide(life, command, NOW) {
        Ok(Decision { life: next, facts, .. }) if next == *life && facts.is_empty() => "as it is".to_owned(),
        Ok(Decision { life, facts, .. }) => {
            let facts: Vec<_> = facts.iter().map(told).collect();
            format!("{} [{}]", stands(&life), facts.join(" "))
        }
        Err(refused) => format!("- {refused}"),
    }
}

#[test]
fn the_whole_table() {
    let mut table = String::new();
    for (name, life) in states() {
        writeln!(table, "{name} ({})", stands(&life)).unwrap();
        for (command_name, command) in commands(MINE) {
            writeln!(table, "  {command_name:<10} {}", row(&life, &command)).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_worker_that_lost_its_lease_can_change_nothing() {
    for (name, life) in states() {
        for (command_name, command) in commands(OTHERS).into_iter().filter(|(name, _)| *name != "start") {
            if command.token().is_some() {
                let refused = decide(&life, &command, NOW).unwrap_err();
                assert!(matches!(refused, Refused::Stale | Refused::Ended(_)), "{command_name} when {name}: {refused}");
            }
        }
    }
}

/// At once for the first times; then longer and longer, a few minutes in all.
#[test]
fn a_run_that_is_lost_again_and_again_waits_longer_each_time() {
    let waits: Vec<_> = (1..MAX_ATTEMPTS).map(|n| after_loss(n, NOW).since(NOW).as_secs()).collect();
    assert_eq!(waits, [0, 0, 2, 4, 8, 16, 32, 64, 64]);
    assert_eq!(after_loss(2, NOW), AT_ONCE);
}

#[test]
fn a_run_without_events_records_states_only() {
    let life = Life { events: false, ..in_state(State::Running { lease: lease(LATER) }) };
    let reports = vec![message(), stats(50)];
    let done = decide(&life, &Command::Complete { token: MINE, output: Bytes::new(), reports }, NOW).unwrap();
    assert_eq!(done.facts.iter().map(told).collect::<Vec<_>>(), ["completed"]);
}

#[test]
fn what_the_log_says_already_is_left_out() {
    let command = Command::Report { token: MINE, reports: vec![message(), stats(50)], steps: vec![step()] };
    let unsaid = Command::Report { token: MINE, reports: vec![stats(50)], steps: vec![step()] };
    assert_eq!(command.unsaid(|key| key == "plan"), unsaid);
}

#[test]
fn a_clock_that_steps_back_does_not_turn_the_log_around() {
    let life = Life { modified_at: LATER, ..in_state(State::Running { lease: lease(LATER) }) };
    let decision = decide(&life, &Command::GiveBack { token: MINE }, NOW).unwrap();
    assert_eq!(decision.facts[0].at, LATER);
}

fn any_command() -> impl Strategy<Value = Command> {
    let count = commands(MINE).len();
    (0..count, any::<bool>(), 0..=100_u8, -5..80_i64).prop_map(|(which, mine, meter, seconds)| {
        let token = if mine { MINE } else { OTHERS };
        let (_, command) = commands(token).swap_remove(which);
        if let Command::Report { steps, .. } = command {
            return Command::Report { token, reports: vec![stats(meter)], steps };
        }
        if matches!(command, Command::Renew { .. }) {
            return Command::Renew { token, until: Micros(NOW.0 + seconds * 1_000_000) };
        }
        command
    })
}

fn check_step(before: &Life, after: &Decision) {
    let Decision { life, facts, steps, owed } = after;
    let tells = |fact: &&Fact| matches!(fact.what, What::State { status, .. } if life.tells.of(status));
    assert_eq!(*owed, facts.iter().find(tells).map(|fact| fact.seq), "a webhook is owed what it is to be told of");
    assert!(!before.status().is_ended() || before == life, "nothing changes after the end");
    assert!(!before.status().is_ended() || facts.is_empty(), "nothing is said after the end");
    let numbers: Vec<_> = facts.iter().map(|fact| fact.seq).collect();
    assert_eq!(numbers, (before.version + 1..=life.version).collect::<Vec<_>>(), "facts are numbered without gaps");
    assert!(facts.windows(2).all(|pair| pair[0].at <= pair[1].at), "the log does not run backwards");
    assert!(life.meter >= before.meter && life.meter <= 100, "progress never goes back");
    assert!(life.meter < 100 || life.status() == Status::Completed, "100 comes only with the end");
    assert!(
        steps.is_empty() || life.papers && life.state.lease().is_some(),
        "steps are kept under a lease, and known of"
    );
    assert_eq!(life.papers, !life.status().is_ended() && (before.papers || !steps.is_empty()), "they go with the end");
    assert!(life.attempts <= MAX_ATTEMPTS, "attempts are bounded");
    assert!(life.modified_at >= before.modified_at);
    if life.status() != before.status() {
        assert!(facts.iter().any(|f| matches!(f.what, What::State { status, .. } if status == life.status())));
    }
    if let State::Cancelling { lease, stop_by } = life.state {
        assert!(lease.until <= stop_by, "no renewal extends a lease beyond the time to stop");
    }
    if let (State::Cancelling { stop_by, .. }, State::Cancelling { stop_by: then, .. }) = (&life.state, &before.state) {
        assert_eq!(stop_by, then, "asking again does not give the worker more time");
    }
    if let Some(lease) = life.state.lease() {
        assert_eq!(lease.attempt, life.attempts, "the lease is that of the last start");
    }
}

proptest! {
    #[test]
    fn no_list_of_commands_breaks_a_promise(
        steps in prop::collection::vec((any_command(), 0..30_u64), 1..60),
        events: bool,
        ends: bool,
        questions: bool,
    ) {
        let mut now = NOW;
        let tells = Tells { ends, questions };
        let mut life = Life { tells, ..Life::new(now, events, Some(LATER)) };
        let mut log = 1;
        for (command, pause) in steps {
            now = now + Duration::from_secs(pause);
            if let Ok(decision) = decide(&life, &command, now) {
                check_step(&life, &decision);
                log += decision.facts.len() as u64;
                life = decision.life;
            }
            prop_assert_eq!(log, life.version);
        }
    }
}
