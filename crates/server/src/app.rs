//! How a server is put together. This file alone names concrete stores, clocks and processors.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use legwork_core::fair;
use legwork_core::store::Store;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Role};
use crate::follow::{Follow, Lines};
use crate::http::{Api, Ceilings, Front, Guard, Limits, Parts, Seal, Streams, templates};
use crate::indexer::Indexer;
use crate::keys::{Keyring, Terms};
use crate::metrics::Metrics;
use crate::processors::Registry;
use crate::runs::Runs;
use crate::store::sqlite::{OpenError, SqliteStore};
use crate::sweep::Sweeper;
use crate::webhooks::{Courier, Letters, Rule, Secrets, Sender};
use crate::worker::{Leases, Patience, Slots, Worker};

/// What all parts stand on: the store, and those who hear of its changes.
pub(crate) struct Base {
    pub(crate) store: Arc<dyn Store>,
    lines: Arc<Lines>,
    metrics: Arc<Metrics>,
}

impl Base {
    /// Opens the store in this file.
    pub(crate) fn open(database: &Path) -> Result<Self, OpenError> {
        let (lines, metrics) = (Lines::new(), Metrics::new(templates()));
        let store = Arc::new(SqliteStore::open(database, lines.clone(), metrics.clone())?);
        Ok(Self { store, lines, metrics })
    }
}

/// The parts of a server, ready to be set going.
pub(crate) struct App {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) front: Arc<Front>,
    /// To be read once before anybody is answered.
    pub(crate) keys: Arc<Keyring>,
    pub(crate) follow: Follow,
    pub(crate) worker: Arc<Worker>,
    pub(crate) sender: Sender,
    pub(crate) sweeper: Sweeper,
    pub(crate) indexer: Indexer,
}

impl App {
    /// Puts the parts together, for a server that listens at `address`. `stop` ends every wait; `hard_stop` ends the
    /// work.
    pub(crate) fn build(
        base: Base,
        config: &Config,
        address: SocketAddr,
        local_key: &str,
        processors: Registry,
        stop: &CancellationToken,
        hard_stop: CancellationToken,
    ) -> Self {
        let Base { store, lines, metrics } = base;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let runs = Runs::new(store.clone(), clock.clone());
        let follow = Follow::new(store.clone(), lines.clone(), stop.clone(), metrics.clone());
        let terms = Terms::new(&config.accept_keys, local_key, config.reach());
        let keys = Arc::new(Keyring::new(store.clone(), clock, terms));
        let guard = Guard::new(config.public_url.clone(), config.listen).allowing(&config.cors_origins);
        let (seal, pages) = (Seal(*store.seal()), config.is_reachable());
        let store_id = store.id().to_owned();
        let streams = Streams { heartbeat: config.heartbeat, limit: config.stream_limit };
        let hooks = &config.webhooks;
        let secrets = Secrets::new(*store.seal(), hooks.secrets.clone(), hooks.scheme);
        let courier = Arc::new(Courier::new(Rule::new(hooks.targets.clone(), address), keys.clone(), secrets));
        let letters = Letters { output: hooks.output, base: config.callers_base(address) };
        let sender =
            Sender::new(runs.clone(), lines.clone(), courier.clone(), letters, hard_stop.clone(), metrics.clone());
        let each_owner = config.key_slots.map(NonZeroUsize::get);
        let at_work = fair::Limits { each_processor: config.processor_slots.clone(), each_owner };
        let slots = Slots { all: config.slots, limits: at_work };
        let limits = Limits::new(config.creates_per_minute);
        let api = Api::new(Parts {
            runs: runs.clone(),
            follow: follow.clone(),
            processors: processors.clone(),
            keys: keys.clone(),
            seal,
            pages,
            courier,
            store_id,
            metrics,
            streams,
            limits,
            ceilings: ceilings(config.role, &slots, &processors),
        });
        let leases = Arc::new(Leases::default());
        let worker =
            Worker::new(slots, processors, runs.clone(), lines, leases.clone(), hard_stop, Patience::default());
        let sweeper = Sweeper { runs: runs.clone(), leases };
        let indexer = Indexer { runs };
        Self { store, keys, front: Arc::new(Front::new(guard, api)), follow, worker, sender, sweeper, indexer }
    }
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
