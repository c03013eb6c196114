//! What was read is kept beside the store, so that a start need not read it again. It is only a copy: when anything
//! about it is odd, it is thrown away and made anew.

mod sql;
mod vectors;

use std::collections::HashMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use legwork_core::time::Micros;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, Transaction, params};
use tracing::warn;

use super::item::{Item, Kept};
use super::walk::Stamp;
use crate::processors::research::{Bag, Passage, put, take};

/// Why the shelf cannot be used as it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum ShelfError {
    #[error("the database failed")]
    Database(#[from] rusqlite::Error),
    #[error("what was kept of {0} is damaged")]
    Damaged(String),
}

type Result<T> = std::result::Result<T, ShelfError>;

/// All that was read, by folder and file.
pub(super) struct Shelf {
    database: Connection,
    file: Option<PathBuf>,
}

/// What is known of a file that was read.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) id: i64,
    pub(super) stamp: Stamp,
    pub(super) digest: Vec<u8>,
    pub(super) read_at: Micros,
    /// Why it was left out, if it was.
    pub(super) reason: Option<String>,
}

/// A text that is kept, and where it is from.
pub(super) struct Stored {
    pub(super) path: String,
    pub(super) read_at: Micros,
    pub(super) kept: Kept,
    pub(super) words: Bag,
}

/// How many files of a kind there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) kind: String,
    pub(super) files: usize,
    pub(super) documents: usize,
    pub(super) bytes: u64,
}

impl Shelf {
    /// Opens the shelf in this file, or makes a new one if it cannot be used. Where there can be none, it is kept in
    /// memory as long as this process lives.
    pub(super) fn open(file: &Path) -> Self {
        let opened = Self::at(file).or_else(|odd| {
            warn!(error = &odd as &dyn std::error::Error, "what was read of the documents is read again");
            Self::anew(file)
        });
        opened.unwrap_or_else(|odd| {
            warn!(error = &odd as &dyn std::error::Error, "what is read of the documents cannot be kept");
            Self::in_memory()
        })
    }

    /// A shelf that nobody else sees.
    pub(super) fn in_memory() -> Self {
        let database = Connection::open_in_memory().and_then(|database| {
            database.execute_batch(sql::TABLES)?;
            Ok(database)
        });
        Self { database: database.expect("SQLite needs nothing but memory for this"), file: None }
    }

    /// The shelf of another process, to look at; `None` when there is none.
    pub(super) fn look(file: &Path) -> Option<Self> {
        let database = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
        database.busy_timeout(Duration::from_secs(5)).ok()?;
        let shelf = Self { database, file: Some(file.to_owned()) };
        shelf.is_current().ok()?.then_some(shelf)
    }

    /// Throws away what is kept.
    pub(super) fn renewed(self) -> Self {
        let file = self.file.clone();
        drop(self);
        file.and_then(|file| Self::anew(&file).ok()).unwrap_or_else(Self::in_memory)
    }

    fn at(file: &Path) -> Result<Self> {
        if let Some(folder) = file.parent() {
            // If it cannot be made, opening the file says so.
            drop(fs::create_dir_all(folder));
        }
        let database = Connection::open(file)?;
        database.busy_timeout(Duration::from_secs(5))?;
        database.execute_batch(sql::SETTINGS)?;
        let shelf = Self { database, file: Some(file.to_owned()) };
        if shelf.is_current()? {
            return Ok(shelf);
        }
        drop(shelf);
        Self::anew(file)
    }

    fn anew(file: &Path) -> Result<Self> {
        for end in ["", "-wal", "-shm"] {
            let mut name = file.as_os_str().to_owned();
            name.push(end);
            drop(fs::remove_file(name));
        }
        let database = Connection::open(file)?;
        database.busy_timeout(Duration::from_secs(5))?;
        database.execute_batch(sql::SETTINGS)?;
        database.execute_batch(sql::TABLES)?;
        database.execute(sql::SET_FORM, params![sql::form()])?;
        Ok(Self { database, file: Some(file.to_owned()) })
    }

    /// Whether it was written by a program that reads and counts as this one does.
    fn is_current(&self) -> Result<bool> {
        let tables: i64 = self.database.query_row(sql::COUNT_TABLES, [], |row| row.get(0))?;
        if tables == 0 {
            return Ok(false);
        }
        let form: Option<i64> = self.database.query_row(sql::FORM, [], |row| row.get(0)).optional()?;
        Ok(form == Some(sql::form()))
    }

