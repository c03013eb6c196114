//! Keys that a server makes for callers, as its operator asks for them and is shown them.

use std::fmt;

use legwork_core::id::{KeyId, Owner};
use legwork_core::key::{Key, Standing};
use legwork_core::time::Micros;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::findings::{At, Findings};
use crate::json;
use crate::run::as_time;
use crate::run_input::Unreadable;

/// How long a name may be, in characters.
const LONGEST_NAME: usize = 64;

/// A key that is asked for: the body of `POST /v1/keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyWish {
    /// What it shall be called.
    pub name: String,
    /// When it shall stop opening anything; `None` is never.
    #[serde(with = "as_time")]
    pub expires_at: Option<Micros>,
    /// Whether it shall see the runs of open mode, and stand for the same owner.
    pub adopt: bool,
}

impl KeyWish {
    /// Reads a body. Whether its time lies ahead is for those to say who know what time it is.
    pub fn read(body: &[u8]) -> Result<Self, Unreadable> {
        let (_, members) = json::read_object(body)?;
        let mut found = Findings::default();
        let (body, name) = (At::Body, members.get("name"));
        let name = match name {
            Some(raw) => name_of(&body.key("name"), raw, &mut found),
            None => found.refuse(&body.key("name"), "missing", "is required: what the key shall be called"),
        };
        let expires_at = members.get("expires_at").and_then(|raw| moment(&body.key("expires_at"), raw, &mut found));
        // The answers call it so, and whoever copies from one means the same.
        let adopt = members
            .get("adopt")
            .or_else(|| members.get("adopts"))
            .and_then(|raw| found.flag(&body.key("adopt"), raw))
            .unwrap_or(false);
        match name {
            Some(name) if found.faults.is_empty() => Ok(Self { name, expires_at, adopt }),
            _ => Err(Unreadable::because(found.faults)),
        }
    }
}

fn name_of(at: &At<'_>, raw: &RawValue, found: &mut Findings) -> Option<String> {
    let name = found.text(at, raw)?;
    let odd = if name.trim().is_empty() {
        "is empty".to_owned()
    } else if name.trim() != name || name.chars().any(char::is_control) {
        "has spaces around it, or characters that cannot be seen".to_owned()
    } else if name.chars().count() > LONGEST_NAME {
        format!("has more than {LONGEST_NAME} characters")
    } else if name.parse::<KeyId>().is_ok() {
        "looks like the id of a key".to_owned()
    } else {
        return Some(name.into_owned());
    };
    found.refuse(at, "value_error", odd)
}

fn moment(at: &At<'_>, raw: &RawValue, found: &mut Findings) -> Option<Micros> {
    let text = found.text(at, raw)?;
    let odd = "is no time like 2027-01-31T00:00:00Z";
    Micros::parse_rfc3339(&text).or_else(|| found.refuse(at, "datetime_parsing", odd))
}

/// How a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stands {
    /// It is accepted.
    Good,
    /// Its time is over.
    Expired,
    /// It was taken back.
    Revoked,
}

impl fmt::Display for Stands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Good => "good",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        })
    }
}

/// A key, as the operator is shown it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyView {
    /// `key_` and the beginning of its digest.
    pub id: String,
    /// What its maker calls it.
    pub name: String,
    /// Its last characters.
    pub ending: String,
    /// How it stands.
    pub status: Stands,
    /// Whether it sees the runs of open mode.
    pub adopts: bool,
    /// When it was made.
    #[serde(with = "as_time")]
    pub created_at: Option<Micros>,
    /// When it stops being accepted; `None` is never.
    #[serde(with = "as_time")]
    pub expires_at: Option<Micros>,
    /// When it was taken back, if it was.
    #[serde(with = "as_time")]
    pub revoked_at: Option<Micros>,
}

impl KeyView {
    /// The key as it stands now.
    pub fn of(key: &Key, now: Micros) -> Self {
        Self {
            id: key.id().to_string(),
            name: key.name.clone(),
            ending: key.ending.clone(),
            status: match key.standing(now) {
                Standing::Good => Stands::Good,
                Standing::Expired => Stands::Expired,
                Standing::Revoked => Stands::Revoked,
            },
            adopts: key.owner == Owner::local(),
            created_at: Some(key.created_at),
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// The answer to `GET /v1/keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPage {
    /// The keys that were made, oldest first.
    pub keys: Vec<KeyView>,
}

/// The answer to `POST /v1/keys`: the one time that a key is shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyMade {
    /// The key itself.
    pub key: String,
    /// What is kept of it.
    #[serde(flatten)]
    pub view: KeyView,
}

impl fmt::Debug for KeyMade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyMade").field("view", &self.view).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_reads_what_it_writes() {
        let at = Micros(1_801_353_600_000_000);
        for expires_at in [None, Some(at)] {
            let wish = KeyWish { name: "Ada's laptop".to_owned(), expires_at, adopt: true };
            assert_eq!(KeyWish::read(&serde_json::to_vec(&wish).unwrap()), Ok(wish));
        }
        let bare = KeyWish { name: "ci".to_owned(), expires_at: None, adopt: false };
        assert_eq!(KeyWish::read(br#"{"name":"ci","expires_at":null,"adopt":null,"more":1}"#), Ok(bare));
    }

    #[test]
    fn what_is_wrong_with_a_wish_is_told_at_once() {
        for (body, told) in [
            ("{}", "`name` is required"),
            (r#"{"name":" "}"#, "`name` is empty"),
            (r#"{"name":" ci"}"#, "spaces around it"),
            (r#"{"name":"a\nb"}"#, "cannot be seen"),
            (r#"{"name":"key_0123456789abcdef"}"#, "looks like the id"),
            (r#"{"name":"ci","expires_at":"tomorrow"}"#, "`expires_at` is no time"),
            (r#"{"name":7,"adopt":"yes"}"#, "`name` is a number; a string was expected; `adopt` is a string"),
        ] {
            let refused = KeyWish::read(body.as_bytes()).unwrap_err();
            assert!(refused.message.contains(told), "{body}: {}", refused.message);
        }
        let long = format!(r#"{{"name":"{}"}}"#, "x".repeat(65));
        assert!(KeyWish::read(long.as_bytes()).unwrap_err().message.contains("64"));
    }

    #[test]
    fn nothing_prints_a_key() {
        let view = KeyView {
            id: String::new(),
            name: String::new(),
            ending: String::new(),
            status: Stands::Good,
            adopts: false,
            created_at: None,
            expires_at: None,
            revoked_at: None,
        };
        assert!(!format!("{:?}", KeyMade { key: "lw_secret".to_owned(), view }).contains("lw_"));
    }
}
