//! `legwork watch`: follows a run's events to its end.

use std::time::Duration;

use legwork_api::client::{ClientError, Events};
use legwork_api::event::Event;
use legwork_api::run::TaskRun;
use legwork_core::run::Status;
use legwork_server::config::Role;
use tokio::time::{Instant, timeout_at};

use super::Settings;
use super::result::come_back_with;
use crate::args::WatchArgs;
use crate::exit::{Exit, Failure};
use crate::progress::Progress;
use crate::signals::Signals;
use crate::station::Station;
use crate::{print, render};

/// As good as never.
const FAR: Duration = Duration::from_hours(24 * 365);

pub(super) async fn run(args: WatchArgs, settings: Settings) -> Result<Exit, Failure> {
    let mut station = settings.station(args.target.clone(), Role::All).await?;
    let came = follow(&mut station, &args).await;
    station.leave().await?;
    came
}

/// How the watching ended, when no error ended it.
enum End {
    Run(Box<TaskRun>),
    /// There was nothing left to tell.
    Nothing,
    TooLate,
    Interrupted,
}

async fn follow(station: &mut Station, args: &WatchArgs) -> Result<Exit, Failure> {
    // A run that nobody knows is said to be none before anything is waited for.
    let run = station.persist(async |client| client.run(args.id).await).await?;
    let mut signals = Signals::listen()?;
    let until = Instant::now() + args.timeout.map_or(FAR, Duration::from_secs);
    let progress = if args.json { Progress::silent() } else { Progress::start(&render::progress(&run)) };
    let mut after = args.after.clone();
    let end = loop {
        let mut events = station.client().events(args.id, after.as_deref());
        let told = tokio::select! {
            told = tell(&mut events, until, &progress, args.json) => told,
            () = signals.asked() => Ok(End::Interrupted),
        };
        after = events.last_id().map(str::to_owned);
        match told {
            Ok(end) => break end,
            Err(Told::Failed(failure)) => return Err(failure),
            Err(Told::Lost(lost)) => station.again(lost).await?,
        }
    };
    drop(progress);
    let command = after.map_or_else(String::new, |after| format!(" --after {after}"));
    let come_back = || come_back_with(station, &format!("watch{} {}{command}", station.option(), args.id));
    match end {
        End::Run(run) => ended(&run, args.json),
        End::Nothing => Ok(Exit::Done),
        End::TooLate => Err(Failure::said(Exit::Timeout, format!("{} is not done yet", args.id)).hint(come_back())),
        End::Interrupted => {
            let message = format!("interrupted; {} is not done yet", args.id);
            Err(Failure::said(Exit::Interrupted, message).hint(come_back()))
        }
    }
}

/// Why the telling broke off.
enum Told {
    Failed(Failure),
    Lost(ClientError),
}

async fn tell(events: &mut Events, until: Instant, progress: &Progress, json: bool) -> Result<End, Told> {
    let mut run = None;
    loop {
        let Ok(next) = timeout_at(until, events.next()).await else { return Ok(End::TooLate) };
        let Some(event) = next.map_err(Told::Lost)? else { return Ok(run.map_or(End::Nothing, End::Run)) };
        if json {
            let line = serde_json::to_string(&event).map_err(|error| Told::Failed(Failure::new(Exit::Api, error)))?;
            print::data(&line).map_err(Told::Failed)?;
        }
        progress.tell(&event);
        if let Event::State(state) = event {
            run = Some(Box::new(state.run));
        }
    }
}

fn ended(run: &TaskRun, json: bool) -> Result<Exit, Failure> {
    if run.status == Status::Completed {
        if !json {
            print::talk(&format!("completed: `legwork result {}` shows the answer", run.run_id));
        }
        return Ok(Exit::Done);
    }
    Err(Failure::said(Exit::RunFailed, render::without_output(run)))
}
