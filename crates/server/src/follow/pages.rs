//! Pages of logs that will never change, kept as the bytes that streams send, the most recently read ones up to a limit.

use std::sync::{Mutex, PoisonError};

use legwork_core::id::RunId;
use lru::LruCache;

use super::log::Chunk;

/// How many bytes are kept.
const MOST: usize = 32 * 1024 * 1024;
/// A page that is larger is not worth all the others.
const LARGEST: usize = MOST / 8;

/// The pages. One belongs to a run and begins after a fact.
pub(super) struct Pages(Mutex<Kept>);

struct Kept {
    pages: LruCache<(RunId, u64), Chunk>,
    bytes: usize,
}

impl Pages {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Kept { pages: LruCache::unbounded(), bytes: 0 }))
    }

    pub(super) fn get(&self, run: RunId, after: u64) -> Option<Chunk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pages.get(&(run, after)).cloned()
    }

    pub(super) fn keep(&self, run: RunId, page: Chunk) {
        if page.frames.len() > LARGEST {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += page.frames.len();
        if let Some(before) = kept.pages.put((run, page.from), page) {
            kept.bytes -= before.frames.len();
        }
        while kept.bytes > MOST {
            let Some((_, oldest)) = kept.pages.pop_lru() else { return };
            kept.bytes -= oldest.frames.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_the_oldest_goes_first() {
        let (pages, run) = (Pages::new(), RunId::from_u128(1));
        let page = |from| Chunk { from, to: from + 1, frames: vec![0; 1024 * 1024].into(), is_last: false };
        for from in 0..40 {
            pages.keep(run, page(from));
            pages.keep(run, page(from));
            assert!(pages.get(run, 0).is_some(), "what is read stays: {from}");
        }
        let there = |from| pages.get(run, from).is_some();
        assert_eq!((0..40).filter(|from| there(*from)).count(), 32);
        assert!(!there(1) && there(39) && pages.get(RunId::from_u128(2), 39).is_none());
    }

    #[test]
    fn a_giant_is_not_kept() {
        let pages = Pages::new();
        pages.keep(RunId::from_u128(1), Chunk { from: 0, to: 1, frames: vec![0; LARGEST + 1].into(), is_last: true });
        assert!(pages.get(RunId::from_u128(1), 0).is_none());
    }
}
