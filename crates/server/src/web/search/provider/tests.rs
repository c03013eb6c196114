//! What each kind of provider is sent, and what is read of its answers. The answers are of the form that vendors document;
//! their words are ours.

use std::num::NonZeroUsize;

use legwork_core::task::SourcePolicy;
use serde_json::json;

use super::*;
use crate::config::search::{Pointers, Template};

const TODAY: &str = "2026-11-27";

pub(in crate::web::search) fn provider(engine: Engine, base: &str) -> Provider {
    Provider {
        name: "it".to_owned(),
        engine,
        base: base.parse().unwrap(),
        key: Some(Secret::from("sesame".to_owned())),
        headers: Vec::new(),
        weight: 1.0,
        per_second: None,
        at_once: NonZeroUsize::new(4).unwrap(),
    }
}

pub(in crate::web::search) fn query(text: &str) -> Query {
    Query { text: text.to_owned(), want: 10, policy: SourcePolicy::default(), country: None }
}

/// A query with all there is to ask for.
fn picky() -> Query {
    let policy = SourcePolicy {
        include_domains: vec!["example.org/docs".to_owned(), "a.example".to_owned()],
        exclude_domains: vec!["ignored.example".to_owned()],
        after_date: Some("2026-03-01".to_owned()),
    };
    Query { policy, country: Some("de".to_owned()), want: 7, ..query("capital of Mongolia") }
}

fn without(domains: &[&str]) -> Query {
    let exclude_domains = domains.iter().map(|domain| (*domain).to_owned()).collect();
    Query { policy: SourcePolicy { exclude_domains, ..SourcePolicy::default() }, ..query("q") }
}

fn sent(engine: Engine, query: &Query) -> Request<Bytes> {
    request(&provider(engine, "https://search.example/api/"), query, TODAY).unwrap().unwrap()
}

fn parameters(request: &Request<Bytes>) -> Vec<(String, String)> {
    url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect()
}

fn body(request: &Request<Bytes>) -> Value {
    serde_json::from_slice(request.body()).unwrap()
}

fn header_of<'a>(request: &'a Request<Bytes>, name: &str) -> &'a str {
    request.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn reading(engine: Engine, status: u16, body: &str) -> Result<Answer, Trouble> {
    let status = StatusCode::from_u16(status).unwrap();
    read(&provider(engine, "https://search.example"), status, &HeaderMap::new(), body.as_bytes())
}

fn answer(engine: Engine, body: &Value) -> Answer {
    reading(engine, 200, &body.to_string()).unwrap()
}

fn why(engine: Engine, status: u16, body: &str) -> String {
    reading(engine, status, body).unwrap_err().to_string()
}

fn all_kinds() -> Vec<Engine> {
    let template = Template { url: "https://search.example/?q={query}".to_owned(), ..Template::default() };
    vec![
        Engine::Searxng,
        Engine::Brave,
        Engine::Tavily { text: false },
        Engine::Exa { text: false },
        Engine::Serper,
        Engine::Kagi,
        Engine::Wikipedia { contact: None },
        Engine::Parallel,
        Engine::Http(template),
    ]
}

