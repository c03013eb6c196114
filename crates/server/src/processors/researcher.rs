//! The built-in researcher as a processor: runs it beside the async threads and passes on what it says.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use legwork_core::fact::{Report, ReportBody, Step};
use legwork_core::processor::{Job, Outcome, Processor, Reporter, Wish};
use legwork_core::run::{Failure, FailureCode};
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::research::{Corpus, CorpusError, Note, research};

/// Answers from documents, without a model and without a network.
pub(super) struct Researcher {
    corpus: Arc<OnceLock<Corpus>>,
}

impl Researcher {
    /// Reads the operator's documents now; the built-in ones are unpacked beside whatever else happens at start.
    pub(super) fn new(folders: &[PathBuf]) -> Result<Self, CorpusError> {
        let corpus = Arc::new(OnceLock::new());
        if !folders.is_empty() {
            let own = Corpus::load(folders)?;
            tell_skipped(&own);
            // Nobody else has seen the cell yet.
            let _ = corpus.set(own);
        }
        let early = corpus.clone();
        // Only to have it ready sooner: the first run would do the same.
        drop(std::thread::Builder::new().name("corpus".to_owned()).spawn(move || opened(&early).warm()));
        Ok(Self { corpus })
    }
}

fn opened(corpus: &OnceLock<Corpus>) -> &Corpus {
    corpus.get_or_init(Corpus::factbook)
}

fn tell_skipped(corpus: &Corpus) {
    info!(documents = corpus.documents().len(), skipped = corpus.skipped().len(), "documents are loaded");
    for skipped in corpus.skipped() {
        warn!(path = skipped.path, reason = skipped.reason, "a document was skipped");
    }
}

#[async_trait]
impl Processor for Researcher {
    async fn run(&self, job: Job, reporter: &dyn Reporter) -> Outcome {
        let (say, mut said) = mpsc::unbounded_channel();
        let corpus = self.corpus.clone();
        // A hundred fields are a hundred searches: too long for a thread that serves others.
        let work = tokio::task::spawn_blocking(move || {
            research(opened(&corpus), &job.task, &job.processor, &mut |note| drop(say.send(note)))
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
