//! The ways to ask for JSON, from the surest to the one that works everywhere.

use serde_json::{Value, json};

use super::ask::Schema;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rung {
    /// The endpoint holds the model to the schema, as OpenAI's do.
    Strict,
    /// It holds it to the schema, as llama.cpp's older servers do.
    Guided,
    /// It holds it to JSON, and the prompt has the schema.
    Object,
    /// The model is made to call a tool that takes what the schema says.
    Tool,
    /// The prompt has the schema, and JSON is looked for in what is said.
    Plain,
}

/// What the one tool is called with that is offered.
const TOOL: &str = "answer";

impl Rung {
    /// The first of them.
    pub(super) const FIRST: Self = Self::Strict;

    /// The next one down.
    pub(super) fn next(self) -> Option<Self> {
        match self {
            Self::Strict => Some(Self::Guided),
            Self::Guided => Some(Self::Object),
            Self::Object => Some(Self::Tool),
            Self::Tool => Some(Self::Plain),
            Self::Plain => None,
        }
    }

    /// What it is called where an operator reads it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "response_format json_schema",
            Self::Guided => "response_format json_object with a schema",
            Self::Object => "response_format json_object",
            Self::Tool => "a forced tool call",
            Self::Plain => "the prompt alone",
        }
    }

    /// The words by which a refusal says that it is about this.
    pub(super) fn words(self) -> &'static [&'static str] {
        match self {
            Self::Strict | Self::Guided | Self::Object => {
                &["response_format", "json_schema", "json_object", "schema", "structured output", "grammar", "guided"]
            }
            Self::Tool => &["tool", "function"],
            Self::Plain => &[],
        }
    }

    /// Whether the endpoint holds the model to the schema, if it does as it was asked.
    pub(super) fn is_held(self) -> bool {
        matches!(self, Self::Strict | Self::Guided)
    }

    /// Whether the prompt has to say what is wanted.
    pub(super) fn is_told(self) -> bool {
        match self {
            Self::Strict | Self::Tool => false,
            Self::Guided | Self::Object | Self::Plain => true,
        }
    }

    /// What a request has beside its messages.
    pub(super) fn members(self, schema: &Schema) -> Vec<(&'static str, Value)> {
        let Schema { name, schema } = schema;
        match self {
            Self::Strict => {
                let of = json!({"name": name, "strict": true, "schema": schema});
                vec![("response_format", json!({"type": "json_schema", "json_schema": of}))]
            }
            Self::Guided => vec![("response_format", json!({"type": "json_object", "schema": schema}))],
            Self::Object => vec![("response_format", json!({"type": "json_object"}))],
            Self::Tool => {
                let function = json!({"name": TOOL, "description": "Give your answer.", "parameters": schema});
                vec![
                    ("tools", json!([{"type": "function", "function": function}])),
                    ("tool_choice", json!({"type": "function", "function": {"name": TOOL}})),
                ]
            }
            Self::Plain => Vec::new(),
        }
    }
}

/// What a prompt says of the schema.
pub(super) fn told(schema: &Schema) -> String {
    format!(
        "Answer with one JSON object and nothing else: no explanation, no code fence. It follows this JSON Schema:\n{}",
        schema.schema
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_ends_where_everything_can_be_asked() {
        let mut rungs = vec![Rung::FIRST];
        while let Some(next) = rungs.last().and_then(|rung| rung.next()) {
            rungs.push(next);
        }
        assert!(rungs.is_sorted() && rungs.last() == Some(&Rung::Plain), "{rungs:?}");
        let schema = Schema { name: "rows".to_owned(), schema: json!({"type": "object"}) };
        let asked: Vec<_> = rungs.iter().map(|rung| (rung.as_str(), rung.members(&schema))).collect();
        insta::assert_debug_snapshot!(asked);
        // Wherever the endpoint is not told, the prompt says it.
        for rung in rungs {
            let has = rung.members(&schema).iter().any(|(_, value)| value.to_string().contains(r#"{"type":"object"}"#));
            assert!(has || rung.is_told(), "{rung:?}");
        }
    }
}
