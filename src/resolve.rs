//! From what was typed to what will be used: flags before variables before the settings file before the defaults.
//! Afterwards nothing is optional and nothing is left to check.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs as _, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use legwork_core::tier::Tier;
use legwork_server::config::{Config, DatabaseUrl, PROVIDERS, Role, StoreAt};
use url::Url;
use uuid::Uuid;

use crate::args::{EngineArgs, LogArg, RoleArg, ServeArgs, StoreArgs, TargetArgs};
use crate::config_file::ConfigFile;
use crate::environment::Environment;
use crate::expiry::Length;

mod fetch;
mod llm;
mod research;
mod search;
mod webhooks;

pub(crate) use self::llm::{key_variables, unused_key};
pub(crate) use self::search::{hints, usual_search};
pub(crate) use self::webhooks::secrets;

const PORT: u16 = 8787;
const SLOTS: usize = 64;
const DRAIN: Duration = Duration::from_secs(10);
/// Below the 30 s after which many a proxy gives up, and below every SDK's patience.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What `serve` will use.
#[derive(Debug)]
pub(crate) struct Serve {
    pub(crate) config: Config,
    pub(crate) log: LogArg,
}

/// Whom a command will talk to.
#[derive(Debug)]
pub(crate) enum Target {
    /// The server at this address.
    Server {
        /// Its address, as it was given.
        url: String,
        /// The key to show it.
        key: Option<String>,
        /// It was named for us, and not only for the official SDKs.
        named: bool,
    },
    /// Whoever runs on this store; nobody is no obstacle.
    Store(Box<Local>),
}

/// A store on this machine.
#[derive(Debug)]
pub(crate) struct Local {
    /// How to run on it if nobody does.
    pub(crate) config: Config,
    /// The key that was given, if one was; else the store's own is used.
    pub(crate) key: Option<String>,
    /// It was named, and is not the usual one.
    named: bool,
}

impl Target {
    /// What has to be typed for the next command to talk to the same one: nothing, or an option with a space before it.
    pub(crate) fn option(&self) -> String {
        match self {
            Self::Server { url, named: true, .. } => format!(" --server {}", quoted(url)),
            Self::Store(local) if local.named => format!(" --store {}", quoted(&local.config.store.to_string())),
            Self::Server { .. } | Self::Store(_) => String::new(),
        }
    }

    /// The address of ours by which it can reach us: loopback for one on this machine, as each that runs on a store is, else
    /// the one that the way to it begins at. No packet is sent to find that out.
    pub(crate) fn reaches_us_at(&self) -> IpAddr {
        let way = |url: &str| {
            let url = Url::parse(url).ok()?;
            let host = url.host_str()?.trim_matches(['[', ']']);
            let to = (host, url.port_or_known_default()?).to_socket_addrs().ok()?.next()?;
            let any: SocketAddr = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }.parse().ok()?;
            let socket = UdpSocket::bind(any).ok()?;
            socket.connect(to).ok()?;
            Some(socket.local_addr().ok()?.ip())
        };
        let found = match self {
            Self::Server { url, .. } => way(url),
            Self::Store(_) => None,
        };
        found.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    /// Lets the engine that a command may become call this receiver, which is the command's own.
    pub(crate) fn allow(&mut self, receiver: SocketAddr) {
        match self {
            Self::Store(local) => local.config.webhooks.targets.hosts.push(receiver.to_string()),
            Self::Server { .. } => {}
        }
    }
}

/// A word as a shell reads it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/.:_-[]@%+,=".contains(&byte);
    if word.bytes().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// How a server comes by keys.
const MAKE_ONE: &str = "make one with `legwork key create NAME`, or give one";

