//! What legwork promises, checked on the built binary from outside.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "these are tests, and they say what they skip")]

mod cli;
mod conformance;
mod crash;
mod deployment;
mod documents;
mod eval;
mod groups;
mod guide;
mod keys;
mod nodes;
mod operations;
mod others;
mod receiver;
mod research;
mod sdk;
mod streams;
mod support;
mod webhooks;
