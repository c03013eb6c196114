//! A question read for what it is about, what is asked of it, and what kind of thing answers.

use std::ops::Range;

use super::super::roots::root;
use super::super::text::{Word, is_stop, words};
use super::cues;
use super::kind::Kind;
use super::sentence::Line;

/// Words that tell what kind of thing is asked for and need not stand in an answer.
const CLASSES: &[&str] =
    &["year", "date", "day", "time", "name", "number", "amount", "value", "thing", "kind", "type", "sort", "one"];
/// The same where they follow `which` or `capital`: `which country`, `the capital city`.
const CHOICES: &[&str] =
    &["city", "town", "country", "state", "nation", "place", "person", "man", "woman", "company", "location"];
/// Words that say no more than that something is or came to be so.
const LIGHT: &[&str] = &[
    "happen",
    "take",
    "locate",
    "situate",
    "call",
    "consider",
    "make",
    "use",
    "name",
    "know",
    "find",
    "get",
    "go",
    "say",
    "come",
    "normally",
    "usually",
    "typically",
    "main",
    "mean",
    "define",
    "work",
];
/// What such words count, of what their rarity is worth.
const LITTLE: f32 = 0.2;
/// Small words that may stand inside a name.
const INSIDE: &[&str] =
    &["of", "the", "and", "de", "da", "del", "la", "le", "van", "von", "in", "on", "for", "to", "a"];
/// Words for what is so when the question is asked.
const TODAY: &[&str] =
    &["current", "currently", "latest", "now", "nowadays", "today", "present", "presently", "recent"];

/// A word of the question that carries content.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) root: String,
    /// What it is worth.
    pub(super) weight: f32,
    /// It is a part of a name.
    pub(super) is_name: bool,
    /// What a sentence may say instead.
    pub(super) cues: Vec<&'static str>,
}

/// A question.
#[derive(Debug)]
pub(super) struct Asked {
    /// Its words of content, each once.
    pub(super) wanted: Vec<Wanted>,
    /// Its names, each as a run of roots with the small words inside.
    pub(super) names: Vec<Vec<String>>,
    /// All of its roots in their order.
    pub(super) roots: Vec<String>,
    /// All of its words in their order.
    pub(super) folded: Vec<String>,
    /// Which kind of thing answers.
    pub(super) kind: Kind,
    /// What is asked of something, if the question puts it so: `capital` of `the capital of France`.
    pub(super) head: Option<String>,
    /// It asks for what is so when it is asked.
    pub(super) is_of_today: bool,
}

impl Asked {
    /// Reads a question; `rarity` says what a stem is worth.
    pub(super) fn read(question: &str, rarity: &dyn Fn(&str) -> f32) -> Self {
        let mut words = words(question);
        // `Name the author`, `Find the river`: the order is no part of what is asked.
        let orders = ["name", "find", "tell", "give", "list"];
        if words.first().is_some_and(|word| orders.contains(&word.folded.as_str())) {
            words.remove(0);
        }
        let spans = names(question, &words);
        let mut wanted: Vec<Wanted> = Vec::new();
        for (at, word) in words.iter().enumerate() {
            let root = root(&word.folded);
            if is_empty(question, &words, at) || wanted.iter().any(|known| known.root == root) {
                continue;
            }
            let is_name = spans.iter().any(|span| span.contains(&at));
            let worth = if !is_name && is_little(&words, at) { LITTLE } else { 1.0 };
            let cues = if is_name { Vec::new() } else { cues::of(&root) };
            wanted.push(Wanted { weight: worth * rarity(&word.stem).max(0.1), root, is_name, cues });
        }
        let roots: Vec<String> = words.iter().map(|word| root(&word.folded)).collect();
        let electric = |at: usize| !is_empty(question, &words, at);
        let is_of_today = (0..words.len()).any(|at| TODAY.contains(&words[at].folded.as_str()) && !electric(at));
        Self {
            names: spans.into_iter().map(|span| roots[span].to_vec()).collect(),
            folded: words.iter().map(|word| word.folded.clone()).collect(),
            kind: Kind::of(&words),
            head: head(question, &words),
            wanted,
            roots,
            is_of_today,
        }
    }

