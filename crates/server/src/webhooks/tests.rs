//! Webhooks from the commit to a receiver that is really there.

use std::collections::BTreeMap;

use legwork_api::signature::ID;
use legwork_core::delivery::DeliveryId;
use legwork_core::id::RunId;
use legwork_core::run::Status;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;
use crate::testing::{Call, Receiver, World, is_sent_as_described};

/// Submits a run with a webhook.
async fn submitted(world: &World, what: &str, webhook: Value) -> RunId {
    let body = json!({"input": what, "processor": "base", "webhook": webhook});
    world.post("/v1/tasks/runs", &body.to_string()).await.run_id()
}

/// Makes all that is due, to its end.
async fn send(world: &World) {
    while world.sender.once().await.unwrap() > 0 {}
    world.sender.settled().await;
}

/// Lets the workers end a run, and sends what is owed.
async fn worked(world: &World, id: RunId, status: Status) {
    let working = world.work();
    world.until_status(id, status).await;
    working.abort();
    send(world).await;
}

async fn secret(world: &World) -> String {
    world.get("/v1/webhooks/secret").await.text("/secrets/0").to_owned()
}

async fn listed(world: &World, id: RunId) -> Value {
    world.get(&format!("/v1/tasks/runs/{id}/webhooks")).await.body["webhooks"].clone()
}

fn one(receiver: &Receiver) -> Call {
    let mut calls = receiver.calls();
    assert_eq!(calls.len(), 1);
    calls.remove(0)
}

#[tokio::test]
async fn the_end_of_a_run_is_told_signed_with_its_output() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    let id = submitted(&world, "hello", json!({"url": receiver.url(), "event_types": ["task_run.status"]})).await;
    assert_eq!(listed(&world, id).await, json!([]), "nothing is owed until it has ended");
    worked(&world, id, Status::Completed).await;
    let call = one(&receiver);
    assert_eq!(call.verify(&secret(&world).await, world.runs.now()), Ok(()));
    let names: Vec<_> =
        call.headers.keys().map(http::HeaderName::as_str).filter(|name| name.contains("hook")).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(call.header("content-type"), "application/json");
    let (told, result) = (call.json(), world.get(&format!("/v1/tasks/runs/{id}/result")).await.body);
    is_sent_as_described(&told);
    assert_eq!((told["type"].as_str(), &told["data"]["output"]), (Some("task_run.status"), &result["output"]));
    for key in ["run_id", "status", "is_active", "processor", "created_at", "modified_at", "error", "metadata"] {
        assert_eq!(told["data"][key], result["run"][key], "{key}");
    }
    let log = listed(&world, id).await;
    assert_eq!(log[0]["webhook_id"], call.header(ID));
    assert_eq!((log[0]["status"].as_str(), &log[0]["attempts"][0]["answer"]), (Some("delivered"), &json!("thanks")));
}

#[tokio::test]
async fn a_run_that_ends_without_an_output_is_told_of_too() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    let failed = submitted(&world, "fail", json!({"url": receiver.url()})).await;
    worked(&world, failed, Status::Failed).await;
    let cancelled = submitted(&world, "hang", json!({"url": receiver.url()})).await;
    world.post(&format!("/v1/tasks/runs/{cancelled}/cancel"), "").await;
    send(&world).await;
    let told: Vec<_> = receiver.calls().iter().map(Call::json).collect();
    told.iter().for_each(is_sent_as_described);
    let data = |n: usize, key: &str| told[n]["data"][key].clone();
    assert_eq!((data(0, "status"), data(0, "output")), (json!("failed"), Value::Null));
    assert_eq!(data(0, "error")["message"], "it cannot be done");
    assert_eq!((data(1, "status"), data(1, "run_id")), (json!("cancelled"), json!(cancelled.to_string())));
}

