//! `legwork cancel`: stops a run.

use legwork_server::config::Role;

use super::Settings;
use crate::args::CancelArgs;
use crate::exit::{Exit, Failure};
use crate::{print, render};

pub(super) async fn run(args: CancelArgs, settings: Settings) -> Result<Exit, Failure> {
    let station = settings.station(args.target, Role::Api).await?;
    let run = station.once(async |client| client.cancel(args.id).await).await?;
    print::data(&if args.json { render::json(&run)? } else { format!("{} is {}\n", run.run_id, run.status) })?;
    Ok(Exit::Done)
}
