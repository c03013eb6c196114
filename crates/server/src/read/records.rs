//! JSON: one value a line, or one value a file. What has a text of its own is a document; other objects are read like
//! rows of a table.

use serde_json::{Map, Value};

use super::{MOST, Reading, Reason, Text};

/// Where an object may have its text.
const TEXTS: [&str; 4] = ["text", "content", "extract", "body"];
/// Where it may have its title.
const TITLES: [&str; 3] = ["title", "name", "headline"];

/// A list of more numbers than this says nothing.
const NUMBERS: usize = 50;

/// Reads one JSON value a line.
pub(super) fn lines(text: &str, name: &str) -> Reading {
    let mut reading = Reading::default();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let title = format!("{name}:{number}");
        match serde_json::from_str::<Value>(line) {
            Ok(Value::String(body)) => reading.texts.push(part(number.to_string(), title, None, body)),
            Ok(Value::Object(row)) => match record(&row, &number.to_string(), &title) {
                Some(text) => reading.texts.push(text),
                None => reading.leave_out(format!(":{number}"), "the object has no text"),
            },
            Ok(_) => reading.leave_out(format!(":{number}"), "the line is neither an object nor a string"),
            Err(error) => reading.leave_out(format!(":{number}"), format!("the line is not JSON: {error}")),
        }
    }
    reading
}

/// Reads one JSON value.
pub(super) fn read(text: &str) -> Result<Reading, Reason> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
    let rows = match &value {
        Value::Array(rows) if rows.iter().any(|row| row.as_object().is_some_and(has_text)) => rows,
        other @ (Value::Array(_)
        | Value::Object(_)
        | Value::String(_)
        | Value::Number(_)
        | Value::Bool(_)
        | Value::Null) => {
            let title = other.as_object().and_then(title_of).unwrap_or_default();
            let url = other.as_object().and_then(|object| text_at(object, "url")).map(str::to_owned);
            return Ok(Reading::one(title, url, flattened(other)));
        }
    };
    let mut reading = Reading::default();
    for (number, row) in (1..).zip(rows) {
        match row.as_object().and_then(|row| record(row, &number.to_string(), "")) {
            Some(text) => reading.texts.push(text),
            None => reading.leave_out(format!("#{number}"), "the element has no text"),
        }
    }
    Ok(reading)
}

fn part(id: String, title: impl Into<String>, url: Option<String>, body: String) -> Text {
    Text { part: Some(id), title: title.into(), url, body, ..Text::default() }
}

/// An object as a document: its text and what else it says, or all that it says.
fn record(row: &Map<String, Value>, number: &str, title: &str) -> Option<Text> {
    let body = TEXTS.iter().find(|key| text_at(row, key).is_some()).map(|key| with_rest(row, key));
    let body = body.or_else(|| Some(row_of(row)).filter(|body| row.len() > 1 && !body.is_empty()))?;
    let id = row.get("id").filter(|id| id.is_string() || id.is_number());
    let id = id.map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
    let title = title_of(row).unwrap_or_else(|| title.to_owned());
    Some(part(id.unwrap_or_else(|| number.to_owned()), title, text_at(row, "url").map(str::to_owned), body))
}

/// The text of an object, and below it what stands beside it and is not told elsewhere.
fn with_rest(row: &Map<String, Value>, text: &str) -> String {
    let title = TITLES.iter().find(|key| text_at(row, key).is_some());
    let told = |key: &str| key == text || key == "id" || key == "url" || title.is_some_and(|title| *title == key);
    let mut pairs = Vec::new();
    for (key, value) in row.iter().filter(|(key, _)| !told(key)) {
        scalars(&named(key), value, &mut pairs);
    }
    let text = text_at(row, text).unwrap_or_default();
    if pairs.is_empty() { text.to_owned() } else { format!("{}\n\n{}\n", text.trim_end(), pairs.join("; ")) }
}

fn has_text(row: &Map<String, Value>) -> bool {
    TEXTS.iter().any(|key| text_at(row, key).is_some())
}

fn title_of(row: &Map<String, Value>) -> Option<String> {
    TITLES.iter().find_map(|key| text_at(row, key)).map(str::to_owned)
}

fn text_at<'a>(row: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    row.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
}

/// `key: value; key: value`.
fn row_of(row: &Map<String, Value>) -> String {
    let mut pairs = Vec::new();
    for (key, value) in row {
        scalars(&named(key), value, &mut pairs);
    }
    pairs.join("; ")
}

/// `launch_date` is `launch date`.
fn named(key: &str) -> String {
    key.replace('_', " ")
}

/// The words of a value that has none of its own: for each innermost object a line.
fn flattened(value: &Value) -> String {
    let mut out = String::new();
    gather("", value, &mut out);
    out
}

