//! Word (`.docx`), OpenDocument (`.odt`) and e-books (`.epub`): XML in a ZIP archive.

mod archive;

use self::archive::{Archive, TOO_MUCH};
use super::table::push_row;
use super::xml::{Event, Events};
use super::{MOST, Reading, Reason, decode, html};

/// Reads a document.
pub(super) fn read(bytes: &[u8]) -> Result<Reading, Reason> {
    let archive = Archive::open(bytes, MOST)?;
    for (place, names) in [("word/document.xml", &WORD), ("content.xml", &OPEN)] {
        if let Some(part) = archive.part(place) {
            let mut body = names.read(&decode::text(&part?, None)?);
            NOTES.iter().for_each(|place| body.push_str(&notes(&archive, place)));
            return Ok(Reading::one(title(&archive), None, body));
        }
    }
    Ok(book(&archive))
}

/// Where Word keeps what stands below its pages; OpenDocument has it in the text.
const NOTES: [&str; 2] = ["word/footnotes.xml", "word/endnotes.xml"];

/// Notes, if there are any that can be read: without them the document is still worth having.
fn notes(archive: &Archive<'_>, place: &str) -> String {
    let part = archive.part(place).and_then(Result::ok);
    part.and_then(|part| decode::text(&part, None).ok()).map(|text| WORD.read(&text)).unwrap_or_default()
}

/// What the formats call the same things.
struct Names {
    paragraph: &'static [&'static str],
    row: &'static str,
    cell: &'static str,
    tab: &'static str,
    line: &'static str,
    /// Text stands in these only; empty when it may stand anywhere.
    run: &'static str,
    /// What is in these was deleted, or only says something about the text, or says it again for old programs.
    ignored: &'static [&'static str],
}

const WORD: Names = Names {
    paragraph: &["p"],
    row: "tr",
    cell: "tc",
    tab: "tab",
    line: "br",
    run: "t",
    ignored: &["del", "moveFrom", "Fallback"],
};
const OPEN: Names = Names {
    paragraph: &["p", "h"],
    row: "table-row",
    cell: "table-cell",
    tab: "tab",
    line: "line-break",
    run: "",
    ignored: &["tracked-changes", "annotation"],
};

impl Names {
    fn read(&self, text: &str) -> String {
        let mut page = Page::default();
        let mut open: Vec<&str> = Vec::new();
        let mut ignored = 0_usize;
        for event in Events::of(text) {
            match event {
                Event::Open { name, .. } if ignored > 0 || self.ignored.contains(&name) => ignored += 1,
                Event::Close if ignored > 0 => ignored -= 1,
                Event::Text(_) if ignored > 0 => {}
                Event::Open { name, .. } => {
                    if name == self.tab || name == self.line {
                        page.line.push(' ');
                    }
                    if name == "tbl" || name == "table" {
                        page.headers = None;
                    }
                    open.push(name);
                }
                Event::Text(text) if self.run.is_empty() || open.last() == Some(&self.run) => page.line.push_str(&text),
                Event::Text(_) => {}
                Event::Close => self.close(open.pop().unwrap_or_default(), open.contains(&self.cell), &mut page),
            }
        }
        page.end_line(false);
        page.out
    }

    fn close(&self, name: &str, in_cell: bool, page: &mut Page) {
        if self.paragraph.contains(&name) {
            page.end_line(in_cell);
        } else if name == self.cell {
            page.row.push(std::mem::take(&mut page.cell));
        } else if name == self.row {
            page.end_row();
        }
    }
}

/// A document while it is written.
#[derive(Default)]
struct Page {
    out: String,
    line: String,
    cell: String,
    row: Vec<String>,
    headers: Option<Vec<String>>,
}

impl Page {
    fn end_line(&mut self, in_cell: bool) {
        let line = self.line.split_whitespace().collect::<Vec<_>>().join(" ");
        self.line.clear();
        if in_cell {
            self.cell.push_str(&line);
            self.cell.push(' ');
        } else if !line.is_empty() {
            self.out.push_str(&line);
            self.out.push_str("\n\n");
        }
    }

