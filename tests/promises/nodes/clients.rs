//! The callers: one kind for each pattern, and one for groups. They come back until they have what they want, and write down
//! what they were told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use legwork_api::client::http_to;
use legwork_api::event::Event;
use legwork_api::group::{TaskGroup, TaskGroupRunResponse};
use legwork_api::run::TaskRun;
use legwork_core::id::{GroupId, RunId};
use legwork_core::run::Status;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::Chance;
use crate::streams::whole;

/// How long a caller waits for an answer that nobody has to work for. A paused node takes requests and does not answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Streams say something every second.
const SILENCE: Duration = Duration::from_secs(4);

/// How long a caller waits before it comes back.
const PAUSE: Duration = Duration::from_millis(100);

/// Asks one address, whoever is behind it.
#[derive(Clone)]
pub(crate) struct Caller {
    http: reqwest::Client,
    base: String,
}

/// What was answered.
pub(super) struct Answer {
    pub(super) status: u16,
    replayed: bool,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn read<T: serde::de::DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.body))
    }
}

impl Caller {
    pub(crate) fn new(base: &str) -> Self {
        Self { http: http_to(&base.parse().unwrap()).unwrap(), base: base.to_owned() }
    }

    fn request(&self, path: &str, post: Option<(&Value, &str)>) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.base);
        let request = match post {
            Some((body, key)) => self.http.post(url).header("idempotency-key", key).json(body),
            None => self.http.get(url),
        };
        // Another connection each time, and so another node.
        request.header("connection", "close")
    }

    /// One try; `None` when there was no answer.
    async fn once(&self, path: &str, post: Option<(&Value, &str)>, patience: Duration) -> Option<Answer> {
        let response = self.request(path, post).timeout(patience).send().await.ok()?;
        let (status, replayed) = (response.status().as_u16(), response.headers().contains_key("idempotent-replayed"));
        Some(Answer { status, replayed, body: response.text().await.ok()? })
    }

    /// Tries until somebody answers what does not mean "later".
    pub(super) async fn ask(&self, path: &str, post: Option<(&Value, &str)>, patience: Duration) -> Answer {
        loop {
            match self.once(path, post, patience).await {
                Some(answer) if ![408, 429, 502, 503, 504].contains(&answer.status) => {
                    assert!(answer.status < 500, "{path}: {} {}", answer.status, answer.body);
                    return answer;
                }
                Some(_) | None => sleep(PAUSE).await,
            }
        }
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.ask(path, None, PATIENCE).await
    }

    /// Reads a stream to its end, cut as it may be, and now and then left by the reader: the events, byte for byte.
    pub(super) async fn stream(&self, path: &str, leaves: impl FnMut() -> bool) -> String {
        self.stream_until(path, leaves, |_| false).await
    }

    /// The same of a stream that has no end, until what was read is enough.
    async fn stream_until(
        &self,
        path: &str,
        mut leaves: impl FnMut() -> bool,
        is_enough: impl Fn(&str) -> bool,
    ) -> String {
        let (mut pieced, mut last) = (String::new(), String::new());
        loop {
            let opened = self.request(&format!("{path}?last_event_id={last}"), None).send();
            let Ok(Ok(mut response)) = timeout(SILENCE, opened).await else {
                sleep(PAUSE).await;
                continue;
            };
            if response.status() == 503 {
                sleep(PAUSE).await;
                continue;
            }
            assert!(response.status().is_success(), "{path}: {}", response.status());
            let mut piece = Vec::new();
            let is_over = loop {
                match timeout(SILENCE, response.chunk()).await {
                    Ok(Ok(Some(bytes))) => piece.extend_from_slice(&bytes),
                    Ok(Ok(None)) => break true,
                    Ok(Err(_)) | Err(_) => break false,
                }
                if leaves() {
                    break false;
                }
            };
            // A cut may go through a character; what was whole before it stands.
            let (events, seen) = whole(&String::from_utf8_lossy(&piece));
            pieced.push_str(&events);
            last = seen.unwrap_or(last);
            if is_over || is_enough(&pieced) {
                return pieced;
            }
        }
    }
}

/// What a caller was told of its run.
#[derive(Clone, Default)]
pub(super) struct Told {
    pub(super) end: Option<Status>,
    pub(super) stream: Option<String>,
    pub(super) has_webhook: bool,
}

