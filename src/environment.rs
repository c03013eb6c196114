//! What the environment says that is no setting of ours: where things are kept on this platform, and the variables of
//! the official SDKs. Read once, so that everything after it is a function of its arguments.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;

use legwork_api::secret::Secret;

use crate::resolve::key_variables;

/// What the variables of search providers begin with.
const SEARCH: &str = "LEGWORK_SEARCH_";
/// Where vendors' own tools look for their keys.
const VENDORS: [&str; 5] = ["BRAVE_API_KEY", "TAVILY_API_KEY", "EXA_API_KEY", "SERPER_API_KEY", "KAGI_API_KEY"];

/// The parts of the environment that matter here; an empty variable is none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// `HOME`.
    pub(crate) home: Option<PathBuf>,
    /// `XDG_DATA_HOME`.
    pub(crate) xdg_data: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`.
    pub(crate) xdg_config: Option<PathBuf>,
    /// `PARALLEL_BASE_URL`.
    pub(crate) parallel_base_url: Option<String>,
    /// `PARALLEL_API_KEY`.
    pub(crate) parallel_api_key: Option<String>,
    /// `LEGWORK_ACCEPT_KEYS`, for the commands that have no flag for it.
    pub(crate) accept_keys: Option<String>,
    /// What lies in the variables in which people keep keys for language models, by their names.
    pub(crate) model_keys: BTreeMap<&'static str, Secret>,
    /// `LEGWORK_SEARCH`, for the commands that have no flag for it.
    pub(crate) search: Option<String>,
    /// What follows `LEGWORK_SEARCH_` in the names of variables, and what they say.
    pub(crate) search_settings: BTreeMap<String, String>,
    /// The variables of search vendors that are set.
    pub(crate) search_keys: BTreeMap<&'static str, String>,
}

impl Environment {
    pub(crate) fn read() -> Self {
        let text = |name| env::var(name).ok().filter(|value| !value.is_empty());
        // What is not absolute is to be ignored, says the XDG specification.
        let folder = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        Self {
            home: folder("HOME"),
            xdg_data: folder("XDG_DATA_HOME"),
            xdg_config: folder("XDG_CONFIG_HOME"),
            parallel_base_url: text("PARALLEL_BASE_URL"),
            parallel_api_key: text("PARALLEL_API_KEY"),
            accept_keys: text("LEGWORK_ACCEPT_KEYS"),
            model_keys: key_variables()
                .filter_map(|(_, variable)| Some((variable, Secret::from(text(variable)?))))
                .collect(),
            search: text("LEGWORK_SEARCH"),
            search_settings: env::vars_os()
                .filter_map(|(name, value)| {
                    let setting = name.to_str()?.strip_prefix(SEARCH)?.to_owned();
                    Some((setting, value.into_string().ok().filter(|value| !value.is_empty())?))
                })
                .collect(),
            search_keys: VENDORS.into_iter().filter_map(|name| Some((name, text(name)?))).collect(),
        }
    }

    /// Where legwork keeps its data on this platform; `None` when nobody is at home.
    pub(crate) fn data_folder(&self) -> Option<PathBuf> {
        self.folder(self.xdg_data.as_ref(), ".local/share")
    }

    /// Where legwork's settings are on this platform.
    pub(crate) fn config_folder(&self) -> Option<PathBuf> {
        self.folder(self.xdg_config.as_ref(), ".config")
    }

    fn folder(&self, xdg: Option<&PathBuf>, usual: &str) -> Option<PathBuf> {
        let usual = if cfg!(target_os = "macos") { "Library/Application Support" } else { usual };
        let folder = xdg.cloned().or_else(|| Some(self.home.as_ref()?.join(usual)))?;
        Some(folder.join("legwork"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(not(target_os = "macos"))]
    fn data_lies_where_the_platform_has_it() {
        let home = Environment { home: Some("/home/ada".into()), ..Environment::default() };
        assert_eq!(home.data_folder(), Some("/home/ada/.local/share/legwork".into()));
        assert_eq!(home.config_folder(), Some("/home/ada/.config/legwork".into()));
        let moved = Environment { xdg_data: Some("/data".into()), ..home };
        assert_eq!(moved.data_folder(), Some("/data/legwork".into()));
        assert_eq!(Environment::default().data_folder(), None);
    }
}
