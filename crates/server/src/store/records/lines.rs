//! Records as lines, written and read one by one: nothing grows with the file.

use std::io::{self, BufRead, Read as _, Write};

use legwork_core::run::Status;
use legwork_core::store::StoreError;
use serde::{Deserialize, Serialize};

use super::{Counts, FORMAT, Head, Identity, Incoming, Kind, Outgoing, Record, Refused, TakeError};

/// A store takes so many records at a time, or as many as have so many bytes.
const BATCH: usize = 512;
const BATCH_BYTES: usize = 4 << 20;
/// How long a line may be. A run has up to a few MiB, a cited text as much as was read of a document.
const LONGEST: u64 = 512 << 20;

/// Why a store was not written out. What was written has no last line, so nobody takes it for whole.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot be written.
    #[error("the export cannot be written")]
    Write(#[from] io::Error),
}

/// Why nothing was taken in.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It begins like something else.
    #[error("this is no export of a store: {0}")]
    NoExport(String),
    /// It was written by a later legwork.
    #[error("this was written by {by} in form {found}; this one reads up to form {known}")]
    Newer {
        /// Who wrote it.
        by: String,
        /// The form that it has.
        found: u32,
        /// The newest form that this program knows.
        known: u32,
    },
    /// A line cannot be.
    #[error("line {line} is wrong: {why}")]
    Line {
        /// Its number, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// One of some lines cannot be.
    #[error("something in lines {first} to {last} is wrong: {why}")]
    Lines {
        /// The number of the first of them, from 1.
        first: u64,
        /// The number of the last.
        last: u64,
        /// What is wrong.
        why: String,
    },
    /// It has no last line.
    #[error("the file was cut off: it ends with line {0}, and says nothing of how much there was")]
    CutOff(u64),
    /// Its last line counts otherwise.
    #[error("the file is not whole: it says that there are {says} of the kind {}, and there are {found}", kind.as_str())]
    Count {
        /// Of what.
        kind: Kind,
        /// How many there should be.
        says: u64,
        /// How many there are.
        found: u64,
    },
    /// All lines are good by themselves.
    #[error("the file is not whole: {0}")]
    Whole(String),
    /// The store holds something already.
    #[error("the store is not empty")]
    NotEmpty,
    /// It cannot be read.
    #[error("the file cannot be read")]
    Read(#[from] io::Error),
    /// The store could not take it in.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The last line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Last {
    end: Counts,
}

/// What the first line says in whatever form.
#[derive(Deserialize)]
struct Beginning {
    legwork_export: u32,
    #[serde(default)]
    written_by: String,
}

/// Writes out a store.
pub(crate) fn export(store: &mut dyn Outgoing, out: &mut dyn Write) -> Result<Counts, ExportError> {
    let written_by = concat!("legwork ", env!("CARGO_PKG_VERSION")).to_owned();
    write(out, &Head { legwork_export: FORMAT, written_by, store: store.identity()? })?;
    let mut counts = Counts::default();
    for kind in Kind::ALL {
        store.records(kind, &mut |record| {
            counts.add(kind);
            Ok(write(out, &record)?)
        })?;
    }
    let last = Last { end: counts };
    write(out, &last)?;
    out.flush()?;
    Ok(last.end)
}

fn write<T: Serialize>(out: &mut dyn Write, line: &T) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    out.write_all(&text)
}

/// Takes in what was written out, into a store that is empty: all of it, or nothing.
pub(crate) fn import(from: &mut dyn BufRead, store: &mut dyn Incoming) -> Result<(Identity, Counts), ImportError> {
    let mut lines = Lines { from, number: 0, line: Vec::new(), is_whole: true };
    let identity = head(&mut lines)?;
    store.begin(&identity).map_err(|error| refused(error, 1, 1))?;
    let mut counts = Counts::default();
    let mut order = Order { kind: Kind::Key, run: 0, fact: 0, source: String::new(), upto: &identity };
    let mut batch = Batch { records: Vec::new(), bytes: 0, first: 0 };
    loop {
        if !lines.next()? {
            return Err(ImportError::CutOff(lines.number));
        }
        if is_last(&lines.line) {
            break;
        }
        let record: Record = lines.read()?;
        order.check(&record).map_err(|why| lines.wrong(why))?;
        let kind = record.kind();
        counts.add(kind);
        if batch.is_full() || batch.records.last().is_some_and(|last| last.kind() != kind) {
            batch.give(store)?;
        }
        batch.add(record, &lines);
    }
    batch.give(store)?;
    let Last { end } = lines.read()?;
    for kind in Kind::ALL {
        let (says, found) = (end.of(kind), counts.of(kind));
        if says != found {
            return Err(ImportError::Count { kind, says, found });
        }
    }
    if lines.next()? {
        return Err(lines.wrong("the file goes on after its last line".to_owned()));
    }
    store.finish().map_err(|error| match error {
        TakeError::Refused(Refused { why, .. }) => ImportError::Whole(why),
        TakeError::NotEmpty => ImportError::NotEmpty,
        TakeError::Store(error) => ImportError::Store(error),
    })?;
    Ok((identity, counts))
}

