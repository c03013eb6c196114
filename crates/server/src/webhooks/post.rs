//! One call of a webhook over HTTP: to where it may go, signed, with an end to its patience. Redirects are not followed:
//! they would lead past the look at the address, and a signature is for one receiver.

use std::collections::BTreeMap;
use std::error::Error;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, Request, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use legwork_api::secret::Secret;
use legwork_api::signature::{self, ID, SIGNATURE, Scheme, TIMESTAMP};
use legwork_core::delivery::{Attempt, Heard};
use legwork_core::id::Owner;
use legwork_core::time::Micros;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tower_service::Service;
use tracing::warn;

use super::target::{Forbidden, Rule};

/// How long an attempt may take, from the name to the head of the answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long one of several addresses is tried before the next.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the beginning of an answer's body is waited for: whether it was a success is known by then.
const EXCERPT_TIME: Duration = Duration::from_secs(1);
/// How much of an answer's body is kept, in bytes.
const EXCERPT: usize = 512;
/// How much of it is read, so that the connection can be used again.
const READ: usize = 64 * 1024;
/// How long a connection is kept open for the next call.
const IDLE: Duration = Duration::from_secs(5);
/// How many of them to one receiver: as many as there may be calls at once.
const IDLE_EACH: usize = 64;
/// How many names are looked up at a time: the system does that on threads of which others need some too.
const LOOKUPS: usize = 64;
/// How many of them for one owner, so that names that nobody answers for hold up only him who gave them.
const OWNERS_LOOKUPS: usize = 8;

/// Makes calls; connections are used again.
pub(super) struct Post {
    rule: Arc<Rule>,
    at_home: AtHome,
    tls: ClientConfig,
    lookups: Arc<Semaphore>,
    /// One an owner. There are no more owners than keys.
    clients: Mutex<BTreeMap<Owner, OwnersClient>>,
}

/// Whether this machine may be called, at the moment when it is asked.
pub(super) type AtHome = Arc<dyn Fn() -> bool + Send + Sync>;

/// Connects for one owner.
type OwnersClient = Client<HttpsConnector<Guarded>, Full<Bytes>>;

/// What is sent.
pub(super) struct Parcel<'a> {
    /// Where to.
    pub(super) url: &'a str,
    /// The `webhook-id`.
    pub(super) id: &'a str,
    /// What it says.
    pub(super) body: Bytes,
    /// What it is signed with.
    pub(super) secrets: &'a [Secret],
    /// How the secrets are read.
    pub(super) scheme: Scheme,
}

impl Post {
    pub(super) fn new(rule: Arc<Rule>, at_home: AtHome) -> Self {
        let lookups = Arc::new(Semaphore::new(LOOKUPS));
        Self { rule, at_home, tls: tls(), lookups, clients: Mutex::default() }
    }

    /// Sends it once for this owner, as of this moment.
    pub(super) async fn send(&self, owner: &Owner, parcel: Parcel<'_>, now: Micros) -> Attempt {
        let began = Instant::now();
        let nothing = |why| Attempt { at: now, took: began.elapsed(), heard: Heard::Nothing { why } };
        let request = match request(parcel, now) {
            Ok(request) => request,
            Err(why) => return nothing(why),
        };
        match timeout(PATIENCE, self.client(owner).request(request)).await {
            Err(_) => nothing(format!("there was no answer within {} s", PATIENCE.as_secs())),
            Ok(Err(error)) => nothing(reason(&error)),
            Ok(Ok(answer)) => {
                let took = began.elapsed();
                let (head, body) = answer.into_parts();
                let retry_after = retry_after(&head.headers, now + took);
                let heard = Heard::Answer { status: head.status.as_u16(), retry_after, excerpt: excerpt(body).await };
                Attempt { at: now, took, heard }
            }
        }
    }

    fn client(&self, owner: &Owner) -> OwnersClient {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(owner) {
            return client.clone();
        }
        let names = Names { all: self.lookups.clone(), owners: Arc::new(Semaphore::new(OWNERS_LOOKUPS)) };
        let https = HttpsConnectorBuilder::new().with_tls_config(self.tls.clone()).https_or_http().enable_http1();
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_EACH)
            .pool_timer(TokioTimer::new())
            .build(https.wrap_connector(Guarded { rule: self.rule.clone(), at_home: self.at_home.clone(), names }));
        clients.entry(owner.clone()).or_insert(client).clone()
    }
}

