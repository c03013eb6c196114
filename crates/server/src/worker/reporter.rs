//! A processor's line to the outside during one attempt: what it tells and what it wants kept waits here for the next
//! commit, and what is wished of it is looked up here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use legwork_core::fact::{Report, ReportBody};
use legwork_core::journal::{Entry, MOST_BYTES};
use legwork_core::processor::{NotKept, Reporter, Wish};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::time::{Instant, sleep_until};

/// How often it is recorded at the most how far the work is; of several in between the last one counts.
const STATS_EVERY: Duration = Duration::from_secs(1);

/// The steps that are on their way to the store, of all attempts of a process together. Strangers share a commit with them, so
/// they are as many as have so many bytes, or one that has more.
#[derive(Clone)]
pub(super) struct Gate(Arc<Semaphore>);

impl Gate {
    /// How many KiB are let through at a time.
    const PLACES: u32 = 2048;

    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(Self::PLACES as usize)))
    }

    /// Room for a step, as soon as there is. It is never closed.
    async fn room_for(&self, step: &Entry) -> Option<OwnedSemaphorePermit> {
        let places = u32::try_from(step.size().div_ceil(1024)).unwrap_or(u32::MAX).min(Self::PLACES);
        self.0.clone().acquire_many_owned(places).await.ok()
    }
}

/// The line between one attempt and its processor.
pub(super) struct Wire {
    told: Mutex<Told>,
    something: Notify,
    wish: watch::Sender<Wish>,
    gate: Gate,
}

/// What was told and is not passed on yet.
#[derive(Default)]
struct Told {
    tellings: Vec<Telling>,
    /// How far the work is, kept back until it is time for it.
    stats: Option<Report>,
    stats_due: Option<Instant>,
    /// What the run's steps have brought together.
    bytes: usize,
}

/// Something that goes into one commit.
enum Telling {
    /// How it is going.
    Report(Report),
    /// A step that was taken, together with what it brought.
    Step {
        step: Entry,
        reports: Vec<Report>,
        /// Is told when it is on disk.
        kept: oneshot::Sender<()>,
        _room: OwnedSemaphorePermit,
    },
}

/// What is passed on with one commit.
#[derive(Default)]
pub(super) struct Parcel(Vec<Telling>);

impl Parcel {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is told in it, in its order.
    pub(super) fn reports(&self) -> Vec<Report> {
        let reports = self.0.iter().flat_map(|telling| match telling {
            Telling::Report(report) => std::slice::from_ref(report),
            Telling::Step { reports, .. } => reports,
        });
        reports.cloned().collect()
    }

    /// What is to be kept of it.
    pub(super) fn steps(&self) -> Vec<Entry> {
        let steps = self.0.iter().filter_map(|telling| match telling {
            Telling::Report(_) => None,
            Telling::Step { step, .. } => Some(step),
        });
        steps.cloned().collect()
    }

    /// It is on disk.
    pub(super) fn kept(self) {
        for telling in self.0 {
            if let Telling::Step { kept, .. } = telling {
                // Whoever waited may have gone on with something else.
                let _ = kept.send(());
            }
        }
    }
}

impl Told {
    /// From when on there is something to pass on; `None` when nothing was told.
    fn due(&self, now: Instant) -> Option<Instant> {
        if self.tellings.is_empty() { self.stats.as_ref().map(|_| self.stats_due.unwrap_or(now)) } else { Some(now) }
    }
}

impl Wire {
    /// `bytes`: what the steps of earlier attempts have brought together.
    pub(super) fn new(wish: Wish, bytes: usize, gate: Gate) -> Self {
        let told = Told { bytes, ..Told::default() };
        Self { told: Mutex::new(told), something: Notify::new(), wish: watch::Sender::new(wish), gate }
    }

    /// Takes what was told since the last time, as far as it is time for it.
    pub(super) fn take(&self, now: Instant) -> Parcel {
        let mut told = self.told();
        let mut tellings = std::mem::take(&mut told.tellings);
        if told.stats_due.is_none_or(|due| due <= now)
            && let Some(stats) = told.stats.take()
        {
            told.stats_due = Some(now + STATS_EVERY);
            tellings.push(Telling::Report(stats));
        }
        Parcel(tellings)
    }

    /// Takes all that was told: the work is over.
    pub(super) fn take_all(&self) -> Parcel {
        let mut told = self.told();
        let mut tellings = std::mem::take(&mut told.tellings);
        tellings.extend(told.stats.take().map(Telling::Report));
        Parcel(tellings)
    }

