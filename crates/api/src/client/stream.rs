//! Following a run's events through lost connections and restarts of the server. Each event is given once, and that none
//! is missing is proved by their numbers.

use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use legwork_core::id::RunId;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use sse_stream::{Sse, SseByteStream};
use tokio::time::{Instant, timeout};
use url::form_urlencoded;

use super::answer::Answer;
use super::error::{ClientError, Oddity};
use super::patience::Patience;
use super::{Client, run_path};
use crate::event::{Event, EventId};

/// A stream on which nothing came for so long, not even a heartbeat, is taken for dead.
const SILENCE: Duration = Duration::from_mins(1);

/// The frames of a stream that is open.
pub(super) type Frames = Pin<Box<dyn Stream<Item = Result<Sse, sse_stream::Error>> + Send>>;

/// Opens a stream; `None` when the server says that there is nothing left to tell.
pub(super) async fn open(client: &Client, path: &str) -> Result<Option<Frames>, ClientError> {
    // The whole request has no deadline: it lives as long as there is something to tell.
    let request = client.call(Method::GET, path).timeout(Duration::MAX).header(ACCEPT, "text/event-stream");
    let response = Answer::opened(request, &client.base).await?;
    if response.status() == 204 {
        return Ok(None);
    }
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("text/event-stream") {
        let url = client.base.to_string();
        return Err(ClientError::Odd { url, source: Oddity::NoStream(kind.to_owned()) });
    }
    Ok(Some(SseByteStream::new(response.bytes_stream()).boxed()))
}

/// What comes of listening to a stream.
pub(super) enum Heard {
    /// A frame.
    Frame(Sse),
    /// The server ended it.
    End,
    /// It broke off, or has gone silent.
    Break,
}

/// The next frame.
pub(super) async fn heard(frames: &mut Frames) -> Heard {
    match timeout(SILENCE, frames.next()).await {
        Ok(Some(Ok(sse))) => Heard::Frame(sse),
        Ok(None) => Heard::End,
        Ok(Some(Err(_))) | Err(_) => Heard::Break,
    }
}

/// The events of one run, from some place in its log to its end.
pub struct Events {
    client: Client,
    run: RunId,
    /// What was seen last; the number is 0 before the first event and at servers that number none.
    last: Option<String>,
    number: u64,
    open: Option<Frames>,
    is_over: bool,
    patience: Patience,
    asked: Instant,
}

impl Client {
    /// The events of a run after the one with this id, or all of them, and on as they come, to the run's end. The stream
    /// comes back by itself when the connection or the server goes away.
    pub fn events(&self, run: RunId, after: Option<&str>) -> Events {
        Events {
            client: self.clone(),
            run,
            last: after.map(str::to_owned),
            number: after.and_then(|id| EventId::in_run(run, 0).same_log(id)).unwrap_or(0),
            open: None,
            is_over: false,
            patience: Patience::new(self.patience),
            asked: Instant::now(),
        }
    }
}

impl Events {
    /// The next event; `None` after the one that ended the run. May be dropped and called again: nothing is lost by it.
    ///
    /// [`ClientError::Unreachable`] when nothing answered for as long as the client is patient.
    pub async fn next(&mut self) -> Result<Option<Event>, ClientError> {
        while !self.is_over {
            if self.open.is_none() {
                self.connect().await?;
                continue;
            }
            match self.frame().await {
                Some(sse) => {
                    if let Some(event) = self.take(sse)? {
                        return Ok(Some(event));
                    }
                }
                None => self.open = None,
            }
        }
        Ok(None)
    }

    /// What to come back with after what was given so far.
    pub fn last_id(&self) -> Option<&str> {
        self.last.as_deref()
    }

    async fn connect(&mut self) -> Result<(), ClientError> {
        self.asked = Instant::now();
        let after = self.last.iter().map(|id| ("last_event_id", id.as_str()));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(after).finish();
        match open(&self.client, &format!("{}/events?{query}", run_path(self.run))).await {
            Ok(None) => self.is_over = true,
            Ok(frames) => self.open = frames,
            Err(error) => {
                self.patience.lost(&error, self.asked, Instant::now(), None).await.map_err(|()| error)?;
            }
        }
        Ok(())
    }

    /// The next frame of the open stream; `None` when it ended, broke off, or has gone silent.
    async fn frame(&mut self) -> Option<Sse> {
        match heard(self.open.as_mut()?).await {
            Heard::Frame(sse) => Some(sse),
            Heard::End | Heard::Break => None,
        }
    }

    /// Looks at what came: an event that is next in line is given, one that was given before is passed over, and a gap
    /// has the stream opened anew from where it was whole.
    fn take(&mut self, sse: Sse) -> Result<Option<Event>, ClientError> {
        let Some(data) = sse.data.filter(|data| !data.is_empty()) else { return Ok(None) };
        let event = Event::read(&data).map_err(|error| self.client.odd(error))?;
        if let Some(id) = sse.id {
            match EventId::in_run(self.run, 0).same_log(&id) {
                Some(number) if number <= self.number => return Ok(None),
                Some(number) if self.number > 0 && number > self.number + 1 => {
                    self.open = None;
                    return Ok(None);
                }
                Some(number) => self.number = number,
                None => {}
            }
            self.last = Some(id);
        }
        if let Event::State(state) = &event {
            self.is_over = state.run.status.is_ended();
        }
        self.patience = Patience::new(self.client.patience);
        Ok(Some(event))
    }
}
