//! The built-in researcher as a processor: runs it beside the async threads and passes on what it says.

use std::sync::Arc;

use async_trait::async_trait;
use legwork_core::fact::{Report, ReportBody, Step};
use legwork_core::node::Fingerprint;
use legwork_core::processor::{Job, Outcome, Processor, Reporter, Wish};
use legwork_core::run::{Failure, FailureCode};
use tokio::sync::mpsc;

use super::fingerprint;
use super::library::Library;
use super::research::{Note, research};

/// Answers from documents, without a model and without a network.
pub(super) struct Researcher {
    library: Arc<Library>,
}

impl Researcher {
    /// Answers from this library.
    pub(super) fn new(library: Arc<Library>) -> Self {
        Self { library }
    }
}

#[async_trait]
impl Processor for Researcher {
    async fn run(&self, job: Job, reporter: &dyn Reporter) -> Outcome {
        let Some(corpus) = self.library.corpus().await else { return Outcome::Failed(cut_off()) };
        reporter.report(began(job.attempt)).await;
        let (say, mut said) = mpsc::unbounded_channel();
        let library = self.library.clone();
        // A hundred fields are a hundred searches: too long for a thread that serves others.
        let work = tokio::task::spawn_blocking(move || {
            let output = research(&corpus, &job.task, &job.processor, &mut |note| drop(say.send(note)));
            let cited = output.basis().iter().flat_map(|field| &field.citations);
            for extras in cited.filter_map(|citation| citation.legwork.as_ref()) {
                corpus.document(&extras.source).into_iter().for_each(|document| library.keep(document));
            }
            output
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
            Ok(output) => Outcome::Done(output),
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

fn cut_off() -> Failure {
    Failure { code: FailureCode::Processor, message: "the researcher was cut off".to_owned() }
}
