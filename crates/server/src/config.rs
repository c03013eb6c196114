//! What a server needs to know before it starts. Everything in it is resolved: nothing is optional that has a default.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use legwork_api::secret::Secret;
use legwork_api::signature::Scheme;
use legwork_api::webhook::Output;
pub use legwork_core::node::Role;
use sha2::{Digest as _, Sha256};
use url::Url;

mod llm;
mod research;
pub mod search;

pub use self::llm::{Llm, LlmEndpoint, ModelAt, PROVIDERS, Place, Price, Provider};
pub use self::research::{Override, Research, Tape};
use self::search::Search;

/// The settings of one server, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// The address that callers use, if it is another: its host is then allowed in `Host`.
    pub public_url: Option<Url>,
    /// The keys that callers may show. Without any, be it here or in the store, any key or none is the one owner `local`.
    pub accept_keys: Vec<String>,
    /// Whether it is somebody's own: without keys it takes the store's own key only, and not whoever is on this machine.
    pub is_own: bool,
    /// Pages of other origins that may ask from a browser.
    pub cors_origins: Vec<Url>,
    /// Where runs are kept.
    pub store: StoreAt,
    /// Folders of documents to answer from, beside the built-in ones.
    pub corpus: Vec<PathBuf>,
    /// The folder of an embedding model, by which documents are found by their meaning as well; `None` is by words alone.
    pub embeddings: Option<PathBuf>,
    /// What labels of confidence follow, as `legwork calibrate` wrote it; `None` is a rule.
    pub calibration: Option<PathBuf>,
    /// What this process does.
    pub role: Role,
    /// How many runs it works on at a time.
    pub slots: usize,
    /// How many runs of these processors are worked on at a time at the most, by all processes on the store; 0 is never.
    pub processor_slots: BTreeMap<String, usize>,
    /// How many runs of each key are worked on at a time at the most, by all processes on the store.
    pub key_slots: Option<NonZeroUsize>,
    /// How often each key may create runs a minute; `None` is as often as it likes.
    pub creates_per_minute: Option<NonZeroU32>,
    /// How long runs are kept after their end; `None` is for ever.
    pub retain: Option<Duration>,
    /// How long running work may go on after a stop was asked for.
    pub drain: Duration,
    /// How often a stream sends something when there is nothing to say; proxies take what is silent for dead.
    pub heartbeat: Duration,
    /// How long a stream lives; `None` is as long as its reader stays.
    pub stream_limit: Option<Duration>,
    /// How webhooks are called.
    pub webhooks: Webhooks,
    /// Which language models are asked; `None` is none, whatever runs on this machine.
    pub llm: Option<Llm>,
    /// Who is asked to search the web.
    pub search: Search,
    /// How pages of the web are read.
    pub fetch: Fetch,
    /// How questions are worked on.
    pub research: Research,
}

/// Where runs are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreAt {
    /// The embedded store in this folder: one process at a time.
    Folder(PathBuf),
    /// A PostgreSQL database: any number of processes, on any number of machines.
    Database {
        /// Which one.
        url: DatabaseUrl,
        /// Each process on this machine has a folder of its own for what it need not share: this with a number behind it.
        node: PathBuf,
    },
}

impl StoreAt {
    /// The folder on this machine in which lies what a process keeps for itself; of several, the first.
    pub fn folder(&self) -> PathBuf {
        match self {
            Self::Folder(path) => path.clone(),
            Self::Database { node, .. } => Self::numbered(node, 1),
        }
    }

    /// The folder of this number.
    pub(crate) fn numbered(node: &Path, number: usize) -> PathBuf {
        let mut name = node.as_os_str().to_owned();
        name.push(format!("-{number}"));
        name.into()
    }
}

impl fmt::Display for StoreAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => path.display().fmt(f),
            Self::Database { url, .. } => url.fmt(f),
        }
    }
}

