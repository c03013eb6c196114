//! How long the last runs of a processor took to work on.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// How many are remembered.
const KEPT: usize = 32;

/// The last times that were told, forgotten with the process.
#[derive(Default)]
pub(super) struct Recent {
    /// Microseconds. A time that is read while it is written counts as the one before it.
    times: [AtomicU64; KEPT],
    told: AtomicU64,
}

impl Recent {
    pub(super) fn tell(&self, took: Duration) {
        let place = usize::try_from(self.told.fetch_add(1, Relaxed)).unwrap_or_default() % KEPT;
        self.times[place].store(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Their mean; `None` before the first.
    pub(super) fn mean(&self) -> Option<Duration> {
        let known = usize::try_from(self.told.load(Relaxed)).unwrap_or(KEPT).min(KEPT);
        let sum = self.times[..known].iter().fold(0, |sum: u64, time| sum.saturating_add(time.load(Relaxed)));
        sum.checked_div(known as u64).map(Duration::from_micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_that_of_the_last_ones() {
        let recent = Recent::default();
        assert_eq!(recent.mean(), None);
        recent.tell(Duration::from_secs(1000));
        assert_eq!(recent.mean(), Some(Duration::from_secs(1000)));
        (0..32).for_each(|n| recent.tell(Duration::from_secs(n % 2 * 2 + 1)));
        assert_eq!(recent.mean(), Some(Duration::from_secs(2)));
    }
}
