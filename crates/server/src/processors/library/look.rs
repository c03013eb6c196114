//! One look at all folders: what is new or changed is read, what is gone is forgotten.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use legwork_core::time::Micros;
use legwork_embed::Embedder;
use tracing::warn;

use super::Skipped;
use super::folder::Folder;
use super::item::{Item, Read};
use super::learn::Learner;
use super::shelf::{Known, Shelf, ShelfError, Stored};
use super::walk::{Found, walk};
use crate::clock::Clock;
use crate::processors::research::{Bag, Base, Corpus, Document, host_of, percent_encoded};
use crate::read::Helper;

/// How many files are written to the shelf at once.
const BATCH: usize = 256;
/// How many files are read at the same time, at the most.
const READERS: usize = 8;
/// A page may be nested deep, and its reader may be a function that calls itself. Only what is used of it is taken.
const STACK: usize = 64 << 20;
/// A file that changed less than this before it was read may have changed again without it showing.
const SETTLED: Duration = Duration::from_secs(2);

/// Looks at folders, again and again.
pub(super) struct Looker {
    pub(super) folders: Vec<Folder>,
    shelf: Shelf,
    base: Base,
    helper: Helper,
    clock: Arc<dyn Clock>,
    /// Our own folder, which may lie in one of the others.
    own: Option<PathBuf>,
    published: bool,
    /// What the last look took to find out what has changed, without reading it.
    looking: Duration,
    learner: Option<Learner>,
}

/// What a look found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Looked {
    /// Files that can be read.
    pub(super) files: usize,
    /// Files that were opened.
    pub(super) opened: usize,
    /// Files that have other contents than before, or are new.
    pub(super) read: usize,
    /// Files that are gone.
    pub(super) gone: usize,
}

/// A file to be read, and what is known of it.
struct Task {
    found: Found,
    known: Option<Known>,
}

