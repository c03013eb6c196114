//! The processes that share the store: this one says there that it lives, and hears of the others.
//!
//! What was heard last is kept in memory, so that a create is accepted without a look at the store. A name that nobody had
//! then is looked for once more before it is refused.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use legwork_core::node::{self, ANNOUNCE_EVERY, Node, Worry};
use legwork_core::store::{Store, StoreError};
use tokio::sync::{Mutex, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::clock::Clock;
use crate::processors::Registry;

/// How soon it is tried again when the store did not take it.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// How long the store may take to hear that this process stops; it notices anyway.
const FAREWELL: Duration = Duration::from_secs(2);

/// The nodes on the store, as this one of them knows them.
pub(crate) struct Nodes {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// This process, without what changes.
    this: Node,
    processors: Registry,
    /// Those that were alive when they were last looked at.
    heard: watch::Sender<Arc<[Node]>>,
    /// Held by whoever reads, so that nothing older takes the place of something newer.
    reading: Mutex<()>,
}

impl Nodes {
    /// Of this process, with what it works with or could.
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, this: Node, processors: Registry) -> Self {
        let heard = watch::Sender::new(Arc::from([]));
        Self { store, clock, this, processors, heard, reading: Mutex::new(()) }
    }

    /// Announces this process again and again until `stop`, then takes it off the list: it takes no more work.
    pub(crate) async fn stay(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let pause = if self.once().await { ANNOUNCE_EVERY } else { TRY_AGAIN };
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(pause) => {}
            }
        }
        match timeout(FAREWELL, self.store.leave(self.this.id)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                warn!(error = &error as &dyn std::error::Error, "could not say that this process stops");
            }
            Err(_) => warn!("could not say in time that this process stops"),
        }
    }

    /// Announces this process as it is now, and hears of the others; returns whether that worked.
    pub(crate) async fn once(&self) -> bool {
        match self.announce().await {
            Ok(()) => true,
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "could not announce this process, will try again");
                false
            }
        }
    }

    async fn announce(&self) -> Result<(), StoreError> {
        let processors = if self.this.role.works() { self.processors.fingerprints() } else { [].into() };
        self.store.announce(Node { processors, ..self.this.clone() }, self.clock.now()).await?;
        self.look().await
    }

    async fn look(&self) -> Result<(), StoreError> {
        let _reading = self.reading.lock().await;
        let alive = self.store.nodes(self.clock.now()).await?;
        self.heard.send_replace(alive.into());
        Ok(())
    }

    /// The nodes that were alive when they were last looked at.
    pub(crate) fn heard(&self) -> Arc<[Node]> {
        self.heard.borrow().clone()
    }

    /// Whether some node has a processor of this name, be it this one.
    pub(crate) async fn have(&self, processor: &str) -> Result<bool, StoreError> {
        let is_known = || self.processors.has(processor) || any_works_with(&self.heard(), processor);
        if is_known() {
            return Ok(true);
        }
        self.look().await?;
        Ok(is_known())
    }

    /// The names of all processors that some node has, in order.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let own = self.processors.names().map(str::to_owned);
        own.chain(self.heard().iter().flat_map(|node| node.processors.keys().cloned())).collect()
    }

    /// What an operator should know.
    pub(crate) fn worries(&self) -> Vec<Worry> {
        let mut worries = node::worries(&self.heard());
        // That it works itself it knows without the store.
        worries.retain(|worry| *worry != Worry::NobodyWorks || !self.this.role.works());
        worries
    }
}

fn any_works_with(nodes: &[Node], processor: &str) -> bool {
    nodes.iter().any(|node| node.processors.contains_key(processor))
}

#[cfg(test)]
mod tests;
