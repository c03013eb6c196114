//! Steps of a run at the edge of the engine: each is looked up in the run's journal before it is taken, counted against the
//! budget, and kept with what is to be told of it before its result is used.
//!
//! So a run that is begun again takes the way it took before, without paying for it, up to the first step that was not kept. A
//! step that failed in a way that may pass is kept as well: as long as others came after it, it has failed.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use legwork_core::fact::Report;
use legwork_core::journal::Entry;
use legwork_core::output::Usage;
use legwork_core::processor::{NotKept, Reporter, Wish};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};

use super::budget::{Budget, WORK};
use super::hands::{Call, Fetch, Hands, Offered, Told, ToolTrouble};
use crate::model::{Ask, Kind as ModelKind, Reply, Role, Trouble as ModelTrouble};
use crate::source::{hash_of, pack, unpack};
use crate::web::fetch::{Page, Trouble as PageTrouble};
use crate::web::search::{Found, Query, Silence};

/// Changes when results of earlier builds would be misread.
const VERSION: u32 = 2;

/// Names the entry that says that looking is over.
const LOOKED: &str = "looked";
/// What steps of a run without models begin with: for one with models they lead nowhere, and the other way round.
const BY_WORDS: &str = "words:";
/// A token is about so many characters of what is asked.
pub(super) const CHARS: usize = 4;

/// Why the engine does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::processors) enum Halt {
    /// It was told to stop.
    Stopped,
    /// The attempt is not ours any more.
    Lost,
    /// What it needs is not there now, and may be there later.
    Later(String),
    /// What it needs will not be there until somebody does something about it.
    Never(String),
    /// The caller has to say first what is meant.
    Ask(String),
}

/// Why looking came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// The caller wants the answer now.
    Finish,
    /// The time for it is over.
    Time,
    /// A number of calls, searches or pages is used up.
    Count(&'static str),
    /// The tokens are used up.
    Tokens,
    /// The money is used up.
    Cost,
}

impl Limit {
    /// In words, for a warning.
    pub(super) fn words(self) -> String {
        match self {
            Self::Finish => "looking was ended by a wish to finish".to_owned(),
            Self::Time => "the time for looking was used up".to_owned(),
            Self::Count(what) => format!("all {what} that the processor may make were made"),
            Self::Tokens => "the tokens for looking were used up".to_owned(),
            Self::Cost => "the money for looking was used up".to_owned(),
        }
    }
}

/// What a step is for: looking ends earlier than writing, and at a wish to finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    Looking,
    Writing,
}

/// The steps of one run, during one attempt.
pub(in crate::processors) struct Steps<'a> {
    hands: &'a dyn Hands,
    reporter: &'a dyn Reporter,
    budget: Budget,
    kept: HashMap<String, Bytes>,
    spent: Mutex<Spent>,
    began: Instant,
    /// What what is asked of models was made to fit into.
    fit: Fit,
}

/// How many tokens the models of a run take, as far as that was known when it began. What readers are asked is cut to it, so it
/// stays what it was for all attempts: otherwise they would be asked other things, and paid for again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::processors) struct Fit {
    /// In and out together; `None` when nobody said so.
    pub(in crate::processors) context: Option<u32>,
}

impl Fit {
    /// That of the earlier attempts with models; `None` if there is nothing of them.
    pub(in crate::processors) fn of(journal: &[Entry]) -> Option<Self> {
        let mut own = journal.iter().filter(|entry| !entry.key().starts_with(BY_WORDS));
        own.find_map(|entry| opened::<IgnoredAny>(entry.body())).map(|kept| kept.fit)
    }
}

/// What was used so far, by all attempts.
#[derive(Clone, Debug, Default, PartialEq)]
struct Spent {
    /// What earlier attempts worked, as far as their steps tell.
    before: Duration,
    used: Usage,
    /// Pages that were asked for, read or not.
    fetches: u32,
    /// Looking that was wanted and not done any more. It counts when what is left is shared out, so that what an earlier attempt
    /// did afterwards is found under the name that it had.
    refused: Usage,
    /// What ended the looking.
    limit: Option<Limit>,
    /// What earlier attempts did and this one did not come to yet.
    ahead: HashSet<String>,
    /// What was spent on each role.
    paid: HashMap<Role, Paid>,
}

