//! Asking endpoints that answer well, badly, or not at all.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use legwork_api::secret::Secret;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::config::{LlmEndpoint, ModelAt, Place, Price};
use crate::testing::{Asked, Endpoint, Said};

fn plain(text: &str) -> Ask {
    Ask {
        role: Role::Reader,
        system: "You answer.".to_owned(),
        user: text.to_owned(),
        schema: None,
        max_tokens: 200,
        version: "1".to_owned(),
    }
}

fn structured() -> Ask {
    let schema = json!({
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": false,
    });
    Ask { schema: Some(Schema { name: "number".to_owned(), schema }), ..plain("How many?") }
}

fn five() -> Value {
    json!({"n": 5})
}

/// A team by these settings, with what it counts.
async fn team(llm: &Llm) -> (Team, Arc<Metrics>) {
    let metrics = Metrics::new([]);
    (Team::gather(llm, metrics.clone(), CancellationToken::new()).await.unwrap(), metrics)
}

/// What an endpoint with this script answers, and what it was asked.
async fn asked(
    ask: &Ask,
    script: impl Fn(&Asked) -> Said + Send + Sync + 'static,
) -> (Result<Reply, Trouble>, Vec<Asked>) {
    let endpoint = Endpoint::start(script).await;
    let answer = team(&endpoint.llm()).await.0.ask(ask).await;
    (answer, endpoint.calls())
}

#[tokio::test]
async fn an_answer_is_what_was_said_with_what_it_took() {
    let (reply, calls) = asked(&plain("How many?"), |_| Said::text("Five, I think.")).await;
    let usage = Tokens { prompt: 100, completion: 10, estimated: false };
    let text = "Five, I think.".to_owned();
    assert_eq!(reply.unwrap(), Reply { text, json: None, usage, model: "scripted".to_owned(), cost_usd: None });
    assert_eq!(calls.len(), 1);
    assert!(calls[0].headers.get("authorization").is_none());
}

#[tokio::test]
async fn an_ask_may_be_left_to_any_thread() {
    fn can_be_sent<T: Send>(value: T) -> T {
        value
    }
    let endpoint = Endpoint::start(|_| Said::json(&five())).await;
    let (team, _) = team(&endpoint.llm()).await;
    assert!(can_be_sent(team.ask(&structured())).await.is_ok());
}

#[tokio::test]
async fn bytes_may_come_one_by_one_or_all_at_once() {
    let slow = |_: &Asked| Said::text("Fünf – 五").by_bytes();
    assert_eq!(asked(&plain("?"), slow).await.0.unwrap().text, "Fünf – 五");
    let whole = asked(&plain("?"), |_| Said::whole("five")).await.0.unwrap();
    assert_eq!((whole.text.as_str(), whole.usage.total()), ("five", 110));
}

#[tokio::test]
async fn without_usage_it_is_estimated() {
    let (reply, _) = asked(&plain("How many?"), |_| Said::text("Five, I think.").uncounted()).await;
    let usage = reply.unwrap().usage;
    assert!(usage.estimated && usage.completion == 4 && usage.prompt > 6, "{usage:?}");
}

