//! `legwork result`: waits for a run and prints what came of it. `ask` and `rerun` end here too.

use std::time::Duration;

use legwork_api::client::End;
use legwork_api::run::TaskRun;
use legwork_core::id::RunId;
use legwork_server::config::Role;
use tokio::time::Instant;

use super::Settings;
use crate::args::{ResultArgs, WaitArgs};
use crate::exit::{Exit, Failure};
use crate::progress::Progress;
use crate::signals::Signals;
use crate::station::Station;
use crate::waiting::{self, Outcome, Pattern};
use crate::{print, render};

pub(super) async fn run(args: ResultArgs, settings: Settings) -> Result<Exit, Failure> {
    let mut station = settings.station(args.target, Role::All).await?;
    // A run that nobody knows is said to be none before anything is waited for.
    match station.persist(async |client| client.run(args.id).await).await {
        Ok(run) => finish(station, &run, Pattern::Poll, &args.wait).await,
        Err(refused) => {
            station.leave().await?;
            Err(refused)
        }
    }
}

/// Waits for the end of a run and prints it.
pub(super) async fn finish(
    mut station: Station,
    run: &TaskRun,
    pattern: Pattern,
    args: &WaitArgs,
) -> Result<Exit, Failure> {
    let id = run.run_id;
    let deadline = args.timeout.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut signals = Signals::listen()?;
    let progress = Progress::start(&match pattern {
        Pattern::Block => "waiting for the answer".to_owned(),
        Pattern::Poll | Pattern::Stream => render::progress(run),
    });
    let outcome = waiting::until_end(&mut station, id, pattern, deadline, &progress, &mut signals).await;
    drop(progress);
    let come_back = come_back(&station, id);
    station.leave().await?;
    match outcome? {
        Outcome::Ended(end) => ended(end, args.json),
        Outcome::TooLate => Err(Failure::said(Exit::Timeout, format!("{id} is not done yet")).hint(come_back)),
        Outcome::Interrupted => {
            let message = format!("interrupted; {id} is not done yet");
            Err(Failure::said(Exit::Interrupted, message).hint(come_back))
        }
    }
}

/// Prints how a run ended.
pub(super) fn ended(end: End, json: bool) -> Result<Exit, Failure> {
    match end {
        End::Output { body, .. } if json => print::data(&String::from_utf8_lossy(&body)).map(|()| Exit::Done),
        End::Output { result, .. } => print::data(&render::answer(&result, print::style())).map(|()| Exit::Done),
        End::Nothing { run } => {
            if json {
                print::data(&render::json(&run)?)?;
            }
            Err(Failure::said(Exit::RunFailed, render::without_output(&run)))
        }
    }
}

/// What happens to a run that nobody waits for any more, and how to come back to it.
pub(super) fn come_back(station: &Station, id: RunId) -> String {
    come_back_with(station, &format!("result{} {id}", station.option()))
}

/// The same with this command.
pub(super) fn come_back_with(station: &Station, command: &str) -> String {
    let command = format!("`legwork {command}`");
    if station.is_own() {
        format!("it is kept, and goes on with the next command: {command}")
    } else {
        format!("it goes on; come back with {command}")
    }
}
