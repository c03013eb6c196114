//! `legwork backup`: a copy of the store at one moment, while its server runs or not.

use std::path::Path;

use legwork_server::upkeep::{self, CopyError, Summary, TargetError};
use serde_json::json;

use super::Settings;
use crate::args::BackupArgs;
use crate::exit::{Exit, Failure};
use crate::{checkup, print, render, resolve};

pub(super) async fn run(args: BackupArgs, settings: Settings) -> Result<Exit, Failure> {
    let folder = resolve::folder(args.store, settings.file?, &settings.environment)?;
    let (target, replace) = (args.file.clone(), args.force);
    let copying = tokio::task::spawn_blocking(move || upkeep::copy(&folder, &target, replace));
    let copied = copying.await.map_err(|broken| Failure::new(Exit::Api, broken))?.map_err(failure)?;
    print::data(&if args.json {
        let Summary { id, schema, runs, bytes } = &copied;
        render::json(&json!({"file": args.file, "store": id, "schema": schema, "runs": runs, "bytes": bytes}))?
    } else {
        told(&args.file, &copied)
    })?;
    Ok(Exit::Done)
}

fn told(file: &Path, copied: &Summary) -> String {
    let runs = if copied.runs == 1 { "1 run".to_owned() } else { format!("{} runs", copied.runs) };
    format!("{}: {runs}, {}\n", file.display(), checkup::size(copied.bytes))
}

fn failure(error: CopyError) -> Failure {
    let (exit, hint) = match &error {
        CopyError::NoStore(_) => (Exit::BadInput, Some(NO_STORE)),
        CopyError::Target(target) => of_target(target),
        CopyError::Open(_) | CopyError::Copy { .. } => (Exit::Api, None),
    };
    Failure { hint: hint.map(str::to_owned), ..Failure::new(exit, error) }
}

/// What to do when there is no store.
pub(super) const NO_STORE: &str = "name its folder with --store or LEGWORK_STORE";

/// What to do when no file may be put where it shall be.
pub(super) fn of_target(error: &TargetError) -> (Exit, Option<&'static str>) {
    match error {
        TargetError::Exists(_) => (Exit::BadInput, Some("choose another name, or replace it with --force")),
        TargetError::Itself(_) | TargetError::OfAStore(_) => {
            (Exit::BadInput, Some("copy to a file of its own, outside of the folders of stores"))
        }
        TargetError::NoFile(_) => (Exit::BadInput, Some("name the file that the copy shall be")),
        TargetError::Write { .. } => (Exit::Api, None),
    }
}
