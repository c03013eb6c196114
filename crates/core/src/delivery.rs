//! What is owed to a run's webhook: what it is told of, when it is tried again, and when it is given up.
//!
//! A delivery is owed in the very commit of the fact that it tells of, and is sent at least once: the same id and the
//! same bytes at every attempt, so that a receiver can tell what it has had already. Leases only keep two senders from
//! doing the same work; nothing is wrong, only doubled, when one runs out too early.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::id::{BadId, RunId};
use crate::run::Status;
use crate::time::Micros;

/// How long after the first attempt the next one is made; each further wait is twice as long (wire.md 4).
pub const FIRST_WAIT: Duration = Duration::from_secs(5);
/// How long after the first attempt the last one is made.
pub const PATIENCE: Duration = Duration::from_hours(48);
/// How far a wait may be off to either side, in thousandths: receivers that come back shall not be met by everybody at
/// once.
const SPREAD: u64 = 100;
/// The status by which a receiver says that it wants to hear no more of this.
const GONE: u16 = 410;
/// How many attempts at a delivery are kept, the last ones. Without being asked for again it has no more than 17.
pub const ATTEMPTS_KEPT: u32 = 100;

/// What a run's webhook is told of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tells {
    /// That the run has ended, however it did.
    pub ends: bool,
    /// That it waits for the caller's answer.
    pub questions: bool,
}

impl Tells {
    /// Whether it is told that the run has entered this state.
    pub const fn of(self, status: Status) -> bool {
        match status {
            Status::Completed | Status::Failed | Status::Cancelled => self.ends,
            Status::ActionRequired => self.questions,
            Status::Queued | Status::Running | Status::Cancelling => false,
        }
    }
}

/// A run's webhook, as its caller registered it.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where it is called.
    pub url: String,
    /// Who answers there: host and port, an IPv6 address in its brackets. An owner's attempts at one receiver are limited
    /// together.
    pub receiver: String,
    /// What its calls are signed with instead of the owner's secrets; shown to nobody.
    pub secret: Option<String>,
    /// The form in which it was registered.
    pub form: Form,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("url", &self.url).field("form", &self.form).finish_non_exhaustive()
    }
}

/// The forms in which a webhook is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `webhook: {url, event_types}`.
    Official,
    /// The guide's `webhook_url`.
    Guide,
}

/// Names a delivery: the `webhook-id` on the wire, the same at every attempt. `whevent_`, the digits of the run's id, and
/// the number of the fact that is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryId {
    /// The run.
    pub run: RunId,
    /// The number of the fact in the run's log.
    pub seq: u64,
}

const PREFIX: &str = "whevent_";

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{:032x}_{}", self.run.as_u128(), self.seq)
    }
}

impl FromStr for DeliveryId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let parts = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_'));
        let read =
            |(run, seq): (&str, &str)| Some(Self { run: format!("trun_{run}").parse().ok()?, seq: seq.parse().ok()? });
        // No fact has a number that stores cannot keep.
        let read = |parts| read(parts).filter(|id| i64::try_from(id.seq).is_ok());
        // What is written otherwise than we write it names nothing.
        parts.and_then(read).filter(|id| id.to_string() == text).ok_or(BadId { prefix: PREFIX })
    }
}

/// What is owed, or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its name.
    pub id: DeliveryId,
    /// Since when it is owed: the moment of its fact.
    pub owed_at: Micros,
    /// How it stands.
    pub standing: Standing,
    /// How often it was tried since it was owed, or asked for again.
    pub tries: u32,
    /// When the first of these tries began.
    pub since: Option<Micros>,
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is still to be made.
    Owed {
        /// The next attempt is not made before.
        due_at: Micros,
    },
    /// A sender is at it.
    Sending {
        /// When its lease runs out: it is owed again then, if nothing was heard of it.
        until: Micros,
    },
    /// The receiver has it.
    Delivered {
        /// Since when.
        at: Micros,
    },
    /// It is not tried any more, unless somebody asks for it.
    GivenUp {
        /// Since when.
        at: Micros,
    },
}

impl Standing {
    /// Whether it is still to be made, or being made.
    pub const fn is_owed(self) -> bool {
        match self {
            Self::Owed { .. } | Self::Sending { .. } => true,
            Self::Delivered { .. } | Self::GivenUp { .. } => false,
        }
    }
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When it began.
    pub at: Micros,
    /// How long it took until the head of the answer was there, or was not waited for any longer.
    pub took: Duration,
    /// What came back.
    pub heard: Heard,
}

