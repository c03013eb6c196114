//! The researcher with a model and a web of a few pages, on the built binary: what was paid for is not paid twice, whatever dies.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use legwork_api::client::{Client, End};
use legwork_core::id::RunId;
use legwork_core::run::Status;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::support::{Server, Store, legwork};

/// How often the server is killed.
const KILLS: u64 = 50;
/// How many calls are in flight at all kills together, at the least: otherwise nothing was tried.
const KILLS_IN_FLIGHT: usize = 10;
/// How long the world takes for each answer, so that there is always something in flight.
const PAUSE: Duration = Duration::from_millis(15);

/// A model, a search engine and a site at one address.
#[derive(Clone)]
struct World {
    address: SocketAddr,
    /// What was asked: each call by what it was.
    book: Arc<Mutex<Vec<String>>>,
}

impl World {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let world = Self { address: listener.local_addr().unwrap(), book: Arc::default() };
        let served = world.clone();
        tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let world = served.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let world = world.clone();
                        async move { Ok::<_, Infallible>(world.answer(request).await) }
                    });
                    // Whoever asks is killed now and then.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        world
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let target = request.uri().to_string();
        let path = request.uri().path().to_owned();
        let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        if path == "/v1/models" {
            return reply("application/json", json!({"data": [{"id": "fake"}]}).to_string());
        }
        if path == "/robots.txt" {
            return reply("text/plain", String::new());
        }
        let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
        let name = format!("{target} {}", asked["messages"]);
        self.book.lock().unwrap().push(name);
        tokio::time::sleep(PAUSE).await;
        match path.as_str() {
            "/search" => reply("application/json", self.found(&target).to_string()),
            "/v1/chat/completions" => said(&asked),
            page => reply("text/html", page_of(page)),
        }
    }

    /// Pages of the question's own, so that it can be told for which run each call is.
    fn found(&self, target: &str) -> Value {
        let (question, at) = (numbered(target).unwrap_or_default(), self.address);
        let results: Vec<Value> = (1..=6)
            .map(|n| json!({"url": format!("http://{at}/q{question}z/towns/{n}"), "title": format!("Town {n}"), "content": "a town"}))
            .collect();
        json!({ "results": results })
    }
}

/// The number of the question that a call is made for: `q7z` stands in what is asked, in the searches, and in the addresses.
fn numbered(name: &str) -> Option<u64> {
    name.split('q').skip(1).find_map(|rest| rest.split_once('z')?.0.parse().ok())
}

fn page_of(path: &str) -> String {
    let n = path.rsplit('/').next().unwrap_or_default();
    let filler = "The town lies on a river and has a market on Fridays, which is well known around. ".repeat(8);
    format!(
        "<html><head><title>Town {n}</title></head><body><article><h1>Town {n}</h1><p>{filler}</p>\
         <p>The mayor of Town {n} is Ada Quill, and it has {n}000 inhabitants.</p><p>{filler}</p></article></body></html>"
    )
}

/// What the model says: what it is shown about mayors, whatever it is asked for.
fn said(asked: &Value) -> Response<Full<Bytes>> {
    let user = asked["messages"].as_array().and_then(|all| all.last()).map(|last| last["content"].to_string());
    let user = user.unwrap_or_default();
    let content = if user.contains("Wanted fields") {
        let quotes: BTreeSet<String> = (1..=6)
            .map(|n| format!("The mayor of Town {n} is Ada Quill, and it has {n}000 inhabitants."))
            .filter(|quote| user.contains(quote.as_str()))
            .collect();
        let rows: Vec<Value> = quotes
            .iter()
            .map(|quote| json!({"field": "mayor", "item": "", "value": "Ada Quill", "passage": 1, "quote": quote, "computed": ""}))
            .collect();
        json!({ "rows": rows }).to_string()
    } else if user.contains("Claim 1") {
        json!({"verdicts": [{"claim": 1, "verdict": "supports"}]}).to_string()
    } else {
        // The mark of a question that has one is in its searches, too.
        let mark = numbered(&user).map(|number| format!(" q{number}z")).unwrap_or_default();
        let searches = ["mayor of the town", "town hall", "who leads the town"].map(|search| format!("{search}{mark}"));
        json!({"parts": [], "searches": searches}).to_string()
    };
    let usage = json!({"prompt_tokens": 100, "completion_tokens": 20});
    if asked["stream"] == json!(true) {
        let delta = json!({"choices": [{"index": 0, "delta": {"role": "assistant", "content": content}, "finish_reason": null}]});
        let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage});
        return reply("text/event-stream", format!("data: {delta}\n\ndata: {end}\n\ndata: [DONE]\n\n"));
    }
    let message = json!({"role": "assistant", "content": content});
    reply(
        "application/json",
        json!({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}).to_string(),
    )
}

