//! A thin client of MCP servers over streamable HTTP: it lists their tools and calls them, and nothing else.
//!
//! There are two kinds of servers (modelcontextprotocol.io/specification): those of 2026-07-28 and later take each request
//! by itself, with what it needs to be understood; those before want a handshake first and may give a session. Which kind
//! it is, the first request finds out: it is made as the later kind wants it, and whoever does not understand that is
//! shaken hands with.
//!
//! Which way requests go is the caller's to choose ([`Wire`]). Header values are shown by nothing.

mod message;
mod mirror;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Uri};
use legwork_api::secret::Secret;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;
use tokio::time::timeout;
use url::Url;

use self::message::{Heard, failure, heard};
use super::wire::{Reply, Unreached, Wire, header, said};

/// What is spoken to servers that take each request by itself.
const MODERN: &str = "2026-07-28";
/// What is offered to servers that want a handshake, and what of theirs is understood.
const LEGACY: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// How long one request may take, tools among them.
const PATIENCE: Duration = Duration::from_secs(30);
/// How large an answer may be.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// How many pages a list of tools may have.
const MOST_PAGES: usize = 20;

/// A server whose tools are known.
pub(crate) struct Connection {
    line: Line,
    kind: Mutex<Kind>,
    tools: Vec<Tool>,
}

/// What a server can be asked to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tool {
    /// What it is called by.
    pub(crate) name: String,
    /// What it is for, as the server says.
    pub(crate) description: String,
    /// What it takes: a JSON Schema of an object.
    pub(crate) input: Value,
}

/// What a tool answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Told {
    /// Its texts, one after the other.
    pub(crate) text: String,
    /// What it answered as JSON, if it did.
    pub(crate) structured: Option<Value>,
    /// The links among what it answered: address, name and description.
    pub(crate) links: Vec<(String, String, String)>,
    /// It says that it could not do what it was asked to; the text says why.
    pub(crate) is_error: bool,
}

/// Why a server cannot be used, in words that follow its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum McpError {
    /// It was not reached.
    #[error(transparent)]
    Unreached(#[from] Unreached),
    /// It takes too long.
    #[error("did not answer within {0} s")]
    Late(u64),
    /// It answers with a status that is none of success.
    #[error("{says}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// What it says.
        says: String,
    },
    /// It answers with an error of the protocol.
    #[error("answers with an error: {says} ({code})")]
    Error {
        /// The number of the error.
        code: i64,
        /// What it says.
        says: String,
        /// The versions that it speaks, if it says so.
        supported: Vec<String>,
    },
    /// It says something that cannot be understood, or wants what we have not.
    #[error("{0}")]
    Odd(String),
}

/// What kind of server it is.
#[derive(Clone, Debug)]
enum Kind {
    /// Each request stands for itself.
    Modern,
    /// Hands were shaken.
    Legacy {
        /// What is spoken.
        version: HeaderValue,
        session: Option<HeaderValue>,
    },
}

/// How one server is reached.
struct Line {
    wire: Arc<dyn Wire>,
    uri: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
    secrets: Vec<Secret>,
    last_id: AtomicU64,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("tools", &self.tools.len()).finish_non_exhaustive()
    }
}

impl Connection {
    /// Finds out what the server speaks, and what tools it has.
    pub(crate) async fn open<'a>(
        wire: Arc<dyn Wire>,
        url: &Url,
        headers: impl IntoIterator<Item = (&'a str, &'a Secret)>,
    ) -> Result<Self, McpError> {
        let line = Line::new(wire, url, headers)?;
        let (kind, tools) = match line.tools(&Kind::Modern).await {
            Ok(tools) => (Kind::Modern, tools),
            Err(error) if error.is_of_a_modern_server() => return Err(error),
            Err(_) => {
                let kind = line.shake_hands().await?;
                let tools = line.tools(&kind).await?;
                (kind, tools)
            }
        };
        Ok(Self { line, kind: Mutex::new(kind), tools })
    }

    /// The tools it has.
    pub(crate) fn tools(&self) -> &[Tool] {
        &self.tools
    }

    /// Has a tool do something. A session that the server has forgotten is begun anew, once.
    pub(crate) async fn call(&self, tool: &str, arguments: Map<String, Value>) -> Result<Told, McpError> {
        let known = self.tools.iter().find(|known| known.name == tool);
        let known = known.ok_or_else(|| McpError::Odd(format!("has no tool `{tool}`; it has {}", self.names())))?;
        let mirrored = mirror::headers(&known.input, &arguments);
        let parameters = json!({"name": tool, "arguments": arguments});
        let kind = self.kind.lock().await.clone();
        let result = match self.line.ask(&kind, "tools/call", parameters.clone(), &mirrored).await {
            Err(error) if kind.has_lost_its_session(&error) => {
                let anew = self.line.shake_hands().await?;
                *self.kind.lock().await = anew.clone();
                self.line.ask(&anew, "tools/call", parameters, &mirrored).await?
            }
            answered => answered?,
        };
        message::told(&result)
    }

    /// Tells a server that gave a session that it is over.
    #[cfg_attr(not(test), expect(dead_code, reason = "the researcher calls the tools of callers' servers with it"))]
    pub(crate) async fn close(self) {
        let kind = self.kind.into_inner();
        if matches!(kind, Kind::Legacy { session: Some(_), .. }) {
            // Many servers do not take it, and none has to.
            drop(self.line.end(&kind).await);
        }
    }

    fn names(&self) -> String {
        let names: Vec<_> = self.tools.iter().map(|tool| format!("`{}`", tool.name)).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }
}

