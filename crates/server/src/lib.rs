//! The machine of legwork: it keeps runs, works on them, and answers callers.
//!
//! [`start`] starts a server; everything it needs to know stands in its [`config::Config`].

mod app;
mod clock;
pub mod config;
#[cfg(test)]
mod days;
pub mod documents;
pub mod folder;
mod follow;
mod http;
mod indexer;
mod keys;
mod lifecycle;
pub mod machine;
mod metrics;
pub mod model;
mod nodes;
pub mod processors;
mod reach;
mod read;
mod runs;
mod schema;
mod source;
mod store;
mod sweep;
#[cfg(test)]
mod testing;
pub mod transfer;
pub mod web;
mod webhooks;
mod worker;

pub use http::bare;
pub use legwork_embed::{Embedder, OpenError as EmbeddingsError};
pub use lifecycle::{InUse, Running, StartError, StopError, start, start_with};
pub use processors::calibration;
pub use read::{PDF_VERB, read_pdf};
pub use store::postgres::DatabaseError;
pub use store::sqlite::OpenError;

/// Whether those who are asked to search the web answer.
pub mod search {
    pub use crate::web::search::{Share, try_each};
}

/// A store looked at and copied from outside, while its server runs or not.
pub mod upkeep {
    use crate::config::StoreAt;
    pub use crate::store::postgres::{DatabaseSummary, Ground, look as look_at_database};
    pub use crate::store::sqlite::{CopyError, Summary, copy, known, summary};
    pub use crate::store::target::TargetError;

    /// How many keys lie in a store; none if it is not there yet. `None` when it cannot be read.
    pub async fn made_keys(store: &StoreAt) -> Option<usize> {
        match store {
            StoreAt::Folder(path) => crate::store::sqlite::made_keys(path).ok(),
            StoreAt::Database { url, .. } => Some(look_at_database(url).await.ok()?.map_or(0, |told| told.keys)),
        }
    }
}
