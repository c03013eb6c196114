//! What a run is asked to do, after the wire's many spellings have been read and checked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::RunId;
use crate::secret::Secret;

/// The caller's request as a processor sees it. Nothing in it is left to check.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The question, or the object to work on.
    pub input: Input,
    /// What form the answer shall have.
    pub wanted: Wanted,
    /// Which sources may be used.
    pub sources: SourcePolicy,
    /// The caller's own tools.
    pub mcp_servers: Vec<McpServer>,
    /// The run whose interaction this goes on from, of the same owner.
    pub previous: Option<RunId>,
    /// What it may take.
    pub limits: Limits,
    /// The country that searches are made from: two small letters, as in ISO 3166-1 (`advanced_settings.location`).
    pub location: Option<String>,
}

impl Task {
    /// A task that is nothing but this: any source may be used, and it may take what its processor takes.
    pub fn new(input: Input, wanted: Wanted) -> Self {
        let (sources, limits) = (SourcePolicy::default(), Limits::default());
        Self { input, wanted, sources, mcp_servers: Vec::new(), previous: None, limits, location: None }
    }
}

/// The question of a task.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A question or an instruction in words.
    Text(String),
    /// Named values, to be enriched.
    Object(Map<String, Value>),
}

/// The form of the answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// The processor chooses: text up to core, an object with a schema of its own from pro on.
    Auto,
    /// Text, steered by a description if there is one.
    Text {
        /// How the text should be.
        description: Option<String>,
    },
    /// An object that follows this JSON Schema, whose root is an object with properties.
    Json {
        /// The caller's schema, with the keywords we do not support still in it.
        schema: Value,
    },
}

/// Which sources a task may use; the default allows all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct SourcePolicy {
    /// Allow only these domains (and their subdomains); empty allows all.
    pub include_domains: Vec<String>,
    /// Never use these; ignored when `include_domains` is not empty.
    pub exclude_domains: Vec<String>,
    /// Only what was published on or after this day, as `YYYY-MM-DD`.
    pub after_date: Option<String>,
}

/// A server of the Model Context Protocol whose tools a task may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpServer {
    /// What the caller calls it.
    pub name: String,
    /// Where it is: an `http` or `https` URL.
    pub url: String,
    /// Sent with every call, and never shown again.
    pub headers: BTreeMap<String, Secret>,
    /// The tools that may be used; `None` allows all.
    pub allowed_tools: Option<Vec<String>>,
}

/// What a task may take, as far as its caller says so. Where one of them is reached, it is answered with what is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Limits {
    /// How long it may be worked on, over all attempts; above 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_seconds: Option<f64>,
    /// What the calls that have a price may cost together, in dollars; 0 allows those only that cost nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_cost_usd: Option<f64>,
    /// How many tokens models may read and write together; at least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
}

impl Limits {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl SourcePolicy {
    /// Whether what lies at this path of this host may be used. What has no host is on no list.
    pub fn allows(&self, host: Option<&str>, path: &str) -> bool {
        let path = path.trim_start_matches('/');
        let listed = |list: &[String]| host.is_some_and(|host| list.iter().any(|entry| covers(entry, host, path)));
        if self.include_domains.is_empty() { !listed(&self.exclude_domains) } else { listed(&self.include_domains) }
    }

    /// Whether anything of this host may be used, be it at some paths only.
    pub fn allows_some_of(&self, host: &str) -> bool {
        let domain = |entry: &String| covers(entry.split('/').next().unwrap_or_default(), host, "");
        if self.include_domains.is_empty() {
            self.allows(Some(host), "")
        } else {
            self.include_domains.iter().any(domain)
        }
    }

    /// Whether what was published on this day, as `YYYY-MM-DD`, is older than is wanted.
    pub fn is_too_old(&self, published: &str) -> bool {
        // In this form days are in the order of their texts.
        self.after_date.as_deref().is_some_and(|after| published < after)
    }
}

/// `example.org`, `gov` or `example.org/docs` against a host and its path: an apex covers its subdomains, a path what lies
/// below it.
fn covers(entry: &str, host: &str, path: &str) -> bool {
    let (domain, below) = entry.split_once('/').unwrap_or((entry, ""));
    let domain = domain.trim_start_matches("*.").trim_start_matches('.').to_lowercase();
    let below = below.trim_end_matches('/');
    let same = host == domain || host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.'));
    let under = below.is_empty() || path == below || path.strip_prefix(below).is_some_and(|rest| rest.starts_with('/'));
    !domain.is_empty() && same && under
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(entry: &str) -> SourcePolicy {
        SourcePolicy { include_domains: vec![entry.to_owned()], ..SourcePolicy::default() }
    }

    fn without(entry: &str) -> SourcePolicy {
        SourcePolicy { exclude_domains: vec![entry.to_owned()], ..SourcePolicy::default() }
    }

    #[test]
    fn an_apex_covers_its_subdomains_and_nothing_else() {
        assert!(only("example.org").allows(Some("docs.example.org"), ""));
        assert!(only(".gov").allows(Some("www.cia.gov"), "x") && only("gov").allows(Some("www.cia.gov"), "x"));
        assert!(!only("example.org").allows(Some("badexample.org"), ""));
        assert!(!without("example.org").allows(Some("docs.example.org"), "a"));
    }

    #[test]
    fn a_path_matches_at_whole_segments() {
        assert!(only("example.org/docs/").allows(Some("example.org"), "/docs/a"));
        assert!(only("example.org/docs").allows(Some("example.org"), "docs"));
        assert!(!only("example.org/docs").allows(Some("example.org"), "/docs2"));
        assert!(!only("example.org/docs").allows(Some("example.org"), "/Docs/a"), "paths have case");
    }

    #[test]
    fn what_has_no_host_is_on_no_list() {
        assert!(without("example.org").allows(None, "a") && !only("example.org").allows(None, "a"));
    }

    #[test]
    fn a_host_is_worth_asking_while_some_of_it_is_allowed() {
        assert!(only("example.org/docs").allows_some_of("www.example.org"));
        assert!(without("example.org/docs").allows_some_of("example.org"));
        assert!(!without("example.org").allows_some_of("example.org") && !only("a.org").allows_some_of("example.org"));
    }

    #[test]
    fn a_day_is_too_old_before_the_one_that_is_wanted() {
        let policy = SourcePolicy { after_date: Some("2026-03-01".to_owned()), ..SourcePolicy::default() };
        assert!(policy.is_too_old("2026-02-28") && !policy.is_too_old("2026-03-01"));
        assert!(!SourcePolicy::default().is_too_old("1999-01-01"));
    }

    #[test]
    fn a_policy_that_was_kept_is_read_back() {
        let policy = SourcePolicy { after_date: Some("2026-03-01".to_owned()), ..only("example.org/a") };
        let kept = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<SourcePolicy>(&kept).unwrap(), policy);
        assert_eq!(serde_json::from_str::<SourcePolicy>("{}").unwrap(), SourcePolicy::default());
    }
}
