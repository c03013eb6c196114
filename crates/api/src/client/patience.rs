//! How long a waiting call goes on when the server does not answer, and how long it pauses before it asks again.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use tokio::time::Instant;

use super::error::ClientError;

/// The first pause; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(100);

/// No pause is longer, unless the server asks for it.
const LONGEST: Duration = Duration::from_secs(5);

/// The longest pause that a server may ask for.
const ASKED_FOR: Duration = Duration::from_mins(1);

/// The patience of one waiting call.
pub(super) struct Patience {
    whole: Duration,
    /// Since when the server has not been there.
    gone_since: Option<Instant>,
    /// How many requests in a row came to nothing.
    lost: u32,
}

impl Patience {
    pub(super) fn new(whole: Duration) -> Self {
        Self { whole, gone_since: None, lost: 0 }
    }

    /// A request that was sent at `asked` came to nothing. Returns after a pause, or with an error when it is not worth
    /// trying again or there is no time left to.
    pub(super) async fn lost(
        &mut self,
        error: &ClientError,
        asked: Instant,
        now: Instant,
        deadline: Option<Instant>,
    ) -> Result<(), ()> {
        let pause = self.judge(error, asked, now, deadline)?;
        tokio::time::sleep(varied(pause)).await;
        Ok(())
    }

    fn judge(
        &mut self,
        error: &ClientError,
        asked: Instant,
        now: Instant,
        deadline: Option<Instant>,
    ) -> Result<Duration, ()> {
        if !error.worth_retrying() || deadline.is_some_and(|at| at <= now) {
            return Err(());
        }
        let took = now.saturating_duration_since(asked);
        let was_there = !error.is_no_connection() && took > Duration::from_secs(1);
        if was_there {
            (self.gone_since, self.lost) = (None, 0);
        }
        if error.is_still_active() && was_there {
            // It held the request as it was asked to. One that answers 408 at once is given a pause.
            return Ok(Duration::ZERO);
        }
        if !matches!(error, ClientError::Unreachable { .. }) {
            self.gone_since = None;
        } else if now.saturating_duration_since(*self.gone_since.get_or_insert(now)) >= self.whole {
            return Err(());
        }
        let pause = error.retry_after().map_or_else(|| pause(self.lost), |asked_for| asked_for.min(ASKED_FOR));
        self.lost += 1;
        Ok(deadline.map_or(pause, |at| pause.min(at.saturating_duration_since(now))))
    }
}

/// The pause after this many requests that came to nothing.
fn pause(lost: u32) -> Duration {
    FIRST.saturating_mul(1 << lost.min(10)).min(LONGEST)
}

/// Up to a quarter less, so that clients which lost the same server do not come back as one.
fn varied(pause: Duration) -> Duration {
    let chance = RandomState::new().build_hasher().finish() % 256;
    pause.mul_f64(1.0 - f64::from(u8::try_from(chance).unwrap_or(0)) / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::super::error::Refusal;
    use super::*;

    fn refused(status: u16, retry_after: Option<u64>) -> ClientError {
        let retry_after = retry_after.map(Duration::from_secs);
        let (message, ref_id) = (String::new(), String::new());
        ClientError::Refused(Box::new(Refusal { status, message, detail: None, ref_id, retry_after }))
    }

    #[test]
    fn pauses_grow_and_stay_bounded() {
        let pauses: Vec<_> = (0..9).map(|lost| pause(lost).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
        assert_eq!(pause(u32::MAX), LONGEST);
    }

    #[test]
    fn a_varied_pause_is_at_most_a_quarter_shorter() {
        for _ in 0..100 {
            let varied = varied(LONGEST);
            assert!(varied <= LONGEST && varied >= LONGEST.mul_f64(0.75), "{varied:?}");
        }
    }

    #[test]
    fn a_busy_server_is_asked_again_when_it_wants() {
        let now = Instant::now();
        let mut patience = Patience::new(Duration::ZERO);
        assert_eq!(patience.judge(&refused(503, Some(2)), now, now, None), Ok(Duration::from_secs(2)));
        assert_eq!(patience.judge(&refused(503, Some(9000)), now, now, None), Ok(ASKED_FOR));
    }

    #[test]
    fn a_request_that_was_held_is_repeated_at_once_and_one_that_was_not_is_not() {
        let asked = Instant::now();
        let mut patience = Patience::new(Duration::ZERO);
        assert_eq!(patience.judge(&refused(408, None), asked, asked, None), Ok(FIRST));
        let later = asked + Duration::from_secs(50);
        assert_eq!(patience.judge(&refused(408, None), asked, later, None), Ok(Duration::ZERO));
    }

    #[test]
    fn patience_ends_with_the_deadline_and_with_a_plain_no() {
        let now = Instant::now();
        let mut patience = Patience::new(Duration::MAX);
        assert_eq!(patience.judge(&refused(503, None), now, now, Some(now)), Err(()));
        assert_eq!(patience.judge(&refused(422, None), now, now, None), Err(()));
        let soon = now + Duration::from_millis(5);
        assert_eq!(patience.judge(&refused(503, None), now, now, Some(soon)), Ok(Duration::from_millis(5)));
    }
}