#[test]
fn searxng_is_asked_for_json_and_its_counter_is_not_looked_at() {
    let request = sent(Engine::Searxng, &picky());
    assert_eq!((request.method().as_str(), request.uri().path()), ("GET", "/api/search"));
    let words = "capital of Mongolia (site:a.example OR site:example.org)";
    let asked = [("q", words), ("format", "json")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(parameters(&request), asked);
    let page = json!({"query": "q", "number_of_results": 0, "results": [
        {"url": "https://a.example/1", "title": "One", "content": "the  first", "publishedDate": "2026-03-01T10:00:00",
         "engines": ["brave"], "positions": [1], "score": 1.0},
        {"url": "https://b.example/2", "title": "Two", "content": null, "publishedDate": null},
    ], "unresponsive_engines": [["google", "too many requests"], "qwant"]});
    let Answer { hits, note } = answer(Engine::Searxng, &page);
    assert_eq!((hits.len(), hits[0].snippet.as_str(), hits[0].rank), (2, "the first", 1));
    assert_eq!((hits[0].published.as_deref(), hits[1].published.as_deref()), (Some("2026-03-01"), None));
    assert_eq!(note.as_deref(), Some("had no answer from google (too many requests), qwant"));
}

#[test]
fn searxng_says_what_its_403_means_and_when_nobody_looked() {
    let says = why(Engine::Searxng, 403, "<!doctype html><title>403 Forbidden</title>");
    assert!(says.contains("add `json` to `search.formats` in its settings.yml"), "{says}");
    let nobody = json!({"results": [], "unresponsive_engines": [["brave", "Suspended: too many requests"]]});
    let says = why(Engine::Searxng, 200, &nobody.to_string());
    assert_eq!(says, "found nothing, and had no answer from brave (Suspended: too many requests)");
    assert_eq!(answer(Engine::Searxng, &json!({"results": []})), Answer::default());
}

#[test]
fn brave_is_asked_within_its_limits() {
    let request = sent(Engine::Brave, &picky());
    assert_eq!(request.uri().path(), "/api/res/v1/web/search");
    assert_eq!(header_of(&request, "x-subscription-token"), "sesame");
    let asked = parameters(&request);
    for (name, value) in [("count", "7"), ("country", "DE"), ("freshness", "2026-03-01to2026-11-27")] {
        assert!(asked.contains(&(name.to_owned(), value.to_owned())), "{asked:?}");
    }
    assert_eq!(asked[0].1, "capital of Mongolia (site:a.example OR site:example.org)");
    let long = sent(Engine::Brave, &Query { want: 90, ..query(&"word ".repeat(300)) });
    let asked = parameters(&long);
    assert_eq!((asked[0].1.split(' ').count(), asked[1].1.as_str()), (50, "20"));
}

#[test]
fn brave_is_read_with_its_further_snippets() {
    let page = json!({"type": "search", "web": {"results": [
        {"title": "Ulan Bator &amp; more", "url": "https://a.example/1", "description": "The <strong>capital</strong>",
         "extra_snippets": ["It&#x27;s cold"], "page_age": "2026-04-12T14:22:41", "age": "April 12, 2026"},
    ]}, "videos": {"results": []}});
    let hits = answer(Engine::Brave, &page).hits;
    assert_eq!((hits[0].title.as_str(), hits[0].snippet.as_str()), ("Ulan Bator & more", "The capital … It's cold"));
    assert_eq!(hits[0].published.as_deref(), Some("2026-04-12"));
    assert_eq!(answer(Engine::Brave, &json!({"type": "search"})), Answer::default(), "nothing was found");
}

#[test]
fn brave_says_in_its_headers_when_there_is_room_again() {
    let wait = |remaining: &str, reset: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-remaining", remaining.parse().unwrap());
        headers.insert("x-ratelimit-reset", reset.parse().unwrap());
        wait(&provider(Engine::Brave, "https://a.example"), &headers)
    };
    assert_eq!(wait("1, 1000", "1, 1419704"), None);
    assert_eq!(wait("0, 1000", "1, 1419704"), Some(Duration::from_secs(1)));
    assert_eq!(wait("0, 0", "1, 1419704"), Some(Duration::from_secs(1_419_704)));
    assert_eq!(wait("", ""), None);
}

#[test]
fn tavily_is_asked_with_its_own_filters() {
    let request = sent(Engine::Tavily { text: true }, &picky());
    assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/api/search"));
    assert_eq!(header_of(&request, "authorization"), "Bearer sesame");
    let asked = json!({"query": "capital of Mongolia", "max_results": 7, "search_depth": "basic",
        "include_raw_content": "text", "include_domains": ["a.example", "example.org"], "start_date": "2026-03-01"});
    assert_eq!(body(&request), asked);
    let request = sent(Engine::Tavily { text: false }, &without(&["b.example", "c.example/x"]));
    assert_eq!(body(&request)["exclude_domains"], json!(["b.example"]));
    assert!(body(&request).get("include_raw_content").is_none());
}

#[test]
fn tavily_sends_the_text_of_a_page_along() {
    let page = json!({"query": "q", "results": [
        {"title": "One", "url": "https://a.example/1", "content": "a part", "score": 0.9, "raw_content": "All of it."},
        {"title": "Two", "url": "https://b.example/2", "content": "b", "raw_content": null,
         "published_date": "Tue, 14 Nov 2023 22:13:20 GMT"},
    ], "response_time": "1.2"});
    let hits = answer(Engine::Tavily { text: true }, &page).hits;
    assert_eq!((hits[0].snippet.as_str(), hits[0].text.as_deref()), ("a part", Some("All of it.")));
    assert_eq!((hits[1].text.as_deref(), hits[1].published.as_deref()), (None, Some("2023-11-14")));
}

