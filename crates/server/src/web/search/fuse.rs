//! One list of several: by reciprocal rank, so that only places count, which every list has, and no scores, which no two
//! lists have alike.

use std::collections::{BTreeMap, BTreeSet};

use super::address::{normal, page, site};
use super::found::Hit;

/// How little the first places stand out: 60 is what the method was published with.
const K: f64 = 60.0;

/// A page as one list has it.
struct Mention {
    hit: Hit,
    /// What its place there is worth.
    worth: f64,
}

/// The lists as one, each with its weight, the best first. A place in a list of weight `w` is worth `w / (60 + place)`,
/// and a page what all of its places are worth together; a list that has it twice has it in the first of them. What is no
/// page on the web, such as a document of the operator's, is the same where its address is.
///
/// In which order the lists are given says nothing.
pub(crate) fn fuse(lists: Vec<(f64, Vec<Hit>)>) -> Vec<Hit> {
    let mut pages: BTreeMap<String, Vec<Mention>> = BTreeMap::new();
    for (weight, hits) in lists {
        let mut seen = BTreeSet::new();
        let mut place = 0.0;
        for mut hit in hits {
            place += 1.0;
            let page = match normal(&hit.url) {
                Some(url) => {
                    let page = page(&url);
                    hit.url = url.into();
                    page
                }
                None => hit.url.clone(),
            };
            let worth = if seen.insert(page.clone()) { weight / (K + place) } else { 0.0 };
            pages.entry(page).or_default().push(Mention { hit, worth });
        }
    }
    let mut merged: Vec<_> = pages.into_values().filter_map(merged).collect();
    // Pages that are worth the same stay in the order of their addresses.
    merged.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    merged.into_iter().map(|(_, hit)| hit).collect()
}

/// One hit of all mentions of a page, and what they are worth together.
fn merged(mut mentions: Vec<Mention>) -> Option<(f64, Hit)> {
    let key = |mention: &Mention| (mention.hit.provider.clone(), mention.hit.rank);
    mentions.sort_by(|one, other| other.worth.total_cmp(&one.worth).then_with(|| key(one).cmp(&key(other))));
    let worth = mentions.iter().map(|mention| mention.worth).sum();
    let hit = mentions.into_iter().map(|mention| mention.hit).reduce(Hit::with)?;
    Some((worth, hit))
}

impl Hit {
    /// With what is missing here taken from another hit of the page.
    fn with(mut self, other: Self) -> Self {
        let Self { url, title, snippet, published, text, .. } = other;
        if self.url.starts_with("http:") && url.starts_with("https:") {
            self.url = url;
        }
        for (mine, theirs) in [(&mut self.title, title), (&mut self.snippet, snippet)] {
            if mine.is_empty() {
                *mine = theirs;
            }
        }
        self.published = self.published.take().or(published);
        self.text = self.text.take().or(text);
        self
    }
}

