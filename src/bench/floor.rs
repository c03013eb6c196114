//! What the machine itself can do: how often it writes to disk, and how fast the bare web framework answers.

use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::load;
use super::wire::post;

/// Writes of a page that are on disk, each second.
pub(super) fn fsyncs(folder: &Path) -> Result<f64> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join("floor");
    let mut file = File::create(&path)?;
    let (page, begun) = ([7; 8192], Instant::now());
    let mut count = 0_u32;
    while begun.elapsed() < Duration::from_secs(1) {
        file.write_all(&page)?;
        file.sync_data()?;
        count += 1;
    }
    let rate = f64::from(count) / begun.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(rate)
}

/// Answers each second of the web framework with nothing behind it, on as many connections and for bodies as long.
pub(super) async fn bare_posts(seconds: u64) -> Result<f64> {
    let bare = Bare::start().await?;
    Ok(load::posts(bare.address, seconds, post("/", &"x".repeat(1000))).await?.rate())
}

/// The web framework with nothing behind it, in a process of its own, until this is dropped.
pub(super) struct Bare {
    _process: Killed,
    pub(super) address: SocketAddr,
}

impl Bare {
    pub(super) async fn start() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let command =
            command.args(["bench", "--floor"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = Killed(command.spawn()?);
        let out = process.0.stdout.take().context("no output")?;
        let mut lines = BufReader::new(tokio::process::ChildStdout::from_std(out)?).lines();
        let address = lines.next_line().await?.context("the floor does not listen")?.parse()?;
        Ok(Self { _process: process, address })
    }
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Is the floor, in a process of its own, until it is killed.
pub(crate) async fn serve(listening: impl FnOnce(SocketAddr)) -> Result<()> {
    Ok(legwork_server::bare("127.0.0.1:0".parse()?, listening).await?)
}
