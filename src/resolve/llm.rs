//! Which language models will be asked.

use std::collections::BTreeMap;

use legwork_api::secret::Secret;
use legwork_server::config::{Llm, LlmEndpoint, ModelAt, PROVIDERS, Place, Price, Provider};
use url::Url;

use super::{BadConfig, seconds, texts};
use crate::args::LlmArgs;
use crate::config_file::{LlmFile, LlmRoleFile};
use crate::environment::Environment;

/// What was said of one place: where it is, what it is shown, and which model is meant there.
#[derive(Default)]
struct Said {
    place: Option<String>,
    base_url: Option<String>,
    api_key: Option<String>,
    model: Option<String>,
}

impl Said {
    /// This before what stands in the file. Another place than the file's wants nothing of what was meant for that.
    fn or(self, in_file: Self) -> Self {
        let Self { place, base_url, api_key, model } = self;
        let (place, base_url) = (filled(place), filled(base_url));
        let in_file = if place.is_some() || base_url.is_some() { Self::default() } else { in_file };
        Self {
            place: place.or(filled(in_file.place)),
            base_url: base_url.or(filled(in_file.base_url)),
            api_key: filled(api_key).or(filled(in_file.api_key)),
            model: filled(model).or(filled(in_file.model)),
        }
    }
}

/// What was typed before what stands in the file; `None` when there shall be no models.
pub(super) fn llm(args: LlmArgs, file: LlmFile, environment: &Environment) -> Result<Option<Llm>, BadConfig> {
    let typed = Said { place: args.llm, base_url: args.llm_base_url, api_key: args.llm_api_key, model: args.llm_model };
    let all =
        typed.or(Said { place: file.provider, base_url: file.base_url, api_key: file.api_key, model: file.model });
    if all.place.as_deref() == Some("off") {
        return Ok(None);
    }
    let role = |place, api_key, model, in_file: LlmRoleFile| {
        let LlmRoleFile { provider, api_key: key_in_file, model: model_in_file } = in_file;
        let in_file = Said { place: provider, base_url: None, api_key: key_in_file, model: model_in_file };
        Said { place, base_url: None, api_key, model }.or(in_file)
    };
    let reader = role(args.llm_reader, args.llm_reader_api_key, args.llm_reader_model, file.reader);
    let planner = role(args.llm_planner, args.llm_planner_api_key, args.llm_planner_model, file.planner);
    let writer = role(args.llm_writer, args.llm_writer_api_key, args.llm_writer_model, file.writer);
    let usual = place(&all, environment)?;
    let of = |said: Said| -> Result<ModelAt, BadConfig> {
        let own = said.place.is_some();
        let at = if own { place(&said, environment)? } else { usual.clone() };
        if !own && said.api_key.is_some() {
            return Err(BadConfig::LlmKeyWithoutPlace);
        }
        let model = said.model.or_else(|| all.model.clone().filter(|_| !own));
        if model.is_none()
            && let Some(provider) = provider_of(said.place.as_ref().or(all.place.as_ref()))
            && provider.key_variable.is_some()
        {
            return Err(BadConfig::LlmModel(provider.name));
        }
        Ok(ModelAt { place: at, model })
    };
    let prices: BTreeMap<_, _> =
        if args.llm_prices.is_empty() { file.prices } else { args.llm_prices.into_iter().collect() };
    let standard = Llm::default();
    Ok(Some(Llm {
        reader: of(reader)?,
        planner: of(planner)?,
        writer: of(writer)?,
        concurrency: args.llm_concurrency.or(file.concurrency),
        context: args.llm_context.or(file.context),
        timeout: args
            .llm_timeout
            .or(file.timeout)
            .map_or(Ok(standard.timeout), |given| seconds("llm-timeout", given))?,
        prices: prices
            .into_iter()
            .map(|(model, price)| (model, Price { input: price.input, output: price.output }))
            .collect(),
        ..standard
    }))
}

/// An empty variable is none.
fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

fn provider_of(place: Option<&String>) -> Option<&'static Provider> {
    place.and_then(|name| Provider::named(name))
}

