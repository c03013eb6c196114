//! What reading a request promises. The samples are what the official Python SDK (1.3.7) put on the wire.

use std::fmt::Write as _;

use legwork_core::task::{SourcePolicy, Wanted};
use proptest::prelude::*;

use super::*;
use crate::warning::WarningKind;

const SAMPLES: [(&str, &str); 13] = [
    ("all_null", include_str!("../samples/all_null.json")),
    ("auto_schema", include_str!("../samples/auto_schema.json")),
    ("bare_string", include_str!("../samples/bare_string.json")),
    ("everything", include_str!("../samples/everything.json")),
    ("execute_pydantic", include_str!("../samples/execute_pydantic.json")),
    ("execute_text", include_str!("../samples/execute_text.json")),
    ("json_no_type", include_str!("../samples/json_no_type.json")),
    ("minimal", include_str!("../samples/minimal.json")),
    ("pydantic", include_str!("../samples/pydantic.json")),
    ("source_policy", include_str!("../samples/source_policy.json")),
    ("text_schema", include_str!("../samples/text_schema.json")),
    ("text_schema_no_type", include_str!("../samples/text_schema_no_type.json")),
    ("text_schema_param_empty", include_str!("../samples/text_schema_param_empty.json")),
];

fn read(body: &str) -> RunInput {
    RunInput::read(body.as_bytes()).unwrap_or_else(|error| panic!("{body} was refused: {error}"))
}

fn refused(body: &str) -> Unreadable {
    RunInput::read(body.as_bytes()).err().unwrap_or_else(|| panic!("{body} was accepted"))
}

