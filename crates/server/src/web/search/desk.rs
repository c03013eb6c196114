//! The desk at which one provider is asked: within its limits, with an end to all patience, and not while it is down.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::found::Query;
use super::limits::{Breaker, Spacing};
use super::provider::{self, Answer, Trouble, mcp};
use crate::clock::Clock;
use crate::config::search::{Engine, Provider};
use crate::reach::retry_after;
use crate::web::wire::{Direct, Unreached, Wire};

/// How long a provider may take to answer, a second try among it.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long a question waits for its turn.
const IN_LINE: Duration = Duration::from_secs(8);
/// How long a provider is left alone that is busy and does not say for how long.
const BUSY: Duration = Duration::from_secs(1);
/// How large an answer may be: twenty pages with their texts are.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Where one provider is asked.
pub(super) struct Desk {
    pub(super) provider: Provider,
    wire: Result<Arc<dyn Wire>, Unreached>,
    line: mcp::Line,
    places: Semaphore,
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
}

struct State {
    breaker: Breaker,
    spacing: Spacing,
    /// What was wrong last, for those who are not let in because of it.
    last: String,
}

impl Desk {
    /// A desk from which requests go straight to the provider.
    pub(super) fn new(provider: Provider, clock: Arc<dyn Clock>) -> Self {
        let wire = Direct::to(&provider.base).map(|direct| Arc::new(direct) as Arc<dyn Wire>);
        Self::by(wire, provider, clock)
    }

    /// A desk from which requests go this way.
    pub(super) fn by(wire: Result<Arc<dyn Wire>, Unreached>, provider: Provider, clock: Arc<dyn Clock>) -> Self {
        let state =
            State { breaker: Breaker::default(), spacing: Spacing::new(provider.per_second), last: String::new() };
        let places = Semaphore::new(provider.at_once.get());
        Self { provider, wire, line: mcp::Line::default(), places, state: Mutex::new(state), clock }
    }

    /// What the provider has for a query, or what is wrong, in words that follow its name.
    pub(super) async fn ask(&self, query: &Query) -> Result<Answer, String> {
        self.admit()?;
        let until = Instant::now() + IN_LINE;
        let _place = timeout_at(until, self.places.acquire())
            .await
            .map_err(|_| {
                format!("has more questions to answer than it can take ({} at a time)", self.provider.at_once)
            })?
            .map_err(|closed| closed.to_string())?;
        let turn = self.with(|state, now| state.spacing.turn(now, until.duration_since(now)));
        let at = turn
            .map_err(|wait| format!("has no turn left for so soon: the next is in {} s", wait.as_secs_f64().ceil()))?;
        sleep_until(at).await;
        let answered = timeout(PATIENCE, self.answer(query)).await;
        let answered = answered
            .unwrap_or_else(|_| Err(Trouble::Failed(format!("did not answer within {} s", PATIENCE.as_secs()))));
        self.with(|state, now| match &answered {
            Ok(_) => state.breaker.answered(),
            Err(trouble) => {
                state.breaker.failed(now);
                state.last = trouble.to_string();
            }
        });
        answered.map_err(|trouble| trouble.to_string())
    }

    fn admit(&self) -> Result<(), String> {
        self.with(|state, now| {
            state.breaker.admit(now).map_err(|rest| {
                let rest = rest.as_secs_f64().ceil();
                format!("failed again and again, and is left alone for {rest} s more; it {}", state.last)
            })
        })
    }

    /// One try, and another if the provider is only busy and wants to be asked again while there is patience left.
    async fn answer(&self, query: &Query) -> Result<Answer, Trouble> {
        let until = Instant::now() + PATIENCE;
        let (after, says) = match self.once(query).await {
            Err(Trouble::Busy { after, says }) => (after, says),
            answered => return answered,
        };
        let wait = after.unwrap_or(BUSY);
        let turn = self.with(|state, now| {
            // Others who ask meanwhile wait, too.
            state.spacing.hold(now + wait);
            // What is left for the second try has to be enough for an answer.
            state.spacing.turn(now, until.duration_since(now).saturating_sub(BUSY))
        });
        let Ok(at) = turn else {
            let says = format!("{says}; it wants to be left alone for {} s", wait.as_secs_f64().ceil());
            return Err(Trouble::Busy { after, says });
        };
        sleep_until(at).await;
        self.once(query).await
    }

    async fn once(&self, query: &Query) -> Result<Answer, Trouble> {
        let wire = self.wire.as_ref().map_err(|error| Trouble::from(error.clone()))?;
        if let Engine::Mcp(tool) = &self.provider.engine {
            return self.line.ask(wire, &self.provider, tool, query).await;
        }
        let now = self.clock.now();
        let today = now.to_string();
        let today = today.split('T').next().unwrap_or_default();
        let request = match provider::request(&self.provider, query, today) {
            Ok(Some(request)) => request,
            // Nothing of what it has may be used.
            Ok(None) => return Ok(Answer::default()),
            Err(why) => return Err(Trouble::Failed(why)),
        };
        let reply = wire.send(request).await?;
        let (status, headers) = (reply.status, reply.headers.clone());
        let by_its_headers = provider::wait(&self.provider, &headers);
        if let Some(wait) = by_its_headers {
            self.with(|state, now| state.spacing.hold(now + wait));
        }
        let body = reply.whole(MOST_BYTES).await?;
        provider::read(&self.provider, status, &headers, &body).map_err(|trouble| match trouble {
            Trouble::Busy { after, says } => {
                Trouble::Busy { after: after.or_else(|| retry_after(&headers, now)).or(by_its_headers), says }
            }
            failed @ Trouble::Failed(_) => failed,
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut State, Instant) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner), Instant::now())
    }
}
