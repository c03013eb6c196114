//! What is owed to webhooks: claimed under leases, settled by the rules of `legwork_core::delivery`.
//!
//! A lease is a moment in `due_at` and a token beside it: when its holder is gone it is simply due again. Several nodes
//! claim at the same time; what one holds, the others pass over.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use legwork_core::delivery::{ATTEMPTS_KEPT, Attempt, Delivery, DeliveryId, Webhook};
use legwork_core::fact::What;
use legwork_core::fair::{self, Line};
use legwork_core::id::{Owner, RunId, Token};
use legwork_core::store::{DeliveryClaim, DeliveryLog, OwedDelivery, OwnersShare, Receiver, StoreError};
use legwork_core::time::Micros;
use tokio_postgres::Row;
use uuid::Uuid;

use super::alone::{Stopped, alone};
use super::link::{BEGIN, COMMIT, Step};
use super::pool::Pool;
use super::rows::{body, clean, get, int, run_id, uuid, whole};
use super::{PostgresStore, sql};
use crate::store::columns::{StandingColumns, form_of, heard, heard_columns, micros};
use crate::store::told::Told;

/// How many columns `sql::delivery_columns` has: what else a statement selects stands behind them.
pub(super) const COLUMNS: usize = 11;

/// A delivery as it lies in the database.
pub(super) struct DeliveryRow {
    owner: String,
    receiver: String,
    token: Option<Token>,
    pub(super) delivery: Delivery,
}

/// Reads the columns of `sql::delivery_columns`.
pub(super) fn delivery(row: &Row) -> Result<DeliveryRow, StoreError> {
    let id = DeliveryId { run: run_id(get(row, 0)?), seq: whole(row, 1)? };
    let token = get::<Option<i64>>(row, 7)?.map(|token| Token(token.cast_unsigned()));
    let columns = StandingColumns { due_at: get(row, 6)?, settled_at: get(row, 8)?, outcome: get(row, 9)? };
    let delivery = Delivery {
        id,
        owed_at: Micros(get(row, 3)?),
        standing: columns.standing(token),
        tries: whole(row, 4)?,
        since: get::<Option<i64>>(row, 5)?.map(Micros),
    };
    Ok(DeliveryRow { owner: get(row, 10)?, receiver: get(row, 2)?, token, delivery })
}

