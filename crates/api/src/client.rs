//! A client of the Task API: legwork's own, and as far as the official surface goes any server's.
//!
//! Calls are one request each, except those that wait ([`Client::result`], [`Client::wait`], [`Client::events`]): they hold through lost
//! connections and busy servers for as long as their [`patience`](Client::patient_for) lasts.

use std::sync::Once;
use std::time::Duration;

use bytes::Bytes;
use legwork_core::id::RunId;
use legwork_core::run::Status;
use legwork_core::task::Limits;
use reqwest::header::{ETAG, IF_NONE_MATCH};
use reqwest::{Method, RequestBuilder, redirect};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};
use tokio::time::Instant;
use url::{Host, Url, form_urlencoded};

use crate::ready::Ready;
use crate::result::{RunPage, TaskRunResult};
use crate::run::TaskRun;
use crate::secret::Secret;
use crate::source::SourceView;

mod answer;
mod error;
mod groups;
mod keys;
mod patience;
mod stream;
mod webhooks;

pub use error::{ClientError, Oddity, Refusal};
pub use groups::GroupRuns;
pub use stream::Events;

use answer::Answer;
use patience::Patience;

const RUNS: &str = "/v1/tasks/runs";
const SOURCES: &str = "/v1/sources";

/// How long a call may take that has nothing to wait for.
const CALL: Duration = Duration::from_secs(30);

/// How long one request of a waiting call asks the server to hold. Short enough for proxies on the way.
const HOLD: Duration = Duration::from_secs(50);

/// What an answer may take beyond the time it was asked to be held for.
const GRACE: Duration = Duration::from_secs(10);

/// Speaks to one server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    key: Option<Key>,
    patience: Duration,
}

#[derive(Clone)]
struct Key(String);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// A task to be created. What is left empty is not sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct NewTask {
    /// The question, or an object to work on.
    pub input: Value,
    /// Who shall do it.
    pub processor: String,
    /// The wire's `task_spec`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_spec: Option<Value>,
    /// What to find the run by.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    pub metadata: serde_json::Map<String, Value>,
    /// Who is called when it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<NewWebhook>,
    /// What it may take. Other servers ignore it.
    #[serde(rename = "legwork", skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
}

/// What shall be different when a run's request is asked again. What is left empty stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rerun {
    /// Who shall do it this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processor: Option<String>,
    /// Who is called when it has ended.
    #[serde(skip_serializing_if = "Calls::is_as_before")]
    pub webhook: Calls,
}

/// Who is called about a run whose request is asked again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Calls {
    /// The webhook that the first run had, if it had one.
    #[default]
    AsBefore,
    /// Nobody.
    Nobody,
    /// Another.
    This(NewWebhook),
}

impl Calls {
    fn is_as_before(&self) -> bool {
        *self == Self::AsBefore
    }
}

/// A webhook to be registered with a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewWebhook {
    /// Where to call.
    pub url: String,
    /// What the calls are signed with, instead of the server's secret.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "revealed")]
    pub secret: Option<Secret>,
}

/// The one place where a secret has to be sent.
#[expect(clippy::ref_option, reason = "serde gives a reference to the field")]
fn revealed<S: Serializer>(secret: &Option<Secret>, to: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(Secret::reveal).serialize(to)
}

/// Which runs to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListRuns {
    /// Only runs in this state.
    pub status: Option<Status>,
    /// Only runs of this processor.
    pub processor: Option<String>,
    /// Only runs that went on from this one.
    pub previous: Option<RunId>,
    /// Only runs in which these words stand.
    pub words: Option<String>,
    /// How many at most; the server has a limit of its own.
    pub limit: Option<usize>,
    /// Where the page before this one ended.
    pub cursor: Option<String>,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub enum End {
    /// With an output.
    Output {
        /// The result, read.
        result: Box<TaskRunResult>,
        /// The same as the server sent it.
        body: Bytes,
    },
    /// Without one; the run says why.
    Nothing {
        /// The run, which failed or was cancelled.
        run: Box<TaskRun>,
    },
}

impl End {
    /// The run as it ended.
    pub fn run(&self) -> &TaskRun {
        match self {
            Self::Output { result, .. } => &result.run,
            Self::Nothing { run } => run,
        }
    }
}

/// What came of waiting for a change.
#[derive(Clone, Debug)]
pub enum Waited {
    /// The run is not as it was.
    Changed {
        /// The run as it is now.
        run: Box<TaskRun>,
        /// What to wait with for the next change; servers that know no long poll give none.
        etag: Option<String>,
    },
    /// Nothing changed in the time given.
    Unchanged,
}

