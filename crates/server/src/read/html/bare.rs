//! Pages as their bare tags and words: how deep one is nested, and its text where it is too large or too deep to be
//! built as browsers do.

use dom_query::Document;

use super::super::Reading;
use super::Writer;
use super::hidden::{self, Names};

/// Elements without an end.
const EMPTY: [&str; 14] =
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"];
/// Elements whose end may be left out.
const ENDLESS: [&str; 12] = ["p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option", "colgroup"];
/// Elements that are opened again behind what closed around them, until they are closed themselves.
const FORMATTING: [&str; 14] =
    ["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];
/// Elements of a line, whose end closes nothing that is larger.
const INLINE: [&str; 14] =
    ["abbr", "bdi", "bdo", "cite", "data", "dfn", "kbd", "label", "mark", "q", "samp", "span", "sub", "sup"];
/// An end inside of these does not reach what is outside.
const CLOSED: [&str; 6] = ["table", "svg", "math", "template", "object", "button"];
/// Elements in which a tag that ends in `/>` is closed.
const DRAWN: [&str; 2] = ["svg", "math"];
/// Elements whose contents are no markup.
const RAW: [&str; 2] = ["script", "style"];
/// Elements whose words nobody reads.
const HIDDEN: [&str; 10] =
    ["svg", "noscript", "template", "select", "button", "textarea", "iframe", "nav", "footer", "aside"];

/// How deep a page is nested, at the most; it is not counted beyond `most`.
pub(super) fn depth(html: &str, most: usize) -> usize {
    let (mut open, mut deepest) = (Vec::<String>::new(), 0);
    for piece in Pieces::of(html) {
        match piece {
            Piece::Open { name, .. } if is(&EMPTY, &name) || is(&ENDLESS, &name) => {}
            Piece::Open { closed: true, .. } if open.iter().any(|above| is(&DRAWN, above)) => {}
            Piece::Open { name, .. } => open.push(name),
            Piece::Close(name) => close(&mut open, &name),
            Piece::Text(_) => {}
        }
        deepest = deepest.max(open.len());
        if deepest > most {
            break;
        }
    }
    deepest
}

/// Closes an element as browsers do, or leaves more open: then a page is taken for deeper than it is, never for less.
fn close(open: &mut Vec<String>, name: &str) {
    if is(&FORMATTING, name) {
        if let Some(at) = open.iter().rposition(|above| above == name) {
            open.remove(at);
        }
        return;
    }
    let inline = is(&INLINE, name);
    let stops = |above: &String| is(&CLOSED, above) || inline && !is(&INLINE, above) && !is(&FORMATTING, above);
    let reached = open.iter().rposition(|above| above == name || stops(above)).filter(|at| open[*at] == name);
    if let Some(at) = reached {
        let kept: Vec<String> = open.drain(at..).filter(|above| is(&FORMATTING, above)).collect();
        open.extend(kept);
    }
}

/// The words between the tags, with breaks where a browser makes them.
pub(super) fn read(html: &str) -> Reading {
    let (mut title, mut in_title) = (String::new(), false);
    let mut writer = Writer::default();
    let names = Names::of(&styles(html));
    // What is hidden, and how many of the same kind are open in it.
    let mut hidden: Option<(String, usize)> = None;
    for piece in Pieces::of(html) {
        if let Some((what, inside)) = &mut hidden {
            match &piece {
                // Where its own end is left out, it ends with the next of its kind, or with what it stands in.
                Piece::Open { name, .. } if is(&ENDLESS, what) && name == what => hidden = None,
                Piece::Close(name) if is(&ENDLESS, what) && name != what && !is_of_a_line(name) => hidden = None,
                Piece::Open { name, closed: false, .. } if name == what => *inside += 1,
                Piece::Close(name) if name == what && *inside > 0 => *inside -= 1,
                Piece::Close(name) if name == what => {
                    hidden = None;
                    continue;
                }
                Piece::Open { .. } | Piece::Close(_) | Piece::Text(_) => {}
            }
            if hidden.is_some() {
                continue;
            }
        }
        match piece {
            Piece::Open { name, closed, .. } if is(&HIDDEN, &name) => hidden = (!closed).then_some((name, 0)),
            Piece::Open { name, attributes, .. } if is_hidden(&name, attributes, &names) => hidden = Some((name, 0)),
            Piece::Open { name, .. } => {
                in_title = name == "title";
                writer.open(&name);
            }
            Piece::Close(name) => {
                in_title &= name != "title";
                writer.close(&name);
            }
            Piece::Text(text) if in_title => title.push_str(&decoded(text)),
            Piece::Text(text) => writer.text(&decoded(text)),
        }
    }
    Reading::one(title, None, writer.finished())
}

fn is_of_a_line(name: &str) -> bool {
    is(&INLINE, name) || is(&FORMATTING, name)
}

/// Whether an element that holds something is hidden; a page that is hidden as a whole is shown by its scripts.
fn is_hidden(name: &str, attributes: &str, names: &Names) -> bool {
    if attributes.is_empty() || is(&EMPTY, name) || matches!(name, "html" | "head" | "body") {
        return false;
    }
    let value = |wanted: &str| {
        let found = Attributes { rest: attributes }.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| decoded(value))
    };
    let (aria, style) = (value("aria-hidden"), value("style"));
    hidden::by_attributes(value("hidden").is_some(), aria.as_deref(), style.as_deref())
        || names.hide(value("class").as_deref(), value("id").as_deref())
}

