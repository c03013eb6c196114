//! The request as it is kept and shown: the caller's bytes, without what is write-only, and with the guide's
//! `webhook_url` in the official form.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::webhook::EVENT;
use crate::json::{Kind, Members};

/// What stands where a secret was.
const REDACTED: &str = "\"***\"";

/// Writes an object member by member.
struct Writer(String);

impl Writer {
    fn new() -> Self {
        Self("{".to_owned())
    }

    fn member(&mut self, key: &str, value: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&serde_json::to_string(key).expect("a string is JSON"));
        self.0.push(':');
        self.0.push_str(value);
    }

    fn close(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// `text` is the body, if `members` are the same taken apart; they were checked before.
pub(super) fn shown(text: Option<&str>, members: &Members<'_>) -> Bytes {
    if let Some(text) = text.filter(|_| !must_be_rewritten(members)) {
        return Bytes::copy_from_slice(text.as_bytes());
    }
    let mut writer = Writer::new();
    for (key, value) in members.iter() {
        if !matches!(key, "webhook" | "webhook_url" | "mcp_servers") {
            writer.member(key, value.get());
        }
    }
    if let Some(servers) = members.get("mcp_servers") {
        writer.member("mcp_servers", &without_header_values(servers));
    }
    if let Some(webhook) = webhook(members) {
        writer.member("webhook", &webhook);
    }
    writer.close().into()
}

fn must_be_rewritten(members: &Members<'_>) -> bool {
    // A key given twice has been read once; the other might hold a secret nobody has looked at.
    let twice = |key| members.iter().filter(|(name, _)| *name == key).count() > 1;
    members.has("webhook_url")
        || members.get("mcp_servers").is_some_and(|raw| servers(raw).any(|server| object(server).has("headers")))
        || members.get("webhook").is_some_and(|raw| object(raw).has("secret"))
        || twice("webhook")
        || twice("mcp_servers")
}

fn webhook(members: &Members<'_>) -> Option<String> {
    let Some(raw) = members.get("webhook") else {
        let url = members.get("webhook_url")?.get();
        return Some(format!(r#"{{"url":{url},"event_types":["{EVENT}"]}}"#));
    };
    let mut writer = Writer::new();
    for (key, value) in object(raw).iter().filter(|(key, _)| *key != "secret") {
        writer.member(key, value.get());
    }
    Some(writer.close())
}

fn without_header_values(raw: &RawValue) -> String {
    format!("[{}]", servers(raw).map(server).collect::<Vec<_>>().join(","))
}

fn servers(raw: &RawValue) -> impl Iterator<Item = &RawValue> {
    serde_json::from_str::<Vec<_>>(raw.get()).unwrap_or_default().into_iter()
}

/// Whether some of these servers had headers: of those only the names are kept.
pub(super) fn lacks_header_values(raw: &RawValue) -> bool {
    let has_headers = |server| object(server).get("headers").is_some_and(|headers| object(headers).count() > 0);
    servers(raw).any(has_headers)
}

fn server(raw: &RawValue) -> String {
    let mut writer = Writer::new();
    for (key, value) in object(raw).iter() {
        match key {
            "headers" if Kind::of(value.get()) == Kind::Object => writer.member(key, &headers(value)),
            _ => writer.member(key, value.get()),
        }
    }
    writer.close()
}

fn headers(raw: &RawValue) -> String {
    let mut writer = Writer::new();
    for (name, _) in object(raw).iter() {
        writer.member(name, REDACTED);
    }
    writer.close()
}

fn object(raw: &RawValue) -> Members<'_> {
    serde_json::from_str(raw.get()).unwrap_or_default()
}
