//! What there is to say about the folders: what was read, and what was left out and why.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use legwork_core::time::Micros;
use serde::Serialize;

use super::folder::{CorpusError, Folder};
use super::look::Looker;
use super::shelf::Shelf;
use super::walk::walk;
use super::{Skipped, home_in, shelf_in};
use crate::clock::SystemClock;
use crate::processors::research::Corpus;
use crate::read::Helper;

/// All folders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Survey {
    /// How many documents are built in.
    pub built_in: usize,
    /// The operator's folders.
    pub folders: Vec<FolderSurvey>,
}

/// One folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FolderSurvey {
    /// Where it is.
    pub path: PathBuf,
    /// The name it has in addresses: `corpus:NAME/…`.
    pub name: String,
    /// How many documents are answered from.
    pub documents: usize,
    /// How large their files are together, in bytes.
    pub bytes: u64,
    /// When something in it was last read.
    #[serde(serialize_with = "shown")]
    pub read_at: Option<Micros>,
    /// The kinds of files.
    pub kinds: Vec<KindSurvey>,
    /// Files that have changed since they were read, or were not read yet.
    pub pending: usize,
    /// What was left out, with the reasons.
    pub skipped: Vec<SkippedSurvey>,
    /// How many files are of a kind that cannot be read, by the ends of their names.
    pub not_read: BTreeMap<String, usize>,
    /// These files one by one.
    pub unread: Vec<SkippedSurvey>,
}

/// The files of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KindSurvey {
    /// The kind: `markdown`, `pdf`, …
    pub kind: String,
    /// How many files were read.
    pub files: usize,
    /// How many documents they hold.
    pub documents: usize,
    /// How large they are together, in bytes.
    pub bytes: u64,
}

/// A file that was left out, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SkippedSurvey {
    /// Where it lies below the folder.
    pub path: String,
    /// Why it was left out.
    pub reason: String,
}

/// Looks at the folders. With `refresh` what is new is read first and kept in `home`, which must be ours; without,
/// another process does that, and what it has read by now is told.
pub fn survey(folders: &[PathBuf], home: &Path, refresh: bool) -> Result<Survey, CorpusError> {
    let shelf_file = shelf_in(&home_in(home));
    if refresh {
        return read(folders, home, Shelf::open(&shelf_file));
    }
    let own = home.canonicalize().ok();
    let shelf = Shelf::look(&shelf_file).unwrap_or_else(Shelf::in_memory);
    let known: Vec<PathBuf> = shelf.folders().unwrap_or_default().into_iter().map(PathBuf::from).collect();
    let wanted =
        if folders.is_empty() { known.into_iter().filter(|path| path.is_dir()).collect() } else { folders.to_vec() };
    let mut folders = Folder::all(&wanted)?;
    for folder in &mut folders {
        if let Ok(walked) = walk(&folder.path, own.as_deref()) {
            (folder.skipped, folder.unknown, folder.unread) = (walked.skipped, walked.unknown, walked.unread);
        }
    }
    let folders = folders.iter().map(|folder| told(&shelf, folder, own.as_deref())).collect();
    Ok(Survey { built_in: built_in(), folders })
}

/// Reads the folders, and keeps nothing: what is in `home` stays as it is.
pub fn survey_apart(folders: &[PathBuf], home: &Path) -> Result<Survey, CorpusError> {
    read(folders, home, Shelf::in_memory())
}

fn read(folders: &[PathBuf], home: &Path, shelf: Shelf) -> Result<Survey, CorpusError> {
    let own = home.canonicalize().ok();
    let (helper, clock) = (Helper::this_program(), Arc::new(SystemClock));
    let mut looker = Looker::new(Folder::all(folders)?, shelf, own.clone(), helper, clock);
    drop(looker.once(&AtomicBool::new(false)));
    let folders = looker.folders.iter().map(|folder| told(looker.shelf(), folder, own.as_deref())).collect();
    Ok(Survey { built_in: built_in(), folders })
}

fn built_in() -> usize {
    Corpus::factbook().documents().len()
}

#[expect(clippy::ref_option, reason = "serde gives a reference to the field")]
fn shown<S: serde::Serializer>(at: &Option<Micros>, to: S) -> Result<S::Ok, S::Error> {
    at.map(|at| at.to_string()).serialize(to)
}

/// What was left out of a folder: what could not be opened, and what could not be read.
pub(super) fn skipped(shelf: &Shelf, folder: &Folder) -> Vec<Skipped> {
    let read = id_of(shelf, folder).and_then(|id| shelf.left_out(id).ok()).unwrap_or_default();
    let read = read.into_iter().map(|(path, reason)| Skipped { path, reason });
    let mut all: Vec<Skipped> = folder.skipped.iter().cloned().chain(read).collect();
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

fn told(shelf: &Shelf, folder: &Folder, own: Option<&Path>) -> FolderSurvey {
    let id = id_of(shelf, folder);
    let kinds = id.and_then(|id| shelf.tally(id).ok()).unwrap_or_default();
    let kinds: Vec<KindSurvey> = kinds
        .into_iter()
        .map(|tally| KindSurvey {
            kind: tally.kind,
            files: tally.files,
            documents: tally.documents,
            bytes: tally.bytes,
        })
        .collect();
    let shown = |Skipped { path, reason }| SkippedSurvey { path, reason };
    FolderSurvey {
        path: folder.path.clone(),
        name: folder.name.clone(),
        documents: kinds.iter().map(|kind| kind.documents).sum(),
        bytes: kinds.iter().map(|kind| kind.bytes).sum(),
        read_at: id.and_then(|id| shelf.looked_at(id).ok().flatten()),
        kinds,
        pending: pending(shelf, id, folder, own),
        skipped: skipped(shelf, folder).into_iter().map(shown).collect(),
        not_read: folder.unknown.clone(),
        unread: folder.unread.iter().cloned().map(shown).collect(),
    }
}

/// How many files are not on the shelf as they are now.
fn pending(shelf: &Shelf, id: Option<i64>, folder: &Folder, own: Option<&Path>) -> usize {
    let known = id.and_then(|id| shelf.files(id).ok()).unwrap_or_default();
    let found = walk(&folder.path, own).map(|walked| walked.found).unwrap_or_default();
    found.iter().filter(|found| known.get(&found.path).is_none_or(|known| known.stamp != found.stamp)).count()
}

fn id_of(shelf: &Shelf, folder: &Folder) -> Option<i64> {
    shelf.known_folder(&folder.key()).ok().flatten()
}
