//! A set of questions of which it is known what is right: a JSON object a line.

use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value, json};

/// A question, and what is right.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// What is asked: a text, or an object.
    pub(crate) input: Value,
    /// What the answer shall be like, as the wire has it.
    pub(crate) output_schema: Option<Value>,
    /// What is right.
    pub(crate) expected: Expected,
    /// The set that it is of: the file's name without its ending.
    pub(crate) set: String,
}

/// What is right.
#[derive(Clone, Debug)]
pub(crate) enum Expected {
    /// That nothing is found.
    Nothing,
    /// What this matches, or what is this text; one of them is there.
    Answer { regex: Option<Regex>, text: Option<String> },
}

/// A line that is no question with its answer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} {why}")]
pub(crate) struct BadLine {
    /// Which line, from 1.
    pub(crate) line: usize,
    /// What is wrong with it.
    pub(crate) why: String,
    /// What to write instead.
    pub(crate) hint: &'static str,
}

const QUESTION: &str =
    "write the question as `\"question\": \"…\"`, or an object to be asked about as `\"input\": {…}`";
const ANSWER: &str = "write what is right as `\"answer_regex\": \"…\"` or `\"answer\": \"…\"`, or `\"answer_regex\": null` if nothing is to be found";
const OBJECT: &str = "each line is an object like `{\"question\": \"…\", \"answer_regex\": \"…\"}`";

impl Question {
    /// The question in words.
    pub(crate) fn text(&self) -> String {
        self.input.as_str().map_or_else(|| self.input.to_string(), str::to_owned)
    }

    /// Whether there is anything to be found.
    pub(crate) fn is_answerable(&self) -> bool {
        matches!(self.expected, Expected::Answer { .. })
    }

    /// The task that asks it of a processor, as the wire has it.
    pub(crate) fn task(&self, processor: &str) -> Value {
        match &self.output_schema {
            None => json!({"input": self.input, "processor": processor}),
            Some(schema) => {
                json!({"input": self.input, "processor": processor, "task_spec": {"output_schema": schema}})
            }
        }
    }
}

/// Reads a set, of which the first `most` questions are wanted; all of it is checked.
pub(crate) fn read(text: &str, set: &str, most: usize) -> Result<Vec<Question>, BadLine> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let questions =
        lines.map(|(at, line)| question(line, set).map_err(|(why, hint)| BadLine { line: at + 1, why, hint }));
    let mut questions = questions.collect::<Result<Vec<_>, _>>()?;
    questions.truncate(most);
    Ok(questions)
}