    /// Puts back what could not be passed on, before what was told since.
    pub(super) fn put_back(&self, earlier: Parcel) {
        self.told().tellings.splice(..0, earlier.0);
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
                ReportBody::Message { .. } => told.tellings.push(Telling::Report(report)),
                ReportBody::Stats { .. } => told.stats = Some(report),
            }
        }
        self.something.notify_one();
    }

    async fn keep(&self, step: Entry, reports: Vec<Report>) -> Result<(), NotKept> {
        let room = self.gate.room_for(&step).await.ok_or(NotKept::Lost)?;
        let (kept, is_kept) = oneshot::channel();
        {
            let mut told = self.told();
            if told.bytes + step.size() > MOST_BYTES {
                return Err(NotKept::Full);
            }
            told.bytes += step.size();
            // What it says of how far the work is goes with it, and takes the place of what was kept back.
            if reports.iter().any(|report| matches!(report.body, ReportBody::Stats { .. })) {
                told.stats = None;
                told.stats_due = Some(Instant::now() + STATS_EVERY);
            }
            told.tellings.push(Telling::Step { step, reports, kept, _room: room });
        }
        self.something.notify_one();
        match is_kept.await {
            Ok(()) if self.wish() != Wish::Stop => Ok(()),
            Ok(()) | Err(_) => Err(NotKept::Lost),
        }
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

    fn keys(parcel: &Parcel) -> Vec<String> {
        parcel.reports().into_iter().map(|report| report.key).collect()
    }

    fn wire() -> Wire {
        Wire::new(Wish::GoOn, 0, Gate::new())
    }

    #[tokio::test]
    async fn how_far_the_work_is_is_passed_on_once_a_second_and_the_last_word_at_the_end() {
        let (wire, start) = (wire(), Instant::now());
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

    fn step(key: &str, bytes: usize) -> Entry {
        Entry::new(key, vec![0; bytes]).unwrap()
    }

    /// What was told before goes before, and how far the work is goes with the step that says so.
    #[tokio::test]
    async fn steps_that_are_kept_at_once_are_passed_on_together_each_with_what_it_told() {
        let wire = wire();
        wire.report(message()).await;
        wire.report(stats(5)).await;
        let keeping = async |key: &str| wire.keep(step(key, 10), vec![message(), stats(10)]).await;
        let passing = async {
            let parcel = wire.take(Instant::now());
            assert_eq!(parcel.steps(), [step("a", 10), step("b", 10)]);
            assert_eq!(keys(&parcel), ["m", "m", "stats:10", "m", "stats:10"]);
            wire.put_back(parcel);
            wire.report(message()).await;
            let again = wire.take(Instant::now());
            assert_eq!(
                (again.steps().len(), keys(&again).len()),
                (2, 6),
                "none is lost when it could not be passed on"
            );
            again.kept();
        };
        let (one, two, ()) = tokio::join!(keeping("a"), keeping("b"), passing);
        assert_eq!((one, two), (Ok(()), Ok(())));
        assert!(wire.take_all().is_empty());
    }

    #[tokio::test]
    async fn a_big_step_is_on_its_way_alone() {
        let (one, two) = (wire(), wire());
        let two = Wire { gate: one.gate.clone(), ..two };
        let big = || step("big", 4 << 20);
        let passing = async {
            assert_eq!(one.take(Instant::now()).steps().len(), 1);
            // What was taken is gone, as if it had been passed on: there is room again.
            two.ready().await;
            two.take(Instant::now()).kept();
        };
        let both = async {
            tokio::join!(one.keep(big(), vec![]), async {
                assert!(two.take(Instant::now()).is_empty());
                two.keep(big(), vec![]).await
            })
        };
        let ((first, second), ()) = tokio::join!(both, passing);
        assert_eq!((first, second), (Err(NotKept::Lost), Ok(())));
    }

    #[tokio::test]
    async fn the_journal_of_a_run_is_full_some_time() {
        let wire = Wire::new(Wish::GoOn, MOST_BYTES - 10, Gate::new());
        assert_eq!(wire.keep(step("k", 10), vec![]).await, Err(NotKept::Full));
        let (kept, ()) = tokio::join!(wire.keep(step("k", 9), vec![]), async { wire.take_all().kept() });
        assert_eq!(kept, Ok(()));
    }
}
