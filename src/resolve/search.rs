//! Who will be asked to search the web.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use legwork_api::secret::Secret;
use legwork_server::config::search::{Engine, Pointers, Provider, Search, Template, Tool};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::{BadConfig, texts};
use crate::config_file::{PointersFile, ProviderFile, SearchFile};
use crate::environment::Environment;

/// Nobody, as a name.
const NONE: &str = "none";
/// Who is asked if nothing is said: it needs no key.
const USUAL: &str = "wikipedia";
/// How many questions a provider is asked at a time, unless its table says otherwise.
const AT_ONCE: NonZeroUsize = NonZeroUsize::new(4).expect("it is no zero");
/// How often a Wikipedia is asked a second, and how often at a time: its operators want one after the other.
const WIKIPEDIA: (f64, NonZeroUsize) = (5.0, NonZeroUsize::MIN);

/// A vendor that is known by its name: where it is, and where its own tools look for a key.
struct Vendor {
    kind: &'static str,
    base: Option<&'static str>,
    variable: Option<&'static str>,
}

const fn vendor(kind: &'static str, base: Option<&'static str>, variable: Option<&'static str>) -> Vendor {
    Vendor { kind, base, variable }
}

/// All kinds of providers. The variable of Parallel is no place for a key of theirs: the key of a server such as this one
/// may stand there.
const VENDORS: [Vendor; 10] = [
    vendor(USUAL, None, None),
    vendor("brave", Some("https://api.search.brave.com"), Some("BRAVE_API_KEY")),
    vendor("tavily", Some("https://api.tavily.com"), Some("TAVILY_API_KEY")),
    vendor("exa", Some("https://api.exa.ai"), Some("EXA_API_KEY")),
    vendor("serper", Some("https://google.serper.dev"), Some("SERPER_API_KEY")),
    vendor("kagi", Some("https://kagi.com"), Some("KAGI_API_KEY")),
    vendor("parallel", Some("https://api.parallel.ai"), None),
    vendor("searxng", None, None),
    vendor("http", None, None),
    vendor("mcp", None, None),
];

/// What was typed before what stands in the file; without either, those that have a table, or else the usual one.
pub(super) fn search(typed: Vec<String>, file: SearchFile, environment: &Environment) -> Result<Search, BadConfig> {
    let SearchFile { used, mut providers } = file;
    let typed = Some(typed).filter(|typed| typed.iter().any(|name| !name.trim().is_empty()));
    let names = typed.or(used).unwrap_or_else(|| match providers.keys().cloned().collect::<Vec<_>>() {
        none if none.is_empty() => vec![USUAL.to_owned()],
        all => all,
    });
    let mut names: Vec<_> = names.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
    if let [only] = &names[..]
        && only == NONE
    {
        return Ok(Search::default());
    }
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    let mut table = |name: &String| Ok((name.clone(), checked(name, providers.remove(name))?));
    let mut tables = names.iter().map(&mut table).collect::<Result<BTreeMap<_, _>, BadConfig>>()?;
    set_by_variables(&mut tables, environment)?;
    let provider = |name: &String| provider(name, tables.get(name).cloned().unwrap_or_default(), environment);
    Ok(Search { providers: names.iter().map(provider).collect::<Result<_, _>>()? })
}

/// What is used if nothing is said.
pub(crate) fn usual_search() -> Search {
    search(Vec::new(), SearchFile::default(), &Environment::default()).unwrap_or_default()
}

/// Vendors whose key is there, and who are not asked.
pub(crate) fn hints(search: &Search, environment: &Environment) -> Vec<String> {
    let is_asked = |kind: &str| search.providers.iter().any(|provider| kind_of(&provider.engine) == kind);
    let unused = VENDORS.iter().filter(|vendor| !is_asked(vendor.kind)).filter_map(|vendor| {
        let variable = vendor.variable.filter(|variable| environment.search_keys.contains_key(variable))?;
        Some(format!("{variable} is set, and is not used: with `--search {}` it is", vendor.kind))
    });
    unused.collect()
}

