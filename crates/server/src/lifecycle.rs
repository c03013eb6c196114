//! Starting and stopping. A stop is asked for once and then runs its course: no new work, every wait answered, running
//! work given its time, leases given back, the store closed. Killing the process at any point of it loses nothing.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use legwork_core::store::{Store, StoreError};
use legwork_embed::Embedder;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::app::{App, Base, BaseError};
use crate::config::{Config, Role, StoreAt};
use crate::folder::{Folder, FolderError, ServerFile};
use crate::http::{Listener, listen};
use crate::keys::{By, Keyring};
use crate::machine;
use crate::model::Models;
use crate::processors::calibration::{CalibrationError, Calibrations};
use crate::processors::{CorpusError, Outside, Registry, library};
use crate::store::postgres::DatabaseError;
use crate::store::sqlite::OpenError;

/// How long a folder is asked for again while its owner has not said where it is: it may be about to go.
const HELD_FOR: Duration = Duration::from_millis(300);
/// How long answers under way may take to get through once everything else has stopped.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store's folder cannot be had.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The embedded store cannot be opened.
    #[error(transparent)]
    Store(OpenError),
    /// The store's database cannot be used.
    #[error(transparent)]
    Database(DatabaseError),
    /// The address cannot be listened at.
    #[error("cannot listen at {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The keys in the store cannot be read.
    #[error("the keys in the store cannot be read")]
    Keys(#[source] StoreError),
    /// Without keys a server is for this machine only.
    #[error("{0} can be reached from other machines, and there is no key")]
    OpenToAll(SocketAddr),
    /// The documents to answer from cannot be read.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    /// The embedding model cannot be used.
    #[error("{} is no embedding model that can be used", folder.display())]
    Embeddings {
        /// Its folder.
        folder: PathBuf,
        /// What is wrong with it.
        source: legwork_embed::OpenError,
    },
    /// What labels of confidence shall follow cannot be read.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// A thread of ours ended before its time.
    #[error("the server could not be put together")]
    Broken(#[source] tokio::task::JoinError),
}

impl From<BaseError> for StartError {
    fn from(error: BaseError) -> Self {
        match error {
            BaseError::Embedded(error) => Self::Store(error),
            BaseError::Database(error) => Self::Database(error),
            BaseError::Broken(error) => Self::Broken(error),
        }
    }
}

impl StartError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Folder(FolderError::Held { by, .. }) => Some(match by {
                Some(by) => {
                    format!("use that server: --server http://{}, or another folder: --store FOLDER", by.address)
                }
                None => "stop that process, or use another folder: --store FOLDER".to_owned(),
            }),
            Self::Folder(FolderError::Unusable { .. }) => Some("use another folder: --store FOLDER".to_owned()),
            Self::Store(OpenError::Newer { .. }) => Some("use the legwork that wrote it, or a later one".to_owned()),
            Self::Store(OpenError::NotOurs(_)) => Some("use another folder: --store FOLDER".to_owned()),
            Self::Database(error) => error.hint().map(str::to_owned),
            Self::Listen { .. } => Some("choose another address: --listen 127.0.0.1:0 takes any free port".to_owned()),
            Self::OpenToAll(address) => {
                Some(format!("make one with `legwork key create NAME`, and listen on {address} then"))
            }
            Self::Calibration(_) => {
                Some("measure anew with `legwork calibrate`, or start without --calibration".to_owned())
            }
            Self::Embeddings { .. } => {
                Some("name the folder of all-MiniLM-L6-v2, or start without --embeddings".to_owned())
            }
            Self::Store(_) | Self::Keys(_) | Self::Corpus(_) | Self::Broken(_) => None,
        }
    }
}

/// Why a server stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// A part of it ended that should not have; what happened stands in the log.
    #[error("a part of the server broke down")]
    Broken,
}

/// What a server answers with, in a few words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InUse {
    /// The language models and where they are; `none`, or `off`.
    pub models: String,
    /// The search providers by name; empty where nobody is asked.
    pub search: Vec<String>,
    /// The documents of this server, by what they are called.
    pub documents: Vec<String>,
}

