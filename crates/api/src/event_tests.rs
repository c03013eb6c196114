//! Every event as bytes, and as a client reads it.

use legwork_core::fact::Report;
use legwork_core::run::{Failure, FailureCode, Question, Status};

use super::*;
use crate::result::tests::a_run;
use crate::sse;

fn fact(seq: u64, what: What) -> Fact {
    Fact { seq, at: Micros(1_745_439_709_000_000), what }
}

fn state(status: Status) -> What {
    What::State { status, failure: None, question: None }
}

fn told(body: ReportBody) -> What {
    What::Progress { report: Report { key: "k".to_owned(), body } }
}

fn one_of_each() -> Vec<Fact> {
    let message = |step| told(ReportBody::Message { step, message: format!("about {step:?}") });
    let sample = vec!["corpus:factbook/mongolia".to_owned()];
    let why = Failure { code: FailureCode::Processor, message: "it cannot be done".to_owned() };
    let question = Question { text: "Which Springfield?".to_owned(), default: None, deadline: None };
    let whats = [
        state(Status::Queued),
        state(Status::Running),
        message(Step::ExecStatus),
        message(Step::Plan),
        message(Step::Search),
        message(Step::Extract),
        message(Step::ToolCall),
        message(Step::Result),
        told(ReportBody::Stats { meter: 40, considered: 12, read: 2, sample }),
        What::State { status: Status::ActionRequired, failure: None, question: Some(question) },
        What::Answer { answer: "\"Illinois\"".to_owned() },
        What::Finish,
        What::State { status: Status::Failed, failure: Some(why), question: None },
        state(Status::Completed),
    ];
    whats.into_iter().zip(1..).map(|(what, seq)| fact(seq, what)).collect()
}

fn output() -> Bytes {
    Bytes::from_static(br#"{"type":"text","content":"42","basis":[]}"#)
}

#[test]
fn every_fact_is_one_event() {
    let run = a_run();
    let mut stream = Vec::new();
    for fact in one_of_each() {
        let output = (fact.what == state(Status::Completed)).then(output);
        let event = Event::of(&run, &fact, output.as_ref());
        sse::frame(&mut stream, &EventId::in_run(run.id, fact.seq).to_string(), event.name(), &event);
    }
    insta::assert_snapshot!(String::from_utf8(stream).unwrap());
}

#[test]
fn a_client_reads_what_the_server_writes() {
    for fact in one_of_each() {
        let event = Event::of(&a_run(), &fact, None);
        let json = serde_json::to_string(&event).unwrap();
        let read = Event::read(&json).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
        assert_eq!(read.id(), Some(EventId::in_run(a_run().id, fact.seq).to_string().as_str()), "{json}");
    }
}

#[test]
fn events_of_other_servers_are_read_or_passed_over() {
    let stats =
        r#"{"type":"task_run.progress_stats","source_stats":{"num_sources_considered":null},"progress_meter":12.5}"#;
    let Event::Stats(stats) = Event::read(stats).unwrap() else { panic!("not stats") };
    assert!((stats.progress_meter - 12.5).abs() < f64::EPSILON);
    let odd = Event::read(r#"{"type":"task_run.progress_msg.tool","message":"?"}"#).unwrap();
    assert!(matches!(odd, Event::Unknown));
    assert!(Event::read("{").is_err());
}

#[test]
fn a_cursor_is_of_one_log() {
    let (one, other) = (RunId::from_u128(0x0199_a1b2), RunId::from_u128(0x0199_a1b3));
    let text = EventId::in_run(one, 17).to_string();
    assert_eq!(text, "17-99a1b2");
    let read = |run, text: &str| EventId::in_run(run, 0).same_log(text);
    assert_eq!(read(one, &text), Some(17));
    assert_eq!(read(other, &text), None);
    for odd in ["", "17", "17-", "-99a1b2", "17-99A1B2", "+17-99a1b2", "017-99a1b2", "17-99a1b2 ", "x-99a1b2"] {
        assert_eq!(read(one, odd), None, "{odd:?}");
    }
    assert_eq!(EventId::in_store("store_00ff12ab", 3).to_string(), "3-ff12ab");
}
