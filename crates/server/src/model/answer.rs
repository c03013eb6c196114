//! An answer as it comes in: pieces of a stream, or all at once from endpoints that do not stream.
//!
//! What they send differs in many small ways, so nothing is demanded that is not needed.

use serde_json::Value;

use super::ask::{Tokens, estimate};
use super::thought::without_thoughts;

/// No answer of a model is longer, in bytes: something else is at work.
const LONGEST: usize = 4 * 1024 * 1024;

/// What has come in of an answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    text: String,
    /// What it said by calling a tool.
    arguments: String,
    /// How many characters of thoughts came beside the text.
    thoughts: u64,
    finish: Option<Finish>,
    usage: Option<Usage>,
}

/// Why a model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    /// It had said everything.
    Done,
    /// Its tokens were used up.
    Length,
    /// Somebody on the way held the rest back.
    Withheld,
}

/// What the endpoint says that it took.
#[derive(Clone, Copy, Debug)]
struct Usage {
    prompt: u64,
    completion: u64,
    thoughts: u64,
    cost: Option<f64>,
}

/// Why an answer in itself is none.
#[derive(Debug, PartialEq)]
pub(super) enum Odd {
    /// The endpoint says in the midst of it that something went wrong.
    Error(Value),
    /// It is no chat completion.
    Unreadable(String),
    /// It goes on for ever.
    Endless,
}

impl Answer {
    /// A whole answer.
    pub(super) fn whole(body: &[u8]) -> Result<Self, Odd> {
        let value: Value = serde_json::from_slice(body).map_err(|error| Odd::Unreadable(error.to_string()))?;
        let mut answer = Self::default();
        if !answer.takes(&value, "message")? {
            return Err(Odd::Unreadable("there are no `choices` in it".to_owned()));
        }
        answer.finish.get_or_insert(Finish::Done);
        Ok(answer)
    }

    /// The next piece of a stream.
    pub(super) fn take(&mut self, data: &str) -> Result<(), Odd> {
        if data.trim() == "[DONE]" {
            // Some say no more than that about their end.
            if self.has_begun() {
                self.finish.get_or_insert(Finish::Done);
            }
            return Ok(());
        }
        let chunk: Value = serde_json::from_str(data).map_err(|error| Odd::Unreadable(error.to_string()))?;
        self.takes(&chunk, "delta").map(|_| ())
    }

    /// Takes what is in it; whether it has the form of an answer.
    fn takes(&mut self, value: &Value, part: &str) -> Result<bool, Odd> {
        if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
            return Err(Odd::Error(error.clone()));
        }
        if let Some(usage) = value.get("usage").and_then(Usage::read) {
            self.usage = Some(usage);
        }
        let Some(choices) = value.get("choices").and_then(Value::as_array) else { return Ok(false) };
        let Some(choice) = choices.first() else { return Ok(true) };
        if let Some(said) = choice.get(part) {
            self.hear(said);
        }
        if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
            self.finish = Some(match reason {
                "length" | "max_tokens" => Finish::Length,
                "content_filter" => Finish::Withheld,
                _ => Finish::Done,
            });
        }
        if self.text.len() + self.arguments.len() > LONGEST { Err(Odd::Endless) } else { Ok(true) }
    }

    fn hear(&mut self, said: &Value) {
        match said.get("content") {
            Some(Value::String(text)) => self.text.push_str(text),
            // Parts, of which some are thoughts.
            Some(Value::Array(parts)) => {
                for part in parts {
                    match part.get("text").and_then(Value::as_str) {
                        Some(text) => self.text.push_str(text),
                        None => self.thoughts += length(&part.to_string()),
                    }
                }
            }
            _ => {}
        }
        let thought = ["reasoning_content", "reasoning"].iter().find_map(|name| said.get(*name)?.as_str());
        self.thoughts += thought.map_or(0, length);
        // Some say it in the new way and in the old one at once.
        let functions: Vec<_> = match said.get("tool_calls").and_then(Value::as_array) {
            Some(calls) => calls.iter().filter_map(|call| call.get("function")).collect(),
            None => said.get("function_call").into_iter().collect(),
        };
        for function in functions {
            match function.get("arguments") {
                Some(Value::String(piece)) => self.arguments.push_str(piece),
                Some(object @ Value::Object(_)) => self.arguments.push_str(&object.to_string()),
                _ => {}
            }
        }
    }

    /// Whether anything of the answer was there: from then on it costs.
    pub(super) fn has_begun(&self) -> bool {
        self.thoughts > 0 || !self.text.is_empty() || !self.arguments.is_empty() || self.finish.is_some()
    }

    /// Why it stopped; `None` while there is more to come.
    pub(super) fn finish(&self) -> Option<Finish> {
        self.finish
    }

    /// Whether all was said that is said beside the answer itself.
    pub(super) fn is_accounted(&self) -> bool {
        self.finish.is_some() && self.usage.is_some()
    }

    /// What it says: what it called a tool with, or its text without thoughts.
    pub(super) fn says(&self) -> &str {
        if self.arguments.is_empty() { without_thoughts(&self.text).0.trim() } else { self.arguments.trim() }
    }

    /// Whether the model thought before it answered.
    pub(super) fn has_thoughts(&self) -> bool {
        self.thoughts > 0 || without_thoughts(&self.text).1 || self.usage.is_some_and(|usage| usage.thoughts > 0)
    }

    /// What it took, where `prompt` is about what was sent.
    pub(super) fn tokens(&self, prompt: u64) -> Tokens {
        if let Some(Usage { prompt, completion, .. }) = self.usage {
            return Tokens { prompt, completion, estimated: false };
        }
        let said = estimate(&self.text) + estimate(&self.arguments) + (self.thoughts * 10).div_ceil(36);
        Tokens { prompt, completion: said, estimated: true }
    }

    /// What it cost, if the endpoint says it.
    pub(super) fn cost(&self) -> Option<f64> {
        self.usage.and_then(|usage| usage.cost)
    }
}

