//! `legwork group`: a table of tasks in, the same table with answers out.

use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use clap::ValueEnum as _;
use clap::builder::PossibleValue;
use legwork_api::client::{Client, ClientError};
use legwork_api::event::StateEvent;
use legwork_api::group::TaskGroupStatus;
use legwork_api::run_input::MAX_INPUTS;
use legwork_core::id::GroupId;
use legwork_server::config::Role;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::Settings;
use super::ask::output_schema;
use super::result::come_back_with;
use crate::args::GroupArgs;
use crate::exit::{Exit, Failure};
use crate::print;
use crate::progress::Progress;
use crate::resolve::quoted;
use crate::rows::{self, Format};
use crate::signals::Signals;
use crate::station::Station;

/// How often it is looked how the group stands; that costs the server next to nothing.
const LOOK: Duration = Duration::from_millis(250);

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
    let text = if file == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text)?;
        text
    } else {
        std::fs::read_to_string(Path::new(file)).map_err(|error| bad(error.into()))?
    };
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
    let group = match args.resume {
        Some(id) => station.persist(async |client| client.group(id).await).await?,
        None => station.persist(async |client| client.create_group().await).await?,
    };
    let (id, held) = (group.taskgroup_id, group.status.num_task_runs);
    // Until here there is nothing to come back to, and Ctrl-C ends the command as it ends any.
    let mut signals = Signals::listen()?;
    print::talk(&id.to_string());
    let progress = Progress::start("adding runs");
    let rows = async {
        if let Some(table) = table {
            add(station, id, held, &table.tasks, spec).await?;
        }
        if !at_rest(station, id, deadline, &progress).await? {
            return Ok::<_, Failure>(None);
        }
        progress.say("fetching the answers");
        let came = station.hold_out(async |client| answers(client, id).await).await?;
        Ok(Some(beside(table, came)))
    };
    tokio::select! {
        rows = rows => Ok((id, rows?.map_or(Waited::TooLate, Waited::Ended))),
        () = signals.asked() => Ok((id, Waited::Interrupted)),
    }
}

/// Adds what the group does not hold yet. Runs are added in the order of the table, so what it holds is its beginning.
async fn add(
    station: &mut Station,
    id: GroupId,
    held: u64,
    tasks: &[Value],
    spec: Option<&Value>,
) -> Result<(), Failure> {
    let held = usize::try_from(held).unwrap_or(usize::MAX);
    if held > 0 {
        let holds = station.hold_out(async |client| answers(client, id).await).await?;
        let is_beginning = holds.iter().zip(tasks).all(|(run, task)| input_of(run) == task["input"]);
        if held > tasks.len() || held != holds.len() || !is_beginning {
            let message = format!("{id} was not made of this table and this question");
            return Err(Failure::said(Exit::BadInput, message).hint("leave the file out to fetch its answers"));
        }
    }
    for (part, tasks) in tasks[held..].chunks(MAX_INPUTS).enumerate() {
        // An answer that gets lost has the same call made again, and nothing added twice.
        let key = format!("legwork-group-{id}-{}", held + part * MAX_INPUTS);
        station.hold_out(async |client| client.add_runs(id, tasks, spec, &key).await).await?;
    }
    Ok(())
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

/// What was asked.
fn input_of(came: &StateEvent) -> Value {
    let given: Value = came.input.as_deref().and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    given["input"].clone()
}

/// Waits until nothing goes on in the group; whether that came in time.
async fn at_rest(
    station: &mut Station,
    id: GroupId,
    deadline: Option<Instant>,
    progress: &Progress,
) -> Result<bool, Failure> {
    loop {
        let status = station.hold_out(async |client| client.group(id).await).await?.status;
        progress.count(ended_runs(&status), status.num_task_runs, &status.status_message.clone().unwrap_or_default());
        if !status.is_active {
            return Ok(true);
        }
        if deadline.is_some_and(|at| at <= Instant::now()) {
            return Ok(false);
        }
        sleep(LOOK).await;
    }
}

fn ended_runs(status: &TaskGroupStatus) -> u64 {
    let ended = status.task_run_status_counts.iter().filter(|(status, _)| status.is_ended());
    ended.map(|(_, count)| count).sum()
}

async fn answers(client: &Client, id: GroupId) -> Result<Vec<StateEvent>, ClientError> {
    let (mut runs, mut came) = (client.group_runs(id), Vec::new());
    while let Some(run) = runs.next().await? {
        came.push(run);
    }
    Ok(came)
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
