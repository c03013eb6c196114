//! JSON that keeps its bytes: a body is checked and taken apart, and each part stays the text it was given as.
//!
//! Objects are read as [`Members`], so that nothing is parsed that nobody looks at, and so that what we carry for the
//! caller (`1.0`, `1e400`, long integers, the order of keys) is handed back as it came.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::code::Code;

/// How deep objects and lists of a body may lie in each other. Below what our JSON reader takes (128) and far above
/// what anybody needs.
pub(crate) const MAX_DEPTH: usize = 64;

/// A body cannot be taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoObject {
    pub(crate) code: Code,
    pub(crate) message: String,
}

impl NoObject {
    fn unreadable(message: impl Into<String>) -> Self {
        Self { code: Code::BadRequest, message: message.into() }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self { code: Code::Invalid, message: message.into() }
    }
}

/// A body's text without the white space around it, and its members.
pub(crate) fn read_object(body: &[u8]) -> Result<(&str, Members<'_>), NoObject> {
    let text = std::str::from_utf8(body).map_err(|error| {
        NoObject::unreadable(format!("the body is not UTF-8: byte {} belongs to no character", error.valid_up_to()))
    })?;
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    if text.is_empty() {
        return Err(NoObject::unreadable("the body is empty; a JSON object was expected"));
    }
    if deeper_than(text, MAX_DEPTH) {
        return Err(NoObject::invalid(format!("the body is nested more than {MAX_DEPTH} deep")));
    }
    match serde_json::from_str(text) {
        Ok(members) => Ok((text, members)),
        Err(error) if error.is_data() => {
            Err(NoObject::invalid(format!("the body is {}; a JSON object was expected", Kind::of(text).named())))
        }
        Err(error) => Err(NoObject::unreadable(format!("the body is not valid JSON: {error}"))),
    }
}

/// Whether brackets lie in each other more than `most` deep. Looks at bytes only; what is no JSON is found later.
fn deeper_than(text: &str, most: usize) -> bool {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => drop(bytes.next()),
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > most {
                    return true;
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// The members of a JSON object in their order, each value as the text it was given as.
#[derive(Debug, Default)]
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// The value of a key; of several the last, as everybody reads it. `None` also when it is `null`.
    pub(crate) fn get(&self, key: &str) -> Option<&'a RawValue> {
        self.given(key).filter(|value| value.get() != "null")
    }

    /// The value of a key, also when it is `null`.
    pub(crate) fn given(&self, key: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| *value)
    }

    /// Whether the key is there, whatever its value.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.given(key).is_some()
    }

    /// Gives a key this value, and no other.
    pub(crate) fn put(&mut self, key: &'a str, value: &'a RawValue) {
        self.0.retain(|(name, _)| name != key);
        self.0.push((Cow::Borrowed(key), value));
    }

    /// Takes a key away.
    pub(crate) fn remove(&mut self, key: &str) {
        self.0.retain(|(name, _)| name != key);
    }

    /// Takes the members of another object; they replace its own of the same key.
    pub(crate) fn lay_over(&mut self, other: Self) {
        self.0.retain(|(name, _)| !other.has(name));
        self.0.extend(other.0);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), *value))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(MembersVisitor).map(Self)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(8);
        while let Some((Key(key), value)) = map.next_entry()? {
            members.push((key, value));
        }
        Ok(members)
    }
}

/// A key that is borrowed unless it was written with escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// What a JSON value is, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Flag,
    Number,
    Text,
    List,
    Object,
}

impl Kind {
    /// The kind of a text that was read as JSON before.
    pub(crate) fn of(text: &str) -> Self {
        match text.as_bytes().first() {
            Some(b'n') | None => Self::Null,
            Some(b't' | b'f') => Self::Flag,
            Some(b'"') => Self::Text,
            Some(b'[') => Self::List,
            Some(b'{') => Self::Object,
            Some(_) => Self::Number,
        }
    }

    /// The kind with its article, for messages.
    pub(crate) const fn named(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Flag => "a boolean",
            Self::Number => "a number",
            Self::Text => "a string",
            Self::List => "a list",
            Self::Object => "an object",
        }
    }
}

/// The value as we work with it. A number that neither an `i64`, a `u64` nor an `f64` can hold becomes its text, so
/// that an identifier of thirty digits is not rounded and `1e400` does no harm.
pub(crate) fn value_of(raw: &RawValue) -> Result<Value, serde_json::Error> {
    if has_long_number(raw.get()) {
        serde_json::from_str(&with_quoted_numbers(raw.get()))
    } else {
        serde_json::from_str(raw.get())
    }
}

