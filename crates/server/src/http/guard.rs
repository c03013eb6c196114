//! What is looked at before anything else, so that no web page can drive a server that listens on loopback.
//!
//! A page that made its own name point to 127.0.0.1 still sends that name as `Host`; a page that posts a form or plain
//! text across origins still says where it comes from. Both are refused before the body is read.

use std::net::{IpAddr, SocketAddr};

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Uri};
use legwork_api::code::Code;
use url::{Host, Origin, Url};

use super::failure::Failure;

/// The names under which this server may be asked, and the pages that may ask.
pub(crate) struct Guard {
    public: Option<Url>,
    /// Any address is a fair name when we listen beyond loopback: rebinding needs a name.
    any_address: bool,
    /// Other pages that may ask, with keys and without.
    pages: Vec<Origin>,
}

impl Guard {
    pub(crate) fn new(public: Option<Url>, listen: SocketAddr) -> Self {
        Self { public, any_address: !listen.ip().is_loopback(), pages: Vec::new() }
    }

    /// Lets the pages of these addresses ask, too.
    pub(crate) fn allowing(self, pages: &[Url]) -> Self {
        Self { pages: pages.iter().map(Url::origin).collect(), ..self }
    }

    /// Lets a request in, or says why not. Without keys (`open`), where it comes from is all there is to go by.
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap, open: bool) -> Result<(), Failure> {
        self.check_host(uri, headers)?;
        if open { self.check_origin(headers) } else { Ok(()) }
    }

    /// The origin that may read the answer, if a page asks and may.
    pub(crate) fn reader<'a>(&self, headers: &'a HeaderMap, open: bool) -> Option<&'a HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        (self.is_listed(origin) || (open && self.is_own_page(origin))).then_some(origin)
    }

    fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Failure> {
        let named = uri.authority().cloned().or_else(|| Authority::try_from(headers.get(HOST)?.as_bytes()).ok());
        if named.as_ref().is_some_and(|named| self.is_own_name(named.host())) {
            return Ok(());
        }
        let asked = named.map_or_else(|| "(none)".to_owned(), |named| named.host().to_owned());
        let hint = "ask it as localhost, or start it with --public-url and the name it shall have";
        Err(Failure::new(Code::Misdirected, format!("this server is not called {asked}; {hint}")))
    }

    fn is_own_name(&self, host: &str) -> bool {
        let public = self.public.as_ref().and_then(Url::host_str);
        is_loopback_name(host)
            || public.is_some_and(|public| public.eq_ignore_ascii_case(host))
            || (self.any_address && address(host).is_some())
    }

    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Failure> {
        let foreign = match headers.get(ORIGIN) {
            Some(origin) => !self.is_own_page(origin) && !self.is_listed(origin),
            None => headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site"),
        };
        if !foreign {
            return Ok(());
        }
        let hint = "a server without keys answers pages of this machine and of --cors-origin only";
        Err(Failure::new(Code::Forbidden, format!("a page of another origin may not ask here; {hint}")))
    }

    fn is_listed(&self, origin: &HeaderValue) -> bool {
        let read = || origin.to_str().ok().and_then(|text| Url::parse(text).ok());
        !self.pages.is_empty() && read().is_some_and(|page| self.pages.contains(&page.origin()))
    }

    fn is_own_page(&self, origin: &HeaderValue) -> bool {
        let Some(origin) = origin.to_str().ok().and_then(|text| Url::parse(text).ok()) else { return false };
        let public = self.public.as_ref().is_some_and(|public| public.origin() == origin.origin());
        public || (matches!(origin.scheme(), "http" | "https") && origin.host_str().is_some_and(is_loopback_name))
    }
}

/// The names of the machine itself that nobody else can have.
fn is_loopback_name(host: &str) -> bool {
    matches!(host, "127.0.0.1" | "[::1]") || host.eq_ignore_ascii_case("localhost")
}

fn address(host: &str) -> Option<IpAddr> {
    match Host::parse(host).ok()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(open: bool) -> (Guard, bool) {
        let public = Some("https://tasks.example.com".parse().unwrap());
        (Guard::new(public, "127.0.0.1:8787".parse().unwrap()), open)
    }

    fn asked(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        headers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    fn answer((guard, open): &(Guard, bool), headers: &[(&'static str, &'static str)]) -> bool {
        guard.check(&"/v1/tasks/runs".parse().unwrap(), &asked(headers), *open).is_ok()
    }

    #[test]
    fn a_server_knows_its_names() {
        for host in ["localhost", "LOCALHOST:8787", "127.0.0.1:1", "[::1]:8787", "tasks.example.com"] {
            assert!(answer(&guard(true), &[("host", host)]), "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "0.0.0.0", "localhost.evil", "a b", ""] {
            assert!(!answer(&guard(true), &[("host", host)]), "{host}");
            assert!(!answer(&guard(false), &[("host", host)]), "{host}, with keys");
        }
        assert!(!answer(&guard(true), &[]));
    }

    #[test]
    fn a_server_beyond_loopback_may_be_asked_by_address() {
        let guard = (Guard::new(None, "0.0.0.0:8787".parse().unwrap()), false);
        assert!(answer(&guard, &[("host", "192.168.1.5:8787")]));
        assert!(!answer(&guard, &[("host", "evil.example")]));
    }

    #[test]
    fn a_foreign_page_may_not_ask_a_server_without_keys() {
        let host = ("host", "localhost");
        for origin in ["https://evil.example", "null", "http://127.0.0.1.evil.example", "file://", "http://10.0.0.1"] {
            assert!(!answer(&guard(true), &[host, ("origin", origin)]), "{origin}");
            assert!(answer(&guard(false), &[host, ("origin", origin)]), "{origin}: the key decides");
        }
        for origin in ["http://localhost:5173", "http://127.0.0.1:8787", "https://tasks.example.com"] {
            assert!(answer(&guard(true), &[host, ("origin", origin)]), "{origin}");
        }
        assert!(!answer(&guard(true), &[host, ("sec-fetch-site", "cross-site")]));
        assert!(answer(&guard(true), &[host, ("sec-fetch-site", "same-origin")]));
    }
}
