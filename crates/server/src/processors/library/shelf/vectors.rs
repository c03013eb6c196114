//! The vectors of a text's passages on the shelf. They are kept by what they are made of, the text and its title, and by
//! the pack that made them, so that a file that is moved or read again costs nothing.

use legwork_embed::{Compact, Embedder};
use rusqlite::{OptionalExtension as _, params};

use super::{Change, Result, Shelf, sql};
use crate::processors::research::Document;

impl Shelf {
    /// The vectors of this document's passages, if this pack has made them. Odd ones are none: they are made anew.
    pub(in super::super) fn vectors(&self, document: &Document, pack: &Embedder) -> Result<Option<Vec<Compact>>> {
        let key = params![document.hash, document.title, pack.fingerprint().cast_signed()];
        let bytes: Option<Vec<u8>> =
            self.database.prepare_cached(sql::VECTORS)?.query_row(key, |row| row.get(0)).optional()?;
        let size = Compact::bytes(pack.dimensions());
        let vectors = |bytes: Vec<u8>| {
            let all: Option<Vec<Compact>> =
                bytes.chunks(size).map(|chunk| Compact::from_bytes(chunk, pack.dimensions())).collect();
            all.filter(|all| all.len() == document.passages.len())
        };
        Ok(bytes.and_then(vectors))
    }

    /// Forgets what other packs made, and what was made of texts that are gone.
    pub(in super::super) fn forget_vectors(&self, pack: &Embedder) -> Result<()> {
        self.database.execute(sql::FORGET_VECTORS, [pack.fingerprint().cast_signed()])?;
        Ok(())
    }
}

impl Change<'_> {
    /// Keeps the vectors of this document's passages.
    pub(in super::super) fn keep_vectors(
        &self,
        document: &Document,
        pack: &Embedder,
        vectors: &[Compact],
    ) -> Result<()> {
        let bytes: Vec<u8> = vectors.iter().flat_map(Compact::to_bytes).collect();
        let pack = pack.fingerprint().cast_signed();
        self.0.prepare_cached(sql::KEEP_VECTORS)?.execute(params![document.hash, document.title, pack, bytes])?;
        Ok(())
    }
}
