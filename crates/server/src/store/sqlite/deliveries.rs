//! What is owed to webhooks: claimed under leases, settled by the rules of `legwork_core::delivery`.
//!
//! A lease is a moment in `due_at` and a token beside it: when its holder is gone it is simply due again.

use std::time::Duration;

use bytes::Bytes;
use legwork_core::delivery::{ATTEMPTS_KEPT, Attempt, Delivery, DeliveryId, Webhook};
use legwork_core::fact::What;
use legwork_core::fair::{self, Line};
use legwork_core::id::{Owner, RunId, Token};
use legwork_core::store::{DeliveryClaim, DeliveryLog, OwedDelivery, OwnersShare, Receiver, StoreError};
use legwork_core::time::Micros;
use rusqlite::{Connection, Row, params};

use super::read::{all, blob, one};
use super::rows::get;
use super::sql;
use super::writer::Batch;
use crate::store::columns::{StandingColumns, form_number, form_of, heard, heard_columns, micros};

/// Keeps a new run's webhook.
pub(super) fn register(batch: &Batch<'_>, n: i64, webhook: &Webhook) -> Result<(), StoreError> {
    let Webhook { url, receiver, secret, form } = webhook;
    batch.execute(sql::ADD_WEBHOOK, params![n, url, receiver, secret, form_number(*form)]).map(drop)
}

/// A run's webhook, if it has one.
pub(super) fn webhook(connection: &Connection, run: RunId) -> Result<Option<Webhook>, StoreError> {
    one(connection, sql::WEBHOOK_OF, params![run.to_bytes()], |row| {
        let (url, receiver, secret) = (get(row, 0)?, get(row, 1)?, get(row, 2)?);
        Ok(Webhook { url, receiver, secret, form: form_of(get(row, 3)?) })
    })
}

/// Owes a run's webhook the fact of this number.
pub(super) fn owe(batch: &mut Batch<'_>, n: i64, seq: u64, now: Micros) -> Result<(), StoreError> {
    let line = one(batch.connection, sql::RECEIVER_OF, params![n], |row| Ok((get(row, 0)?, get(row, 1)?)))?;
    let (owner, receiver): (String, String) =
        line.ok_or_else(|| StoreError::Inconsistent(format!("run {n} has no webhook to tell")))?;
    batch.execute(sql::ADD_DELIVERY, params![n, seq, owner, receiver, now.0])?;
    batch.more_owed(1);
    due_again(batch, &owner, &receiver, now)
}

fn due_again(batch: &mut Batch<'_>, owner: &str, receiver: &str, at: Micros) -> Result<(), StoreError> {
    batch.execute(sql::RECEIVER_SOONER, params![owner, receiver, at.0])?;
    batch.due_at_a_webhook();
    Ok(())
}

/// A delivery as it lies in the file.
pub(super) struct DeliveryRow {
    pub(super) d: i64,
    owner: String,
    receiver: String,
    token: Option<Token>,
    pub(super) delivery: Delivery,
}

/// How many columns `sql::delivery_columns` has: what else a statement selects stands behind them.
pub(super) const COLUMNS: usize = 12;

/// Reads the columns of `sql::delivery_columns`.
pub(super) fn delivery(row: &Row<'_>) -> Result<DeliveryRow, StoreError> {
    let id = DeliveryId { run: RunId::from_bytes(get(row, 1)?), seq: get(row, 2)? };
    let token = get::<Option<i64>>(row, 8)?.map(|token| Token(token.cast_unsigned()));
    let columns = StandingColumns { due_at: get(row, 7)?, settled_at: get(row, 9)?, outcome: get(row, 10)? };
    let delivery = Delivery {
        id,
        owed_at: Micros(get(row, 4)?),
        standing: columns.standing(token),
        tries: get(row, 5)?,
        since: get::<Option<i64>>(row, 6)?.map(Micros),
    };
    Ok(DeliveryRow { d: get(row, 0)?, owner: get(row, 11)?, receiver: get(row, 3)?, token, delivery })
}

fn find(connection: &Connection, id: DeliveryId) -> Result<Option<DeliveryRow>, StoreError> {
    one(connection, sql::DELIVERY_BY_ID, params![id.run.to_bytes(), id.seq], delivery)
}

