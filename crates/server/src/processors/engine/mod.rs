//! The engine: from a question to an answer that is proved, by searching, reading and checking.
//!
//! It is one plain function with its effects at the edge ([`hands`]), each of which is looked up in the run's journal before it
//! is had ([`steps`]). So a run that was cut off is begun again from the start, and is soon where it was. What decides is code:
//! models word searches, copy values with their quotes, judge support and write sentences, and none of it counts before it is
//! checked against the texts.

mod assemble;
mod brief;
pub(super) mod budget;
mod choose;
mod finish;
mod gather;
mod hands;
pub(in crate::processors) mod honest;
mod judge;
mod ledger;
mod plan;
mod prose;
mod read;
mod record;
mod say;
mod settle;
mod steps;
mod tools;
mod words;
mod world;
mod write;

#[cfg(test)]
mod poisoned_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use legwork_core::fact::Step;
use legwork_core::output::{McpToolCall, Output};
use legwork_core::task::{SourcePolicy, Task};
use serde_json::Value;
use tracing::debug;

pub(super) use self::brief::Before;
use self::brief::{Brief, Form};
use self::choose::Choice;
use self::gather::{Shown, gather};
pub(super) use self::hands::Hands;
use self::hands::{Fetch, Tool};
pub(super) use self::honest::Calibration;
pub(super) use self::ledger::Source;
use self::ledger::{Ledger, Unread};
pub(super) use self::record::{Begun, Recording, Replaying, Which};
use self::settle::{Settled, settle};
pub(super) use self::steps::{Fit, Halt, Steps};
use self::steps::{For, weight};
pub(super) use self::tools::Servers;
pub(super) use self::world::World;
use super::blocking::blocking;
use super::research::Document;
use crate::model::{Ask, Kind as ModelKind, Trouble as ModelTrouble};
use crate::web::search::{Found, Query, allows};

/// Looking ends after so many rounds in a row that proved nothing new.
const IDLE: u32 = 2;
/// How many searches are made in a round at the most, however many are left.
const AT_ONCE: usize = 8;

/// What a run begins with.
pub(super) struct Start {
    /// What is asked.
    pub(super) task: Task,
    /// Of which processor.
    pub(super) processor: String,
    /// The day on which it was asked, as `YYYY-MM-DD`.
    pub(super) today: String,
    /// The question and answer it goes on from.
    pub(super) before: Option<Before>,
    /// What that answer rested on.
    pub(super) earlier: Vec<Source>,
    /// What the caller's servers are called whose tools may be used.
    pub(super) servers: Vec<String>,
    /// What passages are marked with: nobody outside can know it.
    pub(super) marker: String,
    /// What was learned of how often labels are right.
    pub(super) calibration: Option<Arc<Calibration>>,
    /// Whether it may ask back what is meant.
    pub(super) asks_back: bool,
    /// What the caller answered to what was asked back, as text.
    pub(super) answers: Vec<String>,
    /// The top-level fields that are looked for; `None` is all of them.
    pub(super) only: Option<Vec<String>>,
    /// How rare words are, for where no model reads.
    pub(super) words: Arc<Rarity>,
    /// The model that reads.
    pub(super) model: Option<String>,
    /// What there is to say of the labels.
    pub(super) labels: String,
    /// How far the run is already, in percent.
    pub(super) far: u8,
}

/// Says of a word, by its stem, how rare it is in texts at large: from 0 upwards.
pub(super) type Rarity = dyn Fn(&str) -> f32 + Send + Sync;

/// What comes of a run.
#[derive(Debug)]
pub(super) struct Answer {
    /// The output.
    pub(super) output: Output,
    /// The texts that it cites.
    pub(super) cited: Vec<Document>,
}

