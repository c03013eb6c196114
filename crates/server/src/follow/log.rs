//! Reading a run's log as it grows: the stretch after a cursor, as the bytes that a stream sends.
//!
//! Whoever stands at the end of the log shares what was read and encoded for the first of them; whoever is behind reads
//! pages, which never change and are kept for a while.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use legwork_api::event::{Event, EventId};
use legwork_api::sse;
use legwork_core::fact::Fact;
use legwork_core::run::{Run, Status};
use legwork_core::store::{Store, StoreError};

use super::lines::Line;
use super::pages::Pages;
use crate::metrics::{Metrics, Waiter};

/// How many facts a page has: about 60 kB of events.
const PAGE: usize = 256;

/// A stretch of a run's log.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    /// The number of the fact before it.
    pub(super) from: u64,
    /// The number of its last fact.
    pub(super) to: u64,
    /// Its events.
    pub(crate) frames: Bytes,
    /// Whether the run has ended with it.
    pub(crate) is_last: bool,
}

/// What comes next in a log.
pub(super) enum Next {
    /// This.
    Chunk(Chunk),
    /// Nothing yet.
    Nothing,
    /// Nothing ever: the run is gone.
    Gone,
}

/// Where logs are read.
pub(super) struct Source {
    pub(super) store: Arc<dyn Store>,
    pub(super) pages: Pages,
}

impl Source {
    /// The stretch after a fact, and whether the log ends there for now.
    pub(super) async fn read(&self, run: &Run, after: u64) -> Result<(Option<Chunk>, bool), StoreError> {
        if let Some(page) = self.pages.get(run.id, after) {
            return Ok((Some(page), false));
        }
        let facts = self.store.facts(run.id, after, PAGE).await?;
        let Some(last) = facts.last() else { return Ok((None, true)) };
        let (to, is_last, is_full) = (last.seq, is_end(last), facts.len() == PAGE);
        let frames = self.encode(run, &facts).await?;
        let chunk = Chunk { from: after, to, frames, is_last };
        // More will come to a page that is not full, unless the run has ended.
        if is_full || is_last {
            self.pages.keep(run.id, chunk.clone());
        }
        Ok((Some(chunk), !is_full || is_last))
    }

    async fn encode(&self, run: &Run, facts: &[Fact]) -> Result<Bytes, StoreError> {
        let mut frames = Vec::with_capacity(facts.len() * 256);
        for fact in facts {
            let output = if fact.what.entered() == Some(Status::Completed) { self.output(run).await? } else { None };
            let event = Event::of(run, fact, output.as_ref());
            sse::frame(&mut frames, &EventId::in_run(run.id, fact.seq).to_string(), event.name(), &event);
        }
        Ok(frames.into())
    }

    async fn output(&self, run: &Run) -> Result<Option<Bytes>, StoreError> {
        Ok(self.store.result(run.id).await?.and_then(|(_, output)| output))
    }

    /// Whether the run is still there.
    pub(super) async fn is_there(&self, run: &Run) -> Result<bool, StoreError> {
        Ok(self.store.run(run.id).await?.is_some())
    }
}

fn is_end(fact: &Fact) -> bool {
    fact.what.entered().is_some_and(Status::is_ended)
}

/// A reader of one run's log.
pub(crate) struct Log {
    source: Arc<Source>,
    line: Arc<Line>,
    run: Box<Run>,
    after: u64,
    is_over: bool,
    _counted: Waiter,
}

impl Log {
    pub(super) fn new(source: Arc<Source>, line: Arc<Line>, run: Run, after: u64, metrics: &Arc<Metrics>) -> Self {
        Self { source, line, run: Box::new(run), after, is_over: false, _counted: metrics.subscriber() }
    }

    /// The next stretch, as soon as there is one; `None` when none will come. May be dropped and called again: nothing is
    /// lost by it.
    pub(crate) async fn next(&mut self) -> Result<Option<Chunk>, StoreError> {
        while !self.is_over {
            let mut changed = pin!(self.line.changed());
            changed.as_mut().enable();
            match self.line.after(&self.source, &self.run, self.after).await? {
                Next::Chunk(chunk) => {
                    (self.after, self.is_over) = (chunk.to, chunk.is_last);
                    return Ok(Some(chunk));
                }
                Next::Nothing => changed.await,
                Next::Gone => self.is_over = true,
            }
        }
        Ok(None)
    }
}
