//! Where this server may go. Others choose the address, and this server may reach what they cannot: its own machine, its
//! network, a cloud's metadata. So what is not on the public internet is called only if the operator wants it.
//!
//! The form of an address can be judged without asking anybody; no name is resolved then. A name is judged when it is
//! connected to, by the very address that is then used, and once more when the connection is there: this machine has more
//! addresses than it knows by heart, and whichever of them was called, the other end of such a connection is at the same one.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use url::{Host, Url};

use crate::config::Targets;

/// The rule for one purpose of one server.
#[derive(Clone)]
pub(crate) struct Rule {
    allowed: Targets,
    /// Where this server listens: nobody may drive it through itself.
    own: SocketAddr,
    /// What an operator does who wants more, for people.
    hint: &'static str,
    /// Whether this machine may be called but for the server itself, at the moment when it is asked.
    at_home: Arc<dyn Fn() -> bool + Send + Sync>,
    /// Whether what the operator does not list is called at the ports of the web only.
    usual_ports: bool,
}

/// The ports of the web.
const USUAL_PORTS: [u16; 2] = [80, 443];

/// Why an address is not called, for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Forbidden {
    /// It would be ourselves.
    #[error("it is this server's own address")]
    Own,
    /// It is not on the public internet.
    #[error("it is {kind}; {hint}")]
    NotPublic {
        /// What it is.
        kind: Kind,
        /// What an operator does who wants it nevertheless.
        hint: &'static str,
    },
    /// There are no pages at such a port.
    #[error("pages are not at port {port}; {hint}")]
    Port {
        /// Which one.
        port: u16,
        /// What an operator does who wants it nevertheless.
        hint: &'static str,
    },
    /// Nothing can be there.
    #[error("it is {0}, where no receiver can be")]
    Nowhere(Kind),
    /// It names no host.
    #[error("it has no host")]
    NoHost,
}

/// What kind of an address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Anybody's.
    Public,
    /// The machine itself.
    Loopback,
    /// Of somebody's network, or set apart for a purpose.
    Private,
    /// Of the one link, or as near: a cloud's metadata lie here.
    LinkLocal,
    /// Of no host at all: unspecified, multicast, broadcast, for documentation.
    NoHost,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "a public address",
            Self::Loopback => "an address of the server's own machine",
            Self::Private => "an address of a private network",
            Self::LinkLocal => "a link-local address, or one of a cloud's own",
            Self::NoHost => "no host's address",
        })
    }
}

impl Rule {
    /// The public internet and what is allowed beside it, for a server that listens at `own`; `hint` says what to do for more.
    pub(crate) fn new(allowed: Targets, own: SocketAddr, hint: &'static str) -> Self {
        Self { allowed, own, hint, at_home: Arc::new(|| false), usual_ports: false }
    }

    /// The same, with this machine but for the server itself as long as `at_home` says so.
    pub(crate) fn with_home(self, at_home: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { at_home: Arc::new(at_home), ..self }
    }

    /// The same, at the ports of the web only, but for what is listed.
    pub(crate) fn at_usual_ports(self) -> Self {
        Self { usual_ports: true, ..self }
    }

    /// Whether the operator's list names the host of an address.
    pub(crate) fn lists(&self, url: &Url) -> bool {
        url.host_str().is_some_and(|host| self.names(host, url.port_or_known_default().unwrap_or(0)))
    }

