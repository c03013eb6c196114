//! The `legwork` command: it reads what was typed, does it through the server's own API, and prints what came of it.
//! No rule about runs stands here.

mod args;
mod batch;
mod bench;
mod checkup;
mod config_file;
mod environment;
mod eval;
mod exit;
mod expiry;
mod given;
mod print;
mod progress;
mod receiver;
mod render;
mod resolve;
mod rows;
mod signals;
mod station;
mod telemetry;
mod verbs;
mod waiting;

use std::process::ExitCode;

use clap::Parser as _;

use crate::exit::{Exit, Failure};

fn main() -> ExitCode {
    let given: Vec<_> = std::env::args_os().collect();
    // What reads PDFs for another process of ours has no business with anything below.
    if let [_, verb, word] = given.as_slice()
        && verb == legwork_server::PDF_VERB
    {
        return legwork_server::read_pdf(&word.to_string_lossy());
    }
    let args = args::Args::parse();
    let exit = match run(args) {
        Ok(exit) => exit,
        Err(failure) => {
            print::failure(&failure);
            failure.exit
        }
    };
    exit.into()
}

fn run(args: args::Args) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(verbs::run(args))
}
