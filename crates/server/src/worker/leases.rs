//! The leases that this process holds, and their renewal.
//!
//! A worker counts its own lease on a monotonic clock from before the claim or the renewal was sent, and stops writing
//! a margin before its end: by the time another may take the run, this one has let go.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use legwork_core::command::Command;
use legwork_core::id::{RunId, Token};
use legwork_core::store::ApplyError;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::warn;

use crate::runs::Runs;

/// How long a lease is.
pub(super) const LEASE: Duration = Duration::from_secs(30);
/// How often leases are renewed.
pub(super) const RENEW: Duration = Duration::from_secs(10);
/// How long before its end a lease is no longer trusted.
const MARGIN: Duration = Duration::from_secs(2);

/// The leases held by this process. A lease that is in here is never swept, whatever the wall clock says.
#[derive(Default)]
pub(crate) struct Leases {
    held: Mutex<HashMap<Token, Held>>,
    /// Asked for, but not known to be given yet.
    asked_for: Mutex<HashSet<Token>>,
}

struct Held {
    run: RunId,
    good_until: watch::Sender<Instant>,
}

impl Leases {
    /// These are about to be asked for. A lease counts as held before anybody can see that it was given.
    pub(super) fn ask_for(&self, tokens: &[Token]) {
        self.asked_for().extend(tokens);
    }

    /// The answer has come: what was given is held by now, the rest is not ours.
    pub(super) fn answered(&self, tokens: &[Token]) {
        let mut asked_for = self.asked_for();
        for token in tokens {
            asked_for.remove(token);
        }
    }

    /// Holds a lease that was asked for at `asked`. The receiver shows until when it is good.
    pub(super) fn hold(&self, run: RunId, token: Token, asked: Instant) -> watch::Receiver<Instant> {
        let (good_until, receiver) = watch::channel(asked + LEASE - MARGIN);
        self.held().insert(token, Held { run, good_until });
        receiver
    }

    pub(super) fn let_go(&self, token: Token) {
        self.held().remove(&token);
    }

    /// Whether an attempt of this process still works under this token.
    pub(crate) fn holds(&self, token: Token) -> bool {
        self.asked_for().contains(&token) || self.held().contains_key(&token)
    }

    /// Renews all of them; returns how many.
    pub(super) async fn renew_once(&self, runs: &Runs) -> usize {
        let held: Vec<_> = self.held().iter().map(|(token, held)| (*token, held.run)).collect();
        let asked = Instant::now();
        let until = runs.now() + LEASE;
        let renewals = held.iter().map(|(token, run)| runs.apply(*run, Command::Renew { token: *token, until }));
        for ((token, run), answer) in held.iter().zip(join_all(renewals).await) {
            match answer {
                Ok(_) => self.good_until(*token, asked + LEASE - MARGIN),
                Err(ApplyError::Refused(_) | ApplyError::Unknown) => self.good_until(*token, asked),
                Err(ApplyError::Store(error)) => {
                    warn!(run.id = %run, error = &error as &dyn std::error::Error, "a lease was not renewed");
                }
            }
        }
        held.len()
    }

    fn good_until(&self, token: Token, at: Instant) {
        if let Some(held) = self.held().get(&token) {
            held.good_until.send_replace(at);
        }
    }

    fn asked_for(&self) -> MutexGuard<'_, HashSet<Token>> {
        self.asked_for.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Token, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Resolves when a lease is no longer good.
pub(super) async fn lost(mut good_until: watch::Receiver<Instant>) {
    loop {
        let until = *good_until.borrow_and_update();
        tokio::select! {
            () = tokio::time::sleep_until(until) => return,
            changed = good_until.changed() => if changed.is_err() { return },
        }
    }
}
