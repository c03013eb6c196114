//! Reads files of many kinds into texts, wherever they come from. Pure but for PDFs, which a child process reads.
//!
//! Nothing in a file can stop it: what cannot be read is told with its reason.

mod decode;
mod html;
mod kind;
mod office;
mod pdf;
mod prose;
mod records;
mod table;
mod unwrap;
mod xml;

use std::panic::{AssertUnwindSafe, catch_unwind};

use encoding_rs::Encoding;

pub(crate) use self::kind::{Kind, LARGEST};
pub(crate) use self::pdf::Helper;
#[cfg(test)]
pub(crate) use self::pdf::tests as pdf_tests;
pub use self::pdf::{PDF_VERB, read_pdf};

/// What decides what is read of a file: who keeps readings makes them anew when one of these has changed.
pub(crate) const SOURCES: &[&str] = &[
    include_str!("mod.rs"),
    include_str!("kind.rs"),
    include_str!("decode.rs"),
    include_str!("unwrap.rs"),
    include_str!("prose.rs"),
    include_str!("html.rs"),
    include_str!("html/about.rs"),
    include_str!("html/bare.rs"),
    include_str!("html/cells.rs"),
    include_str!("html/hidden.rs"),
    include_str!("html/style.rs"),
    include_str!("table.rs"),
    include_str!("records.rs"),
    include_str!("xml.rs"),
    include_str!("office.rs"),
    include_str!("office/archive.rs"),
    include_str!("pdf.rs"),
];
/// Texts beyond this many bytes are not taken from one file.
const MOST: usize = 24 << 20;
/// How many parts of one file are told as left out one by one.
const TOLD: usize = 20;

/// Why a file cannot be read, for a person.
pub(crate) type Reason = String;

/// What was found in a file.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Reading {
    pub(crate) texts: Vec<Text>,
    /// Parts that were left out: where (`:7` is a line) and why.
    pub(crate) left_out: Vec<(String, Reason)>,
}

/// A text of its own.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Text {
    /// Which part of the file it is, when the file holds several.
    pub(crate) part: Option<String>,
    /// What it is called; empty when it does not say.
    pub(crate) title: String,
    /// Its own address, if it has one.
    pub(crate) url: Option<String>,
    pub(crate) body: String,
    /// What else it says of itself.
    pub(crate) about: About,
}

/// What a page says of itself beside its text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct About {
    /// When it was published: `YYYY-MM-DD`.
    pub(crate) published: Option<String>,
    /// It has to be paid for.
    pub(crate) paid: bool,
    /// All that is shown on it, when only an article was taken of it.
    pub(crate) whole: Option<String>,
    /// What its links are meant from, if that is not its own address.
    pub(crate) base: Option<String>,
    /// The links in its text: where they lead, and what they say.
    pub(crate) links: Vec<(String, String)>,
}

impl Reading {
    /// A file that is one text.
    fn one(title: impl Into<String>, url: Option<String>, body: String) -> Self {
        Self { texts: vec![Text { title: title.into(), url, body, ..Text::default() }], left_out: Vec::new() }
    }

    /// Leaves a part out. Of many only the first are told, and how many more there are.
    fn leave_out(&mut self, place: String, reason: impl Into<Reason>) {
        self.left_out.push((place, reason.into()));
    }

    fn shortened(mut self) -> Self {
        if self.left_out.len() > TOLD {
            let more = self.left_out.len() - TOLD;
            self.left_out.truncate(TOLD);
            self.left_out.push((String::new(), format!("{more} more parts were left out")));
        }
        self
    }
}

/// What is known of bytes before they are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given<'a> {
    /// What they are taken for.
    pub(crate) kind: Kind,
    /// What their file is called.
    pub(crate) name: &'a str,
    /// The encoding of the text, when somebody else names it.
    pub(crate) charset: Option<&'a str>,
}