    /// Judges the form of an address, as it can be judged without asking anybody.
    pub(crate) fn form(&self, url: &Url) -> Result<(), Forbidden> {
        let port = url.port_or_known_default().unwrap_or(0);
        let named = url.host_str().ok_or(Forbidden::NoHost)?;
        match url.host() {
            // The URL standard has read every spelling of a number by now: 2130706433, 0x7f.1, 127.1.
            Some(Host::Ipv4(ip)) => self.check(named, SocketAddr::from((ip, port))),
            Some(Host::Ipv6(ip)) => self.check(named, SocketAddr::from((ip, port))),
            Some(Host::Domain(name)) if is_localhost(name) => {
                self.check(named, SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
            }
            Some(Host::Domain(_)) => self.check_port(named, port),
            None => Err(Forbidden::NoHost),
        }
    }

    /// Judges an address that is about to be connected to, under the name by which it was found.
    pub(super) fn check(&self, named: &str, at: SocketAddr) -> Result<(), Forbidden> {
        let ip = at.ip().to_canonical();
        if ip == self.own.ip().to_canonical() && at.port() == self.own.port() {
            return Err(Forbidden::Own);
        }
        self.judge(named, kind(ip), at.port())?;
        self.check_port(named, at.port())
    }

    fn check_port(&self, named: &str, port: u16) -> Result<(), Forbidden> {
        let fine = !self.usual_ports || USUAL_PORTS.contains(&port) || self.names(named, port);
        if fine { Ok(()) } else { Err(Forbidden::Port { port, hint: self.hint }) }
    }

    fn names(&self, host: &str, port: u16) -> bool {
        self.allowed.hosts.iter().any(|entry| is_named(entry, host, port))
    }

    /// Judges a connection by both of its ends: if they have one address, it is this machine's, whatever kind it is of.
    pub(super) fn check_ends(&self, named: &str, here: SocketAddr, there: SocketAddr) -> Result<(), Forbidden> {
        if here.ip().to_canonical() != there.ip().to_canonical() {
            return Ok(());
        }
        self.judge(named, Kind::Loopback, there.port())
    }

    fn judge(&self, named: &str, kind: Kind, port: u16) -> Result<(), Forbidden> {
        if kind == Kind::NoHost {
            return Err(Forbidden::Nowhere(kind));
        }
        // On every address of this machine our port is ours, wherever we listen: better one receiver too few.
        if kind == Kind::Loopback && port == self.own.port() {
            return Err(Forbidden::Own);
        }
        let fine = kind == Kind::Public
            || self.allowed.private
            || self.names(named, port)
            || (kind == Kind::Loopback && (self.at_home)());
        if fine { Ok(()) } else { Err(Forbidden::NotPublic { kind, hint: self.hint }) }
    }
}

/// Whether an entry of the operator's list, `host` or `host:port`, means this host.
fn is_named(entry: &str, host: &str, port: u16) -> bool {
    let is_host = |entry: &str| entry.eq_ignore_ascii_case(host);
    let with_port = entry.rsplit_once(':').filter(|(_, digits)| digits.parse() == Ok(port));
    is_host(entry) || with_port.is_some_and(|(entry, _)| is_host(entry))
}

/// The names of the machine itself, whatever a resolver says of them.
fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// The special blocks of IPv4 (IANA's registry, RFC 6890 and its successors).
const V4: &[([u8; 4], u32, Kind)] = &[
    ([0, 0, 0, 0], 8, Kind::NoHost),
    ([10, 0, 0, 0], 8, Kind::Private),
    ([100, 64, 0, 0], 10, Kind::Private),
    ([127, 0, 0, 0], 8, Kind::Loopback),
    ([168, 63, 129, 16], 32, Kind::LinkLocal), // Azure's, to each of its machines.
    ([169, 254, 0, 0], 16, Kind::LinkLocal),
    ([172, 16, 0, 0], 12, Kind::Private),
    ([192, 0, 0, 0], 24, Kind::Private),
    ([192, 0, 2, 0], 24, Kind::NoHost),
    ([192, 88, 99, 0], 24, Kind::Private),
    ([192, 168, 0, 0], 16, Kind::Private),
    ([198, 18, 0, 0], 15, Kind::Private),
    ([198, 51, 100, 0], 24, Kind::NoHost),
    ([203, 0, 113, 0], 24, Kind::NoHost),
    ([224, 0, 0, 0], 4, Kind::NoHost),
    ([240, 0, 0, 0], 4, Kind::NoHost),
];

/// The blocks of IPv6 that carry no IPv4 address: the first 32 bits, how many of them count, and what they are. The first
/// that fits decides; what fits none is not given out, and so nobody's that we know.
const V6: &[(u32, u32, Kind)] = &[
    (0x2001_0000, 23, Kind::Private), // Protocols, Teredo among them.
    (0x2001_0db8, 32, Kind::NoHost),  // Documentation.
    (0x3fff_0000, 20, Kind::NoHost),  // Documentation.
    (0x2000_0000, 3, Kind::Public),   // All that is given out.
    (0xfe80_0000, 10, Kind::LinkLocal),
    (0xff00_0000, 8, Kind::NoHost), // Multicast.
];

fn kind(ip: IpAddr) -> Kind {
    match ip {
        IpAddr::V4(ip) => kind_v4(ip),
        IpAddr::V6(ip) => kind_v6(ip),
    }
}

fn kind_v4(ip: Ipv4Addr) -> Kind {
    let starts = |block: [u8; 4], bits: u32| (ip.to_bits() ^ u32::from_be_bytes(block)) >> (32 - bits) == 0;
    V4.iter().find(|(block, bits, _)| starts(*block, *bits)).map_or(Kind::Public, |(.., kind)| *kind)
}

fn kind_v6(ip: Ipv6Addr) -> Kind {
    if ip.is_loopback() {
        return Kind::Loopback;
    }
    if ip.is_unspecified() {
        return Kind::NoHost;
    }
    if let Some(inner) = inner_v4(ip) {
        return kind_v4(inner);
    }
    let head = u32::try_from(ip.to_bits() >> 96).unwrap_or(0);
    let starts = |block: u32, bits: u32| (head ^ block) >> (32 - bits) == 0;
    V6.iter().find(|(block, bits, _)| starts(*block, *bits)).map_or(Kind::Private, |(.., kind)| *kind)
}

/// The IPv4 address that an IPv6 address stands for or leads to: mapped, NAT64, 6to4.
fn inner_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = ip.to_bits();
    let low = || u32::try_from(bits & 0xffff_ffff).ok().map(Ipv4Addr::from_bits);
    match bits >> 32 {
        0xffff | 0x0064_ff9b_0000_0000_0000_0000 => low(),
        _ if bits >> 112 == 0x2002 => u32::try_from((bits >> 80) & 0xffff_ffff).ok().map(Ipv4Addr::from_bits),
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const HINT: &str = "ask the operator";

    fn rule(at_home: bool, private: bool, hosts: &[&str]) -> Rule {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        Rule::new(Targets { private, hosts }, "127.0.0.1:8787".parse().unwrap(), HINT).with_home(move || at_home)
    }

    fn form(rule: &Rule, url: &str) -> Result<(), Forbidden> {
        rule.form(&url.parse().unwrap())
    }

    fn not_public(kind: Kind) -> Result<(), Forbidden> {
        Err(Forbidden::NotPublic { kind, hint: HINT })
    }

    /// Every spelling that reached the secret in an experiment, and the places that attackers want.
    pub(crate) const ATTACKS: &[&str] = &[
        "http://127.0.0.1/",
        "http://127.1:9000/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.0.0.1.:80/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::127.0.0.1]/",
        "http://[::ffff:0:127.0.0.1]/",
        "http://[::ffff:0:10.0.0.1]/",
        "http://[::1:2:3]/",
        "http://[64:ff9b:1::1]/",
        "http://[100::1]/",
        "http://[4000::1]/",
        "http://[5f00::1]/",
        "http://[fec0::1]/",
        "http://168.63.129.16/machine",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://localhost/",
        "http://LOCALHOST./",
        "http://a.localhost/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1]/",
        "http://[fd00:ec2::254]/",
        "http://10.0.0.1/",
        "http://172.31.255.255/",
        "http://192.168.1.1/",
        "http://100.64.0.1/",
        "http://0/",
        "http://0.0.0.0:8787/",
        "http://[::]/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "http://[ff02::1]/",
    ];

    #[test]
    fn what_is_not_public_is_refused_in_every_spelling() {
        for url in ATTACKS {
            assert!(form(&rule(false, false, &[]), url).is_err(), "{url}");
        }
    }

    #[test]
    fn what_is_public_or_a_name_is_fine_in_its_form() {
        for url in [
            "https://example.com/hook",
            "http://1.1.1.1/",
            "https://[2606:4700::1111]:8443/",
            "http://172.32.0.1/",
            "http://[::ffff:1.1.1.1]/",
            "http://[64:ff9b::1.1.1.1]/",
            "http://168.63.129.17/",
        ] {
            assert_eq!(form(&rule(false, false, &[]), url), Ok(()), "{url}");
        }
    }

    #[test]
    fn a_name_is_judged_by_the_address_that_is_used() {
        let rule = rule(false, false, &[]);
        let check = |at: &str| rule.check("hook.example", at.parse().unwrap());
        assert_eq!(check("10.0.0.1:443"), not_public(Kind::Private));
        assert_eq!(check("[::ffff:169.254.169.254]:80"), not_public(Kind::LinkLocal));
        assert_eq!(check("1.1.1.1:443"), Ok(()));
    }

    #[test]
    fn at_home_this_machine_may_be_called_but_not_this_server() {
        let open = rule(true, false, &[]);
        assert_eq!(form(&open, "http://127.0.0.1:9000/hook"), Ok(()));
        assert_eq!(form(&open, "http://localhost:9000/hook"), Ok(()));
        for own in
            ["http://127.0.0.1:8787/", "http://localhost:8787/v1", "http://[::1]:8787/", "http://127.0.0.2:8787/"]
        {
            assert_eq!(form(&open, own), Err(Forbidden::Own), "{own}");
        }
        assert_eq!(form(&open, "http://10.0.0.1/"), not_public(Kind::Private));
    }

    #[test]
    fn the_own_address_is_known_in_every_spelling() {
        let all = Targets { private: true, ..Targets::default() };
        let rule = Rule::new(all, "[::ffff:10.0.0.7]:8787".parse().unwrap(), HINT);
        for own in ["http://10.0.0.7:8787/", "http://[::ffff:10.0.0.7]:8787/", "http://127.0.0.1:8787/"] {
            assert_eq!(form(&rule, own), Err(Forbidden::Own), "{own}");
        }
        assert_eq!(form(&rule, "http://10.0.0.8:8787/"), Ok(()));
    }

    #[test]
    fn pages_are_at_the_ports_of_the_web_or_where_the_operator_says() {
        let web = rule(false, false, &["a.lan:8080", "b.lan"]).at_usual_ports();
        for url in
            ["http://a.example/", "https://a.example/", "http://1.1.1.1:443/", "http://a.lan:8080/", "http://b.lan:99/"]
        {
            assert_eq!(form(&web, url), Ok(()), "{url}");
        }
        for (url, port) in [("http://a.example:8080/", 8080), ("https://1.1.1.1:22/", 22), ("http://a.lan:8081/", 8081)]
        {
            assert_eq!(form(&web, url), Err(Forbidden::Port { port, hint: HINT }), "{url}");
        }
        assert!(web.check("a.example", "1.1.1.1:25".parse().unwrap()).is_err(), "and so at the connection");
        assert!(web.lists(&"http://b.lan/".parse().unwrap()) && !web.lists(&"http://a.lan/".parse().unwrap()));
    }

    #[test]
    fn a_connection_to_this_machine_is_one_whatever_address_it_goes_by() {
        let everywhere = |private, at_home: bool| {
            let targets = Targets { private, ..Targets::default() };
            Rule::new(targets, "0.0.0.0:8787".parse().unwrap(), HINT).with_home(move || at_home)
        };
        let ends = |rule: &Rule, here: &str, there: &str| {
            rule.check_ends("hooks.example", here.parse().unwrap(), there.parse().unwrap())
        };
        let all = everywhere(true, false);
        assert_eq!(ends(&all, "8.8.4.4:50000", "8.8.4.4:8787"), Err(Forbidden::Own));
        assert_eq!(ends(&all, "[::ffff:10.0.0.7]:50000", "10.0.0.7:8787"), Err(Forbidden::Own));
        assert_eq!(ends(&all, "10.0.0.7:50000", "10.0.0.7:9000"), Ok(()));
        let none = everywhere(false, false);
        assert_eq!(ends(&none, "8.8.4.4:50000", "8.8.4.4:80"), not_public(Kind::Loopback));
        assert_eq!(ends(&none, "8.8.4.4:50000", "8.8.8.8:8787"), Ok(()), "that is another machine");
        let keyless = everywhere(false, true);
        assert_eq!(ends(&keyless, "8.8.4.4:50000", "8.8.4.4:80"), Ok(()));
    }

    #[test]
    fn the_operator_may_allow_private_ones_or_some_of_them_but_never_this_server() {
        let all = rule(false, true, &[]);
        assert_eq!((form(&all, "http://10.0.0.1/"), form(&all, "http://127.0.0.1:1/")), (Ok(()), Ok(())));
        assert_eq!(form(&all, "http://127.0.0.1:8787/"), Err(Forbidden::Own));
        assert!(form(&all, "http://0.0.0.0:9000/").is_err(), "nothing is there");
        let some = rule(false, false, &["10.0.0.1", "hooks.lan:9000", "[::1]:9000"]);
        assert_eq!(form(&some, "http://10.0.0.1:1234/"), Ok(()));
        assert_eq!(form(&some, "http://[::1]:9000/"), Ok(()));
        assert!(form(&some, "http://[::1]:9001/").is_err() && form(&some, "http://10.0.0.2/").is_err());
        let check = |at: &str| some.check("hooks.lan", at.parse().unwrap());
        assert_eq!(check("192.168.0.9:9000"), Ok(()));
        assert!(check("192.168.0.9:80").is_err());
    }
}
