//! What is wrong and what is odd about a body, collected while it is read, so that a caller is told everything at once.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::json::{Kind, Members};
use crate::warning::{Warning, WarningKind};

/// How many faults are told of; a body with more is told of these.
const MOST: usize = 100;

/// How much of a key is told, in characters.
const MAX_STEP: usize = 80;

/// One thing that is wrong with a body, in the usual shape: where, what, and a word for programs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fault {
    /// The path to it, from `body` on.
    pub loc: Vec<Step>,
    /// What is wrong and what would be right.
    pub msg: String,
    /// The word for programs: `missing`, `string_type`, `value_error` …
    #[serde(rename = "type")]
    pub kind: &'static str,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Step {
    /// Into a member of an object.
    Key(String),
    /// Into an element of a list.
    Index(usize),
}

/// A place in the body. Costs nothing until somebody asks for its name.
#[derive(Clone, Copy)]
pub(crate) enum At<'a> {
    Body,
    Key(&'a At<'a>, &'a str),
    Index(&'a At<'a>, usize),
}

impl<'a> At<'a> {
    pub(crate) fn key(&'a self, key: &'a str) -> Self {
        Self::Key(self, key)
    }

    pub(crate) fn index(&'a self, index: usize) -> Self {
        Self::Index(self, index)
    }

    fn loc(&self) -> Vec<Step> {
        match self {
            Self::Body => vec![Step::Key("body".to_owned())],
            Self::Key(up, key) => pushed(up.loc(), Step::Key(short(key).to_owned())),
            Self::Index(up, index) => pushed(up.loc(), Step::Index(*index)),
        }
    }
}

/// A key may be as long as the body; where it is told of, its beginning is enough.
fn short(key: &str) -> &str {
    key.char_indices().nth(MAX_STEP).map_or(key, |(end, _)| &key[..end])
}

fn pushed(mut loc: Vec<Step>, step: Step) -> Vec<Step> {
    loc.push(step);
    loc
}

/// `task_spec.output_schema.json_schema`, `mcp_servers[2].url`.
impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => f.write_str("body"),
            Self::Key(Self::Body, key) => f.write_str(short(key)),
            Self::Key(up, key) => write!(f, "{up}.{}", short(key)),
            Self::Index(up, index) => write!(f, "{up}[{index}]"),
        }
    }
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) faults: Vec<Fault>,
    pub(crate) warnings: Vec<Warning>,
}

impl Findings {
    /// Something is wrong here. The message goes on from the name of the place: "`processor` is required".
    pub(crate) fn wrong(&mut self, at: &At<'_>, kind: &'static str, message: impl fmt::Display) {
        if self.faults.len() < MOST {
            self.faults.push(Fault { loc: at.loc(), msg: format!("`{at}` {message}"), kind });
        }
    }

    /// Something is odd about the `task_spec`.
    pub(crate) fn odd_spec(&mut self, message: impl Into<String>, detail: Option<Value>) {
        self.warnings.push(Warning { kind: WarningKind::Spec, message: message.into(), detail });
    }

    /// Something else is odd.
    pub(crate) fn odd(&mut self, message: impl Into<String>, detail: Option<Value>) {
        self.warnings.push(Warning { kind: WarningKind::Other, message: message.into(), detail });
    }

    pub(crate) fn text<'a>(&mut self, at: &At<'_>, raw: &'a RawValue) -> Option<Cow<'a, str>> {
        self.of_kind(at, raw, Kind::Text, "string_type")?;
        match serde_json::from_str::<Text<'a>>(raw.get()) {
            Ok(Text(text)) => Some(text),
            // The scan of the body lets half a surrogate pair pass; it is no text.
            Err(error) => self.refuse(at, "string_unicode", format!("is not a readable string: {error}")),
        }
    }

    pub(crate) fn flag(&mut self, at: &At<'_>, raw: &RawValue) -> Option<bool> {
        self.of_kind(at, raw, Kind::Flag, "bool_type")?;
        Some(raw.get() == "true")
    }

    pub(crate) fn number(&mut self, at: &At<'_>, raw: &RawValue) -> Option<f64> {
        self.of_kind(at, raw, Kind::Number, "float_type")?;
        match raw.get().parse::<f64>() {
            Ok(number) if number.is_finite() => Some(number),
            _ => self.refuse(at, "finite_number", "is a number beyond all that can be counted with"),
        }
    }

    pub(crate) fn list<'a>(&mut self, at: &At<'_>, raw: &'a RawValue) -> Option<Vec<&'a RawValue>> {
        self.of_kind(at, raw, Kind::List, "list_type")?;
        self.parsed(at, raw)
    }

    pub(crate) fn object<'a>(&mut self, at: &At<'_>, raw: &'a RawValue) -> Option<Members<'a>> {
        self.of_kind(at, raw, Kind::Object, "dict_type")?;
        self.parsed(at, raw)
    }

    /// A list of strings. Elements that are none are told of and left out.
    pub(crate) fn texts<'a>(&mut self, at: &At<'_>, raw: &'a RawValue) -> Option<Vec<Cow<'a, str>>> {
        let items = self.list(at, raw)?;
        Some(items.into_iter().enumerate().filter_map(|(i, item)| self.text(&at.index(i), item)).collect())
    }

    fn of_kind(&mut self, at: &At<'_>, raw: &RawValue, wanted: Kind, word: &'static str) -> Option<()> {
        let kind = Kind::of(raw.get());
        if kind == wanted {
            return Some(());
        }
        self.refuse(at, word, format!("is {}; {} was expected", kind.named(), wanted.named()))
    }

    fn parsed<'a, T: Deserialize<'a>>(&mut self, at: &At<'_>, raw: &'a RawValue) -> Option<T> {
        serde_json::from_str(raw.get())
            .map_err(|error| self.wrong(at, "json_invalid", format!("cannot be read: {error}")))
            .ok()
    }

    /// Tells of a fault and has nothing to give.
    pub(crate) fn refuse<T>(&mut self, at: &At<'_>, kind: &'static str, message: impl fmt::Display) -> Option<T> {
        self.wrong(at, kind, message);
        None
    }
}

/// A string that is borrowed unless it was written with escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named_as_one_would_write_it() {
        let body = At::Body;
        let servers = body.key("mcp_servers");
        let second = servers.index(1);
        assert_eq!(second.key("url").to_string(), "mcp_servers[1].url");
        let loc = serde_json::to_string(&second.key("url").loc()).unwrap();
        assert_eq!(loc, r#"["body","mcp_servers",1,"url"]"#);
    }

    #[test]
    fn half_a_surrogate_pair_is_no_text() {
        let raw = RawValue::from_string(r#""\ud800""#.to_owned()).unwrap();
        let mut findings = Findings::default();
        assert_eq!(findings.text(&At::Body.key("input"), &raw), None);
        assert_eq!(findings.faults[0].kind, "string_unicode");
    }

    #[test]
    fn a_long_key_is_told_by_its_beginning() {
        assert_eq!(At::Body.key(&"é".repeat(1000)).to_string(), "é".repeat(MAX_STEP));
    }

    #[test]
    fn the_list_of_faults_ends_somewhere() {
        let mut findings = Findings::default();
        for i in 0..1000 {
            findings.wrong(&At::Body.index(i), "value_error", "is wrong");
        }
        assert_eq!(findings.faults.len(), MOST);
    }
}