fn reply(kind: &str, body: String) -> Response<Full<Bytes>> {
    Response::builder().header("content-type", kind).body(Full::new(Bytes::from(body))).unwrap()
}

/// A configuration that knows this world and no other.
fn configured(world: &World) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = world.address;
    let text = format!("[search.searxng]\nbase_url = \"http://{at}/\"\n");
    std::fs::write(folder.path().join("legwork.toml"), text).unwrap();
    folder
}

/// What a server is told of it.
fn told(world: &World, folder: &TempDir) -> Vec<String> {
    let config = folder.path().join("legwork.toml").display().to_string();
    let (model, host) = (format!("http://{}/v1", world.address), world.address.to_string());
    let told = ["--config", &config, "--llm", &model, "--llm-model", "fake", "--search", "searxng"];
    told.into_iter().chain(["--fetch-allow-host", &host]).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn labels_of_a_model_follow_what_was_checked_of_its_answers() {
    let (store, world) = (Store::new(), World::start().await);
    let folder = configured(&world);
    let path = |name: &str| folder.path().join(name).display().to_string();
    let told = told(&world, &folder);
    let mut told: Vec<&str> = told.iter().map(String::as_str).collect();
    let schema = json!({"type": "object", "properties": {"mayor": {"type": "string"}}});
    let question = |n: usize| {
        // Another question each time, or they would be one to whoever measures.
        json!({"question": format!("Who is the mayor of the town? ({n})"), "answer": "ada quill", "output_schema": schema})
    };
    let set: String = (0..32).map(|n| question(n).to_string() + "\n").collect();
    std::fs::write(path("set.jsonl"), set).unwrap();
    let run = |arguments: &[&str]| {
        let ran = legwork().args(arguments).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    };
    let server = Server::start(&store, &told);
    let report = run(&["eval", &path("set.jsonl"), "--server", &server.url(), "--out", &path("lines.jsonl"), "--json"]);
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(
        (&report["right"]["n"], &report["models"], &report["labels"]),
        (&json!(32), &json!(["fake"]), &json!(["uncalibrated"]))
    );
    assert_eq!((&report["excerpts"]["share"], &report["values"]["share"]), (&json!(1.0), &json!(1.0)), "{report:#}");
    assert!(report["usage"]["model_calls"].as_u64().unwrap() >= 32, "{:#}", report["usage"]);
    let measured = run(&["calibrate", &path("lines.jsonl"), "--output", &path("calibration.json")]);
    assert!(measured.contains("base, fake: 32 answers") && !measured.contains("labels alone"), "{measured}");
    server.kill();
    let calibration = path("calibration.json");
    told.extend(["--calibration", &calibration]);
    let server = Server::start(&store, &told);
    let client = Client::new(&server.url(), None).unwrap();
    let task = json!({"processor": "base", "input": "Who is the mayor of the town?",
        "task_spec": {"output_schema": {"type": "json", "json_schema": schema}}});
    let id = client.create(&task).await.unwrap().run_id;
    let End::Output { result, .. } = client.result(id, None).await.unwrap() else { panic!("it has no output") };
    let ours = result.output.legwork.unwrap();
    assert!(ours.labels.unwrap().contains("with 32 answers") && ours.model.as_deref() == Some("fake"));
    let mayor = &result.output.basis[0];
    let checked = mayor.legwork.clone().unwrap();
    assert!(checked.probability.unwrap() >= 0.9, "{mayor:?}");
    assert_eq!((mayor.confidence.as_deref(), &checked.features.unwrap()["quote_ok"]), (Some("high"), &json!(true)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_is_made_twice_but_what_was_in_flight_when_the_server_was_killed() {
    let (store, world) = (Store::new(), World::start().await);
    let folder = configured(&world);
    let told = told(&world, &folder);
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    let schema = json!({"type": "json", "json_schema": {"type": "object", "properties": {
        "mayor": {"type": "string"}, "budget": {"type": "string"}}}});
    let mut runs: BTreeMap<RunId, u64> = BTreeMap::new();
    let (mut in_flight, mut before, mut all) = (0, BTreeMap::new(), Vec::new());
    for round in 0..KILLS {
        let server = Server::start(&store, &told);
        let client = Client::new(&server.url(), None).unwrap();
        // A new one each time, since one that was under way at several deaths has to wait. And another question, or the search
        // would know the answer.
        let task = json!({"processor": "core", "input": format!("Who is the mayor of the town? q{round}z"),
            "task_spec": {"output_schema": schema}});
        runs.insert(client.create(&task).await.unwrap().run_id, round);
        // Somewhere in the work: behind so many calls.
        let calls = usize::try_from(1 + (round * 7) % 9).unwrap();
        while world.book.lock().unwrap().len() < calls {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        server.kill();
        // What was asked for runs under way and is not in their journals was in flight.
        let kept = steps(&store);
        let made = std::mem::take(&mut *world.book.lock().unwrap());
        for (run, steps) in &kept {
            let asked = made.iter().filter(|name| numbered(name) == runs.get(run).copied()).count();
            let new = steps - before.get(run).copied().unwrap_or_default();
            in_flight += asked.saturating_sub(new);
        }
        before = kept;
        all.extend(made);
    }
    let server = Server::start(&store, &told);
    let client = Client::new(&server.url(), None).unwrap();
    for id in runs.keys() {
        let result = client.result(*id, None).await.unwrap();
        assert_eq!(result.run().status, Status::Completed, "{result:?}");
        let End::Output { body, .. } = &result else { panic!("{result:?}") };
        let output: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(output["output"]["content"]["mayor"], "Ada Quill", "{output}");
        assert_eq!(output["output"]["content"]["budget"], Value::Null);
    }
    assert!(in_flight > KILLS_IN_FLIGHT, "{in_flight} calls were in flight: the kills came at the wrong moments");
    let mut made = all;
    made.extend(world.book.lock().unwrap().drain(..));
    let again = made.len() - made.iter().collect::<BTreeSet<_>>().len();
    eprintln!("{KILLS} kills, {} calls, {again} of them again, {in_flight} in flight", made.len());
    assert!(
        again <= in_flight,
        "{again} calls were made again, and {in_flight} were in flight when the server was killed"
    );
}

/// How many calls the journals of the runs hold that have not ended.
fn steps(store: &Store) -> BTreeMap<RunId, usize> {
    let exported = legwork().args(["export", "--store"]).arg(store).output().unwrap();
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let (mut runs, mut by_number) = (BTreeMap::new(), BTreeMap::new());
    for line in String::from_utf8(exported.stdout).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let run = &line["run"];
        if run["output"].is_null() && run.is_object() {
            let id: RunId = run["run"]["id"].as_str().unwrap().parse().unwrap();
            by_number.insert(run["n"].clone().to_string(), id);
            runs.insert(id, 0);
        }
        let step = &line["step"];
        let is_call = step["key"].as_str().is_some_and(|key| !key.starts_with("looked") && !key.starts_with("tools"));
        if let Some(id) = by_number.get(&step["n"].to_string()).filter(|_| is_call) {
            *runs.entry(*id).or_default() += 1;
        }
    }
    runs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_recorded_answers_another_run_and_nobody_is_asked() {
    let world = World::start().await;
    let folder = configured(&world);
    let tape = folder.path().join("tape").display().to_string();
    let told = told(&world, &folder);
    let told =
        |how: &'static str| -> Vec<String> { told.iter().cloned().chain([how.to_owned(), tape.clone()]).collect() };
    let task = json!({"processor": "core", "input": "Who is the mayor of the town?",
        "task_spec": {"output_schema": {"type": "json", "json_schema": {"type": "object", "properties": {
            "mayor": {"type": "string"}}}}}});
    let answered = async |how| {
        let (store, told) = (Store::new(), told(how));
        let server = Server::start(&store, &told.iter().map(String::as_str).collect::<Vec<_>>());
        let client = Client::new(&server.url(), None).unwrap();
        let id = client.create(&task).await.unwrap().run_id;
        let End::Output { body, .. } = client.result(id, None).await.unwrap() else { panic!("it has no output") };
        let output = serde_json::from_slice::<Value>(&body).unwrap()["output"].clone();
        (output["content"].clone(), output["basis"].clone())
    };
    let first = answered("--record").await;
    assert_eq!(first.0["mayor"], "Ada Quill");
    let asked = world.book.lock().unwrap().len();
    assert!(asked > 0);
    let second = answered("--replay").await;
    assert_eq!(second, first);
    assert_eq!(world.book.lock().unwrap().len(), asked, "it was answered from the recording alone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_model_the_web_is_asked_for_what_the_documents_do_not_say() {
    let (store, world) = (Store::new(), World::start().await);
    let folder = configured(&world);
    let (config, host) = (folder.path().join("legwork.toml"), world.address.to_string());
    let told = ["--config", config.to_str().unwrap(), "--search", "searxng", "--fetch-allow-host", &host];
    let server = Server::start(&store, &told);
    let client = Client::new(&server.url(), None).unwrap();
    let ask = async |task: Value| {
        let run = client.create(&task).await.unwrap();
        let result = client.result(run.run_id, None).await.unwrap();
        let End::Output { body, .. } = result else { panic!("{result:?}") };
        serde_json::from_slice::<Value>(&body).unwrap()["output"].clone()
    };
    let output = ask(json!({"processor": "base", "input": "Who is the mayor of Town 3?"})).await;
    let content = output["content"].as_str().unwrap();
    assert!(content.contains("The mayor of Town 3 is Ada Quill") && content.contains("[1]"), "{content}");
    let cited = &output["basis"][0]["citations"][0];
    assert_eq!(cited["url"], format!("http://{host}/q0z/towns/3"));
    let kept = client.source(cited["legwork"]["source"].as_str().unwrap(), None).await.unwrap();
    assert!(kept.text.contains("The mayor of Town 3 is Ada Quill"), "{}", kept.text);
    assert_ne!(output["basis"][0]["confidence"], "high");
    assert!(output["legwork"]["usage"]["pages"].as_u64().is_some_and(|pages| pages > 0), "{output}");

    let schema = json!({"type": "json", "json_schema": {"type": "object", "properties": {
        "inhabitants": {"type": "integer", "description": "inhabitants of Town 4"},
        "budget": {"type": ["string", "null"], "description": "budget of Town 4"}}}});
    let task = json!({"processor": "base", "input": "Town 4", "task_spec": {"output_schema": schema}});
    let output = ask(task).await;
    assert_eq!(output["content"]["inhabitants"], 4000, "{output}");
    assert_eq!(output["content"]["budget"], Value::Null, "{output}");

    let found = ask(json!({"processor": "base", "input": "What is the capital of Mongolia?"})).await;
    assert!(found["basis"][0]["citations"][0]["url"].as_str().unwrap().starts_with("corpus:factbook/"), "{found}");
    let searched = world.book.lock().unwrap().iter().filter(|name| name.contains("Mongolia")).count();
    assert_eq!(searched, 0, "what the documents say is not looked for elsewhere");
}
