//! Who does the work on this server: the processors by name.

mod blocking;
mod engine;
mod fingerprint;
mod idle;
mod joined;
pub mod library;
pub mod research;
mod researcher;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use legwork_core::node::Fingerprint;
use legwork_core::processor::Processor;
use legwork_core::store::{Store, StoreError};
use legwork_core::tier::Tier;
use legwork_embed::Embedder;

pub use self::engine::honest::{Verdict, place_of, verify_values};
pub use self::library::CorpusError;
use self::library::Library;
pub(crate) use self::researcher::Outside;
use self::researcher::Researcher;
pub use crate::source::Source;

/// Labels of confidence, measured against answers of which it is known whether they are right.
pub mod calibration {
    pub use super::engine::honest::{
        Answer, BadLine, Calibration, CalibrationError, Calibrations, Class, Features, Judgement, Measured, Share,
        Table, answers, calibrate, described,
    };
}

/// The processors that this server has.
#[derive(Clone, Default)]
pub struct Registry {
    by_name: Arc<BTreeMap<String, Arc<dyn Processor>>>,
    library: Option<Arc<Library>>,
}

impl Registry {
    /// These processors under these names.
    pub fn of(processors: impl IntoIterator<Item = (String, Arc<dyn Processor>)>) -> Self {
        Self { by_name: Arc::new(processors.into_iter().collect()), library: None }
    }

    /// The built-in researcher under its eighteen names, with these folders of documents beside the built-in ones. A
    /// folder that cannot be read is known when this returns; they are read in the background, what was read is kept in
    /// the folder `home`, and what is cited in the store. With an embedder they are found by their meaning as well.
    pub(crate) fn built_in(
        corpus: &[PathBuf],
        home: &Path,
        store: Arc<dyn Store>,
        outside: Outside,
        embedder: Option<Arc<Embedder>>,
    ) -> Result<Self, CorpusError> {
        let library = Arc::new(Library::open(corpus, home, store, embedder)?);
        let researcher: Arc<dyn Processor> = Arc::new(Researcher::new(library.clone(), outside));
        let names = Tier::names().map(|name| (name, researcher.clone()));
        Ok(Self { library: Some(library), ..Self::of(names) })
    }

    /// The eighteen names, and nothing behind them: what is left to measure is the server.
    pub fn idle() -> Self {
        let idle: Arc<dyn Processor> = Arc::new(idle::Idle);
        Self::of(Tier::names().map(|name| (name, idle.clone())))
    }

    /// The same processors, beside the documents in these folders.
    #[cfg(test)]
    pub(crate) fn with_documents(self, corpus: &[PathBuf], home: &Path, store: Arc<dyn Store>) -> Self {
        let library = Library::open(corpus, home, store, None).expect("the folders of a test are there");
        Self { library: Some(Arc::new(library)), ..self }
    }

    /// The text of this hash that an answer may rest on.
    pub async fn source(&self, hash: &str) -> Result<Option<Source>, StoreError> {
        match &self.library {
            Some(library) => library.source(hash).await,
            None => Ok(None),
        }
    }

    /// The text at this address that an answer may rest on.
    pub async fn source_at(&self, url: &str) -> Result<Option<Source>, StoreError> {
        match &self.library {
            Some(library) => library.source_at(url).await,
            None => Ok(None),
        }
    }

    /// The processor of this name.
    pub fn get(&self, name: &str) -> Option<Arc<dyn Processor>> {
        self.by_name.get(name).cloned()
    }

    /// Whether there is a processor of this name.
    pub fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// What decides the answers of each, as it is now.
    pub fn fingerprints(&self) -> BTreeMap<String, Option<Fingerprint>> {
        self.by_name.iter().map(|(name, processor)| (name.clone(), processor.fingerprint())).collect()
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }
}
