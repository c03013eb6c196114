//! Who does the work on this server: the processors by name.

mod idle;
pub mod research;
mod researcher;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use legwork_core::processor::Processor;
use legwork_core::tier::Tier;

pub use self::research::CorpusError;
use self::researcher::Researcher;

/// The processors that this server has.
#[derive(Clone, Default)]
pub struct Registry {
    by_name: Arc<BTreeMap<String, Arc<dyn Processor>>>,
}

impl Registry {
    /// These processors under these names.
    pub fn of(processors: impl IntoIterator<Item = (String, Arc<dyn Processor>)>) -> Self {
        Self { by_name: Arc::new(processors.into_iter().collect()) }
    }

    /// The built-in researcher under its eighteen names, with these folders of documents beside the built-in ones.
    /// Reads them, so that a folder that cannot be read is known before the first run.
    pub fn built_in(corpus: &[PathBuf]) -> Result<Self, CorpusError> {
        let researcher: Arc<dyn Processor> = Arc::new(Researcher::new(corpus)?);
        Ok(Self::of(Tier::names().map(|name| (name, researcher.clone()))))
    }

    /// The eighteen names, and nothing behind them: what is left to measure is the server.
    pub fn idle() -> Self {
        let idle: Arc<dyn Processor> = Arc::new(idle::Idle);
        Self::of(Tier::names().map(|name| (name, idle.clone())))
    }

    /// The processor of this name.
    pub fn get(&self, name: &str) -> Option<Arc<dyn Processor>> {
        self.by_name.get(name).cloned()
    }

    /// Whether there is a processor of this name.
    pub fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }
}
