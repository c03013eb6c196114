//! How a server is put together. This file alone names concrete stores, clocks and processors.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use legwork_core::fair;
use legwork_core::node::Node;
use legwork_core::store::Store;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Role, StoreAt};
use crate::follow::{Follow, Lines};
use crate::http::{Api, Ceilings, Front, Guard, Limits, Parts, Seal, Streams, VERSION, templates};
use crate::indexer::Indexer;
use crate::keys::{Keyring, Terms};
use crate::machine;
use crate::metrics::Metrics;
use crate::model::Models;
use crate::nodes::Nodes;
use crate::processors::calibration::Calibrations;
use crate::processors::{Outside, Registry};
use crate::reach::{Client, Names, Rule};
use crate::runs::Runs;
use crate::store::postgres::{DatabaseError, PostgresStore};
use crate::store::sqlite::{OpenError, SqliteStore};
use crate::sweep::Sweeper;
use crate::web::fetch::Fetcher;
use crate::web::search::Searcher;
use crate::webhooks::{Courier, Letters, Secrets, Sender};
use crate::worker::{Leases, Patience, Slots, Worker};

/// The parts of a server, ready to be set going.
pub(crate) struct App {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) front: Arc<Front>,
    /// To be read once before anybody is answered.
    pub(crate) keys: Arc<Keyring>,
    /// To be announced once before anybody is answered.
    pub(crate) nodes: Arc<Nodes>,
    pub(crate) follow: Follow,
    pub(crate) worker: Arc<Worker>,
    pub(crate) sender: Sender,
    pub(crate) sweeper: Sweeper,
    pub(crate) indexer: Indexer,
    /// None where nothing is worked on.
    pub(crate) models: Option<Arc<Models>>,
}

/// What everything else stands on: the store, the clock that goes with it, whom it tells what, and the language models.
pub(crate) struct Base {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) lines: Arc<Lines>,
    pub(crate) metrics: Arc<Metrics>,
    /// None where nothing is worked on.
    pub(crate) models: Option<Arc<Models>>,
}

