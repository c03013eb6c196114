//! Many tasks as rows: read from CSV or lines of JSON, and written back with what came of them.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail, ensure};
use legwork_api::event::StateEvent;
use legwork_api::result::OutputView;
use legwork_core::run::Status;
use serde_json::{Map, Value, json};

use crate::args::FormatArg;

/// The column of an answer that is no object.
const ANSWER: &str = "answer";
/// The columns that every answer has.
const OWN: [&str; 5] = ["confidence", "sources", "status", "error", "run_id"];

/// How rows are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Comma-separated, the names of the columns first.
    Csv,
    /// The same with tabs.
    Tsv,
    /// One JSON value a line.
    Jsonl,
}

impl Format {
    /// The format that a file's name speaks for.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let ending = name.rsplit_once('.')?.1.to_ascii_lowercase();
        match ending.as_str() {
            "csv" => Some(Self::Csv),
            "tsv" | "tab" => Some(Self::Tsv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            _ => None,
        }
    }

    const fn delimiter(self) -> u8 {
        if matches!(self, Self::Tsv) { b'\t' } else { b',' }
    }
}

impl From<FormatArg> for Format {
    fn from(arg: FormatArg) -> Self {
        match arg {
            FormatArg::Csv => Self::Csv,
            FormatArg::Tsv => Self::Tsv,
            FormatArg::Jsonl => Self::Jsonl,
        }
    }
}

/// Reads rows: each is the input of a task, an object with the columns as its keys, or what a line of JSON holds.
pub(crate) fn read(text: &str, format: Format) -> Result<Vec<Value>> {
    let rows = match format {
        Format::Jsonl => lines(text)?,
        Format::Csv | Format::Tsv => table(text, format)?,
    };
    ensure!(!rows.is_empty(), "there are no rows in it");
    Ok(rows)
}

fn lines(text: &str) -> Result<Vec<Value>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read = |(number, line): (usize, &str)| {
        let value: Value = serde_json::from_str(line).with_context(|| format!("line {} is no JSON", number + 1))?;
        let fits = value.is_object() || value.is_string();
        ensure!(fits, "line {} is neither an object nor a text", number + 1);
        Ok(value)
    };
    lines.map(read).collect()
}

fn table(text: &str, format: Format) -> Result<Vec<Value>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().delimiter(format.delimiter()).from_reader(text.as_bytes());
    let names: Vec<String> = reader.headers()?.iter().map(|name| name.trim().to_owned()).collect();
    if let Some(empty) = names.iter().position(String::is_empty) {
        bail!("column {} has no name in the first line", empty + 1);
    }
    let distinct: BTreeSet<_> = names.iter().collect();
    ensure!(distinct.len() == names.len(), "two columns have the same name");
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row?;
        let cells = names.iter().zip(row.iter()).map(|(name, cell)| (name.clone(), Value::from(cell)));
        rows.push(Value::Object(cells.collect::<Map<_, _>>()));
    }
    Ok(rows)
}