type Odd = (String, &'static str);

fn question(line: &str, set: &str) -> Result<Question, Odd> {
    let value: Value = serde_json::from_str(line).map_err(|error| (format!("is no JSON: {error}"), OBJECT))?;
    let Value::Object(map) = value else { return Err(("is no object".to_owned(), OBJECT)) };
    let input = match (map.get("question"), map.get("input")) {
        (Some(Value::String(text)), None) | (None, Some(Value::String(text))) if !text.trim().is_empty() => {
            Value::from(text.as_str())
        }
        (None, Some(object @ Value::Object(_))) => object.clone(),
        (Some(_), Some(_)) => return Err(("has both a question and an input".to_owned(), QUESTION)),
        (None, None) => return Err(("has no question".to_owned(), QUESTION)),
        (Some(_), None) => return Err(("has a question that is no text".to_owned(), QUESTION)),
        (None, Some(_)) => return Err(("has an input that is neither a text nor an object".to_owned(), QUESTION)),
    };
    let expected = expected(&map)?;
    Ok(Question { input, output_schema: map.get("output_schema").and_then(schema), expected, set: set.to_owned() })
}

fn expected(map: &Map<String, Value>) -> Result<Expected, Odd> {
    let (regex, text) = (map.get("answer_regex"), map.get("answer"));
    let regex = match regex {
        None | Some(Value::Null) => None,
        Some(Value::String(regex)) => {
            let built = RegexBuilder::new(regex).case_insensitive(true).build();
            Some(built.map_err(|error| (format!("has an answer_regex that is none: {error}"), ANSWER))?)
        }
        Some(_) => return Err(("has an answer_regex that is no text".to_owned(), ANSWER)),
    };
    let text = match text {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(number @ (Value::Number(_) | Value::Bool(_))) => Some(number.to_string()),
        Some(_) => return Err(("has an answer that is no text".to_owned(), ANSWER)),
    };
    let says_nothing = ["answer_regex", "answer"].iter().any(|name| map.get(*name).is_some_and(Value::is_null));
    match (regex, text, says_nothing) {
        (None, None, true) => Ok(Expected::Nothing),
        (None, None, false) => Err(("does not say what is right".to_owned(), ANSWER)),
        (_, _, true) => Err(("says that nothing is to be found, and what is".to_owned(), ANSWER)),
        (regex, text, false) => Ok(Expected::Answer { regex, text }),
    }
}

/// The schema of an answer as the wire has it; a JSON Schema may stand for itself.
fn schema(given: &Value) -> Option<Value> {
    let is_whole = given.as_object().is_some_and(|map| {
        map.contains_key("json_schema") || matches!(map.get("type").and_then(Value::as_str), Some("text" | "auto"))
    });
    if given.is_object() && !is_whole {
        return Some(json!({"type": "json", "json_schema": given}));
    }
    (!given.is_null()).then(|| given.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(line: &str) -> String {
        read(line, "s", usize::MAX).unwrap_err().to_string()
    }

    #[test]
    fn a_line_is_a_question_with_what_is_right() {
        let text = "\u{feff}{\"question\": \"Where?\", \"answer_regex\": \"lima\"}\n\n{\"input\": {\"a\": 1}, \"answer\": 7}\n\
                    {\"question\": \"Who?\", \"answer_regex\": null, \"corpus\": \"c\"}\n";
        let [one, two, three] = &read(text, "s", usize::MAX).unwrap()[..] else { panic!("three questions") };
        assert!(one.is_answerable() && one.text() == "Where?");
        assert_eq!(two.task("lite"), json!({"input": {"a": 1}, "processor": "lite"}));
        assert!(matches!(&two.expected, Expected::Answer { regex: None, text: Some(seven) } if seven == "7"));
        assert!(!three.is_answerable());
        assert_eq!(read(text, "s", 2).unwrap().len(), 2);
    }

    #[test]
    fn a_schema_may_stand_for_itself() {
        let with = |schema: &str| {
            let line = format!("{{\"question\": \"q\", \"answer\": \"a\", \"output_schema\": {schema}}}");
            read(&line, "s", 1).unwrap().remove(0).task("base")["task_spec"]["output_schema"].clone()
        };
        let bare = with(r#"{"type": "object", "properties": {"a": {"type": "string"}}}"#);
        assert_eq!((&bare["type"], &bare["json_schema"]["type"]), (&json!("json"), &json!("object")));
        assert_eq!(with(r#"{"type": "text", "description": "short"}"#)["type"], "text");
        assert_eq!(with(r#"{"type": "json", "json_schema": {"type": "object"}}"#)["json_schema"]["type"], "object");
        assert_eq!(with("null"), Value::Null);
    }

    #[test]
    fn what_is_no_question_is_told_with_its_line() {
        for (line, says) in [
            ("{\"question\": \"q\"", "line 1 is no JSON"),
            ("\n7", "line 2 is no object"),
            ("{\"answer\": \"a\"}", "line 1 has no question"),
            ("{\"question\": \" \", \"answer\": \"a\"}", "line 1 has a question that is no text"),
            ("{\"question\": \"q\", \"input\": \"q\", \"answer\": \"a\"}", "line 1 has both"),
            ("{\"input\": [], \"answer\": \"a\"}", "line 1 has an input"),
            ("{\"question\": \"q\", \"answer_regx\": \"a\"}", "line 1 does not say what is right"),
            ("{\"question\": \"q\", \"answer_regex\": \"(\"}", "line 1 has an answer_regex that is none"),
            ("{\"question\": \"q\", \"answer_regex\": 3}", "line 1 has an answer_regex that is no text"),
            ("{\"question\": \"q\", \"answer\": []}", "line 1 has an answer that is no text"),
            ("{\"question\": \"q\", \"answer_regex\": null, \"answer\": \"a\"}", "line 1 says that nothing"),
        ] {
            assert!(why(line).starts_with(says), "{line}: {}", why(line));
        }
    }
}
