//! What is looked for: the question, and the fields that an answer has.

use std::fmt::Write as _;

use legwork_core::output::Output;
use legwork_core::task::{Input, Task, Wanted};
use serde_json::{Map, Value};

use super::super::research::{Kind as SchemaKind, Schema, question_of, wants_json};
use super::honest::{Date, Fresh};

/// How deep lists of objects are taken apart: one in another is more than rows can say.
const DEEPEST_LIST: usize = 1;
/// How much of a description is shown to a model, in characters.
const ABOUT: usize = 600;

/// A task as the engine sees it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Brief {
    /// The whole input as one question.
    pub(super) question: String,
    /// What the answer is about, when the input names values: `Ferrari S.p.A.`
    pub(super) subject: Option<String>,
    /// What is looked for.
    pub(super) fields: Vec<Field>,
    /// The form of the answer.
    pub(super) form: Form,
    /// The day on which it was asked, as `YYYY-MM-DD`.
    pub(super) today: String,
    /// What was asked and answered before, when this goes on from there.
    pub(super) before: Option<Before>,
}

/// An earlier question with its answer.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::processors) struct Before {
    pub(super) question: String,
    pub(super) answer: String,
}

impl Before {
    /// From what an earlier run was asked and answered.
    pub(in crate::processors) fn of(input: &Input, output: &Output) -> Self {
        let answer = match output {
            Output::Text { content, .. } => content.clone(),
            Output::Json { content, .. } => Value::Object(content.clone()).to_string(),
        };
        Self { question: question_of(input), answer }
    }
}

/// The form of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Form {
    /// Prose, as this describes it.
    Text { description: Option<String> },
    /// An object by this schema; `proposed` when it is ours.
    Object { schema: Value, proposed: bool },
}

/// Something that is looked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    /// Its place in the answer: `ceo.name`, `offices[].city`. Of a text the parts are called `answer`, `part_1`, …
    pub(super) path: String,
    /// The top-level property it belongs to: `ceo`, `offices`.
    pub(super) top: String,
    /// What it is, in words.
    pub(super) about: String,
    /// What kind of value it has.
    pub(super) kind: Kind,
    /// Whether there may be several: it stands in a list.
    pub(super) many: bool,
}

/// What kind of value a field has.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Text,
    Date,
    Integer,
    Number,
    Boolean,
    Choice(Vec<Value>),
}

impl Kind {
    /// In words, for a model.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Date => "a date".to_owned(),
            Self::Integer => "a whole number".to_owned(),
            Self::Number => "a number".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Choice(choices) => {
                let shown: Vec<String> = choices.iter().take(40).map(shown).collect();
                format!("one of {}", shown.join(" | "))
            }
        }
    }
}

impl Field {
    /// Its path as words: `offices city`.
    pub(super) fn words(&self) -> String {
        humanised(&self.path)
    }
}

impl Brief {
    /// Reads a task by rules alone.
    pub(super) fn of(task: &Task, processor: &str, today: String, before: Option<Before>) -> Self {
        let question = question_of(&task.input);
        let subject = subject(&task.input);
        let (fields, form) = match &task.wanted {
            Wanted::Json { schema } => (fields_of(schema), Form::Object { schema: schema.clone(), proposed: false }),
            Wanted::Auto if wants_json(processor) => {
                (vec![whole(&question)], Form::Object { schema: Value::Null, proposed: true })
            }
            Wanted::Auto => (vec![whole(&question)], Form::Text { description: None }),
            Wanted::Text { description } => (vec![whole(&question)], Form::Text { description: description.clone() }),
        };
        Self { question, subject, fields, form, today, before }
    }

    /// Takes in what the caller says is meant, asked back.
    pub(super) fn made_clear(&mut self, question: &str, answer: &str) {
        let clear = format!("{} ({} {})", self.question, cut(question, ABOUT), cut(answer, ABOUT));
        for field in self.fields.iter_mut().filter(|field| field.path == "answer") {
            *field = whole(&clear);
        }
        self.question = clear;
    }

    /// Whether only what is new will do: a page that was read before may be too old already.
    pub(super) fn is_fresh(&self) -> bool {
        Date::of(&self.today).is_some_and(|today| matches!(Fresh::of(&self.question, today), Fresh::Days(_)))
    }

    /// Whether the answer is prose.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.form, Form::Text { .. })
    }

    /// The fields as lines for a model, only these.
    pub(super) fn listed(&self, which: &[usize]) -> String {
        which.iter().filter_map(|at| self.fields.get(*at)).fold(String::new(), |mut lines, field| {
            let many = if field.many { "; may have several items: name the item in `item`" } else { "" };
            // Writing to a string cannot fail.
            let _ = writeln!(lines, "- {}: {} ({}{many})", field.path, field.about, field.kind.words());
            lines
        })
    }
}

/// The one field of a text: the question itself.
fn whole(question: &str) -> Field {
    let about = format!("what answers the question: {}", cut(question, ABOUT));
    Field { path: "answer".to_owned(), top: "answer".to_owned(), about, kind: Kind::Text, many: true }
}

/// The parts into which a question was taken apart, as fields of a text.
pub(super) fn parts(questions: &[String]) -> Vec<Field> {
    let part = |(at, question): (usize, &String)| Field {
        path: format!("part_{}", at + 1),
        top: format!("part_{}", at + 1),
        about: cut(question, ABOUT).to_owned(),
        kind: Kind::Text,
        many: true,
    };
    questions.iter().enumerate().map(part).collect()
}

