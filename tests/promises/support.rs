//! The built binary as a server in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use legwork_server::folder::{ServerFile, holder};

/// A server process. It is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) at: ServerFile,
}

/// The program under test, without the environment of whoever runs the test.
pub(crate) fn legwork() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_legwork"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("LEGWORK_") || name.starts_with("PARALLEL_"))
    {
        command.env_remove(name);
    }
    // No configuration of the user's either.
    command.env("XDG_CONFIG_HOME", "/nonexistent").env("NO_COLOR", "1");
    command
}

impl Server {
    /// Starts one on this store, at any free port, and waits until it listens.
    pub(crate) fn start(store: &Path, arguments: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", store, arguments)
    }

    /// Starts one at this address.
    pub(crate) fn start_at(address: &str, store: &Path, arguments: &[&str]) -> Self {
        let mut command = legwork();
        command.args(["serve", "--listen", address, "--store"]).arg(store).args(arguments);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let give_up = Instant::now() + Duration::from_mins(1);
        loop {
            if let Some(at) = holder(store).filter(|at| at.pid == child.id()) {
                return Self { child, at };
            }
            assert!(child.try_wait().unwrap().is_none(), "the server ended before it listened");
            assert!(Instant::now() < give_up, "the server does not listen");
            // The one thing that can be watched from outside is the file it leaves; there is nothing to wait on.
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Its address as a base URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.at.address)
    }

    /// `kill -9`: nothing of it gets another word in.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A folder below the repository.
pub(crate) fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A tool that the test command provides: it is there, or the test says that it is skipped; in CI it has to be there.
pub(crate) fn provided(variable: &str) -> Option<String> {
    let found = std::env::var(variable).ok();
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "{variable} is not set: run the tests with ./test");
        eprintln!("SKIPPED: {variable} is not set; ./test sets it");
    }
    found
}
