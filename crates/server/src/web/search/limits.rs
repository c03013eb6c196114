//! When a provider is asked, and when it is left alone. Functions of the moment: nothing in here looks at a clock.

use std::time::Duration;

use tokio::time::Instant;

/// After so many failures in a row a provider is left alone.
const FAILURES: u32 = 3;
/// For so long; then it is tried once.
const REST: Duration = Duration::from_mins(1);

/// Leaves a provider alone that fails again and again: to ask it would cost each search its time-out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Breaker {
    failures: u32,
    /// When it may be tried again.
    rests_until: Option<Instant>,
}

impl Breaker {
    /// Whether it may be asked now, or how long it still rests. Who is let in after a rest is the only one until it is
    /// known what came of it, or until as long again has passed without anybody knowing.
    pub(super) fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        match self.rests_until {
            Some(until) if now < until => Err(until - now),
            Some(_) => {
                self.rests_until = Some(now + REST);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// It answered.
    pub(super) fn answered(&mut self) {
        *self = Self::default();
    }

    /// It failed.
    pub(super) fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES {
            self.rests_until = Some(now + REST);
        }
    }
}

/// Keeps questions apart: so many a second at the most, and none before the provider wants one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spacing {
    /// How far two of them are apart.
    apart: Duration,
    /// When the next may be asked.
    next: Option<Instant>,
}

impl Spacing {
    /// So many a second; `None` is any number.
    pub(super) fn new(per_second: Option<f64>) -> Self {
        let apart = per_second.and_then(|times| Duration::try_from_secs_f64(times.recip()).ok()).unwrap_or_default();
        Self { apart, next: None }
    }

    /// When it may be asked, for someone who waits for `patience` at the most; how long it would take, if that is longer.
    /// Whoever is told a moment has it for himself.
    pub(super) fn turn(&mut self, now: Instant, patience: Duration) -> Result<Instant, Duration> {
        let at = self.next.map_or(now, |next| next.max(now));
        if at - now > patience {
            return Err(at - now);
        }
        self.next = Some(at + self.apart);
        Ok(at)
    }

    /// The provider wants to be left alone until then.
    pub(super) fn hold(&mut self, until: Instant) {
        self.next = Some(self.next.map_or(until, |next| next.max(until)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_provider_that_fails_three_times_rests_a_minute_and_is_tried_once() {
        let (mut breaker, start) = (Breaker::default(), Instant::now());
        for _ in 0..FAILURES {
            assert_eq!(breaker.admit(start), Ok(()));
            breaker.failed(start);
        }
        assert_eq!(breaker.admit(start + 20 * SECOND), Err(40 * SECOND));
        let later = start + REST;
        assert_eq!(breaker.admit(later), Ok(()), "one is let in");
        assert!(breaker.admit(later).is_err(), "and nobody beside him");
        breaker.failed(later);
        assert!(breaker.admit(later + 59 * SECOND).is_err());
        assert_eq!(breaker.admit(later + REST), Ok(()));
        breaker.answered();
        assert_eq!((breaker.admit(later + REST), breaker.admit(later + REST)), (Ok(()), Ok(())));
    }

    #[test]
    fn an_answer_forgets_what_failed_before() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..10 {
            breaker.failed(now);
            breaker.failed(now);
            breaker.answered();
        }
        assert_eq!(breaker.admit(now), Ok(()));
    }

    #[test]
    fn a_try_nobody_heard_of_again_is_made_once_more() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        (0..FAILURES).for_each(|_| breaker.failed(now));
        assert_eq!(breaker.admit(now + REST), Ok(()));
        assert_eq!(breaker.admit(now + 2 * REST), Ok(()));
    }

    #[test]
    fn who_would_have_to_wait_too_long_is_told_so_and_takes_no_turn() {
        let (mut spacing, now) = (Spacing::new(Some(1.0)), Instant::now());
        assert_eq!(spacing.turn(now, SECOND), Ok(now));
        assert_eq!(spacing.turn(now, SECOND), Ok(now + SECOND));
        assert_eq!(spacing.turn(now, SECOND), Err(2 * SECOND));
        assert_eq!(spacing.turn(now, 2 * SECOND), Ok(now + 2 * SECOND));
        spacing.hold(now + 30 * SECOND);
        assert_eq!(spacing.turn(now, SECOND), Err(30 * SECOND));
    }

    #[test]
    fn without_a_limit_everybody_has_his_turn_at_once() {
        let (mut spacing, now) = (Spacing::new(None), Instant::now());
        assert!((0..100).all(|_| spacing.turn(now, Duration::ZERO) == Ok(now)));
    }

    proptest! {
        #[test]
        fn no_second_has_more_than_its_number(rate in 1..50_u32, waits in prop::collection::vec(0..300_u64, 1..200)) {
            let (mut spacing, start) = (Spacing::new(Some(f64::from(rate))), Instant::now());
            let mut now = start;
            let mut turns = Vec::new();
            for wait in waits {
                now += Duration::from_millis(wait);
                turns.extend(spacing.turn(now, 10 * SECOND));
            }
            let rate = rate as usize;
            let close = turns.windows(rate + 1).filter(|few| few[rate] - few[0] + Duration::from_micros(1) < SECOND);
            prop_assert_eq!(close.count(), 0);
        }
    }
}
