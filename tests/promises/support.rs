//! The built binary as a server in a folder of its own.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use legwork_server::folder::{ServerFile, holder};
use serde_json::Value;
use tempfile::TempDir;
use url::Url;
use uuid::Uuid;

/// A server process. It is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    file: Option<ServerFile>,
}

/// Where a server of one test keeps its runs: in a folder of its own; or, with `LEGWORK_TEST_STORE=postgres`, in a database of
/// its own on the PostgreSQL server at `LEGWORK_TEST_POSTGRES`. It goes when this is dropped, so after the server.
pub(crate) enum Store {
    Folder(TempDir),
    Database { server: Url, name: String, url: OsString },
}

impl Store {
    pub(crate) fn new() -> Self {
        match std::env::var("LEGWORK_TEST_STORE").as_deref() {
            Ok("postgres") => Self::database(),
            Ok(other) => panic!("LEGWORK_TEST_STORE is `postgres` or not set, not `{other}`"),
            Err(_) => Self::Folder(tempfile::tempdir().unwrap()),
        }
    }

    /// One in a database whatever the others are in; `None`, and it says so, where there is no server for it.
    pub(crate) fn in_a_database() -> Option<Self> {
        provided("LEGWORK_TEST_POSTGRES").map(|_| Self::database())
    }

    fn database() -> Self {
        let server = std::env::var("LEGWORK_TEST_POSTGRES").expect("LEGWORK_TEST_POSTGRES names a server");
        let server: Url = server.parse().unwrap();
        let name = format!("legwork_{}", Uuid::new_v4().simple());
        sql(&server, &format!("create database {name}"));
        let mut url = server.clone();
        url.set_path(&name);
        Self::Database { server, name, url: url.as_str().into() }
    }
}

impl AsRef<OsStr> for Store {
    /// What `--store` is given.
    fn as_ref(&self) -> &OsStr {
        match self {
            Self::Folder(folder) => folder.path().as_os_str(),
            Self::Database { url, .. } => url,
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Self::Database { server, name, .. } = self {
            sql(server, &format!("drop database {name} with (force)"));
        }
    }
}

fn sql(server: &Url, statement: &str) {
    let ran = Command::new("psql").args(["--quiet", "--no-psqlrc", "--command", statement, server.as_str()]).output();
    let ran = ran.expect("the tests on PostgreSQL need psql");
    // While a test fails already, that is what there is to say.
    assert!(ran.status.success() || std::thread::panicking(), "{}", String::from_utf8_lossy(&ran.stderr));
}

/// The program under test, without the environment of whoever runs the test.
pub(crate) fn legwork() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_legwork"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("LEGWORK_") || name.starts_with("PARALLEL_"))
    {
        command.env_remove(name);
    }
    // No configuration of the user's either, and no language model that may run on this machine.
    command.env("XDG_CONFIG_HOME", "/nonexistent").env("NO_COLOR", "1").env("LEGWORK_LLM", "off");
    // Nor the web: what it knows today is nothing to hold a test to.
    command.env("LEGWORK_SEARCH", "none");
    command
}

impl Server {
    /// Starts one on this store, at any free port, and waits until it listens.
    pub(crate) fn start(store: &(impl AsRef<OsStr> + ?Sized), arguments: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", store, arguments)
    }

    /// Starts one at this address.
    pub(crate) fn start_at(address: &str, store: &(impl AsRef<OsStr> + ?Sized), arguments: &[&str]) -> Self {
        let store = store.as_ref();
        let mut command = legwork();
        command.args(["serve", "--listen", address, "--store"]).arg(store).args(arguments).stdout(Stdio::null());
        if store.to_string_lossy().contains("://") {
            Self::by_its_log(command)
        } else {
            Self::by_its_file(command, store)
        }
    }

    /// One on a folder says there where it is.
    fn by_its_file(mut command: Command, store: &OsStr) -> Self {
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let give_up = Instant::now() + Duration::from_mins(1);
        loop {
            if let Some(file) = holder(Path::new(store)).filter(|file| file.pid == child.id()) {
                return Self { child, address: file.address, file: Some(file) };
            }
            assert!(child.try_wait().unwrap().is_none(), "the server ended before it listened");
            assert!(Instant::now() < give_up, "the server does not listen");
            // The one thing that can be watched from outside is the file it leaves; there is nothing to wait on.
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Any other says it in its log.
    fn by_its_log(mut command: Command) -> Self {
        let mut child = command.args(["--log", "json"]).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut told = String::new();
        let address = loop {
            let start = told.len();
            assert_ne!(log.read_line(&mut told).unwrap(), 0, "the server ended before it listened: {told}");
            // An error that ends the program is no line of its log.
            let Ok(line) = serde_json::from_str::<Value>(&told[start..]) else { continue };
            if line["message"] == "listening" {
                break line["server.address"].as_str().unwrap().parse().unwrap();
            }
        };
        // Nobody reads on, and nothing may wait for that.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { child, address, file: None }
    }

    /// What one on a folder left there.
    pub(crate) fn file(&self) -> &ServerFile {
        self.file.as_ref().expect("the store is a folder")
    }

    /// Its address as a base URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
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