/// Works on a task to its answer.
pub(super) async fn research(start: Start, steps: &Steps<'_>) -> Result<Answer, Halt> {
    let mut brief = Brief::of(&start.task, &start.processor, start.today, start.before);
    if let (Some(only), Form::Object { proposed: false, .. }) = (&start.only, &brief.form) {
        brief.fields.retain(|field| only.contains(&field.top));
    }
    let mut work = Work {
        brief,
        policy: start.task.sources,
        country: start.task.location,
        ledger: Ledger::default(),
        steps,
        marker: start.marker,
        seen: HashSet::new(),
        searches: Vec::new(),
        tried: HashSet::new(),
        hits: Vec::new(),
        first: Vec::new(),
        servers: start.servers,
        tools: Vec::new(),
        calls: Vec::new(),
        warnings: Vec::new(),
        unread: None,
        readers: 0,
        calibration: start.calibration,
        asks_back: start.asks_back,
        answers: start.answers,
        words: start.words,
        model: start.model,
        labels: start.labels,
        far: start.far,
    };
    for source in start.earlier {
        if work.may_use(&source) {
            work.ledger.add_source(source);
        }
    }
    work.plan().await?;
    work.use_tools().await?;
    work.look().await?;
    work.finish().await
}

/// A run at work.
struct Work<'s, 'a> {
    brief: Brief,
    policy: SourcePolicy,
    /// The country that searches are made from.
    country: Option<String>,
    ledger: Ledger,
    steps: &'s Steps<'a>,
    /// What passages are marked with.
    marker: String,
    /// The passages that a reader was shown.
    seen: HashSet<Shown>,
    /// The searches that were made, as they were worded.
    searches: Vec<String>,
    /// The addresses that were tried.
    tried: HashSet<String>,
    /// What was found and not read yet.
    hits: Vec<Choice>,
    /// The searches that the first round makes.
    first: Vec<String>,
    /// The caller's servers, and the tools that they have.
    servers: Vec<String>,
    tools: Vec<Tool>,
    calls: Vec<McpToolCall>,
    warnings: Vec<String>,
    /// Why the last reader that failed did.
    unread: Option<ModelTrouble>,
    /// How many readers answered.
    readers: usize,
    calibration: Option<Arc<Calibration>>,
    /// Whether it may ask back what is meant, and what was answered to that.
    asks_back: bool,
    answers: Vec<String>,
    /// How rare words are, for where no model reads.
    words: Arc<Rarity>,
    model: Option<String>,
    labels: String,
    far: u8,
}

impl Work<'_, '_> {
    /// Takes the question apart and words the first searches.
    async fn plan(&mut self) -> Result<(), Halt> {
        let budget = self.steps.budget();
        let proposes = budget.has_models() && matches!(self.brief.form, Form::Object { proposed: true, .. });
        if budget.parts > 0 || proposes {
            let parts = if proposes { budget.parts.max(5) } else { budget.parts } as usize;
            let searches = (budget.queries as usize).min(AT_ONCE);
            let reply = self.understand(parts, searches, proposes).await?;
            self.understood(&reply, parts);
        }
        if let Form::Object { schema, proposed: true } = &mut self.brief.form
            && schema.is_null()
        {
            *schema = plan::plain_schema(&self.brief.question);
            self.brief.fields = brief::fields_of(schema);
        }
        let what: Vec<String> =
            self.brief.fields.iter().map(|field| brief::cut(&field.about, 100).to_owned()).collect();
        let message = format!("Looking for: {}", what.join("; "));
        self.steps.tell(say::message(Step::Plan, "plan", brief::cut(&message, 1_000))).await;
        self.tell_stats("plan", say::meter(0.0, 0.0)).await;
        Ok(())
    }

    /// Asks a planner, who may ask back once; nothing if he says nothing.
    async fn understand(&mut self, parts: usize, searches: usize, proposes: bool) -> Result<Value, Halt> {
        if self.asks_back {
            let ask = plan::may_ask_back(plan::understand(&self.brief, parts, searches, proposes));
            let reply = self.planner(ask).await?;
            match (plan::asked_back(&reply), self.answers.first()) {
                (None, _) => return Ok(reply),
                (Some(question), None) => return Err(Halt::Ask(question)),
                (Some(question), Some(answer)) => self.brief.made_clear(&question, answer),
            }
        }
        self.planner(plan::understand(&self.brief, parts, searches, proposes)).await
    }

    async fn planner(&mut self, ask: Ask) -> Result<Value, Halt> {
        match self.steps.ask(For::Looking, ask).await? {
            Some(Ok(reply)) => Ok(reply.json.unwrap_or(Value::Null)),
            // Rules do what a planner does, and less well.
            Some(Err(trouble)) => {
                self.warn(format!("a planner failed: {trouble}"));
                Ok(Value::Null)
            }
            None => Ok(Value::Null),
        }
    }

