//! The researcher that needs no key: it answers from an embedded corpus and the operator's own documents.
//!
//! It extracts, it never writes from memory: every answer is a piece of a stored text and cites it word for word. What
//! is not in the corpus is said to be not found. Everything here is synchronous and pure.

mod amount;
mod auto;
mod bag;
mod cite;
mod contest;
mod corpus;
mod desk;
mod document;
mod extract;
mod factbook;
mod facts;
mod fields;
mod gloss;
mod index;
mod inverse;
mod json;
mod meaning;
mod names;
mod note;
mod part;
mod passages;
mod pick;
mod plan;
mod polar;
mod policy;
mod question;
mod rank;
pub(super) mod reader;
mod relate;
mod roots;
mod schema;
mod text;

#[cfg(test)]
mod measure;
#[cfg(test)]
mod regression;
#[cfg(test)]
mod stories;

pub(super) use auto::wants_json;
pub(super) use bag::{Bag, put, take};
pub(super) use corpus::Base;
pub use corpus::Corpus;
pub(super) use desk::question_of;
pub use desk::research;
pub use document::Document;
pub(super) use document::{Passage, host_of, percent_encoded};
pub use factbook::FACTBOOK;
pub(super) use index::Index;
pub use note::Note;
pub(super) use passages::passages;
pub(super) use pick::typed as pick_typed;
pub(super) use policy::allows;
pub(super) use roots::roots;
pub(super) use schema::{Kind, Schema};
pub(super) use text::{content_stems, content_words, fold, stem};
