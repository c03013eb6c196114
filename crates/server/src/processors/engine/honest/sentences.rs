//! What stays of a text that a model wrote: sentences that name evidence which says what they say. The rest is dropped,
//! citations are numbered by their first use, and headings that have nothing under them go.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::cut;
use super::markdown::{Block, Text, blocks, has_address};
use super::names::{As, is_beginning, question_names};
use super::scan::{Item, Kind, items};
use super::suspect::suspicion;
use super::values::{Facts, verify};
use crate::processors::research::content_stems;

/// A piece of evidence that a text may name.
#[derive(Clone, Debug)]
pub(in crate::processors) struct Evidence<'a> {
    /// What the text calls it: `e3`.
    pub(in crate::processors) id: &'a str,
    /// Its page; evidence of one page is cited under one number.
    pub(in crate::processors) page: &'a str,
    /// The page's title: names in it need not stand in an excerpt, too.
    pub(in crate::processors) title: &'a str,
    /// The page's own words.
    pub(in crate::processors) excerpts: Vec<&'a str>,
    /// It reads like instructions to a model, so that no sentence rests on it.
    pub(in crate::processors) suspicious: bool,
}

/// A text with nothing in it that is not proved.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::processors) struct Proved {
    /// The text, as Markdown without links, images and HTML; citations as `[1]`.
    pub(in crate::processors) text: String,
    /// What each number stands for: the evidence of one page, by its place in what was given, in the order of its first use.
    pub(in crate::processors) cited: Vec<Vec<usize>>,
    /// How many sentences stayed.
    pub(in crate::processors) kept: usize,
    /// Those that did not, and why.
    pub(in crate::processors) dropped: Vec<(String, &'static str)>,
}

impl Proved {
    /// The share of sentences that stayed; of none it is nothing.
    #[expect(clippy::cast_precision_loss, reason = "no text has so many sentences")]
    pub(in crate::processors) fn share(&self) -> f64 {
        match self.kept + self.dropped.len() {
            0 => 0.0,
            all => self.kept as f64 / all as f64,
        }
    }
}

/// Of the content of an English sentence at least so many of a hundred words must stand in its English evidence.
const LIKE: usize = 25;
/// A shorter sentence is not weighed so.
const WEIGHED: usize = 4;

/// Words of headings and of columns that claim nothing.
const HEADINGS: &[&str] = &[
    "answer",
    "fact",
    "facts",
    "figure",
    "figures",
    "item",
    "items",
    "measure",
    "topic",
    "background",
    "conclusion",
    "conclusions",
    "context",
    "details",
    "economy",
    "findings",
    "geography",
    "history",
    "impact",
    "introduction",
    "market",
    "outlook",
    "overview",
    "people",
    "politics",
    "population",
    "results",
    "risks",
    "summary",
    "timeline",
    "trends",
    "age",
    "amount",
    "area",
    "category",
    "change",
    "city",
    "company",
    "cost",
    "country",
    "date",
    "day",
    "description",
    "distance",
    "employees",
    "end",
    "founded",
    "founder",
    "growth",
    "height",
    "length",
    "location",
    "month",
    "name",
    "note",
    "notes",
    "number",
    "percentage",
    "period",
    "person",
    "price",
    "product",
    "rank",
    "rate",
    "region",
    "revenue",
    "role",
    "share",
    "size",
    "source",
    "speed",
    "start",
    "status",
    "title",
    "total",
    "type",
    "unit",
    "value",
    "weight",
    "width",
    "year",
];

/// Holds a text against its evidence. Headings may use the names of the question as well.
pub(in crate::processors) fn proved(markdown: &str, evidence: &[Evidence<'_>], question: &str) -> Proved {
    let mut desk = Desk {
        evidence,
        facts: evidence.iter().map(|of| Facts::of(&of.excerpts.join("\n\n"))).collect(),
        titles: evidence.iter().map(|of| Facts::of(of.title)).collect(),
        question: Facts::of(question),
        asked: content_stems(question).into_iter().collect(),
        stems: evidence
            .iter()
            .map(|of| content_stems(&of.excerpts.join(" ")).into_iter().chain(content_stems(of.title)).collect())
            .collect(),
        found: Proved::default(),
    };
    let lines: Vec<Line> = blocks(markdown).iter().filter_map(|block| desk.block(block)).collect();
    let mut found = desk.found;
    found.text = without_entities(&written(without_empty(lines)));
    found
}

/// A reader of Markdown would make marks of these again.
fn without_entities(text: &str) -> String {
    ["&lt", "&gt", "&#", "&amp", "&quot"]
        .iter()
        .fold(text.to_owned(), |text, entity| text.replace(entity, &entity.replace('&', "\u{ff06}")))
}

/// A block that stayed.
#[derive(Clone, Debug, PartialEq)]
enum Line {
    Heading { level: usize, text: String },
    Item { indent: usize, ordered: bool, text: String },
    Paragraph { quoted: bool, text: String },
    Row { cells: Vec<String>, head: bool },
}

struct Desk<'a> {
    evidence: &'a [Evidence<'a>],
    facts: Vec<Facts>,
    titles: Vec<Facts>,
    question: Facts,
    /// The words of content of the question.
    asked: BTreeSet<String>,
    /// The words of content of each piece of evidence.
    stems: Vec<BTreeSet<String>>,
    found: Proved,
}

