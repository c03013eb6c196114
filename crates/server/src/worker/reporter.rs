//! A processor's line to the outside during one attempt: what it tells waits here for the next commit, and what is
//! wished of it is looked up here.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use legwork_core::fact::{Report, ReportBody};
use legwork_core::processor::{Reporter, Wish};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

/// How often it is recorded at the most how far the work is; of several in between the last one counts.
const STATS_EVERY: Duration = Duration::from_secs(1);

/// The line between one attempt and its processor.
pub(super) struct Wire {
    told: Mutex<Told>,
    something: Notify,
    wish: watch::Sender<Wish>,
}

/// What was told and is not passed on yet.
#[derive(Default)]
struct Told {
    reports: Vec<Report>,
    /// How far the work is, kept back until it is time for it.
    stats: Option<Report>,
    stats_due: Option<Instant>,
}

impl Told {
    /// From when on there is something to pass on; `None` when nothing was told.
    fn due(&self, now: Instant) -> Option<Instant> {
        if self.reports.is_empty() { self.stats.as_ref().map(|_| self.stats_due.unwrap_or(now)) } else { Some(now) }
    }
}

impl Wire {
    pub(super) fn new(wish: Wish) -> Self {
        Self { told: Mutex::default(), something: Notify::new(), wish: watch::Sender::new(wish) }
    }

    /// Takes what was told since the last time, as far as it is time for it.
    pub(super) fn take(&self, now: Instant) -> Vec<Report> {
        let mut told = self.told();
        let mut reports = std::mem::take(&mut told.reports);
        if told.stats_due.is_none_or(|due| due <= now)
            && let Some(stats) = told.stats.take()
        {
            told.stats_due = Some(now + STATS_EVERY);
            reports.push(stats);
        }
        reports
    }

    /// Takes all that was told: the work is over.
    pub(super) fn take_all(&self) -> Vec<Report> {
        let mut told = self.told();
        let mut reports = std::mem::take(&mut told.reports);
        reports.extend(told.stats.take());
        reports
    }

    /// Puts back what could not be passed on, before what was told since.
    pub(super) fn put_back(&self, earlier: Vec<Report>) {
        self.told().reports.splice(..0, earlier);
    }

    /// Resolves when there is something to take.
    pub(super) async fn ready(&self) {
        loop {
            let now = Instant::now();
            let due = self.told().due(now);
            match due {
                Some(due) if due <= now => return,
                Some(due) => {
                    tokio::select! {
                        () = self.something.notified() => {}
                        () = sleep_until(due) => {}
                    }
                }
                None => self.something.notified().await,
            }
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
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
        {
            let mut told = self.told();
            match &report.body {
                ReportBody::Message { .. } => told.reports.push(report),
                ReportBody::Stats { .. } => told.stats = Some(report),
            }
        }
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

#[cfg(test)]
mod tests {
    use legwork_core::fact::Step;

    use super::*;

    fn stats(meter: u8) -> Report {
        let body = ReportBody::Stats { meter, considered: 0, read: 0, sample: Vec::new() };
        Report { key: format!("stats:{meter}"), body }
    }

    fn message() -> Report {
        Report { key: "m".to_owned(), body: ReportBody::Message { step: Step::Plan, message: String::new() } }
    }

    fn keys(reports: &[Report]) -> Vec<&str> {
        reports.iter().map(|report| report.key.as_str()).collect()
    }

    #[tokio::test]
    async fn how_far_the_work_is_is_passed_on_once_a_second_and_the_last_word_at_the_end() {
        let (wire, start) = (Wire::new(Wish::GoOn), Instant::now());
        let due = |now| wire.told().due(now);
        wire.report(stats(5)).await;
        assert_eq!(due(start), Some(start));
        assert_eq!(keys(&wire.take(start)), ["stats:5"]);
        assert_eq!(due(start), None);
        for report in [stats(10), message(), stats(20)] {
            wire.report(report).await;
        }
        assert_eq!(due(start), Some(start), "a message waits for nothing");
        assert_eq!(keys(&wire.take(start)), ["m"]);
        let later = start + STATS_EVERY;
        assert_eq!(due(start), Some(later));
        assert_eq!(keys(&wire.take(later)), ["stats:20"], "of two the last");
        wire.report(stats(100)).await;
        assert!(wire.take(later).is_empty());
        assert_eq!(keys(&wire.take_all()), ["stats:100"]);
    }
}
