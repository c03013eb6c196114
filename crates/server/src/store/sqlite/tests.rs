//! The embedded store keeps every promise, and what only it can promise.

use std::sync::Mutex;

use legwork_core::fair::Limits;
use legwork_core::id::{GroupId, NodeId, Owner, Token};
use legwork_core::receipt::Sign;
use legwork_core::run::{Lineage, Status};
use legwork_core::store::{Created, suite};

use super::*;
use crate::testing::{Deaf, fresh as fresh_run};

struct Store1 {
    folder: tempfile::TempDir,
    store: SqliteStore,
}

fn fresh() -> Store1 {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("legwork.db"), Arc::new(Deaf), Metrics::new([])).unwrap();
    Store1 { folder, store }
}

fn new(number: u128) -> NewRun {
    NewRun { id: RunId::from_u128(number), events: false, ..fresh_run("base", "x") }
}

const NOW: Micros = Micros(1_000_000);
const FAR: Micros = Micros(i64::MAX);

fn one_claim(token: u64) -> Claim {
    let room = [("base".to_owned(), 1)].into();
    Claim { node: NodeId(1), room, limits: Limits::default(), tokens: vec![Token(token)], until: FAR }
}

#[tokio::test]
async fn the_embedded_store_keeps_every_promise() {
    for (_, promise) in suite::promises() {
        let fresh = fresh();
        promise(&fresh.store).await;
    }
}

