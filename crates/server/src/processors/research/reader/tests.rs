//! The reader over passages that were made up for it: what it finds, what it refuses, and what it never trusts.

use legwork_core::output::Confidence;

use super::*;

/// A page and what it says; nothing of it is true.
const PAGES: &[(&str, &str)] = &[
    (
        "Orvia",
        "Orvia is a country on the northern coast of Larkland. Its capital is Tarnmouth. It was founded in 1741 by Mara Quill. \
         The official language of Orvia is Orvish, and its currency is the lantern. Orvia has 412,000 inhabitants, and is \
         projected to have 600,000 by 2060.",
    ),
    (
        "Tarnmouth",
        "Tarnmouth is the capital of Orvia and its main port. The Lantern Hall, which is 48 metres tall, was built by Ada B. \
         Corve in 1802. Seven stone bridges cross the Harrow in Tarnmouth.",
    ),
    (
        "West Orvia",
        "Pellmere is the capital of West Orvia, and the second-largest town in Orvia. Pellmere is also the cultural capital of \
         Orvia.",
    ),
    ("Lake Morrow", "Lake Morrow is the largest lake in Orvia. It is 212 m deep, and is named after Jon Morrow."),
    ("Lake Harrow", "Lake Harrow is the second-largest lake in Orvia and the largest lake in the province of Tarn."),
    (
        "Ada B. Corve",
        "Ada B. Corve was an Orvish architect. She was born in Pellmere in 1770 and died in 1841. She invented the folding \
         lamp.",
    ),
    (
        "The Lanterns of Morrow Bay",
        "The Lanterns of Morrow Bay is a novel by Ilse Varn, published in 1921. It is about a keeper and his lamps.",
    ),
    (
        "Harrow (river)",
        "The Harrow is a river in Larkland. It rises in the Tarn hills, flows through Tarnmouth and enters the sea at Port Quill.",
    ),
    ("Lantern fish", "A lantern fish is a small fish of deep water that gives light. It is found near Orvia."),
    (
        "Tarnite",
        "Tarnite is a green mineral. The melting point of tarnite is 1,240 °C. It was first described in 1888.",
    ),
];

fn read(question: &str) -> Option<(String, Confidence)> {
    let candidates: Vec<Candidate<'_>> = PAGES.iter().map(|(title, text)| Candidate { title, text }).collect();
    let best = read_passages(question, &candidates, &|_| 1.0).into_iter().next()?;
    Some((candidates[best.candidate].text[best.range.clone()].to_owned(), best.label()?))
}

/// Questions and a piece of the sentence that answers.
const ANSWERED: &[(&str, &str)] = &[
    ("What is the capital of Orvia?", "Tarnmouth"),
    ("What is the capital city of Orvia?", "Tarnmouth"),
    ("Who founded Orvia?", "Mara Quill"),
    ("When was Orvia established?", "1741"),
    ("What was the founding year of Orvia?", "1741"),
    ("What is the official language of Orvia?", "Orvish"),
    ("What is the currency of Orvia?", "lantern"),
    ("What is the largest lake in Orvia?", "Morrow"),
    ("How deep is Lake Morrow?", "212 m"),
    ("Who built the Lantern Hall?", "Corve"),
    ("How tall is the Lantern Hall?", "48 metres"),
    ("What is the height of the Lantern Hall?", "48 metres"),
    ("How many bridges cross the Harrow?", "Seven"),
    ("Who wrote The Lanterns of Morrow Bay?", "Ilse Varn"),
    ("Name the author of The Lanterns of Morrow Bay.", "Ilse Varn"),
    ("Where was Ada B. Corve born?", "Pellmere"),
    ("Who invented the folding lamp?", "folding lamp"),
    ("Which river flows through Tarnmouth?", "Harrow"),
    ("What is a lantern fish?", "small fish"),
    ("What is the melting point of tarnite?", "1,240"),
];

/// Questions that the passages come near to, and do not answer.
const REFUSED: &[&str] = &[
    "Who is the mayor of Greenfield in Orvia?",
    "Who won the 2031 Orvia cup?",
    "What is the telephone number of the Lantern Hall?",
    "Who wrote The Glass Orchard of Tirn?",
    "What is the capital of Zembla?",
    "What was the closing price of tarnite on 3 March 2024?",
    "How many people work at the Lantern Hall?",
    "What is Mara Quill's email address?",
    "When was Jon Morrow married?",
    "How long is the bridge of Pellmere?",
];

