//! One cheap question to each provider, to see whether it answers.

use std::sync::Arc;

use legwork_core::task::SourcePolicy;

use super::Searcher;
use super::found::{Query, Share};
use crate::clock::{Clock, SystemClock};
use crate::config::search::Search;

/// Something that every index of the web knows.
const WORDS: &str = "Mongolia";

/// What comes of asking each provider for one result. Vendors count it as a search.
pub async fn try_each(search: Search) -> Vec<Share> {
    let query = Query { text: WORDS.to_owned(), want: 1, policy: SourcePolicy::default(), country: None };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    match Searcher::new(search, &clock).search(&query, 1).await {
        Ok(found) => found.by_provider,
        Err(silence) => silence.by_provider,
    }
}