/// Takes what is due, fair between owners.
pub(super) fn claim(batch: &Batch<'_>, claim: &DeliveryClaim, now: Micros) -> Result<Vec<OwedDelivery>, StoreError> {
    if claim.room == 0 {
        return Ok(Vec::new());
    }
    let (mut lines, mut looked_at) = (Vec::new(), Vec::new());
    let next = |after: &str| one(batch.connection, sql::NEXT_OWED_OWNER, params![after], |row| get::<String>(row, 0));
    let mut owner = next("")?;
    while let Some(name) = owner {
        let (line, receivers) = owners_line(batch, &name, claim, now)?;
        lines.push(line);
        looked_at.extend(receivers.into_iter().map(|receiver| (name.clone(), receiver)));
        owner = next(&name)?;
    }
    let mut taken = Vec::new();
    for d in fair::pick(lines, claim.room) {
        batch.execute(sql::LEASE_DELIVERY, params![d, claim.until.0, claim.token.0.cast_signed()])?;
        taken.extend(one(batch.connection, sql::OWED_DELIVERY, params![d], owed)?);
    }
    for (owner, receiver) in &looked_at {
        if batch.execute(sql::RECEIVER_DONE, params![owner, receiver])? == 0 {
            batch.execute(sql::RECEIVER_NEXT, params![owner, receiver])?;
        }
    }
    Ok(taken)
}

/// What of an owner's is due, in the order in which his receivers take turns, and the receivers that were looked at.
fn owners_line(
    batch: &Batch<'_>,
    owner: &str,
    claim: &DeliveryClaim,
    now: Micros,
) -> Result<(Line<i64>, Vec<String>), StoreError> {
    let unknown = OwnersShare { room: claim.room_each_owner, ..OwnersShare::default() };
    let share = claim.owners.get(&Owner::named(owner)).unwrap_or(&unknown);
    let running = share.receivers.values().map(|receiver| receiver.under_way).sum();
    let room = share.room.min(claim.room);
    if room == 0 {
        return Ok((Line { running, waiting: Vec::new() }, Vec::new()));
    }
    // Receivers at their limit are passed over, and nothing is written of them; they stand in the way of nobody.
    let most = room + share.receivers.len();
    let mut due = all(batch.connection, sql::RECEIVERS_DUE, params![owner, now.0, most], |row| get::<String>(row, 0))?;
    let usual = Receiver { under_way: 0, room: claim.room_each_receiver };
    let known = |receiver: &str| share.receivers.get(receiver).copied().unwrap_or(usual);
    due.retain(|receiver| known(receiver).room > 0);
    let mut lines = Vec::new();
    for receiver in &due {
        let Receiver { under_way, room } = known(receiver);
        let waiting = all(batch.connection, sql::FRONT_OF_RECEIVER, params![owner, receiver, now.0, room], |row| {
            let due_at = Micros(get(row, 0)?);
            Ok((due_at, (due_at, get::<i64>(row, 1)?)))
        })?;
        lines.push(Line { running: under_way, waiting });
    }
    Ok((Line { running, waiting: fair::pick(lines, room) }, due))
}

/// Reads the columns of `sql::OWED_DELIVERY`.
fn owed(row: &Row<'_>) -> Result<OwedDelivery, StoreError> {
    let DeliveryRow { owner, receiver, delivery, .. } = delivery(row)?;
    let webhook = Webhook {
        url: get(row, COLUMNS)?,
        receiver,
        secret: get(row, COLUMNS + 1)?,
        form: form_of(get(row, COLUMNS + 2)?),
    };
    let body = get::<Option<Vec<u8>>>(row, COLUMNS + 3)?.map(Bytes::from);
    Ok(OwedDelivery { delivery, owner: Owner::named(owner), webhook, body })
}

/// The first body that is given is kept.
pub(super) fn keep_body(batch: &Batch<'_>, id: DeliveryId, body: &Bytes) -> Result<Option<Bytes>, StoreError> {
    let Some(row) = find(batch.connection, id)? else { return Ok(None) };
    if batch.execute(sql::KEEP_BODY, params![row.d, &**body])? > 0 {
        return Ok(Some(body.clone()));
    }
    one(batch.connection, sql::BODY_OF, params![row.d], blob)
}

