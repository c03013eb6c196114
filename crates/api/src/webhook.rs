//! What a run's webhook is sent (wire.md 4), and what its owner is shown of it.
//!
//! The body is made of a fact and of what never changes of the run, like an event of the run's stream. Its `data` is the
//! official `TaskRun`; the guide's output stands in it as one key more, which no known receiver minds.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use legwork_core::delivery::{Attempt, Delivery, Form, Heard, Standing};
use legwork_core::fact::Fact;
use legwork_core::run::{Run, Status};
use legwork_core::store::DeliveryLog;
use legwork_core::time::Micros;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::run::{TaskRun, as_time};

/// The type of the call that tells of a run's state.
pub const STATUS: &str = "task_run.status";
/// The type of a call that only tries whether a receiver can be reached and verifies what it gets.
pub const TEST: &str = "webhook.test";
/// How long a body may be with its output, in bytes; beyond it `output` is null and `result_url` says where it is.
pub const MOST: usize = 256 * 1024;

/// When the output is in the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// Whatever the form in which the webhook was registered.
    #[default]
    Always,
    /// When it was registered as the guide has it, with `webhook_url`.
    GuideForm,
    /// Never: the receiver asks for `/result`, as with the official service.
    Never,
}

/// The text says nothing about outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is one of always, guide-form, never")]
pub struct NotAnOutput;

impl FromStr for Output {
    type Err = NotAnOutput;

    fn from_str(text: &str) -> Result<Self, NotAnOutput> {
        match text {
            "always" => Ok(Self::Always),
            "guide-form" => Ok(Self::GuideForm),
            "never" => Ok(Self::Never),
            _ => Err(NotAnOutput),
        }
    }
}

impl Output {
    /// Whether the output goes to a webhook that was registered in this form.
    pub const fn goes_to(self, form: Form) -> bool {
        match self {
            Self::Always => true,
            Self::GuideForm => matches!(form, Form::Guide),
            Self::Never => false,
        }
    }
}

/// What goes with the run.
#[derive(Clone, Copy, Debug)]
pub enum Attached<'a> {
    /// Nothing: there is no key `output`.
    Nothing,
    /// The output, which a run has that is completed; else `null`.
    Output {
        /// As it was stored.
        output: Option<&'a Bytes>,
        /// Where it is to be had if it is too long.
        result_url: &'a str,
    },
}

