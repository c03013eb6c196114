//! What the writer does, one function a verb: load, ask the rules, save. Each runs inside the batch's transaction.

use legwork_core::command::{Command, Decision, decide};
use legwork_core::fact::{Fact, What};
use legwork_core::id::{Owner, RunId};
use legwork_core::run::{Life, Run, State, Status};
use legwork_core::store::{ApplyError, Claim, Claimed, ForgetError, NewRun, StoreError};
use legwork_core::time::Micros;
use rusqlite::{ToSql, params};

use super::read::{self, one};
use super::rows::RunRow;
use super::writer::Batch;
use super::{deliveries, groups, journal, queue, sql};
use crate::store::columns::{StateColumns, json, tells_number, text};

/// Accepts a run into no group, or into one that is there.
pub(super) fn submit(batch: &mut Batch<'_>, new: &NewRun, now: Micros) -> Result<RunRow, StoreError> {
    let (run, first) = new.accepted(now);
    let n = add_run(batch, &run)?;
    batch.execute(sql::ADD_INPUT, params![n, &*new.input])?;
    add_fact(batch, n, &first)?;
    if let Some((webhook, _)) = &new.webhook {
        deliveries::register(batch, n, webhook)?;
    }
    if let Some(secrets) = &new.secrets {
        journal::keep_secrets(batch, n, secrets)?;
    }
    let row = RunRow { n, run };
    move_in_queue(batch, &row, None, Some(now))?;
    if let Some(group) = row.run.group {
        groups::count(batch, group, None, Some(Status::Queued), now)?;
    }
    batch.moved(&row.run, None, Status::Queued, now);
    Ok(row)
}

fn add_run(batch: &mut Batch<'_>, run: &Run) -> Result<i64, StoreError> {
    match with_columns(run, |columns| batch.execute(sql::ADD_RUN, columns))? {
        0 => Err(StoreError::Inconsistent(format!("the name {} is taken", run.id))),
        _ => Ok(batch.connection.last_insert_rowid()),
    }
}

/// Does this with the columns of a run, in the order of `sql::run_to_add`.
pub(super) fn with_columns<T>(
    run: &Run,
    act: impl FnOnce(&[&dyn ToSql]) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let state = StateColumns::of(&run.life.state);
    act(params![
        run.id.to_bytes(),
        run.owner.as_str(),
        run.processor,
        run.created_at.0,
        text(run.metadata.as_deref())?,
        text(run.warnings.as_deref())?,
        run.group.map(legwork_core::id::GroupId::to_bytes),
        run.life.events,
        run.life.deadline.map(|at| at.0),
        state.status,
        run.life.version,
        run.life.modified_at.0,
        run.life.attempts,
        run.life.finish,
        run.life.meter,
        state.moment,
        state.detail,
        run.life.expires_at().map(|at| at.0),
        tells_number(run.life.tells),
        run.lineage.previous.map(RunId::to_bytes),
        run.lineage.rerun_of.map(RunId::to_bytes),
        run.life.papers,
    ])
}

pub(super) fn apply(
    batch: &mut Batch<'_>,
    id: RunId,
    command: &Command,
    now: Micros,
) -> Result<Result<Life, ApplyError>, StoreError> {
    let Some(row) = read::row_by_id(batch.connection, id)? else { return Ok(Err(ApplyError::Unknown)) };
    let unsaid;
    let command = if command.reports().is_empty() {
        command
    } else {
        let said = said_already(batch, row.n, command)?;
        unsaid = command.clone().unsaid(|key| said.iter().any(|said| said == key));
        &unsaid
    };
    match decide(&row.run.life, command, now) {
        Err(refused) => Ok(Err(refused.into())),
        Ok(decision) => {
            if let (Command::Complete { output, .. }, State::Completed) = (command, &decision.life.state) {
                batch.execute(sql::ADD_OUTPUT, params![row.n, &**output])?;
            }
            journal::keep(batch, row.n, &decision.steps)?;
            save(batch, &row, &decision, now)?;
            Ok(Ok(decision.life))
        }
    }
}

fn said_already(batch: &Batch<'_>, n: i64, command: &Command) -> Result<Vec<String>, StoreError> {
    let mut said = Vec::new();
    for report in command.reports() {
        if one(batch.connection, sql::IS_SAID, params![n, report.key], |_| Ok(()))?.is_some() {
            said.push(report.key.clone());
        }
    }
    Ok(said)
}

/// Takes what is fair from the queues, until the tokens are used up.
pub(super) fn claim(batch: &mut Batch<'_>, claim: &Claim, now: Micros) -> Result<Vec<Claimed>, StoreError> {
    let next = queue::next(batch.connection, claim, now)?.into_iter().zip(&claim.tokens);
    next.map(|(n, token)| {
        let command = Command::Start { node: claim.node, token: *token, until: claim.until };
        start(batch, n, &command, now)
    })
    .collect()
}

fn start(batch: &mut Batch<'_>, n: i64, command: &Command, now: Micros) -> Result<Claimed, StoreError> {
    let odd = |what: &str| StoreError::Inconsistent(format!("the queue names run {n}, {what}"));
    let mut row = read::row_by_n(batch.connection, n)?.ok_or_else(|| odd("which is not there"))?;
    let decision = decide(&row.run.life, command, now).map_err(|refused| odd(&refused.to_string()))?;
    save(batch, &row, &decision, now)?;
    row.run.life = decision.life;
    let input = one(batch.connection, sql::INPUT_BY_N, params![n], read::blob)?;
    Ok(Claimed { run: row.run, input: input.ok_or_else(|| odd("whose input is not there"))? })
}

