//! Texts that were cited, kept as they were read: a citation can be opened when its file has long changed or gone.
//!
//! One file a text, named by the hash of it, beside the store. Nothing here is ever changed or thrown away.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use legwork_core::time::Micros;
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::processors::research::{Document, hash_of};

const ENDING: &str = ".json.gz";

/// A text that can be cited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// SHA-256 of the text, in lower-case hexadecimal.
    pub hash: String,
    /// Its address.
    pub url: String,
    /// What it is called.
    pub title: String,
    /// The text, as it was read.
    pub text: String,
    /// When it was read; `None` when it came with the program.
    pub retrieved_at: Option<Micros>,
}

impl From<&Document> for Source {
    fn from(document: &Document) -> Self {
        Self {
            hash: document.hash.clone(),
            url: document.url.clone(),
            title: document.title.clone(),
            text: document.text.as_ref().to_owned(),
            retrieved_at: document.read_at,
        }
    }
}

/// The folder of the texts that were cited.
#[derive(Debug)]
pub(crate) struct Cited {
    folder: PathBuf,
    /// Those of which is known that they are there.
    kept: Mutex<HashSet<String>>,
}

impl Cited {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, kept: Mutex::default() }
    }

    /// Those that lie in the folder of this store.
    pub(crate) fn of(store: &Path) -> Self {
        Self::new(super::home_in(store).join("cited"))
    }

    /// Every text, in the order of the hashes. One that cannot be read is left out, as it is for who asks for it, and said.
    pub(crate) fn all(&self) -> io::Result<impl Iterator<Item = Source>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries.collect::<Result<Vec<_>, _>>()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let name = |entry: fs::DirEntry| entry.file_name().to_str()?.strip_suffix(ENDING).map(str::to_owned);
        let mut hashes: Vec<_> = entries.into_iter().filter_map(name).collect();
        hashes.sort();
        Ok(hashes.into_iter().filter_map(|hash| {
            let found = self.find(&hash);
            if found.is_none() {
                warn!(hash, "a cited text cannot be read and is left out");
            }
            found
        }))
    }

    /// Keeps a text that was cited elsewhere; `false` if its hash is not that of the text.
    pub(crate) fn take(&self, source: &Source) -> io::Result<bool> {
        if hash_of(&source.text) != source.hash {
            return Ok(false);
        }
        let path = self.path(&source.hash);
        if !path.exists() {
            fs::create_dir_all(&self.folder)?;
            self.write(&path, source)?;
        }
        Ok(true)
    }

    /// Keeps a text for good. When this returns, it is on disk.
    pub(super) fn keep(&self, document: &Document) -> io::Result<()> {
        if self.known().contains(&document.hash) {
            return Ok(());
        }
        let path = self.path(&document.hash);
        if !path.exists() {
            fs::create_dir_all(&self.folder)?;
            self.write(&path, &Source::from(document))?;
        }
        self.known().insert(document.hash.clone());
        Ok(())
    }

    fn write(&self, path: &Path, source: &Source) -> io::Result<()> {
        // Two that cite the same text at the same time write the same, each its own draft.
        let draft = self.folder.join(format!("{}.new", uuid::Uuid::new_v4().simple()));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        let mut packer = GzEncoder::new(file, Compression::fast());
        packer.write_all(&serde_json::to_vec(source)?)?;
        packer.finish()?.sync_data()?;
        fs::rename(draft, path)
    }

    /// The text of this hash, if it was cited.
    pub(super) fn find(&self, hash: &str) -> Option<Source> {
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let source = read(&self.path(Some(hash).filter(|_| is_hash)?))?;
        (hash_of(&source.text) == source.hash).then_some(source)
    }

    /// The text that was cited under this address; of several the one that was read last.
    pub(super) fn find_at(&self, url: &str) -> Option<Source> {
        let entries = fs::read_dir(&self.folder).ok()?.filter_map(Result::ok).map(|entry| entry.path());
        let kept = entries.filter(|path| path.to_string_lossy().ends_with(ENDING)).filter_map(|path| read(&path));
        kept.filter(|source| source.url == url).max_by_key(|source| source.retrieved_at)
    }

    fn path(&self, hash: &str) -> PathBuf {
        self.folder.join(format!("{hash}{ENDING}"))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        // A set of names is whole whoever broke down while holding it.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(path: &Path) -> Option<Source> {
    let mut text = Vec::new();
    GzDecoder::new(File::open(path).ok()?).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

#[cfg(test)]
mod tests {
    use crate::processors::research::Corpus;

    use super::*;

    #[test]
    fn a_text_that_was_cited_is_found_by_its_hash_and_its_address() {
        let home = tempfile::tempdir().unwrap();
        let corpus = Corpus::factbook();
        let document = &corpus.documents()[7];
        let cited = Cited::new(home.path().join("cited"));
        assert_eq!(cited.find(&document.hash), None);
        cited.keep(document).unwrap();
        cited.keep(document).unwrap();
        let again = Cited::new(home.path().join("cited"));
        assert_eq!(again.find(&document.hash), Some(Source::from(document)));
        assert_eq!(again.find_at(&document.url).unwrap().title, document.title);
        assert_eq!(fs::read_dir(home.path().join("cited")).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_hash_opens_no_file() {
        let home = tempfile::tempdir().unwrap();
        let cited = Cited::new(home.path().join("cited"));
        for odd in ["", "..", "../../etc/passwd", &"g".repeat(64)] {
            assert_eq!(cited.find(odd), None, "{odd}");
        }
    }
}
