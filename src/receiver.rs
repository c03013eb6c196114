//! Takes webhooks at an address of this machine, and believes only those that are signed.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use legwork_api::client::http_to;
use legwork_api::secret::Secret;
use legwork_api::signature::{ID, SIGNATURE, Signed, TIMESTAMP, TOLERANCE, Unverified, verify};
use legwork_core::time::Micros;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::Url;

/// How long a body may be, in bytes: more than any server of ours sends.
const MOST: usize = 4 * 1024 * 1024;
/// How long the place it is passed on to may take.
const PATIENCE: Duration = Duration::from_secs(14);
/// How much of an answer is passed back, in bytes: more than a sender looks at.
const MOST_BACK: usize = 64 * 1024;
/// How many deliveries are remembered; beyond that only those that could be played again.
const REMEMBERED: usize = 10_000;
/// How many calls may wait to be looked at. Those beyond are not taken: their sender sends them again.
const WAITING: usize = 256;
/// How long answers may take to get through when the receiver is closed.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// A receiver at work, until it is dropped.
pub(crate) struct Receiver {
    address: SocketAddr,
    calls: mpsc::Receiver<Received>,
    closing: watch::Sender<bool>,
    serving: tokio::task::JoinHandle<()>,
}

/// A call that came, as it is being answered.
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
    /// The last timestamp of each delivery. Whoever was not given the secret can send nothing with a later one.
    seen: Mutex<HashMap<String, i64>>,
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
                    Ok(()) => self.remember(id, timestamp.parse().unwrap_or_default(), now),
                }
            }
        };
        (id.to_owned(), verdict)
    }

    /// Two attempts in one second are taken for one. The sender is told, and makes the second again with a later time.
    fn remember(&self, id: &str, timestamp: i64, now: Micros) -> Verdict {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= REMEMBERED {
            let oldest = (now - TOLERANCE).0.div_euclid(1_000_000);
            seen.retain(|_, last| *last >= oldest);
        }
        match seen.get(id) {
            Some(last) if timestamp <= *last => return Verdict::Replayed,
            Some(_) | None => {}
        }
        if seen.insert(id.to_owned(), timestamp).is_some() { Verdict::Again } else { Verdict::New }
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
        let (sender, calls) = mpsc::channel(WAITING);
        let (closing, closed) = watch::channel(false);
        let judge = Judge { secrets, seen: Mutex::default() };
        let with_client = |url: Url| http_to(&url).map(|http| (http, url)).map_err(io::Error::other);
        let forward = forward.map(with_client).transpose()?;
        let desk = Arc::new(Desk { judge, forward, calls: sender });
        Ok(Self { address, calls, closing, serving: tokio::spawn(serve(listener, desk, closed)) })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next call, good or bad. Its answer is on its way.
    pub(crate) async fn next(&mut self) -> Option<Received> {
        self.calls.recv().await
    }

    /// Takes no more calls, and returns when those that were taken have their answers.
    pub(crate) async fn close(mut self) {
        // It fails only when nobody listens any more.
        let _ = self.closing.send(true);
        // Whoever does not take his answer in time goes without.
        drop(timeout(LAST_ANSWERS, &mut self.serving).await);
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, desk: Arc<Desk>, mut closed: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = closed.changed() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(answer_all(stream, desk.clone(), closed.clone()))),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Answers what comes over one connection, until one of its ends wants no more.
async fn answer_all(stream: TcpStream, desk: Arc<Desk>, mut closed: watch::Receiver<bool>) {
    let service = service_fn(|request| take(request, desk.clone()));
    let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // Whoever hangs up has had his answer, or did not want it.
        _ = &mut connection => return,
        _ = closed.changed() => connection.as_mut().graceful_shutdown(),
    }
    drop(connection.await);
}

async fn take(request: Request<Incoming>, desk: Arc<Desk>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.method() != Method::POST {
        let mut answer = told(StatusCode::METHOD_NOT_ALLOWED, "webhooks are sent with POST");
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return Ok(answer);
    }
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MOST).collect().await else {
        return Ok(told(StatusCode::PAYLOAD_TOO_LARGE, "the body broke off, or is too long"));
    };
    // Before it is judged, so that it is none that was here before when it comes again.
    let Ok(place) = desk.calls.try_reserve() else {
        let mut answer = told(StatusCode::SERVICE_UNAVAILABLE, "webhooks come faster than they are read");
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        return Ok(answer);
    };
    let (body, at) = (body.to_bytes(), now());
    let (id, verdict) = desk.judge.judge(&head.headers, &body, at);
    let answer = match &desk.forward {
        Some((http, url)) if verdict.is_good() => pass_on(http, url, &head.headers, body.clone()).await,
        _ => told(verdict.status(), &verdict.to_string()),
    };
    place.send(Received { at, id, verdict, body, answered: answer.status().as_u16() });
    Ok(answer)
}

