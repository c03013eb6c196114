//! Where measured servers keep their runs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use legwork_server::config::DatabaseUrl;
use legwork_server::upkeep::Ground;

/// A place for one store.
#[derive(Clone)]
pub(crate) enum Store {
    /// A folder; other stores lie in folders below it.
    Folder(PathBuf),
    /// A database; one store at a time lies in it.
    Database(Arc<Database>),
}

/// A database of one's own.
pub(crate) struct Database {
    url: DatabaseUrl,
    ground: Ground,
    /// Where its servers keep what is no run.
    folder: PathBuf,
}

impl Store {
    /// Takes a database, if nothing lies in it.
    pub(crate) async fn database(url: DatabaseUrl, folder: PathBuf) -> Result<Option<Self>> {
        let ground = Ground::take(&url).await?;
        Ok(ground.map(|ground| Self::Database(Arc::new(Database { url, ground, folder }))))
    }

    /// Another store, with nothing in it. In a database it takes the place of what is there.
    pub(super) async fn fresh(&self, name: &str) -> Result<Self> {
        self.clear().await?;
        Ok(match self {
            Self::Folder(path) => Self::Folder(path.join(name)),
            Self::Database(_) => self.clone(),
        })
    }

    /// Leaves a database as it was. A folder is removed by whoever made it.
    pub(crate) async fn clear(&self) -> Result<()> {
        match self {
            Self::Folder(_) => Ok(()),
            Self::Database(database) => Ok(database.ground.clear().await?),
        }
    }

    /// A folder that goes when all is over.
    pub(super) fn folder(&self) -> &Path {
        match self {
            Self::Folder(path) => path,
            Self::Database(database) => &database.folder,
        }
    }

    /// Has a server keep its runs here. A URL with a password in it is not for everybody who lists processes.
    pub(super) fn give(&self, command: &mut Command) {
        match self {
            Self::Folder(path) => command.env("LEGWORK_STORE", path),
            Self::Database(database) => {
                command.env("LEGWORK_STORE", database.url.secret()).env("XDG_DATA_HOME", &database.folder)
            }
        };
    }

    /// Rows of 1 KB that the database itself inserts and commits each second, one after the other.
    pub(super) async fn inserts(&self, seconds: u64) -> Result<Option<f64>> {
        match self {
            Self::Folder(_) => Ok(None),
            Self::Database(database) => Ok(Some(database.ground.inserts(Duration::from_secs(seconds)).await?)),
        }
    }

    /// Dead rows in the table of a database's queue, where it counts them.
    pub(super) async fn dead_rows(&self) -> Result<Option<u64>> {
        match self {
            Self::Folder(_) => Ok(None),
            Self::Database(database) => Ok(database.ground.dead_rows().await?),
        }
    }
}