/// Why the store was not opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BaseError {
    #[error(transparent)]
    Embedded(#[from] OpenError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("the store was not opened to the end")]
    Broken(#[from] tokio::task::JoinError),
}

impl Base {
    /// Opens the store; `file` is where the embedded one lies, and `hard_stop` ends what is asked of models.
    pub(crate) async fn open(config: &Config, file: PathBuf, hard_stop: CancellationToken) -> Result<Self, BaseError> {
        let (lines, metrics) = (Lines::new(), Metrics::new(templates()));
        let (nudge, counts) = (lines.clone(), metrics.clone());
        let (store, clock): (Arc<dyn Store>, Arc<dyn Clock>) = match &config.store {
            StoreAt::Folder(_) => {
                let opened = spawn_blocking(move || SqliteStore::open(&file, nudge, counts)).await;
                (Arc::new(opened??), Arc::new(SystemClock))
            }
            StoreAt::Database { url, .. } => {
                let store = PostgresStore::open(url, nudge, counts).await?;
                let clock = store.clock();
                (Arc::new(store), clock)
            }
        };
        let models = match config.role {
            Role::Api => None,
            Role::All | Role::Worker => Some(Models::new(config.llm.clone(), metrics.clone(), hard_stop)),
        };
        Ok(Self { store, clock, lines, metrics, models })
    }

    /// What the researcher has of the world, for a server that listens at `address`.
    pub(crate) fn outside(
        &self,
        config: &Config,
        address: SocketAddr,
        calibrations: Option<Arc<Calibrations>>,
    ) -> Outside {
        Outside {
            models: self.models.clone(),
            searcher: Arc::new(Searcher::new(config.search.clone(), &self.clock)),
            fetcher: Arc::new(Fetcher::new(&config.fetch, address)),
            wire: Arc::new(to_callers(config, address)),
            research: config.research.clone(),
            calibrations,
        }
    }
}

impl App {
    /// Puts the parts together, for a server that listens at `address`. `stop` ends every wait; `hard_stop` ends the work.
    pub(crate) fn build(
        config: &Config,
        address: SocketAddr,
        base: Base,
        local_key: &str,
        processors: Registry,
        stop: &CancellationToken,
        hard_stop: CancellationToken,
    ) -> Self {
        let Base { store, clock, lines, metrics, models } = base;
        let runs = Runs::new(store.clone(), clock.clone());
        let follow = Follow::new(store.clone(), lines.clone(), stop.clone(), metrics.clone());
        let terms = Terms::new(&config.accept_keys, local_key, config.reach());
        let keys = Arc::new(Keyring::new(store.clone(), clock.clone(), terms));
        let guard = Guard::new(config.public_url.clone(), config.listen).allowing(&config.cors_origins);
        let (seal, pages) = (Seal(*store.seal()), config.is_reachable());
        let store_id = store.id().to_owned();
        let streams = Streams { heartbeat: config.heartbeat, limit: config.stream_limit };
        let hooks = &config.webhooks;
        let secrets = Secrets::new(*store.seal(), hooks.secrets.clone(), hooks.scheme);
        let names = Names::new();
        let courier = Arc::new(Courier::new(hooks.targets.clone(), address, names, keys.clone(), secrets));
        let letters = Letters { output: hooks.output, base: config.callers_base(address) };
        let sender =
            Sender::new(runs.clone(), lines.clone(), courier.clone(), letters, hard_stop.clone(), metrics.clone());
        let each_owner = config.key_slots.map(NonZeroUsize::get);
        let at_work = fair::Limits { each_processor: config.processor_slots.clone(), each_owner };
        let slots = Slots { all: config.slots, limits: at_work };
        let limits = Limits::new(config.creates_per_minute);
        let ceilings = ceilings(config.role, &slots, &processors);
        let leases = Arc::new(Leases::default());
        let patience = Patience::default();
        let worker = Worker::new(slots, processors.clone(), runs.clone(), lines, leases.clone(), hard_stop, patience);
        let started_at = clock.now();
        let this = Node {
            id: worker.node(),
            role: config.role,
            host: machine::host(),
            address,
            version: VERSION.to_owned(),
            started_at,
            seen_at: started_at,
            processors: [].into(),
        };
        let nodes = Arc::new(Nodes::new(store.clone(), clock, this, processors.clone()));
        let api = Api::new(Parts {
            runs: runs.clone(),
            follow: follow.clone(),
            processors,
            nodes: nodes.clone(),
            keys: keys.clone(),
            seal,
            pages,
            courier,
            store_id,
            metrics,
            streams,
            limits,
            ceilings,
            models: models.clone(),
            search: config.search.names().map(str::to_owned).collect(),
            documents: config.documents(),
        });
        let sweeper = Sweeper { runs: runs.clone(), leases, retain: config.retain };
        let indexer = Indexer { runs };
        let front = Arc::new(Front::new(guard, api));
        Self { store, front, keys, nodes, follow, worker, sender, sweeper, indexer, models }
    }
}

/// The way to the servers that callers name: what is allowed to webhooks is allowed here.
fn to_callers(config: &Config, own: SocketAddr) -> Client {
    const HINT: &str =
        "a server goes there if it was started with --allow-target HOST, or with --allow-private-targets";
    const LOOKUPS: usize = 16;
    Client::new(Arc::new(Rule::new(config.webhooks.targets.clone(), own, HINT)), Names::new().share(LOOKUPS))
}

/// How many runs this process works on at a time.
fn ceilings(role: Role, slots: &Slots, processors: &Registry) -> Ceilings {
    match role {
        Role::Api => Ceilings::default(),
        Role::All | Role::Worker => {
            let each = processors.names().map(|name| (name.to_owned(), slots.most(name)));
            Ceilings { all: slots.all, each: each.collect(), each_owner: slots.limits.each_owner }
        }
    }
}
