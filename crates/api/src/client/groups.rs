//! Groups of runs: made, added to, looked at, and their runs read.

use legwork_core::id::GroupId;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;
use url::form_urlencoded;

use super::patience::Patience;
use super::stream::{Frames, Heard, heard, open};
use super::{Client, ClientError};
use crate::event::{Event, StateEvent};
use crate::group::{TaskGroup, TaskGroupRunResponse};

const GROUPS: &str = "/v1/tasks/groups";

impl Client {
    /// Makes a group without runs.
    pub async fn create_group(&self) -> Result<TaskGroup, ClientError> {
        self.answer(self.call(Method::POST, GROUPS).json(&json!({}))).await?.read()
    }

    /// The group as it stands now.
    pub async fn group(&self, id: GroupId) -> Result<TaskGroup, ClientError> {
        self.answer(self.call(Method::GET, &format!("{GROUPS}/{id}"))).await?.read()
    }

    /// Adds runs, all or none; at most 1,000 at once. `default_task_spec` is that of runs which have none. With a `key`
    /// the same call may be made again, for a day, and adds nothing twice.
    pub async fn add_runs(
        &self,
        id: GroupId,
        inputs: &[Value],
        default_task_spec: Option<&Value>,
        key: &str,
    ) -> Result<TaskGroupRunResponse, ClientError> {
        let body = json!({"inputs": inputs, "default_task_spec": default_task_spec});
        let call = self.call(Method::POST, &format!("{GROUPS}/{id}/runs")).header("idempotency-key", key);
        self.answer(call.json(&body)).await?.read()
    }

    /// Cancels every run of a group that has not ended. Other servers do not know this.
    pub async fn cancel_group(&self, id: GroupId) -> Result<TaskGroup, ClientError> {
        self.answer(self.call(Method::POST, &format!("{GROUPS}/{id}/cancel"))).await?.read()
    }

    /// The runs of a group as they are now, with their inputs and outputs, in the order in which they were added.
    pub fn group_runs(&self, id: GroupId) -> GroupRuns {
        let patience = Patience::new(self.patience);
        GroupRuns { client: self.clone(), id, last: None, open: None, is_news: true, patience }
    }
}

/// The runs of a group. They come back by themselves when the connection or the server goes away.
pub struct GroupRuns {
    client: Client,
    id: GroupId,
    last: Option<String>,
    open: Option<Frames>,
    /// Something came since the stream was opened.
    is_news: bool,
    patience: Patience,
}

impl GroupRuns {
    /// The next run; `None` after the last.
    ///
    /// [`ClientError::Unreachable`] when nothing answered for as long as the client is patient.
    pub async fn next(&mut self) -> Result<Option<StateEvent>, ClientError> {
        loop {
            let Some(frames) = &mut self.open else {
                // A server that stops ends its streams as well as one that has told all: only a stream in which nothing
                // is left to tell is the last.
                if !std::mem::take(&mut self.is_news) {
                    return Ok(None);
                }
                self.connect().await?;
                continue;
            };
            match heard(frames).await {
                Heard::Frame(sse) => {
                    let Some(data) = sse.data.filter(|data| !data.is_empty()) else { continue };
                    let event = Event::read(&data).map_err(|error| self.client.odd(error))?;
                    self.patience = Patience::new(self.client.patience);
                    if let Event::State(state) = event {
                        self.last.clone_from(&state.event_id);
                        self.is_news = true;
                        return Ok(Some(*state));
                    }
                }
                Heard::End => self.open = None,
                Heard::Break => (self.open, self.is_news) = (None, true),
            }
        }
    }

    async fn connect(&mut self) -> Result<(), ClientError> {
        let asked = Instant::now();
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("include_input", "true").append_pair("include_output", "true");
        if let Some(last) = &self.last {
            query.append_pair("last_event_id", last);
        }
        match open(&self.client, &format!("{GROUPS}/{}/runs?{}", self.id, query.finish())).await {
            Ok(frames) => self.open = frames,
            Err(error) => {
                self.patience.lost(&error, asked, Instant::now(), None).await.map_err(|()| error)?;
                self.is_news = true;
            }
        }
        Ok(())
    }
}
