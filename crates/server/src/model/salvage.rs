//! JSON out of what a model wrote around it: explanations, code fences, a comma too many, a brace too few.

use serde_json::Value;

/// The values that may be meant, the likeliest first. Empty when there is nothing of the kind.
pub(super) fn found(text: &str) -> Vec<Value> {
    let text = text.trim();
    if let Ok(value) = serde_json::from_str::<Value>(text)
        && (value.is_object() || value.is_array())
    {
        return vec![value];
    }
    let pieces: Vec<_> = pieces(text).collect();
    let whole = pieces.iter().filter_map(|piece| serde_json::from_str(piece).ok());
    let mended = pieces.iter().filter_map(|piece| serde_json::from_str(&mended(piece)).ok());
    let mut found: Vec<Value> = whole.chain(mended).collect();
    found.dedup();
    found
}

/// From each opening bracket that stands outside of another piece to where it is closed, or to the end.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = &rest[rest.find(['{', '['])?..];
        let piece = &rest[..end(rest)];
        rest = &rest[piece.len()..];
        Some(piece)
    })
}

/// Where the bracket that a text begins with is closed; its length if it is not.
fn end(text: &str) -> usize {
    let mut depth = 0_u32;
    let mut reader = Reader::default();
    for (at, character) in text.char_indices() {
        if reader.is_inside(character) {
            continue;
        }
        match character {
            '{' | '[' => depth += 1,
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

/// A piece with commas that lead nowhere left out, line ends within strings written as JSON has them, and what is open closed.
fn mended(piece: &str) -> String {
    let mut out = String::with_capacity(piece.len() + 8);
    let mut open = Vec::new();
    let mut reader = Reader::default();
    for character in piece.chars() {
        if reader.is_inside(character) {
            match character {
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                other => out.push(other),
            }
            continue;
        }
        match character {
            '{' => open.push('}'),
            '[' => open.push(']'),
            '}' | ']' => {
                without_comma(&mut out);
                open.pop();
            }
            _ => {}
        }
        out.push(character);
    }
    if reader.within {
        if reader.escaped {
            out.pop();
        }
        out.push('"');
    }
    without_comma(&mut out);
    out.extend(open.iter().rev());
    out
}

fn without_comma(out: &mut String) {
    let kept = out.trim_end().trim_end_matches(',').len();
    out.truncate(kept);
}

/// Knows whether a character stands within a string.
#[derive(Default)]
struct Reader {
    within: bool,
    escaped: bool,
}

impl Reader {
    /// Reads on; whether this character, or the quote that it is, belongs to a string.
    fn is_inside(&mut self, character: char) -> bool {
        if !self.within {
            self.within = character == '"';
            return self.within;
        }
        if self.escaped {
            self.escaped = false;
        } else if character == '\\' {
            self.escaped = true;
        } else if character == '"' {
            self.within = false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_found_in_what_stands_around_it() {
        for (text, meant) in [
            (r#"{"a": 1}"#, json!({"a": 1})),
            ("Here you are:\n```json\n{\"a\": [1, 2]}\n```\nAnything else?", json!({"a": [1, 2]})),
            (r#"{"a": 1, "b": [1, 2,],}"#, json!({"a": 1, "b": [1, 2]})),
            (r#"{"a": {"b": "c"#, json!({"a": {"b": "c"}})),
            (r#"{"a": "ends in a slash \"#, json!({"a": "ends in a slash "})),
            ("{\"a\": \"two\nlines\"}", json!({"a": "two\nlines"})),
            (r#"{"a": "a } and a \" in a string"} and on"#, json!({"a": "a } and a \" in a string"})),
            ("[1, 2", json!([1, 2])),
        ] {
            assert_eq!(found(text).first(), Some(&meant), "{text}");
        }
    }

    #[test]
    fn the_likeliest_comes_first_and_the_others_after_it() {
        let text = r#"The set {1, 2} is not {"a": 1}, nor {"b": 2,}."#;
        assert_eq!(found(text), [json!({"a": 1}), json!({"b": 2})]);
    }

    #[test]
    fn where_there_is_none_none_is_found() {
        for text in ["", "42", "\"text\"", "I cannot say.", "}", "{1, 2}"] {
            assert_eq!(found(text), [] as [Value; 0], "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_model_writes_is_read_without_a_panic(text in r#"[\[\]{}",:\\a1é\n ]{0,40}"#) {
            found(&text);
        }

        #[test]
        fn what_is_json_is_taken_as_it_is(numbers in proptest::collection::vec(any::<i32>(), 0..5), text in ".{0,10}") {
            let value = json!({"numbers": numbers, "text": text});
            let found = found(&format!("Well: {value} I think."));
            prop_assert_eq!(found.first(), Some(&value));
        }
    }
}
