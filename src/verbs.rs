//! The verbs, one in each file: what was typed becomes calls, and what came of them is printed.

mod answer;
mod ask;
mod backup;
mod bench;
mod calibrate;
mod cancel;
mod completions;
mod corpus;
mod doctor;
mod eval;
mod export;
mod finish;
mod group;
mod import;
mod key;
mod list;
mod listen;
mod rerun;
mod result;
mod serve;
mod source;
mod status;
mod watch;
mod webhooks;
mod wish;

use std::path::PathBuf;

use legwork_server::config::Role;

use crate::args::{Args, EngineArgs, LogArg, TargetArgs, Verb};
use crate::config_file::ConfigFile;
use crate::environment::Environment;
use crate::exit::{Exit, Failure};
use crate::resolve::{self, BadConfig, Target};
use crate::station::{self, Station};
use crate::telemetry::{self, Usual};

/// Does what was typed.
pub(crate) async fn run(args: Args) -> Result<Exit, Failure> {
    let environment = Environment::read();
    let file = ConfigFile::find(args.config.as_deref(), &environment);
    let settings = Settings { environment, file, named: args.config, verbose: args.verbose };
    match args.verb {
        Verb::Corpus(args) => corpus::run(args, settings).await,
        Verb::Source(args) => source::run(args, settings).await,
        Verb::Doctor(args) => doctor::run(args, settings).await,
        Verb::Completions(args) => completions::completions(&args),
        Verb::Man(args) => completions::man(&args),
        Verb::Backup(args) => backup::run(args, settings).await,
        Verb::Export(args) => export::run(args, settings).await,
        Verb::Import(args) => import::run(args, settings).await,
        Verb::Serve(args) => serve::run(args, settings).await,
        Verb::Bench(args) => bench::run(args).await,
        Verb::Eval(args) => Box::pin(eval::run(args, settings)).await,
        Verb::Calibrate(args) => calibrate::run(&args),
        Verb::Ask(args) => Box::pin(ask::run(args, settings)).await,
        Verb::Rerun(args) => Box::pin(rerun::run(args, settings)).await,
        Verb::Status(args) => status::run(args, settings).await,
        Verb::Result(args) => result::run(args, settings).await,
        Verb::Watch(args) => watch::run(args, settings).await,
        Verb::List(args) => list::run(args, settings).await,
        Verb::Cancel(args) => cancel::run(args, settings).await,
        Verb::Finish(args) => finish::run(args, settings).await,
        Verb::Answer(args) => answer::run(args, settings).await,
        Verb::Group(args) => Box::pin(group::run(args, settings)).await,
        Verb::Listen(args) => listen::run(args, settings).await,
        Verb::Webhooks(args) => webhooks::run(args, settings).await,
        Verb::Key(args) => Box::pin(key::run(args, settings)).await,
    }
}

/// What every verb is given beside its own arguments.
struct Settings {
    environment: Environment,
    /// What the settings file says, or what is wrong with it; not every verb needs to know.
    file: Result<ConfigFile, BadConfig>,
    /// The settings file, if one was named.
    named: Option<PathBuf>,
    verbose: u8,
}

impl Settings {
    /// Whom a command talks to.
    fn target(self, args: TargetArgs) -> Result<Target, Failure> {
        telemetry::start(Usual::Command, self.verbose, LogArg::Text);
        Ok(resolve::target(args, engine_untyped, self.file?, &self.environment)?)
    }

    /// Finds the server a command talks to, or becomes it.
    async fn station(self, args: TargetArgs, role: Role) -> Result<Station, Failure> {
        Station::find(self.target(args)?, role).await
    }

    /// The same for what only the operator may do: with the key in the store's folder, whatever other was given. A server
    /// that was named is found by its store as well, if that is the one that the command would use without a name.
    async fn operator(self, args: TargetArgs) -> Result<Station, Failure> {
        telemetry::start(Usual::Command, self.verbose, LogArg::Text);
        let (file, environment) = (self.file?, self.environment);
        let named = resolve::target(args.clone(), engine_untyped, file.clone(), &environment)?;
        let here = resolve::target(
            TargetArgs { server: None, api_key: None, ..args },
            engine_untyped,
            ConfigFile { server: None, api_key: None, ..file },
            &Environment { parallel_base_url: None, ..environment },
        );
        let target = match (named, here) {
            (Target::Store(_), here) => here?,
            (Target::Server { url, .. }, Ok(Target::Store(local))) if station::is_of(&local, &url).await => {
                Target::Store(local)
            }
            (named @ Target::Server { .. }, _) => named,
        };
        Station::find(target, Role::Api).await
    }
}

fn engine_untyped() -> Result<EngineArgs, BadConfig> {
    EngineArgs::untyped().map_err(|odd| {
        let odd = odd.to_string();
        let first = odd.lines().next().unwrap_or_default();
        BadConfig::Variable(first.trim_start_matches("error: ").to_owned())
    })
}