/// The leaves of a schema.
pub(super) fn fields_of(schema: &Value) -> Vec<Field> {
    let properties = Schema::new(schema);
    let of = |(top, node): (&String, &Value)| {
        let reader = Leaves { schema: Schema::new(schema), top, found: std::cell::RefCell::default() };
        reader.walk(top, node, "", 0);
        reader.found.into_inner()
    };
    properties.properties().flat_map(of).collect()
}

struct Leaves<'s> {
    schema: Schema<'s>,
    top: &'s str,
    found: std::cell::RefCell<Vec<Field>>,
}

impl<'s> Leaves<'s> {
    fn walk(&self, path: &str, node: &'s Value, above: &str, lists: usize) {
        let own = self.schema.description(node).unwrap_or_default();
        let about =
            if above.is_empty() || own.is_empty() { format!("{above}{own}") } else { format!("{above}: {own}") };
        match self.schema.kind(node) {
            SchemaKind::Object(map) => {
                for (name, below) in map {
                    self.walk(&format!("{path}.{name}"), below, &about, lists);
                }
            }
            SchemaKind::List(items) => match self.schema.kind(items) {
                SchemaKind::Object(_) if lists >= DEEPEST_LIST => {}
                SchemaKind::Object(map) => {
                    for (name, below) in map {
                        self.walk(&format!("{path}[].{name}"), below, &about, lists + 1);
                    }
                }
                // A list of lists is read as one of what is in them.
                SchemaKind::List(_) => self.leaf(&format!("{path}[]"), &about, Kind::Text, true),
                kind @ (SchemaKind::Text
                | SchemaKind::Integer
                | SchemaKind::Number
                | SchemaKind::Boolean
                | SchemaKind::Choice(_)) => self.leaf(&format!("{path}[]"), &about, self.of(items, kind), true),
            },
            kind @ (SchemaKind::Text
            | SchemaKind::Integer
            | SchemaKind::Number
            | SchemaKind::Boolean
            | SchemaKind::Choice(_)) => self.leaf(path, &about, self.of(node, kind), lists > 0),
        }
    }

    fn leaf(&self, path: &str, about: &str, kind: Kind, many: bool) {
        let about = if about.is_empty() { humanised(path) } else { cut(about, ABOUT).to_owned() };
        self.found.borrow_mut().push(Field { path: path.to_owned(), top: self.top.to_owned(), about, kind, many });
    }

    fn of(&self, node: &'s Value, kind: SchemaKind<'s>) -> Kind {
        match kind {
            SchemaKind::Integer => Kind::Integer,
            SchemaKind::Number => Kind::Number,
            SchemaKind::Boolean => Kind::Boolean,
            SchemaKind::Choice(choices) => Kind::Choice(choices.to_vec()),
            SchemaKind::Text if self.schema.is_date(node) => Kind::Date,
            SchemaKind::Text | SchemaKind::List(_) | SchemaKind::Object(_) => Kind::Text,
        }
    }
}

/// The value that an object is about: the first text in it.
fn subject(input: &Input) -> Option<String> {
    let Input::Object(map) = input else { return None };
    named(
        map,
        &[
            "name",
            "company",
            "company_name",
            "entity",
            "title",
            "person",
            "country",
            "product",
            "domain",
            "website",
            "url",
        ],
    )
    .or_else(|| map.values().find_map(Value::as_str))
    .map(str::to_owned)
}

fn named<'m>(map: &'m Map<String, Value>, names: &[&str]) -> Option<&'m str> {
    names.iter().find_map(|name| map.get(*name)?.as_str())
}

/// `companyName.hqCity` as words.
pub(super) fn humanised(path: &str) -> String {
    let mut out = String::with_capacity(path.len() + 4);
    let mut before = ' ';
    for c in path.chars() {
        if c.is_uppercase() && before.is_lowercase() {
            out.push(' ');
        }
        out.push(if c.is_alphanumeric() { c } else { ' ' });
        before = c;
    }
    out.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

/// At most so many characters.
pub(super) fn cut(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).map_or(text, |(at, _)| &text[..at])
}

fn shown(choice: &Value) -> String {
    choice.as_str().map_or_else(|| choice.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_is_taken_apart_into_its_leaves() {
        let schema = json!({"type": "object", "properties": {
            "ceo": {"type": "object", "description": "the chief executive", "properties": {
                "name": {"type": "string", "description": "full name"}, "since": {"type": "string", "format": "date"}}},
            "offices": {"type": "array", "items": {"type": "object", "properties": {
                "city": {"type": "string"}, "staff": {"type": ["integer", "null"]},
                "rooms": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}}}}},
            "languages": {"type": "array", "items": {"type": "string"}},
            "public": {"type": "boolean"},
            "size": {"enum": ["small", "large"]},
        }});
        let fields = fields_of(&schema);
        let said: Vec<_> = fields.iter().map(|f| (f.path.as_str(), f.about.as_str(), f.many)).collect();
        assert_eq!(
            said,
            [
                ("ceo.name", "the chief executive: full name", false),
                ("ceo.since", "the chief executive", false),
                ("offices[].city", "offices city", true),
                ("offices[].staff", "offices staff", true),
                ("languages[]", "languages", true),
                ("public", "public", false),
                ("size", "size", false),
            ]
        );
        assert_eq!(fields[1].kind, Kind::Date);
        assert_eq!(fields[3].kind, Kind::Integer);
        assert_eq!(fields[6].kind, Kind::Choice(vec![json!("small"), json!("large")]));
        assert_eq!(fields[2].top, "offices");
    }

    #[test]
    fn names_are_read_as_words() {
        assert_eq!(humanised("companyName.hq_city"), "company name hq city");
        assert_eq!(humanised("offices[].city"), "offices city");
    }
}
