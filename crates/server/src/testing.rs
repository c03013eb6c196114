//! A whole server in a test: a real store in a temporary folder, a clock that is moved by hand, and processors that do
//! what the input tells them.

mod contract;
pub(crate) mod database;
mod endpoint;
pub(crate) mod everything;
pub(crate) mod provider;
mod receiver;
mod site;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use axum::response::Response;
use http::Request;
use http_body_util::BodyExt as _;
use legwork_api::signature::Scheme;
use legwork_api::webhook;
use legwork_core::command::Command;
use legwork_core::delivery::{Form, Tells, Webhook};
use legwork_core::fact::{Report, ReportBody, Step};
use legwork_core::fair;
use legwork_core::id::{GroupId, NodeId, Owner, RunId};
use legwork_core::journal::Entry;
use legwork_core::node::{Fingerprint, Node, Role};
use legwork_core::output::{Output, OutputExtras, Usage};
use legwork_core::processor::{Job, NotKept, Outcome, Processor, Reporter, Wish};
use legwork_core::run::{Failure, FailureCode, Life, Lineage, Question, Run, Status};
use legwork_core::store::{NewRun, Nudge, Store};
use legwork_core::task::Input;
use legwork_core::tier::Tier;
use legwork_core::time::Micros;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

pub(crate) use self::contract::is_sent_as_described;
use self::database::Database;
pub(crate) use self::endpoint::{Asked, Endpoint, Said};
pub(crate) use self::receiver::{Call, Receiver};
pub(crate) use self::site::{Reply, Site};
use crate::clock::TestClock;
use crate::config::{Reach, Targets};
use crate::follow::{Follow, Lines};
use crate::http::{Api, Ceilings, Front, Guard, Limits, Parts, Seal, Streams, templates};
use crate::indexer::Indexer;
use crate::keys::{Keyring, Terms};
use crate::metrics::Metrics;
use crate::nodes::Nodes;
use crate::processors::Registry;
use crate::reach::Names;
use crate::runs::Runs;
use crate::store::sqlite::SqliteStore;
use crate::sweep::Sweeper;
use crate::webhooks::{Courier, Letters, Secrets, Sender};
use crate::worker::{Leases, Patience, Slots, Worker};

/// Hears of nothing, keeps everything, and wishes nothing.
pub(crate) struct Silent;

#[async_trait]
impl Reporter for Silent {
    async fn report(&self, _: Report) {}

    async fn keep(&self, _: Entry, _: Vec<Report>) -> Result<(), NotKept> {
        Ok(())
    }

    fn wish(&self) -> Wish {
        Wish::GoOn
    }

    async fn wished(&self) -> Wish {
        std::future::pending().await
    }
}

/// Monday morning.
pub(crate) const MONDAY: Micros = Micros(1_763_971_200_000_000);

pub(crate) struct World {
    /// Whose runs [`World::submit`] submits.
    pub(crate) owner: Owner,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) runs: Runs,
    pub(crate) lines: Arc<Lines>,
    pub(crate) keys: Arc<Keyring>,
    pub(crate) nodes: Arc<Nodes>,
    pub(crate) follow: Follow,
    pub(crate) worker: Arc<Worker>,
    pub(crate) sender: Sender,
    pub(crate) sweeper: Sweeper,
    pub(crate) indexer: Indexer,
    pub(crate) front: Front,
    pub(crate) stop: CancellationToken,
    pub(crate) hard_stop: CancellationToken,
    pub(crate) home: Home,
}

/// Where a world's things are.
pub(crate) struct Home {
    folder: tempfile::TempDir,
    /// Where the store is, if that is not the folder.
    database: Option<Database>,
}

impl Home {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), database: Database::wanted() }
    }
}

/// Hears nothing and tells nobody.
pub(crate) struct Deaf;

impl Nudge for Deaf {
    fn changed(&self, _: RunId) {}
    fn queued(&self) {}
    fn owed(&self) {}
    fn grouped(&self, _: GroupId) {}
    fn logged(&self) {}
    fn missed(&self) {}
}

