//! What a server needs to know before it starts. Everything in it is resolved: nothing is optional that has a default.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

/// The settings of one server, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// The address that callers use, if it is another: its host is then allowed in `Host`.
    pub public_url: Option<Url>,
    /// The keys that callers may show. Empty is open mode: any key or none is the one owner `local`.
    pub accept_keys: Vec<String>,
    /// Pages of other origins that may ask from a browser.
    pub cors_origins: Vec<Url>,
    /// The folder of the embedded store.
    pub store: PathBuf,
    /// Folders of documents to answer from, beside the built-in ones.
    pub corpus: Vec<PathBuf>,
    /// What this process does.
    pub role: Role,
    /// How many runs it works on at a time.
    pub slots: usize,
    /// How long running work may go on after a stop was asked for.
    pub drain: Duration,
    /// How often a stream sends something when there is nothing to say; proxies take what is silent for dead.
    pub heartbeat: Duration,
    /// How long a stream lives; `None` is as long as its reader stays.
    pub stream_limit: Option<Duration>,
}

impl Config {
    /// Whether others than this machine's users can reach the server, be it through a proxy.
    pub(crate) fn is_reachable(&self) -> bool {
        !self.listen.ip().is_loopback() || self.public_url.is_some()
    }
}

/// What a process does. All of them share the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Answers callers and works.
    All,
    /// Answers callers.
    Api,
    /// Works.
    Worker,
}
