//! Sentences as vectors: what means alike lies close. The weights are a folder in the form in which sentence encoders
//! of the BERT family are handed out (`model.safetensors`, `tokenizer.json`, `config.json`), for example
//! all-MiniLM-L6-v2; nothing is ever fetched. The network is small enough to be written out here, so that it costs a
//! build three small packages and not a framework.

mod bert;
mod config;
mod open;
#[cfg(test)]
mod tests;
pub mod tiny;
mod vector;
mod weights;
mod wordpiece;

use std::fmt;
use std::path::Path;

use bert::Bert;
pub use open::OpenError;
pub use vector::{Compact, Vector};
use wordpiece::WordPiece;

/// So many tokens go through the network at once: enough that the weights are read for many rows, little enough that
/// what lies between the layers stays a few megabytes.
const TOKENS_AT_ONCE: usize = 512;

/// Turns texts into vectors. Many threads may use it at the same time; each call works on its own thread alone.
pub struct Embedder {
    words: WordPiece,
    network: Bert,
    /// Tokens of a text that are looked at, with the two that stand around it.
    limit: usize,
    fingerprint: u64,
}

impl Embedder {
    /// Reads the pack in this folder, about as many bytes as its weights have (91 MB for all-MiniLM-L6-v2), which
    /// stay in memory.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        open::open(folder)
    }

    /// How many numbers a vector has.
    pub fn dimensions(&self) -> usize {
        self.network.dimensions()
    }

    /// Which pack this is: other files, or another way of computing with them, have another number. Vectors of
    /// different packs cannot be compared.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The vectors of these texts, in their order, each of length 1. What lies behind the model's limit of tokens (256
    /// for all-MiniLM-L6-v2) has no part in it. The vector of a text does not depend on the others.
    pub fn embed(&self, texts: &[&str]) -> Vec<Vector> {
        let mut rows = Vec::with_capacity(texts.len());
        let (mut batch, mut tokens): (Vec<Vec<u32>>, usize) = (Vec::new(), 0);
        for text in texts {
            let ids = self.words.ids(text, self.limit);
            if !batch.is_empty() && tokens + ids.len() > TOKENS_AT_ONCE {
                rows.extend(self.network.pooled(&batch));
                batch.clear();
                tokens = 0;
            }
            tokens += ids.len();
            batch.push(ids);
        }
        if !batch.is_empty() {
            rows.extend(self.network.pooled(&batch));
        }
        rows.into_iter().map(Vector::unit).collect()
    }
}

impl fmt::Debug for Embedder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedder").field("dimensions", &self.dimensions()).finish_non_exhaustive()
    }
}
