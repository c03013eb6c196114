//! `legwork serve`: runs the server until it is told to stop.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use legwork_server::config::{Config, Role};
use legwork_server::folder::FolderError;
use legwork_server::processors::Registry;
use legwork_server::{InUse, Running, StartError, StopError, upkeep};
use tokio::time::{Instant, sleep};
use tracing::info;

use super::Settings;
use crate::args::{LogArg, ServeArgs};
use crate::exit::{Exit, Failure};
use crate::signals::Signals;
use crate::telemetry::{self, Usual};
use crate::{print, resolve, station};

/// How long to wait for a store that a command holds for a moment.
const A_MOMENT: Duration = Duration::from_secs(2);

pub(super) async fn run(args: ServeArgs, settings: Settings) -> Result<Exit, Failure> {
    let idle = args.idle;
    let serve = resolve::serve(args, settings.file?, &settings.environment)?;
    // A store that cannot be read is told of at the start, which looks again.
    resolve::check_reach(&serve.config, upkeep::made_keys(&serve.config.store).await.unwrap_or(1))?;
    telemetry::start(Usual::Server, settings.verbose, serve.log);
    let mut signals = Signals::listen()?;
    let mut running = start(&serve.config, idle).await.map_err(station::not_started)?;
    match serve.log {
        LogArg::Text => {
            let uses = running.uses();
            print::talk(&greeting(&serve.config, running.address(), Accepted::by(&running), uses.as_ref()));
        }
        // Whatever reads the log reads nothing else.
        LogArg::Json => info!(
            server.address = %running.address(),
            server.version = env!("CARGO_PKG_VERSION"),
            store.id = running.store_id(),
            store.path = %serve.config.store,
            models = running.uses().map(|uses| uses.models),
            "listening"
        ),
    }
    tokio::select! {
        // By itself, which it does only when something broke down.
        ended = running.ended() => return stopped(ended),
        () = signals.asked() => running.stop(),
    }
    tokio::select! {
        ended = running.ended() => stopped(ended),
        () = signals.asked() => Ok(Exit::Interrupted),
    }
}

fn stopped(ended: Result<(), StopError>) -> Result<Exit, Failure> {
    ended.map(|()| Exit::Done).map_err(|error| Failure::new(Exit::Api, error))
}

async fn start(config: &Config, idle: bool) -> Result<Running, StartError> {
    let until = Instant::now() + A_MOMENT;
    loop {
        let started = if idle {
            legwork_server::start_with(config.clone(), Registry::idle()).await
        } else {
            legwork_server::start(config.clone()).await
        };
        match started {
            Err(StartError::Folder(FolderError::Held { .. })) if Instant::now() < until => {
                sleep(Duration::from_millis(50)).await;
            }
            started => return started,
        }
    }
}

/// What a server accepts as it starts.
#[derive(Clone, Copy)]
struct Accepted {
    /// Any key or none.
    any: bool,
    /// So many that were made.
    made: usize,
}

impl Accepted {
    fn by(running: &Running) -> Self {
        Self { any: running.is_open(), made: running.made_keys() }
    }
}

