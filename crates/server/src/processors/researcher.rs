//! The built-in researcher as a processor. Where there is a language model, the engine answers; where there is none, the
//! documents do, and what they do not know is looked for on the web and chosen by its words.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use legwork_core::fact::{Report, ReportBody, Step};
use legwork_core::node::Fingerprint;
use legwork_core::output::{BasisExtras, Confidence, FieldBasis, Output, OutputExtras, Usage};
use legwork_core::processor::{Job, Outcome, Processor, Reporter, Wish};
use legwork_core::run::{Failure, FailureCode, Question};
use legwork_core::task::Task;
use legwork_core::time::Micros;
use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::blocking::blocking;
use super::calibration::{Calibration, Calibrations, described};
use super::engine::budget::Budget;
use super::engine::{self, Answer, Begun, Fit, Halt, Hands, Recording, Replaying, Servers, Start, Steps, Which, World};
use super::fingerprint;
use super::joined;
use super::library::Library;
use super::research::{Corpus, Document, Note, allows, question_of, research};
use crate::config::{self, Tape};
use crate::model::{Models, Role, Team};
use crate::source::hash_of;
use crate::web::fetch::Fetcher;
use crate::web::search::Searcher;
use crate::web::wire::Wire;

/// How long an answer waits whose sources could not be kept, or that a model is needed for that is not there, times the
/// attempt's number.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How long a run waits for an answer to what it asked back, from when it was asked for; and what it goes on with then.
const ANSWERED_WITHIN: Duration = Duration::from_hours(24);
const AS_LIKELY: &str = "As most people would mean it.";

/// How far a run is when documents were asked and the web was not, in percent.
const BEFORE_THE_WEB: u8 = 30;

/// What the researcher has of the world beside documents.
#[derive(Clone)]
pub(crate) struct Outside {
    /// The models, those that there are at a time; `None` where nothing is worked on.
    pub(crate) models: Option<Arc<Models>>,
    /// Searches.
    pub(crate) searcher: Arc<Searcher>,
    /// Reads pages.
    pub(crate) fetcher: Arc<Fetcher>,
    /// The way to the callers' own servers, where they may be reached.
    pub(crate) wire: Arc<dyn Wire>,
    /// How questions are worked on.
    pub(crate) research: config::Research,
    /// What was measured of how often labels are right.
    pub(crate) calibrations: Option<Arc<Calibrations>>,
}

#[cfg(test)]
impl Outside {
    /// Nothing of it.
    pub(crate) fn none() -> Self {
        struct Nowhere;

        #[async_trait]
        impl Wire for Nowhere {
            async fn send(
                &self,
                _: http::Request<bytes::Bytes>,
            ) -> Result<crate::web::wire::Reply, crate::web::wire::Unreached> {
                Err(crate::web::wire::Unreached::Lost("there is no way".to_owned()))
            }
        }

        let clock: Arc<dyn crate::clock::Clock> = Arc::new(crate::clock::SystemClock);
        let searcher = Searcher::new(config::search::Search::default(), &clock);
        let own = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
        let (fetcher, research) = (Arc::new(Fetcher::new(&config::Fetch::default(), own)), config::Research::default());
        Self {
            models: None,
            searcher: Arc::new(searcher),
            fetcher,
            wire: Arc::new(Nowhere),
            research,
            calibrations: None,
        }
    }
}

/// Answers questions.
pub(super) struct Researcher {
    library: Arc<Library>,
    outside: Outside,
}

impl Researcher {
    /// Answers from this library and from what is outside.
    pub(super) fn new(library: Arc<Library>, outside: Outside) -> Self {
        Self { library, outside }
    }

