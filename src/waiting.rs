//! Waiting for a run to end, in the ways that can be chosen, and through the loss of the server.

use std::time::Duration;

use legwork_api::client::{Client, ClientError, End, Waited};
use legwork_core::id::RunId;
use legwork_core::tier::{Tier, Weight};
use tokio::time::{Instant, sleep, timeout_at};

use crate::args::PatternArg;
use crate::exit::Failure;
use crate::progress::Progress;
use crate::signals::Signals;
use crate::station::Station;

/// How long one look waits for a change, with a server that can do that.
const LOOK: Duration = Duration::from_secs(30);

/// How long to wait between two looks at one that cannot.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

/// How to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// One call that returns with the answer.
    Block,
    /// Ask how it is going until it is done.
    Poll,
    /// Follow its events.
    Stream,
}

impl Pattern {
    /// What was asked for, or what suits the processor (the guide's table): block for those that take a minute, poll for
    /// those that take some, stream for those that take longer.
    /// `None` is to be called, which is no way of asking.
    pub(crate) fn of(asked: Option<PatternArg>, processor: &str) -> Option<Self> {
        match asked {
            Some(PatternArg::Block) => Some(Self::Block),
            Some(PatternArg::Poll) => Some(Self::Poll),
            Some(PatternArg::Stream) => Some(Self::Stream),
            Some(PatternArg::Webhook) => None,
            None => match Tier::of(processor).map(|tier| tier.weight) {
                Some(Weight::Light) => Some(Self::Block),
                Some(Weight::Middle) | None => Some(Self::Poll),
                Some(Weight::Heavy) => Some(Self::Stream),
            },
        }
    }
}

/// What came of waiting.
pub(crate) enum Outcome {
    /// The run has ended.
    Ended(End),
    /// The time given is over.
    TooLate,
    /// Ctrl-C.
    Interrupted,
}

/// Waits until the run has ended, at most until `deadline`.
pub(crate) async fn until_end(
    station: &mut Station,
    id: RunId,
    pattern: Pattern,
    deadline: Option<Instant>,
    progress: &Progress,
    signals: &mut Signals,
) -> Result<Outcome, Failure> {
    loop {
        let ended = async {
            match pattern {
                Pattern::Block => station.client().result(id, deadline).await,
                Pattern::Poll => poll(station.client(), id, deadline, progress).await,
                Pattern::Stream => stream(station.client(), id, deadline, progress).await,
            }
        };
        let ended = tokio::select! {
            ended = ended => ended,
            () = signals.asked() => return Ok(Outcome::Interrupted),
        };
        match ended {
            Ok(end) => return Ok(Outcome::Ended(end)),
            Err(ClientError::StillActive) => return Ok(Outcome::TooLate),
            Err(lost) => {
                station.again(lost).await?;
                let next = if station.is_own() { "in this process" } else { "with the next one" };
                progress.say(&format!("the server went away; going on {next}"));
            }
        }
    }
}

async fn poll(client: &Client, id: RunId, deadline: Option<Instant>, progress: &Progress) -> Result<End, ClientError> {
    let mut etag: Option<String> = None;
    loop {
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        if let Waited::Changed { run, etag: new } =
            client.wait(id, etag.as_deref(), left.unwrap_or(LOOK).min(LOOK)).await?
        {
            progress.show(&run);
            if run.status.is_ended() {
                return client.result(id, deadline.map(|at| at.max(Instant::now() + BETWEEN_LOOKS))).await;
            }
            etag = new;
            if etag.is_none() {
                sleep(left.unwrap_or(BETWEEN_LOOKS).min(BETWEEN_LOOKS)).await;
            }
        }
        if left.is_some_and(|left| left.is_zero()) {
            return Err(ClientError::StillActive);
        }
    }
}

/// Follows the run's events to its end and takes the result.
async fn stream(
    client: &Client,
    id: RunId,
    deadline: Option<Instant>,
    progress: &Progress,
) -> Result<End, ClientError> {
    let mut events = client.events(id, None);
    let far = deadline.unwrap_or_else(|| Instant::now() + Duration::from_hours(24 * 365));
    while let Some(event) = timeout_at(far, events.next()).await.map_err(|_| ClientError::StillActive)?? {
        progress.tell(&event);
    }
    client.result(id, deadline.map(|at| at.max(Instant::now() + BETWEEN_LOOKS))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_suits_the_processor_unless_one_was_asked_for() {
        for (processor, pattern) in [
            ("lite", Pattern::Block),
            ("base-fast", Pattern::Block),
            ("core", Pattern::Poll),
            ("pro-fast", Pattern::Stream),
            ("ultra8x", Pattern::Stream),
            ("mine", Pattern::Poll),
        ] {
            assert_eq!(Pattern::of(None, processor), Some(pattern), "{processor}");
            assert_eq!(Pattern::of(Some(PatternArg::Block), processor), Some(Pattern::Block));
        }
        assert_eq!(Pattern::of(Some(PatternArg::Stream), "base"), Some(Pattern::Stream));
        assert_eq!(Pattern::of(Some(PatternArg::Webhook), "base"), None);
    }
}
