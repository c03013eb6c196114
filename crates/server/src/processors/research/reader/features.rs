//! What is known of a sentence as an answer: each a number from 0 to 1.

use super::asked::{Asked, Wanted};
use super::sentence::Line;
use super::{cues, offer, place, superlative};

/// What a sentence has of a question.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Features {
    /// The share of the question's weight that stands in the sentence or the title.
    pub(super) covered: f32,
    /// The share of the names that stand in the sentence and are no part of a longer name there; a half without names.
    pub(super) exact: f32,
    /// Of the words that are no names, the share that the sentence says, in these words or in others.
    pub(super) related: f32,
    /// The same in the words of the question alone.
    pub(super) literal: f32,
    /// How much of what the question is about the title is; 0 if the title has a word that the question has not.
    pub(super) subject: f32,
    /// How well it offers the kind of thing that is asked for.
    pub(super) kind: f32,
    /// The share of the question's neighbouring words of content that stand near each other here, too.
    pub(super) together: f32,
    /// What is asked stands with the thing it is asked of.
    pub(super) attached: f32,
    /// It opens the passage.
    pub(super) opens: f32,
    /// The share of the names of the question that stand whole neither here nor in the title.
    pub(super) strange: f32,
    /// How far it falls short of the superlative that is asked for.
    pub(super) short_of: f32,
    /// It has nothing of the kind that is asked for, where that can be seen for sure.
    pub(super) void: f32,
    /// It tells a date or a number of what its title names, which is not what the question is about.
    pub(super) foreign: f32,
    /// It tells what will be, where the question does not ask for that.
    pub(super) future: f32,
    /// It says all that is asked, of the right thing, with an answer of the right kind.
    pub(super) whole: f32,
    /// It says `he`, `she` or `it` first, of somebody whom only the title names.
    pub(super) leans: bool,
    /// The numbers with which it answers a question for a date, a count or a measure.
    pub(super) told: Vec<String>,
    /// The question asks for what is so today, and no sentence says when it was written.
    pub(super) ages: bool,
}

/// What is known of a page before its sentences are looked at.
#[derive(Debug)]
pub(super) struct Page<'a> {
    pub(super) title: Line<'a>,
    /// How much of what the question is about the title is.
    pub(super) subject: f32,
    /// The title has a word that the question has not.
    is_new: bool,
}

impl<'a> Page<'a> {
    pub(super) fn of(asked: &Asked, title: &'a str) -> Self {
        // `Narcissus (plant)` is called Narcissus.
        let title = Line::of(title.split(" (").next().unwrap_or(title));
        let is_new = title.content().any(|root| !asked.says(root));
        let empty = title.content().next().is_none();
        let subject = if is_new || empty { 0.0 } else { subject(asked, &title) };
        Self { title, subject, is_new }
    }
}

/// The share of the question's names that a title has, or of all its words where it has no names.
fn subject(asked: &Asked, title: &Line<'_>) -> f32 {
    let any = asked.wanted.iter().any(|wanted| wanted.is_name);
    let counted: Vec<&Wanted> = asked.wanted.iter().filter(|wanted| wanted.is_name || !any).collect();
    share(&counted, 0.0, |wanted| yes(title.has(&wanted.root)))
}

/// The share of the weight of some words that is met, with `given` as if it were of a word that is.
fn share(of: &[&Wanted], given: f32, met: impl Fn(&Wanted) -> f32) -> f32 {
    let all: f32 = of.iter().map(|wanted| wanted.weight).sum::<f32>() + given;
    let met: f32 = of.iter().map(|wanted| wanted.weight * met(wanted)).sum::<f32>() + given;
    if all > 0.0 { met / all } else { 1.0 }
}

const fn yes(it: bool) -> f32 {
    if it { 1.0 } else { 0.0 }
}

impl Features {
    /// The features of one sentence, the `at`-th of its passage; `None` if it says nothing that the question does not.
    pub(super) fn of(asked: &Asked, page: &Page<'_>, at: usize, text: &str) -> Option<Self> {
        let line = Line::of(text);
        line.content().find(|root| !asked.says(root))?;
        let all: Vec<&Wanted> = asked.wanted.iter().collect();
        let others: Vec<&Wanted> = asked.wanted.iter().filter(|wanted| !wanted.is_name).collect();
        let said = |wanted: &Wanted| match (line.has(&wanted.root), cues::stand(&wanted.cues, &line)) {
            (true, _) => 1.0,
            (false, true) => 0.8,
            (false, false) => 0.0,
        };
        let leans = line.leans() && page.is_new;
        let foreign = page.subject == 0.0 && (line.leans() || line.owns_something());
        let mut kind = offer::fit(asked, &line);
        if leans && page.subject == 0.0 && asked.kind.is_named() {
            kind = kind.max(0.8);
        }
        // Where little is asked besides names, little hangs on it.
        let given = 0.1 * all.iter().map(|wanted| wanted.weight).sum::<f32>();
        let related = share(&others, given, said);
        let exact = place::exact(asked, &line);
        let of_it = if asked.names.is_empty() { 1.0 } else { exact.max(page.subject) };
        Some(Self {
            covered: share(&all, 0.0, |wanted| yes(line.has(&wanted.root) || page.title.has(&wanted.root))),
            exact,
            related,
            literal: share(&others, 0.0, |wanted| yes(line.has(&wanted.root))),
            subject: page.subject,
            kind,
            together: place::together(asked, &line),
            attached: place::attached(asked, page, &line),
            opens: yes(at == 0),
            strange: place::strange(asked, &line, &page.title),
            short_of: superlative::short_of(asked, &line),
            void: yes(asked.kind.is_strict() && kind < 0.5),
            foreign: yes(foreign && asked.kind.is_strict()),
            future: yes(tells_future(asked, &line)),
            whole: related * kind * of_it,
            leans,
            told: if asked.kind.is_strict() { numbers(asked, &line) } else { Vec::new() },
            ages: asked.is_of_today,
        })
    }

