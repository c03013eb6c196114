//! The world as it is: the models, the search providers, the web, the operator's documents and the caller's tools.

use std::sync::Arc;

use async_trait::async_trait;
use url::Url;

use super::super::blocking::blocking;
use super::super::research::{Corpus, Document, allows};
use super::hands::{Call, DOCUMENT, Fetch, Hands, Offered, Told, ToolTrouble};
use super::tools::Servers;
use crate::model::{self, Ask, Reply, Team, Tokens};
use crate::web::fetch::{Class as PageClass, Fetcher, How, Page, Trouble as PageTrouble};
use crate::web::search::{Found, Hit, Query, Searcher, Share, Silence, fuse, spread};

/// How many results of one site are among the first.
const EACH_SITE: usize = 3;
/// How many of the operator's documents a search finds at the most.
const OWN: usize = 8;
/// What the operator's documents are called among providers.
const CORPUS: &str = "corpus";
/// How much of a passage is shown as a result's snippet, in characters.
const SNIPPET: usize = 300;

/// What one run has of it.
pub(in crate::processors) struct World {
    /// The models, if there are any.
    pub(in crate::processors) team: Option<Arc<Team>>,
    /// The search providers.
    pub(in crate::processors) searcher: Arc<Searcher>,
    /// What reads pages.
    pub(in crate::processors) fetcher: Arc<Fetcher>,
    /// The documents of this server; `None` where they were asked already.
    pub(in crate::processors) corpus: Option<Arc<Corpus>>,
    /// The caller's servers.
    pub(in crate::processors) servers: Servers,
}

#[async_trait]
impl Hands for World {
    async fn ask(&self, ask: &Ask) -> Result<Reply, model::Trouble> {
        match &self.team {
            Some(team) => team.ask(ask).await,
            None => Err(model::Trouble {
                kind: model::Kind::Refused,
                why: "no language model is configured".to_owned(),
                usage: Tokens::default(),
                cost_usd: None,
            }),
        }
    }

    async fn search(&self, query: &Query) -> Result<Found, Silence> {
        let (own, web) = tokio::join!(self.own(query), self.searcher.search(query, EACH_SITE));
        let count = own.len();
        match web {
            Err(silence) if count == 0 => Err(silence),
            Err(silence) => Ok(Found { hits: own, by_provider: silence.by_provider }),
            Ok(mut found) => {
                if count > 0 {
                    found.by_provider.push(Share { provider: CORPUS.to_owned(), count, trouble: None });
                    found.hits = spread(fuse(vec![(1.0, own), (1.0, found.hits)]), EACH_SITE);
                }
                Ok(found)
            }
        }
    }

    async fn fetch(&self, fetch: &Fetch) -> Result<Page, PageTrouble> {
        if let Some(document) = self.corpus.as_ref().and_then(|corpus| corpus.document_at(&fetch.url)) {
            return Ok(page(document));
        }
        let url = Url::parse(&fetch.url).map_err(|error| PageTrouble {
            class: PageClass::Address,
            why: format!("it is no address: {error}"),
            retry_after: None,
        })?;
        self.fetcher.fetch(&url, How { max_age: fetch.max_age, patience: fetch.within }).await
    }

    async fn offered(&self, _: &[String]) -> Offered {
        self.servers.offered().await.clone()
    }

    async fn call(&self, call: &Call) -> Result<Told, ToolTrouble> {
        let Some(server) = self.servers.named(&call.server).await else {
            return Err(ToolTrouble(format!("there is no server {:?}", call.server)));
        };
        let arguments = call.arguments.as_object().cloned().unwrap_or_default();
        match server.call(&call.tool, arguments).await {
            Ok(told) if told.is_error => Err(ToolTrouble(told.text)),
            Ok(told) => Ok(Told { text: told.text }),
            Err(error) => Err(ToolTrouble(error.to_string())),
        }
    }
}

impl World {
    /// What the operator's documents and the built-in ones have.
    async fn own(&self, query: &Query) -> Vec<Hit> {
        let Some(corpus) = self.corpus.clone() else { return Vec::new() };
        let query = query.clone();
        // What a question means takes a model some time to say: too long for a thread that serves others.
        blocking(move || own(&corpus, &query)).await.unwrap_or_default()
    }
}

/// What these documents have, best first, each document once.
fn own(corpus: &Corpus, query: &Query) -> Vec<Hit> {
    let mut hits: Vec<Hit> = Vec::new();
    let usable = |document: &Document| allows(&query.policy, document, corpus.edition());
    for (document, passage) in corpus.passages_with(&query.text, OWN * 4, &usable) {
        if hits.len() < OWN && !hits.iter().any(|hit| hit.url == document.url) {
            let snippet = passage.chars().take(SNIPPET).collect();
            hits.push(Hit {
                url: document.url.clone(),
                title: document.title.clone(),
                snippet,
                provider: CORPUS.to_owned(),
                rank: hits.len() + 1,
                published: None,
                text: None,
            });
        }
    }
    hits
}

/// A document as a page.
fn page(document: &Document) -> Page {
    Page {
        url: document.url.clone(),
        final_url: document.url.clone(),
        hash: document.hash.clone(),
        title: document.title.clone(),
        text: document.text.to_string(),
        fetched_at: document.read_at.unwrap_or_default(),
        published: None,
        kind: DOCUMENT.to_owned(),
        truncated: false,
        links: Vec::new(),
    }
}
