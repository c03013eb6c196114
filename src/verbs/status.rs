//! `legwork status`: where a run stands.

use legwork_server::config::Role;

use super::Settings;
use crate::args::StatusArgs;
use crate::exit::{Exit, Failure};
use crate::{print, render};

pub(super) async fn run(args: StatusArgs, settings: Settings) -> Result<Exit, Failure> {
    let station = settings.station(args.target, Role::Api).await?;
    let run = station.once(async |client| client.run(args.id).await).await?;
    print::data(&if args.json { render::json(&run)? } else { render::run(&run, print::style()) })?;
    Ok(Exit::Done)
}
