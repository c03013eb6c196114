//! The newest stretches of a log, for those who stand at its end.

use std::collections::VecDeque;

use super::log::Chunk;

/// How many bytes are kept for readers that are a little late; those that are later read pages.
const MOST: usize = 256 * 1024;

/// The end of a log, as it was last read.
#[derive(Default)]
pub(super) struct Tail {
    /// The line's generation at that time; 0 is never.
    generation: u64,
    /// The number of the last fact.
    end: u64,
    /// What was read lately; each begins where the one before it ended, and the last ends at `end`.
    chunks: VecDeque<Chunk>,
    bytes: usize,
}

/// What is known without reading.
pub(super) enum Known {
    Chunk(Chunk),
    /// Nothing had come when it was last read, and nothing has changed since.
    Nothing,
    /// It has to be read.
    Unknown,
}

impl Tail {
    /// What comes after a fact, as far as is known at this generation.
    pub(super) fn after(&self, fact: u64, generation: u64) -> Known {
        match self.chunks.iter().rev().find(|chunk| chunk.from == fact) {
            Some(chunk) => Known::Chunk(chunk.clone()),
            None if self.generation == generation && self.end == fact => Known::Nothing,
            None => Known::Unknown,
        }
    }

    /// The log was read from a fact to its end; `generation` is from before that.
    pub(super) fn read(&mut self, fact: u64, chunk: Option<&Chunk>, generation: u64) {
        if self.end != fact {
            (self.chunks, self.bytes) = (VecDeque::new(), 0);
        }
        self.generation = generation;
        self.end = chunk.map_or(fact, |chunk| chunk.to);
        if let Some(chunk) = chunk {
            self.bytes += chunk.frames.len();
            self.chunks.push_back(chunk.clone());
        }
        while self.bytes > MOST && self.chunks.len() > 1 {
            self.bytes -= self.chunks.pop_front().map_or(0, |chunk| chunk.frames.len());
        }
    }

    /// The number of the last fact, if it was read at this generation.
    pub(super) fn end(&self, generation: u64) -> Option<u64> {
        (self.generation == generation).then_some(self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(from: u64, to: u64) -> Chunk {
        Chunk { from, to, frames: vec![0; 100 * 1024].into(), is_last: false }
    }

    fn found(tail: &Tail, fact: u64, generation: u64) -> Option<u64> {
        match tail.after(fact, generation) {
            Known::Chunk(chunk) => Some(chunk.to),
            Known::Nothing => Some(fact),
            Known::Unknown => None,
        }
    }

    #[test]
    fn who_stands_at_the_end_knows_whether_there_is_more() {
        let mut tail = Tail::default();
        assert_eq!((found(&tail, 0, 1), tail.end(1)), (None, None));
        tail.read(0, Some(&chunk(0, 3)), 1);
        assert_eq!((found(&tail, 0, 1), found(&tail, 3, 1), found(&tail, 3, 2)), (Some(3), Some(3), None));
        tail.read(3, Some(&chunk(3, 5)), 2);
        assert_eq!(
            (found(&tail, 0, 2), found(&tail, 3, 2), found(&tail, 5, 2), tail.end(2)),
            (Some(3), Some(5), Some(5), Some(5))
        );
        assert_eq!(found(&tail, 4, 2), None, "in the middle of a stretch");
    }

    #[test]
    fn little_is_kept_and_what_does_not_follow_begins_anew() {
        let mut tail = Tail::default();
        for n in 0..5 {
            tail.read(n, Some(&chunk(n, n + 1)), 1);
        }
        assert_eq!((found(&tail, 2, 1), found(&tail, 3, 1)), (None, Some(4)));
        tail.read(9, None, 2);
        assert_eq!((found(&tail, 4, 2), found(&tail, 9, 2)), (None, Some(9)));
    }
}