    /// An answer is given when all that it cites is kept.
    async fn answer(&self, output: Output, cited: Vec<Document>, attempt: u32) -> Outcome {
        match self.library.keep(cited).await {
            Ok(()) => Outcome::Done(output),
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "what an answer cites cannot be kept yet");
                Outcome::Retry { why: failure(NOT_KEPT), after: AGAIN_AFTER * attempt }
            }
        }
    }

    /// Without a model: from documents, and from the web what they do not know.
    async fn by_words(&self, corpus: Arc<Corpus>, job: Job, reporter: &dyn Reporter) -> Outcome {
        let (attempt, asked_at, began) = (job.attempt, job.asked_at, Instant::now());
        let has_web = self.outside.searcher.names().next().is_some() || self.replayed().is_some();
        let most = if has_web { BEFORE_THE_WEB } else { 100 };
        let Some((output, cited)) = self.by_documents(corpus.clone(), &job, reporter, most).await else {
            return Outcome::Failed(failure(CUT_OFF));
        };
        if reporter.wish() == Wish::Stop {
            return Outcome::Stopped;
        }
        let open = joined::open(&output);
        if !has_web || open.is_empty() {
            return self.answer(output, cited, attempt).await;
        }
        let web =
            self.by_engine(Reading::ByWords { only: open.clone(), corpus, took: began.elapsed() }, job, reporter).await;
        let web = web.map(|web| Answer {
            output: joined::joined(output, web.output, &open),
            cited: cited.into_iter().chain(web.cited).collect(),
        });
        self.settled(web, attempt, asked_at).await
    }

    /// From documents alone; what is told shows at most so much progress.
    async fn by_documents(
        &self,
        corpus: Arc<Corpus>,
        job: &Job,
        reporter: &dyn Reporter,
        most: u8,
    ) -> Option<(Output, Vec<Document>)> {
        let (say, mut said) = mpsc::unbounded_channel();
        let (task, processor) = (job.task.clone(), job.processor.clone());
        let calibrations = self.outside.calibrations.clone();
        // A hundred fields are a hundred searches: too long for a thread that serves others.
        let work = blocking(move || {
            let began = Instant::now();
            let output = research(&corpus, &task, &processor, &mut |note| drop(say.send(note)));
            let cited = cited_in(&output, &corpus);
            let output = with_labels(output, calibrations.as_deref(), &processor, began.elapsed());
            (warned(output, unused_tools(&task, false)), cited)
        });
        let mut number = 0;
        while let Some(note) = said.recv().await {
            number += 1;
            reporter.report(told(number, note, most)).await;
        }
        work.await
    }

    /// With the engine.
    async fn by_engine(&self, reading: Reading, job: Job, reporter: &dyn Reporter) -> Result<Answer, Halt> {
        let budget = Budget::of(&job.processor).ok_or_else(|| Halt::Never("there is no such processor".to_owned()))?;
        let mut budget = budget.overridden(&self.outside.research.tiers, &job.processor).within(&job.task.limits);
        let (team, corpus, only, common, took) = match reading {
            Reading::ByModels { team, corpus } => (team, Some(corpus.clone()), None, corpus, Duration::ZERO),
            Reading::ByWords { only, corpus, took } => {
                budget = budget.without_models();
                (None, None, Some(only), corpus, took)
            }
        };
        let fit = Fit::of(&job.journal).unwrap_or_else(|| Fit { context: team.as_deref().and_then(context) });
        let model = team.as_ref().map(|team| team.model(Role::Reader).to_owned());
        // Which tool is called, and with what, is for a model to say.
        let has_models = budget.has_models();
        let uses_tools = has_models && budget.judge && budget.tool_calls > 0;
        let servers = if uses_tools { job.task.mcp_servers.clone() } else { Vec::new() };
        let names: Vec<String> = servers.iter().map(|server| server.name.clone()).collect();
        let unused = if servers.is_empty() { unused_tools(&job.task, has_models) } else { None };
        let world: Arc<dyn Hands> = Arc::new(World {
            team,
            searcher: self.outside.searcher.clone(),
            fetcher: self.outside.fetcher.clone(),
            corpus,
            servers: Servers::new(self.outside.wire.clone(), servers),
        });
        let which = Which { processor: job.processor.clone(), question: question_of(&job.task.input) };
        let begun = Begun { today: job.asked_at.to_string().chars().take("2026-11-28".len()).collect(), fit };
        let marker = || hash_of(&job.run.to_string()).chars().take(8).collect();
        let (hands, marker, begun): (Arc<dyn Hands>, String, Begun) = match self.outside.research.tape.clone() {
            None => (world, marker(), begun),
            Some(Tape::Record(folder)) => {
                let recording = Recording { hands: world, folder };
                let begun = recording.begun(&which, begun);
                (Arc::new(recording), which.marker(), begun)
            }
            Some(Tape::Replay(folder)) => {
                let replaying = Replaying { folder };
                let begun = replaying.begun(&which).unwrap_or(begun);
                (Arc::new(replaying), which.marker(), begun)
            }
        };
        if let Some(context) = begun.fit.context {
            budget = budget.fitting(context);
        }
        let (before, earlier) = self.before(&job).await;
        let tier = job.processor.as_str();
        let calibrations = self.outside.calibrations.as_ref();
        let calibration = calibrations.and_then(|all| all.of(model.as_deref(), tier)).cloned().map(Arc::new);
        let labels = described(calibrations.map(|all| &**all), model.as_deref(), tier);
        let steps = Steps::new(&*hands, reporter, budget, &job.journal).fitted(begun.fit).after(took);
        let start = Start {
            task: job.task,
            processor: job.processor,
            today: begun.today,
            before,
            earlier,
            servers: names,
            marker,
            calibration,
            asks_back: self.outside.research.asks_back,
            answers: job.answers.iter().map(|answer| answer_text(answer)).collect(),
            only,
            words: Arc::new(move |stem: &str| common.rarity(stem)),
            model,
            labels,
            far: if took.is_zero() { 0 } else { BEFORE_THE_WEB },
        };
        let mut answer = engine::research(start, &steps).await?;
        answer.output = warned(answer.output, unused);
        Ok(answer)
    }

    /// The recording that answers in place of the world, if one does.
    fn replayed(&self) -> Option<Replaying> {
        match &self.outside.research.tape {
            Some(Tape::Replay(folder)) => Some(Replaying { folder: folder.clone() }),
            Some(Tape::Record(_)) | None => None,
        }
    }

    /// What the run goes on from: the question, the answer, and the texts that it cited.
    async fn before(&self, job: &Job) -> (Option<engine::Before>, Vec<engine::Source>) {
        let Some(previous) = &job.previous else { return (None, Vec::new()) };
        let Ok(output) = serde_json::from_slice::<Output>(&previous.output) else { return (None, Vec::new()) };
        let (mut sources, corpus, policy) = (Vec::new(), self.library.corpus().await, &job.task.sources);
        for extras in
            output.basis().iter().flat_map(|field| &field.citations).filter_map(|cited| cited.legwork.as_ref())
        {
            if let Some((corpus, document)) =
                corpus.as_ref().and_then(|corpus| Some((corpus, corpus.document(&extras.source)?)))
            {
                let may_use = allows(policy, document, corpus.edition());
                sources.extend(may_use.then(|| engine::Source::own(document.clone())));
                continue;
            }
            match self.library.source(&extras.source).await {
                Ok(Some(source)) => sources.push(engine::Source::kept(source)),
                Ok(None) => {}
                Err(error) => {
                    debug!(error = &error as &dyn std::error::Error, "what an earlier run cited is not there");
                }
            }
        }
        (Some(engine::Before::of(&previous.input, &output)), sources)
    }

    /// How an attempt ends that the engine made.
    async fn settled(&self, ended: Result<Answer, Halt>, attempt: u32, asked_at: Micros) -> Outcome {
        match ended {
            Ok(Answer { output, cited }) => self.answer(output, cited, attempt).await,
            Err(Halt::Stopped | Halt::Lost) => Outcome::Stopped,
            Err(Halt::Later(why)) => Outcome::Retry { why: failure(&why), after: AGAIN_AFTER * attempt },
            Err(Halt::Never(why)) => Outcome::Failed(failure(&why)),
            Err(Halt::Ask(text)) => {
                let default = serde_json::to_string(AS_LIKELY).ok();
                Outcome::Ask(Question { text, default, deadline: Some(asked_at + ANSWERED_WITHIN) })
            }
        }
    }
}

