//! What a run needs for its work and nobody is shown: kept beside the request as it is shown, until the run has ended.

use std::collections::BTreeMap;

use legwork_core::secret::Secret;
use legwork_core::task::McpServer;
use serde::{Deserialize, Serialize};

/// The form in which they are kept. A later one has another number; this one is read for ever.
#[derive(Serialize, Deserialize)]
struct Kept {
    v: u8,
    /// The headers of each MCP server, in the order of the request.
    mcp_headers: Vec<BTreeMap<String, String>>,
}

/// What is secret of these servers; `None` when nothing is.
pub(super) fn of(servers: &[McpServer]) -> Option<Secret> {
    if servers.iter().all(|server| server.headers.is_empty()) {
        return None;
    }
    let revealed = |(name, value): (&String, &Secret)| (name.clone(), value.reveal().to_owned());
    let mcp_headers = servers.iter().map(|server| server.headers.iter().map(revealed).collect()).collect();
    let kept = serde_json::to_string(&Kept { v: 1, mcp_headers });
    Some(kept.expect("maps of texts are JSON").into())
}

/// Gives these servers their headers, in the place of what is shown of them. Those of which nothing is kept have none: the run
/// has ended, or was accepted by a build that did not keep them.
pub(super) fn give(servers: &mut [McpServer], kept: Option<&Secret>) -> Result<(), serde_json::Error> {
    let kept = kept.map(|kept| serde_json::from_str::<Kept>(kept.reveal())).transpose()?;
    let mut headers = kept.map(|kept| kept.mcp_headers).unwrap_or_default().into_iter();
    for server in servers {
        let of_it = headers.next().unwrap_or_default();
        server.headers = of_it.into_iter().map(|(name, value)| (name, value.into())).collect();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::run_input::RunInput;

    /// What every version kept so far. A line is added when the form changes; none is ever removed.
    const KEPT: &str = include_str!("../../samples/secrets.jsonl");

    fn input() -> RunInput {
        let servers = r#"[{"name": "a", "url": "https://a.example/", "headers": {"Authorization": "Bearer \"x\"", "X": ""}},
            {"name": "b", "url": "https://b.example/"}, {"name": "c", "url": "https://c.example/", "headers": {"K": "***"}}]"#;
        let body = format!(r#"{{"input": "q", "processor": "base", "mcp_servers": {servers}}}"#);
        RunInput::read(body.as_bytes()).unwrap()
    }

    #[test]
    fn what_was_ever_kept_can_still_be_read() {
        let input = input();
        for line in KEPT.lines() {
            let again = RunInput::kept(&input.shown, Some(&line.to_owned().into())).unwrap();
            assert_eq!(again.task, input.task);
        }
        assert_eq!(input.secrets().unwrap().reveal(), KEPT.lines().last().unwrap(), "the newest form is there");
    }

    #[test]
    fn without_what_was_kept_there_are_no_headers() {
        let input = input();
        let again = RunInput::kept(&input.shown, None).unwrap();
        assert_eq!(again.task.mcp_servers.len(), 3);
        assert!(again.task.mcp_servers.iter().all(|server| server.headers.is_empty()), "not what stood in their place");
        assert!(again.secrets().is_none());
        assert!(RunInput::kept(&input.shown, Some(&"{}".to_owned().into())).is_err());
    }

    #[test]
    fn what_is_no_secret_is_not_kept_as_one() {
        for servers in ["null", "[]", r#"[{"name":"a","url":"https://a.example/","headers":{}}]"#] {
            let body = format!(r#"{{"input":"q","processor":"base","mcp_servers":{servers}}}"#);
            assert!(RunInput::read(body.as_bytes()).unwrap().secrets().is_none(), "{servers}");
        }
    }
}