/// The store in this folder, where it is all that a test needs.
pub(crate) fn store_in(folder: &Path) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(&folder.join("legwork.db"), Arc::new(Deaf), Metrics::new([])).unwrap())
}

impl World {
    /// A server without keys.
    pub(crate) fn new() -> Self {
        Self::with(&[], true)
    }

    /// A server whose hints are all lost.
    pub(crate) fn without_hints() -> Self {
        Self::with(&[], false)
    }

    /// A server that accepts these keys.
    pub(crate) fn with_keys(keys: &[&str]) -> Self {
        Self::with(keys, true)
    }

    /// A server with keys whose answers may rest on these documents.
    pub(crate) fn with_documents(keys: &[&str], files: &[(&str, &str)]) -> Self {
        let home = Home::new();
        let docs = home.folder.path().join("docs");
        std::fs::create_dir(&docs).unwrap();
        files.iter().for_each(|(name, text)| std::fs::write(docs.join(name), text).unwrap());
        Self::on(home, keys, true, webhook::Output::Always)
    }

    /// A server that sends outputs to webhooks as it is told here.
    pub(crate) fn sending(output: webhook::Output) -> Self {
        Self::on(Home::new(), &[], true, output)
    }

    /// A server with keys that may create so often a minute.
    pub(crate) fn with_creates_per_minute(keys: &[&str], creates: u32) -> Self {
        let limits = Limits::new(std::num::NonZeroU32::new(creates));
        Self::limited(Home::new(), keys, true, webhook::Output::Always, limits, fair::Limits::default())
    }

    /// A server that works on so many runs of these processors at a time at the most, and of each key.
    pub(crate) fn with_limits(each_processor: &[(&str, usize)], each_owner: Option<usize>) -> Self {
        let each_processor = each_processor.iter().map(|(name, most)| ((*name).to_owned(), *most)).collect();
        let at_work = fair::Limits { each_processor, each_owner };
        Self::limited(Home::new(), &[], true, webhook::Output::Always, Limits::new(None), at_work)
    }

    fn with(keys: &[&str], hints: bool) -> Self {
        Self::on(Home::new(), keys, hints, webhook::Output::Always)
    }

    /// The same store in a new process. The old one just vanished.
    pub(crate) fn restarted(self) -> Self {
        let Self { home, clock, store, .. } = self;
        drop(store);
        let again = Self::on(home, &[], true, webhook::Output::Always);
        again.clock.pass(clock.since_monday());
        again
    }

    fn on(home: Home, keys: &[&str], hints: bool, output: webhook::Output) -> Self {
        Self::limited(home, keys, hints, output, Limits::new(None), fair::Limits::default())
    }

