//! `legwork group`: a table of tasks in, the same table with answers out.

use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use legwork_api::client::Client;
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
use crate::rows::{self, Format};
use crate::signals::Signals;
use crate::station::Station;

/// How often it is looked how the group stands; that costs the server next to nothing.
const LOOK: Duration = Duration::from_millis(250);

pub(super) async fn run(args: GroupArgs, settings: Settings) -> Result<Exit, Failure> {
    let tasks = args.file.as_deref().map(|file| tasks(file, &args)).transpose()?;
    let format = written(&args)?;
    let mut station = settings.station(args.target.clone(), Role::All).await?;
    let came = work(&mut station, &args, tasks).await;
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

/// The tasks that a file holds, ready to be sent.
fn tasks(file: &str, args: &GroupArgs) -> Result<Vec<Value>, Failure> {
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
    let task = |row: Value| {
        let input = match &args.question {
            Some(template) => Value::from(rows::question(template, &row)?),
            None => row,
        };
        Ok(json!({"input": input, "processor": args.processor}))
    };
    rows.into_iter().map(task).collect::<anyhow::Result<_>>().map_err(bad)
}

/// How the answers are written down.
fn written(args: &GroupArgs) -> Result<Format, Failure> {
    let by_name = args.output.as_deref().and_then(Format::of);
    if args.to.is_none() && by_name.is_none() && args.output.is_some() {
        let message = "the name of the output does not say how it shall be written";
        return Err(Failure::said(Exit::BadInput, message).hint("name it .csv, .tsv or .jsonl, or say it with --to"));
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
    tasks: Option<Vec<Value>>,
) -> Result<(GroupId, Waited), Failure> {
    let mut signals = Signals::listen()?;
    let deadline = args.timeout.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let id = match args.resume {
        Some(id) => station.persist(async |client| client.group(id).await).await?.taskgroup_id,
        None => station.persist(async |client| client.create_group().await).await?.taskgroup_id,
    };
    print::talk(&id.to_string());
    let progress = Progress::start("adding runs");
    let spec = output_schema(args.schema.as_deref(), args.text.as_deref())?;
    let spec = spec.map(|schema| json!({ "output_schema": schema }));
    let rows = async {
        for (part, tasks) in tasks.iter().flat_map(|tasks| tasks.chunks(MAX_INPUTS)).enumerate() {
            // Whoever comes back with the same file adds what is missing and nothing twice.
            let key = format!("legwork-group-{id}-{part}");
            station.persist(async |client| client.add_runs(id, tasks, spec.as_ref(), &key).await).await?;
        }
        if !at_rest(station, id, deadline, &progress).await? {
            return Ok(None);
        }
        progress.say("fetching the answers");
        station.persist(async |client| answers(client, id).await).await.map(Some)
    };
    tokio::select! {
        rows = rows => Ok((id, rows?.map_or(Waited::TooLate, Waited::Ended))),
        () = signals.asked() => Ok((id, Waited::Interrupted)),
    }
}

/// Waits until nothing goes on in the group; whether that came in time.
async fn at_rest(
    station: &mut Station,
    id: GroupId,
    deadline: Option<Instant>,
    progress: &Progress,
) -> Result<bool, Failure> {
    loop {
        let status = station.persist(async |client| client.group(id).await).await?.status;
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

async fn answers(client: &Client, id: GroupId) -> Result<Vec<(Value, StateEvent)>, legwork_api::client::ClientError> {
    let (mut runs, mut rows) = (client.group_runs(id), Vec::new());
    while let Some(came) = runs.next().await? {
        let given: Value =
            came.input.as_deref().and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
        rows.push((given["input"].clone(), came));
    }
    Ok(rows)
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
    let file = args.file.as_deref().filter(|file| *file != "-").map_or_else(String::new, |file| format!(" {file}"));
    let output = args.output.as_deref().map_or_else(String::new, |path| format!(" --output {path}"));
    format!("group{}{file} --resume {id}{output}", station.option())
}
