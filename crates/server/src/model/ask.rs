//! What a language model is asked and what it says. Both are kept in a run's journal, and what is asked is hashed for the
//! journal's key: the same ask is always the same bytes of JSON, also when it has been read back.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One thing to be asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// Who is asked.
    pub role: Role,
    /// What it shall be and do.
    pub system: String,
    /// What it is given to work on.
    pub user: String,
    /// What its answer has to follow, if that shall be JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Schema>,
    /// How long the answer may be, in tokens. What a model thinks before it answers comes on top.
    pub max_tokens: u32,
    /// The version of the prompt. It is not sent: another version is another ask.
    pub version: String,
}

/// What an answer has to follow. The order in which fields stand is part of it: models write them in that order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// What it is called: letters, digits, `_` and `-`.
    pub name: String,
    /// A JSON Schema of an object. Where every field is required and no other allowed, most endpoints can hold a model to it.
    pub schema: Value,
}

/// What a model is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// To find what passages say.
    Reader,
    /// To plan what is looked for.
    Planner,
    /// To judge whether passages support something. The planner's model does it.
    Judge,
    /// To write a text.
    Writer,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Reader, Self::Planner, Self::Judge, Self::Writer];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Planner => "planner",
            Self::Judge => "judge",
            Self::Writer => "writer",
        }
    }
}

/// What a model said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// Its answer, without what it thought before.
    pub text: String,
    /// The answer as JSON that follows the schema, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// What it took, with everything that had to be asked again.
    pub usage: Tokens,
    /// Which model it is.
    pub model: String,
    /// What that cost, in US dollars; `None` where nobody knows its price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
}

/// How many tokens went in and came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// What was asked.
    pub prompt: u64,
    /// What was answered, thinking included.
    pub completion: u64,
    /// Whether some of it is estimated, because the endpoint did not say.
    pub estimated: bool,
}

impl Tokens {
    /// Both together.
    pub fn total(self) -> u64 {
        self.prompt + self.completion
    }
}

impl std::ops::AddAssign for Tokens {
    fn add_assign(&mut self, other: Self) {
        self.prompt += other.prompt;
        self.completion += other.completion;
        self.estimated |= other.estimated;
    }
}

/// About how many tokens a text is. Latin script has about 3.6 characters in each; in scripts of the far East a character is
/// about one. Rather too many than too few.
pub fn estimate(text: &str) -> u64 {
    let (mut narrow, mut wide) = (0_u64, 0_u64);
    for character in text.chars() {
        let count = if character >= '\u{2E80}' { &mut wide } else { &mut narrow };
        *count += 1;
    }
    // 3.6 characters a token.
    (narrow * 10).div_ceil(36) + wide
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_ask_is_the_same_bytes_when_it_has_been_read_back() {
        let ask = Ask {
            role: Role::Reader,
            system: "You read.".to_owned(),
            user: "[1] Ulaanbaatar is the capital.".to_owned(),
            schema: Some(Schema { name: "rows".to_owned(), schema: json!({"type": "object", "a": {"z": 1, "b": 2}}) }),
            max_tokens: 300,
            version: "read-1".to_owned(),
        };
        let bytes = serde_json::to_string(&ask).unwrap();
        insta::assert_snapshot!(bytes, @r#"{"role":"reader","system":"You read.","user":"[1] Ulaanbaatar is the capital.","schema":{"name":"rows","schema":{"type":"object","a":{"z":1,"b":2}}},"max_tokens":300,"version":"read-1"}"#);
        let read: Ask = serde_json::from_str(&bytes).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), bytes);
    }

    #[test]
    fn a_reply_is_read_as_it_was_written() {
        let usage = Tokens { prompt: 7, completion: 3, estimated: true };
        let text = "{}".to_owned();
        let reply = Reply { text, json: Some(json!({})), usage, model: "m".to_owned(), cost_usd: Some(0.000_3) };
        let bytes = serde_json::to_vec(&reply).unwrap();
        assert_eq!(serde_json::from_slice::<Reply>(&bytes).unwrap(), reply);
    }

    #[test]
    fn tokens_are_estimated_by_script() {
        assert_eq!(estimate(""), 0);
        assert_eq!(estimate(&"x".repeat(360)), 100);
        assert_eq!(estimate("東京"), 2);
    }
}
