//! What kind of source an address is, and whether a page is young enough for what was asked.

use serde::{Deserialize, Serialize};

use super::date::Date;
use super::independent::domain;
use crate::processors::research::{fold, host_of};

/// How close a source is to what it tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Anybody.
    #[default]
    Other,
    /// A work that is kept to be looked things up in.
    Reference,
    /// Whoever it is about, or whose office it is to know.
    Primary,
}

/// Works of reference, by registrable domain or folder of documents.
const REFERENCES: &[&str] = &[
    "wikipedia.org",
    "wikidata.org",
    "wiktionary.org",
    "britannica.com",
    "merriam-webster.com",
    "oed.com",
    "duden.de",
    "treccani.it",
    "larousse.fr",
    "plato.stanford.edu",
    "worldbank.org",
    "imf.org",
    "oecd.org",
    "ourworldindata.org",
    "arxiv.org",
    "doi.org",
    "crossref.org",
    "jstor.org",
    "pubmed.ncbi.nlm.nih.gov",
    "openstreetmap.org",
    "geonames.org",
    "gutenberg.org",
    "imdb.com",
    "musicbrainz.org",
    "discogs.com",
    "olympedia.org",
    "gleif.org",
    "opencorporates.com",
    "corpus:factbook",
];

/// Bodies whose texts are the thing itself.
const PRIMARIES: &[&str] = &[
    "ietf.org",
    "rfc-editor.org",
    "w3.org",
    "whatwg.org",
    "iso.org",
    "iec.ch",
    "itu.int",
    "ecma-international.org",
    "unicode.org",
    "ieee.org",
    "iana.org",
    "oasis-open.org",
    "un.org",
    "europa.eu",
    "admin.ch",
    "bund.de",
    "canada.ca",
    "nobelprize.org",
    "fifa.com",
    "olympics.com",
];

/// Labels of public offices and schools, before a country's code or as the last one.
const OFFICES: &[&str] = &["gov", "gob", "gouv", "govt", "gub", "gc", "go", "mil", "int", "edu", "ac"];

/// Endings under which a name is taken for its owner's. Under the others anybody may have bought it.
const USUAL: &[&str] = &["com", "org", "net", "io", "ai", "co", "dev", "app", "eu"];

/// The kind of an address for somebody who asks about `entity`; `own` are domains that are known to be the entity's.
pub(in crate::processors) fn class_of(url: &str, entity: Option<&str>, own: &[&str]) -> Class {
    let (host, domain) = (host_of(url), domain(url));
    let is_own = own.iter().any(|own| domain == super::independent::domain(&format!("https://{own}/")));
    if is_own || entity.is_some_and(|entity| is_named_after(&domain, entity)) {
        return Class::Primary;
    }
    let within =
        |list: &[&str]| list.iter().any(|known| domain == *known || host.as_deref().is_some_and(|host| host == *known));
    if within(REFERENCES) {
        return Class::Reference;
    }
    // What somebody keeps under his school's roof is his own.
    let is_personal = url.contains("/~") || url.contains("/%7e") || url.contains("/%7E");
    let office = host.as_deref().is_some_and(is_office);
    if within(PRIMARIES) || office && !is_personal { Class::Primary } else { Class::Other }
}

/// `energy.gov`, `ox.ac.uk`, `interieur.gouv.fr`: under an ending that only offices and schools are given.
fn is_office(host: &str) -> bool {
    let Some(suffix) = psl::suffix_str(host) else { return false };
    match suffix.split_once('.') {
        Some((office, _)) => OFFICES.contains(&office),
        None => matches!(suffix, "gov" | "mil" | "int" | "edu"),
    }
}

/// Whether a domain is called as an entity is: `acme-corp.com` for `Acme Corp.`, `acme.de` for `Acme GmbH`.
fn is_named_after(domain: &str, entity: &str) -> bool {
    const FORMS: &[&str] = &[
        "inc",
        "incorporated",
        "corp",
        "corporation",
        "co",
        "company",
        "ltd",
        "limited",
        "llc",
        "plc",
        "gmbh",
        "ag",
        "sa",
        "se",
        "nv",
        "bv",
        "ab",
        "oy",
        "as",
        "spa",
        "srl",
        "group",
        "holdings",
        "the",
    ];
    let Some((name, ending)) = domain.split_once('.') else { return false };
    let last = ending.rsplit('.').next().unwrap_or(ending);
    if !(USUAL.contains(&ending) || last.len() == 2) {
        return false;
    }
    let folded = fold(entity);
    let words: Vec<&str> = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let bare: Vec<&str> = words.iter().copied().filter(|word| !FORMS.contains(word)).collect();
    let name: String = name.chars().filter(|c| *c != '-').collect();
    // `co.com` is nobody's.
    let is = |words: &[&str]| words.concat().chars().count() > 2 && words.concat() == name;
    is(&words) || is(&bare)
}

/// How young a page has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::processors) enum Fresh {
    /// What is asked does not change.
    Any,
    /// At most so many days.
    Days(i64),
    /// Not before this year began.
    Since(i32),
}