fn request(parcel: Parcel<'_>, now: Micros) -> Result<Request<Full<Bytes>>, String> {
    let Parcel { url, id, body, secrets, scheme } = parcel;
    let timestamp = now.0.div_euclid(1_000_000);
    let signature = signature::sign(secrets, scheme, id, timestamp, &body);
    if signature.is_empty() {
        return Err("there is no secret to sign it with, and nothing is sent unsigned".to_owned());
    }
    Request::post(url)
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, concat!("legwork/", env!("CARGO_PKG_VERSION")))
        .header(ID, id)
        .header(TIMESTAMP, timestamp)
        .header(SIGNATURE, signature)
        .body(Full::new(body))
        .map_err(|error| format!("it cannot be sent: {error}"))
}

/// The first bytes of an answer, as text. An answer that has no end is left.
async fn excerpt(mut body: Incoming) -> String {
    let mut read = Vec::new();
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            if let Some(data) = frame.data_ref() {
                read.extend_from_slice(data);
            }
            if read.len() > READ {
                return;
            }
        }
    };
    // What has come until then is all there is to show.
    drop(timeout(EXCERPT_TIME, reading).await);
    let text = String::from_utf8_lossy(&read[..read.len().min(EXCERPT)]);
    text.trim_end_matches(char::REPLACEMENT_CHARACTER).to_owned()
}

/// `Retry-After`, as seconds or as a date.
fn retry_after(headers: &HeaderMap, now: Micros) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = Micros(0) + httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(at.since(now)).filter(|wait| !wait.is_zero())
}

/// What is at the bottom of an error: the rest is the library's business.
fn reason(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    // An error of ours travels inside an `io::Error`.
    let ours = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    ours.map_or_else(|| cause.to_string(), ToString::to_string)
}

/// TLS with the certificates of the system. Without any, no `https` receiver can be verified, and attempts say so.
fn tls() -> ClientConfig {
    let versions = || {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows the versions that it brings")
    };
    match versions().with_platform_verifier() {
        Ok(config) => config.with_no_client_auth(),
        Err(error) => {
            warn!(
                error = &error as &dyn Error,
                "the system has no certificates: webhooks can be sent to http addresses only"
            );
            versions().with_root_certificates(RootCertStore::empty()).with_no_client_auth()
        }
    }
}

/// Connects to where it is allowed to: the address is judged after the name was resolved, right before it is used.
#[derive(Clone)]
struct Guarded {
    rule: Arc<Rule>,
    at_home: AtHome,
    names: Names,
}

/// Looks names up, a few at a time.
#[derive(Clone)]
struct Names {
    all: Arc<Semaphore>,
    owners: Arc<Semaphore>,
}

/// A connection on its way.
type Connecting = Pin<Box<dyn Future<Output = io::Result<TokioIo<TcpStream>>> + Send>>;

impl Service<Uri> for Guarded {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Connecting;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Connecting {
        let Self { rule, at_home, names } = self.clone();
        Box::pin(async move { connect(&rule, || at_home(), &names, &to).await.map(TokioIo::new) })
    }
}

impl Names {
    async fn look_up(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Ok(ip) = name.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        // The owner's first, so that he holds no place that others could have while he waits for his own.
        let owners = self.owners.clone().acquire_owned().await.map_err(io::Error::other)?;
        let one = self.all.clone().acquire_owned().await.map_err(io::Error::other)?;
        let name = name.to_owned();
        // Whoever asked may have left: the places are free when the thread is.
        let found = spawn_blocking(move || {
            let found = (name, port).to_socket_addrs().map(Iterator::collect);
            drop((owners, one));
            found
        });
        found.await.map_err(io::Error::other)?
    }
}

