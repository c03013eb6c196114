//! The nodes on the embedded store. Its folder has one owner, so that whoever could ask lives in this process: they are
//! kept in memory, and end with it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use legwork_core::id::NodeId;
use legwork_core::node::Node;
use legwork_core::time::Micros;

/// Those that were announced.
#[derive(Debug, Default)]
pub(super) struct Nodes(Mutex<BTreeMap<NodeId, Node>>);

impl Nodes {
    pub(super) fn announce(&self, node: Node, now: Micros) {
        let mut nodes = self.lock();
        nodes.retain(|_, node| node.is_alive(now));
        nodes.insert(node.id, Node { seen_at: now, ..node });
    }

    pub(super) fn alive(&self, now: Micros) -> Vec<Node> {
        let mut alive: Vec<Node> = self.lock().values().filter(|node| node.is_alive(now)).cloned().collect();
        alive.sort_by_key(|node| (node.started_at, node.id));
        alive
    }

    pub(super) fn leave(&self, id: NodeId) {
        self.lock().remove(&id);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<NodeId, Node>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
