//! Keys that were made for callers: what is kept of one, and how long it opens anything.
//!
//! Of the key itself only its digest is kept. Keys are long random texts, so a plain SHA-256 says nothing about them.

use std::fmt;

use crate::id::{KeyId, Owner};
use crate::time::Micros;

/// The SHA-256 of a key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// What the key is called by where people and logs may see it.
    pub fn id(&self) -> KeyId {
        let (first, _) = self.0.split_first_chunk().unwrap_or((&[0; 8], &[]));
        KeyId::from_u64(u64::from_be_bytes(*first))
    }
}

/// Its beginning is enough to tell it from others.
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.id())
    }
}

/// A key that was made, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// What it is known by when it is shown.
    pub digest: Digest,
    /// What its maker calls it.
    pub name: String,
    /// Its last characters, by which people tell keys apart.
    pub ending: String,
    /// Whose runs it sees and makes.
    pub owner: Owner,
    /// When it was made.
    pub created_at: Micros,
    /// When it stops opening anything; `None` is never.
    pub expires_at: Option<Micros>,
    /// When it was taken back, if it was.
    pub revoked_at: Option<Micros>,
}

/// How a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It opens what is its owner's.
    Good,
    /// Its time is over.
    Expired,
    /// It was taken back.
    Revoked,
}

impl Key {
    /// What it is called by.
    pub fn id(&self) -> KeyId {
        self.digest.id()
    }

    /// How it stands now. What was taken back is that, whatever its time was.
    pub fn standing(&self, now: Micros) -> Standing {
        if self.revoked_at.is_some() {
            return Standing::Revoked;
        }
        match self.expires_at {
            Some(end) if end <= now => Standing::Expired,
            Some(_) | None => Standing::Good,
        }
    }

    /// Whether it opens anything now.
    pub fn is_good(&self, now: Micros) -> bool {
        self.standing(now) == Standing::Good
    }

    /// The same key, taken back now; one that was taken back already stays as it is.
    #[must_use]
    pub fn revoked(self, now: Micros) -> Self {
        Self { revoked_at: self.revoked_at.or(Some(now)), ..self }
    }
}

/// Whether a new key may have this name: no key that is still good has it. The names of others may be used again, so
/// that a key can be replaced under its name.
pub fn is_free(name: &str, keys: &[Key], now: Micros) -> bool {
    !keys.iter().any(|key| key.name == name && key.is_good(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, expires_at: Option<Micros>) -> Key {
        Key {
            digest: Digest([0xab; 32]),
            name: name.to_owned(),
            ending: "wxyz".to_owned(),
            owner: Owner::local(),
            created_at: Micros(0),
            expires_at,
            revoked_at: None,
        }
    }

    #[test]
    fn a_key_is_good_until_its_time_is_over_or_it_is_taken_back() {
        let limited = key("a", Some(Micros(10)));
        assert_eq!((limited.standing(Micros(9)), limited.standing(Micros(10))), (Standing::Good, Standing::Expired));
        assert_eq!(key("a", None).standing(Micros(i64::MAX)), Standing::Good);
        let back = limited.revoked(Micros(5));
        assert_eq!((back.standing(Micros(0)), back.standing(Micros(20))), (Standing::Revoked, Standing::Revoked));
        assert_eq!(back.clone().revoked(Micros(7)), back, "it is taken back once");
    }

    #[test]
    fn a_name_is_used_again_when_its_key_is_good_no_more() {
        let keys = [key("a", Some(Micros(10))), key("b", None).revoked(Micros(1))];
        assert!(!is_free("a", &keys, Micros(9)));
        assert!(is_free("a", &keys, Micros(10)) && is_free("b", &keys, Micros(1)) && is_free("c", &keys, Micros(1)));
    }

    #[test]
    fn a_key_is_called_by_the_beginning_of_its_digest() {
        assert_eq!(key("a", None).id().to_string(), "key_abababababababab");
        assert_eq!(format!("{:?}", Digest([0xab; 32])), "Digest(key_abababababababab)");
    }
}
