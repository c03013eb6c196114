//! The address of a page as it is kept, and when two addresses are of one page.

use url::Url;

/// Parameters that tell who led there, and nothing about the page.
const TRACKING: &[&str] = &[
    "_hsenc", "_hsmi", "dclid", "fbclid", "gbraid", "gclid", "gclsrc", "igshid", "mc_cid", "mc_eid", "mkt_tok",
    "msclkid", "srsltid", "ttclid", "twclid", "vero_id", "wbraid", "yclid",
];

/// The address without fragment, tracking parameters and usual port; `None` when it is no page on the web.
pub(crate) fn normal(address: &str) -> Option<Url> {
    let mut url = Url::parse(address.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    if !url.has_host() || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    url.set_fragment(None);
    // What stays is left as it is written: it is the page's to read.
    let kept = url.query().map(|query| query.split('&').filter(|part| !tracks(part)).collect::<Vec<_>>().join("&"));
    url.set_query(kept.as_deref().filter(|query| !query.is_empty()));
    Some(url)
}

fn tracks(parameter: &str) -> bool {
    let name = parameter.split('=').next().unwrap_or_default().to_ascii_lowercase();
    name.is_empty() || name.starts_with("utm_") || TRACKING.contains(&name.as_str())
}

/// What two addresses of one page have in common: whether there is a `www.`, a slash at the end or TLS says nothing about it.
pub(super) fn page(url: &Url) -> String {
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    let query = url.query().map_or_else(String::new, |query| format!("?{query}"));
    format!("{}{port}{}{query}", site(url), url.path().trim_end_matches('/'))
}

/// Whose page it is.
pub(super) fn site(url: &Url) -> &str {
    let host = url.host_str().unwrap_or_default();
    host.strip_prefix("www.").unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_only_tells_who_led_there_is_left_out() {
        for (given, kept) in [
            ("HTTPS://Example.ORG:443/a?b=1&utm_source=x&gclid=2#c", "https://example.org/a?b=1"),
            ("http://example.org:80?UTM_Medium=x", "http://example.org/"),
            ("https://example.org/a?&&", "https://example.org/a"),
            ("https://example.org/a?q=%20x+y&q=", "https://example.org/a?q=%20x+y&q="),
            ("https://example.org:8443/%7Ea", "https://example.org:8443/%7Ea"),
            ("https://bücher.example/ä", "https://xn--bcher-kva.example/%C3%A4"),
        ] {
            assert_eq!(normal(given).unwrap().as_str(), kept, "{given}");
        }
    }

    #[test]
    fn what_is_no_page_on_the_web_has_no_address() {
        for odd in
            ["", "ftp://a.example/", "javascript:alert(1)", "/a", "a.example", "https://u:p@a.example/", "data:,a"]
        {
            assert_eq!(normal(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_page_has_many_addresses() {
        let of = |address: &str| page(&normal(address).unwrap());
        let same = ["https://www.example.org/a/", "http://example.org/a", "https://example.org/a?utm_source=x#y"];
        assert!(same.iter().all(|address| of(address) == "example.org/a"));
        for other in [
            "https://example.org/A",
            "https://example.org/a?b",
            "https://example.org:8443/a",
            "https://m.example.org/a",
        ] {
            assert_ne!(of(other), "example.org/a", "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_normal_address_stays_as_it_is(path in "[a-z0-9/._~%20-]{0,20}", query in "[a-z_=&+%20]{0,20}") {
            if let Some(url) = normal(&format!("https://example.org/{path}?{query}#f")) {
                prop_assert_eq!(normal(url.as_str()), Some(url));
            }
        }
    }
}
