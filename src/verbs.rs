//! The verbs, one in each file: what was typed becomes calls, and what came of them is printed.

mod ask;
mod bench;
mod cancel;
mod list;
mod result;
mod serve;
mod status;

use legwork_server::config::Role;

use crate::args::{Args, LogArg, TargetArgs, Verb};
use crate::config_file::ConfigFile;
use crate::environment::Environment;
use crate::exit::{Exit, Failure};
use crate::resolve;
use crate::station::Station;
use crate::telemetry::{self, Usual};

/// Does what was typed.
pub(crate) async fn run(args: Args) -> Result<Exit, Failure> {
    let environment = Environment::read();
    let file = ConfigFile::find(args.config.as_deref(), &environment)?;
    let settings = Settings { environment, file, verbose: args.verbose };
    match args.verb {
        Verb::Serve(args) => serve::run(args, settings).await,
        Verb::Bench(args) => bench::run(args).await,
        Verb::Ask(args) => ask::run(args, settings).await,
        Verb::Status(args) => status::run(args, settings).await,
        Verb::Result(args) => result::run(args, settings).await,
        Verb::List(args) => list::run(args, settings).await,
        Verb::Cancel(args) => cancel::run(args, settings).await,
    }
}

/// What every verb is given beside its own arguments.
struct Settings {
    environment: Environment,
    file: ConfigFile,
    verbose: u8,
}

impl Settings {
    /// Finds the server a command talks to, or becomes it.
    async fn station(self, args: TargetArgs, role: Role) -> Result<Station, Failure> {
        telemetry::start(Usual::Command, self.verbose, LogArg::Text);
        Station::find(resolve::target(args, self.file, &self.environment)?, role).await
    }
}