/// Whether a number may be more than the usual types hold. Says yes too often rather than too rarely.
fn has_long_number(text: &str) -> bool {
    let mut digits = 0_u32;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'e' | b'E' if digits > 0 => return true,
            _ => digits = 0,
        }
        if digits > 18 {
            return true;
        }
    }
    false
}

/// The same JSON, with quotes around each number that we cannot hold.
fn with_quoted_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while !rest.is_empty() {
        let number = rest.starts_with(|first: char| first == '-' || first.is_ascii_digit());
        let (part, after) = rest.split_at(if number { number_end(rest) } else { string_or_char_end(rest) });
        if number && !is_exact(part) {
            out.extend(["\"", part, "\""]);
        } else {
            out.push_str(part);
        }
        rest = after;
    }
    out
}

fn number_end(text: &str) -> usize {
    text.find(|char: char| !(char.is_ascii_digit() || matches!(char, '+' | '-' | '.' | 'e' | 'E')))
        .unwrap_or(text.len())
}

/// The end of what begins here, which is no number: a string, or one character.
fn string_or_char_end(text: &str) -> usize {
    if !text.starts_with('"') {
        return text.chars().next().map_or(0, char::len_utf8);
    }
    // The quote it opens with closes nothing.
    let mut escaped = true;
    let end = text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    });
    end.map_or(text.len(), |end| end + 1)
}

fn is_exact(number: &str) -> bool {
    let whole = !number.contains(['.', 'e', 'E']);
    serde_json::from_str::<Value>(number).is_ok_and(|value| !whole || !value.is_f64())
}

/// How many characters the value has when it is written without white space between its parts.
pub(crate) fn compact_chars(raw: &RawValue) -> usize {
    let mut count = 0;
    let mut in_string = false;
    let mut escaped = false;
    for char in raw.get().chars() {
        let blank = !in_string && matches!(char, ' ' | '\t' | '\r' | '\n');
        count += usize::from(!blank);
        match char {
            '"' if !escaped => in_string = !in_string,
            _ => {}
        }
        escaped = in_string && char == '\\' && !escaped;
    }
    count
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn refused(body: &[u8]) -> (u16, String) {
        let error = read_object(body).expect_err("this body is no object");
        (error.code.status(), error.message)
    }

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn what_is_no_object_is_refused_with_what_it_is() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(64), "]".repeat(64));
        let bodies: [&[u8]; 9] = [
            b"",
            b" \n",
            b"[1]",
            b"\"a\"",
            b"12",
            b"{\"a\":1,}",
            b"{\"input\":\"a",
            b"{\"a\":\"\xff\"}",
            deep.as_bytes(),
        ];
        let told: Vec<_> = bodies.into_iter().map(refused).collect();
        insta::assert_debug_snapshot!(told);
    }

    #[test]
    fn brackets_in_strings_are_not_depth() {
        let body = format!(r#"{{"a":"{}\"{{","b":{}1{}}}"#, "[".repeat(100), "[".repeat(63), "]".repeat(63));
        assert!(read_object(body.as_bytes()).is_ok());
    }

    #[test]
    fn of_a_key_given_twice_the_last_counts() {
        let (_, members) = read_object(br#"{"a":1,"b":null,"a":2}"#).unwrap();
        assert_eq!(members.get("a").map(RawValue::get), Some("2"));
        assert!(members.get("b").is_none() && members.has("b"));
    }

    #[test]
    fn a_key_is_the_same_however_it_is_written() {
        let (_, members) = read_object(br#"{"\u0061":1}"#).unwrap();
        assert_eq!(members.get("a").map(RawValue::get), Some("1"));
    }

    #[test]
    fn a_number_we_cannot_hold_stays_its_text() {
        let given = r#"{"a":-1e400,"b":[123456789012345678901234567890, 1],"c":12345678901234567890,"d":1.50,"1e999":"\\\"1e999é"}"#;
        let value = value_of(&raw(given)).unwrap();
        let held = r#"{"a":"-1e400","b":["123456789012345678901234567890",1],"c":12345678901234567890,"d":1.5,"1e999":"\\\"1e999é"}"#;
        assert_eq!(value.to_string(), held);
    }

    proptest! {
        #[test]
        fn numbers_that_can_be_held_are_left_alone(text in ".{0,30}", whole: i64, float in -1e300..1e300_f64) {
            let value = json!({ &text: [text, whole, float, { "n": null }] });
            let quoted = with_quoted_numbers(&value.to_string());
            prop_assert_eq!(quoted, value.to_string());
        }
    }

    #[test]
    fn white_space_between_the_parts_does_not_count() {
        assert_eq!(
            compact_chars(&raw("{ \"a b\" : [ 1,\n2 ], \"\\\" c\": \"é\\\\\" }")),
            r#"{"a b":[1,2],"\" c":"é\\"}"#.chars().count()
        );
    }
}
