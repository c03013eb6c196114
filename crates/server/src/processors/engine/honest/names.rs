//! Proper names in a text, and whether another text has them.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::scan::{Item, Kind, Word, run_together};
use crate::processors::research::stem;

/// Words that are written large where a sentence begins, and are no names.
const BEGINNINGS: &str = "a about above according across additionally after afterwards all almost along already also although \
    altogether among an and another any approximately are around as aside assuming at away back based because been before \
    behind below besides between beyond both broadly but by can certain clearly collectively combined compared consequently \
    considering contrary conversely could critics currently data described despite did do does due during each earlier \
    either elsewhere equally especially established estimates even eventually every everything evidence except experts far few \
    fewer figures finally findings following for formally former formerly from further furthermore generally given globally \
    had half has have he hence her here high higher highest his historically how however i if in indeed initially instead is \
    it its itself just key known large larger last lastly late later latest least less lesser like likewise little local \
    located long main mainly major many may meanwhile mid might more moreover most mostly much must named namely near nearby \
    nearly neither never nevertheless new next no none nonetheless nor not notable notably note nothing now of off official \
    often on once one only or originally other others otherwise our out over overall partly per perhaps previously primarily \
    prior recent recently regarding relevant reportedly reports research researchers respectively results roughly second \
    secondly see separately several she should similarly since small so some sometimes soon sources specifically still studies \
    subsequently such summary than thanks that the their them then there thereby therefore these they third this those though \
    through throughout thus to today together too total toward towards two typically under unlike until up upon usually \
    various very was we well were what whatever when where whereas whether which while who whose why will with within without \
    would yes yet you";

/// Small words that are written large in titles and never are names, and answers that name nothing.
const SMALL: &str = "a an and any are as at be but by for from has have he her his i if in into is it its no none nor not of on \
    or our she so that the their there these they this those to was we were with yes you true false unknown null der die das \
    und von le la les de du des el los las il lo gli n na tbd am pm";

/// Letters that stand for words everywhere.
const KNOWN: &[(&str, &str)] = &[
    ("us", "united states"),
    ("usa", "united states"),
    ("uk", "united kingdom"),
    ("eu", "european union"),
    ("un", "united nations"),
    ("uae", "united arab emirates"),
    ("gdp", "gross domestic product"),
    ("gnp", "gross national product"),
    ("ceo", "chief executive"),
    ("cfo", "chief financial officer"),
    ("cto", "chief technology officer"),
    ("ppp", "purchasing power parity"),
    ("hq", "headquarter"),
    ("ipo", "initial public offering"),
];

/// Words before a person's name.
const TITLES: &[&str] = &[
    "president",
    "vice",
    "prime",
    "minister",
    "king",
    "queen",
    "emperor",
    "chancellor",
    "premier",
    "prince",
    "princess",
    "pope",
    "governor",
    "general",
    "captain",
    "mr",
    "mrs",
    "ms",
    "dr",
    "prof",
    "professor",
    "sir",
    "dame",
    "lord",
    "lady",
    "chief",
    "executive",
    "officer",
    "ceo",
    "cfo",
    "cto",
    "chairman",
    "chairwoman",
    "chair",
    "director",
    "senator",
    "judge",
    "justice",
    "mayor",
    "secretary",
    "founder",
    "coach",
    "actor",
    "actress",
    "author",
    "king's",
];

