//! Reads a question: its clauses, and in each the entities, the fields, the numbers and what is left over.
//!
//! What is left over decides how far an answer may be trusted: a question is understood only if every word that carries
//! content is accounted for.

use std::ops::Range;

use super::fields::{Fields, Hit, is_soft};
use super::names::{Mention, Names};
use super::text::{Word, content, is_stop, words};

/// A question, read.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) text: String,
    pub(super) words: Vec<Word>,
    pub(super) clauses: Vec<Clause>,
    /// It asks which country, and names none.
    pub(super) asks_country: bool,
    /// It can be answered by yes or no.
    pub(super) polar: bool,
    /// The two things it offers to choose from.
    pub(super) offer: Option<(Range<usize>, Range<usize>)>,
}

/// A part of a question.
#[derive(Clone, Debug, Default)]
pub(super) struct Clause {
    pub(super) mentions: Vec<Mention>,
    /// The fields asked for, with their places among the question's words.
    pub(super) hits: Vec<Hit>,
    /// Numbers, such as a year.
    pub(super) numbers: Vec<String>,
    /// Words that nothing accounts for.
    pub(super) left: Vec<usize>,
}

impl Clause {
    fn is_empty(&self) -> bool {
        self.mentions.is_empty() && self.hits.is_empty() && self.numbers.is_empty() && self.left.is_empty()
    }
}

/// What each word of the question is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Mention(usize),
    Hit(usize),
    Stop,
    Soft,
    Number,
    Break,
    Left,
}

impl Question {
    /// Reads a question.
    pub(super) fn read(text: &str, names: &Names, fields: &Fields) -> Self {
        let text = &plain_spoken(text);
        let words = words(text);
        let mut reader = Reader { text, words: &words, mentions: names.mentions(text, &words), hits: Vec::new() };
        let asks_country = reader.asks_country();
        reader.settle_mentions(asks_country);
        reader.find_hits(fields);
        let roles = reader.roles();
        let offer = offer(text, &words, &roles);
        let mut clauses = reader.clauses(&roles);
        reader.drop_small_talk(&mut clauses);
        let clauses = inherit(clauses, offer.is_some());
        let polar = is_polar(&words);
        Self { text: text.to_owned(), clauses, asks_country, polar, offer, words }
    }

    /// The stem of a word.
    pub(super) fn stem(&self, at: usize) -> &str {
        &self.words[at].stem
    }

    /// Whether the question has this word.
    pub(super) fn has(&self, folded: &str) -> bool {
        self.words.iter().any(|word| word.folded == folded)
    }

    /// One word as it was written.
    pub(super) fn slice_of(&self, at: usize) -> &str {
        &self.text[self.words[at].range.clone()]
    }

    /// The words as they were written.
    pub(super) fn slice(&self, range: &Range<usize>) -> &str {
        match (self.words.get(range.start), self.words.get(range.end.wrapping_sub(1))) {
            (Some(first), Some(last)) if range.start < range.end => &self.text[first.range.start..last.range.end],
            _ => "",
        }
    }
}

/// What people say around a question, or in several words for one.
const SPOKEN: &[(&str, &str)] = &[
    ("i was wondering if you could tell me", ""),
    ("i was wondering", ""),
    ("i am wondering", ""),
    ("i'm wondering", ""),
    ("i wonder", ""),
    ("i am curious", ""),
    ("i'm curious", ""),
    ("do you happen to know", ""),
    ("at the moment", ""),
    ("right now", ""),
    ("these days", ""),
    ("in terms of", "of"),
    ("took over as", "is"),
    ("take place", ""),
    ("takes place", ""),
    ("took place", ""),
    ("a quick rundown of", ""),
    ("a quick overview of", ""),
    ("the story behind the name", "the origin of the name"),
    ("in the year", "in"),
    ("under what kind of", "what kind of"),
    ("under which name", "which name"),
    ("under what name", "what name"),
    ("holds the office of", "is"),
    ("holds the position of", "is"),
    ("holds the post of", "is"),
    ("holds the title of", "is"),
    ("per cent ", "percent "),
    ("health care", "healthcare"),
    ("health-care", "healthcare"),
    ("out of work", "unemployed"),
    ("without a job", "unemployed"),
    ("without work", "unemployed"),
    ("tonnes of ", ""),
    ("tons of ", ""),
    ("goes to ", "is spent on "),
];

