//! Who is let in, as of one moment. Pure: the keys and the time are all that matters.

use std::collections::HashMap;
use std::time::Duration;

use legwork_core::id::{KeyId, Owner};
use legwork_core::key::{Digest, Key, Standing};
use legwork_core::time::Micros;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::config::Reach;

/// The digest of a key as it is shown.
pub(crate) fn digest(key: &[u8]) -> Digest {
    Digest(Sha256::digest(key).into())
}

/// What is settled when a server starts.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// The keys that the operator gave.
    given: Vec<Digest>,
    /// The key in the store's folder: whoever can read that file may do anything with the store.
    folder: Digest,
    /// Who can reach the server.
    reach: Reach,
}

impl Terms {
    pub(crate) fn new(given: &[String], folder: &str, reach: Reach) -> Self {
        let given = given.iter().map(|key| digest(key.as_bytes())).collect();
        Self { given, folder: digest(folder.as_bytes()), reach }
    }
}

/// The keys that are accepted.
#[derive(Debug)]
pub(crate) struct Ring {
    terms: Terms,
    /// The keys that were made, whether they are still good or not; `None` until they were read.
    made: Option<HashMap<Digest, Key>>,
}

/// Who was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pass {
    /// Whose runs he sees and makes.
    pub(crate) owner: Owner,
    /// By what right.
    pub(crate) by: By,
}

/// By what right somebody was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// There are no keys, and he is on this machine.
    Nobody,
    /// By the key in the store's folder: he is the operator.
    Folder,
    /// By a key that the operator gave when he started the server.
    Given,
    /// By a key that was made.
    Made(KeyId),
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// He shows no key.
    NoKey,
    /// He shows one that is none of ours.
    Unknown,
    /// The time of his key is over, since then.
    Expired(Micros),
    /// His key was taken back.
    Revoked,
}

impl Ring {
    /// The keys of which it is known that they are accepted. Those that were made are not known yet, so that nobody is
    /// let in without a key.
    pub(super) fn unread(terms: Terms) -> Self {
        Self { terms, made: None }
    }

    /// The same with the keys that were made.
    pub(super) fn with(&self, made: Vec<Key>) -> Self {
        let made = made.into_iter().map(|key| (key.digest, key)).collect();
        Self { terms: self.terms.clone(), made: Some(made) }
    }

    /// Whether these are the keys that were made.
    pub(super) fn has(&self, made: &[Key]) -> bool {
        let Some(known) = &self.made else { return false };
        known.len() == made.len() && made.iter().all(|key| known.get(&key.digest) == Some(key))
    }

    /// Whether there are keys, be it that none of them is good any more: neither the end of a key's time nor taking one
    /// back may let in everybody.
    pub(crate) fn is_keyed(&self) -> bool {
        !self.terms.given.is_empty() || self.made.as_ref().is_none_or(|made| !made.is_empty())
    }

    /// Whether any key or none is the one owner `local`. Never where others than this machine's users can ask.
    pub(crate) fn is_open(&self) -> bool {
        !self.is_keyed() && self.terms.reach == Reach::Machine
    }

    /// Whether all who may ask are on this machine, and may have receivers on it.
    pub(crate) fn is_at_home(&self) -> bool {
        !self.is_keyed() && self.terms.reach != Reach::Beyond
    }

    /// How many of the keys that were made are good.
    pub(crate) fn made(&self, now: Micros) -> usize {
        self.made.iter().flat_map(HashMap::values).filter(|key| key.is_good(now)).count()
    }

    /// Lets somebody in who shows this.
    pub(crate) fn admit(&self, shown: Option<&[u8]>, now: Micros) -> Result<Pass, Refused> {
        match shown.map(|key| self.pass(digest(key), now)) {
            Some(Err(_)) | None if self.is_open() => Ok(Pass { owner: Owner::local(), by: By::Nobody }),
            Some(looked) => looked,
            None => Err(Refused::NoKey),
        }
    }

    fn pass(&self, shown: Digest, now: Micros) -> Result<Pass, Refused> {
        let is_shown = |known: &Digest| bool::from(known.0.ct_eq(&shown.0));
        // All are compared, so that the time tells nothing about which one it was.
        let matches = self.terms.given.iter().filter(|known| is_shown(known)).count();
        if is_shown(&self.terms.folder) {
            return Ok(Pass { owner: Owner::local(), by: By::Folder });
        }
        if matches > 0 {
            return Ok(Pass { owner: Owner::of_key(shown.id()), by: By::Given });
        }
        // A look-up may tell by its time how much of a digest is right. Whoever could make digests that begin as he
        // likes would learn the beginnings of others from it, and nothing of the keys.
        let key = self.made.as_ref().and_then(|made| made.get(&shown)).ok_or(Refused::Unknown)?;
        match key.standing(now) {
            Standing::Good => Ok(Pass { owner: key.owner.clone(), by: By::Made(key.id()) }),
            Standing::Expired => Err(Refused::Expired(key.expires_at.unwrap_or(now))),
            Standing::Revoked => Err(Refused::Revoked),
        }
    }

    /// For how long this right still holds, as far as is known now: `None` when it does not any more.
    pub(crate) fn holds(&self, by: By, now: Micros) -> Option<Holds> {
        match by {
            By::Nobody => self.is_open().then_some(Holds::UntilTold),
            By::Folder | By::Given => Some(Holds::Always),
            By::Made(id) => {
                let key = self.made.iter().flat_map(HashMap::values).find(|key| key.id() == id)?;
                let left = key.expires_at.map_or(Holds::UntilTold, |end| Holds::For(end.since(now)));
                key.is_good(now).then_some(left)
            }
        }
    }