/// Why what was typed, set or written down cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadConfig {
    #[error("the settings file {} cannot be read", path.display())]
    NoFile { path: PathBuf, source: io::Error },
    #[error("the settings file {} is wrong: {why}", path.display())]
    File { path: PathBuf, why: String },
    #[error("`{0}` is no address to listen on")]
    Listen(String),
    #[error("a server that listens on {0} can be reached from other machines, and has no key")]
    NeedsKey(SocketAddr),
    #[error("a server that is reached at {0} can be reached from other machines, and has no key")]
    NeedsKeyAt(Url),
    #[error("`{0}` is no public address of a server")]
    PublicUrl(String),
    #[error("`{0}` is no origin of a page")]
    Cors(String),
    #[error("the file {} cannot be read", path.display())]
    KeyFile { path: PathBuf, source: io::Error },
    #[error("a key is a text without spaces, in ASCII; one of those given is not")]
    Key,
    #[error("the store is a database, and this is for folders")]
    Database,
    #[error("`{0}` is neither a folder nor a PostgreSQL database")]
    Store(String),
    #[error("there is no folder to keep runs in: HOME is not set")]
    NoHome,
    #[error("--{name} is a number of seconds above 0, not {given}")]
    Seconds { name: &'static str, given: f64 },
    #[error(
        "a webhook secret cannot be used: it is empty, has spaces in it, or is not `whsec_` and base64 where it has to be"
    )]
    Secret,
    #[error("`{0}` is no host to be allowed")]
    AllowedTarget(String),
    #[error("`{0}` is neither a place of language models that is known by name nor a base URL")]
    LlmPlace(String),
    #[error("which model of {0} is not said")]
    LlmModel(&'static str),
    #[error("{provider} wants a key, and there is none")]
    LlmNoKey { provider: &'static str, variable: &'static str },
    #[error("a key for language models is given, and not for which place")]
    LlmKeyWithoutPlace,
    #[error("a key for language models is one text without spaces, in ASCII; that which is given is not")]
    LlmKey,
    #[error("the search provider `{name}` {why}")]
    Search { name: String, why: String, hint: Option<String> },
    #[error("`[tiers.{0}]` is set, and there is no such processor")]
    NoTier(String),
    #[error("`[tiers.{0}]` has a `soft_seconds` above its `hard_seconds`")]
    TierTimes(String),
    #[error("what is recorded is not replayed at the same time")]
    TwoTapes,
    #[error("there is no recording in {}", .0.display())]
    NoRecording(PathBuf),
    #[error("`{0}` is no host to fetch pages from")]
    AllowedHost(String),
    #[error("`{0}` is neither a page nor a mailbox")]
    Contact(String),
    #[error("slots are given to `{0}`, and there is no such processor")]
    NoProcessor(String),
    #[error("with 0 slots nothing would ever be worked on")]
    NoSlots,
    #[error("a variable of the environment is wrong: {0}")]
    Variable(String),
}

