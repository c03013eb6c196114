//! What is searched, and what comes of it. The researcher's journal keeps both.

use legwork_core::task::SourcePolicy;
use serde::{Deserialize, Serialize};

/// What is searched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Query {
    /// The words, as one would type them.
    pub(crate) text: String,
    /// How many results each provider is asked for. Some have fewer to give.
    pub(crate) want: usize,
    /// Which sources may be among them.
    #[serde(default)]
    pub(crate) policy: SourcePolicy,
    /// Where the results shall be of use, as ISO 3166-1 alpha-2 in lower case.
    #[serde(default)]
    pub(crate) country: Option<String>,
}

/// A page that may have the answer. What is said of it is not evidence, unless it is its text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hit {
    /// Where it is: `http` or `https`, without what only tells who led there.
    pub(crate) url: String,
    /// What it is called; may be empty.
    pub(crate) title: String,
    /// What the provider says of it; may be empty.
    pub(crate) snippet: String,
    /// Who knew it; of several, the one that had it first.
    pub(crate) provider: String,
    /// Its place in that provider's list, from 1.
    pub(crate) rank: usize,
    /// The day on which it was published, as `YYYY-MM-DD`, if the provider says so.
    #[serde(default)]
    pub(crate) published: Option<String>,
    /// The text of the page, only from a provider whose documentation says that it is the page's whole text.
    #[serde(default)]
    pub(crate) text: Option<String>,
}

/// What all providers together know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Found {
    /// What they found, the best first, each page once.
    pub(crate) hits: Vec<Hit>,
    /// What each of them contributed.
    pub(crate) by_provider: Vec<Share>,
}

/// What one provider contributed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Its name.
    pub provider: String,
    /// How many hits came of it that may be used.
    pub count: usize,
    /// What was wrong, in words that follow its name. It may have had hits all the same.
    pub trouble: Option<String>,
}

/// No provider answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("no provider answered: {}", self.told())]
pub(crate) struct Silence {
    /// What was wrong with each.
    pub(crate) by_provider: Vec<Share>,
}

impl Silence {
    fn told(&self) -> String {
        let each = self.by_provider.iter().filter_map(|share| {
            let trouble = share.trouble.as_deref()?;
            Some(format!("{} {trouble}", share.provider))
        });
        each.collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_journal_kept_is_read_back() {
        let kept = r#"{"hits":[{"url":"https://a.example/","title":"A","snippet":"a","provider":"brave","rank":1,
            "published":"2026-01-02","text":null}],"by_provider":[{"provider":"brave","count":1,"trouble":null}]}"#;
        let found: Found = serde_json::from_str(kept).unwrap();
        assert_eq!(found.hits[0].published.as_deref(), Some("2026-01-02"));
        let again = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<Found>(&again).unwrap(), found);
        let query: Query = serde_json::from_str(r#"{"text":"capital of Mongolia","want":10}"#).unwrap();
        assert_eq!((query.want, query.country, query.policy), (10, None, SourcePolicy::default()));
    }
}
