//! One call of a webhook over HTTP: to where it may go, signed, with an end to its patience. Redirects are not followed:
//! they would lead past the look at the address, and a signature is for one receiver.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use legwork_api::secret::Secret;
use legwork_api::signature::{self, ID, SIGNATURE, Scheme, TIMESTAMP};
use legwork_core::delivery::{Attempt, Heard};
use legwork_core::id::Owner;
use legwork_core::time::Micros;
use tokio::time::timeout;

use crate::reach::{Client, Names, Rule, retry_after};

/// How long an attempt may take, from the name to the head of the answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long the beginning of an answer's body is waited for: whether it was a success is known by then.
const EXCERPT_TIME: Duration = Duration::from_secs(1);
/// How much of an answer's body is kept, in bytes.
const EXCERPT: usize = 512;
/// How much of it is read, so that the connection can be used again.
const READ: usize = 64 * 1024;
/// How many names are looked up at a time for one owner.
const OWNERS_LOOKUPS: usize = 8;

/// Makes calls; connections are used again.
pub(super) struct Post {
    rule: Arc<Rule>,
    names: Names,
    /// One an owner. There are no more owners than keys.
    clients: Mutex<BTreeMap<Owner, Client>>,
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
    pub(super) fn new(rule: Arc<Rule>, names: Names) -> Self {
        Self { rule, names, clients: Mutex::default() }
    }

    /// Sends it once for this owner, as of this moment.
    pub(super) async fn send(&self, owner: &Owner, parcel: Parcel<'_>, now: Micros) -> Attempt {
        let began = Instant::now();
        let nothing = |why| Attempt { at: now, took: began.elapsed(), heard: Heard::Nothing { why } };
        let request = match request(parcel, now) {
            Ok(request) => request,
            Err(why) => return nothing(why),
        };
        match timeout(PATIENCE, self.client(owner).send(request)).await {
            Err(_) => nothing(format!("there was no answer within {} s", PATIENCE.as_secs())),
            Ok(Err(error)) => nothing(error.to_string()),
            Ok(Ok(answer)) => {
                let took = began.elapsed();
                let (head, body) = answer.into_parts();
                let retry_after = retry_after(&head.headers, now + took);
                let heard = Heard::Answer { status: head.status.as_u16(), retry_after, excerpt: excerpt(body).await };
                Attempt { at: now, took, heard }
            }
        }
    }

    fn client(&self, owner: &Owner) -> Client {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Client::new(self.rule.clone(), self.names.share(OWNERS_LOOKUPS));
        clients.entry(owner.clone()).or_insert_with(new).clone()
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

#[cfg(test)]
mod tests {
    use super::*;

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
