//! One model at one endpoint: what is known of it, and one call of it, made again where that is worth it.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use super::answer::Answer;
use super::ask::{Role, Tokens};
use super::endpoint::{Endpoint, Fault, Times};
use super::refusal::Quirks;
use super::request::Request;
use super::rung::Rung;
use super::trouble::Kind;
use crate::config::Price;
use crate::metrics::Metrics;

/// A model, and how it is talked to.
pub(super) struct Talker {
    pub(super) name: String,
    pub(super) endpoint: Arc<Endpoint>,
    /// How many tokens it takes, as the operator says, or the endpoint.
    pub(super) context: Option<u32>,
    pub(super) price: Option<Price>,
    pub(super) pace: Pace,
    /// Nobody named it: it is what the endpoint had to offer.
    pub(super) is_found: bool,
    /// It is not there any more.
    pub(super) is_lost: AtomicBool,
    known: Mutex<Known>,
}

/// How long calls may take, and how long is waited before one is made again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) times: Times,
    /// The first pause; each further one is twice as long.
    pub(super) pause: Duration,
}

/// What was learned of a model by talking to it. Gone with the process.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) quirks: Quirks,
    /// How it is asked for JSON.
    pub(super) rung: Rung,
    /// Whether it has answered like that.
    pub(super) is_proved: bool,
}

/// An endpoint that wants to be left alone longer than this is not waited for.
const LONGEST: Duration = Duration::from_mins(1);
/// How often a call is made again.
const AGAIN: u32 = 3;
/// How often when it was not done in time: that costs most.
const AGAIN_WHEN_LATE: u32 = 1;

/// Counts what calls of one role come to.
pub(super) struct Tally<'a> {
    pub(super) metrics: &'a Metrics,
    pub(super) role: Role,
    pub(super) price: Option<Price>,
    pub(super) tokens: Tokens,
    pub(super) cost: Option<f64>,
}

impl Tally<'_> {
    /// A call came to this.
    pub(super) fn came_to(&self, outcome: &'static str) {
        self.metrics.model_called(self.role.as_str(), outcome);
    }

    /// An answer has to be paid for, or the part of it that came.
    pub(super) fn pays(&mut self, answer: &Answer, prompt: u64) {
        let tokens = answer.tokens(prompt);
        let cost = self.price.map(|price| price.of(tokens)).or(answer.cost());
        self.tokens += tokens;
        self.cost = match (self.cost, cost) {
            (None, None) => None,
            (before, now) => Some(before.unwrap_or_default() + now.unwrap_or_default()),
        };
        self.metrics.model_spent(self.role.as_str(), tokens.prompt, tokens.completion, cost);
    }
}

impl Price {
    #[expect(clippy::cast_precision_loss, reason = "there are no 2^53 tokens in a call")]
    fn of(self, tokens: Tokens) -> f64 {
        (tokens.prompt as f64 * self.input + tokens.completion as f64 * self.output) / 1e6
    }
}

/// A call that is under way. One that is dropped before it came to anything was stopped.
struct Underway<'a, 'b>(Option<&'a Tally<'b>>);

impl Underway<'_, '_> {
    fn ends(mut self) {
        self.0 = None;
    }
}

impl Drop for Underway<'_, '_> {
    fn drop(&mut self) {
        if let Some(tally) = self.0 {
            tally.came_to(Kind::Stopped.as_str());
        }
    }
}

impl Talker {
    pub(super) fn new(name: String, endpoint: Arc<Endpoint>, pace: Pace) -> Self {
        let known = Known { quirks: Quirks::default(), rung: Rung::FIRST, is_proved: false };
        Self {
            name,
            endpoint,
            context: None,
            price: None,
            pace,
            is_found: false,
            is_lost: AtomicBool::new(false),
            known: Mutex::new(known),
        }
    }

    /// What is known now.
    pub(super) fn known(&self) -> Known {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Something was learned.
    pub(super) fn learn(&self, lesson: impl FnOnce(&mut Known)) {
        lesson(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// How many tokens it takes in and gives out together, as far as anybody knows.
    pub(super) fn context(&self) -> Option<u32> {
        let learned = self.known().quirks.context;
        match (self.context, learned) {
            (Some(told), Some(learned)) => Some(told.min(learned)),
            (told, learned) => told.or(learned),
        }
    }

    /// Makes the call, and again after a pause as long as that is worth it. What failed is counted here; what an answer is worth
    /// the caller knows.
    pub(super) async fn call(&self, request: &Request, tally: &mut Tally<'_>) -> Result<Answer, Fault> {
        let _turn = self.endpoint.turn().await;
        let mut made = 0;
        loop {
            let underway = Underway(Some(&*tally));
            let called = self.endpoint.call(&request.body, self.pace.times).await;
            underway.ends();
            let fault = match called {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            tally.came_to(fault.kind().as_str());
            if let Some(begun) = fault.begun() {
                tally.pays(begun, request.prompt);
            }
            let again = if request.lesson(&fault).is_some() { None } else { pause(&fault, made, self.pace.pause) };
            let Some(pause) = again else {
                self.may_be_lost(&fault);
                return Err(fault);
            };
            made += 1;
            sleep(pause).await;
        }
    }

    /// What was found because it was there may have gone, or have been changed for another.
    fn may_be_lost(&self, fault: &Fault) {
        let is_gone = match fault {
            Fault::Nobody(_) => true,
            Fault::Refused(refusal) => refusal.status == 404,
            Fault::Late(..) | Fault::Cut(_) | Fault::Empty | Fault::Odd(_) => false,
        };
        if self.is_found && is_gone {
            self.is_lost.store(true, Relaxed);
        }
    }
}

impl Fault {
    /// What kind of trouble it is.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Nobody(_) | Self::Late(..) | Self::Cut(_) | Self::Empty => Kind::Unreachable,
            Self::Refused(refusal) if refusal.is_too_long() => Kind::TooLong,
            Self::Refused(refusal) if refusal.status == 429 && refusal.is_passing() => Kind::Limited,
            Self::Refused(refusal) if refusal.is_passing() => Kind::Unreachable,
            Self::Refused(_) | Self::Odd(_) => Kind::Refused,
        }
    }
}

/// How long to wait before a call is made again that was made again so often; `None` when it is not worth it.
fn pause(fault: &Fault, made: u32, first: Duration) -> Option<Duration> {
    let most = match fault {
        Fault::Nobody(_) | Fault::Cut(_) => AGAIN,
        Fault::Late(..) => AGAIN_WHEN_LATE,
        Fault::Refused(refusal) if refusal.is_passing() && !refusal.is_too_long() => AGAIN,
        Fault::Empty | Fault::Refused(_) | Fault::Odd(_) => 0,
    };
    let asked_for = match fault {
        Fault::Refused(refusal) => refusal.retry_after,
        Fault::Nobody(_) | Fault::Late(..) | Fault::Cut(_) | Fault::Empty | Fault::Odd(_) => None,
    };
    if made >= most || asked_for.is_some_and(|wait| wait > LONGEST) {
        return None;
    }
    let own = varied(first.saturating_mul(1 << made.min(10)).min(LONGEST));
    Some(asked_for.map_or(own, |wait| wait.max(own)))
}

/// Up to a quarter less, so that calls which failed together do not come back as one.
fn varied(pause: Duration) -> Duration {
    let chance = RandomState::new().build_hasher().finish() % 256;
    pause.mul_f64(1.0 - f64::from(u8::try_from(chance).unwrap_or(0)) / 1024.0)
}