#[async_trait]
impl Processor for Researcher {
    async fn run(&self, job: Job, reporter: &dyn Reporter) -> Outcome {
        let Some(corpus) = self.library.corpus().await else { return Outcome::Failed(failure(CUT_OFF)) };
        reporter.report(began(job.attempt)).await;
        let (attempt, asked_at) = (job.attempt, job.asked_at);
        let team = self.outside.models.as_ref().and_then(|models| models.team());
        let has_models = self.replayed().map_or(team.is_some(), |tape| tape.has_models());
        if has_models {
            let ended = self.by_engine(Reading::ByModels { team, corpus }, job, reporter).await;
            return self.settled(ended, attempt, asked_at).await;
        }
        self.by_words(corpus, job, reporter).await
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        let corpus = self.library.corpus_now()?;
        let team = self.outside.models.as_ref().and_then(|models| models.team());
        let models = team.map(|team| Role::ALL.map(|role| team.model(role).to_owned()).join(" ")).unwrap_or_default();
        let providers = self.outside.searcher.names().collect::<Vec<_>>().join(" ");
        let corpus = corpus.fingerprint().to_string();
        Some(fingerprint::of(["researcher", env!("CARGO_PKG_VERSION"), &corpus, &models, &providers]))
    }
}

/// What there is to warn of where the caller's tools are not used, if it has any.
fn unused_tools(task: &Task, has_models: bool) -> Option<String> {
    let when = if has_models { "from core on" } else { "where there is a language model" };
    let why = || format!("the tools of `mcp_servers` were not used: they are called {when}");
    (!task.mcp_servers.is_empty()).then(why)
}