    /// The number of a folder; it gets one when it has none.
    pub(super) fn folder(&self, path: &str) -> Result<i64> {
        self.database.execute(sql::ADD_FOLDER, [path])?;
        Ok(self.database.query_row(sql::FOLDER, [path], |row| row.get(0))?)
    }

    /// The number of a folder, if it has one.
    pub(super) fn known_folder(&self, path: &str) -> Result<Option<i64>> {
        Ok(self.database.query_row(sql::FOLDER, [path], |row| row.get(0)).optional()?)
    }

    /// All folders of which something is kept.
    pub(super) fn folders(&self) -> Result<Vec<String>> {
        let mut statement = self.database.prepare(sql::FOLDERS)?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }

    /// Forgets folders that are not there any more. If that fails, it will be noticed when they are looked at.
    pub(super) fn forget_missing(&self) {
        for path in self.folders().unwrap_or_default().iter().filter(|path| !Path::new(path).is_dir()) {
            drop(self.database.execute(sql::FORGET_FOLDER, [path]));
        }
    }

    /// When a folder was last looked at with something new in it.
    pub(super) fn looked_at(&self, folder: i64) -> Result<Option<Micros>> {
        let at: Option<i64> = self.database.query_row(sql::LOOKED_AT, [folder], |row| row.get(0))?;
        Ok(at.map(Micros))
    }

    /// Notes that a folder was looked at.
    pub(super) fn looked(&self, folder: i64, at: Micros) -> Result<()> {
        self.database.execute(sql::LOOKED, params![folder, at.0])?;
        Ok(())
    }

    /// The files of a folder that were read, by their paths.
    pub(super) fn files(&self, folder: i64) -> Result<HashMap<String, Known>> {
        let mut statement = self.database.prepare(sql::FILES)?;
        let known = |row: &Row<'_>| {
            let stamp = Stamp { size: row.get(2)?, modified: row.get(3)?, changed: row.get(4)? };
            let (digest, read_at, reason) = (row.get(5)?, Micros(row.get(6)?), row.get(7)?);
            Ok((row.get(1)?, Known { id: row.get(0)?, stamp, digest, read_at, reason }))
        };
        Ok(statement.query_map([folder], known)?.collect::<rusqlite::Result<_>>()?)
    }

    /// Writes several changes at once.
    pub(super) fn change<T>(&mut self, work: impl FnOnce(&Change<'_>) -> Result<T>) -> Result<T> {
        let change = Change(self.database.transaction()?);
        let done = work(&change)?;
        change.0.commit()?;
        Ok(done)
    }

    /// All texts of a folder, in the order of their files.
    pub(super) fn texts(&self, folder: i64) -> Result<Vec<Stored>> {
        let mut statement = self.database.prepare(sql::TEXTS)?;
        let mut rows = statement.query([folder])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let path: String = row.get(0)?;
            found.push(stored(row, &path)?.ok_or(ShelfError::Damaged(path))?);
        }
        Ok(found)
    }

    /// How many files there are of each kind, without those that were left out.
    pub(super) fn tally(&self, folder: i64) -> Result<Vec<Tally>> {
        let mut statement = self.database.prepare(sql::TALLY)?;
        let tally = |row: &Row<'_>| {
            Ok(Tally { kind: row.get(0)?, files: row.get(1)?, documents: row.get(2)?, bytes: row.get(3)? })
        };
        Ok(statement.query_map([folder], tally)?.collect::<rusqlite::Result<_>>()?)
    }

    /// Files and parts of files that were left out, with the reasons.
    pub(super) fn left_out(&self, folder: i64) -> Result<Vec<(String, String)>> {
        let mut statement = self.database.prepare(sql::LEFT_OUT)?;
        let pair = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        Ok(statement.query_map([folder], pair)?.collect::<rusqlite::Result<_>>()?)
    }

    /// The words of the built-in documents, as they were counted once.
    pub(super) fn base(&self) -> Result<Option<Vec<Bag>>> {
        let bytes: Option<Vec<u8>> = self.database.query_row(sql::BASE, [], |row| row.get(0)).optional()?;
        Ok(bytes.and_then(|bytes| bags(&bytes)))
    }

    /// Keeps the words of the built-in documents.
    pub(super) fn keep_base(&self, words: &[Bag]) -> Result<()> {
        let mut bytes = Vec::new();
        for bag in words {
            let bag = bag.encoded();
            put(&mut bytes, bag.len());
            bytes.extend(bag);
        }
        let sum = sum_of(&[&bytes]);
        bytes.extend(sum.to_le_bytes());
        self.database.execute(sql::KEEP_BASE, [bytes])?;
        Ok(())
    }
}

