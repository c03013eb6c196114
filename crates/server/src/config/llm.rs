//! Which language models are asked, and where they are.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use legwork_api::secret::Secret;
use url::{Host, Url};

/// A language model for each role, and on which terms they are asked.
#[derive(Clone, Debug)]
pub struct Llm {
    /// Reads passages: many calls, so a cheap one.
    pub reader: ModelAt,
    /// Plans, and judges what was found.
    pub planner: ModelAt,
    /// Writes texts.
    pub writer: ModelAt,
    /// How many calls one endpoint has at a time; `None` is one for a server on this machine and four for others.
    pub concurrency: Option<NonZeroUsize>,
    /// How many tokens a model takes in and gives out together at the most, if its endpoint does not say it.
    pub context: Option<NonZeroU32>,
    /// How long one call may take.
    pub timeout: Duration,
    /// How long it may be silent once it has begun to answer.
    pub silence: Duration,
    /// How long is waited before a call is made again that failed; each time twice as long.
    pub pause: Duration,
    /// What models cost.
    pub prices: BTreeMap<String, Price>,
    /// Where a server on this machine is looked for.
    pub usual: Vec<LlmEndpoint>,
    /// How long one that is looked for may take to answer.
    pub found_within: Duration,
}

/// Where a role's model is.
#[derive(Clone, Debug, Default)]
pub struct ModelAt {
    /// At which endpoint.
    pub place: Place,
    /// Which model; without a name it is the first that the endpoint lists and that can talk.
    pub model: Option<String>,
}

/// At which endpoint.
#[derive(Clone, Debug, Default)]
pub enum Place {
    /// A server on this machine that answers where such servers usually do; if none does, there is no model.
    #[default]
    Usual,
    /// This one.
    Endpoint(LlmEndpoint),
}

/// An address where chat completions are spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LlmEndpoint {
    /// What stands before `/chat/completions`.
    pub base: Url,
    /// What it wants to be shown.
    pub key: Option<Secret>,
    /// How many tokens it takes unless it says otherwise.
    pub context: Option<NonZeroU32>,
}

/// What a million tokens cost, in US dollars.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    /// Of what is asked.
    pub input: f64,
    /// Of what is answered.
    pub output: f64,
}

/// A kind of endpoint that is known by name.
#[derive(Clone, Copy, Debug)]
pub struct Provider {
    /// What it is called.
    pub name: &'static str,
    /// Its usual base URL.
    pub base: &'static str,
    /// The variable in which people keep their key for it; one on this machine needs none.
    pub key_variable: Option<&'static str>,
    /// How many tokens its models take as it comes, if that is few.
    pub context: Option<NonZeroU32>,
}

/// Ollama cuts what is longer than this without a word, unless it was told to take more.
const OLLAMA_CONTEXT: Option<NonZeroU32> = NonZeroU32::new(4096);

/// All that are known by name.
pub const PROVIDERS: &[Provider] = &[
    Provider::hosted("openai", "https://api.openai.com/v1", "OPENAI_API_KEY"),
    Provider::hosted("openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    Provider::hosted("anthropic", "https://api.anthropic.com/v1", "ANTHROPIC_API_KEY"),
    Provider::hosted("gemini", "https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
    Provider::hosted("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    Provider::hosted("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    Provider::hosted("deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    Provider::hosted("together", "https://api.together.xyz/v1", "TOGETHER_API_KEY"),
    Provider::hosted("fireworks", "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
    Provider::hosted("xai", "https://api.x.ai/v1", "XAI_API_KEY"),
    Provider::local("ollama", "http://127.0.0.1:11434/v1", OLLAMA_CONTEXT),
    Provider::local("llamacpp", "http://127.0.0.1:8080/v1", None),
    Provider::local("vllm", "http://127.0.0.1:8000/v1", None),
    Provider::local("lmstudio", "http://127.0.0.1:1234/v1", None),
];

/// Those that are looked for without being named.
const USUAL: [&str; 2] = ["ollama", "llamacpp"];

impl Provider {
    const fn hosted(name: &'static str, base: &'static str, key_variable: &'static str) -> Self {
        Self { name, base, key_variable: Some(key_variable), context: None }
    }

    const fn local(name: &'static str, base: &'static str, context: Option<NonZeroU32>) -> Self {
        Self { name, base, key_variable: None, context }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PROVIDERS.iter().find(|provider| provider.name == name)
    }
}

impl Default for Llm {
    fn default() -> Self {
        let usual = PROVIDERS.iter().filter(|provider| USUAL.contains(&provider.name));
        let endpoint = |provider: &Provider| {
            let base = Url::parse(provider.base).ok()?;
            Some(LlmEndpoint { base, key: None, context: provider.context })
        };
        Self {
            reader: ModelAt::default(),
            planner: ModelAt::default(),
            writer: ModelAt::default(),
            concurrency: None,
            context: None,
            timeout: Duration::from_mins(5),
            silence: Duration::from_mins(1),
            pause: Duration::from_millis(500),
            prices: BTreeMap::new(),
            usual: usual.filter_map(endpoint).collect(),
            found_within: Duration::from_millis(200),
        }
    }
}

impl Llm {
    /// Whether any of them is at a place that was named.
    pub fn is_named(&self) -> bool {
        [&self.reader, &self.planner, &self.writer].iter().any(|at| matches!(at.place, Place::Endpoint(_)))
    }
}

impl LlmEndpoint {
    /// Whether it is on this machine.
    pub fn is_local(&self) -> bool {
        match self.base.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_has_an_address_and_only_those_elsewhere_want_a_key() {
        for provider in PROVIDERS {
            let base: Url = provider.base.parse().unwrap();
            let endpoint = LlmEndpoint { base, key: None, context: None };
            assert_eq!(endpoint.is_local(), provider.key_variable.is_none(), "{}", provider.name);
            assert_eq!(Provider::named(provider.name).map(|found| found.base), Some(provider.base));
        }
    }

    #[test]
    fn without_settings_a_server_is_looked_for_where_ollama_and_llama_cpp_are() {
        let usual: Vec<_> = Llm::default().usual.iter().map(|endpoint| endpoint.base.to_string()).collect();
        assert_eq!(usual, ["http://127.0.0.1:11434/v1", "http://127.0.0.1:8080/v1"]);
    }
}
