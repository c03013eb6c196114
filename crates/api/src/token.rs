//! A token that lets its holder read one run.

use serde::{Deserialize, Serialize};

/// The answer to `POST …/{id}/token`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadToken {
    /// What to give as `?token=`.
    pub token: String,
    /// The one run that it opens.
    pub run_id: String,
    /// When it stops to open it; `None` while the run goes on: an hour after its end.
    pub expires_at: Option<String>,
}