    fn understood(&mut self, reply: &Value, parts: usize) {
        self.first = plan::texts(reply, "searches");
        match &mut self.brief.form {
            Form::Object { schema, proposed: true } => {
                if let Some(made) = plan::proposed(reply, parts) {
                    self.brief.fields = brief::fields_of(&made);
                    *schema = made;
                }
            }
            Form::Object { .. } => {}
            Form::Text { .. } => {
                let questions = plan::texts(reply, "parts");
                if questions.len() > 1 {
                    self.brief.fields = brief::parts(&questions[..questions.len().min(parts)]);
                }
            }
        }
    }

    /// Searches, reads and checks until all is known, nothing new comes, or a limit is reached; once for each pass.
    async fn look(&mut self) -> Result<(), Halt> {
        let budget = self.steps.budget().clone();
        for pass in 1..=budget.passes {
            let mut idle = 0;
            for round in 0..budget.rounds {
                let settled = settle(&self.brief, &self.ledger, Some(pass));
                let (domain, conflicts) = (budget.second_domain, budget.conflicts);
                let open = settle::open(&self.brief, &self.ledger, &settled, domain, conflicts);
                if open.is_empty() || !self.steps.may_look() {
                    break;
                }
                // What is left is for all rounds of all passes.
                let rounds_left = budget.rounds - round + (budget.passes - pass) * budget.rounds;
                let news = self.round(pass, round, &open, &settled, rounds_left).await?;
                idle = if news == 0 { idle + 1 } else { 0 };
                if idle >= IDLE {
                    break;
                }
            }
        }
        Ok(())
    }

    /// One round; says how much that is new was proved in it.
    async fn round(
        &mut self,
        pass: u32,
        round: u32,
        open: &[usize],
        settled: &[Settled],
        rounds_left: u32,
    ) -> Result<usize, Halt> {
        let name = format!("pass {pass} round {round}");
        let searches = self.worded(open, settled, rounds_left).await?;
        if round > 0 && !searches.is_empty() {
            let paths: Vec<&str> = open.iter().map(|at| self.brief.fields[*at].path.as_str()).collect();
            let message = format!("Going on to look for: {}", paths.join(", "));
            self.steps.tell(say::message(Step::Plan, &name, message)).await;
        }
        self.search(searches).await?;
        let rounds = rounds_left.max(1) as usize;
        let pages = self.steps.pages_left().div_ceil(rounds);
        let read = self.fetch(pages, open).await?;
        let share = settle::share(&self.brief, settled);
        self.tell_stats(&format!("{name} read"), say::meter(share, self.steps.share())).await;
        let news = self.read(pass, open, rounds).await?;
        let now = settle(&self.brief, &self.ledger, None);
        let known = self.brief.fields.iter().enumerate().filter(|(at, _)| now.iter().any(|s| s.field == *at)).count();
        let message = format!("{known} of {} fields have a source", self.brief.fields.len());
        self.steps.tell(say::message(Step::Result, &name, message)).await;
        let share = settle::share(&self.brief, &now);
        self.tell_stats(&format!("{name} end"), say::meter(share, self.steps.share())).await;
        // A page that was read and told nothing is no reason to stop as long as there are others.
        Ok(news + usize::from(news == 0 && read > 0 && !self.hits.is_empty()))
    }

    /// The searches of a round.
    async fn worded(&mut self, open: &[usize], settled: &[Settled], rounds_left: u32) -> Result<Vec<String>, Halt> {
        let left = self.steps.searches_left();
        let most = left.div_ceil(rounds_left.max(1) as usize).min(AT_ONCE);
        if most == 0 {
            return Ok(Vec::new());
        }
        let mut worded = std::mem::take(&mut self.first);
        let is_first = self.searches.is_empty();
        if worded.is_empty() && !is_first && self.steps.calls_left(For::Looking) > 1 {
            let ask = plan::next(&self.brief, open, settled, &self.ledger, &self.searches, most);
            worded = plan::texts(&self.planner(ask).await?, "searches");
        }
        let made: HashSet<String> = self.searches.iter().map(|text| plan::normal(text)).collect();
        let mut found = plan::new_only(worded, &made, most);
        if found.len() < most && (is_first || found.is_empty()) {
            let made = made.iter().cloned().chain(found.iter().map(|text| plan::normal(text))).collect();
            let rules = plan::by_rule(&self.brief, open, most);
            found.extend(plan::new_only(rules, &made, most - found.len()));
        }
        self.searches.extend(found.iter().cloned());
        Ok(found)
    }

