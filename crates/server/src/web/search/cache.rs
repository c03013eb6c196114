//! What providers answered lately. A run often words a question as it was worded before, and so do runs side by side.

use std::time::Duration;

use legwork_core::task::SourcePolicy;
use lru::LruCache;
use tokio::time::Instant;

use super::found::{Hit, Query};
use super::provider::Answer;

/// How long an answer is good.
const GOOD_FOR: Duration = Duration::from_mins(15);
/// How many are kept.
const MOST: usize = 512;
/// How many bytes they may have together: with the texts of pages one of them can have a megabyte.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// What makes two questions the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Question {
    provider: String,
    words: String,
    want: usize,
    policy: SourcePolicy,
    country: Option<String>,
}

/// Answers of some minutes, by provider and question.
pub(super) struct Cache {
    answers: LruCache<Question, Kept>,
    bytes: usize,
}

/// An answer, and when it was given.
struct Kept {
    at: Instant,
    answer: Answer,
    bytes: usize,
}

impl Cache {
    pub(super) fn new() -> Self {
        Self { answers: LruCache::unbounded(), bytes: 0 }
    }

    /// What this provider answered to the question, unless it is too long ago.
    pub(super) fn get(&mut self, provider: &str, query: &Query, now: Instant) -> Option<Answer> {
        let kept = self.answers.get(&question(provider, query))?;
        (now.duration_since(kept.at) < GOOD_FOR).then(|| kept.answer.clone())
    }

    /// Keeps an answer in the place of an earlier one, and forgets those that nobody wanted for longest.
    pub(super) fn put(&mut self, provider: &str, query: &Query, answer: Answer, now: Instant) {
        let bytes = answer.hits.iter().map(weight).sum();
        if bytes > MOST_BYTES {
            return;
        }
        let before = self.answers.put(question(provider, query), Kept { at: now, answer, bytes });
        self.bytes = self.bytes + bytes - before.map_or(0, |kept| kept.bytes);
        while self.bytes > MOST_BYTES || self.answers.len() > MOST {
            let Some((_, gone)) = self.answers.pop_lru() else { return };
            self.bytes -= gone.bytes;
        }
    }
}

fn weight(hit: &Hit) -> usize {
    hit.url.len() + hit.title.len() + hit.snippet.len() + hit.text.as_ref().map_or(0, String::len)
}

fn question(provider: &str, query: &Query) -> Question {
    let words = query.text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    Question {
        provider: provider.to_owned(),
        words,
        want: query.want,
        policy: query.policy.clone(),
        country: query.country.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query { text: text.to_owned(), want: 10, policy: SourcePolicy::default(), country: None }
    }

    fn answer(note: &str) -> Answer {
        Answer { hits: Vec::new(), note: Some(note.to_owned()) }
    }

    #[test]
    fn an_answer_is_good_for_a_quarter_of_an_hour_and_for_its_question() {
        let (mut cache, now) = (Cache::new(), Instant::now());
        cache.put("brave", &query("Capital  of Mongolia"), answer("one"), now);
        let later = now + Duration::from_mins(14);
        assert_eq!(cache.get("brave", &query("capital of mongolia "), later), Some(answer("one")));
        assert_eq!(cache.get("kagi", &query("capital of mongolia"), later), None);
        assert_eq!(cache.get("brave", &Query { want: 20, ..query("capital of mongolia") }, later), None);
        let policy = SourcePolicy { include_domains: vec!["gov".to_owned()], ..SourcePolicy::default() };
        assert_eq!(cache.get("brave", &Query { policy, ..query("capital of mongolia") }, later), None);
        assert_eq!(cache.get("brave", &query("capital of mongolia"), now + GOOD_FOR), None);
    }

    #[test]
    fn of_many_answers_the_latest_are_kept() {
        let (mut cache, now) = (Cache::new(), Instant::now());
        (0..=MOST).for_each(|i| cache.put("brave", &query(&i.to_string()), answer("a"), now));
        assert_eq!(cache.get("brave", &query("0"), now), None);
        assert!(cache.get("brave", &query("1"), now).is_some());
    }

    #[test]
    fn large_answers_make_room_for_each_other() {
        let (mut cache, now) = (Cache::new(), Instant::now());
        let large = |bytes| Answer { hits: vec![Hit { text: Some("x".repeat(bytes)), ..Hit::default() }], note: None };
        let put = |cache: &mut Cache, text: &str, bytes| cache.put("exa", &query(text), large(bytes), now);
        put(&mut cache, "a", MOST_BYTES / 2);
        put(&mut cache, "a", MOST_BYTES / 2);
        put(&mut cache, "b", MOST_BYTES / 2);
        assert!(cache.get("exa", &query("a"), now).is_some() && cache.get("exa", &query("b"), now).is_some());
        put(&mut cache, "c", 1_000);
        assert!(cache.get("exa", &query("a"), now).is_none(), "it was wanted before the other");
        put(&mut cache, "d", MOST_BYTES + 1);
        assert!(cache.get("exa", &query("d"), now).is_none() && cache.get("exa", &query("c"), now).is_some());
    }
}
