//! Markdown and plain text: the title stands in a head between two lines of `---`, or in the first heading.

use super::unwrap::unwrapped;
use super::{Kind, Reading};

/// How far down a first heading may stand.
const HEAD: usize = 40;

/// Reads a text.
pub(super) fn read(text: &str, kind: Kind) -> Reading {
    let (head, body) = front_matter(text);
    let head_title = head.and_then(|head| value_of(head, "title"));
    let url = head.and_then(|head| value_of(head, "url")).map(str::to_owned);
    let title = head_title.map(str::to_owned).or_else(|| heading(body, kind)).unwrap_or_default();
    let mut body = unwrapped(body, false);
    let facts = head.map(facts).unwrap_or_default();
    if !facts.is_empty() {
        // Below the text, so that it is still what the document begins with.
        body.truncate(body.trim_end().len());
        body.push_str("\n\n");
        body.push_str(&facts);
    }
    Reading::one(title, url, body)
}

/// Splits off a head between two lines of `---`.
fn front_matter(text: &str) -> (Option<&str>, &str) {
    let Some(rest) = text.strip_prefix("---\n") else { return (None, text) };
    match rest.split_once("\n---\n") {
        Some((head, body)) => (Some(head), body),
        None => (None, text),
    }
}

/// What a head says beside the title and the address: a line for each key, with lists in it.
fn facts(head: &str) -> String {
    let mut facts: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in head.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let key = line.split_once(':').filter(|(key, _)| !key.starts_with([' ', '\t', '-']));
        let (values, value) = match (key, facts.last_mut()) {
            (Some((key, value)), _) => {
                facts.push((key.trim(), Vec::new()));
                (facts.last_mut().map(|(_, values)| values), value)
            }
            (None, last) => (last.map(|(_, values)| values), line.trim_start().trim_start_matches("- ")),
        };
        let value = value.trim().trim_matches(['"', '\'', '[', ']', '|', '>']).trim();
        if let Some(values) = values.filter(|_| !value.is_empty()) {
            values.push(value);
        }
    }
    let told = |key: &str| matches!(key, "title" | "url");
    let said = facts.iter().filter(|(key, values)| !told(key) && !values.is_empty());
    said.fold(String::new(), |lines, (key, values)| lines + &key.replace('_', " ") + ": " + &values.join(", ") + "\n")
}

/// `key: value` in a head, without quotes around the value.
fn value_of<'a>(head: &'a str, key: &str) -> Option<&'a str> {
    let line = head.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    Some(line.trim().trim_matches(['"', '\''])).filter(|value| !value.is_empty())
}

/// `# Title`, `= Title`, `#+TITLE: Title`, or a line that is underlined with `===`.
fn heading(body: &str, kind: Kind) -> Option<String> {
    let mut lines = body.lines().take(HEAD).peekable();
    while let Some(line) = lines.next() {
        let named = line.strip_prefix("# ").or_else(|| line.strip_prefix("= ").filter(|_| kind == Kind::Text));
        let named = named.or_else(|| line.strip_prefix("#+TITLE:").or_else(|| line.strip_prefix("#+title:")));
        let below = lines.peek().is_some_and(|next| is_underline(next, line));
        if let Some(title) = named.or(below.then_some(line)).map(str::trim).filter(|title| !title.is_empty()) {
            return Some(title.trim_end_matches([' ', '#', '=']).to_owned());
        }
    }
    None
}

fn is_underline(line: &str, above: &str) -> bool {
    let line = line.trim_end();
    let long = line.len() >= 3 && line.len() * 2 >= above.trim().len();
    long && !above.trim().is_empty() && line.chars().all(|c| c == '=') && above.chars().any(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::super::tests::text_of;

    #[test]
    fn a_title_is_found_where_the_format_has_it() {
        for (name, text) in [
            ("a.md", "---\ntitle: \"The Title\"\nurl: https://example.org/t\n---\n# Other\n\nText."),
            ("a.md", "Badge\n\n# The Title #\n\nText."),
            ("a.rst", "The Title\n=========\n\nText."),
            ("a.rst", "=========\nThe Title\n=========\n\nText."),
            ("a.org", "#+TITLE: The Title\n\nText."),
            ("a.adoc", "= The Title\n\nText."),
        ] {
            assert_eq!(text_of(name, text.as_bytes()).unwrap().title, "The Title", "{text}");
        }
    }

    #[test]
    fn what_a_head_says_beside_the_title_is_read_below_the_text() {
        let head = "title: T\nauthor: \"Mara Quill\"\nfirst_seen: 2019\ntags:\n  - bridges\n  - dams\nempty:\n# a note";
        let text = text_of("a.md", format!("---\n{head}\n---\nBody.\n").as_bytes()).unwrap();
        assert_eq!(text.body, "Body.\n\nauthor: Mara Quill\nfirst seen: 2019\ntags: bridges, dams\n");
    }

    #[test]
    fn a_head_is_not_part_of_the_text() {
        let text = text_of("a.md", b"---\ntitle: T\nurl: https://example.org/t\n---\nBody.\n").unwrap();
        assert_eq!((text.body.as_str(), text.url.as_deref()), ("Body.\n", Some("https://example.org/t")));
    }
}
