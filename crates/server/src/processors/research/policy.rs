//! Which documents a task may use.

use legwork_core::task::SourcePolicy;

use super::document::Document;

/// Whether the policy allows the document.
pub(super) fn allows(policy: &SourcePolicy, document: &Document, edition: &str) -> bool {
    let host = document.host.as_deref();
    let path = document.url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    let listed = |list: &[String]| host.is_some_and(|host| list.iter().any(|entry| matches(entry, host, path)));
    if is_older(policy, document, edition) {
        return false;
    }
    if policy.include_domains.is_empty() { !listed(&policy.exclude_domains) } else { listed(&policy.include_domains) }
}

/// The Factbook is as old as its edition; how old the operator's documents are is not known.
fn is_older(policy: &SourcePolicy, document: &Document, edition: &str) -> bool {
    let after = policy.after_date.as_deref().and_then(|date| date.get(..4));
    document.entity.is_some() && after.is_some_and(|year| year > edition)
}

/// `example.org`, `.gov` or `example.org/docs` against a host and its path; an apex covers its subdomains.
fn matches(entry: &str, host: &str, path: &str) -> bool {
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

    #[test]
    fn an_apex_covers_its_subdomains_and_nothing_else() {
        assert!(matches("example.org", "docs.example.org", ""));
        assert!(matches(".gov", "www.cia.gov", "x"));
        assert!(!matches("example.org", "badexample.org", ""));
    }

    #[test]
    fn a_path_matches_at_whole_segments() {
        assert!(matches("example.org/docs/", "example.org", "docs/a"));
        assert!(!matches("example.org/docs", "example.org", "docs2"));
    }
}
