//! All providers together: on loopback what goes over the wire, on a paused clock what takes time.

use std::num::NonZeroUsize;
use std::time::Duration;

use http::Response;
use legwork_core::time::Micros;
use serde_json::{Value, json};

use super::provider::tests::{provider, query};
use super::*;
use crate::clock::TestClock;
use crate::config::search::{Engine, Provider, Template, Tool};
use crate::testing::provider::{Asked, Endpoint, Script, answer};

const SECOND: Duration = Duration::from_secs(1);

fn clock() -> Arc<dyn Clock> {
    Arc::new(TestClock::at(Micros(1_764_201_600_000_000)))
}

fn named(name: &str, engine: Engine, base: &Url) -> Provider {
    Provider { name: name.to_owned(), ..provider(engine, base.as_str()) }
}

fn searcher(providers: Vec<Provider>) -> Searcher {
    Searcher::new(Search { providers }, &clock())
}

/// One provider whose answers come from a script, with no network in between.
fn scripted(provider: Provider, script: Arc<Script>) -> Searcher {
    Searcher::at(vec![Desk::by(Ok(script), provider, clock())])
}

fn searxng() -> Provider {
    provider(Engine::Searxng, "https://search.example")
}

fn page(urls: &[&str]) -> String {
    let results: Vec<_> = urls.iter().map(|url| json!({"url": url, "title": url, "content": "c"})).collect();
    json!({"results": results}).to_string()
}

fn urls(found: &Found) -> Vec<&str> {
    found.hits.iter().map(|hit| hit.url.as_str()).collect()
}

fn shares(shares: &[Share]) -> Vec<(&str, usize, Option<&str>)> {
    shares.iter().map(|share| (share.provider.as_str(), share.count, share.trouble.as_deref())).collect()
}

/// What is wrong with the only provider.
async fn trouble(searcher: &Searcher) -> String {
    let silence = searcher.search(&query("q"), 3).await.unwrap_err();
    silence.by_provider[0].trouble.clone().unwrap()
}

#[tokio::test]
async fn all_are_asked_and_what_they_know_is_one_list() {
    let one = Endpoint::that_answers(200, &page(&["https://a.example/", "https://both.example/"])).await;
    let organic = json!({"organic": [{"link": "http://www.both.example", "title": "Both"}, {"link": "https://b.example/", "title": "B"}]});
    let two = Endpoint::that_answers(200, &organic.to_string()).await;
    let down = Endpoint::that_answers(500, "").await;
    let all = searcher(vec![
        named("searxng", Engine::Searxng, &one.url()),
        named("serper", Engine::Serper, &two.url()),
        named("brave", Engine::Brave, &down.url()),
    ]);
    assert_eq!(all.names().collect::<Vec<_>>(), ["searxng", "serper", "brave"]);
    let found = all.search(&query("q"), 3).await.unwrap();
    assert_eq!(urls(&found), ["https://both.example/", "https://a.example/", "https://b.example/"]);
    let told = [("searxng", 2, None), ("serper", 2, None), ("brave", 0, Some("answers 500 (Internal Server Error)"))];
    assert_eq!(shares(&found.by_provider), told);
    assert_eq!(two.asked()[0].header("x-api-key"), "sesame");
}

