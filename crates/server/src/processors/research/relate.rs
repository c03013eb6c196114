//! Questions about one entity's relation to another: borders and memberships.

use super::facts::{Asked, answer, items};
use super::fields::names;
use super::names::Mention;
use super::part::{Finding, Part, about, evidence, missing};
use super::plan::Planner;
use super::polar;
use super::question::Clause;

impl<'a> Planner<'a, '_> {
    /// Borders and memberships, whose field may name a second entity of the question.
    pub(super) fn relation(&self, clause: &Clause, asked: &Asked<'a>) -> Vec<Part<'a>> {
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
            return vec![polar::belongs(self.corpus, document, &name)];
        }
        if rest.is_empty() && (clause.left.is_empty() || !self.question.polar) {
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
    pub(super) fn shared_border(&self, clause: &Clause) -> Vec<Part<'a>> {
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
    pub(super) fn joined(&self, clause: &Clause) -> bool {
        const RELATED: &[&str] = &["between", "with", "share"];
        let hyphened = clause.mentions.windows(2).any(|pair| {
            let text = self.question.slice(&(pair[0].words.start..pair[1].words.end));
            pair[0].words.end == pair[1].words.start && text.contains(['-', '–'])
        });
        clause.mentions.len() > 1 && !hyphened && RELATED.iter().all(|word| !self.question.has(word))
    }

    /// The first entity that is not an organisation beside another entity.
    pub(super) fn subject<'c>(&self, clause: &'c Clause) -> Option<&'c Mention> {
        let is_union = |m: &&Mention| {
            m.documents.iter().all(|&at| self.corpus.documents[at].entity.as_deref() == Some("European Union"))
        };
        clause.mentions.iter().find(|m| !is_union(m)).or(clause.mentions.first())
    }

    pub(super) fn object_text(&self, clause: &Clause, rest: &[&Mention]) -> String {
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
}
