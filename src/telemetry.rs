//! The log, to stderr.

use std::error::Error;
use std::fmt;
use std::iter::successors;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::args::LogArg;
use crate::print;

/// How much is logged when `RUST_LOG` says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usual {
    /// A server tells what it does.
    Server,
    /// A command speaks for itself; its engine only complains.
    Command,
}

/// Starts logging, for as long as the process lives.
pub(crate) fn start(usual: Usual, verbose: u8, log: LogArg) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level(usual, verbose)));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let subscriber = subscriber.with_ansi(print::is_coloured(&std::io::stderr()));
    // It may be started already, in a test; then that one does.
    let _ = match log {
        LogArg::Text => subscriber.with_target(false).try_init(),
        LogArg::Json => subscriber.event_format(OneObject).try_init(),
    };
}

/// An event as one JSON object a line. The library's own form says nothing of what lies behind an error.
struct OneObject;

impl<S, N> FormatEvent<S, N> for OneObject
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let about = event.metadata();
        let mut members = Members(Map::new());
        members.0.insert("timestamp".to_owned(), timestamp.into());
        members.0.insert("level".to_owned(), about.level().as_str().into());
        event.record(&mut members);
        members.0.insert("target".to_owned(), about.target().into());
        writeln!(writer, "{}", Value::Object(members.0))
    }
}

/// The members of such an object.
struct Members(Map<String, Value>);

impl Members {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Members {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    /// The error, and under the name that the text has for them too, what lies behind it.
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.put(field, value.to_string());
        let sources: Vec<_> = successors(value.source(), |&cause| cause.source()).map(ToString::to_string).collect();
        if !sources.is_empty() {
            self.0.insert(format!("{}.sources", field.name()), sources.into());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

fn level(usual: Usual, verbose: u8) -> &'static str {
    match (usual, verbose) {
        (Usual::Command, 0) => "error",
        (Usual::Server, 0) | (Usual::Command, 1) => "info",
        (Usual::Server, 1) | (Usual::Command, 2) => "info,legwork=debug,legwork_server=debug",
        (_, _) => "debug,legwork=trace,legwork_server=trace",
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What was logged.
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the store cannot be opened")]
    struct Closed(#[source] io::Error);

    #[test]
    fn a_json_log_says_what_lies_behind_an_error() {
        let page = Page::default();
        let to = page.clone();
        let log = tracing_subscriber::fmt().with_writer(move || to.clone()).event_format(OneObject).finish();
        tracing::subscriber::with_default(log, || {
            let error = Closed(io::Error::other("the disk is full"));
            tracing::warn!(error = &error as &dyn Error, n = 7_u64, of = %"x", "it\nbroke");
        });
        let mut line: Value = serde_json::from_slice(&page.0.lock().unwrap()).unwrap();
        assert!(line["timestamp"].take().is_string());
        let says = serde_json::json!({
            "timestamp": null, "level": "WARN", "message": "it\nbroke", "error": "the store cannot be opened",
            "error.sources": ["the disk is full"], "n": 7, "of": "x", "target": "legwork::telemetry::tests",
        });
        assert_eq!(line, says);
    }
}