impl BadConfig {
    /// What to try.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::NeedsKey(listen) => {
                let key = Uuid::new_v4().simple();
                Some(format!("{MAKE_ONE}: legwork serve --listen {listen} --accept-key {key}"))
            }
            Self::NeedsKeyAt(url) => {
                let key = Uuid::new_v4().simple();
                Some(format!("{MAKE_ONE}: legwork serve --public-url {} --accept-key {key}", quoted(url.as_str())))
            }
            Self::Listen(_) => Some("write an IP address and a port, for example 127.0.0.1:8787".to_owned()),
            Self::PublicUrl(_) => Some("write it as callers do, for example https://tasks.example.com".to_owned()),
            Self::Cors(_) => Some("write scheme, host and port alone, for example https://app.example.com".to_owned()),
            Self::Database => Some("copy a database with `pg_dump`, or its store with `legwork export`".to_owned()),
            Self::Store(_) => Some("give a folder or a postgres:// URL with --store or LEGWORK_STORE".to_owned()),
            Self::NoHome => Some("give a folder with --store or LEGWORK_STORE".to_owned()),
            Self::Search { hint, .. } => hint.clone(),
            Self::NoSlots => Some("use --role api for a server that only answers".to_owned()),
            Self::NoProcessor(_) | Self::NoTier(_) => {
                Some(format!("the processors are {}", Tier::names().collect::<Vec<_>>().join(", ")))
            }
            Self::TierTimes(_) => {
                Some("looking ends with the soft ones, and the run with the hard ones, which are to be more".to_owned())
            }
            Self::TwoTapes => Some("give one of --record and --replay".to_owned()),
            Self::NoRecording(_) => Some("--record writes one".to_owned()),
            Self::Secret => Some("`legwork key webhook --new` makes one".to_owned()),
            Self::AllowedTarget(_) => Some("write host or host:port, for example hooks.lan:9000".to_owned()),
            Self::LlmPlace(_) => {
                let names: Vec<_> = PROVIDERS.iter().map(|provider| provider.name).collect();
                let known = names.join(", ");
                Some(format!("write {known}, off, or a URL like http://127.0.0.1:11434/v1, without a key in it"))
            }
            Self::LlmModel(_) => Some("name it with --llm-model or LEGWORK_LLM_MODEL".to_owned()),
            Self::LlmNoKey { variable, .. } => Some(format!("give it with --llm-api-key, or set {variable}")),
            Self::LlmKeyWithoutPlace => Some("name the place with --llm, or for a role with --llm-reader".to_owned()),
            Self::AllowedHost(_) => Some("write host or host:port, for example wiki.lan or 10.0.0.7:8080".to_owned()),
            Self::Contact(_) => Some("write https://example.com/about-our-bot, or mailto:bots@example.com".to_owned()),
            Self::Seconds { .. }
            | Self::NoFile { .. }
            | Self::File { .. }
            | Self::KeyFile { .. }
            | Self::Key
            | Self::LlmKey
            | Self::Variable(_) => None,
        }
    }
}

/// What `serve` will use.
pub(crate) fn serve(args: ServeArgs, file: ConfigFile, environment: &Environment) -> Result<Serve, BadConfig> {
    let webhooks = webhooks::webhooks(args.engine.webhooks, &file)?;
    let llm = llm::llm(args.engine.llm, file.llm, environment)?;
    let calibration = path(args.store.calibration.clone().or(file.calibration));
    let embeddings = path(args.store.embeddings.clone().or(file.embeddings));
    let search = search::search(args.search, file.search, environment)?;
    let fetch = fetch::fetch(args.engine.fetch, &file.fetch)?;
    let research = research::research(
        args.record.or(file.record),
        args.replay.or(file.replay),
        file.tiers,
        args.ask_back || file.ask_back,
    )?;
    let (store, corpus) = store(args.store, file.store, file.corpus, environment)?;
    let config = Config {
        listen: listen(args.listen.or(file.listen))?,
        public_url: args.public_url.or(file.public_url).map(public_url).transpose()?,
        accept_keys: keys(if args.accept_keys.is_empty() { file.accept_keys } else { args.accept_keys })?,
        is_own: false,
        cors_origins: cors(if args.cors_origins.is_empty() { file.cors_origins } else { args.cors_origins })?,
        store,
        corpus,
        embeddings,
        calibration,
        role: args.role.or(file.role).map_or(Role::All, Role::from),
        slots: slots(args.slots.or(file.slots))?,
        processor_slots: processor_slots(if args.processor_slots.is_empty() {
            file.processor_slots
        } else {
            args.processor_slots.into_iter().collect()
        })?,
        key_slots: args.key_slots.or(file.key_slots),
        retain: args.retain.or(file.retain).map(Length::time),
        creates_per_minute: args.creates_per_minute.or(file.creates_per_minute),
        drain: args.drain.or(file.drain).map_or(DRAIN, Duration::from_secs),
        heartbeat: args.heartbeat.or(file.heartbeat).map_or(Ok(HEARTBEAT), |given| seconds("heartbeat", given))?,
        stream_limit: args
            .stream_limit
            .or(file.stream_limit)
            .map(|given| seconds("stream-limit", given))
            .transpose()?,
        webhooks,
        llm,
        search,
        fetch,
        research,
    };
    Ok(Serve { config, log: args.log.or(file.log).unwrap_or_default() })
}

