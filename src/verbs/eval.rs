//! `legwork eval`: questions of which the answers are known in, how good the answers are out.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use legwork_api::event::StateEvent;
use legwork_api::run::TaskRun;
use legwork_core::id::GroupId;
use legwork_server::config::Role;
use serde_json::Value;
use tokio::time::Instant;

use super::Settings;
use super::result::come_back_with;
use super::wish::say_what_is_used;
use crate::args::EvalArgs;
use crate::batch::{Batch, Tasks};
use crate::eval::{self, Came, Pages, Proof, Question, Record, Report};
use crate::exit::{Exit, Failure};
use crate::progress::Progress;
use crate::resolve::quoted;
use crate::signals::Signals;
use crate::station::Station;
use crate::{given, print, render};

pub(super) async fn run(args: EvalArgs, settings: Settings) -> Result<Exit, Failure> {
    let questions = questions(&args)?;
    can_be_written(args.out.as_deref())?;
    let mut station = settings.station(args.target.clone(), Role::All).await?;
    say_what_is_used(&station).await;
    let came = work(&mut station, &args, questions).await;
    let hint = match &came {
        Ok(Asked { id, waited: Waited::TooLate | Waited::Interrupted, .. }) => {
            come_back_with(&station, &again(&station, *id, &args))
        }
        Ok(Asked { waited: Waited::Ended, .. }) | Err(_) => String::new(),
    };
    station.leave().await?;
    let Asked { id, waited, records } = came?;
    let report = eval::report(&args.processor, &records);
    // Before anything is printed: who reads that may go away.
    if let Some(path) = args.out.as_ref().filter(|_| matches!(waited, Waited::Ended)) {
        write(path, &eval::lines(&args.processor, &records))?;
    }
    let printed = print::data(&if args.json { render::json(&report)? } else { eval::table(&report, print::style()) });
    match waited {
        Waited::Ended => judged(&report, &args).and_then(|exit| printed.map(|()| exit)),
        Waited::TooLate => Err(Failure::said(Exit::Timeout, format!("{id} is not done yet")).hint(hint)),
        Waited::Interrupted => {
            Err(Failure::said(Exit::Interrupted, format!("interrupted; {id} is not done yet")).hint(hint))
        }
    }
}

/// The questions of all sets.
fn questions(args: &EvalArgs) -> Result<Vec<Question>, Failure> {
    let most = args.limit.map_or(usize::MAX, std::num::NonZero::get);
    let mut all = Vec::new();
    for set in &args.sets {
        let text = given::read(set).map_err(|error| {
            Failure::said(Exit::BadInput, format!("{set} cannot be read: {error}"))
                .hint("name a file of questions, an object a line; some are in the folder eval of the source")
        })?;
        let name = Path::new(set).file_stem().map_or_else(|| set.clone(), |stem| stem.to_string_lossy().into_owned());
        let questions = eval::read(&text, &name, most).map_err(|bad| {
            let hint = bad.hint;
            Failure::said(Exit::BadInput, format!("{set}: {bad}")).hint(hint)
        })?;
        all.extend(questions);
    }
    if all.is_empty() {
        return Err(Failure::said(Exit::BadInput, "there is no question in it"));
    }
    Ok(all)
}

/// Whether there will be a place for the lines, before anything is asked.
fn can_be_written(out: Option<&Path>) -> Result<(), Failure> {
    let folder = out.and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
    match folder.filter(|folder| !folder.is_dir()) {
        Some(folder) => {
            let message = format!("there is no folder {} to write the answers to", folder.display());
            Err(Failure::said(Exit::BadInput, message))
        }
        None => Ok(()),
    }
}

/// What came of all questions by the time that they were waited for.
struct Asked {
    id: GroupId,
    waited: Waited,
    records: Vec<Record>,
}

#[derive(Clone, Copy)]
enum Waited {
    Ended,
    TooLate,
    Interrupted,
}

async fn work(station: &mut Station, args: &EvalArgs, questions: Vec<Question>) -> Result<Asked, Failure> {
    let deadline = args.timeout.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let tasks: Vec<Value> = questions.iter().map(|question| question.task(&args.processor)).collect();
    let named = ("these questions", "leave --resume out to ask them anew");
    let at_once = args.concurrency.map(std::num::NonZero::get);
    let tasks = Tasks { all: &tasks, spec: None, at_once, named };
    let mut batch = Batch::open(station, args.resume).await?;
    let mut signals = Signals::listen()?;
    print::talk(&batch.id.to_string());
    let progress = Progress::start("adding questions");
    let waited = tokio::select! {
        done = batch.done(station, Some(tasks), deadline, &progress) => {
            if done? { Waited::Ended } else { Waited::TooLate }
        }
        () = signals.asked() => Waited::Interrupted,
    };
    progress.say("fetching the answers");
    // A second Ctrl-C is for whoever does not want to know what is known either.
    let records = tokio::select! {
        records = records(station, &batch, questions, &progress) => records?,
        () = signals.asked() => {
            let message = format!("interrupted; {} is not done yet", batch.id);
            return Err(Failure::said(Exit::Interrupted, message));
        }
    };
    Ok(Asked { id: batch.id, waited, records })
}

