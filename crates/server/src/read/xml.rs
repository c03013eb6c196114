//! XML of any kind: elements that hold only text are `name: text` of what they stand in, and attributes are of what has
//! them; where text and elements are mixed, it is prose.
//!
//! Entities are not expanded beyond the five that XML has, and nothing outside is ever looked at.

use encoding_rs::Encoding;

use super::{Reading, Reason, html};

/// Elements nested deeper than this are no document.
const DEEPEST: usize = 200;

/// A piece of an XML text.
#[derive(Debug, PartialEq)]
pub(super) enum Event<'a> {
    /// An element begins: its name without a prefix, and its attributes as they are written.
    Open {
        name: &'a str,
        attributes: &'a str,
    },
    Close,
    Text(String),
}

/// The encoding in `<?xml version="1.0" encoding="…"?>`.
pub(super) fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]);
    let (_, rest) = head.split_once("encoding=")?;
    Encoding::for_label(rest.trim_start_matches(['"', '\'']).split(['"', '\'']).next()?.as_bytes())
}

/// Reads a document.
pub(super) fn read(text: &str) -> Result<Reading, Reason> {
    let mut reader = Reader::default();
    for event in Events::of(text) {
        match event {
            Event::Open { name, attributes } if reader.open.len() < DEEPEST => reader.open(name, attributes),
            Event::Open { .. } => return Err("its elements are nested too deep".to_owned()),
            Event::Text(text) => reader.text(&text),
            Event::Close => reader.close(),
        }
    }
    // What was not closed is not lost.
    while !reader.open.is_empty() {
        reader.close();
    }
    Ok(Reading::one(reader.title, None, reader.out))
}

#[derive(Default)]
struct Reader {
    open: Vec<Element>,
    title: String,
    out: String,
}

#[derive(Default)]
struct Element {
    name: String,
    text: String,
    /// Some of the text is its own, and not that of an element in it.
    own: bool,
    children: usize,
    /// What its attributes say.
    attributes: Vec<(String, String)>,
    pairs: Vec<String>,
}

impl Element {
    /// Whether text stands beside elements.
    fn is_mixed(&self) -> bool {
        self.own && self.children > 0
    }
}

impl Reader {
    fn open(&mut self, name: &str, attributes: &str) {
        if let Some(above) = self.open.last_mut() {
            above.children += 1;
        }
        let attributes = said(attributes);
        self.open.push(Element { name: name.to_owned(), attributes, ..Element::default() });
    }

    fn text(&mut self, text: &str) {
        if let Some(element) = self.open.last_mut() {
            element.own |= !text.trim().is_empty();
            element.text.push_str(text);
        }
    }

    fn close(&mut self) {
        let Some(element) = self.open.pop() else { return };
        let is_leaf = element.children == 0;
        let words = if is_leaf || element.is_mixed() { plain(&element.text) } else { String::new() };
        if words.is_empty() {
            // What has no words and stands in prose is a picture or a mark: its attributes are not for reading.
            let in_prose = self.open.last().is_some_and(|above| above.own);
            let own = element.attributes.iter().filter(|_| !in_prose).map(|(name, value)| format!("{name}: {value}"));
            self.paragraph(&own.chain(element.pairs).collect::<Vec<_>>().join("; "));
            return;
        }
        if self.title.is_empty() && element.name.eq_ignore_ascii_case("title") {
            self.title.clone_from(&words);
        }
        let prose = !is_leaf || words.len() > 200;
        match self.open.last_mut() {
            Some(above) if above.is_mixed() => {
                above.text.push(' ');
                above.text.push_str(&words);
            }
            Some(above) if !prose => {
                // Until it is known whether it stands in prose, it is kept as both.
                let name = spoken(&element.name);
                above.pairs.push(format!("{name}: {words}"));
                let more = element.attributes.iter().map(|(attribute, value)| format!("{name} {attribute}: {value}"));
                above.pairs.extend(more);
                above.text.push_str(&words);
                above.text.push(' ');
            }
            _ => self.paragraph(&words),
        }
    }

    fn paragraph(&mut self, text: &str) {
        if !text.is_empty() {
            self.out.push_str(text);
            self.out.push_str("\n\n");
        }
    }
}

