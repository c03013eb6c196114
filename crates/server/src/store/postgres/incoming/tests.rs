//! What goes out of a folder comes in in a database, and the other way, and is the same store.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use legwork_core::command::Command;
use legwork_core::id::{NodeId, Owner, RunId};
use legwork_core::node::Node;
use legwork_core::run::Status;
use legwork_core::store::{Create, Created, FeedPage, ListQuery, Once, Store};
use tokio::task::spawn_blocking;

use super::*;
use crate::config::StoreAt;
use crate::metrics::Metrics;
use crate::store::postgres::PostgresStore;
use crate::store::records::ImportError;
use crate::testing::database::{Database, Server};
use crate::testing::everything::{
    self, CANCELLING, COMPLETED, EMPTY_GROUP, GROUP, GROUPED, LATER, ONCE, QUEUED, RUNNING, THEN, UNDER_WAY,
};
use crate::testing::{Deaf, store_in};
use crate::transfer::{InError, Moved, export, import};

fn at(database: &Database) -> StoreAt {
    StoreAt::Database { url: database.url().clone(), node: "/nonexistent".into() }
}

fn folder(path: &Path) -> StoreAt {
    StoreAt::Folder(path.to_owned())
}

async fn out(store: StoreAt) -> String {
    let written = spawn_blocking(move || {
        let mut lines = Vec::new();
        export(&store, &mut lines).map(|_| String::from_utf8(lines).unwrap())
    });
    written.await.unwrap().unwrap()
}

async fn into(store: StoreAt, lines: &str) -> Result<Moved, InError> {
    let lines = lines.to_owned();
    spawn_blocking(move || import(&store, &mut lines.as_bytes())).await.unwrap()
}

/// What a folder with everything in it is written out as.
async fn everything() -> String {
    let home = tempfile::tempdir().unwrap();
    everything::fill(&*store_in(home.path())).await;
    out(folder(home.path())).await
}

/// A database that has taken this in.
async fn moved(server: &Server, lines: &str) -> Database {
    let database = server.fresh().await;
    into(at(&database), lines).await.unwrap();
    database
}

async fn opened(database: &Database) -> PostgresStore {
    PostgresStore::open(database.url(), Arc::new(Deaf), Metrics::new([])).await.unwrap()
}

/// A connection to look at what lies there.
struct Look(Link);

impl Look {
    async fn at(database: &Database) -> Self {
        Self(Door::to(Address::of(database.url()).unwrap()).open().await.unwrap())
    }

