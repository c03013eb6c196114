//! Connections to the database: how a statement is sent, how several are sent at once, and how to come by a connection
//! again when it is lost.
//!
//! A statement is prepared once a connection. Behind a proxy that hands out connections by transaction it is sent with its
//! text each time and leaves nothing behind: no name, no setting.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::future::poll_fn;
use legwork_core::store::StoreError;
use tokio::time::{Instant, sleep};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Connection, Error, Row, RowStream, Socket, Statement};

use super::address::{Address, Stream};

/// What begins every transaction. A node that stops in the middle of one (it is paused, or cut off) holds rows; the
/// server takes them back after this time. All that is asked for is asked for by an index, and a plan that was made while
/// a table was empty must not read the whole of it for ever. Settings are the transaction's own.
pub(super) const BEGIN: &str = "begin; set local idle_in_transaction_session_timeout = '5s'; set local lock_timeout = '2s'; \
                                set local enable_seqscan = off; set local jit = off";
/// What ends a transaction that is to be.
pub(super) const COMMIT: &str = "commit";
/// What ends one that is not.
pub(super) const ROLLBACK: &str = "rollback";

/// How long a caller waits for a database that is away before he is told.
pub(super) const PATIENCE: Duration = Duration::from_secs(8);
/// The pauses between tries to reach it, from and to.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

/// A value that goes with a statement.
pub(super) type Value<'a> = &'a (dyn ToSql + Sync);

/// A statement with the types of what goes with it.
pub(super) struct Sql {
    pub(super) text: &'static str,
    pub(super) types: &'static [Type],
}

/// One of several statements that are sent at once.
pub(super) enum Step<'a> {
    /// One without values, or several of them.
    Plain(&'static str),
    /// One with values.
    With(&'static Sql, Vec<Value<'a>>),
}

/// A statement that was sent.
type Sent<'a> = Pin<Box<dyn Future<Output = Result<Vec<Row>, Error>> + Send + 'a>>;

/// What an error means for what was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Somebody else was at the same rows: nothing was done, and it is worth trying again.
    Again,
    /// Somebody holds a row for long.
    Held,
    /// The connection is gone, and with it the word whether a commit that was asked for was made.
    Lost,
    /// There is such a row already.
    Taken,
    /// The database will not do it, now or later.
    Refused,
}

impl Trouble {
    pub(super) fn of(error: &Error) -> Self {
        let Some(state) = error.code() else {
            // What the database has not said itself happened on the way to it, or here.
            let broken = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
            // A certificate that is not trusted now is not trusted later.
            let is_distrust = broken
                .and_then(std::io::Error::get_ref)
                .is_some_and(|inner| inner.downcast_ref::<rustls::Error>().is_some());
            let is_lost = (error.is_closed() || broken.is_some()) && !is_distrust;
            return if is_lost { Self::Lost } else { Self::Refused };
        };
        match state {
            &SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED => Self::Again,
            &SqlState::LOCK_NOT_AVAILABLE => Self::Held,
            &SqlState::UNIQUE_VIOLATION => Self::Taken,
            &SqlState::ADMIN_SHUTDOWN
            | &SqlState::CRASH_SHUTDOWN
            | &SqlState::CANNOT_CONNECT_NOW
            | &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
            | &SqlState::TOO_MANY_CONNECTIONS
            | &SqlState::QUERY_CANCELED
            // A server that was promoted or demoted: another connection may lead elsewhere.
            | &SqlState::READ_ONLY_SQL_TRANSACTION => Self::Lost,
            other if other.code().starts_with("08") => Self::Lost,
            _ => Self::Refused,
        }
    }
}

/// PostgreSQL's errors are all alike to a caller: try later, or look at the log.
pub(super) fn unavailable(error: Error) -> StoreError {
    StoreError::Unavailable(error.into())
}

/// The way to the database.
pub(super) struct Door {
    address: Address,
}

