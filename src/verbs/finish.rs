//! `legwork finish`: has a run stop looking and write its answer from what is there.

use legwork_server::config::Role;

use super::Settings;
use crate::args::FinishArgs;
use crate::exit::{Exit, Failure};
use crate::{print, render};

pub(super) async fn run(args: FinishArgs, settings: Settings) -> Result<Exit, Failure> {
    let station = settings.station(args.target, Role::Api).await?;
    let run = station.once(async |client| client.finish(args.id).await).await?;
    print::data(&if args.json { render::json(&run)? } else { format!("{} is {}\n", run.run_id, run.status) })?;
    Ok(Exit::Done)
}
