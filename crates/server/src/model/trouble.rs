//! Why a language model gave no answer that can be used.

use serde::{Deserialize, Serialize};

use super::ask::Tokens;

/// It gave none; says why, and what was used up all the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{why}")]
pub struct Trouble {
    /// What kind it is.
    pub kind: Kind,
    /// What happened, in words that name the model, its endpoint and what to do about it.
    pub why: String,
    /// What it took up to there.
    pub usage: Tokens,
    /// What that cost, in US dollars, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
}

/// What kind of trouble it is, by what can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The endpoint is not there, does not answer in time, breaks off, or is broken itself: later it may be there again.
    Unreachable,
    /// It does not want to: a wrong key, no such model, no money left, or a request that it does not understand.
    Refused,
    /// It has had enough for now, and still after it was given time.
    Limited,
    /// What was asked is longer than the model takes: ask less.
    TooLong,
    /// The answer did not come to its end within its tokens, and not with more of them either: ask for less.
    CutOff,
    /// The answer does not follow its schema, and not after it was told so either; or there was none.
    NotValid,
    /// The server stops.
    Stopped,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Unreachable, Self::Refused, Self::Limited, Self::TooLong, Self::CutOff, Self::NotValid, Self::Stopped];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Limited => "limited",
            Self::TooLong => "too_long",
            Self::CutOff => "cut_off",
            Self::NotValid => "not_valid",
            Self::Stopped => "stopped",
        }
    }

    /// Whether the same may be answered later, without anything being changed.
    pub fn is_passing(self) -> bool {
        match self {
            Self::Unreachable | Self::Limited | Self::Stopped => true,
            Self::Refused | Self::TooLong | Self::CutOff | Self::NotValid => false,
        }
    }
}