/// The same answer with a warning more.
fn warned(mut output: Output, warning: Option<String>) -> Output {
    if let Output::Text { legwork: Some(extras), .. } | Output::Json { legwork: Some(extras), .. } = &mut output {
        extras.warnings.extend(warning);
    }
    output
}

/// The same answer with what it took, and with labels as they were measured of answers without a model, where they were: by the
/// label that the rule gave alone, as nothing else is known of it.
fn with_labels(mut output: Output, all: Option<&Calibrations>, tier: &str, took: Duration) -> Output {
    let labels =
        |table: &Calibration| -> Option<Vec<_>> { output.basis().iter().map(|basis| measured(basis, table)).collect() };
    let measured = all.and_then(|all| all.of(None, tier)).and_then(labels);
    let told = described(all.filter(|_| measured.is_some()), None, tier);
    let (Output::Text { basis, .. } | Output::Json { basis, .. }) = &mut output;
    for (basis, (confidence, extras)) in basis.iter_mut().zip(measured.into_iter().flatten()) {
        (basis.confidence, basis.legwork) = (confidence, extras);
    }
    let usage = Usage { seconds: took.as_secs_f64(), ..Usage::default() };
    output.with_extras(OutputExtras { usage, labels: Some(told), ..OutputExtras::default() })
}

/// The measured label of a field; `None` if the table wants more than the label that it has. That nothing was found is sure.
fn measured(basis: &FieldBasis, table: &Calibration) -> Option<(Confidence, Option<BasisExtras>)> {
    if basis.citations.is_empty() {
        return Some((basis.confidence, None));
    }
    let (confidence, p) = table.by_label(basis.confidence)?;
    Some((confidence, Some(BasisExtras { probability: Some(p), features: None })))
}

/// The documents that an answer cites, each as often as it does.
fn cited_in(output: &Output, corpus: &Corpus) -> Vec<Document> {
    let citations = output.basis().iter().flat_map(|field| &field.citations);
    let sources = citations.filter_map(|citation| citation.legwork.as_ref());
    sources.filter_map(|extras| corpus.document(&extras.source).cloned()).collect()
}

