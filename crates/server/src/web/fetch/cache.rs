//! Pages that were read lately, in memory, by their addresses; the ones that were used least go first when there are too
//! many bytes of them.

use std::sync::{Arc, Mutex, PoisonError};

use legwork_core::time::Micros;
use lru::LruCache;

use super::page::Page;

/// The pages that are kept.
pub(super) struct Cache(Mutex<Shelf>);

struct Shelf {
    pages: LruCache<String, Arc<Kept>>,
    bytes: usize,
    most: usize,
}

/// A page with what its host said about it.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) page: Page,
    /// By which its host knows whether it has changed.
    pub(super) marks: Marks,
    /// When it was last found to be so.
    pub(super) at: Micros,
}

/// What a host is shown to ask whether a page has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
}

impl Marks {
    pub(super) fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }
}

impl Kept {
    fn size(&self) -> usize {
        let links: usize = self.page.links.iter().map(|link| link.url.len() + link.text.len()).sum();
        self.page.text.len() + links + 1024
    }
}

impl Cache {
    /// Holds so many bytes.
    pub(super) fn new(most: usize) -> Self {
        Self(Mutex::new(Shelf { pages: LruCache::unbounded(), bytes: 0, most }))
    }

    /// The page under this name.
    pub(super) fn find(&self, name: &str) -> Option<Arc<Kept>> {
        self.shelf(|shelf| shelf.pages.get(name).cloned())
    }

    /// Keeps a page under this name, in the place of the one that was there.
    pub(super) fn keep(&self, name: String, kept: Arc<Kept>) {
        self.shelf(|shelf| {
            if kept.size() > shelf.most {
                return;
            }
            shelf.bytes += kept.size();
            if let Some((_, old)) = shelf.pages.push(name, kept) {
                shelf.bytes -= old.size();
            }
            while shelf.bytes > shelf.most {
                let Some((_, old)) = shelf.pages.pop_lru() else { break };
                shelf.bytes -= old.size();
            }
        });
    }

    fn shelf<T>(&self, f: impl FnOnce(&mut Shelf) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str) -> Arc<Kept> {
        let none = String::new;
        let page = Page {
            url: none(),
            final_url: none(),
            hash: none(),
            title: none(),
            text: text.to_owned(),
            fetched_at: Micros(0),
            published: None,
            kind: none(),
            truncated: false,
            links: Vec::new(),
        };
        Arc::new(Kept { page, marks: Marks::default(), at: Micros(0) })
    }

    #[test]
    fn when_there_is_no_room_the_page_that_was_used_least_goes() {
        let page = "x".repeat(9000);
        let cache = Cache::new(25_000);
        for name in ["a", "b"] {
            cache.keep(name.to_owned(), kept(&page));
        }
        assert!(cache.find("a").is_some());
        cache.keep("c".to_owned(), kept(&page));
        assert!(cache.find("b").is_none() && cache.find("a").is_some() && cache.find("c").is_some());
        cache.keep("c".to_owned(), kept("short"));
        cache.keep("d".to_owned(), kept(&page));
        assert!(cache.find("a").is_some(), "there was room");
        cache.keep("e".to_owned(), kept(&"x".repeat(30_000)));
        assert!(cache.find("e").is_none() && cache.find("d").is_some(), "it would fill the whole");
    }
}