fn kind_of(engine: &Engine) -> &'static str {
    match engine {
        Engine::Wikipedia { .. } => USUAL,
        Engine::Brave => "brave",
        Engine::Tavily { .. } => "tavily",
        Engine::Exa { .. } => "exa",
        Engine::Serper => "serper",
        Engine::Kagi => "kagi",
        Engine::Parallel => "parallel",
        Engine::Searxng => "searxng",
        Engine::Http(_) => "http",
        Engine::Mcp(_) => "mcp",
    }
}

fn wrong(name: &str, why: impl Into<String>, hint: Option<String>) -> BadConfig {
    BadConfig::Search { name: name.to_owned(), why: why.into(), hint }
}

/// A provider that can be meant by this name.
fn checked(name: &str, table: Option<ProviderFile>) -> Result<ProviderFile, BadConfig> {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    if name == NONE {
        return Err(wrong(name, "is nobody, and stands alone", None));
    }
    if !name.bytes().all(is_name) {
        return Err(wrong(name, "has no name that one can have: write small letters, digits, `-` and `_`", None));
    }
    let is_known = VENDORS.iter().any(|vendor| vendor.kind == name);
    match table {
        Some(table) => Ok(table),
        None if is_known => Ok(ProviderFile::default()),
        None => {
            let known = VENDORS.iter().map(|vendor| vendor.kind).filter(|kind| !["http", "mcp"].contains(kind));
            let known = known.collect::<Vec<_>>().join(", ");
            let hint = format!("known are {known}, and what has a table `[search.{name}]` in the settings file");
            Err(wrong(name, "is not known", Some(hint)))
        }
    }
}

/// How a name is written in those of variables.
fn in_variables(name: &str) -> String {
    name.to_ascii_uppercase().replace('-', "_")
}

/// What variables say goes before the tables of the file.
fn set_by_variables(tables: &mut BTreeMap<String, ProviderFile>, environment: &Environment) -> Result<(), BadConfig> {
    for (variable, value) in &environment.search_settings {
        let fits = |name: &&String| variable.starts_with(&format!("{}_", in_variables(name)));
        // Of `a` and `a-b`, `A_B_KEY` is the latter's.
        let Some(name) = tables.keys().filter(fits).max_by_key(|name| name.len()).cloned() else { continue };
        let setting = variable[name.len() + 1..].to_ascii_lowercase();
        let whole = format!("LEGWORK_SEARCH_{variable}");
        let table = tables.entry(name.clone()).or_default();
        set(table, &setting, value).map_err(|why| wrong(&name, format!("is told by {whole} what {why}"), None))?;
    }
    Ok(())
}

fn set(table: &mut ProviderFile, setting: &str, value: &str) -> Result<(), String> {
    let text = || Some(value.to_owned());
    match setting {
        "kind" => table.kind = text(),
        "base_url" => table.base_url = text(),
        "key" => table.key = text(),
        "language" => table.language = text(),
        "contact" => table.contact = text(),
        "url" => table.url = text(),
        "body" => table.body = text(),
        "tool" => table.tool = text(),
        "argument" => table.argument = text(),
        "count_argument" => table.count_argument = text(),
        "weight" => table.weight = Some(as_toml(value)?),
        "per_second" => table.per_second = Some(as_toml(value)?),
        "at_once" => table.at_once = Some(as_toml(value)?),
        "text" => table.text = Some(as_toml(value)?),
        "operators" => table.operators = Some(as_toml(value)?),
        "headers" => table.headers = as_toml(value)?,
        "pointers" => table.pointers = Some(as_toml(value)?),
        _ => return Err(format!("is no setting: `{setting}`")),
    }
    Ok(())
}

/// A value as it would stand in the file. It is not repeated: it may be secret.
fn as_toml<T: DeserializeOwned>(value: &str) -> Result<T, String> {
    let table: Result<BTreeMap<String, T>, _> = toml::from_str(&format!("value = {value}"));
    let value = table.ok().and_then(|mut table| table.remove("value"));
    value.ok_or_else(|| "cannot be read; write it as in the settings file".to_owned())
}

