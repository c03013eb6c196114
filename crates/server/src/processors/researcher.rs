//! The built-in researcher as a processor. Where there is a language model, the engine answers; where there is none, the
//! documents do, and the web as far as it can be read without one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use legwork_core::fact::{Report, ReportBody, Step};
use legwork_core::node::Fingerprint;
use legwork_core::output::{BasisExtras, Confidence, FieldBasis, Output, OutputExtras, Usage};
use legwork_core::processor::{Job, Outcome, Processor, Reporter, Wish};
use legwork_core::run::{Failure, FailureCode};
use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::calibration::{Calibration, Calibrations, described};
use super::engine::budget::Budget;
use super::engine::{self, Answer, Halt, Hands, Recording, Replaying, Start, Steps, World};
use super::fingerprint;
use super::library::Library;
use super::research::{Corpus, Document, Note, research};
use crate::config::{self, Tape};
use crate::model::{Models, Role, Team};
use crate::source::hash_of;
use crate::web::fetch::Fetcher;
use crate::web::search::Searcher;
use crate::web::wire::Wire;

/// How long an answer waits whose sources could not be kept, or that a model is needed for that is not there, times the
/// attempt's number.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

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

    /// From documents alone.
    async fn by_documents(
        &self,
        corpus: Arc<Corpus>,
        job: &Job,
        reporter: &dyn Reporter,
    ) -> Option<(Output, Vec<Document>)> {
        let (say, mut said) = mpsc::unbounded_channel();
        let (task, processor) = (job.task.clone(), job.processor.clone());
        let calibrations = self.outside.calibrations.clone();
        // A hundred fields are a hundred searches: too long for a thread that serves others.
        let work = tokio::task::spawn_blocking(move || {
            let began = Instant::now();
            let output = research(&corpus, &task, &processor, &mut |note| drop(say.send(note)));
            let cited = cited_in(&output, &corpus);
            let output = match calibrations {
                Some(all) => relabelled(output, &all, &processor, began.elapsed()),
                None => output,
            };
            (output, cited)
        });
        let mut number = 0;
        while let Some(note) = said.recv().await {
            number += 1;
            reporter.report(told(number, note)).await;
        }
        match work.await {
            Ok(done) => Some(done),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => None,
            },
        }
    }

    /// With the engine, whatever there is of models.
    async fn by_engine(
        &self,
        corpus: Arc<Corpus>,
        team: Option<Arc<Team>>,
        job: Job,
        reporter: &dyn Reporter,
    ) -> Result<Answer, Halt> {
        let budget = Budget::of(&job.processor).ok_or_else(|| Halt::Never("there is no such processor".to_owned()))?;
        let mut budget = budget.overridden(&self.outside.research.tiers, &job.processor).within(&job.task.limits);
        if let Some(context) = team.as_ref().and_then(|team| team.context(Role::Reader).min(team.context(Role::Writer)))
        {
            budget = budget.fitting(context);
        }
        let model = team.as_ref().map(|team| team.model(Role::Reader).to_owned());
        let (servers, tools, mut warnings) = engine::open_servers(&self.outside.wire, &job.task.mcp_servers).await;
        let world: Arc<dyn Hands> = Arc::new(World {
            team,
            searcher: self.outside.searcher.clone(),
            fetcher: self.outside.fetcher.clone(),
            corpus,
            tools: servers,
        });
        let hands: Arc<dyn Hands> = match self.outside.research.tape.clone() {
            None => world,
            Some(Tape::Record(folder)) => Arc::new(Recording { hands: world, folder }),
            Some(Tape::Replay(folder)) => Arc::new(Replaying { folder }),
        };
        let (before, earlier) = self.before(&job).await;
        let tier = job.processor.as_str();
        let calibrations = self.outside.calibrations.as_ref();
        let calibration = calibrations.and_then(|all| all.of(model.as_deref(), tier)).cloned().map(Arc::new);
        let labels = described(calibrations.map(|all| &**all), model.as_deref(), tier);
        let steps = Steps::new(&*hands, reporter, budget, &job.journal);
        let start = Start {
            task: job.task,
            processor: job.processor,
            today: job.asked_at.to_string().chars().take(10).collect(),
            before,
            earlier,
            tools,
            marker: hash_of(&job.run.to_string()).chars().take(8).collect(),
            calibration,
            model,
            labels,
        };
        let mut answer = engine::research(start, &steps).await?;
        answer.warn(std::mem::take(&mut warnings));
        Ok(answer)
    }

    /// What the run goes on from: the question, the answer, and the texts that it cited.
    async fn before(&self, job: &Job) -> (Option<engine::Before>, Vec<engine::Source>) {
        let Some(previous) = &job.previous else { return (None, Vec::new()) };
        let Ok(output) = serde_json::from_slice::<Output>(&previous.output) else { return (None, Vec::new()) };
        let mut sources = Vec::new();
        for extras in
            output.basis().iter().flat_map(|field| &field.citations).filter_map(|cited| cited.legwork.as_ref())
        {
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
    async fn settled(&self, ended: Result<Answer, Halt>, attempt: u32) -> Outcome {
        match ended {
            Ok(Answer { output, cited }) => self.answer(output, cited, attempt).await,
            Err(Halt::Stopped | Halt::Lost) => Outcome::Stopped,
            Err(Halt::Later(why)) => Outcome::Retry { why: failure(&why), after: AGAIN_AFTER * attempt },
            Err(Halt::Never(why)) => Outcome::Failed(failure(&why)),
        }
    }
}

#[async_trait]
impl Processor for Researcher {
    async fn run(&self, job: Job, reporter: &dyn Reporter) -> Outcome {
        let Some(corpus) = self.library.corpus().await else { return Outcome::Failed(failure(CUT_OFF)) };
        reporter.report(began(job.attempt)).await;
        let attempt = job.attempt;
        let team = self.outside.models.as_ref().and_then(|models| models.team());
        if team.is_some() || matches!(self.outside.research.tape, Some(Tape::Replay(_))) {
            let ended = self.by_engine(corpus, team, job, reporter).await;
            return self.settled(ended, attempt).await;
        }
        let Some((output, cited)) = self.by_documents(corpus.clone(), &job, reporter).await else {
            return Outcome::Failed(failure(CUT_OFF));
        };
        if reporter.wish() == Wish::Stop {
            return Outcome::Stopped;
        }
        self.answer(output, cited, attempt).await
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

/// The same answer with labels as they were measured of answers without a model, where they were: by the label that the rule
/// gave alone, as nothing else is known of it.
fn relabelled(mut output: Output, all: &Calibrations, tier: &str, took: Duration) -> Output {
    let Some(table) = all.of(None, tier) else { return output };
    let Some(labels) = output.basis().iter().map(|basis| measured(basis, table)).collect::<Option<Vec<_>>>() else {
        return output;
    };
    let (Output::Text { basis, .. } | Output::Json { basis, .. }) = &mut output;
    for (basis, (confidence, extras)) in basis.iter_mut().zip(labels) {
        (basis.confidence, basis.legwork) = (confidence, extras);
    }
    let usage = Usage { seconds: took.as_secs_f64(), ..Usage::default() };
    let labels = Some(described(Some(all), None, tier));
    output.with_extras(OutputExtras { usage, labels, ..OutputExtras::default() })
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

/// What is told first. Only a later attempt has another key, so that a start which is made again is told once.
fn began(attempt: u32) -> Report {
    let (key, message) = match attempt {
        ..=1 => ("research:start".to_owned(), "Starting research"),
        _ => (format!("research:resume:{attempt}"), "Resuming research after an interruption"),
    };
    Report { key, body: ReportBody::Message { step: Step::ExecStatus, message: message.to_owned() } }
}

/// A note as a telling. The researcher says the same things in the same order, so their numbers are good keys.
fn told(number: u32, note: Note) -> Report {
    let message = |step, message| ReportBody::Message { step, message };
    let body = match note {
        Note::Plan(text) => message(Step::Plan, text),
        Note::Search(text) => message(Step::Search, text),
        Note::Result(text) => message(Step::Result, text),
        Note::Stats { considered, read, sample, meter } => ReportBody::Stats { meter, considered, read, sample },
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
    use legwork_core::journal::Entry;
    use legwork_core::processor::NotKept;
    use legwork_core::task::{Input, Task, Wanted};

    use super::*;
    use crate::testing::store_in;

    struct Silent;

    #[async_trait]
    impl Reporter for Silent {
        async fn report(&self, _: Report) {}

        async fn keep(&self, _: Entry, _: Vec<Report>) -> Result<(), NotKept> {
            Ok(())
        }

        fn wish(&self) -> Wish {
            Wish::GoOn
        }

        async fn wished(&self) -> Wish {
            std::future::pending().await
        }
    }

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
        let library = Arc::new(Library::open(&[], home.path(), store.clone()).unwrap());
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