/// The URL of a database. It is shown without the password that is in it.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// Whether this is meant to be one.
    pub fn is(text: &str) -> bool {
        text.starts_with("postgres://") || text.starts_with("postgresql://")
    }

    /// This one; what is wrong with it is found when it is used.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// A name for it that is the same whatever password is given, for a file.
    pub fn short_name(&self) -> String {
        let digest = Sha256::digest(self.to_string().as_bytes());
        let first = digest.iter().take(4).fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
        format!("{first:08x}")
    }

    /// All of it.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("postgres", &self.0));
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        write!(f, "{scheme}://")?;
        match rest.rsplit_once('@') {
            None => f.write_str(rest)?,
            Some((user, host)) => write!(f, "{}@{host}", user.split(':').next().unwrap_or_default())?,
        }
        // A password may stand here as well.
        match query {
            Some(query) if !query.contains("password") => write!(f, "?{query}"),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// How webhooks are called.
#[derive(Clone, Debug, Default)]
pub struct Webhooks {
    /// What they are signed with, all at once so that secrets can be changed without a gap. Without any, each owner's are
    /// signed with a secret that was made for him.
    pub secrets: Vec<Secret>,
    /// How a secret is read.
    pub scheme: Scheme,
    /// When the output is sent along.
    pub output: Output,
    /// Where they may go beside the public internet.
    pub targets: Targets,
}

/// Addresses beyond the public internet that webhooks may go to.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// All private networks, this machine among them.
    pub private: bool,
    /// These hosts, each as `host` or `host:port`.
    pub hosts: Vec<String>,
}

/// How pages are fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// Hosts that pages are fetched from whatever their address and port is, each as `host` or `host:port`.
    pub allow_hosts: Vec<String>,
    /// Whether sites are asked in their `robots.txt` where robots may go.
    pub robots: bool,
    /// Where hosts can read who asks them, and complain.
    pub contact: Option<Url>,
}

impl Default for Fetch {
    fn default() -> Self {
        Self { allow_hosts: Vec::new(), robots: true, contact: None }
    }
}

impl Config {
    /// What callers put before `/v1`: the public address, or the one that is listened at. Empty when that is every address
    /// of the machine: which of them callers use is not known.
    pub(crate) fn callers_base(&self, listening: SocketAddr) -> String {
        match &self.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None if listening.ip().is_unspecified() => String::new(),
            None => format!("http://{listening}"),
        }
    }

    /// What the documents that are answered from are called: the built-in ones, and the operator's folders.
    pub(crate) fn documents(&self) -> Vec<String> {
        let own = self.corpus.iter().filter_map(|folder| folder.file_name());
        std::iter::once("World Factbook".to_owned())
            .chain(own.map(|name| name.to_string_lossy().into_owned()))
            .collect()
    }

    /// Whether others than this machine's users can reach the server, be it through a proxy.
    pub fn is_reachable(&self) -> bool {
        !self.listen.ip().is_loopback() || self.public_url.is_some()
    }

    /// Who may come in as long as there are no keys.
    pub(crate) fn reach(&self) -> Reach {
        match (self.is_reachable(), self.is_own) {
            (true, _) => Reach::Beyond,
            (false, true) => Reach::Folder,
            (false, false) => Reach::Machine,
        }
    }
}

/// Who may come in as long as there are no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Whoever can read the store's folder.
    Folder,
    /// Whoever is on this machine.
    Machine,
    /// Whoever can read the store's folder; others can ask, too.
    Beyond,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_a_database_is_never_shown() {
        for (url, shown) in [
            ("postgres://me:secret@db:5432/legwork?sslmode=require", "postgres://me@db:5432/legwork?sslmode=require"),
            ("postgres://me:s%40c@ret@db/legwork", "postgres://me@db/legwork"),
            ("postgres:///legwork?host=/run&password=secret", "postgres:///legwork"),
            ("postgresql://db/legwork", "postgresql://db/legwork"),
        ] {
            let url = DatabaseUrl::new(url.to_owned());
            assert_eq!((url.to_string().as_str(), format!("{url:?}").as_str()), (shown, shown));
        }
    }
}
