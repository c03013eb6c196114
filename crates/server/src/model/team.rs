//! The models that are asked: one for each role, of which several may be the same.

use std::collections::BTreeMap;
use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::ask::{Ask, Reply, Role, Tokens};
use super::course::Course;
use super::endpoint::{Endpoint, Times, shown};
use super::list::{Listed, chosen};
use super::talker::{Pace, Talker, Tally};
use super::trouble::{Kind, Trouble};
use crate::config::{Llm, LlmEndpoint, ModelAt, Place};
use crate::metrics::Metrics;

/// How many calls an endpoint has at a time that is not on this machine, where nobody says otherwise.
const CONCURRENCY: usize = 4;
/// How long an endpoint that is not on this machine may take to say what it has.
const LIST: Duration = Duration::from_secs(5);

/// A model for each role. It stays as it is: what it learns of its models is how to talk to them.
pub struct Team {
    reader: Arc<Talker>,
    planner: Arc<Talker>,
    writer: Arc<Talker>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
}

impl Team {
    /// Finds the models that are wished for; where that fails, says why.
    pub(super) async fn gather(llm: &Llm, metrics: Arc<Metrics>, stop: CancellationToken) -> Result<Self, Vec<String>> {
        let mut gathering = Gathering { llm, endpoints: Vec::new(), talkers: BTreeMap::new() };
        let reader = gathering.talker(&llm.reader).await?;
        let planner = gathering.talker(&llm.planner).await?;
        let writer = gathering.talker(&llm.writer).await?;
        Ok(Self { reader, planner, writer, metrics, stop })
    }

    /// Asks; what it takes is kept to by the model's endpoint, as many at a time as that may have.
    ///
    /// Dropping what this returns stops the model, and whatever came until then is lost.
    pub async fn ask(&self, ask: &Ask) -> Result<Reply, Trouble> {
        let talker = self.of(ask.role);
        let price = talker.price;
        let tally = Tally { metrics: &self.metrics, role: ask.role, price, tokens: Tokens::default(), cost: None };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Trouble {
                kind: Kind::Stopped,
                why: "the server stops".to_owned(),
                usage: Tokens::default(),
                cost_usd: None,
            }),
            done = Course::new(talker, ask, tally).run() => done,
        }
    }

    /// The name of the model that has this role.
    pub fn model(&self, role: Role) -> &str {
        &self.of(role).name
    }

    /// How many tokens the model of this role takes in and gives out together; `None` where nobody knows.
    pub fn context(&self, role: Role) -> Option<u32> {
        self.of(role).context()
    }

    /// Each of its models once, with how it is asked for JSON and the roles that it has first.
    pub(super) fn each(&self) -> Vec<(Role, &Talker)> {
        let mut each: Vec<(Role, &Talker)> = Vec::new();
        for role in [Role::Reader, Role::Planner, Role::Writer] {
            let talker = self.of(role);
            if !each.iter().any(|(_, known)| std::ptr::eq(*known, talker)) {
                each.push((role, talker));
            }
        }
        each
    }

    /// Whether a model that was found is not there any more.
    pub(super) fn is_lost(&self) -> bool {
        self.each().iter().any(|(_, talker)| talker.is_lost.load(Relaxed))
    }

    fn of(&self, role: Role) -> &Talker {
        match role {
            Role::Reader => &self.reader,
            Role::Planner | Role::Judge => &self.planner,
            Role::Writer => &self.writer,
        }
    }
}

/// What is in use, on one line.
impl fmt::Display for Team {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = self.each();
        for (n, (role, talker)) in each.iter().enumerate() {
            let Talker { name, endpoint, .. } = talker;
            match each.len() {
                1 => write!(f, "{name} at {endpoint}")?,
                _ => write!(f, "{}{} {name} at {endpoint}", if n == 0 { "" } else { ", " }, role.as_str())?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Team {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Team({self})")
    }
}

/// Models and endpoints, each once.
struct Gathering<'a> {
    llm: &'a Llm,
    endpoints: Vec<(LlmEndpoint, Arc<Endpoint>)>,
    /// By endpoint and name.
    talkers: BTreeMap<(String, String), Arc<Talker>>,
}

impl Gathering<'_> {
    async fn talker(&mut self, at: &ModelAt) -> Result<Arc<Talker>, Vec<String>> {
        match (&at.place, &at.model) {
            (Place::Endpoint(place), Some(name)) => {
                let endpoint = self.endpoint(place).map_err(|why| vec![why])?;
                Ok(self.known(place, endpoint, Listed { name: name.clone(), context: None }, false))
            }
            (Place::Endpoint(place), None) => self.listed(place, None).await.map_err(|why| vec![why]),
            (Place::Usual, name) => {
                let mut why = Vec::new();
                for place in &self.llm.usual {
                    match self.listed(place, name.as_deref()).await {
                        Ok(talker) => return Ok(talker),
                        Err(not) => why.push(not),
                    }
                }
                Err(why)
            }
        }
    }

    /// A model that the endpoint lists: the one of this name, or the first that can talk.
    async fn listed(&mut self, place: &LlmEndpoint, name: Option<&str>) -> Result<Arc<Talker>, String> {
        let endpoint = self.endpoint(place)?;
        let within = if place.is_local() { self.llm.found_within } else { LIST };
        let list = endpoint.list(within).await.map_err(|fault| format!("{endpoint}: {fault}"))?;
        let Some(model) = chosen(&list, name) else {
            return Err(match name {
                Some(name) => format!("{endpoint}: it has no model {name}"),
                None => format!("{endpoint}: it has no model that can talk"),
            });
        };
        Ok(self.known(place, endpoint, model, true))
    }

    fn endpoint(&mut self, place: &LlmEndpoint) -> Result<Arc<Endpoint>, String> {
        if let Some((_, known)) = self.endpoints.iter().find(|(known, _)| known == place) {
            return Ok(known.clone());
        }
        let usual = if place.is_local() { 1 } else { CONCURRENCY };
        let concurrency = self.llm.concurrency.map_or(usual, NonZeroUsize::get);
        let made = Endpoint::new(place, concurrency)
            .map_err(|error| format!("{}: what TLS needs is not there: {error}", shown(&place.base)))?;
        let made = Arc::new(made);
        self.endpoints.push((place.clone(), made.clone()));
        Ok(made)
    }

    fn known(&mut self, place: &LlmEndpoint, endpoint: Arc<Endpoint>, model: Listed, is_found: bool) -> Arc<Talker> {
        let key = (place.base.to_string(), model.name.clone());
        let llm = self.llm;
        let talker = self.talkers.entry(key).or_insert_with(|| {
            let times = Times { whole: llm.timeout, silence: llm.silence };
            let price = llm.prices.get(&model.name).copied();
            let context = llm.context.or(place.context).map(NonZeroU32::get);
            let mut talker = Talker::new(model.name, endpoint, Pace { times, pause: llm.pause });
            (talker.context, talker.price, talker.is_found) = (context.or(model.context), price, is_found);
            Arc::new(talker)
        });
        talker.clone()
    }
}
