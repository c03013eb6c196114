//! When something shall end, as people say it: after so long, or on a day.

use std::str::FromStr;
use std::time::Duration;

use legwork_core::time::Micros;
use serde::Deserialize;

/// When something shall end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// So long from now.
    After(Duration),
    /// At this moment.
    At(Micros),
}

/// The text says no such thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a time like 12h, 90d, 6w or 1y, or a day like 2027-01-31")]
pub(crate) struct NoExpiry;

impl Expiry {
    /// The moment, if it is now.
    pub(crate) fn from(self, now: Micros) -> Micros {
        match self {
            Self::After(wait) => now + wait,
            Self::At(moment) => moment,
        }
    }
}

/// A day is meant from its beginning in UTC.
impl FromStr for Expiry {
    type Err = NoExpiry;

    fn from_str(text: &str) -> Result<Self, NoExpiry> {
        let moment = Micros::parse_rfc3339(text).or_else(|| Micros::parse_rfc3339(&format!("{text}T00:00:00Z")));
        if let Some(moment) = moment {
            return Ok(Self::At(moment));
        }
        text.parse::<Length>().map(|length| Self::After(length.0)).map_err(|_| NoExpiry)
    }
}

/// How long something lasts, as people say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Length(Duration);

/// The text says no such thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a time like 12h, 90d, 6w or 1y")]
pub(crate) struct NoLength;

impl Length {
    /// The time that it is.
    pub(crate) fn time(self) -> Duration {
        self.0
    }
}

impl FromStr for Length {
    type Err = NoLength;

    fn from_str(text: &str) -> Result<Self, NoLength> {
        let (count, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(NoLength)?;
        let hours = match unit {
            "h" => 1,
            "d" => 24,
            "w" => 24 * 7,
            "y" => 24 * 365,
            _ => return Err(NoLength),
        };
        let count = count.parse::<u32>().ok().filter(|count| *count > 0).ok_or(NoLength)?;
        Ok(Self(Duration::from_hours(u64::from(count) * hours)))
    }
}

impl TryFrom<String> for Length {
    type Error = NoLength;

    fn try_from(text: String) -> Result<Self, NoLength> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_time_from_now_or_a_day() {
        let now = Micros(1_000_000);
        for (text, seconds) in [("1h", 3600), ("90d", 7_776_000), ("2w", 1_209_600), ("1y", 31_536_000)] {
            assert_eq!(text.parse::<Expiry>().unwrap().from(now), now + Duration::from_secs(seconds), "{text}");
        }
        for day in ["2027-01-31", "2027-01-31T00:00:00Z", "2027-01-31T01:00:00+01:00"] {
            assert_eq!(day.parse::<Expiry>().unwrap().from(now), Micros(1_801_353_600_000_000), "{day}");
        }
        for odd in ["", "d", "0d", "-1d", "90", "1.5d", "tomorrow", "2027-02-30", "31.1.2027", "1µ"] {
            assert_eq!(odd.parse::<Expiry>(), Err(NoExpiry), "{odd}");
        }
    }
}