pub(super) fn forget(batch: &mut Batch<'_>, id: RunId) -> Result<Result<(), ForgetError>, StoreError> {
    let Some(RunRow { n, run }) = read::row_by_id(batch.connection, id)? else {
        return Ok(Err(ForgetError::Unknown));
    };
    if !run.life.status().is_ended() {
        return Ok(Err(ForgetError::NotEnded(run.life.status())));
    }
    // A place in the log is never given twice, or who follows it would miss what comes.
    batch.execute(sql::KEEP_FEED_END, [batch.last_fact().to_string()])?;
    batch.execute(sql::KEEP_LAST_RUN, [])?;
    deliveries::forget(batch, n)?;
    journal::forget(batch, n)?;
    batch.execute(sql::FORGET_RECEIPTS_OF, params![n])?;
    if let Some(group) = run.group {
        groups::count(batch, group, Some(run.life.status()), None, run.life.modified_at)?;
        batch.execute(sql::FORGET_GROUP_END, params![group.to_bytes(), n])?;
        batch.execute(sql::FORGET_GROUP_RUN, params![n])?;
    }
    for statement in [sql::FORGET_WORDS, sql::FORGET_FACTS, sql::FORGET_INPUT, sql::FORGET_OUTPUT, sql::FORGET_RUN] {
        batch.execute(statement, params![n])?;
    }
    batch.changed(id);
    Ok(Ok(()))
}

/// Saves what was decided: the life, the facts, the place in the queue, the lease, and what is owed.
fn save(batch: &mut Batch<'_>, before: &RunRow, decision: &Decision, now: Micros) -> Result<(), StoreError> {
    let (was, is) = (&before.run.life, &decision.life);
    if was == is {
        return Ok(());
    }
    keep_lease(batch, before.n, &before.run.owner, was, is)?;
    move_in_queue(batch, before, place(was), place(is))?;
    for fact in &decision.facts {
        let g = add_fact(batch, before.n, fact)?;
        if let Some(group) = before.run.group
            && fact.what.entered().is_some_and(Status::is_ended)
        {
            groups::end(batch, group, before.n, g)?;
        }
    }
    if let Some(seq) = decision.owed {
        deliveries::owe(batch, before.n, seq, is.modified_at)?;
    }
    if was.papers && !is.papers {
        journal::forget(batch, before.n)?;
    }
    // A renewed lease changes nothing that is in the life's row, and nothing that anybody is told.
    if is.version != was.version || is.papers != was.papers {
        save_life(batch, before.n, is)?;
    }
    if !decision.facts.is_empty() {
        batch.changed(before.run.id);
    }
    if was.status() != is.status() {
        if let Some(group) = before.run.group {
            groups::count(batch, group, Some(was.status()), Some(is.status()), is.modified_at)?;
        }
        batch.moved(&before.run, Some(was.status()), is.status(), now);
    }
    Ok(())
}

fn save_life(batch: &mut Batch<'_>, n: i64, life: &Life) -> Result<(), StoreError> {
    let state = StateColumns::of(&life.state);
    let columns = params![
        n,
        state.status,
        life.version,
        life.modified_at.0,
        life.attempts,
        life.finish,
        life.meter,
        state.moment,
        state.detail,
        life.expires_at().map(|at| at.0),
        life.papers,
    ];
    batch.execute(sql::SAVE_LIFE, columns).map(drop)
}

fn keep_lease(batch: &mut Batch<'_>, n: i64, owner: &Owner, was: &Life, is: &Life) -> Result<(), StoreError> {
    match (was.state.lease(), is.state.lease()) {
        (was, Some(is)) if was != Some(is) => {
            let (node, token) = (is.node.0.cast_signed(), is.token.0.cast_signed());
            batch.execute(sql::SET_LEASE, params![n, owner.as_str(), node, token, is.attempt, is.until.0])?;
        }
        (Some(_), None) => {
            batch.execute(sql::DROP_LEASE, params![n])?;
        }
        _ => {}
    }
    Ok(())
}

pub(super) fn place(life: &Life) -> Option<Micros> {
    if let State::Queued { not_before } = life.state { Some(not_before) } else { None }
}

pub(super) fn move_in_queue(
    batch: &mut Batch<'_>,
    RunRow { n, run }: &RunRow,
    from: Option<Micros>,
    to: Option<Micros>,
) -> Result<(), StoreError> {
    if from == to {
        return Ok(());
    }
    if let Some(from) = from {
        batch.execute(sql::TAKE_FROM_QUEUE, params![run.processor, run.owner.as_str(), from.0, n])?;
    }
    if let Some(to) = to {
        batch.execute(sql::ADD_TO_QUEUE, params![run.processor, run.owner.as_str(), to.0, n])?;
        batch.queued();
    }
    Ok(())
}

/// Returns the fact's place in the log of all runs.
fn add_fact(batch: &mut Batch<'_>, n: i64, fact: &Fact) -> Result<u64, StoreError> {
    let g = batch.next_fact();
    put_fact(batch, g, n, fact)?;
    Ok(g)
}

/// Writes a fact at this place.
pub(super) fn put_fact(batch: &Batch<'_>, g: u64, n: i64, fact: &Fact) -> Result<(), StoreError> {
    let key = match &fact.what {
        What::Progress { report } => Some(&*report.key),
        What::State { .. } | What::Answer { .. } | What::Finish => None,
    };
    batch.execute(sql::ADD_FACT, params![g, n, fact.seq, fact.at.0, key, json(&fact.what)]).map(drop)
}
