//! The keys that this server accepts, kept in memory.

mod ring;

use std::sync::Arc;

use legwork_core::time::Micros;

#[cfg(test)]
pub(crate) use self::ring::digest;
pub(crate) use self::ring::{By, Holds, Pass, Refused, Ring, Terms};
use crate::clock::Clock;

/// The keys of one server.
pub(crate) struct Keyring {
    clock: Arc<dyn Clock>,
    ring: Arc<Ring>,
}

impl Keyring {
    pub(crate) fn new(clock: Arc<dyn Clock>, terms: Terms) -> Self {
        Self { clock, ring: Arc::new(Ring::unread(terms).with(Vec::new())) }
    }

    /// The keys as they are now.
    pub(crate) fn ring(&self) -> Arc<Ring> {
        self.ring.clone()
    }

    /// The time that this server goes by.
    pub(crate) fn now(&self) -> Micros {
        self.clock.now()
    }
}

/// A ring for a test.
#[cfg(test)]
pub(crate) fn ring_of(terms: Terms, made: &[legwork_core::key::Key]) -> Ring {
    Ring::unread(terms).with(made.to_vec())
}