/// The list with no more than so many hits of one site on the web before those of others. What is too many stands at the
/// end: better than nothing, should nothing else be left.
pub(crate) fn spread(hits: Vec<Hit>, each_site: usize) -> Vec<Hit> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let (first, rest): (Vec<_>, Vec<_>) = hits.into_iter().partition(|hit| {
        let Some(url) = normal(&hit.url) else { return true };
        let count = counts.entry(site(&url).to_owned()).or_default();
        *count += 1;
        *count <= each_site
    });
    first.into_iter().chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hit(provider: &str, rank: usize, url: &str) -> Hit {
        Hit { url: url.to_owned(), provider: provider.to_owned(), rank, ..Hit::default() }
    }

    fn list(provider: &str, urls: &[&str]) -> Vec<Hit> {
        urls.iter().enumerate().map(|(i, url)| hit(provider, i + 1, url)).collect()
    }

    fn urls(hits: &[Hit]) -> Vec<&str> {
        hits.iter().map(|hit| hit.url.as_str()).collect()
    }

    #[test]
    fn what_two_lists_have_stands_before_what_is_first_in_one() {
        let a = list("a", &["https://one.example/", "https://both.example/"]);
        let b = list("b", &["https://two.example/", "https://both.example/"]);
        let fused = fuse(vec![(1.0, a), (1.0, b)]);
        assert_eq!(urls(&fused), ["https://both.example/", "https://one.example/", "https://two.example/"]);
        assert_eq!((fused[0].provider.as_str(), fused[0].rank), ("a", 2));
    }

    #[test]
    fn a_list_of_more_weight_goes_first() {
        let (a, b) = (list("a", &["https://one.example/"]), list("b", &["https://two.example/"]));
        assert_eq!(urls(&fuse(vec![(1.0, a), (1.5, b)])), ["https://two.example/", "https://one.example/"]);
    }

    #[test]
    fn what_one_list_does_not_say_of_a_page_another_does() {
        let a = Hit { title: "A".to_owned(), ..hit("a", 1, "http://www.example.org/a/?utm_source=a") };
        let b = Hit {
            title: "B".to_owned(),
            snippet: "b".to_owned(),
            published: Some("2026-01-02".to_owned()),
            text: Some("All of it.".to_owned()),
            ..hit("b", 2, "https://example.org/a")
        };
        let fused = fuse(vec![(1.0, vec![a]), (1.0, vec![hit("b", 1, "https://b.example/"), b])]);
        let page = fused.iter().find(|hit| hit.url == "https://example.org/a").unwrap();
        assert_eq!((page.title.as_str(), page.snippet.as_str(), page.provider.as_str()), ("A", "b", "a"));
        assert_eq!((page.published.as_deref(), page.text.as_deref()), (Some("2026-01-02"), Some("All of it.")));
    }

    #[test]
    fn a_list_that_has_a_page_twice_has_it_once() {
        let twice = list("a", &["https://one.example/", "https://two.example/", "https://two.example/#x"]);
        assert_eq!(urls(&fuse(vec![(1.0, twice)])), ["https://one.example/", "https://two.example/"]);
    }

    #[test]
    fn documents_that_are_not_on_the_web_take_their_places() {
        let own = list("local", &["corpus:docs/a.md", "corpus:docs/b.md", "corpus:docs/c.md"]);
        let fused = fuse(vec![(1.0, own), (1.5, list("b", &["https://two.example/"]))]);
        let all = ["https://two.example/", "corpus:docs/a.md", "corpus:docs/b.md", "corpus:docs/c.md"];
        assert_eq!(urls(&fused), all);
        assert_eq!(urls(&spread(fused, 1)), all, "they are nobody's site");
    }

    #[test]
    fn a_site_that_has_much_to_offer_leaves_room_for_others() {
        let all = list("a", &["https://www.a.org/1", "https://a.org/2", "https://a.org/3", "https://b.org/"]);
        let spread = spread(all, 2);
        assert_eq!(urls(&spread), ["https://www.a.org/1", "https://a.org/2", "https://b.org/", "https://a.org/3"]);
    }

    #[expect(clippy::type_complexity, reason = "what a list is drawn from is read once")]
    fn lists() -> impl Strategy<Value = Vec<(f64, Vec<Hit>)>> {
        let urls = prop::collection::vec((0..3_u8, 0..6_u8, any::<bool>()), 0..8);
        prop::collection::vec((1..4_u8, urls), 0..4).prop_map(|lists| {
            let list = |(i, (weight, urls)): (usize, (u8, Vec<(u8, u8, bool)>))| {
                let hit = |(rank, (site, page, www)): (usize, (u8, u8, bool))| {
                    let www = if www { "www." } else { "" };
                    hit(&format!("p{i}"), rank + 1, &format!("https://{www}s{site}.example/{page}"))
                };
                (f64::from(weight), urls.into_iter().enumerate().map(hit).collect())
            };
            lists.into_iter().enumerate().map(list).collect()
        })
    }

    fn pages(hits: &[Hit]) -> Vec<String> {
        hits.iter().map(|hit| page(&normal(&hit.url).unwrap())).collect()
    }

    proptest! {
        #[test]
        fn the_order_of_the_lists_says_nothing(lists in lists()) {
            let forth = fuse(lists.clone());
            let back = fuse(lists.into_iter().rev().collect());
            prop_assert_eq!(pages(&forth), pages(&back));
            prop_assert_eq!(forth, back);
        }

        #[test]
        fn every_page_is_there_once(lists in lists()) {
            let given: BTreeSet<_> = lists.iter().flat_map(|(_, hits)| pages(hits)).collect();
            let fused = pages(&fuse(lists));
            prop_assert_eq!(fused.len(), given.len());
            prop_assert_eq!(fused.into_iter().collect::<BTreeSet<_>>(), given);
        }

        #[test]
        fn one_list_stays_in_its_order(lists in lists()) {
            if let Some((weight, hits)) = lists.into_iter().next() {
                let mut order = pages(&hits);
                let mut seen = BTreeSet::new();
                order.retain(|page| seen.insert(page.clone()));
                prop_assert_eq!(pages(&fuse(vec![(weight, hits)])), order);
            }
        }

        #[test]
        fn a_page_gains_by_one_more_list(lists in lists(), which in 0..40_usize) {
            let before = pages(&fuse(lists.clone()));
            if let Some(page) = (!before.is_empty()).then(|| before[which % before.len()].clone()) {
                let more = vec![hit("more", 1, &format!("https://{page}"))];
                let after = pages(&fuse(lists.into_iter().chain([(1.0, more)]).collect()));
                let place = |list: &[String]| list.iter().position(|other| *other == page);
                prop_assert!(place(&after) <= place(&before));
            }
        }

        #[test]
        fn spreading_loses_nothing(lists in lists(), each in 0..4_usize) {
            let fused = fuse(lists);
            let spread = spread(fused.clone(), each);
            let sorted = |hits: &[Hit]| { let mut all = pages(hits); all.sort(); all };
            prop_assert_eq!(sorted(&spread), sorted(&fused));
        }
    }
}
