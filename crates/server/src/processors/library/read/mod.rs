//! Reads files of many kinds into texts. Pure but for PDFs, which a child process reads.
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

pub(super) use self::kind::{Kind, LARGEST};
pub(super) use self::pdf::Helper;
pub use self::pdf::{PDF_VERB, read_pdf};

/// Texts beyond this many bytes are not taken from one file.
const MOST: usize = 24 << 20;
/// How many parts of one file are told as left out one by one.
const TOLD: usize = 20;

/// Why a file cannot be read, for a person.
pub(super) type Reason = String;

/// What was found in a file.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Reading {
    pub(super) texts: Vec<Text>,
    /// Parts that were left out: where (`:7` is a line) and why.
    pub(super) left_out: Vec<(String, Reason)>,
}

/// A text of its own.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Text {
    /// Which part of the file it is, when the file holds several.
    pub(super) part: Option<String>,
    /// What it is called; empty when it does not say.
    pub(super) title: String,
    /// Its own address, if it has one.
    pub(super) url: Option<String>,
    pub(super) body: String,
}

impl Reading {
    /// A file that is one text.
    fn one(title: impl Into<String>, url: Option<String>, body: String) -> Self {
        Self { texts: vec![Text { part: None, title: title.into(), url, body }], left_out: Vec::new() }
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

/// Reads a file's bytes; `name` is the file's name.
pub(super) fn read(bytes: &[u8], kind: Kind, name: &str, helper: &Helper) -> Result<Reading, Reason> {
    if bytes.is_empty() {
        return Err("it is empty".to_owned());
    }
    let kind = kind.checked(bytes)?;
    // The libraries below are good, and files are worse.
    let read = catch_unwind(AssertUnwindSafe(|| by_kind(bytes, kind, name, helper)));
    let mut reading = read.unwrap_or_else(|_| Err("the reader broke down on it".to_owned()))?.shortened();
    reading.texts.retain(|text| text.body.chars().any(char::is_alphanumeric));
    if reading.texts.is_empty() && reading.left_out.is_empty() {
        return Err(kind.nothing().to_owned());
    }
    for text in &mut reading.texts {
        text.title = titled(&text.title, name);
    }
    Ok(reading)
}

fn by_kind(bytes: &[u8], kind: Kind, name: &str, helper: &Helper) -> Result<Reading, Reason> {
    let text = |declared| decode::text(bytes, declared);
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
pub(super) mod tests {
    use super::*;

    /// The one text of a file, or why there is none.
    pub(super) fn text_of(name: &str, bytes: &[u8]) -> Result<Text, Reason> {
        let kind = Kind::of(name).unwrap();
        let mut reading = read(bytes, kind, name, &Helper::none())?;
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