    /// The first row of a table names its columns.
    fn end_row(&mut self) {
        let row = std::mem::take(&mut self.row);
        if let Some(headers) = &self.headers {
            push_row(&mut self.out, headers, row.iter().map(String::as_str));
        } else {
            push_row(&mut self.out, &[], row.iter().map(String::as_str));
            self.headers = Some(row.iter().map(|cell| cell.trim().to_owned()).collect());
        }
    }
}

/// The title that the author gave, if one did.
fn title(archive: &Archive<'_>) -> String {
    ["docProps/core.xml", "meta.xml"].iter().find_map(|place| meta_title(archive, place)).unwrap_or_default()
}

fn meta_title(archive: &Archive<'_>, place: &str) -> Option<String> {
    let text = decode::text(&archive.part(place)?.ok()?, None).ok()?;
    let mut inside = false;
    Events::of(&text).find_map(|event| match event {
        Event::Open { name, .. } => {
            inside = name == "title";
            None
        }
        Event::Text(text) if inside && !text.trim().is_empty() => Some(text.trim().to_owned()),
        Event::Text(_) => None,
        Event::Close => {
            inside = false;
            None
        }
    })
}

/// The pages of an e-book, in the order of their names in the archive. Where it becomes too much, the rest is left out.
fn book(archive: &Archive<'_>) -> Reading {
    let opf = archive.names().find(|name| name.to_ascii_lowercase().ends_with(".opf"));
    let title = opf.and_then(|place| meta_title(archive, place)).unwrap_or_default();
    let mut book = Reading::one(title, None, String::new());
    let is_page = |name: &&str| [".xhtml", ".html", ".htm"].iter().any(|end| name.ends_with(end));
    for name in archive.names().filter(is_page) {
        match archive.part(name).map(|page| page.and_then(|page| decode::text(&page, None))) {
            Some(Ok(page)) => {
                book.texts[0].body.push_str(&html::plain(&page));
                book.texts[0].body.push('\n');
            }
            Some(Err(reason)) if reason == TOO_MUCH => {
                book.leave_out(String::new(), reason);
                break;
            }
            Some(Err(reason)) => book.leave_out(format!("#{name}"), reason),
            None => {}
        }
    }
    book
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::super::tests::text_of;
    use super::super::{Given, Helper, Kind, read};

    /// A ZIP archive, deflated.
    fn zip(parts: &[(&str, &str)]) -> Vec<u8> {
        let (mut out, mut directory) = (Vec::new(), Vec::new());
        for (name, text) in parts {
            let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
            packer.write_all(text.as_bytes()).unwrap();
            let packed = packer.finish().unwrap();
            let start = u32::try_from(out.len()).unwrap();
            let sizes = [packed.len(), text.len()].map(|size| u32::try_from(size).unwrap().to_le_bytes()).concat();
            let length = u16::try_from(name.len()).unwrap().to_le_bytes();
            let common = [&[20, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &sizes, &length, &[0, 0]].concat();
            out.extend([b"PK\x03\x04", &common[..], name.as_bytes(), &packed].concat());
            let tail = [&[0; 10][..], &start.to_le_bytes(), name.as_bytes()].concat();
            directory.extend([b"PK\x01\x02\x14\0", &common[..], &tail].concat());
        }
        let (start, count) = (u32::try_from(out.len()).unwrap(), u16::try_from(parts.len()).unwrap().to_le_bytes());
        let size = u32::try_from(directory.len()).unwrap();
        out.extend(directory);
        out.extend(
            [b"PK\x05\x06\0\0\0\0", &count[..], &count, &size.to_le_bytes(), &start.to_le_bytes(), &[0, 0]].concat(),
        );
        out
    }

    #[test]
    fn a_word_document_is_read_with_its_tables() {
        let document = "<w:document xmlns:w='x'><w:body><w:p><w:r><w:t>The probe was built</w:t></w:r><w:r><w:t xml:space='preserve'> by Anna Larch.</w:t></w:r></w:p>\
            <w:tbl><w:tr><w:tc><w:p><w:r><w:t>City</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>People</w:t></w:r></w:p></w:tc></w:tr>\
            <w:tr><w:tc><w:p><w:r><w:t>Oslo</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>700,000</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:body></w:document>";
        let core = "<cp:coreProperties><dc:title>The Zelkova probe</dc:title></cp:coreProperties>";
        let text = text_of("a.docx", &zip(&[("word/document.xml", document), ("docProps/core.xml", core)])).unwrap();
        assert_eq!(text.title, "The Zelkova probe");
        assert_eq!(text.body, "The probe was built by Anna Larch.\n\nCity; People\n\nCity: Oslo; People: 700,000\n\n");
    }

    #[test]
    fn other_documents_in_archives_are_read_too() {
        let odt = zip(&[(
            "content.xml",
            "<o><text:h>Head</text:h><text:p>Some <text:span>bold</text:span> text.</text:p></o>",
        )]);
        assert_eq!(text_of("a.odt", &odt).unwrap().body, "Head\n\nSome bold text.\n\n");
        let epub = zip(&[
            ("OEBPS/1.xhtml", "<html><body><p>Chapter one.</p></body></html>"),
            ("x.opf", "<p><dc:title>B</dc:title></p>"),
        ]);
        let text = text_of("a.epub", &epub).unwrap();
        assert_eq!((text.title.as_str(), text.body.trim()), ("B", "Chapter one."));
    }

    #[test]
    fn what_was_deleted_or_noted_in_a_document_is_no_fact() {
        let odt = zip(&[(
            "content.xml",
            "<o><text:tracked-changes><text:deletion><text:p>It cost 5.</text:p></text:deletion></text:tracked-changes>\
             <text:p>It cost 7<office:annotation><text:p>Really?</text:p></office:annotation>.</text:p></o>",
        )]);
        assert_eq!(text_of("a.odt", &odt).unwrap().body, "It cost 7.\n\n");
        let docx = zip(&[(
            "word/document.xml",
            "<w:p><w:del><w:r><w:t>Old. </w:t><w:delText>Old.</w:delText></w:r></w:del><w:r><mc:AlternateContent>\
             <mc:Choice><w:t>Boxed.</w:t></mc:Choice><mc:Fallback><w:t>Boxed.</w:t></mc:Fallback>\
             </mc:AlternateContent></w:r></w:p>",
        )]);
        assert_eq!(text_of("a.docx", &docx).unwrap().body, "Boxed.\n\n");
    }

    #[test]
    fn the_notes_of_a_word_document_are_read() {
        let text = |text: &str| format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>");
        let (page, foot) = (text("A bridge."), text("Opened in 1932."));
        let docx = zip(&[("word/document.xml", page.as_str()), ("word/footnotes.xml", foot.as_str())]);
        assert_eq!(text_of("a.docx", &docx).unwrap().body, "A bridge.\n\nOpened in 1932.\n\n");
    }

    #[test]
    fn a_book_that_unpacks_to_any_size_is_read_as_far_as_it_may() {
        let blank = format!("<p>One page.</p>{}", " ".repeat(5 << 20));
        let names: Vec<String> = (0..300).map(|number| format!("{number:03}.xhtml")).collect();
        let parts: Vec<(&str, &str)> = names[..7].iter().map(|name| (name.as_str(), blank.as_str())).collect();
        let reading =
            read(&zip(&parts), Given { kind: Kind::Office, name: "a.epub", charset: None }, &Helper::none()).unwrap();
        assert_eq!(reading.texts[0].body.matches("One page.").count(), 4);
        assert_eq!(reading.left_out, [(String::new(), "there is too much in it".to_owned())]);
        let many: Vec<(&str, &str)> = names.iter().cycle().take(20_000).map(|name| (name.as_str(), "")).collect();
        assert_eq!(text_of("a.epub", &zip(&many)).unwrap_err(), "there is too much in it");
    }

    #[test]
    fn a_broken_archive_is_told() {
        let mut bytes = zip(&[("word/document.xml", "<a/>")]);
        bytes.truncate(40);
        assert_eq!(text_of("a.docx", &bytes).unwrap_err(), "the archive is broken");
        assert_eq!(text_of("a.docx", b"plain text").unwrap_err(), "it is no document of its kind");
    }
}
