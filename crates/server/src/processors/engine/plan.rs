//! Planning: what to search for. By rules where there is no model or too little room for one; else a model words the
//! searches, and takes a question apart into what has to be known. It is shown the question and short proved quotes, never a
//! page, so that no page decides where is looked next.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::super::research::content_words;
use super::brief::{Brief, cut, humanised};
use super::ledger::Ledger;
use super::settle::Settled;
use crate::model::{Ask, Role, Schema};

const VERSION: &str = "plan-1";
/// The longest search, in characters; engines cut or refuse what is longer.
const LONGEST: usize = 200;
/// How much of what is known a planner is shown, in characters.
const DIGEST: usize = 6_000;

const UNDERSTAND: &str = "\
You plan research. Take the question apart into what has to be found out, and word searches for a web search engine. \
Different searches shall be worded differently and aim at different kinds of sources: official pages, documentation, \
statistics, reference works, reports, news, papers. Short searches find more than sentences. Name people, places, products \
and years in full. You do not answer the question.";

const NEXT: &str = "\
You plan the next searches of a research. You are told what is wanted, what is known and what was searched already. Word new \
searches for what is missing, what rests on one source only, or what is contradictory: other words, other kinds of sources, \
other languages where that helps. Short searches find more than sentences. You do not answer the question.";

/// The searches that rules make for these fields: the question's own words, then each field with its subject.
pub(super) fn by_rule(brief: &Brief, open: &[usize], most: usize) -> Vec<String> {
    let mut found = Vec::new();
    let before = brief.before.as_ref().map(|before| content_words(&before.question)).unwrap_or_default();
    if let Some(subject) = &brief.subject {
        for field in open.iter().filter_map(|at| brief.fields.get(*at)) {
            let about = if field.about == field.words() { String::new() } else { content_words(cut(&field.about, 80)) };
            found.push(format!(
                "{subject} {} {about}",
                if field.path == "answer" { String::new() } else { field.words() }
            ));
        }
        found.push(subject.clone());
    } else {
        found.push(format!("{} {before}", content_words(&brief.question)));
        for field in open.iter().filter_map(|at| brief.fields.get(*at)).filter(|field| field.path != "answer") {
            found.push(format!("{} {}", content_words(cut(&brief.question, 120)), field.words()));
        }
        found.push(cut(&brief.question, LONGEST).to_owned());
    }
    new_only(found, &HashSet::new(), most)
}

/// The searches of these that are new, by their words in whatever order; at most so many.
pub(super) fn new_only(found: Vec<String>, made: &HashSet<String>, most: usize) -> Vec<String> {
    let mut made = made.clone();
    let tidy = found.into_iter().map(|text| {
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        cut(&line, LONGEST).to_owned()
    });
    tidy.filter(|text| !text.is_empty() && made.insert(normal(text))).take(most).collect()
}

/// A search's words in order, each once: what two searches have in common if they would find the same.
pub(super) fn normal(search: &str) -> String {
    let mut words: Vec<String> = humanised(search).split(' ').map(str::to_owned).collect();
    words.sort_unstable();
    words.dedup();
    words.join(" ")
}

/// What a planner is told who may ask back.
const ASK_BACK: &str = "\
If the question can be meant in ways that lead to quite different answers, and nothing in it tells which, write in `question` \
one short question to whoever asked; else leave it empty. It is rarely needed.";

/// What a planner asks back, if it does.
pub(super) fn asked_back(reply: &Value) -> Option<String> {
    let text = reply.get("question").and_then(Value::as_str)?.split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then(|| cut(&text, 500).to_owned())
}

/// The same ask, of a planner who may ask back.
pub(super) fn may_ask_back(mut ask: Ask) -> Ask {
    // Writing to a string cannot fail.
    let _ = writeln!(ask.user, "{ASK_BACK}");
    if let Some(schema) = &mut ask.schema {
        schema.schema["properties"]["question"] = json!({"type": "string"});
        if let Some(required) = schema.schema["required"].as_array_mut() {
            required.push(json!("question"));
        }
    }
    ask
}

