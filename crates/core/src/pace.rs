//! How often something may be done: so many times at once, and as many again each minute.
//!
//! A bucket that leaks: each time puts something in, time takes it out evenly, and what would make it run over is refused.
//! What is refused puts nothing in, so whoever goes on asking is let in as soon as the others are.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::time::Micros;

/// The microseconds of a minute. One time is so much in the bucket, of which `per_minute` leaks each microsecond: whole
/// numbers, whatever the pace.
const MINUTE: u64 = 60_000_000;

/// How often something may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How many times a minute, and how many times at once after a minute without any.
    pub per_minute: NonZeroU32,
}

/// What was done lately. Nothing is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// What was in the bucket then.
    level: u64,
    at: Micros,
}

/// Whether it may be done now, and what about the next time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// It may.
    pub admitted: bool,
    /// How many times more it may be done at once.
    pub left: u32,
    /// How long until it may be done once more than that; never longer than a minute.
    pub more_in: Duration,
}

impl Pace {
    /// Whether something may be done now, after what was done before; and what was done then.
    ///
    /// A clock that was set back takes nothing away: what leaked stays out, and the rest leaks from now on.
    pub fn next(self, spent: Spent, now: Micros) -> (Spent, Turn) {
        let rate = u64::from(self.per_minute.get());
        let most = rate * MINUTE;
        let passed = u64::try_from(now.since(spent.at).as_micros()).unwrap_or(u64::MAX);
        let before = spent.level.saturating_sub(passed.saturating_mul(rate));
        let admitted = before + MINUTE <= most;
        let level = if admitted { before + MINUTE } else { before };
        let room = most - level.min(most);
        // Less than `rate`, since the bucket holds no more.
        let left = u32::try_from(room / MINUTE).unwrap_or(u32::MAX);
        let more_in = Duration::from_micros((MINUTE - room % MINUTE).div_ceil(rate));
        (Spent { level, at: now }, Turn { admitted, left, more_in })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pace(per_minute: u32) -> Pace {
        Pace { per_minute: NonZeroU32::new(per_minute).unwrap() }
    }

    /// What comes of asking at these seconds.
    fn asked(per_minute: u32, seconds: &[u64]) -> Vec<bool> {
        let mut spent = Spent::default();
        let turn = |second: &u64| {
            let (is, turn) = pace(per_minute).next(spent, Micros(0) + Duration::from_secs(*second));
            spent = is;
            turn.admitted
        };
        seconds.iter().map(turn).collect()
    }

    #[test]
    fn so_many_at_once_and_then_one_at_a_time() {
        assert_eq!(asked(2, &[100, 100, 100, 129, 130, 130, 160]), [true, true, false, false, true, false, true]);
        assert_eq!(asked(1, &[0, 59, 60, 61]), [true, false, true, false]);
    }

    #[test]
    fn after_a_quiet_minute_all_of_it_is_there_again_and_no_more() {
        assert_eq!(
            asked(2, &[0, 0, 60, 60, 60, 6000, 6000, 6000].map(|s| s + 7)),
            [true, true, true, true, false, true, true, false]
        );
    }

    #[test]
    fn what_is_left_and_when_there_is_more_is_told() {
        let at = Micros(5_000_000);
        let (spent, first) = pace(2000).next(Spent::default(), at);
        assert_eq!(first, Turn { admitted: true, left: 1999, more_in: Duration::from_millis(30) });
        let mut spent = spent;
        for _ in 0..1999 {
            spent = pace(2000).next(spent, at).0;
        }
        let (after, refused) = pace(2000).next(spent, at + Duration::from_millis(10));
        assert_eq!(refused, Turn { admitted: false, left: 0, more_in: Duration::from_millis(20) });
        assert!(pace(2000).next(after, at + Duration::from_millis(30)).1.admitted);
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let late = Micros(0) + Duration::from_hours(48);
        let (spent, _) = pace(1).next(Spent::default(), late);
        let (spent, refused) = pace(1).next(spent, Micros(0));
        assert!(!refused.admitted && refused.more_in == Duration::from_mins(1), "{refused:?}");
        assert!(pace(1).next(spent, Micros(60_000_000)).1.admitted);
    }

    proptest! {
        /// Whoever comes back when he was told to is let in; in no stretch of time more than was said; never any overflow.
        #[test]
        fn the_pace_is_kept(per_minute in prop_oneof![1..100_u32, any::<u32>()], gaps in prop::collection::vec(0..90_000_000_i64, 1..200)) {
            let pace = pace(per_minute.max(1));
            let (mut spent, mut now, mut admitted) = (Spent::default(), Micros(0), 0_u64);
            for gap in gaps {
                now = Micros(now.0 + gap / i64::from(per_minute.clamp(1, 50)));
                let (is, turn) = pace.next(spent, now);
                admitted += u64::from(turn.admitted);
                prop_assert!(turn.more_in <= Duration::from_mins(1) && !turn.more_in.is_zero());
                prop_assert!(turn.admitted || turn.left == 0);
                prop_assert!(pace.next(is, now + turn.more_in).1.admitted);
                prop_assert!(turn.left == 0 || pace.next(is, now).1.admitted);
                spent = is;
            }
            let rate = u64::from(pace.per_minute.get());
            let allowed = rate + now.0.cast_unsigned() * rate / MINUTE;
            prop_assert!(admitted <= allowed);
        }
    }
}