#[tokio::test]
async fn a_run_that_asks_tells_so_if_that_is_wished() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    let types = ["task_run.action_required", "task_run.status"];
    let id = submitted(&world, "ask", json!({"url": receiver.url(), "event_types": types})).await;
    worked(&world, id, Status::ActionRequired).await;
    let told = one(&receiver).json();
    is_sent_as_described(&told);
    assert_eq!((&told["type"], &told["data"]["status"]), (&json!("task_run.status"), &json!("action_required")));
    assert_eq!((&told["data"]["run_id"], &told["data"]["output"]), (&json!(id.to_string()), &Value::Null));
    assert!(told.to_string().contains("Which one?"), "{told:#}");
    let log = listed(&world, id).await;
    assert_eq!((&log[0]["run_status"], &log[0]["status"]), (&json!("action_required"), &json!("delivered")));
}

#[tokio::test]
async fn an_output_is_sent_only_where_the_operator_wants_it() {
    for (output, wanted) in [(Output::Never, [false, false]), (Output::GuideForm, [false, true])] {
        let (world, receiver) = (World::sending(output), Receiver::start().await);
        let official = json!({"input": "x", "processor": "base", "webhook": {"url": receiver.url()}});
        let guides = json!({"input": "x", "processor": "base", "webhook_url": receiver.url()});
        let working = world.work();
        for body in [official, guides] {
            let id = world.post("/v1/tasks/runs", &body.to_string()).await.run_id();
            world.until_status(id, Status::Completed).await;
            send(&world).await;
        }
        working.abort();
        let told: Vec<_> = receiver.calls().iter().map(Call::json).collect();
        told.iter().for_each(is_sent_as_described);
        let has_output: Vec<_> = told.iter().map(|told| told["data"].get("output").is_some()).collect();
        assert_eq!(has_output, wanted, "{output:?}");
    }
}

#[tokio::test]
async fn of_a_run_that_is_gone_nothing_is_told() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    let id = submitted(&world, "hang", json!({"url": receiver.url()})).await;
    world.post(&format!("/v1/tasks/runs/{id}/cancel"), "").await;
    let delivery = DeliveryId { run: id, seq: 2 };
    for with_output in [true, false] {
        assert!(world.runs.told_by(delivery, with_output).await.unwrap().is_some());
    }
    world.ask("DELETE", &format!("/v1/tasks/runs/{id}"), &[], b"").await;
    for with_output in [true, false] {
        assert!(world.runs.told_by(delivery, with_output).await.unwrap().is_none());
    }
    send(&world).await;
    assert_eq!(receiver.calls().len(), 0);
}

/// A receiver that takes the request and says nothing.
async fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    (listener, url)
}

#[tokio::test]
async fn what_a_stop_cuts_off_is_recorded_and_not_held_against_the_receiver() {
    let (world, (_silent, url)) = (World::new(), silent().await);
    let id = submitted(&world, "hang", json!({"url": url})).await;
    world.post(&format!("/v1/tasks/runs/{id}/cancel"), "").await;
    assert_eq!(world.sender.once().await.unwrap(), 1);
    let under_way = listed(&world, id).await;
    assert_eq!((&under_way[0]["status"], &under_way[0]["next_attempt_at"]), (&json!("sending"), &Value::Null));
    world.hard_stop.cancel();
    world.sender.settled().await;
    let log = listed(&world, id).await;
    assert_eq!((&log[0]["status"], &log[0]["attempts"][0]["error"]), (&json!("pending"), &json!(STOPPED)));
    let next = log[0]["next_attempt_at"].as_str().unwrap();
    assert!(next > &*(world.runs.now() + Duration::from_secs(4)).to_string(), "it is due again soon: {next}");
    let room = world.sender.desk.receivers().shares()[&Owner::local()].receivers.values().next().unwrap().room;
    assert_eq!(room, AT_FIRST);
}