/// The body that tells of a state that the run entered.
pub fn body(run: &Run, fact: &Fact, attached: Attached<'_>) -> Bytes {
    let data =
        serde_json::to_vec(&TaskRun::as_of(run, fact)).expect("a run is JSON: its keys are text, its numbers whole");
    let head = format!(r#"{{"timestamp":"{}","type":"{STATUS}","data":"#, fact.at).into_bytes();
    // The run without its closing brace, so that more keys may follow.
    let open = data.strip_suffix(b"}").unwrap_or(&data);
    let whole = |more: &[&[u8]]| Bytes::from([&[&*head, open], more, &[b"}}"]].concat().concat());
    match attached {
        Attached::Nothing => whole(&[]),
        Attached::Output { output: None, .. } => whole(&[br#","output":null"#]),
        Attached::Output { output: Some(output), result_url } => {
            let body = whole(&[br#","output":"#, output]);
            if body.len() <= MOST {
                return body;
            }
            let url = serde_json::Value::from(result_url).to_string();
            whole(&[br#","output":null,"result_url":"#, url.as_bytes()])
        }
    }
}

/// The body of a call that only tries a receiver.
pub fn test_body(now: Micros) -> Bytes {
    let message = "Your receiver can be reached. If it says that this signature fits, all is well.";
    format!(r#"{{"timestamp":"{now}","type":"{TEST}","data":{{"message":"{message}"}}}}"#).into()
}

/// A webhook's body, as a receiver reads it.
#[derive(Clone, Debug, Deserialize)]
pub struct Call {
    /// When what it tells of happened.
    #[serde(default, with = "as_time")]
    pub timestamp: Option<Micros>,
    /// Of what kind it is: [`STATUS`], [`TEST`], or another server's.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it tells; a run, if it is of the kind [`STATUS`].
    pub data: Box<RawValue>,
}

impl Call {
    /// The run that it tells of, if it does.
    pub fn run(&self) -> Option<TaskRun> {
        (self.kind == STATUS).then(|| serde_json::from_str(self.data.get()).ok()).flatten()
    }
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stands {
    /// It is still to be made, for the first time or again.
    Pending,
    /// An attempt is under way.
    Sending,
    /// The receiver answered with a 2xx.
    Delivered,
    /// It is not tried any more.
    GivenUp,
}

impl fmt::Display for Stands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Sending => "being sent",
            Self::Delivered => "delivered",
            Self::GivenUp => "given up",
        })
    }
}

/// The answer to `GET …/{id}/webhooks`: what was and is owed to a run's webhook, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeliveryPage {
    /// The deliveries. None until the run has ended, or asks.
    pub webhooks: Vec<DeliveryView>,
}

/// A delivery, as its owner is shown it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeliveryView {
    /// Its `webhook-id`, the same at every attempt.
    pub webhook_id: String,
    /// Where it goes.
    pub url: String,
    /// The state of the run that it tells of.
    pub run_status: Status,
    /// How it stands.
    pub status: Stands,
    /// Since when it is owed.
    #[serde(with = "as_time")]
    pub created_at: Option<Micros>,
    /// When it is tried next; nothing while an attempt is under way, which decides that.
    #[serde(with = "as_time")]
    pub next_attempt_at: Option<Micros>,
    /// The attempts that have ended, oldest first.
    pub attempts: Vec<AttemptView>,
}

/// An attempt, as its owner is shown it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptView {
    /// When it began.
    #[serde(with = "as_time")]
    pub at: Option<Micros>,
    /// How long it took, in milliseconds.
    pub took_ms: f64,
    /// The HTTP status of the answer; null when there was none.
    pub status: Option<u16>,
    /// The first bytes of the answer.
    pub answer: Option<String>,
    /// Why there was no answer, or why it was no success if that is not plain.
    pub error: Option<String>,
}

/// The answer to `POST /v1/webhooks/test`: what the receiver said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestView {
    /// The `webhook-id` it was sent with.
    pub webhook_id: String,
    /// Whether it was a 2xx.
    pub delivered: bool,
    /// The attempt.
    pub attempt: AttemptView,
}

/// The answer to `GET /v1/webhooks/secret`: what the caller's webhooks are signed with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretView {
    /// The secrets; each signature is by all of them.
    pub secrets: Vec<String>,
}

impl fmt::Debug for SecretView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretView").finish_non_exhaustive()
    }
}

impl From<&DeliveryLog> for DeliveryView {
    fn from(log: &DeliveryLog) -> Self {
        let DeliveryLog { delivery, status, url, attempts } = log;
        let Delivery { id, owed_at, standing, .. } = delivery;
        let (stands, next) = match standing {
            Standing::Owed { due_at } => (Stands::Pending, Some(*due_at)),
            Standing::Sending { .. } => (Stands::Sending, None),
            Standing::Delivered { .. } => (Stands::Delivered, None),
            Standing::GivenUp { .. } => (Stands::GivenUp, None),
        };
        Self {
            webhook_id: id.to_string(),
            url: url.clone(),
            run_status: *status,
            status: stands,
            created_at: Some(*owed_at),
            next_attempt_at: next,
            attempts: attempts.iter().map(AttemptView::from).collect(),
        }
    }
}

