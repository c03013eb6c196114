//! `legwork corpus`: which documents are answered from, and which files were left out and why.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use legwork_server::documents::{DocumentsError, FolderSurvey, Survey, documents};

use super::Settings;
use crate::args::{CorpusArgs, LogArg};
use crate::exit::{Exit, Failure};
use crate::render::{self, Style, clean};
use crate::telemetry::{self, Usual};
use crate::{checkup, print, resolve};

/// How many files of kinds that cannot be read are named.
const UNREAD: usize = 20;

pub(super) async fn run(args: CorpusArgs, settings: Settings) -> Result<Exit, Failure> {
    // What was skipped is what this command prints anyway.
    telemetry::start(Usual::Command, settings.verbose, LogArg::Text);
    let (store, corpus) = resolve::documents(args.store, settings.file?, &settings.environment)?;
    let looking = tokio::task::spawn_blocking(move || documents(&store, &corpus));
    let survey = looking.await.map_err(|broken| Failure::new(Exit::Api, broken))?.map_err(failure)?;
    print::data(&if args.json { render::json(&survey)? } else { told(&survey, print::style()) })?;
    Ok(Exit::Done)
}

fn failure(error: DocumentsError) -> Failure {
    let hint = match &error {
        DocumentsError::Folder(_) => "use another folder: --store FOLDER",
        DocumentsError::Corpus(_) => "name folders that are there with --corpus or LEGWORK_CORPUS",
    };
    Failure::new(Exit::BadInput, error).hint(hint)
}

fn told(survey: &Survey, style: Style) -> String {
    let mut out = format!("{}: {} documents, the World Factbook\n", style.bold("built-in"), survey.built_in);
    survey.folders.iter().for_each(|folder| about(&mut out, folder, style));
    if survey.folders.is_empty() {
        out.push_str("\nno folders of your own; name one with --corpus FOLDER\n");
    }
    out
}

fn about(out: &mut String, folder: &FolderSurvey, style: Style) {
    let path = clean(&folder.path.to_string_lossy());
    let (documents, size) = (counted(folder.documents, "document"), checkup::size(folder.bytes));
    let _ = writeln!(out, "\n{}: {documents}, {size}, cited as corpus:{}/…", style.bold(&path), clean(&folder.name));
    for kind in &folder.kinds {
        let more = if kind.documents == kind.files {
            String::new()
        } else {
            format!(" ({})", counted(kind.documents, "document"))
        };
        let _ =
            writeln!(out, "  {:<9} {}{more}, {}", kind.kind, counted(kind.files, "file"), checkup::size(kind.bytes));
    }
    if let Some(at) = folder.read_at {
        let _ = writeln!(out, "  last read {at}");
    }
    if folder.pending > 0 {
        let _ = writeln!(
            out,
            "  {} not read yet; a running server reads them within half a minute",
            counted(folder.pending, "file")
        );
    }
    if !folder.skipped.is_empty() {
        let _ = writeln!(out, "  skipped {}:", folder.skipped.len());
    }
    for skipped in &folder.skipped {
        let _ = writeln!(out, "    {} {}", clean(&skipped.path), style.dim(&format!("– {}", clean(&skipped.reason))));
    }
    if !folder.not_read.is_empty() {
        let _ = writeln!(out, "  not read: {}", by_ending(&folder.not_read));
    }
    for unread in folder.unread.iter().take(UNREAD) {
        let _ = writeln!(out, "    {} {}", clean(&unread.path), style.dim(&format!("– {}", clean(&unread.reason))));
    }
    if folder.unread.len() > UNREAD {
        let _ = writeln!(out, "    and {} more; --json lists them all", folder.unread.len() - UNREAD);
    }
}

fn by_ending(kinds: &BTreeMap<String, usize>) -> String {
    kinds.iter().map(|(ending, count)| format!("{count} .{}", clean(ending))).collect::<Vec<_>>().join(", ")
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