#[test]
fn exa_is_asked_with_its_own_filters_and_read() {
    let request = sent(Engine::Exa { text: true }, &picky());
    assert_eq!(header_of(&request, "x-api-key"), "sesame");
    let asked = json!({"query": "capital of Mongolia", "type": "auto", "numResults": 7,
        "contents": {"highlights": true, "text": true}, "includeDomains": ["a.example", "example.org"],
        "startPublishedDate": "2026-03-01T00:00:00.000Z", "userLocation": "DE"});
    assert_eq!(body(&request), asked);
    assert_eq!(body(&sent(Engine::Exa { text: false }, &query("q")))["contents"], json!({"highlights": true}));
    let page = json!({"requestId": "1", "results": [
        {"id": "1", "title": null, "url": "https://a.example/1", "publishedDate": "2026-11-16T01:36:32.547Z",
         "author": null, "highlights": ["one", "two"], "text": "All of it."},
        {"id": "2", "title": "Two", "url": "https://b.example/2"},
    ]});
    let hits = answer(Engine::Exa { text: true }, &page).hits;
    assert_eq!((hits[0].title.as_str(), hits[0].snippet.as_str()), ("", "one … two"));
    assert_eq!((hits[0].published.as_deref(), hits[0].text.as_deref()), (Some("2026-11-16"), Some("All of it.")));
}

#[test]
fn serper_is_asked_as_google_is_and_read() {
    let request = sent(Engine::Serper, &picky());
    assert_eq!((request.uri().path(), header_of(&request, "x-api-key")), ("/api/search", "sesame"));
    let asked = json!({"q": "capital of Mongolia (site:a.example OR site:example.org)", "num": 7, "gl": "de",
        "tbs": "cdr:1,cd_min:03/01/2026"});
    assert_eq!(body(&request), asked);
    let page = json!({"searchParameters": {"q": "q"}, "knowledgeGraph": {"title": "x"}, "organic": [
        {"title": "One", "link": "https://a.example/1", "snippet": "the first", "date": "Mar 3, 2026", "position": 1},
        {"title": "Two", "link": "https://b.example/2", "position": 2, "date": "2 days ago"},
    ]});
    let hits = answer(Engine::Serper, &page).hits;
    assert_eq!((hits[0].published.as_deref(), hits[1].published.as_deref()), (Some("2026-03-03"), None));
    assert_eq!(hits[1].url, "https://b.example/2");
}

#[test]
fn kagi_is_asked_and_read_as_its_first_version_has_it() {
    let request = sent(Engine::Kagi, &picky());
    assert_eq!(request.uri().path(), "/api/api/v1/search");
    assert_eq!(header_of(&request, "authorization"), "Bearer sesame");
    let asked = json!({"query": "capital of Mongolia (site:a.example OR site:example.org)", "workflow": "search",
        "limit": 7, "filters": {"after": "2026-03-01"}});
    assert_eq!(body(&request), asked);
    let page = json!({"meta": {"trace": "t", "ms": 12}, "data": {"search": [
        {"url": "https://a.example/1", "title": "One", "snippet": "<b>the</b> first", "time": "2026-01-02T03:04:05Z"},
        {"url": "https://b.example/2", "title": "Two"},
    ], "related_search": [{"url": "x", "title": "y"}]}});
    let hits = answer(Engine::Kagi, &page).hits;
    assert_eq!(
        (hits.len(), hits[0].snippet.as_str(), hits[0].published.as_deref()),
        (2, "the first", Some("2026-01-02"))
    );
    assert_eq!(answer(Engine::Kagi, &json!({"data": {}})), Answer::default());
    assert_eq!(answer(Engine::Kagi, &json!({"data": null})), Answer::default());
}

#[test]
fn wikipedia_is_told_who_asks_and_is_not_asked_for_nothing() {
    let contact = Some("https://tasks.example.com".to_owned());
    let request = sent(Engine::Wikipedia { contact }, &query("capital of Mongolia"));
    assert_eq!(request.uri().path(), "/api/w/api.php");
    let agent = header_of(&request, "user-agent");
    assert!(agent.starts_with("legwork/") && agent.ends_with(" (https://tasks.example.com)"), "{agent}");
    assert!(parameters(&request).contains(&("gsrsearch".to_owned(), "capital of Mongolia".to_owned())));
    let wiki = provider(Engine::Wikipedia { contact: None }, "https://en.wikipedia.org");
    assert!(request_of(&wiki, &picky()).is_none() && request_of(&wiki, &without(&["wikipedia.org"])).is_none());
    assert!(request_of(&wiki, &without(&["wikipedia.org/wiki/Main_Page"])).is_some());
}

