//! What a run is asked to do, after the wire's many spellings have been read and checked.

use serde_json::{Map, Value};

/// The caller's request as a processor sees it. Nothing in it is left to check.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The question, or the object to work on.
    pub input: Input,
    /// What form the answer shall have.
    pub wanted: Wanted,
    /// Which sources may be used.
    pub sources: SourcePolicy,
}

/// The question of a task.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A question or an instruction in words.
    Text(String),
    /// Named values, to be enriched.
    Object(Map<String, Value>),
}

/// The form of the answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// The processor chooses: text up to core, an object with a schema of its own from pro on.
    Auto,
    /// Text, steered by a description if there is one.
    Text {
        /// How the text should be.
        description: Option<String>,
    },
    /// An object that follows this JSON Schema, whose root is an object with properties.
    Json {
        /// The caller's schema, with the keywords we do not support still in it.
        schema: Value,
    },
}

/// Which sources a task may use; the default allows all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourcePolicy {
    /// Allow only these domains (and their subdomains); empty allows all.
    pub include_domains: Vec<String>,
    /// Never use these; ignored when `include_domains` is not empty.
    pub exclude_domains: Vec<String>,
    /// Only what was published on or after this day, as `YYYY-MM-DD`.
    pub after_date: Option<String>,
}
