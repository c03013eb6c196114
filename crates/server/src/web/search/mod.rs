//! Searching the web: all providers are asked at once, and what they know becomes one list.
//!
//! Who does not answer is told of and left out; only if nobody answers there is an error. A source policy is put into what
//! providers are asked where they know such a thing, and kept to by code in any case.

mod address;
mod cache;
mod desk;
mod found;
mod fuse;
mod limits;
mod provider;
mod trial;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;
use legwork_core::task::SourcePolicy;
use tokio::time::Instant;
use url::Url;

use self::cache::Cache;
use self::desk::Desk;
pub use self::found::Share;
pub(crate) use self::found::{Found, Hit, Query, Silence};
pub(crate) use self::fuse::{fuse, spread};
use self::provider::Answer;
pub use self::trial::try_each;
use crate::clock::Clock;
use crate::config::search::Search;

/// Asks all providers that are configured. One a process: limits are kept by it.
pub(crate) struct Searcher {
    desks: Vec<Desk>,
    cache: Mutex<Cache>,
}

impl Searcher {
    /// For these providers. It asks none of them yet.
    pub(crate) fn new(search: Search, clock: &Arc<dyn Clock>) -> Self {
        let desks = search.providers.into_iter().map(|provider| Desk::new(provider, clock.clone())).collect();
        Self::at(desks)
    }

    fn at(desks: Vec<Desk>) -> Self {
        Self { desks, cache: Mutex::new(Cache::new()) }
    }

    /// The names of the providers.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.desks.iter().map(|desk| desk.provider.name.as_str())
    }

    /// What they know, with no more than so many hits of one site before those of others. It waits for all of them, which is
    /// for some seconds at the most.
    pub(crate) async fn search(&self, query: &Query, each_site: usize) -> Result<Found, Silence> {
        let asked = join_all(self.desks.iter().map(|desk| self.ask(desk, query))).await;
        let is_silent = !asked.is_empty() && asked.iter().all(Result::is_err);
        // What one of them knows to be too old is so, whoever else does not know.
        let hits = asked.iter().flatten().flat_map(|answer| &answer.hits);
        let too_old: HashSet<String> = hits
            .filter(|hit| hit.published.as_deref().is_some_and(|day| query.policy.is_too_old(day)))
            .map(|hit| hit.url.clone())
            .collect();
        let mut lists = Vec::new();
        let mut by_provider = Vec::new();
        for (desk, asked) in self.desks.iter().zip(asked) {
            let provider = desk.provider.name.clone();
            let (count, trouble) = match asked {
                Ok(answer) => {
                    let (count, trouble, hits) = sifted(answer, &query.policy, &too_old);
                    lists.push((desk.provider.weight, hits));
                    (count, trouble)
                }
                Err(trouble) => (0, Some(trouble)),
            };
            by_provider.push(Share { provider, count, trouble });
        }
        if is_silent {
            return Err(Silence { by_provider });
        }
        Ok(Found { hits: spread(fuse(lists), each_site), by_provider })
    }

    async fn ask(&self, desk: &Desk, query: &Query) -> Result<Answer, String> {
        let name = &desk.provider.name;
        if let Some(answer) = self.cache().get(name, query, Instant::now()) {
            return Ok(answer);
        }
        let answer = desk.ask(query).await?;
        self.cache().put(name, query, answer.clone(), Instant::now());
        Ok(answer)
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The hits that the policy allows, how many there are, and what is to be said about it.
fn sifted(answer: Answer, policy: &SourcePolicy, too_old: &HashSet<String>) -> (usize, Option<String>, Vec<Hit>) {
    let Answer { mut hits, note } = answer;
    let before = hits.len();
    hits.retain(|hit| !too_old.contains(&hit.url) && allows(policy, &hit.url, None));
    let none_left = before > 0 && hits.is_empty();
    let trouble =
        note.or_else(|| none_left.then(|| format!("had {before} results, and the source policy allows none")));
    (hits.len(), trouble, hits)
}

/// Whether a policy allows what lies at this address and was published on this day, as `YYYY-MM-DD`, as far as that is known.
pub(crate) fn allows(policy: &SourcePolicy, url: &str, published: Option<&str>) -> bool {
    let is_too_old = published.is_some_and(|day| policy.is_too_old(day));
    let url = Url::parse(url).ok();
    let (host, path) = url.as_ref().map_or((None, ""), |url| (url.host_str(), url.path()));
    !is_too_old && policy.allows(host, path)
}

#[cfg(test)]
mod tests;
