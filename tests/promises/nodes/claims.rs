//! What has to be true when the dust has settled. The nodes are asked one by one, without the proxy.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use legwork_api::client::Client;
use legwork_api::event::{Event, EventId, LogPage};
use legwork_api::group::TaskGroup;
use legwork_api::result::RunPage;
use legwork_core::id::{GroupId, RunId};
use legwork_core::run::Status;

use super::clients::{Caller, Notes, Told, states};
use super::machines::Machines;
use crate::receiver::{Call, Receiver};

/// How many runs are looked at together.
const TOGETHER: usize = 8;

/// Asks every node, and the receiver, whether it is as it was told.
pub(super) async fn hold(machines: &Machines, notes: &Notes, receiver: &Receiver, mirror: &str) {
    let nodes: Vec<_> = machines.addresses().iter().map(|address| Caller::new(&format!("http://{address}"))).collect();
    let (accepted, groups) = (notes.runs.lock().unwrap().clone(), notes.groups.lock().unwrap().clone());
    let entered = each_ended_once(&nodes, &accepted).await;
    let mut mirrored: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (id, status) in states(mirror) {
        mirrored.entry(id).or_default().push(status);
    }
    assert_eq!(mirrored, entered, "the stream of all runs tells each state once, in order");
    let ends = entered.into_iter().map(|(id, states)| (id, *states.last().unwrap())).collect();
    nothing_is_missing(&nodes, &accepted).await;
    for (n, (id, (runs, told))) in groups.iter().enumerate() {
        a_group_agrees(&nodes[n % nodes.len()], *id, runs, told, &ends).await;
    }
    every_webhook_arrived(machines, &accepted, receiver).await;
}

/// Every run has come to one end, and its log and streams are whole, the same on any two nodes. Returns the states they
/// entered.
async fn each_ended_once(nodes: &[Caller], accepted: &BTreeMap<RunId, Told>) -> BTreeMap<RunId, Vec<Status>> {
    let all: Vec<_> = accepted.iter().map(|(id, told)| (*id, told.clone())).collect();
    let mut entered = BTreeMap::new();
    for (n, some) in all.chunks(TOGETHER).enumerate() {
        let (one, another) = (nodes[n % nodes.len()].clone(), nodes[(n + 1) % nodes.len()].clone());
        let looks = some.iter().cloned().map(|(id, told)| {
            let (one, another) = (one.clone(), another.clone());
            tokio::spawn(async move { (id, is_whole(&one, &another, id, &told).await) })
        });
        for look in looks.collect::<Vec<_>>() {
            let (id, states) = look.await.unwrap();
            entered.insert(id, states);
        }
    }
    entered
}

async fn is_whole(one: &Caller, another: &Caller, id: RunId, told: &Told) -> Vec<Status> {
    let (entered, events) = ended_once(one, id).await;
    if let Some(seen) = told.end {
        assert_eq!(Some(&seen), entered.last(), "a caller was told another end of {id}");
    }
    let path = format!("/v1/tasks/runs/{id}/events");
    let stream = one.stream(&path, || false).await;
    assert_eq!(stream.matches("\nevent: ").count(), events, "the stream of {id} is its log");
    assert_eq!(stream, another.stream(&path, || false).await, "two nodes say the same of {id}");
    if let Some(pieced) = &told.stream {
        assert_eq!(*pieced, stream, "{id}: cut or not, it is the same");
    }
    entered
}

/// Waits for a run's end, and reads in its log that there is only one, with nothing missing before it and nothing after it.
/// Returns the states that it entered, and how many events there are.
pub(crate) async fn ended_once(node: &Caller, id: RunId) -> (Vec<Status>, usize) {
    // It is held until the run has ended, whatever its end.
    node.ask(&format!("/v1/tasks/runs/{id}/result?timeout=8"), None, Duration::from_secs(10)).await;
    let events = log(node, id).await;
    let number = |event: &Event| EventId::in_run(id, 0).same_log(event.id().unwrap());
    let numbers: Vec<_> = events.iter().map(|event| number(event).unwrap()).collect();
    assert_eq!(numbers, (1..=events.len() as u64).collect::<Vec<_>>(), "the log of {id}");
    let state = |event: &Event| if let Event::State(state) = event { Some(state.run.status) } else { None };
    let entered: Vec<_> = events.iter().filter_map(state).collect();
    assert_eq!(entered.iter().filter(|status| status.is_ended()).count(), 1, "{id} ended once: {entered:?}");
    assert!(state(events.last().unwrap()).unwrap().is_ended(), "nothing comes after the end of {id}");
    (entered, events.len())
}