/// The question that a template makes of a row: `{column}` stands for its value, `{{` for a brace.
pub(crate) fn question(template: &str, row: &Value) -> Result<String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let brace = &rest[at..];
        if brace.starts_with("{{") || brace.starts_with("}}") {
            out.push_str(&brace[..1]);
            rest = &brace[2..];
            continue;
        }
        let name = brace.strip_prefix('{').and_then(|inside| inside.split_once('}'));
        let Some((name, after)) = name else {
            bail!("a brace in the question stands alone; write it twice to mean it")
        };
        let value = row.get(name).with_context(|| format!("there is no column `{name}`"))?;
        match value {
            Value::String(text) => out.push_str(text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                out.push_str(&value.to_string());
            }
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// What came of a row, as one line of JSON.
pub(crate) fn line(row: &Value, came: &StateEvent) -> String {
    let error = came.run.error.as_ref().map(|error| error.message.clone());
    let output: Value = came.output.as_deref().and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    json!({
        "run_id": came.run.run_id.to_string(),
        "status": came.run.status,
        "input": row,
        "output": output,
        "error": error,
    })
    .to_string()
}

/// Writes a table of what came of all rows: their own columns, those of the answers, and how far to trust them.
pub(crate) fn table_of(rows: &[(Value, StateEvent)], format: Format) -> Result<String> {
    let inputs = columns(rows.iter().map(|(row, _)| fields(row, "input")));
    let answers: Vec<_> = rows.iter().map(|(_, came)| came.output()).collect();
    let mut outputs = columns(answers.iter().map(|output| output.as_ref().map(content).unwrap_or_default()));
    if outputs.is_empty() {
        outputs.push(ANSWER.to_owned());
    }
    // No two columns have one name, so that the table can be read again.
    let mut taken: BTreeSet<String> = inputs.iter().cloned().collect();
    let heads: Vec<_> = outputs.iter().map(String::as_str).chain(OWN).map(|name| free(name, &mut taken)).collect();
    let mut writer = csv::WriterBuilder::new().delimiter(format.delimiter()).from_writer(Vec::new());
    writer.write_record(inputs.iter().chain(&heads))?;
    for ((row, came), output) in rows.iter().zip(&answers) {
        let (given, told) = (fields(row, "input"), output.as_ref().map(content).unwrap_or_default());
        let cells = inputs.iter().map(|name| cell(given.get(name)));
        let cells = cells.chain(outputs.iter().map(|name| cell(told.get(name))));
        let error = came.run.error.as_ref().map(|error| error.message.clone()).unwrap_or_default();
        let trust = output.as_ref().map(confidence).unwrap_or_default();
        let sources = output.as_ref().map(sources).unwrap_or_default();
        let own = [trust, sources, came.run.status.to_string(), error, came.run.run_id.to_string()];
        writer.write_record(cells.chain(own))?;
    }
    let bytes = writer.into_inner().map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(String::from_utf8(bytes)?)
}

/// A name like this that no column has yet.
fn free(name: &str, taken: &mut BTreeSet<String>) -> String {
    let mut name = name.to_owned();
    while !taken.insert(name.clone()) {
        name.push('_');
    }
    name
}

/// The names of all fields in the order in which they first appear.
fn columns(rows: impl Iterator<Item = Map<String, Value>>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut known = BTreeSet::new();
    for name in rows.flat_map(|row| row.into_iter().map(|(name, _)| name)) {
        if known.insert(name.clone()) {
            names.push(name);
        }
    }
    names
}

/// A value as fields: an object has its own, anything else is one of this name.
fn fields(value: &Value, name: &str) -> Map<String, Value> {
    match value {
        Value::Object(object) => object.clone(),
        Value::Null => Map::new(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::from_iter([(name.to_owned(), value.clone())])
        }
    }
}

fn content(output: &OutputView) -> Map<String, Value> {
    fields(&output.content, ANSWER)
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))) => other.to_string(),
    }
}

/// The lowest confidence of all fields: a row is as good as its weakest part.
fn confidence(output: &OutputView) -> String {
    let words = ["low", "medium", "high"];
    let of = |word: &str| words.iter().position(|known| *known == word);
    let lowest = output.basis.iter().filter_map(|basis| of(basis.confidence.as_deref()?)).min();
    lowest.map_or_else(String::new, |at| words[at].to_owned())
}

/// The addresses of all sources, each once.
fn sources(output: &OutputView) -> String {
    let all = output.basis.iter().flat_map(|basis| &basis.citations);
    let mut urls: Vec<&str> = Vec::new();
    for citation in all {
        if !urls.contains(&citation.url.as_str()) {
            urls.push(&citation.url);
        }
    }
    urls.join(" ")
}