    async fn search(&mut self, searches: Vec<String>) -> Result<(), Halt> {
        let want = (self.steps.budget().considered / self.steps.budget().queries.max(1)).clamp(5, 20) as usize;
        let made = searches.into_iter().map(|text| {
            let query = Query { text: text.clone(), want, policy: self.policy.clone(), country: self.country.clone() };
            let tell =
                move |done: &Result<Found, _>| vec![say::message(Step::Search, &text, choose::told(&text, done))];
            self.steps.search(query, tell)
        });
        for done in join_all(made).await {
            match done? {
                Some(Ok(found)) => {
                    let most = self.steps.budget().considered.saturating_sub(self.ledger.considered);
                    let news = choose::add(&mut self.hits, &self.tried, found.hits, most as usize);
                    self.ledger.considered += u32::try_from(news).unwrap_or(u32::MAX);
                }
                Some(Err(trouble)) => self.warn(format!("a search failed: {trouble}")),
                None => {}
            }
        }
        Ok(())
    }

    /// Reads the best of what was found; says how many could be read.
    async fn fetch(&mut self, most: usize, open: &[usize]) -> Result<usize, Halt> {
        let chosen = choose::best(&mut self.hits, &self.brief, open, most);
        self.tried.extend(chosen.iter().map(|hit| hit.url.clone()));
        let budget = self.steps.budget();
        let (within, max_age) =
            (budget.page_time, if self.brief.is_fresh() { Duration::ZERO } else { budget.page_age });
        let reads = chosen.iter().map(|hit| self.steps.fetch(Fetch { url: hit.url.clone(), within, max_age }));
        let mut read = 0;
        for (hit, done) in chosen.iter().zip(join_all(reads).await) {
            match done? {
                Some(Ok(page)) => {
                    let source = choose::source(page, hit);
                    if self.may_use(&source) {
                        read += 1;
                        self.ledger.add_source(source);
                    } else {
                        let why = match &source.document.url {
                            url if *url == hit.url => "the source policy does not allow it".to_owned(),
                            url => format!("it leads to {url}, which the source policy does not allow"),
                        };
                        self.ledger.unread.push(Unread { url: hit.url.clone(), why });
                    }
                }
                Some(Err(trouble)) => match choose::told_text(hit) {
                    Some((provider, source)) => {
                        read += 1;
                        self.ledger.add_source(source);
                        self.warn(format!(
                            "{} could not be read: {trouble}; what {provider} has as its text was read instead",
                            hit.url
                        ));
                    }
                    None => self.ledger.unread.push(Unread { url: hit.url.clone(), why: trouble.to_string() }),
                },
                None => {}
            }
        }
        Ok(read)
    }

    /// Shows what was read to a reader and keeps what holds; says how much of it is new.
    async fn read(&mut self, pass: u32, open: &[usize], rounds: usize) -> Result<usize, Halt> {
        if !self.steps.budget().has_models() {
            return Ok(self.read_by_words(open).await);
        }
        let tokens = self.steps.budget().evidence_tokens as usize;
        // The rules, the question and the fields take room as well.
        let bare = read::ask(&self.brief, open, &[], &self.ledger, &self.marker, self.steps.budget().answer_tokens);
        let bare = usize::try_from(weight(&bare)).unwrap_or(usize::MAX);
        // A fifth of it is for what stands around passages.
        let tokens = tokens.min(self.steps.room(For::Looking).saturating_sub(bare) / 5 * 4);
        let batches = self.steps.calls_left(For::Looking).div_ceil(rounds).min(AT_ONCE);
        let mut batches = gather(&self.brief, open, &self.ledger, &self.seen, tokens, batches);
        let (mut news, mut away) = (0, None);
        while !batches.is_empty() {
            let ask = |shown: &Vec<Shown>| {
                let tokens = self.steps.budget().answer_tokens;
                read::ask(&self.brief, open, shown, &self.ledger, &self.marker, tokens)
            };
            let replies = self.steps.ask_all(For::Looking, batches.iter().map(ask).collect()).await?;
            let mut halves = Vec::new();
            for (shown, reply) in batches.into_iter().zip(replies) {
                match reply {
                    Some(Ok(reply)) => news += self.check(reply.json.as_ref(), shown, pass),
                    // How much a model takes may show only now.
                    Some(Err(trouble)) if trouble.kind == ModelKind::TooLong && shown.len() > 1 => {
                        let (first, second) = shown.split_at(shown.len() / 2);
                        halves.extend([first.to_vec(), second.to_vec()]);
                    }
                    Some(Err(trouble)) => {
                        self.warn(format!("a reader failed: {trouble}"));
                        away = Some(trouble.to_string()).filter(|_| trouble.kind.is_passing()).or(away);
                        self.unread = Some(trouble);
                    }
                    None => {}
                }
            }
            batches = halves;
        }
        match away {
            // Who is not there now is waited for, before anything else rests on it.
            Some(why) if self.readers == 0 => Err(Halt::Later(why)),
            _ => Ok(news),
        }
    }

