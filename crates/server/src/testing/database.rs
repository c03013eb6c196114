//! A PostgreSQL server for tests: the one that `LEGWORK_TEST_POSTGRES` names. Each test has a schema of its own on it.

use tokio_postgres::NoTls;

use crate::config::DatabaseUrl;

/// The variable that names a database in which tests may make and drop what they like.
const VARIABLE: &str = "LEGWORK_TEST_POSTGRES";

/// The server.
pub(crate) struct Server {
    url: String,
}

/// A place for one store, which goes when this is dropped.
pub(crate) struct Database {
    url: DatabaseUrl,
    schema: String,
    server: String,
}

impl Database {
    /// The server to test with, if there is one. In CI there has to be.
    pub(crate) fn server() -> Option<Server> {
        let url = std::env::var(VARIABLE).ok();
        assert!(url.is_some() || std::env::var_os("CI").is_none(), "{VARIABLE} is not set");
        url.map(|url| Server { url })
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
        Database { url, schema, server: self.url.clone() }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (url, schema) = (self.server.clone(), self.schema.clone());
        // A test may be over on the thread that its runtime is on.
        let drop = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(run(&url, &format!("drop schema {schema} cascade")));
        });
        std::mem::drop(drop.join());
    }
}

async fn run(url: &str, statement: &str) {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    client.batch_execute(statement).await.unwrap();
    drop(client);
    driver.await.unwrap().unwrap();
}