/// A provider with everything that is to be known of it.
fn provider(name: &str, table: ProviderFile, environment: &Environment) -> Result<Provider, BadConfig> {
    let kind = table.kind.clone().unwrap_or_else(|| name.to_owned());
    let vendor = VENDORS.iter().find(|vendor| vendor.kind == kind);
    let vendor = vendor.ok_or_else(|| {
        let kinds = VENDORS.iter().map(|vendor| vendor.kind).collect::<Vec<_>>().join(", ");
        wrong(name, format!("is of no kind that there is: `{kind}`"), Some(format!("set its `kind` to one of {kinds}")))
    })?;
    only_what_it_knows(name, vendor.kind, &table)?;
    let key = key(name, vendor, table.key.as_deref(), environment)?;
    let engine = engine(name, vendor.kind, &table, key.is_some())?;
    let base = base(name, vendor, &table)?;
    let is_wiki = vendor.kind == USUAL;
    let weight = table.weight.unwrap_or(1.0);
    let per_second = table.per_second.or(is_wiki.then_some(WIKIPEDIA.0));
    for (setting, value) in [("weight", Some(weight)), ("per_second", per_second)] {
        if value.is_some_and(|value| !value.is_finite() || value <= 0.0) {
            return Err(wrong(name, format!("has a `{setting}` that is no number above 0"), None));
        }
    }
    let headers = table.headers.into_iter().map(|(header, value)| (header, Secret::from(value))).collect();
    let at_once = table.at_once.unwrap_or(if is_wiki { WIKIPEDIA.1 } else { AT_ONCE });
    Ok(Provider { name: name.to_owned(), engine, base, key, headers, weight, per_second, at_once })
}

/// A setting that has no meaning for a kind is a slip.
fn only_what_it_knows(name: &str, kind: &str, table: &ProviderFile) -> Result<(), BadConfig> {
    let settings: [(&str, bool, &[&str]); 11] = [
        ("text", table.text.is_some(), &["tavily", "exa"]),
        ("language", table.language.is_some(), &[USUAL]),
        ("contact", table.contact.is_some(), &[USUAL]),
        ("url", table.url.is_some(), &["http"]),
        ("body", table.body.is_some(), &["http"]),
        ("operators", table.operators.is_some(), &["http", "mcp"]),
        ("pointers", table.pointers.is_some(), &["http", "mcp"]),
        ("tool", table.tool.is_some(), &["mcp"]),
        ("argument", table.argument.is_some(), &["mcp"]),
        ("count_argument", table.count_argument.is_some(), &["mcp"]),
        ("key", table.key.is_some() && [USUAL, "searxng"].contains(&kind), &[]),
    ];
    match settings.iter().find(|(_, is_set, kinds)| *is_set && !kinds.contains(&kind)) {
        Some((setting, ..)) => {
            Err(wrong(name, format!("is of the kind {kind}, which has no setting `{setting}`"), None))
        }
        None => Ok(()),
    }
}

/// The key that is set, or what lies in the file that is named; else, since the vendor was asked for, the one that its own
/// tools use.
fn key(name: &str, vendor: &Vendor, set: Option<&str>, environment: &Environment) -> Result<Option<Secret>, BadConfig> {
    let set = match set {
        Some(set) => texts(vec![set.to_owned()])?.into_iter().next().filter(|key| !key.is_empty()),
        None => None,
    };
    let usual = || vendor.variable.and_then(|variable| environment.search_keys.get(variable)).cloned();
    let key = set.or_else(usual).map(Secret::from);
    let needs_one = !["http", "mcp", "searxng", USUAL].contains(&vendor.kind);
    if needs_one && key.is_none() {
        let variable = format!("LEGWORK_SEARCH_{}_KEY", in_variables(name));
        let hint = format!("give it as {variable}, or as `key` in the table [search.{name}] of the settings file");
        return Err(wrong(name, "has no key", Some(hint)));
    }
    Ok(key)
}

