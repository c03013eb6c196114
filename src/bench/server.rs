//! The server under test: this very program as a process of its own.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use legwork_server::folder::holder;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::wire::{Answer, Wire, get, post};

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server at work. It is killed when this is dropped.
pub(super) struct Server {
    child: Child,
    store: PathBuf,
    pub(super) address: SocketAddr,
}

impl Server {
    /// Starts one whose processors do nothing, and waits until it listens.
    pub(super) async fn start(store: &Path, arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", "--idle", "--listen", "127.0.0.1:0", "--store"]).arg(store).args(arguments);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let give_up = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = holder(store).filter(|at| at.pid == child.id()) {
                return Ok(Self { child, store: store.to_owned(), address: at.address });
            }
            ensure!(child.try_wait()?.is_none(), "the server ended before it listened");
            ensure!(Instant::now() < give_up, "the server does not listen");
            sleep(Duration::from_millis(1)).await;
        }
    }

    pub(super) async fn wire(&self) -> io::Result<Wire> {
        Wire::open(self.address).await
    }

    /// Memory that the process has in RAM, in bytes.
    pub(super) fn resident(&self) -> Result<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).context("memory can be read on Linux only")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kilobytes * 1024)
    }

    /// `kill -9`; returns the store.
    pub(super) fn kill(mut self) -> Result<PathBuf> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(self.store.clone())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A request for a run, of about 1 KB and like no other.
pub(super) fn request(number: usize) -> Vec<u8> {
    let padding = "legwork does the legwork. ".repeat(36);
    post("/v1/tasks/runs", &format!(r#"{{"processor":"base","input":"{number}: {padding}"}}"#))
}

/// The id of the run that an answer accepts.
pub(super) fn accepted(answer: &Answer) -> Result<String> {
    let id = super::wire::field(&answer.body, "run_id").filter(|_| answer.status == 202);
    id.map(str::to_owned).with_context(|| format!("a create was answered with {}", answer.status))
}

/// Kills a server, starts another on its store, and counts what it finds there.
pub(super) async fn count_after_kill(server: Server) -> Result<usize> {
    let store = server.kill()?;
    let again = Server::start(&store, &["--role", "api"]).await?;
    let mut wire = again.wire().await?;
    let (mut count, mut cursor) = (0, String::new());
    loop {
        let answer = wire.call(&get(&format!("/v1/tasks/runs?limit=1000&cursor={cursor}"))).await?;
        let page: Value = serde_json::from_slice(&answer.body)?;
        let Some(runs) = page["runs"].as_array() else { bail!("a list was answered with {page}") };
        count += runs.len();
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return Ok(count),
        }
    }
}
