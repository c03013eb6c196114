//! What the researcher costs beside waiting: processor time of whole runs with a model, a search engine and pages that answer at
//! once.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::figure::{Figure, count};
use super::server::{Server, accepted};
use super::store::Store;
use super::wire::{get, post};

/// How many runs are made.
const RUNS: usize = 20;
/// How many pages a run of `lite` reads.
const PAGES: usize = 3;
/// How long a page is, about, in bytes: as one of an encyclopaedia.
const LENGTH: usize = 60_000;

/// Processor time of one run of `lite`, everything in it: accepting, storing, searching, reading, checking and answering.
pub(super) async fn lite(store: &Store) -> Result<Vec<Figure>> {
    let world = World::open().await?;
    let (model, engine) = (format!("http://{}/v1", world.front), format!("http://{}/", world.front));
    let hosts: Vec<String> = world.sites.iter().map(SocketAddr::to_string).collect();
    let mut arguments = vec!["--llm", &model, "--llm-model", "scripted", "--search", "searxng"];
    arguments.extend(hosts.iter().flat_map(|host| ["--fetch-allow-host", host]));
    let server = Server::researching(store, &arguments, &[("LEGWORK_SEARCH_SEARXNG_BASE_URL", &engine)]).await?;
    let mut wire = server.wire().await?;
    // The first run finds everything cold; it is not what a server costs that is at work.
    let mut before = Duration::ZERO;
    for run in 0..=RUNS {
        if run == 1 {
            before = server.worked()?;
        }
        let body = format!(r#"{{"processor":"lite","input":"Who is the mayor of Town {run}?"}}"#);
        let id = accepted(&wire.call(&post("/v1/tasks/runs", &body)).await?)?;
        let answer = wire.call(&get(&format!("/v1/tasks/runs/{id}/result?timeout=60"))).await?;
        let said: Value = serde_json::from_slice(&answer.body)?;
        let content = said["output"]["content"].as_str().unwrap_or_default();
        ensure!(content.contains("Ada Quill"), "a run was answered with {said}");
        let pages = said["output"]["legwork"]["usage"]["pages"].as_u64();
        ensure!(pages == Some(PAGES as u64), "a run read {pages:?} pages: {said}");
    }
    let each = server.worked()?.saturating_sub(before).as_secs_f64() * 1000.0 / count(RUNS);
    let note = format!("{RUNS} runs, each with {PAGES} pages of {} KB and 2 calls of a model", LENGTH / 1000);
    Ok(vec![Figure::new("processor time of a lite run", each, "ms").note(note)])
}

/// A model and a search engine at one address, and as many sites as pages are read: one is asked no more than once a second.
struct World {
    front: SocketAddr,
    sites: Vec<SocketAddr>,
    /// They answer until this is dropped.
    _open: JoinSet<()>,
}

impl World {
    async fn open() -> Result<Self> {
        let (mut sites, mut open) = (Vec::new(), JoinSet::new());
        for site in 0..(RUNS + 1) * PAGES {
            // Each is a host of its own.
            let host = [127, 0, 1, u8::try_from(site + 1)?];
            let listener =
                TcpListener::bind(SocketAddr::from((host, 0))).await.context("more than one loopback host")?;
            sites.push(listener.local_addr()?);
            open.spawn(serve(listener, Arc::from([])));
        }
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let front = listener.local_addr()?;
        open.spawn(serve(listener, sites.clone().into()));
        Ok(Self { front, sites, _open: open })
    }
}

async fn serve(listener: TcpListener, sites: Arc<[SocketAddr]>) {
    while let Ok((stream, _)) = listener.accept().await {
        let sites = sites.clone();
        let answer = service_fn(move |request| {
            let sites = sites.clone();
            async move { Ok::<_, Infallible>(answered(request, &sites).await) }
        });
        tokio::spawn(async move {
            // The server that is measured may be gone by the end.
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await);
        });
    }
}

