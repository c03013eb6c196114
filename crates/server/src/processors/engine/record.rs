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

use super::hands::{Call, Fetch, Hands, Offered, Told, ToolTrouble};
use super::steps::{Fit, key};
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

/// What a run was begun with that is in what models are asked, and is not asked for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::processors) struct Begun {
    /// The day on which it was asked.
    pub(in crate::processors) today: String,
    /// What the models take.
    pub(in crate::processors) fit: Fit,
}

/// Which run was begun.
#[derive(Serialize, Deserialize)]
pub(in crate::processors) struct Which {
    pub(in crate::processors) processor: String,
    pub(in crate::processors) question: String,
}

impl Which {
    /// What passages are marked with in a recording: the same whenever it is played back. Who writes a page does not know of it.
    pub(in crate::processors) fn marker(&self) -> String {
        key("run", self).chars().skip("run:".len()).take(8).collect()
    }
}

impl Recording {
    /// Writes down with what a run was begun.
    pub(in crate::processors) fn begun(&self, which: &Which, begun: Begun) -> Begun {
        self.keep("run", which, begun)
    }
}

impl Replaying {
    /// With what the run was begun that was recorded; `None` if it was not.
    pub(in crate::processors) fn begun(&self, which: &Which) -> Option<Begun> {
        self.find("run", which).ok()
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

    async fn offered(&self, servers: &[String]) -> Offered {
        self.keep("tools", &servers, self.hands.offered(servers).await)
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

    async fn offered(&self, servers: &[String]) -> Offered {
        self.find("tools", &servers.to_vec()).unwrap_or_else(|why| Offered { tools: Vec::new(), warnings: vec![why] })
    }

    async fn call(&self, call: &Call) -> Result<Told, ToolTrouble> {
        self.find("call", call).unwrap_or_else(|why| Err(ToolTrouble(why)))
    }
}
