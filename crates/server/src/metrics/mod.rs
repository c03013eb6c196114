//! What this process counts, and how `/metrics` writes it down. The names are a contract: a snapshot holds them.
//!
//! A registry of our own: plain atomics behind a handle. The usual libraries keep one registry a process, where several
//! servers in one test would add up, and look every label up by hash, in the middle of a create.

mod models;
mod recent;

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use legwork_core::run::Status;

use self::models::Models;
use self::recent::Recent;

/// The statuses that are counted one by one; any other is counted as 0.
const HTTP: [u16; 22] =
    [0, 101, 200, 202, 204, 206, 304, 400, 401, 402, 403, 404, 405, 408, 409, 413, 421, 422, 429, 500, 502, 503];
const METHODS: [&str; 5] = ["GET", "POST", "DELETE", "OPTIONS", "other"];

/// Upper bounds in microseconds.
const REQUEST: &[u64] =
    &[500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 10_000_000, 60_000_000];
const RUN: &[u64] = &[
    10_000,
    100_000,
    500_000,
    1_000_000,
    5_000_000,
    15_000_000,
    60_000_000,
    300_000_000,
    900_000_000,
    3_600_000_000,
    14_400_000_000,
];
const COMMIT: &[u64] = &[500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000];
/// How many commands.
const COMMANDS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

/// All counters of one server.
pub(crate) struct Metrics {
    processors: RwLock<BTreeMap<String, Arc<Processor>>>,
    routes: Vec<Route>,
    waiters: Arc<AtomicI64>,
    subscribers: Arc<AtomicI64>,
    owed: AtomicI64,
    /// Attempts at webhooks that the receiver took, and the others.
    attempts: [Histogram; 2],
    commits: Histogram,
    commands: Histogram,
    models: Models,
}

/// The runs of one processor.
pub(crate) struct Processor {
    created: AtomicU64,
    queued: AtomicI64,
    running: AtomicI64,
    /// In the order of [`Status::ALL`]; only those of ends are used.
    ended: [Histogram; Status::ALL.len()],
    worked: Recent,
}

/// The requests to one route.
struct Route {
    template: String,
    answered: [[AtomicU64; HTTP.len()]; METHODS.len()],
    took: Histogram,
}

impl Metrics {
    /// Counters that stand at nothing, for a server with these routes. What fits none of them is one more route.
    pub(crate) fn new(templates: impl IntoIterator<Item = String>) -> Arc<Self> {
        let templates = templates.into_iter().chain(["(none)".to_owned()]);
        Arc::new(Self {
            processors: RwLock::default(),
            routes: templates.map(Route::new).collect(),
            waiters: Arc::default(),
            subscribers: Arc::default(),
            owed: AtomicI64::new(0),
            attempts: std::array::from_fn(|_| Histogram::of(REQUEST)),
            commits: Histogram::of(COMMIT),
            commands: Histogram::of(COMMANDS),
            models: Models::default(),
        })
    }

