//! A tool of an MCP server that searches: any, as long as its results are JSON, links, or text with an address a result.

use std::sync::Arc;

use ::http::StatusCode;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use super::pointers::{pointed, usual};
use super::policy::with_operators;
use super::{Answer, Query, Told, Trouble, hits};
use crate::config::search::{Provider, Tool};
use crate::web::mcp::{self, Connection, McpError};
use crate::web::wire::Wire;

/// Longer questions are refused by most.
const MOST_CHARS: usize = 1_000;

/// The connection to the server, opened when it is first wanted and again after whatever went wrong.
#[derive(Default)]
pub(in crate::web::search) struct Line(Mutex<Option<Arc<Connection>>>);

impl Line {
    /// Calls the tool with the question.
    pub(in crate::web::search) async fn ask(
        &self,
        wire: &Arc<dyn Wire>,
        provider: &Provider,
        tool: &Tool,
        query: &Query,
    ) -> Result<Answer, Trouble> {
        let connection = self.open(wire, provider).await?;
        match connection.call(&tool.name, arguments(tool, query)).await {
            Ok(told) => read(provider, tool, &told),
            Err(error) => {
                // Whatever it was, it is not to be in the way of the next question.
                self.0.lock().await.take_if(|open| Arc::ptr_eq(open, &connection));
                Err(error.into())
            }
        }
    }

    async fn open(&self, wire: &Arc<dyn Wire>, provider: &Provider) -> Result<Arc<Connection>, Trouble> {
        let mut open = self.0.lock().await;
        if let Some(connection) = &*open {
            return Ok(connection.clone());
        }
        let key = provider.key.as_ref().map(|key| format!("Bearer {}", key.reveal()).into());
        let keyed = key.as_ref().map(|key| ("authorization", key));
        let headers = keyed.into_iter().chain(provider.headers.iter().map(|(name, value)| (name.as_str(), value)));
        let connection = Arc::new(Connection::open(wire.clone(), &provider.base, headers).await?);
        Ok(open.insert(connection).clone())
    }
}

impl From<McpError> for Trouble {
    fn from(error: McpError) -> Self {
        let says = error.to_string();
        match error {
            McpError::Refused { status: StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, .. } => {
                Self::Busy { after: None, says }
            }
            McpError::Refused { .. }
            | McpError::Unreached(_)
            | McpError::Late(_)
            | McpError::Error { .. }
            | McpError::Odd(_) => Self::Failed(says),
        }
    }
}

fn arguments(tool: &Tool, query: &Query) -> Map<String, Value> {
    let words = if tool.operators {
        with_operators(&query.text, &query.policy, MOST_CHARS, MOST_CHARS)
    } else {
        query.text.clone()
    };
    let count = tool.count.as_ref().map(|argument| (argument.clone(), query.want.max(1).into()));
    std::iter::once((tool.argument.clone(), words.into())).chain(count).collect()
}

fn read(provider: &Provider, tool: &Tool, told: &mcp::Told) -> Result<Answer, Trouble> {
    if told.is_error {
        let says = told.text.split_whitespace().collect::<Vec<_>>().join(" ");
        return Err(Trouble::Failed(format!("says: {}", says.chars().take(200).collect::<String>())));
    }
    let value = told.structured.clone().or_else(|| serde_json::from_str(&told.text).ok());
    let results = match (value, &tool.pointers) {
        (Some(value), Some(pointers)) => pointed(&value, pointers)?,
        (None, Some(_)) => return Err(Trouble::Failed("does not answer in JSON, and pointers are set".to_owned())),
        (Some(value), None) => usual(&value).unwrap_or_default(),
        (None, None) if !told.links.is_empty() => told.links.iter().map(linked).collect(),
        (None, None) => listed(&told.text),
    };
    Ok(Answer { hits: hits(provider, results), note: None })
}

fn linked((url, title, snippet): &(String, String, String)) -> Told {
    Told { url: url.clone(), title: title.clone(), snippet: snippet.clone(), ..Told::default() }
}