    fn limited(
        home: Home,
        keys: &[&str],
        hints: bool,
        output: webhook::Output,
        limits: Limits,
        at_work: fair::Limits,
    ) -> Self {
        let clock = Arc::new(TestClock::at(MONDAY));
        let lines = Lines::new();
        let nudge: Arc<dyn Nudge> = if hints { lines.clone() } else { Arc::new(Deaf) };
        let metrics = Metrics::new(templates());
        let Home { folder, database } = &home;
        let store: Arc<dyn Store> = if let Some(database) = database {
            Arc::new(database.store(nudge, metrics.clone()))
        } else {
            let file = folder.path().join("legwork.db");
            Arc::new(SqliteStore::open(&file, nudge, metrics.clone()).unwrap())
        };
        let runs = Runs::new(store.clone(), clock.clone());
        let (stop, hard_stop) = (CancellationToken::new(), CancellationToken::new());
        let follow = Follow::new(store.clone(), lines.clone(), stop.clone(), metrics.clone());
        let keys: Vec<_> = keys.iter().map(|key| (*key).to_owned()).collect();
        let (seal, pages) = (Seal(*store.seal()), !keys.is_empty());
        let keys =
            Arc::new(Keyring::new(store.clone(), clock.clone(), Terms::new(&keys, "the local key", Reach::Machine)));
        let reading = keys.clone();
        database::apart(async move { reading.refresh().await.unwrap() });
        let guard = Guard::new(None, "127.0.0.1:8787".parse().unwrap());
        let guard = guard.allowing(&["https://app.example.com".parse().unwrap()]);
        let docs = folder.path().join("docs");
        let registry = puppets(Tier::names());
        let shelf = folder.path().join("store");
        let registry = if docs.is_dir() { registry.with_documents(&[docs], &shelf, store.clone()) } else { registry };
        let streams = Streams { heartbeat: std::time::Duration::from_secs(15), limit: None };
        let secrets = Secrets::new(*store.seal(), Vec::new(), Scheme::Both);
        let own = "127.0.0.1:8787".parse().unwrap();
        let courier = Arc::new(Courier::new(Targets::default(), own, Names::new(), keys.clone(), secrets));
        let letters = Letters { output, base: "http://127.0.0.1:8787".to_owned() };
        let (bells, stop_hard, counts) = (lines.clone(), hard_stop.clone(), metrics.clone());
        let sender = Sender::new(runs.clone(), bells, courier.clone(), letters, stop_hard, counts);
        let store_id = "store_test".to_owned();
        let slots = Slots { all: 4, limits: at_work };
        let ceilings = registry.names().map(|name| (name.to_owned(), slots.most(name)));
        let ceilings = Ceilings { all: slots.all, each: ceilings.collect(), each_owner: slots.limits.each_owner };
        let nodes = Nodes::new(store.clone(), clock.clone(), node(1, Role::All, &[]), registry.clone());
        let nodes = Arc::new(nodes);
        let announcing = nodes.clone();
        assert!(database::apart(async move { announcing.once().await }));
        let api = Api::new(Parts {
            runs: runs.clone(),
            follow: follow.clone(),
            processors: registry.clone(),
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
            models: None,
            search: Vec::new(),
            documents: Vec::new(),
        });
        let leases = Arc::new(Leases::default());
        let soon = std::time::Duration::from_millis(20);
        let patience = Patience { cancelled: soon, stopping: soon };
        let worker =
            Worker::new(slots, registry, runs.clone(), lines.clone(), leases.clone(), hard_stop.clone(), patience);
        let sweeper = Sweeper { runs: runs.clone(), leases, retain: None };
        let indexer = Indexer { runs: runs.clone() };
        let front = Front::new(guard, api);
        let owner = Owner::local();
        Self {
            owner,
            clock,
            store,
            runs,
            lines,
            keys,
            nodes,
            follow,
            worker,
            sender,
            sweeper,
            indexer,
            front,
            stop,
            hard_stop,
            home,
        }
    }

    /// The file of its store, if that lies in one.
    pub(crate) fn file(&self) -> Option<std::path::PathBuf> {
        self.home.database.is_none().then(|| self.home.folder.path().join("legwork.db"))
    }

    /// Submits a run that tells its processor what to do.
    pub(crate) async fn submit(&self, what: &str) -> RunId {
        self.submit_for("base", what).await
    }

    /// The same with a webhook that is told of the run's end.
    pub(crate) async fn submit_with_webhook(&self, what: &str) -> RunId {
        let body = serde_json::json!({"input": what, "processor": "base", "webhook_url": "https://hooks.example.com/"});
        self.post("/v1/tasks/runs", &body.to_string()).await.run_id()
    }

    /// A run of an owner's that ends at once, and owes that to his webhook.
    pub(crate) async fn owed_by(&self, owner: Owner, url: &str) -> RunId {
        let receiver = url.split('/').nth(2).unwrap().to_owned();
        let webhook = Webhook { url: url.to_owned(), receiver, secret: None, form: Form::Official };
        let tells = Tells { ends: true, questions: false };
        let new = NewRun { owner, webhook: Some((webhook, tells)), ..fresh("base", "x") };
        let id = self.runs.submit(new).await.unwrap().id;
        self.runs.apply(id, Command::Cancel).await.unwrap();
        id
    }