impl Fresh {
    /// What the words of a question ask for.
    pub(in crate::processors) fn of(question: &str, today: Date) -> Self {
        let folded = fold(question);
        let words: Vec<&str> = folded.split(|c: char| !c.is_alphanumeric()).collect();
        let has = |list: &[&str]| words.iter().any(|word| list.contains(word));
        let says = |phrase: &[&str]| words.windows(phrase.len()).any(|run| run == phrase);
        if has(&["today", "yesterday", "tonight", "breaking", "heute", "hoy"])
            || says(&["right", "now"])
            || says(&["at", "the", "moment"])
        {
            return Self::Days(3);
        }
        if says(&["this", "week"]) || says(&["last", "week"]) {
            return Self::Days(14);
        }
        if says(&["this", "month"]) || says(&["last", "month"]) {
            return Self::Days(62);
        }
        // A year that is named is when it happened, or later.
        let years = words.iter().filter(|word| word.len() == 4).filter_map(|word| word.parse::<i32>().ok());
        let recent = years.filter(|year| today.year.is_some_and(|now| (now - 2..=now).contains(year))).max();
        match recent {
            Some(year) => Self::Since(year),
            None if has(&[
                "current",
                "currently",
                "latest",
                "newest",
                "now",
                "recent",
                "recently",
                "nowadays",
                "aktuell",
                "derzeit",
                "actual",
            ]) =>
            {
                Self::Days(550)
            }
            None => Self::Any,
        }
    }

    /// Whether a page of this day is young enough; `None` if that cannot be told.
    pub(in crate::processors) fn is_met(self, published: Option<Date>, today: Date) -> Option<bool> {
        let since = match self {
            Self::Any => return Some(true),
            Self::Since(year) => Date::new(Some(year), 1, Some(1))?.number()?,
            Self::Days(days) => today.number()? - days,
        };
        // As late as it may be, where the day or the month is not known.
        let published = published?;
        let latest = Date { month: published.month.or(Some(12)), day: published.day.or(Some(28)), ..published };
        Some(latest.number()? >= since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_told_apart_by_their_addresses() {
        for (url, entity, class) in [
            ("https://www.acme-corp.com/about", Some("Acme Corp."), Class::Primary),
            ("https://acme.de/", Some("Acme GmbH"), Class::Primary),
            ("https://acme.co.uk/", Some("ACME plc"), Class::Primary),
            ("https://acme.xyz/", Some("Acme"), Class::Other),
            ("https://acme-reviews.com/", Some("Acme"), Class::Other),
            ("https://news.com/", None, Class::Other),
            ("https://www.energy.gov/x", None, Class::Primary),
            ("https://www.ox.ac.uk/x", None, Class::Primary),
            ("https://interieur.gouv.fr/", None, Class::Primary),
            ("https://who.int/x", None, Class::Primary),
            ("https://cs.school.edu/~joe/", None, Class::Other),
            ("https://www.rfc-editor.org/rfc/rfc9110", None, Class::Primary),
            ("https://en.wikipedia.org/wiki/Acme", Some("Acme"), Class::Reference),
            ("https://en.wikipedia.org/wiki/Wikipedia", Some("Wikipedia"), Class::Primary),
            ("corpus:factbook/world", None, Class::Reference),
            ("corpus:notes/a.md", None, Class::Other),
            ("https://gov.evil.com/", None, Class::Other),
            ("https://energy.gov.evil.com/", None, Class::Other),
            ("https://go.com/", None, Class::Other),
            ("https://shop.ac/", None, Class::Other),
        ] {
            assert_eq!(class_of(url, entity, &[]), class, "{url}");
        }
        assert_eq!(class_of("https://shop.strange.xyz/", Some("Acme"), &["strange.xyz"]), Class::Primary);
    }

    #[test]
    fn a_question_says_how_young_a_page_has_to_be() {
        let today = Date::new(Some(2026), 3, Some(10)).unwrap();
        for (question, fresh) in [
            ("Who wrote Faust?", Fresh::Any),
            ("Who is the current mayor?", Fresh::Days(550)),
            ("What happened today?", Fresh::Days(3)),
            ("Revenue in 2025?", Fresh::Since(2025)),
            ("Revenue in 1998?", Fresh::Any),
        ] {
            assert_eq!(Fresh::of(question, today), fresh, "{question}");
        }
        let day = |year, month, day| Date::new(Some(year), month, Some(day));
        assert_eq!(Fresh::Days(3).is_met(day(2026, 3, 8), today), Some(true));
        assert_eq!(Fresh::Days(3).is_met(day(2026, 3, 1), today), Some(false));
        assert_eq!(Fresh::Since(2025).is_met(day(2024, 12, 31), today), Some(false));
        assert_eq!(
            Fresh::Since(2025).is_met(Some(Date { year: Some(2025), month: None, day: None }), today),
            Some(true)
        );
        assert_eq!(Fresh::Days(3).is_met(None, today), None);
        assert_eq!(Fresh::Any.is_met(None, today), Some(true));
    }
}
