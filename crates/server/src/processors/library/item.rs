//! One file as it was read: its texts with their passages and words, or why there are none.

use std::fs::File;
use std::io::{self, Read as _};

use legwork_core::time::Micros;
use sha2::{Digest as _, Sha256};

use super::shelf::Known;
use super::walk::{Found, Stamp};
use crate::processors::research::{Bag, Document, Passage, host_of, passages};
use crate::read::{Given, Helper, LARGEST, Reason, Text, read};
use crate::source::hash_of;

/// A file that was read.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) path: String,
    pub(super) kind: &'static str,
    pub(super) stamp: Stamp,
    /// SHA-256 of its bytes; empty when they cannot be had.
    pub(super) digest: Vec<u8>,
    pub(super) read_at: Micros,
    /// Why the whole file was left out.
    pub(super) reason: Option<Reason>,
    /// Parts that were left out, each with its place in the file.
    pub(super) left_out: Vec<(String, Reason)>,
    pub(super) texts: Vec<Kept>,
}

/// A text with all that is worth keeping from one start to the next.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) part: Option<String>,
    pub(super) title: String,
    pub(super) url: Option<String>,
    pub(super) hash: String,
    pub(super) text: String,
    pub(super) passages: Vec<Passage>,
    pub(super) bag: Vec<u8>,
}

impl Item {
    /// Opens and reads a file. What has the digest that is known is not read again, and what can be opened as little
    /// as before is no news.
    pub(super) fn read(found: &Found, known: Option<&Known>, helper: &Helper, now: Micros) -> Read {
        let bytes = match bytes(found) {
            Ok(bytes) => bytes,
            Err(error) => {
                let reason = error.to_string();
                let old = known.is_some_and(|known| known.digest.is_empty() && known.reason.as_ref() == Some(&reason));
                return if old { Read::Same } else { Read::New(Self::skipped(found, Vec::new(), now, reason)) };
            }
        };
        let digest = Sha256::digest(&bytes).to_vec();
        if known.is_some_and(|known| known.digest == digest) {
            return Read::Same;
        }
        let name = found.path.rsplit('/').next().unwrap_or(&found.path);
        Read::New(match read(&bytes, Given { kind: found.kind, name, charset: None }, helper) {
            Err(reason) => Self::skipped(found, digest, now, reason),
            Ok(reading) => Self {
                texts: reading.texts.into_iter().map(Kept::of).collect(),
                left_out: reading.left_out,
                reason: None,
                ..Self::skipped(found, digest, now, String::new())
            },
        })
    }

    fn skipped(found: &Found, digest: Vec<u8>, read_at: Micros, reason: Reason) -> Self {
        Self {
            path: found.path.clone(),
            kind: found.kind.name(),
            stamp: found.stamp,
            digest,
            read_at,
            reason: Some(reason),
            left_out: Vec::new(),
            texts: Vec::new(),
        }
    }
}

/// What came of opening a file.
pub(super) enum Read {
    /// Its contents are what they were.
    Same,
    New(Item),
}

/// A file may have grown since it was looked at; nobody reads more than there may be.
fn bytes(found: &Found) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(found.stamp.size).unwrap_or(0));
    File::open(&found.full)?.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl Kept {
    fn of(text: Text) -> Self {
        let document = Document {
            hash: hash_of(&text.body),
            corpus: String::new(),
            url: String::new(),
            host: None,
            title: text.title,
            passages: passages(&text.body).into(),
            text: text.body.into(),
            read_at: None,
            published: None,
            entity: None,
        };
        let bag = Bag::of(&document).encoded();
        Self {
            part: text.part,
            title: document.title,
            // Only an address that others can open is one.
            url: text.url.filter(|url| host_of(url).is_some()),
            hash: document.hash,
            text: document.text.as_ref().to_owned(),
            passages: document.passages.to_vec(),
            bag,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::Kind;

    #[test]
    fn a_file_that_still_cannot_be_opened_is_no_news() {
        let home = tempfile::tempdir().unwrap();
        let full = home.path().join("a.md");
        let found = Found { path: "a.md".to_owned(), full, kind: Kind::Markdown, stamp: Stamp::default() };
        let read = |known: Option<&Known>| Item::read(&found, known, &Helper::none(), Micros(1));
        let Read::New(Item { stamp, digest, read_at, reason, .. }) = read(None) else { panic!("it is new") };
        let mut known = Known { id: 1, stamp, digest, read_at, reason };
        assert!(matches!(read(Some(&known)), Read::Same));
        known.reason = Some("it was read by another program".to_owned());
        assert!(matches!(read(Some(&known)), Read::New(_)), "another reason is told");
        std::fs::write(&found.full, "Text.").unwrap();
        assert!(matches!(read(Some(&known)), Read::New(Item { reason: None, .. })), "now it can be opened");
    }
}
