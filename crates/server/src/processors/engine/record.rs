//! Recording and replaying: every search, page, answer of a model and of a tool as a file, named by what was asked, so that the
//! same run can be had again without a network. For tests of ours and of users.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::hands::{Call, Fetch, Hands, Told, ToolTrouble};
use super::steps::key;
use crate::model::{self, Ask, Reply, Tokens};
use crate::web::fetch::{Class as PageClass, Page, Trouble as PageTrouble};
use crate::web::search::{Found, Query, Share, Silence};

/// One call with its answer.
#[derive(Serialize, Deserialize)]
struct Recorded<A, T> {
    asked: A,
    answered: T,
}

/// Does what other hands do, and writes it down.
pub(in crate::processors) struct Recording {
    pub(in crate::processors) hands: Arc<dyn Hands>,
    pub(in crate::processors) folder: PathBuf,
}

impl Recording {
    fn keep<A: Serialize, T: Serialize>(&self, kind: &str, asked: &A, answered: T) -> T {
        let recorded = Recorded { asked, answered };
        let written = serde_json::to_vec_pretty(&recorded).map_err(io::Error::from).and_then(|text| {
            fs::create_dir_all(&self.folder).and_then(|()| fs::write(file(&self.folder, kind, asked), text))
        });
        if let Err(error) = written {
            warn!(folder = %self.folder.display(), error = &error as &dyn std::error::Error, "a recording is not complete");
        }
        recorded.answered
    }
}

/// Answers from what was written down, and from nothing else.
pub(in crate::processors) struct Replaying {
    pub(in crate::processors) folder: PathBuf,
}

impl Replaying {
    /// Whether models were asked when it was recorded.
    pub(in crate::processors) fn has_models(&self) -> bool {
        let files = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        files.into_iter().any(|file| file.file_name().to_string_lossy().starts_with("ask-"))
    }

    fn find<A: Serialize + DeserializeOwned, T: DeserializeOwned>(&self, kind: &str, asked: &A) -> Result<T, String> {
        let path = file(&self.folder, kind, asked);
        let text = fs::read(&path).map_err(|_| {
            format!("this {kind} is not in the recording {} ({})", self.folder.display(), key(kind, asked))
        })?;
        let recorded: Recorded<A, T> =
            serde_json::from_slice(&text).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        Ok(recorded.answered)
    }
}

fn file<A: Serialize>(folder: &std::path::Path, kind: &str, asked: &A) -> PathBuf {
    folder.join(format!("{}.json", key(kind, asked).replace(':', "-")))
}

#[async_trait]
impl Hands for Recording {
    async fn ask(&self, ask: &Ask) -> Result<Reply, model::Trouble> {
        self.keep("ask", ask, self.hands.ask(ask).await)
    }

    async fn search(&self, query: &Query) -> Result<Found, Silence> {
        self.keep("search", query, self.hands.search(query).await)
    }

    async fn fetch(&self, fetch: &Fetch) -> Result<Page, PageTrouble> {
        self.keep("fetch", fetch, self.hands.fetch(fetch).await)
    }

    async fn call(&self, call: &Call) -> Result<Told, ToolTrouble> {
        self.keep("call", call, self.hands.call(call).await)
    }
}

#[async_trait]
impl Hands for Replaying {
    async fn ask(&self, ask: &Ask) -> Result<Reply, model::Trouble> {
        self.find("ask", ask).unwrap_or_else(|why| {
            Err(model::Trouble { kind: model::Kind::Refused, why, usage: Tokens::default(), cost_usd: None })
        })
    }

    async fn search(&self, query: &Query) -> Result<Found, Silence> {
        self.find("search", query).unwrap_or_else(|why| {
            let share = Share { provider: "recording".to_owned(), count: 0, trouble: Some(why) };
            Err(Silence { by_provider: vec![share] })
        })
    }

    async fn fetch(&self, fetch: &Fetch) -> Result<Page, PageTrouble> {
        self.find("fetch", fetch)
            .unwrap_or_else(|why| Err(PageTrouble { class: PageClass::Unreachable, why, retry_after: None }))
    }

    async fn call(&self, call: &Call) -> Result<Told, ToolTrouble> {
        self.find("call", call).unwrap_or_else(|why| Err(ToolTrouble(why)))
    }
}