async fn log(node: &Caller, id: RunId) -> Vec<Event> {
    let (mut events, mut after) = (Vec::new(), String::new());
    loop {
        let page: LogPage = node.get(&format!("/v1/tasks/runs/{id}/log?limit=20&after={after}")).await.read();
        events.extend(page.events);
        match page.next_cursor {
            Some(cursor) => after = cursor,
            None => return events,
        }
    }
}

/// Every node lists what was accepted, and nothing else: a create that was tried again is one run.
async fn nothing_is_missing(nodes: &[Caller], accepted: &BTreeMap<RunId, Told>) {
    let accepted: BTreeSet<_> = accepted.keys().copied().collect();
    for node in nodes {
        let listed = listed(node).await;
        assert_eq!(accepted.difference(&listed).collect::<Vec<_>>(), Vec::<&RunId>::new(), "accepted and not listed");
        assert_eq!(listed.difference(&accepted).collect::<Vec<_>>(), Vec::<&RunId>::new(), "listed and not accepted");
    }
}

/// All runs that a node lists.
pub(crate) async fn listed(node: &Caller) -> BTreeSet<RunId> {
    let (mut listed, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let page: RunPage = node.get(&format!("/v1/tasks/runs?limit=100{cursor}")).await.read();
        for run in &page.runs {
            assert!(listed.insert(run.run_id), "{} is listed twice", run.run_id);
        }
        match page.next_cursor {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return listed,
        }
    }
}

/// A group counts its runs as they ended, and its stream told each end once.
async fn a_group_agrees(node: &Caller, id: GroupId, runs: &[RunId], told: &str, ends: &BTreeMap<RunId, Status>) {
    let group: TaskGroup = node.get(&format!("/v1/tasks/groups/{id}")).await.read();
    let mut counts = BTreeMap::new();
    for run in runs {
        *counts.entry(ends[run]).or_insert(0) += 1;
    }
    assert_eq!(group.status.task_run_status_counts, counts, "{id}");
    assert_eq!((group.status.num_task_runs, group.status.is_active), (runs.len() as u64, false), "{id}");
    let mut seen: Vec<_> = states(told).filter(|(_, status)| status.is_ended()).map(|(run, _)| run).collect();
    let mut all = runs.to_vec();
    seen.sort_unstable();
    all.sort_unstable();
    assert_eq!(seen, all, "the stream of {id} tells each end once");
}

/// Every webhook came, signed, and whenever it came again it was the same.
async fn every_webhook_arrived(machines: &Machines, accepted: &BTreeMap<RunId, Told>, receiver: &Receiver) {
    let owed: BTreeSet<_> = accepted.iter().filter(|(_, told)| told.has_webhook).map(|(id, _)| *id).collect();
    let arrived = |calls: &[Call]| calls.iter().map(Call::run).collect::<BTreeSet<_>>();
    let calls = receiver.until(|calls| owed.is_subset(&arrived(calls))).await;
    assert_eq!(arrived(&calls), owed, "and no others");
    let mut secrets = Vec::new();
    for address in machines.addresses() {
        let client = Client::new(&format!("http://{address}"), None).unwrap();
        secrets.push(client.webhook_secrets().await.unwrap());
    }
    assert!(secrets.iter().all(|of_a_node| *of_a_node == secrets[0]), "all nodes sign with the same");
    let mut bodies = BTreeMap::new();
    for call in &calls {
        call.check(&secrets[0]);
        let first = bodies.entry(call.run()).or_insert_with(|| (call.id().to_owned(), call.body.clone()));
        assert_eq!((call.id(), &call.body), (&*first.0, &first.1), "the same id, the same bytes");
    }
}