/// A body with a question, a processor and these members.
fn with(members: &str) -> String {
    format!(r#"{{"input":"q","processor":"base",{members}}}"#)
}

fn with_output(schema: &Value) -> String {
    with(&format!(r#""task_spec":{{"output_schema":{schema}}}"#))
}

/// An output schema with these properties, required and closed.
fn object(properties: &Value) -> Value {
    let names: Vec<_> = properties.as_object().unwrap().keys().collect();
    json!({ "type": "object", "properties": properties, "required": names, "additionalProperties": false })
}

fn with_schema(schema: &Value) -> String {
    with_output(&json!({ "type": "json", "json_schema": schema }))
}

fn messages(input: &RunInput) -> Vec<&str> {
    input.warnings.iter().map(|warning| warning.message.as_str()).collect()
}

#[test]
fn what_the_official_sdk_sends_is_accepted() {
    for (name, body) in SAMPLES {
        insta::assert_debug_snapshot!(name, read(body));
    }
}

#[test]
fn what_is_shown_reads_as_the_same_task() {
    let guides = with(
        r#""webhook_url":"https://a.example/h","mcp_servers":[{"url":"http://m","name":"m","headers":{"a":"b"}}]"#,
    );
    for body in SAMPLES.iter().map(|(_, body)| *body).chain([guides.as_str()]) {
        let first = read(body);
        let again = RunInput::kept(&first.shown, first.secrets().as_ref()).unwrap();
        assert_eq!(again.task, first.task);
        assert_eq!(again.shown, first.shown, "and is shown the same");
    }
}

#[test]
fn every_fault_is_told_at_once() {
    let body = r#"{"input":7,"processor":"","metadata":{"a":[]},"enable_events":"yes","memory_scope_key":"ä"}"#;
    let error = refused(body);
    assert_eq!(error.code.status(), 422);
    insta::assert_snapshot!(serde_json::to_string_pretty(&json!([error.message, error.detail()])).unwrap());
}

#[test]
fn a_body_that_cannot_be_read_is_another_error_than_one_with_a_fault() {
    assert_eq!(refused("{").code, Code::BadRequest);
    assert_eq!(refused("[]").code, Code::Invalid);
    assert_eq!(refused("{}").detail().unwrap()["errors"].as_array().unwrap().len(), 2);
}

#[test]
fn faults_are_told_so_that_they_can_be_mended() {
    let over = "x".repeat(513);
    let long_key = "k".repeat(65);
    let servers = [r#"{"url":"http://m","name":"m"}"#; 11].join(",");
    let bodies = [
        r#"{"input":"q"}"#.to_owned(),
        r#"{"input":"q","processor":7}"#.to_owned(),
        format!(r#"{{"input":"q","processor":"{}"}}"#, "p".repeat(65)),
        r#"{"processor":"base"}"#.to_owned(),
        r#"{"processor":"base","input":" \n"}"#.to_owned(),
        r#"{"processor":"base","input":{}}"#.to_owned(),
        r#"{"processor":"base","input":["q"]}"#.to_owned(),
        r#"{"processor":"base","input":"\ud800"}"#.to_owned(),
        with(&format!(r#""metadata":{{"a":"{over}"}}"#)),
        with(&format!(r#""metadata":{{"{long_key}":1}}"#)),
        with(r#""metadata":{"a":null}"#),
        with(r#""metadata":[]"#),
        with(r#""source_policy":{"include_domains":"a.example"}"#),
        with(r#""source_policy":{"include_domains":["https://a.example"],"exclude_domains":[1]}"#),
        with(r#""source_policy":{"after_date":"2025-02-29"}"#),
        with(r#""source_policy":{"after_date":"2025-2-1"}"#),
        with(r#""advanced_settings":{"location":"Germany","data_sources":{"free":"x"}}"#),
        with(r#""previous_interaction_id":"trun_1""#),
        with(&format!(r#""mcp_servers":[{servers}]"#)),
        with(r#""mcp_servers":[{"type":"stdio","url":"ftp://a","name":" ","headers":{"a":1}}]"#),
        with(r#""mcp_servers":[{}]"#),
        with(r#""webhook":{}"#),
        with(r#""webhook":{"url":"//a.example"}"#),
        with(r#""webhook":{"url":"https://u:p@a.example","event_types":["tomorrow"]}"#),
        with(r#""webhook":{"url":"https://a.example"},"webhook_url":"https://b.example""#),
        with(r#""webhook_url":"file:///etc/passwd""#),
        with(&format!(r#""memory_scope_key":"{}""#, "a".repeat(129))),
        with(r#""task_spec":"a number""#),
        with(r#""task_spec":{}"#),
        with(r#""task_spec":{"output_schema":{"type":"xml"}}"#),
        with(r#""task_spec":{"output_schema":{"type":"json"}}"#),
        with(r#""task_spec":{"output_schema":{"json_schema":"{}"}}"#),
        with(r#""task_spec":{"output_schema":"x","input_schema":{"type":"auto"}}"#),
        with(r#""task_spec":{"output_schema":{"description":7}}"#),
    ];
    let mut told = String::new();
    for body in &bodies {
        let error = refused(body);
        let body: String = body.chars().take(120).collect();
        writeln!(told, "{body}\n  {} {}", error.code.status(), error.message).unwrap();
    }
    insta::assert_snapshot!(told);
}

#[test]
fn unknown_keys_and_nulls_say_nothing() {
    let body = with(r#""tomorrow":{"a":[1]},"webhook":null,"webhook_url":null,"task_spec":null,"metadata":null"#);
    let input = read(&body);
    assert_eq!(input.task.wanted, Wanted::Auto);
    assert_eq!((input.metadata, input.webhook, input.warnings), (None, None, Vec::new()));
}

#[test]
fn each_spelling_of_a_schema_is_understood() {
    let text = |description: Option<&str>| Wanted::Text { description: description.map(str::to_owned) };
    let schema = object(&json!({ "a": { "type": "string" } }));
    let as_json = Wanted::Json { schema: schema.clone() };
    for (given, wanted) in [
        (json!("in one word"), text(Some("in one word"))),
        (json!({}), text(None)),
        (json!({ "type": "text" }), text(None)),
        (json!({ "type": "text", "description": null }), text(None)),
        (json!({ "description": "d", "title": "t" }), text(Some("d"))),
        (json!({ "type": "auto" }), Wanted::Auto),
        (json!({ "type": "json", "json_schema": schema }), as_json.clone()),
        (json!({ "type": null, "json_schema": schema }), as_json.clone()),
    ] {
        let input = read(&with_output(&given));
        assert_eq!((&input.task.wanted, messages(&input)), (&wanted, Vec::new()), "{given}");
    }
    let bare = read(&with_output(&schema));
    assert_eq!(bare.task.wanted, as_json);
    assert_eq!(bare.warnings[0].kind, WarningKind::Spec);
}

#[test]
fn an_input_schema_is_kept_to_check_the_input_against() {
    let spec = r#""task_spec":{"output_schema":"x","input_schema":{"type":"json","json_schema":{"type":"object"}}}"#;
    assert_eq!(read(&with(spec)).input_schema, Some(json!({ "type": "object" })));
    let spec = r#""task_spec":{"output_schema":"x","input_schema":"a country"}"#;
    assert_eq!(read(&with(spec)).input_schema, None);
}

/// A schema whose objects lie this deep in each other, closed by a list.
fn deep(levels: usize) -> Value {
    let innermost = json!({ "type": "array", "items": { "type": "string" } });
    (0..levels).fold(innermost, |inner, _| object(&json!({ "a": inner })))
}

#[test]
fn schemas_beyond_the_limits_are_refused() {
    let many = |count: usize| (0..count).map(|i| (format!("p{i}"), json!({ "type": "string" }))).collect();
    let values = |count: usize, length: usize| (0..count).map(|i| json!(format!("{i:0length$}"))).collect::<Vec<_>>();
    let enumeration = |count, length| object(&json!({ "a": { "enum": values(count, length) } }));
    let recursive = json!({
        "$defs": { "Node": object(&json!({ "next": { "anyOf": [{ "$ref": "#/$defs/Node" }, { "type": "null" }] } })) },
        "type": "object", "properties": { "first": { "$ref": "#/$defs/Node" } },
    });
    let chain: serde_json::Map<_, _> =
        (0..100).map(|i| (format!("d{i}"), json!({ "$ref": format!("#/$defs/d{}", i + 1) }))).collect();
    let refers = |to: &str| object(&json!({ "a": { "$ref": to } }));
    let mut chained = refers("#/$defs/d0");
    chained["$defs"] = Value::Object(chain);
    let schemas = [
        ("no type", json!({ "properties": { "a": {} } })),
        ("no properties", json!({ "type": "object" })),
        ("a union", json!({ "type": "object", "properties": { "a": {} }, "anyOf": [] })),
        ("six deep", deep(6)),
        ("101 properties", object(&Value::Object(many(101)))),
        ("501 values", enumeration(501, 3)),
        ("a large enumeration", enumeration(251, 30)),
        ("null by itself", object(&json!({ "a": { "type": "null" }, "b": { "type": ["null"] } }))),
        ("a type nobody knows", object(&json!({ "a": { "type": "date" } }))),
        ("a property that is no schema", object(&json!({ "a": "string" }))),
        ("an empty enumeration", object(&json!({ "a": { "enum": [] } }))),
        ("recursive", recursive),
        ("refers to itself", refers("#")),
        ("refers to another document", refers("https://a.example/schema.json")),
        ("refers to nothing", refers("#/$defs/Nobody")),
        ("a long chain", chained),
        ("16,000 characters", object(&json!({ "a": { "description": "d".repeat(16_000) } }))),
    ];
    let mut told = String::new();
    for (name, schema) in &schemas {
        writeln!(told, "{name}: {}", refused(&with_schema(schema)).message).unwrap();
    }
    insta::assert_snapshot!(told);
}

#[test]
fn schemas_at_the_limits_are_accepted() {
    let many: serde_json::Map<_, _> = (0..100).map(|i| (format!("p{i}"), json!({ "type": "string" }))).collect();
    let values: Vec<_> = (0..500).map(|i| json!(format!("{i:015}"))).collect();
    for schema in [deep(5), object(&Value::Object(many)), object(&json!({ "a": { "enum": values } }))] {
        read(&with_schema(&schema));
    }
}

#[test]
fn a_definition_that_many_refer_to_is_looked_into_once() {
    // Expanded, this would be 2^20 objects.
    let mut defs = serde_json::Map::new();
    for i in 0..20 {
        let next = json!({ "$ref": format!("#/$defs/d{}", i + 1) });
        defs.insert(format!("d{i}"), json!({ "anyOf": [next, next] }));
    }
    defs.insert("d20".to_owned(), json!({ "type": "string" }));
    let mut schema = object(&json!({ "a": { "$ref": "#/$defs/d0" } }));
    schema["$defs"] = Value::Object(defs);
    read(&with_schema(&schema));
}

#[test]
fn what_is_odd_about_a_schema_is_a_warning() {
    let person = json!({ "type": "object", "properties": { "name": { "type": "string", "minLength": 1 } } });
    let schema = json!({
        "type": "object",
        "required": ["a"],
        "properties": {
            "a": { "type": ["string", "null"], "format": "date", "title": "A", "default": null },
            "sources": { "type": "array", "items": person },
            "c": {}, "d": {}, "e": {}, "format": {},
        },
    });
    insta::assert_debug_snapshot!(read(&with_schema(&schema)).warnings);
}

#[test]
fn task_spec_and_input_share_a_limit_and_an_input_alone_has_none() {
    let long = "é".repeat(24_900);
    let alone = format!(r#"{{"processor":"base","input":"{}"}}"#, "é".repeat(400_000));
    read(&alone);
    let within = format!(r#"{{"processor":"base","input":"{long}","task_spec":{{"output_schema":"d"}}}}"#);
    read(&within);
    let description = "d".repeat(100);
    let over = format!(r#"{{"processor":"base","input":"{long}","task_spec":{{"output_schema":"{description}"}}}}"#);
    insta::assert_snapshot!(refused(&over).message);
}

#[test]
fn what_we_carry_keeps_its_bytes() {
    let body = r#" {"processor":"base", "metadata":{"b": 1.0,"a":100000000000000000000},"input":{"z":1e400,"a":1.0}} "#;
    let input = read(body);
    assert_eq!(input.shown, body.trim());
    assert_eq!(input.metadata.unwrap(), r#"{"b": 1.0,"a":100000000000000000000}"#);
    let Input::Object(object) = input.task.input else { panic!("an object stays one") };
    assert_eq!(Value::Object(object).to_string(), r#"{"z":"1e400","a":1.0}"#);
}

#[test]
fn the_guides_webhook_is_shown_in_the_official_form() {
    let input = read(&with(r#""webhook_url":"https://a.example/h""#));
    assert_eq!(input.webhook.unwrap().url.as_str(), "https://a.example/h");
    let shown =
        r#"{"input":"q","processor":"base","webhook":{"url":"https://a.example/h","event_types":["task_run.status"]}}"#;
    assert_eq!(input.shown, shown);
    read(&with(r#""webhook":{"url":"https://a.example"},"webhook_url":"https://a.example/""#));
}

#[test]
fn what_is_write_only_is_neither_shown_nor_printed() {
    let input = read(&with(
        r#""webhook":{"secret":"sesame","url":"https://a.example","secret":"sesame"},"webhook":{"url":"https://b.example","secret":"sesame"},
           "mcp_servers":[{"url":"https://m.example","headers":{"Authorization":"sesame"},"name":"m","headers":{"X":"sesame"}}]"#,
    ));
    assert_eq!(input.task.mcp_servers[0].headers["X"].reveal(), "sesame");
    assert_eq!(input.webhook.as_ref().unwrap().secret.as_ref().unwrap().reveal(), "sesame");
    assert!(!String::from_utf8_lossy(&input.shown).contains("sesame"));
    assert!(!format!("{input:?} {:?}", input.secrets()).contains("sesame"));
}

#[test]
fn domains_are_read_in_their_normal_form() {
    let input = read(&with(r#""source_policy":{"include_domains":[".GOV","a.example/x/"],"exclude_domains":null}"#));
    let include_domains = vec!["gov".to_owned(), "a.example/x".to_owned()];
    assert_eq!(input.task.sources, SourcePolicy { include_domains, ..SourcePolicy::default() });
    let many = [r#""a.example""#; 201].join(",");
    assert!(refused(&with(&format!(r#""source_policy":{{"include_domains":[{many}]}}"#))).message.contains("200"));
}

/// Any JSON, rich in the words of a request.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "input",
        "processor",
        "task_spec",
        "output_schema",
        "json_schema",
        "type",
        "properties",
        "object",
        "json",
        "$ref",
        "#",
        "#/properties/a",
        "a",
        "anyOf",
        "items",
        "enum",
        "required",
        "metadata",
        "webhook",
        "url",
        "mcp_servers",
        "headers",
        "source_policy",
        "include_domains",
        "after_date",
        "input_schema",
        "secret",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
        ".{0,9}".prop_map(Value::from),
    ];
    leaf.prop_recursive(8, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..8)
                .prop_map(|members| members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_make_reading_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = RunInput::read(&body);
    }

    #[test]
    fn no_json_makes_reading_panic(body in any_json(), schema in any_json()) {
        let _ = RunInput::read(body.to_string().as_bytes());
        if let Ok(input) = RunInput::read(with_schema(&schema).as_bytes()) {
            prop_assert!(RunInput::read(&input.shown).is_ok());
        }
        let mut body = json!({ "input": body, "processor": "lite" });
        if let Value::Object(more) = schema {
            body.as_object_mut().unwrap().extend(more);
        }
        if let Ok(input) = RunInput::read(body.to_string().as_bytes()) {
            prop_assert_eq!(RunInput::kept(&input.shown, input.secrets().as_ref()).unwrap().task, input.task);
        }
    }
}