/// Each question with what came of it, held against what it cites.
async fn records(
    station: &mut Station,
    batch: &Batch,
    questions: Vec<Question>,
    progress: &Progress,
) -> Result<Vec<Record>, Failure> {
    let came = batch.answers(station).await?;
    let mut came = came.into_iter();
    let (mut records, mut pages) = (Vec::new(), Pages::new());
    let all = questions.len();
    for (at, question) in questions.into_iter().enumerate() {
        progress.count(at as u64, all as u64, "opening what is cited");
        records.push(record(station, question, came.next().as_ref(), &mut pages).await?);
    }
    Ok(records)
}

async fn record(
    station: &mut Station,
    question: Question,
    came: Option<&StateEvent>,
    pages: &mut Pages,
) -> Result<Record, Failure> {
    let open = Record { question, run: None, came: Came::Open, proof: Proof::default(), seconds: None, usage: None };
    let Some(came) = came else { return Ok(open) };
    let run = Some(came.run.run_id.to_string());
    if !came.run.status.is_ended() {
        return Ok(Record { run, ..open });
    }
    let Some(output) = came.output() else {
        let (error, seconds) = (render::without_output(&came.run), between(&came.run));
        return Ok(Record { run, came: Came::Failed { error }, seconds, ..open });
    };
    for hash in eval::cited(&output) {
        if !pages.contains_key(hash) {
            let page = station.hold_out(async |client| match client.source(hash, None).await {
                Ok(source) => Ok(Some(source.text)),
                Err(error) if error.status() == Some(404) => Ok(None),
                Err(error) => Err(error),
            });
            pages.insert(hash.to_owned(), page.await?);
        }
    }
    let usage = output.legwork.as_ref().map(|ours| ours.usage.clone());
    let seconds = usage.as_ref().map(|usage| usage.seconds).or_else(|| between(&came.run));
    let proof = Proof::of(&open.question.text(), &output, pages);
    Ok(Record { run, came: Came::Answered(eval::outcome(&open.question, &output)), proof, seconds, usage, ..open })
}

/// From a run's creation to its end, in seconds.
fn between(run: &TaskRun) -> Option<f64> {
    let (created, ended) = (run.created_at?, run.modified_at?);
    Some(ended.since(created).as_secs_f64())
}

/// In one piece: a calibration may read it at any time.
fn write(path: &Path, lines: &str) -> Result<(), Failure> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    fs::write(&beside, lines).and_then(|()| fs::rename(&beside, path)).map_err(|error| {
        Failure::said(Exit::Api, format!("{} cannot be written: {error}", path.display()))
            .hint("the answers are kept: come back with --resume and the group's id")
    })?;
    let count = lines.lines().count();
    print::talk(&format!("{count} answers are in {0}; measure labels with `legwork calibrate {0}`", quoted_path(path)));
    Ok(())
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

/// How the command ends when all came to an end.
fn judged(report: &Report, args: &EvalArgs) -> Result<Exit, Failure> {
    let share = report.right.share().unwrap_or_default();
    if let Some(least) = args.at_least {
        let message = || format!("{:.1} % are right, and at least {:.1} % shall be", share * 100.0, least * 100.0);
        return if share < least { Err(Failure::said(Exit::RunFailed, message())) } else { Ok(Exit::Done) };
    }
    match report.answerable.failed + report.unanswerable.failed {
        0 => Ok(Exit::Done),
        failed => Err(Failure::said(Exit::RunFailed, format!("{failed} of {} runs failed", report.right.of))),
    }
}

/// What has to be typed to come back.
fn again(station: &Station, id: GroupId, args: &EvalArgs) -> String {
    let mut typed = format!("eval{}", station.option());
    // What was read from stdin has to be given there again.
    for set in &args.sets {
        typed.push(' ');
        typed.push_str(&quoted(set));
    }
    let path = |path: &PathBuf| quoted_path(path);
    let options = [
        ("--processor", Some(quoted(&args.processor))),
        ("--limit", args.limit.map(|count| count.to_string())),
        ("--concurrency", args.concurrency.map(|count| count.to_string())),
        ("--out", args.out.as_ref().map(path)),
        ("--resume", Some(id.to_string())),
    ];
    for (name, value) in options {
        if let Some(value) = value {
            typed.extend([" ", name, " ", &value]);
        }
    }
    typed
}
