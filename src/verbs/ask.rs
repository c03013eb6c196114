//! `legwork ask`: a question in, an answer with its sources out.

use std::io::{self, Read as _};
use std::num::NonZeroU64;
use std::path::Path;

use legwork_api::client::NewTask;
use legwork_core::task::Limits;
use serde_json::{Map, Value, json};

use super::Settings;
use super::wish::{self, Wish};
use crate::args::AskArgs;
use crate::exit::{Exit, Failure};

pub(super) async fn run(args: AskArgs, settings: Settings) -> Result<Exit, Failure> {
    let wish = Wish::Task(task(&args)?);
    Box::pin(wish::fulfil(settings.target(args.target)?, wish, args.pattern, &args.wait)).await
}

fn task(args: &AskArgs) -> Result<NewTask, Failure> {
    let metadata = args.metadata.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str())));
    Ok(NewTask {
        input: question(&args.question)?.into(),
        processor: args.processor.clone(),
        task_spec: output_schema(args.schema.as_deref(), args.text.as_deref())?
            .map(|schema| json!({ "output_schema": schema })),
        metadata: metadata.collect::<Map<_, _>>(),
        webhook: None,
        limits: Limits {
            max_seconds: args.max_seconds,
            max_cost_usd: args.max_cost_usd,
            max_tokens: args.max_tokens.map(NonZeroU64::get),
        },
    })
}

fn question(words: &[String]) -> Result<String, Failure> {
    if words != ["-"] {
        return Ok(words.join(" "));
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(text.trim().to_owned())
}

/// The schema that the answer shall follow, as the wire has it.
pub(super) fn output_schema(schema: Option<&str>, text: Option<&str>) -> Result<Option<Value>, Failure> {
    if let Some(description) = text {
        return Ok(Some(json!({ "type": "text", "description": description })));
    }
    let Some(given) = schema else { return Ok(None) };
    let is_itself = given.trim_start().starts_with('{');
    let (text, place) = if is_itself { (given.to_owned(), "--schema") } else { (read(Path::new(given))?, given) };
    let schema: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::said(Exit::BadInput, format!("{place} holds no JSON Schema: {error}")))?;
    Ok(Some(json!({ "type": "json", "json_schema": schema })))
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        let message = format!("the schema {} cannot be read: {error}", path.display());
        Failure::said(Exit::BadInput, message).hint("give a file, or the schema itself, beginning with `{`")
    })
}
