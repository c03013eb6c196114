//! Search by word: an index that follows the log and is a moment behind it, so that no create waits for it.
//!
//! Reading and taking texts apart happens beside the writer, which only adds the words. What changed meanwhile, a
//! forgotten run above all, is noticed there: then nothing is written and the same is read again.

use std::collections::BTreeMap;

use legwork_core::store::StoreError;
use rusqlite::{Connection, params};

use super::read::{all, blob, one};
use super::rows::get;
use super::sql;
use super::writer::Batch;
use crate::store::words::words;

/// What the index has yet to learn.
pub(super) struct Lesson {
    /// The place in the log that it goes on from, and the one that it leads to.
    from: i64,
    to: i64,
    texts: Vec<Text>,
    /// How many facts it is made of.
    pub(super) facts: usize,
}

struct Text {
    n: i64,
    id: [u8; 16],
    asked: String,
    answered: String,
}

/// Reads the next facts of the log and the texts that they are about.
pub(super) fn lesson(connection: &Connection, limit: usize) -> Result<Lesson, StoreError> {
    let column = |row: &rusqlite::Row<'_>, n| get::<i64>(row, n);
    let from = one(connection, sql::SEARCHED, [], |row| column(row, 0))?.unwrap_or(0);
    let facts = all(connection, sql::FACTS_TO_SEARCH, params![from, limit], |row| {
        Ok((column(row, 0)?, column(row, 1)?, column(row, 2)? == 1))
    })?;
    let to = facts.last().map_or(from, |(g, ..)| *g);
    // A run that was accepted and ended since is read once.
    let mut runs: BTreeMap<i64, bool> = BTreeMap::new();
    for (_, n, is_first) in &facts {
        *runs.entry(*n).or_default() |= *is_first;
    }
    let mut texts = Vec::new();
    for (n, is_new) in runs {
        let output = one(connection, sql::OUTPUT_BY_N, params![n], blob)?;
        // What goes on without an output has no other words than before.
        if !is_new && output.is_none() {
            continue;
        }
        let id = one(connection, sql::ID_BY_N, params![n], |row| get(row, 0))?;
        let input = one(connection, sql::INPUT_BY_N, params![n], blob)?;
        // It may have been forgotten since.
        if let (Some(id), Some(input)) = (id, input) {
            let answered = output.map(|output| words(&output, "content")).unwrap_or_default();
            texts.push(Text { n, id, asked: words(&input, "input"), answered });
        }
    }
    Ok(Lesson { from, to, texts, facts: facts.len() })
}

/// Adds to the index what was read.
pub(super) fn learn(batch: &mut Batch<'_>, lesson: &Lesson) -> Result<(), StoreError> {
    // Only if nobody moved the place meanwhile.
    if batch.execute(sql::SEARCH_ON, params![lesson.from, lesson.to])? == 0 {
        return Ok(());
    }
    for Text { n, id, asked, answered } in &lesson.texts {
        if one(batch.connection, sql::IS_RUN, params![n, id], |_| Ok(()))?.is_some() {
            batch.execute(sql::LEARN, params![n, asked, answered])?;
        }
    }
    Ok(())
}

/// What somebody typed, as FTS5 reads it: all of these words, wherever they stand. Nothing typed is a command to it but
/// a `*` at the end of a word. `None` when there is no word in it.
pub(super) fn query(typed: &str) -> Option<String> {
    let word = |word: &str| {
        let (text, star) = word.strip_suffix('*').map_or((word, ""), |text| (text, "*"));
        let text: String = text.chars().filter(|c| *c != '\0').collect();
        text.contains(char::is_alphanumeric).then(|| format!("\"{}\"{star}", text.replace('"', "\"\"")))
    };
    let words: Vec<_> = typed.split_whitespace().filter_map(word).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_words_and_never_a_command() {
        for (typed, read) in [
            ("capital Chad", Some(r#""capital" "Chad""#)),
            ("mongol*", Some(r#""mongol"*"#)),
            ("a OR b", Some(r#""a" "OR" "b""#)),
            (r#"say "hi""#, Some(r#""say" """hi""""#)),
            ("asked:x NEAR(y)", Some(r#""asked:x" "NEAR(y)""#)),
            ("* ( -", None),
            ("", None),
        ] {
            assert_eq!(query(typed).as_deref(), read, "{typed}");
        }
    }
}
