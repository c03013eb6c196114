//! Who is asked to search the web, and how.

use std::num::NonZeroUsize;

use legwork_api::secret::Secret;
use url::Url;

/// The providers that are asked, all of them at once. None is the default: then nothing is searched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Search {
    /// Each under a name of its own.
    pub providers: Vec<Provider>,
}

impl Search {
    /// The names of the providers.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.providers.iter().map(|provider| provider.name.as_str())
    }
}

/// One provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Provider {
    /// What it is called: in settings, in hits, and where something is wrong with it.
    pub name: String,
    /// What is spoken to it.
    pub engine: Engine,
    /// Where it is; what is asked for lies below.
    pub base: Url,
    /// What it is shown to be let in.
    pub key: Option<Secret>,
    /// Sent with every request.
    pub headers: Vec<(String, Secret)>,
    /// How much a place in its list counts beside a place in another's; 1 is usual.
    pub weight: f64,
    /// How often it is asked a second at the most; `None` is as often as there is something to ask.
    pub per_second: Option<f64>,
    /// How many questions it is asked at a time.
    pub at_once: NonZeroUsize,
}

/// What is spoken to a provider.
#[derive(Clone, Debug, PartialEq)]
pub enum Engine {
    /// A `SearXNG`, which asks others in turn.
    Searxng,
    /// Brave Search.
    Brave,
    /// Tavily.
    Tavily {
        /// Have it send the text of each page along.
        text: bool,
    },
    /// Exa.
    Exa {
        /// Have it send the text of each page along.
        text: bool,
    },
    /// Serper, which has the results of Google.
    Serper,
    /// Kagi.
    Kagi,
    /// A Wikipedia, or another wiki that runs on `MediaWiki`.
    Wikipedia {
        /// Where its operators can reach whoever runs this server.
        contact: Option<String>,
    },
    /// Parallel's Search API.
    Parallel,
    /// Anything that answers over HTTP in JSON.
    Http(Template),
    /// A tool of an MCP server.
    Mcp(Tool),
}

/// How an HTTP endpoint is asked, and where in its answers the results stand.
///
/// In `url` and `body` stand `{query}` for what is searched, `{count}` for how many are wanted, and `{key}`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template {
    /// What is called.
    pub url: String,
    /// What is sent, as JSON; then it is a `POST`, else a `GET`.
    pub body: Option<String>,
    /// Whether a source policy is put into the question as `site:` operators.
    pub operators: bool,
    /// Where the results stand.
    pub pointers: Pointers,
}

/// How a tool of an MCP server is called, and where in its answers the results stand.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// The argument that takes what is searched.
    pub argument: String,
    /// The argument that takes how many are wanted, if there is one.
    pub count: Option<String>,
    /// Whether a source policy is put into the question as `site:` operators.
    pub operators: bool,
    /// Where the results stand; without, they are looked for under their usual names.
    pub pointers: Option<Pointers>,
}

/// Where results stand in an answer, as JSON pointers (RFC 6901): the list in the answer, the rest in each result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointers {
    /// The list of results; empty is the whole answer.
    pub list: String,
    /// The address of a result.
    pub url: String,
    /// Its title.
    pub title: String,
    /// What is said of it: a text, or a list of texts.
    pub snippet: String,
    /// The day on which it was published, if that is told.
    pub published: Option<String>,
}

impl Default for Pointers {
    fn default() -> Self {
        let [list, url, title, snippet] = ["/results", "/url", "/title", "/snippet"].map(str::to_owned);
        Self { list, url, title, snippet, published: None }
    }
}