/// What asks of one role took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Paid {
    /// What they were estimated to take, in tokens.
    weight: u64,
    /// What they took.
    tokens: u64,
    usd: Option<f64>,
}

impl Paid {
    /// How much more than estimated they took: some models think before they answer.
    fn excess(&self) -> f64 {
        if self.weight == 0 { 1.0 } else { (count(self.tokens) / count(self.weight)).max(1.0) }
    }
}

/// A step as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept<T> {
    v: u32,
    /// How long the run had been worked on when it was done, in milliseconds.
    worked_ms: u64,
    fit: Fit,
    done: T,
}

/// What a step adds to what was used.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    prompt: u64,
    completion: u64,
    estimated: bool,
    usd: Option<f64>,
    page: bool,
    failed: Failed,
    /// Of an ask: of whom, and what it was estimated to take.
    ask: Option<(Role, u64)>,
}

/// How a step failed, as far as that matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Failed {
    /// It did not, or would do so again.
    #[default]
    No,
    /// In a way that another attempt may not meet: then it is not kept.
    ForNow,
    /// It was a call of a model that came to nothing before it began, and counts as none.
    Unmade,
    /// The server stops. That says nothing of what was asked.
    Stopped,
}

impl<'a> Steps<'a> {
    pub(in crate::processors) fn new(
        hands: &'a dyn Hands,
        reporter: &'a dyn Reporter,
        budget: Budget,
        journal: &[Entry],
    ) -> Self {
        let name = |entry: &Entry| match (entry.key().strip_prefix(BY_WORDS), budget.has_models()) {
            (Some(key), false) => Some(key.to_owned()),
            (None, true) => Some(entry.key().to_owned()),
            (Some(_), true) | (None, false) => None,
        };
        let kept: HashMap<_, _> =
            journal.iter().filter_map(|entry| Some((name(entry)?, entry.body().clone()))).collect();
        let ahead = kept.keys().filter(|key| !key.starts_with("failed:")).cloned().collect();
        let spent = Mutex::new(Spent { ahead, ..Spent::default() });
        Self { hands, reporter, budget, kept, spent, began: Instant::now(), fit: Fit::default() }
    }

    /// What the budget was made to fit into.
    pub(in crate::processors) fn fitted(self, fit: Fit) -> Self {
        Self { fit, ..self }
    }

