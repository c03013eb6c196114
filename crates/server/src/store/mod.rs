//! The stores: each keeps the promises of `legwork_core::store`.

mod columns;
mod kept;
pub(crate) mod sqlite;
mod told;
mod words;