fn listed(words: &'static str) -> HashSet<&'static str> {
    words.split_whitespace().collect()
}

/// Whether a word says no more than that a sentence begins.
pub(super) fn is_beginning(folded: &str) -> bool {
    static SET: LazyLock<HashSet<&str>> = LazyLock::new(|| listed(BEGINNINGS));
    SET.contains(folded)
}

fn is_small(folded: &str) -> bool {
    static SET: LazyLock<HashSet<&str>> = LazyLock::new(|| listed(SMALL));
    SET.contains(folded)
}

/// The names that a text holds, to hold others against.
#[derive(Debug, Default)]
pub(super) struct Names {
    words: HashSet<String>,
    stems: HashSet<String>,
    /// Words that are written in capitals.
    acronyms: HashSet<String>,
    /// All words with what they begin with, and whether that is large; for acronyms that are spelled out.
    sequence: Vec<(String, bool)>,
    /// Words that stand together as names do: `Bill Gates`.
    runs: Vec<Vec<String>>,
    /// The text without anything but its letters.
    together: String,
}

impl Names {
    /// The names among a text's items.
    pub(super) fn of(text: &str, items: &[Item]) -> Self {
        let mut names = Self::default();
        for item in items {
            match &item.kind {
                Kind::Word(word) => names.add(word),
                // `F-16s` and `node.js` are words as well.
                Kind::Code(code) => drop(names.words.insert(code.clone())),
                Kind::Number(_) | Kind::Date(_) => {}
            }
        }
        names.runs =
            runs(items).into_iter().map(|run| run.into_iter().map(|word| word.folded.clone()).collect()).collect();
        if items.iter().any(|item| matches!(&item.kind, Kind::Word(word) if word.is_unparted)) {
            names.together = run_together(text);
        }
        names
    }

    fn add(&mut self, word: &Word) {
        self.words.insert(word.folded.clone());
        self.words.extend(word.after.clone());
        self.stems.insert(stem(&word.folded));
        if word.is_acronym {
            self.acronyms.insert(word.folded.clone());
        }
        let is_large = word.is_name;
        self.sequence.push((word.folded.clone(), is_large));
    }

    /// Whether a word stands here, as a name or in a sentence.
    pub(super) fn has(&self, word: &Word, starts: bool) -> bool {
        if word.is_unparted {
            return self.together.contains(&run_together(&word.folded));
        }
        let folded = word.folded.as_str();
        if word.is_acronym && folded.chars().count() <= 3 && folded.chars().count() > 1 {
            return self.acronyms.contains(folded) || self.spells(folded);
        }
        self.words.contains(folded)
            || word.after.as_ref().is_some_and(|after| self.words.contains(after))
            || starts && self.stems.contains(&stem(folded))
            || self.has_people(folded)
            || word.is_acronym && self.spells(folded)
            || is_initial(folded)
                && self.sequence.iter().any(|(other, is_large)| *is_large && other.starts_with(folded))
    }

    /// `Mongolian` for `Mongolia`, and the other way round.
    fn has_people(&self, folded: &str) -> bool {
        let of = |name: &str| name.ends_with('a') && name.len() > 3;
        folded.strip_suffix('n').is_some_and(|land| of(land) && self.words.contains(land))
            || of(folded) && self.words.contains(&format!("{folded}n"))
    }

    /// Whether the letters of an acronym begin words that stand in a row here: three or more large ones, with small words
    /// between; or those that everybody knows.
    fn spells(&self, acronym: &str) -> bool {
        let known = KNOWN.iter().filter(|(letters, _)| *letters == acronym);
        let mut runs = known.map(|(_, words)| words.split(' ').collect::<Vec<_>>());
        let stands = |run: &Vec<&str>| {
            self.sequence
                .windows(run.len())
                .any(|window| window.iter().zip(run).all(|((word, _), part)| word.starts_with(part)))
        };
        if runs.any(|run| stands(&run)) {
            return true;
        }
        let letters: Vec<char> = acronym.chars().collect();
        letters.len() >= 3 && (0..self.sequence.len()).any(|from| self.begins_with(from, &letters))
    }

    fn begins_with(&self, from: usize, letters: &[char]) -> bool {
        let mut left = letters.iter();
        let mut next = left.next();
        for (word, is_large) in &self.sequence[from..] {
            let Some(letter) = next else { return true };
            let is_first = next == letters.first();
            if word.starts_with(*letter) && (*is_large || is_small(word) && !is_first) {
                next = left.next();
            } else if *is_large || !is_small(word) || is_first {
                return false;
            }
        }
        next.is_none()
    }

    /// Whether two words that a text writes as one name belong to two names here: `Bill Allen` to `Bill Gates and Paul Allen`.
    fn mixes(&self, first: &str, second: &str) -> bool {
        let has = |run: &&Vec<String>, word: &str| run.iter().any(|other| other == word);
        let apart = |one: &str, other: &str| {
            let mut with = self.runs.iter().filter(|run| has(run, one)).peekable();
            with.peek().is_some() && with.all(|run| run.len() > 1 && !has(&run, other))
        };
        apart(first, second) && apart(second, first)
    }
}

/// A single letter.
fn is_initial(folded: &str) -> bool {
    folded.chars().count() == 1
}

/// Large words that stand together, each run a name or several; titles are no part of them.
fn runs(items: &[Item]) -> Vec<Vec<&Word>> {
    let mut found: Vec<Vec<&Word>> = Vec::new();
    let mut open = false;
    for item in items {
        let name = match &item.kind {
            Kind::Word(word) if word.is_name && !is_small(&word.folded) => Some(word),
            Kind::Word(_) | Kind::Number(_) | Kind::Date(_) | Kind::Code(_) => None,
        };
        let Some(word) = name.filter(|word| !(item.starts && is_beginning(&word.folded))) else {
            open = false;
            continue;
        };
        if TITLES.contains(&word.folded.as_str()) {
            open = false;
            continue;
        }
        match found.last_mut().filter(|_| open && item.joined && !item.starts) {
            Some(run) => run.push(word),
            None => found.push(vec![word]),
        }
        open = true;
    }
    found
}

/// How a text's names are held against others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum As {
    /// A value: each of its large words is a name.
    Value,
    /// A sentence: large words of scripts without small ones are not told from others.
    Sentence,
}

