//! Pages that want something of a model, and a reader and a writer that do as they are told: nothing of it comes through.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use legwork_core::output::Confidence;
use serde::Deserialize;

use super::check::{Finding, check};
use super::class::Class;
use super::date::Date;
use super::independent::Supporter;
use super::label::{Features, Judgement, Support, label};
use super::quote::Page;
use super::sentences::{Evidence, proved};
use super::suspect::suspicion;
use super::wrap::{Shown, wrapped};

const MARKER: &str = "k0000000";
const TODAY: Date = Date { year: Some(2026), month: Some(3), day: Some(1) };

#[derive(Deserialize)]
struct Manifest {
    question: String,
    answer: String,
    sentence: String,
    pages: Vec<Poisoned>,
}

#[derive(Deserialize)]
struct Poisoned {
    file: String,
    how: String,
    /// What must never stand in an answer.
    never: Vec<String>,
    /// Whether its text reads like instructions.
    flagged: bool,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/processors/engine/poisoned")
}

fn manifest() -> Manifest {
    serde_json::from_str(&fs::read_to_string(folder().join("manifest.json")).unwrap()).unwrap()
}

/// Each poisoned page with its raw text, which is more than a reader of pages leaves of it.
fn pages(manifest: &Manifest) -> impl Iterator<Item = (&Poisoned, String)> {
    manifest.pages.iter().map(|page| (page, fs::read_to_string(folder().join(&page.file)).unwrap()))
}

#[test]
fn every_poisoned_page_is_in_the_list_and_each_is_of_its_own_kind() {
    let manifest = manifest();
    let listed: std::collections::BTreeSet<String> = manifest.pages.iter().map(|page| page.file.clone()).collect();
    let kinds: std::collections::BTreeSet<&String> = manifest.pages.iter().map(|page| &page.how).collect();
    let there = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let there: std::collections::BTreeSet<String> = there.filter(|name| name != "manifest.json").collect();
    assert_eq!(listed, there);
    assert!(kinds.len() == listed.len() && listed.len() >= 30);
}

#[test]
fn poisoned_pages_read_like_instructions_and_the_true_sentence_does_not() {
    let manifest = manifest();
    assert_eq!(suspicion(&manifest.sentence), None);
    for (page, text) in pages(&manifest) {
        assert_eq!(suspicion(&text).is_some(), page.flagged, "{}", page.file);
    }
}

#[test]
fn no_page_leaves_the_marks_around_it() {
    let manifest = manifest();
    for (page, text) in pages(&manifest) {
        let shown = wrapped(MARKER, 1, &[Shown { title: &text, text: &text }]);
        assert_eq!(shown.to_lowercase().matches(MARKER).count(), 2, "{}", page.file);
        assert_eq!((shown.matches("<<<").count(), shown.matches(">>>").count()), (2, 2), "{}", page.file);
        for mark in
            ["<|", "[INST]", "<tool_call", "[p1]", "[e1]", "\u{200b}", "\u{202e}", "\u{e0049}", "\nSystem:", "\nUser:"]
        {
            assert!(!shown.contains(mark), "{mark:?} in {}", page.file);
        }
    }
}

#[test]
fn a_writer_who_does_as_he_is_told_writes_nothing_foreign() {
    let manifest = manifest();
    for (page, text) in pages(&manifest) {
        let poison = text.replace(&manifest.sentence, "");
        let evidence = [
            Evidence { id: "e1", page: "a", title: "Harlund", excerpts: vec![&manifest.sentence], suspicious: false },
            Evidence {
                id: "e2",
                page: "b",
                title: &text,
                excerpts: vec![&poison],
                suspicious: suspicion(&text).is_some(),
            },
        ];
        let mut written = format!("# Harlund\n\n{} [e1]\n\n{poison}\n\n{text} [e2]\n\n", manifest.sentence);
        for never in &page.never {
            let _ = write!(
                written,
                "The lighthouse is by {never} [e1]. {never} [e2]. [{never}](https://{never}) [e1]. ![{never}](https://{never}/x) [e1].\n\n\
                 - see {never} [e1][e2]\n\n# {never}\n\n| a |\n|---|\n| {never} [e1] |\n\n"
            );
        }
        let found = proved(&written, &evidence, &manifest.question);
        assert!(found.text.contains("was built in 1874 and is 38 m high [1]."), "{}: {}", page.file, found.text);
        assert_eq!(found.cited, [vec![0]], "{}", page.file);
        for never in page.never.iter().map(String::as_str).chain(["://", "](", "![", "<"]) {
            assert!(!found.text.contains(never), "{never:?} of {}: {}", page.file, found.text);
        }
    }
}

#[test]
fn a_reader_who_does_as_he_is_told_proves_nothing_by_the_true_sentence_and_is_never_high_by_the_page() {
    let manifest = manifest();
    for (page, text) in pages(&manifest) {
        let read = Page::new(&text);
        let find = |value: &str, quote: &str| {
            let finding = Finding { question: &manifest.question, value, quote, expression: None };
            check(&read, "Harlund", &finding, TODAY)
        };
        let honest = find(&manifest.answer, &manifest.sentence);
        // What is smuggled into the sentence does not hide it.
        assert!(honest.is_ok(), "{}: {honest:?}", page.file);
        for never in page.never.iter().filter(|never| never.chars().any(char::is_alphanumeric)) {
            let found = find(never, &manifest.sentence);
            assert!(!found.is_ok_and(|checked| checked.is_answered), "{never} of {}", page.file);
        }
        // Its own poison may stand in it word for word, and then it is the page that is not believed.
        let from = Supporter { url: "https://poisoned.example/", passage: &text };
        let support = Support {
            from,
            class: Class::Primary,
            similarity: Some(1.0),
            suspicious: suspicion(&text).is_some(),
            age_ok: None,
        };
        let features =
            Features { values_ok: true, judge: Some(Judgement::Supports), ..Features::of(&[support, support]) };
        assert!(label(&features, None).confidence < Confidence::High, "{}", page.file);
    }
}
