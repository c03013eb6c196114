//! Takes webhooks at an address of this machine, and believes only those that are signed.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use legwork_api::secret::Secret;
use legwork_api::signature::{ID, SIGNATURE, Signed, TIMESTAMP, Unverified, verify};
use legwork_core::time::Micros;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use url::Url;

/// How long a body may be, in bytes: more than any server of ours sends.
const MOST: usize = 4 * 1024 * 1024;
/// How long the place it is passed on to may take.
const PATIENCE: Duration = Duration::from_secs(14);
/// How many deliveries are remembered, so that a replay is noticed.
const REMEMBERED: usize = 10_000;

/// A receiver at work, until it is dropped.
pub(crate) struct Receiver {
    address: SocketAddr,
    calls: mpsc::Receiver<Received>,
    serving: tokio::task::JoinHandle<()>,
}

/// A call that came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// When.
    pub(crate) at: Micros,
    /// Its `webhook-id`; empty when it has none.
    pub(crate) id: String,
    /// Whether it is to be believed.
    pub(crate) verdict: Verdict,
    /// What it says.
    pub(crate) body: Bytes,
    /// What it was answered with.
    pub(crate) answered: u16,
}

/// What a receiver makes of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is signed, and new.
    New,
    /// It is signed, and was here before: the sender had no answer, or was asked to send it again.
    Again,
    /// It is the very request that was here before; whoever sends it need not know the secret.
    Replayed,
    /// It lacks one of the three headers.
    Unsigned(&'static str),
    /// It is signed otherwise.
    NotBelieved(Unverified),
}

impl Verdict {
    /// Whether it is to be believed.
    pub(crate) const fn is_good(&self) -> bool {
        matches!(self, Self::New | Self::Again)
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::New | Self::Again => StatusCode::OK,
            Self::Replayed => StatusCode::CONFLICT,
            Self::Unsigned(_) | Self::NotBelieved(Unverified::NoTime | Unverified::Stale { .. }) => {
                StatusCode::BAD_REQUEST
            }
            Self::NotBelieved(Unverified::NoMatch) => StatusCode::UNAUTHORIZED,
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::New => f.write_str("verified"),
            Self::Again => f.write_str("verified, delivered again"),
            Self::Replayed => f.write_str("replayed: this very request was here before"),
            Self::Unsigned(name) => write!(f, "unsigned: there is no {name}"),
            Self::NotBelieved(why) => write!(f, "not believed: {why}"),
        }
    }
}

/// Judges calls. It remembers what was delivered.
struct Judge {
    secrets: Vec<Secret>,
    /// The last signature of each delivery.
    seen: Mutex<HashMap<String, String>>,
}

impl Judge {
    fn judge(&self, headers: &HeaderMap, body: &[u8], now: Micros) -> (String, Verdict) {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty());
        let Some(id) = text(ID) else { return (String::new(), Verdict::Unsigned(ID)) };
        let verdict = match (text(TIMESTAMP), text(SIGNATURE)) {
            (None, _) => Verdict::Unsigned(TIMESTAMP),
            (_, None) => Verdict::Unsigned(SIGNATURE),
            (Some(timestamp), Some(signature)) => {
                match verify(&self.secrets, Signed { id, timestamp, signature }, body, now) {
                    Err(why) => Verdict::NotBelieved(why),
                    Ok(()) => self.remember(id, signature),
                }
            }
        };
        (id.to_owned(), verdict)
    }

    fn remember(&self, id: &str, signature: &str) -> Verdict {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= REMEMBERED {
            seen.clear();
        }
        match seen.insert(id.to_owned(), signature.to_owned()) {
            None => Verdict::New,
            Some(last) if last == signature => Verdict::Replayed,
            Some(_) => Verdict::Again,
        }
    }
}

/// What every call needs.
struct Desk {
    judge: Judge,
    forward: Option<(reqwest::Client, Url)>,
    calls: mpsc::Sender<Received>,
}

impl Receiver {
    /// Listens, believes what one of these secrets signed, and passes that on if there is somewhere to pass it to.
    pub(crate) async fn start(address: SocketAddr, secrets: Vec<Secret>, forward: Option<Url>) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (sender, calls) = mpsc::channel(64);
        let judge = Judge { secrets, seen: Mutex::default() };
        let http = || reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build();
        let forward = forward.map(|url| Ok((http().map_err(io::Error::other)?, url))).transpose();
        let forward: Option<_> = forward.map_err(|error: io::Error| error)?;
        let desk = Arc::new(Desk { judge, forward, calls: sender });
        Ok(Self { address, calls, serving: tokio::spawn(serve(listener, desk)) })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next call, good or bad. It has been answered.
    pub(crate) async fn next(&mut self) -> Option<Received> {
        self.calls.recv().await
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, desk: Arc<Desk>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let desk = desk.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| take(request, desk.clone()));
            let connection =
                http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
            // Whoever hangs up has had his answer, or did not want it.
            drop(connection.await);
        });
    }
}

