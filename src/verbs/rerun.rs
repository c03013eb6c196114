//! `legwork rerun`: what a run was asked, asked once more; the rest is as with `ask`.

use legwork_api::client::{Calls, Rerun};

use super::Settings;
use super::wish::{self, Wish};
use crate::args::RerunArgs;
use crate::exit::{Exit, Failure};

pub(super) async fn run(args: RerunArgs, settings: Settings) -> Result<Exit, Failure> {
    let calls = if args.no_webhook { Calls::Nobody } else { Calls::AsBefore };
    let wish = Wish::Again(args.id, Rerun { processor: args.processor, webhook: calls });
    Box::pin(wish::fulfil(settings.target(args.target)?, wish, args.pattern, &args.wait)).await
}
