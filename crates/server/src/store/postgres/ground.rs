//! A database that is measured: it is taken only if it is empty, is emptied for each store that is measured on it, and says
//! what it does by itself.

use std::time::{Duration, Instant};

use tokio_postgres::types::Type;

use super::address::Address;
use super::link::{Door, Link, Sql, unavailable};
use super::open::{DatabaseError, MIGRATIONS};
use super::rows::whole;
use crate::config::DatabaseUrl;

/// What is made beside the migrations: the mark that a database is ours, and a table of the measuring's own.
const BESIDE: [&str; 2] = ["legwork_schema", "legwork_rows"];
const ROWS: &str = "create table legwork_rows (n bigint primary key, body text not null)";

static ADD_ROW: Sql =
    Sql { text: "insert into legwork_rows (n, body) values ($1, $2)", types: &[Type::INT8, Type::TEXT] };
static TABLES: Sql = Sql {
    text: "select count(*) from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'S')",
    types: &[],
};
static DEAD_ROWS: Sql = Sql {
    text: "select n_dead_tup from pg_stat_user_tables where schemaname = current_schema() and relname = 'queue'",
    types: &[],
};

/// A database in which nothing lay when it was taken: what lies in it now was made by the servers that were started on it.
pub struct Ground {
    link: Link,
}

impl Ground {
    /// Takes a database; `None` if there are tables in it, whoever's.
    pub async fn take(url: &DatabaseUrl) -> Result<Option<Self>, DatabaseError> {
        let link = Door::to(Address::of(url)?).open().await;
        let link = link.map_err(|error| DatabaseError::Unreachable(unavailable(error)))?;
        let tables: u64 = count(&link, &TABLES).await?.unwrap_or(0);
        Ok((tables == 0).then_some(Self { link }))
    }

    /// Removes what servers made there. None may be running on it; what one that was killed left under way may still go on
    /// for a moment, so no more than one table is held at a time while that is waited for.
    pub async fn clear(&self) -> Result<(), DatabaseError> {
        let (tables, sequences) = made(MIGRATIONS);
        for table in BESIDE.into_iter().chain(tables) {
            self.link.plain(&format!("drop table if exists {table}")).await?;
        }
        for sequence in sequences {
            self.link.plain(&format!("drop sequence if exists {sequence}")).await?;
        }
        Ok(())
    }

    /// How many rows of 1 KB are inserted and committed each second, one after the other. They are left there.
    pub async fn inserts(&self, time: Duration) -> Result<f64, DatabaseError> {
        self.link.plain(ROWS).await?;
        let body = "x".repeat(1000);
        // One before, so that what is set up once is not counted.
        self.link.rows(&ADD_ROW, &[&0_i64, &body]).await?;
        let (began, mut added) = (Instant::now(), 0_u32);
        while began.elapsed() < time {
            added += 1;
            self.link.rows(&ADD_ROW, &[&i64::from(added), &body]).await?;
        }
        Ok(f64::from(added) / began.elapsed().as_secs_f64())
    }

    /// How many rows lie in the table of the queue that are there for nobody any more, where the database counts them.
    pub async fn dead_rows(&self) -> Result<Option<u64>, DatabaseError> {
        count(&self.link, &DEAD_ROWS).await
    }
}

async fn count(link: &Link, statement: &'static Sql) -> Result<Option<u64>, DatabaseError> {
    Ok(link.row(statement, &[]).await?.map(|row| whole(&row, 0)).transpose()?)
}

/// The tables and the sequences that migrations make.
fn made<'a>(migrations: &[&'a str]) -> (Vec<&'a str>, Vec<&'a str>) {
    let all = |what: &str| {
        let lines = migrations.iter().flat_map(|text| text.lines());
        let rests = lines.filter_map(|line| line.trim_start().strip_prefix(what));
        rests.filter_map(|rest| rest.trim_start().split([' ', ';', '(']).next()).collect::<Vec<_>>()
    };
    (all("create table "), all("create sequence "))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::PostgresStore;
    use super::*;
    use crate::metrics::Metrics;
    use crate::testing::Deaf;
    use crate::testing::database::Database;

    #[test]
    fn what_migrations_make_is_read_from_them() {
        let text =
            "create table a (n bigint);\ncreate table b(n bigint);\ncreate sequence s;\ncreate index i on a (n);";
        assert_eq!(made(&[text, "create table c\n(n bigint)"]), (vec!["a", "b", "c"], vec!["s"]));
    }

    #[tokio::test]
    async fn only_an_empty_database_is_taken_and_it_is_left_empty() {
        let Some(server) = Database::server() else { return };
        let database = server.fresh().await;
        let ground = Ground::take(database.url()).await.unwrap().expect("it is empty");
        drop(PostgresStore::open(database.url(), Arc::new(Deaf), Metrics::new([])).await.unwrap());
        assert!(Ground::take(database.url()).await.unwrap().is_none(), "a store lies in it");
        ground.inserts(Duration::ZERO).await.unwrap();
        ground.clear().await.unwrap();
        assert!(Ground::take(database.url()).await.unwrap().is_some(), "nothing is left in it");
    }
}