/// What stands in a page's style elements.
fn styles(html: &str) -> String {
    let lower = html.to_ascii_lowercase();
    let starts = lower.match_indices("<style").map(|(at, _)| at);
    let inside = starts.filter_map(|at| {
        let from = at + lower[at..].find('>')? + 1;
        let to = lower[from..].find("</style").map_or(html.len(), |end| from + end);
        html.get(from..to)
    });
    inside.collect::<Vec<_>>().join("\n")
}

/// The attributes in a tag, with their values as they are written.
struct Attributes<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() {
            return None;
        }
        let end = match rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | '/')) {
            // An `=` without a name before it is one.
            Some(0) => 1,
            Some(end) => end,
            None => rest.len(),
        };
        let (name, behind) = rest.split_at(end);
        let Some(value) = behind.trim_start().strip_prefix('=').map(str::trim_start) else {
            self.rest = behind;
            return Some((name, ""));
        };
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, rest) = match quote {
            Some(quote) => value[1..].split_once(quote).unwrap_or((&value[1..], "")),
            None => value.split_at(value.find(char::is_whitespace).unwrap_or(value.len())),
        };
        self.rest = rest;
        Some((name, value))
    }
}

/// Text with its entities in place.
fn decoded(text: &str) -> String {
    // There is no tag in it, so that nothing but its entities is looked at.
    if text.contains('&') { Document::fragment(text).root().text().to_string() } else { text.to_owned() }
}

fn is(names: &[&str], name: &str) -> bool {
    names.contains(&name)
}

/// A piece of a page. Names are in lower case.
enum Piece<'a> {
    Open {
        name: String,
        /// What follows its name, as it is written.
        attributes: &'a str,
        /// It ends in `/>`.
        closed: bool,
    },
    Close(String),
    Text(&'a str),
}

/// Cuts a page into its pieces, without comments, scripts and styles.
struct Pieces<'a> {
    rest: &'a str,
}

impl<'a> Pieces<'a> {
    fn of(html: &'a str) -> Self {
        Self { rest: html }
    }