    /// Whether nothing is left to guess: the sentence says in the question's own words what is asked of what, and has
    /// something of the right kind to answer with.
    pub(super) fn is_clear(&self) -> bool {
        let said = self.literal >= 0.9 && self.exact >= 0.5 && self.attached >= 0.5;
        let objected = self.short_of > 0.3 || self.void + self.foreign + self.future > 0.0 || self.ages;
        said && self.kind >= 0.7 && !objected
    }

    /// What is weighed, in the order of the weights.
    pub(super) const fn all(&self) -> [f32; 15] {
        [
            self.covered,
            self.exact,
            self.related,
            self.literal,
            self.subject,
            self.kind,
            self.together,
            self.attached,
            self.opens,
            self.strange,
            self.short_of,
            self.void,
            self.foreign,
            self.future,
            self.whole,
        ]
    }
}

/// The numbers that the question does not say itself.
fn numbers(asked: &Asked, line: &Line<'_>) -> Vec<String> {
    let new = line.words.iter().zip(&line.roots).filter(|(word, root)| word.is_number() && !asked.says(root));
    new.map(|(word, _)| word.folded.clone()).collect()
}

fn tells_future(asked: &Asked, line: &Line<'_>) -> bool {
    const WORDS: &[&str] =
        &["will", "projected", "projection", "projections", "forecast", "predicted", "expected", "planned", "proposed"];
    let tells = |word: &str| WORDS.contains(&word);
    line.words.iter().any(|word| tells(&word.folded)) && !asked.folded.iter().any(|word| tells(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(question: &str, title: &str, sentence: &str) -> Features {
        let asked = Asked::read(question, &|_| 1.0);
        Features::of(&asked, &Page::of(&asked, title), 0, sentence).unwrap()
    }

    #[test]
    fn a_title_is_the_subject_if_the_question_has_all_of_it() {
        let subject = |title: &str| {
            let asked = Asked::read("Who is the mayor of Port Quill?", &|_| 1.0);
            Page::of(&asked, title).subject
        };
        assert!(subject("Port Quill (town)") > 0.9);
        assert!(subject("Port") > 0.4 && subject("Port") < 0.6);
        assert!(subject("Port Quill Guild").abs() < f32::EPSILON);
        assert!(subject("").abs() < f32::EPSILON);
    }

    #[test]
    fn what_will_be_is_told_to_those_who_ask_for_it() {
        let sentence = "Orvia will have 600,000 people.";
        assert!(features("What is the population of Orvia?", "Orvia", sentence).future > 0.0);
        assert!(features("What population will Orvia have?", "Orvia", sentence).future.abs() < f32::EPSILON);
    }

    #[test]
    fn a_date_of_another_page_is_foreign() {
        let question = "When was Mara Quill born?";
        assert!(features(question, "Jon Quill", "He was born in 1770, before Mara Quill.").foreign > 0.0);
        assert!(features(question, "Mara Quill", "She was born in 1770.").foreign.abs() < f32::EPSILON);
    }

    #[test]
    fn only_the_words_of_the_question_are_clear() {
        let clear = |sentence: &str| features("Who built the Lantern Hall?", "Tarnmouth", sentence).is_clear();
        assert!(clear("The Lantern Hall was built by Ada Corve."));
        assert!(!clear("The Lantern Hall was erected by Ada Corve."), "another word");
        assert!(!clear("The hall was built by Ada Corve."), "another name");
        assert!(!clear("The Lantern Hall was built quickly."), "no person");
    }

    #[test]
    fn a_sentence_that_only_repeats_the_question_is_none() {
        let asked = Asked::read("Who built the Lantern Hall?", &|_| 1.0);
        assert!(Features::of(&asked, &Page::of(&asked, ""), 0, "Who built the Lantern Hall?").is_none());
    }
}