#[tokio::test]
async fn a_place_is_given_back_however_its_attempt_ends() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    world.owed_by(Owner::local(), &receiver.url()).await;
    let (token, until) = (Token(1), world.runs.now() + LEASE);
    let owners = BTreeMap::new();
    let claim = DeliveryClaim { token, room: 9, room_each_owner: 9, room_each_receiver: 9, owners, until };
    let owed = world.runs.claim_deliveries(claim).await.unwrap().remove(0);
    let desk = world.sender.desk.clone();
    let room = || world.sender.desk.receivers().room();
    let place = Place::take(desk, &owed);
    assert_eq!(room(), receivers::TOTAL - 1);
    let panicked = tokio::spawn(async move {
        let _place = place;
        panic!("it went wrong");
    });
    assert!(panicked.await.is_err());
    assert_eq!(room(), receivers::TOTAL);
}

#[tokio::test]
async fn a_sender_that_has_stopped_holds_the_store_no_more() {
    let (world, (_silent, url)) = (World::new(), silent().await);
    world.owed_by(Owner::local(), &url).await;
    assert_eq!(world.sender.once().await.unwrap(), 1);
    let (store, sender, stop, hard_stop, _home) = {
        // The rest goes at the end of this block.
        let whole = world;
        let World { store, sender, stop, hard_stop, home, .. } = whole;
        (Arc::downgrade(&store), sender, stop, hard_stop, home)
    };
    assert!(store.upgrade().is_some(), "the attempt has it");
    stop.cancel();
    hard_stop.cancel();
    sender.send(stop).await;
    assert!(store.upgrade().is_none());
}

/// The fact cannot be read: nobody but us is to blame.
#[tokio::test]
async fn what_cannot_be_made_is_an_attempt_and_not_held_against_the_receiver() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    // What the rules say to it is the same on every store, and only a file is so easily damaged.
    let Some(file) = world.file() else { return };
    let id = submitted(&world, "hang", json!({"url": receiver.url()})).await;
    world.post(&format!("/v1/tasks/runs/{id}/cancel"), "").await;
    let file = rusqlite::Connection::open(file).unwrap();
    let fact: String = file.query_row("select what from facts where seq = 2", [], |row| row.get(0)).unwrap();
    file.execute("update facts set what = 'no fact' where seq = 2", []).unwrap();
    send(&world).await;
    file.execute("update facts set what = ?1 where seq = 2", [fact]).unwrap();
    let log = listed(&world, id).await;
    assert_eq!((&log[0]["status"], &log[0]["attempts"][0]["error"]), (&json!("pending"), &json!(NO_BODY)));
    assert_eq!(receiver.calls().len(), 0);
}

#[tokio::test]
async fn a_receiver_that_fails_gets_the_same_again_with_a_fresh_signature() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    receiver.will_answer(&[500, 302, 204]);
    let id = submitted(&world, "hello", json!({"url": receiver.url()})).await;
    worked(&world, id, Status::Completed).await;
    assert_eq!(receiver.calls().len(), 1);
    world.clock.pass(Duration::from_secs(4));
    send(&world).await;
    assert_eq!(receiver.calls().len(), 1, "it is too early");
    world.clock.pass(Duration::from_secs(2));
    send(&world).await;
    world.clock.pass(Duration::from_secs(11));
    send(&world).await;
    let (calls, secret) = (receiver.calls(), secret(&world).await);
    assert_eq!(calls.len(), 3, "a redirect is an answer like any other");
    assert!(calls.windows(2).all(|two| two[0].header(ID) == two[1].header(ID) && two[0].body == two[1].body));
    let times: Vec<_> = calls.iter().map(|call| call.header("webhook-timestamp").parse::<i64>().unwrap()).collect();
    assert_eq!((times[1] - times[0], times[2] - times[1]), (6, 11));
    assert_eq!(calls[2].verify(&secret, world.runs.now()), Ok(()));
    world.clock.pass(Duration::from_hours(48));
    send(&world).await;
    assert_eq!(receiver.calls().len(), 3, "it has been delivered");
    let log = listed(&world, id).await;
    let statuses: Vec<_> = log[0]["attempts"].as_array().unwrap().iter().map(|a| a["status"].clone()).collect();
    assert_eq!(statuses, [500, 302, 204]);
}

