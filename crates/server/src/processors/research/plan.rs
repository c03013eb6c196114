//! Decides how each clause of a question is answered, and answers it.

use super::corpus::Corpus;
use super::document::Document;
use super::extract;
use super::facts::{Asked, answer, items};
use super::fields::names;
use super::inverse;
use super::names::Mention;
use super::part::{Finding, Part, about, evidence, missing};
use super::polar;
use super::question::{Clause, Question};
use super::rank::{self, End};
use super::text::{is_stop, stem};

/// At most this many parts are answered.
const MOST: usize = 24;

/// What an overview of an entity tells.
const OVERVIEW: &[(&str, &str, &str)] = &[
    ("Location", "", "Location"),
    ("Capital", "name", "Capital"),
    ("Population", "total", "Population"),
    ("Area", "total", "Area"),
    ("Languages", "", "Languages"),
    ("Exchange rates", "Currency", "Currency"),
    ("Government type", "", "Government type"),
    ("Executive branch", "chief of state", "Chief of state"),
    ("Executive branch", "head of government", "Head of government"),
    ("Economic overview", "", "Economic overview"),
];

/// Answers a question part by part.
pub(super) struct Planner<'a, 'q> {
    pub(super) corpus: &'a Corpus,
    pub(super) question: &'q Question,
    /// Which documents may be used.
    pub(super) usable: &'q dyn Fn(&Document) -> bool,
}

