//! A document: a stored text, where it came from, and its passages by exact byte range.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use legwork_core::time::Micros;

/// A text of the corpus. Excerpts are word for word in `text`. Cheap to clone: what is large is shared.
#[derive(Clone, Debug)]
pub struct Document {
    /// SHA-256 of the text, in lower-case hexadecimal.
    pub hash: String,
    /// The corpus it belongs to: `factbook` or the name of a directory.
    pub corpus: String,
    /// Its own address, or `corpus:NAME/relative/path`.
    pub url: String,
    /// The host of its own address; `None` when it has none.
    pub host: Option<String>,
    /// What it is called.
    pub title: String,
    /// The stored text.
    pub text: Arc<str>,
    /// When it was read from its file; `None` when it is part of this program.
    pub read_at: Option<Micros>,
    /// The day on which it was published, as `YYYY-MM-DD`, as far as it is known.
    pub(in crate::processors) published: Option<String>,
    /// What it is about, when it is an entity of the Factbook.
    pub(in crate::processors) entity: Option<String>,
    /// The units that are searched and cited.
    pub(in crate::processors) passages: Arc<[Passage]>,
}

/// A part of a document that can be cited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::processors) struct Passage {
    /// The whole passage.
    pub(in crate::processors) range: Range<usize>,
    /// Its parts, when it is a field of the Factbook.
    pub(in crate::processors) field: Option<FieldRange>,
}

/// The parts of a field's line: `Mongolia – Capital – name: Ulaanbaatar`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::processors) struct FieldRange {
    /// `Capital`.
    pub(super) label: Range<usize>,
    /// `name`; empty when the label has one value only.
    pub(super) sub: Range<usize>,
    /// `Ulaanbaatar`.
    pub(super) value: Range<usize>,
}

/// A field of a document, borrowed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub(super) document: &'a Document,
    pub(super) label: &'a str,
    pub(super) sub: &'a str,
    pub(super) value: &'a str,
    pub(super) passage: &'a Passage,
}

impl Document {
    /// The text of a passage.
    pub(super) fn slice(&self, range: &Range<usize>) -> &str {
        &self.text[range.clone()]
    }

    /// The fields in their order; none for a document that is not of the Factbook.
    pub(super) fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        self.passages.iter().filter_map(|passage| self.field(passage))
    }

    /// The passage as a field, if it is one.
    pub(super) fn field<'a>(&'a self, passage: &'a Passage) -> Option<Field<'a>> {
        let parts = passage.field.as_ref()?;
        Some(Field {
            document: self,
            label: self.slice(&parts.label),
            sub: self.slice(&parts.sub),
            value: self.slice(&parts.value),
            passage,
        })
    }

    /// The field under this label and sub-label.
    pub(super) fn find(&self, label: &str, sub: &str) -> Option<Field<'_>> {
        self.fields().find(|field| field.label == label && field.sub == sub)
    }
}

/// Escapes what may not stand in the path of an address.
pub(in crate::processors) fn percent_encoded(path: &str) -> String {
    path.bytes().fold(String::with_capacity(path.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// The host of an `http` or `https` address, in lower case.
pub(in crate::processors) fn host_of(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = host.split(':').next()?.trim_end_matches('.').to_lowercase();
    (!host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_escaped_for_an_address() {
        assert_eq!(percent_encoded("notes/São Tomé.md"), "notes/S%C3%A3o%20Tom%C3%A9.md");
    }

    #[test]
    fn a_host_is_read_from_an_address() {
        assert_eq!(host_of("https://User@Docs.Example.org:8080/a"), Some("docs.example.org".to_owned()));
        assert_eq!(host_of("corpus:factbook/world"), None);
    }
}