/// The attributes that say something, as they are spoken; those of XML itself do not.
fn said(attributes: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = attributes;
    while let Some((name, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let Some(quote) = after.chars().next().filter(|c| matches!(c, '"' | '\'')) else { break };
        let Some((value, behind)) = after[1..].split_once(quote) else { break };
        rest = behind;
        let (name, value) = (name.trim(), unescaped(value).split_whitespace().collect::<Vec<_>>().join(" "));
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        if !value.is_empty() && local != "xmlns" && !matches!(prefix, "xmlns" | "xml" | "xsi") {
            found.push((spoken(local), value));
        }
    }
    found
}

/// Text in one line; feeds carry HTML in it.
fn plain(text: &str) -> String {
    let text = if text.contains("</") || text.contains("<p>") || text.contains("<br") {
        html::plain(text)
    } else {
        text.to_owned()
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `launchDate` and `launch_date` are `launch date`.
fn spoken(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c == '_' || c == '-' {
            out.push(' ');
        } else if c.is_uppercase() && out.ends_with(char::is_lowercase) {
            out.push(' ');
            out.extend(c.to_lowercase());
        } else {
            out.push(c);
        }
    }
    out
}

/// Cuts an XML text into its pieces. Whatever is broken is taken for text or left out.
pub(super) struct Events<'a> {
    rest: &'a str,
    /// An element that closed itself has still to be closed.
    owes_close: bool,
}

impl<'a> Events<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { rest: text, owes_close: false }
    }

    /// What stands before the mark, and goes on behind it; to the end when there is none.
    fn until(&mut self, mark: &str) -> &'a str {
        let (before, after) = self.rest.split_once(mark).unwrap_or((self.rest, ""));
        self.rest = after;
        before
    }

    fn declaration(&mut self) {
        let inside = self.rest.find('[').is_some_and(|open| self.rest.find('>').is_some_and(|close| open < close));
        if inside {
            self.until("]");
        }
        self.until(">");
    }

    fn element(&mut self) -> Event<'a> {
        let whole = self.until(">");
        if whole.starts_with('/') {
            return Event::Close;
        }
        let (whole, empty) = whole.strip_suffix('/').map_or((whole, false), |whole| (whole, true));
        self.owes_close = empty;
        let (name, attributes) = whole.split_once(char::is_whitespace).unwrap_or((whole, ""));
        Event::Open { name: name.rsplit(':').next().unwrap_or(name), attributes }
    }
}

impl<'a> Iterator for Events<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        if std::mem::take(&mut self.owes_close) {
            return Some(Event::Close);
        }
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let Some(markup) = self.rest.strip_prefix('<') else {
                let end = self.rest.find('<').unwrap_or(self.rest.len());
                let (text, rest) = self.rest.split_at(end);
                self.rest = rest;
                return Some(Event::Text(unescaped(text)));
            };
            self.rest = markup;
            if let Some(rest) = markup.strip_prefix("![CDATA[") {
                self.rest = rest;
                return Some(Event::Text(self.until("]]>").to_owned()));
            }
            match markup.as_bytes().first() {
                Some(b'!') if markup.starts_with("!--") => drop(self.until("-->")),
                Some(b'!') => self.declaration(),
                Some(b'?') => drop(self.until("?>")),
                _ => return Some(self.element()),
            }
        }
    }
}

/// Text with the five entities of XML and numbered characters in place.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let named = after.split_once(';').filter(|(name, _)| name.len() <= 8);
        if let Some((c, behind)) = named.and_then(|(name, behind)| Some((character(name)?, behind))) {
            out.push(c);
            rest = behind;
        } else {
            out.push('&');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

fn character(name: &str) -> Option<char> {
    let number = |digits: &str, base| u32::from_str_radix(digits, base).ok().and_then(char::from_u32);
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => match name.strip_prefix("#x").or_else(|| name.strip_prefix("#X")) {
            Some(digits) => number(digits, 16),
            None => number(name.strip_prefix('#')?, 10),
        },
    }
    .filter(|c| !c.is_control() || c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::super::tests::text_of;

    #[test]
    fn elements_with_only_text_are_values_of_what_they_stand_in() {
        let xml = "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY x \"y\">]><probes><!-- no --><probe id='1'><name>Zelkova &amp; Co</name><launchDate>2019</launchDate><empty/></probe></probes>";
        assert_eq!(text_of("a.xml", xml.as_bytes()).unwrap().body, "id: 1; name: Zelkova & Co; launch date: 2019\n\n");
    }

    #[test]
    fn attributes_are_read_but_for_those_of_xml_itself() {
        let xml = "<a xmlns='urn:x' xml:lang='en'><city name='Oslo' postalCode='0150'/>\
                   <city name='Bergen &amp; co'><people year='2020'>290000</people></city><p>No <img src='x'/> prose.</p></a>";
        assert_eq!(
            text_of("a.xml", xml.as_bytes()).unwrap().body,
            "name: Oslo; postal code: 0150\n\nname: Bergen & co; people: 290000; people year: 2020\n\nNo prose.\n\n"
        );
    }

    #[test]
    fn prose_stays_prose() {
        let xml = "<book><title>The Probe</title><para>It was built by <b>Anna Larch</b> in Oslo.</para></book>";
        let text = text_of("a.xml", xml.as_bytes()).unwrap();
        assert_eq!(text.title, "The Probe");
        assert_eq!(text.body, "It was built by Anna Larch in Oslo.\n\ntitle: The Probe\n\n");
    }

    #[test]
    fn broken_xml_is_read_as_far_as_it_goes() {
        assert_eq!(
            text_of("a.xml", b"<a><b>one</b><b>two &lt; three &unknown; ").unwrap().body,
            "b: one; b: two < three &unknown;\n\n"
        );
        assert!(text_of("a.xml", "<a>".repeat(5000).as_bytes()).unwrap_err().contains("nested too deep"));
    }
}
