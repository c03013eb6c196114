//! How the command ends: its exit code, and what it says when it could not do what it was told.

use std::fmt;
use std::io;
use std::process::ExitCode;

use legwork_api::client::ClientError;

use crate::resolve::BadConfig;

/// The exit codes. Scripts depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It did what it was told. "Not found" is an answer too.
    Done,
    /// The run failed or was cancelled.
    RunFailed,
    /// What was typed, or asked for, makes no sense.
    BadInput,
    /// The key is missing or wrong.
    Auth,
    /// The server, or the way to it, did not do its part.
    Api,
    /// The time given was too short.
    Timeout,
    /// Ctrl-C.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::RunFailed => 1,
            Exit::BadInput => 2,
            Exit::Auth => 3,
            Exit::Api => 4,
            Exit::Timeout => 5,
            Exit::Interrupted => 130,
        })
    }
}

/// Why the command could not do what it was told: `error: …`, and what to try: `  hint: …`.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) error: anyhow::Error,
    pub(crate) hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: error.into(), hint: None }
    }

    pub(crate) fn said(exit: Exit, message: impl fmt::Display) -> Self {
        Self::new(exit, anyhow::anyhow!("{message}"))
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let (exit, hint) = match &error {
            ClientError::BadUrl { .. } => (Exit::BadInput, None),
            ClientError::NoTls(_) => {
                (Exit::Api, Some("install the system's certificates, on Debian for example ca-certificates"))
            }
            ClientError::Unreachable { .. } => {
                (Exit::Api, Some("start one with `legwork serve`, or give its address with --server or LEGWORK_URL"))
            }
            ClientError::Auth { .. } => (Exit::Auth, Some("give a key with --api-key or LEGWORK_API_KEY")),
            ClientError::Refused(refusal) => match refusal.status {
                400 | 413 | 422 => (Exit::BadInput, None),
                _ => (Exit::Api, None),
            },
            ClientError::StillActive => (Exit::Timeout, None),
            ClientError::Odd { .. } => (Exit::Api, Some("is this the address of a Task API server?")),
        };
        Self { exit, hint: hint.map(str::to_owned), error: error.into() }
    }
}

impl From<BadConfig> for Failure {
    fn from(error: BadConfig) -> Self {
        let hint = error.hint();
        Self { exit: Exit::BadInput, hint, error: error.into() }
    }
}

/// The system did not do its part. Whoever stopped reading what we print has what they wanted.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let exit = if error.kind() == io::ErrorKind::BrokenPipe { Exit::Done } else { Exit::Api };
        Self::new(exit, error)
    }
}
