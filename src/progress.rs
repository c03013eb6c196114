//! How it is going, on stderr: a line that moves where somebody watches, a few plain lines where nobody does.

use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use legwork_api::run::TaskRun;

use crate::print;
use crate::render;

/// How often the moving line moves.
const TICK: Duration = Duration::from_millis(120);

/// Shows how one run is going, from when it is made until it is dropped.
pub(crate) struct Progress {
    line: Option<ProgressBar>,
    /// What was said last, so that nothing is said twice.
    said: Mutex<String>,
}

impl Progress {
    pub(crate) fn start(first: &str) -> Self {
        let line = print::is_watched().then(spinner);
        let progress = Self { line, said: Mutex::new(String::new()) };
        progress.say(first);
        progress
    }

    /// Shows where the run stands.
    pub(crate) fn show(&self, run: &TaskRun) {
        self.say(&render::progress(run));
    }

    /// Says something, unless it was said last.
    pub(crate) fn say(&self, text: &str) {
        let mut said = self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *said == text {
            return;
        }
        text.clone_into(&mut said);
        match &self.line {
            Some(line) => line.set_message(text.to_owned()),
            None => print::talk(text),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(line) = &self.line {
            line.finish_and_clear();
        }
    }
}

fn spinner() -> ProgressBar {
    let line = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed}  {msg}") {
        line.set_style(style);
    }
    line.enable_steady_tick(TICK);
    line
}
