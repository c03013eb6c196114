//! One request over HTTP/1.1, to where a rule lets it go.

use std::error::Error;
use std::io;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tracing::warn;

use super::connect::Guarded;
use super::names::Names;
use super::rule::{Forbidden, Rule};

/// How long a connection is kept open for the next request.
const IDLE: Duration = Duration::from_secs(5);
/// How many of them to one host.
const IDLE_EACH: usize = 64;

/// Sends requests; connections are used again. Clones share them.
#[derive(Clone)]
pub(crate) struct Client(legacy::Client<HttpsConnector<Guarded>, Full<Bytes>>);

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReachError {
    /// This server may not go there.
    #[error("{host} may not be called: {why}")]
    Forbidden {
        /// Where to.
        host: String,
        /// Why not.
        why: Forbidden,
    },
    /// Nobody knows where its host is.
    #[error("{0}")]
    NoName(String),
    /// There is no connection to be had.
    #[error("{0}")]
    NoConnection(String),
    /// There was a connection, and no answer on it that can be understood.
    #[error("{0}")]
    NoAnswer(String),
}

impl Client {
    /// A client that goes where the rule lets it, and looks up names with these.
    pub(crate) fn new(rule: Arc<Rule>, names: Names) -> Self {
        let https = HttpsConnectorBuilder::new().with_tls_config(TLS.clone()).https_or_http().enable_http1();
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_EACH)
            .pool_timer(TokioTimer::new())
            .build(https.wrap_connector(Guarded::new(rule, names)));
        Self(client)
    }

    /// Sends it once, and returns when the head of the answer is there; how long that may take is the caller's business.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, ReachError> {
        self.0.request(request).await.map_err(|error| told(&error))
    }
}

fn told(error: &legacy::Error) -> ReachError {
    if let Some(ours) = ours(error) {
        return ours;
    }
    let why = reason(error);
    if error.is_connect() { ReachError::NoConnection(why) } else { ReachError::NoAnswer(why) }
}

/// An error of ours that travels inside an `io::Error`.
fn ours(error: &(dyn Error + 'static)) -> Option<ReachError> {
    let mut next = Some(error);
    while let Some(cause) = next {
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(ours) = inner.and_then(|inner| inner.downcast_ref::<ReachError>()) {
            return Some(ours.clone());
        }
        next = cause.source();
    }
    None
}

/// What is at the bottom of an error: the rest is the library's business.
fn reason(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    inner.map_or_else(|| cause.to_string(), ToString::to_string)
}

/// TLS with the certificates of the system. Without any, no `https` address can be verified, and attempts say so.
static TLS: LazyLock<ClientConfig> = LazyLock::new(|| {
    let versions = || {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows the versions that it brings")
    };
    match versions().with_platform_verifier() {
        Ok(config) => config.with_no_client_auth(),
        Err(error) => {
            warn!(error = &error as &dyn Error, "the system has no certificates: only http addresses can be called");
            versions().with_root_certificates(RootCertStore::empty()).with_no_client_auth()
        }
    }
});

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, SocketAddr, UdpSocket};

    use super::*;
    use crate::config::Targets;
    use crate::testing::Receiver;

    /// What comes of asking an address by this rule.
    async fn asked(rule: Rule, url: &str) -> Result<u16, ReachError> {
        let client = Client::new(Arc::new(rule), Names::new());
        let request = Request::get(url).body(Full::default()).unwrap();
        client.send(request).await.map(|answer| answer.status().as_u16())
    }

    #[tokio::test]
    async fn where_it_may_not_go_nothing_arrives() {
        let receiver = Receiver::start().await;
        let port = receiver.url().trim_end_matches("/hook").rsplit(':').next().unwrap().to_owned();
        let rule = || Rule::new(Targets::default(), "127.0.0.1:1".parse().unwrap(), "ask the operator");
        for host in ["127.0.0.1", "localhost", "[::1]"] {
            let why = asked(rule(), &format!("http://{host}:{port}")).await.unwrap_err();
            assert!(why.to_string().starts_with(&format!("{host} may not be called: it is an address of ")), "{why}");
            assert!(matches!(why, ReachError::Forbidden { .. }), "{why:?}");
        }
        assert_eq!(receiver.calls().len(), 0);
        assert_eq!(asked(rule().with_home(|| true), &receiver.url()).await, Ok(200));
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
        let all = Targets { private: true, ..Targets::default() };
        let rule = Rule::new(all, SocketAddr::from(([0, 0, 0, 0], port)), "ask the operator").with_home(|| true);
        let why = asked(rule, &format!("http://{ip}:{port}/hook")).await.unwrap_err().to_string();
        assert!(why.contains("this server's own address") || why.contains("no host's address"), "{why}");
        assert_eq!(receiver.calls().len(), 0);
    }

    #[tokio::test]
    async fn who_does_not_listen_is_told_from_who_does_not_answer() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (at, rule) = (listener.local_addr().unwrap(), || {
            Rule::new(Targets::default(), "127.0.0.1:1".parse().unwrap(), "ask the operator").with_home(|| true)
        });
        let url = format!("http://{at}/");
        let hanging_up = std::thread::spawn(move || drop(listener.accept().unwrap()));
        let why = asked(rule(), &url).await.unwrap_err();
        assert!(matches!(why, ReachError::NoAnswer(_)), "{why:?}");
        hanging_up.join().unwrap();
        let why = asked(rule(), &url).await.unwrap_err();
        assert!(matches!(why, ReachError::NoConnection(_)), "{why:?}");
    }
}