    /// Takes in what a reader copied of these passages, as far as it holds; says how much of it is new.
    fn check(&mut self, reply: Option<&Value>, shown: Vec<Shown>, pass: u32) -> usize {
        self.readers += 1;
        let rows = read::rows(reply.unwrap_or(&Value::Null));
        let pages = read::pages(&shown, &self.ledger);
        let checked: Vec<_> =
            rows.iter().map(|row| read::checked(row, &self.brief, &shown, &pages, &self.ledger, pass)).collect();
        let mut news = 0;
        for checked in checked {
            match checked {
                Ok(evidence) => news += usize::from(self.ledger.prove(evidence)),
                Err(why) => debug!(why, "a row of a reader does not hold"),
            }
        }
        self.seen.extend(shown);
        news
    }

    /// Chooses sentences of what was read by their words; says how much is proved by them that was not.
    async fn read_by_words(&mut self, open: &[usize]) -> usize {
        let (brief, ledger, rarity) = (self.brief.clone(), self.ledger.clone(), self.words.clone());
        let open = open.to_vec();
        // Many fields and long pages take longer than a thread may that serves others.
        let found = blocking(move || words::read(&brief, &open, &ledger, &*rarity)).await.unwrap_or_default();
        found.into_iter().filter(|evidence| self.ledger.prove(evidence.clone())).count()
    }

    /// Whether the caller wants to have a text among the sources. What the operator and the caller's own tools have was asked for.
    fn may_use(&self, source: &Source) -> bool {
        let Source { document, by_tool } = source;
        *by_tool || source.is_own() || allows(&self.policy, &document.url, document.published.as_deref())
    }

    /// Tells how far it is, at a place that it comes to once.
    async fn tell_stats(&self, place: &str, meter: u8) {
        self.steps.tell(say::stats(&self.ledger, place, meter.max(self.far))).await;
    }

    /// Uses the caller's tools, as far as a planner thinks that they help.
    async fn use_tools(&mut self) -> Result<(), Halt> {
        if self.servers.is_empty() {
            return Ok(());
        }
        let Some(offered) = self.steps.offered(&self.servers).await? else { return Ok(()) };
        offered.warnings.into_iter().for_each(|warning| self.warn(warning));
        self.tools = offered.tools;
        if self.tools.is_empty() {
            return Ok(());
        }
        let most = self.steps.budget().tool_calls as usize;
        let ask = tools::ask(&self.brief, &self.tools, most);
        let calls = tools::calls(&self.planner(ask).await?, &self.tools, most);
        for (number, call) in calls.into_iter().enumerate() {
            let name = format!("{}/{}", call.server, call.tool);
            let message = format!("Calling {name}");
            let tell = |_: &_| vec![say::message(Step::ToolCall, &format!("{name} {number}"), message)];
            let Some(done) = self.steps.call(call.clone(), tell).await? else { break };
            self.calls.push(tools::recorded(number, &call, &done));
            if let Ok(told) = done {
                self.ledger.add_source(tools::source(&call, number, told.text));
            }
        }
        Ok(())
    }

    fn warn(&mut self, warning: String) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}