/// How many of these did not complete.
pub(crate) fn failed(rows: &[(Value, StateEvent)]) -> usize {
    rows.iter().filter(|(_, came)| came.run.status != Status::Completed).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_a_table_is_an_object_with_the_columns_as_keys() {
        let rows = read("\u{feff}country, what\nChad,\"capital, now\"\nPeru,population\n", Format::Csv).unwrap();
        assert_eq!(
            rows,
            [json!({"country": "Chad", "what": "capital, now"}), json!({"country": "Peru", "what": "population"})]
        );
        assert_eq!(read("a\tb\n1\t2\n", Format::Tsv).unwrap(), [json!({"a": "1", "b": "2"})]);
        for odd in ["", "a,b\n", "a,a\n1,2\n", "a,\n1,2\n", "a,b\n1\n"] {
            assert!(read(odd, Format::Csv).is_err(), "{odd:?}");
        }
    }

    #[test]
    fn a_line_of_json_is_an_object_or_a_text() {
        let rows = read("{\"a\":1}\n\n\"What is it?\"\n", Format::Jsonl).unwrap();
        assert_eq!(rows, [json!({"a": 1}), json!("What is it?")]);
        let odd = read("{\"a\":1}\n7\n", Format::Jsonl).unwrap_err();
        assert_eq!(odd.to_string(), "line 2 is neither an object nor a text");
        assert!(read("{", Format::Jsonl).is_err());
    }

    #[test]
    fn the_name_of_a_file_says_how_it_is_written() {
        for (name, format) in
            [("a.csv", Some(Format::Csv)), ("b/c.TSV", Some(Format::Tsv)), ("x.jsonl", Some(Format::Jsonl))]
        {
            assert_eq!(Format::of(name), format);
        }
        assert_eq!((Format::of("a.txt"), Format::of("-")), (None, None));
    }

    #[test]
    fn a_question_is_made_of_a_row() {
        let row = json!({"country": "Chad", "n": 3});
        let ask = |template: &str| question(template, &row);
        assert_eq!(ask("What are {n} cities of {country}? {{x}}").unwrap(), "What are 3 cities of Chad? {x}");
        for odd in ["{city}", "a { b", "a } b", "{"] {
            assert!(ask(odd).is_err(), "{odd}");
        }
    }

    fn came(status: &str, output: &Value) -> StateEvent {
        let event = json!({"type": "task_run.state", "event_id": "1-000abc", "input": null, "output": output, "run": {
            "run_id": "trun_0000000000000000000000000199a1b2", "interaction_id": "trun_0000000000000000000000000199a1b2",
            "status": status, "is_active": false, "processor": "base",
            "error": if status == "failed" { json!({"ref_id": "r", "message": "it is broken"}) } else { Value::Null },
        }});
        serde_json::from_value(event).unwrap()
    }

    fn rows() -> Vec<(Value, StateEvent)> {
        let basis = |field: &str, confidence: &str| json!({"field": field, "reasoning": "", "confidence": confidence, "citations": [{"url": "corpus:a"}]});
        let one = json!({"type": "json", "content": {"capital": "N'Djamena", "people": 3}, "basis": [basis("capital", "high"), basis("people", "low")]});
        let two = json!({"type": "text", "content": "Lima", "basis": [basis("output", "medium")]});
        vec![
            (json!({"country": "Chad"}), came("completed", &one)),
            (json!({"country": "Peru", "note": "x,y"}), came("completed", &two)),
            (json!("What?"), came("failed", &Value::Null)),
        ]
    }

    #[test]
    fn a_table_of_answers_has_the_columns_of_both() {
        insta::assert_snapshot!(table_of(&rows(), Format::Csv).unwrap());
        assert_eq!(failed(&rows()), 1);
    }

    #[test]
    fn a_table_of_answers_can_be_asked_about_again() {
        let mut rows = rows();
        rows[1].0 = json!({"answer": "x", "status": "y"});
        let out = table_of(&rows[1..2], Format::Csv).unwrap();
        assert!(out.starts_with("answer,status,answer_,confidence,sources,status_,error,run_id\n"), "{out}");
        assert!(read(&out, Format::Csv).is_ok());
        let failed = table_of(&rows[2..], Format::Csv).unwrap();
        assert!(failed.starts_with("input,answer,confidence,"), "{failed}");
    }

    #[test]
    fn a_line_holds_the_whole_answer_with_its_basis() {
        let rows = rows();
        let read = |n: usize| serde_json::from_str::<Value>(&line(&rows[n].0, &rows[n].1)).unwrap();
        assert_eq!(
            (&read(0)["output"]["basis"][0]["confidence"], &read(0)["input"]["country"]),
            (&json!("high"), &json!("Chad"))
        );
        assert_eq!((&read(2)["error"], &read(2)["output"]), (&json!("it is broken"), &Value::Null));
    }
}
