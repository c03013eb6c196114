//! Why a call did not bring what it should.

use std::time::Duration;

use serde_json::Value;

/// Why a call did not bring what it should. The text does not repeat the cause.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server's address is none.
    #[error("`{url}` is no address of a server: {why}")]
    BadUrl {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// TLS cannot be set up on this machine.
    #[error("no secure connection can be made from this machine")]
    NoTls(#[source] reqwest::Error),
    /// Nothing answers, or the connection was lost before the answer was there.
    #[error("no answer from {url}")]
    Unreachable {
        /// The server.
        url: String,
        /// What happened.
        #[source]
        source: reqwest::Error,
    },
    /// The server wants a key, or another one.
    #[error("{message}")]
    Auth {
        /// What the server said.
        message: String,
    },
    /// The server said no.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// The time is over and the run has not ended.
    #[error("the run is still at work")]
    StillActive,
    /// Something answers, but not as a server of this API does.
    #[error("the answer of {url} is not one of a Task API server")]
    Odd {
        /// The server.
        url: String,
        /// What it answered: status and beginning.
        #[source]
        source: Oddity,
    },
}

/// A server's no.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// What the server said.
    pub message: String,
    /// The same for programs.
    pub detail: Option<Value>,
    /// What the server's log has it under.
    pub ref_id: String,
    /// When the server wants to be asked again.
    pub retry_after: Option<Duration>,
}

/// What was odd about an answer.
#[derive(Debug, thiserror::Error)]
pub enum Oddity {
    /// The body is not what the path promises.
    #[error("the body cannot be read")]
    Body(#[source] serde_json::Error),
    /// It should have been a stream of events.
    #[error("it is no stream of events but {0:?}")]
    NoStream(String),
    /// The status has no meaning here.
    #[error("it has status {0}")]
    Status(u16),
}

impl ClientError {
    /// The same call may well succeed a little later.
    pub fn worth_retrying(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused(refusal) => matches!(refusal.status, 408 | 429 | 500..),
            Self::BadUrl { .. } | Self::NoTls(_) | Self::Auth { .. } | Self::StillActive | Self::Odd { .. } => false,
        }
    }

    /// The HTTP status with which the server said no.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.status),
            Self::Auth { .. } => Some(401),
            Self::BadUrl { .. } | Self::NoTls(_) | Self::Unreachable { .. } | Self::StillActive | Self::Odd { .. } => {
                None
            }
        }
    }

    /// When the server wants to be asked again, if it said so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            Self::BadUrl { .. }
            | Self::NoTls(_)
            | Self::Unreachable { .. }
            | Self::Auth { .. }
            | Self::StillActive
            | Self::Odd { .. } => None,
        }
    }

    /// There was not even a connection.
    pub fn is_no_connection(&self) -> bool {
        matches!(self, Self::Unreachable { source, .. } if source.is_connect())
    }

    /// The server is there and said that the run is still at work.
    pub(super) fn is_still_active(&self) -> bool {
        self.status() == Some(408)
    }
}