/// What to ask a planner first.
pub(super) fn understand(brief: &Brief, parts: usize, searches: usize, propose: bool) -> Ask {
    let mut user = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(user, "Question: {}\nToday: {}", brief.question, brief.today);
    if let Some(before) = &brief.before {
        let _ = writeln!(
            user,
            "It follows on this question: {}\nwhich was answered: {}",
            before.question,
            cut(&before.answer, 1_500)
        );
    }
    if propose {
        let _ = writeln!(
            user,
            "\nThe answer will be an object. Propose its properties (at most {parts}), each with a short snake_case name, a \
             description of what it shall hold, and its type."
        );
    } else if parts > 0 && brief.is_text() {
        let _ = writeln!(
            user,
            "\nIn `parts` list up to {parts} questions whose answers together answer the question; one, if it is simple."
        );
    } else {
        let all: Vec<usize> = (0..brief.fields.len()).collect();
        let _ = writeln!(user, "\nThese fields have to be filled:\n{}", brief.listed(&all));
    }
    let _ = writeln!(user, "In `searches` list {searches} searches.");
    asked(UNDERSTAND, user, if propose { &PROPOSAL } else { &PLAN })
}

/// What to ask a planner when something is still missing.
pub(super) fn next(
    brief: &Brief,
    open: &[usize],
    settled: &[Settled],
    ledger: &Ledger,
    made: &[String],
    searches: usize,
) -> Ask {
    let mut user = String::new();
    // Writing to a string cannot fail.
    let _ =
        writeln!(user, "Question: {}\nToday: {}\n\nStill open:\n{}", brief.question, brief.today, brief.listed(open));
    let _ = writeln!(user, "Known, each with a quote:\n{}", digest(brief, settled, ledger));
    let _ = writeln!(user, "Searched already:");
    for search in made.iter().rev().take(60) {
        let _ = writeln!(user, "- {search}");
    }
    let _ = writeln!(user, "\nIn `searches` list up to {searches} new searches; in `parts` nothing.");
    asked(NEXT, user, &PLAN)
}

/// What is known, as proved quotes.
fn digest(brief: &Brief, settled: &[Settled], ledger: &Ledger) -> String {
    let mut text = String::new();
    for known in settled {
        let Some(first) = known.support.first().map(|at| &ledger.evidence[*at]) else { continue };
        let sites = if known.domains == 1 { "one site".to_owned() } else { format!("{} sites", known.domains) };
        let against: Vec<&str> = known.against.iter().map(|(value, _)| value.as_str()).collect();
        let doubt = if against.is_empty() { String::new() } else { format!("; others say {}", against.join(", ")) };
        let field = &brief.fields[known.field].path;
        let quote = cut(ledger.excerpt(first), 160).replace(['\n', '\r'], " ");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "- {field}: {} ({sites}{doubt}): {quote:?}", cut(&known.value, 120));
        if text.len() > DIGEST {
            break;
        }
    }
    if text.is_empty() { "nothing\n".to_owned() } else { text }
}

fn asked(system: &str, user: String, schema: &Value) -> Ask {
    Ask {
        role: Role::Planner,
        system: system.to_owned(),
        user,
        schema: Some(Schema { name: "plan".to_owned(), schema: schema.clone() }),
        max_tokens: 1_200,
        version: VERSION.to_owned(),
    }
}

static PLAN: LazyLock<Value> = LazyLock::new(|| {
    let texts = json!({"type": "array", "items": {"type": "string"}});
    json!({
        "type": "object",
        "properties": {"parts": texts, "searches": texts},
        "required": ["parts", "searches"],
        "additionalProperties": false,
    })
});