/// What came back from an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// An answer.
    Answer {
        /// Its HTTP status.
        status: u16,
        /// How long its `Retry-After` wants to be left alone.
        retry_after: Option<Duration>,
        /// The first bytes of its body, as text.
        excerpt: String,
    },
    /// No answer, and why, for people.
    Nothing {
        /// What went wrong.
        why: String,
    },
}

impl Attempt {
    /// Whether the receiver has it: any 2xx says so.
    pub const fn is_success(&self) -> bool {
        matches!(self.heard, Heard::Answer { status: 200..=299, .. })
    }
}

impl Delivery {
    /// What is owed from this moment on.
    pub const fn owed(id: DeliveryId, now: Micros) -> Self {
        Self { id, owed_at: now, standing: Standing::Owed { due_at: now }, tries: 0, since: None }
    }

    /// The delivery after this attempt. `chance` is any number: it spreads the waits.
    ///
    /// Any 2xx is success; 410 ends it; whatever else is tried again, after 5 s, 10 s, 20 s …, for 48 hours. A
    /// `Retry-After` can make a wait longer, never shorter.
    ///
    /// An attempt that we cut off, because we were told to stop, is one without an answer like any other: the receiver may
    /// have it. If it were due again at once, a server that is started and stopped often would call at every start.
    #[must_use]
    pub fn after(&self, attempt: &Attempt, chance: u64) -> Self {
        let now = attempt.at + attempt.took;
        let since = self.since.unwrap_or(attempt.at);
        let standing = match &attempt.heard {
            _ if attempt.is_success() => Standing::Delivered { at: now },
            Heard::Answer { status: GONE, .. } => Standing::GivenUp { at: now },
            Heard::Answer { retry_after, .. } => self.again(since, now, retry_after.unwrap_or_default(), chance),
            Heard::Nothing { .. } => self.again(since, now, Duration::ZERO, chance),
        };
        Self { standing, tries: self.tries + 1, since: Some(since), ..*self }
    }

    fn again(&self, since: Micros, now: Micros, at_least: Duration, chance: u64) -> Standing {
        let last = since + PATIENCE;
        if now >= last {
            return Standing::GivenUp { at: now };
        }
        // The last attempt is made however short the wait before it is.
        Standing::Owed { due_at: (now + wait(self.tries, chance).max(at_least)).min(last) }
    }

    /// The delivery when somebody asks for it again, whatever became of it: owed at once, with all its tries before it.
    #[must_use]
    pub const fn anew(&self, now: Micros) -> Self {
        Self { standing: Standing::Owed { due_at: now }, tries: 0, since: None, ..*self }
    }
}

