//! Creates that are done once, however often they are asked for. What was created is found again in the transaction that
//! would create it. Two nodes that are asked for the same at the same moment both find nothing; then the database takes the
//! receipt of one only, and the other looks again.

use legwork_core::receipt::{REMEMBERED, Sign, Ticket};
use legwork_core::run::Run;
use legwork_core::store::{Create, Created, NewRun, Once, StoreError};
use legwork_core::time::Micros;
use tokio_postgres::Row;

use super::alone::{Stopped, alone};
use super::groups::{self, Making};
use super::link::{BEGIN, COMMIT, Link, Step, Value};
use super::rows::{self, get, int, uuid};
use super::unit::{NewReceipt, Unit};
use super::writer::OnceRun;
use super::{PostgresStore, sql};
use crate::store::columns::json;
use crate::store::kept::{Kept, as_submitted, at_first, odd};

/// What a ticket finds.
enum Found {
    Nothing,
    OtherBody,
    Kept(i64, Kept),
}

impl PostgresStore {
    pub(super) async fn create_once(&self, ticket: Ticket, create: Create, now: Micros) -> Result<Once, StoreError> {
        // What cannot have been asked for before shares a commit with others; what has most likely not, too.
        let is_news = match (&create, &ticket.sign) {
            (Create::Run(_), Sign::Tries(tries)) => *tries == 0,
            (Create::Run(_), Sign::Key(key)) => {
                let (owner, since) = (ticket.owner.as_str(), ticket.since(now).0);
                self.pool.row(&sql::RECEIPT_BY_KEY, &[&owner, &ticket.route, key, &since]).await?.is_none()
            }
            (Create::Group(_) | Create::Runs(..), _) => false,
        };
        if let (true, Create::Run(new)) = (is_news, &create) {
            let receipt = receipt_of(&ticket, new, now);
            if let Some((run, receipt)) = self.writer.once(OnceRun { new: (**new).clone(), receipt }).await? {
                return Ok(Once::New { created: Created::Run(Box::new(run)), receipt: receipt.cast_unsigned() });
            }
        }
        let (ticket, create) = (&ticket, &create);
        let (once, unit) =
            alone(&self.pool, |link| async move { self.created(&link, ticket, create, now).await }).await?;
        if let Some(unit) = unit {
            self.teller.tell(&unit.into_told());
        }
        Ok(once)
    }

    async fn created(
        &self,
        link: &Link,
        ticket: &Ticket,
        create: &Create,
        now: Micros,
    ) -> Result<(Once, Option<Unit>), Stopped> {
        let mut unit = Unit::new(self.metrics.clone());
        match find(link, ticket, now).await? {
            Found::Nothing => {}
            Found::OtherBody => return over(link, Once::OtherBody).await,
            Found::Kept(id, kept) => match again(link, &kept).await? {
                Some(created) => {
                    let receipt = match ticket.sign {
                        Sign::Key(_) => {
                            link.plain(COMMIT).await.map_err(Stopped::at_commit)?;
                            id
                        }
                        Sign::Tries(_) => {
                            // Taken over once; the retry of this retry finds this one.
                            unit.taken(id);
                            unit.keep(NewReceipt { ticket: ticket.clone(), run: None, answer: json(&kept), now });
                            one(unit.commit(link, true, Vec::new()).await.map_err(Stopped::at_commit)?)
                        }
                    };
                    return Ok((Once::Again { created, receipt: receipt.cast_unsigned() }, None));
                }
                None => drop(link.rows(&sql::FORGET_RECEIPT, &[&id]).await?),
            },
        }
        let (created, receipt, making) = match create {
            Create::Run(new) => {
                let run = unit.submit((**new).clone(), now)?;
                (Created::Run(Box::new(run)), receipt_of(ticket, new, now), None)
            }
            Create::Group(new) => {
                let answer = json(&Kept::Group(new.id.to_string()));
                let receipt = NewReceipt { ticket: ticket.clone(), run: None, answer, now };
                (Created::Group(groups::made(new, now)), receipt, Some(Making::of(new, now)?))
            }
            Create::Runs(id, runs) => {
                let Some(added) = groups::add(link, &mut unit, true, *id, runs, now).await? else {
                    return over(link, Once::NoGroup).await;
                };
                let ids: Vec<_> = runs.iter().map(|run| run.id).collect();
                let answer = json(&Kept::runs(&added, &ids));
                (Created::Runs(added, ids), NewReceipt { ticket: ticket.clone(), run: None, answer, now }, None)
            }
        };
        unit.keep(receipt);
        let more = making.as_ref().map(Making::step).into_iter().collect();
        let receipt = one(unit.commit(link, true, more).await.map_err(Stopped::at_commit)?);
        Ok((Once::New { created, receipt: receipt.cast_unsigned() }, Some(unit)))
    }

