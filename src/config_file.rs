//! `legwork.toml`: the settings that are the same every time.
//!
//! It comes from `--config`, from `LEGWORK_CONFIG`, or from the platform's configuration folder, and never from the
//! folder one happens to be in: a cloned repository must not decide whom we talk to.

use std::collections::BTreeMap;
use std::io;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};

use legwork_server::config::Override;
use serde::Deserialize;

use crate::args::{LogArg, OutputArg, PriceArg, RoleArg, SignatureArg};
use crate::environment::Environment;
use crate::expiry::Length;
use crate::resolve::BadConfig;

/// What a settings file may say. A key that is none of these is an error, so that a slip does not go unnoticed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ConfigFile {
    pub(crate) listen: Option<String>,
    pub(crate) public_url: Option<String>,
    pub(crate) accept_keys: Vec<String>,
    pub(crate) cors_origins: Vec<String>,
    pub(crate) store: Option<String>,
    pub(crate) corpus: Vec<PathBuf>,
    pub(crate) embeddings: Option<PathBuf>,
    pub(crate) calibration: Option<PathBuf>,
    pub(crate) role: Option<RoleArg>,
    pub(crate) slots: Option<usize>,
    pub(crate) processor_slots: BTreeMap<String, usize>,
    pub(crate) key_slots: Option<NonZeroUsize>,
    pub(crate) retain: Option<Length>,
    pub(crate) creates_per_minute: Option<NonZeroU32>,
    pub(crate) drain: Option<u64>,
    pub(crate) heartbeat: Option<f64>,
    pub(crate) stream_limit: Option<f64>,
    pub(crate) webhook_secrets: Vec<String>,
    pub(crate) webhook_signature: Option<SignatureArg>,
    pub(crate) webhook_output: Option<OutputArg>,
    pub(crate) allow_private_targets: bool,
    pub(crate) allow_targets: Vec<String>,
    pub(crate) search: SearchFile,
    pub(crate) fetch: FetchFile,
    pub(crate) log: Option<LogArg>,
    pub(crate) server: Option<String>,
    pub(crate) api_key: Option<String>,
    pub(crate) llm: LlmFile,
    /// `[tiers.NAME]`: what a processor may spend, where that is not what is usual.
    pub(crate) tiers: BTreeMap<String, Override>,
    pub(crate) record: Option<PathBuf>,
    pub(crate) replay: Option<PathBuf>,
    pub(crate) ask_back: bool,
}

/// `[llm]`: which language models are asked.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LlmFile {
    pub(crate) provider: Option<String>,
    pub(crate) base_url: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) api_key: Option<String>,
    pub(crate) concurrency: Option<NonZeroUsize>,
    pub(crate) context: Option<NonZeroU32>,
    pub(crate) timeout: Option<f64>,
    pub(crate) prices: BTreeMap<String, PriceArg>,
    pub(crate) reader: LlmRoleFile,
    pub(crate) planner: LlmRoleFile,
    pub(crate) writer: LlmRoleFile,
}

/// `[llm.reader]` and its like: another model for one role.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LlmRoleFile {
    pub(crate) provider: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) api_key: Option<String>,
}

/// `[search]`: who is asked to search the web, and a table for each.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct SearchFile {
    /// Those that are asked; without it all that have a table.
    #[serde(rename = "use")]
    pub(crate) used: Option<Vec<String>>,
    #[serde(flatten)]
    pub(crate) providers: BTreeMap<String, ProviderFile>,
}

/// `[search.NAME]`: what is to be said of one provider. Not every kind knows all of it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ProviderFile {
    pub(crate) kind: Option<String>,
    pub(crate) base_url: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) weight: Option<f64>,
    pub(crate) per_second: Option<f64>,
    pub(crate) at_once: Option<NonZeroUsize>,
    pub(crate) text: Option<bool>,
    pub(crate) language: Option<String>,
    pub(crate) contact: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) operators: Option<bool>,
    pub(crate) tool: Option<String>,
    pub(crate) argument: Option<String>,
    pub(crate) count_argument: Option<String>,
    pub(crate) pointers: Option<PointersFile>,
}

/// Where results stand in an answer, as JSON pointers.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PointersFile {
    pub(crate) list: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) snippet: Option<String>,
    pub(crate) published: Option<String>,
}

/// How pages are fetched: the table `[fetch]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FetchFile {
    pub(crate) allow_hosts: Vec<String>,
    pub(crate) ignore_robots: bool,
    pub(crate) contact: Option<String>,
}

