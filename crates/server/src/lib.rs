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
mod nodes;
pub mod processors;
mod runs;
mod schema;
mod store;
mod sweep;
#[cfg(test)]
mod testing;
mod webhooks;
mod worker;

pub use http::bare;
pub use lifecycle::{Running, StartError, StopError, start, start_with};
pub use processors::library::{PDF_VERB, read_pdf};
pub use store::sqlite::OpenError;

/// A store looked at and copied from outside, while its server runs or not.
pub mod upkeep {
    pub use crate::store::sqlite::{CopyError, Summary, copy, known, made_keys, summary};
}
