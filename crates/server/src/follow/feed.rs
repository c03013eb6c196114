//! Following the states of all of an owner's runs.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use legwork_api::event::{Event, EventId};
use legwork_api::sse;
use legwork_core::fact::Fact;
use legwork_core::id::{GroupId, Owner};
use legwork_core::run::{Run, Status};
use legwork_core::store::{Store, StoreError};

use super::lines::Lines;
use crate::metrics::{Metrics, Waiter};

/// How many facts are looked at in one go: some milliseconds.
const PAGE: usize = 1000;

/// Which states to tell of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Only when this state is entered.
    pub(crate) status: Option<Status>,
    /// Only by runs of this group.
    pub(crate) group: Option<GroupId>,
}

/// A reader of the log of all of an owner's runs.
pub(crate) struct Feed {
    store: Arc<dyn Store>,
    lines: Arc<Lines>,
    owner: Owner,
    wanted: Wanted,
    after: u64,
    _counted: Waiter,
}

impl Feed {
    pub(super) fn new(
        store: Arc<dyn Store>,
        lines: Arc<Lines>,
        owner: Owner,
        wanted: Wanted,
        after: u64,
        metrics: &Arc<Metrics>,
    ) -> Self {
        Self { store, lines, owner, wanted, after, _counted: metrics.subscriber() }
    }

    /// The next states, as soon as there are any. May be dropped and called again: nothing is lost by it.
    pub(crate) async fn next(&mut self) -> Result<Bytes, StoreError> {
        loop {
            let mut logged = pin!(self.lines.log_grew());
            logged.as_mut().enable();
            let page = self.store.feed(&self.owner, self.after, PAGE).await?;
            let states = page.entries.iter().filter(|(_, run, fact)| self.wants(run, fact));
            let mut frames = Vec::new();
            for (place, run, fact) in states {
                let id = EventId::in_store(self.store.id(), *place).to_string();
                let event = Event::state(run, fact, Some(id.clone()), None);
                sse::frame(&mut frames, &id, event.name(), &event);
            }
            self.after = page.upto;
            if !frames.is_empty() {
                return Ok(frames.into());
            }
            if page.is_end {
                logged.await;
            }
        }
    }

    fn wants(&self, run: &Run, fact: &Fact) -> bool {
        self.wanted.status.is_none_or(|status| fact.what.entered() == Some(status))
            && self.wanted.group.is_none_or(|group| run.group == Some(group))
    }
}
