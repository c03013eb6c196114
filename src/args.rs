//! What can be typed. What becomes of it is [`resolve`](crate::resolve)'s to say.

mod copies;
mod eval;
mod llm;
mod serve;

use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand, ValueEnum};
use legwork_core::id::{GroupId, RunId};
use legwork_core::run::Status;

pub(crate) use self::copies::{BackupArgs, ExportArgs, ImportArgs};
pub(crate) use self::eval::{CalibrateArgs, EvalArgs};
pub(crate) use self::llm::{LlmArgs, PriceArg};
pub(crate) use self::serve::{EngineArgs, FetchArgs, LogArg, OutputArg, RoleArg, ServeArgs, SignatureArg, WebhookArgs};
use crate::expiry::Expiry;

/// Hand it a question, get a run; it does the legwork and answers with sources.
///
/// A self-hosted server of the Task API, its client and its researchers in one program.
#[derive(Debug, Parser)]
#[command(name = "legwork", version, max_term_width = 100)]
pub(crate) struct Args {
    /// Settings are read from this file instead of `legwork.toml` in your configuration folder.
    #[arg(long, value_name = "FILE", env = "LEGWORK_CONFIG", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// Log more; twice for everything. `RUST_LOG` has the last word.
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one, and it is moved twice")]
pub(crate) enum Verb {
    /// Run the server.
    Serve(ServeArgs),
    /// Ask a question and wait for the answer.
    Ask(AskArgs),
    /// Ask again what a run was asked, of another processor for example, and wait for the answer.
    Rerun(RerunArgs),
    /// Ask many questions at once: a table in, the table with answers out.
    Group(GroupArgs),
    /// Show where a run stands.
    Status(StatusArgs),
    /// Wait for a run and print its result.
    Result(ResultArgs),
    /// Follow a run as it goes on, to its end.
    Watch(WatchArgs),
    /// List your runs, newest first.
    List(ListArgs),
    /// Stop a run.
    Cancel(CancelArgs),
    /// Have a run stop looking and write its answer from what is there.
    Finish(FinishArgs),
    /// Answer what a run asked, so that it goes on.
    Answer(AnswerArgs),
    /// Receive webhooks, verify them, and print them.
    Listen(ListenArgs),
    /// Show what a run's webhook was sent, send it again, or try a receiver.
    Webhooks(WebhooksArgs),
    /// Make, list and take back the keys of a server; show what webhooks are signed with.
    Key(KeyArgs),
    /// List the documents that are answered from, and the files that were left out and why.
    Corpus(CorpusArgs),
    /// Open a document that was cited, with the quoted words marked.
    Source(SourceArgs),
    /// Look at everything a server and its commands depend on, and say what is wrong.
    Doctor(DoctorArgs),
    /// Copy the store to a file, while its server runs or not.
    Backup(BackupArgs),
    /// Write everything in the store as lines of JSON, to move it to another, while its server runs or not.
    Export(ExportArgs),
    /// Become the store that was written by `export`: all of it, or nothing.
    Import(ImportArgs),
    /// Print what a shell needs to complete these commands.
    Completions(CompletionsArgs),
    /// Print a manual page.
    Man(ManArgs),
    /// Measure the server on this machine.
    Bench(BenchArgs),
    /// Ask questions of which the answers are known, and say how good those are that come.
    Eval(EvalArgs),
    /// Measure how often labels of confidence are right, by answers of which that is known, and make them so.
    Calibrate(CalibrateArgs),
}

/// Where runs are kept and what is read for them.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct StoreArgs {
    /// Where runs are kept: a folder, or a database as `postgres://USER:PASSWORD@HOST/DATABASE`, which any number of servers
    /// share [default: the folder legwork in your data folder].
    #[arg(long, value_name = "FOLDER|URL", env = "LEGWORK_STORE", hide_env_values = true)]
    pub(crate) store: Option<String>,
    /// A folder of documents to answer from; may be given several times.
    #[arg(long, value_name = "FOLDER", env = "LEGWORK_CORPUS", value_delimiter = ':')]
    pub(crate) corpus: Vec<PathBuf>,
    /// Find passages of the documents by their meaning as well, with the embedding model in this folder (model.safetensors,
    /// tokenizer.json and config.json, for example of all-MiniLM-L6-v2) [default: by their words].
    #[arg(long, value_name = "FOLDER", env = "LEGWORK_EMBEDDINGS")]
    pub(crate) embeddings: Option<PathBuf>,
    /// Labels of confidence follow what `legwork calibrate` measured and wrote to this file [default: they follow a rule, and
    /// are called uncalibrated].
    #[arg(long, value_name = "FILE", env = "LEGWORK_CALIBRATION")]
    pub(crate) calibration: Option<PathBuf>,
}

