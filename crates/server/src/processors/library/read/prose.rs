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
    Reading::one(title, url, unwrapped(body, false))
}

/// Splits off a head between two lines of `---`.
fn front_matter(text: &str) -> (Option<&str>, &str) {
    let Some(rest) = text.strip_prefix("---\n") else { return (None, text) };
    match rest.split_once("\n---\n") {
        Some((head, body)) => (Some(head), body),
        None => (None, text),
    }
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
    fn a_head_is_not_part_of_the_text() {
        let text = text_of("a.md", b"---\ntitle: T\nurl: https://example.org/t\n---\nBody.\n").unwrap();
        assert_eq!((text.body.as_str(), text.url.as_deref()), ("Body.\n", Some("https://example.org/t")));
    }
}