impl Door {
    pub(super) fn to(address: Address) -> Self {
        Self { address }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// A new connection.
    pub(super) async fn open(&self) -> Result<Link, Error> {
        let (client, mut connection) = self.raw().await?;
        // Ends with the client, or with the connection. What the database remarks on the way is of no use to anybody.
        tokio::spawn(
            async move { while let Some(Ok(_)) = poll_fn(|context| connection.poll_message(context)).await {} },
        );
        Ok(Link { client, prepared: Mutex::default(), is_pooled: self.address.is_pooled })
    }

    /// A new connection that somebody else has to keep going.
    pub(super) async fn raw(&self) -> Result<(Client, Connection<Socket, Stream>), Error> {
        self.address.config.connect(self.address.tls.clone()).await
    }

    /// A new connection, tried for again as long as a caller waits who came now.
    pub(super) async fn open_patiently(&self) -> Result<Link, StoreError> {
        self.open_until(Instant::now() + PATIENCE).await
    }

    /// A new connection, tried for again until then.
    pub(super) async fn open_until(&self, give_up: Instant) -> Result<Link, StoreError> {
        let mut pause = PAUSES.0;
        loop {
            match self.open().await {
                Ok(link) => return Ok(link),
                Err(error) if Trouble::of(&error) != Trouble::Lost || Instant::now() + pause > give_up => {
                    return Err(unavailable(error));
                }
                Err(_) => sleep(pause).await,
            }
            pause = (pause * 2).min(PAUSES.1);
        }
    }
}

/// A connection.
pub(super) struct Link {
    client: Client,
    prepared: Mutex<HashMap<&'static str, Statement>>,
    is_pooled: bool,
}

impl Link {
    /// Whether nothing can be sent over it any more.
    pub(super) fn is_lost(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs a statement, and returns its rows.
    pub(super) async fn rows(&self, sql: &'static Sql, with: &[Value<'_>]) -> Result<Vec<Row>, Error> {
        if self.is_pooled {
            let typed: Vec<_> = with.iter().copied().zip(sql.types.iter().cloned()).collect();
            return self.client.query_typed(sql.text, &typed).await;
        }
        let statement = self.statement(sql).await?;
        self.client.query(&statement, with).await
    }

    /// The first row of what a statement finds.
    pub(super) async fn row(&self, sql: &'static Sql, with: &[Value<'_>]) -> Result<Option<Row>, Error> {
        Ok(self.rows(sql, with).await?.into_iter().next())
    }

    /// Runs a statement without values, and gives its rows as they come: they need not fit into memory together. Nothing
    /// else is sent over this connection meanwhile.
    pub(super) async fn stream(&self, sql: &'static Sql) -> Result<RowStream, Error> {
        self.client.query_typed_raw(sql.text, std::iter::empty::<(Value<'_>, Type)>()).await
    }

    /// Runs statements without values.
    pub(super) async fn plain(&self, text: &str) -> Result<(), Error> {
        self.client.batch_execute(text).await
    }

    /// Sends all of these at once and returns the rows of each. They are done in their order; the first that fails fails
    /// all, and in a transaction none that comes behind it is done, a commit among them.
    pub(super) async fn all(&self, steps: &[Step<'_>]) -> Result<Vec<Vec<Row>>, Error> {
        // What had to be prepared in between would let others pass.
        for step in steps {
            if let (Step::With(sql, _), false) = (step, self.is_pooled) {
                self.statement(sql).await?;
            }
        }
        let mut under_way: Vec<Sent<'_>> = Vec::new();
        let mut done: Vec<Option<Result<Vec<Row>, Error>>> = Vec::new();
        for step in steps {
            let mut sent: Sent<'_> = match step {
                Step::Plain(text) => Box::pin(async { self.plain(text).await.map(|()| Vec::new()) }),
                Step::With(sql, with) => Box::pin(self.rows(sql, with)),
            };
            // A statement is sent when it is polled first.
            done.push(
                poll_fn(|context| {
                    Poll::Ready(match sent.as_mut().poll(context) {
                        Poll::Ready(answer) => Some(answer),
                        Poll::Pending => None,
                    })
                })
                .await,
            );
            under_way.push(sent);
        }
        let mut answers = Vec::new();
        for (sent, done) in under_way.into_iter().zip(done) {
            answers.push(match done {
                Some(answer) => answer,
                None => sent.await,
            });
        }
        answers.into_iter().collect()
    }

    /// Prepares a statement, to see whether it can be.
    #[cfg(test)]
    pub(super) async fn prepare(&self, sql: &'static Sql) -> Result<(), Error> {
        self.statement(sql).await.map(drop)
    }

    async fn statement(&self, sql: &'static Sql) -> Result<Statement, Error> {
        let known = self.prepared.lock().unwrap_or_else(PoisonError::into_inner).get(sql.text).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.client.prepare_typed(sql.text, sql.types).await?;
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner).insert(sql.text, statement.clone());
        Ok(statement)
    }
}
