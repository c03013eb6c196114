//! Cited texts that an earlier build kept as files, one a text: they are moved into the store.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use legwork_core::source::KeptSource;
use legwork_core::store::Store;
use tokio::task::spawn_blocking;
use tracing::{info, warn};

use crate::source::Source;

/// How many are moved in one commit.
const TOGETHER: usize = 32;

/// Moves them from the store's folder into the store. A file is removed when its text is on disk there, so that this can be
/// cut off anywhere and goes on at the next start. What cannot be moved stays where it is.
pub(crate) async fn move_in(home: &Path, store: &dyn Store) {
    let folder = super::home_in(home).join("cited");
    let Some(files) = files_in(&folder) else { return };
    let mut moved = 0;
    for together in files.chunks(TOGETHER).map(<[_]>::to_vec) {
        let Ok(read) = spawn_blocking(move || readable(together)).await else { return };
        let (files, sources): (Vec<_>, Vec<_>) = read.into_iter().unzip();
        if let Err(error) = store.keep_sources(sources).await {
            let error = &error as &dyn std::error::Error;
            warn!(error, "texts that were cited earlier cannot be moved into the store; they stay where they are");
            return;
        }
        moved += files.len();
        // What stays is moved again at the next start, which changes nothing.
        files.into_iter().for_each(|file| drop(fs::remove_file(file)));
    }
    // If something is left in it, it stays.
    drop(fs::remove_dir(folder));
    info!(moved, "texts that were cited earlier were moved into the store");
}

/// Those of the files that hold a text, with it.
fn readable(files: Vec<PathBuf>) -> Vec<(PathBuf, KeptSource)> {
    let read = |file: PathBuf| {
        // What was never finished was never cited.
        if file.extension() == Some(OsStr::new("new")) {
            drop(fs::remove_file(file));
            return None;
        }
        // It was packed as it is packed now.
        let source = fs::read(&file).ok().and_then(|body| Some(Source::unpacked(&body)?.kept_as(body)));
        if source.is_none() {
            warn!(file = %file.display(), "a text that was cited earlier cannot be read; it stays where it is");
        }
        Some((file, source?))
    };
    files.into_iter().filter_map(read).collect()
}

/// The files of the folder, if there is one.
fn files_in(folder: &Path) -> Option<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    match entries {
        Ok(files) => Some(files),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            warn!(folder = %folder.display(), error, "texts that were cited earlier cannot be read");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::processors::library::cited::Cited;
    use crate::source::hash_of;
    use crate::testing::store_in;

    /// A file of an earlier build, and its name.
    const SAMPLE: &[u8] = include_bytes!(
        "../../../samples/cited/87a1c3aa056992f86f2dc808658b5a89a34674e71abafb5780faa46e72d7ee22.json.gz"
    );
    const HASH: &str = "87a1c3aa056992f86f2dc808658b5a89a34674e71abafb5780faa46e72d7ee22";

    /// A store of an earlier build with these files beside it.
    fn earlier(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        let folder = cited_in(home.path());
        fs::create_dir_all(&folder).unwrap();
        files.iter().for_each(|(name, bytes)| fs::write(folder.join(name), bytes).unwrap());
        home
    }

    fn cited_in(home: &Path) -> PathBuf {
        home.join("corpus/cited")
    }

    fn named(hash: &str) -> String {
        format!("{hash}.json.gz")
    }

    fn numbered(number: usize) -> (String, Vec<u8>) {
        let (text, url) = (format!("Text {number}."), format!("corpus:notes/{number}"));
        let source =
            Source { hash: hash_of(&text), url, title: String::new(), text, retrieved_at: None, published: None };
        (source.hash.clone(), source.packed().unwrap().body.to_vec())
    }

    #[tokio::test]
    async fn a_text_that_an_earlier_build_kept_is_found_in_the_store() {
        let home = earlier(&[(&named(HASH), SAMPLE), ("0f.new", b"half a dr")]);
        let store = store_in(home.path());
        move_in(home.path(), &*store).await;
        let source = Cited::new(store.clone()).find(HASH).await.unwrap().unwrap();
        assert_eq!(source.text, "# Zelkova\n\nThe Zelkova probe was built by Anna Larch in Oslo.\n");
        let by_address = store.source_at("corpus:notes/a.md").await.unwrap().unwrap();
        assert_eq!((by_address.retrieved_at, &*by_address.body), (source.retrieved_at, SAMPLE));
        assert!(!cited_in(home.path()).exists());
        move_in(home.path(), &*store).await;
    }

    #[tokio::test]
    async fn many_are_moved_and_one_that_is_damaged_stays() {
        let all: Vec<_> = (0..=2 * TOGETHER).map(numbered).collect();
        let names: Vec<_> = all.iter().map(|(hash, _)| named(hash)).collect();
        let mut files: Vec<(&str, &[u8])> =
            names.iter().zip(&all).map(|(name, (_, body))| (name.as_str(), body.as_slice())).collect();
        let damaged = (named(HASH), &SAMPLE[..SAMPLE.len() - 20]);
        files.push((&damaged.0, damaged.1));
        let home = earlier(&files);
        let store = store_in(home.path());
        move_in(home.path(), &*store).await;
        let cited = Cited::new(store);
        for (hash, _) in &all {
            assert!(cited.find(hash).await.unwrap().is_some());
        }
        assert_eq!(files_in(&cited_in(home.path())).unwrap(), [cited_in(home.path()).join(&damaged.0)]);
    }

    /// The process ended between the commit and the removal of the file.
    #[tokio::test]
    async fn what_was_moved_half_is_moved_again() {
        let home = earlier(&[(&named(HASH), SAMPLE)]);
        let store = store_in(home.path());
        let kept = Source::unpacked(SAMPLE).unwrap().kept_as(SAMPLE.to_vec());
        store.keep_sources(vec![kept.clone()]).await.unwrap();
        move_in(home.path(), &*store).await;
        assert_eq!(store.source(&kept.hash).await.unwrap(), Some(kept));
        assert!(!cited_in(home.path()).exists());
    }

    #[tokio::test]
    async fn what_the_store_does_not_take_stays_where_it_is() {
        let home = earlier(&[(&named(HASH), SAMPLE)]);
        let store = store_in(home.path());
        let database = rusqlite::Connection::open(home.path().join("legwork.db")).unwrap();
        database.execute_batch("alter table sources rename to elsewhere").unwrap();
        move_in(home.path(), &*store).await;
        assert_eq!(fs::read(cited_in(home.path()).join(named(HASH))).unwrap(), SAMPLE);
        database.execute_batch("alter table elsewhere rename to sources").unwrap();
        let later: Arc<dyn Store> = store;
        move_in(home.path(), &*later).await;
        assert!(Cited::new(later).find(HASH).await.unwrap().is_some());
    }
}
