//! The PostgreSQL store keeps every promise, and what only it can promise.

use legwork_core::store::suite;

use super::*;
use crate::testing::Deaf;
use crate::testing::database::Database;

async fn opened(database: &Database) -> PostgresStore {
    PostgresStore::open(database.url(), Arc::new(Deaf), Metrics::new([])).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_keeps_every_promise() {
    let Some(server) = Database::server() else { return };
    for (_, promise) in suite::promises() {
        let database = server.fresh().await;
        let store = opened(&database).await;
        promise(&store).await;
    }
}

#[tokio::test]
async fn every_statement_can_be_prepared() {
    let Some(server) = Database::server() else { return };
    let database = server.fresh().await;
    drop(opened(&database).await);
    let link = Door::to(Address::of(database.url()).unwrap()).open().await.unwrap();
    for statement in sql::ALL {
        link.prepare(statement).await.unwrap_or_else(|error| panic!("{}: {error:?}", statement.text));
    }
}
