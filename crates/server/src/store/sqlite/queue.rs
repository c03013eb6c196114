//! The queue: who is taken next, and how many are taken before one that waits.

use std::collections::BTreeMap;

use legwork_core::fair::{self, Queue, Running, Turn};
use legwork_core::id::RunId;
use legwork_core::store::{Claim, Place, StoreError};
use legwork_core::time::Micros;
use rusqlite::{Connection, params};

use super::read::{all, one};
use super::rows::get;
use super::sql;

/// The runs whose turn it is. Of each owner's queue no more is read than may be taken, so that the cost does not grow with
/// the queues.
pub(super) fn next(connection: &Connection, claim: &Claim, now: Micros) -> Result<Vec<i64>, StoreError> {
    let limits = &claim.limits;
    let mut lines = Vec::new();
    for (processor, room) in &claim.room.each {
        if *room > 0 && !claim.tokens.is_empty() {
            lines.extend(owners(connection, processor)?.into_iter().map(|owner| (processor, owner)));
        }
    }
    // Most queues are empty, and counting what runs takes as long as there are leases.
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let mut known = running(connection)?;
    let is_limited = |(processor, _): &(&String, String)| limits.each_processor.contains_key(*processor);
    let processors = if lines.iter().any(is_limited) { running_of_each(connection)? } else { BTreeMap::new() };
    let room = limits.leave_of(claim.room.clone(), &processors);
    let mut queues = Vec::new();
    for (processor, owner) in lines {
        let owner_at = known.iter().position(|(known, _)| *known == owner).unwrap_or_else(|| {
            known.push((owner.clone(), 0));
            known.len() - 1
        });
        let owner_left = known.get(owner_at).map_or(0, |(_, running)| limits.leave_owner(*running));
        let room = room.each.get(processor).copied().unwrap_or(0);
        let most = room.min(owner_left).min(claim.tokens.len());
        if most > 0 {
            let waiting = all(connection, sql::FRONT_OF_QUEUE, params![processor, owner, now.0, most], |row| {
                Ok((Micros(get(row, 0)?), get(row, 1)?))
            })?;
            queues.push(Queue { processor: processor.clone(), owner: owner_at, waiting });
        }
    }
    let running = Running { owners: known.into_iter().map(|(_, count)| count).collect(), processors };
    Ok(fair::share(queues, running, room, limits, claim.tokens.len()))
}

/// Where a run stands in line, if it does and `most` are before it at the most.
pub(super) fn place(connection: &Connection, id: RunId, most: usize, now: Micros) -> Result<Option<Place>, StoreError> {
    let Some(Spot { processor, owner, since, n }) = one(connection, sql::SPOT, params![id.to_bytes()], spot)? else {
        return Ok(None);
    };
    if since > now {
        return Ok(None);
    }
    let ahead = params![processor, owner, since.0, n, most.saturating_add(1)];
    let ahead: usize = one(connection, sql::AHEAD, ahead, |row| get(row, 0))?.unwrap_or(0);
    let running = running(connection)?;
    let running_of = |owner: &str| running.iter().find(|(who, _)| who == owner).map_or(0, |(_, count)| *count);
    let turn = Turn { running: running_of(&owner) + ahead, since };
    let mut before = ahead;
    let mut other = next_owner(connection, &processor, "")?;
    while let Some(who) = other.filter(|_| before <= most) {
        let running = running_of(&who);
        let worth = fair::worth_reading(turn, running).min(most - before + 1);
        if who != owner && worth > 0 {
            let waiting = all(connection, sql::FRONT_OF_QUEUE, params![processor, who, now.0, worth], |row| {
                Ok(Micros(get(row, 0)?))
            })?;
            before += fair::before(turn, running, waiting);
        }
        other = next_owner(connection, &processor, &who)?;
    }
    Ok(Some(Place { before, of_owner: turn.running }).filter(|place| place.before <= most))
}

/// Where a run stands in its queue.
struct Spot {
    processor: String,
    owner: String,
    since: Micros,
    n: i64,
}

fn spot(row: &rusqlite::Row<'_>) -> Result<Spot, StoreError> {
    Ok(Spot { processor: get(row, 0)?, owner: get(row, 1)?, since: Micros(get(row, 2)?), n: get(row, 3)? })
}

/// Who has anything in a processor's queue.
fn owners(connection: &Connection, processor: &str) -> Result<Vec<String>, StoreError> {
    let mut owners: Vec<String> = Vec::new();
    while let Some(owner) = next_owner(connection, processor, owners.last().map_or("", String::as_str))? {
        owners.push(owner);
    }
    Ok(owners)
}

fn next_owner(connection: &Connection, processor: &str, after: &str) -> Result<Option<String>, StoreError> {
    one(connection, sql::NEXT_OWNER, params![processor, after], |row| get(row, 0))
}

/// How many runs of each processor are being worked on.
fn running_of_each(connection: &Connection) -> Result<BTreeMap<String, usize>, StoreError> {
    Ok(all(connection, sql::COUNT_LEASES, [], |row| Ok((get(row, 0)?, get(row, 1)?)))?.into_iter().collect())
}

/// How much each owner has running.
fn running(connection: &Connection) -> Result<Vec<(String, usize)>, StoreError> {
    all(connection, sql::RUNNING_BY_OWNER, [], |row| Ok((get(row, 0)?, get(row, 1)?)))
}
