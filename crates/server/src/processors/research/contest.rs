//! Questions that put entities in order: which has the most, and which of two has more.

use super::facts::Asked;
use super::part::Part;
use super::plan::Planner;
use super::question::Clause;
use super::rank::{self, End};
use super::text::{is_stop, stem};

impl<'a> Planner<'a, '_> {
    /// `Which country has the largest population?`
    pub(super) fn superlative(&self, clause: &Clause) -> Option<Part<'a>> {
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
    pub(super) fn comparison(&self, clause: &Clause) -> Option<Part<'a>> {
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
            Part::Found(ref found) if self.question.polar => {
                let yes = if Some(&found.value) == one.entity.as_ref() { "Yes" } else { "No" };
                let line = format!("{yes}: {}", found.line);
                Part::Found(found.clone().worded(line))
            }
            Part::Found(_) | Part::Missing { .. } => part,
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
        Some(Asked::of_row(row))
    }
}

/// Words that only say which end of an order is meant.
fn is_order(word: &str) -> bool {
    rank::end_of(word).is_some()
        || is_stop(word)
        || matches!(word, "bigger" | "larger" | "populous" | "big" | "large")
        || rank::end_of(&stem(word)).is_some()
}
