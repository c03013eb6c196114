//! The log, to stderr.

use tracing_subscriber::EnvFilter;

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
        LogArg::Json => subscriber.json().flatten_event(true).try_init(),
    };
}

fn level(usual: Usual, verbose: u8) -> &'static str {
    match (usual, verbose) {
        (Usual::Command, 0) => "error",
        (Usual::Server, 0) | (Usual::Command, 1) => "info",
        (Usual::Server, 1) | (Usual::Command, 2) => "info,legwork=debug,legwork_server=debug",
        (_, _) => "debug,legwork=trace,legwork_server=trace",
    }
}