/// Whether a server that was given no key, and has so many in its store, may be reached as it would be.
pub(crate) fn check_reach(config: &Config, made: usize) -> Result<(), BadConfig> {
    if !config.accept_keys.is_empty() || made > 0 {
        return Ok(());
    }
    if !config.listen.ip().is_loopback() {
        return Err(BadConfig::NeedsKey(config.listen));
    }
    // Whatever stands in front of it asks from this machine, and lets others in.
    config.public_url.clone().map_or(Ok(()), |url| Err(BadConfig::NeedsKeyAt(url)))
}

/// A store that is looked at as it lies there.
pub(crate) fn store_at(
    typed: Option<String>,
    file: ConfigFile,
    environment: &Environment,
) -> Result<StoreAt, BadConfig> {
    let typed = StoreArgs { store: typed, ..StoreArgs::default() };
    Ok(store(typed, file.store, Vec::new(), environment)?.0)
}

/// The same, where it can only be a folder.
pub(crate) fn folder(typed: Option<String>, file: ConfigFile, environment: &Environment) -> Result<PathBuf, BadConfig> {
    match store_at(typed, file, environment)? {
        StoreAt::Folder(folder) => Ok(folder),
        StoreAt::Database { .. } => Err(BadConfig::Database),
    }
}

/// Whom a command will talk to. A store that was named goes before the variable of the official SDKs: it is meant for
/// us.
///
/// `engine` says what the environment says of an engine's settings: commands have no such options, and those that talk to a
/// server that was named have no use for them.
pub(crate) fn target(
    args: TargetArgs,
    engine: impl FnOnce() -> Result<EngineArgs, BadConfig>,
    file: ConfigFile,
    environment: &Environment,
) -> Result<Target, BadConfig> {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let key = given(args.api_key);
    let parallel = environment.parallel_base_url.clone().filter(|_| args.store.store.is_none());
    let in_file = file.server.clone().filter(|_| args.store.store.is_none());
    let typed = given(args.server);
    let named = typed.is_some();
    if let Some(url) = typed.or(parallel).or(in_file) {
        let key = key.or_else(|| environment.parallel_api_key.clone()).or(file.api_key);
        return Ok(Target::Server { url, key, named });
    }
    let named = args.store.store.is_some();
    let accept_keys = match &environment.accept_keys {
        Some(list) => list.split(',').map(str::to_owned).collect(),
        None => file.accept_keys.clone(),
    };
    let engine = engine()?;
    let webhooks = webhooks::webhooks(engine.webhooks, &file)?;
    let llm = llm::llm(engine.llm, file.llm, environment)?;
    let calibration = path(args.store.calibration.clone().or(file.calibration));
    let embeddings = path(args.store.embeddings.clone().or(file.embeddings));
    let named_search = environment.search.iter().flat_map(|list| list.split(',')).map(str::to_owned).collect();
    let search = search::search(named_search, file.search, environment)?;
    let fetch = fetch::fetch(engine.fetch, &file.fetch)?;
    let research = research::research(file.record, file.replay, file.tiers, file.ask_back)?;
    let (store, corpus) = store(args.store, file.store, file.corpus, environment)?;
    let config = Config {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        public_url: None,
        accept_keys: keys(accept_keys)?,
        // The engine of a command serves those who can read the store's folder.
        is_own: true,
        cors_origins: Vec::new(),
        store,
        corpus,
        embeddings,
        calibration,
        role: Role::All,
        slots: slots(file.slots)?,
        processor_slots: processor_slots(file.processor_slots)?,
        key_slots: file.key_slots,
        // A command comes and goes: what is forgotten is the server's to say.
        retain: None,
        creates_per_minute: None,
        // What is not done goes on with the next command.
        drain: Duration::ZERO,
        heartbeat: HEARTBEAT,
        stream_limit: None,
        webhooks,
        llm,
        search,
        fetch,
        research,
    };
    Ok(Target::Store(Box::new(Local { config, key: key.or(file.api_key), named })))
}

/// The folder of the store, and the folders of documents.
pub(crate) fn documents(
    typed: StoreArgs,
    file: ConfigFile,
    environment: &Environment,
) -> Result<(PathBuf, Vec<PathBuf>), BadConfig> {
    store(typed, file.store, file.corpus, environment).map(|(store, corpus)| (store.folder(), corpus))
}