    /// Goes on behind the mark, or to the end when there is none; gives what stands before it.
    fn until(&mut self, mark: &str) -> &'a str {
        let (before, after) = self.rest.split_once(mark).unwrap_or((self.rest, ""));
        self.rest = after;
        before
    }

    fn tag(&mut self) -> Piece<'a> {
        let closes = self.rest.starts_with("</");
        let inner = &self.rest[1 + usize::from(closes)..];
        let end = end_of_tag(inner);
        let whole = &inner[..end];
        self.rest = inner[end..].strip_prefix('>').unwrap_or("");
        let end = whole.find(|c: char| c.is_whitespace() || c == '/').unwrap_or(whole.len());
        let (name, attributes) = (whole[..end].to_ascii_lowercase(), &whole[end..]);
        if closes {
            return Piece::Close(name);
        }
        let closed = whole.ends_with('/');
        if is(&RAW, &name) {
            self.skip_raw(&name);
        }
        Piece::Open { name, attributes, closed }
    }

    /// Goes on at the end tag of a script or a style.
    fn skip_raw(&mut self, name: &str) {
        let ends = |rest: &str| {
            rest.get(2..2 + name.len()).is_some_and(|end| end.eq_ignore_ascii_case(name)) && rest.starts_with("</")
        };
        let end = self.rest.match_indices("</").find(|(at, _)| ends(&self.rest[*at..]));
        self.rest = end.map_or("", |(at, _)| &self.rest[at..]);
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            if !is_markup(self.rest) {
                let mut marks = self.rest.match_indices('<').map(|(at, _)| at);
                let end = marks.find(|at| is_markup(&self.rest[*at..])).unwrap_or(self.rest.len());
                let (text, rest) = self.rest.split_at(end);
                self.rest = rest;
                return Some(Piece::Text(text));
            }
            match self.rest.as_bytes().get(1) {
                Some(b'!') if self.rest.starts_with("<!--") => drop(self.until("-->")),
                Some(b'!' | b'?') => drop(self.until(">")),
                _ => return Some(self.tag()),
            }
        }
    }
}

/// Whether a tag, a comment or a declaration begins here.
fn is_markup(rest: &str) -> bool {
    match rest.as_bytes() {
        [b'<', b'/', c, ..] => c.is_ascii_alphabetic(),
        [b'<', c, ..] => c.is_ascii_alphabetic() || matches!(c, b'!' | b'?'),
        _ => false,
    }
}

/// Where the `>` of a tag is; one in the quotes of a value is none.
fn end_of_tag(inner: &str) -> usize {
    let (mut quote, mut before) = (None, b' ');
    for (at, byte) in inner.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return at,
            (None, b'"' | b'\'') if before == b'=' => quote = Some(byte),
            (Some(open), byte) if byte == open => quote = None,
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            before = byte;
        }
    }
    // A quote that is never closed was none.
    inner.find('>').unwrap_or(inner.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_looks_like_a_tag_is_no_depth() {
        let script = format!("<script>{}</script>", "if (a <b && c) x = '<div>';".repeat(600));
        let drawn = format!("<svg>{}</svg>", "<path d='M0 0'/>".repeat(600));
        let page = format!("<div>{script}<!-- {} --><style>a<b {{}}</style>{drawn}</div>", "<p><div>".repeat(600));
        assert_eq!(depth(&page, 1000), 2);
        assert_eq!(depth(&"<p><span class='a>b'>x</span>".repeat(900), 1000), 1);
    }

    #[test]
    fn a_page_is_never_taken_for_less_deep_than_it_is() {
        for deep in [
            "<div>",
            "<div/>",
            "<b><div></b>",
            "<span><div></span>",
            "<div><b></div>",
            "<svg><g>",
            "<div><table></div>",
        ] {
            assert!(depth(&deep.repeat(600), 500) > 500, "{deep}");
        }
    }

    #[test]
    fn what_is_hidden_ends_where_it_does_for_browsers() {
        let html = "<style>.x { display: none }</style><p hidden>Secret <b>one</b>.<p>Seen one. <ul><li class='a x'>Secret\
                    <li>Seen two.</ul><div HIDDEN id=a>Secret <div>two</div> Secret</div>Seen three. <br hidden>\
                    <i style='font-size:0'>Secret</i><span data-hidden=no title='hidden'>Seen four.</span>\
                    <div><p aria-hidden=\"true\">Secret</div>Seen five.";
        let body = &read(html).texts[0].body;
        assert!(!body.contains("Secret"), "{body}");
        assert_eq!(body.matches("Seen").count(), 5, "{body}");
    }

    #[test]
    fn a_sentence_stays_whole_and_what_nobody_reads_stays_out() {
        let html = "<TITLE>A &amp; B</TITLE><nav>Menu <b>Subscribe.</b></nav><script>if (a</b>c) '<p>x</p>'</SCRIPT>\
                    <p>The <b>Grobnik</b> dam was designed by <a href='x>y'>Zo&euml; M&#252;ller</a>,\nwho was 5 < 6.<p>Next.";
        let reading = read(html);
        assert_eq!(reading.texts[0].title, "A & B");
        assert_eq!(reading.texts[0].body, "The Grobnik dam was designed by Zoë Müller, who was 5 < 6.\n\nNext.\n");
    }
}
