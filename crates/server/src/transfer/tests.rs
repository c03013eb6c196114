//! What goes out of a store comes in again, and is the same store.

use std::collections::BTreeSet;
use std::sync::Arc;

use legwork_core::command::Command;
use legwork_core::delivery::Standing;
use legwork_core::id::{Owner, RunId, Token};
use legwork_core::journal::Entry;
use legwork_core::run::Status;
use legwork_core::store::{Created, GroupRuns, ListQuery, Once, Store};
use rusqlite::Connection;
use serde_json::Value;

use super::*;
use crate::metrics::Metrics;
use crate::store::sqlite::SqliteStore;
use crate::testing::Deaf;
use crate::testing::everything::{
    self, ASKING, CANCELLING, COMPLETED, EMPTY_GROUP, GROUP, GROUPED, LATER, ONCE, QUEUED, RUNNING, THEN, UNDER_WAY,
};

fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(&folder.join(STORE), Arc::new(Deaf), Metrics::new([])).unwrap()
}

fn at(folder: &Path) -> StoreAt {
    StoreAt::Folder(folder.to_owned())
}

/// The folder of a store with everything in it.
async fn full() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    everything::fill(&open(folder.path())).await;
    folder
}

fn out(folder: &Path) -> String {
    let mut lines = Vec::new();
    export(&at(folder), &mut lines).unwrap();
    String::from_utf8(lines).unwrap()
}

/// A new folder, and what came of taking this in there.
fn into_new(lines: &str) -> (tempfile::TempDir, Result<Moved, InError>) {
    let folder = tempfile::tempdir().unwrap();
    let taken = import(&at(folder.path()), &mut lines.as_bytes());
    (folder, taken)
}

fn moved(lines: &str) -> tempfile::TempDir {
    let (folder, taken) = into_new(lines);
    taken.unwrap();
    folder
}

/// Every row of every table.
fn rows(folder: &Path) -> BTreeSet<String> {
    let file = Connection::open(folder.join(STORE)).unwrap();
    tables(&file).iter().flat_map(|table| rows_of(&file, table)).collect()
}

fn tables(file: &Connection) -> Vec<String> {
    let mut tables = file.prepare("select name from sqlite_schema where type = 'table' order by name").unwrap();
    let names = tables.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap);
    // What the index of the search is made of is its own business, and begins anew.
    names.filter(|name| !name.starts_with("search_") || name == "search_state").collect()
}

fn rows_of(file: &Connection, table: &str) -> Vec<String> {
    let mut all = file.prepare(&format!("select * from {table}")).unwrap();
    let columns = all.column_count();
    let row = |row: &rusqlite::Row<'_>| {
        let value = |column| row.get::<_, rusqlite::types::Value>(column).map(|value| format!("{value:?}"));
        (0..columns).map(value).collect::<Result<Vec<_>, _>>().map(|values| format!("{table}: {values:?}"))
    };
    all.query_map([], row).unwrap().map(Result::unwrap).collect()
}

#[tokio::test]
async fn what_comes_in_goes_out_again_line_by_line() {
    let lines = out(full().await.path());
    let again = out(moved(&lines).path());
    for (n, (before, after)) in lines.lines().zip(again.lines()).enumerate() {
        assert_eq!(before, after, "line {}", n + 1);
    }
    assert_eq!(lines, again);
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    for kind in Kind::ALL {
        assert!(last["end"][kind.as_str()].as_u64().unwrap() >= 2, "{kind:?} in {last}");
    }
}

/// What every version wrote so far. When the form changes, a file is added; none is ever changed or removed.
const WRITTEN: &[&str] = &[include_str!("../../samples/export-1.jsonl"), include_str!("../../samples/export-2.jsonl")];

#[test]
fn everything_that_was_ever_written_can_still_be_taken_in() {
    for written in WRITTEN {
        let again = out(moved(written).path());
        let by = |lines: &str| {
            serde_json::from_str::<Value>(lines.lines().next().unwrap()).unwrap()["legwork_export"].clone()
        };
        if by(written) == by(&again) {
            assert_eq!(*written, again.replace(concat!("legwork ", env!("CARGO_PKG_VERSION")), "legwork 0.1.0"));
        }
    }
    let newest: Value = serde_json::from_str(WRITTEN.last().unwrap().lines().next().unwrap()).unwrap();
    assert_eq!(newest["legwork_export"], records::FORMAT);
}

