//! `legwork export`: everything in a store as lines of JSON, while its server runs or not.

use std::io::{BufWriter, ErrorKind};
use std::path::Path;

use legwork_server::DatabaseError;
use legwork_server::transfer::{self, ExportError, Kind, Moved, OutError, ReadDatabaseError, ReadOutError};
use serde_json::{Value, json};

use super::{Settings, backup};
use crate::args::{ExportArgs, LogArg};
use crate::exit::{Exit, Failure};
use crate::telemetry::{self, Usual};
use crate::{print, render, resolve};

pub(super) async fn run(args: ExportArgs, settings: Settings) -> Result<Exit, Failure> {
    // What had to be left out is said.
    telemetry::start(Usual::Command, settings.verbose, LogArg::Text);
    let store = resolve::store_at(args.store, settings.file?, &settings.environment)?;
    let to_stdout = args.file == Path::new("-");
    let (target, replace) = (args.file.clone(), args.force);
    let writing = tokio::task::spawn_blocking(move || {
        if to_stdout {
            transfer::export(&store, &mut BufWriter::new(print::out()))
        } else {
            transfer::export_to(&store, &target, replace)
        }
    });
    let moved = writing.await.map_err(|broken| Failure::new(Exit::Api, broken))?.map_err(failure)?;
    let summary = if args.json {
        render::json(&as_json(&args.file, &moved))?
    } else {
        format!("{}: {}\n", args.file.display(), told(&moved))
    };
    if to_stdout {
        print::talk(summary.trim_end());
    } else {
        print::data(&summary)?;
    }
    Ok(Exit::Done)
}

/// What was moved, in words.
pub(super) fn told(moved: &Moved) -> String {
    let parts = [
        (Kind::Run, "run", "runs"),
        (Kind::Group, "group", "groups"),
        (Kind::Key, "key", "keys"),
        (Kind::Delivery, "webhook delivery", "webhook deliveries"),
        (Kind::Source, "cited text", "cited texts"),
    ];
    let part = |(kind, one, many)| match moved.counts.of(kind) {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    };
    parts.map(part).join(", ")
}

/// The same for programs.
pub(super) fn as_json(file: &Path, moved: &Moved) -> Value {
    json!({"file": file, "store": moved.id, "records": moved.counts})
}

fn failure(error: OutError) -> Failure {
    let (exit, hint) = match error {
        // Whoever stopped reading has what they wanted.
        OutError::Export(ExportError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => return error.into(),
        OutError::NoStore(_) | OutError::Database(ReadDatabaseError::NoStore) => (Exit::BadInput, Some(NO_STORE)),
        OutError::Target(ref target) => backup::of_target(target),
        OutError::Store(ReadOutError::Older { .. }) | OutError::Database(ReadDatabaseError::Older { .. }) => {
            (Exit::BadInput, Some("bring it up to date: start `legwork serve` on it once"))
        }
        OutError::Database(ReadDatabaseError::Database(ref error)) => of_database(error),
        OutError::Store(_) | OutError::Export(_) => (Exit::Api, None),
    };
    Failure { hint: hint.map(str::to_owned), ..Failure::new(exit, error) }
}

/// What to do when there is no store.
const NO_STORE: &str = "name its folder or its database with --store or LEGWORK_STORE";

/// What to do about a database that cannot be used.
pub(super) fn of_database(error: &DatabaseError) -> (Exit, Option<&'static str>) {
    (if error.is_mistaken() { Exit::BadInput } else { Exit::Api }, error.hint())
}
