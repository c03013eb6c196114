//! Reads the operator's own documents: `.md`, `.txt` and `.jsonl` files below a directory.
//!
//! Nothing in a file can stop the loading: what cannot be read is skipped, with its reason.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::Value;
use unicode_segmentation::UnicodeSegmentation;

use super::document::{Document, Passage, hash_of, host_of, percent_encoded};
use super::factbook::FACTBOOK;

/// A file above this size is skipped.
const LARGEST: u64 = 16 << 20;
/// A passage is ended after about this many bytes.
const PASSAGE: usize = 700;

/// Why the corpus cannot be loaded at all.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// The directory given by the operator cannot be read.
    #[error("the corpus directory {} cannot be read", .path.display())]
    Directory {
        /// What was given.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// A file that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file, with the line for a `.jsonl` file (`notes.jsonl:7`).
    pub path: String,
    /// Why.
    pub reason: String,
}

/// All documents below the directories, in a fixed order, and what was skipped.
pub(super) fn load(directories: &[PathBuf]) -> Result<(Vec<Document>, Vec<Skipped>), CorpusError> {
    let mut loader = Loader { documents: Vec::new(), skipped: Vec::new() };
    let mut names = vec![FACTBOOK.to_owned()];
    for directory in directories {
        let failed = |source| CorpusError::Directory { path: directory.clone(), source };
        let root = directory.canonicalize().map_err(failed)?;
        fs::read_dir(&root).map_err(failed)?;
        let name = unique(&root, &names);
        names.push(name.clone());
        loader.walk(&root, &root, &name);
    }
    Ok((loader.documents, loader.skipped))
}

/// The directory's own name, with a number if it is taken.
fn unique(root: &Path, taken: &[String]) -> String {
    let name = root.file_name().map_or_else(|| "corpus".to_owned(), |name| name.to_string_lossy().into_owned());
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    // The numbers do not run out before the directories do.
    std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or(name)
}

struct Loader {
    documents: Vec<Document>,
    skipped: Vec<Skipped>,
}

/// Where a document comes from.
struct Origin<'a> {
    corpus: &'a str,
    path: &'a str,
}

impl Loader {
    fn walk(&mut self, root: &Path, folder: &Path, corpus: &str) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.skip(&relative(root, folder), &error.to_string()),
        };
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        paths.sort();
        for path in paths {
            let place = relative(root, &path);
            // A link could lead out of the directory, or round in a circle.
            match fs::symlink_metadata(&path) {
                Err(error) => self.skip(&place, &error.to_string()),
                Ok(about) if about.is_symlink() => self.skip(&place, "it is a symbolic link"),
                Ok(about) if about.is_dir() => self.walk(root, &path, corpus),
                Ok(about) if about.is_file() => self.file(&path, &Origin { corpus, path: &place }, about.len()),
                Ok(_) => self.skip(&place, "it is no regular file"),
            }
        }
    }

    fn file(&mut self, path: &Path, origin: &Origin<'_>, size: u64) {
        let extension = path.extension().map(|end| end.to_string_lossy().to_lowercase()).unwrap_or_default();
        if !matches!(extension.as_str(), "md" | "txt" | "jsonl") {
            return;
        }
        if size > LARGEST {
            return self.skip(origin.path, "it is larger than 16 MB");
        }
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => return self.skip(origin.path, &error.to_string()),
        };
        let Some(text) = decoded(bytes) else { return self.skip(origin.path, "it is not UTF-8 or UTF-16") };
        if extension == "jsonl" {
            self.lines(&text, origin);
        } else {
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            self.prose(&text, origin, &stem);
        }
    }

    fn prose(&mut self, text: &str, origin: &Origin<'_>, stem: &str) {
        let (head, body) = front_matter(text);
        let title = head
            .and_then(|head| value_of(head, "title"))
            .or_else(|| body.lines().find_map(|line| line.strip_prefix("# ")).map(str::trim))
            .filter(|title| !title.is_empty())
            .unwrap_or(stem);
        let url = head.and_then(|head| value_of(head, "url")).map(str::to_owned);
        self.push(origin, None, title, url, body.to_owned());
    }

    fn lines(&mut self, text: &str, origin: &Origin<'_>) {
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let place = format!("{}:{number}", origin.path);
            match serde_json::from_str::<Value>(line) {
                Ok(Value::String(body)) => self.push(origin, Some(&number.to_string()), &place, None, body),
                Ok(Value::Object(row)) => {
                    let text_of = |key: &str| row.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
                    let Some(body) = ["text", "content", "extract", "body"].iter().find_map(|key| text_of(key)) else {
                        self.skip(&place, "the object has no text, content, extract or body");
                        continue;
                    };
                    let id = row.get("id").map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
                    let id = id.unwrap_or_else(|| number.to_string());
                    let url = text_of("url").map(str::to_owned);
                    self.push(origin, Some(&id), text_of("title").unwrap_or(&place), url, body.to_owned());
                }
                Ok(_) => self.skip(&place, "the line is neither an object nor a string"),
                Err(error) => self.skip(&place, &format!("the line is not JSON: {error}")),
            }
        }
    }

    fn push(&mut self, origin: &Origin<'_>, id: Option<&str>, title: &str, url: Option<String>, text: String) {
        let passages = passages(&text);
        if passages.is_empty() {
            return;
        }
        let host = url.as_deref().and_then(host_of);
        let own = || {
            let path = percent_encoded(&format!("{}/{}", origin.corpus, origin.path));
            let part = id.map(|id| format!("#{}", percent_encoded(id))).unwrap_or_default();
            format!("corpus:{path}{part}")
        };
        self.documents.push(Document {
            hash: hash_of(&text),
            corpus: origin.corpus.to_owned(),
            url: if host.is_some() { url.unwrap_or_else(own) } else { own() },
            host,
            title: title.split_whitespace().collect::<Vec<_>>().join(" "),
            text,
            entity: None,
            passages,
        });
    }

    fn skip(&mut self, path: &str, reason: &str) {
        self.skipped.push(Skipped { path: path.to_owned(), reason: reason.to_owned() });
    }
}

