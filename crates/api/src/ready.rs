//! How a server is that accepts runs, and which processes it shares its store with.

use std::net::SocketAddr;

use legwork_core::id::NodeId;
use legwork_core::node::{Node, Role, Worry};
use legwork_core::time::Micros;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::run::{as_text, as_time};
use crate::warning::{Warning, WarningKind};

/// The answer of `GET /ready` when runs are accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ready {
    /// `ready`.
    pub status: String,
    /// What the operator should know all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// The processes on the store, this one among them. `None` when whoever asks may not see the operator's pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Vec<NodeView>>,
    /// What this process answers with. `None` when it works on nothing, and as `nodes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<Uses>,
}

/// What runs are answered with, in a few words for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uses {
    /// The language models and where they are; `none`, or `off`.
    pub model: String,
    /// Where answers are looked for beside the documents: the search providers by name. Empty where nobody is asked.
    #[serde(default)]
    pub search: Vec<String>,
    /// The documents of the server, by what they are called.
    #[serde(default)]
    pub documents: Vec<String>,
}

impl Ready {
    /// Says so, with these nodes if they are for whoever asks.
    pub fn of(worries: &[Worry], nodes: Option<&[Node]>) -> Self {
        Self {
            status: "ready".to_owned(),
            warnings: worries.iter().map(Warning::from).collect(),
            nodes: nodes.map(|nodes| nodes.iter().map(NodeView::from).collect()),
            uses: None,
        }
    }
}

impl From<&Worry> for Warning {
    fn from(worry: &Worry) -> Self {
        let detail = match worry {
            Worry::NobodyWorks => None,
            Worry::Differ { processors, sides, .. } => {
                let text = |side: &Vec<NodeId>| side.iter().map(NodeId::to_string).collect::<Vec<_>>();
                Some(json!({"processors": processors, "nodes": sides.iter().map(text).collect::<Vec<_>>()}))
            }
        };
        Self { kind: WarningKind::Other, message: worry.to_string(), detail }
    }
}

/// A process that shares the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeView {
    /// Its name.
    #[serde(with = "as_text")]
    pub id: NodeId,
    /// What it does.
    pub role: Role,
    /// What its machine is called.
    pub host: String,
    /// Where it listens. That may be every address of its machine.
    pub address: SocketAddr,
    /// The version of the program.
    pub version: String,
    /// When it started.
    #[serde(with = "as_time")]
    pub started_at: Option<Micros>,
    /// When it was last heard of.
    #[serde(with = "as_time")]
    pub seen_at: Option<Micros>,
    /// Whether it still reads the documents that it answers from.
    pub reading: bool,
}

impl From<&Node> for NodeView {
    fn from(node: &Node) -> Self {
        Self {
            id: node.id,
            role: node.role,
            host: node.host.clone(),
            address: node.address,
            version: node.version.clone(),
            started_at: Some(node.started_at),
            seen_at: Some(node.seen_at),
            reading: node.is_reading(),
        }
    }
}
