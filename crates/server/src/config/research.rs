//! How questions are worked on.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;

use serde::Deserialize;

/// How questions are worked on.
#[derive(Clone, Debug, Default)]
pub struct Research {
    /// What is set otherwise about the budgets of processors, by their names.
    pub tiers: BTreeMap<String, Override>,
    /// What is done with the calls of runs.
    pub tape: Option<Tape>,
    /// Whether a run may ask its caller what is meant, once, where a planner cannot tell.
    pub asks_back: bool,
}

/// What is done with the searches, pages and answers of models of all runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tape {
    /// They are written down in this folder.
    Record(PathBuf),
    /// They are answered from what was written down in this folder, and from nothing else.
    Replay(PathBuf),
}

/// Numbers of a processor's budget that the operator sets otherwise: `[tiers.lite]` in the configuration. What is left out stays.
/// None but `tool_calls` may be 0: it would end every run before it began.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Override {
    /// When a run begins to come to an end, in seconds.
    pub soft_seconds: Option<NonZeroU64>,
    /// When it has ended, in seconds.
    pub hard_seconds: Option<NonZeroU64>,
    /// How often it goes looking.
    pub rounds: Option<NonZeroU32>,
    /// How many searches it makes.
    pub queries: Option<NonZeroU32>,
    /// How many results it looks at.
    pub considered: Option<NonZeroU32>,
    /// How many pages it reads.
    pub pages: Option<NonZeroU32>,
    /// How much of the pages a model is shown at a time, in tokens.
    pub evidence_tokens: Option<NonZeroU32>,
    /// How many calls of models it makes.
    pub calls: Option<NonZeroU32>,
    /// How many tokens it spends, in and out.
    pub tokens: Option<NonZeroU64>,
    /// How many calls of a caller's tools it makes.
    pub tool_calls: Option<u32>,
    /// How many passes are made apart from each other.
    pub passes: Option<NonZeroU32>,
}
