//! What is known of the sites that were asked: that nobody answers there, that they want to be left alone, and what their
//! `robots.txt` says. A site is a scheme, a host and a port.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use legwork_core::time::Micros;
use lru::LruCache;
use tokio::sync::Mutex as Queue;

use super::page::Trouble;
use super::robots::Robots;

/// How many sites are remembered.
const SITES: NonZeroUsize = NonZeroUsize::new(4096).expect("it is not zero");

/// The sites that were asked lately.
pub(super) struct Sites(Mutex<LruCache<String, Arc<Site>>>);

/// One of them.
#[derive(Default)]
pub(super) struct Site {
    shut: Mutex<Option<Shut>>,
    /// Whoever has this may be about to ask; the others wait for what he hears.
    pub(super) robots: Queue<Option<Known>>,
}

struct Shut {
    until: Micros,
    trouble: Trouble,
}

/// What is known of a `robots.txt`.
#[derive(Clone)]
pub(super) struct Known {
    /// Its rules, or why there are none to go by.
    pub(super) rules: Result<Arc<Robots>, Trouble>,
    /// When it is asked for again.
    pub(super) until: Micros,
}

impl Sites {
    pub(super) fn new() -> Self {
        Self(Mutex::new(LruCache::sparse(SITES)))
    }

    /// What is known of this site.
    pub(super) fn at(&self, origin: &str) -> Arc<Site> {
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sites.get_or_insert(origin.to_owned(), Arc::default).clone()
    }
}

impl Site {
    /// Nothing is asked of it for so long; who would like to is told of this trouble.
    pub(super) fn shut(&self, now: Micros, wait: Duration, trouble: Trouble) {
        let shut = Shut { until: now + wait, trouble };
        *self.shut.lock().unwrap_or_else(PoisonError::into_inner) = Some(shut);
    }

    /// Whether something may be asked of it now.
    pub(super) fn check(&self, now: Micros) -> Result<(), Trouble> {
        let shut = self.shut.lock().unwrap_or_else(PoisonError::into_inner);
        match shut.as_ref().filter(|shut| now < shut.until) {
            None => Ok(()),
            Some(Shut { until, trouble }) => {
                let left = trouble.retry_after.map(|_| until.since(now));
                Err(trouble.clone().after(left))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::page::Class;
    use super::*;

    #[test]
    fn a_site_that_is_shut_is_left_alone_for_as_long_as_was_said() {
        let (sites, now) = (Sites::new(), Micros(1_000_000));
        let site = sites.at("https://a.example");
        let trouble = Trouble::new(Class::Status, "429").after(Some(Duration::from_secs(30)));
        site.shut(now, Duration::from_secs(30), trouble);
        let told = |seconds| sites.at("https://a.example").check(now + Duration::from_secs(seconds));
        assert_eq!(told(10).unwrap_err().retry_after, Some(20));
        assert_eq!((told(30), sites.at("http://a.example").check(now)), (Ok(()), Ok(())));
    }
}