impl Looker {
    pub(super) fn new(
        folders: Vec<Folder>,
        shelf: Shelf,
        own: Option<PathBuf>,
        helper: Helper,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            folders,
            shelf,
            base: Base::unpacked(),
            helper,
            clock,
            own,
            published: false,
            looking: Duration::ZERO,
            learner: None,
        }
    }

    /// Documents are found by their meaning as well, where there is a pack to tell it.
    pub(super) fn by_meaning(self, embedder: Option<Arc<Embedder>>) -> Self {
        Self { learner: embedder.map(Learner::new), ..self }
    }

    /// Whether documents wait for their vectors.
    pub(super) fn is_learning(&self) -> bool {
        self.learner.as_ref().is_some_and(Learner::is_busy)
    }

    /// Makes the vectors of documents that have none, until this moment at the latest. The corpus with all of them comes
    /// back when the last was made.
    pub(super) fn learn(&mut self, until: Instant, stop: &AtomicBool) -> Option<Corpus> {
        let learned = self.learner.as_mut().filter(|learner| learner.is_busy())?.go_on(&mut self.shelf, until, stop);
        let corpus = learned.and_then(|all| if all { self.corpus().map(Some) } else { Ok(None) });
        corpus.unwrap_or_else(|odd| {
            warn!(error = &odd as &dyn std::error::Error, "documents are found by their words until the next change");
            None
        })
    }

    pub(super) fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// What a look costs when nothing has changed.
    pub(super) fn looking(&self) -> Duration {
        self.looking
    }

    /// Looks at all folders once; the corpus comes back if it is another than before. When what was kept turns out to
    /// be damaged, all is read again.
    pub(super) fn once(&mut self, stop: &AtomicBool) -> (Looked, Option<Corpus>) {
        for _ in 0..2 {
            match self.attempt(stop) {
                Ok(done) => return done,
                Err(odd) => {
                    warn!(error = &odd as &dyn std::error::Error, "what was read of the documents is read again");
                    let shelf = std::mem::replace(&mut self.shelf, Shelf::in_memory());
                    self.shelf = shelf.renewed();
                }
            }
        }
        self.shelf = Shelf::in_memory();
        self.attempt(stop).unwrap_or_default()
    }

    fn attempt(&mut self, stop: &AtomicBool) -> Result<(Looked, Option<Corpus>), ShelfError> {
        let mut all = Looked::default();
        self.looking = Duration::ZERO;
        for at in 0..self.folders.len() {
            let looked = self.look(at, stop)?;
            all.files += looked.files;
            all.opened += looked.opened;
            all.read += looked.read;
            all.gone += looked.gone;
        }
        if self.published && all.read + all.gone == 0 || stop.load(Ordering::Relaxed) {
            return Ok((all, None));
        }
        let corpus = self.corpus()?;
        self.published = true;
        Ok((all, Some(corpus)))
    }

    fn look(&mut self, at: usize, stop: &AtomicBool) -> Result<Looked, ShelfError> {
        let started = Instant::now();
        let folder = &mut self.folders[at];
        let id = self.shelf.folder(&folder.key())?;
        let walked = match walk(&folder.path, self.own.as_deref()) {
            Ok(walked) => walked,
            Err(error) => {
                // It may be back in a minute; until then what it held is still answered from.
                folder.skipped =
                    vec![Skipped { path: ".".to_owned(), reason: format!("the folder cannot be read: {error}") }];
                return Ok(Looked::default());
            }
        };
        (folder.skipped, folder.unknown, folder.unread) = (walked.skipped, walked.unknown, walked.unread);
        let files = walked.found.len();
        let (tasks, gone) = compared(walked.found, self.shelf.files(id)?);
        self.looking += started.elapsed();
        let mut looked = Looked { files, opened: tasks.len(), read: 0, gone: gone.len() };
        self.shelf.change(|change| gone.iter().try_for_each(|known| change.remove(known.id)))?;
        looked.read = self.read(id, &tasks, stop)?;
        if looked.read + looked.gone > 0 || self.shelf.looked_at(id)?.is_none() {
            self.shelf.looked(id, self.clock.now())?;
        }
        Ok(looked)
    }

    /// Reads files beside each other and writes down what came of them; says how many have other contents.
    fn read(&mut self, folder: i64, tasks: &[Task], stop: &AtomicBool) -> Result<usize, ShelfError> {
        if tasks.is_empty() {
            return Ok(0);
        }
        let next = AtomicUsize::new(0);
        let (helper, clock, shelf) = (&self.helper, &*self.clock, &mut self.shelf);
        thread::scope(|scope| {
            let (tell, told) = sync_channel(BATCH);
            let readers = thread::available_parallelism().map_or(1, usize::from).min(READERS).min(tasks.len());
            for _ in 0..readers {
                let (tell, next) = (tell.clone(), &next);
                let work = move || read_on(tasks, next, stop, (helper, clock), &tell);
                // With one thread fewer it takes longer; without any nothing is told, and all is tried again.
                drop(thread::Builder::new().name("documents".to_owned()).stack_size(STACK).spawn_scoped(scope, work));
            }
            drop(tell);
            write_down(shelf, folder, tasks, clock, &told)
        })
    }

    /// All documents that are kept of the folders, put together.
    fn corpus(&mut self) -> Result<Corpus, ShelfError> {
        let mut own = Vec::new();
        for folder in &self.folders {
            let id = self.shelf.folder(&folder.key())?;
            own.extend(self.shelf.texts(id)?.into_iter().map(|stored| document(&folder.name, stored)));
        }
        if own.is_empty() {
            return Ok(Corpus::of(self.base.clone(), own));
        }
        match self.shelf.base()? {
            Some(words) => self.base.remember(words),
            None => self.shelf.keep_base(self.base.bags())?,
        }
        let vectors = self.learner.as_mut().map(|learner| {
            let documents = own.iter().map(|(document, _)| document);
            learner.known(&self.shelf, documents).map(|vectors| (learner.pack(), vectors))
        });
        let mut corpus = Corpus::of(self.base.clone(), own);
        if let Some((pack, vectors)) = vectors.transpose()? {
            corpus = corpus.with_meaning(pack, vectors);
        }
        corpus.warm();
        Ok(corpus)
    }
}

