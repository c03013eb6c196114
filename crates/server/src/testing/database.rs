//! A PostgreSQL server for tests: the one that `LEGWORK_TEST_POSTGRES` names. Each test has a schema of its own on it. With
//! `LEGWORK_TEST_STORE=postgres` whatever needs some store has one there.

use std::future::Future;
use std::sync::{Arc, LazyLock, mpsc};

use legwork_core::store::Nudge;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::NoTls;

use crate::config::DatabaseUrl;
use crate::metrics::Metrics;
use crate::store::postgres::PostgresStore;

/// Where stores live whose tests are over sooner than they, or are not asynchronous.
static APART: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());

/// Does this on another thread, and waits for it.
pub(crate) fn apart<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let (done, wait) = mpsc::channel();
    APART.spawn(async move { drop(done.send(work.await)) });
    wait.recv().unwrap()
}

/// The variable that names a database in which tests may make and drop what they like.
const VARIABLE: &str = "LEGWORK_TEST_POSTGRES";

/// The server.
pub(crate) struct Server {
    url: String,
}

/// A place for one store, which goes when this is dropped.
pub(crate) struct Database {
    url: DatabaseUrl,
    /// How it goes.
    drop: String,
    server: String,
}

impl Database {
    /// The server to test with, if there is one. In CI there has to be.
    pub(crate) fn server() -> Option<Server> {
        let url = std::env::var(VARIABLE).ok();
        assert!(url.is_some() || std::env::var_os("CI").is_none(), "{VARIABLE} is not set");
        url.map(|url| Server { url })
    }

    /// A place for a store, if stores are wanted there.
    pub(crate) fn wanted() -> Option<Self> {
        let is_wanted = std::env::var("LEGWORK_TEST_STORE").is_ok_and(|kind| kind == "postgres");
        is_wanted.then(|| {
            let server = Self::server().unwrap_or_else(|| panic!("{VARIABLE} is not set"));
            apart(async move { server.fresh().await })
        })
    }

    /// The store that is there.
    pub(crate) fn store(&self, nudge: Arc<dyn Nudge>, metrics: Arc<Metrics>) -> PostgresStore {
        let url = self.url.clone();
        apart(async move { PostgresStore::open(&url, nudge, metrics).await.unwrap() })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &DatabaseUrl {
        &self.url
    }
}

impl Server {
    /// A place that is empty.
    pub(crate) async fn fresh(&self) -> Database {
        let schema = format!("t{}", uuid::Uuid::new_v4().simple());
        run(&self.url, &format!("create schema {schema}")).await;
        let joint = if self.url.contains('?') { '&' } else { '?' };
        let url = DatabaseUrl::new(format!("{}{joint}options=-csearch_path%3D{schema}", self.url));
        Database { url, drop: format!("drop schema {schema} cascade"), server: self.url.clone() }
    }

    /// The same as a database of its own, for whom a schema will not do; and its name.
    pub(crate) async fn fresh_database(&self) -> (Database, String) {
        let name = format!("t{}", uuid::Uuid::new_v4().simple());
        run(&self.url, &format!("create database {name}")).await;
        let mut url = url::Url::parse(&self.url).unwrap();
        url.set_path(&name);
        let drop = format!("drop database {name} with (force)");
        (Database { url: DatabaseUrl::new(url.into()), drop, server: self.url.clone() }, name)
    }

    /// Where it is, as `host`, `port` and `user`.
    pub(crate) fn place(&self) -> (String, u16, String) {
        let url = url::Url::parse(&self.url).unwrap();
        (url.host_str().unwrap().to_owned(), url.port().unwrap_or(5432), url.username().to_owned())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (url, drop) = (self.server.clone(), self.drop.clone());
        apart(async move { run(&url, &drop).await });
    }
}

/// Runs a statement over a connection of its own.
pub(crate) async fn run(url: &str, statement: &str) {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    client.batch_execute(statement).await.unwrap();
    drop(client);
    driver.await.unwrap().unwrap();
}
