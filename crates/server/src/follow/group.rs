//! Following a group: its runs as they are now, and what becomes of them.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use legwork_api::event::{Event, EventId, GroupStatusEvent, StateEvent};
use legwork_api::group::TaskGroupStatus;
use legwork_api::run::TaskRun;
use legwork_api::sse;
use legwork_core::group::Group;
use legwork_core::id::GroupId;
use legwork_core::store::{GroupRun, GroupRuns, Store, StoreError};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::lines::Lines;
use crate::metrics::{Metrics, Waiter};

/// How many ends are told in one go.
const PAGE: usize = 200;

/// A reader of a group's runs as they are now. It ends with the last of them, and waits for nobody.
pub(crate) struct Members {
    store: Arc<dyn Store>,
    group: GroupId,
    which: GroupRuns,
    after: u64,
    is_end: bool,
}

impl Members {
    pub(super) fn new(store: Arc<dyn Store>, group: GroupId, which: GroupRuns, after: u64) -> Self {
        Self { store, group, which, after, is_end: false }
    }

    /// The next runs; `None` after the last. May be dropped and called again: nothing is lost by it.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        while !self.is_end {
            let page = self.store.group_runs(self.group, self.after, &self.which).await?;
            (self.after, self.is_end) = (page.upto, page.is_end);
            let mut frames = Vec::new();
            page.runs.iter().for_each(|of| frame(&mut frames, self.group, of));
            if !frames.is_empty() {
                return Ok(Some(frames.into()));
            }
        }
        Ok(None)
    }
}

fn frame(frames: &mut Vec<u8>, group: GroupId, of: &GroupRun) {
    let carried = |json: &Option<Bytes>| json.as_ref().and_then(|json| serde_json::from_slice(json).ok());
    let id = EventId::in_group(group, of.place).to_string();
    let event = Event::State(Box::new(StateEvent {
        event_id: Some(id.clone()),
        input: carried(&of.input),
        run: TaskRun::from(&of.run),
        output: carried(&of.output),
    }));
    sse::frame(frames, &id, event.name(), &event);
}

/// A reader of what becomes of a group: how it stands, and each end of a run. It ends when nothing goes on in the group.
pub(crate) struct Course {
    store: Arc<dyn Store>,
    bell: Arc<Notify>,
    group: GroupId,
    after: u64,
    told: Option<TaskGroupStatus>,
    until: Instant,
    is_over: bool,
    _counted: Waiter,
}

impl Course {
    pub(super) fn new(
        store: Arc<dyn Store>,
        lines: &Arc<Lines>,
        group: GroupId,
        after: u64,
        until: Instant,
        metrics: &Arc<Metrics>,
    ) -> Self {
        let bell = lines.bell(group);
        Self { store, bell, group, after, told: None, until, is_over: false, _counted: metrics.subscriber() }
    }

    /// The next events; `None` when none will come, or the time is up. May be dropped and called again: nothing is lost
    /// by it.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        while !self.is_over {
            let bell = self.bell.clone();
            let mut rung = pin!(bell.notified());
            rung.as_mut().enable();
            // The group first: when it is at rest, all ends that it counts are in the page.
            let Some(group) = self.store.group(self.group).await? else { return Ok(None) };
            let page = self.store.group_ends(self.group, self.after, PAGE).await?;
            let mut frames = Vec::new();
            if self.told.is_none() {
                self.tell(&mut frames, &group);
            }
            for (place, run, fact) in &page.entries {
                let id = EventId::in_group(self.group, *place).to_string();
                let event = Event::state(run, fact, Some(id.clone()), None);
                sse::frame(&mut frames, &id, event.name(), &event);
            }
            self.after = page.upto;
            if page.is_end {
                self.tell(&mut frames, &group);
                self.is_over = !group.counts.is_active();
            }
            if !frames.is_empty() {
                return Ok(Some(frames.into()));
            }
            if page.is_end && !self.is_over {
                tokio::select! {
                    () = rung => {}
                    () = sleep_until(self.until) => self.is_over = true,
                }
            }
        }
        Ok(None)
    }

    /// How the group stands, if that is news.
    fn tell(&mut self, frames: &mut Vec<u8>, group: &Group) {
        let status = TaskGroupStatus::from(group);
        if self.told.as_ref() == Some(&status) {
            return;
        }
        let id = EventId::in_group(self.group, self.after).to_string();
        let told = GroupStatusEvent { event_id: Some(id.clone()), status: status.clone() };
        let event = Event::GroupStatus(Box::new(told));
        sse::frame(frames, &id, event.name(), &event);
        self.told = Some(status);
    }
}
