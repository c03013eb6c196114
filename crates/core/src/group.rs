//! Groups of runs. How one stands is a count for each state, which changes in the commit that changes a run.

use bytes::Bytes;

use crate::id::{GroupId, Owner};
use crate::run::Status;
use crate::time::Micros;

/// A group. It is kept for ever, and can always be given more runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Its name.
    pub id: GroupId,
    /// Whose it is, and so are its runs.
    pub owner: Owner,
    /// When it was made.
    pub created_at: Micros,
    /// The caller's metadata, a JSON object as it was given.
    pub metadata: Option<Bytes>,
    /// How its runs stand.
    pub counts: Counts,
    /// When that last changed.
    pub modified_at: Micros,
}

/// How many runs are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; Status::ALL.len()]);

impl Counts {
    /// These numbers, in the order of [`Status::ALL`].
    pub const fn new(numbers: [u64; Status::ALL.len()]) -> Self {
        Self(numbers)
    }

    /// How many are in this state.
    pub fn of(&self, status: Status) -> u64 {
        self.iter().find(|(of, _)| *of == status).map_or(0, |(_, count)| count)
    }

    /// Each state with its number.
    pub fn iter(&self) -> impl Iterator<Item = (Status, u64)> {
        Status::ALL.into_iter().zip(self.0)
    }

    /// How many there are.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// How many have ended.
    pub fn ended(&self) -> u64 {
        self.iter().filter(|(status, _)| status.is_ended()).map(|(_, count)| count).sum()
    }

    /// The wire's `is_active`: the server goes on with some of them by itself.
    pub fn is_active(&self) -> bool {
        self.iter().any(|(status, count)| status.is_active() && count > 0)
    }
}

/// By how much each count changes, in the order of [`Status::ALL`], when a run goes from one state to another; `None` is
/// outside of the group.
pub fn moved(from: Option<Status>, to: Option<Status>) -> [i64; Status::ALL.len()] {
    Status::ALL.map(|status| i64::from(to == Some(status)) - i64::from(from == Some(status)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_active_while_the_server_goes_on_with_a_run_of_it() {
        let one = |status: Status| Counts::new(Status::ALL.map(|of| u64::from(of == status)));
        for status in Status::ALL {
            assert_eq!(one(status).is_active(), status.is_active(), "{status}");
            assert_eq!((one(status).of(status), one(status).total()), (1, 1));
            assert_eq!(one(status).ended(), u64::from(status.is_ended()));
        }
        assert!(!Counts::default().is_active(), "an empty one is not");
    }

    #[test]
    fn a_run_that_moves_is_counted_once() {
        assert_eq!(moved(None, Some(Status::Queued)), [1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(moved(Some(Status::Queued), Some(Status::Running)), [-1, 1, 0, 0, 0, 0, 0]);
        assert_eq!(moved(Some(Status::Running), Some(Status::Running)), [0; 7]);
        assert_eq!(moved(Some(Status::Failed), None), [0, 0, 0, 0, 0, -1, 0]);
    }
}