pub(super) fn settle(
    batch: &mut Batch<'_>,
    id: DeliveryId,
    token: Token,
    attempt: &Attempt,
    chance: u64,
) -> Result<Option<Delivery>, StoreError> {
    let Some(row) = find(batch.connection, id)?.filter(|row| row.token == Some(token)) else { return Ok(None) };
    let after = row.delivery.after(attempt, chance);
    add_attempt(batch, row.d, attempt)?;
    batch.execute(sql::FORGET_OLD_ATTEMPTS, params![row.d, ATTEMPTS_KEPT])?;
    save(batch, &row, &after)?;
    Ok(Some(after))
}

/// Keeps an attempt behind those that were made before.
pub(super) fn add_attempt(batch: &Batch<'_>, d: i64, attempt: &Attempt) -> Result<(), StoreError> {
    let (status, retry_after, said) = heard_columns(&attempt.heard);
    let columns = params![d, attempt.at.0, micros(attempt.took), status, retry_after, said];
    batch.execute(sql::ADD_ATTEMPT, columns).map(drop)
}

pub(super) fn redeliver(batch: &mut Batch<'_>, id: DeliveryId, now: Micros) -> Result<Option<Delivery>, StoreError> {
    let Some(row) = find(batch.connection, id)? else { return Ok(None) };
    if row.token.is_some() {
        return Ok(Some(row.delivery));
    }
    let again = row.delivery.anew(now);
    save(batch, &row, &again)?;
    Ok(Some(again))
}

/// Saves how a delivery stands, with no lease on it.
fn save(batch: &mut Batch<'_>, row: &DeliveryRow, is: &Delivery) -> Result<(), StoreError> {
    let StandingColumns { outcome, due_at, settled_at } = StandingColumns::of(is.standing);
    let since = is.since.map(|at| at.0);
    batch.execute(sql::SAVE_DELIVERY, params![row.d, is.tries, since, due_at, settled_at, outcome])?;
    let is_owed = |delivery: &Delivery| i64::from(delivery.standing.is_owed());
    batch.more_owed(is_owed(is) - is_owed(&row.delivery));
    due_at.map_or(Ok(()), |due_at| due_again(batch, &row.owner, &row.receiver, Micros(due_at)))
}

/// Removes a run's webhook and all that was owed to it.
pub(super) fn forget(batch: &mut Batch<'_>, n: i64) -> Result<(), StoreError> {
    let owed = one(batch.connection, sql::COUNT_OWED_BY, params![n], |row| get::<i64>(row, 0))?;
    batch.more_owed(-owed.unwrap_or(0));
    for statement in [sql::FORGET_BODIES, sql::FORGET_ATTEMPTS, sql::FORGET_DELIVERIES, sql::FORGET_WEBHOOK] {
        batch.execute(statement, params![n])?;
    }
    Ok(())
}

/// All deliveries of a run, with their attempts.
pub(super) fn of_run(connection: &Connection, run: RunId) -> Result<Vec<DeliveryLog>, StoreError> {
    let found = all(connection, sql::DELIVERIES_OF, params![run.to_bytes()], |row| {
        Ok((delivery(row)?, get::<String>(row, COLUMNS)?, get::<String>(row, COLUMNS + 1)?))
    })?;
    let log = |(row, url, what): (DeliveryRow, String, String)| {
        let Ok(What::State { status, .. }) = serde_json::from_str(&what) else {
            return Err(StoreError::Inconsistent(format!("{}: its fact is no state", row.delivery.id)));
        };
        let attempts = all(connection, sql::ATTEMPTS_OF, params![row.d], attempt)?;
        Ok(DeliveryLog { delivery: row.delivery, status, url, attempts })
    };
    found.into_iter().map(log).collect()
}

pub(super) fn attempt(row: &Row<'_>) -> Result<Attempt, StoreError> {
    let heard = heard(get(row, 2)?, get(row, 3)?, get(row, 4)?)?;
    Ok(Attempt { at: Micros(get(row, 0)?), took: Duration::from_micros(get(row, 1)?), heard })
}