static PROPOSAL: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "type": "object",
        "properties": {
            "properties": {"type": "array", "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "description": {"type": "string"},
                    "type": {"type": "string", "enum": ["string", "number", "integer", "boolean", "list of strings"]},
                },
                "required": ["name", "description", "type"],
                "additionalProperties": false,
            }},
            "searches": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["properties", "searches"],
        "additionalProperties": false,
    })
});

/// The texts in a list of a reply.
pub(super) fn texts(reply: &Value, name: &str) -> Vec<String> {
    let list = reply.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    list.iter().filter_map(Value::as_str).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

/// The schema that a planner proposed, if it holds any property.
pub(super) fn proposed(reply: &Value, most: usize) -> Option<Value> {
    let list = reply.get("properties").and_then(Value::as_array)?;
    let mut properties = serde_json::Map::new();
    for entry in list {
        let name = entry.get("name").and_then(Value::as_str).map(snake).unwrap_or_default();
        let about = entry.get("description").and_then(Value::as_str).unwrap_or_default();
        if name.is_empty() || properties.len() >= most || properties.contains_key(&name) {
            continue;
        }
        let schema = match entry.get("type").and_then(Value::as_str) {
            Some(kind @ ("number" | "integer" | "boolean")) => json!({"type": [kind, "null"], "description": about}),
            Some("list of strings") => {
                json!({"type": ["array", "null"], "items": {"type": "string"}, "description": about})
            }
            _ => json!({"type": ["string", "null"], "description": about}),
        };
        properties.insert(name, schema);
    }
    if properties.is_empty() {
        return None;
    }
    let required: Vec<&String> = properties.keys().collect();
    Some(json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false}))
}

/// The schema of an object of which no model said how it should be.
pub(super) fn plain_schema(question: &str) -> Value {
    let about = format!("what answers the question: {}", cut(question, 400));
    json!({
        "type": "object",
        "properties": {"answer": {"type": ["string", "null"], "description": about}},
        "required": ["answer"],
        "additionalProperties": false,
    })
}

fn snake(name: &str) -> String {
    let words: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' }).collect();
    cut(&words.split_whitespace().collect::<Vec<_>>().join("_"), 60).to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{brief, fields};
    use super::*;

    #[test]
    fn rules_word_searches_of_the_question_and_of_each_field() {
        let one = brief("What is the capital of Mongolia?");
        assert_eq!(by_rule(&one, &[0], 1), ["capital Mongolia"]);
        let mut two = fields("Ferrari S.p.A.", &["ceo.name", "founded"]);
        two.subject = Some("Ferrari S.p.A.".to_owned());
        assert_eq!(by_rule(&two, &[0, 1], 3), ["Ferrari S.p.A. ceo name", "Ferrari S.p.A. founded", "Ferrari S.p.A."]);
    }

    #[test]
    fn a_search_that_was_made_is_not_made_again_in_another_order() {
        let made = HashSet::from([normal("tower height Paris")]);
        let found =
            vec!["Paris tower height".to_owned(), "Height of the tower".to_owned(), "height  of the Tower".to_owned()];
        assert_eq!(new_only(found, &made, 5), ["Height of the tower"]);
    }

    #[test]
    fn a_proposal_is_a_schema_with_names_that_can_be_used() {
        let reply = json!({"properties": [
            {"name": "Market size", "description": "in US dollars", "type": "number"},
            {"name": "market-size", "description": "again", "type": "string"},
            {"name": "Rivals", "description": "who", "type": "list of strings"},
            {"name": "!!", "description": "", "type": "string"},
        ], "searches": ["tea market"]});
        let schema = proposed(&reply, 10).unwrap();
        let names: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
        assert_eq!(names, ["market_size", "rivals"]);
        assert_eq!(schema["properties"]["market_size"]["type"], json!(["number", "null"]));
        assert_eq!(texts(&reply, "searches"), ["tea market"]);
        assert_eq!(proposed(&json!({"properties": []}), 10), None);
    }
}