    /// The counters of a processor.
    pub(crate) fn processor(&self, name: &str) -> Arc<Processor> {
        if let Some(known) = self.processors.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return known.clone();
        }
        let mut processors = self.processors.write().unwrap_or_else(PoisonError::into_inner);
        processors.entry(name.to_owned()).or_insert_with(Processor::new).clone()
    }

    /// How many runs a worker has, whichever processor they are for.
    pub(crate) fn running(&self) -> usize {
        let processors = self.processors.read().unwrap_or_else(PoisonError::into_inner);
        processors.values().map(|of| of.running()).sum()
    }

    /// A request was answered. `route` is the template's place in what [`Metrics::new`] was given.
    pub(crate) fn answered(&self, route: Option<usize>, method: &str, status: u16, took: Duration) {
        let Some(route) = self.routes.get(route.unwrap_or(self.routes.len() - 1)) else { return };
        let method = METHODS.iter().position(|known| *known == method).unwrap_or(METHODS.len() - 1);
        let status = HTTP.iter().position(|known| *known == status).unwrap_or(0);
        route.answered[method][status].fetch_add(1, Relaxed);
        route.took.observe_time(took);
    }

    /// The store has committed this many commands together.
    pub(crate) fn committed(&self, commands: usize, took: Duration) {
        self.commits.observe_time(took);
        self.commands.observe(commands as u64);
    }

    /// What there is in all, whichever process did it: of each processor, so many in the queue and so many with a worker;
    /// and so many deliveries that are owed.
    pub(crate) fn counted(&self, of: &BTreeMap<String, (i64, i64)>, owed: i64) {
        self.owed.store(owed, Relaxed);
        of.keys().for_each(|name| drop(self.processor(name)));
        let processors = self.processors.read().unwrap_or_else(PoisonError::into_inner);
        for (name, processor) in &*processors {
            let (queued, running) = of.get(name).copied().unwrap_or_default();
            processor.queued.store(queued, Relaxed);
            processor.running.store(running, Relaxed);
        }
    }

    /// So many deliveries more are owed than before.
    pub(crate) fn more_owed(&self, more: i64) {
        self.owed.fetch_add(more, Relaxed);
    }

    /// A webhook was called.
    pub(crate) fn attempted(&self, well: bool, took: Duration) {
        self.attempts[usize::from(!well)].observe_time(took);
    }

    /// A call of the language model of this role came to this.
    pub(crate) fn model_called(&self, role: &str, outcome: &'static str) {
        self.models.called(role, outcome);
    }

    /// The language model of this role took so many tokens in and gave so many out.
    pub(crate) fn model_spent(&self, role: &str, prompt: u64, completion: u64, cost_usd: Option<f64>) {
        self.models.spent(role, prompt, completion, cost_usd);
    }

    /// Somebody waits, until what this returns is dropped.
    pub(crate) fn waiter(&self) -> Waiter {
        Waiter::at(&self.waiters)
    }

    /// Somebody follows a stream, until what this returns is dropped.
    pub(crate) fn subscriber(&self) -> Waiter {
        Waiter::at(&self.subscribers)
    }

    /// All of it, in Prometheus's text form.
    pub(crate) fn render(&self) -> String {
        let mut out = Out(String::with_capacity(16 * 1024));
        // Writing to a string cannot fail.
        let _ = self.write(&mut out);
        out.0
    }

    fn write(&self, out: &mut Out) -> fmt::Result {
        out.name("legwork_build_info", "gauge", "Always 1; the label says which version this is.")?;
        out.line("legwork_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1)?;
        self.write_runs(out)?;
        self.write_http(out)?;
        out.name("legwork_waiters", "gauge", "Callers that wait for a run.")?;
        out.line("legwork_waiters", &[], self.waiters.load(Relaxed))?;
        out.name("legwork_stream_subscribers", "gauge", "Callers that follow a stream of events.")?;
        out.line("legwork_stream_subscribers", &[], self.subscribers.load(Relaxed))?;
        out.name("legwork_webhooks_owed", "gauge", "Deliveries to webhooks that are still to be made, or made again.")?;
        out.line("legwork_webhooks_owed", &[], self.owed.load(Relaxed))?;
        let name = "legwork_webhook_attempts_total";
        out.name(name, "counter", "Calls of webhooks: those that were answered with a 2xx, and those that were not.")?;
        let attempts = || ["delivered", "failed"].map(|outcome| [("outcome", outcome)]).into_iter().zip(&self.attempts);
        for (labels, took) in attempts() {
            out.line(name, &labels, took.count())?;
        }
        let name = "legwork_webhook_attempt_seconds";
        out.name(name, "histogram", "From the beginning of a call to the head of its answer, or to giving it up.")?;
        for (labels, took) in attempts().filter(|(_, took)| took.count() > 0) {
            out.histogram(name, &labels, took, Unit::Seconds)?;
        }
        let name = "legwork_store_commit_seconds";
        out.name(name, "histogram", "What a commit of the store took, flush to disk included.")?;
        out.histogram(name, &[], &self.commits, Unit::Seconds)?;
        let name = "legwork_store_commands_per_commit";
        out.name(name, "histogram", "How many commands shared a commit.")?;
        out.histogram(name, &[], &self.commands, Unit::Pieces)?;
        self.models.write(out)
    }

    fn write_runs(&self, out: &mut Out) -> fmt::Result {
        let processors = self.processors.read().unwrap_or_else(PoisonError::into_inner);
        let name = "legwork_runs_created_total";
        out.name(name, "counter", "Runs that were accepted since the start of this process.")?;
        for (processor, of) in &*processors {
            out.line(name, &[("processor", processor)], of.created.load(Relaxed))?;
        }
        let ended = || {
            processors.iter().flat_map(|(processor, of)| {
                let ended = Status::ALL.into_iter().zip(&of.ended).filter(|(status, _)| status.is_ended());
                ended
                    .map(move |(status, took)| ([("processor", processor.as_str()), ("status", status.as_str())], took))
            })
        };
        let name = "legwork_runs_total";
        out.name(name, "counter", "Runs that ended since the start of this process.")?;
        for (labels, took) in ended() {
            out.line(name, &labels, took.count())?;
        }
        let name = "legwork_run_seconds";
        out.name(name, "histogram", "From a run's acceptance to its end.")?;
        for (labels, took) in ended().filter(|(_, took)| took.count() > 0) {
            out.histogram(name, &labels, took, Unit::Seconds)?;
        }
        let name = "legwork_queue_depth";
        out.name(name, "gauge", "Runs that wait for a worker or for their time.")?;
        for (processor, of) in &*processors {
            out.line(name, &[("processor", processor)], of.queued.load(Relaxed))?;
        }
        let name = "legwork_runs_running";
        out.name(name, "gauge", "Runs that a worker has, cancelling ones included.")?;
        for (processor, of) in &*processors {
            out.line(name, &[("processor", processor)], of.running.load(Relaxed))?;
        }
        Ok(())
    }

    fn write_http(&self, out: &mut Out) -> fmt::Result {
        let name = "legwork_http_requests_total";
        out.name(name, "counter", "Requests by the template of their route. Status 0 is any that is not told apart.")?;
        for route in &self.routes {
            for (method, answered) in METHODS.iter().zip(&route.answered) {
                for (status, count) in HTTP.iter().zip(answered) {
                    let count = count.load(Relaxed);
                    if count > 0 {
                        let status = status.to_string();
                        out.line(name, &[("route", &route.template), ("method", method), ("status", &status)], count)?;
                    }
                }
            }
        }
        let name = "legwork_http_request_seconds";
        out.name(name, "histogram", "From a request's head to the head of its answer, waiting included.")?;
        for route in self.routes.iter().filter(|route| route.took.count() > 0) {
            out.histogram(name, &[("route", &route.template)], &route.took, Unit::Seconds)?;
        }
        Ok(())
    }
}

