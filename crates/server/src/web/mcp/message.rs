//! What MCP servers say, in JSON-RPC: one object, or a stream of them until the one that is the answer.

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _};
use serde::Deserialize;
use serde_json::Value;
use sse_stream::SseByteStream;

use super::{McpError, Told, Tool};
use crate::web::wire::{Reply, Unreached};

/// What a request came to.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    Result(Value),
    Error(Value),
}

/// The answer to the request of this number. What else a server says meanwhile is let pass: it was told that we can do
/// nothing for it.
pub(super) async fn heard(reply: Reply, id: u64, most: usize) -> Result<Heard, McpError> {
    if !reply.is("text/event-stream") {
        let body = reply.whole(most).await?;
        let value = serde_json::from_slice(&body)
            .map_err(|error| McpError::Odd(format!("answers with what is no JSON: {error}")))?;
        return answer(value, id).ok_or_else(|| McpError::Odd("does not answer what it was asked".to_owned()));
    }
    let mut events = SseByteStream::new(limited(reply.body, most));
    while let Some(event) = events.next().await {
        let event = event.map_err(|error| {
            if let sse_stream::Error::Body(error) = &error {
                return lost(&**error);
            }
            McpError::Odd(format!("answers with a stream that cannot be read: {error}"))
        })?;
        let message = event.data.as_deref().and_then(|data| serde_json::from_str(data).ok());
        if let Some(heard) = message.and_then(|message| answer(message, id)) {
            return Ok(heard);
        }
    }
    Err(McpError::Odd("ended its stream before it had answered".to_owned()))
}

/// A body that ends with an error where it becomes too large.
fn limited(
    body: BoxStream<'static, Result<Bytes, Unreached>>,
    most: usize,
) -> BoxStream<'static, Result<Bytes, Unreached>> {
    let mut left = most;
    body.map(move |chunk| {
        let chunk = chunk?;
        left = left.checked_sub(chunk.len()).ok_or(Unreached::TooLarge(most))?;
        Ok(chunk)
    })
    .boxed()
}

fn lost(error: &(dyn std::error::Error + Send + Sync + 'static)) -> McpError {
    match error.downcast_ref::<Unreached>() {
        Some(ours) => ours.clone().into(),
        None => Unreached::Lost(error.to_string()).into(),
    }
}

/// The answer to the request of this number, which may stand among others.
fn answer(message: Value, id: u64) -> Option<Heard> {
    match message {
        Value::Array(messages) => messages.into_iter().find_map(|message| answer(message, id)),
        Value::Object(mut members) => {
            let answers = members.remove("id").unwrap_or_default();
            let is_ours = answers.as_u64() == Some(id);
            match (members.remove("result"), members.remove("error")) {
                (Some(result), _) if is_ours => Some(Heard::Result(result)),
                // Who did not understand a request does not know its number.
                (_, Some(error)) if error.is_object() && (is_ours || answers.is_null()) => Some(Heard::Error(error)),
                _ => None,
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// An error of the protocol.
pub(super) fn failure(error: &Value) -> McpError {
    let code = error.get("code").and_then(Value::as_i64).unwrap_or_default();
    let says = error.get("message").and_then(Value::as_str).unwrap_or("it does not say which").to_owned();
    let versions = error.pointer("/data/supported").and_then(Value::as_array);
    let supported = versions.into_iter().flatten().filter_map(|version| version.as_str().map(str::to_owned)).collect();
    McpError::Error { code, says, supported }
}

/// The tools of a page, and where the next one begins.
pub(super) fn tools(result: &Value) -> Result<(Vec<Tool>, Option<String>), McpError> {
    #[derive(Deserialize)]
    struct Listed {
        name: String,
        #[serde(default)]
        description: Option<String>,
        #[serde(rename = "inputSchema", default)]
        input: Value,
    }
    let listed = result.get("tools").and_then(Value::as_array);
    let listed = listed.ok_or_else(|| McpError::Odd("answers with no list of tools".to_owned()))?;
    let tool = |value: &Value| {
        let Listed { name, description, input } = Listed::deserialize(value).ok()?;
        Some(Tool { name, description: description.unwrap_or_default(), input })
    };
    let next = result.get("nextCursor").and_then(Value::as_str).filter(|next| !next.is_empty());
    Ok((listed.iter().filter_map(tool).collect(), next.map(str::to_owned)))
}

/// What a tool answered.
pub(super) fn told(result: &Value) -> Result<Told, McpError> {
    if result.get("resultType").is_some_and(|kind| kind == "input_required") {
        return Err(McpError::Odd("wants to ask somebody something, and nobody is there".to_owned()));
    }
    let structured = result.get("structuredContent").filter(|content| !content.is_null()).cloned();
    let Some(content) = result.get("content").and_then(Value::as_array) else {
        let nothing = || McpError::Odd("answers with no content".to_owned());
        return structured.map(|content| Told { structured: Some(content), ..Told::default() }).ok_or_else(nothing);
    };
    let text = |item: &Value, place: &str| item.pointer(place).and_then(Value::as_str).map(str::to_owned);
    let texts = content.iter().filter_map(|item| text(item, "/text").or_else(|| text(item, "/resource/text")));
    let links = content.iter().filter(|item| item.get("type").is_some_and(|kind| kind == "resource_link"));
    let link = |item: &Value| {
        let or_none = |place| text(item, place).unwrap_or_default();
        let title = text(item, "/title").unwrap_or_else(|| or_none("/name"));
        Some((text(item, "/uri")?, title, or_none("/description")))
    };
    Ok(Told {
        text: texts.collect::<Vec<_>>().join("\n\n"),
        structured,
        links: links.filter_map(link).collect(),
        is_error: result.get("isError").is_some_and(|is| is == true),
    })
}
