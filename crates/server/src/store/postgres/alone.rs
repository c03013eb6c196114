//! Transactions of their own, for what is too rare, or too long, to share a commit with others.

use std::future::Future;
use std::sync::Arc;

use legwork_core::store::StoreError;
use tokio::time::{Duration, Instant, sleep};
use tokio_postgres::Error;

use super::link::{Link, PATIENCE, ROLLBACK, Trouble, unavailable};
use super::pool::Pool;

/// The pause before something is tried again, times how often it was tried.
const PAUSE: Duration = Duration::from_millis(3);

/// A row that is there already may be a twin's that came first, and is found when it is looked for again; so often.
const TWINS: u32 = 3;

/// Why a transaction came to nothing.
pub(super) enum Stopped {
    /// Nothing was written.
    Plainly(Error),
    /// The word of the commit was lost.
    Unsure(Error),
    /// The work itself went wrong.
    Odd(StoreError),
}

impl Stopped {
    /// For what fails where a commit was asked for.
    pub(super) fn at_commit(error: Error) -> Self {
        if Trouble::of(&error) == Trouble::Lost { Self::Unsure(error) } else { Self::Plainly(error) }
    }
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Plainly(error)
    }
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Odd(error)
    }
}

/// Does this over a connection that nobody else uses, and again as long as others were at the same rows. `work` begins its
/// transaction and commits it.
pub(super) async fn alone<T, F>(pool: &Pool, mut work: impl FnMut(Arc<Link>) -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, Stopped>> + Send,
{
    let began = Instant::now();
    let mut tries = 0;
    loop {
        tries += 1;
        let mut own = pool.own().await?;
        let error = match work(own.link()).await {
            Ok(done) => {
                own.done();
                return Ok(done);
            }
            Err(Stopped::Odd(error)) => {
                rolled_back(&mut own).await;
                return Err(error);
            }
            Err(Stopped::Unsure(error)) => return Err(unavailable(error)),
            Err(Stopped::Plainly(error)) => error,
        };
        let trouble = Trouble::of(&error);
        if trouble != Trouble::Lost {
            rolled_back(&mut own).await;
        }
        drop(own);
        if trouble == Trouble::Taken && tries >= TWINS {
            return Err(StoreError::Inconsistent(format!("a name is taken: {error}")));
        }
        if trouble == Trouble::Refused || began.elapsed() > PATIENCE {
            return Err(unavailable(error));
        }
        sleep((PAUSE * tries).min(Duration::from_millis(100))).await;
    }
}

async fn rolled_back(own: &mut super::pool::Own) {
    if own.plain(ROLLBACK).await.is_ok() {
        own.done();
    }
}
