//! The queue: who is taken next, and how many are taken before one that waits.
//!
//! Several nodes claim at the same time; what one holds, the others pass over. Claims under a limit go one by one, so that
//! they count each other.

use std::collections::BTreeMap;

use legwork_core::command::Command;
use legwork_core::fair::{self, Queue, Running, Turn};
use legwork_core::id::RunId;
use legwork_core::run::Run;
use legwork_core::store::{ApplyError, Claim, Claimed, Place, StoreError};
use legwork_core::time::Micros;
use tokio_postgres::Row;

use super::alone::{Stopped, alone};
use super::link::{BEGIN, COMMIT, Link, Step, Value};
use super::pool::Pool;
use super::rows::{self, RunRow, body, get, int, run_id, uuid, whole};
use super::unit::Unit;
use super::{PostgresStore, sql};

/// A run that may be taken.
struct Candidate {
    row: RunRow,
    receiver: Option<String>,
}

impl PostgresStore {
    /// Takes what is fair from the queues, until the tokens are used up.
    pub(super) async fn take(&self, claim: &Claim, now: Micros) -> Result<Vec<Claimed>, StoreError> {
        let room: BTreeMap<_, _> = claim.room.each.iter().filter(|(_, room)| **room > 0).collect();
        if room.is_empty() || claim.tokens.is_empty() {
            // A claim without room is how it is asked whether anything can be written.
            self.writer.check().await?;
            return Ok(Vec::new());
        }
        let processors: Vec<_> = room.keys().map(|processor| processor.as_str()).collect();
        if self.pool.row(&sql::IS_QUEUED, &[&processors]).await?.is_none() {
            return Ok(Vec::new());
        }
        let (claimed, unit) = alone(&self.pool, |link| async move { self.taken(&link, claim, now).await }).await?;
        if let Some(unit) = unit {
            self.teller.tell(&unit.into_told());
        }
        self.with_inputs(claimed).await
    }

    /// What they are about is read when nothing is held any more: it may be much.
    async fn with_inputs(&self, runs: Vec<Run>) -> Result<Vec<Claimed>, StoreError> {
        let ids: Vec<_> = runs.iter().map(|run| uuid(run.id)).collect();
        let mut inputs = BTreeMap::new();
        if !ids.is_empty() {
            for row in self.pool.rows(&sql::INPUTS_OF, &[&ids]).await? {
                inputs.insert(run_id(get(&row, 0)?), body(&row, 1)?.unwrap_or_default());
            }
        }
        let with_input = |run: Run| {
            let input = inputs.remove(&run.id);
            let input =
                input.ok_or_else(|| StoreError::Inconsistent(format!("the input of {} is not there", run.id)))?;
            Ok(Claimed { run, input })
        };
        runs.into_iter().map(with_input).collect()
    }

    async fn taken(&self, link: &Link, claim: &Claim, now: Micros) -> Result<(Vec<Run>, Option<Unit>), Stopped> {
        let processors: Vec<_> = claim.room.each.keys().map(String::as_str).collect();
        let most: Vec<_> = claim.room.each.values().map(|room| int((*room).min(claim.tokens.len()))).collect();
        let fronts: Vec<Value<'_>> = vec![&processors, &most, &now.0];
        let mut steps = vec![Step::Plain(BEGIN)];
        if claim.limits != fair::Limits::default() {
            steps.push(Step::With(&sql::PASS_GATE, Vec::new()));
        }
        let at = steps.len();
        steps.push(Step::With(&sql::RUNNING, Vec::new()));
        steps.push(Step::With(&sql::FRONTS, fronts));
        let found = link.all(&steps).await?;
        let none = Vec::new();
        let rows = |n: usize| found.get(at + n).unwrap_or(&none);
        let candidates = rows(1).iter().map(candidate).collect::<Result<Vec<_>, _>>()?;
        if candidates.is_empty() {
            link.plain(COMMIT).await.map_err(Stopped::at_commit)?;
            return Ok((Vec::new(), None));
        }
        let mut unit = Unit::new(self.metrics.clone());
        let mut claimed = Vec::new();
        let picked = pick(&candidates, claim, running(rows(0))?);
        let mut candidates: Vec<_> = candidates.into_iter().map(Some).collect();
        for (at, token) in picked.into_iter().zip(&claim.tokens) {
            let Some(Candidate { row, receiver }) = candidates.get_mut(at).and_then(Option::take) else {
                continue;
            };
            let id = row.run.id;
            unit.take(row, receiver);
            let command = Command::Start { node: claim.node, token: *token, until: claim.until };
            unit.apply(id, &command, now).map_err(|refused| match refused {
                ApplyError::Store(error) => error,
                refused @ (ApplyError::Unknown | ApplyError::Refused(_)) => {
                    StoreError::Inconsistent(format!("the queue names run {id}: {refused}"))
                }
            })?;
            claimed.extend(unit.run(id).cloned());
        }
        unit.commit(link, true, Vec::new()).await.map_err(Stopped::at_commit)?;
        Ok((claimed, Some(unit)))
    }
}