    /// Whether it asks for nothing that could be looked for.
    pub(super) fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Whether at least half of the words of its names stand in a passage or its title.
    pub(super) fn is_anchored(&self, title: &Line<'_>, passage: &str) -> bool {
        let names: Vec<&Wanted> = self.wanted.iter().filter(|wanted| wanted.is_name).collect();
        let passage = Line::of(if names.is_empty() { "" } else { passage });
        let found = names.iter().filter(|name| title.has(&name.root) || passage.has(&name.root)).count();
        found * 2 >= names.len()
    }

    /// Whether the question says this word itself.
    pub(super) fn says(&self, root: &str) -> bool {
        self.roots.iter().any(|known| known == root)
    }

    /// Whether it is one of the question's words of content.
    pub(super) fn wants(&self, root: &str) -> bool {
        self.wanted.iter().any(|wanted| wanted.root == root)
    }
}

/// Whether a word says nothing about what is asked: `current` in `the current king`, but not in `an electric current`; the
/// end of `amazon.com`.
fn is_empty(question: &str, words: &[Word], at: usize) -> bool {
    let word = &words[at];
    let before = question[..word.range.start].chars().next_back();
    if before == Some('.') && ["com", "org", "net"].contains(&word.folded.as_str()) {
        return true;
    }
    let last = words.get(at + 1).is_none_or(|next| is_stop(&next.stem));
    let flows = last && at > 1 && word.folded == "current" && !is_stop(&words[at - 1].stem);
    is_stop(&word.stem) && !flows
}

fn is_little(words: &[Word], at: usize) -> bool {
    let own = root(&words[at].folded);
    let listed = |list: &[&str]| list.iter().any(|other| root(other) == own);
    let before = at.checked_sub(1).map(|at| words[at].folded.as_str());
    let chosen = matches!(before, Some("what" | "which" | "whose" | "capital"));
    listed(CLASSES) || listed(LIGHT) || chosen && listed(CHOICES)
}

/// The root of the word before `of` and a thing, or of the last behind a thing's `'s`.
fn head(question: &str, words: &[Word]) -> Option<String> {
    let word = |at: usize| words[at].folded.as_str();
    let content = |at: usize| words.get(at).is_some_and(|word| !is_stop(&word.stem));
    let parts = |at: usize| {
        let thing = if at + 1 < words.len() && word(at + 1) == "the" { at + 2 } else { at + 1 };
        let asks = content(at - 1) && !words[at - 1].is_capital(question);
        ["of", "in", "on", "for", "at"].contains(&word(at)) && asks && content(thing)
    };
    if let Some(at) = (1..words.len()).find(|&at| parts(at)).map(|at| at - 1) {
        // `The capital city of` asks for a capital, `the founding year of` for a founding.
        let kind = at > 0 && (CLASSES.contains(&word(at)) || CHOICES.contains(&word(at)) && word(at - 1) == "capital");
        return Some(root(word(if kind && content(at - 1) { at - 1 } else { at })));
    }
    let owner = words.iter().position(|word| {
        let written = &question[word.range.clone()];
        ["'s", "’s", "s'", "s’"].iter().any(|end| written.ends_with(end))
    })?;
    let last = (owner + 1..words.len()).take_while(|&at| content(at)).last()?;
    Some(root(word(last)))
}