async fn answered(request: Request<Incoming>, sites: &[SocketAddr]) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    let town = town_in(request.uri().query().unwrap_or_default());
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    match path.as_str() {
        "/v1/models" => reply("application/json", json!({"data": [{"id": "scripted"}]}).to_string()),
        "/v1/chat/completions" => said(&serde_json::from_slice(&body).unwrap_or_default()),
        "/search" => {
            let found = sites.iter().skip(town * PAGES).take(PAGES).map(|site| {
                json!({"url": format!("http://{site}/towns/{town}"), "title": format!("Town {town}"), "content": "about a town"})
            });
            reply("application/json", json!({"results": found.collect::<Vec<_>>()}).to_string())
        }
        "/robots.txt" => reply("text/plain", String::new()),
        page => reply("text/html", page_of(page.rsplit('/').next().unwrap_or_default())),
    }
}

/// The number of the town that a search names.
fn town_in(query: &str) -> usize {
    let mut words = query.split(|c: char| !c.is_ascii_alphanumeric());
    words.find_map(|word| word.parse().ok()).unwrap_or(0)
}

fn page_of(town: &str) -> String {
    let mut text = format!("<html><head><title>Town {town}</title></head><body><nav>");
    for link in 0..80 {
        // Writing to a string cannot fail.
        let _ = write!(text, "<a href=\"/towns/{link}\">Town {link}</a> ");
    }
    let _ = write!(text, "</nav><article><h1>Town {town}</h1><p>The mayor of Town {town} is Ada Quill.</p>");
    let mut number = 0;
    while text.len() < LENGTH {
        number += 1;
        let _ = write!(
            text,
            "<h2>Quarter {number}</h2><p>The quarter number {number} was built in {} by masons from the valley, who <b>used the \
             grey stone</b> of the <a href=\"/hills/{number}\">hill {number}</a>; it has {} houses, two mills and a market that \
             is held on Fridays.</p><table><tr><th>Year</th><th>Houses</th></tr><tr><td>1900</td><td>{}</td></tr></table>",
            1700 + number,
            40 + number,
            30 + number
        );
    }
    text + "</article></body></html>"
}

/// What the model says: the sentence that it was shown about a mayor, and as a writer the same with its mark.
fn said(asked: &Value) -> Response<Full<Bytes>> {
    let user = asked["messages"].as_array().and_then(|all| all.last()).and_then(|last| last["content"].as_str());
    let user = user.unwrap_or_default();
    let quote =
        user.find("The mayor of Town ").and_then(|at| user[at..].split_inclusive('.').next()).unwrap_or_default();
    let content = if user.contains("Wanted fields") {
        json!({"rows": [{"field": "answer", "item": "", "value": "Ada Quill", "passage": 1, "quote": quote, "computed": ""}]})
            .to_string()
    } else {
        format!("{} [e1].", quote.trim_end_matches('.'))
    };
    let usage = json!({"prompt_tokens": 100, "completion_tokens": 20});
    if asked["stream"] == json!(true) {
        let delta = json!({"choices": [{"index": 0, "delta": {"role": "assistant", "content": content}, "finish_reason": null}]});
        let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage});
        return reply("text/event-stream", format!("data: {delta}\n\ndata: {end}\n\ndata: [DONE]\n\n"));
    }
    let choice = json!({"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"});
    reply("application/json", json!({"choices": [choice], "usage": usage}).to_string())
}

fn reply(kind: &str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    if let Ok(kind) = kind.parse() {
        response.headers_mut().insert(hyper::header::CONTENT_TYPE, kind);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_as_long_as_is_said_and_names_its_mayor() {
        let page = page_of("7");
        assert!((LENGTH..LENGTH + 1_000).contains(&page.len()), "{}", page.len());
        assert!(page.contains("The mayor of Town 7 is Ada Quill."));
        assert_eq!(town_in("q=mayor+Town+7&format=json"), 7);
    }
}