impl ConfigFile {
    /// Reads the file that was named, which must be there, or the usual one, which need not.
    pub(crate) fn find(named: Option<&Path>, environment: &Environment) -> Result<Self, BadConfig> {
        if let Some(path) = named {
            return Self::read(path);
        }
        let Some(path) = environment.config_folder().map(|folder| folder.join("legwork.toml")) else {
            return Ok(Self::default());
        };
        match Self::read(&path) {
            Err(BadConfig::NoFile { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            read => read,
        }
    }

    fn read(path: &Path) -> Result<Self, BadConfig> {
        let text =
            std::fs::read_to_string(path).map_err(|source| BadConfig::NoFile { path: path.to_owned(), source })?;
        let file = Self::parse(&text).map_err(|error| BadConfig::File { path: path.to_owned(), why: error })?;
        Ok(file.beside(path.parent().unwrap_or(Path::new(""))))
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())
    }

    /// Paths in the file are meant from where the file is, wherever the command is started.
    fn beside(mut self, folder: &Path) -> Self {
        let embeddings = &mut self.embeddings;
        for path in self
            .corpus
            .iter_mut()
            .chain(embeddings)
            .chain(&mut self.calibration)
            .chain(&mut self.record)
            .chain(&mut self.replay)
        {
            *path = folder.join(&*path);
        }
        let LlmFile { api_key, reader, planner, writer, .. } = &mut self.llm;
        let models = [api_key, &mut reader.api_key, &mut planner.api_key, &mut writer.api_key];
        let searches = self.search.providers.values_mut().filter_map(|provider| provider.key.as_mut());
        let keys = self.accept_keys.iter_mut().chain(&mut self.webhook_secrets).chain(searches);
        for key in keys.chain(models.into_iter().flatten()) {
            if let Some(path) = key.strip_prefix('@') {
                *key = format!("@{}", folder.join(path).display());
            }
        }
        if let Some(store) = self.store.as_mut().filter(|store| !store.contains("://")) {
            *store = folder.join(&*store).display().to_string();
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_nobody_knows_is_an_error() {
        let error = ConfigFile::parse("slots = 3\nsolts = 4\n").unwrap_err();
        assert!(error.contains("solts") && error.contains("slots"), "{error}");
    }

    #[test]
    fn the_slots_of_processors_are_a_table() {
        let file =
            ConfigFile::parse("creates_per_minute = 2000\nkey_slots = 8\n[processor_slots]\nultra = 2\npro-fast = 0\n")
                .unwrap();
        assert_eq!(file.creates_per_minute.map(NonZeroU32::get), Some(2000));
        assert_eq!(file.key_slots.map(NonZeroUsize::get), Some(8));
        assert_eq!(file.processor_slots, BTreeMap::from([("ultra".to_owned(), 2), ("pro-fast".to_owned(), 0)]));
        assert!(ConfigFile::parse("creates_per_minute = 0\n").is_err());
        assert!(ConfigFile::parse("key_slots = 0\n").is_err());
    }

    #[test]
    fn language_models_are_a_table_with_one_for_each_role() {
        let text = r#"
            [llm]
            provider = "ollama"
            model = "qwen3:8b"
            context = 32768
            [llm.writer]
            provider = "openai"
            model = "gpt-5"
            [llm.prices]
            "gpt-5" = { input = 1.25, output = 10.0 }
        "#;
        let llm = ConfigFile::parse(text).unwrap().llm;
        assert_eq!((llm.provider.as_deref(), llm.writer.model.as_deref()), (Some("ollama"), Some("gpt-5")));
        assert_eq!(llm.prices["gpt-5"], PriceArg { input: 1.25, output: 10.0 });
        assert!(ConfigFile::parse("[llm]\nmodle = \"x\"\n").unwrap_err().contains("modle"));
    }

    #[test]
    fn providers_of_search_have_a_table_each() {
        let text = r#"
            [search]
            use = ["brave", "ours"]
            [search.brave]
            key = "@brave.key"
            [search.ours]
            kind = "http"
            url = "https://search.example/?q={query}"
            pointers = { list = "/items" }
        "#;
        let search = ConfigFile::parse(text).unwrap().beside(Path::new("/etc/legwork")).search;
        assert_eq!(search.used, Some(vec!["brave".to_owned(), "ours".to_owned()]));
        assert_eq!(search.providers["brave"].key.as_deref(), Some("@/etc/legwork/brave.key"));
        assert_eq!(search.providers["ours"].pointers.as_ref().unwrap().list.as_deref(), Some("/items"));
        for odd in ["[search.brave]\nkye = 'a'", "[search]\nbrave = 'a'", "search = ['brave']", "[search]\nuse = 'a'"] {
            assert!(ConfigFile::parse(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn how_pages_are_fetched_is_a_table() {
        let text = "[fetch]\nallow_hosts = [\"wiki.lan\"]\nignore_robots = true\ncontact = \"https://example.com\"\n";
        let fetch = ConfigFile::parse(text).unwrap().fetch;
        assert_eq!((fetch.allow_hosts, fetch.ignore_robots), (vec!["wiki.lan".to_owned()], true));
        assert_eq!(fetch.contact.as_deref(), Some("https://example.com"));
        assert!(ConfigFile::parse("[fetch]\nallow_host = []\n").is_err());
    }

    #[test]
    fn paths_are_meant_from_where_the_file_is() {
        let text = r#"
            store = "data"
            corpus = ["docs", "/abs"]
            calibration = "calibration.json"
            embeddings = "minilm"
            accept_keys = ["@keys.txt", "plain"]
            [llm.writer]
            api_key = "@writer.key"
        "#;
        let file = ConfigFile::parse(text).unwrap().beside(Path::new("/etc/legwork"));
        assert_eq!(file.store.as_deref(), Some("/etc/legwork/data"));
        assert_eq!(file.corpus, [PathBuf::from("/etc/legwork/docs"), PathBuf::from("/abs")]);
        assert_eq!(file.embeddings, Some(PathBuf::from("/etc/legwork/minilm")));
        assert_eq!(file.calibration, Some(PathBuf::from("/etc/legwork/calibration.json")));
        assert_eq!(file.accept_keys, ["@/etc/legwork/keys.txt", "plain"]);
        assert_eq!(file.llm.writer.api_key.as_deref(), Some("@/etc/legwork/writer.key"));
    }

    #[test]
    fn the_usual_file_need_not_be_there_and_a_named_one_must() {
        let home = tempfile::tempdir().unwrap();
        let environment = Environment { home: Some(home.path().to_owned()), ..Environment::default() };
        assert_eq!(ConfigFile::find(None, &environment).unwrap(), ConfigFile::default());
        assert!(ConfigFile::find(Some(&home.path().join("none.toml")), &environment).is_err());
    }
}