    /// With what this attempt worked on the run so far.
    pub(in crate::processors) fn after(self, worked: Duration) -> Self {
        self.spent().before = worked;
        self
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// What was used, as it is now.
    pub(super) fn used(&self) -> Usage {
        let spent = self.spent().clone();
        Usage { seconds: self.worked(&spent).as_secs_f64(), ..spent.used }
    }

    /// What ended the looking, if anything did.
    pub(super) fn limit(&self) -> Option<Limit> {
        self.spent().limit
    }

    /// How much of the tightest limit is used, from 0 to 1.
    pub(super) fn share(&self) -> f64 {
        let spent = self.spent().clone();
        // Of what there is none of, nothing can be used up.
        let of = |used: f64, most: f64| if most > 0.0 { used / most } else { 0.0 };
        [
            of(self.worked(&spent).as_secs_f64(), self.budget.soft.as_secs_f64()),
            of(f64::from(spent.fetches), f64::from(self.budget.pages)),
            of(f64::from(spent.used.searches), f64::from(self.budget.queries)),
            of(f64::from(spent.used.model_calls), f64::from(self.budget.calls)),
            of(count(tokens(&spent.used)), count(self.budget.tokens)),
        ]
        .into_iter()
        .fold(0.0, f64::max)
        .min(1.0)
    }

    /// Whether there is anything against looking on. What was looked for before comes first, whatever is against more of it.
    pub(super) fn may_look(&self) -> bool {
        if self.spent().ahead.iter().any(|key| is_looking(key)) {
            return true;
        }
        // Without a reader nothing that is found is of use.
        let is_used_up = |limit| matches!(limit, Limit::Count(_) | Limit::Tokens | Limit::Cost);
        if self.has_looked() || self.limit().is_some_and(is_used_up) {
            return false;
        }
        let against = {
            let spent = self.spent();
            self.against(&spent, For::Looking).or_else(|| self.used_up(&spent))
        };
        self.note(For::Looking, against);
        against.is_none()
    }

    /// Whether looking is over for all attempts.
    pub(super) fn has_looked(&self) -> bool {
        self.kept.contains_key(LOOKED)
    }

    /// Looking is over. That is kept, with what is to be warned of by then, so that a later attempt does not look for more than
    /// what the answer was written from; says what was to be warned of then.
    pub(super) async fn looked(&self, warnings: Vec<String>) -> Result<Vec<String>, Halt> {
        if let Some(kept) = self.kept.get(LOOKED).and_then(|body| opened::<Vec<String>>(body)) {
            let mut spent = self.spent();
            spent.ahead.remove(LOOKED);
            spent.before = spent.before.max(Duration::from_millis(kept.worked_ms));
            return Ok(kept.done);
        }
        self.keep(LOOKED, warnings, Vec::new()).await
    }

    /// How many more pages may be read.
    pub(super) fn pages_left(&self) -> usize {
        self.budget.pages.saturating_sub(self.spent().fetches) as usize
    }

    /// How many more searches may be made.
    pub(super) fn searches_left(&self) -> usize {
        let spent = self.spent();
        self.budget.queries.saturating_sub(spent.used.searches + spent.refused.searches) as usize
    }

    /// How many more calls of models there may be, to share them out; for looking some are left for writing.
    pub(super) fn calls_left(&self, purpose: For) -> usize {
        let spent = self.spent();
        let (most, refused) = match purpose {
            For::Writing => (self.budget.calls, 0),
            For::Looking => (self.budget.calls - reserve(self.budget.calls), spent.refused.model_calls),
        };
        most.saturating_sub(spent.used.model_calls + refused) as usize
    }

    /// Asks a model; `None` when there is no room for that any more.
    pub(super) async fn ask(&self, purpose: For, ask: Ask) -> Result<Option<Result<Reply, ModelTrouble>>, Halt> {
        Ok(self.ask_all(purpose, vec![ask]).await?.pop().flatten())
    }

    /// Asks models several things at a time; each is `None` for which there is no room any more. What there is room for is
    /// decided before any is asked: so the limits hold for all of them together, and another attempt decides in the same way,
    /// whoever answers first.
    pub(super) async fn ask_all(
        &self,
        purpose: For,
        asks: Vec<Ask>,
    ) -> Result<Vec<Option<Result<Reply, ModelTrouble>>>, Halt> {
        let kind = match purpose {
            For::Looking => "ask",
            For::Writing => "write",
        };
        // What a token of a role costs is known when the first were paid for, so that one goes first.
        if asks.len() > 1 && self.budget.cost_usd.is_some() && !self.knows_price(asks[0].role) {
            let mut asks = asks;
            let rest = asks.split_off(1);
            let mut replies = Box::pin(self.ask_all(purpose, asks)).await?;
            replies.extend(Box::pin(self.ask_all(purpose, rest)).await?);
            return Ok(replies);
        }
        let fit = self.fitting(purpose, kind, &asks);
        let cost = |ask: &Ask, done: &Result<Reply, ModelTrouble>| {
            let (usage, usd, trouble) = match done {
                Ok(reply) => (reply.usage, reply.cost_usd, None),
                Err(trouble) => (trouble.usage, trouble.cost_usd, Some(trouble.kind)),
            };
            let (prompt, completion, estimated) = (usage.prompt, usage.completion, usage.estimated);
            let failed = match trouble {
                Some(ModelKind::Stopped) => Failed::Stopped,
                Some(ModelKind::TooLong) if prompt + completion == 0 && usd.is_none() => Failed::Unmade,
                Some(kind) if kind.is_passing() => Failed::ForNow,
                Some(_) | None => Failed::No,
            };
            let ask = Some((ask.role, weight(ask)));
            Cost { prompt, completion, estimated, usd, page: false, failed, ask }
        };
        let asked = asks.iter().zip(fit).map(async |(ask, fits)| {
            if !fits {
                return Ok(None);
            }
            let (count, cost) = (|used: &mut Usage| used.model_calls += 1, |done: &_| cost(ask, done));
            self.take(kind, purpose, ask, count, self.hands.ask(ask), cost, |_| Vec::new()).await
        });
        join_all(asked).await.into_iter().collect()
    }

    fn knows_price(&self, role: Role) -> bool {
        self.spent().paid.contains_key(&role)
    }

    /// How many tokens there are left for this.
    pub(super) fn room(&self, purpose: For) -> usize {
        let share = if purpose == For::Looking { WORK } else { 1.0 };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, and a bound at that"
        )]
        let room = (count(self.budget.tokens) * share - count(tokens(&self.spent().used))).max(0.0) as usize;
        room
    }

    /// Which of these asks there is room for, in their order, beside each other. What was asked before is in any case.
    fn fitting(&self, purpose: For, kind: &str, asks: &[Ask]) -> Vec<bool> {
        let (calls, share) = match purpose {
            For::Looking => (self.budget.calls - reserve(self.budget.calls), WORK),
            For::Writing => (self.budget.calls, 1.0),
        };
        let mut spent = self.spent();
        let used = spent.used.clone();
        let (mut made, mut tokens) = (used.model_calls, count(tokens(&used)));
        let mut usd = used.cost_usd.unwrap_or_default();
        let mut fitting = Vec::with_capacity(asks.len());
        for ask in asks {
            let paid = spent.paid.get(&ask.role).copied().unwrap_or_default();
            let own = count(weight(ask)) * paid.excess();
            let with_it = tokens + own;
            let price = paid.usd.filter(|_| paid.tokens > 0).map(|usd| usd / count(paid.tokens));
            let dear = usd + price.unwrap_or_default() * own;
            let costs = |most: f64| dear > most * share;
            let against = if made >= calls {
                Some(Limit::Count("calls of models"))
            } else if with_it > count(self.budget.tokens) * share {
                Some(Limit::Tokens)
            } else {
                self.budget.cost_usd.is_some_and(costs).then_some(Limit::Cost)
            };
            let fits = against.is_none() || self.kept.contains_key(&key(kind, ask));
            if fits {
                (made, tokens, usd) = (made + 1, with_it, dear);
            } else if purpose == For::Looking {
                spent.refused.model_calls += 1;
                spent.limit = spent.limit.or(against);
            }
            fitting.push(fits);
        }
        fitting
    }

    /// Searches.
    pub(super) async fn search(
        &self,
        query: Query,
        tell: impl FnOnce(&Result<Found, Silence>) -> Vec<Report>,
    ) -> Result<Option<Result<Found, Silence>>, Halt> {
        let none = |done: &Result<Found, Silence>| Cost {
            failed: if done.is_err() { Failed::ForNow } else { Failed::No },
            ..Cost::default()
        };
        self.take("search", For::Looking, &query, |used| used.searches += 1, self.hands.search(&query), none, tell)
            .await
    }

    /// Reads a page.
    pub(super) async fn fetch(&self, fetch: Fetch) -> Result<Option<Result<Page, PageTrouble>>, Halt> {
        self.spent().fetches += 1;
        let read = |done: &Result<Page, PageTrouble>| Cost { page: done.is_ok(), ..Cost::default() };
        self.take("fetch", For::Looking, &fetch, |_| (), self.hands.fetch(&fetch), read, |_| Vec::new()).await
    }

    /// What the caller's servers offer.
    pub(super) async fn offered(&self, servers: &[String]) -> Result<Option<Offered>, Halt> {
        let none = |_: &Offered| Cost::default();
        self.take("tools", For::Looking, &servers, |_| (), self.hands.offered(servers), none, |_| Vec::new()).await
    }

    /// Calls a tool.
    pub(super) async fn call(
        &self,
        call: Call,
        tell: impl FnOnce(&Result<Told, ToolTrouble>) -> Vec<Report>,
    ) -> Result<Option<Result<Told, ToolTrouble>>, Halt> {
        let none = |_: &Result<Told, ToolTrouble>| Cost::default();
        self.take("call", For::Looking, &call, |used| used.tool_calls += 1, self.hands.call(&call), none, tell).await
    }

    async fn tell_all(&self, reports: Vec<Report>) {
        for report in reports {
            self.reporter.report(report).await;
        }
    }

    /// Tells something that comes of no step.
    pub(super) async fn tell(&self, report: Report) {
        self.reporter.report(report).await;
    }

    #[expect(clippy::too_many_arguments, reason = "they are what differs between the kinds of steps")]
    async fn take<A: Serialize, T: Serialize + DeserializeOwned>(
        &self,
        kind: &str,
        purpose: For,
        arguments: &A,
        counted: impl FnOnce(&mut Usage),
        work: impl Future<Output = T>,
        cost: impl Fn(&T) -> Cost,
        tell: impl FnOnce(&T) -> Vec<Report>,
    ) -> Result<Option<T>, Halt> {
        let key = key(kind, arguments);
        self.spent().ahead.remove(&key);
        let failed = format!("failed:{key}");
        let known = |name: &str| self.kept.get(name).and_then(|body| opened::<T>(body));
        let (success, before) = (known(&key), known(&failed));
        let has_failed = success.is_none() && before.is_some() && self.has_come_further();
        // Where it was tried once more, the failure is spent all the same.
        if let Some(kept) = before.as_ref().filter(|_| !has_failed) {
            add(&mut self.spent(), cost(&kept.done));
        }
        if let Some(kept) = success.or(before.filter(|_| has_failed)) {
            {
                let mut spent = self.spent();
                counted(&mut spent.used);
                add(&mut spent, cost(&kept.done));
                // Attempts overlap in nothing, so the latest word counts.
                spent.before = spent.before.max(Duration::from_millis(kept.worked_ms));
            }
            self.tell_all(tell(&kept.done)).await;
            return Ok(Some(kept.done));
        }
        self.go_on()?;
        let against = self.against(&self.spent(), purpose);
        if against.is_some() || purpose == For::Looking && self.has_looked() {
            self.note(purpose, against);
            if purpose == For::Looking {
                counted(&mut self.spent().refused);
            }
            return Ok(None);
        }
        counted(&mut self.spent().used);
        let done = tokio::select! {
            done = work => done,
            end = self.end(purpose) => return end.map(|limit| { self.note(purpose, Some(limit)); None }),
        };
        let cost = cost(&done);
        if cost.failed == Failed::Stopped {
            return Err(Halt::Stopped);
        }
        add(&mut self.spent(), cost);
        let reports = tell(&done);
        let name = if cost.failed == Failed::ForNow { &failed } else { &key };
        self.keep(name, done, reports).await.map(Some)
    }

    /// Whether an earlier attempt did anything that this one did not come to yet.
    fn has_come_further(&self) -> bool {
        !self.spent().ahead.is_empty()
    }

    /// Keeps what was done under a name, with what is told of it, and gives it back.
    async fn keep<T: Serialize>(&self, name: &str, done: T, reports: Vec<Report>) -> Result<T, Halt> {
        let key = if self.budget.has_models() { name.to_owned() } else { format!("{BY_WORDS}{name}") };
        let worked = self.worked(&self.spent());
        let worked_ms = u64::try_from(worked.as_millis()).unwrap_or(u64::MAX);
        let kept = Kept { v: VERSION, worked_ms, fit: self.fit, done };
        // What is too big to be kept is done again if need be.
        match pack(&kept).ok().and_then(|body| Entry::new(key, body).ok()) {
            Some(entry) => match self.reporter.keep(entry, reports).await {
                Ok(()) | Err(NotKept::Full) => {}
                Err(NotKept::Lost) => return Err(self.halt()),
            },
            None => self.tell_all(reports).await,
        }
        Ok(kept.done)
    }

    /// Whether it may go on at all.
    pub(super) fn go_on(&self) -> Result<(), Halt> {
        if self.reporter.wish() == Wish::Stop { Err(Halt::Stopped) } else { Ok(()) }
    }

    /// Resolves when a step has to be broken off. What was begun in time may take longer: a slow model that is about to answer is
    /// worth waiting for, as long as there is time to write.
    async fn end(&self, purpose: For) -> Result<Limit, Halt> {
        let left = match purpose {
            For::Looking => self.budget.hard.mul_f64(WORK),
            For::Writing => self.budget.hard,
        };
        let until = self.began + left.saturating_sub(self.spent().before);
        tokio::select! {
            () = sleep_until(until) => Ok(Limit::Time),
            end = self.wished(purpose) => end,
        }
    }

    async fn wished(&self, purpose: For) -> Result<Limit, Halt> {
        match (self.reporter.wished().await, purpose) {
            (Wish::Stop, _) => Err(Halt::Stopped),
            (_, For::Looking) => Ok(Limit::Finish),
            // A wish to finish was heard; only a stop can follow, and the worker drops who does not hear that.
            (_, For::Writing) => std::future::pending().await,
        }
    }

    /// What is against another step now: what is wished, and the time.
    fn against(&self, spent: &Spent, purpose: For) -> Option<Limit> {
        let time = match purpose {
            For::Looking => self.budget.soft,
            For::Writing => self.budget.hard,
        };
        if purpose == For::Looking && self.reporter.wish() != Wish::GoOn {
            return Some(Limit::Finish);
        }
        (self.worked(spent) >= time).then_some(Limit::Time)
    }

    /// What is used up so far that no more looking is worth while.
    fn used_up(&self, spent: &Spent) -> Option<Limit> {
        if count(tokens(&spent.used)) >= count(self.budget.tokens) * WORK {
            return Some(Limit::Tokens);
        }
        let over = |most: f64| spent.used.cost_usd.is_some_and(|cost| cost >= most * WORK);
        self.budget.cost_usd.is_some_and(over).then_some(Limit::Cost)
    }

    fn note(&self, purpose: For, limit: Option<Limit>) {
        if purpose == For::Looking {
            let mut spent = self.spent();
            spent.limit = spent.limit.or(limit);
        }
    }

    fn halt(&self) -> Halt {
        if self.reporter.wish() == Wish::Stop { Halt::Stopped } else { Halt::Lost }
    }

    fn worked(&self, spent: &Spent) -> Duration {
        spent.before + self.began.elapsed()
    }

    fn spent(&self) -> MutexGuard<'_, Spent> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Calls that are kept for the end: one in seven, one at least where there are two.
