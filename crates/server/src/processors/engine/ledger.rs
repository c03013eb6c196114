//! What was found so far: the texts that were read, and what is proved by them. Grows only; nothing in it is a model's word.

use std::ops::Range;
use std::sync::Arc;

use legwork_core::output::Confidence;

use super::super::research::{Document, host_of, passages};
use super::brief::Brief;
use super::honest::{Class, Date, Fresh, class_of};

/// What the web is called among the collections that documents belong to.
pub(super) const WEB: &str = "web";

/// A text that was read.
#[derive(Clone, Debug)]
pub(in crate::processors) struct Source {
    /// The text, with its passages.
    pub(super) document: Document,
    /// Which engines and tools led there; the caller's own tools among them.
    pub(super) by_tool: bool,
}

impl Source {
    /// A text that an earlier run cited.
    pub(in crate::processors) fn kept(kept: crate::source::Source) -> Self {
        let document = Document {
            hash: kept.hash,
            corpus: WEB.to_owned(),
            host: host_of(&kept.url),
            url: kept.url,
            title: kept.title,
            passages: passages(&kept.text).into(),
            text: Arc::from(kept.text),
            read_at: kept.retrieved_at,
            published: kept.published,
            entity: None,
        };
        Self { document, by_tool: false }
    }

    /// A document of this server that an earlier run cited.
    pub(in crate::processors) fn own(document: Document) -> Self {
        Self { document, by_tool: false }
    }

    /// Whether it is a document of the operator's, or of this program.
    pub(super) fn is_own(&self) -> bool {
        !self.by_tool && self.document.corpus != WEB
    }
}

/// A value, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Evidence {
    /// Names it within the run, from 1.
    pub(super) id: u32,
    /// Which field it is for: a place in the brief's list.
    pub(super) field: usize,
    /// Which item of a list it belongs to.
    pub(super) item: Option<String>,
    /// The value as it was read.
    pub(super) value: String,
    /// Which source: a place in the ledger's list.
    pub(super) source: usize,
    /// Where the quote stands in it, to the bounds of its sentences: what is published.
    pub(super) excerpt: Range<usize>,
    /// Whether every number and at least half of the names of the question stand in the passage or the title.
    pub(super) anchored: bool,
    /// Whether the value was computed from what the excerpt says.
    pub(super) computed: bool,
    /// Whether the passage speaks to whoever reads it as if it were its master.
    pub(super) suspicious: bool,
    /// Which of several passes found it.
    pub(super) pass: u32,
    /// How far its sentence can be trusted by its words alone, when no model read it.
    pub(super) by_words: Option<Confidence>,
}

/// A source that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unread {
    pub(super) url: String,
    pub(super) why: String,
}

/// All that a run knows.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    pub(super) sources: Vec<Arc<Source>>,
    pub(super) evidence: Vec<Evidence>,
    pub(super) unread: Vec<Unread>,
    /// Addresses that were considered.
    pub(super) considered: u32,
}

impl Ledger {
    /// Adds a text unless it is there: by its address or word for word. Says where it is.
    pub(super) fn add_source(&mut self, source: Source) -> usize {
        let same = |known: &Arc<Source>| {
            known.document.hash == source.document.hash || known.document.url == source.document.url
        };
        if let Some(at) = self.sources.iter().position(same) {
            return at;
        }
        self.sources.push(Arc::new(source));
        self.sources.len() - 1
    }

    /// Adds what was proved, unless the very same is there: one value at one place for one field. True if it is news.
    pub(super) fn prove(&mut self, mut evidence: Evidence) -> bool {
        let same = |known: &Evidence| {
            known.field == evidence.field
                && known.item == evidence.item
                && known.source == evidence.source
                && known.value == evidence.value
        };
        if self.evidence.iter().any(same) {
            return false;
        }
        evidence.id = u32::try_from(self.evidence.len() + 1).unwrap_or(u32::MAX);
        self.evidence.push(evidence);
        true
    }

    /// The words that are published for a piece of evidence.
    pub(super) fn excerpt(&self, evidence: &Evidence) -> &str {
        let text = &self.sources[evidence.source].document.text;
        text.get(evidence.excerpt.clone()).unwrap_or_default()
    }

    /// What kind of source a piece of evidence comes from.
    pub(super) fn class(&self, brief: &Brief, evidence: &Evidence) -> Class {
        let source = &self.sources[evidence.source];
        if source.by_tool || source.is_own() {
            // The caller's own tool and the operator's own documents are what they are asked for.
            return Class::Primary;
        }
        class_of(&source.document.url, brief.subject.as_deref(), &[])
    }

    /// Whether the page of a piece of evidence is young enough for the question; `None` if that cannot be told.
    pub(super) fn age(&self, brief: &Brief, evidence: &Evidence) -> Option<bool> {
        let today = Date::of(&brief.today)?;
        let published = self.sources[evidence.source].document.published.as_deref().and_then(Date::of);
        Fresh::of(&brief.question, today).is_met(published, today)
    }

    /// The title and address of a source.
    pub(super) fn document(&self, evidence: &Evidence) -> &Document {
        &self.sources[evidence.source].document
    }
}
