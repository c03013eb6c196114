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
        /// What is ours beside the wire's keys; left out where there is nothing to say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        legwork: Option<OutputExtras>,
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
        /// What is ours beside the wire's keys; left out where there is nothing to say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        legwork: Option<OutputExtras>,
    },
}

impl Output {
    /// A text with its basis.
    pub fn text(content: impl Into<String>, basis: Vec<FieldBasis>) -> Self {
        Self::Text { content: content.into(), basis, mcp_tool_calls: None, beta_fields: None, legwork: None }
    }

    /// An object with its basis; `proposed` is the schema when the caller gave none.
    pub fn json(content: Map<String, Value>, basis: Vec<FieldBasis>, proposed: Option<Value>) -> Self {
        let (mcp_tool_calls, beta_fields) = (None, None);
        Self::Json { content, basis, mcp_tool_calls, beta_fields, output_schema: proposed, legwork: None }
    }

    /// The same, and what it took to get it.
    #[must_use]
    pub fn with_extras(mut self, extras: OutputExtras) -> Self {
        match &mut self {
            Self::Text { legwork, .. } | Self::Json { legwork, .. } => *legwork = Some(extras),
        }
        self
    }

    /// What it took to get it, if that was counted.
    pub fn extras(&self) -> Option<&OutputExtras> {
        match self {
            Self::Text { legwork, .. } | Self::Json { legwork, .. } => legwork.as_ref(),
        }
    }

    /// What the output rests on, whatever its kind.
    pub fn basis(&self) -> &[FieldBasis] {
        match self {
            Self::Text { basis, .. } | Self::Json { basis, .. } => basis,
        }
    }
}

/// What an output says beyond the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OutputExtras {
    /// What the run took.
    pub usage: Usage,
    /// What stood in the way: limits that were reached, sources that could not be read.
    pub warnings: Vec<String>,
    /// The model that read the texts; left out where none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What labels of confidence rest on: `uncalibrated`, or when and with how many answers they were measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
}

/// What a run took, over all of its attempts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// How long it was worked on.
    pub seconds: f64,
    /// How often something was searched for.
    pub searches: u32,
    /// How many pages were read.
    pub pages: u32,
    /// How often a model was asked.
    pub model_calls: u32,
    /// How often a tool of the caller's was called.
    pub tool_calls: u32,
    /// How many tokens models read.
    pub prompt_tokens: u64,
    /// How many they wrote.
    pub completion_tokens: u64,
    /// What the calls cost, in dollars; `None` when nobody said what they do.
    pub cost_usd: Option<f64>,
    /// Some model did not say how many tokens it took: they are an estimate.
    pub tokens_estimated: bool,
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
    /// What is ours beside the wire's keys; left out where there is nothing to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legwork: Option<BasisExtras>,
}

/// What the basis of a field says beyond the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BasisExtras {
    /// How likely the field is right, from 0 to 1; left out where that was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// What was checked of it, as the processor names it: an object from which its label follows. Of a field that rests on
    /// several things, what was checked of the one that its label is taken from. Left out where nothing was checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<Value>,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Outputs stored by every version so far. A line is added when the shape grows; none is ever removed.
    const STORED: &str = include_str!("../samples/outputs.jsonl");

    #[test]
    fn every_output_ever_stored_can_still_be_read() {
        for line in STORED.lines() {
            let output: Output = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_string(&output).unwrap(), line, "and says the same");
        }
        assert!(STORED.lines().count() >= 4);
    }

    #[test]
    fn what_it_took_stands_beside_the_wires_keys_whatever_the_kind() {
        let usage = Usage { seconds: 1.5, cost_usd: Some(0.25), ..Usage::default() };
        let extras =
            OutputExtras { usage, warnings: vec!["a page could not be read".to_owned()], ..OutputExtras::default() };
        for output in [Output::text("a", vec![]), Output::json(Map::new(), vec![], None)] {
            assert_eq!(output.extras(), None);
            let written = serde_json::to_value(output.with_extras(extras.clone())).unwrap();
            assert_eq!(written["legwork"]["usage"]["seconds"], 1.5);
            assert_eq!(written["legwork"]["usage"]["searches"], 0, "every key is there");
            let read: Output = serde_json::from_value(written).unwrap();
            assert_eq!(read.extras(), Some(&extras));
        }
    }
}
