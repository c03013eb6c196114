//! What `serve` can be told, by option or by variable.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use clap::{Args as _, Command, FromArgMatches as _, ValueEnum};

use super::{LlmArgs, StoreArgs};
use crate::expiry::Length;

#[derive(Debug, Default, clap::Args)]
pub(crate) struct ServeArgs {
    /// Where to listen [default: 127.0.0.1:8787]; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS", env = "LEGWORK_LISTEN")]
    pub(crate) listen: Option<String>,
    /// The address callers use, if it is another (behind a proxy, for example).
    #[arg(long, value_name = "URL", env = "LEGWORK_PUBLIC_URL")]
    pub(crate) public_url: Option<String>,
    /// A key that callers may show, or `@FILE` with one a line; may be given several times. `legwork key create` makes keys
    /// that lie in the store. Without any, everybody on this machine may use the server, and nobody else.
    #[arg(
        long = "accept-key",
        value_name = "KEY",
        env = "LEGWORK_ACCEPT_KEYS",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub(crate) accept_keys: Vec<String>,
    /// A page that may ask from a browser, as `https://app.example.com`; may be given several times. Pages of this machine
    /// may as long as there are no keys.
    #[arg(long = "cors-origin", value_name = "URL", env = "LEGWORK_CORS_ORIGINS", value_delimiter = ',')]
    pub(crate) cors_origins: Vec<String>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// What this process does [default: all].
    #[arg(long, value_enum, env = "LEGWORK_ROLE")]
    pub(crate) role: Option<RoleArg>,
    /// How many runs this process works on at a time [default: 64].
    #[arg(long, value_name = "COUNT", env = "LEGWORK_SLOTS")]
    pub(crate) slots: Option<usize>,
    /// How many runs of this processor are worked on at a time at the most, by all processes on the store together; 0 is
    /// never. Give each process the same. May be given several times.
    #[arg(
        long,
        value_name = "NAME=COUNT",
        env = "LEGWORK_PROCESSOR_SLOTS",
        value_delimiter = ',',
        value_parser = name_and_count
    )]
    pub(crate) processor_slots: Vec<(String, usize)>,
    /// How many runs of each key are worked on at a time at the most, by all processes on the store together [default: as many
    /// as there are slots]. Give each process the same.
    #[arg(long, value_name = "COUNT", env = "LEGWORK_KEY_SLOTS")]
    pub(crate) key_slots: Option<NonZeroUsize>,
    /// How often each key may create runs a minute, for example 2000 [default: as often as it likes]. Adding runs to a group
    /// counts once.
    #[arg(long, value_name = "COUNT", env = "LEGWORK_CREATES_PER_MINUTE")]
    pub(crate) creates_per_minute: Option<NonZeroU32>,
    /// Forget runs so long after their end, for example 90d, with all that hangs on them, once their webhooks are done
    /// [default: they are kept]. Give each process on the store the same.
    #[arg(long, value_name = "TIME", env = "LEGWORK_RETAIN")]
    pub(crate) retain: Option<Length>,
    /// How long work may go on after a stop was asked for; what is not done then goes on after the next start
    /// [default: 10].
    #[arg(long, value_name = "SECONDS", env = "LEGWORK_DRAIN")]
    pub(crate) drain: Option<u64>,
    /// How often a stream of events sends a comment when there is nothing to say, so that proxies do not take it for dead
    /// [default: 15].
    #[arg(long, value_name = "SECONDS", env = "LEGWORK_HEARTBEAT")]
    pub(crate) heartbeat: Option<f64>,
    /// End a stream of events after so long, for its reader to come back [default: it lives as long as its reader stays].
    #[arg(long, value_name = "SECONDS", env = "LEGWORK_STREAM_LIMIT")]
    pub(crate) stream_limit: Option<f64>,
    /// Who is asked to search the web, all at once: wikipedia, brave, tavily, exa, serper, kagi, parallel, searxng, or what
    /// has a table `[search.NAME]` in the settings; `none` is nobody. May be given several times [default: what has a table,
    /// else wikipedia]. Keys: `LEGWORK_SEARCH_BRAVE_KEY`, or `key` in the table.
    #[arg(long, value_name = "NAME", env = "LEGWORK_SEARCH", value_delimiter = ',')]
    pub(crate) search: Vec<String>,
    /// Let runs of `core` and stronger ask their caller once what is meant, where that is not clear. They are `action_required`
    /// until `legwork answer` or `POST …/answer` says it; after a day they go on with what is most likely meant.
    #[arg(long, env = "LEGWORK_ASK_BACK")]
    pub(crate) ask_back: bool,
    /// Write down every search, page and answer of a model into this folder, one file each, for `--replay`.
    #[arg(long, value_name = "FOLDER", env = "LEGWORK_RECORD", conflicts_with = "replay")]
    pub(crate) record: Option<PathBuf>,
    /// Answer every search, page and ask of a model from what `--record` wrote into this folder, and from nothing else.
    #[arg(long, value_name = "FOLDER", env = "LEGWORK_REPLAY")]
    pub(crate) replay: Option<PathBuf>,
    /// Have processors that do nothing, for measuring what is around them.
    #[arg(long, hide = true)]
    pub(crate) idle: bool,
    /// How the log is written, to stderr [default: text].
    #[arg(long, value_enum, env = "LEGWORK_LOG")]
    pub(crate) log: Option<LogArg>,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

