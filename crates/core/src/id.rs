//! Names of things, as types that are made by parsing, so that a wrong one cannot get past the door.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A run: `trun_` and 32 lower-case hex digits on the wire. Also its interaction's id.
///
/// The number is opaque to the rules; the server draws it so that ids of one process rise with time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(u128);

/// A group of runs: `tgrp_` and 32 lower-case hex digits on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(u128);

/// The text is not an id of the kind asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id of this kind is `{prefix}` followed by 32 lower-case hex digits")]
pub struct BadId {
    /// What the id should have started with.
    pub prefix: &'static str,
}

macro_rules! hex_id {
    ($name:ident, $prefix:literal) => {
        impl $name {
            /// Names the thing with this number.
            pub const fn from_u128(number: u128) -> Self {
                Self(number)
            }

            /// The number behind the name.
            pub const fn as_u128(self) -> u128 {
                self.0
            }

            /// The sixteen bytes that stores keep; they sort as the ids do.
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }

            /// The id kept as these bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(u128::from_be_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{:032x}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                parse_hex(text, $prefix, 32).map(Self).ok_or(BadId { prefix: $prefix })
            }
        }
    };
}

hex_id!(RunId, "trun_");
hex_id!(GroupId, "tgrp_");

fn parse_hex(text: &str, prefix: &str, length: usize) -> Option<u128> {
    let digits = text.strip_prefix(prefix)?;
    let plain = digits.len() == length && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    plain.then(|| u128::from_str_radix(digits, 16).ok()).flatten()
}

/// A caller's key: `key_` and 16 lower-case hex digits, the beginning of its digest. It says nothing of the key itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(u64);

impl KeyId {
    /// Names the key whose digest begins with this number.
    pub const fn from_u64(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key_{:016x}", self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyId {
    type Err = BadKeyId;

    fn from_str(text: &str) -> Result<Self, BadKeyId> {
        parse_hex(text, "key_", 16).and_then(|number| u64::try_from(number).ok()).map(Self).ok_or(BadKeyId)
    }
}

/// The text is not the id of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the id of a key is `key_` followed by 16 lower-case hex digits")]
pub struct BadKeyId;

/// Whose runs these are. One owner never sees another's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Owner(String);

impl Owner {
    /// The one owner of a server that was given no keys, and of the commands run beside the store.
    pub const LOCAL: &'static str = "local";

    /// The owner of open mode.
    pub fn local() -> Self {
        Self(Self::LOCAL.to_owned())
    }

    /// The owner that a key stands for which was given to nobody else.
    pub fn of_key(key: KeyId) -> Self {
        Self(key.to_string())
    }

    /// The owner with this name; names are made by the server from a key, never by a caller.
    pub fn named(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name that stores keep.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One process that shares the store. A new process is a new node, also on the same machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u64);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node_{:016x}", self.0)
    }
}

impl FromStr for NodeId {
    type Err = BadNodeId;

    fn from_str(text: &str) -> Result<Self, BadNodeId> {
        parse_hex(text, "node_", 16).and_then(|number| u64::try_from(number).ok()).map(Self).ok_or(BadNodeId)
    }
}

/// The text is not the id of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the id of a node is `node_` followed by 16 lower-case hex digits")]
pub struct BadNodeId;

/// Proof of holding a lease: whoever claims a run draws a new one, and the old one opens nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_what_it_prints() {
        let id = RunId::from_u128(0x0199_a1b2);
        assert_eq!(id.to_string(), "trun_0000000000000000000000000199a1b2");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(RunId::from_bytes(id.to_bytes()), id);
    }

    #[test]
    fn the_id_of_a_key_reads_what_it_prints_and_nothing_else() {
        let id = KeyId::from_u64(0x99_a1b2);
        assert_eq!(id.to_string(), "key_000000000099a1b2");
        assert_eq!(id.to_string().parse(), Ok(id));
        for odd in ["", "key_", "key_99a1b2", "key_000000000099A1B2", "key_+00000000099a1b2", "ci"] {
            assert_eq!(odd.parse::<KeyId>(), Err(BadKeyId), "{odd:?}");
        }
    }

    #[test]
    fn the_id_of_a_node_reads_what_it_prints_and_nothing_else() {
        let id = NodeId(0x99_a1b2);
        assert_eq!(id.to_string(), "node_000000000099a1b2");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("node_99a1b2".parse::<NodeId>(), Err(BadNodeId));
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for odd in [
            "",
            "trun_",
            "trun_12",
            "tgrp_0000000000000000000000000199a1b2",
            "trun_0000000000000000000000000199A1B2",
            "trun_+000000000000000000000000199a1b2",
            "trun_0000000000000000000000000199a1b2 ",
            "trun_0000000000000000000000000199a1bé",
        ] {
            assert_eq!(odd.parse::<RunId>(), Err(BadId { prefix: "trun_" }), "{odd:?}");
        }
    }
}
