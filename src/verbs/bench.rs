//! `legwork bench`: measures the server on this machine, beside the machine itself.

use std::path::PathBuf;

use serde_json::json;

use crate::args::BenchArgs;
use crate::bench::{self, Extent};
use crate::exit::{Exit, Failure};
use crate::print;

pub(super) async fn run(args: BenchArgs) -> Result<Exit, Failure> {
    if args.floor {
        let floor = bench::serve_floor(|address| drop(print::data(&address.to_string())));
        floor.await.map_err(|error| Failure::new(Exit::Api, error))?;
        return Ok(Exit::Done);
    }
    let folder = args.folder.unwrap_or_else(std::env::temp_dir).join(format!("legwork-bench-{}", std::process::id()));
    let _gone_after = Removed(folder.clone());
    let extent = if args.quick { Extent::QUICK } else { Extent::FULL };
    let figures = bench::measure(extent, &folder, |what| print::talk(&format!("measuring {what} …"))).await;
    let figures = figures.map_err(|error| Failure::new(Exit::Api, error))?;
    if args.json {
        print::data(&json!({"version": env!("CARGO_PKG_VERSION"), "figures": figures}).to_string())?;
    } else {
        print::data(&bench::table(&figures))?;
    }
    Ok(Exit::Done)
}

/// A folder that goes when the measuring is over, however it ends.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        // It may not have come that far.
        drop(std::fs::remove_dir_all(&self.0));
    }
}
