//! A processor's line to the outside during one attempt: what it tells waits here for the next commit, and what is
//! wished of it is looked up here.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use legwork_core::fact::Report;
use legwork_core::processor::{Reporter, Wish};
use tokio::sync::{Notify, watch};

/// The line between one attempt and its processor.
pub(super) struct Wire {
    told: Mutex<Vec<Report>>,
    something: Notify,
    wish: watch::Sender<Wish>,
}

impl Wire {
    pub(super) fn new(wish: Wish) -> Self {
        Self { told: Mutex::default(), something: Notify::new(), wish: watch::Sender::new(wish) }
    }

    /// Takes what was told since the last time.
    pub(super) fn take(&self) -> Vec<Report> {
        std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts back what could not be passed on, before what was told since.
    pub(super) fn put_back(&self, earlier: Vec<Report>) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).splice(..0, earlier);
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Resolves when something was told.
    pub(super) async fn told(&self) {
        self.something.notified().await;
    }

    /// Wishes something of the processor. A stop is never taken back.
    pub(super) fn wish_for(&self, wish: Wish) {
        self.wish.send_if_modified(|now| {
            let news = *now != Wish::Stop && *now != wish;
            if news {
                *now = wish;
            }
            news
        });
    }
}

#[async_trait]
impl Reporter for Wire {
    async fn report(&self, report: Report) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).push(report);
        self.something.notify_one();
    }

    fn wish(&self) -> Wish {
        *self.wish.borrow()
    }

    async fn wished(&self) -> Wish {
        let mut wish = self.wish.subscribe();
        // The sender lives as long as `self`.
        let other = wish.wait_for(|wish| *wish != Wish::GoOn).await;
        other.map_or(Wish::Stop, |wish| *wish)
    }
}