/// Whoever adds a table or a column has to say here that it is moved: by a record, or because it follows from others.
#[tokio::test]
async fn everything_that_a_store_keeps_is_moved() {
    let before = full().await;
    // As a new process finds it: leases are void.
    drop(open(before.path()));
    let after = moved(&out(before.path()));
    let (was, is) = (rows(before.path()), rows(after.path()));
    let lost: Vec<_> = was.difference(&is).collect();
    let other: Vec<_> = is.difference(&was).collect();
    // Of leases only that they have run out, of receivers that nothing is due there before it is.
    let may = |row: &&&String| !row.starts_with("leases: ") && !row.starts_with("receivers: ");
    assert_eq!(lost.iter().filter(may).collect::<Vec<_>>(), Vec::<&&String>::new());
    assert_eq!(other.iter().filter(may).collect::<Vec<_>>(), Vec::<&&String>::new());
    let count = |rows: &[&String], table: &str| rows.iter().filter(|row| row.starts_with(table)).count();
    assert_eq!((count(&lost, "leases"), count(&other, "leases")), (3, 3));

    let file = Connection::open(after.path().join(STORE)).unwrap();
    let columns = |table: &String| {
        let all = file.prepare(&format!("select * from {table}")).unwrap();
        format!("{table}: {}\n", all.column_names().collect::<Vec<_>>().join(", "))
    };
    let columns: String = tables(&file).iter().map(columns).collect();
    insta::assert_snapshot!(columns);
    let empty = |table: &&String| rows_of(&file, table).is_empty();
    let empty: Vec<_> = tables(&file).into_iter().filter(|table| empty(&table)).collect();
    assert_eq!(empty, ["search"], "something of everything else was there to be moved");
}

#[tokio::test]
async fn cursors_go_on_in_the_other_store() {
    let before = full().await;
    let (lists, feeds, ends, places);
    {
        let store = open(before.path());
        let page =
            store.list(&ListQuery { owner: Some(Owner::local()), limit: 3, ..ListQuery::default() }).await.unwrap();
        let rest = ListQuery { owner: Some(Owner::local()), limit: 99, cursor: page.next, ..ListQuery::default() };
        lists = (store.list(&rest).await.unwrap().runs.iter().map(|run| run.id).collect::<Vec<_>>(), rest);
        let half = store.feed_end().await.unwrap() / 2;
        feeds = (half, store.feed(&Owner::local(), half, 999).await.unwrap(), store.feed_end().await.unwrap());
        ends = store.group_ends(GROUP, 0, 99).await.unwrap();
        places = store.group_places(GROUP).await.unwrap();
        assert_eq!(ends.entries.len(), 1);
    }
    let after = moved(&out(before.path()));
    let store = open(after.path());
    let listed: Vec<_> = store.list(&lists.1).await.unwrap().runs.iter().map(|run| run.id).collect();
    assert_eq!(listed, lists.0);
    assert!(listed.len() > 3);
    assert_eq!(store.feed(&Owner::local(), feeds.0, 999).await.unwrap().entries.len(), feeds.1.entries.len());
    let place = |page: &legwork_core::store::FeedPage| -> Vec<_> {
        page.entries.iter().map(|(g, run, fact)| (*g, run.id, fact.clone())).collect()
    };
    assert_eq!(place(&store.feed(&Owner::local(), feeds.0, 999).await.unwrap()), place(&feeds.1));
    assert_eq!(place(&store.group_ends(GROUP, 0, 99).await.unwrap()), place(&ends));
    assert_eq!(store.group_places(GROUP).await.unwrap(), places);

    // What comes has places of its own, behind those of what is gone.
    let new = store.submit(everything::new(RunId::from_u128(1000), "new"), LATER).await.unwrap();
    let page = store.feed(&Owner::local(), feeds.2, 99).await.unwrap();
    assert_eq!(page.entries.iter().map(|(_, run, _)| run.id).collect::<Vec<_>>(), [new.id]);
    assert_eq!(store.feed_end().await.unwrap(), feeds.2 + 1);
    let more = vec![everything::new(RunId::from_u128(1001), "more")];
    let added = store.submit_to_group(GROUP, more, LATER).await.unwrap().unwrap();
    assert_eq!((added.runs_before, added.ends_before), places.map(|(run, end)| (Some(run), Some(end))).unwrap());
    let which = GroupRuns { limit: 99, ..GroupRuns::default() };
    let runs = store.group_runs(GROUP, 0, &which).await.unwrap().runs;
    assert_eq!(
        runs.iter().map(|run| (run.place, run.run.id)).collect::<Vec<_>>(),
        [(1, GROUPED[0]), (2, GROUPED[1]), (4, RunId::from_u128(1001))]
    );
}

