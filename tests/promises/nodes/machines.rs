//! What is struck: the nodes, and the database that they share. And the proxy in front of them.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::Chance;
use crate::support::{here, legwork};

/// Longer than a lease: who wakes up again has lost all that it worked on.
const BEYOND_A_LEASE: Duration = Duration::from_secs(35);
/// With so much time, a pause may be that long.
const LONG_FORM: Duration = Duration::from_mins(4);

/// How often what was done.
#[derive(Default)]
pub(super) struct Blows {
    kills: u32,
    pauses: u32,
    restarts: u32,
    /// Nodes that ended by themselves, as one does that finds no database when it starts.
    gave_up: u64,
}

impl fmt::Display for Blows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, pauses, restarts, gave_up } = self;
        write!(f, "{kills} kills, {pauses} pauses, {restarts} restarts of PostgreSQL, {gave_up} nodes gave up")
    }
}

/// A server process that is started again and again at one address.
struct Node {
    address: SocketAddr,
    arguments: Vec<String>,
    log: PathBuf,
    child: Mutex<Option<Child>>,
}

impl Node {
    fn start(&self) {
        let log = OpenOptions::new().create(true).append(true).open(&self.log).unwrap();
        let child = legwork().args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        *self.child.lock().unwrap() = Some(child.unwrap());
    }

    fn kill(&self) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    fn signal(&self, signal: &str) {
        if let Some(child) = &*self.child.lock().unwrap() {
            // One that has ended meanwhile is not waited for yet, so that the number is nobody else's.
            drop(Command::new("kill").args([signal, &child.id().to_string()]).stderr(Stdio::null()).status());
        }
    }

    /// Whether it ended by itself.
    fn gave_up(&self) -> bool {
        self.child.lock().unwrap().as_mut().is_some_and(|child| child.try_wait().unwrap().is_some())
    }
}

/// The nodes of one store, and their database if it is one.
pub(super) struct Machines {
    nodes: Arc<Vec<Node>>,
    postgres: Option<Postgres>,
    gave_up: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    keeper: Option<JoinHandle<()>>,
    folder: TempDir,
}

impl Machines {
    /// A node for each of these roles.
    pub(super) fn start(store: &str, roles: &[&str], postgres: Option<Postgres>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // All at once, so that they are different ones.
        let free: Vec<_> = roles.iter().map(|_| StdListener::bind("127.0.0.1:0").unwrap()).collect();
        let nodes = roles.iter().zip(free).enumerate().map(|(n, (role, free))| {
            let address = free.local_addr().unwrap();
            let arguments =
                format!("serve --idle --heartbeat 1 --slots 16 --role {role} --listen {address} --store {store}");
            let arguments = arguments.split(' ').map(str::to_owned).collect();
            Node { address, arguments, log: folder.path().join(format!("node-{n}.log")), child: Mutex::default() }
        });
        let nodes: Arc<Vec<_>> = Arc::new(nodes.collect());
        nodes.iter().for_each(Node::start);
        let (gave_up, is_over) = (Arc::default(), Arc::default());
        let keeper = Some(keep(nodes.clone(), Arc::clone(&gave_up), Arc::clone(&is_over)));
        Self { nodes, postgres, gave_up, is_over, keeper, folder }
    }

    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.address).collect()
    }

    /// Waits until all of them accept runs.
    pub(super) async fn ready(&self) {
        let give_up = Instant::now() + Duration::from_mins(2);
        for address in self.addresses() {
            let client = legwork_api::client::Client::new(&format!("http://{address}"), None).unwrap();
            while let Err(error) = client.ready().await {
                assert!(Instant::now() < give_up, "{address} is not ready: {error}; {}", self.last_words());
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// Kills, pauses and restarts until then. Afterwards everything runs, or is about to.
    pub(super) fn strike(&self, chance: &mut Chance, until: Instant) -> Blows {
        let is_long = until.saturating_duration_since(Instant::now()) > LONG_FORM;
        let (mut blows, mut paused) = (Blows::default(), Vec::new());
        // Each of them at least once, however short it is.
        for which in [0, 5, 9].into_iter().map(Some).chain(std::iter::repeat(None)) {
            sleep(chance.millis(100, 2500));
            if Instant::now() >= until {
                break;
            }
            match which.unwrap_or_else(|| chance.below(10)) {
                0..5 => {
                    blows.kills += 1;
                    let node = chance.pick(&self.nodes);
                    node.kill();
                    sleep(chance.millis(0, 1000));
                    node.start();
                }
                5..9 => {
                    blows.pauses += 1;
                    let is_longest = is_long && chance.one_in(6);
                    let pause = if is_longest { BEYOND_A_LEASE } else { chance.millis(200, 8000) };
                    paused.push(self.pause(chance, pause));
                }
                _ => {
                    let Some(postgres) = &self.postgres else { continue };
                    blows.restarts += 1;
                    postgres.stop(if chance.one_in(2) { "fast" } else { "immediate" });
                    sleep(chance.millis(0, 3000));
                    postgres.start_again();
                }
            }
        }
        for pause in paused {
            pause.join().unwrap();
        }
        blows.gave_up = self.gave_up.load(Ordering::Relaxed);
        blows
    }

    /// Stops one for so long, while other things happen.
    fn pause(&self, chance: &mut Chance, pause: Duration) -> JoinHandle<()> {
        let nodes = self.nodes.clone();
        let which = usize::try_from(chance.below(nodes.len() as u64)).unwrap();
        spawn(move || {
            nodes[which].signal("-STOP");
            sleep(pause);
            nodes[which].signal("-CONT");
        })
    }

    /// No node panicked, and none ended by itself as long as it had its store.
    pub(super) fn are_sound(&self, blows: &Blows) {
        for node in &*self.nodes {
            let log = std::fs::read_to_string(&node.log).unwrap();
            assert!(!log.contains("panicked at"), "a node panicked; {}", self.last_words());
        }
        assert!(blows.restarts > 0 || blows.gave_up == 0, "{blows}; {}", self.last_words());
    }

    /// The ends of their logs.
    pub(super) fn last_words(&self) -> String {
        let mut told = String::new();
        for node in &*self.nodes {
            let log = std::fs::read_to_string(&node.log).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(15)..].join("\n");
            told = format!("{told}\n-- {}\n{last}", node.address);
        }
        format!("the logs in {} end so:{told}", self.folder.path().display())
    }
}

/// Starts a node again that ended by itself, as whatever runs services does.
fn keep(nodes: Arc<Vec<Node>>, gave_up: Arc<AtomicU64>, is_over: Arc<AtomicBool>) -> JoinHandle<()> {
    spawn(move || {
        while !is_over.load(Ordering::Relaxed) {
            for node in nodes.iter().filter(|node| node.gave_up()) {
                gave_up.fetch_add(1, Ordering::Relaxed);
                node.start();
            }
            sleep(Duration::from_millis(300));
        }
    })
}

impl Drop for Machines {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // It has nothing to tell that is not told already.
        drop(self.keeper.take().map(JoinHandle::join));
        self.nodes.iter().for_each(Node::kill);
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            eprintln!("{}", self.last_words());
        }
    }
}