impl ServeArgs {
    /// What `serve` would be told if nothing but its name were typed: what the environment says.
    pub(crate) fn untyped() -> Result<Self, clap::Error> {
        let serve = Self::augment_args(Command::new("serve"));
        Self::from_arg_matches(&serve.try_get_matches_from(["serve"])?)
    }
}

/// How webhooks are called.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct WebhookArgs {
    /// What webhooks are signed with instead of the secrets that are made for each key, or `@FILE` with one a line; give the
    /// old one and the new one while receivers change over.
    #[arg(
        long = "webhook-secret",
        value_name = "SECRET",
        env = "LEGWORK_WEBHOOK_SECRETS",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub(crate) webhook_secrets: Vec<String>,
    /// How a secret is read: as Standard Webhooks has it, as the plain text it is, or both, each in a signature of its own
    /// [default: both].
    #[arg(long, value_enum, env = "LEGWORK_WEBHOOK_SIGNATURE")]
    pub(crate) webhook_signature: Option<SignatureArg>,
    /// When a webhook carries the output: always, when it was registered as `webhook_url`, or never [default: always].
    #[arg(long, value_enum, env = "LEGWORK_WEBHOOK_OUTPUT")]
    pub(crate) webhook_output: Option<OutputArg>,
    /// Let webhooks go to private addresses, this machine's among them.
    #[arg(long, env = "LEGWORK_ALLOW_PRIVATE_TARGETS", value_parser = yes_or_no)]
    pub(crate) allow_private_targets: bool,
    /// Let webhooks go to this host, whatever its address; may be given several times.
    #[arg(long = "allow-target", value_name = "HOST[:PORT]", env = "LEGWORK_ALLOW_TARGETS", value_delimiter = ',')]
    pub(crate) allow_targets: Vec<String>,
}

/// How pages are fetched.
#[derive(Clone, Debug, Default, clap::Args)]
#[expect(clippy::struct_field_names, reason = "they are named as their options are")]
pub(crate) struct FetchArgs {
    /// Fetch pages from this host, too, whatever its address and port; may be given several times. Without it pages come from
    /// the public internet only, at the ports 80 and 443.
    #[arg(
        long = "fetch-allow-host",
        value_name = "HOST[:PORT]",
        env = "LEGWORK_FETCH_ALLOW_HOSTS",
        value_delimiter = ','
    )]
    pub(crate) fetch_allow_hosts: Vec<String>,
    /// Do not ask sites in their robots.txt where robots may go.
    #[arg(long, env = "LEGWORK_FETCH_IGNORE_ROBOTS", value_parser = yes_or_no)]
    pub(crate) fetch_ignore_robots: bool,
    /// Where the owners of sites can read who asks them for pages, and complain: a page, or `mailto:` with an address.
    #[arg(long, value_name = "URL", env = "LEGWORK_FETCH_CONTACT")]
    pub(crate) fetch_contact: Option<String>,
}

/// What the engine of a command is told that is no option of the command.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct EngineArgs {
    #[command(flatten)]
    pub(crate) webhooks: WebhookArgs,
    #[command(flatten)]
    pub(crate) fetch: FetchArgs,
    #[command(flatten)]
    pub(crate) llm: LlmArgs,
}

impl EngineArgs {
    /// What the environment says.
    pub(crate) fn untyped() -> Result<Self, clap::Error> {
        let command = Self::augment_args(Command::new("legwork"));
        Self::from_arg_matches(&command.try_get_matches_from(["legwork"])?)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RoleArg {
    /// Answers callers and works.
    All,
    /// Answers callers.
    Api,
    /// Works.
    Worker,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SignatureArg {
    /// Both of the following.
    Both,
    /// The bytes behind `whsec_`.
    Standard,
    /// The whole text.
    Raw,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OutputArg {
    /// In both forms.
    Always,
    /// When it was registered as `webhook_url`.
    GuideForm,
    /// The receiver asks for the result.
    Never,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogArg {
    /// For people.
    #[default]
    Text,
    /// For programs, one object a line.
    Json,
}

fn name_and_count(text: &str) -> Result<(String, usize), String> {
    let (name, count) = text.split_once('=').ok_or("write NAME=COUNT, for example ultra=2")?;
    let count = count.parse().map_err(|_| format!("`{count}` is no number of runs"))?;
    Ok((name.to_owned(), count))
}

/// A switch as variables have it; an empty variable is none.
fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" | "y" | "t" => Ok(true),
        "" | "false" | "no" | "off" | "0" | "n" | "f" => Ok(false),
        _ => Err("it is one of true, yes, on, 1, false, no, off, 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Args, Verb};

    #[test]
    fn a_switch_is_read_as_people_write_it() {
        let Verb::Serve(serve) = Args::parse_from(["legwork", "serve", "--allow-private-targets"]).verb else {
            panic!("not a serve")
        };
        assert!(serve.engine.webhooks.allow_private_targets);
        assert_eq!(["1", "yes", "TRUE", "On"].map(yes_or_no), [const { Ok(true) }; 4]);
        assert_eq!(["0", "no", "False", ""].map(yes_or_no), [const { Ok(false) }; 4]);
        assert!(yes_or_no("perhaps").is_err());
    }
}
