//! `legwork list`: an owner's runs.

use legwork_api::client::ListRuns;
use legwork_server::config::Role;

use super::Settings;
use crate::args::ListArgs;
use crate::exit::{Exit, Failure};
use crate::{print, render};

pub(super) async fn run(args: ListArgs, settings: Settings) -> Result<Exit, Failure> {
    let station = settings.station(args.target, Role::Api).await?;
    let which = ListRuns {
        status: args.status,
        processor: args.processor,
        previous: args.previous,
        words: args.words,
        limit: Some(args.limit),
        cursor: args.cursor,
    };
    let page = station.once(async |client| client.list(&which).await).await?;
    if args.json {
        print::data(&render::json(&page)?)?;
        return Ok(Exit::Done);
    }
    print::data(&render::table(&page, print::style()))?;
    if let Some(cursor) = &page.next_cursor {
        print::talk(&format!("there are more: add --cursor {cursor}"));
    }
    Ok(Exit::Done)
}