    /// Whether one of the keys that the operator gave is this owner's, or the folder's.
    pub(crate) fn is_settled(&self, owner: &Owner) -> bool {
        *owner == Owner::local() || self.terms.given.iter().any(|known| Owner::of_key(known.id()) == *owner)
    }
}

/// For how long a right holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// As long as the server runs.
    Always,
    /// Until the keys change.
    UntilTold,
    /// Until the keys change, and so long at the most.
    For(Duration),
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = Micros(1_000_000);

    fn ring(given: &[&str], reach: Reach, made: &[Key]) -> Ring {
        let given: Vec<_> = given.iter().map(|key| (*key).to_owned()).collect();
        Ring::unread(Terms::new(&given, "folder", reach)).with(made.to_vec())
    }

    fn made(key: &str) -> Key {
        let digest = digest(key.as_bytes());
        Key {
            digest,
            name: key.to_owned(),
            ending: String::new(),
            owner: Owner::of_key(digest.id()),
            created_at: Micros(0),
            expires_at: None,
            revoked_at: None,
        }
    }

    fn owner(ring: &Ring, key: &str) -> Result<Owner, Refused> {
        ring.admit(Some(key.as_bytes()), NOW).map(|pass| pass.owner)
    }

    #[test]
    fn without_keys_everybody_on_this_machine_is_local() {
        let open = ring(&[], Reach::Machine, &[]);
        for shown in [None, Some(&b"anything"[..])] {
            assert_eq!(open.admit(shown, NOW), Ok(Pass { owner: Owner::local(), by: By::Nobody }));
        }
        assert_eq!(open.admit(Some(b"folder"), NOW).unwrap().by, By::Folder, "the operator is known all the same");
        assert!(open.is_at_home());
    }

    #[test]
    fn without_keys_nobody_else_is_let_in() {
        for reach in [Reach::Folder, Reach::Beyond] {
            let closed = ring(&[], reach, &[]);
            assert_eq!(closed.admit(None, NOW), Err(Refused::NoKey), "{reach:?}");
            assert_eq!(owner(&closed, "anything"), Err(Refused::Unknown), "{reach:?}");
            assert_eq!(owner(&closed, "folder"), Ok(Owner::local()), "{reach:?}");
            assert_eq!(closed.is_at_home(), reach == Reach::Folder);
        }
    }

    #[test]
    fn until_the_keys_were_read_nobody_is_let_in_without_one() {
        let unread = Ring::unread(Terms::new(&["one".to_owned()], "folder", Reach::Machine));
        assert!(!unread.is_open() && !unread.is_at_home());
        assert!(owner(&unread, "one").is_ok());
    }

    #[test]
    fn each_key_is_an_owner_of_its_own() {
        let ring = ring(&["one", "two"], Reach::Machine, &[made("three")]);
        let owners = ["one", "two", "three"].map(|key| owner(&ring, key).unwrap());
        assert!(owners[0] != owners[1] && owners[1] != owners[2] && owners[0] != owners[2]);
        assert_eq!(owner(&ring, "folder"), Ok(Owner::local()));
        assert!(!owners[0].as_str().contains("one"));
        let again = super::tests::ring(&["one"], Reach::Beyond, &[]);
        assert_eq!(owner(&again, "one").as_ref(), Ok(&owners[0]), "and stays the same");
    }

    #[test]
    fn a_key_that_adopts_is_local() {
        let adopting = Key { owner: Owner::local(), ..made("a") };
        let ring = ring(&[], Reach::Beyond, std::slice::from_ref(&adopting));
        assert_eq!(ring.admit(Some(b"a"), NOW), Ok(Pass { owner: Owner::local(), by: By::Made(adopting.id()) }));
    }

    #[test]
    fn a_wrong_key_and_no_key_are_refused() {
        for ring in [ring(&["one"], Reach::Machine, &[]), ring(&[], Reach::Machine, &[made("one")])] {
            assert_eq!(ring.admit(None, NOW), Err(Refused::NoKey));
            assert_eq!(owner(&ring, "on"), Err(Refused::Unknown));
            assert_eq!(owner(&ring, ""), Err(Refused::Unknown));
        }
    }

    #[test]
    fn a_key_that_is_good_no_more_is_told_why_and_lets_nobody_else_in() {
        let expired = Key { expires_at: Some(NOW), ..made("old") };
        let ring = ring(&[], Reach::Machine, &[expired, made("back").revoked(Micros(5))]);
        assert_eq!(owner(&ring, "old"), Err(Refused::Expired(NOW)));
        assert_eq!(owner(&ring, "back"), Err(Refused::Revoked));
        assert_eq!(ring.admit(None, NOW), Err(Refused::NoKey));
        assert!(ring.is_keyed() && !ring.is_open() && !ring.is_at_home());
        assert_eq!(ring.made(NOW), 0);
    }

    #[test]
    fn a_right_holds_as_long_as_what_it_rests_on() {
        let limited = Key { expires_at: Some(Micros(NOW.0 + 5)), ..made("limited") };
        let by = By::Made(limited.id());
        let keyed = ring(&["one"], Reach::Machine, std::slice::from_ref(&limited));
        assert_eq!(keyed.holds(by, NOW), Some(Holds::For(Duration::from_micros(5))));
        assert_eq!(keyed.holds(by, Micros(NOW.0 + 5)), None);
        assert_eq!(keyed.with(vec![limited.revoked(NOW)]).holds(by, NOW), None);
        assert_eq!(keyed.with(vec![]).holds(by, NOW), None);
        assert_eq!(keyed.holds(By::Nobody, NOW), None);
        let open = ring(&[], Reach::Machine, &[]);
        assert_eq!(open.holds(By::Nobody, NOW), Some(Holds::UntilTold));
        for by in [By::Folder, By::Given] {
            assert_eq!(keyed.holds(by, NOW), Some(Holds::Always));
        }
    }
}
