//! What a page says about itself, and where its links lead.

use dom_query::{Document, NodeRef};
use serde_json::Value;

use super::super::About;

/// How much of what a page says for machines is read.
const DATA: usize = 512 << 10;
/// How many links are taken of a page, and how much of what they say.
const LINKS: usize = 500;
const WORDS: usize = 200;
/// What stands around the text is looked for so far above a link.
const ABOVE: usize = 30;
/// Where a page may say when it was published, the best first.
const DATES: [&str; 14] = [
    "article:published_time",
    "og:article:published_time",
    "datepublished",
    "citation_publication_date",
    "citation_online_date",
    "dc.date.issued",
    "dcterms.issued",
    "dc.date",
    "dcterms.created",
    "parsely-pub-date",
    "sailthru.date",
    "pubdate",
    "publish-date",
    "date",
];

/// What a page says about itself. Its links are another matter: they stand in its text.
pub(super) fn of(page: &Document) -> About {
    let mut said = Said::default();
    for node in page.root().descendants_it() {
        let Some(name) = node.node_name() else { continue };
        match &*name {
            "meta" => said.meta(&node),
            "script" if node.attr("type").is_some_and(|kind| kind.trim() == "application/ld+json") => {
                said.data(&node.text());
            }
            "time" | "span" | "div" if node.attr("itemprop").is_some_and(|name| &*name == "datePublished") => {
                said.date(2, node.attr("datetime").or_else(|| node.attr("content")).as_deref().unwrap_or_default());
            }
            "time" if node.has_attr("pubdate") => said.date(2, node.attr("datetime").as_deref().unwrap_or_default()),
            "base" if said.base.is_none() => said.base = node.attr("href").map(|href| href.to_string()),
            _ => {}
        }
    }
    let published = said.published.map(|(_, date)| date);
    About { published, paid: said.paid, base: said.base, ..About::default() }
}

/// The links below a node that are not left out with what stands around the text.
pub(super) fn links(root: &NodeRef<'_>, is_left_out: impl Fn(&NodeRef<'_>) -> bool) -> Vec<(String, String)> {
    let link = |node: NodeRef<'_>| {
        let href = node.attr("href").filter(|href| !href.is_empty() && !href.starts_with('#'))?;
        let text: String = node.text().split_whitespace().collect::<Vec<_>>().join(" ").chars().take(WORDS).collect();
        let kept = !text.is_empty() && !node.ancestors_it(Some(ABOVE)).any(|above| is_left_out(&above));
        kept.then(|| (href.to_string(), text))
    };
    root.descendants_it().filter(|node| node.has_name("a")).filter_map(link).take(LINKS).collect()
}

#[derive(Default)]
struct Said {
    /// The date, and how good the place is at which it stood.
    published: Option<(usize, String)>,
    paid: bool,
    base: Option<String>,
}

impl Said {
    fn meta(&mut self, node: &NodeRef<'_>) {
        let named = ["property", "name", "itemprop"].iter().find_map(|name| node.attr(name));
        let named = named.map(|name| name.trim().to_ascii_lowercase());
        let place = named.and_then(|name| DATES.iter().position(|date| *date == name));
        if let Some((place, content)) = place.zip(node.attr("content")) {
            self.date(place + 1, &content);
        }
    }

    fn date(&mut self, place: usize, text: &str) {
        let better = self.published.as_ref().is_none_or(|(known, _)| place < *known);
        if let Some(date) = date(text).filter(|_| better) {
            self.published = Some((place, date));
        }
    }

    /// What it says as linked data, of itself and not of what is in it.
    fn data(&mut self, text: &str) {
        let Some(value) = Some(text).filter(|text| text.len() <= DATA).and_then(|text| serde_json::from_str(text).ok())
        else {
            return;
        };
        let many = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        for thing in many(&value) {
            let graph = thing.get("@graph").map(many).unwrap_or_default();
            for thing in graph.iter().chain([&thing]) {
                self.date(0, thing.get("datePublished").and_then(Value::as_str).unwrap_or_default());
                self.paid |= thing.get("isAccessibleForFree").is_some_and(|free| {
                    free == &Value::Bool(false) || free.as_str().is_some_and(|free| free.eq_ignore_ascii_case("false"))
                });
            }
        }
    }
}

/// The day at the beginning of a text: `2019-05-17T…`, `2019/5/17`, `20190517`.
fn date(text: &str) -> Option<String> {
    let text = text.trim();
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let (year, month, day) = if digits == 8 {
        (&text[..4], &text[4..6], &text[6..8])
    } else {
        let mut parts = text.split(['-', '/']);
        let (year, month) = (parts.next()?, parts.next()?);
        let rest = parts.next()?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        (year, month, &rest[..end])
    };
    let (year, month, day): (u16, u8, u8) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    };
    let is_one = (1400..2200).contains(&year) && (1..=12).contains(&month) && (1..=days).contains(&day);
    is_one.then(|| format!("{year:04}-{month:02}-{day:02}"))
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::text_of;
    use super::*;

    fn about(html: &str) -> About {
        text_of("a.html", format!("<body>{html}<p>Some words.</p>").as_bytes()).unwrap().about
    }

    #[test]
    fn the_day_of_publication_is_found_where_pages_have_it() {
        for html in [
            r#"<meta property="article:published_time" content="2019-05-17T08:00:00+02:00">"#,
            r#"<meta name="citation_publication_date" content="2019/5/17">"#,
            r#"<meta name="DC.date.issued" content="2019-05-17">"#,
            r#"<meta name="date" content="20190517">"#,
            r#"<time itemprop="datePublished" datetime="2019-05-17">May</time>"#,
            r#"<script type="application/ld+json">{"@type":"NewsArticle","datePublished":"2019-05-17T06:00:00Z"}</script>"#,
            r#"<script type="application/ld+json">[{"@graph":[{"@type":"WebSite"},{"datePublished":"2019-05-17"}]}]</script>"#,
            r#"<meta name="date" content="2020-01-01"><meta property="article:published_time" content="2019-05-17">"#,
        ] {
            assert_eq!(about(html).published.as_deref(), Some("2019-05-17"), "{html}");
        }
    }

    #[test]
    fn what_is_no_day_of_publication_is_none() {
        for html in [
            r#"<meta name="date" content="yesterday">"#,
            r#"<meta name="date" content="2019-02-29">"#,
            r#"<meta name="date" content="2019-13-01">"#,
            r#"<time datetime="2019-05-17">in May</time>"#,
            r#"<script type="application/ld+json">{"comment":{"datePublished":"2019-05-17"}}</script>"#,
            r#"<script type="application/ld+json">{"datePublished":</script>"#,
        ] {
            assert_eq!(about(html).published, None, "{html}");
        }
    }

    #[test]
    fn a_page_may_say_that_it_has_to_be_paid_for() {
        for (free, paid) in
            [("false", true), (r#""False""#, true), ("true", false), (r#""http://schema.org/True""#, false)]
        {
            let data = format!(r#"<script type="application/ld+json">{{"isAccessibleForFree":{free}}}</script>"#);
            assert_eq!(about(&data).paid, paid, "{free}");
        }
    }

    #[test]
    fn links_are_those_of_the_text() {
        let html = "<base href='/deep/'><nav><a href=/menu>Menu</a></nav><p><a href='x?a=1'> One  <b>link</b></a>\
                    <a href='#top'>Top</a><a href=y hidden>Hidden</a><a href=z><img></a></p>";
        let About { links, base, .. } = about(html);
        assert_eq!((links, base.as_deref()), (vec![("x?a=1".to_owned(), "One link".to_owned())], Some("/deep/")));
    }
}
