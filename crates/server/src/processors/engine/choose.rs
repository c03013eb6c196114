//! Which of the pages that were found are read: those that many searches and engines put first and that speak of what is
//! wanted, of one site not too many.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Display;
use std::sync::Arc;

use legwork_core::time::Micros;

use super::super::research::{Document, content_stems, host_of, passages};
use super::brief::Brief;
use super::hands::DOCUMENT;
use super::honest::suspicion;
use super::ledger::{Source, WEB};
use crate::source::hash_of;
use crate::web::fetch::Page;
use crate::web::search::{Found, Hit};

/// How many pages of one site are read in a round.
const OF_A_SITE: usize = 3;
/// The constant of reciprocal ranks.
const RANKS: f64 = 60.0;

/// A page that may be read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Choice {
    pub(super) url: String,
    pub(super) title: String,
    snippet: String,
    published: Option<String>,
    /// Its whole text as a provider has it, and which.
    text: Option<(String, String)>,
    /// By where it stood in the lists in which it was found.
    score: f64,
}

/// What is told of a search.
pub(super) fn told(text: &str, done: &Result<Found, impl Display>) -> String {
    let found = match done {
        Ok(found) => found,
        Err(trouble) => return format!("Searched “{text}”: {trouble}"),
    };
    let failed: Vec<&str> = found
        .by_provider
        .iter()
        .filter(|provider| provider.trouble.is_some())
        .map(|provider| provider.provider.as_str())
        .collect();
    let failed = if failed.is_empty() { String::new() } else { format!("; {} did not answer", failed.join(", ")) };
    let results = if found.hits.len() == 1 { "result" } else { "results" };
    format!("Searched “{text}”: {} {results}{failed}", found.hits.len())
}

/// Adds what a search found, best first; says how many of them are new. At most so many new ones are taken.
pub(super) fn add(known: &mut Vec<Choice>, tried: &HashSet<String>, hits: Vec<Hit>, most: usize) -> usize {
    let mut news = 0;
    for (rank, hit) in hits.into_iter().enumerate() {
        let score = 1.0 / (RANKS + f64::from(u32::try_from(rank).unwrap_or(u32::MAX)) + 1.0);
        if let Some(same) = known.iter_mut().find(|other| other.url == hit.url) {
            same.score += score;
            continue;
        }
        if news >= most || tried.contains(&hit.url) {
            continue;
        }
        news += 1;
        let Hit { url, title, snippet, published, text, provider, .. } = hit;
        let text = text.map(|text| (provider, text));
        known.push(Choice { url, title, snippet, published, text, score });
    }
    news
}

/// Takes the best of what was found, at most so many.
pub(super) fn best(known: &mut Vec<Choice>, brief: &Brief, open: &[usize], most: usize) -> Vec<Choice> {
    let mut wanted: HashSet<String> = content_stems(&brief.question).into_iter().collect();
    for field in open.iter().filter_map(|at| brief.fields.get(*at)).take(20) {
        wanted.extend(content_stems(&field.words()));
    }
    let mut ranked: Vec<(f64, Choice)> = known.drain(..).map(|choice| (worth(&choice, &wanted), choice)).collect();
    ranked.sort_by(|one, other| other.0.total_cmp(&one.0));
    let mut of_site: BTreeMap<String, usize> = BTreeMap::new();
    let mut chosen = Vec::new();
    for (_, choice) in ranked {
        let site = host_of(&choice.url).unwrap_or_default();
        let taken = of_site.entry(site).or_default();
        if chosen.len() < most && *taken < OF_A_SITE {
            *taken += 1;
            chosen.push(choice);
        } else {
            known.push(choice);
        }
    }
    chosen
}

/// By where it was found, and how much of what is wanted its title and snippet speak of. What talks to its reader comes last.
fn worth(choice: &Choice, wanted: &HashSet<String>) -> f64 {
    let said: HashSet<String> = content_stems(&format!("{} {}", choice.title, choice.snippet)).into_iter().collect();
    let of = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    let met = of(wanted.intersection(&said).count()) / of(wanted.len().max(1));
    let doubt = if suspicion(&choice.snippet).or(suspicion(&choice.title)).is_some() { 1.0 } else { 0.0 };
    choice.score + met / RANKS - doubt
}

/// What a provider gave as the whole text of a page, for one that cannot be read itself; and which provider.
pub(super) fn told_text(choice: &Choice) -> Option<(&str, Source)> {
    let (provider, text) = choice.text.as_ref()?;
    let document = Document {
        hash: hash_of(text),
        corpus: WEB.to_owned(),
        host: host_of(&choice.url),
        url: choice.url.clone(),
        title: choice.title.clone(),
        passages: passages(text).into(),
        text: Arc::from(text.as_str()),
        read_at: None,
        published: choice.published.clone(),
        entity: None,
    };
    Some((provider, Source { document, by_tool: false }))
}

/// A page as a source.
pub(super) fn source(page: Page, from: &Choice) -> Source {
    let title = if page.title.trim().is_empty() { from.title.clone() } else { page.title };
    let is_own = page.kind == DOCUMENT;
    let document = Document {
        hash: page.hash,
        corpus: if is_own { DOCUMENT } else { WEB }.to_owned(),
        host: host_of(&page.final_url),
        url: page.final_url,
        title,
        passages: passages(&page.text).into(),
        text: Arc::from(page.text),
        // What came with the program was read at no time.
        read_at: Some(page.fetched_at).filter(|at| !is_own || *at != Micros::default()),
        published: page.published.or_else(|| from.published.clone()),
        entity: None,
    };
    Source { document, by_tool: false }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{brief, hit};
    use super::*;

    #[test]
    fn what_two_searches_find_comes_before_what_one_finds() {
        let mut known = Vec::new();
        let tried = HashSet::from(["https://done.example/".to_owned()]);
        let first =
            vec![hit("https://a.example/", "x"), hit("https://b.example/", "x"), hit("https://done.example/", "x")];
        assert_eq!(add(&mut known, &tried, first, 10), 2);
        assert_eq!(
            add(&mut known, &tried, vec![hit("https://b.example/", "x"), hit("https://c.example/", "x")], 10),
            1
        );
        let chosen = best(&mut known, &brief("tea"), &[0], 1);
        assert_eq!(chosen[0].url, "https://b.example/");
        assert_eq!(known.len(), 2, "the others are kept for later");
    }

    #[test]
    fn of_one_site_not_too_many_are_read_and_what_speaks_of_the_question_is_first() {
        let mut known = Vec::new();
        let mut hits: Vec<_> = (0..6).map(|n| hit(&format!("https://a.example/{n}"), "all about coffee")).collect();
        hits.push(hit("https://b.example/", "how tea is made in Assam"));
        add(&mut known, &HashSet::new(), hits, 10);
        let chosen = best(&mut known, &brief("How is tea made in Assam?"), &[0], 6);
        assert_eq!(chosen[0].url, "https://b.example/");
        assert_eq!(chosen.len(), 1 + OF_A_SITE);
    }
}