impl Desk<'_> {
    fn block(&mut self, block: &Block) -> Option<Line> {
        match block {
            Block::Heading { level, text } => {
                self.is_plain(&text.words).then(|| Line::Heading { level: *level, text: lead(&text.words).to_owned() })
            }
            Block::Item { indent, ordered, text } => {
                let text = self.text(text)?;
                Some(Line::Item { indent: *indent, ordered: *ordered, text })
            }
            Block::Paragraph { quoted, text } => Some(Line::Paragraph { quoted: *quoted, text: self.text(text)? }),
            Block::Row { cells, head: true } => {
                let name =
                    |cell: &Text| if self.is_plain(&cell.words) { cell_text(&cell.words) } else { String::new() };
                Some(Line::Row { cells: cells.iter().map(name).collect(), head: true })
            }
            Block::Row { cells, head: false } => self.row(cells),
        }
    }

    /// The sentences of a text that are proved.
    fn text(&mut self, text: &Text) -> Option<String> {
        let mut kept: Vec<String> = Vec::new();
        let sentences = cut::sentences(&text.words);
        for (at, range) in sentences.iter().enumerate() {
            let words = &text.words[range.clone()];
            // A mark belongs to the sentence that it stands in or right behind.
            let own = text
                .marks
                .iter()
                .filter(|(place, _)| (range.start < *place || at == 0 && *place == 0) && *place <= range.end);
            let marks: Vec<(usize, usize)> =
                own.filter_map(|(place, id)| Some((place - range.start, self.known(id)?))).collect();
            if self.stays(words, &marks) {
                kept.push(self.cited(words, &marks));
            }
        }
        let text = balanced(&kept.join(" "));
        let text = lead(&text);
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn row(&mut self, cells: &[Text]) -> Option<Line> {
        let words: Vec<&str> = cells.iter().map(|cell| cell.words.as_str()).collect();
        let marks = cells.iter().flat_map(|cell| &cell.marks).filter_map(|(_, id)| Some((0, self.known(id)?)));
        let marks: Vec<(usize, usize)> = marks.collect();
        if !self.stays(&words.join("\n"), &marks) {
            return None;
        }
        let mut shown = Vec::new();
        for cell in cells {
            let own: Vec<_> = cell.marks.iter().filter_map(|(place, id)| Some((*place, self.known(id)?))).collect();
            shown.push(cell_text(&self.cited(&cell.words, &own)));
        }
        Some(Line::Row { cells: shown, head: false })
    }

    fn known(&self, id: &str) -> Option<usize> {
        self.evidence.iter().position(|evidence| evidence.id.eq_ignore_ascii_case(id))
    }

    /// Whether a sentence stays; what does not is written down with the reason.
    fn stays(&mut self, words: &str, marks: &[(usize, usize)]) -> bool {
        if words.chars().all(|c| !c.is_alphanumeric()) {
            return false;
        }
        let Some(why) = self.objection(words, marks) else {
            self.found.kept += 1;
            return true;
        };
        self.found.dropped.push((words.trim().to_owned(), why));
        false
    }

    fn objection(&self, words: &str, marks: &[(usize, usize)]) -> Option<&'static str> {
        let own: BTreeSet<usize> =
            marks.iter().map(|(_, at)| *at).filter(|at| !self.evidence[*at].suspicious).collect();
        let plain = plain(words);
        if own.is_empty() {
            return Some(if marks.is_empty() {
                "it names no evidence"
            } else {
                "its evidence reads like instructions"
            });
        }
        if has_address(&plain) {
            return Some("it has an address");
        }
        if suspicion(&plain).is_some() {
            return Some("it reads like instructions");
        }
        let facts: Vec<&Facts> = own.iter().map(|at| &self.facts[*at]).collect();
        let titles: Vec<&Facts> = own.iter().map(|at| &self.titles[*at]).collect();
        if !verify(&plain, &facts, &titles, As::Sentence).stands() {
            return Some("its evidence does not have its numbers or names");
        }
        (!self.is_like(&plain, &own)).then_some("its evidence speaks of something else")
    }

    /// Whether an English sentence has some of its words from its English evidence.
    fn is_like(&self, words: &str, own: &BTreeSet<usize>) -> bool {
        let wanted: BTreeSet<String> = content_stems(words).into_iter().collect();
        let excerpts = || own.iter().flat_map(|at| &self.evidence[*at].excerpts);
        if wanted.len() < WEIGHED || !is_english(words) || !excerpts().any(|excerpt| is_english(excerpt)) {
            return true;
        }
        let found = wanted.iter().filter(|stem| own.iter().any(|at| self.stems[*at].contains(*stem))).count();
        found * 100 >= wanted.len() * LIKE
    }

    /// Whether a heading or the name of a column claims nothing: its numbers stand in some evidence, and half of its names
    /// there, in a title or in the question.
    fn is_plain(&self, words: &str) -> bool {
        let plain = plain(words);
        if has_address(&plain) || suspicion(&plain).is_some() {
            return false;
        }
        let items = items(&plain);
        let sound = |at: &usize| !self.evidence[*at].suspicious;
        let facts = || (0..self.evidence.len()).filter(sound).map(|at| &self.facts[at]);
        let titles = || (0..self.evidence.len()).filter(sound).map(|at| &self.titles[at]);
        let numbers = items.iter().all(|item| match &item.kind {
            Kind::Number(number) => facts().any(|facts| facts.has_number(number)),
            Kind::Date(dates) => facts().any(|facts| dates.iter().any(|date| facts.has_day(*date))),
            Kind::Code(code) => facts().any(|facts| facts.has_code(code)),
            Kind::Word(_) => true,
        });
        let all = || facts().chain(titles()).chain([&self.question]);
        let names = question_names(&items);
        let is_known = |word: &str| is_beginning(word) || HEADINGS.contains(&word);
        let known =
            names.iter().filter(|word| is_known(&word.folded) || all().any(|facts| facts.names().has(word, true)));
        numbers && known.count() * 2 >= names.len() && self.begins_known(&items)
    }

    /// Whether a heading begins with something that is known. Its large letter does not tell whether the first word is a name, so
    /// it has to be a word of what was asked or read, or one that claims nothing.
    fn begins_known(&self, items: &[Item]) -> bool {
        let Some(Item { kind: Kind::Word(word), .. }) = items.first() else { return true };
        let stems = content_stems(&word.folded);
        let sound = self.stems.iter().zip(self.evidence).filter(|(_, of)| !of.suspicious).map(|(stems, _)| stems);
        let is_said = |stem: &String| self.asked.contains(stem) || sound.clone().any(|said| said.contains(stem));
        is_beginning(&word.folded) || HEADINGS.contains(&word.folded.as_str()) || stems.iter().all(is_said)
    }

    /// A sentence with the numbers of its citations.
    fn cited(&mut self, words: &str, marks: &[(usize, usize)]) -> String {
        let ends =
            words.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '.' | '!' | '?' | '…' | '。')).len();
        let mut out = String::new();
        let mut from = 0;
        let mut last: Option<usize> = None;
        for (place, at) in marks.iter().filter(|(_, at)| !self.evidence[*at].suspicious) {
            // Before the mark that ends the sentence, as is usual.
            let place = if *place == 0 { ends } else { (*place).min(ends) };
            let number = self.number(*at);
            if last == Some(number) && place == from {
                continue;
            }
            let place = place.max(from);
            out.push_str(words[from..place].trim_end_matches(' '));
            let joined = place == from && last.is_some();
            // Writing to a string cannot fail.
            let _ = write!(out, "{}[{number}]", if joined || out.is_empty() { "" } else { " " });
            from = place;
            last = Some(number);
        }
        out.push_str(&words[from..]);
        out.trim().to_owned()
    }

    /// The number under which a piece of evidence is cited.
    fn number(&mut self, at: usize) -> usize {
        let page = self.evidence[at].page;
        let found = self.found.cited.iter().position(|group| self.evidence[group[0]].page == page);
        let place = found.unwrap_or_else(|| {
            self.found.cited.push(Vec::new());
            self.found.cited.len() - 1
        });
        if !self.found.cited[place].contains(&at) {
            self.found.cited[place].push(at);
        }
        place + 1
    }
}

