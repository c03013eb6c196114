//! How values of the core are written: numbers and ids as everywhere else, carried JSON as a text of the same bytes.

#![expect(clippy::ref_option, reason = "serde gives a field by reference, whatever it is")]

use std::time::Duration;

use bytes::Bytes;
use legwork_core::delivery::{Attempt, Delivery, DeliveryId, Form, Heard, Standing, Tells, Webhook};
use legwork_core::fact::{Fact, What};
use legwork_core::id::{GroupId, NodeId, Owner, RunId, Token};
use legwork_core::key::{Digest, Key};
use legwork_core::receipt::{Sign, Ticket};
use legwork_core::run::{Failure, Lease, Life, Lineage, Question, Run, State};
use legwork_core::time::Micros;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(remote = "Key", deny_unknown_fields)]
pub(super) struct KeyShape {
    #[serde(with = "digest")]
    digest: Digest,
    name: String,
    ending: String,
    owner: Owner,
    created_at: Micros,
    expires_at: Option<Micros>,
    revoked_at: Option<Micros>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Run", deny_unknown_fields)]
pub(super) struct RunShape {
    #[serde(with = "text")]
    id: RunId,
    owner: Owner,
    processor: String,
    created_at: Micros,
    #[serde(with = "some_text")]
    group: Option<GroupId>,
    #[serde(with = "some_json")]
    metadata: Option<Bytes>,
    #[serde(with = "some_json")]
    warnings: Option<Bytes>,
    #[serde(with = "LineageShape")]
    lineage: Lineage,
    #[serde(with = "LifeShape")]
    life: Life,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Lineage", deny_unknown_fields)]
struct LineageShape {
    #[serde(with = "some_text")]
    previous: Option<RunId>,
    #[serde(with = "some_text")]
    rerun_of: Option<RunId>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Life", deny_unknown_fields)]
struct LifeShape {
    #[serde(with = "StateShape")]
    state: State,
    version: u64,
    modified_at: Micros,
    attempts: u32,
    finish: bool,
    meter: u8,
    events: bool,
    deadline: Option<Micros>,
    #[serde(with = "TellsShape")]
    tells: Tells,
    /// Not in form 1.
    #[serde(default)]
    papers: bool,
}

/// Leases are left out: what comes back is one that has run out.
#[derive(Serialize, Deserialize)]
#[serde(remote = "State", tag = "status", rename_all = "snake_case", deny_unknown_fields)]
enum StateShape {
    Queued {
        not_before: Micros,
    },
    Running {
        #[serde(skip, default = "void")]
        lease: Lease,
    },
    ActionRequired {
        question: Question,
    },
    Cancelling {
        #[serde(skip, default = "void")]
        lease: Lease,
        stop_by: Micros,
    },
    Completed,
    Failed {
        why: Failure,
    },
    Cancelled,
}

/// A lease that nobody holds and that has run out.
const fn void() -> Lease {
    Lease { node: NodeId(0), token: Token(0), attempt: 0, until: Micros(0) }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Tells", deny_unknown_fields)]
struct TellsShape {
    ends: bool,
    questions: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Webhook", deny_unknown_fields)]
pub(super) struct WebhookShape {
    url: String,
    receiver: String,
    secret: Option<String>,
    #[serde(with = "FormShape")]
    form: Form,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Form", rename_all = "snake_case")]
enum FormShape {
    Official,
    Guide,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Fact", deny_unknown_fields)]
pub(super) struct FactShape {
    seq: u64,
    at: Micros,
    what: What,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Delivery", deny_unknown_fields)]
pub(super) struct DeliveryShape {
    #[serde(with = "text")]
    id: DeliveryId,
    owed_at: Micros,
    #[serde(with = "StandingShape")]
    standing: Standing,
    tries: u32,
    since: Option<Micros>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Standing", tag = "is", rename_all = "snake_case", deny_unknown_fields)]
enum StandingShape {
    Owed {
        due_at: Micros,
    },
    /// A lease that is not written.
    #[serde(skip)]
    Sending {
        until: Micros,
    },
    Delivered {
        at: Micros,
    },
    GivenUp {
        at: Micros,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Attempt", deny_unknown_fields)]
pub(super) struct AttemptShape {
    at: Micros,
    #[serde(with = "micros")]
    took: Duration,
    #[serde(with = "HeardShape")]
    heard: Heard,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Heard", rename_all = "snake_case", deny_unknown_fields)]
enum HeardShape {
    Answer {
        status: u16,
        #[serde(with = "some_micros")]
        retry_after: Option<Duration>,
        excerpt: String,
    },
    Nothing {
        why: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Ticket", deny_unknown_fields)]
pub(super) struct TicketShape {
    owner: Owner,
    route: String,
    #[serde(with = "hex")]
    body: [u8; 32],
    #[serde(with = "SignShape")]
    sign: Sign,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Sign", rename_all = "snake_case")]
enum SignShape {
    Key(String),
    Tries(u32),
}

/// What has a text of its own, as that.
pub(super) mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// The same, where it may be missing.
mod some_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(crate) fn serialize<T: Display, S: Serializer>(value: &Option<T>, to: S) -> Result<S::Ok, S::Error> {
        value.as_ref().map(ToString::to_string).serialize(to)
    }

    pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse()).transpose().map_err(D::Error::custom)
    }
}

/// A secret as what it is: nothing else has it.
pub(super) mod some_secret {
    use legwork_core::secret::Secret;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(crate) fn serialize<S: Serializer>(secret: &Option<Secret>, to: S) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(Secret::reveal).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
        Ok(Option::<String>::deserialize(from)?.map(Secret::from))
    }
}

/// Carried JSON that stores keep as text.
pub(super) mod some_json {
    use bytes::Bytes;
    use serde::ser::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &Option<Bytes>, to: S) -> Result<S::Ok, S::Error> {
        value.as_deref().map(std::str::from_utf8).transpose().map_err(S::Error::custom)?.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Bytes>, D::Error> {
        Ok(Option::<String>::deserialize(from)?.map(Bytes::from))
    }
}

/// A body: written as the text that it nearly always is, or else as `{"base64": …}`.
#[derive(Clone, Debug)]
pub(crate) struct Body(pub(crate) Bytes);

/// How bytes are written that are no text.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Packed {
    base64: String,
}

impl Serialize for Body {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use base64::Engine as _;
        match std::str::from_utf8(&self.0) {
            Ok(text) => to.serialize_str(text),
            Err(_) => Packed { base64: base64::prelude::BASE64_STANDARD.encode(&self.0) }.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> serde::de::Visitor<'de> for Reader {
            type Value = Body;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text or {\"base64\": …}")
            }

            fn visit_str<E>(self, text: &str) -> Result<Body, E> {
                Ok(Body(Bytes::copy_from_slice(text.as_bytes())))
            }

            fn visit_string<E>(self, text: String) -> Result<Body, E> {
                Ok(Body(Bytes::from(text)))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Body, A::Error> {
                use base64::Engine as _;
                use serde::de::Error as _;
                let packed = Packed::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                let bytes = base64::prelude::BASE64_STANDARD.decode(packed.base64).map_err(A::Error::custom)?;
                Ok(Body(Bytes::from(bytes)))
            }
        }

        from.deserialize_any(Reader)
    }
}

/// A digest in lower-case hexadecimal.
mod hex {
    use std::fmt;

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&Digits(bytes))
    }

    struct Digits<'a>(&'a [u8; 32]);

    impl fmt::Display for Digits<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        read(&String::deserialize(from)?).ok_or_else(|| D::Error::custom("a digest is 64 lower-case hex digits"))
    }

    fn read(text: &str) -> Option<[u8; 32]> {
        let is_hex = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2).filter(|_| is_hex)?, 16).ok()?;
        }
        Some(bytes)
    }
}

/// The digest of a key.
mod digest {
    use legwork_core::key::Digest;
    use serde::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(digest: &Digest, to: S) -> Result<S::Ok, S::Error> {
        super::hex::serialize(&digest.0, to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Digest, D::Error> {
        super::hex::deserialize(from).map(Digest)
    }
}

/// A time that something took, in whole microseconds.
mod micros {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        u64::try_from(time.as_micros()).unwrap_or(u64::MAX).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_micros)
    }
}

/// The same, where it may be missing.
mod some_micros {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        time.map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX)).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_micros))
    }
}
