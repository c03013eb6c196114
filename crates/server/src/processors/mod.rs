//! Who does the work on this server: the processors by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use legwork_core::processor::Processor;

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
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct CorpusError;
impl Registry {
    pub fn built_in(_: &[std::path::PathBuf]) -> Result<Self, CorpusError> {
        Ok(Self::default())
    }
}