/// Sends the call on as it came, and answers what is answered there.
async fn pass_on(http: &reqwest::Client, url: &Url, headers: &HeaderMap, body: Bytes) -> Response<Full<Bytes>> {
    let mut request = http.post(url.clone()).timeout(PATIENCE).body(body);
    for name in [ID, TIMESTAMP, SIGNATURE, CONTENT_TYPE.as_str()] {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value);
        }
    }
    match request.send().await {
        Ok(answer) => passed_back(answer).await,
        Err(error) => told(StatusCode::BAD_GATEWAY, &format!("{url} did not answer: {}", error.without_url())),
    }
}

/// What of an answer is a sender's business: how it went, when to come again, and the beginning of what it says.
async fn passed_back(mut from: reqwest::Response) -> Response<Full<Bytes>> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = from.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > MOST_BACK {
            body.truncate(MOST_BACK);
            break;
        }
    }
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = from.status();
    for name in [RETRY_AFTER, CONTENT_TYPE] {
        if let Some(value) = from.headers().get(&name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    answer
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
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

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
    fn what_is_signed_is_believed_once_at_each_time() {
        let judge = judge();
        let at = |seconds| signed("a", seconds, "whsec_c2VjcmV0");
        let first = at(1_700_000_000);
        assert_eq!(verdict(&judge, &first), (Verdict::New, 200));
        assert_eq!(verdict(&judge, &first), (Verdict::Replayed, 409));
        assert_eq!(verdict(&judge, &at(1_700_000_005)), (Verdict::Again, 200));
        assert_eq!(verdict(&judge, &first), (Verdict::Replayed, 409), "an earlier one as well");
        let mut adorned = at(1_700_000_005);
        let signature = format!("v1,AAAA {}", adorned[SIGNATURE].to_str().unwrap());
        adorned.insert(SIGNATURE, signature.parse().unwrap());
        assert_eq!(verdict(&judge, &adorned), (Verdict::Replayed, 409), "whatever stands beside the signature");
    }

    #[tokio::test]
    async fn what_nobody_reads_is_left_to_be_sent_again_and_holds_up_no_answer() {
        let mut receiver = Receiver::start("127.0.0.1:0".parse().unwrap(), Vec::new(), None).await.unwrap();
        let url: Url = format!("http://{}/", receiver.address()).parse().unwrap();
        let http = http_to(&url).unwrap();
        let status = async || http.post(url.clone()).body("{}").send().await.unwrap().status().as_u16();
        for _ in 0..WAITING {
            assert_eq!(status().await, 400);
        }
        assert_eq!(status().await, 503);
        receiver.next().await.unwrap();
        assert_eq!(status().await, 400);
    }

    /// The answer is so long that it is still on its way when the call has been told of.
    #[tokio::test]
    async fn a_receiver_that_is_closed_has_answered() {
        let behind = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let forward = format!("http://{}/", behind.local_addr().unwrap()).parse().unwrap();
        let body = "x".repeat(MOST_BACK);
        let long = format!("HTTP/1.1 200 OK\r\ncontent-length: {MOST_BACK}\r\n\r\n{body}");
        tokio::spawn(async move {
            let (mut stream, _) = behind.accept().await.unwrap();
            stream.write_all(long.as_bytes()).await.unwrap();
            stream.read_to_end(&mut Vec::new()).await.unwrap();
        });
        let secret = "whsec_c2VjcmV0";
        let at = "127.0.0.1:0".parse().unwrap();
        let mut receiver = Receiver::start(at, vec![secret.to_owned().into()], Some(forward)).await.unwrap();
        let url: Url = format!("http://{}/", receiver.address()).parse().unwrap();
        let headers = signed("a", now().0 / 1_000_000, secret);
        let call = http_to(&url).unwrap().post(url).headers(headers).body("{}").send();
        let answer = tokio::spawn(async move { call.await.unwrap().bytes().await.unwrap() });
        assert_eq!(receiver.next().await.unwrap().verdict, Verdict::New);
        receiver.close().await;
        assert_eq!(answer.await.unwrap(), body);
    }

    #[test]
    fn what_could_be_played_again_is_not_forgotten() {
        let judge = judge();
        let later = NOW + TOLERANCE + TOLERANCE;
        let second = |at: Micros| at.0 / 1_000_000;
        for number in 0..REMEMBERED {
            judge.remember(&format!("old {number}"), second(NOW), NOW);
        }
        for number in 0..=REMEMBERED {
            judge.remember(&format!("new {number}"), second(later), later);
        }
        assert_eq!(judge.seen.lock().unwrap().len(), REMEMBERED + 1, "the old ones are gone");
        assert_eq!(judge.remember("new 0", second(later), later), Verdict::Replayed);
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
