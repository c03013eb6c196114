//! Creates that are done once, however often they are asked for. What was created is found again in the transaction that
//! would create it, so a twin that comes at the same moment finds it, too.

use legwork_core::group::{Counts, Group};
use legwork_core::id::GroupId;
use legwork_core::receipt::{REMEMBERED, Sign, Ticket};
use legwork_core::store::{AddedToGroup, Create, Created, Once, StoreError};
use legwork_core::time::Micros;
use rusqlite::params;

use super::read::{self, one};
use super::rows::get;
use super::writer::Batch;
use super::{groups, sql, write};
use crate::store::columns::json;
use crate::store::kept::{Kept, as_submitted, at_first, odd};

pub(super) fn once(batch: &mut Batch<'_>, ticket: &Ticket, create: &Create, now: Micros) -> Result<Once, StoreError> {
    match find(batch, ticket, now)? {
        Found::Nothing => {}
        Found::OtherBody => return Ok(Once::OtherBody),
        Found::Kept(id, kept) => {
            if let Some(created) = again(batch, &kept)? {
                let receipt = match ticket.sign {
                    Sign::Key(_) => id.cast_unsigned(),
                    Sign::Tries(_) => {
                        // Taken over once; the retry of this retry finds this one.
                        batch.execute(sql::TAKE_RECEIPT, params![id])?;
                        keep(batch, ticket, &kept, None, now)?
                    }
                };
                return Ok(Once::Again { created, receipt });
            }
        }
    }
    let (created, kept, n) = match create {
        Create::Run(new) => {
            let row = write::submit(batch, new, now)?;
            (Created::Run(Box::new(row.run)), Kept::Run(new.id.to_string()), Some(row.n))
        }
        Create::Group(new) => {
            let group = groups::create(batch, new, now)?;
            (Created::Group(group), Kept::Group(new.id.to_string()), None)
        }
        Create::Runs(id, runs) => {
            let Some(added) = groups::submit(batch, *id, runs, now)? else { return Ok(Once::NoGroup) };
            let ids: Vec<_> = runs.iter().map(|run| run.id).collect();
            let kept = Kept::runs(&added, &ids);
            (Created::Runs(added, ids), kept, None)
        }
    };
    let receipt = keep(batch, ticket, &kept, n, now)?;
    Ok(Once::New { created, receipt })
}

enum Found {
    Nothing,
    OtherBody,
    Kept(i64, Kept),
}

fn find(batch: &Batch<'_>, ticket: &Ticket, now: Micros) -> Result<Found, StoreError> {
    let Ticket { owner, route, body, sign } = ticket;
    let since = ticket.since(now).0;
    let row =
        |row: &rusqlite::Row<'_>| Ok((get::<i64>(row, 0)?, get::<[u8; 32]>(row, 1)? == *body, get::<String>(row, 2)?));
    let found = match sign {
        Sign::Key(key) => one(batch.connection, sql::RECEIPT_BY_KEY, params![owner.as_str(), route, key, since], row)?,
        Sign::Tries(0) => None,
        Sign::Tries(tries) => {
            let before = params![owner.as_str(), route, body, tries - 1, since];
            one(batch.connection, sql::RECEIPT_BEFORE, before, row)?
        }
    };
    Ok(match found {
        None => Found::Nothing,
        Some((_, false, _)) => Found::OtherBody,
        Some((id, true, answer)) => Found::Kept(id, Kept::read(&answer)?),
    })
}

fn keep(batch: &Batch<'_>, ticket: &Ticket, kept: &Kept, n: Option<i64>, now: Micros) -> Result<u64, StoreError> {
    let Ticket { owner, route, body, sign } = ticket;
    let (key, tries) = match sign {
        Sign::Key(key) => (Some(key), None),
        Sign::Tries(tries) => (None, Some(*tries)),
    };
    // One that is too old, or whose run is gone, may still lie there under the same key.
    if let Some(key) = key {
        batch.execute(sql::FORGET_RECEIPT_BY_KEY, params![owner.as_str(), route, key])?;
    }
    batch.execute(sql::ADD_RECEIPT, params![owner.as_str(), route, key, tries, body, now.0, n, json(kept)])?;
    Ok(batch.connection.last_insert_rowid().cast_unsigned())
}

/// What was created, as it was then; `None` when it is gone.
fn again(batch: &Batch<'_>, kept: &Kept) -> Result<Option<Created>, StoreError> {
    let find = |id: &str| groups::read(batch.connection, id.parse::<GroupId>().map_err(odd)?);
    Ok(match kept {
        Kept::Run(id) => {
            let row = read::row_by_id(batch.connection, id.parse().map_err(odd)?)?;
            row.map(|row| Created::Run(Box::new(as_submitted(row.run))))
        }
        Kept::Group(id) => find(id)?.map(|group| Created::Group(at_first(group))),
        Kept::Runs { group, ids, counts, at, runs_before, ends_before } => {
            let Some(group) = find(group)? else { return Ok(None) };
            let group = Group { counts: Counts::new(*counts), modified_at: Micros(*at), ..group };
            let added = AddedToGroup { group, runs_before: *runs_before, ends_before: *ends_before };
            let ids = ids.iter().map(|id| id.parse().map_err(odd)).collect::<Result<_, _>>()?;
            Some(Created::Runs(added, ids))
        }
    })
}

/// Removes receipts that nobody can ask for any more; returns how many.
pub(super) fn forget(batch: &Batch<'_>, now: Micros, limit: usize) -> Result<usize, StoreError> {
    batch.execute(sql::FORGET_RECEIPTS, params![(now - REMEMBERED).0, limit])
}
