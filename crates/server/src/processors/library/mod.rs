//! The operator's documents: found below folders, read, kept beside the store, and looked at again while the server
//! runs. Whoever asks is given a corpus that never changes; when files do, the next question is given another.

mod cited;
mod earlier;
mod folder;
mod item;
mod learn;
mod look;
mod shelf;
mod survey;
mod walk;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use legwork_core::store::{Store, StoreError};
use legwork_embed::Embedder;
use tokio::sync::watch;
use tracing::{debug, info, warn};

use self::cited::Cited;
pub(crate) use self::earlier::move_in;
pub use self::folder::CorpusError;
use self::folder::Folder;
use self::look::{Looked, Looker};
use self::shelf::Shelf;
pub use self::survey::{FolderSurvey, KindSurvey, SkippedSurvey, Survey, survey, survey_apart};
use super::research::{Base, Corpus, Document};
use crate::clock::SystemClock;
use crate::read::Helper;
use crate::source::Source;

/// How long a folder is left alone between two looks: a hundred times what it takes to look, within these bounds.
const OFTEN: Duration = Duration::from_secs(2);
const SELDOM: Duration = Duration::from_secs(30);
/// How many skipped files are told one by one when they are first met.
const TOLD: usize = 10;

/// A file that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Skipped {
    /// The file, with the line where there is one (`notes.jsonl:7`).
    pub path: String,
    /// Why.
    pub reason: String,
}

/// The documents of a server. Dropping it ends the looking.
pub(super) struct Library {
    current: watch::Receiver<Option<Arc<Corpus>>>,
    cited: Cited,
    stop: Arc<AtomicBool>,
    /// Wakes the looker when it is dropped.
    _wake: mpsc::Sender<()>,
}

impl Library {
    /// Checks the folders, and reads them beside whatever else happens at start. What is read is kept in `home`; what is
    /// cited of it is kept in `store`. With an embedder they are soon found by their meaning as well.
    pub(super) fn open(
        folders: &[PathBuf],
        home: &Path,
        store: Arc<dyn Store>,
        embedder: Option<Arc<Embedder>>,
    ) -> Result<Self, CorpusError> {
        let folders = Folder::all(folders)?;
        let (home, helper) = (home_in(home), Helper::this_program());
        let (publish, current) = watch::channel(None);
        let (wake, woken) = mpsc::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let watcher = Watcher { publish, woken, stop: stop.clone(), embedder };
        // Without this thread no question is answered; each then says so.
        drop(thread::Builder::new().name("library".to_owned()).spawn(move || watcher.run(folders, &home, helper)));
        Ok(Self { current, cited: Cited::new(store), stop, _wake: wake })
    }

    /// All documents as they are now. The first to ask waits until they are read; `None` if they never will be.
    pub(super) async fn corpus(&self) -> Option<Arc<Corpus>> {
        let mut current = self.current.clone();
        match current.wait_for(Option::is_some).await {
            Ok(corpus) => corpus.clone(),
            Err(_) => self.corpus_now(),
        }
    }

    /// All documents as they are now; `None` while they are read for the first time.
    pub(super) fn corpus_now(&self) -> Option<Arc<Corpus>> {
        self.current.borrow().clone()
    }

    /// Keeps texts for good: they are about to be cited. When this returns, they are on disk.
    pub(super) async fn keep(&self, documents: Vec<Document>) -> Result<(), StoreError> {
        self.cited.keep(documents).await
    }

    /// The text of this hash: as it was cited, or as it is now.
    pub(super) async fn source(&self, hash: &str) -> Result<Option<Source>, StoreError> {
        if let Some(cited) = self.cited.find(hash).await? {
            return Ok(Some(cited));
        }
        Ok(self.corpus().await.and_then(|corpus| corpus.document(hash).map(Source::from)))
    }