/// What a server says of itself to anybody.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Health {
    /// `ok`.
    pub status: String,
    /// The server's version.
    pub version: String,
    /// Names the stored data; another store has another.
    pub store: String,
}

impl Client {
    /// A client of the server at `base_url`, which may have a path. The key is sent with every call but
    /// [`Client::health`].
    pub fn new(base_url: &str, key: Option<String>) -> Result<Self, ClientError> {
        let bad = |why: String| ClientError::BadUrl { url: base_url.to_owned(), why };
        let base = Url::parse(base_url).map_err(|error| bad(error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return Err(bad("it must begin with `http://` or `https://`".to_owned()));
        }
        let http = http_to(&base).map_err(ClientError::NoTls)?;
        Ok(Self { http, base, key: key.map(Key), patience: Duration::from_secs(30) })
    }

    /// How long a waiting call goes on without any answer from the server before it gives up.
    #[must_use]
    pub fn patient_for(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The server's address.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Creates a run: a [`NewTask`], or anything else that is a request. Sent once; an answer that gets lost may leave
    /// a run behind.
    pub async fn create(&self, task: &impl Serialize) -> Result<TaskRun, ClientError> {
        self.answer(self.call(Method::POST, RUNS).json(task)).await?.read()
    }

    /// Creates a run from the request of another: a [`Rerun`], or any object with the members of a request that shall be
    /// different. Sent once, as [`Client::create`].
    pub async fn rerun(&self, id: RunId, changes: &impl Serialize) -> Result<TaskRun, ClientError> {
        let path = format!("{}/rerun", run_path(id));
        self.answer(self.call(Method::POST, &path).json(changes)).await?.read()
    }

    /// The run as it is now.
    pub async fn run(&self, id: RunId) -> Result<TaskRun, ClientError> {
        self.answer(self.call(Method::GET, &run_path(id))).await?.read()
    }

    /// What was asked for, as the server shows it.
    pub async fn input(&self, id: RunId) -> Result<Bytes, ClientError> {
        let path = format!("{}/input", run_path(id));
        Ok(self.answer(self.call(Method::GET, &path)).await?.body)
    }

    /// Waits until the run has ended, however often the connection or the server goes away meanwhile.
    ///
    /// [`ClientError::StillActive`] when the deadline comes first, and [`ClientError::Unreachable`] when nothing
    /// answered for as long as the client is patient.
    pub async fn result(&self, id: RunId, deadline: Option<Instant>) -> Result<End, ClientError> {
        let mut patience = Patience::new(self.patience);
        loop {
            let hold = left(deadline).min(HOLD);
            let asked = Instant::now();
            let path = format!("{}/result?timeout={}", run_path(id), hold.as_secs());
            match self.answer(self.call(Method::GET, &path).timeout(hold + GRACE)).await {
                Ok(answer) => {
                    let result = Box::new(answer.read()?);
                    return Ok(End::Output { result, body: answer.body });
                }
                Err(error) if error.status() == Some(404) => return self.ended_without(id).await,
                Err(error) => {
                    patience.lost(&error, asked, Instant::now(), deadline).await.map_err(|()| over(error, deadline))?;
                }
            }
        }
    }

    /// A 404 to `/result` is said of a run that has no output and of one that never was.
    async fn ended_without(&self, id: RunId) -> Result<End, ClientError> {
        self.run(id).await.map(|run| End::Nothing { run: Box::new(run) })
    }

    /// Waits until the run is no longer as it was when the server gave `etag`, or `at_most` has passed. Without an
    /// `etag` it answers at once.
    pub async fn wait(&self, id: RunId, etag: Option<&str>, at_most: Duration) -> Result<Waited, ClientError> {
        let hold = at_most.min(HOLD);
        let mut patience = Patience::new(self.patience);
        loop {
            let asked = Instant::now();
            let request = match etag {
                Some(etag) => {
                    let path = format!("{}?wait={}", run_path(id), hold.as_secs());
                    self.call(Method::GET, &path).timeout(hold + GRACE).header(IF_NONE_MATCH, etag)
                }
                None => self.call(Method::GET, &run_path(id)),
            };
            match self.answer(request).await {
                Ok(answer) if answer.status == 304 => return Ok(Waited::Unchanged),
                Ok(answer) => {
                    let etag = answer.header(&ETAG);
                    return answer.read().map(|run| Waited::Changed { run: Box::new(run), etag });
                }
                Err(error) => {
                    patience.lost(&error, asked, Instant::now(), None).await.map_err(|()| error)?;
                }
            }
        }
    }

    /// Asks for the run to be stopped.
    pub async fn cancel(&self, id: RunId) -> Result<TaskRun, ClientError> {
        let path = format!("{}/cancel", run_path(id));
        self.answer(self.call(Method::POST, &path)).await?.read()
    }

    /// Asks a run that is being worked on to stop looking and to write its answer from what is there.
    pub async fn finish(&self, id: RunId) -> Result<TaskRun, ClientError> {
        let path = format!("{}/finish", run_path(id));
        self.answer(self.call(Method::POST, &path)).await?.read()
    }

    /// Answers what a run asked that is `action_required`, so that it goes on.
    pub async fn answer_question(&self, id: RunId, answer: &Value) -> Result<TaskRun, ClientError> {
        let path = format!("{}/answer", run_path(id));
        self.answer(self.call(Method::POST, &path).json(&json!({ "answer": answer }))).await?.read()
    }

    /// Removes an ended run and everything that hangs on it.
    pub async fn delete(&self, id: RunId) -> Result<(), ClientError> {
        self.answer(self.call(Method::DELETE, &run_path(id))).await.map(|_| ())
    }

    /// A page of the caller's runs, newest first.
    pub async fn list(&self, which: &ListRuns) -> Result<RunPage, ClientError> {
        self.answer(self.call(Method::GET, &format!("{RUNS}?{}", which.query()))).await?.read()
    }

    /// A document that citations point at, by its hash or by its address; with a quote, also where that stands in it.
    pub async fn source(&self, which: &str, quote: Option<&str>) -> Result<SourceView, ClientError> {
        let is_hash = which.len() == 64 && which.bytes().all(|byte| byte.is_ascii_hexdigit());
        let named = [("url", Some(which).filter(|_| !is_hash)), ("quote", quote)];
        let given = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
        let path = if is_hash { format!("{SOURCES}/{which}?{query}") } else { format!("{SOURCES}?{query}") };
        self.answer(self.call(Method::GET, &path)).await?.read()
    }

    /// What the server says of itself. The key is not sent: this is how a caller learns whom it would show it to.
    pub async fn health(&self) -> Result<Health, ClientError> {
        self.answer(self.http.get(self.at("/health")).timeout(GRACE)).await?.read()
    }

    /// Whether the server accepts runs; the error says why not.
    pub async fn ready(&self) -> Result<Ready, ClientError> {
        self.answer(self.call(Method::GET, "/ready").timeout(GRACE)).await?.read()
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Answer, ClientError> {
        Answer::to(request, &self.base).await
    }

    /// What the server says cannot be read.
    fn odd(&self, error: serde_json::Error) -> ClientError {
        ClientError::Odd { url: self.base.to_string(), source: Oddity::Body(error) }
    }

    fn call(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, self.at(path)).timeout(CALL);
        match &self.key {
            Some(Key(key)) => request.header("x-api-key", key),
            None => request,
        }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base.as_str().trim_end_matches('/'))
    }
}

impl ListRuns {
    fn query(&self) -> String {
        let named = [
            ("status", self.status.map(|status| status.to_string())),
            ("processor", self.processor.clone()),
            ("previous_interaction_id", self.previous.map(|id| id.to_string())),
            ("q", self.words.clone()),
            ("limit", self.limit.map(|limit| limit.to_string())),
            ("cursor", self.cursor.clone()),
        ];
        let given = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
        form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish()
    }
}

fn run_path(id: RunId) -> String {
    format!("{RUNS}/{id}")
}

fn left(deadline: Option<Instant>) -> Duration {
    deadline.map_or(Duration::MAX, |at| at.saturating_duration_since(Instant::now()))
}

/// What a waiting call that gives up says: that its time is over, if it is, and else what went wrong last.
fn over(error: ClientError, deadline: Option<Instant>) -> ClientError {
    if left(deadline).is_zero() { ClientError::StillActive } else { error }
}

/// What calls this address are made with: it follows no redirects, asks no proxy for what is on this machine, and wants
/// certificates only for `https`.
pub fn http_to(base: &Url) -> Result<reqwest::Client, reqwest::Error> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // An error says that the program has chosen another provider, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let http = reqwest::Client::builder()
        .user_agent(concat!("legwork/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(5))
        // A redirect would carry the key to wherever it points.
        .redirect(redirect::Policy::none());
    let http = if is_loopback(base) { http.no_proxy() } else { http };
    // Without TLS nobody needs certificates, and small containers have none.
    let http = if base.scheme() == "http" { http.tls_certs_only([]) } else { http };
    http.build()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