/// A server at work.
pub struct Running {
    address: SocketAddr,
    store_id: String,
    local_key: String,
    /// Not its owner: a store is closed when its server has stopped.
    keys: Weak<Keyring>,
    models: Option<Arc<Models>>,
    search: Vec<String>,
    documents: Vec<String>,
    stop: CancellationToken,
    ended: tokio::task::JoinHandle<Result<(), StopError>>,
}

/// Starts a server with the built-in processors. When this returns, it listens.
pub async fn start(config: Config) -> Result<Running, StartError> {
    let (corpus, embeddings) = (config.corpus.clone(), config.embeddings.clone());
    let processors = move |home: &Path, store, outside| {
        let open = |folder: PathBuf| match Embedder::open(&folder) {
            Ok(embedder) => Ok(Arc::new(embedder)),
            Err(source) => Err(StartError::Embeddings { folder, source }),
        };
        let embedder = embeddings.map(open).transpose()?;
        Ok(Registry::built_in(&corpus, home, store, outside, embedder)?)
    };
    start_in(config, processors).await
}

/// Starts a server with processors of the caller's.
pub async fn start_with(config: Config, processors: Registry) -> Result<Running, StartError> {
    start_in(config, move |_, _, _| Ok(processors)).await
}

async fn start_in<P>(config: Config, processors: P) -> Result<Running, StartError>
where
    P: FnOnce(&Path, Arc<dyn Store>, Outside) -> Result<Registry, StartError> + Send + 'static,
{
    let folder = take(&config.store).await?;
    if let Err(error) = machine::raise_file_limit() {
        warn!(error = &error as &dyn std::error::Error, "the limit of open files stays as it is");
    }
    let listener = listen(config.listen).map_err(|source| StartError::Listen { address: config.listen, source })?;
    let address = listener.address().map_err(|source| StartError::Listen { address: config.listen, source })?;
    let (stop, hard_stop) = (CancellationToken::new(), CancellationToken::new());
    let local_key = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let base = Base::open(&config, folder.database(), hard_stop.clone()).await?;
    if let Some(models) = &base.models {
        models.look().await;
    }
    if let StoreAt::Folder(home) = &config.store {
        // Nothing is asked for before it can be found.
        library::move_in(home, &*base.store).await;
    }
    let (home, store) = (folder.path().to_owned(), base.store.clone());
    let outside = base.outside(&config, address, calibrations(config.calibration.as_deref())?);
    let processors = in_background(move || processors(&home, store, outside)).await??;
    let app = App::build(&config, address, base, &local_key, processors, &stop, hard_stop.clone());
    app.keys.refresh().await.map_err(StartError::Keys)?;
    if !app.keys.ring().is_keyed() && !config.listen.ip().is_loopback() {
        return Err(StartError::OpenToAll(config.listen));
    }
    app.nodes.once().await;
    let store_id = app.store.id().to_owned();
    let server = ServerFile { pid: std::process::id(), address, store_id: store_id.clone(), key: local_key.clone() };
    if let Err(error) = folder.publish(&server) {
        warn!(error = &error as &dyn std::error::Error, "other commands will not find this server by its store");
    }
    let (keys, models) = (Arc::downgrade(&app.keys), app.models.clone());
    let search = config.search.names().map(str::to_owned).collect();
    let documents = config.documents();
    let course = Course { app, folder, config, listener, stop: stop.clone(), hard_stop };
    Ok(Running {
        address,
        store_id,
        local_key,
        keys,
        models,
        search,
        documents,
        stop,
        ended: tokio::spawn(course.run()),
    })
}