/// What is running and how to use it, ready to be pasted.
fn greeting(config: &Config, address: SocketAddr, accepted: Accepted, uses: Option<&InUse>) -> String {
    let url = callers_url(config, address);
    let (keys, key, header) = match config.accept_keys.len() + accepted.made {
        _ if accepted.any => ("none: everybody on this machine may use it, and nobody else".to_owned(), "any", ""),
        count => (format!("{count} accepted"), "YOUR_KEY", " -H \"x-api-key: $PARALLEL_API_KEY\""),
    };
    let mut corpus = vec!["built-in".to_owned()];
    corpus.extend(config.corpus.iter().map(|folder| folder.display().to_string()));
    let by_meaning = match (&config.embeddings, config.corpus.is_empty()) {
        (None, _) => "",
        (Some(_), false) => ", found by meaning as well",
        // Of the built-in documents the fields are known, which is better than any closeness.
        (Some(_), true) => "; the embedding model has nothing to do without documents of your own",
    };
    let corpus = corpus.join(", ") + by_meaning;
    let uses = uses.map_or_else(String::new, |InUse { models, search, .. }| {
        let search =
            if search.is_empty() { "none: answers come from the corpus alone".to_owned() } else { search.join(", ") };
        format!("\x20 model   {models}\n\x20 search  {search}\n")
    });
    let works = match config.role {
        Role::All | Role::Worker => format!("on up to {} runs at a time", config.slots),
        Role::Api => "on nothing: it only answers".to_owned(),
    };
    format!(
        "legwork {version} listens on http://{address}\n\
         \x20 store   {store}\n\
         \x20 corpus  {corpus}\n\
         {uses}\
         \x20 keys    {keys}\n\
         \x20 works   {works}\n\
         \n\
         Point an official SDK at it:\n\
         \x20 export PARALLEL_BASE_URL={url}\n\
         \x20 export PARALLEL_API_KEY={key}\n\
         \n\
         Or try it:\n\
         \x20 curl -s {url}/v1/tasks/runs{header} -H 'content-type: application/json' \
         -d '{{\"processor\":\"base\",\"input\":\"What is the capital of France?\"}}'\n",
        version = env!("CARGO_PKG_VERSION"),
        store = config.store,
    )
}

/// Where callers reach the server: the public address, or the one it listens on.
fn callers_url(config: &Config, address: SocketAddr) -> String {
    if let Some(url) = &config.public_url {
        return url.as_str().trim_end_matches('/').to_owned();
    }
    let ip = if address.ip().is_unspecified() { IpAddr::from(Ipv4Addr::LOCALHOST) } else { address.ip() };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYED: Accepted = Accepted { any: false, made: 2 };

    fn config(keys: &[&str]) -> Config {
        Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            public_url: None,
            accept_keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            is_own: false,
            cors_origins: Vec::new(),
            store: legwork_server::config::StoreAt::Folder("/data/legwork".into()),
            corpus: vec!["/docs".into()],
            embeddings: None,
            calibration: None,
            role: Role::All,
            slots: 64,
            processor_slots: std::collections::BTreeMap::new(),
            key_slots: None,
            retain: None,
            creates_per_minute: None,
            drain: Duration::ZERO,
            heartbeat: Duration::from_secs(15),
            stream_limit: None,
            webhooks: legwork_server::config::Webhooks::default(),
            llm: None,
            search: legwork_server::config::search::Search::default(),
            fetch: legwork_server::config::Fetch::default(),
            research: legwork_server::config::Research::default(),
        }
    }

    #[test]
    fn the_greeting_says_how_to_use_it() {
        let everybody = Accepted { any: true, made: 0 };
        let models = "qwen3:8b at http://127.0.0.1:11434".to_owned();
        let uses = InUse { models, search: vec!["wikipedia".to_owned()], documents: Vec::new() };
        insta::assert_snapshot!(greeting(&config(&[]), "127.0.0.1:8787".parse().unwrap(), everybody, Some(&uses)));
    }

    #[test]
    fn the_greeting_of_a_server_with_keys_shows_none() {
        let told = greeting(&config(&["sesame"]), "0.0.0.0:8787".parse().unwrap(), KEYED, None);
        assert!(told.contains("keys    3 accepted"), "{told}");
        assert!(told.contains("$PARALLEL_API_KEY") && told.contains("PARALLEL_BASE_URL=http://127.0.0.1:8787"));
        assert!(!told.contains("sesame"));
    }

    #[test]
    fn callers_are_given_the_public_address() {
        let config = Config { public_url: Some("https://tasks.example.com/".parse().unwrap()), ..config(&["k"]) };
        let told = greeting(&config, "0.0.0.0:8787".parse().unwrap(), KEYED, None);
        assert!(told.contains("=https://tasks.example.com\n"));
    }
}