fn base(name: &str, vendor: &Vendor, table: &ProviderFile) -> Result<Url, BadConfig> {
    let missing = || {
        let variable = format!("LEGWORK_SEARCH_{}_BASE_URL", in_variables(name));
        wrong(
            name,
            "has no address",
            Some(format!("give it as {variable}, or as `base_url` in its table [search.{name}]")),
        )
    };
    let address = match (&table.base_url, vendor.kind) {
        (Some(_), "http") => return Err(wrong(name, "has a `base_url`, and is called at its `url`", None)),
        (Some(url), _) => url.clone(),
        (None, "http") => filled(table.url.as_deref().unwrap_or_default()),
        (None, USUAL) => {
            let language = table.language.as_deref().unwrap_or("en");
            let is_one = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
            if language.is_empty() || !language.bytes().all(is_one) {
                return Err(wrong(name, format!("has no `language` that there is: `{language}`"), None));
            }
            format!("https://{language}.wikipedia.org")
        }
        (None, _) => vendor.base.ok_or_else(missing)?.to_owned(),
    };
    match Url::parse(&address) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty() => Ok(url),
        _ => Err(wrong(name, "has an address that is no http or https URL", None)),
    }
}

/// A template with something in its places.
fn filled(template: &str) -> String {
    [("{query}", "words"), ("{count}", "1"), ("{key}", "key")]
        .iter()
        .fold(template.to_owned(), |text, (place, by)| text.replace(place, by))
}

fn engine(name: &str, kind: &str, table: &ProviderFile, has_key: bool) -> Result<Engine, BadConfig> {
    let text = table.text.unwrap_or(false);
    Ok(match kind {
        USUAL => Engine::Wikipedia { contact: table.contact.clone() },
        "brave" => Engine::Brave,
        "tavily" => Engine::Tavily { text },
        "exa" => Engine::Exa { text },
        "serper" => Engine::Serper,
        "kagi" => Engine::Kagi,
        "parallel" => Engine::Parallel,
        "searxng" => Engine::Searxng,
        "http" => Engine::Http(template(name, table, has_key)?),
        _ => {
            let needed = |setting: &str, value: &Option<String>| {
                value
                    .clone()
                    .ok_or_else(|| wrong(name, format!("is a tool of an MCP server, and has no `{setting}`"), None))
            };
            Engine::Mcp(Tool {
                name: needed("tool", &table.tool)?,
                argument: table.argument.clone().unwrap_or_else(|| "query".to_owned()),
                count: table.count_argument.clone(),
                operators: table.operators.unwrap_or(false),
                pointers: table.pointers.as_ref().map(|set| pointers(name, set)).transpose()?,
            })
        }
    })
}

fn template(name: &str, table: &ProviderFile, has_key: bool) -> Result<Template, BadConfig> {
    let url = table.url.clone();
    let url = url.ok_or_else(|| wrong(name, "is called over HTTP, and has no `url`", None))?;
    let body = table.body.clone();
    let places = format!("{url} {}", body.as_deref().unwrap_or_default());
    if !places.contains("{query}") {
        return Err(wrong(name, "has no `{query}` in its `url` or its `body`", None));
    }
    if has_key && !places.contains("{key}") {
        let hint = "put it there, or give the key as one of its `headers`".to_owned();
        return Err(wrong(name, "has a key, and no `{key}` in its `url` or its `body`", Some(hint)));
    }
    if body.as_deref().is_some_and(|body| serde_json::from_str::<Value>(&filled(body)).is_err()) {
        let hint = r#"for example {"q": "{query}", "n": {count}}"#.to_owned();
        return Err(wrong(name, "has a `body` that is no JSON", Some(hint)));
    }
    let pointers = table.pointers.as_ref().map(|set| pointers(name, set)).transpose()?.unwrap_or_default();
    Ok(Template { url, body, operators: table.operators.unwrap_or(false), pointers })
}

fn pointers(name: &str, set: &PointersFile) -> Result<Pointers, BadConfig> {
    let usual = Pointers::default();
    let PointersFile { list, url, title, snippet, published } = set.clone();
    let pointers = Pointers {
        list: list.unwrap_or(usual.list),
        url: url.unwrap_or(usual.url),
        title: title.unwrap_or(usual.title),
        snippet: snippet.unwrap_or(usual.snippet),
        published,
    };
    let Pointers { list, url, title, snippet, published } = &pointers;
    for pointer in [list, url, title, snippet].into_iter().chain(published) {
        if !pointer.is_empty() && !pointer.starts_with('/') {
            return Err(wrong(name, format!("has a pointer that is none: `{pointer}`; they begin with `/`"), None));
        }
    }
    Ok(pointers)
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