    pub(crate) async fn submit_for(&self, processor: &str, what: &str) -> RunId {
        self.runs.submit(fresh(processor, what)).await.unwrap().id
    }

    pub(crate) async fn run(&self, id: RunId) -> Run {
        self.store.run(id).await.unwrap().unwrap()
    }

    pub(crate) async fn status(&self, id: RunId) -> Status {
        self.run(id).await.life.status()
    }

    /// Waits until a run is as wished. A test that waits for ever is ended by the runner.
    pub(crate) async fn until(&self, id: RunId, wished: impl Fn(&Life) -> bool) -> Life {
        let far = tokio::time::Instant::now() + std::time::Duration::from_hours(1);
        let line = self.follow.until(&self.owner, id, far, |view| wished(&view.run.life)).await.unwrap();
        let crate::follow::Waited::Done(view) = line else { panic!("the wait ended as {line:?}") };
        view.run.life.clone()
    }

    pub(crate) async fn until_status(&self, id: RunId, status: Status) -> Life {
        self.until(id, |life| life.status() == status).await
    }

    /// Sets the worker going, until the world's `stop`.
    pub(crate) fn work(&self) -> tokio::task::JoinHandle<()> {
        tokio::spawn(self.worker.clone().work(self.stop.clone()))
    }

    /// One request to the HTTP surface. The answer has to be one that `/openapi.json` foresees.
    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost:8787");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_vec())).unwrap();
        let answer = Answer::of(self.front.answer(request).await).await;
        contract::check(method, path, answer.status, &answer.headers, &answer.body);
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"").await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, &[], body.as_bytes()).await
    }
}

/// What a request was answered with.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let is_stream = parts.headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let is_json = parts.headers.get("content-type").is_some_and(|kind| kind == "application/json");
        let body = match &*bytes {
            b"" if !is_stream => Value::Null,
            json if is_json => serde_json::from_slice(json).unwrap(),
            text => String::from_utf8_lossy(text).into_owned().into(),
        };
        Self { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {:#}", self.body))
    }

    pub(crate) fn run_id(&self) -> RunId {
        self.text("/run_id").parse().unwrap()
    }

    /// Status and body, with what differs from run to run struck out.
    pub(crate) fn shown(&self) -> String {
        let mut body = self.body.clone();
        strike(&mut body);
        format!("{}\n{body:#}\n", self.status)
    }
}

/// A run of the one owner's, not submitted yet.
pub(crate) fn fresh(processor: &str, what: &str) -> NewRun {
    NewRun {
        id: Runs::new_id(),
        owner: Owner::local(),
        processor: processor.to_owned(),
        input: serde_json::json!({"input": what, "processor": processor}).to_string().into(),
        metadata: None,
        warnings: None,
        group: None,
        lineage: Lineage::default(),
        events: true,
        deadline: None,
        webhook: None,
        secrets: None,
    }
}

