//! Which entity a question speaks of: countries by their names, short and long, local and former spellings, adjectives.

use std::collections::BTreeMap;
use std::ops::Range;

use super::document::Document;
use super::text::{Word, words};

/// Names the Factbook does not give, or gives only in prose.
static MORE: &str = include_str!("data/names.txt");

/// Adjectives and nouns that stand for several entities, or that are words of their own.
const NOT_NAMES: &[&str] =
    &["none", "na", "as", "c", "ch", "car", "nl", "vi", "gu", "pr", "hk", "am", "as sudan", "swati", "bat"];

/// All known names, by their first word.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_first: BTreeMap<String, Vec<Name>>,
}

#[derive(Debug)]
struct Name {
    words: Vec<String>,
    documents: Vec<usize>,
    adjective: bool,
}

/// A name met in a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mention {
    /// Which of the question's words.
    pub(super) words: Range<usize>,
    /// The entities it may mean; more than one is ambiguous.
    pub(super) documents: Vec<usize>,
    /// `Mongolian`, not `Mongolia`.
    pub(super) adjective: bool,
}

impl Names {
    /// Reads the names of all entities.
    pub(super) fn new(documents: &[Document]) -> Self {
        let mut found: BTreeMap<Vec<String>, (bool, Vec<usize>)> = BTreeMap::new();
        let mut index = BTreeMap::new();
        for (at, document) in documents.iter().enumerate() {
            if let Some(entity) = &document.entity {
                index.insert(entity.as_str(), at);
                add(&mut found, entity, at, false);
                from_fields(&mut found, document, at);
            }
        }
        curated(&mut found, &index);
        let mut names = Self::default();
        for (words, (adjective, documents)) in found {
            names.by_first.entry(words[0].clone()).or_default().push(Name { words, documents, adjective });
        }
        for list in names.by_first.values_mut() {
            list.sort_by_key(|name| std::cmp::Reverse(name.words.len()));
        }
        names
    }

    /// The names in a text, the longest at each place.
    pub(super) fn mentions(&self, text: &str, words: &[Word]) -> Vec<Mention> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < words.len() {
            let Some(name) = self.longest(text, words, at) else {
                at += 1;
                continue;
            };
            let end = at + name.words.len();
            found.push(Mention { words: at..end, documents: name.documents.clone(), adjective: name.adjective });
            at = end;
        }
        found
    }

    /// All names of an entity that are no adjectives, as stems.
    pub(super) fn of(&self, document: usize) -> Vec<Vec<String>> {
        let own = |name: &&Name| !name.adjective && name.documents == [document];
        let stems = |name: &Name| name.words.iter().map(|word| super::text::stem(word)).collect();
        self.by_first.values().flatten().filter(own).map(stems).collect()
    }

    fn longest(&self, text: &str, words: &[Word], at: usize) -> Option<&Name> {
        let fits = |name: &&Name| {
            let end = at + name.words.len();
            end <= words.len()
                && name.words.iter().zip(&words[at..end]).all(|(name, word)| *name == word.folded)
                && !is_other_word(text, words, at, name)
        };
        let people = |name: &&Name| name.adjective && name.words.len() == 1 && !is_other_word(text, words, at, name);
        if let Some(name) = self.by_first.get(&words[at].folded).and_then(|list| list.iter().find(fits)) {
            return Some(name);
        }
        // `Indians` are of India.
        let single = words[at].folded.strip_suffix('s')?;
        self.by_first.get(single)?.iter().find(people)
    }
}

/// `us` the pronoun, `turkey` the bird and `jordan` the surname: only what can be told from the spelling.
fn is_other_word(text: &str, words: &[Word], at: usize, name: &Name) -> bool {
    let word = &words[at];
    let (start, end) = (word.range.start, words[at + name.words.len() - 1].range.end);
    if is_part(text, start, end) {
        return true;
    }
    let short = name.words.len() == 1 && word.folded.len() <= 3;
    if !short || text[word.range.clone()].chars().filter(|c| c.is_alphabetic()).all(char::is_uppercase) {
        return false;
    }
    match word.folded.as_str() {
        "us" => at == 0 || words[at - 1].folded != "the",
        "uk" | "usa" | "uae" | "eu" | "drc" | "prc" => false,
        _ => !word.is_capital(text),
    }
}

/// `Middle-earth`, `US-based` and `.eu` are words of their own; `US-Canada` is two names.
fn is_part(text: &str, start: usize, end: usize) -> bool {
    let lower = |c: char| c.is_alphanumeric() && !c.is_uppercase();
    let after = text[end..].strip_prefix('-').is_some_and(|rest| rest.starts_with(lower));
    let before = text[..start].strip_suffix('-').is_some_and(|rest| {
        let word = rest.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        let two_names = word.starts_with(char::is_uppercase) && text[start..].starts_with(char::is_uppercase);
        !word.is_empty() && !two_names
    });
    after
        || before
        || text[..start].ends_with('.') && !text[..start].trim_end_matches('.').ends_with(char::is_alphanumeric)
}

type Found = BTreeMap<Vec<String>, (bool, Vec<usize>)>;

