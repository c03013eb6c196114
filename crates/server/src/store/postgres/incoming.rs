//! Another store taken in, from the records of `store::records`.

mod columns;

use legwork_core::node::ALIVE_FOR;
use legwork_core::time::Micros;
use tokio::runtime::Handle;
use tokio_postgres::Error;

use self::columns::{Deliveries, Facts, Groups, Keys, Receipts, Runs, Steps};
use super::address::Address;
use super::link::{COMMIT, Door, Link, Sql, Step, Value, unavailable};
use super::open::{self, DatabaseError};
use super::rows::{get, int, run_id};
use super::sources::Sources;
use super::sql;
use crate::config::DatabaseUrl;
use crate::store::records::{Identity, Incoming, Record, Refused, TakeError, without_papers};

/// Begins a transaction that may wait for the next line as long as it takes. Runs are looked for by their numbers in it; an
/// index for that is there until it ends.
const BEGIN: &str = "begin; set local idle_in_transaction_session_timeout = 0; set local lock_timeout = '2s'";
const NUMBER: &str = "create unique index runs_by_number on runs (n)";
/// What follows from the records. Leases are those of nobody, and have run out.
const FOLLOWS: &str = "\
    drop index runs_by_number; \
    insert into queue (processor, owner, not_before, n, run) select processor, owner, moment, n, id from runs \
        where status = 0; \
    insert into leases (run, owner, processor, node, token, attempt, until) \
        select id, owner, processor, 0, 0, attempts, 0 from runs where status in (1, 3); \
    update task_groups t set queued = x.queued, running = x.running, asking = x.asking, cancelling = x.cancelling, \
        completed = x.completed, failed = x.failed, cancelled = x.cancelled \
        from (select group_id, count(*) filter (where status = 0) as queued, \
        count(*) filter (where status = 1) as running, count(*) filter (where status = 2) as asking, \
        count(*) filter (where status = 3) as cancelling, count(*) filter (where status = 4) as completed, \
        count(*) filter (where status = 5) as failed, count(*) filter (where status = 6) as cancelled \
        from runs where group_id is not null group by group_id) x where t.id = x.group_id; \
    update search_state set g = 0";

/// Why nothing can be taken into a database.
#[derive(Debug, thiserror::Error)]
pub enum IntoDatabaseError {
    /// It cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A server runs on it.
    #[error("the store is served at {0}")]
    Served(String),
}

impl From<Error> for IntoDatabaseError {
    fn from(error: Error) -> Self {
        Self::Database(error.into())
    }
}

/// A store that becomes another, in one transaction. No server starts on it before that is over.
pub(crate) struct IncomingPostgres {
    link: Link,
    runtime: Handle,
    /// The highest number that a run ever had.
    last_run: i64,
}

impl IncomingPostgres {
    /// The store in this database, which is made if it is not there. To be called off the threads of a runtime.
    pub(crate) fn open(url: &DatabaseUrl) -> Result<Self, IntoDatabaseError> {
        let runtime = Handle::current();
        let link = runtime.block_on(begun(url))?;
        Ok(Self { link, runtime, last_run: 0 })
    }

    fn all(&self, steps: &[Step<'_>]) -> Result<Vec<Vec<tokio_postgres::Row>>, TakeError> {
        self.runtime.block_on(self.link.all(steps)).map_err(impossible)
    }

    /// Whether these find something, as the place of a record counted from 1; then it is refused.
    fn refuse(&self, which: &'static Sql, with: &[Value<'_>], why: impl Fn(usize) -> String) -> Result<(), TakeError> {
        let found = self.runtime.block_on(self.link.row(which, with)).map_err(impossible)?;
        let Some(row) = found else { return Ok(()) };
        let which = usize::try_from(get::<i64>(&row, 0)?).unwrap_or(1).saturating_sub(1);
        Err(Refused { which: Some(which), why: why(which) }.into())
    }

    fn take_groups(&self, groups: &Groups<'_>) -> Result<(), TakeError> {
        self.all(&[Step::With(&sql::PUT_GROUPS, groups.values())]).map(drop)
    }

    fn take_runs(&self, runs: &Runs<'_>) -> Result<(), TakeError> {
        self.refuse(&sql::UNKNOWN_GROUPS, &[&runs.fixed.group], |which| {
            let group = runs.fixed.group.get(which).copied().flatten().map(super::rows::group_id);
            format!("it names {}, which has not come before", group.map_or_else(String::new, |id| id.to_string()))
        })?;
        self.all(&runs.steps()).map(drop)
    }

    /// Refuses what names a run that has not come before.
    fn know(&self, n: &[Option<i64>]) -> Result<(), TakeError> {
        self.refuse(&sql::UNKNOWN_RUNS, &[&n], |which| {
            let n = n.get(which).copied().flatten().unwrap_or_default();
            format!("it names run number {n}, which has not come before")
        })
    }

    fn take_facts(&self, facts: &Facts<'_>) -> Result<(), TakeError> {
        self.know(&facts.n)?;
        self.all(&facts.steps()).map(drop)
    }

    fn take_steps(&self, steps: &Steps<'_>) -> Result<(), TakeError> {
        self.know(&steps.n)?;
        self.refuse(&sql::WITHOUT_PAPERS, &[&steps.n], |which| {
            let n = steps.n.get(which).copied().flatten().unwrap_or_default();
            without_papers(n.cast_unsigned())
        })?;
        self.all(&[Step::With(&sql::PUT_STEPS, vec![&steps.n, &steps.key, &steps.body])]).map(drop)
    }

