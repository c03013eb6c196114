//! What the engine does to the world: five things, behind one trait. Everything else in it is plain functions over data.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{Ask, Reply, Trouble as ModelTrouble};
use crate::web::fetch::{Page, Trouble as PageTrouble};
use crate::web::search::{Found, Query, Silence};

/// Asks models, searches, reads pages and calls tools.
#[async_trait]
pub(in crate::processors) trait Hands: Send + Sync {
    /// Asks a model.
    async fn ask(&self, ask: &Ask) -> Result<Reply, ModelTrouble>;

    /// Searches everywhere that is configured.
    async fn search(&self, query: &Query) -> Result<Found, Silence>;

    /// Reads a page of the web, or a document of the operator's.
    async fn fetch(&self, fetch: &Fetch) -> Result<Page, PageTrouble>;

    /// Asks the caller's servers, which are called so, what tools they have.
    async fn offered(&self, servers: &[String]) -> Offered;

    /// Calls a tool of the caller's.
    async fn call(&self, call: &Call) -> Result<Told, ToolTrouble>;
}

/// The kind of a page that is no page but a document of the operator's, or of this program.
pub(super) const DOCUMENT: &str = "document";

/// A page to be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::processors) struct Fetch {
    /// Its address.
    pub(super) url: String,
    /// How long it may take.
    pub(super) within: Duration,
    /// How old it may be.
    pub(super) max_age: Duration,
}

/// A tool of one of the caller's servers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::processors) struct Tool {
    /// The server's name as the caller gave it.
    pub(in crate::processors) server: String,
    /// The tool's name.
    pub(in crate::processors) name: String,
    /// What it says of itself.
    pub(in crate::processors) about: String,
    /// What it wants to be given, as a JSON Schema.
    pub(in crate::processors) wants: Value,
}

/// What the caller's servers have, as far as they answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::processors) struct Offered {
    /// Their tools.
    pub(in crate::processors) tools: Vec<Tool>,
    /// What is to be warned of.
    pub(in crate::processors) warnings: Vec<String>,
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::processors) struct Call {
    /// Which of the caller's servers.
    pub(super) server: String,
    /// Which of its tools.
    pub(super) tool: String,
    /// What it is given.
    pub(super) arguments: Value,
}

/// What a tool said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::processors) struct Told {
    /// The text of its answer.
    pub(super) text: String,
}

/// Why a tool said nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{0}")]
pub(in crate::processors) struct ToolTrouble(pub(super) String);
