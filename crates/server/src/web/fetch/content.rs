//! What kind of document an answer is: by what its host says, by its address, and by its first bytes where those know better.

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use url::Url;

use super::page::{Class, Trouble};
use crate::read::Kind;

/// How far into a document its kind is looked for.
const HEAD: usize = 1024;

/// What its host says about an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// The media type, in lower case; empty when there is none.
    media: String,
    /// The encoding of the text.
    pub(super) charset: Option<String>,
}

/// As what it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) kind: Kind,
    /// Its host calls it a text; what kind of text was found in another way.
    pub(super) or_text: bool,
}

impl Content {
    /// Whether its beginning alone is worth having.
    pub(super) fn is_of_use_cut(self) -> bool {
        !matches!(self.kind, Kind::Pdf | Kind::Office | Kind::Json)
    }
}

impl Said {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (media, parameters) = value.split_once(';').unwrap_or((value, ""));
        let charset = parameters.split(';').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']).to_owned())
        });
        Self { media: media.trim().to_ascii_lowercase(), charset }
    }

    /// Why nothing of it has to be read, if that is plain from the type alone.
    pub(super) fn check(&self) -> Result<(), Trouble> {
        if Kind::of_media(&self.media).is_some() || self.is_vague() { Ok(()) } else { Err(self.no_text()) }
    }

    /// Decides.
    pub(super) fn content(&self, at: &Url, bytes: &[u8]) -> Result<Content, Trouble> {
        let head = &bytes[..bytes.len().min(HEAD)];
        let exactly = |kind| Ok(Content { kind, or_text: false });
        if head.starts_with(b"%PDF-") {
            return exactly(Kind::Pdf);
        }
        let text = String::from_utf8_lossy(head).trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
        let is_page = text.starts_with("<!doctype html") || text.starts_with("<html");
        match Kind::of_media(&self.media) {
            Some(Kind::Xml) if is_page || text.contains("<html") => exactly(Kind::Html),
            Some(Kind::Text) => {
                Ok(Content { kind: named(at).filter(|kind| is_a_text(*kind)).unwrap_or(Kind::Text), or_text: true })
            }
            Some(kind) => exactly(kind),
            None if !self.is_vague() => Err(self.no_text()),
            None if is_page => exactly(Kind::Html),
            None => match named(at) {
                Some(kind) => Ok(Content { kind, or_text: is_a_text(kind) }),
                None if text.starts_with("<?xml") && text.contains("<html") => exactly(Kind::Html),
                None if ["<?xml", "<rss", "<feed"].iter().any(|start| text.starts_with(start)) => exactly(Kind::Xml),
                None if text.starts_with(['{', '[']) => Ok(Content { kind: Kind::Json, or_text: true }),
                None => exactly(Kind::Text),
            },
        }
    }

    /// Whether it says nothing.
    fn is_vague(&self) -> bool {
        let vague = [
            "",
            "application/octet-stream",
            "binary/octet-stream",
            "application/download",
            "application/x-download",
            "application/force-download",
            "unknown/unknown",
            "content/unknown",
            "*/*",
        ];
        vague.contains(&self.media.as_str())
    }

    fn no_text(&self) -> Trouble {
        let what = match self.media.split('/').next().unwrap_or_default() {
            "image" => "it is an image, not text".to_owned(),
            "audio" | "video" => "it is sound or film, not text".to_owned(),
            _ => format!("it is of a kind that cannot be read ({})", self.media),
        };
        Trouble::new(Class::NotText, what)
    }
}

/// The kind that the end of an address speaks for.
fn named(at: &Url) -> Option<Kind> {
    let last = at.path_segments()?.next_back()?;
    last.contains('.').then(|| Kind::of(last)).flatten()
}

fn is_a_text(kind: Kind) -> bool {
    match kind {
        Kind::Markdown | Kind::Text | Kind::Csv | Kind::Tsv | Kind::Json | Kind::Lines | Kind::Xml => true,
        Kind::Html | Kind::Pdf | Kind::Office => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(media: &str, at: &str, bytes: &[u8]) -> Result<Kind, String> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, media.parse().unwrap());
        let said = Said::of(&headers);
        let at = Url::parse(&format!("https://a.example/{at}")).unwrap();
        let content = said.check().and_then(|()| said.content(&at, bytes));
        content.map(|content| content.kind).map_err(|trouble| trouble.why)
    }

    #[test]
    fn a_kind_is_what_the_host_says_unless_others_know_better() {
        for (media, at, bytes, expected) in [
            ("text/html; charset=utf-8", "x.pdf", &b"<p>x"[..], Kind::Html),
            ("text/html", "x", b"%PDF-1.4", Kind::Pdf),
            ("TEXT/PLAIN", "x", b"<!doctype html>", Kind::Text),
            ("text/plain", "data.csv", b"a,b", Kind::Csv),
            ("text/plain", "README.md", b"# A", Kind::Markdown),
            ("text/plain", "page.html", b"<p>", Kind::Text),
            ("application/xhtml+xml", "x", b"<?xml", Kind::Html),
            ("application/xml", "x", b"<?xml version='1.0'?>\n<html xmlns='x'>", Kind::Html),
            ("application/rss+xml", "x", b"<rss>", Kind::Xml),
            ("application/vnd.api+json", "x", b"{}", Kind::Json),
            ("application/x-ndjson", "x", b"{}\n{}", Kind::Lines),
            ("application/pdf", "x", b"<html>", Kind::Pdf),
            ("application/octet-stream", "x.docx", b"PK", Kind::Office),
            ("application/octet-stream", "x.csv", b"a,b", Kind::Csv),
            ("", "x", b"\xef\xbb\xbf <!DOCTYPE HTML>", Kind::Html),
            ("", "x", b"<feed>", Kind::Xml),
            ("", "x", b"[1]", Kind::Json),
            ("", "x", b"Plain words", Kind::Text),
        ] {
            assert_eq!(kind(media, at, bytes), Ok(expected), "{media} {at}");
        }
    }

    #[test]
    fn what_is_no_text_is_told_by_its_type_alone() {
        assert_eq!(kind("image/png", "x", b"").unwrap_err(), "it is an image, not text");
        assert_eq!(kind("video/mp4", "x", b"").unwrap_err(), "it is sound or film, not text");
        let sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
        assert!(kind(sheet, "x.docx", b"PK").unwrap_err().contains("spreadsheetml"));
        assert!(kind("text/javascript", "x", b"let").is_err() && kind("application/zip", "x", b"PK").is_err());
    }

    #[test]
    fn an_encoding_is_read_with_and_without_quotes() {
        let charset = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, value.parse().unwrap());
            Said::of(&headers).charset
        };
        assert_eq!(charset("text/html; Charset=\"windows-1251\"; a=b").as_deref(), Some("windows-1251"));
        assert_eq!(charset("text/html;a=b;charset=UTF-8").as_deref(), Some("UTF-8"));
        assert_eq!(charset("text/html"), None);
    }
}
