//! The built-in researcher as a processor: runs it beside the async threads and passes on what it says.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use legwork_core::fact::{Report, ReportBody, Step};
use legwork_core::node::Fingerprint;
use legwork_core::output::Output;
use legwork_core::processor::{Job, Outcome, Processor, Reporter, Wish};
use legwork_core::run::{Failure, FailureCode};
use tokio::sync::mpsc;
use tracing::warn;

use super::fingerprint;
use super::library::Library;
use super::research::{Corpus, Document, Note, research};

/// How long an answer waits whose sources could not be kept, times the attempt's number.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Answers from documents, without a model and without a network.
pub(super) struct Researcher {
    library: Arc<Library>,
}

impl Researcher {
    /// Answers from this library.
    pub(super) fn new(library: Arc<Library>) -> Self {
        Self { library }
    }

    /// An answer is given when all that it cites is kept.
    async fn answer(&self, output: Output, cited: Vec<Document>, attempt: u32) -> Outcome {
        match self.library.keep(cited).await {
            Ok(()) => Outcome::Done(output),
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "what an answer cites cannot be kept yet");
                Outcome::Retry { why: not_kept(), after: AGAIN_AFTER * attempt }
            }
        }
    }
}

#[async_trait]
impl Processor for Researcher {
    async fn run(&self, job: Job, reporter: &dyn Reporter) -> Outcome {
        let Some(corpus) = self.library.corpus().await else { return Outcome::Failed(cut_off()) };
        reporter.report(began(job.attempt)).await;
        let (say, mut said) = mpsc::unbounded_channel();
        let attempt = job.attempt;
        // A hundred fields are a hundred searches: too long for a thread that serves others.
        let work = tokio::task::spawn_blocking(move || {
            let output = research(&corpus, &job.task, &job.processor, &mut |note| drop(say.send(note)));
            let cited = cited_in(&output, &corpus);
            (output, cited)
        });
        let mut number = 0;
        while let Some(note) = said.recv().await {
            number += 1;
            reporter.report(told(number, note)).await;
        }
        if reporter.wish() == Wish::Stop {
            return Outcome::Stopped;
        }
        match work.await {
            Ok((output, cited)) => self.answer(output, cited, attempt).await,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Outcome::Failed(cut_off()),
            },
        }
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        let corpus = self.library.corpus_now()?;
        Some(fingerprint::of(["researcher", env!("CARGO_PKG_VERSION"), &corpus.fingerprint().to_string()]))
    }
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

fn not_kept() -> Failure {
    let message = "the texts that the answer cites could not be kept".to_owned();
    Failure { code: FailureCode::Processor, message }
}

fn cut_off() -> Failure {
    Failure { code: FailureCode::Processor, message: "the researcher was cut off".to_owned() }
}

#[cfg(test)]
mod tests {
    use legwork_core::id::RunId;
    use legwork_core::task::{Input, SourcePolicy, Task, Wanted};

    use super::*;
    use crate::testing::store_in;

    struct Silent;

    #[async_trait]
    impl Reporter for Silent {
        async fn report(&self, _: Report) {}

        fn wish(&self) -> Wish {
            Wish::GoOn
        }

        async fn wished(&self) -> Wish {
            std::future::pending().await
        }
    }

    fn job(attempt: u32) -> Job {
        let task = Task {
            input: Input::Text("What is the capital of Mongolia?".to_owned()),
            wanted: Wanted::Text { description: None },
            sources: SourcePolicy::default(),
        };
        Job { run: RunId::from_u128(1), processor: "base".to_owned(), attempt, task, answers: Vec::new() }
    }

    #[tokio::test]
    async fn an_answer_is_given_when_all_that_it_cites_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let store = store_in(home.path());
        let library = Arc::new(Library::open(&[], home.path(), store.clone()).unwrap());
        let researcher = Researcher::new(library.clone());
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