impl Usage {
    fn read(value: &Value) -> Option<Self> {
        let count = |name: &str| value.get(name).and_then(Value::as_u64);
        let details = value.get("completion_tokens_details");
        Some(Self {
            prompt: count("prompt_tokens")?,
            completion: count("completion_tokens").unwrap_or_default(),
            thoughts: details.and_then(|of| of.get("reasoning_tokens")).and_then(Value::as_u64).unwrap_or_default(),
            cost: value.get("cost").and_then(Value::as_f64).filter(|cost| *cost >= 0.0),
        })
    }
}

fn length(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn streamed(chunks: &[Value]) -> Answer {
        let mut answer = Answer::default();
        for chunk in chunks {
            answer.take(&chunk.to_string()).unwrap();
        }
        answer
    }

    fn delta(delta: &Value) -> Value {
        json!({"choices": [{"delta": delta}]})
    }

    #[test]
    fn pieces_are_put_together_and_thoughts_are_left_out() {
        let mut answer = streamed(&[
            delta(&json!({"role": "assistant", "content": null})),
            delta(&json!({"reasoning_content": "Is it four?"})),
            delta(&json!({"content": "fi"})),
            delta(&json!({"content": [{"type": "thinking", "thinking": []}, {"type": "text", "text": "ve"}]})),
        ]);
        assert_eq!((answer.finish(), answer.has_begun()), (None, true));
        answer.take(r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#).unwrap();
        assert!(!answer.is_accounted());
        answer.take(r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4}}"#).unwrap();
        answer.take("[DONE]").unwrap();
        assert_eq!((answer.says(), answer.finish(), answer.has_thoughts()), ("five", Some(Finish::Done), true));
        assert_eq!(answer.tokens(1), Tokens { prompt: 9, completion: 4, estimated: false });
    }

    #[test]
    fn what_a_tool_is_called_with_comes_in_pieces_too() {
        let call = |piece: &str| delta(&json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}));
        assert_eq!(streamed(&[call("{\"a\""), call(": 1}")]).says(), "{\"a\": 1}");
        let old = |piece: &str| json!({"function_call": {"arguments": piece}});
        let both = |piece: &str| json!({"function_call": {"arguments": piece}, "tool_calls": [{"function": {"arguments": piece}}]});
        for way in [old, both] {
            assert_eq!(streamed(&[delta(&way("{\"a\"")), delta(&way(": 1}"))]).says(), "{\"a\": 1}");
        }
        let whole = json!({"choices": [{"message": {"tool_calls": [{"function": {"arguments": {"a": 1}}}]}}]});
        assert_eq!(Answer::whole(whole.to_string().as_bytes()).unwrap().says(), "{\"a\":1}");
    }

    #[test]
    fn an_end_is_told_in_several_ways() {
        for (reason, finish) in [
            ("stop", Finish::Done),
            ("tool_calls", Finish::Done),
            ("length", Finish::Length),
            ("content_filter", Finish::Withheld),
        ] {
            let chunk = json!({"choices": [{"delta": {"content": "x"}, "finish_reason": reason}]});
            assert_eq!(streamed(&[chunk]).finish(), Some(finish), "{reason}");
        }
        let mut silent = Answer::default();
        silent.take("[DONE]").unwrap();
        assert_eq!(silent.finish(), None, "nothing is no answer");
        let mut bare = streamed(&[delta(&json!({"content": "x"}))]);
        bare.take("[DONE]").unwrap();
        assert_eq!(bare.finish(), Some(Finish::Done));
    }

    #[test]
    fn without_usage_it_is_estimated() {
        let answer =
            streamed(&[delta(&json!({"content": "x".repeat(36)})), delta(&json!({"reasoning": "y".repeat(36)}))]);
        assert_eq!(answer.tokens(100), Tokens { prompt: 100, completion: 20, estimated: true });
        assert_eq!(answer.cost(), None);
    }

    #[test]
    fn what_goes_wrong_in_the_midst_is_told() {
        let error = json!({"message": "overloaded", "code": 502});
        let mut answer = Answer::default();
        assert_eq!(answer.take(&json!({"error": error}).to_string()), Err(Odd::Error(error)));
        assert!(matches!(answer.take("<html>"), Err(Odd::Unreadable(_))));
        assert!(matches!(Answer::whole(b"{\"detail\": \"hm\"}"), Err(Odd::Unreadable(_))));
        assert_eq!(answer.take(&delta(&json!({"content": "x".repeat(LONGEST + 1)})).to_string()), Err(Odd::Endless));
    }
}
