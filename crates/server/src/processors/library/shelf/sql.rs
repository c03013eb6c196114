//! Every statement of the shelf, and the form it is written in.

use crate::read;

/// What the rows mean. Another number makes everything be read again; so does another way of cutting and counting.
const FORM_OF_ROWS: u64 = 2;

/// The sources that decide, beside those of what reads it, what is kept of a file.
const SOURCES: &[&str] = &[
    include_str!("../../research/text.rs"),
    include_str!("../../research/bag.rs"),
    include_str!("../../research/passages.rs"),
    include_str!("../../research/factbook.rs"),
    env!("CARGO_PKG_VERSION"),
];

/// The form that this program writes: one number of all that it depends on.
pub(super) fn form() -> i64 {
    let sums = SOURCES.iter().chain(read::SOURCES).fold(FORM_OF_ROWS, |sum, source| {
        source.bytes().fold(sum.rotate_left(7), |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
    });
    sums.cast_signed()
}

/// It can be made anew, so that it need not be safe from a power cut; from a crash it is.
pub(super) const SETTINGS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = OFF;
    PRAGMA foreign_keys = ON;
    PRAGMA cell_size_check = ON;
    PRAGMA mmap_size = 1073741824;
";

pub(super) const TABLES: &str = "
    PRAGMA foreign_keys = ON;
    CREATE TABLE form (number INTEGER NOT NULL);
    CREATE TABLE base (id INTEGER PRIMARY KEY CHECK (id = 1), words BLOB NOT NULL);
    CREATE TABLE folder (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, looked_at INTEGER);
    CREATE TABLE file (
        id INTEGER PRIMARY KEY,
        folder INTEGER NOT NULL REFERENCES folder ON DELETE CASCADE,
        path TEXT NOT NULL,
        kind TEXT NOT NULL,
        size INTEGER NOT NULL,
        modified INTEGER NOT NULL,
        changed INTEGER NOT NULL,
        digest BLOB NOT NULL,
        read_at INTEGER NOT NULL,
        reason TEXT,
        UNIQUE (folder, path)
    );
    CREATE TABLE text (
        file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
        number INTEGER NOT NULL,
        part TEXT,
        title TEXT NOT NULL,
        url TEXT,
        hash TEXT NOT NULL,
        text TEXT NOT NULL,
        passages BLOB NOT NULL,
        words BLOB NOT NULL,
        sum INTEGER NOT NULL,
        PRIMARY KEY (file, number)
    );
    CREATE TABLE left_out (
        file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
        number INTEGER NOT NULL,
        place TEXT NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (file, number)
    );
    CREATE TABLE vectors (
        hash TEXT NOT NULL,
        title TEXT NOT NULL,
        pack INTEGER NOT NULL,
        vectors BLOB NOT NULL,
        PRIMARY KEY (hash, title, pack)
    ) WITHOUT ROWID;
";

pub(super) const COUNT_TABLES: &str = "SELECT count(*) FROM sqlite_schema WHERE name = 'form'";
pub(super) const FORM: &str = "SELECT number FROM form";
pub(super) const SET_FORM: &str = "INSERT INTO form (number) VALUES (?1)";

pub(super) const BASE: &str = "SELECT words FROM base";
pub(super) const KEEP_BASE: &str = "INSERT OR REPLACE INTO base (id, words) VALUES (1, ?1)";

pub(super) const ADD_FOLDER: &str = "INSERT OR IGNORE INTO folder (path) VALUES (?1)";
pub(super) const FOLDER: &str = "SELECT id FROM folder WHERE path = ?1";
pub(super) const FOLDERS: &str = "SELECT path FROM folder ORDER BY id";
pub(super) const FORGET_FOLDER: &str = "DELETE FROM folder WHERE path = ?1";
pub(super) const LOOKED: &str = "UPDATE folder SET looked_at = ?2 WHERE id = ?1";
pub(super) const LOOKED_AT: &str = "SELECT looked_at FROM folder WHERE id = ?1";

pub(super) const FILES: &str = "
    SELECT id, path, size, modified, changed, digest, read_at, reason FROM file WHERE folder = ?1";
pub(super) const ADD_FILE: &str = "
    INSERT INTO file (folder, path, kind, size, modified, changed, digest, read_at, reason)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
pub(super) const SAME: &str =
    "UPDATE file SET size = ?2, modified = ?3, changed = ?4, read_at = max(read_at, ?5) WHERE id = ?1";
pub(super) const REMOVE: &str = "DELETE FROM file WHERE id = ?1";
pub(super) const REMOVE_PATH: &str = "DELETE FROM file WHERE folder = ?1 AND path = ?2";

pub(super) const ADD_TEXT: &str = "
    INSERT INTO text (file, number, part, title, url, hash, text, passages, words, sum)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
pub(super) const TEXTS: &str = "
    SELECT file.path, part, title, url, hash, text, passages, words, sum, read_at
    FROM file JOIN text ON text.file = file.id
    WHERE folder = ?1 ORDER BY file.path, number";

pub(super) const ADD_LEFT_OUT: &str = "INSERT INTO left_out (file, number, place, reason) VALUES (?1, ?2, ?3, ?4)";
pub(super) const LEFT_OUT: &str = "
    SELECT path, reason FROM file WHERE folder = ?1 AND reason IS NOT NULL
    UNION ALL
    SELECT path || place, left_out.reason FROM file JOIN left_out ON left_out.file = file.id WHERE folder = ?1";
pub(super) const TALLY: &str = "
    SELECT kind, count(DISTINCT file.id), count(text.file), sum(CASE WHEN text.number = 0 THEN size ELSE 0 END)
    FROM file JOIN text ON text.file = file.id
    WHERE folder = ?1 AND file.reason IS NULL GROUP BY kind ORDER BY kind";

pub(super) const VECTORS: &str = "SELECT vectors FROM vectors WHERE hash = ?1 AND title = ?2 AND pack = ?3";
pub(super) const KEEP_VECTORS: &str =
    "INSERT OR REPLACE INTO vectors (hash, title, pack, vectors) VALUES (?1, ?2, ?3, ?4)";
pub(super) const FORGET_VECTORS: &str = "DELETE FROM vectors WHERE pack <> ?1 OR hash NOT IN (SELECT hash FROM text)";