#[tokio::test]
async fn what_was_owed_is_sent_by_the_next_process() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    let id = submitted(&world, "hello", json!({"url": receiver.url()})).await;
    let working = world.work();
    world.until_status(id, Status::Completed).await;
    working.abort();
    let world = world.restarted();
    send(&world).await;
    assert_eq!(one(&receiver).verify(&secret(&world).await, world.runs.now()), Ok(()), "the secret is the same, too");
}

/// The process dies after the receiver has it and before that is written down.
#[tokio::test]
async fn what_was_under_way_is_sent_again_at_once_under_the_same_name() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    // Where others may be alive, a lease has its time.
    if world.file().is_none() {
        return;
    }
    let id = submitted(&world, "hello", json!({"url": receiver.url()})).await;
    let working = world.work();
    world.until_status(id, Status::Completed).await;
    working.abort();
    let (token, until) = (Token(1), world.runs.now() + LEASE);
    let owners = BTreeMap::new();
    let claim = DeliveryClaim { token, room: 9, room_each_owner: 9, room_each_receiver: 9, owners, until };
    let owed = world.runs.claim_deliveries(claim).await.unwrap().remove(0);
    let body = Bytes::from_static(b"{\"kept\":true}");
    world.runs.keep_body(owed.delivery.id, body.clone()).await.unwrap();
    let world = world.restarted();
    let log = listed(&world, id).await;
    assert_eq!(
        (&log[0]["status"], &log[0]["next_attempt_at"]),
        (&json!("pending"), &log[0]["created_at"]),
        "since it is owed"
    );
    send(&world).await;
    let call = one(&receiver);
    assert_eq!((call.header(ID), &call.body), (&*owed.delivery.id.to_string(), &body));
}

#[tokio::test]
async fn a_receiver_that_is_gone_or_wants_to_be_left_alone_is() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    receiver.will_answer_with(503, "retry-after", "120");
    receiver.will_answer(&[410]);
    let id = submitted(&world, "hello", json!({"url": receiver.url()})).await;
    worked(&world, id, Status::Completed).await;
    world.clock.pass(Duration::from_secs(110));
    send(&world).await;
    assert_eq!(receiver.calls().len(), 1);
    world.clock.pass(Duration::from_secs(11));
    send(&world).await;
    assert_eq!(listed(&world, id).await[0]["status"], "given_up");
    world.clock.pass(Duration::from_hours(1));
    send(&world).await;
    assert_eq!(receiver.calls().len(), 2);
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_an_attempt_with_a_reason() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    let url = receiver.url();
    let at = url.trim_start_matches("http://").trim_end_matches("/hook").parse().unwrap();
    drop(receiver);
    let id = submitted(&world, "hello", json!({"url": url})).await;
    worked(&world, id, Status::Completed).await;
    let log = listed(&world, id).await;
    let attempt = &log[0]["attempts"][0];
    assert!(attempt["error"].as_str().unwrap().contains("refused"), "{attempt}");
    assert_eq!((&attempt["status"], log[0]["status"].as_str()), (&Value::Null, Some("pending")));
    let receiver = Receiver::start_at(at).await;
    world.clock.pass(Duration::from_secs(6));
    send(&world).await;
    one(&receiver);
}