/// Results in a text: each has a line with its address and nothing else but a label, or one that begins with a link of
/// Markdown. Its title stands in the link, or on the line before; what follows is said of it.
fn listed(text: &str) -> Vec<Told> {
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut results: Vec<Told> = Vec::new();
    // Where what is said of the last result begins.
    let mut says = lines.len();
    for (i, line) in lines.iter().enumerate() {
        let (begins, title, url) = match (link(line), address(line)) {
            (Some((title, url)), _) => (i, title, url),
            // The line before is a title if it is not an address itself.
            (None, Some(url)) if i > 0 && (results.is_empty() || i > says) => (i - 1, unmarked(lines[i - 1]), url),
            (None, Some(url)) => (i, "", url),
            (None, None) => continue,
        };
        if let Some(last) = results.last_mut() {
            last.snippet = lines[says..begins].join(" ");
        }
        results.push(Told { url: url.to_owned(), title: title.to_owned(), ..Told::default() });
        says = i + 1;
    }
    if let Some(last) = results.last_mut() {
        last.snippet = lines[says..].join(" ");
    }
    results
}

/// `[title](url)` at the beginning of a line.
fn link(line: &str) -> Option<(&str, &str)> {
    let (title, rest) = unmarked(line).strip_prefix('[')?.split_once("](")?;
    let (url, _) = rest.split_once(')')?;
    url.starts_with("http").then_some((title, url))
}

/// An address that a line has alone, or behind a label such as `URL:`.
fn address(line: &str) -> Option<&str> {
    let line = unmarked(line);
    let label = line.split_once(": ").filter(|(label, _)| label.len() < 20 && !label.contains("//"));
    let url = label.map_or(line, |(_, rest)| rest.trim()).trim_matches(['<', '>', '*', '`']);
    let is_one = (url.starts_with("http://") || url.starts_with("https://")) && !url.contains(char::is_whitespace);
    is_one.then_some(url)
}

/// A line without what marks it as one of a list or as a title.
fn unmarked(line: &str) -> &str {
    let line = line.trim_start_matches(['#', '-', '*', ' ']);
    let digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let line = if digits.len() < line.len() { digits.strip_prefix(['.', ':', ')']).unwrap_or(line) } else { line };
    let line = line.trim_start();
    line.strip_prefix("Title: ").or_else(|| line.strip_prefix("**Title:** ")).unwrap_or(line).trim_matches('*').trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(String, String, String)> {
        let clean = |told: Told| (told.title, told.url, told.snippet.trim().to_owned());
        listed(text).into_iter().map(clean).collect()
    }

    fn is(title: &str, url: &str, snippet: &str) -> (String, String, String) {
        (title.to_owned(), url.to_owned(), snippet.to_owned())
    }

    #[test]
    fn results_are_read_out_of_texts_as_tools_write_them() {
        let kagi = "-----\nResults for search query \"a\":\n-----\n1: First\nhttps://a.example/1\nPublished Date: 2026\nOne, see https://c.example/ too.\n\n2: Second\nhttps://b.example/2\nTwo.";
        let first = is("First", "https://a.example/1", "Published Date: 2026 One, see https://c.example/ too.");
        assert_eq!(told(kagi), [first, is("Second", "https://b.example/2", "Two.")]);
        let labelled = "Title: First\nURL: https://a.example/1\nOne.\n\nTitle: Second\nURL: https://b.example/2\nTwo.";
        assert_eq!(
            told(labelled),
            [is("First", "https://a.example/1", "One."), is("Second", "https://b.example/2", "Two.")]
        );
        let markdown =
            "Found 2 results.\n\n1. [First](https://a.example/1)\n   One.\n2. **[Second](https://b.example/2)** two\n";
        assert_eq!(told(markdown)[0], is("First", "https://a.example/1", "One."));
        assert_eq!(told(markdown)[1].1, "https://b.example/2");
        assert_eq!(told("https://a.example/1\nhttps://b.example/2").len(), 2);
        assert!(told("Nothing was found, see https://a.example/.").is_empty());
    }
}
