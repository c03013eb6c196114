//! PDFs, read by a child process with limits: what is in them breaks even good readers.
//!
//! The child is this program with a hidden verb. It is given the file on stdin, nothing else, and has so much time and
//! memory; it writes what it found to stdout behind a word that only we know.

use std::io::{self, Read as _, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use pdf_extract::{Document, Object};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::unwrap::unwrapped;
use super::{MOST, Reading, Reason};
use crate::machine;

/// The verb under which this program reads a PDF for another process of itself.
pub const PDF_VERB: &str = "read-pdf";
/// How long a child may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How much memory it may have.
const MEMORY: u64 = 1 << 30;
/// How deep a reader may call itself. Only what is used of it is taken.
const STACK: usize = 256 << 20;

/// Who reads PDFs for us.
#[derive(Clone, Debug)]
pub(crate) struct Helper {
    command: Option<(PathBuf, Vec<String>)>,
    patience: Duration,
}

impl Helper {
    /// This very program, whatever has become of its file since it was started.
    pub(crate) fn this_program() -> Self {
        let own = if cfg!(target_os = "linux") { Ok(PathBuf::from("/proc/self/exe")) } else { std::env::current_exe() };
        Self { command: own.ok().map(|program| (program, vec![PDF_VERB.to_owned()])), patience: PATIENCE }
    }

    /// The same, with so much time for each.
    pub(crate) fn within(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Nobody.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self { command: None, patience: PATIENCE }
    }
}

/// What a child tells.
#[derive(Serialize, Deserialize)]
enum Told {
    Text { title: String, pages: Vec<String>, broken: Vec<usize> },
    Unreadable(String),
}

/// Has a child read a file.
pub(super) fn read(bytes: &[u8], helper: &Helper) -> Result<Reading, Reason> {
    let Some((program, arguments)) = &helper.command else { return Err("PDFs cannot be read here".to_owned()) };
    let word = Uuid::new_v4().simple().to_string();
    let mut command = Command::new(program);
    command.args(arguments).arg(&word).env_clear().current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| format!("no process could be started to read it: {error}"))?;
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let (said, status) = thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        scope.spawn(move || feed(input, bytes));
        // Whoever waits may have given up.
        scope.spawn(move || drop(tell.send(listen(output))));
        let said = told.recv_timeout(helper.patience);
        // Dead or done: killing it lets the other two end.
        (said, end(&mut child))
    });
    let said = said.map_err(|late| match late {
        RecvTimeoutError::Timeout => format!("it takes longer than {} s to read", helper.patience.as_secs()),
        RecvTimeoutError::Disconnected => "the reader broke down on it".to_owned(),
    })?;
    let told = said.split_once(&word).and_then(|(_, told)| serde_json::from_str(told).ok());
    match told.ok_or_else(|| broke_down(status))? {
        Told::Unreadable(why) => Err(why),
        Told::Text { title, pages, broken } => Ok(joined(title, &pages, &broken)),
    }
}

fn feed(input: Option<ChildStdin>, bytes: &[u8]) {
    // A child that dies before it has read all is told by how it ended.
    drop(input.map(|mut input| input.write_all(bytes)));
}

fn listen(output: Option<ChildStdout>) -> String {
    let mut said = Vec::new();
    let most = u64::try_from(MOST * 2).unwrap_or(u64::MAX);
    // What was said before it broke off is not enough to be understood; then its end says why.
    drop(output.map(|output| output.take(most).read_to_end(&mut said)));
    String::from_utf8_lossy(&said).into_owned()
}

fn end(child: &mut Child) -> Option<ExitStatus> {
    if let Ok(Some(status)) = child.try_wait() {
        return Some(status);
    }
    // It has closed its output, so there is nothing more to come from it; or it is late.
    drop(child.kill());
    child.wait().ok()
}

fn broke_down(status: Option<ExitStatus>) -> Reason {
    use std::os::unix::process::ExitStatusExt as _;
    match status.and_then(|status| status.signal()) {
        Some(signal) => format!("the reader broke down on it (signal {signal})"),
        None => "the reader broke down on it".to_owned(),
    }
}