impl Processor {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            created: AtomicU64::new(0),
            queued: AtomicI64::new(0),
            running: AtomicI64::new(0),
            ended: std::array::from_fn(|_| Histogram::of(RUN)),
            worked: Recent::default(),
        })
    }

    /// A worker was at a run for so long, until it completed or failed.
    pub(crate) fn worked(&self, took: Duration) {
        self.worked.tell(took);
    }

    /// How long a worker was at the last runs on average, waiting in line not counted; `None` before the first has ended.
    pub(crate) fn typical(&self) -> Option<Duration> {
        self.worked.mean()
    }

    /// How many runs a worker has.
    pub(crate) fn running(&self) -> usize {
        usize::try_from(self.running.load(Relaxed)).unwrap_or_default()
    }

    /// What was there before this process: so many in the queue, so many with a worker.
    pub(crate) fn found(&self, queued: i64, running: i64) {
        self.queued.fetch_add(queued, Relaxed);
        self.running.fetch_add(running, Relaxed);
    }

    /// A run was accepted, or went from one status to another; `age` is how long ago it was accepted.
    pub(crate) fn moved(&self, from: Option<Status>, to: Status, age: Duration) {
        if from.is_none() {
            self.created.fetch_add(1, Relaxed);
        }
        if from == Some(to) {
            return;
        }
        let count = |is: fn(Status) -> bool| i64::from(is(to)) - i64::from(from.is_some_and(is));
        self.queued.fetch_add(count(|status| status == Status::Queued), Relaxed);
        self.running.fetch_add(count(|status| matches!(status, Status::Running | Status::Cancelling)), Relaxed);
        if to.is_ended() {
            for (status, took) in Status::ALL.into_iter().zip(&self.ended) {
                if status == to {
                    took.observe_time(age);
                }
            }
        }
    }
}

impl Route {
    fn new(template: String) -> Self {
        let answered = std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0)));
        Self { template, answered, took: Histogram::of(REQUEST) }
    }
}

/// Somebody who waits, or follows.
pub(crate) struct Waiter(Arc<AtomicI64>);

