//! A place of language models that answers as a script says: well, badly, or not at all. It writes down what it is asked.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use futures_util::stream::{self, Stream, StreamExt as _};
use http::{HeaderMap, Uri};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::config::{Llm, LlmEndpoint, ModelAt, Place};
use crate::metrics::Metrics;
use crate::model::Models;

/// What the model is called that it has, unless a test says otherwise.
const MODEL: &str = "scripted";

/// What it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    /// How many calls there were before.
    pub(crate) number: usize,
}

impl Asked {
    /// What stands at this place of the body.
    pub(crate) fn at(&self, pointer: &str) -> &Value {
        self.body.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// All that its messages say.
    pub(crate) fn says(&self) -> String {
        let messages = self.at("/messages").as_array().into_iter().flatten();
        messages.filter_map(|message| message["content"].as_str()).collect::<Vec<_>>().join("\n")
    }
}

/// What it answers.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    status: u16,
    headers: Vec<(&'static str, String)>,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Body(String),
    Stream { frames: Vec<String>, then: Then, by_bytes: bool },
}

/// How a stream goes on after its frames.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    End,
    Cut,
    Silence,
}

impl Said {
    /// This text, streamed, with its usage: 100 tokens in and 10 out.
    pub(crate) fn text(text: &str) -> Self {
        let letters: Vec<char> = text.chars().collect();
        let pieces = letters.chunks(4).map(|piece| json!({"content": piece.iter().collect::<String>()}));
        Self::chunks(&pieces.collect::<Vec<_>>())
    }

    /// This value, as text.
    pub(crate) fn json(value: &Value) -> Self {
        Self::text(&value.to_string())
    }

