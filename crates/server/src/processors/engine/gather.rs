//! Which passages a reader is shown: those of all sources that speak of what is still open, within so many tokens, spread
//! over the pages.

use std::collections::HashSet;
use std::ops::Range;

use super::super::research::{Bag, Index, content_stems};
use super::brief::{Brief, Field};
use super::ledger::Ledger;

/// A token is about so many characters of text.
const CHARS: usize = 4;
/// How many passages of a field are ranked.
const RANKED: usize = 60;
/// How much of one source is shown at a time, at the most: a share of all.
const SHARE: usize = 2;

/// A passage to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shown {
    /// Which source.
    pub(super) source: usize,
    /// Where in it.
    pub(super) range: Range<usize>,
}

/// The passages to read for these fields, batch by batch, best first: at most `batches`, each of at most `tokens`. What was
/// shown before is passed over.
pub(super) fn gather(
    brief: &Brief,
    open: &[usize],
    ledger: &Ledger,
    seen: &HashSet<Shown>,
    tokens: usize,
    batches: usize,
) -> Vec<Vec<Shown>> {
    let ranking = Ranking::of(ledger);
    let fields = open.iter().filter_map(|at| brief.fields.get(*at));
    let lists: Vec<Vec<Shown>> = fields.map(|field| ranking.passages(&asked(brief, field))).collect();
    let room = tokens * CHARS;
    let each = (room * batches.max(1) / SHARE.max(1)).max(room / 2);
    let mut taken: HashSet<Shown> = HashSet::new();
    let mut of_source = vec![0_usize; ledger.sources.len()];
    let mut found: Vec<Vec<Shown>> = vec![Vec::new()];
    let mut used = 0;
    // One passage for each field in turn, so that no field takes the room of all.
    for passage in in_turn(lists) {
        let length = passage.range.len() + 40;
        let too_much = ledger.sources.len() > 1 && of_source[passage.source] + length > each;
        if too_much || seen.contains(&passage) || taken.contains(&passage) {
            continue;
        }
        if used + length > room && used > 0 {
            if found.len() >= batches {
                break;
            }
            found.push(Vec::new());
            used = 0;
        }
        used += length;
        of_source[passage.source] += length;
        taken.insert(passage.clone());
        if let Some(batch) = found.last_mut() {
            batch.push(passage);
        }
    }
    found.retain(|batch| !batch.is_empty());
    for batch in &mut found {
        // Read in the order of the text, a passage is understood from the one before it.
        batch.sort_by_key(|passage| (passage.source, passage.range.start));
    }
    found
}

/// All passages of all sources, ready to be put in order.
pub(super) struct Ranking<'a> {
    ledger: &'a Ledger,
    index: Index,
}

impl<'a> Ranking<'a> {
    /// Counts the words of what was read.
    pub(super) fn of(ledger: &'a Ledger) -> Self {
        let bags: Vec<Bag> = ledger.sources.iter().map(|source| Bag::of(&source.document)).collect();
        Self { ledger, index: Index::new(bags.iter()) }
    }

    /// Those that share words with what is asked, best first.
    pub(super) fn passages(&self, asked: &str) -> Vec<Shown> {
        let found = self.index.search(&content_stems(asked), RANKED, |_| true);
        let shown = |source: usize, passage: usize| {
            let range = self.ledger.sources[source].document.passages[passage].range.clone();
            Shown { source, range }
        };
        found.into_iter().map(|ranked| shown(ranked.document, ranked.passage)).collect()
    }
}

/// What is asked about a field, in words.
pub(super) fn asked(brief: &Brief, field: &Field) -> String {
    let subject = brief.subject.as_deref().unwrap_or(&brief.question);
    if field.path == "answer" { brief.question.clone() } else { format!("{subject} {} {}", field.words(), field.about) }
}

/// The first of each list, then the second of each, and so on.
fn in_turn<T>(lists: Vec<Vec<T>>) -> impl Iterator<Item = T> {
    let mut lists: Vec<_> = lists.into_iter().map(Vec::into_iter).collect();
    let mut found = Vec::new();
    loop {
        let before = found.len();
        found.extend(lists.iter_mut().filter_map(Iterator::next));
        if found.len() == before {
            return found.into_iter();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{brief, source};
    use super::*;

    #[test]
    fn what_speaks_of_the_question_is_shown_first_and_nothing_twice() {
        let brief = brief("Who founded Aperture Labs?");
        let mut ledger = Ledger::default();
        let filler = "Nothing of interest stands here at all. ".repeat(10);
        let text = format!("{filler}\n\nAperture Labs was founded by Ada Quill in 1998.\n\n{filler}");
        ledger.add_source(source("https://a.example/", "A", &text));
        ledger.add_source(source("https://b.example/", "B", "Ada Quill founded Aperture Labs.\n\nShe likes tea."));
        let batches = gather(&brief, &[0], &ledger, &HashSet::new(), 60, 2);
        let read: Vec<&str> =
            batches.iter().flatten().map(|s| &ledger.sources[s.source].document.text[s.range.clone()]).collect();
        assert!(read.contains(&"Aperture Labs was founded by Ada Quill in 1998."), "{read:?}");
        assert!(read.contains(&"Ada Quill founded Aperture Labs."), "{read:?}");
        let seen = batches.into_iter().flatten().collect();
        let again = gather(&brief, &[0], &ledger, &seen, 60, 2);
        assert!(again.iter().flatten().all(|s| !seen.contains(s)));
    }

    #[test]
    fn batches_hold_what_there_is_room_for() {
        let brief = brief("tea");
        let mut ledger = Ledger::default();
        let text = "Tea is a drink that people have in the afternoon.\n\n".repeat(80);
        ledger.add_source(source("https://a.example/", "A", &text));
        let batches = gather(&brief, &[0], &ledger, &HashSet::new(), 100, 3);
        assert_eq!(batches.len(), 3);
        assert!(batches.iter().all(|batch| batch.iter().map(|s| s.range.len()).sum::<usize>() <= 400));
    }
}