#[tokio::test]
async fn the_other_store_goes_on_with_what_was_promised() {
    let before = full().await;
    let (id, seal, groups) = {
        let store = open(before.path());
        let groups = [store.group(GROUP).await.unwrap(), store.group(EMPTY_GROUP).await.unwrap()];
        (store.id().to_owned(), *store.seal(), groups)
    };
    let after = moved(&out(before.path()));
    let store = open(after.path());
    assert_eq!((store.id(), store.seal()), (&*id, &seal), "tokens and signatures stay good");
    assert_eq!([store.group(GROUP).await.unwrap(), store.group(EMPTY_GROUP).await.unwrap()], groups);

    let create = legwork_core::store::Create::Run(Box::new(everything::new(RunId::from_u128(1000), "once")));
    let again = store.once(everything::ticket(), create, THEN).await.unwrap();
    let Once::Again { created: Created::Run(run), .. } = again else { panic!("{again:?}") };
    assert_eq!(run.id, ONCE);

    // Whoever was worked at is back in the queue, whoever was to be stopped is.
    let due = store.due(THEN, 99).await.unwrap();
    let lapsed: BTreeSet<_> = due.iter().map(|(id, _)| *id).collect();
    assert_eq!(lapsed, BTreeSet::from([RUNNING, CANCELLING, GROUPED[0]]));
    for (id, command) in due {
        assert!(matches!(command, Command::Lapse { .. }), "{command:?}");
        store.apply(id, command, THEN).await.unwrap();
    }
    let status = async |id| store.run(id).await.unwrap().unwrap().life.status();
    assert_eq!((status(RUNNING).await, status(CANCELLING).await), (Status::Queued, Status::Cancelled));
    let claimed: BTreeSet<_> =
        store.claim(everything::claim(&[1, 2, 3, 4, 5, 6]), THEN).await.unwrap().iter().map(|of| of.run.id).collect();
    assert_eq!(claimed, BTreeSet::from([RUNNING, GROUPED[0], QUEUED, ONCE, RunId::from_u128(32)]));
    assert_eq!(status(ASKING).await, Status::ActionRequired);
    let steps = store.journal(RUNNING).await.unwrap();
    assert_eq!(steps.iter().map(Entry::key).collect::<Vec<_>>(), ["search:\u{fc}", "a page"]);
    assert_eq!(store.secrets(QUEUED).await.unwrap().unwrap().reveal(), everything::SECRET);
    store.apply(ASKING, Command::Cancel, THEN).await.unwrap();
    assert_eq!(store.journal(ASKING).await.unwrap(), [], "it goes with the run's end here as there");

    let owed = store.claim_deliveries(everything::deliveries(1), THEN).await.unwrap();
    assert!(owed.iter().any(|of| of.delivery.id == UNDER_WAY), "{owed:?}");
    let log = store.deliveries(COMPLETED).await.unwrap();
    assert!(matches!(log[0].delivery.standing, Standing::Delivered { .. }));
    assert_eq!(log[0].attempts.len(), 2);

    while store.index_some(100).await.unwrap() > 0 {}
    let query = ListQuery {
        owner: Some(Owner::local()),
        words: Some("Ulaanbaatar".to_owned()),
        limit: 9,
        ..ListQuery::default()
    };
    let found = store.list(&query).await.unwrap().runs;
    assert_eq!(found.iter().map(|run| run.id).collect::<Vec<_>>(), [COMPLETED]);
    let cited = store.source_at("corpus:lands/mongolia").await.unwrap().unwrap();
    assert_eq!(cited.retrieved_at, Some(THEN), "the one that was read last");
    assert_eq!(store.source(&cited.hash).await.unwrap(), Some(cited));
}