/// Where the names stand among the words of a question. Its first word is a part of one only if the next is.
fn names(question: &str, words: &[Word]) -> Vec<Range<usize>> {
    let large =
        |at: usize| words.get(at).is_some_and(|word| word.is_capital(question) && (at > 0 || !is_stop(&word.stem)));
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut at = usize::from(!large(1));
    while at < words.len() {
        if !large(at) {
            at += 1;
            continue;
        }
        let start = at;
        let mut end = at + 1;
        at += 1;
        while at < words.len() && joined(question, &words[at - 1], &words[at]) {
            if large(at) {
                end = at + 1;
            } else if !INSIDE.contains(&words[at].folded.as_str()) || at - end >= 2 {
                break;
            }
            at += 1;
        }
        found.push(start..end);
        at = end;
    }
    found
}

/// Whether nothing but what stands inside names stands between two words.
fn joined(text: &str, one: &Word, other: &Word) -> bool {
    text[one.range.end..other.range.start].chars().all(|c| matches!(c, ' ' | '-' | '–' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(question: &str) -> Asked {
        Asked::read(question, &|_| 1.0)
    }

    fn names(question: &str) -> Vec<String> {
        read(question).names.into_iter().map(|run| run.join(" ")).collect()
    }

    #[test]
    fn names_are_runs_with_the_small_words_inside() {
        assert_eq!(names("Who wrote The Lanterns of Morrow Bay?"), ["the lantern of morrow bay"]);
        assert_eq!(names("Which sea lies between Larkland and Orvia?"), ["larkland and orvia"]);
        assert_eq!(names("Mara Quill was born where?"), ["mara quill"]);
        assert!(names("Which river is the longest?").is_empty());
    }

    #[test]
    fn what_tells_the_kind_only_weighs_little() {
        let weight = |question: &str, word: &str| {
            read(question).wanted.into_iter().find(|wanted| wanted.root == root(word)).map(|wanted| wanted.weight)
        };
        assert_eq!(weight("Which country is Morrow Bay in?", "country"), Some(LITTLE));
        assert_eq!(weight("What is the largest country in Larkland?", "country"), Some(1.0));
        assert_eq!(weight("In what year was Orvia founded?", "year"), Some(LITTLE));
        assert_eq!(weight("What is the capital city of Orvia?", "city"), Some(LITTLE));
    }

    #[test]
    fn an_order_and_the_end_of_an_address_are_no_words_of_content() {
        let wanted = |question: &str| read(question).wanted.into_iter().map(|wanted| wanted.root).collect::<Vec<_>>();
        assert_eq!(wanted("Name the author of Harrowgate."), [root("author"), root("harrowgate")]);
        assert_eq!(wanted("Who founded Quillmart.com?"), [root("founded"), root("quillmart")]);
        assert_eq!(wanted("What is an electric current?"), [root("electric"), root("current")]);
    }

    #[test]
    fn what_is_asked_of_a_thing_stands_before_of_or_behind_its_owner() {
        let head = |question: &str| read(question).head;
        let is = |word: &str| Some(root(word));
        assert_eq!(head("What is the capital city of Orvia?"), is("capital"));
        assert_eq!(head("What was the founding year of Orvia University?"), is("founding"));
        assert_eq!(head("What is Larkland's population?"), is("population"));
        assert_eq!(head("What is the largest lake in the world?"), is("lake"));
        assert_eq!(head("Who wrote Harrowgate?"), None);
    }

    #[test]
    fn a_question_may_ask_for_what_is_so_today() {
        assert!(read("Who is the current mayor of Orvia?").is_of_today);
        assert!(!read("What is the unit of electric current?").is_of_today);
    }

    #[test]
    fn a_passage_has_half_of_the_names_of_its_question() {
        let asked = read("Who is the mayor of Greenfield in Ruritania?");
        let anchored = |title: &str, text: &str| asked.is_anchored(&Line::of(title), text);
        assert!(anchored("Greenfield", "Its mayor is Ada Corve."));
        assert!(anchored("", "The mayor of Greenfield is Ada Corve."));
        assert!(!anchored("Stonefield", "The mayor is Ada Corve."));
    }
}