/// What was measured of how often labels are right, if somebody measured it.
fn calibrations(path: Option<&Path>) -> Result<Option<Arc<Calibrations>>, CalibrationError> {
    let Some(path) = path else { return Ok(None) };
    let measured = Calibrations::load(path)?;
    let Calibrations { date, n, .. } = &measured;
    info!(path = %path.display(), date, answers = n, "labels of confidence were measured");
    Ok(Some(Arc::new(measured)))
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The id of its store.
    pub fn store_id(&self) -> &str {
        &self.store_id
    }

    /// A key that it accepts for the owner `local`, as long as it runs.
    pub fn local_key(&self) -> &str {
        &self.local_key
    }

    /// Whether it accepts this key now, as a key that somebody was given.
    pub fn accepts(&self, key: &str) -> bool {
        self.keys.upgrade().is_some_and(|keys| {
            let pass = keys.ring().admit(Some(key.as_bytes()), keys.now());
            pass.is_ok_and(|pass| pass.by != By::Nobody)
        })
    }

    /// How many of the keys in its store are good now.
    pub fn made_keys(&self) -> usize {
        self.keys.upgrade().map_or(0, |keys| keys.ring().made(keys.now()))
    }

    /// Whether it takes any key or none from whoever is on this machine.
    pub fn is_open(&self) -> bool {
        self.keys.upgrade().is_some_and(|keys| keys.ring().is_open())
    }

    /// What it answers with, in a few words; `None` where it works on nothing.
    pub fn uses(&self) -> Option<InUse> {
        let models = self.models.as_ref()?;
        Some(InUse { models: models.in_use(), search: self.search.clone(), documents: self.documents.clone() })
    }

    /// Asks it to stop.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until it has stopped, after [`Running::stop`] or because something broke down. May be dropped and asked
    /// for again until it has returned once.
    pub async fn ended(&mut self) -> Result<(), StopError> {
        (&mut self.ended).await.unwrap_or(Err(StopError::Broken))
    }
}

/// A server's way from its start to its end.
struct Course {
    app: App,
    folder: Folder,
    config: Config,
    listener: Listener,
    stop: CancellationToken,
    hard_stop: CancellationToken,
}

impl Course {
    async fn run(self) -> Result<(), StopError> {
        let Self { app, folder, config, listener, stop, hard_stop } = self;
        let mut parts = JoinSet::new();
        parts.spawn(app.follow.watch());
        parts.spawn(app.keys.watch(stop.clone()));
        parts.spawn(app.nodes.stay(stop.clone()));
        if let Some(models) = app.models {
            parts.spawn(models.watch(stop.clone()));
        }
        // Connections are accepted before anything is swept.
        let serving = tokio::spawn(listener.serve(app.front, stop.clone()));
        if config.role != Role::Api {
            parts.spawn(app.worker.work(stop.clone()));
            parts.spawn(app.sender.send(stop.clone()));
        }
        parts.spawn(app.sweeper.sweep(stop.clone()));
        parts.spawn(app.indexer.follow(stop.clone()));
        let broken = tokio::select! {
            () = stop.cancelled() => false,
            ended = parts.join_next() => ended.is_some_and(|ended| is_broken(&ended)),
        };
        stop.cancel();
        info!("stopping");
        let broken = wind_down(parts, config.drain, &hard_stop).await || broken;
        if timeout(LAST_ANSWERS, serving).await.is_err() {
            warn!("some answers were not taken in time");
        }
        drop(app.store);
        drop(folder);
        if broken { Err(StopError::Broken) } else { Ok(()) }
    }
}

/// Lets the parts end: running work has its time, then it has to stop.
async fn wind_down(mut parts: JoinSet<()>, drain: Duration, hard_stop: &CancellationToken) -> bool {
    let mut broken = false;
    let mut late = std::pin::pin!(sleep(drain));
    loop {
        tokio::select! {
            ended = parts.join_next() => match ended {
                None => return broken,
                Some(ended) => broken |= is_broken(&ended),
            },
            () = &mut late, if !hard_stop.is_cancelled() => hard_stop.cancel(),
        }
    }
}

fn is_broken(ended: &Result<(), tokio::task::JoinError>) -> bool {
    if let Err(error) = ended {
        error!(error = error as &dyn std::error::Error, "a part of the server broke down");
    }
    ended.is_err()
}

async fn take(store: &StoreAt) -> Result<Folder, StartError> {
    let path = match store {
        StoreAt::Folder(path) => path,
        StoreAt::Database { node, .. } => return Ok(Folder::take_one_of(node)?),
    };
    let give_up = tokio::time::Instant::now() + HELD_FOR;
    loop {
        match Folder::take(path) {
            Err(FolderError::Held { by: None, .. }) if tokio::time::Instant::now() < give_up => {
                sleep(Duration::from_millis(20)).await;
            }
            taken => return Ok(taken?),
        }
    }
}

async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StartError> {
    tokio::task::spawn_blocking(work).await.map_err(StartError::Broken)
}