/// The names among these items that stand in none of the texts, in the words of the items, and how many there are in all.
pub(super) fn missing(items: &[Item], among: &[&Names], read_as: As) -> (usize, Vec<String>) {
    let mut count = 0;
    let mut missing = Vec::new();
    let shouted = !items.iter().any(|item| item.text.chars().any(char::is_lowercase));
    for (at, item) in items.iter().enumerate() {
        let Kind::Word(word) = &item.kind else { continue };
        let is_cased = item.text.chars().any(char::is_uppercase);
        let is_claim = word.is_name && !is_small(&word.folded) && (is_cased || read_as == As::Value);
        // `About 5 km` begins with no name, `Will Smith` does.
        let goes_on = read_as == As::Value && items.get(at + 1).is_none_or(|next| next.joined && is_large(next));
        // `WHO says so` begins with one, too; in a text that is shouted nobody can tell.
        let is_acronym = word.is_acronym && !shouted;
        if !is_claim || item.starts && is_beginning(&word.folded) && !goes_on && !is_acronym {
            continue;
        }
        count += 1;
        if !among.iter().any(|names| names.has(word, item.starts)) {
            missing.push(item.text.clone());
        }
    }
    for run in runs(items) {
        if let [first, second] = run.as_slice()
            && among.iter().any(|names| names.mixes(&first.folded, &second.folded))
            && !among.iter().any(|names| names.stand_together(&first.folded, &second.folded))
        {
            missing.push(format!("{} {}", first.folded, second.folded));
        }
    }
    (count, missing)
}

fn is_large(item: &Item) -> bool {
    match &item.kind {
        Kind::Word(word) => word.is_name && !is_small(&word.folded),
        Kind::Number(_) | Kind::Date(_) | Kind::Code(_) => false,
    }
}

/// The names of a question. Its first word is none unless it is the first of several.
pub(super) fn question_names(items: &[Item]) -> Vec<&Word> {
    let named = items.iter().enumerate().filter(|(at, item)| {
        let goes_on = items.get(at + 1).is_some_and(|next| next.joined && is_large(next));
        let begins = matches!(&item.kind, Kind::Word(word) if is_beginning(&word.folded));
        is_large(item) && !(item.starts && (begins || !goes_on))
    });
    named.filter_map(|(_, item)| if let Kind::Word(word) = &item.kind { Some(word) } else { None }).collect()
}

impl Names {
    fn stand_together(&self, first: &str, second: &str) -> bool {
        self.runs.iter().any(|run| run.iter().any(|word| word == first) && run.iter().any(|word| word == second))
    }
}

#[cfg(test)]
mod tests {
    use super::super::scan::items;
    use super::*;

    fn lacks(claim: &str, text: &str) -> Vec<String> {
        let names = Names::of(text, &items(text));
        missing(&items(claim), &[&names], As::Sentence).1
    }

    #[test]
    fn names_are_compared_without_accents_and_possessives() {
        assert!(lacks("São Tomé’s port", "sao tome has a port").is_empty());
        assert!(lacks("Ulan Bator", "ULAN BATOR").is_empty());
        assert_eq!(lacks("Ulaanbaater", "Ulaanbaatar"), ["Ulaanbaater"]);
        assert!(lacks("l’Europe", "in Europe").is_empty());
        assert!(lacks("The Mongolian steppe", "the steppe of Mongolia").is_empty());
        assert_eq!(lacks("The Austrian steppe", "the steppe of Australia"), ["Austrian"]);
    }

    #[test]
    fn an_acronym_stands_for_the_words_it_is_made_of() {
        assert!(lacks("WHO says so", "the World Health Organization says").is_empty());
        assert!(lacks("BOA", "Bank of America").is_empty());
        assert!(lacks("The U.S. economy", "the United States economy").is_empty());
        assert!(lacks("GDP rose", "its gross domestic product rose").is_empty());
        assert_eq!(lacks("US exports", "they told us of exports"), ["US"]);
        assert_eq!(lacks("WHO says so", "who says so"), ["WHO"]);
        assert_eq!(lacks("IMF", "it may fall"), ["IMF"], "small words are no name");
        assert_eq!(lacks("World Health Organization", "the WHO says"), ["World", "Health", "Organization"]);
    }

    #[test]
    fn parts_of_two_names_are_no_name() {
        let text = "It was founded by Bill Gates and Paul Allen.";
        assert!(lacks("Bill Gates, Paul Allen", text).is_empty());
        assert_eq!(lacks("Bill Allen", text), ["bill allen"]);
        assert!(lacks("Bill Gates", "Bill and Melinda Gates").is_empty());
        assert!(lacks("Prime Minister Ulf Kristersson", "Ulf Kristersson, the Prime Minister").is_empty());
    }

    #[test]
    fn the_beginning_of_a_sentence_is_no_name() {
        assert!(lacks("However, it rose. Prices fell.", "it rose; the price fell").is_empty());
        assert_eq!(lacks("Mangolia rose.", "Mongolia rose"), ["Mangolia"]);
    }

    #[test]
    fn scripts_without_spaces_are_compared_letter_by_letter() {
        let text = "蒙古国的首都是乌兰巴托，人口约一百六十万。";
        let names = Names::of(text, &items(text));
        assert!(missing(&items("乌兰巴托"), &[&names], As::Value).1.is_empty());
        assert_eq!(missing(&items("乌兰乌德"), &[&names], As::Value).1, ["乌兰乌德"]);
    }
}