    pub(super) async fn forget_old_receipts(&self, now: Micros, limit: usize) -> Result<usize, StoreError> {
        alone(&self.pool, |link| async move {
            let (before, limit) = ((now - REMEMBERED).0, int(limit));
            let gone: Vec<Value<'_>> = vec![&before, &limit];
            let done = link.all(&[Step::With(&sql::FORGET_RECEIPTS, gone)]).await?;
            Ok(done.first().map_or(0, Vec::len))
        })
        .await
    }
}

async fn over(link: &Link, once: Once) -> Result<(Once, Option<Unit>), Stopped> {
    link.plain(COMMIT).await.map_err(Stopped::at_commit)?;
    Ok((once, None))
}

fn one(receipts: Vec<i64>) -> i64 {
    receipts.into_iter().next().unwrap_or_default()
}

fn receipt_of(ticket: &Ticket, new: &NewRun, now: Micros) -> NewReceipt {
    let answer = json(&Kept::Run(new.id.to_string()));
    NewReceipt { ticket: ticket.clone(), run: Some(new.id), answer, now }
}

/// Begins a transaction, and looks in it.
async fn find(link: &Link, ticket: &Ticket, now: Micros) -> Result<Found, Stopped> {
    let Ticket { owner, route, body, sign } = ticket;
    let (owner, since, body) = (owner.as_str(), ticket.since(now).0, body.as_slice());
    let tries;
    let step = match sign {
        Sign::Key(key) => Some(Step::With(&sql::RECEIPT_BY_KEY, vec![&owner, route, key, &since])),
        Sign::Tries(0) => None,
        Sign::Tries(number) => {
            tries = i64::from(number - 1);
            Some(Step::With(&sql::RECEIPT_BEFORE, vec![&owner, route, &body, &tries, &since]))
        }
    };
    let steps: Vec<_> = [Step::Plain(BEGIN)].into_iter().chain(step).collect();
    let found = link.all(&steps).await?;
    let Some(row) = found.get(1).and_then(|rows| rows.first()) else { return Ok(Found::Nothing) };
    if get::<&[u8]>(row, 1)? != body {
        return Ok(Found::OtherBody);
    }
    Ok(Found::Kept(get(row, 0)?, Kept::read(get(row, 2)?)?))
}

/// What was created, as it was then; `None` when it is gone.
async fn again(link: &Link, kept: &Kept) -> Result<Option<Created>, Stopped> {
    Ok(match kept {
        Kept::Run(id) => {
            let found: Option<Row> = link.row(&sql::RUN_BY_ID, &[&uuid(id.parse().map_err(odd)?)]).await?;
            let run: Option<Run> = found.as_ref().map(rows::run_with_lease).transpose()?.map(|row| row.run);
            run.map(|run| Created::Run(Box::new(as_submitted(run))))
        }
        Kept::Group(id) => {
            groups::read_over(link, id.parse().map_err(odd)?).await?.map(|group| Created::Group(at_first(group)))
        }
        Kept::Runs { group, .. } => {
            let group = groups::read_over(link, group.parse().map_err(odd)?).await?;
            group.map(|group| kept.added(group)).transpose()?
        }
    })
}
