//! A request that was accepted before and is asked once more, with what shall be different laid over it.

use super::group::MAX_INPUT;
use super::{RunInput, Unreadable, shown};
use crate::findings::{At, Findings};
use crate::json::{self, Members};

/// What every request has: `null` takes none of these away.
const REQUIRED: [&str; 2] = ["input", "processor"];

/// A request once more.
#[derive(Clone, Debug)]
pub struct Rerun {
    /// The request, read and checked as any other.
    pub input: RunInput,
    /// Nothing was said of its webhook, so it is the one from before. What [`RunInput::webhook`] knows of that is what is
    /// shown of it, which is not all.
    pub keeps_webhook: bool,
}

/// Reads a request as it was kept ([`RunInput::shown`]) with the members of `changes` in the place of its own; an empty body
/// changes nothing. The result is checked as if it had come in one piece.
///
/// `null` is to do without, but for what every request has: there it is as good as absent. What was write-only is not in what
/// was kept; MCP servers that had headers have to be given again.
pub fn read_rerun(kept: &[u8], changes: &[u8]) -> Result<Rerun, Unreadable> {
    let (text, mut members) = json::read_object(kept)?;
    let changes = different(changes)?;
    let text = (changes.count() == 0).then_some(text);
    let mut found = Findings::default();
    if !changes.has("mcp_servers") && members.get("mcp_servers").is_some_and(shown::lacks_header_values) {
        let message = "is needed again, or `null` to do without: the values of its headers were not kept";
        found.wrong(&At::Body.key("mcp_servers"), "missing", message);
    }
    let keeps_webhook = !changes.has("webhook") && !changes.has("webhook_url");
    if !keeps_webhook {
        members.remove("webhook");
    }
    members.lay_over(changes);
    match RunInput::of(text, &members, &mut found) {
        Some(input) if input.shown.len() > MAX_INPUT.max(kept.len()) => {
            found.wrong(&At::Body, "too_long", format!("and what it changes are over the limit of {MAX_INPUT} bytes"));
            Err(Unreadable::because(found.faults))
        }
        Some(input) => Ok(Rerun { input: RunInput { warnings: found.warnings, ..input }, keeps_webhook }),
        None => Err(Unreadable::because(found.faults)),
    }
}

fn different(body: &[u8]) -> Result<Members<'_>, Unreadable> {
    if body.trim_ascii().is_empty() {
        return Ok(Members::default());
    }
    let (_, mut changes) = json::read_object(body)?;
    for key in REQUIRED {
        if changes.get(key).is_none() {
            changes.remove(key);
        }
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn kept(body: &Value) -> Vec<u8> {
        RunInput::read(body.to_string().as_bytes()).unwrap().shown.to_vec()
    }

    fn again(body: &Value, changes: &str) -> Result<Rerun, Unreadable> {
        read_rerun(&kept(body), changes.as_bytes())
    }

    fn shown(rerun: &Rerun) -> Value {
        serde_json::from_slice(&rerun.input.shown).unwrap()
    }

    #[test]
    fn what_is_not_changed_stays_the_bytes_it_was() {
        let kept = br#"{"input": {"n": 1.0, "big": 123456789012345678901234567890}, "processor":"base","own":[1]}"#;
        for nothing in ["", " \n", "{}", r#"{"input":null,"processor":null}"#] {
            let same = read_rerun(kept, nothing.as_bytes()).unwrap();
            assert_eq!(same.input.shown, kept[..], "{nothing}");
        }
        let other = read_rerun(kept, br#"{"processor":"pro"}"#).unwrap().input;
        let expected = br#"{"input":{"n": 1.0, "big": 123456789012345678901234567890},"own":[1],"processor":"pro"}"#;
        assert_eq!((other.processor.as_str(), &*other.shown), ("pro", &expected[..]));
    }

    #[test]
    fn what_is_given_takes_the_place_of_what_was_and_null_takes_it_away() {
        let body = json!({
            "input": "a", "processor": "base", "metadata": {"team": "blue", "n": 1},
            "source_policy": {"include_domains": ["a.example"]}, "enable_events": true,
        });
        let changes = r#"{"metadata":{"n":2},"source_policy":null,"enable_events":false,"input":"b"}"#;
        let rerun = again(&body, changes).unwrap();
        let expected = json!({
            "input": "b", "processor": "base", "metadata": {"n": 2}, "source_policy": null, "enable_events": false,
        });
        assert_eq!(shown(&rerun), expected);
        assert_eq!((rerun.input.enable_events, rerun.input.task.sources.include_domains.len()), (Some(false), 0));
    }

    #[test]
    fn the_whole_is_checked_as_if_it_had_come_in_one_piece() {
        let body = json!({"input": "x".repeat(24_000), "processor": "base"});
        let spec = json!({"task_spec": {"output_schema": "y".repeat(2_000)}}).to_string();
        let refused = again(&body, &spec).unwrap_err();
        assert!(refused.message.contains("at most 25000"), "{refused}");
        for (changes, status) in
            [("[]", 422), ("{", 400), (r#"{"metadata":7,"input":"a"}"#, 422), (r#"{"input":" "}"#, 422)]
        {
            assert_eq!(again(&body, changes).unwrap_err().code.status(), status, "{changes}");
        }
        let long = json!({"own": "z".repeat(MAX_INPUT - 100)}).to_string();
        assert!(again(&body, &long).unwrap_err().message.contains("over the limit"));
    }

    #[test]
    fn servers_whose_headers_were_hidden_have_to_be_given_again() {
        let server = |headers: Value| json!([{"name": "n", "url": "https://a.example/mcp", "headers": headers}]);
        let with = |servers: Value| json!({"input": "a", "processor": "base", "mcp_servers": servers});
        let hidden = with(server(json!({"authorization": "Bearer sesame"})));
        let refused = again(&hidden, r#"{"processor":7}"#).unwrap_err();
        assert!(refused.message.contains("`mcp_servers` is needed again"), "{refused}");
        assert_eq!(refused.faults.len(), 2, "all that is wrong is told at once");
        let given = json!({"mcp_servers": server(json!({"authorization": "Bearer again"}))}).to_string();
        assert_eq!(
            again(&hidden, &given).unwrap().input.task.mcp_servers[0].headers["authorization"].reveal(),
            "Bearer again"
        );
        assert!(again(&hidden, r#"{"mcp_servers":null}"#).unwrap().input.task.mcp_servers.is_empty());
        for open in [with(server(json!({}))), with(server(json!(null))), with(json!([])), with(json!(null))] {
            assert!(again(&open, "").is_ok(), "{open}");
        }
    }

    #[test]
    fn a_webhook_is_kept_unless_another_is_given_or_none() {
        let guides = json!({"input": "a", "processor": "base", "webhook_url": "https://a.example/"});
        let kept = again(&guides, r#"{"processor":"core"}"#).unwrap();
        assert!(kept.keeps_webhook);
        assert_eq!(shown(&kept)["webhook"]["url"], "https://a.example/");
        for (changes, url) in [
            (r#"{"webhook_url":"https://b.example/"}"#, Some("https://b.example/")),
            (r#"{"webhook":{"url":"https://b.example/"}}"#, Some("https://b.example/")),
            (r#"{"webhook":null}"#, None),
            (r#"{"webhook_url":null}"#, None),
        ] {
            let other = again(&guides, changes).unwrap();
            assert!(!other.keeps_webhook);
            assert_eq!(other.input.webhook.map(|webhook| webhook.url.to_string()).as_deref(), url, "{changes}");
        }
    }
}