impl PostgresStore {
    /// Takes what is due, fair between owners.
    pub(super) async fn take_deliveries(
        &self,
        claim: &DeliveryClaim,
        now: Micros,
    ) -> Result<Vec<OwedDelivery>, StoreError> {
        if claim.room == 0 {
            return Ok(Vec::new());
        }
        // Of no line is more taken than there is room for at its receiver.
        let rooms = claim.owners.values().flat_map(|share| share.receivers.values()).map(|receiver| receiver.room);
        let most = int(rooms.chain([claim.room_each_receiver]).max().unwrap_or(0).min(claim.room));
        alone(&self.pool, |link| async move {
            let steps = [Step::Plain(BEGIN), Step::With(&sql::DELIVERIES_DUE, vec![&now.0, &most])];
            let found = link.all(&steps).await?;
            let picked = pick(found.get(1).map_or(&[][..], Vec::as_slice), claim)?;
            if picked.is_empty() {
                link.plain(COMMIT).await.map_err(Stopped::at_commit)?;
                return Ok(Vec::new());
            }
            let (runs, seqs): (Vec<Uuid>, Vec<i64>) = picked.into_iter().unzip();
            let token = claim.token.0.cast_signed();
            let steps = [
                Step::With(&sql::LEASE_DELIVERIES, vec![&runs, &seqs, &claim.until.0, &token]),
                Step::With(&sql::OWED_DELIVERIES, vec![&runs, &seqs]),
                Step::Plain(COMMIT),
            ];
            let done = link.all(&steps).await.map_err(Stopped::at_commit)?;
            Ok(done.get(1).into_iter().flatten().map(owed).collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Records an attempt, if its lease still holds.
    pub(super) async fn settle_delivery(
        &self,
        id: DeliveryId,
        token: Token,
        attempt: &Attempt,
        chance: u64,
    ) -> Result<Option<Delivery>, StoreError> {
        let (status, retry_after, said) = heard_columns(&attempt.heard);
        let said = clean(said);
        let (run, seq, took, kept) = (uuid(id.run), int(id.seq), micros(attempt.took), int(ATTEMPTS_KEPT));
        self.change(
            id,
            |row| (row.token == Some(token)).then(|| row.delivery.after(attempt, chance)),
            || {
                vec![
                    Step::With(&sql::ADD_ATTEMPT, vec![&run, &seq, &attempt.at.0, &took, &status, &retry_after, &said]),
                    Step::With(&sql::FORGET_OLD_ATTEMPTS, vec![&run, &seq, &kept]),
                ]
            },
        )
        .await
        .map(|changed| changed.filter(|(_, is_new)| *is_new).map(|(delivery, _)| delivery))
    }

    /// Owes a delivery again, unless an attempt is under way.
    pub(super) async fn owe_again(&self, id: DeliveryId, now: Micros) -> Result<Option<Delivery>, StoreError> {
        let anew = |row: &DeliveryRow| row.token.is_none().then(|| row.delivery.anew(now));
        Ok(self.change(id, anew, Vec::new).await?.map(|(delivery, _)| delivery))
    }

    /// Holds a delivery and saves what becomes of it, with no lease on it, and with these steps before; returns it and
    /// whether anything became of it.
    async fn change<'a>(
        &self,
        id: DeliveryId,
        becomes: impl Fn(&DeliveryRow) -> Option<Delivery> + Sync,
        steps: impl Fn() -> Vec<Step<'a>> + Sync,
    ) -> Result<Option<(Delivery, bool)>, StoreError> {
        let (run, seq) = (uuid(id.run), int(id.seq));
        let (becomes, steps) = (&becomes, &steps);
        let changed = alone(&self.pool, |link| async move {
            let held = [Step::Plain(BEGIN), Step::With(&sql::DELIVERY_BY_ID, vec![&run, &seq])];
            let found = link.all(&held).await?;
            let row = found.get(1).and_then(|rows| rows.first()).map(delivery).transpose()?;
            let Some((row, is)) = row.map(|row| {
                let is = becomes(&row);
                (row, is)
            }) else {
                link.plain(COMMIT).await.map_err(Stopped::at_commit)?;
                return Ok(None);
            };
            let Some(is) = is else {
                link.plain(COMMIT).await.map_err(Stopped::at_commit)?;
                return Ok(Some((row.delivery, false, Told::default())));
            };
            let StandingColumns { outcome, due_at, settled_at } = StandingColumns::of(is.standing);
            let (tries, since) = (i64::from(is.tries), is.since.map(|at| at.0));
            let mut steps = steps();
            steps.push(Step::With(
                &sql::SAVE_DELIVERY,
                vec![&run, &seq, &tries, &since, &due_at, &settled_at, &outcome],
            ));
            steps.push(Step::Plain(COMMIT));
            link.all(&steps).await.map_err(Stopped::at_commit)?;
            let is_owed = |delivery: &Delivery| i64::from(delivery.standing.is_owed());
            let more_owed = is_owed(&is) - is_owed(&row.delivery);
            Ok(Some((is, true, Told { due: due_at.is_some(), more_owed, ..Told::default() })))
        });
        Ok(changed.await?.map(|(delivery, is_new, told)| {
            self.teller.tell(&told);
            (delivery, is_new)
        }))
    }
}

/// What is due of one owner's, by receiver.
type Receivers<'a> = BTreeMap<&'a str, Line<(Micros, usize)>>;

/// Those whose turn it is.
fn pick(rows: &[Row], claim: &DeliveryClaim) -> Result<Vec<(Uuid, i64)>, StoreError> {
    let usual = Receiver { under_way: 0, room: claim.room_each_receiver };
    let unknown = OwnersShare { room: claim.room_each_owner, ..OwnersShare::default() };
    let mut owners: BTreeMap<&str, Receivers<'_>> = BTreeMap::new();
    let mut names = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let (owner, receiver): (&str, &str) = (get(row, 0)?, get(row, 1)?);
        let due_at = Micros(get(row, 2)?);
        names.push((get(row, 3)?, get(row, 4)?));
        let share = claim.owners.get(&Owner::named(owner)).unwrap_or(&unknown);
        let known = share.receivers.get(receiver).copied().unwrap_or(usual);
        let line = owners.entry(owner).or_default().entry(receiver);
        let line = line.or_insert_with(|| Line { running: known.under_way, waiting: Vec::new() });
        if line.waiting.len() < known.room {
            line.waiting.push((due_at, (due_at, at)));
        }
    }
    let lines = owners.into_iter().map(|(owner, lines)| {
        let share = claim.owners.get(&Owner::named(owner)).unwrap_or(&unknown);
        let running = share.receivers.values().map(|receiver| receiver.under_way).sum();
        Line { running, waiting: fair::pick(lines.into_values().collect(), share.room.min(claim.room)) }
    });
    let picked = fair::pick(lines.collect(), claim.room);
    Ok(picked.into_iter().filter_map(|at| names.get(at).copied()).collect())
}

/// Reads the columns of `sql::OWED_DELIVERIES`.
fn owed(row: &Row) -> Result<OwedDelivery, StoreError> {
    let DeliveryRow { owner, receiver, delivery, .. } = delivery(row)?;
    let webhook = Webhook {
        url: get(row, COLUMNS)?,
        receiver,
        secret: get(row, COLUMNS + 1)?,
        form: form_of(get(row, COLUMNS + 2)?),
    };
    Ok(OwedDelivery { delivery, owner: Owner::named(owner), webhook, body: body(row, COLUMNS + 3)? })
}

/// The first body that is given is kept.
pub(super) async fn keep_body(pool: &Pool, id: DeliveryId, said: &Bytes) -> Result<Option<Bytes>, StoreError> {
    let (run, seq) = (uuid(id.run), int(id.seq));
    alone(pool, |link| async move {
        let said: &[u8] = said;
        link.rows(&sql::KEEP_BODY, &[&run, &seq, &said]).await?;
        Ok(())
    })
    .await?;
    pool.row(&sql::BODY_OF, &[&run, &seq]).await?.map_or(Ok(None), |row| body(&row, 0))
}

/// All deliveries of a run, with their attempts.
pub(super) async fn of_run(pool: &Pool, id: RunId) -> Result<Vec<DeliveryLog>, StoreError> {
    let mut attempts: BTreeMap<u64, Vec<Attempt>> = BTreeMap::new();
    for row in pool.rows(&sql::ATTEMPTS_OF, &[&uuid(id)]).await? {
        attempts.entry(whole(&row, 0)?).or_default().push(attempt(&row)?);
    }
    let found = pool.rows(&sql::DELIVERIES_OF, &[&uuid(id)]).await?;
    let log = |row: &Row| {
        let DeliveryRow { delivery, .. } = delivery(row)?;
        let Ok(What::State { status, .. }) = serde_json::from_str(get(row, COLUMNS + 1)?) else {
            return Err(StoreError::Inconsistent(format!("{}: its fact is no state", delivery.id)));
        };
        let attempts = attempts.get(&delivery.id.seq).cloned().unwrap_or_default();
        Ok(DeliveryLog { delivery, status, url: get(row, COLUMNS)?, attempts })
    };
    found.iter().map(log).collect()
}

fn attempt(row: &Row) -> Result<Attempt, StoreError> {
    let heard = heard(get(row, 3)?, get(row, 4)?, get(row, 5)?)?;
    Ok(Attempt { at: Micros(get(row, 1)?), took: Duration::from_micros(whole(row, 2)?), heard })
}
