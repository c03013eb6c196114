//! What is owed to webhooks: claimed under leases, settled by the rules of `legwork_core::delivery`.
//!
//! A lease is a moment in `due_at` and a token beside it: when its holder is gone it is simply due again.

use std::time::Duration;

use bytes::Bytes;
use legwork_core::delivery::{Attempt, Delivery, DeliveryId, Form, Heard, Standing, Tells, Webhook};
use legwork_core::fact::What;
use legwork_core::fair::{self, Line};
use legwork_core::id::{Owner, RunId, Token};
use legwork_core::store::{DeliveryClaim, DeliveryLog, OwedDelivery, Receiver, StoreError};
use legwork_core::time::Micros;
use rusqlite::{Connection, Row, params};

use super::read::{all, blob, one};
use super::rows::unavailable;
use super::sql;
use super::writer::Batch;

/// The number that [`Tells`] has in the file.
pub(super) fn tells_number(tells: Tells) -> i64 {
    i64::from(tells.ends) | (i64::from(tells.questions) << 1)
}

pub(super) fn tells_of(number: i64) -> Tells {
    Tells { ends: number & 1 != 0, questions: number & 2 != 0 }
}

const fn form_number(form: Form) -> i64 {
    match form {
        Form::Official => 0,
        Form::Guide => 1,
    }
}

fn form_of(number: i64) -> Form {
    if number == form_number(Form::Guide) { Form::Guide } else { Form::Official }
}

/// Keeps a new run's webhook.
pub(super) fn register(batch: &Batch<'_>, n: i64, webhook: &Webhook) -> Result<(), StoreError> {
    let Webhook { url, receiver, secret, form } = webhook;
    batch.execute(sql::ADD_WEBHOOK, params![n, url, receiver, secret, form_number(*form)]).map(drop)
}

/// Owes a run's webhook the fact of this number.
pub(super) fn owe(batch: &mut Batch<'_>, n: i64, seq: u64, now: Micros) -> Result<(), StoreError> {
    let receiver = one(batch.connection, sql::RECEIVER_OF, params![n], |row| get::<String>(row, 0))?;
    let receiver = receiver.ok_or_else(|| StoreError::Inconsistent(format!("run {n} has no webhook to tell")))?;
    batch.execute(sql::ADD_DELIVERY, params![n, seq, receiver, now.0])?;
    batch.owing(1);
    due_again(batch, &receiver, now)
}

fn due_again(batch: &mut Batch<'_>, receiver: &str, at: Micros) -> Result<(), StoreError> {
    batch.execute(sql::RECEIVER_SOONER, params![receiver, at.0])?;
    batch.owed();
    Ok(())
}

/// A delivery as it lies in the file.
struct DeliveryRow {
    d: i64,
    receiver: String,
    token: Option<Token>,
    delivery: Delivery,
}

/// Reads the columns of `sql::delivery_columns`.
fn delivery(row: &Row<'_>) -> Result<DeliveryRow, StoreError> {
    let id = DeliveryId { run: RunId::from_bytes(get(row, 1)?), seq: get(row, 2)? };
    let moment = |column| get::<Option<i64>>(row, column).map(|at| Micros(at.unwrap_or(0)));
    let standing = match get::<i64>(row, 10)? {
        1 => Standing::Delivered { at: moment(9)? },
        2 => Standing::GivenUp { at: moment(9)? },
        _ => Standing::Owed { due_at: moment(7)? },
    };
    let delivery = Delivery {
        id,
        owed_at: Micros(get(row, 4)?),
        standing,
        tries: get(row, 5)?,
        since: get::<Option<i64>>(row, 6)?.map(Micros),
    };
    let token = get::<Option<i64>>(row, 8)?.map(|token| Token(token.cast_unsigned()));
    Ok(DeliveryRow { d: get(row, 0)?, receiver: get(row, 3)?, token, delivery })
}

fn find(connection: &Connection, id: DeliveryId) -> Result<Option<DeliveryRow>, StoreError> {
    one(connection, sql::DELIVERY_BY_ID, params![id.run.to_bytes(), id.seq], delivery)
}