    /// The text at this address: as it is now, or as it was last cited.
    pub(super) async fn source_at(&self, url: &str) -> Result<Option<Source>, StoreError> {
        match self.corpus().await.and_then(|corpus| corpus.document_at(url).map(Source::from)) {
            Some(now) => Ok(Some(now)),
            None => self.cited.find_at(url).await,
        }
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Looks at the folders until nobody wants to know any more.
struct Watcher {
    publish: watch::Sender<Option<Arc<Corpus>>>,
    woken: Receiver<()>,
    stop: Arc<AtomicBool>,
    embedder: Option<Arc<Embedder>>,
}

impl Watcher {
    fn run(self, folders: Vec<Folder>, home: &Path, helper: Helper) {
        if folders.is_empty() {
            self.publish.send_replace(Some(Arc::new(Corpus::of(Base::unpacked(), Vec::new()))));
            return;
        }
        let own = home.parent().and_then(|store| store.canonicalize().ok());
        let shelf = Shelf::open(&shelf_in(home));
        shelf.forget_missing();
        let mut looker = Looker::new(folders, shelf, own, helper, Arc::new(SystemClock)).by_meaning(self.embedder);
        let mut skipped = HashSet::new();
        loop {
            let started = Instant::now();
            let (looked, corpus) = looker.once(&self.stop);
            if let Some(corpus) = corpus {
                tell(&looker, looked, &corpus, started.elapsed(), &mut skipped);
                self.publish.send_replace(Some(Arc::new(corpus)));
            }
            let mut pause = pause(looker.looking(), started.elapsed());
            let learning = Instant::now();
            if let Some(corpus) = looker.learn(learning + SELDOM, &self.stop) {
                let took_ms = u64::try_from(learning.elapsed().as_millis()).unwrap_or(u64::MAX);
                info!(took_ms, "documents are found by their meaning as well");
                self.publish.send_replace(Some(Arc::new(corpus)));
            }
            if looker.is_learning() {
                pause = Duration::ZERO;
            }
            if !matches!(self.woken.recv_timeout(pause), Err(RecvTimeoutError::Timeout)) {
                return;
            }
        }
    }
}

/// Reading is paid once for a change, and is no reason to notice the next one late; but where files change all the time,
/// no more than half of it is spent on reading them.
fn pause(looking: Duration, all: Duration) -> Duration {
    (looking * 100).max(all).clamp(OFTEN, SELDOM)
}

/// Where documents are kept in a store's folder.
fn home_in(store: &Path) -> PathBuf {
    store.join("corpus")
}

fn shelf_in(home: &Path) -> PathBuf {
    home.join("index.db")
}

/// Says what was read, and which files are skipped that were not at the last time.
fn tell(looker: &Looker, looked: Looked, corpus: &Corpus, took: Duration, before: &mut HashSet<Skipped>) {
    let Looked { files, read, gone, .. } = looked;
    let documents = corpus.documents().len();
    // A u128 would be logged as a text.
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    info!(documents, files, read, gone, took_ms, "documents are loaded");
    let mut told = 0;
    let all: HashSet<_> = looker.folders.iter().flat_map(|folder| survey::skipped(looker.shelf(), folder)).collect();
    let mut new: Vec<&Skipped> = all.difference(before).collect();
    new.sort_by(|a, b| a.path.cmp(&b.path));
    for skipped in new {
        told += 1;
        debug!(path = skipped.path, reason = skipped.reason, "a document was skipped");
        if told <= TOLD && read > 0 {
            warn!(path = skipped.path, reason = skipped.reason, "a document was skipped");
        }
    }
    if told > TOLD && read > 0 {
        warn!(skipped = told, "more documents were skipped; `legwork corpus` lists them");
    }
    *before = all;
}

#[cfg(test)]
impl Corpus {
    /// The Factbook and the documents below these folders, read now and kept nowhere.
    pub fn load(folders: &[PathBuf]) -> Result<Self, CorpusError> {
        let mut looker =
            Looker::new(Folder::all(folders)?, Shelf::in_memory(), None, Helper::none(), Arc::new(SystemClock));
        let (_, corpus) = looker.once(&AtomicBool::new(false));
        Ok(corpus.expect("the first look always gives a corpus"))
    }
}
