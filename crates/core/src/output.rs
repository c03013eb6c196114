//! What a processor hands over: the content, and the basis that proves it.
//!
//! The shapes are those of the wire (`TextOutput` and `JsonOutput` of the Task API), so that an output is turned into
//! bytes once, when the run completes, and carried as those bytes from then on.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The answer of a run. Serialises to the wire's `output`, with every key present.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Output {
    /// Prose. Its basis has one entry, for the field `output`.
    Text {
        /// The text; Markdown is allowed.
        content: String,
        /// What the text rests on.
        basis: Vec<FieldBasis>,
        /// Calls made to the caller's MCP servers; `None` when there were none.
        mcp_tool_calls: Option<Vec<McpToolCall>>,
        /// Deprecated on the wire, always `None`; kept because clients expect the key.
        beta_fields: Option<Value>,
    },
    /// An object that follows the schema the caller gave, or one the processor proposed.
    Json {
        /// The object, in the order of the schema's properties.
        content: Map<String, Value>,
        /// One entry for each top-level field; elements of a list have their own (`field.0`).
        basis: Vec<FieldBasis>,
        /// Calls made to the caller's MCP servers; `None` when there were none.
        mcp_tool_calls: Option<Vec<McpToolCall>>,
        /// Deprecated on the wire, always `None`; kept because clients expect the key.
        beta_fields: Option<Value>,
        /// The schema the processor proposed; `None` when the caller gave one.
        output_schema: Option<Value>,
    },
}

impl Output {
    /// A text with its basis.
    pub fn text(content: impl Into<String>, basis: Vec<FieldBasis>) -> Self {
        Self::Text { content: content.into(), basis, mcp_tool_calls: None, beta_fields: None }
    }

    /// An object with its basis; `proposed` is the schema when the caller gave none.
    pub fn json(content: Map<String, Value>, basis: Vec<FieldBasis>, proposed: Option<Value>) -> Self {
        Self::Json { content, basis, mcp_tool_calls: None, beta_fields: None, output_schema: proposed }
    }

    /// What the output rests on, whatever its kind.
    pub fn basis(&self) -> &[FieldBasis] {
        match self {
            Self::Text { basis, .. } | Self::Json { basis, .. } => basis,
        }
    }
}

/// Why one field of the output is believed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldBasis {
    /// The field, in dot notation with indexes (`key_executives.0`); `output` for a text.
    pub field: String,
    /// Which passages agree, what conflicted, what was not found.
    pub reasoning: String,
    /// The sources, each with the words it is cited for. Empty when nothing was found.
    pub citations: Vec<Citation>,
    /// How far to trust the field.
    pub confidence: Confidence,
}

/// A source and the words in it that support a field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Citation {
    /// The document's own address, or `corpus:NAME/relative/path` when it has none.
    pub url: String,
    /// The document's title.
    pub title: Option<String>,
    /// Word for word as they stand in the document's stored text.
    pub excerpts: Option<Vec<String>>,
    /// What is ours beside the wire's keys; left out where there is nothing to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legwork: Option<CitationExtras>,
}

/// What a citation says beyond the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CitationExtras {
    /// The stored text, by the SHA-256 of it: `GET /v1/sources/{source}` shows it as it was read.
    pub source: String,
}

/// How far a field can be trusted; set by rule, never by a model's own opinion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Nothing was found, or a check failed.
    Low,
    /// Every check passed, on one source.
    Medium,
    /// Every check passed, on sources independent of each other.
    High,
}

impl Confidence {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// One call of a tool on a caller's MCP server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct McpToolCall {
    /// Identifies the call within the run.
    pub tool_call_id: String,
    /// The server's name as the caller gave it.
    pub server_name: String,
    /// The tool's name.
    pub tool_name: String,
    /// The arguments as JSON text.
    pub arguments: String,
    /// What the tool answered.
    pub content: Option<String>,
    /// Why the call failed.
    pub error: Option<String>,
}
