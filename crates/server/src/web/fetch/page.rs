//! What comes of fetching: a page, or why there is none. Both are kept with the run that asked for them.

use std::time::Duration;

use legwork_core::time::Micros;
use serde::{Deserialize, Serialize};

/// A page as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The address that was asked for.
    pub url: String,
    /// The one that answered, after all redirects.
    pub final_url: String,
    /// SHA-256 of the text, in lower-case hexadecimal: the name under which a source is kept.
    pub hash: String,
    /// What it is called.
    pub title: String,
    /// What stands on it, as a reader sees it.
    pub text: String,
    /// When it was read, or found to be unchanged.
    pub fetched_at: Micros,
    /// When it says that it was published: `YYYY-MM-DD`.
    pub published: Option<String>,
    /// What kind of document it is: `html`, `pdf`, `csv`, …
    pub kind: String,
    /// There is more than was read: it is too long, a part of it cannot be read, or only subscribers see the rest.
    pub truncated: bool,
    /// Where the links in its text lead, in their order, each once; only http and https, and no more than a hundred.
    pub links: Vec<Link>,
}

/// A link in a page's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Where it leads.
    pub url: String,
    /// What it says.
    pub text: String,
}

/// Why there is no page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{why}")]
pub struct Trouble {
    /// What kind of trouble it is, for programs.
    pub class: Class,
    /// What it is, for people.
    pub why: String,
    /// The host asks to be left alone for so many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

/// A kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// It is no address of a page.
    Address,
    /// This server may not go there.
    Forbidden,
    /// Robots are asked to stay away.
    Robots,
    /// Nobody answers there, or not to the end.
    Unreachable,
    /// The answer is an error by its status, or one that leads nowhere.
    Status,
    /// There is more than may be read, and a part of it is of no use.
    TooLarge,
    /// It is nothing that has a text, or none that can be read.
    NotText,
    /// It is an error page, a wall before the page, or empty.
    NoPage,
    /// It took too long, or its turn did not come in time.
    Time,
}

impl Trouble {
    pub(super) fn new(class: Class, why: impl Into<String>) -> Self {
        Self { class, why: why.into(), retry_after: None }
    }

    pub(super) fn after(self, wait: Option<Duration>) -> Self {
        Self { retry_after: wait.map(|wait| wait.as_secs()), ..self }
    }
}