fn gather(path: &str, value: &Value, out: &mut String) {
    if out.len() > MOST {
        return;
    }
    match value {
        Value::Object(row) => {
            let mut own = Vec::new();
            for (key, value) in row.iter().filter(|(_, value)| !is_nested(value)) {
                scalars(&named(key), value, &mut own);
            }
            paragraph(path, &own.join("; "), out);
            for (key, value) in row.iter().filter(|(_, value)| is_nested(value)) {
                let path = if path.is_empty() { named(key) } else { format!("{path} – {}", named(key)) };
                gather(&path, value, out);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| gather(path, value, out)),
        other @ (Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null) => {
            let mut own = Vec::new();
            scalars("", other, &mut own);
            paragraph(path, &own.join("; "), out);
        }
    }
}

fn paragraph(path: &str, text: &str, out: &mut String) {
    if !text.is_empty() {
        out.push_str(path);
        out.push_str(if path.is_empty() { "" } else { ": " });
        out.push_str(text);
        out.push_str("\n\n");
    }
}

/// An object, or a list with an object in it.
fn is_nested(value: &Value) -> bool {
    match value {
        Value::Object(_) => true,
        Value::Array(list) => list.iter().any(|value| value.is_object() || value.is_array()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn scalars(key: &str, value: &Value, pairs: &mut Vec<String>) {
    let pair = |text: &str| {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if key.is_empty() { text } else { format!("{key}: {text}") }
    };
    match value {
        Value::Null => {}
        Value::String(text) if text.trim().is_empty() => {}
        Value::String(text) => pairs.push(pair(text)),
        Value::Bool(_) | Value::Number(_) => pairs.push(pair(&value.to_string())),
        // Measurements, or where a text lies among others; nobody asks for the numbers.
        Value::Array(list) if list.len() > NUMBERS && list.iter().all(Value::is_number) => {}
        Value::Array(list) => {
            let mut own = Vec::new();
            list.iter().filter(|value| !is_nested(value)).for_each(|value| scalars("", value, &mut own));
            if !own.is_empty() {
                pairs.push(pair(&own.join(", ")));
            }
        }
        Value::Object(row) => {
            row.iter().for_each(|(inner, value)| scalars(&format!("{key} {}", named(inner)), value, pairs));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::text_of;
    use super::super::{Given, Helper, Kind, read};

    fn given() -> Given<'static> {
        Given { kind: Kind::Lines, name: "d.jsonl", charset: None }
    }

    #[test]
    fn each_line_is_a_document_with_its_own_title_and_address() {
        let text = "{\"title\":\"T\",\"extract\":\"E text.\",\"url\":\"https://example.org/t\"}\n\"a string\"\n{\n[1]\n{\"id\":7,\"launch_date\":\"2019\",\"crew\":[\"A\",\"B\"]}\n";
        let reading = read(text.as_bytes(), given(), &Helper::none()).unwrap();
        let seen: Vec<_> =
            reading.texts.iter().map(|t| (t.part.as_deref().unwrap(), t.title.as_str(), t.body.as_str())).collect();
        assert_eq!(
            seen,
            [
                ("1", "T", "E text."),
                ("2", "d.jsonl:2", "a string"),
                ("7", "d.jsonl:5", "id: 7; launch date: 2019; crew: A, B")
            ]
        );
        let places: Vec<_> = reading.left_out.iter().map(|(place, _)| place.as_str()).collect();
        assert_eq!(places, [":3", ":4"]);
    }

    #[test]
    fn what_stands_beside_a_text_is_part_of_the_document() {
        let numbers = vec!["0.5"; 300].join(",");
        let line = format!(
            r#"{{"id":1,"title":"Ferry","text":"It crosses the fjord.","captain":"Ines Wren","built":1951,"place":[{numbers}]}}"#
        );
        let text = text_of("a.jsonl", line.as_bytes()).unwrap();
        assert_eq!(text.body, "It crosses the fjord.\n\ncaptain: Ines Wren; built: 1951\n");
    }

    #[test]
    fn a_value_without_texts_is_read_like_a_table() {
        let text =
            r#"{"name": "Probe", "built": {"by": "Anna Larch", "in": "Oslo"}, "crew": [{"name": "A"}, {"name": "B"}]}"#;
        let text = text_of("probe.json", text.as_bytes()).unwrap();
        assert_eq!(text.title, "Probe");
        assert_eq!(text.body, "name: Probe\n\nbuilt: by: Anna Larch; in: Oslo\n\ncrew: name: A\n\ncrew: name: B\n\n");
    }

    #[test]
    fn broken_json_is_told() {
        assert!(text_of("a.json", b"{\"a\": ").unwrap_err().starts_with("it is not JSON: "));
    }

    #[test]
    fn of_a_thousand_broken_lines_a_few_are_told() {
        let reading = read("{\n".repeat(1000).as_bytes(), given(), &Helper::none()).unwrap();
        assert_eq!(reading.left_out.len(), 21);
        assert_eq!(reading.left_out[20].1, "980 more parts were left out");
    }
}