/// Where that is. A key that lies in the environment is shown to nobody but whom it is for.
fn place(said: &Said, environment: &Environment) -> Result<Place, BadConfig> {
    let provider = provider_of(said.place.as_ref());
    let given = said.base_url.as_ref().or(said.place.as_ref().filter(|_| provider.is_none()));
    let base = match (given, provider) {
        (Some(given), _) => base(given)?,
        (None, Some(provider)) => base(provider.base)?,
        (None, None) if said.api_key.is_some() => return Err(BadConfig::LlmKeyWithoutPlace),
        (None, None) => return Ok(Place::Usual),
    };
    let typed = said.api_key.clone().map(key_in).transpose()?;
    let own = provider.filter(|_| given.is_none()).and_then(|provider| provider.key_variable);
    let key = typed.or_else(|| environment.model_keys.get(own?).cloned());
    if let (None, Some(variable), Some(provider)) = (&key, own, provider) {
        return Err(BadConfig::LlmNoKey { provider: provider.name, variable });
    }
    let context = provider.and_then(|provider| provider.context);
    Ok(Place::Endpoint(LlmEndpoint { base, key, context }))
}

fn key_in(given: String) -> Result<Secret, BadConfig> {
    let mut keys = texts(vec![given])?;
    let fits = |key: &String| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
    match keys.pop() {
        Some(key) if keys.is_empty() && fits(&key) => Ok(Secret::from(key)),
        _ => Err(BadConfig::LlmKey),
    }
}

/// The base URL of chat completions. Most are at `/v1`, so that may be left out.
fn base(text: &str) -> Result<Url, BadConfig> {
    let bad = || BadConfig::LlmPlace(text.to_owned());
    let mut url = Url::parse(text).map_err(|_| bad())?;
    let is_plain = url.username().is_empty() && url.password().is_none();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !is_plain {
        return Err(bad());
    }
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/chat/completions").unwrap_or(path).to_owned();
    url.set_path(if path.is_empty() { "/v1" } else { &path });
    url.set_fragment(None);
    Ok(url)
}

/// The variables in which people keep keys of model places, with the name of each place.
pub(crate) fn key_variables() -> impl Iterator<Item = (&'static str, &'static str)> {
    PROVIDERS.iter().filter_map(|provider| Some((provider.name, provider.key_variable?)))
}

