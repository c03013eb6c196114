//! Texts that were cited, kept in the store as they were read: a citation can be opened when its file has long changed
//! or gone, and at every server that has the store.
//!
//! Each lies there under the hash of it, packed. None is ever changed or thrown away.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use legwork_core::source::KeptSource;
use legwork_core::store::{Store, StoreError};
use tokio::task::spawn_blocking;

use crate::processors::research::Document;
use crate::source::Source;

impl From<&Document> for Source {
    fn from(document: &Document) -> Self {
        Self {
            hash: document.hash.clone(),
            url: document.url.clone(),
            title: document.title.clone(),
            text: document.text.as_ref().to_owned(),
            retrieved_at: document.read_at,
            published: document.published.clone(),
        }
    }
}

/// The texts that were cited, in a store.
pub(super) struct Cited {
    store: Arc<dyn Store>,
    /// The hashes of those that this process knows to be there.
    kept: Mutex<HashSet<String>>,
}

impl Cited {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, kept: Mutex::default() }
    }

    /// Keeps texts for good. When this returns, they are on disk.
    pub(super) async fn keep(&self, documents: Vec<Document>) -> Result<(), StoreError> {
        let mut hashes = HashSet::new();
        let new: Vec<_> = {
            let kept = self.kept();
            let is_new = |one: &Document| !kept.contains(&one.hash) && hashes.insert(one.hash.clone());
            documents.into_iter().filter(is_new).collect()
        };
        if new.is_empty() {
            return Ok(());
        }
        // Texts may be long. The store does not go along: it is closed when the server stops, whoever still packs.
        let pack = move || new.iter().map(|document| Source::from(document).packed()).collect::<io::Result<Vec<_>>>();
        let packed = spawn_blocking(pack).await.map_err(|gone| StoreError::Unavailable(gone.into()))?;
        self.store.keep_sources(packed.map_err(|error| StoreError::Unavailable(error.into()))?).await?;
        self.kept().extend(hashes);
        Ok(())
    }

    /// The text of this hash, if it was cited.
    pub(super) async fn find(&self, hash: &str) -> Result<Option<Source>, StoreError> {
        match bytes_of(hash) {
            Some(hash) => self.store.source(&hash).await?.as_ref().map(opened).transpose(),
            None => Ok(None),
        }
    }

    /// The text that was cited under this address; of several the one that was read last.
    pub(super) async fn find_at(&self, url: &str) -> Result<Option<Source>, StoreError> {
        self.store.source_at(url).await?.as_ref().map(opened).transpose()
    }

    fn kept(&self) -> MutexGuard<'_, HashSet<String>> {
        // A set of names is whole whoever broke down while holding it.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn opened(kept: &KeptSource) -> Result<Source, StoreError> {
    let damaged = || StoreError::Inconsistent(format!("the text that was cited at {:?} is damaged", kept.url));
    Source::unpacked(&kept.body).ok_or_else(damaged)
}

/// A hash as bytes, if it is one.
fn bytes_of(hash: &str) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = hash.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, [high, low]) in bytes.iter_mut().zip(digits.as_chunks().0) {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use crate::processors::research::Corpus;
    use crate::source::hash_of;
    use crate::testing::store_in;

    use super::*;

    #[tokio::test]
    async fn a_text_that_was_cited_is_found_by_its_hash_and_its_address() {
        let home = tempfile::tempdir().unwrap();
        let corpus = Corpus::factbook();
        let (one, other) = (&corpus.documents()[7], &corpus.documents()[8]);
        {
            let cited = Cited::new(store_in(home.path()));
            assert_eq!(cited.find(&one.hash).await.unwrap(), None);
            cited.keep(vec![one.clone(), one.clone()]).await.unwrap();
            cited.keep(vec![one.clone(), other.clone()]).await.unwrap();
        }
        let again = Cited::new(store_in(home.path()));
        again.keep(vec![one.clone()]).await.unwrap();
        for document in [one, other] {
            assert_eq!(again.find(&document.hash).await.unwrap(), Some(Source::from(document)));
            assert_eq!(again.find_at(&document.url).await.unwrap().unwrap().title, document.title);
        }
    }

    #[tokio::test]
    async fn what_is_no_hash_finds_nothing() {
        let home = tempfile::tempdir().unwrap();
        let cited = Cited::new(store_in(home.path()));
        for odd in ["", "..", "../../etc/passwd", &"g".repeat(64), &"+1".repeat(32), &"ü".repeat(32)] {
            assert_eq!(cited.find(odd).await.unwrap(), None, "{odd}");
        }
    }

    #[tokio::test]
    async fn a_damaged_text_is_not_shown() {
        let home = tempfile::tempdir().unwrap();
        let store = store_in(home.path());
        let text = "One.".to_owned();
        let (url, title) = ("corpus:notes/a.md".to_owned(), "A".to_owned());
        let source = Source { hash: hash_of(&text), url, title, text, retrieved_at: None, published: None };
        let other = Source { text: "Uno.".to_owned(), ..source.clone() }.packed().unwrap();
        let kept = KeptSource { body: other.body, ..source.packed().unwrap() };
        store.keep_sources(vec![kept]).await.unwrap();
        let refused = Cited::new(store).find(&source.hash).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the store holds something that cannot be: the text that was cited at \"corpus:notes/a.md\" is damaged"
        );
    }
}
