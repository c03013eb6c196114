//! The machine of legwork: it keeps runs, works on them, and answers callers.

pub mod config;
mod store;
