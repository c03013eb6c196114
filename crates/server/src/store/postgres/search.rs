//! Search by word: an index that follows the log and is a moment behind it, so that no create waits for it. One node at a
//! time brings it on.
//!
//! Words are taken apart here, and the database is handed lexemes: so they are the same whatever languages it knows.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use legwork_core::store::StoreError;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use uuid::Uuid;

use super::alone::{Stopped, alone};
use super::link::{BEGIN, COMMIT, Link, Step, Value};
use super::rows::{get, int};
use super::{PostgresStore, sql};
use crate::store::words::words;

/// A position beyond this is not told apart from this, which is PostgreSQL's limit.
const POSITIONS: usize = 16_383;
/// A longer word is cut off, far below PostgreSQL's limit.
const LONG: usize = 200;
/// How long a document's words may be as they are written, far below the megabyte that PostgreSQL takes.
const MOST: usize = 500_000;
/// How far what was answered lies behind what was asked: no words are neighbours over the gap.
const GAP: usize = 2;

impl PostgresStore {
    /// Brings the search on by so many facts of the log at the most; returns how many there were.
    pub(super) async fn learn(&self, limit: usize) -> Result<usize, StoreError> {
        if self.writer.is_busy() {
            return Err(StoreError::Busy);
        }
        let limit = int(limit);
        alone(&self.pool, |link| async move {
            let steps = [Step::Plain(BEGIN), Step::With(&sql::SEARCHED, Vec::new())];
            let searched = link.all(&steps).await?;
            // Somebody else is at it.
            let Some(row) = searched.get(1).and_then(|rows| rows.first()) else { return over(&link).await };
            let from: i64 = get(row, 0)?;
            let facts = link.rows(&sql::FACTS_TO_SEARCH, &[&from, &limit]).await?;
            let Some(last) = facts.last() else { return over(&link).await };
            let to: i64 = get(last, 0)?;
            // A run that was accepted and ended since is read once.
            let mut runs: BTreeMap<Uuid, bool> = BTreeMap::new();
            for row in &facts {
                *runs.entry(get(row, 1)?).or_default() |= get::<i64>(row, 2)? == 1;
            }
            let ids: Vec<_> = runs.keys().copied().collect();
            let (mut of, mut said) = (Vec::new(), Vec::new());
            for row in link.rows(&sql::BODIES_OF, &[&ids]).await? {
                let (run, input, output): (Uuid, &[u8], Option<&[u8]>) = (get(&row, 0)?, get(&row, 1)?, get(&row, 2)?);
                // What goes on without an output has no other words than before.
                if output.is_some() || runs.get(&run).copied().unwrap_or(false) {
                    let answered = output.map(|output| words(output, "content")).unwrap_or_default();
                    of.push(run);
                    said.push(lexemes(&words(input, "input"), &answered));
                }
            }
            let learned: Vec<Value<'_>> = vec![&of, &said];
            let steps = [Step::With(&sql::LEARN, learned), Step::With(&sql::SEARCH_ON, vec![&to]), Step::Plain(COMMIT)];
            link.all(&steps).await.map_err(Stopped::at_commit)?;
            Ok(facts.len())
        })
        .await
    }
}

async fn over(link: &Link) -> Result<usize, Stopped> {
    link.plain(COMMIT).await.map_err(Stopped::at_commit)?;
    Ok(0)
}

/// The words of a text: letters and digits, small and without marks.
fn split(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c)).filter_map(|word| {
        let plain: String = word.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect();
        let end = plain.floor_char_boundary(LONG.min(plain.len()));
        // Whatever else a letter falls apart into is no part of a word.
        let plain: String = plain[..end].chars().filter(|c| c.is_alphanumeric()).collect();
        (!plain.is_empty()).then_some(plain)
    })
}

/// Two texts as PostgreSQL writes what is searched: each word with where it stands.
fn lexemes(asked: &str, answered: &str) -> String {
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut at = 0;
    for text in [asked, answered] {
        for word in split(text) {
            at += 1;
            let of = places.entry(word).or_default();
            let place = at.min(POSITIONS);
            // More than 255 places of a word are not kept.
            if of.len() < 255 && of.last() != Some(&place) {
                of.push(place);
            }
        }
        at += GAP;
    }
    let mut written = String::new();
    for (word, places) in places {
        if written.len() > MOST {
            break;
        }
        let places: Vec<_> = places.iter().map(usize::to_string).collect();
        let _ = write!(written, "'{word}':{} ", places.join(","));
    }
    written
}

/// What somebody typed, as PostgreSQL reads it: all of these words, wherever they stand. What is joined by other signs has
/// to stand side by side. Nothing typed is a command to it but a `*` at the end of a word. `None` when there is no word in
/// it.
pub(super) fn query(typed: &str) -> Option<String> {
    let phrase = |typed: &str| {
        let (text, star) = typed.strip_suffix('*').map_or((typed, ""), |text| (text, ":*"));
        let words: Vec<_> = split(text).collect();
        let last = words.len().checked_sub(1)?;
        let words =
            words.iter().enumerate().map(|(at, word)| format!("'{word}'{}", if at == last { star } else { "" }));
        Some(format!("({})", words.collect::<Vec<_>>().join(" <-> ")))
    };
    let phrases: Vec<_> = typed.split_whitespace().filter_map(phrase).collect();
    (!phrases.is_empty()).then(|| phrases.join(" & "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_words_and_never_a_command() {
        for (typed, read) in [
            ("capital Chad", Some("('capital') & ('chad')")),
            ("mongol*", Some("('mongol':*)")),
            ("a OR b", Some("('a') & ('or') & ('b')")),
            ("it's", Some("('it' <-> 's')")),
            ("Ulánbátar", Some("('ulanbatar')")),
            ("asked:x* NEAR(y)", Some("('asked' <-> 'x':*) & ('near' <-> 'y')")),
            ("* ( - '", None),
            ("", None),
        ] {
            assert_eq!(query(typed).as_deref(), read, "{typed}");
        }
    }

    #[test]
    fn words_are_written_with_their_places() {
        assert_eq!(lexemes("The Land, the land", "Chad"), "'chad':7 'land':2,4 'the':1,3 ");
        assert!(lexemes(&"word ".repeat(40_000), "").len() < 2_000);
    }
}