#[tokio::test]
async fn a_store_that_is_served_is_written_out_as_it_was_at_one_moment() {
    let folder = full().await;
    let mut reader = out_of(&at(folder.path())).unwrap();
    let before = reader.identity().unwrap();
    let store = open(folder.path());
    store.submit(everything::new(RunId::from_u128(1000), "what came later"), LATER).await.unwrap();
    let mut lines = Vec::new();
    records::export(&mut *reader, &mut lines).unwrap();
    assert!(!String::from_utf8(lines).unwrap().contains("what came later"));
    assert_eq!(reader.identity().unwrap(), before);
    assert!(out(folder.path()).contains("what came later"));
}

/// Nothing is taken in of this, and it is said why.
fn refused(lines: &str) -> String {
    let (folder, taken) = into_new(lines);
    let why = taken.unwrap_err().to_string();
    let file = Connection::open(folder.path().join(STORE)).unwrap();
    for table in ["runs", "facts", "keys", "task_groups", "inputs", "receipts", "deliveries", "receivers", "queue"] {
        assert_eq!(rows_of(&file, table), Vec::<String>::new(), "{why}");
    }
    // It can be used all the same.
    moved_into(folder.path());
    why
}

fn moved_into(folder: &Path) {
    let head =
        r#"{"legwork_export":1,"written_by":"a test","store":{"id":"store_1","seal":"s","last_run":0,"last_fact":0}}"#;
    let end = r#"{"end":{}}"#;
    import(&at(folder), &mut format!("{head}\n{end}").as_bytes()).unwrap();
    assert_eq!(open(folder).id(), "store_1");
}