/// Reads a file's bytes.
pub(crate) fn read(bytes: &[u8], given: Given<'_>, helper: &Helper) -> Result<Reading, Reason> {
    let Given { kind, name, charset } = given;
    if bytes.is_empty() {
        return Err("it is empty".to_owned());
    }
    let kind = kind.checked(bytes)?;
    // The libraries below are good, and files are worse.
    let read = catch_unwind(AssertUnwindSafe(|| by_kind(bytes, kind, name, charset, helper)));
    let mut reading = read.unwrap_or_else(|_| Err("the reader broke down on it".to_owned()))?.shortened();
    for text in &mut reading.texts {
        // What is written as an entity has not been seen before.
        text.body = decode::tidy(&text.body);
        text.title = decode::tidy(&text.title);
    }
    reading.texts.retain(|text| text.body.chars().any(char::is_alphanumeric));
    if reading.texts.is_empty() && reading.left_out.is_empty() {
        return Err(kind.nothing().to_owned());
    }
    for text in &mut reading.texts {
        text.title = titled(&text.title, name);
    }
    Ok(reading)
}

fn by_kind(bytes: &[u8], kind: Kind, name: &str, charset: Option<&str>, helper: &Helper) -> Result<Reading, Reason> {
    let named = charset.and_then(|charset| Encoding::for_label(charset.as_bytes()));
    let text = |declared| decode::text(bytes, named.or(declared));
    Ok(match kind {
        Kind::Markdown | Kind::Text => prose::read(&text(None)?, kind),
        Kind::Html => html::read(&text(html::declared(bytes))?),
        Kind::Pdf => pdf::read(bytes, helper)?,
        Kind::Csv => table::read(&text(None)?, None)?,
        Kind::Tsv => table::read(&text(None)?, Some(b'\t'))?,
        Kind::Json => records::read(&text(None)?)?,
        Kind::Lines => records::lines(&text(None)?, name),
        Kind::Xml => xml::read(&text(xml::declared(bytes))?)?,
        Kind::Office => office::read(bytes)?,
    })
}

/// A title in one line; the file's name without its ending when there is none.
fn titled(title: &str, name: &str) -> String {
    let line = title.split_whitespace().collect::<Vec<_>>().join(" ");
    if !line.is_empty() {
        return line.chars().take(300).collect();
    }
    name.rsplit_once('.').map_or(name, |(stem, _)| if stem.is_empty() { name } else { stem }).to_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The one text of a file, or why there is none.
    pub(crate) fn text_of(name: &str, bytes: &[u8]) -> Result<Text, Reason> {
        let kind = Kind::of(name).unwrap();
        let mut reading = read(bytes, Given { kind, name, charset: None }, &Helper::none())?;
        Ok(reading.texts.remove(0))
    }

    #[test]
    fn a_file_that_is_something_else_than_its_name_says_is_told_or_read_as_what_it_is() {
        let zip = b"PK\x03\x04\x14\x00\x00\x00";
        assert_eq!(text_of("a.pdf", zip).unwrap_err(), "it is no PDF but a ZIP archive");
        assert_eq!(text_of("a.txt", b"\x89PNG\r\n\x1a\n\0\0").unwrap_err(), "it is an image, not text");
        assert_eq!(text_of("a.md", b"abc\0\x01\x02\xff\xfe").unwrap_err(), "it looks binary");
        assert_eq!(text_of("a.txt", b"").unwrap_err(), "it is empty");
        assert_eq!(text_of("a.txt", b" \n\t ").unwrap_err(), "there is no text in it");
        let page = text_of("saved.pdf", b"<!DOCTYPE html><title>T</title><p>A page that was saved under a wrong name.")
            .unwrap();
        assert_eq!((page.title.as_str(), page.body.trim()), ("T", "A page that was saved under a wrong name."));
    }

    #[test]
    fn a_text_without_a_title_is_called_like_its_file() {
        assert_eq!(text_of("some notes.txt", b"Plain text.").unwrap().title, "some notes");
        assert_eq!(text_of("README", b"Plain text.").unwrap().title, "README");
    }
}
