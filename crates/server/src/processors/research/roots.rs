//! A stronger stem for comparing a question with running prose: `invented` and `inventor` are one, `wrote` and `author` too.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::text::{stem, words};

/// Words that say the same in a question; the first stands for all.
const SAME: &[&[&str]] = &[
    &["write", "wrote", "written", "writer", "author", "authored", "penned"],
    &[
        "found",
        "founded",
        "founder",
        "founding",
        "established",
        "establishment",
        "establish",
        "co-founded",
        "cofounded",
        "cofounder",
        "foundation",
    ],
    &["sink", "sank", "sunk", "sinking"],
    &["fall", "fell", "fallen"],
    &["build", "built", "building", "constructed", "construction"],
    &["born", "birth", "birthplace"],
    &["win", "won", "winner", "winning"],
    &["begin", "began", "begun", "start", "started"],
    &["die", "died", "death", "dead"],
    &["height", "tall", "high", "elevation"],
    &["lead", "led", "leader"],
    &["sing", "sang", "sung", "singer"],
    &["fly", "flew", "flown"],
    &["make", "made", "maker"],
    &["live", "lived", "life"],
    &["produce", "produced", "product", "production"],
    &["happen", "happened", "occurred", "occur"],
    &["locate", "located", "location"],
    &["headquarter", "headquarters", "headquartered"],
    &["end", "ended", "ending"],
    &["symbol", "symbols"],
];

/// The root of a folded word.
pub(super) fn root(folded: &str) -> String {
    static FIRST: LazyLock<HashMap<&str, &str>> =
        LazyLock::new(|| SAME.iter().flat_map(|group| group.iter().map(|word| (*word, group[0]))).collect());
    if let Some(first) = FIRST.get(folded) {
        return (*first).to_owned();
    }
    let mut word = stem(folded);
    if !word.is_ascii() {
        return word;
    }
    for _ in 0..2 {
        let ending = ["ation", "ing", "ion", "ed", "er", "or", "ery", "ment", "al", "ly", "e", "y"];
        let Some(cut) = ending.iter().find_map(|ending| word.strip_suffix(ending).filter(|rest| rest.len() >= 4))
        else {
            break;
        };
        word.truncate(cut.len());
    }
    word
}

/// The roots of a text's words, in their order.
pub(in crate::processors) fn roots(text: &str) -> Vec<String> {
    words(text).iter().map(|word| root(&word.folded)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_share_a_root() {
        assert_eq!(root("invented"), root("inventor"));
        assert_eq!(root("discovered"), root("discovery"));
        assert_eq!(root("wrote"), root("author"));
        assert_ne!(root("capital"), root("country"));
    }
}
