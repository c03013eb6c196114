//! The researcher seen from outside: tasks in, outputs and notes out.

use std::fs;
use std::path::PathBuf;

use legwork_core::output::{Confidence, FieldBasis, Output};
use legwork_core::task::{Input, Task, Wanted};
use serde_json::{Map, Value, json};

use super::regression::shared;
use super::{Corpus, Note, research};

fn text_task(question: &str) -> Task {
    Task::new(Input::Text(question.to_owned()), Wanted::Text { description: None })
}

fn answered(corpus: &Corpus, task: &Task) -> (String, FieldBasis) {
    match research(corpus, task, "base", &mut |_| {}) {
        Output::Text { content, mut basis, .. } => (content, basis.remove(0)),
        Output::Json { .. } => panic!("a text was wanted"),
    }
}

fn filled(input: Value, schema: Value) -> (Map<String, Value>, Vec<FieldBasis>) {
    let input = match input {
        Value::Object(map) => Input::Object(map),
        Value::String(text) => Input::Text(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => panic!("no input"),
    };
    let task = Task::new(input, Wanted::Json { schema });
    match research(shared(), &task, "core", &mut |_| {}) {
        Output::Json { content, basis, .. } => (content, basis),
        Output::Text { .. } => panic!("an object was wanted"),
    }
}

fn own(files: &[(&str, &str)]) -> (tempfile::TempDir, Corpus) {
    let folder = tempfile::tempdir().unwrap();
    let root: PathBuf = folder.path().join("notes");
    fs::create_dir(&root).unwrap();
    for (name, text) in files {
        fs::write(root.join(name), text).unwrap();
    }
    let corpus = Corpus::load(&[root]).unwrap();
    (folder, corpus)
}

#[test]
fn both_parts_of_a_question_are_answered_and_cited() {
    let corpus = shared();
    let (content, basis) =
        answered(corpus, &text_task("What is the capital of Mongolia and how many people live there?"));
    assert_eq!(content, "Capital of Mongolia: Ulaanbaatar.\nPopulation of Mongolia: 3,281,676 (2024 est.).");
    assert_eq!(basis.field, "output");
    assert_eq!(basis.confidence, Confidence::Medium);
    assert_eq!(basis.citations.len(), 1);
    assert_eq!(basis.citations[0].url, "corpus:factbook/east-n-southeast-asia/mongolia");
    assert_eq!(basis.citations[0].title.as_deref(), Some("Mongolia – The World Factbook"));
    assert_eq!(
        basis.citations[0].excerpts.as_ref().unwrap(),
        &["Mongolia – Capital – name: Ulaanbaatar", "Mongolia – Population – total: 3,281,676 (2024 est.)"]
    );
}

#[test]
fn a_part_that_is_not_found_is_said_and_makes_the_answer_low() {
    let corpus = shared();
    let (content, basis) = answered(corpus, &text_task("What are the capital and the national dish of Peru?"));
    assert!(content.contains("Capital of Peru: Lima."), "{content}");
    assert!(content.contains("Not found in the corpus: “dish” in the entry of Peru"), "{content}");
    assert_eq!(basis.confidence, Confidence::Low);
}

#[test]
fn an_ambiguous_name_is_not_guessed() {
    let (content, basis) = answered(shared(), &text_task("What is the capital of Congo?"));
    assert!(content.contains("ambiguous"), "{content}");
    assert!(basis.citations.is_empty());
}

#[test]
fn an_object_is_filled_field_by_field_with_types() {
    let (content, basis) = filled(
        json!({"country": "Mongolia"}),
        json!({"type": "object", "properties": {
            "country": {"type": "string"},
            "capital": {"type": "string", "description": "Capital city"},
            "population": {"type": "integer"},
            "languages": {"type": "array", "items": {"type": "string"}},
            "currency_code": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "area_sq_km": {"type": ["number", "null"]},
            "landlocked": {"type": "boolean"},
            "government": {"enum": ["monarchy", "republic", "semi-presidential republic"]},
            "independence_date": {"type": "string", "format": "date"},
            "neighbors": {"type": "array", "items": {"$ref": "#/$defs/Neighbor"}},
            "ceo": {"type": ["string", "null"]},
            "population_2050": {"type": ["integer", "null"]}},
            "$defs": {"Neighbor": {"type": "object", "properties": {
                "name": {"type": "string"}, "border_km": {"type": "number"}}}}}),
    );
    assert_eq!(
        Value::Object(content),
        json!({
            "country": "Mongolia",
            "capital": "Ulaanbaatar",
            "population": 3_281_676,
            "languages": ["Mongolian", "Turkic", "Russian"],
            "currency_code": "MNT",
            "area_sq_km": 1_564_116,
            "landlocked": true,
            "government": "semi-presidential republic",
            "independence_date": "1911-12-29",
            "neighbors": [{"name": "China", "border_km": 4630}, {"name": "Russia", "border_km": 3452}],
            "ceo": null,
            "population_2050": null,
        })
    );
    let fields: Vec<&str> = basis.iter().map(|entry| entry.field.as_str()).collect();
    assert!(fields.starts_with(&["country", "capital", "population", "languages", "languages.0", "languages.1"]));
    let null = basis.iter().find(|entry| entry.field == "ceo").unwrap();
    assert!(null.citations.is_empty() && null.confidence == Confidence::Low);
}

#[test]
fn nested_objects_and_lists_of_entities_are_filled() {
    let (content, _) = filled(
        json!("Compare Norway and Sweden"),
        json!({"type": "object", "properties": {
            "countries": {"type": "array", "items": {"type": "object", "properties": {
                "name": {"type": "string"}, "capital": {"type": "string"}}}},
        }}),
    );
    assert_eq!(
        content["countries"],
        json!([{"name": "Norway", "capital": "Oslo"}, {"name": "Sweden", "capital": "Stockholm"}])
    );
    let (content, _) = filled(
        json!("Chad"),
        json!({"type": "object", "properties": {
            "life_expectancy": {"type": "object", "properties": {
                "male": {"type": "number"}, "female": {"type": "number"}}},
        }}),
    );
    assert!(
        content["life_expectancy"]["male"].as_f64().unwrap() < content["life_expectancy"]["female"].as_f64().unwrap()
    );
}

#[test]
fn a_task_without_a_schema_is_text_for_small_processors_and_an_object_for_large_ones() {
    let corpus = shared();
    let task = Task { wanted: Wanted::Auto, ..text_task("What is the capital of Peru?") };
    assert!(matches!(research(corpus, &task, "core2x", &mut |_| {}), Output::Text { .. }));
    let Output::Json { content, output_schema, .. } = research(corpus, &task, "pro-fast", &mut |_| {}) else {
        panic!("an object was expected");
    };
    assert_eq!(Value::Object(content), json!({"capital_of_peru": "Lima"}));
    assert_eq!(output_schema.unwrap()["required"], json!(["capital_of_peru"]));
}

#[test]
fn a_source_policy_leaves_out_what_it_does_not_allow() {
    let mut task = text_task("What is the capital of Peru?");
    task.sources.include_domains = vec!["example.org".to_owned()];
    let (content, basis) = answered(shared(), &task);
    assert!(content.starts_with("Not found"), "{content}");
    assert!(basis.citations.is_empty());
}

#[test]
fn own_documents_answer_with_their_own_sentence_and_address() {
    let (_folder, corpus) = own(&[
        (
            "probe.md",
            "# The Zelkova probe\n\nThe Zelkova probe was launched in 2019. It was built by Anna Larch in Oslo.\n",
        ),
        (
            "pages.jsonl",
            "{\"title\":\"Birchwood\",\"text\":\"Birchwood was founded by Mara Quill.\",\"url\":\"https://docs.example.org/b\"}\n",
        ),
    ]);
    let (content, basis) = answered(&corpus, &text_task("Who built the Zelkova probe?"));
    assert_eq!(content, "It was built by Anna Larch in Oslo.");
    assert_eq!(basis.citations[0].url, "corpus:notes/probe.md");
    assert_eq!(basis.confidence, Confidence::Low);
    let mut task = text_task("Who founded Birchwood?");
    task.sources.include_domains = vec!["example.org".to_owned()];
    let (content, basis) = answered(&corpus, &task);
    assert_eq!(content, "Birchwood was founded by Mara Quill.");
    assert_eq!(basis.citations[0].url, "https://docs.example.org/b");
    let (content, _) = answered(&corpus, &text_task("Who painted the Zelkova probe?"));
    assert!(content.starts_with("Not found"), "{content}");
}

#[test]
fn notes_are_the_same_for_the_same_task_and_end_at_100() {
    let corpus = shared();
    let told = || {
        let mut notes = Vec::new();
        research(corpus, &text_task("What is the capital of Peru?"), "base", &mut |note| notes.push(note));
        notes
    };
    let notes = told();
    assert_eq!(notes, told());
    assert!(matches!(&notes[0], Note::Plan(plan) if plan.contains("Capital of Peru")));
    let meters: Vec<u8> = notes
        .iter()
        .filter_map(|note| if let Note::Stats { meter, .. } = note { Some(*meter) } else { None })
        .collect();
    assert!(meters.is_sorted() && meters.last() == Some(&100));
}

#[test]
fn a_document_is_found_by_the_hash_of_its_text() {
    let corpus = shared();
    let document = &corpus.documents()[7];
    assert_eq!(corpus.document(&document.hash).unwrap().url, document.url);
    assert!(corpus.document("00").is_none());
}

#[test]
fn odd_input_does_no_harm() {
    let corpus = shared();
    for question in
        ["", "?", "…", "and or and", "a".repeat(20_000).as_str(), "🙂🙂", "1 2 3", "capital of", "of Mongolia or", "\0"]
    {
        let (content, basis) = answered(corpus, &text_task(question));
        assert!(!content.is_empty() && basis.confidence <= Confidence::Medium, "{question}");
    }
}
