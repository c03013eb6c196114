//! What a commit has to tell once it is on disk: hints to those who wait, and what is counted.

use std::sync::Arc;
use std::time::Duration;

use legwork_core::id::{GroupId, RunId};
use legwork_core::run::{Run, Status};
use legwork_core::store::Nudge;
use legwork_core::time::Micros;

use crate::metrics::{Metrics, Processor};

/// Gathered while a transaction is open; told when it is on disk, else dropped.
#[derive(Default)]
pub(super) struct Told {
    /// Runs that changed.
    pub(super) changed: Vec<RunId>,
    /// Groups whose runs changed, each once as long as its runs come together.
    pub(super) grouped: Vec<GroupId>,
    /// Something was put into the queue.
    pub(super) queued: bool,
    /// Something is due at a webhook, now or later.
    pub(super) due: bool,
    /// The log grew.
    pub(super) logged: bool,
    /// How many deliveries more are owed than before.
    pub(super) more_owed: i64,
    moves: Vec<Move>,
}

/// A run that went from one status to another.
struct Move {
    of: Arc<Processor>,
    from: Option<Status>,
    to: Status,
    age: Duration,
    /// How long the run was what it was before.
    lasted: Duration,
}

impl Told {
    /// Runs of this group changed, or were added.
    pub(super) fn grouped(&mut self, id: GroupId) {
        if self.grouped.last() != Some(&id) {
            self.grouped.push(id);
        }
    }

    /// This run came into being, or went on from a status to the one in `to`; `run` is as it was before.
    pub(super) fn moved(&mut self, metrics: &Metrics, run: &Run, from: Option<Status>, to: Status, now: Micros) {
        let of = metrics.processor(&run.processor);
        let (age, lasted) = (now.since(run.created_at), now.since(run.life.modified_at));
        self.moves.push(Move { of, from, to, age, lasted });
    }

    /// Counts what happened, and wakes those who wait for it.
    pub(super) fn tell(&self, nudge: &dyn Nudge, metrics: &Metrics) {
        for Move { of, from, to, age, lasted } in &self.moves {
            of.moved(*from, *to, *age);
            if *from == Some(Status::Running) && matches!(to, Status::Completed | Status::Failed) {
                of.worked(*lasted);
            }
        }
        metrics.more_owed(self.more_owed);
        self.changed.iter().for_each(|id| nudge.changed(*id));
        self.grouped.iter().for_each(|id| nudge.grouped(*id));
        if self.queued {
            nudge.queued();
        }
        if self.due {
            nudge.owed();
        }
        if self.logged {
            nudge.logged();
        }
    }
}