fn bags(bytes: &[u8]) -> Option<Vec<Bag>> {
    let (mut rest, sum) = bytes.split_last_chunk::<4>()?;
    if u32::from_le_bytes(*sum) != sum_of(&[rest]) {
        return None;
    }
    let mut found = Vec::new();
    while !rest.is_empty() {
        let length = take(&mut rest)?;
        let (bag, behind) = rest.split_at_checked(length)?;
        found.push(Bag::decoded(bag)?);
        rest = behind;
    }
    Some(found)
}

/// Changes that are written together or not at all.
pub(super) struct Change<'a>(Transaction<'a>);

impl Change<'_> {
    /// Puts a file in the place of what was known of it.
    pub(super) fn put(&self, folder: i64, item: &Item) -> Result<()> {
        self.0.prepare_cached(sql::REMOVE_PATH)?.execute(params![folder, item.path])?;
        let Stamp { size, modified, changed } = item.stamp;
        self.0.prepare_cached(sql::ADD_FILE)?.execute(params![
            folder,
            item.path,
            item.kind,
            size,
            modified,
            changed,
            item.digest,
            item.read_at.0,
            item.reason
        ])?;
        let file = self.0.last_insert_rowid();
        for (number, kept) in item.texts.iter().enumerate() {
            let passages = packed(&kept.passages);
            let sum = sum_of(&[kept.text.as_bytes(), kept.title.as_bytes(), &passages, &kept.bag]);
            self.0.prepare_cached(sql::ADD_TEXT)?.execute(params![
                file, number, kept.part, kept.title, kept.url, kept.hash, kept.text, passages, kept.bag, sum
            ])?;
        }
        for (number, (place, reason)) in item.left_out.iter().enumerate() {
            self.0.prepare_cached(sql::ADD_LEFT_OUT)?.execute(params![file, number, place, reason])?;
        }
        Ok(())
    }

    /// Notes that a file has another stamp and still the same contents.
    pub(super) fn same(&self, id: i64, stamp: Stamp, at: Micros) -> Result<()> {
        let Stamp { size, modified, changed } = stamp;
        self.0.prepare_cached(sql::SAME)?.execute(params![id, size, modified, changed, at.0])?;
        Ok(())
    }

    /// Forgets a file.
    pub(super) fn remove(&self, id: i64) -> Result<()> {
        self.0.prepare_cached(sql::REMOVE)?.execute([id])?;
        Ok(())
    }
}

/// A row as it was written; `None` if it is not.
fn stored(row: &Row<'_>, path: &str) -> Result<Option<Stored>> {
    let (text, title): (String, String) = (row.get(5)?, row.get(2)?);
    let (packed, bag): (&[u8], &[u8]) =
        (row.get_ref(6)?.as_bytes().unwrap_or_default(), row.get_ref(7)?.as_bytes().unwrap_or_default());
    let sum: u32 = row.get(8)?;
    if sum != sum_of(&[text.as_bytes(), title.as_bytes(), packed, bag]) {
        return Ok(None);
    }
    let parts = unpacked(packed, &text).zip(Bag::decoded(bag));
    let Some((passages, words)) = parts.filter(|(passages, words)| passages.len() == words.passages()) else {
        return Ok(None);
    };
    let kept = Kept { part: row.get(1)?, title, url: row.get(3)?, hash: row.get(4)?, text, passages, bag: Vec::new() };
    Ok(Some(Stored { path: path.to_owned(), read_at: Micros(row.get(9)?), kept, words }))
}

fn sum_of(parts: &[&[u8]]) -> u32 {
    let mut sum = flate2::Crc::new();
    parts.iter().for_each(|part| sum.update(part));
    sum.sum()
}

/// Passages as numbers: the gap before each, and its length.
fn packed(passages: &[Passage]) -> Vec<u8> {
    let mut out = Vec::with_capacity(passages.len() * 3);
    let mut end = 0;
    for passage in passages {
        put(&mut out, passage.range.start - end);
        put(&mut out, passage.range.len());
        end = passage.range.end;
    }
    out
}

/// The passages again; `None` if they are none of this text.
fn unpacked(mut bytes: &[u8], text: &str) -> Option<Vec<Passage>> {
    let (mut found, mut end) = (Vec::new(), 0_usize);
    while !bytes.is_empty() {
        let start = end.checked_add(take(&mut bytes)?)?;
        end = start.checked_add(take(&mut bytes)?)?;
        let range: Range<usize> = start..end;
        text.get(range.clone())?;
        found.push(Passage { range, field: None });
    }
    Some(found)
}