/// How long to wait after an attempt before which there were so many.
fn wait(tries: u32, chance: u64) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1 << tries.min(20));
    let thousandths = 1000 - SPREAD + chance % (2 * SPREAD + 1);
    Duration::from_millis(u64::try_from(doubled.as_millis()).unwrap_or(u64::MAX).saturating_mul(thousandths) / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Micros = Micros(1_000_000_000);
    /// The chance that leaves a wait as it is.
    const EVEN: u64 = SPREAD;

    fn delivery() -> Delivery {
        Delivery::owed(DeliveryId { run: RunId::from_u128(0x0199_a1b2), seq: 3 }, START)
    }

    fn refused(at: Micros, status: u16, retry_after: Option<Duration>) -> Attempt {
        let heard = Heard::Answer { status, retry_after, excerpt: String::new() };
        Attempt { at, took: Duration::ZERO, heard }
    }

    fn due(delivery: &Delivery) -> Micros {
        let Standing::Owed { due_at } = delivery.standing else { panic!("{delivery:?} is not owed") };
        due_at
    }

    #[test]
    fn a_name_reads_what_it_prints() {
        let id = delivery().id;
        assert_eq!(id.to_string(), "whevent_0000000000000000000000000199a1b2_3");
        assert_eq!(id.to_string().parse(), Ok(id));
        for odd in
            ["", "whevent_1_2", "whevent_0000000000000000000000000199a1b2", "msg_0000000000000000000000000199a1b2_3"]
        {
            assert!(odd.parse::<DeliveryId>().is_err(), "{odd}");
        }
        assert!("whevent_0000000000000000000000000199a1b2_+3".parse::<DeliveryId>().is_err());
        assert!("whevent_0000000000000000000000000199a1b2_03".parse::<DeliveryId>().is_err());
    }

    #[test]
    fn a_number_that_no_store_can_keep_names_nothing() {
        let of = |seq: u64| format!("whevent_0000000000000000000000000199a1b2_{seq}").parse::<DeliveryId>();
        assert!(of(i64::MAX.cast_unsigned()).is_ok());
        assert!(of(i64::MAX.cast_unsigned() + 1).is_err() && of(u64::MAX).is_err());
    }

    #[test]
    fn any_2xx_is_success_and_nothing_else_is() {
        for status in [200, 202, 204, 299] {
            let after = delivery().after(&refused(START, status, None), EVEN);
            assert_eq!(after.standing, Standing::Delivered { at: START }, "{status}");
        }
        for status in [100, 199, 301, 302, 307, 400, 404, 429, 500, 503] {
            let after = delivery().after(&refused(START, status, None), EVEN);
            assert_eq!(due(&after), START + FIRST_WAIT, "{status}");
        }
    }

    #[test]
    fn a_receiver_that_is_gone_is_left_alone() {
        assert_eq!(delivery().after(&refused(START, 410, None), EVEN).standing, Standing::GivenUp { at: START });
    }

    #[test]
    fn the_waits_double_for_48_hours_and_end_with_one_last_attempt() {
        let (mut delivery, mut now, mut waits) = (delivery(), START, Vec::new());
        while let Standing::Owed { due_at } = delivery.standing {
            waits.push(due_at.since(now).as_secs());
            now = due_at;
            let heard = Heard::Nothing { why: "refused".to_owned() };
            delivery = delivery.after(&Attempt { at: now, took: Duration::ZERO, heard }, EVEN);
        }
        let doubling = (0..15).map(|n| 5 << n);
        let last = 48 * 3600 - doubling.clone().sum::<u64>();
        assert_eq!(waits, std::iter::once(0).chain(doubling).chain([last]).collect::<Vec<_>>());
        assert_eq!((delivery.standing, delivery.tries), (Standing::GivenUp { at: START + PATIENCE }, 17));
    }

    #[test]
    fn a_wait_is_never_off_by_more_than_a_tenth() {
        for chance in [0, 57, 200, 201, u64::MAX] {
            let wait = wait(1, chance).as_millis();
            assert!((9_000..=11_000).contains(&wait), "{wait}");
        }
    }

    #[test]
    fn retry_after_makes_a_wait_longer_and_never_shorter_nor_endless() {
        let after = |told| due(&delivery().after(&refused(START, 429, Some(Duration::from_secs(told))), EVEN));
        assert_eq!(after(1), START + FIRST_WAIT);
        assert_eq!(after(60), START + Duration::from_mins(1));
        assert_eq!(after(1_000_000), START + PATIENCE);
    }

    #[test]
    fn a_slow_answer_counts_from_its_end() {
        let slow = Attempt { took: Duration::from_secs(15), ..refused(START, 500, None) };
        assert_eq!(due(&delivery().after(&slow, EVEN)), START + Duration::from_secs(20));
    }

    #[test]
    fn what_is_asked_for_again_has_all_its_tries_before_it() {
        let given_up = delivery().after(&refused(START, 410, None), EVEN);
        let later = START + PATIENCE + PATIENCE;
        let again = given_up.anew(later);
        assert_eq!((due(&again), again.owed_at), (later, START));
        assert_eq!(due(&again.after(&refused(later, 500, None), EVEN)), later + FIRST_WAIT);
    }

    #[test]
    fn only_what_was_asked_for_is_told() {
        let told = |tells: Tells| Status::ALL.into_iter().filter(|s| tells.of(*s)).collect::<Vec<_>>();
        let ends = [Status::Completed, Status::Failed, Status::Cancelled];
        assert_eq!(told(Tells { ends: true, questions: false }), ends);
        assert_eq!(told(Tells { ends: false, questions: true }), [Status::ActionRequired]);
        assert_eq!(told(Tells::default()), []);
    }
}
