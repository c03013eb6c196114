//! The server under test: this very program as a process of its own.

use std::io::{self, BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::store::Store;
use super::wire::{Answer, Wire, get, post};

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server at work. It is killed when this is dropped.
pub(super) struct Server {
    child: Child,
    store: Store,
    pub(super) address: SocketAddr,
}

impl Server {
    /// Starts one whose processors do nothing, and waits until it listens.
    pub(super) async fn start(store: &Store, arguments: &[&str]) -> Result<Self> {
        Self::of(store, &[&["--idle"], arguments].concat(), &[]).await
    }

    /// The same, with the researcher behind its processors and these variables beside those of this process.
    pub(super) async fn researching(store: &Store, arguments: &[&str], variables: &[(&str, &str)]) -> Result<Self> {
        Self::of(store, arguments, variables).await
    }

    async fn of(store: &Store, arguments: &[&str], variables: &[(&str, &str)]) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", "--listen", "127.0.0.1:0", "--log", "json"]).args(arguments);
        // What is set for this machine's own server is not what is measured, and may cost something.
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"LEGWORK_") {
                command.env_remove(name);
            }
        }
        command.envs(variables.iter().copied());
        // Whatever is usually logged here, where it listens is said.
        store.give(command.env("RUST_LOG", "legwork=info"));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let log = child.stderr.take().context("no log")?;
        // From here on it is killed whatever comes.
        let mut server = Self { child, store: store.clone(), address: ([127, 0, 0, 1], 0).into() };
        let listens = timeout(PATIENCE, listening(log)).await.context("the server does not listen")?;
        server.address = listens?.map_err(|said| anyhow!("the server ended before it listened; it said: {said}"))?;
        Ok(server)
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

    /// How long it has worked: processor time, its own and that of the system for it.
    pub(super) fn worked(&self) -> Result<Duration> {
        let path = format!("/proc/{}/stat", self.child.id());
        let line = std::fs::read_to_string(path).context("processor time can be read on Linux only")?;
        ticks(&line).map(|ticks| Duration::from_millis(ticks * 1000 / TICKS)).context("no processor time")
    }

    /// `kill -9`; returns the store.
    pub(super) fn kill(mut self) -> Result<Store> {
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

/// Processor time is counted in hundredths of a second on every Linux there is.
const TICKS: u64 = 100;

/// The processor time in a line of `/proc/PID/stat`: fields 14 and 15, of which 2 is a name in brackets that may hold anything.
fn ticks(line: &str) -> Option<u64> {
    let mut fields = line.rsplit_once(')')?.1.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// Reads a server's log to its end, and says where it listens; if it never does, what it said instead.
fn listening(log: ChildStderr) -> oneshot::Receiver<Result<SocketAddr, String>> {
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || {
        let (mut sender, mut said) = (Some(sender), Vec::new());
        for line in BufReader::new(log).lines().map_while(io::Result::ok) {
            // It is read on, since the server would stand still when nobody did.
            let Some(waiting) = sender.take() else { continue };
            if let Some(address) = address(&line) {
                // Nobody waits for it any more, then.
                drop(waiting.send(Ok(address)));
            } else {
                said.push(line);
                sender = Some(waiting);
            }
        }
        if let Some(waiting) = sender {
            drop(waiting.send(Err(said.join(" "))));
        }
    });
    receiver
}

/// The address in the line that says where it listens.
fn address(line: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    line["server.address"].as_str()?.parse().ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_from_its_line() {
        let line = "42 (a) b (c) S 1 42 42 0 -1 4194560 500 0 0 0 17 8 0 0 20 0 4 0 100";
        assert_eq!(ticks(line), Some(25));
        assert_eq!(ticks("42 (legwork) S 1"), None);
    }

    #[test]
    fn where_a_server_listens_is_read_from_its_log() {
        let line = r#"{"level":"INFO","message":"listening","server.address":"127.0.0.1:4711","target":"legwork"}"#;
        assert_eq!(address(line), Some("127.0.0.1:4711".parse().unwrap()));
        assert_eq!(address("error: the store is in use"), None);
        assert_eq!(address(r#"{"message":"stopping"}"#), None);
    }
}