fn candidate(row: &Row) -> Result<Candidate, StoreError> {
    Ok(Candidate { row: rows::run(row, None)?, receiver: get(row, rows::AFTER_RUN)? })
}

/// How much is running, by owner and by processor.
struct Known {
    owners: Vec<(String, usize)>,
    processors: BTreeMap<String, usize>,
}

/// Reads what `sql::RUNNING` tells.
fn running(rows: &[Row]) -> Result<Known, StoreError> {
    let (mut owners, mut processors) = (BTreeMap::new(), BTreeMap::new());
    for row in rows {
        let count: usize = whole(row, 2)?;
        *owners.entry(get::<String>(row, 0)?).or_default() += count;
        *processors.entry(get::<String>(row, 1)?).or_default() += count;
    }
    Ok(Known { owners: owners.into_iter().collect(), processors })
}

/// Those whose turn it is.
fn pick(candidates: &[Candidate], claim: &Claim, Known { mut owners, processors }: Known) -> Vec<usize> {
    let mut queues: Vec<Queue<usize>> = Vec::new();
    for (at, Candidate { row: RunRow { run, .. }, .. }) in candidates.iter().enumerate() {
        let owner = owners.iter().position(|(known, _)| known == run.owner.as_str()).unwrap_or_else(|| {
            owners.push((run.owner.as_str().to_owned(), 0));
            owners.len() - 1
        });
        let legwork_core::run::State::Queued { not_before } = run.life.state else { continue };
        // They come line by line.
        match queues.last_mut().filter(|queue| queue.owner == owner && queue.processor == run.processor) {
            Some(queue) => queue.waiting.push((not_before, at)),
            None => {
                queues.push(Queue { processor: run.processor.clone(), owner, waiting: vec![(not_before, at)] });
            }
        }
    }
    let running = Running { owners: owners.into_iter().map(|(_, count)| count).collect(), processors };
    fair::share(queues, running, claim.room.clone(), &claim.limits, claim.tokens.len())
}

/// Where a run stands in line, if it does and `most` are before it at the most.
pub(super) async fn place(pool: &Pool, id: RunId, most: usize, now: Micros) -> Result<Option<Place>, StoreError> {
    let Some(spot) = pool.row(&sql::SPOT, &[&uuid(id)]).await? else { return Ok(None) };
    let (processor, owner): (String, String) = (get(&spot, 0)?, get(&spot, 1)?);
    let (since, n): (i64, i64) = (get(&spot, 2)?, get(&spot, 3)?);
    if Micros(since) > now {
        return Ok(None);
    }
    let beyond = int(most.saturating_add(1));
    let ahead = pool.row(&sql::AHEAD, &[&processor, &owner, &since, &n, &beyond]).await?;
    let ahead: usize = ahead.map_or(Ok(0), |row| whole(&row, 0))?;
    let running = running(&pool.rows(&sql::RUNNING, &[]).await?)?.owners;
    let running_of = |owner: &str| running.iter().find(|(who, _)| who == owner).map_or(0, |(_, count)| *count);
    let turn = Turn { running: running_of(&owner) + ahead, since: Micros(since) };
    let mut before = ahead;
    let mut other = next_owner(pool, &processor, "").await?;
    while let Some(who) = other.filter(|_| before <= most) {
        let running = running_of(&who);
        let worth = fair::worth_reading(turn, running).min(most - before + 1);
        if who != owner && worth > 0 {
            let waiting = pool.rows(&sql::FRONT_OF_QUEUE, &[&processor, &who, &now.0, &int(worth)]).await?;
            let waiting = waiting.iter().map(|row| Ok(Micros(get(row, 0)?))).collect::<Result<Vec<_>, StoreError>>()?;
            before += fair::before(turn, running, waiting);
        }
        other = next_owner(pool, &processor, &who).await?;
    }
    Ok(Some(Place { before, of_owner: turn.running }).filter(|place| place.before <= most))
}

async fn next_owner(pool: &Pool, processor: &str, after: &str) -> Result<Option<String>, StoreError> {
    pool.row(&sql::NEXT_OWNER, &[&processor, &after]).await?.map_or(Ok(None), |row| get(&row, 0))
}
