//! The operator's own documents, from outside: what is read of them, what is left out, and that a citation can be
//! opened.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Server, legwork};

/// A store and a folder of documents.
struct Desk(TempDir);

impl Desk {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        for (path, bytes) in files {
            let path = desk.docs().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        desk
    }

    fn docs(&self) -> PathBuf {
        self.0.path().join("notes")
    }

    fn store(&self) -> PathBuf {
        self.0.path().join("store")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = legwork();
        command.args(arguments).env("LEGWORK_STORE", self.store()).env("LEGWORK_CORPUS", self.docs());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn stdout(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.stdout(arguments)).unwrap()
    }
}

/// A PDF of one page with this line on it.
fn pdf(line: &str) -> Vec<u8> {
    let content = format!("BT /F1 12 Tf 72 720 Td ({line}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    let mut out = b"%PDF-1.4\n".to_vec();
    let mut places = Vec::new();
    for (number, object) in (1..).zip(&objects) {
        places.push(out.len());
        out.extend(format!("{number} 0 obj\n{object}\nendobj\n").bytes());
    }
    let start = out.len();
    out.extend(b"xref\n0 6\n0000000000 65535 f \n");
    places.iter().for_each(|place| out.extend(format!("{place:010} 00000 n \n").bytes()));
    out.extend(format!("trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n").bytes());
    out
}

#[test]
fn what_is_read_and_what_is_left_out_can_be_seen() {
    let broken = pdf("The lost page.");
    let desk = Desk::new(&[
        ("a.md", b"# A\n\nText."),
        ("deep/er/b.csv", b"Name;Role\nMara Quill;founder\n"),
        ("c.pdf", &pdf("The Zelkova probe was built by Anna Larch.")),
        ("broken.pdf", &broken[..broken.len() / 3]),
        ("zip.pdf", b"PK\x03\x04 and so on"),
        ("empty.txt", b""),
        ("x.md/inside.txt", b"A folder may be called like a file."),
        ("film.mp4", b"\0\0"),
    ]);
    let survey = desk.json(&["corpus", "--json"]);
    let folder = &survey["folders"][0];
    assert_eq!((&folder["documents"], &folder["pending"]), (&4.into(), &0.into()), "{survey:#}");
    let skipped: Vec<_> = folder["skipped"].as_array().unwrap().iter().map(|s| s["path"].as_str().unwrap()).collect();
    assert_eq!(skipped, ["broken.pdf", "empty.txt", "zip.pdf"]);
    assert_eq!(folder["not_read"]["mp4"], 1);
    assert_eq!(folder["unread"][0]["path"], "film.mp4");
    let told = desk.stdout(&["corpus"]);
    for part in [
        "4 documents",
        "pdf       1 file",
        "zip.pdf – it is no PDF but a ZIP archive",
        "not read: 1 .mp4",
        "film.mp4 – files of this kind (.mp4) cannot be read",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    // While a server has the store, the same can be seen, and it need not be told which folders are its own.
    let server = Server::start(&desk.store(), &["--corpus", &desk.docs().to_string_lossy()]);
    let seen = desk.command(&["corpus", "--json"]).env_remove("LEGWORK_CORPUS").output().unwrap();
    let seen: Value = serde_json::from_slice(&seen.stdout).unwrap();
    assert_eq!((&seen["folders"][0]["documents"], &seen["folders"][0]["skipped"]), (&4.into(), &folder["skipped"]));
    server.kill();
}

#[test]
fn a_pdf_answers_and_its_citation_can_be_opened_after_it_is_gone() {
    let line = "The Zelkova probe was built by Anna Larch in Oslo.";
    let desk = Desk::new(&[("probe.pdf", &pdf(line))]);
    let answer = desk.json(&["ask", "--json", "Who built the Zelkova probe?"]);
    let citation = &answer["output"]["basis"][0]["citations"][0];
    assert_eq!(citation["url"], "corpus:notes/probe.pdf", "{answer:#}");
    let hash = citation["legwork"]["source"].as_str().unwrap();
    let excerpt = citation["excerpts"][0].as_str().unwrap();
    fs::remove_file(desk.docs().join("probe.pdf")).unwrap();
    let source = desk.json(&["source", hash, "--json"]);
    assert!(source["text"].as_str().unwrap().contains(excerpt), "{source:#}");
    let opened = desk.stdout(&["source", "corpus:notes/probe.pdf", "--quote", "built by ANNA larch"]);
    assert!(opened.contains("was >>>built by Anna Larch<<< in Oslo."), "{opened}");
    let none = desk.run(&["source", &"0".repeat(64)]);
    assert!(!none.status.success() && none.stdout.is_empty());
}

/// What a build before this one kept as a file of its own.
const EARLIER: (&str, &[u8]) = (
    "87a1c3aa056992f86f2dc808658b5a89a34674e71abafb5780faa46e72d7ee22",
    include_bytes!(
        "../../crates/server/samples/cited/87a1c3aa056992f86f2dc808658b5a89a34674e71abafb5780faa46e72d7ee22.json.gz"
    ),
);

#[test]
fn cited_texts_come_along_with_a_copy_of_the_store_also_those_of_earlier_builds() {
    let desk = Desk::new(&[("a.md", b"# Birchwood\n\nBirchwood was founded by Mara Quill in 1987.\n")]);
    let (earlier, file) = EARLIER;
    let cited = desk.store().join("corpus/cited");
    fs::create_dir_all(&cited).unwrap();
    fs::write(cited.join(format!("{earlier}.json.gz")), file).unwrap();
    let answer = desk.json(&["ask", "--json", "Who founded Birchwood?"]);
    let hash = answer["output"]["basis"][0]["citations"][0]["legwork"]["source"].as_str().unwrap();
    assert!(!cited.exists(), "they lie in the store now");
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("legwork.db");
    let copied = desk.run(&["backup", &copy.to_string_lossy()]);
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    // No documents are there, only the copy.
    for (which, words) in [(hash, "Mara Quill"), (earlier, "Anna Larch"), ("corpus:notes/a.md", "Mara Quill")] {
        let mut command = desk.command(&["source", which]);
        let opened = command.env("LEGWORK_STORE", elsewhere.path()).env_remove("LEGWORK_CORPUS").output().unwrap();
        let told = String::from_utf8_lossy(&opened.stdout).into_owned();
        assert!(opened.status.success() && told.contains(words), "{which}: {told}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_told_at_once() {
    let desk = Desk::new(&[]);
    for verb in [&["corpus"][..], &["ask", "q"], &["serve", "--listen", "0"]] {
        let refused = desk.run(verb);
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && told.contains("cannot be read"), "{told}");
    }
}
