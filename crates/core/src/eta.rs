//! When a run that waits is likely to be done.

use std::time::Duration;

/// What is known of a processor's runs when one of them waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// How many are taken before the one that waits.
    pub before: usize,
    /// How many are being worked on.
    pub running: usize,
    /// How many are worked on at a time at the most.
    pub slots: usize,
    /// How long work on one takes.
    pub typical: Duration,
}

impl Outlook {
    /// How long the one that waits will take from now on, work on it included; `None` when nobody would ever begin it.
    ///
    /// It begins as soon as enough of the others have ended, and they end one after the other, evenly: of `slots` that are
    /// at work, one each `typical / slots`.
    pub fn done_in(&self) -> Option<Duration> {
        let ends = (self.before + self.running + 1).saturating_sub(self.slots);
        let micros = self.typical.as_micros().checked_mul(ends as u128)?.checked_div(self.slots as u128)?;
        let wait = Duration::from_micros(u64::try_from(micros).ok()?);
        wait.checked_add(self.typical)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done_in(before: usize, running: usize, slots: usize) -> Option<u64> {
        let typical = Duration::from_mins(1);
        Outlook { before, running, slots, typical }.done_in().map(|time| time.as_secs())
    }

    #[test]
    fn with_a_free_slot_it_takes_as_long_as_the_work() {
        assert_eq!(done_in(0, 0, 4), Some(60));
        assert_eq!(done_in(1, 2, 4), Some(60));
    }

    #[test]
    fn with_none_it_takes_as_long_as_the_line_is() {
        assert_eq!(done_in(0, 1, 1), Some(60 + 60));
        assert_eq!(done_in(0, 4, 4), Some(15 + 60));
        assert_eq!(done_in(7, 4, 4), Some(8 * 15 + 60));
    }

    #[test]
    fn what_nobody_works_on_is_never_done() {
        assert_eq!(done_in(0, 0, 0), None);
        assert_eq!(done_in(usize::MAX / 2, 0, 1), None, "and what takes longer than time lasts");
    }
}
