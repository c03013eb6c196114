//! The way out: HTTP to addresses that others chose, only to where this server may go. Who has an address from a caller, from
//! a page or from a search goes through here; nothing else connects to what nobody vouches for.
//!
//! Redirects are never followed: they would lead past the look at the address. No proxy is used: it would connect in our
//! place, and nobody would judge to where.

mod client;
mod connect;
mod names;
mod retry;
mod rule;

pub(crate) use self::client::{Client, ReachError};
pub(crate) use self::names::Names;
pub(crate) use self::retry::retry_after;
pub(crate) use self::rule::{Forbidden, Rule};

#[cfg(test)]
pub(crate) use self::rule::tests::ATTACKS;
