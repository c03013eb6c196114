//! How the same create is told from another one like it. Pure.
//!
//! A caller says it with a key of his own. The official SDKs say nothing but how often they have tried; and twenty equal
//! creates are meant to be twenty runs. So a retry takes over an earlier create only if everything speaks for it: see
//! [`Ticket`].

use std::time::Duration;

use crate::id::Owner;
use crate::time::Micros;

/// How long a create is remembered by its key.
pub const REMEMBERED: Duration = Duration::from_hours(24);
/// How long an SDK's retry may come after the try before it: longer than any SDK waits.
pub const RETRIED_WITHIN: Duration = Duration::from_secs(90);

/// What a request that creates something says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Whose request it is.
    pub owner: Owner,
    /// What it was sent to, the same word under every prefix.
    pub route: String,
    /// The SHA-256 of its body as it came.
    pub body: [u8; 32],
    /// By what it is recognised.
    pub sign: Sign,
}

/// By what a request is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sign {
    /// The caller's key: the same key is the same create, for a day.
    Key(String),
    /// An SDK's count of the tries before this one. A retry is taken for the try before it only if owner, route and body
    /// are the same, that one was the last number, no answer to it was handed over, and no other retry was taken for it.
    Tries(u32),
}

impl Ticket {
    /// Since when a create must have been made to be found by this.
    pub fn since(&self, now: Micros) -> Micros {
        match self.sign {
            Sign::Key(_) => now - REMEMBERED,
            Sign::Tries(_) => now - RETRIED_WITHIN,
        }
    }
}