fn reserve(calls: u32) -> u32 {
    if calls < 2 { 0 } else { calls.div_ceil(7) }
}

/// How many tokens an ask may take, in and out.
pub(super) fn weight(ask: &Ask) -> u64 {
    let schema = ask.schema.as_ref().map_or(0, |schema| schema.schema.to_string().len());
    let read = (ask.system.len() + ask.user.len() + schema) / CHARS;
    u64::try_from(read).unwrap_or(u64::MAX).saturating_add(u64::from(ask.max_tokens))
}

fn add(spent: &mut Spent, cost: Cost) {
    if let Some((role, weight)) = cost.ask.filter(|_| cost.prompt + cost.completion > 0) {
        let paid = spent.paid.entry(role).or_default();
        paid.weight += weight;
        paid.tokens += cost.prompt + cost.completion;
        if let Some(usd) = cost.usd {
            *paid.usd.get_or_insert(0.0) += usd;
        }
    }
    let used = &mut spent.used;
    used.prompt_tokens += cost.prompt;
    used.completion_tokens += cost.completion;
    used.tokens_estimated |= cost.estimated;
    used.pages += u32::from(cost.page);
    used.model_calls -= u32::from(cost.failed == Failed::Unmade).min(used.model_calls);
    if let Some(usd) = cost.usd {
        *used.cost_usd.get_or_insert(0.0) += usd;
    }
}

/// Names a step by what it is, whatever attempt takes it.
pub(super) fn key<A: Serialize>(kind: &str, arguments: &A) -> String {
    // What is asked is data of ours; if it could not be written, equal kinds would only be mixed up with themselves.
    let text = serde_json::to_string(arguments).unwrap_or_default();
    format!("{kind}:{}", &hash_of(&text)[..32])
}

/// Whether an entry of this name is of something that was looked for.
fn is_looking(key: &str) -> bool {
    key != LOOKED && !key.starts_with("write:")
}

fn opened<T: DeserializeOwned>(body: &[u8]) -> Option<Kept<T>> {
    unpack::<Kept<T>>(body).filter(|kept| kept.v == VERSION)
}

fn tokens(used: &Usage) -> u64 {
    used.prompt_tokens + used.completion_tokens
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
fn count(tokens: u64) -> f64 {
    tokens as f64
}
