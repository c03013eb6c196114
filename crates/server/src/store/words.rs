//! What there is to search in a document.

use serde_json::Value;

/// How much of a text is taken apart, in bytes.
const MOST: usize = 100_000;

/// What is said under a key of a JSON object: texts, names and numbers, whatever they lie in.
pub(super) fn words(json: &[u8], key: &str) -> String {
    let mut out = String::new();
    if let Ok(Value::Object(mut object)) = serde_json::from_slice(json) {
        gather(object.get_mut(key).unwrap_or(&mut Value::Null), &mut out);
    }
    out
}

fn gather(value: &Value, out: &mut String) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => say(&number.to_string(), out),
        Value::String(text) => say(text, out),
        Value::Array(list) => list.iter().for_each(|value| gather(value, out)),
        Value::Object(object) => {
            for (name, value) in object {
                say(name, out);
                gather(value, out);
            }
        }
    }
}

/// As much of a text as there is room for.
fn say(text: &str, out: &mut String) {
    let room = MOST.saturating_sub(out.len());
    let end = text.floor_char_boundary(room.min(text.len()));
    if end > 0 {
        out.push_str(&text[..end]);
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_however_deep_they_lie() {
        let json = br#"{"input":{"land":"Chad","list":[1,{"b":"two"}],"no":null},"other":"x"}"#;
        assert_eq!(words(json, "input"), "land\nChad\nlist\n1\nb\ntwo\nno\n");
        assert_eq!(words(b"no json", "input"), "");
        let long = format!(r#"{{"input":"{}"}}"#, "ü".repeat(MOST));
        assert!(words(long.as_bytes(), "input").len() <= MOST + 1);
        let names = format!(r#"{{"input":{{"{}":1,"b":2}}}}"#, "word ".repeat(MOST));
        assert!(words(names.as_bytes(), "input").len() <= MOST + 2, "names are words as well");
    }
}