impl McpError {
    /// Whether it says enough: a handshake would bring nothing.
    fn is_of_a_modern_server(&self) -> bool {
        match self {
            Self::Unreached(_) | Self::Late(_) | Self::Odd(_) => true,
            Self::Refused { status, .. } => [
                StatusCode::UNAUTHORIZED,
                StatusCode::FORBIDDEN,
                StatusCode::TOO_MANY_REQUESTS,
                StatusCode::SERVICE_UNAVAILABLE,
            ]
            .contains(status),
            // It speaks what we offer in a handshake, or is of the later kind: -32022 is a version that it does not speak,
            // -32020 and -32021 are what it misses in a request.
            Self::Error { code: -32022, supported, .. } => !supported.iter().any(|theirs| LEGACY.contains(&&**theirs)),
            Self::Error { code, .. } => [-32020, -32021].contains(code),
        }
    }
}

impl Kind {
    fn has_lost_its_session(&self, error: &McpError) -> bool {
        let has_one = matches!(self, Self::Legacy { session: Some(_), .. });
        has_one && matches!(error, McpError::Refused { status: StatusCode::NOT_FOUND, .. })
    }
}

impl Line {
    fn new<'a>(
        wire: Arc<dyn Wire>,
        url: &Url,
        headers: impl IntoIterator<Item = (&'a str, &'a Secret)>,
    ) -> Result<Self, McpError> {
        let uri = url.as_str().parse().map_err(|_| McpError::Odd("has an address that cannot be called".to_owned()))?;
        let given: Vec<_> = headers.into_iter().collect();
        let headers = given.iter().map(|(name, value)| header(name, value)).collect::<Result<_, _>>();
        let secrets = given.iter().map(|(_, value)| (*value).clone()).collect();
        Ok(Self { wire, uri, headers: headers.map_err(McpError::Odd)?, secrets, last_id: AtomicU64::new(0) })
    }

    /// All tools, over all pages. What cannot be called as the server wants it is left out.
    async fn tools(&self, kind: &Kind) -> Result<Vec<Tool>, McpError> {
        let mut tools = Vec::new();
        let mut parameters = Map::new();
        for _ in 0..MOST_PAGES {
            let page = self.ask(kind, "tools/list", parameters.into(), &[]).await?;
            let (some, next) = message::tools(&page)?;
            tools.extend(some.into_iter().filter(|tool| mirror::is_sound(&tool.input)));
            let Some(next) = next else { return Ok(tools) };
            parameters = Map::from_iter([("cursor".to_owned(), next.into())]);
        }
        Err(McpError::Odd(format!("has a list of tools that does not end after {MOST_PAGES} pages")))
    }

    async fn shake_hands(&self) -> Result<Kind, McpError> {
        let us = json!({"name": "legwork", "version": env!("CARGO_PKG_VERSION")});
        let parameters = json!({"protocolVersion": LEGACY[0], "capabilities": {}, "clientInfo": us});
        let id = self.id();
        let message = json!({"jsonrpc": "2.0", "id": id, "method": "initialize", "params": parameters});
        let (result, headers) = self.exchange(HeaderMap::new(), &message, id).await?;
        let version = result.get("protocolVersion").and_then(Value::as_str).unwrap_or_default();
        let known = LEGACY.iter().find(|known| **known == version);
        let known = known.ok_or_else(|| McpError::Odd(format!("speaks MCP of `{version}`, which we do not")))?;
        let kind = Kind::Legacy { version: HeaderValue::from_static(known), session: headers.get(SESSION).cloned() };
        let message = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let reply = self.send(Request::post(self.uri.clone()), kind.headers(), message.to_string()).await?;
        self.accepted(reply).await.map(|_| kind)
    }

    /// Asks for something and waits for what comes of it.
    async fn ask(
        &self,
        kind: &Kind,
        method: &str,
        mut parameters: Value,
        mirrored: &[(HeaderName, HeaderValue)],
    ) -> Result<Value, McpError> {
        let mut headers = kind.headers();
        if matches!(kind, Kind::Modern) {
            headers.insert(METHOD, mirror::value(method));
            if let Some(name) = parameters.get("name").and_then(Value::as_str) {
                headers.insert(NAME, mirror::value(name));
            }
            headers.extend(mirrored.iter().map(|(name, value)| (name.clone(), value.clone())));
            if let Value::Object(members) = &mut parameters {
                members.insert("_meta".to_owned(), meta());
            }
        }
        let id = self.id();
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": parameters});
        self.exchange(headers, &message, id).await.map(|(result, _)| result)
    }

    /// Sends a request and reads its answer, within one patience.
    async fn exchange(&self, headers: HeaderMap, message: &Value, id: u64) -> Result<(Value, HeaderMap), McpError> {
        let exchange = async {
            let reply = self.send(Request::post(self.uri.clone()), headers, message.to_string()).await?;
            let headers = reply.headers.clone();
            match heard(self.accepted(reply).await?, id, MOST_BYTES).await? {
                Heard::Result(result) => Ok((result, headers)),
                Heard::Error(error) => Err(self.hushed(failure(&error))),
            }
        };
        timeout(PATIENCE, exchange).await.unwrap_or(Err(McpError::Late(PATIENCE.as_secs())))
    }

    async fn send(&self, request: http::request::Builder, headers: HeaderMap, body: String) -> Result<Reply, McpError> {
        let odd = |error: http::Error| McpError::Odd(format!("cannot be asked: {error}"));
        let mut request = request.body(Bytes::from(body)).map_err(odd)?;
        let all = request.headers_mut();
        all.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        all.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        all.extend(headers);
        all.extend(self.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        Ok(timeout(PATIENCE, self.wire.send(request)).await.map_err(|_| McpError::Late(PATIENCE.as_secs()))??)
    }

    /// The answer, if it is one of success. An error of the protocol may come with any status.
    async fn accepted(&self, reply: Reply) -> Result<Reply, McpError> {
        if reply.status.is_success() {
            return Ok(reply);
        }
        let status = reply.status;
        let body = reply.whole(MOST_BYTES).await?;
        if let Some(error) = serde_json::from_slice::<Value>(&body).ok().as_ref().and_then(|value| value.get("error"))
            && error.get("code").is_some_and(Value::is_i64)
            && !status.is_server_error()
        {
            let error = failure(error);
            let is_lost = status == StatusCode::NOT_FOUND && !matches!(error, McpError::Error { code: -32601, .. });
            if !is_lost {
                return Err(self.hushed(error));
            }
        }
        let says = said(&body, &self.secrets.iter().collect::<Vec<_>>());
        let says = if says.is_empty() { String::new() } else { format!(": {says}") };
        let says = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                format!("does not let us in ({}), so its headers are likely wrong{says}", status.as_u16())
            }
            redirect if redirect.is_redirection() => format!("sends us elsewhere ({})", status.as_u16()),
            _ => format!("answers {status}{says}"),
        };
        Err(McpError::Refused { status, says })
    }

    /// An error in which no secret stands that was sent.
    fn hushed(&self, error: McpError) -> McpError {
        match error {
            McpError::Error { code, says, supported } => {
                let says = said(says.as_bytes(), &self.secrets.iter().collect::<Vec<_>>());
                McpError::Error { code, says, supported }
            }
            other @ (McpError::Unreached(_) | McpError::Late(_) | McpError::Refused { .. } | McpError::Odd(_)) => other,
        }
    }

    async fn end(&self, kind: &Kind) -> Result<Reply, McpError> {
        self.send(Request::delete(self.uri.clone()), kind.headers(), String::new()).await
    }

    fn id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl Kind {
    /// What each request to such a server carries.
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        match self {
            Self::Modern => drop(headers.insert(VERSION, HeaderValue::from_static(MODERN))),
            Self::Legacy { version, session } => {
                headers.insert(VERSION, version.clone());
                if let Some(session) = session {
                    headers.insert(SESSION, session.clone());
                }
            }
        }
        headers
    }
}

/// What tells a server that takes each request by itself who asks, and in what.
fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientInfo": {"name": "legwork", "version": env!("CARGO_PKG_VERSION")},
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

#[cfg(test)]
mod tests;