/// What all callers were told.
pub(super) struct Notes {
    caller: Caller,
    receiver: String,
    is_enough: AtomicBool,
    is_complete: AtomicBool,
    pub(super) runs: Mutex<BTreeMap<RunId, Told>>,
    /// The runs of each group, and its stream.
    pub(super) groups: Mutex<BTreeMap<GroupId, (Vec<RunId>, String)>>,
    /// How long each create took, with all its tries.
    pub(super) creates: Mutex<Vec<Duration>>,
}

/// Starts a caller of each kind.
pub(super) fn start(notes: &Arc<Notes>, seed: u64, n: u64) -> Vec<JoinHandle<()>> {
    let chance = |kind| Chance::of(seed, n * 8 + kind);
    vec![
        tokio::spawn(block(notes.clone(), chance(1))),
        tokio::spawn(poll(notes.clone(), chance(2))),
        tokio::spawn(stream(notes.clone(), chance(3))),
        tokio::spawn(webhook(notes.clone(), chance(4))),
        tokio::spawn(group(notes.clone(), chance(5))),
    ]
}

async fn block(notes: Arc<Notes>, mut chance: Chance) {
    while notes.goes_on() {
        let id = notes.create(&mut chance, false).await;
        notes.held(id).await;
    }
}

async fn poll(notes: Arc<Notes>, mut chance: Chance) {
    while notes.goes_on() {
        let id = notes.create(&mut chance, false).await;
        if chance.one_in(8) {
            // Or it has ended before; each is an answer.
            let key = format!("{:x}", chance.next());
            notes.caller.ask(&format!("/v1/tasks/runs/{id}/cancel"), Some((&json!({}), &key)), PATIENCE).await;
        }
        let status = loop {
            let run: TaskRun = notes.caller.get(&format!("/v1/tasks/runs/{id}")).await.read();
            if run.status.is_ended() {
                break run.status;
            }
            sleep(chance.millis(50, 400)).await;
        };
        notes.ended(id, status);
    }
}

async fn stream(notes: Arc<Notes>, mut chance: Chance) {
    while notes.goes_on() {
        let id = notes.create(&mut chance, false).await;
        let told = notes.caller.stream(&format!("/v1/tasks/runs/{id}/events"), || chance.one_in(12)).await;
        notes.runs.lock().unwrap().get_mut(&id).unwrap().stream = Some(told);
    }
}

async fn webhook(notes: Arc<Notes>, mut chance: Chance) {
    while notes.goes_on() {
        notes.create(&mut chance, true).await;
        sleep(chance.millis(20, 500)).await;
    }
}

async fn group(notes: Arc<Notes>, mut chance: Chance) {
    while notes.goes_on() {
        let key = format!("{:x}", chance.next());
        let made = notes.caller.ask("/v1/tasks/groups", Some((&json!({}), &key)), PATIENCE).await;
        let id = made.read::<TaskGroup>().taskgroup_id;
        let mut runs = Vec::new();
        for _ in 0..=chance.below(3) {
            let tasks: Vec<_> = (0..=chance.below(12)).map(|_| task(&mut chance)).collect();
            let (path, key) = (format!("/v1/tasks/groups/{id}/runs"), format!("{:x}", chance.next()));
            let body = json!({"inputs": tasks});
            let added: TaskGroupRunResponse = notes.caller.ask(&path, Some((&body, &key)), PATIENCE).await.read();
            assert_eq!(added.run_ids.len(), tasks.len());
            runs.extend(added.run_ids);
        }
        for run in &runs {
            notes.accept(*run, false);
        }
        let told = notes.caller.stream(&format!("/v1/tasks/groups/{id}/events"), || chance.one_in(12)).await;
        notes.groups.lock().unwrap().insert(id, (runs, told));
        sleep(chance.millis(100, 2000)).await;
    }
}