#[tokio::test]
async fn a_delivery_can_be_asked_for_again() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    let id = submitted(&world, "hello", json!({"url": receiver.url()})).await;
    worked(&world, id, Status::Completed).await;
    let name = one(&receiver).header(ID).to_owned();
    let path = format!("/v1/tasks/runs/{id}/webhooks/{name}/redeliver");
    let again = world.post(&path, "").await;
    assert_eq!((again.status, again.text("/status")), (202, "pending"));
    send(&world).await;
    assert_eq!(receiver.calls()[1].header(ID), name);
    let other = submitted(&world, "hello", json!({"url": receiver.url()})).await;
    for path in [
        format!("/v1/tasks/runs/{id}/webhooks/{name}9/redeliver"),
        format!("/v1/tasks/runs/{id}/webhooks/nothing/redeliver"),
        format!("/v1/tasks/runs/{other}/webhooks/{name}/redeliver"),
        format!("/v1/tasks/runs/nothing/webhooks/{name}/redeliver"),
        format!("/v1/tasks/runs/{id}/webhooks/%ff/redeliver"),
        format!("/v1/tasks/runs/{id}/webhooks/whevent_{}_{}/redeliver", &id.to_string()[5..], u64::MAX),
    ] {
        assert_eq!(world.post(&path, "").await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_runs_own_secret_signs_and_is_shown_to_nobody() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    let own = "whsec_b25seSBtaW5l";
    let id = submitted(&world, "hello", json!({"url": receiver.url(), "secret": own})).await;
    worked(&world, id, Status::Completed).await;
    let call = one(&receiver);
    assert_eq!(call.verify(own, world.runs.now()), Ok(()));
    assert!(call.verify(&secret(&world).await, world.runs.now()).is_err());
    for path in ["", "/input", "/result", "/log", "/webhooks"] {
        let shown = world.get(&format!("/v1/tasks/runs/{id}{path}")).await.body.to_string();
        assert!(!shown.contains(own), "{path}");
    }
}

#[tokio::test]
async fn an_address_that_may_not_be_called_is_refused_with_the_reason() {
    let open = World::new();
    for (url, reason) in [
        ("http://127.0.0.1:8787/v1/tasks/runs", "own address"),
        ("http://10.0.0.1/", "--allow-private-targets"),
        ("http://[::ffff:10.0.0.1]/", "private network"),
        ("http://2852039166/latest/meta-data", "link-local"),
        ("http://0.0.0.0/", "no host"),
    ] {
        for body in [json!({"webhook": {"url": url}}), json!({"webhook_url": url})] {
            let mut body = body;
            (body["input"], body["processor"]) = (json!("x"), json!("base"));
            let refused = open.post("/v1/tasks/runs", &body.to_string()).await;
            assert_eq!(refused.status, 422, "{url}");
            assert!(refused.text("/error/message").contains(reason), "{}", refused.text("/error/message"));
        }
    }
    let keyed = World::with_keys(&["k"]);
    let body = br#"{"input":"x","processor":"base","webhook":{"url":"http://127.0.0.1:9/"}}"#;
    let refused = keyed.ask("POST", "/v1/tasks/runs", &[("x-api-key", "k")], body).await;
    assert_eq!(
        (refused.status, &refused.body["error"]["detail"]["errors"][0]["loc"]),
        (422, &json!(["body", "webhook", "url"]))
    );
}

#[tokio::test]
async fn a_test_tells_what_the_receiver_said() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    receiver.will_answer(&[401]);
    let ask = async |body: Value| world.post("/v1/webhooks/test", &body.to_string()).await;
    let long = format!("http://a.example/{}", "x".repeat(8 * 1024));
    assert_eq!(ask(json!({"url": long})).await.status, 422);
    let refused = ask(json!({"url": receiver.url()})).await;
    assert_eq!((&refused.body["delivered"], &refused.body["attempt"]["status"]), (&json!(false), &json!(401)));
    assert_eq!(refused.text("/attempt/answer"), "thanks");
    let taken = ask(json!({"url": receiver.url(), "secret": "whsec_b3du"})).await;
    assert_eq!(taken.body["delivered"], json!(true));
    let calls = receiver.calls();
    assert_eq!(calls[0].verify(&secret(&world).await, world.runs.now()), Ok(()));
    assert_eq!(calls[1].verify("whsec_b3du", world.runs.now()), Ok(()));
    assert_eq!(
        (calls[1].json()["type"].as_str(), calls[1].header(ID)),
        (Some("webhook.test"), taken.text("/webhook_id"))
    );
    is_sent_as_described(&calls[1].json());
    for body in [json!({}), json!({"url": "ftp://a"}), json!({"url": "http://10.0.0.1/"}), json!([])] {
        assert_eq!(ask(body.clone()).await.status, 422, "{body}");
    }
}

