//! A receiver of webhooks that remembers what it was sent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use legwork_api::secret::Secret;
use legwork_api::signature::{ID, SIGNATURE, Signed, TIMESTAMP, verify};
use legwork_core::id::RunId;
use legwork_core::time::Micros;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What a receiver was sent.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// A receiver on this machine.
pub(crate) struct Receiver {
    pub(crate) url: String,
    pub(crate) desk: Arc<Desk>,
}

/// What came, and how it is answered.
#[derive(Default)]
pub(crate) struct Desk {
    pub(crate) calls: Mutex<Vec<Call>>,
    came: Notify,
    /// So many calls are read and never answered.
    silent: Mutex<usize>,
    /// What is answered instead of 204.
    pub(crate) answer: Mutex<Option<&'static [u8]>>,
}

impl Receiver {
    /// Starts one that never answers its first `silent` calls.
    pub(crate) async fn start(silent: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let desk = Arc::new(Desk { silent: Mutex::new(silent), ..Desk::default() });
        let for_calls = desk.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(take(stream, for_calls.clone()));
            }
        });
        Self { url, desk }
    }

    /// Waits until the calls so far are as wished. A test that waits for ever is ended by the runner.
    pub(crate) async fn until(&self, wished: impl Fn(&[Call]) -> bool) -> Vec<Call> {
        loop {
            let came = self.desk.came.notified();
            let calls = self.desk.calls.lock().unwrap().clone();
            if wished(&calls) {
                return calls;
            }
            came.await;
        }
    }
}

async fn take(mut stream: TcpStream, desk: Arc<Desk>) {
    let mut read = Vec::new();
    loop {
        while let Some((call, taken)) = parse(&read) {
            read.drain(..taken);
            let is_silent = {
                let mut silent = desk.silent.lock().unwrap();
                let is_silent = *silent > 0;
                *silent = silent.saturating_sub(1);
                is_silent
            };
            desk.calls.lock().unwrap().push(call);
            desk.came.notify_one();
            if is_silent {
                return std::future::pending().await;
            }
            // A server that was killed does not read it any more.
            let answer = desk.answer.lock().unwrap().unwrap_or(b"HTTP/1.1 204 No Content\r\n\r\n");
            drop(stream.write_all(answer).await);
        }
        match stream.read_buf(&mut read).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

fn parse(read: &[u8]) -> Option<(Call, usize)> {
    let text = std::str::from_utf8(read).ok()?;
    let (head, rest) = text.split_once("\r\n\r\n")?;
    let headers: BTreeMap<_, _> = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "))
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect();
    let length: usize = headers["content-length"].parse().unwrap();
    let body = rest.get(..length)?.to_owned();
    Some((Call { headers, body }, head.len() + 4 + length))
}

impl Call {
    /// The run that it tells of.
    pub(crate) fn run(&self) -> RunId {
        let told: Value = serde_json::from_str(&self.body).unwrap();
        told["data"]["run_id"].as_str().unwrap().parse().unwrap()
    }

    /// The name of the delivery.
    pub(crate) fn id(&self) -> &str {
        &self.headers[ID]
    }

    /// Holds the signature against these secrets.
    pub(crate) fn check(&self, secrets: &[Secret]) {
        let (id, timestamp, signature) = (&self.headers[ID], &self.headers[TIMESTAMP], &self.headers[SIGNATURE]);
        let now = Micros(timestamp.parse::<i64>().unwrap() * 1_000_000);
        verify(secrets, Signed { id, timestamp, signature }, self.body.as_bytes(), now).unwrap();
    }
}