/// Follows the states of all runs, until it has seen the end of each that was accepted; returns its stream.
pub(super) fn mirror(notes: &Arc<Notes>, seed: u64) -> JoinHandle<String> {
    let (notes, mut chance) = (notes.clone(), Chance::of(seed, 0));
    tokio::spawn(async move {
        let is_enough = |told: &str| {
            let ended: BTreeSet<_> = states(told).filter(|(_, status)| status.is_ended()).map(|(id, _)| id).collect();
            notes.is_complete.load(Ordering::Relaxed) && notes.runs.lock().unwrap().keys().all(|id| ended.contains(id))
        };
        let leaves = || chance.one_in(if notes.goes_on() { 40 } else { 5 });
        notes.caller.stream_until("/v1/tasks/runs/events", leaves, is_enough).await
    })
}

/// The states that a stream tells of; what else is in it is passed over.
pub(super) fn states(told: &str) -> impl Iterator<Item = (RunId, Status)> {
    let events = told.lines().filter_map(|line| line.strip_prefix("data: ")).map(|data| Event::read(data).unwrap());
    let state = |event| if let Event::State(state) = event { Some((state.run.run_id, state.run.status)) } else { None };
    events.filter_map(state)
}

/// Something to do: mostly little, sometimes for seconds, with something to tell on the way; now and then it fails.
fn task(chance: &mut Chance) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let at = now + if chance.one_in(3) { chance.millis(0, 4000) } else { Duration::ZERO };
    let every = chance.millis(5, 100).as_micros();
    let mut input = json!({"at": at.as_micros(), "events": chance.below(12), "every": every});
    if chance.one_in(10) {
        input["fail"] = "as it was told to".into();
    }
    json!({"processor": chance.pick(&["lite", "base", "core", "pro", "ultra"]), "input": input, "enable_events": true})
}

impl Notes {
    pub(super) fn new(base: &str, receiver: &str) -> Self {
        Self {
            caller: Caller::new(base),
            receiver: receiver.to_owned(),
            is_enough: AtomicBool::new(false),
            is_complete: AtomicBool::new(false),
            runs: Mutex::default(),
            groups: Mutex::default(),
            creates: Mutex::default(),
        }
    }

    /// No more creates.
    pub(super) fn enough(&self) {
        self.is_enough.store(true, Ordering::Relaxed);
    }

    /// All that will ever be accepted is written down.
    pub(super) fn complete(&self) {
        self.is_complete.store(true, Ordering::Relaxed);
    }

    fn goes_on(&self) -> bool {
        !self.is_enough.load(Ordering::Relaxed)
    }

    /// Creates a run, however often it takes, and once more after that: it stays one.
    async fn create(&self, chance: &mut Chance, has_webhook: bool) -> RunId {
        let (mut task, key) = (task(chance), format!("{:x}", chance.next()));
        if has_webhook {
            task["webhook_url"] = self.receiver.as_str().into();
        }
        let started = Instant::now();
        let answer = self.caller.ask("/v1/tasks/runs", Some((&task, &key)), PATIENCE).await;
        self.creates.lock().unwrap().push(started.elapsed());
        assert_eq!(answer.status, 202, "{}", answer.body);
        let id = answer.read::<TaskRun>().run_id;
        self.accept(id, has_webhook);
        if chance.one_in(5) {
            let again = self.caller.ask("/v1/tasks/runs", Some((&task, &key)), PATIENCE).await;
            assert_eq!((again.replayed, &again.body), (true, &answer.body), "one key is one create");
        }
        id
    }

    fn accept(&self, id: RunId, has_webhook: bool) {
        let earlier = self.runs.lock().unwrap().insert(id, Told { has_webhook, ..Told::default() });
        assert!(earlier.is_none(), "{id} was given for two creates");
    }

    fn ended(&self, id: RunId, status: Status) {
        self.runs.lock().unwrap().get_mut(&id).unwrap().end = Some(status);
    }

    async fn held(&self, id: RunId) {
        let path = format!("/v1/tasks/runs/{id}/result?timeout=8");
        // A run without an output is answered with 404 and what it says of itself.
        let answer = self.caller.ask(&path, None, Duration::from_secs(10)).await;
        let run: TaskRun = match answer.status {
            200 => serde_json::from_value(answer.read::<Value>()["run"].take()).unwrap(),
            _ => self.caller.get(&format!("/v1/tasks/runs/{id}")).await.read(),
        };
        assert!(run.status.is_ended(), "{id}: {}", answer.body);
        self.ended(id, run.status);
    }
}
