//! The connections that a node has: some that many read over at the same time, and some for what needs one of its own.

use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use legwork_core::store::StoreError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Duration, Instant, sleep, timeout_at};
use tokio_postgres::Row;

use super::link::{Door, Link, PATIENCE, Sql, Trouble, Value, unavailable};

/// Over so many connections it is read; each carries the questions of many.
const READERS: usize = 3;
/// So many of what takes its time is read at the same time: it shall not stand in the way of what is short.
const LONG: usize = 2;
/// How many connections of their own are had at the same time by all else.
const OWN: usize = 6;

/// The pause before something is asked again.
const PAUSE: Duration = Duration::from_millis(5);

/// The connections.
pub(super) struct Pool {
    door: Arc<Door>,
    readers: [tokio::sync::Mutex<Option<Arc<Link>>>; READERS],
    next: AtomicUsize,
    idle: Arc<Mutex<Vec<Arc<Link>>>>,
    places: Arc<Semaphore>,
    long: Arc<Semaphore>,
}

impl Pool {
    pub(super) fn new(door: Arc<Door>) -> Self {
        Self {
            door,
            readers: std::array::from_fn(|_| tokio::sync::Mutex::default()),
            next: AtomicUsize::new(0),
            idle: Arc::default(),
            places: Arc::new(Semaphore::new(OWN)),
            long: Arc::new(Semaphore::new(LONG)),
        }
    }

    /// Reads. A connection that was lost meanwhile is no answer: then it is asked over another.
    pub(super) async fn rows(&self, sql: &'static Sql, with: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let link = self.reader(give_up).await?;
            match link.rows(sql, with).await {
                Err(error) if Trouble::of(&error) == Trouble::Lost && Instant::now() < give_up => sleep(PAUSE).await,
                answered => return answered.map_err(unavailable),
            }
        }
    }

    /// Reads the first row.
    pub(super) async fn row(&self, sql: &'static Sql, with: &[Value<'_>]) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, with).await?.into_iter().next())
    }

    async fn reader(&self, give_up: Instant) -> Result<Arc<Link>, StoreError> {
        // The remainder is below READERS.
        let place = &self.readers[self.next.fetch_add(1, Ordering::Relaxed) % READERS];
        // Whoever comes while somebody tries to reach the database waits no longer than he would alone.
        let mut link = timeout_at(give_up, place.lock()).await.map_err(|_| away())?;
        if let Some(link) = link.as_ref().filter(|link| !link.is_lost()) {
            return Ok(link.clone());
        }
        let new = Arc::new(self.door.open_until(give_up).await?);
        *link = Some(new.clone());
        Ok(new)
    }

    /// A connection of one's own, until it is dropped.
    pub(super) async fn own(&self) -> Result<Own, StoreError> {
        self.own_of(&self.places, Instant::now() + PATIENCE).await
    }

    async fn own_of(&self, places: &Arc<Semaphore>, give_up: Instant) -> Result<Own, StoreError> {
        let place = timeout_at(give_up, places.clone().acquire_owned()).await.map_err(|_| away())?;
        let place = place.map_err(|gone| StoreError::Unavailable(gone.into()))?;
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let link = match idle {
                Some(link) if link.is_lost() => continue,
                Some(link) => link,
                None => Arc::new(self.door.open_until(give_up).await?),
            };
            return Ok(Own { link: Some(link), is_clean: false, idle: self.idle.clone(), _place: place });
        }
    }

    /// Reads what takes its time, over a connection of its own, so that nobody waits behind it.
    pub(super) async fn long(&self, sql: &'static Sql, with: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let mut own = self.own_of(&self.long, give_up).await?;
            match own.rows(sql, with).await {
                Err(error) if Trouble::of(&error) == Trouble::Lost && Instant::now() < give_up => sleep(PAUSE).await,
                answered => {
                    own.done();
                    return answered.map_err(unavailable);
                }
            }
        }
    }
}

fn away() -> StoreError {
    StoreError::Unavailable("the database cannot be reached, or is busy".into())
}

/// A connection that nobody else uses. One in the middle of a transaction is thrown away, and the transaction with it.
pub(super) struct Own {
    link: Option<Arc<Link>>,
    is_clean: bool,
    idle: Arc<Mutex<Vec<Arc<Link>>>>,
    _place: OwnedSemaphorePermit,
}

impl Own {
    /// The connection itself.
    pub(super) fn link(&self) -> Arc<Link> {
        // It is taken out by `drop` alone.
        self.link.clone().expect("a connection that is not dropped is there")
    }

    /// There is no transaction open on it.
    pub(super) fn done(&mut self) {
        self.is_clean = true;
    }
}

impl Deref for Own {
    type Target = Link;

    fn deref(&self) -> &Link {
        // It is taken out by `drop` alone.
        self.link.as_ref().expect("a connection that is not dropped is there")
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(link) = self.link.take().filter(|link| self.is_clean && !link.is_lost()) {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(link);
        }
    }
}
