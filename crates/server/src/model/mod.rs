//! Language models, wherever they run: whatever speaks OpenAI's chat completions. A run takes the [`Team`] that there is when it
//! begins, and asks it; [`Models`] is who knows which one there is.
//!
//! Without settings a model server that runs on this machine is used by itself. It may come and go.

mod answer;
mod ask;
mod course;
mod endpoint;
mod examine;
mod list;
mod refusal;
mod request;
mod rung;
mod salvage;
mod talker;
mod team;
#[cfg(test)]
mod tests;
mod thought;
mod trouble;

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use self::ask::{Ask, Reply, Role, Schema, Tokens, estimate};
pub use self::examine::{Answered, Examined, examine};
pub use self::team::Team;
pub use self::trouble::{Kind, Trouble};
use crate::config::Llm;
use crate::metrics::Metrics;

/// How often it is looked for models that are not there.
const LOOK: Duration = Duration::from_secs(15);

/// Knows which models there are.
pub struct Models {
    wanted: Option<Llm>,
    team: RwLock<Option<Arc<Team>>>,
    /// Why there were none when it was looked last.
    why_not: Mutex<Vec<String>>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
}

impl Models {
    /// Models as they are wished for; none is there before the first [`Models::look`]. `stop` ends whatever is asked.
    pub(crate) fn new(wanted: Option<Llm>, metrics: Arc<Metrics>, stop: CancellationToken) -> Arc<Self> {
        Arc::new(Self { wanted, team: RwLock::default(), why_not: Mutex::default(), metrics, stop })
    }

    /// The models that there are now; `None` when there are none.
    pub fn team(&self) -> Option<Arc<Team>> {
        self.team.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Which models are in use, in a few words.
    pub fn in_use(&self) -> String {
        match (&self.wanted, self.team()) {
            (_, Some(team)) => team.to_string(),
            (None, None) => "off".to_owned(),
            (Some(_), None) => "none".to_owned(),
        }
    }

    /// Looks for the models that are not there. It does not take long where it is only looked for what runs on this machine.
    pub(crate) async fn look(&self) {
        let Some(wanted) = &self.wanted else { return };
        if self.team().is_some_and(|team| !team.is_lost()) {
            return;
        }
        let found = Team::gather(wanted, self.metrics.clone(), self.stop.clone()).await;
        let why_not = match &found {
            Ok(team) => {
                info!(models = %team, "language models are in use");
                Vec::new()
            }
            Err(why) => why.clone(),
        };
        let before =
            std::mem::replace(&mut *self.why_not.lock().unwrap_or_else(PoisonError::into_inner), why_not.clone());
        // That nothing runs on this machine is as it may be; what was named should be there.
        if !why_not.is_empty() && why_not != before && (wanted.is_named() || self.team().is_some()) {
            warn!(why = why_not.join("; "), "there are no language models");
        }
        *self.team.write().unwrap_or_else(PoisonError::into_inner) = found.ok().map(Arc::new);
    }

    /// Goes on looking, until `stop`.
    pub(crate) async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let looking = async {
            loop {
                sleep(LOOK).await;
                self.look().await;
            }
        };
        stop.run_until_cancelled(looking).await;
    }
}
