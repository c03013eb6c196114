//! Many tasks as a group of runs: added, waited for, and fetched with what came of them, through the loss of the server.

use std::time::Duration;

use legwork_api::client::{Client, ClientError};
use legwork_api::event::StateEvent;
use legwork_api::group::TaskGroupStatus;
use legwork_api::run_input::MAX_INPUTS;
use legwork_core::id::GroupId;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::exit::{Exit, Failure};
use crate::progress::Progress;
use crate::station::Station;

/// How often it is looked how the group stands; that costs the server next to nothing.
const LOOK: Duration = Duration::from_millis(250);

/// A group that tasks are added to, in their order: what it holds is always the beginning of them.
pub(crate) struct Batch {
    pub(crate) id: GroupId,
    held: usize,
}

/// What shall be added.
#[derive(Clone, Copy)]
pub(crate) struct Tasks<'a> {
    /// The tasks, as the wire has them.
    pub(crate) all: &'a [Value],
    /// What stands for each of them.
    pub(crate) spec: Option<&'a Value>,
    /// How many are under way at a time at the most; with `None` that is the server's to say.
    pub(crate) at_once: Option<usize>,
    /// What they are called when a group was made of others, and what is to be tried then.
    pub(crate) named: (&'static str, &'static str),
}

impl Batch {
    /// A new group, or one that was begun earlier.
    pub(crate) async fn open(station: &mut Station, begun: Option<GroupId>) -> Result<Self, Failure> {
        let group = match begun {
            Some(id) => station.persist(async |client| client.group(id).await).await?,
            None => station.persist(async |client| client.create_group().await).await?,
        };
        let held = usize::try_from(group.status.num_task_runs).unwrap_or(usize::MAX);
        Ok(Self { id: group.taskgroup_id, held })
    }

    /// Adds what the group does not hold yet, if there is anything to add, and waits until nothing goes on in it; whether
    /// that came in time.
    pub(crate) async fn done(
        &mut self,
        station: &mut Station,
        tasks: Option<Tasks<'_>>,
        deadline: Option<Instant>,
        progress: &Progress,
    ) -> Result<bool, Failure> {
        let tasks = tasks.unwrap_or(Tasks { all: &[], spec: None, at_once: None, named: ("", "") });
        if self.held > 0 && !tasks.all.is_empty() {
            self.check(station, tasks).await?;
        }
        let id = self.id;
        if tasks.at_once.is_none() {
            self.add(station, tasks, usize::MAX).await?;
        }
        loop {
            let status = station.hold_out(async |client| client.group(id).await).await?.status;
            let ended = ended_runs(&status);
            let all = status.num_task_runs.max(u64::try_from(tasks.all.len()).unwrap_or(u64::MAX));
            progress.count(ended, all, &status.status_message.clone().unwrap_or_default());
            let is_whole = self.held >= tasks.all.len();
            if is_whole && !status.is_active {
                return Ok(true);
            }
            if deadline.is_some_and(|at| at <= Instant::now()) {
                return Ok(false);
            }
            let under_way = usize::try_from(status.num_task_runs.saturating_sub(ended)).unwrap_or(usize::MAX);
            match tasks.at_once.map_or(0, |most| most.saturating_sub(under_way)) {
                room @ 1.. if !is_whole => self.add(station, tasks, room).await?,
                _ => sleep(LOOK).await,
            }
        }
    }

    /// All runs with what they were asked and what came of them, in the order in which they were added.
    pub(crate) async fn answers(&self, station: &mut Station) -> Result<Vec<StateEvent>, Failure> {
        let id = self.id;
        station.hold_out(async |client| fetched(client, id).await).await
    }

    /// Refuses a group that holds something else than the beginning of these tasks.
    async fn check(&self, station: &mut Station, tasks: Tasks<'_>) -> Result<(), Failure> {
        let holds = self.answers(station).await?;
        let is_one = |run: &StateEvent, task: &Value| {
            input_of(run) == task["input"] && task["processor"].as_str().is_none_or(|name| name == run.run.processor)
        };
        let is_beginning = holds.iter().zip(tasks.all).all(|(run, task)| is_one(run, task));
        if self.held > tasks.all.len() || self.held != holds.len() || !is_beginning {
            let (what, hint) = tasks.named;
            return Err(Failure::said(Exit::BadInput, format!("{} was not made of {what}", self.id)).hint(hint));
        }
        Ok(())
    }

    /// Adds so many more tasks.
    async fn add(&mut self, station: &mut Station, tasks: Tasks<'_>, most: usize) -> Result<(), Failure> {
        let (id, rest) = (self.id, tasks.all.get(self.held..).unwrap_or_default());
        for part in rest[..most.min(rest.len())].chunks(MAX_INPUTS) {
            // An answer that gets lost has the same call made again, and nothing added twice.
            let key = format!("legwork-group-{id}-{}", self.held);
            station.hold_out(async |client| client.add_runs(id, part, tasks.spec, &key).await).await?;
            self.held += part.len();
        }
        Ok(())
    }
}

/// What a run was asked.
pub(crate) fn input_of(came: &StateEvent) -> Value {
    let given: Value = came.input.as_deref().and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    given["input"].clone()
}

fn ended_runs(status: &TaskGroupStatus) -> u64 {
    let ended = status.task_run_status_counts.iter().filter(|(status, _)| status.is_ended());
    ended.map(|(_, count)| count).sum()
}

async fn fetched(client: &Client, id: GroupId) -> Result<Vec<StateEvent>, ClientError> {
    let (mut runs, mut came) = (client.group_runs(id), Vec::new());
    while let Some(run) = runs.next().await? {
        came.push(run);
    }
    Ok(came)
}
