//! Tries the models that a server would use, for whoever wants to know how it would fare.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::ask::{Ask, Role, Schema};
use super::team::Team;
use crate::config::Llm;
use crate::metrics::Metrics;

/// How a model fared.
#[derive(Clone, Debug, PartialEq)]
pub struct Examined {
    /// The model, its endpoint, and its role if there are several.
    pub model: String,
    /// How it answered; or why it did not.
    pub answered: Result<Answered, String>,
}

/// How a model answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// After how long.
    pub after: Duration,
    /// How it is asked for JSON.
    pub way: &'static str,
    /// How many tokens it takes in and gives out together, if anybody knows.
    pub context: Option<u32>,
    /// Whether it says what it took, or that has to be estimated.
    pub is_counted: bool,
}

/// Asks each model something tiny. `Err` says why there is none, a line for each place that was looked at.
pub async fn examine(llm: &Llm) -> Result<Vec<Examined>, Vec<String>> {
    let team = Team::gather(llm, Metrics::new([]), CancellationToken::new()).await?;
    let team = Arc::new(team);
    let each = team.each();
    let mut examined = Vec::new();
    for (role, talker) in &each {
        let (name, endpoint) = (&talker.name, &talker.endpoint);
        let model = match each.len() {
            1 => format!("{name} at {endpoint}"),
            _ => format!("{name} at {endpoint} ({})", role.as_str()),
        };
        let began = Instant::now();
        let answered = team.ask(&tiny(*role)).await.map_err(|trouble| trouble.why).map(|reply| Answered {
            after: began.elapsed(),
            way: talker.known().rung.as_str(),
            context: talker.context(),
            is_counted: !reply.usage.estimated,
        });
        examined.push(Examined { model, answered });
    }
    Ok(examined)
}

fn tiny(role: Role) -> Ask {
    let schema = json!({
        "type": "object",
        "properties": {"capital": {"type": "string"}},
        "required": ["capital"],
        "additionalProperties": false,
    });
    Ask {
        role,
        system: "You answer in JSON, like this: {\"capital\": \"…\"}".to_owned(),
        user: "What is the capital of France?".to_owned(),
        schema: Some(Schema { name: "capital".to_owned(), schema }),
        max_tokens: 64,
        version: "examine-1".to_owned(),
    }
}