impl<'a> Planner<'a, '_> {
    /// The parts of the answer, in the order of the question.
    pub(super) fn parts(&self) -> Vec<Part<'a>> {
        let mut parts: Vec<Part<'a>> = Vec::new();
        for clause in &self.question.clauses {
            parts.extend(self.clause(clause));
        }
        if parts.iter().all(|part| matches!(part, Part::Missing { .. })) {
            if let Some(found) = extract::answer(self.corpus, &self.question.text, self.usable) {
                return vec![Part::Found(found)];
            }
            if parts.is_empty() {
                return vec![missing("the question", "nothing in the corpus speaks of it")];
            }
        }
        parts.truncate(MOST);
        parts
    }

    fn clause(&self, clause: &Clause) -> Vec<Part<'a>> {
        if clause.mentions.is_empty() {
            return vec![self.without_entity(clause)];
        }
        if let Some(part) = self.comparison(clause) {
            return vec![part];
        }
        if clause.hits.is_empty() {
            return self.without_field(clause);
        }
        (0..clause.hits.len()).flat_map(|hit| self.hit(clause, hit)).collect()
    }

    /// One field of a clause, for each entity that is its subject.
    fn hit(&self, clause: &Clause, hit: usize) -> Vec<Part<'a>> {
        let asked = Asked::new(self.corpus, self.question, clause, hit);
        if asked.row.is("orgs") || asked.row.is("closed") {
            return self.relation(clause, &asked);
        }
        if asked.row.name == "Land boundaries" && clause.mentions.len() == 2 && !self.joined(clause) {
            return self.shared_border(clause);
        }
        let polar = self.question.polar && self.question.clauses.len() == 1;
        if let Some(part) = self.tangled(clause) {
            return vec![part];
        }
        let subjects: Vec<_> = clause.mentions.iter().map(|mention| self.entity(mention)).collect();
        if polar && !asked.row.is("landlocked") && !clause.left.is_empty() && subjects.len() == 1 {
            let objects = polar::objects(self.corpus, self.question, clause);
            return self.each(&subjects, |document| polar::says(&asked, document, &objects));
        }
        self.each(&subjects, |document| vec![self.direct(&asked, clause, document, polar)])
    }

    /// Two entities side by side without a word that joins them: `Georgia the US state`.
    fn tangled(&self, clause: &Clause) -> Option<Part<'a>> {
        const JOINS: &[&str] = &["and", "or", "versus", "vs", "than", "plus", "with", "between", "to"];
        let words = &self.question.words;
        let apart = |one: &Mention, two: &Mention| {
            let (Some(last), Some(first)) = (words.get(one.words.end.wrapping_sub(1)), words.get(two.words.start))
            else {
                return true;
            };
            let joined = (one.words.end..two.words.start).any(|at| JOINS.contains(&words[at].folded.as_str()));
            // Entities that were lent from another clause stand in any order.
            last.range.end > first.range.start
                || joined
                || self.question.text[last.range.end..first.range.start]
                    .contains([',', ';', '&', '/', '?', '.', ':', '\n'])
        };
        let pair = clause.mentions.windows(2).find(|pair| !apart(&pair[0], &pair[1]))?;
        let name = self.question.slice(&(pair[0].words.start..pair[1].words.end));
        Some(missing(format!("“{name}”"), "it is not clear which of the two is meant"))
    }

    fn direct(&self, asked: &Asked<'a>, clause: &Clause, document: &'a Document, polar: bool) -> Part<'a> {
        if asked.row.is("landlocked") {
            return polar::landlocked(asked, document);
        }
        if let Some((left, right)) = &self.question.offer
            && !clause.left.is_empty()
        {
            return polar::choose(asked, self.question, document, (left, right));
        }
        let part = answer(asked, document);
        if matches!(part, Part::Missing { .. }) && !asked.left.is_empty() && asked.row.is("open") {
            return self.item_of(asked, document).unwrap_or(part);
        }
        match part {
            Part::Found(found) if polar && asked.row.is("must") => {
                let line = format!("Yes: {}", found.line);
                Part::Found(found.worded(line))
            }
            part => part,
        }
    }

    /// `How many people in Canada speak French?`: the item of a list that names what is left over.
    fn item_of(&self, asked: &Asked<'a>, document: &'a Document) -> Option<Part<'a>> {
        let field = asked.row.choices(document).next()?.into_iter().next()?;
        let item = items(field.value).into_iter().find(|item| names(item, &asked.left))?;
        let what = about(&asked.row.name, document.entity.as_deref()?);
        let proof = evidence(&field, item)?;
        let found = Finding::of_value(what, item.to_owned(), vec![proof]);
        Some(Part::Found(found.doubted("the field names it, but may not say what was asked")))
    }

    /// Borders and memberships, whose field may name a second entity of the question.
    fn relation(&self, clause: &Clause, asked: &Asked<'a>) -> Vec<Part<'a>> {
        let Some(subject) = self.subject(clause) else { return Vec::new() };
        let rest: Vec<&Mention> = clause.mentions.iter().filter(|mention| **mention != *subject).collect();
        let document = match self.entity(subject) {
            Ok(document) => document,
            Err(part) => return vec![part],
        };
        if let Some((left, right)) = &self.question.offer {
            return vec![polar::choose(asked, self.question, document, (left, right))];
        }
        if asked.row.is("orgs") && (self.question.polar || !clause.left.is_empty()) {
            let name = self.object_text(clause, &rest);
            if name.is_empty() {
                return vec![answer(asked, document)];
            }
            if !polar::is_organization(self.corpus, &polar::organization(&name)) {
                return vec![missing(format!("membership in “{name}”"), "no entry names such an organization")];
            }
            return vec![polar::belongs(document, &name)];
        }
        if rest.is_empty() && clause.left.is_empty() {
            return vec![answer(asked, document)];
        }
        if !self.question.polar && !rest.is_empty() && clause.left.is_empty() && self.joined(clause) {
            return clause
                .mentions
                .iter()
                .map(|m| self.entity(m).map_or_else(|part| part, |d| answer(asked, d)))
                .collect();
        }
        let objects: Vec<_> = polar::objects(self.corpus, self.question, clause);
        polar::says(asked, document, &objects)
    }

    /// `How long is the border between Mongolia and China?`
    fn shared_border(&self, clause: &Clause) -> Vec<Part<'a>> {
        let name = "Border countries";
        let (Ok(document), objects) =
            (self.entity(&clause.mentions[0]), polar::objects(self.corpus, self.question, clause))
        else {
            return Vec::new();
        };
        let entity = document.entity.as_deref().unwrap_or_default();
        let found = document.find("Land boundaries", "border countries").and_then(|field| {
            let spellings = &objects.first()?.1;
            let item = items(field.value).into_iter().find(|item| spellings.iter().any(|words| names(item, words)))?;
            Some(Finding::of_value(about(name, entity), item.to_owned(), vec![evidence(&field, item)?]))
        });
        vec![
            found
                .map_or_else(|| missing(about(name, entity), "the field does not name the other country"), Part::Found),
        ]
    }

    /// Whether the entities stand side by side (`of France and Spain`) and are not related to each other.
    fn joined(&self, clause: &Clause) -> bool {
        let related = ["between", "with", "share"];
        clause.mentions.len() > 1 && self.question.words.iter().all(|word| !related.contains(&word.folded.as_str()))
    }

    /// The first entity that is not an organisation beside another entity.
    fn subject<'c>(&self, clause: &'c Clause) -> Option<&'c Mention> {
        let is_union = |m: &&Mention| {
            m.documents.iter().all(|&at| self.corpus.documents[at].entity.as_deref() == Some("European Union"))
        };
        clause.mentions.iter().find(|m| !is_union(m)).or(clause.mentions.first())
    }

    fn object_text(&self, clause: &Clause, rest: &[&Mention]) -> String {
        if let Some(short) = polar::named_organization(&self.question.text) {
            return short.to_owned();
        }
        if let Some(mention) = rest.first() {
            return self.question.slice(&mention.words).to_owned();
        }
        match (clause.left.first(), clause.left.last()) {
            (Some(&first), Some(&last)) => self.question.slice(&(first..last + 1)).to_owned(),
            _ => String::new(),
        }
    }

    /// A clause with an entity and no field: a membership, an overview, or words to be searched for.
    fn without_field(&self, clause: &Clause) -> Vec<Part<'a>> {
        let Some(subject) = self.subject(clause) else { return Vec::new() };
        let document = match self.entity(subject) {
            Ok(document) => document,
            Err(part) => return vec![part],
        };
        let rest: Vec<&Mention> = clause.mentions.iter().filter(|mention| **mention != *subject).collect();
        let name = self.object_text(clause, &rest);
        if self.question.polar && !name.is_empty() && polar::is_organization(self.corpus, &polar::organization(&name)) {
            return vec![polar::belongs(document, &name)];
        }
        if clause.left.is_empty() && clause.numbers.is_empty() {
            let subjects: Vec<_> = clause.mentions.iter().map(|mention| self.entity(mention)).collect();
            return self.each(&subjects, overview);
        }
        let mut words: Vec<String> = clause.left.iter().map(|&at| self.question.stem(at).to_owned()).collect();
        words.extend(clause.numbers.iter().cloned());
        vec![extract::in_entry(document, &words, &self.question.text)]
    }

    fn without_entity(&self, clause: &Clause) -> Part<'a> {
        let what = self.question.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let what = super::facts::shortened(&what, 160);
        if let Some(part) = self.superlative(clause) {
            return part;
        }
        if let Some(domain) = domain_of(&self.question.text) {
            return self.internet_domain(domain);
        }
        let left: Vec<String> = clause
            .left
            .iter()
            .map(|&at| self.question.stem(at).to_owned())
            .chain(clause.numbers.iter().cloned())
            .collect();
        if self.question.asks_country && !clause.hits.is_empty() && !left.is_empty() {
            let asked = Asked::new(self.corpus, self.question, clause, 0);
            return inverse::countries(self.corpus, &asked, &left, self.usable);
        }
        if clause.hits.is_empty() {
            missing(what, "nothing in the corpus speaks of it")
        } else {
            missing(what, "it names no country or territory that the corpus knows")
        }
    }

    /// `Which country uses .is?`
    fn internet_domain(&self, domain: &str) -> Part<'a> {
        let wording = ["internet", "country", "code"].map(Some);
        let Some(hit) = self.corpus.fields.hits(&wording).into_iter().next() else {
            return missing(domain, "the corpus has no internet codes");
        };
        let row = self.corpus.fields.row(hit.row);
        let asked =
            Asked { row, wording: Vec::new(), numbers: Vec::new(), left: Vec::new(), how_many: false, loose: false };
        inverse::countries(self.corpus, &asked, &[domain.to_lowercase()], self.usable)
    }

    /// `Which country has the largest population?`
    fn superlative(&self, clause: &Clause) -> Option<Part<'a>> {
        let (end, implied) = self.ending()?;
        let world = self.question.words.iter().any(|word| matches!(word.folded.as_str(), "world" | "earth"));
        if !self.question.asks_country && !world || !clause.numbers.is_empty() {
            return None;
        }
        let rest = clause.left.iter().filter(|&&at| !is_order(self.question.stem(at))).count();
        let world_left =
            clause.left.iter().filter(|&&at| matches!(self.question.stem(at), "world" | "earth" | "planet")).count();
        if rest > world_left {
            return None;
        }
        self.ordered(clause, implied).map(|asked| rank::first(self.corpus, &asked, end, self.usable))
    }

    /// `Which is larger, France or Spain?`
    fn comparison(&self, clause: &Clause) -> Option<Part<'a>> {
        let (end, implied) = self.ending()?;
        let comparative = self
            .question
            .words
            .iter()
            .any(|w| w.folded.ends_with("er") || matches!(w.folded.as_str(), "more" | "less"));
        let [one, two] = clause.mentions.as_slice() else { return None };
        let rest = clause.left.iter().filter(|&&at| !is_order(self.question.stem(at))).count();
        if !comparative || rest > 0 {
            return None;
        }
        let asked = self.ordered(clause, implied)?;
        if !asked.row.is("rank") && !asked.row.is("rank!") {
            return None;
        }
        let (one, two) = (self.entity(one).ok()?, self.entity(two).ok()?);
        let part = rank::compare(&asked, end, one, two);
        Some(match part {
            Part::Found(found) if self.question.polar => {
                let yes = if Some(&found.value) == one.entity.as_ref() { "Yes" } else { "No" };
                let line = format!("{yes}: {}", found.line);
                Part::Found(found.worded(line))
            }
            part => part,
        })
    }

    /// Which end of an order the question asks for.
    fn ending(&self) -> Option<(End, Option<&'static str>)> {
        self.question.words.iter().find_map(|word| rank::end_of(&word.folded))
    }

    fn ordered(&self, clause: &Clause, implied: Option<&'static str>) -> Option<Asked<'a>> {
        let row = match clause.hits.first() {
            Some(hit) => hit.row,
            None => self.corpus.fields.hits(&[Some(implied?)]).first()?.row,
        };
        let row = self.corpus.fields.row(row);
        Some(Asked { row, wording: Vec::new(), numbers: Vec::new(), left: Vec::new(), how_many: false, loose: false })
    }

    /// The one document a mention means, or why there is none.
    fn entity(&self, mention: &Mention) -> Result<&'a Document, Part<'a>> {
        let name = self.question.slice(&mention.words);
        match mention.documents.as_slice() {
            [one] => {
                let document = &self.corpus.documents[*one];
                if (self.usable)(document) {
                    Ok(document)
                } else {
                    Err(missing(name, "the source policy of the task leaves out the corpus that knows it"))
                }
            }
            several => {
                let names: Vec<&str> =
                    several.iter().filter_map(|&at| self.corpus.documents[at].entity.as_deref()).collect();
                Err(missing(name, format!("the name is ambiguous: {}", names.join(" or "))))
            }
        }
    }

    fn each(
        &self,
        subjects: &[Result<&'a Document, Part<'a>>],
        with: impl Fn(&'a Document) -> Vec<Part<'a>>,
    ) -> Vec<Part<'a>> {
        subjects
            .iter()
            .flat_map(|subject| match subject {
                Ok(document) => with(document),
                Err(part) => vec![part.clone()],
            })
            .collect()
    }
}

/// A two-letter domain standing by itself: `.is`.
fn domain_of(text: &str) -> Option<&str> {
    text.split(|c: char| c.is_whitespace() || "\"'“”(),?!;:".contains(c)).find_map(|word| {
        let letters = word.strip_prefix('.')?.trim_end_matches('.');
        (letters.len() == 2 && letters.bytes().all(|byte| byte.is_ascii_alphabetic())).then_some(letters)
    })
}

/// Words that only say which end of an order is meant.
fn is_order(word: &str) -> bool {
    rank::end_of(word).is_some()
        || is_stop(word)
        || matches!(word, "bigger" | "larger" | "populous" | "big" | "large")
        || rank::end_of(&stem(word)).is_some()
}

/// The main facts about an entity.
fn overview(document: &Document) -> Vec<Part<'_>> {
    let entity = document.entity.as_deref().unwrap_or_default();
    OVERVIEW
        .iter()
        .filter_map(|(label, sub, name)| {
            let field = document.find(label, sub)?;
            let value = super::facts::shortened(field.value, 300);
            let proof = evidence(&field, &value)?;
            Some(Part::Found(Finding::of_value(about(name, entity), value, vec![proof])))
        })
        .collect()
}
