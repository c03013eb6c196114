//! The keys that this server accepts: those that the operator gave, and those that were made and lie in the store.
//!
//! They are kept in memory, so that a request is let in without a look at the store. What is changed here is known here
//! before the change is answered; what another process changes is seen within a second.

mod ring;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use legwork_api::key::KeyWish;
use legwork_api::secret::Secret;
use legwork_core::id::{KeyId, Owner};
use legwork_core::key::Key;
use legwork_core::store::{AddKeyError, ForgetKeyError, Store, StoreError};
use legwork_core::time::Micros;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Mutex, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use uuid::Uuid;

use self::ring::Holds;
pub(crate) use self::ring::{By, Pass, Refused, Ring, Terms, digest};
use crate::clock::Clock;

/// How often the store is looked at for what others changed.
const LOOK_ANYWAY: Duration = Duration::from_secs(1);
/// What a key begins with, so that people and scanners know one when they see it.
const PREFIX: &str = "lw_";
/// How many of its last characters are kept, for people to tell keys apart.
const ENDING: usize = 4;

/// The keys of one server.
pub(crate) struct Keyring {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    rings: watch::Sender<Arc<Ring>>,
    /// Held by whoever reads, so that nothing older takes the place of something newer.
    reading: Mutex<()>,
}

/// Why a key was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MakeError {
    /// Its time is over already.
    #[error("its time is over already")]
    Over,
    /// The store did not take it.
    #[error(transparent)]
    NotAdded(#[from] AddKeyError),
}

impl Keyring {
    /// Until [`Keyring::refresh`] was called once, the keys in the store are not known, and nobody is let in without one.
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, terms: Terms) -> Self {
        let rings = watch::Sender::new(Arc::new(Ring::unread(terms)));
        Self { store, clock, rings, reading: Mutex::new(()) }
    }

    /// The keys as they are now.
    pub(crate) fn ring(&self) -> Arc<Ring> {
        self.rings.borrow().clone()
    }

    /// The time that this server goes by.
    pub(crate) fn now(&self) -> Micros {
        self.clock.now()
    }

    /// Reads the keys in the store anew. Whoever was let in by what is no more is told.
    pub(crate) async fn refresh(&self) -> Result<(), StoreError> {
        let _reading = self.reading.lock().await;
        let made = self.store.keys().await?;
        self.rings.send_if_modified(|ring| {
            let is_new = !ring.has(&made);
            if is_new {
                *ring = Arc::new(ring.with(made));
            }
            is_new
        });
        Ok(())
    }

    /// Reads them once a second, until `stop`.
    pub(crate) async fn watch(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.refresh().await {
                warn!(error = &error as &dyn std::error::Error, "could not read the keys, will try again");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(LOOK_ANYWAY) => {}
            }
        }
    }

    /// Makes a key. What is returned first is the key itself, which is kept nowhere.
    pub(crate) async fn make(&self, wish: KeyWish) -> Result<(Secret, Key), MakeError> {
        let KeyWish { name, expires_at, adopt } = wish;
        let now = self.now();
        if expires_at.is_some_and(|end| end <= now) {
            return Err(MakeError::Over);
        }
        let secret = draw();
        let digest = digest(secret.as_bytes());
        let owner = if adopt { Owner::local() } else { Owner::of_key(digest.id()) };
        let ending = secret[secret.len() - ENDING..].to_owned();
        let key = Key { digest, name, ending, owner, created_at: now, expires_at, revoked_at: None };
        self.store.add_key(key.clone()).await?;
        self.refresh().await.map_err(AddKeyError::Store)?;
        Ok((secret.into(), key))
    }

    /// The keys that were made, oldest first.
    pub(crate) async fn made(&self) -> Result<Vec<Key>, StoreError> {
        self.store.keys().await
    }

    /// Takes a key back; when this returns, it opens nothing any more. `None` when there is no such key.
    pub(crate) async fn revoke(&self, id: KeyId) -> Result<Option<Key>, StoreError> {
        let revoked = self.store.revoke_key(id, self.now()).await?;
        self.refresh().await?;
        Ok(revoked)
    }

    /// Removes a key that is good no more.
    pub(crate) async fn forget(&self, id: KeyId) -> Result<(), ForgetKeyError> {
        self.store.forget_key(id, self.now()).await?;
        Ok(self.refresh().await?)
    }

    /// Resolves when this right does not hold any more.
    pub(crate) async fn ended(self: Arc<Self>, by: By) {
        let mut rings = self.rings.subscribe();
        loop {
            let ring = rings.borrow_and_update().clone();
            let told = match ring.holds(by, self.now()) {
                None => return,
                Some(Holds::Always) => std::future::pending().await,
                Some(Holds::UntilTold) => rings.changed().await,
                Some(Holds::For(left)) => tokio::select! {
                    told = rings.changed() => told,
                    () = sleep(left) => Ok(()),
                },
            };
            if told.is_err() {
                return;
            }
        }
    }
}

/// A key that nobody has: 256 bits of a good hash of 244 random ones.
fn draw() -> String {
    let (one, two) = (Uuid::new_v4(), Uuid::new_v4());
    let bits = Sha256::new().chain_update(one.as_bytes()).chain_update(two.as_bytes()).finalize();
    format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bits))
}

/// A ring for a test.
#[cfg(test)]
pub(crate) fn ring_of(terms: Terms, made: &[Key]) -> Ring {
    Ring::unread(terms).with(made.to_vec())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_key_is_long_and_drawn_anew_each_time() {
        let drawn: BTreeSet<_> = (0..100).map(|_| draw()).collect();
        assert_eq!(drawn.len(), 100);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        assert!(drawn.iter().all(|key| key.len() == 46 && key.starts_with("lw_") && key.chars().all(is_plain)));
    }
}
