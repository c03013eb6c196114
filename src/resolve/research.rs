//! How questions are worked on: budgets that are set otherwise, and recordings.

use std::collections::BTreeMap;
use std::path::PathBuf;

use legwork_core::tier::Tier;
use legwork_server::config::{Override, Research, Tape};

use super::BadConfig;

/// What was typed and stands in the file, checked.
pub(super) fn research(
    record: Option<PathBuf>,
    replay: Option<PathBuf>,
    tiers: BTreeMap<String, Override>,
    asks_back: bool,
) -> Result<Research, BadConfig> {
    if let Some(name) = tiers.keys().find(|name| Tier::of(name).is_none()) {
        return Err(BadConfig::NoTier(name.clone()));
    }
    let odd = |by: &Override| by.soft_seconds.zip(by.hard_seconds).is_some_and(|(soft, hard)| soft > hard);
    if let Some((name, _)) = tiers.iter().find(|(_, by)| odd(by)) {
        return Err(BadConfig::TierTimes(name.clone()));
    }
    let tape = match (record, replay) {
        (Some(_), Some(_)) => return Err(BadConfig::TwoTapes),
        (Some(folder), None) => Some(Tape::Record(folder)),
        (None, Some(folder)) if !folder.is_dir() => return Err(BadConfig::NoRecording(folder)),
        (None, replay) => replay.map(Tape::Replay),
    };
    Ok(Research { tiers, tape, asks_back })
}