/// The question without small talk, and with one word where several say the same.
fn plain_spoken(text: &str) -> String {
    let mut text = text.replace('’', "'");
    for (said, meant) in SPOKEN {
        // Only ASCII letters change their case here, so places in both texts are the same.
        while let Some(at) = text.to_ascii_lowercase().find(said) {
            let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
            if word(text[..at].chars().next_back())
                || word(text[at + said.len()..].chars().next()) && !said.ends_with(' ')
            {
                break;
            }
            text.replace_range(at..at + said.len(), meant);
        }
    }
    text
}

struct Reader<'a> {
    text: &'a str,
    words: &'a [Word],
    mentions: Vec<Mention>,
    hits: Vec<Hit>,
}

impl Reader<'_> {
    /// `Which country …`, `In what nation …`, `Name the country …`.
    fn asks_country(&self) -> bool {
        let kind = |at: usize| matches!(self.words[at].stem.as_str(), "country" | "nation" | "state");
        let ordered = |at: usize| {
            super::rank::end_of(&self.words[at - 1].folded).is_some() || self.words[at - 1].folded.starts_with("popul")
        };
        let opener = |at: usize| matches!(self.words[at].folded.as_str(), "which" | "what" | "whose" | "name" | "the");
        let asked = (1..self.words.len()).any(|at| {
            // `countries` in the plural asks for a list, often of neighbours or partners.
            kind(at) && ordered(at)
                || kind(at)
                    && opener(at - 1)
                    && (self.words[at - 1].folded != "the" || at >= 2 && self.words[at - 2].folded == "name")
        });
        asked || self.words.first().is_some_and(|word| word.folded == "whose")
    }

    /// Adjectives count only where no country is named outright; `in the world` is no entity beside `which country`.
    fn settle_mentions(&mut self, asks_country: bool) {
        let is_world = |m: &Mention| {
            m.words.len() <= 2
                && matches!(
                    self.words[m.words.end - 1].folded.as_str(),
                    "world" | "earth" | "globe" | "planet" | "worldwide" | "global"
                )
        };
        let named: Vec<usize> =
            self.mentions.iter().filter(|m| !m.adjective).flat_map(|m| m.documents.iter().copied()).collect();
        let others = self.mentions.iter().any(|m| !is_world(m));
        let keep: Vec<bool> = self
            .mentions
            .iter()
            .map(|mention| {
                let adjective_fits = !mention.adjective
                    || named.is_empty()
                    || mention.documents.iter().all(|document| named.contains(document));
                let world = is_world(mention);
                adjective_fits && !(world && (asks_country || others))
            })
            .collect();
        let mut keep = keep.iter();
        self.mentions.retain(|_| *keep.next().unwrap_or(&true));
    }

    /// First the wordings that hold a country's name (`US ambassador`), then the others, around the names.
    fn find_hits(&mut self, fields: &Fields) {
        let content = content(self.words);
        for hit in self.matched(fields, &content) {
            let mentioned = |at: usize| self.mentions.iter().any(|m| m.words.contains(&at));
            let within = self.mentions.iter().all(|m| {
                let outside = m.words.end <= hit.at.start || m.words.start >= hit.at.end;
                outside || (m.words.start >= hit.at.start && m.words.end <= hit.at.end)
            });
            let own = hit.at.clone().any(|at| content.contains(&at) && !mentioned(at));
            if within && own && hit.at.clone().any(mentioned) {
                self.hits.push(hit);
            }
        }
        let hits = std::mem::take(&mut self.hits);
        self.mentions.retain(|m| hits.iter().all(|hit| !hit.at.contains(&m.words.start)));
        let free: Vec<usize> = content
            .into_iter()
            .filter(|at| self.mentions.iter().all(|m| !m.words.contains(at)))
            .filter(|at| hits.iter().all(|hit| !hit.at.contains(at)))
            .collect();
        self.hits = hits;
        let more = self.matched(fields, &free);
        self.hits.extend(more);
        self.hits.sort_by_key(|hit| hit.at.start);
    }

    /// Wordings over a choice of the words; each hit gets its place among all words.
    fn matched(&self, fields: &Fields, chosen: &[usize]) -> Vec<Hit> {
        let mut stems = Vec::new();
        let mut places = Vec::new();
        for &at in chosen {
            if places.last().is_some_and(|&last| self.breaks_between(last, at)) {
                stems.push(None);
                places.push(at);
            }
            stems.push(Some(self.words[at].stem.as_str()));
            places.push(at);
        }
        let mut hits = fields.hits(&stems);
        for hit in &mut hits {
            hit.at = places[hit.at.start]..places[hit.at.end - 1] + 1;
        }
        hits
    }

    /// Whether a clause ends somewhere between two words.
    fn breaks_between(&self, from: usize, to: usize) -> bool {
        (from + 1..=to).any(|at| self.mark_before(at).is_some() || is_and(&self.words[at]))
    }

    fn mark_before(&self, at: usize) -> Option<char> {
        let start = if at == 0 { 0 } else { self.words[at - 1].range.end };
        let end = self.words[at].range.start;
        let gap = &self.text[start..end];
        gap.char_indices()
            .find(|(_, c)| matches!(c, ',' | ';' | '?' | '!' | ':' | '&' | '\n' | '(' | ')'))
            .filter(|(place, c)| !matches!(c, '(' | ')') || !self.is_short_bracket(start + place))
            .map(|(_, c)| c)
            .or_else(|| gap.contains(". ").then_some('.'))
    }

    /// `GDP (PPP)`, `area (sq km)`: a bracket that goes on with what stands before it.
    fn is_short_bracket(&self, at: usize) -> bool {
        const SHORT: usize = 16;
        let rest = &self.text[at..];
        let inner = match rest.strip_prefix('(') {
            Some(inner) => inner.split(')').next(),
            None => self.text[..at].rsplit('(').next(),
        };
        inner.is_some_and(|inner| inner.chars().count() <= SHORT && !inner.contains([',', ';', '?']))
    }

    fn roles(&self) -> Vec<Role> {
        let mut roles: Vec<Role> = (0..self.words.len()).map(|at| self.plain_role(at)).collect();
        for (number, hit) in self.hits.iter().enumerate() {
            for at in hit.at.clone() {
                if self.mentions.iter().all(|m| !m.words.contains(&at)) {
                    roles[at] = Role::Hit(number);
                }
            }
        }
        for (number, mention) in self.mentions.iter().enumerate() {
            roles[mention.words.clone()].fill(Role::Mention(number));
        }
        roles
    }

    fn plain_role(&self, at: usize) -> Role {
        let word = &self.words[at];
        match word.folded.as_str() {
            _ if is_and(word) => Role::Break,
            _ if is_stop(&word.stem) => Role::Stop,
            _ if word.is_number() => Role::Number,
            _ if is_soft(&word.stem) => Role::Soft,
            _ => Role::Left,
        }
    }

    /// `I'm writing a report about Latvia. What is its capital?`: the first sentence only names what it is about.
    fn drop_small_talk(&self, clauses: &mut [Clause]) {
        if !self.text.contains('?') || clauses.iter().all(|clause| clause.hits.is_empty()) {
            return;
        }
        let starts = |at: usize| at == 0 || matches!(self.mark_before(at), Some('.' | '!' | '\n'));
        for clause in clauses.iter_mut().filter(|clause| clause.hits.is_empty()) {
            let told = clause.left.iter().all(|&at| {
                let first = (0..=at).rev().find(|&at| starts(at)).unwrap_or_default();
                let last = (at + 1..self.words.len()).find_map(|at| self.mark_before(at).filter(|c| *c != ','));
                let speaker =
                    matches!(self.words[first].folded.as_str(), "i" | "im" | "ive" | "we" | "were" | "my" | "our");
                speaker && last == Some('.')
            });
            if told {
                clause.left.clear();
            }
        }
    }

    fn clauses(&self, roles: &[Role]) -> Vec<Clause> {
        let mut clauses = vec![Clause::default()];
        for at in 0..self.words.len() {
            let inside = at > 0 && roles[at] == roles[at - 1] && matches!(roles[at], Role::Hit(_) | Role::Mention(_));
            if roles[at] == Role::Break || (self.mark_before(at).is_some() && !inside) {
                clauses.push(Clause::default());
            }
            // There is always the first one.
            let Some(clause) = clauses.last_mut() else { break };
            match roles[at] {
                Role::Mention(number) if !inside => clause.mentions.push(self.mentions[number].clone()),
                Role::Hit(number) if !inside && !clause.hits.contains(&self.hits[number]) => {
                    clause.hits.push(self.hits[number].clone());
                }
                Role::Number => clause.numbers.push(self.words[at].folded.clone()),
                Role::Left => clause.left.push(at),
                Role::Mention(_) | Role::Hit(_) | Role::Stop | Role::Soft | Role::Break => {}
            }
        }
        clauses.retain(|clause| !clause.is_empty());
        for clause in &mut clauses {
            let dropped = drop_weak(&mut clause.hits);
            // What a wording gave up must be accounted for like any other word: `life expectancy of women`.
            let kept: Vec<usize> = clause.hits.iter().map(|hit| hit.row).collect();
            let lost = dropped
                .into_iter()
                .filter(|hit| !kept.contains(&hit.row))
                .flat_map(|hit| hit.at)
                .filter(|&at| !is_light(&self.words[at].stem));
            clause.left.extend(lost.filter(|&at| self.plain_role(at) == Role::Left && roles[at] != Role::Left));
        }
        clauses
    }
}

