//! What calls of language models came to and what they took.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use super::Out;

const ROLES: [&str; 4] = ["reader", "planner", "judge", "writer"];
const KINDS: [&str; 2] = ["prompt", "completion"];

/// Counters of all calls. They are few and take seconds each, so that a lock costs nothing.
#[derive(Default)]
pub(super) struct Models {
    calls: Mutex<BTreeMap<(usize, &'static str), u64>>,
    tokens: [[AtomicU64; KINDS.len()]; ROLES.len()],
    /// In billionths of a dollar.
    cost: AtomicU64,
}

impl Models {
    pub(super) fn called(&self, role: &str, outcome: &'static str) {
        let Some(role) = place(role) else { return };
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner).entry((role, outcome)).or_default() += 1;
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cost is a small number above 0")]
    pub(super) fn spent(&self, role: &str, prompt: u64, completion: u64, cost_usd: Option<f64>) {
        let Some(role) = place(role) else { return };
        self.tokens[role][0].fetch_add(prompt, Relaxed);
        self.tokens[role][1].fetch_add(completion, Relaxed);
        self.cost.fetch_add((cost_usd.unwrap_or_default() * 1e9).round() as u64, Relaxed);
    }

    #[expect(clippy::cast_precision_loss, reason = "a sum of 2^53 billionths is nine million dollars")]
    pub(super) fn write(&self, out: &mut Out) -> fmt::Result {
        let name = "legwork_model_calls_total";
        out.name(name, "counter", "Calls of language models, each attempt at one, by what it came to.")?;
        for ((role, outcome), count) in &*self.calls.lock().unwrap_or_else(PoisonError::into_inner) {
            out.line(name, &[("role", ROLES[*role]), ("outcome", outcome)], count)?;
        }
        let name = "legwork_model_tokens_total";
        out.name(
            name,
            "counter",
            "Tokens that language models took in and gave out; estimated where endpoints do not say it.",
        )?;
        for (role, of) in ROLES.iter().zip(&self.tokens) {
            for (kind, count) in KINDS.iter().zip(of) {
                out.line(name, &[("role", role), ("kind", kind)], count.load(Relaxed))?;
            }
        }
        let name = "legwork_model_cost_usd_total";
        out.name(name, "counter", "What language models cost, in US dollars, as far as their prices are known.")?;
        out.line(name, &[], self.cost.load(Relaxed) as f64 / 1e9)
    }
}

fn place(role: &str) -> Option<usize> {
    ROLES.iter().position(|known| *known == role)
}