#[tokio::test]
async fn every_kind_is_spoken_to_over_the_wire() {
    let hit = "https://a.example/1";
    let tool = |asked: &Asked, result: &Value| {
        json!({"jsonrpc": "2.0", "id": asked.json()["id"], "result": result}).to_string()
    };
    let endpoint = Endpoint::start(move |asked| {
        let body = match (asked.method.as_str(), asked.uri.path()) {
            ("GET", "/search") => json!({"results": [{"url": hit}]}).to_string(),
            ("GET", "/res/v1/web/search") => json!({"web": {"results": [{"url": hit}]}}).to_string(),
            ("POST", "/search") => json!({"results": [{"url": hit}], "organic": [{"link": hit}]}).to_string(),
            ("POST", "/api/v1/search") => json!({"data": {"search": [{"url": hit}]}}).to_string(),
            ("GET", "/w/api.php") => json!({"query": {"pages": [{"index": 1, "fullurl": hit}]}}).to_string(),
            ("POST", "/v1/search") => json!({"results": [{"url": hit, "excerpts": []}]}).to_string(),
            ("GET", "/any") => json!({"results": [{"url": hit}]}).to_string(),
            ("POST", "/mcp") if asked.header("mcp-method") == "tools/list" => {
                tool(asked, &json!({"tools": [{"name": "web", "inputSchema": {"type": "object"}}]}))
            }
            ("POST", "/mcp") => {
                let arguments = &asked.json()["params"]["arguments"];
                assert_eq!(*arguments, json!({"q": "capital", "n": 10}));
                tool(
                    asked,
                    &json!({"content": [{"type": "text", "text": json!({"results": [{"url": hit}]}).to_string()}]}),
                )
            }
            _ => return Some(answer(404, "{}")),
        };
        Some(answer(200, &body))
    })
    .await;
    let url = endpoint.url();
    let template = Template { url: format!("{url}any?q={{query}}"), ..Template::default() };
    let tool = Tool {
        name: "web".to_owned(),
        argument: "q".to_owned(),
        count: Some("n".to_owned()),
        operators: false,
        pointers: None,
    };
    let kinds = [
        ("searxng", Engine::Searxng, url.clone()),
        ("brave", Engine::Brave, url.clone()),
        ("tavily", Engine::Tavily { text: false }, url.clone()),
        ("exa", Engine::Exa { text: false }, url.clone()),
        ("serper", Engine::Serper, url.clone()),
        ("kagi", Engine::Kagi, url.clone()),
        ("wikipedia", Engine::Wikipedia { contact: None }, url.clone()),
        ("parallel", Engine::Parallel, url.clone()),
        ("http", Engine::Http(template), url.clone()),
        ("mcp", Engine::Mcp(tool), url.join("/mcp").unwrap()),
    ];
    let providers = kinds.iter().map(|(name, engine, base)| named(name, engine.clone(), base)).collect();
    let found = searcher(providers).search(&query("capital"), 3).await.unwrap();
    let expected: Vec<_> = kinds.iter().map(|(name, ..)| (*name, 1, None)).collect();
    assert_eq!(shares(&found.by_provider), expected);
    assert_eq!(urls(&found), [hit]);
    assert!(endpoint.asked().iter().all(|asked| asked.header("user-agent").starts_with("legwork/")));
}

#[tokio::test]
async fn a_policy_is_kept_to_whatever_a_provider_makes_of_it() {
    let results = json!({"results": [
        {"url": "https://docs.example.org/a", "publishedDate": "2026-05-01T00:00:00"},
        {"url": "https://example.org/b"},
        {"url": "https://example.org/old", "publishedDate": "2025-12-31"},
        {"url": "https://badexample.org/c"},
    ]});
    let endpoint = Endpoint::that_answers(200, &results.to_string()).await;
    let it = searcher(vec![named("searxng", Engine::Searxng, &endpoint.url())]);
    let include_domains = vec!["example.org".to_owned()];
    let policy = SourcePolicy { include_domains, after_date: Some("2026-01-01".to_owned()), ..SourcePolicy::default() };
    let found = it.search(&Query { policy, ..query("q") }, 9).await.unwrap();
    assert_eq!(urls(&found), ["https://docs.example.org/a", "https://example.org/b"]);
    let none = SourcePolicy { include_domains: vec!["other.example".to_owned()], ..SourcePolicy::default() };
    let found = it.search(&Query { policy: none, ..query("q") }, 9).await.unwrap();
    let why = "had 4 results, and the source policy allows none";
    assert_eq!(shares(&found.by_provider), [("searxng", 0, Some(why))]);
    // Another that does not know how old a page is makes it no younger.
    let other = json!({"results": [{"url": "https://example.org/old"}, {"url": "https://example.org/b"}]});
    let unaware = Endpoint::that_answers(200, &other.to_string()).await;
    let both = [("one", endpoint.url()), ("other", unaware.url())];
    let both = searcher(both.iter().map(|(name, url)| named(name, Engine::Searxng, url)).collect());
    let policy = SourcePolicy { after_date: Some("2026-01-01".to_owned()), ..SourcePolicy::default() };
    let found = both.search(&Query { policy, ..query("q") }, 9).await.unwrap();
    assert!(!urls(&found).contains(&"https://example.org/old"), "{:?}", urls(&found));
}

#[tokio::test]
async fn a_wiki_that_may_not_be_used_is_not_asked() {
    let endpoint = Endpoint::that_answers(200, "{}").await;
    let it = searcher(vec![named("wikipedia", Engine::Wikipedia { contact: None }, &endpoint.url())]);
    let policy = SourcePolicy { include_domains: vec!["gov".to_owned()], ..SourcePolicy::default() };
    let found = it.search(&Query { policy, ..query("q") }, 3).await.unwrap();
    assert_eq!(shares(&found.by_provider), [("wikipedia", 0, None)]);
    assert!(endpoint.asked().is_empty());
}