/// `at_home` says whether this machine may be called, at the moment when it is asked.
async fn connect(rule: &Rule, at_home: impl Fn() -> bool, names: &Names, to: &Uri) -> io::Result<TcpStream> {
    let host = to.host().ok_or_else(|| io::Error::other(Forbidden::NoHost))?;
    let default = if to.scheme_str() == Some("https") { 443 } else { 80 };
    let port = to.port_u16().unwrap_or(default);
    // A number in brackets is resolved without them.
    let name = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let mut failed = io::Error::other(format!("{host} has no address"));
    for address in names.look_up(name, port).await? {
        match connect_at(rule, at_home(), host, address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Connects to one of a host's addresses, if it may be called there.
async fn connect_at(rule: &Rule, loopback: bool, host: &str, address: SocketAddr) -> io::Result<TcpStream> {
    let forbidden = |why: Forbidden| io::Error::other(format!("{host} may not be called: {why}"));
    rule.check(host, address, loopback).map_err(forbidden)?;
    let late = |_| io::Error::other(format!("no connection within {} s", CONNECT.as_secs()));
    let stream = timeout(CONNECT, TcpStream::connect(address)).await.map_err(late)??;
    rule.check_ends(host, stream.local_addr()?, stream.peer_addr()?, loopback).map_err(forbidden)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;
    use crate::config::Targets;
    use crate::testing::Receiver;

    /// 2023-11-14T22:13:20Z.
    const NOW: Micros = Micros(1_700_000_000_000_000);

    fn told(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().unwrap());
        retry_after(&headers, NOW)
    }

    /// What comes of calling an address by this rule.
    async fn sent(rule: Rule, at_home: bool, url: &str) -> Heard {
        let secrets = ["whsec_c2VjcmV0".to_owned().into()];
        let body = Bytes::from_static(b"{}");
        let parcel = Parcel { url, id: "whevent_1", body, secrets: &secrets, scheme: Scheme::Both };
        Post::new(Arc::new(rule), Arc::new(move || at_home)).send(&Owner::local(), parcel, NOW).await.heard
    }

    fn why(heard: Heard) -> String {
        let Heard::Nothing { why } = heard else { panic!("{heard:?}") };
        why
    }

    #[tokio::test]
    async fn where_it_may_not_go_nothing_arrives() {
        let receiver = Receiver::start().await;
        let port = receiver.url().rsplit(':').next().unwrap().to_owned();
        let rule = || Rule::new(Targets::default(), "127.0.0.1:1".parse().unwrap());
        for host in ["127.0.0.1", "localhost", "[::1]"] {
            let why = why(sent(rule(), false, &format!("http://{host}:{port}")).await);
            assert!(why.starts_with(&format!("{host} may not be called")), "{why}");
        }
        assert_eq!(receiver.calls().len(), 0);
        assert!(matches!(sent(rule(), true, &receiver.url()).await, Heard::Answer { status: 200, .. }));
    }

    /// By the address that the way to the outside begins at; on a machine without any that is loopback. Some machines in
    /// laboratories have one at which no receiver can be, which is as good.
    #[tokio::test]
    async fn a_server_that_listens_everywhere_does_not_call_itself() {
        let way = UdpSocket::bind("0.0.0.0:0").unwrap();
        let outside = way.connect("192.0.2.1:9").and_then(|()| way.local_addr());
        let ip = outside.map_or(IpAddr::from([127, 0, 0, 1]), |address| address.ip());
        let receiver = Receiver::start_at("0.0.0.0:0".parse().unwrap()).await;
        let port: u16 = receiver.url().trim_end_matches("/hook").rsplit(':').next().unwrap().parse().unwrap();
        let rule = || {
            let all = Targets { private: true, ..Targets::default() };
            Rule::new(all, SocketAddr::from(([0, 0, 0, 0], port)))
        };
        let why = why(sent(rule(), true, &format!("http://{ip}:{port}/hook")).await);
        assert!(why.contains("this server's own address") || why.contains("no host's address"), "{why}");
        assert_eq!(receiver.calls().len(), 0);
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        assert_eq!(told("120"), Some(Duration::from_mins(2)));
        assert_eq!(told("soon"), None);
        assert_eq!(told("Wed, 21 Oct 2015 07:28:00 GMT"), None, "it has passed");
        assert_eq!(told("Tue, 14 Nov 2023 23:13:20 GMT"), Some(Duration::from_hours(1)), "by the server's own clock");
    }

    #[test]
    fn nothing_is_sent_unsigned() {
        let parcel = |secrets| Parcel {
            url: "http://a.example/",
            id: "whevent_1",
            body: Bytes::from_static(b"{}"),
            secrets,
            scheme: Scheme::Standard,
        };
        assert!(request(parcel(&[]), Micros(0)).is_err());
        let (words, secret) = (["no base64!".to_owned().into()], ["whsec_c2VjcmV0".to_owned().into()]);
        assert!(request(parcel(&words), Micros(0)).is_err());
        let good = request(parcel(&secret), Micros(1_700_000_000_999_999)).unwrap();
        assert_eq!(
            (&good.headers()[TIMESTAMP], &good.headers()[ID]),
            (&"1700000000".parse().unwrap(), &"whevent_1".parse().unwrap())
        );
    }
}