#[test]
fn what_the_passages_say_is_found() {
    let found = ANSWERED.iter().filter(|(question, answer)| {
        let read = read(question);
        let right = read.as_ref().is_some_and(|(sentence, _)| sentence.contains(answer));
        assert!(right || read.is_none_or(|(_, label)| label == Confidence::Low), "{question}: trusted, and wrong");
        right
    });
    let found = found.count();
    assert!(found >= 18, "{found} of {}", ANSWERED.len());
}

#[test]
fn what_they_do_not_say_is_refused() {
    let shown: Vec<_> = REFUSED.iter().filter_map(|question| Some((question, read(question)?))).collect();
    assert!(shown.len() <= 1, "{shown:#?}");
    assert!(shown.iter().all(|(_, (_, label))| *label == Confidence::Low), "{shown:#?}");
}

#[test]
fn what_is_said_in_the_words_of_the_question_is_trusted_and_never_more() {
    let label = |question: &str| read(question).map(|(_, label)| label);
    assert_eq!(label("What is the largest lake in Orvia?"), Some(Confidence::Medium));
    assert_eq!(label("What is the melting point of tarnite?"), Some(Confidence::Medium));
    let high = ANSWERED.iter().filter(|(question, _)| label(question) == Some(Confidence::High));
    assert_eq!(high.count(), 0);
}

#[test]
fn what_is_so_today_no_sentence_proves() {
    let candidates = [Candidate { title: "", text: "Ada Corve is the mayor of Orvia." }];
    let label = |question: &str| read_passages(question, &candidates, &|_| 1.0)[0].label();
    assert_eq!(label("Who is the mayor of Orvia?"), Some(Confidence::Medium));
    assert_eq!(label("Who is the current mayor of Orvia?"), Some(Confidence::Low));
}

#[test]
fn two_that_say_another_number_are_both_doubted() {
    let page = |text| Candidate { title: "", text };
    let (one, other) = ("The Lantern Hall was built in 1741.", "The Lantern Hall was built in 1802.");
    let labels = |texts: &[&'static str]| -> Vec<Option<Confidence>> {
        let candidates: Vec<Candidate<'_>> = texts.iter().map(|text| page(text)).collect();
        let found = read_passages("When was the Lantern Hall built?", &candidates, &|_| 1.0);
        found.iter().map(Read::label).collect()
    };
    let (low, medium) = (Some(Confidence::Low), Some(Confidence::Medium));
    assert_eq!(labels(&[one]), [medium]);
    assert_eq!(labels(&[one, one]), [medium, medium]);
    assert_eq!(labels(&[one, other]), [low, low]);
}

#[test]
fn a_sentence_that_leans_on_its_title_says_so() {
    let candidates =
        [Candidate { title: "Ada Corve", text: "She was a maker of lamps. She invented the folding lamp." }];
    let best = &read_passages("Who invented the folding lamp?", &candidates, &|_| 1.0)[0];
    assert!(best.leans);
    assert_eq!(&candidates[0].text[best.range.clone()], "She invented the folding lamp.");
    let known = &read_passages("What did Ada Corve invent?", &candidates, &|_| 1.0)[0];
    assert!(!known.leans, "the question names her");
}

#[test]
fn passages_without_titles_and_questions_without_words_do_no_harm() {
    assert!(read_passages("", &[Candidate { title: "", text: "Words." }], &|_| 1.0).is_empty());
    assert!(read_passages("What is it?", &[Candidate { title: "", text: "Words." }], &|_| 1.0).is_empty());
    assert!(read_passages("Who built Orvia?", &[], &|_| 1.0).is_empty());
    let odd = ["", " ", "…", "«»", "ß. Æ’s", "한국어 문장입니다.", "a\u{301} b's 's", "1,2.3.", "of", "'s"];
    for text in odd {
        for question in odd.into_iter().chain(["What is the largest of the?", "Whose 's", "Which of", "First"]) {
            for read in read_passages(question, &[Candidate { title: text, text }], &|_| 0.0) {
                assert!(text.get(read.range).is_some());
            }
        }
    }
}