fn head(lines: &mut Lines<'_>) -> Result<Identity, ImportError> {
    if !lines.next()? {
        return Err(ImportError::NoExport("it is empty".to_owned()));
    }
    let Beginning { legwork_export: found, written_by } = serde_json::from_slice(&lines.line)
        .map_err(|_| ImportError::NoExport("its first line does not say `legwork_export`".to_owned()))?;
    if found > FORMAT {
        let by = if written_by.is_empty() { "a later legwork".to_owned() } else { written_by };
        return Err(ImportError::Newer { by, found, known: FORMAT });
    }
    let Head { store, .. } = lines.read()?;
    // Stores keep numbers with a sign.
    if [store.last_run, store.last_fact].into_iter().any(|number| i64::try_from(number).is_err()) {
        return Err(lines.wrong("its numbers are beyond those that a store can keep".to_owned()));
    }
    Ok(store)
}

/// Whether this is the line that counts all others.
fn is_last(line: &[u8]) -> bool {
    let inside = line.trim_ascii_start().strip_prefix(b"{");
    inside.is_some_and(|inside| inside.trim_ascii_start().starts_with(b"\"end\""))
}

fn refused(error: TakeError, first: u64, last: u64) -> ImportError {
    match error {
        TakeError::Refused(Refused { which: Some(which), why }) => {
            ImportError::Line { line: first + which as u64, why }
        }
        TakeError::Refused(Refused { which: None, why }) => ImportError::Lines { first, last, why },
        TakeError::NotEmpty => ImportError::NotEmpty,
        TakeError::Store(error) => ImportError::Store(error),
    }
}

/// The lines of a file, one at a time.
struct Lines<'a> {
    from: &'a mut dyn BufRead,
    number: u64,
    line: Vec<u8>,
    /// It ends as lines do.
    is_whole: bool,
}

impl Lines<'_> {
    /// Goes on to the next line, if there is one.
    fn next(&mut self) -> Result<bool, ImportError> {
        self.line.clear();
        if (&mut *self.from).take(LONGEST).read_until(b'\n', &mut self.line)? == 0 {
            return Ok(false);
        }
        self.number += 1;
        self.is_whole = self.line.pop_if(|last| *last == b'\n').is_some();
        if self.line.len() as u64 == LONGEST {
            return Err(self.wrong("it is too long".to_owned()));
        }
        Ok(true)
    }

    /// What this line says.
    fn read<'de, T: Deserialize<'de>>(&'de self) -> Result<T, ImportError> {
        serde_json::from_slice(&self.line).map_err(|error| {
            if !self.is_whole {
                return ImportError::CutOff(self.number);
            }
            let text = error.to_string();
            // Which line it is, only we know.
            let (what, column) = text.rsplit_once(" at line 1 column ").unwrap_or((&text, "?"));
            self.wrong(format!("{what}, at column {column}"))
        })
    }

    fn wrong(&self, why: String) -> ImportError {
        ImportError::Line { line: self.number, why }
    }
}

/// Some records of one kind on their way into a store.
struct Batch {
    records: Vec<Record>,
    bytes: usize,
    /// The line of the first of them.
    first: u64,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.records.len() >= BATCH || self.bytes >= BATCH_BYTES
    }

    fn add(&mut self, record: Record, lines: &Lines<'_>) {
        if self.records.is_empty() {
            self.first = lines.number;
        }
        self.records.push(record);
        self.bytes += lines.line.len();
    }

    fn give(&mut self, store: &mut dyn Incoming) -> Result<(), ImportError> {
        if self.records.is_empty() {
            return Ok(());
        }
        let last = self.first + self.records.len() as u64 - 1;
        store.take(&self.records).map_err(|error| refused(error, self.first, last))?;
        self.records.clear();
        self.bytes = 0;
        Ok(())
    }
}

/// What can be said of a record by what came before it, without remembering all of that.
struct Order<'a> {
    kind: Kind,
    run: u64,
    fact: u64,
    source: String,
    upto: &'a Identity,
}

impl Order<'_> {
    fn check(&mut self, record: &Record) -> Result<(), String> {
        let kind = record.kind();
        if kind < self.kind {
            return Err(format!("a {} stands behind a {}", kind.as_str(), self.kind.as_str()));
        }
        self.kind = kind;
        match record {
            Record::Run(of) => {
                rises("n", of.n, &mut self.run, self.upto.last_run)?;
                if of.place.is_some() && of.run.group.is_none() {
                    return Err("it has a place in no group".to_owned());
                }
                if of.run.life.papers && of.run.life.status().is_ended() {
                    return Err("a run that has ended has no papers".to_owned());
                }
                if of.secrets.is_some() && !of.run.life.papers {
                    return Err("it has secrets, and says that it has no papers".to_owned());
                }
                if of.output.is_some() != (of.run.life.status() == Status::Completed) {
                    return Err("a run has an output when it is completed, and only then".to_owned());
                }
            }
            Record::Fact(of) => rises("g", of.g, &mut self.fact, self.upto.last_fact)?,
            Record::Source(of) => {
                if of.hash <= self.source {
                    return Err("its hash does not come behind that of the one before it".to_owned());
                }
                self.source.clone_from(&of.hash);
            }
            Record::Key(_) | Record::Group(_) | Record::Step(_) | Record::Delivery(_) | Record::Receipt(_) => {}
        }
        Ok(())
    }
}

fn rises(name: &str, number: u64, before: &mut u64, most: u64) -> Result<(), String> {
    if number <= *before {
        return Err(format!("its {name} is {number}, and the one before it has {before}"));
    }
    if number > most {
        return Err(format!("its {name} is {number}, and the first line says that the highest is {most}"));
    }
    *before = number;
    Ok(())
}
