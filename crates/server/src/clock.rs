//! What time it is. The one place that asks; everything else is told.

#[cfg(test)]
use std::sync::atomic::{AtomicI64, Ordering};
#[cfg(test)]
use std::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use legwork_core::time::Micros;

/// Says what time it is.
pub(crate) trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Micros;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Micros {
        Micros(0) + SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

/// The clock of a database, for all that share it.
impl Clock for crate::store::postgres::DatabaseClock {
    fn now(&self) -> Micros {
        self.now()
    }
}

/// A clock that is moved by hand, for tests.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct TestClock(AtomicI64);

#[cfg(test)]
impl TestClock {
    /// A clock that stands at this moment.
    pub(crate) fn at(now: Micros) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// How far it was moved since the test's beginning.
    pub(crate) fn since_monday(&self) -> Duration {
        self.now().since(crate::testing::MONDAY)
    }

    /// Moves it on.
    pub(crate) fn pass(&self, wait: Duration) {
        let now = self.now() + wait;
        self.0.store(now.0, Ordering::SeqCst);
    }
}

#[cfg(test)]
impl Clock for TestClock {
    fn now(&self) -> Micros {
        Micros(self.0.load(Ordering::SeqCst))
    }
}