fn add(found: &mut Found, name: &str, document: usize, adjective: bool) {
    let words: Vec<String> = words(name).into_iter().map(|word| word.folded).collect();
    if words.is_empty() || NOT_NAMES.contains(&words.join(" ").as_str()) {
        return;
    }
    let entry = found.entry(words).or_insert((adjective, Vec::new()));
    if entry.0 && !adjective {
        *entry = (false, Vec::new());
    }
    if entry.0 == adjective && !entry.1.contains(&document) {
        entry.1.push(document);
    }
}

fn from_fields(found: &mut Found, document: &Document, at: usize) {
    for field in document.fields() {
        match (field.label, field.sub) {
            ("Country name", "conventional long form" | "conventional short form" | "abbreviation") => {
                for name in plain_names(field.value) {
                    add(found, name, at, false);
                }
            }
            ("Country name", "local short form") => {
                for name in plain_names(field.value) {
                    // A local name may be another country's English one.
                    if name.split_whitespace().count() == 1 && name.len() > 3 && !is_known(found, name) {
                        add(found, name, at, false);
                    }
                }
            }
            ("Nationality", "noun") => {
                for name in adjectives(&field.value.replace("(s)", "")) {
                    // `Pole` is a word of its own.
                    if name != "Pole" && name.split_whitespace().count() == 1 {
                        add(found, name, at, true);
                    }
                }
            }
            ("Nationality", "adjective") => {
                for name in adjectives(field.value) {
                    add(found, name, at, true);
                }
            }
            _ => {}
        }
    }
}

fn is_known(found: &Found, name: &str) -> bool {
    found.contains_key(&words(name).into_iter().map(|word| word.folded).collect::<Vec<_>>())
}

/// `DRC (or DROC)`, `US or USA`, `none`: the names in it.
fn plain_names(value: &str) -> impl Iterator<Item = &str> {
    let head = value.split([';', '(', '/', ',']).next().unwrap_or_default();
    head.split(" or ").map(str::trim).filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("none"))
}

/// `Lao or Laotian`, `Swati; note - …`, `Trinidadian, Tobagonian`: the adjectives in it.
fn adjectives(value: &str) -> impl Iterator<Item = &str> {
    let head = value.split([';', '(', '/']).next().unwrap_or_default();
    head.split(" or ").flat_map(|part| part.split(", ")).map(str::trim).filter(|name| name.len() > 3)
}

/// Reads `names.txt`; its adjectives replace what several entities share.
fn curated(found: &mut Found, index: &BTreeMap<&str, usize>) {
    for line in MORE.lines().filter(|line| !line.starts_with('#')) {
        let Some((entity, names)) = line.split_once(" = ") else { continue };
        let Some(&document) = index.get(entity) else { continue };
        let mut rest = names;
        while !rest.is_empty() {
            let (name, next) = next_name(rest);
            rest = next;
            match name.strip_prefix('~') {
                Some(adjective) => {
                    found.remove(&vec![adjective.to_lowercase()]);
                    add(found, adjective, document, true);
                }
                None => add(found, name, document, false),
            }
        }
    }
}

/// Splits at the first `, `, but keeps the Factbook's inverted forms whole: `Korea, South`.
fn next_name(list: &str) -> (&str, &str) {
    const INVERTED: &[&str] =
        &["North", "South", "The", "Republic of the", "Republic of", "Democratic Republic of the"];
    let mut from = 0;
    while let Some(comma) = list[from..].find(", ").map(|at| from + at) {
        let tail = &list[comma + 2..];
        let next = tail.split(", ").next().unwrap_or_default();
        if !INVERTED.contains(&next) {
            return (&list[..comma], tail);
        }
        from = comma + 2;
    }
    (list, "")
}

#[cfg(test)]
mod tests {
    use super::super::factbook::unpack;
    use super::*;

    fn met(question: &str) -> Vec<Vec<String>> {
        let documents = unpack().documents;
        let names = Names::new(&documents);
        let entity = |at: &usize| documents[*at].entity.clone().unwrap();
        let words = words(question);
        names.mentions(question, &words).iter().map(|m| m.documents.iter().map(entity).collect()).collect()
    }

    #[test]
    fn names_are_met_in_all_their_forms() {
        for (text, entity) in [
            ("the USA", "United States"),
            ("Holland", "Netherlands"),
            ("ivory coast", "Côte d'Ivoire"),
            ("Korea, South", "South Korea"),
            ("the Congo, Democratic Republic of the", "Democratic Republic of the Congo"),
            ("Mongolia's steppe", "Mongolia"),
            ("a Danish town", "Denmark"),
            ("Papua New Guinea", "Papua New Guinea"),
            ("the U.K.", "United Kingdom"),
            ("türkiye", "Turkey"),
            ("Myanmar", "Burma"),
        ] {
            assert_eq!(met(text), [[entity]], "{text}");
        }
    }

    #[test]
    fn a_name_of_two_entities_stays_ambiguous() {
        assert_eq!(met("Korean")[0].len(), 2);
        assert_eq!(met("Dominican")[0].len(), 2);
    }

    #[test]
    fn a_pronoun_is_not_a_country() {
        assert!(met("tell us about it").is_empty());
    }
}
