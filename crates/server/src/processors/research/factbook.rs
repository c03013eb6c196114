//! The built-in corpus: the CIA World Factbook (public domain), packed into the binary.
//!
//! The file is made by `tools/factbook.py`. Each entity becomes one document in which every field stands on a line of
//! its own, with its country and label, so that an excerpt can be read by itself.

use std::io::Read as _;

use flate2::read::GzDecoder;
use serde::Deserialize;

use super::document::{Document, FieldRange, Passage, percent_encoded};
use crate::source::hash_of;

/// The name under which the Factbook stands in addresses and answers.
pub const FACTBOOK: &str = "factbook";

static PACKED: &[u8] = include_bytes!("data/factbook.jsonl.gz");

/// The unpacked Factbook.
pub(super) struct Factbook {
    /// The year the data was published for.
    pub(super) edition: String,
    pub(super) documents: Vec<Document>,
}

#[derive(Deserialize)]
struct Head {
    edition: String,
}

#[derive(Deserialize)]
struct Row {
    path: String,
    name: String,
    fields: Vec<(String, String, String)>,
}

/// Unpacks the Factbook. The packed file is part of the binary and is read in a test, so it cannot be damaged here.
pub(super) fn unpack() -> Factbook {
    let mut text = String::new();
    GzDecoder::new(PACKED).read_to_string(&mut text).expect("the embedded Factbook unpacks; a test reads it");
    let mut lines = text.lines();
    let head: Head = parsed(lines.next().unwrap_or_default());
    Factbook { edition: head.edition, documents: lines.map(|line| document(&parsed(line))).collect() }
}

fn parsed<T: for<'a> Deserialize<'a>>(line: &str) -> T {
    serde_json::from_str(line).expect("the embedded Factbook has one shape; a test reads it")
}

fn document(row: &Row) -> Document {
    let mut text = String::new();
    let passages: Vec<Passage> = row.fields.iter().map(|field| line(&mut text, &row.name, field)).collect();
    Document {
        hash: hash_of(&text),
        corpus: FACTBOOK.to_owned(),
        url: format!("corpus:{FACTBOOK}/{}", percent_encoded(&row.path)),
        host: None,
        title: format!("{} – The World Factbook", row.name),
        text: text.into(),
        read_at: None,
        published: None,
        entity: Some(row.name.clone()),
        passages: passages.into(),
    }
}

/// Appends `Mongolia – Capital – name: Ulaanbaatar` and says where its parts stand.
fn line(text: &mut String, name: &str, (label, sub, value): &(String, String, String)) -> Passage {
    let mut put = |part: &str| {
        let start = text.len();
        text.push_str(part);
        start..text.len()
    };
    let start = put(name).start;
    put(" – ");
    let label = put(label);
    put(if sub.is_empty() { "" } else { " – " });
    let sub = put(sub);
    put(": ");
    let value = put(value);
    let range = start..value.end;
    put("\n");
    Passage { range, field: Some(FieldRange { label, sub, value }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entity_unpacks_and_every_field_reads_by_itself() {
        let factbook = unpack();
        assert_eq!(factbook.documents.len(), 256);
        assert_eq!(factbook.edition, "2025");
        let mongolia = factbook.documents.iter().find(|d| d.entity.as_deref() == Some("Mongolia")).unwrap();
        let capital = mongolia.find("Capital", "name").unwrap();
        assert_eq!(mongolia.slice(&capital.passage.range), "Mongolia – Capital – name: Ulaanbaatar");
        assert_eq!(mongolia.url, "corpus:factbook/east-n-southeast-asia/mongolia");
    }

    #[test]
    fn no_field_holds_markup() {
        for document in unpack().documents {
            for junk in ["<br", "<p>", "</", "&nbsp;", "&amp;", "++", "  "] {
                assert!(!document.text.contains(junk), "{junk:?} in {}", document.url);
            }
        }
    }
}
