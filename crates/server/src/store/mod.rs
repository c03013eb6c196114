//! The stores: each keeps the promises of `legwork_core::store`.

#[cfg(test)]
mod agree;
mod columns;
mod kept;
pub(crate) mod postgres;
pub(crate) mod records;
pub(crate) mod sqlite;
pub(crate) mod target;
mod told;
mod words;