    async fn texts(&self, statement: String) -> Vec<String> {
        let statement = Box::leak(Box::new(Sql { text: statement.leak(), types: &[] }));
        self.0.rows(statement, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    }

    async fn tables(&self) -> Vec<String> {
        let all = "select table_name::text from information_schema.tables where table_schema = current_schema() \
                   order by table_name";
        self.texts(all.to_owned()).await
    }

    async fn rows_of(&self, table: &str) -> Vec<String> {
        self.texts(format!("select to_jsonb(t)::text from {table} t")).await
    }

    /// Every row of every table.
    async fn rows(&self) -> BTreeSet<String> {
        let mut rows = BTreeSet::new();
        for table in self.tables().await {
            rows.extend(self.rows_of(&table).await.into_iter().map(|row| format!("{table}: {row}")));
        }
        rows
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_goes_from_a_folder_into_a_database_and_back_line_by_line() {
    let Some(server) = Database::server() else { return };
    let lines = everything().await;
    let database = moved(&server, &lines).await;
    let from_database = out(at(&database)).await;
    for (n, (before, after)) in lines.lines().zip(from_database.lines()).enumerate() {
        assert_eq!(before, after, "line {}", n + 1);
    }
    assert_eq!(from_database, lines);
    let home = tempfile::tempdir().unwrap();
    into(folder(home.path()), &from_database).await.unwrap();
    assert_eq!(out(folder(home.path())).await, lines);
}

/// Whoever adds a table or a column has to say here that it is moved: by a record, or because it follows from others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_a_database_keeps_is_moved() {
    let Some(server) = Database::server() else { return };
    let before = server.fresh().await;
    everything::fill(&opened(&before).await).await;
    let lines = out(at(&before)).await;
    let after = moved(&server, &lines).await;
    assert_eq!(out(at(&after)).await, lines);

    let (was, look) = (Look::at(&before).await.rows().await, Look::at(&after).await);
    let is = look.rows().await;
    let (lost, other): (Vec<_>, Vec<_>) = (was.difference(&is).collect(), is.difference(&was).collect());
    // Of leases, and of the delivery that a sender was at, only that they have run out.
    let tables =
        |rows: &[&String]| rows.iter().map(|row| row.split(':').next().unwrap().to_owned()).collect::<Vec<_>>();
    let expected = ["deliveries", "leases", "leases", "leases"];
    assert_eq!((tables(&lost), tables(&other)), (expected.map(Into::into).into(), expected.map(Into::into).into()));
    assert!(lost[0].contains("\"token\": 7") && other[0].contains("\"token\": null"), "{lost:?} {other:?}");

    let mut columns = Vec::new();
    let mut empty = Vec::new();
    for table in look.tables().await {
        let names = look
            .texts(format!(
                "select column_name::text from information_schema.columns where table_schema = current_schema() \
                 and table_name = '{table}' order by ordinal_position"
            ))
            .await;
        columns.push(format!("{table}: {}", names.join(", ")));
        if look.rows_of(&table).await.is_empty() {
            empty.push(table);
        }
    }
    insta::assert_snapshot!(columns.join("\n"));
    assert_eq!(empty, ["nodes", "words"], "something of everything else was there to be moved");
    let index = "select indexname::text from pg_indexes where schemaname = current_schema() order by indexname";
    let indices = look.texts(index.to_owned()).await;
    assert_eq!(indices, Look::at(&before).await.texts(index.to_owned()).await, "none is left of those for the move");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_goes_on_with_what_a_folder_promised() {
    let Some(server) = Database::server() else { return };
    let home = tempfile::tempdir().unwrap();
    let before = store_in(home.path());
    everything::fill(&*before).await;
    let database = moved(&server, &out(folder(home.path())).await).await;
    let after = opened(&database).await;
    assert_eq!((after.id(), after.seal()), (before.id(), before.seal()), "tokens and signatures stay good");
    for group in [GROUP, EMPTY_GROUP] {
        assert_eq!(after.group(group).await.unwrap(), before.group(group).await.unwrap());
        assert_eq!(after.group_places(group).await.unwrap(), before.group_places(group).await.unwrap());
    }
    // Cursors that were given by the one are good for the other.
    let of = |cursor, limit| ListQuery { owner: Some(Owner::local()), limit, cursor, ..ListQuery::default() };
    let cursor = before.list(&of(None, 3)).await.unwrap().next;
    let ids = |page: legwork_core::store::Page| page.runs.iter().map(|run| run.id).collect::<Vec<_>>();
    let rest = ids(after.list(&of(cursor, 99)).await.unwrap());
    assert_eq!(rest, ids(before.list(&of(cursor, 99)).await.unwrap()));
    assert!(rest.len() > 3);
    let places = |page: FeedPage| page.entries.into_iter().map(|(g, run, fact)| (g, run.id, fact)).collect::<Vec<_>>();
    let end = before.feed_end().await.unwrap();
    let half = end / 2;
    assert_eq!(after.feed_end().await.unwrap(), end);
    let feed = places(after.feed(&Owner::local(), half, 999).await.unwrap());
    assert_eq!(feed, places(before.feed(&Owner::local(), half, 999).await.unwrap()));
    let ends = places(after.group_ends(GROUP, 0, 99).await.unwrap());
    assert_eq!(ends, places(before.group_ends(GROUP, 0, 99).await.unwrap()));

    // What comes has numbers and places of its own, behind those of what is gone.
    for store in [&*before as &dyn Store, &after] {
        store.submit(everything::new(RunId::from_u128(1000), "new"), LATER).await.unwrap();
    }
    assert_eq!(after.feed_end().await.unwrap(), end + 1);
    let newest = before.list(&of(None, 1)).await.unwrap().next;
    assert_eq!(after.list(&of(None, 1)).await.unwrap().next, newest);
    let create = Create::Run(Box::new(everything::new(RunId::from_u128(1002), "once")));
    let again = after.once(everything::ticket(), create, THEN).await.unwrap();
    let Once::Again { created: Created::Run(run), .. } = again else { panic!("{again:?}") };
    assert_eq!(run.id, ONCE);

    // Whoever was worked at is back in the queue, whoever was to be stopped is.
    let due = after.due(THEN, 99).await.unwrap();
    assert_eq!(due.iter().map(|(id, _)| *id).collect::<BTreeSet<_>>(), [RUNNING, CANCELLING, GROUPED[0]].into());
    for (id, command) in due {
        assert!(matches!(command, Command::Lapse { .. }), "{command:?}");
        after.apply(id, command, THEN).await.unwrap();
    }
    assert_eq!(after.run(CANCELLING).await.unwrap().unwrap().life.status(), Status::Cancelled);
    let claimed = after.claim(everything::claim(&[1, 2, 3, 4, 5, 6, 7]), THEN).await.unwrap();
    let claimed: BTreeSet<_> = claimed.iter().map(|of| of.run.id).collect();
    assert_eq!(claimed, [RUNNING, GROUPED[0], QUEUED, ONCE, RunId::from_u128(32)].into());
    let owed = after.claim_deliveries(everything::deliveries(1), THEN).await.unwrap();
    assert!(owed.iter().any(|of| of.delivery.id == UNDER_WAY), "{owed:?}");
    let log = async |store: &dyn Store| format!("{:?}", store.deliveries(COMPLETED).await.unwrap());
    assert_eq!(log(&after).await, log(&*before).await);
    while after.index_some(100).await.unwrap() > 0 {}
    let words = ListQuery { words: Some("Ulaanbaatar".to_owned()), ..of(None, 9) };
    assert_eq!(ids(after.list(&words).await.unwrap()), [COMPLETED]);
    let cited = after.source_at("corpus:lands/mongolia").await.unwrap().unwrap();
    assert_eq!(Some(cited), before.source_at("corpus:lands/mongolia").await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_written_out_as_it_was_at_one_moment() {
    let Some(server) = Database::server() else { return };
    let database = server.fresh().await;
    let store = opened(&database).await;
    everything::fill(&store).await;
    let url = database.url().clone();
    let mut reader =
        spawn_blocking(move || crate::store::postgres::OutgoingPostgres::open(&url)).await.unwrap().unwrap();
    let before = out(at(&database)).await;
    store.forget(COMPLETED).await.unwrap();
    store.submit(everything::new(RunId::from_u128(1000), "what came later"), LATER).await.unwrap();
    let lines = spawn_blocking(move || {
        let mut lines = Vec::new();
        crate::store::records::export(&mut reader, &mut lines).unwrap();
        String::from_utf8(lines).unwrap()
    });
    // All but the first line: numbers are drawn ahead.
    let but_first = |lines: &str| lines.split_once('\n').unwrap().1.to_owned();
    assert_eq!(but_first(&lines.await.unwrap()), but_first(&before));
    assert!(out(at(&database)).await.contains("what came later"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_taken_into_a_database_that_is_served_or_not_empty() {
    let Some(server) = Database::server() else { return };
    let lines = everything().await;
    let database = moved(&server, &lines).await;
    let full = into(at(&database), &lines).await;
    assert!(matches!(full, Err(InError::Import(ImportError::NotEmpty))), "{full:?}");
    assert_eq!(out(at(&database)).await, lines);

    let served = server.fresh().await;
    let store = opened(&served).await;
    let now = store.clock().now();
    let (host, version, address) = ("here".to_owned(), "0".to_owned(), "127.0.0.1:8787".parse().unwrap());
    let (id, role) = (NodeId(1), "all".parse().unwrap());
    let node = Node { id, role, host, address, version, started_at: now, seen_at: now, processors: [].into() };
    store.announce(node.clone(), now).await.unwrap();
    let refused = into(at(&served), &lines).await.unwrap_err();
    assert_eq!(refused.to_string(), "the store is served at 127.0.0.1:8787");
    store.leave(node.id).await.unwrap();
    into(at(&served), &lines).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_file_leaves_a_database_as_empty_as_it_was() {
    let Some(server) = Database::server() else { return };
    let database = server.fresh().await;
    let id = opened(&database).await.id().to_owned();
    let look = Look::at(&database).await;
    let before = look.rows().await;
    let lines = everything().await;
    let all: Vec<_> = lines.lines().collect();
    let at_line = |beginning: &str| all.iter().position(|line| line.starts_with(beginning)).unwrap();
    let with = |at: usize, line: &str| {
        let mut changed = all.clone();
        changed[at] = line;
        changed.join("\n")
    };
    let (key, group, run, fact) = (at_line("{\"key"), at_line("{\"group"), at_line("{\"run"), at_line("{\"fact"));
    let (delivery, receipt, source) = (at_line("{\"delivery"), at_line("{\"receipt"), at_line("{\"source"));
    let facts = serde_json::from_str::<serde_json::Value>(all[all.len() - 1]).unwrap()["end"]["fact"].as_u64().unwrap();
    let without: Vec<_> = all.iter().enumerate().filter(|(n, _)| *n != fact).map(|(_, line)| *line).collect();
    let broken = [
        with(key, all[key + 1]),
        with(group, all[group + 1]),
        with(group, &all[group].replace("\"last_place\":3", "\"last_place\":9300000000000000000")),
        with(run, &all[run].replace(&GROUP.to_string(), "tgrp_000000000000000000000000000000ff")),
        with(fact, &all[fact].replace("\"n\":", "\"n\":9")),
        with(delivery, &all[delivery].replace("_0000", "_f000")),
        with(receipt, &all[receipt].replace("\"n\":", "\"n\":99")),
        with(source, &all[source].replace("\"text\":\"", "\"text\":\"Not so. ")),
        with(source + 1, all[source]),
        all[..all.len() - 1].join("\n"),
        without.join("\n").replace(&format!("\"fact\":{facts}"), &format!("\"fact\":{}", facts - 1)),
    ];
    let mut told = Vec::new();
    for lines in broken {
        told.push(into(at(&database), &lines).await.unwrap_err().to_string());
        assert_eq!(look.rows().await, before);
    }
    insta::assert_snapshot!(told.join("\n"));
    assert_eq!(opened(&database).await.id(), id);
    into(at(&database), &lines).await.unwrap();
    assert_eq!(out(at(&database)).await, lines);
}

/// Servers may say anything, and a folder keeps it as it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_database_cannot_hold_in_a_text_is_replaced() {
    let Some(server) = Database::server() else { return };
    let lines = everything().await;
    let odd = lines.replace("\"why\":\"refused\"", "\"why\":\"ref\\u0000used\"");
    assert_ne!(odd, lines);
    let database = moved(&server, &odd).await;
    assert_eq!(out(at(&database)).await, odd.replace("ref\\u0000used", "ref\u{fffd}used"));
}