fn joined(title: String, pages: &[String], broken: &[usize]) -> Reading {
    let pages: Vec<String> = pages.iter().map(|page| unwrapped(page, true)).collect();
    let mut reading = Reading::one(title, None, pages.join("\n"));
    for page in broken {
        reading.leave_out(format!("#page={page}"), "the page cannot be read");
    }
    reading
}

/// Reads a PDF from stdin and writes its text to stdout: the whole of the hidden verb.
pub fn read_pdf(word: &str) -> ExitCode {
    if machine::confine(MEMORY, PATIENCE).is_err() {
        return ExitCode::FAILURE;
    }
    let mut bytes = Vec::new();
    if io::stdin().lock().read_to_end(&mut bytes).is_err() {
        return ExitCode::FAILURE;
    }
    let reader = thread::Builder::new().stack_size(STACK).spawn(move || text_of(&bytes));
    let told = reader.ok().and_then(|reader| reader.join().ok());
    let told = told.unwrap_or_else(|| Told::Unreadable("the reader broke down on it".to_owned()));
    let Ok(json) = serde_json::to_string(&told) else { return ExitCode::FAILURE };
    let mut out = io::stdout().lock();
    let written =
        out.write_all(word.as_bytes()).and_then(|()| out.write_all(json.as_bytes())).and_then(|()| out.flush());
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn text_of(bytes: &[u8]) -> Told {
    // Some begin with a line or two that are not theirs.
    let start = bytes.windows(5).take(1024).position(|window| window == b"%PDF-").unwrap_or(0);
    let document = match Document::load_mem(&bytes[start..]) {
        Ok(document) => document,
        Err(error) => return Told::Unreadable(format!("it is damaged: {error}")),
    };
    let Some(document) = unlocked(document) else {
        return Told::Unreadable("it is locked with a password".to_owned());
    };
    let (mut pages, mut broken, mut size) = (Vec::new(), Vec::new(), 0);
    for number in document.get_pages().into_keys() {
        match catch_unwind(AssertUnwindSafe(|| page(&document, number))).ok().flatten() {
            Some(text) => {
                size += text.len();
                pages.push(text);
            }
            None => broken.push(usize::try_from(number).unwrap_or(0)),
        }
        if size > MOST {
            break;
        }
    }
    let title = title(&document).or_else(|| first_line(pages.first()?)).unwrap_or_default();
    Told::Text { title, pages, broken }
}

/// Many are locked with an empty password, against being changed.
fn unlocked(mut document: Document) -> Option<Document> {
    if document.is_encrypted() {
        document.decrypt("").ok()?;
    }
    Some(document)
}

fn page(document: &Document, number: u32) -> Option<String> {
    let mut text = String::new();
    let mut output = pdf_extract::PlainTextOutput::new(&mut text);
    pdf_extract::output_doc_page(document, &mut output, number).ok()?;
    Some(text)
}

/// The title that the author gave; many programs write the name of a file there, which is none.
fn title(document: &Document) -> Option<String> {
    let about = document.trailer.get(b"Info").ok()?;
    let about = document.dereference(about).ok()?.1.as_dict().ok()?;
    let Object::String(bytes, _) = document.dereference(about.get(b"Title").ok()?).ok()?.1 else { return None };
    let title = words_of(bytes);
    let is_file = [".doc", ".docx", ".tex", ".dvi", ".indd", ".qxd", ".pdf"]
        .iter()
        .any(|end| title.to_lowercase().ends_with(end));
    Some(title).filter(|title| title.chars().any(char::is_alphabetic) && !is_file && title != "untitled")
}

/// The first line of the first page, if it may be a title.
fn first_line(page: &str) -> Option<String> {
    let line = page.lines().map(str::trim).find(|line| !line.is_empty())?;
    let letters = line.chars().filter(|c| c.is_alphabetic()).count();
    (letters >= 4 && line.chars().count() <= 120).then(|| line.to_owned())
}

/// A string of a PDF: UTF-16 with a mark, or near enough to Latin-1.
fn words_of(bytes: &[u8]) -> String {
    match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, mark)) => encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned(),
        None => encoding_rs::mem::decode_latin1(bytes).into_owned(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A PDF of one page with these lines on it.
    pub(crate) fn pdf(lines: &[&str]) -> Vec<u8> {
        let shown: Vec<String> = lines.iter().map(|line| format!("({line}) Tj T*")).collect();
        let content = format!("BT /F1 12 Tf 14 TL 72 720 Td {} ET", shown.join(" "));
        let objects = [
            "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>".to_owned(),
            format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
            "<< /Title (The Zelkova probe) >>".to_owned(),
        ];
        let mut out = b"%PDF-1.4\n".to_vec();
        let mut places = Vec::new();
        for (number, object) in (1..).zip(&objects) {
            places.push(out.len());
            out.extend(format!("{number} 0 obj\n{object}\nendobj\n").bytes());
        }
        let start = out.len();
        out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
        places.iter().for_each(|place| out.extend(format!("{place:010} 00000 n \n").bytes()));
        out.extend(
            format!("trailer\n<< /Size {} /Root 1 0 R /Info 6 0 R >>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1)
                .bytes(),
        );
        out
    }

    /// A child that reads: this program of tests, told to do nothing but the test below.
    pub(crate) fn child() -> Helper {
        let name = "read::pdf::tests::who_is_given_a_file_reads_it_and_who_is_not_does_nothing";
        let arguments = ["--exact", name, "--nocapture", "--test-threads=1"];
        let arguments = arguments.map(str::to_owned).to_vec();
        Helper { command: std::env::current_exe().ok().map(|program| (program, arguments)), patience: PATIENCE }
    }

    #[test]
    fn who_is_given_a_file_reads_it_and_who_is_not_does_nothing() {
        let word = std::env::args().next_back().filter(|word| Uuid::try_parse(word).is_ok());
        if let Some(word) = word {
            std::process::exit(i32::from(read_pdf(&word) != ExitCode::SUCCESS));
        }
    }

    #[test]
    fn a_child_of_our_own_reads_what_it_is_given() {
        let reading = read(&pdf(&["The probe was built by Anna Larch."]), &child()).unwrap();
        assert_eq!(reading.texts[0].body.trim(), "The probe was built by Anna Larch.");
    }

    /// A child that does this instead of reading.
    fn shell(script: &str, patience: Duration) -> Helper {
        let arguments = vec!["-c".to_owned(), script.to_owned()];
        Helper { command: Some(("/bin/sh".into(), arguments)), patience }
    }

    #[test]
    fn a_page_is_read_with_its_title() {
        let Told::Text { title, pages, broken } = text_of(&pdf(&["The probe was built by Anna Larch."])) else {
            panic!("it was not read")
        };
        assert_eq!((title.as_str(), pages[0].trim()), ("The Zelkova probe", "The probe was built by Anna Larch."));
        assert!(broken.is_empty());
    }

    #[test]
    fn a_truncated_file_is_told() {
        let mut bytes = pdf(&["The probe."]);
        bytes.truncate(bytes.len() / 3);
        let Told::Unreadable(why) = text_of(&bytes) else { panic!("it was read") };
        assert!(why.starts_with("it is damaged: "), "{why}");
    }

    #[test]
    fn a_child_that_breaks_down_is_told_by_how_it_ended() {
        let why = |script| read(b"%PDF-", &shell(script, PATIENCE)).unwrap_err();
        assert_eq!(why("kill -SEGV $$"), "the reader broke down on it (signal 11)");
        assert_eq!(why("exit 3"), "the reader broke down on it");
        assert_eq!(why("echo running 0 tests"), "the reader broke down on it");
    }

    #[test]
    fn a_child_that_takes_too_long_is_ended() {
        let why = read(b"%PDF-", &shell("exec sleep 1000", Duration::from_millis(50))).unwrap_err();
        assert_eq!(why, "it takes longer than 0 s to read");
    }

    #[test]
    fn what_a_child_says_is_taken_behind_the_word_it_was_given() {
        let script = r#"cat >/dev/null; printf 'noise%s{"Text":{"title":"T","pages":["One."],"broken":[2]}}' "$0""#;
        let reading = read(&pdf(&["x"]), &shell(script, PATIENCE)).unwrap();
        assert_eq!((reading.texts[0].title.as_str(), reading.texts[0].body.as_str()), ("T", "One.\n"));
        assert_eq!(reading.left_out, [("#page=2".to_owned(), "the page cannot be read".to_owned())]);
    }
}