fn strike(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match (key.as_str(), &value) {
                    (
                        "run_id" | "interaction_id" | "ref_id" | "previous_interaction_id" | "rerun_of",
                        Value::String(_),
                    ) => *value = "(id)".into(),
                    ("version", Value::String(_)) => *value = "(version)".into(),
                    ("message", Value::String(text)) => *value = strike_id(text).into(),
                    _ => strike(value),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(strike),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn strike_id(text: &str) -> String {
    let words = text.split(' ').map(|word| if word.starts_with("trun_0") { "(id)" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// A node of this number that started with the test, whose processors have these fingerprints.
pub(crate) fn node(number: u64, role: Role, processors: &[(&str, u64)]) -> Node {
    let known = |(name, print): &(&str, u64)| ((*name).to_owned(), Some(Fingerprint(*print)));
    Node {
        id: NodeId(number),
        role,
        host: format!("machine-{number}"),
        address: ([127, 0, 0, 1], 8787).into(),
        version: "0.0.0".to_owned(),
        started_at: MONDAY,
        seen_at: MONDAY,
        processors: processors.iter().map(known).collect(),
    }
}

/// Processors of these names that do what the input says.
pub(crate) fn puppets(names: impl IntoIterator<Item = String>) -> Registry {
    Registry::of(names.into_iter().map(|name| (name, Arc::new(Puppet) as Arc<dyn Processor>)))
}

/// Does what its input says.
struct Puppet;

#[async_trait]
impl Processor for Puppet {
    async fn run(&self, job: Job, reporter: &dyn Reporter) -> Outcome {
        let Input::Text(text) = &job.task.input else { return done("an object") };
        let failure = |message: &str| Failure { code: FailureCode::Processor, message: message.to_owned() };
        match text.as_str() {
            "fail" => Outcome::Failed(failure("it cannot be done")),
            "panic" => panic!("it went wrong"),
            "retry" => Outcome::Retry { why: failure("not now"), after: std::time::Duration::from_secs(5) },
            "hang" => match reporter.wished().await {
                Wish::Finish => done("finished early"),
                Wish::GoOn | Wish::Stop => Outcome::Stopped,
            },
            "ask" if !job.answers.is_empty() => done(&format!("answered: {}", job.answers.join(", "))),
            "ask" => Outcome::Ask(Question { text: "Which one?".to_owned(), default: None, deadline: None }),
            "be deaf" => std::future::pending().await,
            "tell" => {
                for n in 1..=3 {
                    reporter.report(told(n)).await;
                }
                done("told")
            }
            "what is known" => done(&known(&job)),
            "what it took" => {
                let usage = Usage { seconds: 0.5, pages: 3, ..Usage::default() };
                let extras =
                    OutputExtras { usage, warnings: vec!["it was short".to_owned()], ..OutputExtras::default() };
                Outcome::Done(Output::text("counted", Vec::new()).with_extras(extras))
            }
            // Takes a step, and falls; the fourth attempt finds three of them.
            "stumble" => {
                let n = u32::try_from(job.journal.len()).unwrap() + 1;
                if n <= 3 {
                    let _ = take(reporter, n, job.attempt).await;
                    panic!("it stumbled");
                }
                let taken = job.journal.iter().map(|step| format!("{} {:?}", step.key(), step.body()));
                done(&taken.collect::<Vec<_>>().join(", "))
            }
            // Takes a step when anything is wished of it.
            "step late" => {
                reporter.wished().await;
                match take(reporter, 1, job.attempt).await {
                    Ok(()) => done("one step"),
                    Err(why) => why.into(),
                }
            }
            other => done(other),
        }
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        Some(Fingerprint(1))
    }
}

/// What a processor is given beside the question; of secrets that they are there.
fn known(job: &Job) -> String {
    let headers = job.task.mcp_servers.iter().flat_map(|server| &server.headers);
    let headers: Vec<_> = headers.map(|(name, value)| format!("{name} of {} bytes", value.reveal().len())).collect();
    let previous = job.previous.as_ref().map(|run| serde_json::from_slice::<Value>(&run.output).unwrap());
    format!("{headers:?}, {:?}, {:?}", job.task.limits, previous.map(|output| output["content"].clone()))
}

async fn take(reporter: &dyn Reporter, n: u32, attempt: u32) -> Result<(), NotKept> {
    let step = Entry::new(format!("step:{n}"), format!("attempt {attempt}")).unwrap();
    reporter.keep(step, vec![told(n)]).await
}

fn told(n: u32) -> Report {
    Report { key: format!("told:{n}"), body: ReportBody::Message { step: Step::Plan, message: format!("step {n}") } }
}

fn done(text: &str) -> Outcome {
    Outcome::Done(Output::text(text, Vec::new()))
}
