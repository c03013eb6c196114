//! From what is proved to the answer: settled, judged, written and put together, with what is to be said beside it.

use std::collections::{BTreeMap, HashSet};

use legwork_core::fact::Step;
use legwork_core::output::{FieldBasis, Output, OutputExtras};
use serde_json::Value;

use super::super::research::Document;
use super::brief::Form;
use super::honest::{Judgement, described};
use super::settle::{Settled, settle};
use super::steps::{For, Halt};
use super::{Answer, Work, assemble, judge, prose, say};

/// How many sources that could not be read are told of.
const TOLD: usize = 10;

impl Work<'_, '_> {
    /// Judges, writes and puts together.
    pub(super) async fn finish(mut self) -> Result<Answer, Halt> {
        self.steps.go_on()?;
        // That no model could be asked is not that nothing was found.
        if let (Some(trouble), 0) = (&self.unread, self.readers) {
            let why = trouble.to_string();
            return Err(if trouble.kind.is_passing() { Halt::Later(why) } else { Halt::Never(why) });
        }
        if self.readers == 0 && !self.ledger.sources.is_empty() && self.steps.budget().has_models() {
            let all: Vec<usize> = (0..self.brief.fields.len()).collect();
            self.read_by_words(&all).await;
            // What was measured was measured of what a model had read.
            self.calibration = None;
            self.labels = described(None, None, "");
            self.warn("no model read anything in the time there was; sentences were chosen by their words".to_owned());
        }
        if let Some(limit) = self.steps.limit() {
            let why = limit.words();
            self.steps.tell(say::message(Step::ExecStatus, "limit", format!("Looking has ended: {why}"))).await;
            self.warn(format!("the answer may be incomplete: {why}"));
        }
        self.warnings = self.steps.looked(std::mem::take(&mut self.warnings)).await?;
        let mut settled = settle(&self.brief, &self.ledger, None);
        self.tell_stats("settled", 82).await;
        if self.steps.budget().judge {
            self.judge(&mut settled).await?;
        }
        let calibration = self.calibration.clone();
        let terms = assemble::Terms {
            brief: &self.brief,
            passes: self.steps.budget().passes,
            calibration: calibration.as_deref(),
        };
        let (content, basis) = match &self.brief.form {
            Form::Text { .. } => {
                let (text, basis) = prose::text(&self, &settled, terms).await?;
                (Value::String(text), basis)
            }
            Form::Object { schema, .. } => {
                let made = assemble::object(&self.brief, schema, &settled, &self.ledger, terms);
                (Value::Object(made.content), made.basis)
            }
        };
        let cited = self.cited(&basis);
        self.tell_stats("done", 100).await;
        let mcp_tool_calls = (!self.calls.is_empty()).then(|| std::mem::take(&mut self.calls));
        let legwork = Some(self.extras());
        let output = match (content, self.brief.form) {
            (Value::Object(content), Form::Object { schema, proposed }) => Output::Json {
                content,
                basis,
                mcp_tool_calls,
                beta_fields: None,
                output_schema: proposed.then_some(schema),
                legwork,
            },
            (content, _) => Output::Text {
                content: content.as_str().unwrap_or_default().to_owned(),
                basis,
                mcp_tool_calls,
                beta_fields: None,
                legwork,
            },
        };
        Ok(Answer { output, cited })
    }

    /// The documents that are cited.
    fn cited(&self, basis: &[FieldBasis]) -> Vec<Document> {
        let named: HashSet<&str> = basis
            .iter()
            .flat_map(|field| &field.citations)
            .filter_map(|citation| Some(citation.legwork.as_ref()?.source.as_str()))
            .collect();
        let all = self.ledger.sources.iter().map(|source| &source.document);
        all.filter(|document| named.contains(document.hash.as_str())).cloned().collect()
    }

    /// Has a model judge what is settled; what it does not support stays, and is called unsure.
    async fn judge(&self, settled: &mut [Settled]) -> Result<(), Halt> {
        let mut verdicts: BTreeMap<usize, Option<Judgement>> = BTreeMap::new();
        let batches: Vec<Vec<usize>> =
            (0..settled.len()).collect::<Vec<_>>().chunks(judge::BATCH).map(<[usize]>::to_vec).collect();
        let keep = 2;
        let most = self.steps.calls_left(For::Writing).saturating_sub(keep);
        let ask = |batch: &Vec<usize>| {
            let claims: Vec<&Settled> = batch.iter().map(|at| &settled[*at]).collect();
            judge::ask(&self.brief, &claims, &self.ledger)
        };
        let replies = self.steps.ask_all(For::Writing, batches.iter().take(most).map(ask).collect()).await?;
        for (batch, reply) in batches.iter().zip(replies) {
            if let Some(Ok(reply)) = reply {
                let said = judge::verdicts(reply.json.as_ref().unwrap_or(&Value::Null), batch.len());
                verdicts.extend(batch.iter().copied().zip(said));
            }
        }
        for (at, verdict) in verdicts {
            settled[at].verdict = verdict;
        }
        Ok(())
    }

    /// What is said of the run beside its answer.
    fn extras(&self) -> OutputExtras {
        let mut warnings = self.warnings.clone();
        let unread = self.ledger.unread.iter().take(TOLD);
        warnings.extend(unread.map(|unread| format!("{} could not be read: {}", unread.url, unread.why)));
        let more = self.ledger.unread.len().saturating_sub(TOLD);
        if more > 0 {
            warnings.push(format!("{more} more sources could not be read"));
        }
        let (usage, model, labels) = (self.steps.used(), self.model.clone(), Some(self.labels.clone()));
        let is_unpriced = usage.model_calls > 0 && usage.cost_usd.is_none();
        if is_unpriced && self.steps.budget().cost_usd.is_some() {
            warnings.push("`max_cost_usd` limited nothing: what the models cost is not configured here".to_owned());
        }
        OutputExtras { usage, warnings, model, labels }
    }
}
