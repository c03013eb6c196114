//! `legwork bench`: measures the server on this machine, beside the machine itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use legwork_server::config::DatabaseUrl;
use serde_json::json;

use crate::args::BenchArgs;
use crate::bench::{self, Extent, Figure, Store};
use crate::exit::{Exit, Failure};
use crate::print;

pub(super) async fn run(args: BenchArgs) -> Result<Exit, Failure> {
    if args.floor {
        let floor = bench::serve_floor(|address| drop(print::data(&address.to_string())));
        floor.await.map_err(failed)?;
        return Ok(Exit::Done);
    }
    let folder = args.folder.unwrap_or_else(std::env::temp_dir).join(format!("legwork-bench-{}", std::process::id()));
    let gone_after = Removed(folder);
    let mut extent = if args.quick { Extent::QUICK } else { Extent::FULL };
    if let Some(minutes) = args.minutes {
        extent.level = Duration::from_mins(u64::from(minutes.get()));
    }
    let figures = match args.store {
        None => {
            let folder = Store::Folder(gone_after.0.clone());
            bench::measure(extent, &folder, args.only, telling).await.map_err(failed)?
        }
        Some(url) => on_database(url, extent, &gone_after.0).await?,
    };
    if args.json {
        print::data(&json!({"version": env!("CARGO_PKG_VERSION"), "figures": figures}).to_string())?;
    } else {
        print::data(&bench::table(&figures))?;
    }
    Ok(Exit::Done)
}

async fn on_database(url: String, extent: Extent, folder: &Path) -> Result<Vec<Figure>, Failure> {
    if !DatabaseUrl::is(&url) {
        return Err(Failure::said(Exit::BadInput, format!("`{url}` is no URL of a PostgreSQL database"))
            .hint("give one as postgres://USER@HOST/legwork_bench, or a disk with --folder"));
    }
    let database = Store::database(DatabaseUrl::new(url), folder.to_owned()).await.map_err(failed)?;
    let database = database.ok_or_else(|| {
        Failure::said(Exit::BadInput, "there are tables in this database already")
            .hint("give an empty one: createdb legwork_bench")
    })?;
    let figures = bench::measure_database(extent, &database, telling).await;
    // Whatever came of it.
    let cleared = database.clear().await;
    let figures = figures.map_err(failed)?;
    cleared.map_err(failed)?;
    Ok(figures)
}

fn telling(what: &str) {
    print::talk(&format!("measuring {what} …"));
}

fn failed(error: impl Into<anyhow::Error>) -> Failure {
    Failure::new(Exit::Api, error)
}

/// A folder that goes when the measuring is over, however it ends.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        // It may not have come that far.
        drop(std::fs::remove_dir_all(&self.0));
    }
}