#[tokio::test]
async fn when_nobody_answers_it_is_told_of_each() {
    let broken = Endpoint::that_answers(200, "<html>").await;
    let forbidden = Endpoint::that_answers(403, "").await;
    let gone = Endpoint::that_answers(200, "").await.url();
    let all = searcher(vec![
        named("tavily", Engine::Tavily { text: false }, &broken.url()),
        named("searxng", Engine::Searxng, &forbidden.url()),
        named("exa", Engine::Exa { text: false }, &gone),
    ]);
    let told = all.search(&query("q"), 3).await.unwrap_err().to_string();
    assert!(told.starts_with("no provider answered: tavily answers with what cannot be read: "), "{told}");
    assert!(told.contains("; searxng does not answer in JSON: add `json`"), "{told}");
    assert!(told.contains("; exa cannot be reached: "), "{told}");
}

#[tokio::test]
async fn without_providers_nothing_is_found_and_nothing_is_wrong() {
    assert_eq!(searcher(Vec::new()).search(&query("q"), 3).await, Ok(Found::default()));
}

#[tokio::test]
async fn the_same_question_is_asked_once_and_a_failure_again() {
    let mut first = true;
    let endpoint = Endpoint::start(move |_| {
        let failing = std::mem::take(&mut first);
        Some(if failing { answer(500, "") } else { answer(200, &page(&["https://a.example/"])) })
    })
    .await;
    let it = searcher(vec![named("searxng", Engine::Searxng, &endpoint.url())]);
    assert!(it.search(&query("Capital of  Mongolia"), 3).await.is_err());
    let found = it.search(&query("capital of mongolia"), 3).await.unwrap();
    assert_eq!(it.search(&query(" CAPITAL of Mongolia"), 3).await.unwrap(), found);
    assert_eq!(endpoint.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_says_nothing_holds_a_search_up_for_eight_seconds() {
    let began = Instant::now();
    let it = scripted(searxng(), Script::new(|_| None));
    assert_eq!((trouble(&it).await.as_str(), began.elapsed()), ("did not answer within 8 s", 8 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn who_is_busy_is_asked_again_when_he_wants() {
    let mut first = true;
    let script = Script::new(move |_| {
        let (mut head, body) = answer(200, &page(&["https://a.example/"])).into_parts();
        if std::mem::take(&mut first) {
            head.status = http::StatusCode::TOO_MANY_REQUESTS;
            head.headers.insert("retry-after", "3".parse().unwrap());
        }
        Some(Response::from_parts(head, body))
    });
    let (it, began) = (scripted(searxng(), script.clone()), Instant::now());
    assert_eq!(urls(&it.search(&query("q"), 3).await.unwrap()), ["https://a.example/"]);
    assert_eq!((began.elapsed(), script.asked().len()), (3 * SECOND, 2));
}

#[tokio::test(start_paused = true)]
async fn who_is_busy_for_long_is_told_of_and_left_alone_for_so_long() {
    let script = Script::new(|_| {
        let (mut head, body) = answer(503, "").into_parts();
        head.headers.insert("retry-after", "60".parse().unwrap());
        Some(Response::from_parts(head, body))
    });
    let (it, began) = (scripted(searxng(), script.clone()), Instant::now());
    let why = "answers 503 (Service Unavailable); it wants to be left alone for 60 s";
    assert_eq!(trouble(&it).await, why);
    assert_eq!(trouble(&it).await, "has no turn left for so soon: the next is in 60 s");
    assert_eq!((began.elapsed(), script.asked().len()), (Duration::ZERO, 1));
    tokio::time::advance(60 * SECOND).await;
    assert_eq!(trouble(&it).await, why);
    assert_eq!(script.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_is_busy_twice_is_not_asked_a_third_time() {
    let script = Script::new(|_| Some(answer(429, "")));
    let (it, began) = (scripted(searxng(), script.clone()), Instant::now());
    assert_eq!(trouble(&it).await, "answers 429 (Too Many Requests)");
    assert_eq!((began.elapsed(), script.asked().len()), (SECOND, 2));
}

#[tokio::test(start_paused = true)]
async fn what_brave_has_used_up_of_a_second_is_waited_for() {
    let script = Script::new(|_| {
        let (mut head, body) = answer(200, r#"{"web":{"results":[]}}"#).into_parts();
        head.headers.insert("x-ratelimit-remaining", "0, 1000".parse().unwrap());
        head.headers.insert("x-ratelimit-reset", "1, 86400".parse().unwrap());
        Some(Response::from_parts(head, body))
    });
    let (it, began) = (scripted(provider(Engine::Brave, "https://search.example"), script.clone()), Instant::now());
    for words in ["one", "two", "three"] {
        it.search(&query(words), 3).await.unwrap();
    }
    assert_eq!((began.elapsed(), script.asked().len()), (2 * SECOND, 3));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_down_is_left_alone_and_tried_again() {
    let mut is_down = 3;
    let script = Script::new(move |_| {
        is_down = i32::max(is_down - 1, -1);
        Some(if is_down >= 0 { answer(599, "") } else { answer(200, &page(&["https://a.example/"])) })
    });
    let it = scripted(searxng(), script.clone());
    for _ in 0..3 {
        assert_eq!(trouble(&it).await, "cannot be reached: Connection refused");
    }
    let why = "failed again and again, and is left alone for 60 s more; it cannot be reached: Connection refused";
    assert_eq!((trouble(&it).await.as_str(), script.asked().len()), (why, 3));
    tokio::time::advance(60 * SECOND).await;
    assert!(it.search(&query("q"), 3).await.is_ok() && it.search(&query("r"), 3).await.is_ok());
    assert_eq!(script.asked().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn no_more_are_asked_a_second_and_at_a_time_than_a_provider_takes() {
    let script = Script::new(|_| Some(answer(200, &page(&["https://a.example/"]))));
    let it = scripted(Provider { per_second: Some(2.0), ..searxng() }, script.clone());
    let began = Instant::now();
    let queries: Vec<_> = (0..5).map(|i| query(&i.to_string())).collect();
    let found = join_all(queries.iter().map(|query| it.search(query, 3))).await;
    assert!(found.iter().all(Result::is_ok));
    assert_eq!(began.elapsed(), 2 * SECOND, "five are two seconds apart");

    let silent = Script::new(|_| None);
    let alone = Provider { at_once: NonZeroUsize::MIN, ..searxng() };
    let it = scripted(alone, silent.clone());
    let both = join_all([query("a"), query("b")].iter().map(|query| it.search(query, 3))).await;
    let why: Vec<_> =
        both.iter().map(|found| found.as_ref().unwrap_err().by_provider[0].trouble.clone().unwrap()).collect();
    assert_eq!(why[0], "did not answer within 8 s");
    assert!(
        ["did not answer within 8 s", "has more questions to answer than it can take (1 at a time)"]
            .contains(&&*why[1])
    );
}

#[tokio::test(start_paused = true)]
async fn an_mcp_server_that_went_wrong_is_spoken_to_anew() {
    let mut calls = 0;
    let script = Script::new(move |asked| {
        let id = asked.json()["id"].clone();
        let result = if asked.header("mcp-method") == "tools/list" {
            json!({"tools": [{"name": "web", "inputSchema": {"type": "object"}}]})
        } else {
            calls += 1;
            if calls == 1 {
                return Some(answer(500, ""));
            }
            json!({"structuredContent": {"items": [{"link": "https://a.example/1"}]}, "content": []})
        };
        Some(answer(200, &json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string()))
    });
    let tool = Tool { name: "web".to_owned(), argument: "q".to_owned(), count: None, operators: true, pointers: None };
    let it = scripted(provider(Engine::Mcp(tool), "https://mcp.example/"), script.clone());
    assert_eq!(trouble(&it).await, "answers 500 Internal Server Error");
    assert_eq!(urls(&it.search(&query("q"), 3).await.unwrap()), ["https://a.example/1"]);
    let asked = script.asked();
    let methods: Vec<_> = asked.iter().map(|asked| asked.header("mcp-method")).collect();
    assert_eq!(methods, ["tools/list", "tools/call", "tools/list", "tools/call"]);
    assert_eq!(asked[0].header("authorization"), "Bearer sesame");
}

#[tokio::test]
async fn each_provider_can_be_tried() {
    let good = Endpoint::that_answers(200, &page(&["https://a.example/"])).await;
    let bad = Endpoint::that_answers(401, r#"{"message":"no"}"#).await;
    let providers = vec![named("searxng", Engine::Searxng, &good.url()), named("kagi", Engine::Kagi, &bad.url())];
    let tried = try_each(Search { providers }).await;
    let why = "does not let us in, so its key is likely wrong: answers 401 (Unauthorized): no";
    assert_eq!(shares(&tried), [("searxng", 1, None), ("kagi", 0, Some(why))]);
    assert_eq!(good.asked()[0].parameter("q").as_deref(), Some("Mongolia"));
}