fn store(
    typed: StoreArgs,
    in_file: Option<String>,
    corpus_in_file: Vec<PathBuf>,
    environment: &Environment,
) -> Result<(StoreAt, Vec<PathBuf>), BadConfig> {
    let store = match typed.store.or(in_file).filter(|store| !store.is_empty()) {
        None => StoreAt::Folder(environment.data_folder().ok_or(BadConfig::NoHome)?),
        Some(at) if DatabaseUrl::is(&at) => {
            let url = DatabaseUrl::new(at);
            // What lies there can be had again, so where nobody is at home any folder will do.
            let data = environment.data_folder().unwrap_or_else(|| std::env::temp_dir().join("legwork"));
            let node = data.join("nodes").join(url.short_name());
            StoreAt::Database { url, node }
        }
        Some(at) if at.contains("://") => return Err(BadConfig::Store(at)),
        Some(at) => StoreAt::Folder(PathBuf::from(at)),
    };
    let corpus = if typed.corpus.is_empty() { corpus_in_file } else { typed.corpus };
    Ok((store, corpus))
}

/// An empty name is none.
fn path(given: Option<PathBuf>) -> Option<PathBuf> {
    given.filter(|path| !path.as_os_str().is_empty())
}

fn listen(given: Option<String>) -> Result<SocketAddr, BadConfig> {
    let Some(text) = given else { return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT))) };
    if let Ok(port) = text.parse::<u16>() {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    let numbers = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    numbers.as_deref().unwrap_or(&text).parse().map_err(|_| BadConfig::Listen(text))
}

fn public_url(text: String) -> Result<Url, BadConfig> {
    match Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => Err(BadConfig::PublicUrl(text)),
    }
}

fn cors(given: Vec<String>) -> Result<Vec<Url>, BadConfig> {
    let origin = |text: String| match Url::parse(&text) {
        Ok(url) if url.origin().is_tuple() && url.origin().ascii_serialization() == text.trim_end_matches('/') => {
            Ok(url)
        }
        _ => Err(BadConfig::Cors(text)),
    };
    given.into_iter().map(origin).collect()
}

fn seconds(name: &'static str, given: f64) -> Result<Duration, BadConfig> {
    Duration::try_from_secs_f64(given).ok().filter(|time| !time.is_zero()).ok_or(BadConfig::Seconds { name, given })
}

fn slots(given: Option<usize>) -> Result<usize, BadConfig> {
    match given.unwrap_or(SLOTS) {
        0 => Err(BadConfig::NoSlots),
        slots => Ok(slots),
    }
}

fn processor_slots(given: BTreeMap<String, usize>) -> Result<BTreeMap<String, usize>, BadConfig> {
    match given.keys().find(|name| Tier::of(name).is_none()) {
        Some(unknown) => Err(BadConfig::NoProcessor(unknown.clone())),
        None => Ok(given),
    }
}

/// Keys as they were given.
fn keys(given: Vec<String>) -> Result<Vec<String>, BadConfig> {
    let keys = texts(given)?;
    let fits = |key: &String| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
    if keys.iter().all(fits) { Ok(keys) } else { Err(BadConfig::Key) }
}

/// Texts as they were given, and those in the files that were named with `@`.
fn texts(given: Vec<String>) -> Result<Vec<String>, BadConfig> {
    let mut texts = Vec::new();
    for text in given {
        match text.strip_prefix('@') {
            Some(path) => texts.extend(lines_of(Path::new(path))?),
            None => texts.push(text.trim().to_owned()),
        }
    }
    Ok(texts)
}

fn lines_of(path: &Path) -> Result<Vec<String>, BadConfig> {
    let text = std::fs::read_to_string(path).map_err(|source| BadConfig::KeyFile { path: path.to_owned(), source })?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::All => Self::All,
            RoleArg::Api => Self::Api,
            RoleArg::Worker => Self::Worker,
        }
    }
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
