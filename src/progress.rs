//! How it is going, on stderr: a line that moves where somebody watches, a few plain lines where nobody does.

use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use legwork_api::event::Event;
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
    is_silent: bool,
}

impl Progress {
    pub(crate) fn start(first: &str) -> Self {
        let line = print::is_watched().then(spinner);
        let progress = Self { line, said: Mutex::new(String::new()), is_silent: false };
        progress.say(first);
        progress
    }

    /// Shows nothing: what is told goes elsewhere.
    pub(crate) fn silent() -> Self {
        Self { line: None, said: Mutex::new(String::new()), is_silent: true }
    }

    /// Shows what an event tells: a bar that grows with the work, beside it what is being done.
    pub(crate) fn tell(&self, event: &Event) {
        if let (Event::Stats(stats), Some(line)) = (event, &self.line) {
            if line.length().is_none() {
                line.set_length(100);
                line.set_style(bar());
            }
            // Between 0 and 100, also from servers that count in fractions.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a percentage")]
            line.set_position(stats.progress_meter.clamp(0.0, 100.0) as u64);
            line.set_prefix(render::sources(&stats.source_stats));
        }
        if let Some(text) = render::event(event) {
            self.say(&text);
        }
    }

    /// Shows how many of all are done: a bar of the whole.
    pub(crate) fn count(&self, done: u64, of: u64, text: &str) {
        if let Some(line) = &self.line {
            if line.length() != Some(of) {
                line.set_length(of);
                line.set_style(bar());
            }
            line.set_position(done);
        }
        self.say(text);
    }

    /// Shows where the run stands.
    pub(crate) fn show(&self, run: &TaskRun) {
        self.say(&render::progress(run));
    }

    /// Says something, unless it was said last.
    pub(crate) fn say(&self, text: &str) {
        let mut said = self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *said == text || self.is_silent {
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

fn bar() -> ProgressStyle {
    let style = ProgressStyle::with_template("{spinner} {elapsed} {bar:24} {percent:>3} %  {prefix}{wide_msg}");
    style.unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn spinner() -> ProgressBar {
    let line = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed}  {msg}") {
        line.set_style(style);
    }
    line.enable_steady_tick(TICK);
    line
}