#[tokio::test]
async fn each_key_has_a_secret_of_its_own_and_sees_only_its_deliveries() {
    let world = World::with_keys(&["one", "two"]);
    let secret = async |key: &str| {
        world.ask("GET", "/v1/webhooks/secret", &[("x-api-key", key)], b"").await.text("/secrets/0").to_owned()
    };
    assert_ne!(secret("one").await, secret("two").await);
    assert_eq!(world.get("/v1/webhooks/secret").await.status, 401);
    let body = br#"{"input":"x","processor":"base","webhook_url":"https://hooks.example.com/"}"#;
    let id = world.ask("POST", "/v1/tasks/runs", &[("x-api-key", "one")], body).await.run_id();
    world.ask("POST", &format!("/v1/tasks/runs/{id}/cancel"), &[("x-api-key", "one")], b"").await;
    let list = format!("/v1/tasks/runs/{id}/webhooks");
    let mine = world.ask("GET", &list, &[("x-api-key", "one")], b"").await;
    assert_eq!(world.ask("GET", &list, &[("x-api-key", "two")], b"").await.status, 404);
    let again = format!("{list}/{}/redeliver", mine.text("/webhooks/0/webhook_id"));
    assert_eq!(world.ask("POST", &again, &[("x-api-key", "two")], b"").await.status, 404);
    assert_eq!(world.ask("POST", &again, &[("x-api-key", "one")], b"").await.status, 202);
}

/// Sixty deliveries to one that fails and one to another: the other does not wait for them.
#[tokio::test]
async fn a_receiver_that_fails_holds_up_nobody() {
    let (world, dead, well) = (World::new(), Receiver::start().await, Receiver::start().await);
    dead.will_answer(&[500; 60]);
    for _ in 0..60 {
        let id = submitted(&world, "hang", json!({"url": dead.url()})).await;
        world.post(&format!("/v1/tasks/runs/{id}/cancel"), "").await;
    }
    let id = submitted(&world, "hang", json!({"url": well.url()})).await;
    world.post(&format!("/v1/tasks/runs/{id}/cancel"), "").await;
    world.sender.once().await.unwrap();
    world.sender.settled().await;
    one(&well);
    assert_eq!(dead.calls().len(), AT_FIRST);
}

/// One owner has more deliveries to dead receivers than there are places for him; another has one.
#[tokio::test]
async fn one_owners_dead_receivers_hold_up_no_other_owner() {
    let (world, well) = (World::new(), Receiver::start().await);
    for number in 0..OWNERS + AT_FIRST {
        // Nobody is at these ports.
        world.owed_by(Owner::named("loud"), &format!("http://127.0.0.1:{}/", 1 + number / AT_FIRST)).await;
    }
    world.owed_by(Owner::named("calm"), &well.url()).await;
    assert_eq!(world.sender.once().await.unwrap(), OWNERS + 1);
    world.sender.settled().await;
    one(&well);
}

#[tokio::test]
async fn only_so_many_receivers_are_tried_at_a_time() {
    let (world, receiver) = (World::new(), Receiver::start().await);
    let body = json!({"url": receiver.url()}).to_string();
    let places: Vec<_> = std::iter::from_fn(|| world.sender.desk.courier.trial()).collect();
    let refused = world.post("/v1/webhooks/test", &body).await;
    assert_eq!((refused.status, refused.headers["retry-after"].to_str().unwrap()), (503, "1"));
    drop(places);
    assert_eq!(world.post("/v1/webhooks/test", &body).await.status, 200);
    one(&receiver);
}
