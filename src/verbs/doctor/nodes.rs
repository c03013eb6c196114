//! What `doctor` says of the processes that share a server's store, and of what the one that it asks answers with.

use std::collections::BTreeMap;

use legwork_api::client::Client;
use legwork_api::ready::{NodeView, Ready};
use legwork_core::node::Role;
use tokio::time::timeout;

use super::{PATIENCE, finding};
use crate::checkup::Finding;
use crate::checkup::Health::{Warn, Well};

/// What a server says of them to whoever shows this key. That it says nothing is told elsewhere.
pub(super) async fn of_server(url: &str, key: Option<String>) -> Vec<Finding> {
    let Ok(client) = Client::new(url, key) else { return Vec::new() };
    match timeout(PATIENCE, client.ready()).await {
        Ok(Ok(ready)) => told(&ready),
        Ok(Err(_)) | Err(_) => Vec::new(),
    }
}

/// Each of them, if there are several, what is used, and what there is to worry about.
fn told(ready: &Ready) -> Vec<Finding> {
    let nodes = ready.nodes.as_deref().unwrap_or_default();
    let mut found = Vec::new();
    if nodes.len() > 1 {
        found.extend(nodes.iter().map(|node| finding(Well, "node", one(node))));
        found.extend(versions(nodes));
    }
    found.extend(ready.uses.iter().map(|uses| finding(Well, "model", format!("the server uses {}", uses.model))));
    found.extend(ready.warnings.iter().map(|warning| finding(Warn, "nodes", &*warning.message)));
    found
}

fn one(node: &NodeView) -> String {
    let does = match node.role {
        Role::All => "answers and works",
        Role::Api => "answers",
        Role::Worker => "works",
    };
    let NodeView { id, host, address, version, .. } = node;
    let since = node.started_at.map_or_else(String::new, |at| format!(", since {at}"));
    let reading = if node.reading { ", and still reads its documents" } else { "" };
    format!("{id} {does} on {host} ({address}), version {version}{since}{reading}")
}

/// That they are of several versions, if they are.
fn versions(nodes: &[NodeView]) -> Option<Finding> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    nodes.iter().for_each(|node| *counts.entry(&node.version).or_default() += 1);
    if counts.len() < 2 {
        return None;
    }
    let counts: Vec<_> = counts.into_iter().map(|(version, count)| format!("{version} ({count})")).collect();
    Some(finding(Warn, "nodes", format!("they are of different versions: {}", counts.join(", "))))
}

#[cfg(test)]
mod tests {
    use legwork_core::id::NodeId;
    use legwork_core::node::{Fingerprint, Node, worries};
    use legwork_core::time::Micros;

    use super::*;
    use crate::checkup;
    use crate::render::Style;

    fn node(number: u64, role: Role, print: u64) -> Node {
        let started_at = Micros(1_763_971_200_000_000);
        Node {
            id: NodeId(number),
            role,
            host: format!("machine-{number}"),
            address: ([0, 0, 0, 0], 8787).into(),
            version: "0.1.0".to_owned(),
            started_at,
            seen_at: started_at,
            processors: [("base".to_owned(), (print > 0).then_some(Fingerprint(print)))].into(),
        }
    }

    fn shown(nodes: &[Node]) -> String {
        checkup::lines(&told(&Ready::of(&worries(nodes), Some(nodes))), Style::default())
    }

    #[test]
    fn one_alone_is_not_worth_a_line() {
        assert_eq!(shown(&[node(1, Role::All, 7)]), "");
        let unseen = Ready::of(&[], None);
        assert_eq!(told(&unseen), []);
    }

    #[test]
    fn several_are_shown_with_what_does_not_fit() {
        let mut nodes = [node(1, Role::All, 7), node(2, Role::Worker, 8), node(3, Role::Api, 7), node(4, Role::All, 0)];
        insta::assert_snapshot!("several", shown(&nodes));
        nodes[1].version = "0.2.0".to_owned();
        insta::assert_snapshot!("of_two_versions", shown(&nodes));
    }
}