/// Which files have to be opened, and which are gone.
fn compared(found: Vec<Found>, mut known: HashMap<String, Known>) -> (Vec<Task>, Vec<Known>) {
    let mut tasks = Vec::new();
    for found in found {
        let known = known.remove(&found.path);
        if !known.as_ref().is_some_and(|known| is_as_it_was(known, &found)) {
            tasks.push(Task { found, known });
        }
    }
    (tasks, known.into_values().collect())
}

fn is_as_it_was(known: &Known, found: &Found) -> bool {
    let touched = Micros(found.stamp.modified.max(found.stamp.changed) / 1000);
    // What could not be opened may be open to us now, and what was just written may have been written again.
    known.stamp == found.stamp && !known.digest.is_empty() && touched + SETTLED < known.read_at
}

/// Takes files from the list until there are none.
fn read_on(
    tasks: &[Task],
    next: &AtomicUsize,
    stop: &AtomicBool,
    (helper, clock): (&Helper, &dyn Clock),
    tell: &SyncSender<(usize, Read)>,
) {
    loop {
        let at = next.fetch_add(1, Ordering::Relaxed);
        let Some(task) = tasks.get(at).filter(|_| !stop.load(Ordering::Relaxed)) else { return };
        let read = Item::read(&task.found, task.known.as_ref(), helper, clock.now());
        if tell.send((at, read)).is_err() {
            return;
        }
    }
}

fn write_down(
    shelf: &mut Shelf,
    folder: i64,
    tasks: &[Task],
    clock: &dyn Clock,
    told: &Receiver<(usize, Read)>,
) -> Result<usize, ShelfError> {
    let mut read = 0;
    while let Ok(first) = told.recv() {
        let batch = std::iter::once(first).chain(told.try_iter().take(BATCH - 1));
        read += shelf.change(|change| {
            let mut new = 0;
            for (at, read) in batch {
                match (read, &tasks[at].known) {
                    // What cannot be opened is tried at each look; there is nothing to write down.
                    (Read::Same, Some(known)) if known.digest.is_empty() && known.stamp == tasks[at].found.stamp => {}
                    (Read::Same, Some(known)) => change.same(known.id, tasks[at].found.stamp, clock.now())?,
                    (Read::Same, None) => {}
                    (Read::New(item), _) => {
                        change.put(folder, &item)?;
                        new += 1;
                    }
                }
            }
            Ok(new)
        })?;
    }
    Ok(read)
}

/// A text that was kept, as a document of this corpus.
fn document(corpus: &str, stored: Stored) -> (Document, Bag) {
    let Stored { path, read_at, kept, words } = stored;
    let own = || {
        let path = percent_encoded(&format!("{corpus}/{path}"));
        let part = kept.part.as_ref().map(|part| format!("#{}", percent_encoded(part))).unwrap_or_default();
        format!("corpus:{path}{part}")
    };
    let host = kept.url.as_deref().and_then(host_of);
    let document = Document {
        url: kept.url.clone().filter(|_| host.is_some()).unwrap_or_else(own),
        host,
        hash: kept.hash,
        corpus: corpus.to_owned(),
        title: kept.title,
        text: kept.text.into(),
        read_at: Some(read_at),
        published: None,
        entity: None,
        passages: kept.passages.into(),
    };
    (document, words)
}

/// A folder's corpus has its own name, with a number if it is taken.
pub(super) fn name_of(path: &Path, taken: &[String]) -> String {
    let name = path.file_name().map_or_else(|| "corpus".to_owned(), |name| name.to_string_lossy().into_owned());
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    // The numbers do not run out before the folders do.
    std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or(name)
}
