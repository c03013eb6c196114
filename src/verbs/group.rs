//! `legwork group`: a table of tasks in, the same table with answers out.

use std::path::Path;
use std::time::Duration;

use clap::ValueEnum as _;
use clap::builder::PossibleValue;
use legwork_api::event::StateEvent;
use legwork_core::id::GroupId;
use legwork_server::config::Role;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Settings;
use super::ask::output_schema;
use super::result::come_back_with;
use crate::args::GroupArgs;
use crate::batch::{Batch, Tasks, input_of};
use crate::exit::{Exit, Failure};
use crate::progress::Progress;
use crate::resolve::quoted;
use crate::rows::{self, Format};
use crate::signals::Signals;
use crate::station::Station;
use crate::{given, print};

pub(super) async fn run(args: GroupArgs, settings: Settings) -> Result<Exit, Failure> {
    let table = args.file.as_deref().map(|file| table(file, &args)).transpose()?;
    let format = written(&args)?;
    let spec = output_schema(args.schema.as_deref(), args.text.as_deref())?;
    let spec = spec.map(|schema| json!({ "output_schema": schema }));
    let mut station = settings.station(args.target.clone(), Role::All).await?;
    let came = work(&mut station, &args, table.as_ref(), spec.as_ref()).await;
    let hint = match &came {
        Ok((id, Waited::TooLate | Waited::Interrupted)) => come_back_with(&station, &again(&station, *id, &args)),
        Ok((_, Waited::Ended(_))) | Err(_) => String::new(),
    };
    station.leave().await?;
    let (id, waited) = came?;
    match waited {
        Waited::Ended(rows) => ended(&rows, format, &args),
        Waited::TooLate => Err(Failure::said(Exit::Timeout, format!("{id} is not done yet")).hint(hint)),
        Waited::Interrupted => {
            Err(Failure::said(Exit::Interrupted, format!("interrupted; {id} is not done yet")).hint(hint))
        }
    }
}

/// What a file holds: its rows, and the tasks that they make, in the same order.
struct Table {
    rows: Vec<Value>,
    tasks: Vec<Value>,
}

fn table(file: &str, args: &GroupArgs) -> Result<Table, Failure> {
    let bad = |error: anyhow::Error| Failure::said(Exit::BadInput, format!("{file}: {error:#}"));
    let text = given::read(file).map_err(|error| bad(error.into()))?;
    let format = args.from.map(Format::from).or_else(|| Format::of(file)).ok_or_else(|| {
        Failure::said(Exit::BadInput, format!("{file} does not say how it is written"))
            .hint("name it .csv, .tsv or .jsonl, or say it with --from")
    })?;
    let rows = rows::read(&text, format).map_err(bad)?;
    let task = |row: &Value| {
        let input = match &args.question {
            Some(template) => Value::from(rows::question(template, row)?),
            None => row.clone(),
        };
        Ok(json!({"input": input, "processor": args.processor}))
    };
    let tasks = rows.iter().map(task).collect::<anyhow::Result<_>>().map_err(bad)?;
    Ok(Table { rows, tasks })
}

/// How the answers are written down, and whether they can be.
fn written(args: &GroupArgs) -> Result<Format, Failure> {
    let by_name = args.output.as_deref().and_then(Format::of);
    if args.to.is_none() && by_name.is_none() && args.output.is_some() {
        let message = "the name of the output does not say how it shall be written";
        return Err(Failure::said(Exit::BadInput, message).hint("name it .csv, .tsv or .jsonl, or say it with --to"));
    }
    let folder = args.output.as_deref().and_then(|path| Path::new(path).parent());
    if let Some(folder) = folder.filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        let message = format!("there is no folder {} to write the answers to", folder.display());
        return Err(Failure::said(Exit::BadInput, message));
    }
    Ok(args.to.map(Format::from).or(by_name).unwrap_or(Format::Jsonl))
}

enum Waited {
    Ended(Vec<(Value, StateEvent)>),
    TooLate,
    Interrupted,
}

async fn work(
    station: &mut Station,
    args: &GroupArgs,
    table: Option<&Table>,
    spec: Option<&Value>,
) -> Result<(GroupId, Waited), Failure> {
    let deadline = args.timeout.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut batch = Batch::open(station, args.resume).await?;
    let id = batch.id;
    // Until here there is nothing to come back to, and Ctrl-C ends the command as it ends any.
    let mut signals = Signals::listen()?;
    print::talk(&id.to_string());
    let progress = Progress::start("adding runs");
    let rows = async {
        let named = ("this table and this question", "leave the file out to fetch its answers");
        let tasks = table.map(|table| Tasks { all: &table.tasks, spec, at_once: None, named });
        if !batch.done(station, tasks, deadline, &progress).await? {
            return Ok::<_, Failure>(None);
        }
        progress.say("fetching the answers");
        Ok(Some(beside(table, batch.answers(station).await?)))
    };
    tokio::select! {
        rows = rows => Ok((id, rows?.map_or(Waited::TooLate, Waited::Ended))),
        () = signals.asked() => Ok((id, Waited::Interrupted)),
    }
}

/// The answers, each beside the row that it is about: the table's, or what was asked if the table is not there.
fn beside(table: Option<&Table>, came: Vec<StateEvent>) -> Vec<(Value, StateEvent)> {
    let rows = table.filter(|table| table.rows.len() == came.len());
    let row = |(place, came): (usize, StateEvent)| {
        let row = rows.map_or_else(|| input_of(&came), |table| table.rows[place].clone());
        (row, came)
    };
    came.into_iter().enumerate().map(row).collect()
}

fn ended(rows: &[(Value, StateEvent)], format: Format, args: &GroupArgs) -> Result<Exit, Failure> {
    let text = match format {
        Format::Jsonl => rows.iter().map(|(row, came)| rows::line(row, came) + "\n").collect(),
        Format::Csv | Format::Tsv => rows::table_of(rows, format).map_err(|error| Failure::new(Exit::Api, error))?,
    };
    match &args.output {
        None => print::data(&text)?,
        Some(path) => {
            std::fs::write(path, text).map_err(|error| {
                Failure::said(Exit::BadInput, format!("{path} cannot be written: {error}"))
                    .hint("the answers are kept: come back with --resume and the group's id")
            })?;
            print::talk(&format!("{} answers are in {path}", rows.len()));
        }
    }
    match rows::failed(rows) {
        0 => Ok(Exit::Done),
        failed => Err(Failure::said(Exit::RunFailed, format!("{failed} of {} runs have no answer", rows.len()))),
    }
}

/// What has to be typed to come back.
fn again(station: &Station, id: GroupId, args: &GroupArgs) -> String {
    let file = args.file.as_deref().filter(|file| *file != "-");
    let option = |name: &str, value: Option<&str>| value.map(|value| format!(" {name} {}", quoted(value)));
    // Without the file there is nothing to ask.
    let asked = file.map_or_else(Vec::new, |file| {
        let from = args.from.and_then(|format| format.to_possible_value());
        vec![
            Some(format!(" {}", quoted(file))),
            option("--question", args.question.as_deref()),
            option("--processor", Some(&args.processor)),
            option("--schema", args.schema.as_deref()),
            option("--text", args.text.as_deref()),
            option("--from", from.as_ref().map(PossibleValue::get_name)),
        ]
    });
    let to = args.to.and_then(|format| format.to_possible_value());
    let written =
        [option("--output", args.output.as_deref()), option("--to", to.as_ref().map(PossibleValue::get_name))];
    let options: String = asked.into_iter().chain(written).flatten().collect();
    format!("group{}{options} --resume {id}", station.option())
}
