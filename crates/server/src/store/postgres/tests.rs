//! The PostgreSQL store keeps every promise, and what only it can promise.

use std::collections::BTreeSet;
use std::process::{Child, Command as Process, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::join_all;
use legwork_core::fair::Limits;
use legwork_core::run::Status;
use legwork_core::store::suite;
use tokio::sync::Notify;

use super::*;
use crate::follow::{Follow, Lines};
use crate::testing::database::{Database, Server, run};
use crate::testing::{Deaf, fresh as fresh_run};

const NOW: Micros = Micros(1_000_000);

async fn opened(url: &DatabaseUrl) -> PostgresStore {
    PostgresStore::open(url, Arc::new(Deaf), Metrics::new([])).await.unwrap()
}

fn new(number: u128) -> NewRun {
    NewRun { id: RunId::from_u128(number), events: false, ..fresh_run("base", "x") }
}

fn with(url: &DatabaseUrl, parameter: &str) -> DatabaseUrl {
    let joint = if url.secret().contains('?') { '&' } else { '?' };
    DatabaseUrl::new(format!("{}{joint}{parameter}", url.secret()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_keeps_every_promise() {
    let Some(server) = Database::server() else { return };
    for (_, promise) in suite::promises() {
        let database = server.fresh().await;
        promise(&opened(database.url()).await).await;
    }
}

#[tokio::test]
async fn every_statement_can_be_prepared() {
    let Some(server) = Database::server() else { return };
    let database = server.fresh().await;
    drop(opened(database.url()).await);
    let link = Door::to(Address::of(database.url()).unwrap()).open().await.unwrap();
    for statement in sql::ALL {
        link.prepare(statement).await.unwrap_or_else(|error| panic!("{}: {error:?}", statement.text));
    }
}

/// A proxy that hands out connections by transaction, as Debian has it.
struct Bouncer {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Bouncer {
    /// In front of a server; `None` when there is no such program, which in CI there has to be.
    fn start(server: &Server) -> Option<Self> {
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"];
        let program = program.into_iter().find(|path| std::path::Path::new(path).exists());
        assert!(program.is_some() || std::env::var_os("CI").is_none(), "there is no PgBouncer");
        let (folder, (host, port, user)) = (tempfile::tempdir().unwrap(), server.place());
        let own = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let users = folder.path().join("users");
        let settings = folder.path().join("settings");
        std::fs::write(&users, format!("\"{user}\" \"\"\n")).unwrap();
        let text = format!(
            "[databases]\n* = host={host} port={port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {own}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = transaction\ndefault_pool_size = 4\n",
            users.display()
        );
        std::fs::write(&settings, text).unwrap();
        // It does not run as root, and has to read what stands here.
        for (path, mode) in [(folder.path(), 0o755), (&users, 0o644), (&settings, 0o644)] {
            std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        }
        let mut process = Process::new(program?);
        // What root makes is root's.
        if std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&settings).unwrap()) == 0 {
            process.args(["-u", "nobody"]);
        }
        let process = process.arg("-q").arg(settings).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Some(Self { process, port: own, _folder: folder })
    }

    /// Where it leads to this database.
    fn to(&self, server: &Server, database: &str) -> DatabaseUrl {
        let (_, _, user) = server.place();
        DatabaseUrl::new(format!("postgres://{user}@127.0.0.1:{}/{database}?pooled=true", self.port))
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_promise_is_kept_behind_a_proxy_that_shares_connections_by_transaction() {
    let Some(server) = Database::server() else { return };
    let Some(bouncer) = Bouncer::start(&server) else { return };
    for (_, promise) in suite::promises() {
        let (_database, name) = server.fresh_database().await;
        promise(&opened(&bouncer.to(&server, &name)).await).await;
    }
}

#[tokio::test]
async fn nodes_that_start_at_once_make_one_store() {
    let Some(server) = Database::server() else { return };
    let database = server.fresh().await;
    let stores = join_all((0..6).map(|_| opened(database.url()))).await;
    let ids: BTreeSet<_> = stores.iter().map(Store::id).collect();
    let seals: BTreeSet<_> = stores.iter().map(Store::seal).collect();
    assert_eq!((ids.len(), seals.len()), (1, 1));
    stores[0].submit(new(1), NOW).await.unwrap();
    assert!(stores[5].run(RunId::from_u128(1)).await.unwrap().is_some());
}

/// What was under way goes on.
#[tokio::test]
async fn a_store_of_an_earlier_build_is_brought_up_to_date() {
    let Some(server) = Database::server() else { return };
    let database = server.fresh().await;
    let store = opened(database.url()).await;
    store.submit(new(1), NOW).await.unwrap();
    drop(store);
    let first = "drop table journal; drop table secrets; alter table runs drop column papers; \
                 update legwork_schema set version = 1";
    run(database.url().secret(), first).await;
    let store = opened(database.url()).await;
    let room = [("base".to_owned(), 1)].into();
    let claim = Claim { node: NodeId(1), room, limits: Limits::default(), tokens: vec![Token(1)], until: NOW };
    let claimed = store.claim(claim, NOW).await.unwrap();
    assert!(!claimed[0].run.life.papers);
    let steps = vec![Entry::new("a", "b").unwrap()];
    let keep = Command::Report { token: Token(1), reports: Vec::new(), steps: steps.clone() };
    store.apply(claimed[0].run.id, keep, NOW).await.unwrap();
    assert_eq!(store.journal(claimed[0].run.id).await.unwrap(), steps);
}

#[tokio::test]
async fn a_store_of_a_later_legwork_is_left_alone() {
    let Some(server) = Database::server() else { return };
    let database = server.fresh().await;
    drop(opened(database.url()).await);
    run(database.url().secret(), "update legwork_schema set version = 99").await;
    let refused = PostgresStore::open(database.url(), Arc::new(Deaf), Metrics::new([])).await.err().unwrap();
    assert!(matches!(refused, DatabaseError::Newer { found: 99, .. }), "{refused}");
    assert_eq!(look(database.url()).await.unwrap().unwrap().schema, 99);
}

#[tokio::test]
async fn a_database_of_somebody_else_is_left_alone() {
    let Some(server) = Database::server() else { return };
    let database = server.fresh().await;
    assert_eq!(look(database.url()).await.unwrap(), None);
    run(database.url().secret(), "create table runs (kilometres integer)").await;
    let refused = PostgresStore::open(database.url(), Arc::new(Deaf), Metrics::new([])).await.err().unwrap();
    assert!(matches!(refused, DatabaseError::NotOurs(_)), "{refused}");
    run(database.url().secret(), "select kilometres from runs").await;
    assert_eq!(look(database.url()).await.unwrap(), None);
}

/// Who follows the log of all runs misses nothing, however many nodes write to it, and whichever of them is late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_in_the_log_appear_in_their_order() {
    const EACH: u128 = 150;
    let Some(server) = Database::server() else { return };
    let database = server.fresh().await;
    let nodes = [opened(database.url()).await, opened(database.url()).await, opened(database.url()).await];
    let writing = join_all((0..3 * EACH).map(|number| {
        let node = &nodes[usize::try_from(number % 3).unwrap()];
        async move {
            // All at once, so that each node writes one batch after the other.
            node.submit(new(number), NOW).await.unwrap();
            node.apply(RunId::from_u128(number), Command::Cancel, NOW).await.unwrap();
        }
    }));
    let reading = async {
        let (mut after, mut seen) = (0, Vec::new());
        while seen.len() < usize::try_from(6 * EACH).unwrap() {
            let page = nodes[0].feed(&Owner::local(), after, 7).await.unwrap();
            seen.extend(page.entries.into_iter().map(|(place, run, fact)| (place, run.id, fact.seq)));
            after = page.upto;
        }
        seen
    };
    let (_, seen) = tokio::join!(writing, reading);
    assert!(seen.windows(2).all(|pair| pair[0].0 < pair[1].0));
    let once: BTreeSet<_> = seen.iter().map(|(_, run, seq)| (*run, *seq)).collect();
    assert_eq!(once.len(), seen.len());
}

/// A run is claimed by one node only, and all are claimed, whatever they hold at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_claim_at_once_share_what_there_is() {
    let Some(server) = Database::server() else { return };
    let database = server.fresh().await;
    let nodes = [opened(database.url()).await, opened(database.url()).await, opened(database.url()).await];
    join_all((0..200).map(|number| nodes[0].submit(new(number), NOW))).await;
    let claimed = join_all(nodes.iter().zip(0_u64..).map(|(node, number)| async move {
        let mut mine = Vec::new();
        for round in 0.. {
            let first = number * 1_000_000 + round * 100;
            let claim = Claim {
                node: NodeId(number),
                room: [("base".to_owned(), 9)].into(),
                limits: Limits::default(),
                tokens: (first..first + 9).map(Token).collect(),
                until: Micros(i64::MAX),
            };
            let claimed = node.claim(claim, NOW).await.unwrap();
            if claimed.is_empty() {
                return mine;
            }
            mine.extend(claimed.into_iter().map(|claimed| claimed.run.id));
        }
        mine
    }))
    .await;
    let all: Vec<_> = claimed.concat();
    assert_eq!((all.len(), all.into_iter().collect::<BTreeSet<_>>().len()), (200, 200));
}

/// What is heard of other nodes.
#[derive(Default)]
struct Ear {
    heard: Mutex<Vec<RunId>>,
    missed: Mutex<usize>,
    rung: Notify,
}

impl Nudge for Ear {
    fn changed(&self, id: RunId) {
        self.heard.lock().unwrap().push(id);
        self.rung.notify_one();
    }
    fn queued(&self) {}
    fn owed(&self) {}
    fn grouped(&self, _: GroupId) {}
    fn logged(&self) {}
    fn missed(&self) {
        *self.missed.lock().unwrap() += 1;
        self.rung.notify_one();
    }
}

impl Ear {
    async fn until(&self, wished: impl Fn(&Self) -> bool) {
        while !wished(self) {
            self.rung.notified().await;
        }
    }
}

#[tokio::test]
async fn a_change_on_one_node_is_heard_on_another() {
    let Some(server) = Database::server() else { return };
    let database = server.fresh().await;
    let ear = Arc::new(Ear::default());
    let listening = PostgresStore::open(database.url(), ear.clone(), Metrics::new([])).await.unwrap();
    // It says so when it begins to listen: before that anything may have been missed.
    ear.until(|ear| *ear.missed.lock().unwrap() > 0).await;
    let other = opened(database.url()).await;
    let id = other.submit(new(1), NOW).await.unwrap().id;
    other.apply(id, Command::Cancel, NOW).await.unwrap();
    ear.until(|ear| ear.heard.lock().unwrap().contains(&id)).await;
    assert_eq!(listening.run(id).await.unwrap().unwrap().life.status(), Status::Cancelled);
}

/// Connections are cut all the time, in the middle of whatever they are at. Whoever was answered was told the truth, and
/// nothing was done twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_cut_off_is_done_once() {
    let Some(server) = Database::server() else { return };
    let database = server.fresh().await;
    let name = format!("application_name=cut{}", uuid::Uuid::new_v4().simple());
    let metrics = Metrics::new([]);
    let url = with(database.url(), &name);
    let store = PostgresStore::open(&url, Arc::new(Deaf), metrics.clone()).await.unwrap();
    let kill = format!(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = '{}'",
        name.trim_start_matches("application_name=")
    );
    let over = CancellationToken::new();
    let cutting = async {
        let mut cuts = 0;
        while !over.is_cancelled() {
            run(database.url().secret(), &kill).await;
            cuts += 1;
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        cuts
    };
    let writing = async {
        for round in 0..12_u128 {
            let ids = (0..40).map(|number| round * 1000 + number);
            let store = &store;
            join_all(ids.map(|number| async move {
                let run = store.submit(new(number), NOW).await.unwrap();
                // The word of a cancel may be lost; to cancel again is the same.
                store.apply(run.id, Command::Cancel, NOW).await.unwrap();
                let facts = store.facts(run.id, 0, 10).await.unwrap();
                assert_eq!(facts.iter().map(|fact| fact.seq).collect::<Vec<_>>(), [1, 2]);
            }))
            .await;
        }
        over.cancel();
    };
    let (cuts, ()) = tokio::join!(cutting, writing);
    assert!(cuts > 3, "it was cut off {cuts} times");
    let mut after = 0;
    let mut told = Vec::new();
    loop {
        let page = store.feed(&Owner::local(), after, 1000).await.unwrap();
        told.extend(page.entries.into_iter().map(|(_, run, fact)| (run.id, fact.seq)));
        after = page.upto;
        if page.is_end {
            break;
        }
    }
    assert_eq!((told.len(), told.iter().collect::<BTreeSet<_>>().len()), (960, 960));
    let counted = metrics.render();
    for line in ["legwork_runs_created_total{processor=\"base\"} 480", "status=\"cancelled\"} 480"] {
        assert!(counted.contains(line), "{line} is not in\n{counted}");
    }
}

/// Nothing goes by the order in which anything began, or by a clock: what is committed long after its successors ends the
/// wait for it, also when no hint comes.
#[tokio::test]
async fn a_commit_that_comes_late_ends_the_wait_for_it_without_a_hint() {
    let Some(server) = Database::server() else { return };
    let database = server.fresh().await;
    let url = with(database.url(), "hints=off");
    let store: Arc<dyn Store> = Arc::new(opened(&url).await);
    let (lines, metrics) = (Lines::new(), Metrics::new([]));
    let follow = Follow::new(store.clone(), lines, CancellationToken::new(), metrics);
    let (late, soon) = (RunId::from_u128(1), RunId::from_u128(2));
    for number in 1..=2 {
        store.submit(new(number), NOW).await.unwrap();
    }
    let (client, connection) =
        tokio_postgres::connect(url.secret().trim_end_matches("&hints=off"), tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    client.batch_execute("begin").await.unwrap();
    let cancel = format!("update runs set status = 6, version = 2 where id = '{}'", uuid::Uuid::from_u128(1));
    client.batch_execute(&cancel).await.unwrap();
    let ended = |id| {
        let follow = follow.clone();
        tokio::spawn(async move {
            let far = tokio::time::Instant::now() + Duration::from_hours(1);
            follow.until(&Owner::local(), id, far, |view| view.run.life.status().is_ended()).await
        })
    };
    let (of_late, of_soon) = (ended(late), ended(soon));
    store.apply(soon, Command::Cancel, NOW).await.unwrap();
    while !of_soon.is_finished() {
        follow.watch_once().await.unwrap();
        tokio::task::yield_now().await;
    }
    assert!(!of_late.is_finished());
    client.batch_execute("commit").await.unwrap();
    while !of_late.is_finished() {
        follow.watch_once().await.unwrap();
        tokio::task::yield_now().await;
    }
    drop(client);
    driver.await.unwrap().unwrap();
}

/// A server of a test's own.
struct Own(tempfile::TempDir);

impl Own {
    const TOOL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/postgres");

    /// Starts one; returns the port it listens at.
    fn start() -> (Self, u16) {
        let folder = tempfile::tempdir().unwrap();
        let started =
            Process::new(Self::TOOL).arg("start").arg(folder.path()).stderr(Stdio::inherit()).output().unwrap();
        let url = url::Url::parse(String::from_utf8(started.stdout).unwrap().trim()).unwrap();
        (Self(folder), url.port().unwrap())
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        drop(Process::new(Self::TOOL).arg("stop").arg(self.0.path()).arg("immediate").status());
    }
}

static IS_TLS: link::Sql = link::Sql { text: "select ssl from pg_stat_ssl where pid = pg_backend_pid()", types: &[] };

#[tokio::test]
async fn what_is_said_to_a_server_is_hidden_and_the_server_is_known_as_far_as_is_asked_for() {
    if Database::server().is_none() {
        return;
    }
    let (own, port) = Own::start();
    let certificate = own.0.path().join("server.crt");
    if !certificate.exists() {
        assert!(std::env::var_os("CI").is_none(), "there is no openssl to make a certificate with");
        return;
    }
    let certificate = certificate.display();
    let to = |host: &str, parameters: &str| {
        DatabaseUrl::new(format!("postgres://postgres@{host}:{port}/postgres?{parameters}"))
    };
    for (host, parameters, is_hidden) in [
        ("localhost", "sslmode=disable".to_owned(), false),
        ("localhost", "sslmode=prefer".to_owned(), true),
        ("127.0.0.1", "sslmode=require".to_owned(), true),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={certificate}"), true),
        ("localhost", format!("sslmode=verify-full&sslrootcert={certificate}"), true),
    ] {
        let link = Door::to(Address::of(&to(host, &parameters)).unwrap()).open().await;
        let link = link.unwrap_or_else(|error| panic!("{parameters}: {error:?}"));
        let row = link.row(&IS_TLS, &[]).await.unwrap().unwrap();
        assert_eq!(row.get::<_, bool>(0), is_hidden, "{parameters}");
    }
    for (host, parameters) in [
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={certificate}")),
        ("localhost", "sslmode=verify-full".to_owned()),
        ("localhost", "sslmode=verify-ca".to_owned()),
    ] {
        let refused = PostgresStore::open(&to(host, &parameters), Arc::new(Deaf), Metrics::new([])).await;
        assert!(matches!(refused, Err(DatabaseError::Unreachable(_))), "{parameters}");
    }
    opened(&to("localhost", &format!("sslmode=verify-full&sslrootcert={certificate}"))).await;
}
