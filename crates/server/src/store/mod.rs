//! The stores: each keeps the promises of `legwork_core::store`.

pub(crate) mod records;
pub(crate) mod sqlite;
pub(crate) mod target;
