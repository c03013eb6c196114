//! Which documents a task may use.

use legwork_core::task::SourcePolicy;

use super::document::Document;

/// Whether the policy allows the document.
pub(in crate::processors) fn allows(policy: &SourcePolicy, document: &Document, edition: &str) -> bool {
    let path = document.url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    !is_older(policy, document, edition) && policy.allows(document.host.as_deref(), path)
}

/// The Factbook is as old as its edition; how old the operator's documents are is not known.
fn is_older(policy: &SourcePolicy, document: &Document, edition: &str) -> bool {
    let after = policy.after_date.as_deref().and_then(|date| date.get(..4));
    document.entity.is_some() && after.is_some_and(|year| year > edition)
}