#[tokio::test]
async fn a_file_that_was_cut_off_brings_nothing() {
    let lines = out(full().await.path());
    let count = lines.lines().count();
    for keep in [1, 2, count / 2, count - 1] {
        let cut: String = lines.split_inclusive('\n').take(keep).collect();
        assert!(refused(&cut).starts_with(&format!("the file was cut off: it ends with line {keep}")), "{keep}");
    }
    assert!(refused(&lines[..lines.len() * 2 / 3]).starts_with("the file was cut off: it ends with line "));
    let gap: String = lines.split_inclusive('\n').filter(|line| !line.starts_with(r#"{"key""#)).collect();
    assert_eq!(refused(&gap), "the file is not whole: it says that there are 2 of the kind key, and there are 0");
}

#[tokio::test]
async fn a_wrong_line_is_named() {
    let lines = out(full().await.path());
    let all: Vec<_> = lines.lines().collect();
    let at = |beginning: &str| all.iter().position(|line| line.starts_with(beginning)).unwrap();
    let with = |at: usize, line: &str| {
        let mut changed = all.clone();
        changed[at] = line;
        changed.join("\n")
    };
    let (head, key, group, run, fact) = (0, at(r#"{"key""#), at(r#"{"group""#), at(r#"{"run""#), at(r#"{"fact""#));
    let (step, delivery, source) = (at(r#"{"step""#), at(r#"{"delivery""#), at(r#"{"source""#));
    let (first_fact, last) = (all[fact], all.len() - 1);
    let told = [
        with(head, ""),
        with(head, "legwork"),
        with(head, r#"{"legwork_export":3,"written_by":"legwork 9.0.0","more":1}"#),
        with(head, &all[head].replace("\"seal\"", "\"seals\"")),
        with(key, "nonsense"),
        with(key, r#"{"car":{}}"#),
        with(key, all[key + 1]),
        with(group, all[key]),
        with(run, &all[run].replace("\"version\":", "\"versions\":")),
        with(run, &all[run].replace("\"status\":\"running\"", "\"status\":\"completed\"")),
        with(run, &all[run].replace(&GROUP.to_string(), "tgrp_000000000000000000000000000000ff")),
        with(run + 1, all[run]),
        with(run, &all[run].replace("\"secrets\":null", "\"secrets\":\"x\"")),
        with(fact, &first_fact.replace("\"n\":", "\"n\":9")),
        with(fact + 1, first_fact),
        with(fact, all[fact + 1]),
        with(step, &all[step].replace("\"n\":9", "\"n\":99")),
        with(step, &all[step].replace("\"n\":9", "\"n\":8")),
        with(step, &all[step].replace("\"key\":\"", "\"key\":\"\\n")),
        with(step, all[step + 1]),
        with(last - 1, &all[last - 1].replace("\"text\":\"", "\"text\":\"Not so. ")),
        with(delivery, &all[delivery].replace("_0000", "_f000")),
        with(last, &all[last].replace("{\"end\":", "{\"end\": ")) + "\n{}",
        with(source, all[fact]),
    ];
    let told: Vec<_> = told.iter().map(|changed| refused(changed)).collect();
    insta::assert_snapshot!(told.join("\n"));
    // A fact less, and the count made to fit.
    let without: Vec<_> = all.iter().enumerate().filter(|(n, _)| *n != fact).map(|(_, line)| *line).collect();
    let facts = serde_json::from_str::<Value>(all[last]).unwrap()["end"]["fact"].as_u64().unwrap();
    let fewer = without.join("\n").replace(&format!("\"fact\":{facts}"), &format!("\"fact\":{}", facts - 1));
    assert!(refused(&fewer).starts_with("the file is not whole: the log of trun_"));
}

#[tokio::test]
async fn nothing_is_taken_into_a_store_that_is_used_or_not_empty() {
    let (lines, folder) = (out(full().await.path()), full().await);
    drop(open(folder.path()));
    let before = rows(folder.path());
    let into = |folder: &Path| import(&at(folder), &mut lines.as_bytes());
    assert!(matches!(into(folder.path()), Err(InError::Import(ImportError::NotEmpty))));
    assert_eq!(rows(folder.path()), before);
    let held = tempfile::tempdir().unwrap();
    let _owner = Folder::take(held.path()).unwrap();
    assert!(matches!(into(held.path()), Err(InError::Folder(FolderError::Held { .. }))));

    // One that had runs, all of which are gone, takes in another and begins its search anew.
    let emptied = tempfile::tempdir().unwrap();
    {
        let store = open(emptied.path());
        let id = store.submit(everything::new(RunId::from_u128(5), "gone"), THEN).await.unwrap().id;
        store.claim(everything::claim(&[1]), THEN).await.unwrap();
        let output = bytes::Bytes::from_static(b"{}");
        store.apply(id, Command::Complete { token: Token(1), output, reports: Vec::new() }, THEN).await.unwrap();
        while store.index_some(100).await.unwrap() > 0 {}
        store.forget(id).await.unwrap();
    }
    into(emptied.path()).unwrap();
    assert_eq!(out(emptied.path()), lines);
    let store = open(emptied.path());
    assert!(store.index_some(1000).await.unwrap() > 0);
}

#[tokio::test]
async fn a_file_appears_when_it_is_whole_and_for_its_user_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let (folder, elsewhere) = (full().await, tempfile::tempdir().unwrap());
    let file = elsewhere.path().join("all.jsonl");
    let to = |target: &Path, replace| export_to(&at(folder.path()), target, replace);
    to(&file, false).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(to(&file, false), Err(OutError::Target(TargetError::Exists(_)))));
    to(&file, true).unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), out(folder.path()));
    let store = folder.path().join(STORE);
    assert!(matches!(to(&store, true), Err(OutError::Target(TargetError::Itself(_)))));
    assert!(matches!(export_to(&at(elsewhere.path()), &file, true), Err(OutError::NoStore(_))));
    assert_eq!(elsewhere.path().read_dir().unwrap().count(), 1, "no draft is left");
}
