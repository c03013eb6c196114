//! One call of a webhook over HTTP: to where it may go, signed, with an end to its patience. Redirects are not followed:
//! they would lead past the look at the address, and a signature is for one receiver.

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

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
use legwork_core::delivery::Heard;
use legwork_core::time::Micros;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tower_service::Service;
use tracing::warn;

use super::target::{Forbidden, Rule};
use crate::keys::Keyring;

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
const IDLE: Duration = Duration::from_secs(30);

/// Makes calls; connections are used again.
pub(super) struct Post {
    client: Client<HttpsConnector<Guarded>, Full<Bytes>>,
}

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
    pub(super) fn new(rule: Arc<Rule>, keys: Arc<Keyring>) -> Self {
        let https = HttpsConnectorBuilder::new().with_tls_config(tls()).https_or_http().enable_http1();
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(https.wrap_connector(Guarded { rule, keys }));
        Self { client }
    }

    /// Sends it once, as of this moment.
    pub(super) async fn send(&self, parcel: Parcel<'_>, now: Micros) -> Heard {
        let request = match request(parcel, now) {
            Ok(request) => request,
            Err(why) => return Heard::Nothing { why },
        };
        match timeout(PATIENCE, self.client.request(request)).await {
            Err(_) => Heard::Nothing { why: format!("there was no answer within {} s", PATIENCE.as_secs()) },
            Ok(Err(error)) => Heard::Nothing { why: reason(&error) },
            Ok(Ok(answer)) => {
                let (head, body) = answer.into_parts();
                let excerpt = excerpt(body).await;
                Heard::Answer { status: head.status.as_u16(), retry_after: retry_after(&head.headers), excerpt }
            }
        }
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
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(text).ok()?;
    at.duration_since(SystemTime::now()).ok()
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
    keys: Arc<Keyring>,
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
        let guarded = self.clone();
        Box::pin(async move { guarded.connect(&to).await.map(TokioIo::new) })
    }
}

impl Guarded {
    async fn connect(&self, to: &Uri) -> io::Result<TcpStream> {
        let host = to.host().ok_or_else(|| io::Error::other(Forbidden::NoHost))?;
        let default = if to.scheme_str() == Some("https") { 443 } else { 80 };
        let port = to.port_u16().unwrap_or(default);
        // A number in brackets is resolved without them.
        let name = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let found: Vec<SocketAddr> = lookup_host((name, port)).await?.collect();
        let mut failed = io::Error::other(format!("{host} has no address"));
        for address in found {
            // Asked right before it is used, like the name.
            match self.rule.check(host, address, self.keys.ring().is_at_home()) {
                Err(forbidden) => failed = io::Error::other(format!("{host} may not be called: {forbidden}")),
                Ok(()) => match timeout(CONNECT, TcpStream::connect(address)).await {
                    Ok(Ok(stream)) => {
                        stream.set_nodelay(true)?;
                        return Ok(stream);
                    }
                    Ok(Err(error)) => failed = error,
                    Err(_) => failed = io::Error::other(format!("no connection within {} s", CONNECT.as_secs())),
                },
            }
        }
        Err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().unwrap());
        retry_after(&headers)
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        assert_eq!(told("120"), Some(Duration::from_mins(2)));
        assert_eq!(told("soon"), None);
        assert_eq!(told("Wed, 21 Oct 2015 07:28:00 GMT"), None, "it has passed");
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_hours(1));
        assert!(told(&date).is_some_and(|wait| wait > Duration::from_mins(58)));
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