/// A PostgreSQL server of this test's own.
pub(super) struct Postgres {
    pub(super) url: String,
    folder: TempDir,
}

impl Postgres {
    /// `None`, and it says so, on a machine without PostgreSQL; in CI there has to be one.
    pub(super) fn start() -> Option<Self> {
        if !Command::new(here("tools/postgres")).arg("found").status().unwrap().success() {
            assert!(std::env::var_os("CI").is_none(), "there is no PostgreSQL on this machine");
            eprintln!("SKIPPED: there is no PostgreSQL on this machine");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let url = tool(&["start", folder.path().to_str().unwrap()]);
        Some(Self { url, folder })
    }

    fn stop(&self, how: &str) {
        tool(&["stop", self.folder.path().to_str().unwrap(), how]);
    }

    fn start_again(&self) {
        assert_eq!(tool(&["start", self.folder.path().to_str().unwrap()]), self.url);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let stop = ["stop", self.folder.path().to_str().unwrap_or_default(), "immediate"];
        drop(Command::new(here("tools/postgres")).args(stop).status());
    }
}

/// Runs `tools/postgres`; returns what it printed.
fn tool(arguments: &[&str]) -> String {
    // What it starts lives on, and would hold a pipe open.
    let printed = tempfile::NamedTempFile::new().unwrap();
    let stdout = File::options().write(true).open(printed.path()).unwrap();
    let status = Command::new(here("tools/postgres")).args(arguments).stdout(stdout).status().unwrap();
    assert!(status.success(), "tools/postgres {arguments:?}");
    std::fs::read_to_string(printed.path()).unwrap().trim().to_owned()
}

/// A plain proxy: each connection goes to the next node that takes it, and is cut when that node dies. Returns its base
/// URL.
pub(super) async fn proxy(nodes: Vec<SocketAddr>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut nodes = nodes;
        while let Ok((caller, _)) = listener.accept().await {
            nodes.rotate_left(1);
            tokio::spawn(pass(caller, nodes.clone()));
        }
    });
    url
}

async fn pass(mut caller: TcpStream, nodes: Vec<SocketAddr>) {
    for node in nodes {
        if let Ok(Ok(mut node)) = timeout(Duration::from_secs(1), TcpStream::connect(node)).await {
            // However it ended, both connections end with it.
            drop(copy_bidirectional(&mut caller, &mut node).await);
            return;
        }
    }
}
