//! What can be typed to measure answers.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use legwork_core::id::GroupId;

use super::TargetArgs;

#[derive(Debug, clap::Args)]
pub(crate) struct EvalArgs {
    /// Sets of questions, an object a line: `question` (or `input`), `answer_regex` (whatever its case; null if nothing is to
    /// be found) or `answer` (the text itself), and `output_schema` if the answer shall be an object; `-` reads stdin.
    #[arg(required = true, value_name = "SET")]
    pub(crate) sets: Vec<String>,
    /// Who shall answer.
    #[arg(short, long, value_name = "NAME", default_value = "base")]
    pub(crate) processor: String,
    /// Ask only the first so many questions of each set.
    #[arg(long, value_name = "COUNT")]
    pub(crate) limit: Option<NonZeroUsize>,
    /// Have so many questions worked on at a time at the most [default: as many as the server has room for].
    #[arg(long, value_name = "COUNT")]
    pub(crate) concurrency: Option<NonZeroUsize>,
    /// Wait at most this long, and say what is known by then; the runs go on all the same.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u64>,
    /// Go on with this group, which was asked the beginning of the same questions.
    #[arg(long, value_name = "GROUP_ID")]
    pub(crate) resume: Option<GroupId>,
    /// Write each answer, with whether it is right, as a line of JSON to this file: what `legwork calibrate` reads.
    #[arg(short, long, visible_alias = "output", value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// End with exit code 1 only if a smaller share of all questions is right, from 0 to 1. That nothing was found is right
    /// where nothing is to be found; a run that failed is not. Without this, any run that failed is a reason.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(crate) at_least: Option<f64>,
    /// Print all figures, and each question with what came of it, as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CalibrateArgs {
    /// The answers, a JSON object a line, as `legwork eval --out` writes them; `-` reads stdin.
    #[arg(value_name = "FILE")]
    pub(crate) set: String,
    /// Write what was measured to this file.
    #[arg(short, long, value_name = "FILE", default_value = "calibration.json")]
    pub(crate) output: PathBuf,
    /// Print what was measured as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

fn share(text: &str) -> Result<f64, &'static str> {
    let number = text.parse::<f64>().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or("a number from 0 to 1 is needed")
}
