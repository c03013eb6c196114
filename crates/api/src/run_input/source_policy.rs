//! Which sources a task may use (wire.md 2.7).

use legwork_core::task::SourcePolicy;
use legwork_core::time::Micros;
use serde_json::value::RawValue;
use url::Host;

use crate::findings::{At, Findings};
use crate::json::Members;

/// How many entries both lists may have together.
const MAX_DOMAINS: usize = 200;

/// The policy with its entries in their normal form, so that they can be compared as text.
pub(super) fn read(raw: Option<&RawValue>, found: &mut Findings) -> SourcePolicy {
    let at = At::Body.key("source_policy");
    let Some(members) = raw.and_then(|raw| found.object(&at, raw)) else { return SourcePolicy::default() };
    let policy = SourcePolicy {
        include_domains: domains(&at, "include_domains", &members, found),
        exclude_domains: domains(&at, "exclude_domains", &members, found),
        after_date: members.get("after_date").and_then(|raw| date(&at.key("after_date"), raw, found)),
    };
    let count = policy.include_domains.len() + policy.exclude_domains.len();
    if count > MAX_DOMAINS {
        let message = format!("has {count} domains; at most {MAX_DOMAINS} are allowed, both lists together");
        found.wrong(&at, "too_long", message);
    }
    policy
}

fn domains(at: &At<'_>, key: &str, members: &Members<'_>, found: &mut Findings) -> Vec<String> {
    let at = at.key(key);
    let Some(entries) = members.get(key).and_then(|raw| found.texts(&at, raw)) else { return Vec::new() };
    let mut read = Vec::with_capacity(entries.len());
    for (i, entry) in entries.iter().enumerate() {
        match normal(entry) {
            Ok(domain) => read.push(domain),
            Err(why) => found.wrong(&at.index(i), "value_error", why),
        }
    }
    read
}

/// `Example.COM./a/../b/` is `example.com/b`; `.gov` is `gov`, which covers every domain that ends in it.
fn normal(entry: &str) -> Result<String, &'static str> {
    if entry.contains("://") {
        return Err("is a URL; write its domain without `https://`, for example `example.com`");
    }
    if entry.starts_with("*.") {
        return Err("has a wildcard; write `example.com`, which covers its subdomains");
    }
    if entry.contains([':', '?', '#', '@', '\\']) || entry.contains(char::is_whitespace) {
        return Err("must be a domain or `domain/path`, without port, query or spaces");
    }
    let (domain, path) = entry.split_once('/').unwrap_or((entry, ""));
    let domain = domain.strip_prefix('.').unwrap_or(domain);
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    match Host::parse(domain) {
        Ok(host) => Ok(format!("{host}{}", normal_path(path))),
        Err(_) => Err("is no domain"),
    }
}

/// Resolves dot segments and drops empty ones at the end. Case and percent signs stay as they are.
fn normal_path(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    let path = segments.join("/");
    let path = path.trim_end_matches('/');
    if path.is_empty() { String::new() } else { format!("/{path}") }
}

fn date(at: &At<'_>, raw: &RawValue, found: &mut Findings) -> Option<String> {
    let text = found.text(at, raw)?;
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(i, byte)| match i {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !shape || Micros::parse_rfc3339(&format!("{text}T00:00:00Z")).is_none() {
        return found.refuse(at, "date_parsing", "is no date: `YYYY-MM-DD` was expected");
    }
    Some(text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_one_spelling() {
        for (given, normal_form) in [
            ("example.com", "example.com"),
            ("Example.COM.", "example.com"),
            (".gov", "gov"),
            (".co.uk", "co.uk"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("example.org/A/b/", "example.org/A/b"),
            ("example.org/a/./c/../b//", "example.org/a/b"),
            ("example.org/../..", "example.org"),
            ("example.org/a%2Fb", "example.org/a%2Fb"),
        ] {
            assert_eq!(normal(given).as_deref(), Ok(normal_form), "{given}");
        }
    }

    #[test]
    fn what_is_more_than_a_domain_and_a_path_is_refused() {
        for odd in ["", ".", "https://a.example", "*.a.example", "a.example:80", "a.example?q", "a b", "u@a.example"] {
            assert!(normal(odd).is_err(), "{odd}");
        }
    }
}