fn request_of(provider: &Provider, query: &Query) -> Option<Request<Bytes>> {
    request(provider, query, TODAY).unwrap()
}

#[test]
fn wikipedia_is_read_in_the_order_of_its_index() {
    let wiki = || Engine::Wikipedia { contact: None };
    let page = json!({"batchcomplete": true, "query": {"pages": [
        {"pageid": 2, "ns": 0, "title": "Mongolia", "index": 2, "extract": "A country.", "fullurl": "https://en.wikipedia.org/wiki/Mongolia"},
        {"pageid": 1, "ns": 0, "title": "Ulaanbaatar", "index": 1, "extract": "The capital.", "fullurl": "https://en.wikipedia.org/wiki/Ulaanbaatar"},
    ]}});
    let hits = answer(wiki(), &page).hits;
    let told: Vec<_> = hits.iter().map(|hit| (hit.rank, hit.title.as_str(), hit.snippet.as_str())).collect();
    assert_eq!(told, [(1, "Ulaanbaatar", "The capital."), (2, "Mongolia", "A country.")]);
    assert_eq!(answer(wiki(), &json!({"batchcomplete": true})), Answer::default(), "nothing was found");
    let error = json!({"error": {"code": "cirrussearch-too-busy-error", "info": "Search is currently too busy."}});
    let says = why(wiki(), 200, &error.to_string());
    assert_eq!(says, "refuses: Search is currently too busy. (cirrussearch-too-busy-error)");
    let limited = json!({"error": {"code": "ratelimited", "info": "Slow down."}}).to_string();
    assert!(matches!(reading(wiki(), 200, &limited), Err(Trouble::Busy { .. })));
}

#[test]
fn parallel_is_asked_with_the_policy_as_it_is_and_read() {
    let request = sent(Engine::Parallel, &picky());
    assert_eq!((request.uri().path(), header_of(&request, "x-api-key")), ("/api/v1/search", "sesame"));
    let asked = body(&request);
    assert_eq!(
        (&asked["objective"], &asked["search_queries"]),
        (&json!("capital of Mongolia"), &json!(["capital of Mongolia"]))
    );
    let policy = json!({"include_domains": ["a.example", "example.org"], "after_date": "2026-03-01"});
    assert_eq!(asked["advanced_settings"], json!({"max_results": 7, "location": "de", "source_policy": policy}));
    let endings = body(&sent(Engine::Parallel, &without(&["gov", "b.example"])));
    assert_eq!(endings["advanced_settings"]["source_policy"], json!({"exclude_domains": ["b.example", ".gov"]}));
    let page = json!({"search_id": "search_1", "results": [
        {"url": "https://a.example/1", "title": null, "publish_date": "2026-07-10", "excerpts": ["one", "two"]},
    ], "warnings": [{"type": "warning", "message": "location is not known"}], "session_id": "s"});
    let Answer { hits, note } = answer(Engine::Parallel, &page);
    assert_eq!((hits[0].snippet.as_str(), hits[0].text.as_deref()), ("one … two", None), "excerpts are no page");
    assert_eq!(note.as_deref(), Some("warns: location is not known"));
}

#[test]
fn anything_over_http_is_asked_by_its_template() {
    let url = "https://search.example/v2/{query}?n={count}&token={key}".to_owned();
    let get = Template { url: url.clone(), ..Template::default() };
    let request = sent(Engine::Http(get), &Query { want: 3, ..query("a&b {key}?") });
    assert_eq!(request.uri().to_string(), "https://search.example/v2/a%26b%20%7Bkey%7D%3F?n=3&token=sesame");
    let body_template = r#"{"q":"{query}","n":{count}}"#.to_owned();
    let post = Template { url, body: Some(body_template), operators: true, ..Template::default() };
    let request = sent(Engine::Http(post), &Query { text: "say \"hi\"\n".to_owned(), ..without(&["b.example"]) });
    assert_eq!((request.method().as_str(), header_of(&request, "content-type")), ("POST", "application/json"));
    assert_eq!(body(&request), json!({"q": "say \"hi\" -site:b.example", "n": 10}));
    let pointers = Pointers { list: "/items".to_owned(), ..Pointers::default() };
    let template = Template { pointers, ..Template::default() };
    let page = json!({"items": [{"url": "https://a.example/1", "title": "One", "snippet": "s"}]});
    assert_eq!(answer(Engine::Http(template), &page).hits[0].title, "One");
}

