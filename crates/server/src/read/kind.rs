//! What kind of file something is: by its name first, and by its first bytes where those say otherwise.

use super::Reason;

/// The largest file that is read of any kind, in bytes.
pub(crate) const LARGEST: u64 = 48 << 20;
/// How far into a file its kind can be told.
const HEAD: usize = 1024;

/// A kind of file that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Markdown,
    Text,
    Html,
    Pdf,
    Csv,
    Tsv,
    Json,
    /// One JSON value a line.
    Lines,
    Xml,
    /// Word, OpenDocument and e-books: XML in a ZIP archive.
    Office,
}

impl Kind {
    /// The kind of a file of this name; `None` when no such file can be read. What has no ending is taken for text.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_lowercase();
        Some(match ending.as_str() {
            "md" | "markdown" | "mdown" | "mkd" | "mdx" => Self::Markdown,
            "" | "txt" | "text" | "rst" | "org" | "adoc" | "asciidoc" | "log" | "tex" | "wiki" => Self::Text,
            "html" | "htm" | "xhtml" => Self::Html,
            "pdf" => Self::Pdf,
            "csv" => Self::Csv,
            "tsv" | "tab" => Self::Tsv,
            "json" => Self::Json,
            "jsonl" | "ndjson" => Self::Lines,
            "xml" | "rss" | "atom" => Self::Xml,
            "docx" | "odt" | "epub" => Self::Office,
            _ => return None,
        })
    }

    /// The kind of what is sent under this media type, which is in lower case; `None` when no such thing can be read, or when
    /// the type says nothing.
    pub(crate) fn of_media(media: &str) -> Option<Self> {
        Some(match media {
            "text/html" | "application/xhtml+xml" => Self::Html,
            "text/markdown" | "text/x-markdown" => Self::Markdown,
            "application/pdf" | "application/x-pdf" => Self::Pdf,
            "text/csv" | "application/csv" | "text/comma-separated-values" => Self::Csv,
            "text/tab-separated-values" => Self::Tsv,
            "application/json" | "text/json" => Self::Json,
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/json-lines" => {
                Self::Lines
            }
            "application/xml" | "text/xml" => Self::Xml,
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
            | "application/vnd.oasis.opendocument.text"
            | "application/epub+zip" => Self::Office,
            "text/css" | "text/javascript" | "text/ecmascript" => return None,
            media if media.starts_with("text/") => Self::Text,
            media if media.starts_with("image/") => return None,
            media if media.ends_with("+json") => Self::Json,
            media if media.ends_with("+xml") => Self::Xml,
            _ => return None,
        })
    }

    /// What it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Text => "text",
            Self::Html => "html",
            Self::Pdf => "pdf",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Json => "json",
            Self::Lines => "jsonl",
            Self::Xml => "xml",
            Self::Office => "office",
        }
    }

    /// A file above this size is not read.
    pub(crate) fn largest(self) -> u64 {
        match self {
            Self::Markdown | Self::Text | Self::Html | Self::Xml => 16 << 20,
            Self::Csv | Self::Tsv | Self::Json | Self::Lines => 32 << 20,
            Self::Pdf | Self::Office => LARGEST,
        }
    }

    /// Why a file of this kind without any text has none.
    pub(super) fn nothing(self) -> &'static str {
        match self {
            Self::Pdf => "there is no text in it; it may be scanned pages",
            Self::Json | Self::Lines => "there is no text in its values",
            Self::Markdown | Self::Text | Self::Html | Self::Csv | Self::Tsv | Self::Xml | Self::Office => {
                "there is no text in it"
            }
        }
    }

    /// The kind that the first bytes speak for; a reason when they are none that can be read.
    pub(crate) fn checked(self, bytes: &[u8]) -> Result<Self, Reason> {
        let head = &bytes[..bytes.len().min(HEAD)];
        let is_pdf = head.windows(5).any(|window| window == b"%PDF-");
        let is_office = self == Self::Office;
        match (self, sniffed(head)) {
            (Self::Pdf | Self::Text, _) if is_pdf && (self == Self::Pdf || head.starts_with(b"%PDF-")) => Ok(Self::Pdf),
            (Self::Pdf, _) if is_page(head) => Ok(Self::Html),
            (Self::Pdf, Some(other)) => Err(format!("it is no PDF but {other}")),
            (Self::Pdf, None) => Err("it is no PDF".to_owned()),
            (_, Some("a ZIP archive")) if is_office => Ok(self),
            (_, Some(other)) => Err(format!("it is {other}, not text")),
            (_, None) if is_office => Err("it is no document of its kind".to_owned()),
            (_, None) => Ok(self),
        }
    }
}

/// Whether it is a web page, whatever it is called.
fn is_page(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head).trim_start().to_lowercase();
    text.starts_with("<!doctype html") || text.starts_with("<html")
}

/// What well-known first bytes say that it is.
fn sniffed(head: &[u8]) -> Option<&'static str> {
    const MARKS: &[(&[u8], &str)] = &[
        (b"PK\x03\x04", "a ZIP archive"),
        (b"PK\x05\x06", "a ZIP archive"),
        (b"\x1f\x8b", "a gzip archive"),
        (b"BZh", "a bzip2 archive"),
        (b"\xfd7zXZ\0", "an xz archive"),
        (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
        (b"Rar!\x1a\x07", "a RAR archive"),
        (b"\x28\xb5\x2f\xfd", "a zstd archive"),
        (b"\x89PNG", "an image"),
        (b"\xff\xd8\xff", "an image"),
        (b"GIF8", "an image"),
        (b"RIFF", "sound or film"),
        (b"ID3\x03", "sound or film"),
        (b"\x7fELF", "a program"),
        (b"MZ\x90\0", "a program"),
        (b"SQLite format 3\0", "a database"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file"),
        (b"%PDF-", "a PDF"),
        (b"{\\rtf", "a rich text file"),
    ];
    MARKS.iter().find(|(mark, _)| head.starts_with(mark)).map(|(_, what)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_known_by_the_end_of_a_name() {
        for (name, kind) in [
            ("a.MD", Some(Kind::Markdown)),
            ("b.Html", Some(Kind::Html)),
            ("LICENSE", Some(Kind::Text)),
            ("archive.tar.gz", None),
            ("photo.jpeg", None),
            ("x.NDJSON", Some(Kind::Lines)),
        ] {
            assert_eq!(Kind::of(name), kind, "{name}");
        }
    }
}
