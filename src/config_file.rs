//! `legwork.toml`: the settings that are the same every time.
//!
//! It comes from `--config`, from `LEGWORK_CONFIG`, or from the platform's configuration folder, and never from the
//! folder one happens to be in: a cloned repository must not decide whom we talk to.

use std::collections::BTreeMap;
use std::io;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::args::{LogArg, OutputArg, RoleArg, SignatureArg};
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
    pub(crate) log: Option<LogArg>,
    pub(crate) server: Option<String>,
    pub(crate) api_key: Option<String>,
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
        for path in &mut self.corpus {
            *path = folder.join(&*path);
        }
        for key in self.accept_keys.iter_mut().chain(&mut self.webhook_secrets) {
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
    fn paths_are_meant_from_where_the_file_is() {
        let text = r#"
            store = "data"
            corpus = ["docs", "/abs"]
            accept_keys = ["@keys.txt", "plain"]
        "#;
        let file = ConfigFile::parse(text).unwrap().beside(Path::new("/etc/legwork"));
        assert_eq!(file.store.as_deref(), Some("/etc/legwork/data"));
        assert_eq!(file.corpus, [PathBuf::from("/etc/legwork/docs"), PathBuf::from("/abs")]);
        assert_eq!(file.accept_keys, ["@/etc/legwork/keys.txt", "plain"]);
    }

    #[test]
    fn the_usual_file_need_not_be_there_and_a_named_one_must() {
        let home = tempfile::tempdir().unwrap();
        let environment = Environment { home: Some(home.path().to_owned()), ..Environment::default() };
        assert_eq!(ConfigFile::find(None, &environment).unwrap(), ConfigFile::default());
        assert!(ConfigFile::find(Some(&home.path().join("none.toml")), &environment).is_err());
    }
}
