//! What can be typed to copy a store, or to move it.

use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct BackupArgs {
    /// Where the copy shall be.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Replace what is there.
    #[arg(long)]
    pub(crate) force: bool,
    /// Print what was copied as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// The folder of the store [default: legwork in your data folder].
    #[arg(long, value_name = "FOLDER", env = "LEGWORK_STORE")]
    pub(crate) store: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// Where the lines shall be; `-` is stdout. They hold secrets: a file is made for you alone.
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,
    /// Replace what is there.
    #[arg(long)]
    pub(crate) force: bool,
    /// Print what was written as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// The folder or the postgres:// URL of the store [default: legwork in your data folder].
    #[arg(long, value_name = "STORE", env = "LEGWORK_STORE")]
    pub(crate) store: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// What `legwork export` wrote; `-` reads stdin.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Print what was taken in as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// The folder or the postgres:// URL of the store, which must be empty and is made if there is none [default: legwork in
    /// your data folder].
    #[arg(long, value_name = "STORE", env = "LEGWORK_STORE")]
    pub(crate) store: Option<String>,
}