impl From<&Attempt> for AttemptView {
    fn from(attempt: &Attempt) -> Self {
        let (status, answer, error) = match &attempt.heard {
            Heard::Answer { status: status @ 300..=399, excerpt, .. } => {
                (Some(*status), Some(excerpt.clone()), Some("redirects are not followed".to_owned()))
            }
            Heard::Answer { status, excerpt, .. } => (Some(*status), Some(excerpt.clone()), None),
            Heard::Nothing { why } => (None, None, Some(why.clone())),
        };
        let took_ms = (attempt.took.as_secs_f64() * 1e6).round() / 1e3;
        Self { at: Some(attempt.at), took_ms, status, answer, error }
    }
}

#[cfg(test)]
mod tests {
    use legwork_core::delivery::DeliveryId;
    use legwork_core::fact::What;
    use legwork_core::run::State;

    use super::*;
    use crate::result::tests::a_run;

    fn completed() -> (Run, Fact) {
        let mut run = a_run();
        run.life.state = State::Completed;
        let what = What::State { status: Status::Completed, failure: None, question: None };
        (run, Fact { seq: 3, at: Micros(1_745_439_709_000_000), what })
    }

    fn shown(attached: Attached<'_>) -> String {
        let (run, fact) = completed();
        String::from_utf8(body(&run, &fact, attached).to_vec()).unwrap()
    }

    #[test]
    fn a_body_is_the_run_and_its_output() {
        let output = Bytes::from_static(br#"{"type":"text","content":"42"}"#);
        let text = shown(Attached::Output { output: Some(&output), result_url: "https://x/result" });
        insta::assert_snapshot!(text);
        let call: Call = serde_json::from_str(&text).unwrap();
        assert_eq!(call.run().unwrap().status, Status::Completed);
    }

    #[test]
    fn a_body_without_an_output_says_so_unless_outputs_are_never_sent() {
        let none = shown(Attached::Output { output: None, result_url: "" });
        assert!(none.ends_with(r#","output":null}}"#), "{none}");
        assert!(!shown(Attached::Nothing).contains("output"));
        assert!(serde_json::from_str::<Call>(&shown(Attached::Nothing)).unwrap().run().is_some());
    }

    #[test]
    fn an_output_that_is_too_long_is_to_be_fetched() {
        let output = Bytes::from(format!(r#"{{"content":"{}"}}"#, "x".repeat(MOST)));
        let text = shown(Attached::Output { output: Some(&output), result_url: "https://x/\"result" });
        assert!(text.ends_with(r#","output":null,"result_url":"https://x/\"result"}}"#), "{}", text.len());
        assert!(serde_json::from_str::<Call>(&text).unwrap().run().is_some());
    }

    #[test]
    fn what_is_under_way_has_no_next_attempt_yet() {
        let (_, fact) = completed();
        let owed = Delivery::owed(DeliveryId { run: a_run().id, seq: fact.seq }, fact.at);
        let shown = |standing| {
            let delivery = Delivery { standing, ..owed };
            let (url, attempts) = ("https://x/".to_owned(), Vec::new());
            let view = DeliveryView::from(&DeliveryLog { delivery, status: Status::Completed, url, attempts });
            (serde_json::to_value(view.status).unwrap(), view.next_attempt_at)
        };
        assert_eq!(shown(owed.standing), ("pending".into(), Some(fact.at)));
        assert_eq!(shown(Standing::Sending { until: Micros(9) }), ("sending".into(), None));
    }

    #[test]
    fn a_test_is_a_call_of_its_own_kind() {
        let call: Call = serde_json::from_slice(&test_body(Micros(0))).unwrap();
        assert_eq!((call.kind.as_str(), call.run().is_none()), (TEST, true));
    }

    #[test]
    fn outputs_go_where_they_are_wanted() {
        let goes = |text: &str| {
            let output: Output = text.parse().unwrap();
            (output.goes_to(Form::Official), output.goes_to(Form::Guide))
        };
        assert_eq!([goes("always"), goes("guide-form"), goes("never")], [(true, true), (false, true), (false, false)]);
        assert_eq!("often".parse::<Output>(), Err(NotAnOutput));
    }
}
