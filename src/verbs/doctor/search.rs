//! Whether those who are asked to search the web answer: each is asked once.

use legwork_server::config::search::Search;
use legwork_server::search::{Share, try_each};

use super::finding;
use crate::checkup::Finding;
use crate::checkup::Health::{self, Fail, Warn, Well};
use crate::environment::Environment;
use crate::resolve;

/// What a vendor counts as one search each.
pub(super) async fn providers(search: &Search, environment: &Environment) -> Vec<Finding> {
    let mut found = match search.providers.len() {
        0 => vec![finding(Well, "search", "nobody is asked to search the web: --search says who is")],
        // Who was not asked for need not be there.
        _ if *search == resolve::usual_search() => told(try_each(search.clone()).await, Warn),
        _ => told(try_each(search.clone()).await, Fail),
    };
    found.extend(resolve::hints(search, environment).into_iter().map(|hint| finding(Well, "search", hint)));
    found
}

fn told(shares: Vec<Share>, down: Health) -> Vec<Finding> {
    let one = |Share { provider, count, trouble }: Share| match (count, trouble) {
        (0, Some(trouble)) => finding(down, "search", format!("{provider} {trouble}")),
        (0, None) => finding(Warn, "search", format!("{provider} answers, and found nothing")),
        (_, Some(trouble)) => finding(Warn, "search", format!("{provider} answers, and {trouble}")),
        (_, None) => finding(Well, "search", format!("{provider} answers")),
    };
    shares.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_provider_is_as_bad_as_it_was_wanted() {
        let share = |count, trouble: Option<&str>| {
            vec![Share { provider: "brave".to_owned(), count, trouble: trouble.map(str::to_owned) }]
        };
        for (count, trouble, health, says) in [
            (1, None, Well, "brave answers"),
            (1, Some("warns: old"), Warn, "brave answers, and warns: old"),
            (0, None, Warn, "brave answers, and found nothing"),
            (0, Some("has no key"), Fail, "brave has no key"),
        ] {
            assert_eq!(told(share(count, trouble), Fail), [finding(health, "search", says)]);
        }
        assert_eq!(told(share(0, Some("cannot be reached")), Warn)[0].health, Warn);
    }
}