async fn take(request: Request<Incoming>, desk: Arc<Desk>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.method() != Method::POST {
        let mut answer = told(StatusCode::METHOD_NOT_ALLOWED, "webhooks are sent with POST");
        answer.headers_mut().insert(ALLOW, http::HeaderValue::from_static("POST"));
        return Ok(answer);
    }
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MOST).collect().await else {
        return Ok(told(StatusCode::PAYLOAD_TOO_LARGE, "the body broke off, or is too long"));
    };
    let (body, at) = (body.to_bytes(), now());
    let (id, verdict) = desk.judge.judge(&head.headers, &body, at);
    let answer = match &desk.forward {
        Some((http, url)) if verdict.is_good() => pass_on(http, url, &head.headers, body.clone()).await,
        _ => told(verdict.status(), &verdict.to_string()),
    };
    let answered = answer.status().as_u16();
    // Nobody may be listening any more.
    drop(desk.calls.send(Received { at, id, verdict, body, answered }).await);
    Ok(answer)
}

/// Sends the call on as it came, and answers what is answered there.
async fn pass_on(http: &reqwest::Client, url: &Url, headers: &HeaderMap, body: Bytes) -> Response<Full<Bytes>> {
    let mut request = http.post(url.clone()).body(body);
    for name in [ID, TIMESTAMP, SIGNATURE, CONTENT_TYPE.as_str()] {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value);
        }
    }
    match request.send().await {
        Ok(answer) => {
            let status = answer.status();
            let body = answer.bytes().await.unwrap_or_default();
            let mut answer = Response::new(Full::new(body));
            *answer.status_mut() = status;
            answer
        }
        Err(error) => told(StatusCode::BAD_GATEWAY, &format!("{url} did not answer: {}", error.without_url())),
    }
}

fn told(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(format!("{text}\n"))));
    *answer.status_mut() = status;
    answer
}

fn now() -> Micros {
    Micros(0) + SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use legwork_api::signature::{Scheme, sign};

    use super::*;

    const NOW: Micros = Micros(1_700_000_000_000_000);

    fn judge() -> Judge {
        Judge { secrets: vec!["whsec_c2VjcmV0".to_owned().into()], seen: Mutex::default() }
    }

    fn signed(id: &str, seconds: i64, secret: &str) -> HeaderMap {
        let signature = sign(&[secret.to_owned().into()], Scheme::Both, id, seconds, b"{}");
        let mut headers = HeaderMap::new();
        headers.insert(ID, id.parse().unwrap());
        headers.insert(TIMESTAMP, seconds.into());
        headers.insert(SIGNATURE, signature.parse().unwrap());
        headers
    }

    fn verdict(judge: &Judge, headers: &HeaderMap) -> (Verdict, u16) {
        let (_, verdict) = judge.judge(headers, b"{}", NOW);
        let status = verdict.status().as_u16();
        (verdict, status)
    }

    #[test]
    fn what_is_signed_is_believed_once_in_each_signature() {
        let judge = judge();
        let first = signed("a", 1_700_000_000, "whsec_c2VjcmV0");
        assert_eq!(verdict(&judge, &first), (Verdict::New, 200));
        assert_eq!(verdict(&judge, &first), (Verdict::Replayed, 409));
        assert_eq!(verdict(&judge, &signed("a", 1_700_000_005, "whsec_c2VjcmV0")), (Verdict::Again, 200));
    }

    #[test]
    fn what_is_not_signed_well_is_refused() {
        let judge = judge();
        let forged = signed("a", 1_700_000_000, "whsec_b3RoZXI=");
        assert_eq!(verdict(&judge, &forged), (Verdict::NotBelieved(Unverified::NoMatch), 401));
        let old = signed("a", 1_699_999_000, "whsec_c2VjcmV0");
        assert_eq!(verdict(&judge, &old), (Verdict::NotBelieved(Unverified::Stale { off: 1000 }), 400));
        for name in [ID, TIMESTAMP, SIGNATURE] {
            let mut headers = signed("a", 1_700_000_000, "whsec_c2VjcmV0");
            headers.remove(name);
            assert_eq!(verdict(&judge, &headers), (Verdict::Unsigned(name), 400));
        }
        assert_eq!(
            verdict(&judge, &signed("a", 1_700_000_000, "whsec_c2VjcmV0")).1,
            200,
            "none of them was remembered"
        );
    }
}