/// In one clause a weak wording (`people`) gives way to any other (`religion`).
fn drop_weak(hits: &mut Vec<Hit>) -> Vec<Hit> {
    let dropped = if hits.iter().any(|hit| !hit.weak) {
        hits.extract_if(.., |hit| hit.weak).collect()
    } else {
        // Who lives somewhere is the least likely thing to be meant: `what do people pay with`.
        hits.sort_by_key(|hit| hit.idle);
        hits.split_off(hits.len().min(1))
    };
    let mut seen = Vec::new();
    hits.retain(|hit| {
        let new = !seen.contains(&hit.row);
        seen.push(hit.row);
        new
    });
    dropped
}

/// Words of weak wordings that say nothing beside a stronger one.
fn is_light(stem: &str) -> bool {
    matches!(
        stem,
        "people"
            | "population"
            | "part"
            | "region"
            | "found"
            | "speak"
            | "spoken"
            | "pay"
            | "grow"
            | "grown"
            | "rule"
            | "lead"
            | "run"
            | "money"
            | "belong"
    )
}

fn is_and(word: &Word) -> bool {
    matches!(word.folded.as_str(), "and" | "plus")
}

/// Lets clauses lend each other what they lack: `the capital of Mongolia and [its] population`.
fn inherit(clauses: Vec<Clause>, offered: bool) -> Vec<Clause> {
    let mut merged: Vec<Clause> = Vec::new();
    let mut topic: Vec<Mention> = Vec::new();
    for clause in clauses {
        let bare = clause.hits.is_empty() && clause.left.is_empty();
        match merged.last_mut() {
            // `… of France and Germany`
            Some(last)
                if bare && !clause.mentions.is_empty() && (!last.mentions.is_empty() || last.hits.is_empty()) =>
            {
                last.mentions.extend(clause.mentions);
                last.numbers.extend(clause.numbers);
            }
            // `Do Chile and Peru share a border?`
            Some(last) if is_topic(last) && !clause.hits.is_empty() && !clause.mentions.is_empty() => {
                let topic = std::mem::replace(last, clause);
                let own = std::mem::replace(&mut last.mentions, topic.mentions);
                let known: Vec<Vec<usize>> = last.mentions.iter().map(|mention| mention.documents.clone()).collect();
                last.mentions.extend(own.into_iter().filter(|mention| !known.contains(&mention.documents)));
            }
            // `…, NATO or the EU?`
            Some(last) if offered && clause.hits.is_empty() && !last.mentions.is_empty() => {
                last.mentions.extend(clause.mentions);
                last.left.extend(clause.left);
            }
            // `…, in 1850` and the like belong to what was said before.
            Some(last) if clause.hits.is_empty() && clause.mentions.is_empty() => {
                last.left.extend(clause.left);
                last.numbers.extend(clause.numbers);
            }
            // `What is the capital and population of …`, `Mongolia: capital`.
            _ => merged.push(clause),
        }
    }
    for at in 0..merged.len() {
        if merged[at].mentions.is_empty() {
            if topic.is_empty() {
                let later = merged[at..].iter().find(|clause| !clause.mentions.is_empty());
                merged[at].mentions = later.map(|clause| clause.mentions.clone()).unwrap_or_default();
            } else {
                merged[at].mentions.clone_from(&topic);
            }
        } else {
            topic.clone_from(&merged[at].mentions);
        }
    }
    if merged.iter().any(|clause| !clause.hits.is_empty()) {
        // A clause that only names the topic has done its work; what is left over in it must not be lost.
        let idle = |clause: &Clause| clause.hits.is_empty() && clause.left.is_empty() && clause.numbers.is_empty();
        merged.retain(|clause| !idle(clause));
    }
    merged
}