/// The words without marks of emphasis.
fn plain(words: &str) -> String {
    words.chars().filter(|c| !matches!(c, '*' | '~')).map(|c| if c == '_' { ' ' } else { c }).collect()
}

fn is_english(text: &str) -> bool {
    const WORDS: &[&str] =
        &["the", "of", "and", "is", "was", "are", "were", "has", "have", "with", "for", "by", "its", "that"];
    let words = text.split(|c: char| !c.is_alphanumeric());
    words.filter(|word| WORDS.contains(&word.to_lowercase().as_str())).take(2).count() == 2
}

/// A text without what would make another block of it.
fn lead(text: &str) -> &str {
    let text = text.trim();
    if text.starts_with("**") {
        return text;
    }
    text.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '#' | '>' | '-' | '+' | '|' | '=' | '~' | ':'))
}

/// A text whose marks of emphasis are in pairs, or gone.
fn balanced(text: &str) -> String {
    let text = if text.matches("**").count() % 2 == 1 { text.replace("**", "") } else { text.to_owned() };
    if text.replace("**", "").matches('*').count() % 2 == 1 { text.replace('*', "") } else { text }
}

fn cell_text(text: &str) -> String {
    balanced(&text.replace('|', "/"))
}

/// Without headings that have nothing under them, tables without rows, and names of columns without a table.
fn without_empty(lines: Vec<Line>) -> Vec<Line> {
    let mut kept: Vec<Line> = Vec::new();
    // The deepest level that still needs something under it, from the end on.
    let mut content = false;
    let mut row = false;
    let mut next_level = 0;
    for line in lines.into_iter().rev() {
        match &line {
            Line::Heading { level, text } => {
                let has_below = content || next_level > *level;
                row = false;
                if !has_below || text.is_empty() {
                    continue;
                }
                next_level = *level;
                content = false;
            }
            Line::Row { head: true, .. } => {
                if !std::mem::take(&mut row) {
                    continue;
                }
            }
            Line::Row { head: false, .. } => (content, row) = (true, true),
            Line::Item { .. } | Line::Paragraph { .. } => (content, row) = (true, false),
        }
        kept.push(line);
    }
    kept.reverse();
    kept
}

