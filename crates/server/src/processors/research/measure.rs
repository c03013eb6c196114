//! Measures the reader over a corpus that is not ours to ship: how many answers are right from which score on, and what the
//! labels are worth. It runs where `LEGWORK_READER_CORPUS` names a folder with `documents/*.jsonl` (`title`, `text`) and
//! `questions/*.jsonl` (`question`, and `answer_regex`, which is null where the documents do not tell). `tools/corpus` makes
//! one, and `./test` has it made.

#![expect(clippy::print_stderr, reason = "it says what it measured, or that it did not")]

use std::path::Path;
use std::{env, fs};

use legwork_core::output::Confidence;
use regex_lite::RegexBuilder;

use super::extract::best;
use super::regression::{Row, ask};
use super::{Corpus, extract::Best};

/// Questions that were written for it: the weights and the limits were fitted on the first, and nothing on the second.
const OWN: &[(&str, &str)] =
    &[("fitted", include_str!("testdata/reader-fitted.jsonl")), ("fresh", include_str!("testdata/reader-fresh.jsonl"))];

/// What the whole researcher reaches on sets that others can have as well: a little under what was measured when it was made
/// (BENCHMARKS.md), and as for wrong answers that are trusted and for what has no answer, what it promises.
const FLOORS: &[(&str, Floor)] = &[
    ("general-60", Floor { right: 31, refused: 9, trusted_and_wrong: 0 }),
    ("lookup-40", Floor { right: 0, refused: 0, trusted_and_wrong: 0 }),
];

struct Floor {
    /// So many are right at least.
    right: usize,
    /// Of what has no answer, so many are refused at least.
    refused: usize,
    /// So many wrong answers are above low at the most, those to what has none among them.
    trusted_and_wrong: usize,
}

impl Floor {
    fn holds(&self, name: &str, seen: &[Seen]) {
        let [right, ..] = counted(seen.iter().filter(|seen| seen.label.is_some()));
        let refused = seen.iter().filter(|seen| seen.right.is_none() && seen.label.is_none()).count();
        let [_, wrong, invented] = counted(seen.iter().filter(|seen| seen.label > Some(Confidence::Low)));
        assert!(right >= self.right, "{name}: {right} are right");
        assert!(refused >= self.refused, "{name}: of what has no answer {refused} are refused");
        assert!(
            wrong + invented <= self.trusted_and_wrong,
            "{name}: {wrong} wrong and {invented} invented are trusted"
        );
    }
}

/// What came of a question: the score of its answer, how it is labelled, and whether it is right; `None` if there is no
/// right one.
struct Seen {
    score: f32,
    label: Option<Confidence>,
    right: Option<bool>,
}

/// How many of some are right, wrong, and answers to what has none.
fn counted<'a>(seen: impl Iterator<Item = &'a Seen>) -> [usize; 3] {
    seen.fold([0; 3], |[right, wrong, invented], seen| match seen.right {
        Some(true) => [right + 1, wrong, invented],
        Some(false) => [right, wrong + 1, invented],
        None => [right, wrong, invented + 1],
    })
}

fn rows(set: &str) -> Vec<Row> {
    set.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn is_right(row: &Row, text: &str) -> Option<bool> {
    let pattern = row.answer_regex.as_ref()?;
    Some(RegexBuilder::new(pattern).case_insensitive(true).build().unwrap().is_match(text))
}

/// What the reader alone says, however sure it is.
fn read(corpus: &Corpus, row: &Row) -> Seen {
    let Some(Best { document, sentence, read }) = best(corpus, &row.question, &|_| true) else {
        return Seen { score: 0.0, label: None, right: is_right(row, "") };
    };
    let sentence = &document.text[sentence];
    let shown = if read.leans { format!("{}: {sentence}", document.title) } else { sentence.to_owned() };
    Seen { score: read.score, label: read.label(), right: is_right(row, &shown) }
}

/// What the whole researcher says, with the Factbook.
fn asked(corpus: &Corpus, row: Row) -> Seen {
    let answerable = row.answer_regex.is_some();
    let outcome = ask(corpus, row);
    let found = !outcome.content.starts_with("Not found");
    Seen { score: 1.0, label: found.then_some(outcome.confidence), right: answerable.then_some(outcome.right) }
}

fn table(name: &str, what: &str, seen: &[Seen]) {
    eprintln!("\n{name}, {what}: {} questions; right, wrong, answers to what has none", seen.len());
    for label in [None, Some(Confidence::Low), Some(Confidence::Medium)] {
        let of = counted(seen.iter().filter(|seen| seen.label == label));
        eprintln!("  {:8} {of:?}", label.map_or("refused".to_owned(), |label| format!("{label:?}")));
    }
}

fn curve(seen: &[Seen]) {
    for tenths in 0_u8..=19 {
        let least = f32::from(tenths) / 20.0;
        eprintln!("  ≥ {least:.2}   {:?}", counted(seen.iter().filter(|seen| seen.score >= least)));
    }
}

#[test]
fn the_labels_hold_over_a_corpus_of_somebody_else() {
    let Ok(folder) = env::var("LEGWORK_READER_CORPUS") else {
        eprintln!("SKIPPED: LEGWORK_READER_CORPUS is not set; research/measure.rs says what it names");
        return;
    };
    let folder = Path::new(&folder);
    let corpus = Corpus::load(&[folder.join("documents")]).unwrap();
    let mut sets: Vec<(String, String)> =
        OWN.iter().map(|(name, set)| ((*name).to_owned(), (*set).to_owned())).collect();
    for entry in fs::read_dir(folder.join("questions")).unwrap() {
        let path = entry.unwrap().path();
        sets.push((path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path).unwrap()));
    }
    for (name, set) in sets {
        let alone: Vec<Seen> = rows(&set).iter().map(|row| read(&corpus, row)).collect();
        table(&name, "by the reader alone", &alone);
        curve(&alone);
        let whole: Vec<Seen> = rows(&set).into_iter().map(|row| asked(&corpus, row)).collect();
        table(&name, "by the researcher", &whole);
        if let Some((_, floor)) = FLOORS.iter().find(|(of, _)| *of == name) {
            floor.holds(&name, &whole);
        }
        for seen in [&alone, &whole] {
            let [right, wrong, invented] = counted(seen.iter().filter(|seen| seen.label == Some(Confidence::Medium)));
            assert!(
                (wrong + invented) * 10 <= right + wrong + invented,
                "{name}: more than one trusted answer of ten is wrong"
            );
        }
    }
}