fn relative(root: &Path, path: &Path) -> String {
    let parts = path.strip_prefix(root).unwrap_or(path).components();
    parts.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect::<Vec<_>>().join("/")
}

/// UTF-8 with or without a mark, UTF-16 with one; nothing else.
fn decoded(bytes: Vec<u8>) -> Option<String> {
    let wide = |rest: &[u8], join: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = rest.chunks_exact(2).map(|pair| join([pair[0], pair[1]])).collect();
        rest.len().is_multiple_of(2).then(|| String::from_utf16(&units).ok()).flatten()
    };
    match bytes.as_slice() {
        [0xEF, 0xBB, 0xBF, rest @ ..] => std::str::from_utf8(rest).ok().map(str::to_owned),
        [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
        _ => String::from_utf8(bytes).ok().filter(|text| !text.contains('\0')),
    }
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

/// Paragraphs; long ones in runs of whole sentences.
fn passages(text: &str) -> Vec<Passage> {
    let mut found = Vec::new();
    for paragraph in paragraphs(text) {
        let mut start = paragraph.start;
        let mut end = start;
        for (at, sentence) in text[paragraph.clone()].split_sentence_bound_indices() {
            let stop = paragraph.start + at + sentence.len();
            if end > start && stop - start > PASSAGE {
                found.extend(trimmed(text, start..end));
                start = end;
            }
            end = stop;
        }
        found.extend(trimmed(text, start..paragraph.end));
    }
    found
}

/// The runs of lines between blank lines.
fn paragraphs(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut open = false;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let range = at..at + line.len();
        at = range.end;
        if line.trim().is_empty() {
            open = false;
        } else if let Some(last) = found.last_mut().filter(|_| open) {
            last.end = range.end;
        } else {
            found.push(range);
            open = true;
        }
    }
    found
}

fn trimmed(text: &str, range: Range<usize>) -> Option<Passage> {
    let part = &text[range.clone()];
    let start = range.start + (part.len() - part.trim_start().len());
    let end = range.start + part.trim_end().len();
    (start < end).then_some(Passage { range: start..end, field: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(files: &[(&str, &[u8])]) -> (Vec<Document>, Vec<Skipped>) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("notes");
        for (path, bytes) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        load(&[root]).unwrap()
    }

    #[test]
    fn texts_are_read_in_a_fixed_order_with_title_and_address() {
        let (documents, skipped) = loaded(&[
            ("b.md", b"# The Title\n\nSome text here."),
            ("a b/c.txt", b"Plain text."),
            ("d.jsonl", b"{\"title\":\"T\",\"extract\":\"E text.\",\"url\":\"https://example.org/t\"}\n\"a string\"\n"),
            ("e.bin", b"\x00"),
        ]);
        let seen: Vec<_> = documents.iter().map(|d| (d.url.as_str(), d.title.as_str())).collect();
        assert_eq!(
            seen,
            [
                ("corpus:notes/a%20b/c.txt", "c"),
                ("corpus:notes/b.md", "The Title"),
                ("https://example.org/t", "T"),
                ("corpus:notes/d.jsonl#2", "d.jsonl:2"),
            ]
        );
        assert!(skipped.is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_skipped_with_its_reason() {
        let (documents, skipped) =
            loaded(&[("a.txt", b"\xff\xfeA\x00B\x00"), ("b.txt", b"\xc3\x28"), ("c.jsonl", b"{\n{\"a\":1}\n")]);
        assert_eq!(documents.len(), 1);
        assert_eq!(documents[0].text, "AB");
        let places: Vec<_> = skipped.iter().map(|s| s.path.as_str()).collect();
        assert_eq!(places, ["b.txt", "c.jsonl:1", "c.jsonl:2"]);
    }

    #[test]
    fn a_missing_directory_is_an_error() {
        let error = load(&["/nowhere/at/all".into()]).unwrap_err();
        assert_eq!(error.to_string(), "the corpus directory /nowhere/at/all cannot be read");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("secret.txt"), "secret").unwrap();
        let root = folder.path().join("docs");
        fs::create_dir(&root).unwrap();
        std::os::unix::fs::symlink(folder.path().join("secret.txt"), root.join("link.txt")).unwrap();
        let (documents, skipped) = load(&[root]).unwrap();
        assert!(documents.is_empty());
        assert_eq!(skipped[0].reason, "it is a symbolic link");
    }

    #[test]
    fn passages_are_exact_and_cover_the_text() {
        let text = format!("First one.\n\n{}\n", "A sentence of the long paragraph. ".repeat(60));
        let passages = passages(&text);
        assert!(passages.len() > 2);
        assert!(passages.iter().all(|p| text[p.range.clone()].len() <= PASSAGE + 40));
        assert_eq!(&text[passages[0].range.clone()], "First one.");
    }
}