impl Waiter {
    fn at(count: &Arc<AtomicI64>) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count.clone())
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// How often something was how large.
struct Histogram {
    bounds: &'static [u64],
    /// One for each bound, and one for what is beyond the last.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    fn of(bounds: &'static [u64]) -> Self {
        Self { bounds, counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(), sum: AtomicU64::new(0) }
    }

    fn observe_time(&self, took: Duration) {
        self.observe(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    fn observe(&self, value: u64) {
        self.counts[self.bounds.partition_point(|bound| *bound < value)].fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }

    fn count(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Relaxed)).sum()
    }
}

/// What the numbers of a histogram count.
#[derive(Clone, Copy)]
enum Unit {
    /// Microseconds, told as seconds.
    Seconds,
    Pieces,
}

impl Unit {
    #[expect(clippy::cast_precision_loss, reason = "a sum of 2^53 microseconds is 285 years")]
    fn told(self, value: u64) -> f64 {
        match self {
            Self::Seconds => value as f64 / 1e6,
            Self::Pieces => value as f64,
        }
    }
}

struct Out(String);

impl Out {
    fn name(&mut self, name: &str, kind: &str, help: &str) -> fmt::Result {
        writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}")
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl fmt::Display) -> fmt::Result {
        self.0.write_str(name)?;
        for (n, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
            write!(self.0, "{}{label}=\"{text}\"", if n == 0 { "{" } else { "," })?;
        }
        writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" })
    }

    fn histogram(&mut self, name: &str, labels: &[(&str, &str)], of: &Histogram, unit: Unit) -> fmt::Result {
        let mut seen = 0;
        let bounds = of.bounds.iter().map(|bound| unit.told(*bound).to_string()).chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(&of.counts) {
            seen += count.load(Relaxed);
            let labels: Vec<_> = labels.iter().copied().chain([("le", bound.as_str())]).collect();
            self.line(&format!("{name}_bucket"), &labels, seen)?;
        }
        self.line(&format!("{name}_sum"), labels, unit.told(of.sum.load(Relaxed)))?;
        self.line(&format!("{name}_count"), labels, seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_and_labels_are_as_they_were() {
        let metrics = Metrics::new(["/v1/tasks/runs".to_owned()]);
        let base = metrics.processor("base");
        base.found(3, 1);
        base.moved(None, Status::Queued, Duration::ZERO);
        base.moved(Some(Status::Queued), Status::Running, Duration::from_secs(1));
        base.moved(Some(Status::Running), Status::Completed, Duration::from_millis(1500));
        metrics.answered(Some(0), "POST", 202, Duration::from_micros(700));
        metrics.answered(None, "BREW", 418, Duration::from_secs(100));
        metrics.committed(3, Duration::from_millis(2));
        metrics.more_owed(2);
        metrics.attempted(true, Duration::from_millis(4));
        metrics.attempted(false, Duration::from_secs(15));
        metrics.model_called("reader", "ok");
        metrics.model_called("reader", "limited");
        metrics.model_spent("reader", 1200, 80, Some(0.000_21));
        metrics.model_spent("writer", 100, 10, None);
        let _waiter = metrics.waiter();
        insta::with_settings!({ filters => vec![(r#"version="[^"]*""#, r#"version="(version)""#)] }, {
            insta::assert_snapshot!(metrics.render());
        });
    }

    #[test]
    fn a_run_is_counted_where_it_stands() {
        let metrics = Metrics::new([]);
        let of = metrics.processor("x");
        let stands = || (of.queued.load(Relaxed), of.running.load(Relaxed));
        let way = [
            (None, Status::Queued, (1, 0)),
            (Some(Status::Queued), Status::Queued, (1, 0)),
            (Some(Status::Queued), Status::Running, (0, 1)),
            (Some(Status::Running), Status::Cancelling, (0, 1)),
            (Some(Status::Cancelling), Status::Cancelled, (0, 0)),
        ];
        for (from, to, expected) in way {
            of.moved(from, to, Duration::ZERO);
            assert_eq!(stands(), expected, "{from:?} to {to}");
        }
        assert_eq!(of.created.load(Relaxed), 1);
    }

    #[test]
    fn a_label_cannot_break_out_of_its_quotes() {
        let mut out = Out(String::new());
        out.line("m", &[("l", "a\"b\\c\nd")], 1).unwrap();
        assert_eq!(out.0, "m{l=\"a\\\"b\\\\c\\nd\"} 1\n");
    }
}
