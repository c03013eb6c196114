//! Whose turn it is at a host: few at a time, and one after the other. Whoever comes first goes first; who gives up leaves
//! no gap.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lru::LruCache;
use tokio::sync::{Mutex as Queue, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

/// How many may be at one host at a time.
const AT_ONCE: usize = 2;
/// How many hosts are remembered. One that is forgotten was left alone for longer than all of them.
const HOSTS: NonZeroUsize = NonZeroUsize::new(4096).expect("it is not zero");

/// The hosts at which somebody was lately.
pub(super) struct Turns {
    apart: Duration,
    hosts: Mutex<LruCache<String, Arc<Host>>>,
}

struct Host {
    places: Arc<Semaphore>,
    /// When the next may begin. Who has this waits for it, and the others for him.
    next: Queue<Option<Instant>>,
}

/// A turn, as long as it is held.
pub(super) struct Turn {
    _place: OwnedSemaphorePermit,
}

impl Turns {
    /// With so much time between two beginnings at one host.
    pub(super) fn new(apart: Duration) -> Self {
        Self { apart, hosts: Mutex::new(LruCache::sparse(HOSTS)) }
    }

    /// Waits for a turn at this host.
    pub(super) async fn take(&self, host: &str) -> Turn {
        let host = self.host(host);
        let place = host.places.clone().acquire_owned().await.expect("it is never closed");
        let mut next = host.next.lock().await;
        if let Some(at) = *next {
            sleep_until(at).await;
        }
        *next = Some(Instant::now() + self.apart);
        Turn { _place: place }
    }

    fn host(&self, name: &str) -> Arc<Host> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Host { places: Arc::new(Semaphore::new(AT_ONCE)), next: Queue::new(None) });
        hosts.get_or_insert(name.to_owned(), new).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::poll;

    use super::*;

    #[tokio::test]
    async fn a_third_waits_until_one_of_two_has_left_and_another_host_does_not() {
        let turns = Turns::new(Duration::ZERO);
        let (first, _second) = (turns.take("a.example").await, turns.take("a.example").await);
        let mut third = pin!(turns.take("a.example"));
        assert!(poll!(&mut third).is_pending());
        let _elsewhere = turns.take("b.example").await;
        drop(first);
        third.await;
    }

    #[tokio::test]
    async fn beginnings_at_one_host_lie_apart() {
        let apart = Duration::from_millis(20);
        let (turns, began) = (Turns::new(apart), Instant::now());
        for number in 0..4 {
            drop(turns.take("a.example").await);
            assert!(began.elapsed() >= apart * number, "{number}");
        }
    }

    #[tokio::test]
    async fn who_gives_up_leaves_no_gap() {
        let turns = Turns::new(Duration::from_hours(1));
        drop(turns.take("a.example").await);
        let mut late = Box::pin(turns.take("a.example"));
        assert!(poll!(&mut late).is_pending(), "it waits for an hour");
        drop(late);
        let host = turns.host("a.example");
        assert!(host.next.try_lock().is_ok() && host.places.available_permits() == AT_ONCE);
    }
}