#[test]
fn every_statement_can_be_prepared() {
    let fresh = fresh();
    let reader = open::for_reading(&fresh.folder.path().join("legwork.db")).unwrap();
    for statement in sql::ALL {
        reader.prepare(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

/// The folder has one owner: what an earlier process was at is free at once, not after a lease's time.
#[tokio::test]
async fn leases_of_an_earlier_process_are_void_at_start() {
    let Store1 { folder, store } = fresh();
    let id = store.submit(new(1), NOW).await.unwrap().id;
    store.claim(one_claim(5), NOW).await.unwrap();
    assert!(store.due(NOW, 10).await.unwrap().is_empty());
    drop(store);
    let store = SqliteStore::open(&folder.path().join("legwork.db"), Arc::new(Deaf), Metrics::new([])).unwrap();
    assert_eq!(store.due(NOW, 10).await.unwrap(), [(id, Command::Lapse { token: Token(5) })]);
    store.apply(id, Command::Lapse { token: Token(5) }, NOW).await.unwrap();
    assert_eq!(store.claim(one_claim(6), NOW).await.unwrap().len(), 1);
}

/// What was accepted is told again, whatever died before the answer arrived.
#[tokio::test]
async fn a_create_of_an_earlier_process_is_known_again() {
    let Store1 { folder, store } = fresh();
    let ticket = |sign| Ticket { owner: Owner::local(), route: "runs".to_owned(), body: [7; 32], sign };
    let create = |number| Create::Run(Box::new(new(number)));
    for (sign, number) in [Sign::Key("k".to_owned()), Sign::Tries(0)].into_iter().zip(1..) {
        assert!(matches!(store.once(ticket(sign), create(number), NOW).await.unwrap(), Once::New { .. }));
    }
    drop(store);
    let store = SqliteStore::open(&folder.path().join("legwork.db"), Arc::new(Deaf), Metrics::new([])).unwrap();
    for (sign, number) in [Sign::Key("k".to_owned()), Sign::Tries(1)].into_iter().zip(1..) {
        let again = store.once(ticket(sign), create(number + 10), NOW).await.unwrap();
        let Once::Again { created: Created::Run(run), .. } = again else { panic!("{again:?}") };
        assert_eq!(run.id, new(number).id);
    }
}

/// Makes a store one of schema 6.
const WITHOUT_LINEAGE: &str = "drop table journal; drop table secrets; alter table runs drop column papers; \
                               drop index runs_by_age; drop table sources; drop index runs_by_previous; \
                               alter table runs drop column previous_id; alter table runs drop column rerun_of; \
                               pragma user_version = 6";

/// `serve` and `doctor` look before the store is brought up to date.
#[tokio::test]
async fn keys_are_counted_from_outside_also_in_a_store_of_an_earlier_build() {
    let Store1 { folder, store } = fresh();
    assert_eq!(made_keys(&folder.path().join("nowhere")).unwrap(), 0);
    assert_eq!(made_keys(folder.path()).unwrap(), 0);
    let digest = legwork_core::key::Digest([1; 32]);
    let key = Key {
        digest,
        name: "ci".to_owned(),
        ending: "wxyz".to_owned(),
        owner: Owner::of_key(digest.id()),
        created_at: NOW,
        expires_at: None,
        revoked_at: Some(NOW),
    };
    store.add_key(key).await.unwrap();
    assert_eq!(made_keys(folder.path()).unwrap(), 1, "one that is good no more counts, too");
    drop(store);
    let file = rusqlite::Connection::open(folder.path().join("legwork.db")).unwrap();
    file.execute_batch(WITHOUT_LINEAGE).unwrap();
    file.execute_batch("drop table keys; pragma user_version = 5").unwrap();
    drop(file);
    assert_eq!(made_keys(folder.path()).unwrap(), 0);
    let store = SqliteStore::open(&folder.path().join("legwork.db"), Arc::new(Deaf), Metrics::new([])).unwrap();
    assert_eq!(store.keys().await.unwrap(), []);
}

/// The runs that it holds say nothing of where they come from.
#[tokio::test]
async fn a_store_from_before_lineage_is_brought_up_to_date() {
    let Store1 { folder, store } = fresh();
    store.submit(new(1), NOW).await.unwrap();
    drop(store);
    let file = rusqlite::Connection::open(folder.path().join("legwork.db")).unwrap();
    file.execute_batch(WITHOUT_LINEAGE).unwrap();
    drop(file);
    let store = SqliteStore::open(&folder.path().join("legwork.db"), Arc::new(Deaf), Metrics::new([])).unwrap();
    let earlier = store.run(RunId::from_u128(1)).await.unwrap().unwrap();
    assert_eq!(earlier.lineage, Lineage::default());
    let lineage = Lineage { previous: Some(earlier.id), rerun_of: None };
    assert_eq!(store.submit(NewRun { lineage, ..new(2) }, NOW).await.unwrap().lineage, lineage);
}

/// A journal is read in the order in which it was kept, without sorting what may be much.
#[test]
fn a_journal_is_read_by_an_index() {
    let fresh = fresh();
    let reader = open::for_reading(&fresh.folder.path().join("legwork.db")).unwrap();
    for statement in [sql::JOURNAL_OF, sql::ALL_STEPS] {
        let mut plan = reader.prepare(&format!("explain query plan {statement}")).unwrap();
        let rows = plan.raw_query().mapped(|row| row.get::<_, String>(3));
        let steps: Vec<_> = rows.map(Result::unwrap).collect();
        assert!(steps.iter().any(|step| step.contains("journal_in_order")), "{steps:?}");
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:?}");
    }
}

/// Who lists what went on from a run reads those, and not all that an owner ever asked.
#[test]
fn what_went_on_from_a_run_is_found_by_an_index() {
    let fresh = fresh();
    let reader = open::for_reading(&fresh.folder.path().join("legwork.db")).unwrap();
    let mut plan = reader.prepare(&format!("explain query plan {}", sql::LIST_ON)).unwrap();
    let rows = plan.raw_query().mapped(|row| row.get::<_, String>(3));
    let steps: Vec<_> = rows.map(Result::unwrap).collect();
    assert!(steps.iter().any(|step| step.contains("runs_by_previous")), "{steps:?}");
    assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:?}");
}

#[derive(Default)]
struct Heard(Mutex<Vec<RunId>>, Mutex<usize>);

impl Nudge for Heard {
    fn changed(&self, id: RunId) {
        self.0.lock().unwrap().push(id);
    }
    fn queued(&self) {
        *self.1.lock().unwrap() += 1;
    }

    fn owed(&self) {}

    fn grouped(&self, _: GroupId) {}

    fn logged(&self) {}
    fn missed(&self) {}
}

#[tokio::test]
async fn a_change_is_told_and_a_renewal_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let heard = Arc::new(Heard::default());
    let store = SqliteStore::open(&folder.path().join("legwork.db"), heard.clone(), Metrics::new([])).unwrap();
    let id = store.submit(new(1), NOW).await.unwrap().id;
    assert_eq!(*heard.1.lock().unwrap(), 1);
    store.claim(one_claim(5), NOW).await.unwrap();
    store.apply(id, Command::Renew { token: Token(5), until: NOW }, NOW).await.unwrap();
    assert_eq!(*heard.0.lock().unwrap(), [id]);
}

/// A caller that went away leaves a whole command behind, and nobody else is hurt by it.
#[tokio::test]
async fn a_command_whose_caller_left_is_done_all_the_same() {
    let Store1 { folder: _folder, store } = fresh();
    {
        let mut left = std::pin::pin!(store.submit(new(1), NOW));
        // Polled once, so that the command is in the writer's hands, then dropped.
        let waker = std::task::Waker::noop();
        drop(left.as_mut().poll(&mut std::task::Context::from_waker(waker)));
    }
    store.submit(new(2), NOW).await.unwrap();
    let run = store.run(RunId::from_u128(1)).await.unwrap().unwrap();
    assert_eq!(run.life.status(), Status::Queued);
}
