//! The caller's own tools: servers of the Model Context Protocol (wire.md 1.4).

use std::collections::BTreeMap;

use legwork_core::secret::Secret;
use legwork_core::task::McpServer;
use serde_json::value::RawValue;

use super::address;
use crate::findings::{At, Findings};
use crate::json::Members;

/// How many servers a run may name.
const MAX_SERVERS: usize = 10;

pub(super) fn read(raw: Option<&RawValue>, found: &mut Findings) -> Vec<McpServer> {
    let Some(raw) = raw else { return Vec::new() };
    let at = At::Body.key("mcp_servers");
    let Some(items) = found.list(&at, raw) else { return Vec::new() };
    if items.len() > MAX_SERVERS {
        found.wrong(&at, "too_long", format!("has {} servers; at most {MAX_SERVERS} are allowed", items.len()));
    }
    items.iter().enumerate().filter_map(|(i, item)| server(&at.index(i), item, found)).collect()
}

fn server(at: &At<'_>, raw: &RawValue, found: &mut Findings) -> Option<McpServer> {
    let members = found.object(at, raw)?;
    of_type_url(at, &members, found);
    let name = name(&at.key("name"), members.get("name"), found);
    let url = match members.get("url") {
        Some(raw) => address::read(&at.key("url"), raw, found),
        None => found.refuse(&at.key("url"), "missing", "is required: the address of the MCP server"),
    };
    let headers = members.get("headers").map(|raw| headers(&at.key("headers"), raw, found)).unwrap_or_default();
    let tools = members.get("allowed_tools").and_then(|raw| found.texts(&at.key("allowed_tools"), raw));
    let allowed_tools = tools.map(|tools| tools.into_iter().map(Into::into).collect());
    Some(McpServer { name: name?, url: url?.into(), headers, allowed_tools })
}

fn of_type_url(at: &At<'_>, members: &Members<'_>, found: &mut Findings) {
    let at = at.key("type");
    let kind = members.get("type").and_then(|raw| found.text(&at, raw));
    if kind.is_some_and(|kind| kind != "url") {
        found.wrong(&at, "literal_error", "must be `url`");
    }
}

fn name(at: &At<'_>, raw: Option<&RawValue>, found: &mut Findings) -> Option<String> {
    let Some(raw) = raw else {
        return found.refuse(at, "missing", "is required: what the server shall be called");
    };
    let name = found.text(at, raw)?;
    if name.trim().is_empty() { found.refuse(at, "value_error", "is empty") } else { Some(name.into_owned()) }
}

fn headers(at: &At<'_>, raw: &RawValue, found: &mut Findings) -> BTreeMap<String, Secret> {
    let Some(members) = found.object(at, raw) else { return BTreeMap::new() };
    let mut headers = BTreeMap::new();
    for (name, value) in members.iter() {
        if let Some(value) = found.text(&at.key(name), value) {
            headers.insert(name.to_owned(), Secret::from(value.into_owned()));
        }
    }
    headers
}