/// The lines as Markdown.
fn written(lines: Vec<Line>) -> String {
    let mut out = String::new();
    // Where the items above begin that are still open, and their numbers.
    let mut levels: Vec<(usize, usize)> = Vec::new();
    let mut before: Option<Line> = None;
    for line in lines {
        let same = matches!(
            (&before, &line),
            (Some(Line::Item { .. }), Line::Item { .. }) | (Some(Line::Row { .. }), Line::Row { head: false, .. })
        );
        if !out.is_empty() {
            out.push_str(if same { "\n" } else { "\n\n" });
        }
        match &line {
            Line::Heading { level, text } => {
                // Writing to a string cannot fail.
                let _ = write!(out, "{} {text}", "#".repeat(*level));
            }
            Line::Paragraph { quoted, text } => {
                // Writing to a string cannot fail.
                let _ = write!(out, "{}{text}", if *quoted { "> " } else { "" });
            }
            Line::Row { cells, head } => {
                // A table begins with the names of its columns, even if it has none.
                if !same && !head {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "|{}\n|{}\n", "   |".repeat(cells.len()), " --- |".repeat(cells.len()));
                }
                // Writing to a string cannot fail.
                let _ = write!(out, "| {} |", cells.join(" | "));
                if *head {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "\n|{}", " --- |".repeat(cells.len()));
                }
            }
            Line::Item { indent, ordered, text } => {
                if !same {
                    levels.clear();
                }
                while levels.last().is_some_and(|(open, _)| *open > *indent) {
                    levels.pop();
                }
                match levels.last_mut() {
                    Some((open, count)) if *open == *indent => *count += 1,
                    _ => levels.push((*indent, 1)),
                }
                let (depth, number) = (levels.len() - 1, levels.last().map_or(1, |(_, count)| *count));
                let mark = if *ordered { format!("{number}.") } else { "-".to_owned() };
                // Writing to a string cannot fail.
                let _ = write!(out, "{}{mark} {text}", "   ".repeat(depth));
            }
        }
        before = Some(line);
    }
    out
}

#[cfg(test)]
#[path = "sentences_tests.rs"]
mod tests;
