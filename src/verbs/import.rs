//! `legwork import`: an empty store becomes the one that was written out.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use legwork_server::folder::FolderError;
use legwork_server::transfer::{self, ImportError, InError, IntoDatabaseError};

use super::{Settings, export};
use crate::args::{ImportArgs, LogArg};
use crate::exit::{Exit, Failure};
use crate::telemetry::{self, Usual};
use crate::{print, render, resolve};

/// How much of a file is read at a time.
const CHUNK: usize = 256 << 10;

pub(super) async fn run(args: ImportArgs, settings: Settings) -> Result<Exit, Failure> {
    telemetry::start(Usual::Command, settings.verbose, LogArg::Text);
    let store = resolve::store_at(args.store, settings.file?, &settings.environment)?;
    let path = args.file.clone();
    let taking = tokio::task::spawn_blocking(move || {
        if path == Path::new("-") {
            return Ok(transfer::import(&store, &mut BufReader::with_capacity(CHUNK, io::stdin())));
        }
        let file = File::open(&path)?;
        Ok(transfer::import(&store, &mut BufReader::with_capacity(CHUNK, file)))
    });
    let taken: io::Result<_> = taking.await.map_err(|broken| Failure::new(Exit::Api, broken))?;
    let moved = taken.map_err(|error| unreadable(&args.file, error))?.map_err(failure)?;
    print::data(&if args.json {
        render::json(&export::as_json(&args.file, &moved))?
    } else {
        format!("{}: {}\n", args.file.display(), export::told(&moved))
    })?;
    Ok(Exit::Done)
}

fn unreadable(file: &Path, error: io::Error) -> Failure {
    Failure::new(Exit::BadInput, anyhow::Error::new(error).context(format!("{} cannot be read", file.display())))
}

fn failure(error: InError) -> Failure {
    let (exit, hint) = match &error {
        InError::Folder(FolderError::Held { .. }) => {
            (Exit::BadInput, Some("stop that process, or take it in elsewhere: --store FOLDER"))
        }
        InError::Folder(FolderError::Unusable { .. }) => (Exit::BadInput, Some("use another folder: --store FOLDER")),
        InError::Store(_) => (Exit::BadInput, Some("use another folder: --store FOLDER")),
        InError::Database(IntoDatabaseError::Served(_)) => {
            (Exit::BadInput, Some("stop all servers of that store, or take it in elsewhere: --store postgres://…"))
        }
        InError::Database(IntoDatabaseError::Database(error)) => export::of_database(error),
        InError::Import(import) => match import {
            ImportError::NotEmpty => {
                (Exit::BadInput, Some("take it in where nothing is yet: --store with a new folder or a new database"))
            }
            ImportError::Newer { .. } => (Exit::BadInput, Some("use the legwork that wrote it, or a later one")),
            ImportError::NoExport(_) => (Exit::BadInput, Some("give a file that `legwork export` wrote")),
            ImportError::CutOff(_) | ImportError::Count { .. } | ImportError::Whole(_) => {
                (Exit::BadInput, Some("nothing was taken in; write it out again with `legwork export`"))
            }
            ImportError::Line { .. } | ImportError::Lines { .. } => {
                (Exit::BadInput, Some("nothing was taken in; take the file as `legwork export` wrote it"))
            }
            ImportError::Read(_) | ImportError::Store(_) => (Exit::Api, None),
        },
    };
    Failure { hint: hint.map(str::to_owned), ..Failure::new(exit, error) }
}
