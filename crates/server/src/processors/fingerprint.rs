//! What decides a processor's answers, in short.

use legwork_core::node::Fingerprint;
use sha2::{Digest as _, Sha256};

/// The fingerprint of these parts in this order: the beginning of their SHA-256. Each is told from its neighbours.
pub(super) fn of<'a>(parts: impl IntoIterator<Item = &'a str>) -> Fingerprint {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let (first, _) = digest.split_first_chunk().unwrap_or((&[0; 8], &[]));
    Fingerprint(u64::from_be_bytes(*first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_parts_have_another_fingerprint_and_the_same_the_same() {
        assert_eq!(of(["a", "bc"]), of(["a", "bc"]));
        assert_ne!(of(["a", "bc"]), of(["ab", "c"]));
        assert_ne!(of(["a", "bc"]), of(["a", "bc", ""]));
        assert_eq!(of([]).to_string(), "e3b0c44298fc1c14", "what it says is the same on every machine");
    }
}
