//! Moments, as whole microseconds. Nothing here knows what time it is: `now` is always an argument.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The months in English, in lower case, from January on.
pub const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(pub i64);

impl Micros {
    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Reads an RFC 3339 time; `None` if it is not one or lies outside the years jiff can show.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        text.parse::<Timestamp>().ok().map(|at| Self(at.as_microsecond()))
    }
}

impl Add<Duration> for Micros {
    type Output = Self;

    fn add(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Micros {
    type Output = Self;

    fn sub(self, wait: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX)))
    }
}

/// RFC 3339 in UTC with six digits of a second, as the wire's samples have it: `2025-04-23T20:21:48.037943Z`.
impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Out of range cannot come from a clock; the nearest end of the calendar is still a date.
        let at =
            Timestamp::from_microsecond(self.0).unwrap_or(if self.0 < 0 { Timestamp::MIN } else { Timestamp::MAX });
        write!(f, "{at:.6}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_as_the_wire_has_it() {
        assert_eq!(Micros(1_745_439_708_037_943).to_string(), "2025-04-23T20:21:48.037943Z");
        assert_eq!(Micros(0).to_string(), "1970-01-01T00:00:00.000000Z");
    }

    #[test]
    fn a_time_reads_what_it_shows() {
        let at = Micros(1_745_439_708_037_943);
        assert_eq!(Micros::parse_rfc3339(&at.to_string()), Some(at));
        assert_eq!(Micros::parse_rfc3339("yesterday"), None);
    }

    #[test]
    fn time_never_wraps() {
        assert_eq!(Micros(i64::MAX) + Duration::from_secs(1), Micros(i64::MAX));
        assert_eq!(Micros(1).since(Micros(5)), Duration::ZERO);
    }
}