/// Who reads what the engine finds.
enum Reading {
    /// Models, pages and documents alike; the team is missing where a recording answers.
    ByModels { team: Option<Arc<Team>>, corpus: Arc<Corpus> },
    /// Nobody: sentences of pages are chosen by their words, for these fields, after the documents took so long.
    ByWords { only: Vec<String>, corpus: Arc<Corpus>, took: Duration },
}

/// What the models take that the engine asks most of, as far as that is known: the least of it.
fn context(team: &Team) -> Option<u32> {
    [Role::Reader, Role::Writer].into_iter().filter_map(|role| team.context(role)).min()
}

/// An answer of the caller's in words: a text as it is, anything else as JSON.
fn answer_text(json: &str) -> String {
    serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned())
}

/// What is told first. Only a later attempt has another key, so that a start which is made again is told once.
fn began(attempt: u32) -> Report {
    let (key, message) = match attempt {
        ..=1 => ("research:start".to_owned(), "Starting research"),
        _ => (format!("research:resume:{attempt}"), "Resuming research after an interruption"),
    };
    Report { key, body: ReportBody::Message { step: Step::ExecStatus, message: message.to_owned() } }
}

/// A note as a telling. The researcher says the same things in the same order, so their numbers are good keys.
fn told(number: u32, note: Note, most: u8) -> Report {
    let message = |step, message| ReportBody::Message { step, message };
    let body = match note {
        Note::Plan(text) => message(Step::Plan, text),
        Note::Search(text) => message(Step::Search, text),
        Note::Result(text) => message(Step::Result, text),
        Note::Stats { considered, read, sample, meter } => {
            ReportBody::Stats { meter: meter.min(most), considered, read, sample }
        }
    };
    Report { key: format!("research:{number}"), body }
}

/// Why an attempt did not end well, in words.
const NOT_KEPT: &str = "the texts that the answer cites could not be kept";
const CUT_OFF: &str = "the researcher was cut off";

fn failure(message: &str) -> Failure {
    Failure { code: FailureCode::Processor, message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use legwork_core::id::RunId;
    use legwork_core::task::{Input, Wanted};

    use super::*;
    use crate::testing::{Silent, store_in};

    fn job(attempt: u32) -> Job {
        let input = Input::Text("What is the capital of Mongolia?".to_owned());
        let task = Task::new(input, Wanted::Text { description: None });
        let (run, processor) = (RunId::from_u128(1), "base".to_owned());
        Job {
            run,
            processor,
            attempt,
            task,
            answers: Vec::new(),
            journal: Vec::new(),
            asked_at: legwork_core::time::Micros::default(),
            previous: None,
        }
    }

    #[tokio::test]
    async fn an_answer_is_given_when_all_that_it_cites_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let store = store_in(home.path());
        let library = Arc::new(Library::open(&[], home.path(), store.clone(), None).unwrap());
        let researcher = Researcher::new(library.clone(), Outside::none());
        let database = rusqlite::Connection::open(home.path().join("legwork.db")).unwrap();
        database.execute_batch("alter table sources rename to elsewhere").unwrap();
        let outcome = researcher.run(job(2), &Silent).await;
        let Outcome::Retry { after, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(after, AGAIN_AFTER * 2);
        database.execute_batch("alter table elsewhere rename to sources").unwrap();
        let outcome = researcher.run(job(3), &Silent).await;
        let Outcome::Done(output) = outcome else { panic!("{outcome:?}") };
        let corpus = library.corpus().await.unwrap();
        let cited = cited_in(&output, &corpus);
        assert!(!cited.is_empty());
        for document in cited {
            let kept = store.source_at(&document.url).await.unwrap().unwrap();
            assert_eq!(library.source(&document.hash).await.unwrap().unwrap().text, *document.text);
            assert_eq!(kept.retrieved_at, document.read_at);
        }
    }
}
