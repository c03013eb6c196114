//! Tokens that open one run for reading, for pages whose `EventSource` can send no key. Nothing is kept of them: a token is
//! a signature, and is worth nothing without the key that it came from.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac as _};
use legwork_api::code::Code;
use legwork_core::id::KeyId;
use legwork_core::run::Run;
use legwork_core::time::Micros;
use sha2::Sha256;

use super::failure::Failure;
use crate::keys::{By, Pass, Ring};

/// How long a read token opens its run after the run's end: a page that showed a long run can still come back.
const AFTER_THE_END: Duration = Duration::from_hours(1);

/// What read tokens are signed with; it outlives the process.
pub(crate) struct Seal(pub(crate) [u8; 32]);

impl Seal {
    /// A token that lets whoever has it read this run, and until when if that is known: an hour after the run's end. It
    /// names the key that it came from if that was made: when that is good no more, its tokens are not either.
    pub(crate) fn token_for(&self, run: &Run, by: By) -> (String, Option<Micros>) {
        let key = match by {
            By::Made(key) => Some(key),
            By::Nobody | By::Folder | By::Given => None,
        };
        let signature = BASE64_URL_SAFE_NO_PAD.encode(self.signature(run, key).finalize().into_bytes());
        (key.map_or_else(|| signature.clone(), |key| format!("{signature}.{key}")), ends_at(run))
    }

    /// Lets somebody in to a run who shows this token, if it opens that now.
    pub(crate) fn open(&self, run: &Run, token: &str, ring: &Ring, now: Micros) -> Result<Pass, Failure> {
        let refused = |why: &str| Err(Failure::new(Code::Unauthorized, format!("{why}; POST …/token gives a new one")));
        let (signature, key) = match token.split_once('.') {
            Some((signature, key)) => (signature, key.parse::<KeyId>().map(Some)),
            None => (token, Ok(None)),
        };
        let given = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        let Some(key) = key.ok().filter(|key| self.signature(run, *key).verify_slice(&given).is_ok()) else {
            return refused("this token does not open this run");
        };
        let by = key.map_or(By::Given, By::Made);
        let is_known = if key.is_some() { ring.holds(by, now).is_some() } else { ring.is_settled(&run.owner) };
        if !is_known {
            return refused("the key that this token came from is not accepted any more");
        }
        match ends_at(run) {
            Some(ends_at) if ends_at < now => refused("this token has run out"),
            _ => Ok(Pass { owner: run.owner.clone(), by }),
        }
    }

    fn signature(&self, run: &Run, key: Option<KeyId>) -> Hmac<Sha256> {
        let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        let mac = mac.chain_update(b"read\0").chain_update(run.id.to_bytes()).chain_update(run.owner.as_str());
        match key {
            // No owner's name has a zero in it.
            Some(key) => mac.chain_update(b"\0").chain_update(key.to_string()),
            None => mac,
        }
    }
}

fn ends_at(run: &Run) -> Option<Micros> {
    run.life.status().is_ended().then(|| run.life.modified_at + AFTER_THE_END)
}

#[cfg(test)]
mod tests {
    use legwork_core::id::{Owner, RunId};
    use legwork_core::key::Key;
    use legwork_core::run::{Life, Lineage, State as RunState};

    use super::*;
    use crate::config::Reach;
    use crate::keys::{Terms, ring_of};

    fn ring(given: &[&str], made: &[Key]) -> Ring {
        let given: Vec<_> = given.iter().map(|key| (*key).to_owned()).collect();
        ring_of(Terms::new(&given, "l", Reach::Machine), made)
    }

    fn pass(ring: &Ring, key: &str) -> Pass {
        ring.admit(Some(key.as_bytes()), Micros(0)).unwrap()
    }

    fn run_of(owner: &Owner, status: Option<RunState>) -> Run {
        let mut life = Life::new(Micros(0), true, None);
        life.state = status.unwrap_or(life.state);
        Run {
            id: RunId::from_u128(9),
            owner: owner.clone(),
            processor: "base".to_owned(),
            created_at: Micros(0),
            group: None,
            metadata: None,
            warnings: None,
            lineage: Lineage::default(),
            life,
        }
    }

    #[test]
    fn a_token_opens_its_run_until_an_hour_after_the_end_and_dies_with_its_key() {
        let (seal, one) = (Seal([7; 32]), ring(&["one"], &[]));
        let Pass { owner, by } = pass(&one, "one");
        let run = run_of(&owner, None);
        let (token, expires) = seal.token_for(&run, by);
        let opened = seal.open(&run, &token, &one, Micros(i64::MAX)).unwrap();
        assert_eq!((opened.owner, expires), (owner.clone(), None));
        let ended = run_of(&owner, Some(RunState::Completed));
        assert!(seal.open(&ended, &token, &one, Micros(3_600_000_000)).is_ok());
        assert!(seal.open(&ended, &token, &one, Micros(3_600_000_001)).is_err());
        let other = Run { id: RunId::from_u128(10), ..run.clone() };
        for (run, token) in [(&other, token.as_str()), (&run, ""), (&run, &token[1..]), (&run, "€"), (&run, ".")] {
            assert!(seal.open(run, token, &one, Micros(0)).is_err(), "{token}");
        }
        assert!(seal.open(&run, &token, &ring(&["two"], &[]), Micros(0)).is_err(), "the key is gone");
        assert!(Seal([8; 32]).open(&run, &token, &one, Micros(0)).is_err(), "another store");
    }

    #[test]
    fn a_token_of_a_key_that_adopts_dies_with_that_key_and_not_with_its_owner() {
        let seal = Seal([7; 32]);
        let key = Key {
            digest: crate::keys::digest(b"a"),
            name: "a".to_owned(),
            ending: String::new(),
            owner: Owner::local(),
            created_at: Micros(0),
            expires_at: Some(Micros(100)),
            revoked_at: None,
        };
        let good = ring(&[], std::slice::from_ref(&key));
        let run = run_of(&Owner::local(), None);
        let (token, _) = seal.token_for(&run, pass(&good, "a").by);
        assert_eq!(seal.open(&run, &token, &good, Micros(99)).unwrap().by, By::Made(key.id()));
        assert!(seal.open(&run, &token, &good, Micros(100)).is_err(), "it has expired");
        let back = ring(&[], &[key.revoked(Micros(1))]);
        assert!(seal.open(&run, &token, &back, Micros(2)).is_err(), "it was taken back");
        let bare = token.split('.').next().unwrap();
        assert!(seal.open(&run, bare, &good, Micros(0)).is_err(), "the key's name belongs to it");
        let (own, _) = seal.token_for(&run, By::Folder);
        assert!(seal.open(&run, &own, &back, Micros(2)).is_ok(), "that of the operator stays");
    }
}