#[tokio::test]
async fn who_had_enough_is_asked_again_when_he_says_and_not_for_ever() {
    let busy = || Said::refused(429, r#"{"error": {"message": "slow down"}}"#);
    let once =
        move |asked: &Asked| if asked.number == 0 { busy().with("retry-after", "0") } else { Said::text("five") };
    let (reply, calls) = asked(&plain("?"), once).await;
    assert_eq!((reply.unwrap().text.as_str(), calls.len()), ("five", 2));
    let (trouble, calls) = asked(&plain("?"), move |_| busy()).await;
    let trouble = trouble.unwrap_err();
    assert_eq!((trouble.kind, calls.len()), (Kind::Limited, 4));
    assert!(
        trouble.why.contains("scripted at http://127.0.0.1:") && trouble.why.ends_with("429: slow down"),
        "{trouble}"
    );
    // Nobody waits for an hour, nor for money.
    let (trouble, calls) = asked(&plain("?"), move |_| busy().with("retry-after", "3600")).await;
    assert_eq!((trouble.unwrap_err().kind, calls.len()), (Kind::Limited, 1));
    let broke = |_: &Asked| Said::refused(429, r#"{"error": {"code": "insufficient_quota", "message": "pay"}}"#);
    let (trouble, calls) = asked(&plain("?"), broke).await;
    assert_eq!((trouble.unwrap_err().kind, calls.len()), (Kind::Refused, 1));
}

#[tokio::test]
async fn what_broke_off_is_asked_again_and_its_part_is_counted() {
    let script =
        |asked: &Asked| if asked.number == 0 { Said::text("Five, I").cut_after(2) } else { Said::text("five") };
    let (reply, calls) = asked(&plain("?"), script).await;
    let reply = reply.unwrap();
    assert_eq!((reply.text.as_str(), calls.len()), ("five", 2));
    assert!(reply.usage.estimated && reply.usage.completion == 10 + 2, "{:?}", reply.usage);
    let (trouble, calls) = asked(&plain("?"), |_| Said::text("Five, I").cut_after(1)).await;
    assert_eq!((trouble.unwrap_err().kind, calls.len()), (Kind::Unreachable, 4));
    // What went wrong at the other end of it is told in the stream.
    let within = |_: &Asked| Said::streamed(vec![r#"{"error": {"message": "overloaded", "code": 503}}"#.to_owned()]);
    let (trouble, calls) = asked(&plain("?"), within).await;
    let trouble = trouble.unwrap_err();
    assert_eq!((trouble.kind, calls.len()), (Kind::Unreachable, 4));
    assert!(trouble.why.ends_with("503: overloaded"), "{trouble}");
}

#[tokio::test]
async fn what_was_said_to_its_end_is_taken_whatever_becomes_of_the_connection() {
    // Two pieces and the end, but neither usage nor `[DONE]`.
    for cut in [Said::text("Five, I").cut_after(3), Said::text("Five, I").uncounted().cut_after(4)] {
        let (reply, calls) = asked(&plain("?"), move |_| cut.clone()).await;
        assert_eq!((reply.unwrap().text.as_str(), calls.len()), ("Five, I", 1));
    }
}

#[tokio::test]
async fn nobody_there_and_silence_are_told_apart() {
    let endpoint = Endpoint::start(|_| Said::text("Five, I").silent_after(1)).await;
    let llm = Llm { silence: Duration::from_millis(30), ..endpoint.llm() };
    let trouble = team(&llm).await.0.ask(&plain("?")).await.unwrap_err();
    assert_eq!((trouble.kind, endpoint.calls().len()), (Kind::Unreachable, 2));
    assert!(trouble.why.contains("did not come to an end"), "{trouble}");
    let endpoint = Endpoint::start(|_| Said::text("").silent_after(0)).await;
    let llm = Llm { timeout: Duration::from_millis(50), ..endpoint.llm() };
    let trouble = team(&llm).await.0.ask(&plain("?")).await.unwrap_err();
    assert!(trouble.kind == Kind::Unreachable && trouble.why.contains("did not answer within"), "{trouble}");
    let gone = endpoint.llm();
    drop(endpoint);
    let trouble = team(&gone).await.0.ask(&plain("?")).await.unwrap_err();
    assert!(trouble.kind == Kind::Unreachable && trouble.why.contains("cannot be reached"), "{trouble}");
}

#[tokio::test]
async fn a_plain_no_is_final_and_shows_no_key() {
    let endpoint = Endpoint::start(|_| Said::refused(401, r#"{"error": {"message": "bad key sk-secret"}}"#)).await;
    let key = Some(Secret::from("sk-secret".to_owned()));
    let place = Place::Endpoint(LlmEndpoint { key, ..endpoint.place() });
    let at = ModelAt { place, model: Some("m".to_owned()) };
    let llm = Llm { reader: at, ..endpoint.llm() };
    let trouble = team(&llm).await.0.ask(&plain("?")).await.unwrap_err();
    assert_eq!(endpoint.calls()[0].headers["authorization"], "Bearer sk-secret");
    assert_eq!((trouble.kind, endpoint.calls().len()), (Kind::Refused, 1));
    assert!(trouble.why.ends_with("401: bad key ***"), "{trouble}");
    let elsewhere = |_: &Asked| Said::refused(308, "").with("location", "http://127.0.0.1:1/");
    let (trouble, calls) = asked(&plain("?"), elsewhere).await;
    assert_eq!((trouble.unwrap_err().kind, calls.len()), (Kind::Refused, 1));
    let html = |_: &Asked| Said::streamed(vec!["<html>".to_owned()]);
    assert_eq!(asked(&plain("?"), html).await.0.unwrap_err().kind, Kind::Refused);
}

/// How a request asks for JSON.
fn way(asked: &Asked) -> String {
    let format = asked.at("/response_format/type").as_str().unwrap_or_default();
    let schema = if asked.at("/response_format/schema").is_object() { "+schema" } else { "" };
    let tool = if asked.at("/tools").is_array() { "tool" } else { "" };
    let told = if asked.says().contains("JSON Schema") { "+prompt" } else { "" };
    format!("{format}{schema}{tool}{told}")
}

#[tokio::test]
async fn json_is_asked_for_in_the_surest_way_and_is_read() {
    let (reply, calls) = asked(&structured(), |_| Said::json(&five())).await;
    let reply = reply.unwrap();
    assert_eq!((reply.json, reply.text.as_str()), (Some(five()), r#"{"n":5}"#));
    assert_eq!(calls.iter().map(way).collect::<Vec<_>>(), ["json_schema"]);
}

#[tokio::test]
async fn the_ladder_is_climbed_down_once_and_remembered() {
    let refuse = |status, what: &str| Said::refused(status, &format!(r#"{{"error": {{"message": "no {what}"}}}}"#));
    let endpoint = Endpoint::start(move |asked| match way(asked).as_str() {
        "json_schema" => refuse(400, "response_format json_schema"),
        // The same as a fault of its own, as llama.cpp's Python server has it.
        "json_object+schema+prompt" => refuse(500, "response_format.schema"),
        "json_object+prompt" => refuse(422, "response_format"),
        "tool" => refuse(400, "tools"),
        _ => Said::text("Well, I would say ```json\n{\"n\": 5,}\n```"),
    })
    .await;
    let (team, _) = team(&endpoint.llm()).await;
    assert_eq!(team.ask(&structured()).await.unwrap().json, Some(five()));
    assert_eq!(team.ask(&structured()).await.unwrap().json, Some(five()));
    let ways: Vec<_> = endpoint.calls().iter().map(way).collect();
    assert_eq!(ways, ["json_schema", "json_object+schema+prompt", "json_object+prompt", "tool", "+prompt", "+prompt"]);
}

#[tokio::test]
async fn a_tool_may_be_how_json_is_said() {
    let script = |asked: &Asked| {
        if asked.at("/tools").is_array() { Said::call(&five()) } else { Said::refused(400, "no response_format here") }
    };
    let (reply, calls) = asked(&structured(), script).await;
    assert_eq!((reply.unwrap().json, calls.len()), (Some(five()), 4));
    assert_eq!(calls[3].at("/tool_choice/function/name"), calls[3].at("/tools/0/function/name"));
}

#[tokio::test]
async fn a_way_that_never_worked_is_given_up_for_a_fault_without_a_word_and_for_prose() {
    let fault = |asked: &Asked| match way(asked).as_str() {
        "json_schema" => Said::refused(500, "Internal Server Error"),
        _ => Said::json(&five()),
    };
    let (reply, calls) = asked(&structured(), fault).await;
    assert_eq!((reply.unwrap().json, calls.len()), (Some(five()), 5), "it was given its chances");
    let prose = |asked: &Asked| match way(asked).as_str() {
        "json_object+prompt" => Said::json(&five()),
        _ => Said::text("Five, I think."),
    };
    let endpoint = Endpoint::start(prose).await;
    let (team, _) = team(&endpoint.llm()).await;
    for _ in 0..2 {
        assert_eq!(team.ask(&structured()).await.unwrap().json, Some(five()));
    }
    assert_eq!(endpoint.calls().len(), 4, "the way that worked is remembered");
}

#[tokio::test]
async fn a_way_that_worked_is_not_given_up_for_one_schema_that_it_does_not_take() {
    let endpoint = Endpoint::start(|asked| {
        if way(asked) == "json_schema" && asked.at("/response_format/json_schema/name") == "odd" {
            return Said::refused(400, "Invalid schema for response_format 'odd'");
        }
        Said::json(&five())
    })
    .await;
    let (team, _) = team(&endpoint.llm()).await;
    let mut odd = structured();
    odd.schema.as_mut().unwrap().name = "odd".to_owned();
    for ask in [&odd, &structured(), &odd, &structured()] {
        assert_eq!(team.ask(ask).await.unwrap().json, Some(five()));
    }
    let last = endpoint.calls();
    assert_eq!((last.len(), way(last.last().unwrap()).as_str()), (6, "json_schema"));
}

#[tokio::test]
async fn an_answer_that_does_not_follow_its_schema_is_sent_back_once_with_what_is_wrong() {
    let script = |asked: &Asked| if asked.number == 0 { Said::text(r#"{"n": "five"}"#) } else { Said::json(&five()) };
    let (reply, calls) = asked(&structured(), script).await;
    let reply = reply.unwrap();
    assert_eq!((reply.json, reply.usage.prompt, calls.len()), (Some(five()), 200, 2), "both are counted");
    let again = calls[1].says();
    assert!(again.contains(r#"/n: "five" is not of type "integer""#) && again.contains("JSON Schema"), "{again}");
    let (trouble, calls) = asked(&structured(), |_| Said::text(r#"{"n": "five"}"#)).await;
    let trouble = trouble.unwrap_err();
    assert_eq!((trouble.kind, trouble.usage.completion, calls.len()), (Kind::NotValid, 20, 2));
    let (trouble, calls) = asked(&structured(), |_| Said::text("I cannot say.")).await;
    assert_eq!(trouble.unwrap_err().kind, Kind::NotValid);
    assert_eq!(calls.len(), 6, "every way, and once more with what is wrong");
    let mut odd = structured();
    odd.schema.as_mut().unwrap().schema = json!({"type": 7});
    let (trouble, calls) = asked(&odd, |_| Said::json(&five())).await;
    assert_eq!((trouble.unwrap_err().kind, calls.len()), (Kind::Refused, 0));
}

#[tokio::test]
async fn an_endpoint_is_asked_as_it_wants_to_be_and_that_is_remembered() {
    let endpoint = Endpoint::start(|asked| {
        let has = |name: &str| !asked.at(name).is_null();
        let refused = |what: &str| Said::refused(400, &format!(r#"{{"error": {{"message": "{what}"}}}}"#));
        if has("/max_tokens") {
            return refused("'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.");
        }
        if has("/stream_options") {
            return refused("stream_options: Extra inputs are not permitted");
        }
        if has("/temperature") {
            return refused("'temperature' does not support 0 with this model");
        }
        if has("/seed") {
            return refused("Unknown parameter: 'seed'");
        }
        if asked.at("/messages/0/role") == "system" {
            return refused("System role not supported");
        }
        Said::text("five").uncounted()
    })
    .await;
    let (team, _) = team(&endpoint.llm()).await;
    for calls in [6, 7] {
        assert_eq!(team.ask(&plain("How many?")).await.unwrap().text, "five");
        assert_eq!(endpoint.calls().len(), calls);
    }
    let last = endpoint.calls().pop().unwrap();
    assert_eq!(last.at("/max_completion_tokens"), 200);
    assert_eq!(last.says(), "You answer.\n\nHow many?");
}

#[tokio::test]
async fn thoughts_are_no_part_of_an_answer_and_are_given_room() {
    let endpoint = Endpoint::start(|asked| {
        if asked.number == 0 {
            return Said::chunks(&[json!({"reasoning_content": "Is it four? No."})]).finished_by("length");
        }
        Said::chunks(&[json!({"reasoning_content": "It is five."}), json!({"content": "<think>Yes.</think>five"})])
    })
    .await;
    let (team, _) = team(&endpoint.llm()).await;
    assert_eq!(team.ask(&plain("?")).await.unwrap().text, "five");
    assert_eq!(team.ask(&plain("?")).await.unwrap().text, "five");
    let rooms: Vec<_> = endpoint.calls().iter().map(|call| call.at("/max_tokens").as_u64().unwrap()).collect();
    assert!(rooms[0] == 200 && rooms[1] > 8000 && rooms[2] > 8000, "{rooms:?}");
}

#[tokio::test]
async fn an_answer_that_was_cut_off_is_none_and_is_asked_for_once_more() {
    let cut = |_: &Asked| Said::text(r#"{"n": 5}"#).finished_by("length");
    let (trouble, calls) = asked(&structured(), cut).await;
    let trouble = trouble.unwrap_err();
    assert_eq!((trouble.kind, calls.len()), (Kind::CutOff, 2));
    assert_eq!((calls[0].at("/max_tokens"), calls[1].at("/max_tokens")), (&json!(200), &json!(400)));
    assert!(calls[1].says().contains("Be brief"));
    let withheld = |_: &Asked| Said::text("Fi").finished_by("content_filter");
    assert_eq!(asked(&plain("?"), withheld).await.0.unwrap_err().kind, Kind::Refused);
    assert_eq!(asked(&plain("?"), |_| Said::text("")).await.0.unwrap_err().kind, Kind::NotValid);
}

#[tokio::test]
async fn what_is_too_long_is_not_sent_where_that_is_known_and_learned_where_it_is_not() {
    let endpoint = Endpoint::start(|asked| match asked.at("/max_tokens").as_u64() {
        Some(..=150) => Said::text("five"),
        _ => Said::refused(
            400,
            "This model's maximum context length is 1024 tokens. However, you requested 1100 tokens.",
        ),
    })
    .await;
    let long = plain(&"word ".repeat(700));
    let told = Llm { context: NonZeroU32::new(1000), ..endpoint.llm() };
    let trouble = team(&told).await.0.ask(&long).await.unwrap_err();
    assert_eq!((trouble.kind, endpoint.calls().len()), (Kind::TooLong, 0));
    assert!(trouble.why.contains("--llm-context"), "{trouble}");
    // About 990 tokens.
    let (team, _) = team(&endpoint.llm()).await;
    assert_eq!(team.context(Role::Reader), None);
    assert_eq!(team.ask(&long).await.unwrap_err().kind, Kind::TooLong);
    assert_eq!((team.context(Role::Reader), endpoint.calls().len()), (Some(1024), 1));
    assert_eq!(team.ask(&plain(&"word ".repeat(630))).await.unwrap().text, "five", "it has the room that is left");
}

#[tokio::test]
async fn a_stream_without_a_word_is_asked_for_its_reason() {
    let endpoint = Endpoint::start(|asked| match (asked.at("/stream").as_bool(), asked.says().len()) {
        (_, ..1000) => Said::text("five"),
        (Some(true), _) => Said::streamed(Vec::new()),
        _ => Said::refused(400, "This model's maximum context length is 256 tokens."),
    })
    .await;
    let (team, _) = team(&endpoint.llm()).await;
    assert_eq!(team.ask(&plain(&"word ".repeat(700))).await.unwrap_err().kind, Kind::TooLong);
    assert_eq!((endpoint.calls().len(), team.context(Role::Reader)), (2, Some(256)));
    assert_eq!(team.ask(&plain("?")).await.unwrap().text, "five");
    assert_eq!(endpoint.calls()[2].at("/stream"), true, "others are streamed as before");
    let (trouble, calls) = asked(&plain("?"), |_| Said::streamed(Vec::new())).await;
    assert_eq!((trouble.unwrap_err().kind, calls.len()), (Kind::Unreachable, 2));
}

#[tokio::test]
async fn who_does_not_wait_any_more_stops_the_model() {
    let endpoint = Endpoint::start(|_| Said::text("Five, I").silent_after(1)).await;
    let (team, metrics) = team(&endpoint.llm()).await;
    let ask = plain("?");
    tokio::select! {
        biased;
        _ = team.ask(&ask) => panic!("it never answers"),
        () = until(|| !endpoint.calls().is_empty()) => {}
    }
    endpoint.hung_up().await;
    let counted = metrics.render();
    assert!(counted.contains(r#"legwork_model_calls_total{role="reader",outcome="stopped"} 1"#), "{counted}");
}

/// Waits until it is so; a test that waits for ever is ended by the runner.
async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_server_that_stops_lets_nobody_wait() {
    let endpoint = Endpoint::start(|_| Said::text("Five, I").silent_after(1)).await;
    let stop = CancellationToken::new();
    let team = Team::gather(&endpoint.llm(), Metrics::new([]), stop.clone()).await.unwrap();
    let ask = plain("?");
    let stopping = async {
        until(|| !endpoint.calls().is_empty()).await;
        stop.cancel();
    };
    let (answer, ()) = tokio::join!(team.ask(&ask), stopping);
    assert_eq!(answer.unwrap_err().kind, Kind::Stopped);
}

#[tokio::test]
async fn an_endpoint_has_only_so_many_calls_at_a_time() {
    let endpoint = Endpoint::start(|_| Said::text("Five, I think.").by_bytes()).await;
    let (one, _) = team(&endpoint.llm()).await;
    let asks = [plain("1"), plain("2"), plain("3"), plain("4")];
    let ask = async |team: &Team| {
        let answers = futures_util::future::join_all(asks.iter().map(|ask| team.ask(ask))).await;
        answers.iter().all(Result::is_ok)
    };
    assert!(ask(&one).await);
    assert_eq!(endpoint.most_at_once(), 1, "it is on this machine");
    let (three, _) = team(&Llm { concurrency: NonZeroUsize::new(3), ..endpoint.llm() }).await;
    assert!(ask(&three).await);
    assert!(endpoint.most_at_once() <= 3);
}

#[tokio::test]
async fn what_it_takes_and_costs_is_counted_by_role() {
    let endpoint = Endpoint::start(|asked| {
        if asked.number == 0 { Said::refused(429, "").with("retry-after", "0") } else { Said::json(&five()) }
    })
    .await;
    let prices = [("scripted".to_owned(), Price { input: 2.0, output: 8.0 })].into();
    let (team, metrics) = team(&Llm { prices, ..endpoint.llm() }).await;
    let reply = team.ask(&Ask { role: Role::Judge, ..structured() }).await.unwrap();
    assert_eq!(reply.cost_usd, Some(0.000_28));
    let counted = metrics.render();
    for line in [
        r#"legwork_model_calls_total{role="judge",outcome="limited"} 1"#,
        r#"legwork_model_calls_total{role="judge",outcome="ok"} 1"#,
        r#"legwork_model_tokens_total{role="judge",kind="prompt"} 100"#,
        r#"legwork_model_tokens_total{role="judge",kind="completion"} 10"#,
        "legwork_model_cost_usd_total 0.00028",
    ] {
        assert!(counted.lines().any(|counted| counted == line), "{line} in {counted}");
    }
}

#[tokio::test]
async fn each_role_may_have_a_model_and_a_place_of_its_own() {
    let (left, right) = (Endpoint::start(|_| Said::text("left")).await, Endpoint::start(|_| Said::text("right")).await);
    let at = |endpoint: &Endpoint, model: &str| ModelAt {
        place: Place::Endpoint(endpoint.place()),
        model: Some(model.to_owned()),
    };
    let (reader, planner, writer) = (at(&left, "small"), at(&left, "clever"), at(&right, "large"));
    let (team, _) = team(&Llm { reader, planner, writer, ..left.llm() }).await;
    for (role, model, said) in [
        (Role::Reader, "small", "left"),
        (Role::Planner, "clever", "left"),
        (Role::Judge, "clever", "left"),
        (Role::Writer, "large", "right"),
    ] {
        let reply = team.ask(&Ask { role, ..plain("?") }).await.unwrap();
        assert_eq!((reply.model.as_str(), reply.text.as_str(), team.model(role)), (model, said, model));
    }
    let shown = |endpoint: &Endpoint| endpoint.place().base.origin().ascii_serialization();
    let (left, right) = (shown(&left), shown(&right));
    assert_eq!(team.to_string(), format!("reader small at {left}, planner clever at {left}, writer large at {right}"));
}

/// Settings by which a server is looked for at this endpoint.
fn looked_for(endpoint: &Endpoint) -> Llm {
    let usual = vec![endpoint.place()];
    let at = ModelAt::default;
    Llm { usual, reader: at(), planner: at(), writer: at(), ..endpoint.llm() }
}

fn models(llm: Option<Llm>) -> Arc<Models> {
    Models::new(llm, Metrics::new([]), CancellationToken::new())
}

#[tokio::test]
async fn a_server_on_this_machine_is_used_when_it_is_there_and_has_a_model_that_can_talk() {
    let endpoint = Endpoint::start(|_| Said::text("five")).await;
    endpoint.has(&["nomic-embed-text:latest"]);
    let models = models(Some(looked_for(&endpoint)));
    models.look().await;
    assert_eq!((models.in_use().as_str(), models.team().is_none()), ("none", true));
    endpoint.has(&["nomic-embed-text:latest", "qwen3:8b", "llama3"]);
    models.look().await;
    let at = endpoint.place().base.origin().ascii_serialization();
    assert_eq!(models.in_use(), format!("qwen3:8b at {at}"));
    let team = models.team().unwrap();
    assert_eq!(team.ask(&plain("?")).await.unwrap().model, "qwen3:8b");
    models.look().await;
    assert!(Arc::ptr_eq(&team, &models.team().unwrap()), "what is there is not looked for");
    drop(endpoint);
    assert!(team.ask(&plain("?")).await.unwrap_err().kind.is_passing());
    models.look().await;
    assert_eq!(models.in_use(), "none");
}

#[tokio::test]
async fn a_model_that_was_taken_for_another_is_looked_for_again() {
    let endpoint = Endpoint::start(|asked| {
        if asked.at("/model") == "new" { Said::text("five") } else { Said::refused(404, "no such model") }
    })
    .await;
    endpoint.has(&["old"]);
    let models = models(Some(looked_for(&endpoint)));
    models.look().await;
    endpoint.has(&["new"]);
    assert_eq!(models.team().unwrap().ask(&plain("?")).await.unwrap_err().kind, Kind::Refused);
    models.look().await;
    assert_eq!(models.team().unwrap().ask(&plain("?")).await.unwrap().text, "five");
}

#[tokio::test]
async fn nothing_is_looked_for_where_models_are_off() {
    let models = models(None);
    models.look().await;
    assert_eq!((models.in_use().as_str(), models.team().is_none()), ("off", true));
}

#[tokio::test]
async fn models_are_examined_by_asking_them_something_tiny() {
    let endpoint = Endpoint::start(|asked| match way(asked).as_str() {
        "json_schema" => Said::refused(400, "no response_format"),
        _ => Said::json(&json!({"capital": "Paris"})).uncounted(),
    })
    .await;
    let examined = examine(&looked_for(&endpoint)).await.unwrap();
    assert_eq!(examined.len(), 1);
    let answered = examined[0].answered.clone().unwrap();
    assert_eq!(answered.way, "response_format json_object with a schema");
    assert!(!answered.is_counted && examined[0].model.starts_with("scripted at http://127.0.0.1:"));
    let gone = looked_for(&endpoint);
    drop(endpoint);
    let why = examine(&gone).await.unwrap_err();
    assert!(why.len() == 1 && why[0].contains("cannot be reached"), "{why:?}");
}

#[tokio::test]
async fn the_models_of_a_script_can_be_asked_by_whoever_tests_with_it() {
    let endpoint = Endpoint::start(|asked| Said::text(&asked.says().len().to_string())).await;
    let team = endpoint.models().await.team().unwrap();
    assert_eq!(team.ask(&plain("?")).await.unwrap().text, "13");
}