/// Takes what is due, fair between receivers.
pub(super) fn claim(batch: &Batch<'_>, claim: &DeliveryClaim, now: Micros) -> Result<Vec<OwedDelivery>, StoreError> {
    if claim.room == 0 {
        return Ok(Vec::new());
    }
    // Receivers at their limit are passed over; they stand in the way of nobody.
    let most = claim.room + claim.receivers.len();
    let due = all(batch.connection, sql::RECEIVERS_DUE, params![now.0, most], |row| get::<String>(row, 0))?;
    let mut lines = Vec::new();
    for receiver in &due {
        let usual = Receiver { under_way: 0, room: claim.room_each };
        let Receiver { under_way, room } = claim.receivers.get(receiver).copied().unwrap_or(usual);
        let waiting = all(batch.connection, sql::FRONT_OF_RECEIVER, params![receiver, now.0, room], |row| {
            Ok((Micros(get(row, 0)?), get::<i64>(row, 1)?))
        })?;
        lines.push(Line { running: under_way, waiting });
    }
    let mut taken = Vec::new();
    for d in fair::pick(lines, claim.room) {
        batch.execute(sql::LEASE_DELIVERY, params![d, claim.until.0, claim.token.0.cast_signed()])?;
        taken.extend(one(batch.connection, sql::OWED_DELIVERY, params![d], owed)?);
    }
    for receiver in &due {
        batch.execute(sql::RECEIVER_NEXT, params![receiver])?;
        batch.execute(sql::RECEIVER_DONE, params![receiver])?;
    }
    Ok(taken)
}

/// Reads the columns of `sql::OWED_DELIVERY`.
fn owed(row: &Row<'_>) -> Result<OwedDelivery, StoreError> {
    const AFTER: usize = 11;
    let webhook = Webhook {
        url: get(row, AFTER + 1)?,
        receiver: get(row, 3)?,
        secret: get(row, AFTER + 2)?,
        form: form_of(get(row, AFTER + 3)?),
    };
    let body = get::<Option<Vec<u8>>>(row, AFTER + 4)?.map(Bytes::from);
    Ok(OwedDelivery {
        delivery: delivery(row)?.delivery,
        owner: Owner::named(get::<String>(row, AFTER)?),
        webhook,
        body,
    })
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
    let (status, retry_after, said) = match &attempt.heard {
        Heard::Answer { status, retry_after, excerpt } => (Some(*status), retry_after.map(micros), excerpt),
        Heard::Nothing { why } => (None, None, why),
    };
    batch.execute(sql::ADD_ATTEMPT, params![row.d, attempt.at.0, micros(attempt.took), status, retry_after, said])?;
    save(batch, &row, &after)?;
    Ok(Some(after))
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
    let (outcome, due_at, settled_at) = match is.standing {
        Standing::Owed { due_at } => (0, Some(due_at.0), None),
        Standing::Delivered { at } => (1, None, Some(at.0)),
        Standing::GivenUp { at } => (2, None, Some(at.0)),
    };
    let since = is.since.map(|at| at.0);
    batch.execute(sql::SAVE_DELIVERY, params![row.d, is.tries, since, due_at, settled_at, outcome])?;
    let is_owed = |delivery: &Delivery| i64::from(matches!(delivery.standing, Standing::Owed { .. }));
    batch.owing(is_owed(is) - is_owed(&row.delivery));
    match is.standing {
        Standing::Owed { due_at } => due_again(batch, &row.receiver, due_at),
        Standing::Delivered { .. } | Standing::GivenUp { .. } => Ok(()),
    }
}

/// Removes a run's webhook and all that was owed to it.
pub(super) fn forget(batch: &mut Batch<'_>, n: i64) -> Result<(), StoreError> {
    let owed = one(batch.connection, sql::COUNT_OWED_BY, params![n], |row| get::<i64>(row, 0))?;
    batch.owing(-owed.unwrap_or(0));
    for statement in [sql::FORGET_BODIES, sql::FORGET_ATTEMPTS, sql::FORGET_DELIVERIES, sql::FORGET_WEBHOOK] {
        batch.execute(statement, params![n])?;
    }
    Ok(())
}

/// All deliveries of a run, with their attempts.
pub(super) fn of_run(connection: &Connection, run: RunId) -> Result<Vec<DeliveryLog>, StoreError> {
    const AFTER: usize = 11;
    let found = all(connection, sql::DELIVERIES_OF, params![run.to_bytes()], |row| {
        Ok((delivery(row)?, get::<String>(row, AFTER)?, get::<String>(row, AFTER + 1)?))
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

fn attempt(row: &Row<'_>) -> Result<Attempt, StoreError> {
    let said = get::<String>(row, 4)?;
    let heard = match get::<Option<u16>>(row, 2)? {
        Some(status) => {
            Heard::Answer { status, retry_after: get::<Option<u64>>(row, 3)?.map(Duration::from_micros), excerpt: said }
        }
        None => Heard::Nothing { why: said },
    };
    Ok(Attempt { at: Micros(get(row, 0)?), took: Duration::from_micros(get(row, 1)?), heard })
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

fn get<T: rusqlite::types::FromSql>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    row.get(column).map_err(unavailable)
}