/// What there is to say of a key that lies in the environment: it is used when somebody says so, and not before.
pub(crate) fn unused_key(environment: &Environment) -> Option<String> {
    let (name, variable) = key_variables().find(|(_, variable)| environment.model_keys.contains_key(variable))?;
    Some(format!("{variable} is set, and not used: `--llm {name} --llm-model MODEL` would use it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "it is a setting that was given")]
    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn at(llm: &str) -> LlmArgs {
        LlmArgs { llm: text(llm), ..LlmArgs::default() }
    }

    fn resolved(args: LlmArgs) -> Result<Option<Llm>, BadConfig> {
        llm(args, LlmFile::default(), &Environment::default())
    }

    fn with_keys() -> Environment {
        let keys = [("OPENAI_API_KEY", "sk-of-openai"), ("GROQ_API_KEY", "gsk-of-groq")];
        let model_keys = keys.map(|(name, key)| (name, Secret::from(key.to_owned()))).into();
        Environment { model_keys, ..Environment::default() }
    }

    /// Address, key and model of a role.
    fn shown(at: &ModelAt) -> (String, String, String) {
        let Place::Endpoint(endpoint) = &at.place else {
            return ("usual".to_owned(), String::new(), at.model.clone().unwrap_or_default());
        };
        let key = endpoint.key.as_ref().map(|key| key.reveal().to_owned());
        (endpoint.base.to_string(), key.unwrap_or_default(), at.model.clone().unwrap_or_default())
    }

    fn three(base: &str, key: &str, model: &str) -> (String, String, String) {
        (base.to_owned(), key.to_owned(), model.to_owned())
    }

    #[test]
    fn without_settings_what_runs_on_this_machine_is_looked_for_and_keys_in_the_environment_are_left_alone() {
        let llm = llm(LlmArgs::default(), LlmFile::default(), &with_keys()).unwrap().unwrap();
        for role in [&llm.reader, &llm.planner, &llm.writer] {
            assert_eq!(shown(role), three("usual", "", ""));
        }
        let named = resolved(LlmArgs { llm_model: text("qwen3:8b"), ..LlmArgs::default() }).unwrap().unwrap();
        assert_eq!(shown(&named.reader), three("usual", "", "qwen3:8b"));
        assert!(resolved(at("off")).unwrap().is_none());
    }

    #[test]
    fn a_named_place_brings_its_address_and_the_key_that_is_kept_for_it() {
        let args = || LlmArgs { llm_model: text("gpt-5"), ..at("openai") };
        let used = llm(args(), LlmFile::default(), &with_keys()).unwrap().unwrap();
        assert_eq!(shown(&used.writer), three("https://api.openai.com/v1", "sk-of-openai", "gpt-5"));
        let typed = LlmArgs { llm_api_key: text("mine"), ..args() };
        let used = llm(typed, LlmFile::default(), &with_keys()).unwrap().unwrap();
        assert_eq!(shown(&used.writer).1, "mine");
        // A key is for whom it was made.
        let elsewhere = LlmArgs { llm_base_url: text("http://proxy.lan"), ..args() };
        let used = llm(elsewhere, LlmFile::default(), &with_keys()).unwrap().unwrap();
        assert_eq!(shown(&used.writer), three("http://proxy.lan/v1", "", "gpt-5"));
        assert!(matches!(
            resolved(args()),
            Err(BadConfig::LlmNoKey { provider: "openai", variable: "OPENAI_API_KEY" })
        ));
        let nameless = llm(at("openai"), LlmFile::default(), &with_keys());
        assert!(matches!(nameless, Err(BadConfig::LlmModel("openai"))));
    }

    #[test]
    fn a_place_is_a_base_url_however_it_is_written() {
        for (given, base) in [
            ("http://127.0.0.1:11434", "http://127.0.0.1:11434/v1"),
            ("http://h:8000/v1/", "http://h:8000/v1"),
            ("https://h/api/v1/chat/completions", "https://h/api/v1"),
            ("https://h/d?api-version=1", "https://h/d?api-version=1"),
            ("ollama", "http://127.0.0.1:11434/v1"),
        ] {
            assert_eq!(shown(&resolved(at(given)).unwrap().unwrap().reader).0, base, "{given}");
        }
        for odd in ["gpt", "ftp://h", "http://", "http://user:key@h", "OpenAI"] {
            let refused = resolved(at(odd)).unwrap_err();
            assert!(matches!(refused, BadConfig::LlmPlace(_)), "{odd}");
            assert!(refused.hint().unwrap().contains("openai, openrouter"), "{refused:?}");
        }
    }

    #[test]
    fn each_role_may_be_elsewhere() {
        let mut args = LlmArgs { llm_model: text("small"), ..at("http://here") };
        args.llm_writer = text("groq");
        args.llm_writer_model = text("large");
        args.llm_planner_model = text("clever");
        let used = llm(args, LlmFile::default(), &with_keys()).unwrap().unwrap();
        assert_eq!(shown(&used.reader), three("http://here/v1", "", "small"));
        assert_eq!(shown(&used.planner), three("http://here/v1", "", "clever"));
        assert_eq!(shown(&used.writer), three("https://api.groq.com/openai/v1", "gsk-of-groq", "large"));
        let mut keyed = at("http://here");
        keyed.llm_reader_api_key = text("k");
        assert!(matches!(resolved(keyed), Err(BadConfig::LlmKeyWithoutPlace)));
        let keyed = LlmArgs { llm_api_key: text("k"), ..LlmArgs::default() };
        assert!(matches!(resolved(keyed), Err(BadConfig::LlmKeyWithoutPlace)));
    }

    #[test]
    fn what_is_typed_goes_before_the_file() {
        let file = LlmFile {
            provider: text("http://of.file"),
            model: text("of-file"),
            context: std::num::NonZeroU32::new(8192),
            timeout: Some(20.0),
            ..LlmFile::default()
        };
        let args = LlmArgs { llm_model: text("typed"), ..LlmArgs::default() };
        let used = llm(args, file.clone(), &Environment::default()).unwrap().unwrap();
        assert_eq!(shown(&used.reader), three("http://of.file/v1", "", "typed"));
        assert_eq!((used.context.map(u32::from), used.timeout.as_secs()), (Some(8192), 20));
        let keyed = LlmFile { api_key: text("of-file"), ..file.clone() };
        let elsewhere = llm(at("ollama"), keyed, &Environment::default()).unwrap().unwrap();
        assert_eq!(shown(&elsewhere.reader), three("http://127.0.0.1:11434/v1", "", ""), "the key is not for Ollama");
        assert!(llm(at("off"), file, &Environment::default()).unwrap().is_none());
        assert!(resolved(LlmArgs { llm_timeout: Some(0.0), ..at("ollama") }).is_err());
    }

    #[test]
    fn a_key_may_lie_in_a_file_and_has_no_spaces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "sk-1\n").unwrap();
        let keyed = |key: String| resolved(LlmArgs { llm_api_key: Some(key), ..at("http://h") });
        let used = keyed(format!("@{}", path.display())).unwrap().unwrap();
        assert_eq!(shown(&used.reader).1, "sk-1");
        assert!(!format!("{used:?}").contains("sk-1"));
        std::fs::write(&path, "sk-1\nsk-2\n").unwrap();
        for odd in [format!("@{}", path.display()), "two words".to_owned()] {
            assert!(matches!(keyed(odd), Err(BadConfig::LlmKey)));
        }
    }
}