/// A clause that does nothing but name entities.
fn is_topic(clause: &Clause) -> bool {
    clause.hits.is_empty() && clause.left.is_empty() && clause.numbers.is_empty() && !clause.mentions.is_empty()
}

fn is_polar(words: &[Word]) -> bool {
    const OPENERS: &[&str] = &["is", "are", "does", "do", "has", "have", "did", "was", "were"];
    const LEADS: &[&str] = &["please", "tell", "me", "if", "whether", "so", "and", "say", "can", "you", "let", "know"];
    let first = words.iter().find(|word| !LEADS.contains(&word.folded.as_str()));
    let whether = words.iter().any(|word| word.folded == "whether");
    whether || first.is_some_and(|word| OPENERS.contains(&word.folded.as_str()))
}

/// The words on both sides of an `or`: `…, NATO or the EU?`.
fn offer(text: &str, words: &[Word], roles: &[Role]) -> Option<(Range<usize>, Range<usize>)> {
    let or = words.iter().rposition(|word| word.folded == "or")?;
    let free =
        |at: &usize| matches!(roles[*at], Role::Left | Role::Mention(_) | Role::Soft | Role::Hit(_) | Role::Number);
    let gap = |at: usize| text[words[at - 1].range.end..words[at].range.start].contains([',', ':', ';']);
    let skip = |at: &usize| matches!(words[*at].folded.as_str(), "the" | "a" | "an" | "in" | "to" | "of");
    let start = (0..or).rev().take_while(|at| free(at) || skip(at)).scan(false, |ended, at| {
        if *ended {
            return None;
        }
        *ended = at > 0 && gap(at);
        Some(at)
    });
    let left = start.last()?..or;
    let end = (or + 1..words.len()).take_while(|at| (*at == or + 1 || !gap(*at)) && (free(at) || skip(at))).last()? + 1;
    let trim = |range: Range<usize>| {
        let first = range.clone().find(|at| !skip(at)).unwrap_or(range.start);
        first..range.end
    };
    let (left, right) = (trim(left), trim(or + 1..end));
    (!left.is_empty() && !right.is_empty()).then_some((left, right))
}