/// Whom a command talks to.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct TargetArgs {
    /// The server to talk to [also: `PARALLEL_BASE_URL`]. Without one, the command finds the server that runs on the
    /// same store, or does the work itself.
    #[arg(long, value_name = "URL", env = "LEGWORK_URL")]
    pub(crate) server: Option<String>,
    /// The key to show it [also: `PARALLEL_API_KEY`].
    #[arg(long, value_name = "KEY", env = "LEGWORK_API_KEY", hide_env_values = true)]
    pub(crate) api_key: Option<String>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AskArgs {
    /// The question; `-` reads it from stdin.
    #[arg(required = true, value_name = "QUESTION")]
    pub(crate) question: Vec<String>,
    /// Who shall work on it: lite, base, core, core2x, pro, ultra, … each also with `-fast`.
    #[arg(short, long, value_name = "NAME", default_value = "base")]
    pub(crate) processor: String,
    /// The answer shall follow this JSON Schema: a file, or the schema itself.
    #[arg(long, value_name = "FILE|JSON", conflicts_with = "text")]
    pub(crate) schema: Option<String>,
    /// The answer shall be a text of this kind.
    #[arg(long, value_name = "DESCRIPTION")]
    pub(crate) text: Option<String>,
    /// Something to find the run by, shown with it ever after; may be given several times.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
    pub(crate) metadata: Vec<(String, String)>,
    /// Work on it so long at the most; what is found by then is the answer.
    #[arg(long, value_name = "SECONDS", value_parser = above_zero)]
    pub(crate) max_seconds: Option<f64>,
    /// Spend so much at the most on calls that have a price, in dollars.
    #[arg(long, value_name = "USD", value_parser = from_zero)]
    pub(crate) max_cost_usd: Option<f64>,
    /// Have models read and write so many tokens at the most.
    #[arg(long, value_name = "COUNT")]
    pub(crate) max_tokens: Option<NonZeroU64>,
    /// How to wait [default: block for lite and base, poll for core, stream for pro and up].
    #[arg(long, value_enum)]
    pub(crate) pattern: Option<PatternArg>,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RerunArgs {
    /// The run, whatever became of it.
    #[arg(value_name = "ID")]
    pub(crate) id: RunId,
    /// Who shall work on it this time [default: as before].
    #[arg(short, long, value_name = "NAME")]
    pub(crate) processor: Option<String>,
    /// Call nobody. Otherwise the webhook that the run had is called again when this one has ended.
    #[arg(long)]
    pub(crate) no_webhook: bool,
    /// How to wait [default: block for lite and base, poll for core, stream for pro and up].
    #[arg(long, value_enum)]
    pub(crate) pattern: Option<PatternArg>,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct GroupArgs {
    /// The tasks: CSV or TSV, whose columns become the fields of each task's input, or lines of JSON; `-` reads stdin.
    #[arg(value_name = "FILE", required_unless_present = "resume")]
    pub(crate) file: Option<String>,
    /// Ask this about each row; `{country}` stands for the row's value in that column.
    #[arg(short, long, value_name = "TEMPLATE")]
    pub(crate) question: Option<String>,
    /// Who shall work on them.
    #[arg(short, long, value_name = "NAME", default_value = "base")]
    pub(crate) processor: String,
    /// Each answer shall follow this JSON Schema: a file, or the schema itself.
    #[arg(long, value_name = "FILE|JSON", conflicts_with = "text")]
    pub(crate) schema: Option<String>,
    /// Each answer shall be a text of this kind.
    #[arg(long, value_name = "DESCRIPTION")]
    pub(crate) text: Option<String>,
    /// How the tasks are written, if the name of the file does not say it.
    #[arg(long, value_enum)]
    pub(crate) from: Option<FormatArg>,
    /// How the answers are written [default: as the name of the output says, else jsonl].
    #[arg(long, value_enum)]
    pub(crate) to: Option<FormatArg>,
    /// Write the answers to this file [default: stdout].
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<String>,
    /// Go on with this group. With the file it was made of, what is missing in it is added.
    #[arg(long, value_name = "GROUP_ID")]
    pub(crate) resume: Option<GroupId>,
    /// Wait at most this long; the runs go on all the same.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u64>,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    /// Comma-separated, the names of the columns first.
    Csv,
    /// The same with tabs.
    Tsv,
    /// One JSON value a line; answers with their whole basis.
    Jsonl,
}

#[derive(Debug, clap::Args)]
pub(crate) struct WaitArgs {
    /// Wait at most this long; the run goes on all the same.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u64>,
    /// Print the answer as the server sends it.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// The run.
    #[arg(value_name = "ID")]
    pub(crate) id: RunId,
    /// Print the run as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ResultArgs {
    /// The run.
    #[arg(value_name = "ID")]
    pub(crate) id: RunId,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct WatchArgs {
    /// The run.
    #[arg(value_name = "ID")]
    pub(crate) id: RunId,
    /// Go on after this event; `--json` shows their ids.
    #[arg(long, value_name = "EVENT_ID")]
    pub(crate) after: Option<String>,
    /// Stop after so long; the run goes on all the same.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u64>,
    /// Print each event as a line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Only runs in this state.
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Option<Status>,
    /// Only runs of this processor.
    #[arg(short, long, value_name = "NAME")]
    pub(crate) processor: Option<String>,
    /// Only runs that went on from this one.
    #[arg(long, value_name = "ID")]
    pub(crate) previous: Option<RunId>,
    /// Only runs in whose question or answer all of these words stand; `mongol*` stands for any ending.
    #[arg(short = 'q', long = "q", value_name = "WORDS")]
    pub(crate) words: Option<String>,
    /// How many at most.
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    pub(crate) limit: usize,
    /// Go on where an earlier list ended.
    #[arg(long, value_name = "CURSOR")]
    pub(crate) cursor: Option<String>,
    /// Print the page as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    /// Where the stores lie that are measured; what matters is the disk [default: the folder for temporary files].
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// Measure servers on this PostgreSQL database instead, alone and several at once. It has to be empty, and is empty
    /// again afterwards.
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,
    /// For how many minutes it is watched whether the rate on a database stays level [default: 1].
    #[arg(long, value_name = "MINUTES", requires = "store")]
    pub(crate) minutes: Option<NonZeroU32>,
    /// Less of everything: some seconds instead of some minutes.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Measure this alone.
    #[arg(long, value_enum, value_name = "PART", conflicts_with = "store")]
    pub(crate) only: Option<crate::bench::Part>,
    /// Print the figures as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Be the bare server that is measured for comparison.
    #[arg(long, hide = true)]
    pub(crate) floor: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CancelArgs {
    /// The run.
    #[arg(value_name = "ID")]
    pub(crate) id: RunId,
    /// Print the run as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct FinishArgs {
    /// The run, which is being worked on.
    #[arg(value_name = "ID")]
    pub(crate) id: RunId,
    /// Print the run as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AnswerArgs {
    /// The run, which waits for an answer.
    #[arg(value_name = "ID")]
    pub(crate) id: RunId,
    /// The answer: JSON, or else a text; `-` reads it from stdin.
    #[arg(required = true, value_name = "ANSWER")]
    pub(crate) answer: Vec<String>,
    /// Print the run as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListenArgs {
    /// Where to listen; 0 takes any free port.
    #[arg(long, value_name = "PORT", default_value_t = 8788)]
    pub(crate) port: u16,
    /// The address to listen at; `0.0.0.0` is reached from other machines.
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::from([127, 0, 0, 1]))]
    pub(crate) host: IpAddr,
    /// What the webhooks are signed with, or `@FILE` with one a line; may be given several times [default: what the server
    /// signs with].
    #[arg(long, value_name = "SECRET", env = "LEGWORK_WEBHOOK_SECRETS", value_delimiter = ',', hide_env_values = true)]
    pub(crate) secret: Vec<String>,
    /// Pass on what is verified to this address, and answer what is answered there.
    #[arg(long, value_name = "URL")]
    pub(crate) forward: Option<String>,
    /// Print each call as a line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct WebhooksArgs {
    /// The run.
    #[arg(value_name = "ID", required_unless_present = "test", conflicts_with = "test")]
    pub(crate) id: Option<RunId>,
    /// Send this delivery again, whatever became of it.
    #[arg(long, value_name = "WEBHOOK_ID", conflicts_with = "test")]
    pub(crate) redeliver: Option<String>,
    /// Have the server call this address once, and say what came back.
    #[arg(long, value_name = "URL")]
    pub(crate) test: Option<String>,
    /// Print what the server says as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct KeyArgs {
    #[command(subcommand)]
    pub(crate) kind: KeyKind,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyKind {
    /// Make a key for a caller and print it: this once, since only its digest is kept. From the first key on the server
    /// takes nobody without one.
    Create(KeyCreateArgs),
    /// List the keys that were made.
    List(KeyListArgs),
    /// Take a key back; a running server refuses it at once.
    Revoke(KeyNamedArgs),
    /// Remove a key that has expired or was revoked. A store without any key is open to this machine again.
    Forget(KeyNamedArgs),
    /// Show what your webhooks are signed with, one secret a line.
    Webhook(WebhookKeyArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct KeyCreateArgs {
    /// What to call it.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// When it stops being accepted: after a time like 12h, 90d, 6w or 1y, or when a day like 2027-01-31 begins, in UTC
    /// [default: never].
    #[arg(long, value_name = "TIME|DAY")]
    pub(crate) expires: Option<Expiry>,
    /// Let it see the runs that were made when there were no keys. Several keys may; they share all their runs.
    #[arg(long)]
    pub(crate) adopt: bool,
    /// Print it with all that is kept of it, as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct KeyListArgs {
    /// Print them as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct KeyNamedArgs {
    /// The key, by its name or its id.
    #[arg(value_name = "NAME|ID")]
    pub(crate) key: String,
    /// Print what is left as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct WebhookKeyArgs {
    /// Make a new one instead, that no server knows yet.
    #[arg(long)]
    pub(crate) new: bool,
    /// Print them as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CorpusArgs {
    /// Print what was found as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SourceArgs {
    /// The document: `legwork.source` of a citation, or the citation's address.
    #[arg(value_name = "HASH|URL")]
    pub(crate) which: String,
    /// Mark these words in it.
    #[arg(long, value_name = "TEXT")]
    pub(crate) quote: Option<String>,
    /// Print the document as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    /// Print what was found as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// The command; without one, the page of the whole program.
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PatternArg {
    /// One call that returns with the answer.
    Block,
    /// Ask how it is going until it is done.
    Poll,
    /// Follow its events.
    Stream,
    /// Have a URL of this command called when it is done.
    Webhook,
}

fn from_zero(text: &str) -> Result<f64, &'static str> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    number.ok_or("a number from 0 on is needed")
}

fn above_zero(text: &str) -> Result<f64, &'static str> {
    from_zero(text).ok().filter(|number| *number > 0.0).ok_or("a number above 0 is needed")
}

fn key_and_value(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    if key.is_empty() { Err("the key is empty") } else { Ok((key.to_owned(), value.to_owned())) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(std::iter::once("legwork").chain(line.split_whitespace()))
    }

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_question_needs_no_quotes() {
        let Verb::Ask(ask) = parse("ask -p core What is legwork").unwrap().verb else { panic!("not an ask") };
        assert_eq!((ask.question.join(" "), ask.processor), ("What is legwork".to_owned(), "core".to_owned()));
    }

    #[test]
    fn what_is_no_id_no_status_or_no_pair_is_refused() {
        for odd in [
            "status 12",
            "list --status done",
            "ask q --metadata a",
            "ask q --metadata =b",
            "ask",
            "answer 12 a",
            "ask q --max-seconds 0",
            "ask q --max-seconds inf",
            "ask q --max-cost-usd NaN",
            "ask q --max-tokens 0",
        ] {
            assert!(parse(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn an_answer_has_one_form() {
        assert!(parse("ask q --schema {} --text short").is_err());
    }
}