    fn take_deliveries(&self, deliveries: &Deliveries<'_>) -> Result<(), TakeError> {
        self.refuse(&sql::UNTELLABLE, &[&deliveries.run, &deliveries.seq], |_| {
            "it tells of a fact that has not come before, or its run has no webhook".to_owned()
        })?;
        self.all(&deliveries.steps()).map(drop)
    }

    fn take_receipts(&self, receipts: &Receipts<'_>) -> Result<(), TakeError> {
        self.know(&receipts.n)?;
        self.all(&[Step::With(&sql::PUT_RECEIPTS, receipts.values())]).map(drop)
    }
}

/// A connection in a transaction that keeps servers from starting, on a database without any.
async fn begun(url: &DatabaseUrl) -> Result<Link, IntoDatabaseError> {
    let mut address = Address::of(url).map_err(DatabaseError::from)?;
    // How a statement is done best changes as tables grow: so it is not prepared once for all.
    address.is_pooled = true;
    let link = Door::to(address).open_patiently().await.map_err(DatabaseError::Unreachable)?;
    open::open(&link).await?;
    let steps = [Step::Plain(BEGIN), Step::With(&sql::SCHEMA, Vec::new()), Step::With(&sql::NOW, Vec::new())];
    let found = link.all(&steps).await?;
    let now = found.last().and_then(|rows| rows.first()).map_or(Ok(0), |row| row.try_get(0))?;
    if let Some(row) = link.row(&sql::ALIVE, &[&(Micros(now) - ALIVE_FOR).0]).await? {
        return Err(IntoDatabaseError::Served(row.try_get(0)?));
    }
    Ok(link)
}

impl Incoming for IncomingPostgres {
    fn begin(&mut self, identity: &Identity) -> Result<(), TakeError> {
        let used = self.all(&[Step::With(&sql::IS_USED, Vec::new())])?;
        if used.first().and_then(|rows| rows.first()).map_or(Ok(true), |row| get(row, 0))? {
            return Err(TakeError::NotEmpty);
        }
        let Identity { id, seal, last_run, last_fact } = identity;
        self.last_run = int(*last_run);
        let last_fact = int(*last_fact);
        let steps = [
            Step::Plain(NUMBER),
            Step::With(&sql::BECOME, vec![id, seal]),
            Step::With(&sql::SET_LAST_FACT, vec![&last_fact]),
        ];
        self.all(&steps).map(drop)
    }

    fn take(&mut self, records: &[Record]) -> Result<(), TakeError> {
        let mut keys = Keys::default();
        let mut groups = Groups::default();
        let mut runs = Runs::default();
        let mut facts = Facts::default();
        let mut steps = Steps::default();
        let mut deliveries = Deliveries::default();
        let mut receipts = Receipts::default();
        let mut sources = Vec::new();
        for (which, record) in records.iter().enumerate() {
            let pushed = match record {
                Record::Key(key) => {
                    keys.push(&key.0);
                    Ok(())
                }
                Record::Group(group) => groups.push(group),
                Record::Run(run) => runs.push(run),
                Record::Fact(fact) => facts.push(fact),
                Record::Step(step) => steps.push(step),
                Record::Delivery(delivery) => deliveries.push(delivery),
                Record::Receipt(receipt) => receipts.push(receipt),
                Record::Source(source) => source.kept().map(|kept| sources.push(kept)),
            };
            pushed.map_err(|error| match error {
                TakeError::Refused(Refused { why, .. }) => Refused { which: Some(which), why }.into(),
                TakeError::NotEmpty | TakeError::Store(_) => error,
            })?;
        }
        match records.first() {
            None => Ok(()),
            Some(Record::Key(_)) => self.all(&[Step::With(&sql::PUT_KEYS, keys.values())]).map(drop),
            Some(Record::Group(_)) => self.take_groups(&groups),
            Some(Record::Run(_)) => self.take_runs(&runs),
            Some(Record::Fact(_)) => self.take_facts(&facts),
            Some(Record::Step(_)) => self.take_steps(&steps),
            Some(Record::Delivery(_)) => self.take_deliveries(&deliveries),
            Some(Record::Receipt(_)) => self.take_receipts(&receipts),
            Some(Record::Source(_)) => {
                self.all(&[Step::With(&sql::PUT_SOURCES, Sources::of(&sources).values())]).map(drop)
            }
        }
    }

    fn finish(&mut self) -> Result<(), TakeError> {
        let without = self.all(&[Step::With(&sql::WITHOUT_ITS_LOG, Vec::new())])?;
        if let Some(row) = without.first().and_then(|rows| rows.first()) {
            let why = format!("the log of {} is not all there", run_id(get(row, 0)?));
            return Err(Refused { which: None, why }.into());
        }
        let last_run = self.last_run;
        let steps = [
            Step::Plain(FOLLOWS),
            // Not taken back with a transaction; so it is the last before the commit.
            Step::With(&sql::SET_LAST_RUN, vec![&last_run]),
            Step::Plain(COMMIT),
        ];
        self.all(&steps).map(drop)
    }
}

/// What the database's own rules do not let in is the record's fault, and not the database's.
fn impossible(error: Error) -> TakeError {
    // Classes of SQLSTATE: 22 is data that cannot be, 23 a rule of a table.
    let is_ours = error.code().is_some_and(|state| ["22", "23"].iter().any(|class| state.code().starts_with(class)));
    match error.as_db_error() {
        Some(told) if is_ours => Refused { which: None, why: told.message().to_owned() }.into(),
        _ => unavailable(error).into(),
    }
}

#[cfg(test)]
mod tests;