    /// These deltas, and an end as usual.
    pub(crate) fn chunks(deltas: &[Value]) -> Self {
        let mut frames: Vec<_> =
            deltas.iter().map(|delta| json!({"choices": [{"index": 0, "delta": delta}]})).collect();
        frames.push(json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}));
        frames.push(json!({"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 10}}));
        let mut frames: Vec<_> = frames.iter().map(Value::to_string).collect();
        frames.push("[DONE]".to_owned());
        Self::streamed(frames)
    }

    /// A call of the tool that was offered.
    pub(crate) fn call(arguments: &Value) -> Self {
        let arguments = arguments.to_string();
        let (left, right) = arguments.split_at(arguments.len() / 2);
        let piece = |piece: &str| json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]});
        Self::chunks(&[piece(left), piece(right)])
    }

    /// These frames, whatever they are.
    pub(crate) fn streamed(frames: Vec<String>) -> Self {
        Self { status: 200, headers: Vec::new(), content: Content::Stream { frames, then: Then::End, by_bytes: false } }
    }

    /// This status with this body.
    pub(crate) fn refused(status: u16, body: &str) -> Self {
        Self { status, headers: Vec::new(), content: Content::Body(body.to_owned()) }
    }

    /// All at once, as a place does that does not stream.
    pub(crate) fn whole(text: &str) -> Self {
        let message = json!({"role": "assistant", "content": text});
        let usage = json!({"prompt_tokens": 100, "completion_tokens": 10});
        let body = json!({"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage});
        Self::refused(200, &body.to_string())
    }

    pub(crate) fn with(mut self, header: &'static str, value: &str) -> Self {
        self.headers.push((header, value.to_owned()));
        self
    }

    /// The same without usage.
    pub(crate) fn uncounted(mut self) -> Self {
        self.frames().retain(|frame| !frame.contains("\"usage\""));
        self
    }

    /// The same, ended for another reason.
    pub(crate) fn finished_by(mut self, reason: &str) -> Self {
        let end = format!("\"finish_reason\":\"{reason}\"");
        self.frames().iter_mut().for_each(|frame| *frame = frame.replace("\"finish_reason\":\"stop\"", &end));
        self
    }

    /// The same, broken off after so many frames.
    pub(crate) fn cut_after(self, count: usize) -> Self {
        self.ends(count, Then::Cut)
    }

    /// The same, silent after so many frames.
    pub(crate) fn silent_after(self, count: usize) -> Self {
        self.ends(count, Then::Silence)
    }

    /// The same, byte by byte.
    pub(crate) fn by_bytes(mut self) -> Self {
        if let Content::Stream { by_bytes, .. } = &mut self.content {
            *by_bytes = true;
        }
        self
    }

    fn ends(mut self, count: usize, how: Then) -> Self {
        self.frames().truncate(count);
        if let Content::Stream { then, .. } = &mut self.content {
            *then = how;
        }
        self
    }

    fn frames(&mut self) -> &mut Vec<String> {
        match &mut self.content {
            Content::Stream { frames, .. } => frames,
            Content::Body(_) => panic!("it does not stream"),
        }
    }
}

type Script = Box<dyn Fn(&Asked) -> Said + Send + Sync>;

/// The endpoint at work, until it is dropped.
pub(crate) struct Endpoint {
    at: SocketAddr,
    desk: Arc<Desk>,
    serving: tokio::task::JoinHandle<()>,
}

struct Desk {
    script: Script,
    list: Mutex<Value>,
    calls: Mutex<Vec<Asked>>,
    /// How many answers are under way, and the most that were.
    under_way: Mutex<(usize, usize)>,
    hung_up: Notify,
}

impl Endpoint {
    /// One that answers each call as this says.
    pub(crate) async fn start(script: impl Fn(&Asked) -> Said + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let desk = Arc::new(Desk {
            script: Box::new(script),
            list: Mutex::new(json!({"object": "list", "data": [{"id": MODEL}]})),
            calls: Mutex::default(),
            under_way: Mutex::default(),
            hung_up: Notify::new(),
        });
        let router = Router::new().fallback(take).with_state(desk.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { at, desk, serving }
    }

    /// From now on it lists these models.
    pub(crate) fn has(&self, models: &[&str]) {
        let data: Vec<_> = models.iter().map(|id| json!({"id": id})).collect();
        *self.desk.list.lock().unwrap() = json!({"object": "list", "data": data});
    }

    /// Where it is.
    pub(crate) fn place(&self) -> LlmEndpoint {
        let base: Url = format!("http://{}/v1", self.at).parse().unwrap();
        LlmEndpoint { base, key: None, context: None }
    }

    /// Settings by which its one model has every role. Nothing is waited for, except for what never comes.
    pub(crate) fn llm(&self) -> Llm {
        let at = ModelAt { place: Place::Endpoint(self.place()), model: Some(MODEL.to_owned()) };
        Llm {
            reader: at.clone(),
            planner: at.clone(),
            writer: at,
            pause: Duration::from_millis(1),
            found_within: Duration::from_mins(1),
            ..Llm::default()
        }
    }

    /// Models by those settings, ready to be asked.
    pub(crate) async fn models(&self) -> Arc<Models> {
        let models = Models::new(Some(self.llm()), Metrics::new([]), CancellationToken::new());
        models.look().await;
        models
    }

    /// What it was asked until now.
    pub(crate) fn calls(&self) -> Vec<Asked> {
        self.desk.calls.lock().unwrap().clone()
    }

    /// How many answers were under way at once at the most.
    pub(crate) fn most_at_once(&self) -> usize {
        self.desk.under_way.lock().unwrap().1
    }

    /// Waits until a caller has hung up in the midst of an answer.
    pub(crate) async fn hung_up(&self) {
        self.desk.hung_up.notified().await;
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(State(desk): State<Arc<Desk>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    if uri.path().ends_with("/models") {
        return Response::new(desk.list.lock().unwrap().to_string().into());
    }
    assert_eq!(uri.path(), "/v1/chat/completions");
    let body = serde_json::from_slice(&body).unwrap();
    let asked = {
        let mut calls = desk.calls.lock().unwrap();
        let asked = Asked { headers, body, number: calls.len() };
        calls.push(asked.clone());
        asked
    };
    let Said { status, headers, content } = (desk.script)(&asked);
    // So that nobody is left when it is gone.
    let mut response = Response::builder().status(status).header("connection", "close");
    for (name, value) in headers {
        response = response.header(name, value);
    }
    match content {
        Content::Body(body) => response.header("content-type", "application/json").body(body.into()).unwrap(),
        Content::Stream { frames, then, by_bytes } => {
            let body = Body::from_stream(streamed(frames, then, by_bytes, UnderWay::at(desk)));
            response.header("content-type", "text/event-stream").body(body).unwrap()
        }
    }
}

fn streamed(
    frames: Vec<String>,
    then: Then,
    by_bytes: bool,
    under_way: UnderWay,
) -> impl Stream<Item = Result<Vec<u8>, std::io::Error>> {
    let frames = frames.into_iter().map(|frame| format!("data: {frame}\n\n").into_bytes());
    let pieces: Vec<_> = if by_bytes { frames.flatten().map(|byte| vec![byte]).collect() } else { frames.collect() };
    let end = stream::once(async move {
        match then {
            Then::End => {
                under_way.done();
                None
            }
            Then::Cut => {
                // What was said before is sent first.
                tokio::task::yield_now().await;
                under_way.done();
                Some(Err(std::io::Error::other("cut")))
            }
            Then::Silence => {
                // Kept until whoever listens goes.
                let _under_way = under_way;
                std::future::pending::<Infallible>().await;
                None
            }
        }
    });
    stream::iter(pieces.into_iter().map(Ok)).chain(end.filter_map(async |end| end))
}

/// An answer under way. Dropped before it is done, its caller has hung up.
struct UnderWay {
    desk: Arc<Desk>,
    is_done: bool,
}

impl UnderWay {
    fn at(desk: Arc<Desk>) -> Self {
        {
            let mut under_way = desk.under_way.lock().unwrap();
            under_way.0 += 1;
            under_way.1 = under_way.1.max(under_way.0);
        }
        Self { desk, is_done: false }
    }

    fn done(mut self) {
        self.is_done = true;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.desk.under_way.lock().unwrap().0 -= 1;
        if !self.is_done {
            self.desk.hung_up.notify_one();
        }
    }
}