#[test]
fn headers_of_the_operator_go_along_and_are_shown_by_nothing() {
    let headers = vec![("X-Team".to_owned(), Secret::from("blue".to_owned()))];
    let provider = Provider { headers, ..provider(Engine::Searxng, "https://search.example") };
    let request = request_of(&provider, &query("q")).unwrap();
    assert_eq!((header_of(&request, "x-team"), header_of(&request, "accept")), ("blue", "application/json"));
    assert!(!format!("{request:?} {provider:?}").contains("blue"));
    assert!(!format!("{:?}", sent(Engine::Brave, &query("q"))).contains("sesame"));
}

#[test]
fn what_is_no_page_on_the_web_is_dropped_and_keeps_its_place() {
    let page = json!({"results": [{"url": "javascript:alert(1)"}, {"url": "/relative"}, {"title": "no address"},
        {"url": "HTTPS://A.example:443/1?utm_source=x#top", "title": "One"}]});
    let hits = answer(Engine::Searxng, &page).hits;
    assert_eq!(hits.iter().map(|hit| (hit.rank, hit.url.as_str())).collect::<Vec<_>>(), [(4, "https://a.example/1")]);
}

#[test]
fn each_kind_says_in_words_what_is_wrong() {
    for engine in all_kinds() {
        let broken = why(engine.clone(), 200, "<html>sorry</html>");
        assert!(broken.starts_with("answers with what cannot be read: ") && broken.contains("<html>sorry"), "{broken}");
        let unknown = why(engine.clone(), 401, r#"{"message":"Unauthorized sesame"}"#);
        let key = "does not let us in, so its key is likely wrong: answers 401 (Unauthorized): Unauthorized ***";
        assert_eq!(unknown, key);
        let down = why(engine.clone(), 502, "");
        assert_eq!(down, "answers 502 (Bad Gateway)");
        let busy = reading(engine, 429, r#"{"error":{"message":"slow down"}}"#).unwrap_err();
        let says = "answers 429 (Too Many Requests): slow down".to_owned();
        assert_eq!(busy, Trouble::Busy { after: None, says });
    }
}

#[test]
fn what_is_null_is_as_good_as_not_there() {
    let nulls = json!({"results": null, "web": {"results": null}, "organic": null, "data": {"search": null},
        "query": {"pages": null}, "warnings": null, "unresponsive_engines": null});
    let one = json!([{"url": "https://a.example/1", "link": "https://a.example/1", "fullurl": "https://a.example/1",
        "title": null, "content": null, "description": null, "extra_snippets": null, "highlights": null, "snippet": null,
        "extract": null, "excerpts": null, "index": null}]);
    let sparse = json!({"results": one, "web": {"results": one}, "organic": one, "data": {"search": one},
        "query": {"pages": one}});
    for engine in all_kinds().into_iter().filter(|engine| !matches!(engine, Engine::Http(_))) {
        assert_eq!(answer(engine.clone(), &nulls), Answer::default(), "{engine:?}");
        assert_eq!(answer(engine.clone(), &sparse).hits[0].url, "https://a.example/1", "{engine:?}");
    }
}

#[test]
fn a_redirect_is_told_and_not_followed() {
    let provider = provider(Engine::Searxng, "http://search.example");
    let mut headers = HeaderMap::new();
    headers.insert(LOCATION, "https://search.example/search?q=secret".parse().unwrap());
    let says = read(&provider, StatusCode::MOVED_PERMANENTLY, &headers, b"").unwrap_err().to_string();
    assert_eq!(says, "sends us to https://search.example: set that as its `base_url`");
}

#[test]
fn without_a_key_a_vendor_is_not_asked() {
    for engine in [
        Engine::Brave,
        Engine::Tavily { text: false },
        Engine::Exa { text: false },
        Engine::Serper,
        Engine::Kagi,
        Engine::Parallel,
    ] {
        let provider = Provider { key: None, ..provider(engine, "https://search.example") };
        assert_eq!(request(&provider, &query("q"), TODAY).unwrap_err(), "has no key");
    }
}

#[test]
fn a_snippet_has_an_end() {
    let page = json!({"results": [{"url": "https://a.example", "content": "x".repeat(10_000)}]});
    assert_eq!(answer(Engine::Searxng, &page).hits[0].snippet.len(), SNIPPET);
}
