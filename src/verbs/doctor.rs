//! `legwork doctor`: looks at everything a server and its clients depend on, and says in words what it found.

mod models;
mod nodes;
mod search;

use std::fmt::Write as _;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use legwork_api::client::Client;
use legwork_server::Embedder;
use legwork_server::calibration::Calibrations;
use legwork_server::config::{Config, DatabaseUrl, StoreAt};
use legwork_server::documents::{self, FolderSurvey};
use legwork_server::folder::{self, ServerFile};
use legwork_server::{machine, upkeep};
use serde_json::json;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::Settings;
use crate::args::{DoctorArgs, EngineArgs, ServeArgs, StoreArgs};
use crate::checkup::Health::{self, Fail, Warn, Well};
use crate::checkup::{self, Finding, size};
use crate::config_file::ConfigFile;
use crate::environment::Environment;
use crate::exit::{Exit, Failure};
use crate::resolve::{self, BadConfig, Local, Target};
use crate::{print, render};

/// Less room than this is soon none.
const LITTLE_SPACE: u64 = 1024 * 1024 * 1024;
/// A thousand waiting callers, and what a server needs beside them.
const FEW_FILES: u64 = 1_200;
/// How long a server may take to say how it is.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn run(args: DoctorArgs, settings: Settings) -> Result<Exit, Failure> {
    let Settings { environment, file, named, .. } = &settings;
    let mut found = Vec::new();
    let json = args.json;
    let file = match file {
        Ok(file) => {
            found.push(settings_file(named.as_deref(), environment));
            file.clone()
        }
        Err(bad) => {
            found.push(wrong("settings", bad));
            ConfigFile::default()
        }
    };
    let serving = serving(args.target.store.clone(), file.clone(), environment).await;
    match resolve::target(args.target, || Ok(EngineArgs::default()), file, environment) {
        // Whatever a command cannot use, `serve` refuses too.
        Err(bad) => found.push(wrong("settings", &bad)),
        Ok(Target::Server { url, key, .. }) => {
            found.extend(serving.err());
            found.extend(named_server(&url, key).await);
        }
        Ok(Target::Store(local)) => {
            let serving = serving.map_err(|refused| found.push(refused)).ok();
            match &local.config.store {
                StoreAt::Folder(path) => found.extend(store(path)),
                StoreAt::Database { url, .. } => found.push(database(url).await),
            }
            for folder in &local.config.corpus {
                found.push(corpus(local.config.store.folder(), folder.clone()).await);
            }
            if let Some(folder) = local.config.embeddings.clone() {
                found.push(embeddings(folder).await);
            }
            found.push(labels(local.config.calibration.as_deref()));
            found.push(keys(&local.config.accept_keys, upkeep::made_keys(&local.config.store).await.unwrap_or(0)));
            if let Some(config) = &serving {
                found.extend(models::findings(config.llm.as_ref(), environment).await);
                found.extend(search::providers(&config.search, environment).await);
            }
            found.extend(own_server(&local, serving.map(|config| config.listen)).await);
        }
    }
    found.push(finding(Well, "sqlite", format!("version {}, built in", upkeep::known().1)));
    found.push(files());
    found.extend(variables(environment));
    let is_well = found.iter().all(|finding| finding.health != Fail);
    print::data(&if json {
        render::json(&json!({"ok": is_well, "checks": found}))?
    } else {
        checkup::lines(&found, print::style())
    })?;
    Ok(if is_well { Exit::Done } else { Exit::RunFailed })
}

fn finding(health: Health, about: &'static str, says: impl Into<String>) -> Finding {
    Finding { health, about, says: says.into() }
}

fn wrong(about: &'static str, bad: &BadConfig) -> Finding {
    let hint = bad.hint().map_or_else(String::new, |hint| format!("; {hint}"));
    finding(Fail, about, format!("{bad}{hint}"))
}

/// What `serve` would use, or why it would refuse to start.
async fn serving(store: StoreArgs, file: ConfigFile, environment: &Environment) -> Result<Config, Finding> {
    let args = ServeArgs::untyped().map_err(|odd| {
        let odd = odd.to_string();
        let first = odd.lines().next().unwrap_or_default();
        finding(Fail, "settings", format!("`serve` refuses: {}", first.trim_start_matches("error: ")))
    })?;
    let serve = resolve::serve(ServeArgs { store, ..args }, file, environment);
    let serve = serve.map_err(|bad| wrong("settings", &bad))?;
    // What is wrong with the store is told where that is looked at.
    let made = upkeep::made_keys(&serve.config.store).await.unwrap_or(1);
    resolve::check_reach(&serve.config, made).map_err(|bad| wrong("settings", &bad))?;
    Ok(serve.config)
}

fn settings_file(named: Option<&Path>, environment: &Environment) -> Finding {
    let usual = environment.config_folder().map(|folder| folder.join("legwork.toml"));
    match named.map(Path::to_owned).or(usual) {
        Some(path) if path.exists() => finding(Well, "settings", format!("read from {}", path.display())),
        Some(path) => finding(Well, "settings", format!("no file at {}: flags and variables only", path.display())),
        None => finding(Warn, "settings", "HOME is not set: no settings file is looked for"),
    }
}

fn store(path: &Path) -> Vec<Finding> {
    let shown = path.display();
    let Ok(metadata) = fs::metadata(path) else {
        let parent = path.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
        let made = if is_writable(parent) {
            finding(Well, "store", format!("{shown} is not there yet; the first command makes it"))
        } else {
            finding(Fail, "store", format!("{shown} is not there, and {} cannot be written to", parent.display()))
        };
        return vec![made, space(parent)];
    };
    if !metadata.is_dir() {
        return vec![finding(Fail, "store", format!("{shown} is not a folder"))];
    }
    let mut found = vec![if is_writable(path) {
        finding(Well, "store", format!("{shown} can be written to"))
    } else {
        finding(Fail, "store", format!("{shown} cannot be written to"))
    }];
    found.push(match upkeep::summary(path) {
        Ok(None) => finding(Well, "runs", "none yet"),
        Ok(Some(told)) => {
            let (known, _) = upkeep::known();
            let schema = match told.schema {
                older if older < known => format!("schema {older}; the next start makes it {known}"),
                same => format!("schema {same}"),
            };
            finding(Well, "runs", format!("{} in {}, {}, {schema}", told.runs, size(told.bytes), told.id))
        }
        Err(bad) => finding(Fail, "runs", checkup::whole(&bad)),
    });
    found.push(space(path));
    found
}

async fn database(url: &DatabaseUrl) -> Finding {
    match upkeep::look_at_database(url).await {
        Ok(None) => finding(Well, "store", format!("{url} can be reached; the first server makes a store there")),
        Ok(Some(told)) if told.schema > told.known => {
            let says =
                format!("{url} has schema {}, and this program knows {}: use a later one", told.schema, told.known);
            finding(Fail, "store", says)
        }
        Ok(Some(told)) => {
            let schema = match told.schema {
                older if older < told.known => format!("schema {older}; the next start makes it {}", told.known),
                same => format!("schema {same}"),
            };
            finding(Well, "store", format!("{url} has {} runs, {}, {schema}", told.runs, told.id))
        }
        Err(bad) => finding(Fail, "store", format!("{url}: {}", checkup::whole(&bad))),
    }
}

fn is_writable(folder: &Path) -> bool {
    tempfile_in(folder).is_ok()
}

/// Nothing but trying tells whether a folder can be written to: not on every file system, and not for every user.
fn tempfile_in(folder: &Path) -> std::io::Result<()> {
    let file = folder.join(format!(".legwork-doctor-{}", std::process::id()));
    fs::OpenOptions::new().write(true).create_new(true).open(&file)?;
    fs::remove_file(file)
}

fn space(path: &Path) -> Finding {
    match machine::free_space(path) {
        Ok(free) if free < LITTLE_SPACE => finding(Warn, "disk", format!("only {} are free", size(free))),
        Ok(free) => finding(Well, "disk", format!("{} are free", size(free))),
        Err(error) => finding(Warn, "disk", format!("nobody knows how much is free: {error}")),
    }
}

/// What is answered from in this folder, counted as a server counts it.
async fn corpus(store: PathBuf, folder: PathBuf) -> Finding {
    let looking = spawn_blocking(move || documents::look(&store, &[folder]));
    match looking.await {
        Ok(Ok(survey)) => survey.folders.first().map_or_else(|| finding(Fail, "corpus", "it is not there"), counted),
        Ok(Err(bad)) => finding(Fail, "corpus", checkup::whole(&bad)),
        Err(broken) => finding(Fail, "corpus", checkup::whole(&broken)),
    }
}

fn counted(folder: &FolderSurvey) -> Finding {
    let path = folder.path.display();
    let files: usize = folder.kinds.iter().map(|kind| kind.files).sum();
    let left_out = folder.skipped.len() + folder.not_read.values().sum::<usize>();
    let mut says = match (folder.documents, folder.pending) {
        (0, 0) => format!("{path} has nothing to answer from"),
        (documents, _) => format!("{path} has {documents} documents to answer from, in {files} files"),
    };
    if folder.pending > 0 {
        let _ = write!(says, "; {} files are not read yet", folder.pending);
    }
    if left_out > 0 {
        let _ = write!(says, "; {left_out} were left out, and `legwork corpus` says why");
    }
    let is_empty = folder.documents == 0 && folder.pending == 0;
    finding(if is_empty { Warn } else { Well }, "corpus", says)
}

/// Whether documents can be found by their meaning.
async fn embeddings(folder: PathBuf) -> Finding {
    let path = folder.display().to_string();
    match spawn_blocking(move || Embedder::open(&folder)).await {
        Ok(Ok(embedder)) => {
            let says = format!("{path} has a model that can be used, of {} numbers a text", embedder.dimensions());
            finding(Well, "embeddings", says)
        }
        Ok(Err(odd)) => finding(Fail, "embeddings", format!("{path}: {}", checkup::whole(&odd))),
        Err(broken) => finding(Fail, "embeddings", checkup::whole(&broken)),
    }
}

/// What labels of confidence follow.
fn labels(calibration: Option<&Path>) -> Finding {
    let Some(path) = calibration else {
        return finding(
            Well,
            "labels",
            "uncalibrated: they follow a rule; `legwork eval` and `legwork calibrate` measure how often they are right",
        );
    };
    match Calibrations::load(path) {
        Ok(all) if all.tables.iter().any(|table| table.usable) => {
            let usable: Vec<&str> =
                all.tables.iter().filter(|table| table.usable).map(|table| table.tier.as_str()).collect();
            finding(
                Well,
                "labels",
                format!("calibrated on {} with {} answers, for {}", all.date, all.n, usable.join(", ")),
            )
        }
        Ok(_) => {
            finding(Warn, "labels", format!("uncalibrated: what was measured in {} cannot be used", path.display()))
        }
        Err(bad) => finding(Fail, "labels", checkup::whole(&bad)),
    }
}

fn keys(given: &[String], made: usize) -> Finding {
    match (given.len(), made) {
        (0, 0) => finding(Well, "keys", "none: a server here is for everybody on this machine, and nobody else"),
        (given, 0) => finding(Well, "keys", format!("a server here accepts {given}")),
        (0, made) => finding(Well, "keys", format!("{made} made, and `legwork key list` shows how they stand")),
        (given, made) => {
            let says = format!("{given} given, and {made} made: `legwork key list` shows how those stand");
            finding(Well, "keys", says)
        }
    }
}

async fn own_server(local: &Local, listen: Option<SocketAddr>) -> Vec<Finding> {
    let Some(file) = folder::server_on(&local.config.store) else {
        let none = finding(Well, "server", "none runs on this store; a command does the work itself");
        return std::iter::once(none).chain(listen.map(listening)).collect();
    };
    let ServerFile { pid, address, store_id, key } = file;
    let url = format!("http://{address}");
    let mut found = vec![finding(Well, "server", format!("process {pid} has the store and listens on {url}"))];
    found.extend(health(&url, Some(&store_id)).await);
    if found.iter().all(|finding| finding.health != Fail) {
        let key = local.key.clone().unwrap_or(key);
        found.extend(nodes::of_server(&url, Some(key.clone())).await);
        found.push(admits(&url, Some(key)).await);
    }
    found
}

/// Whether a server could listen there; nothing but trying tells.
fn listening(listen: SocketAddr) -> Finding {
    match TcpListener::bind(listen) {
        Ok(_) if listen.port() == 0 => {
            finding(Well, "listen", format!("a server takes any free port of {}", listen.ip()))
        }
        Ok(_) => finding(Well, "listen", format!("{listen} is free for a server")),
        Err(error) => {
            let says = format!("{listen} cannot be listened on: {error}; name another with --listen or LEGWORK_LISTEN");
            finding(Fail, "listen", says)
        }
    }
}

async fn named_server(url: &str, key: Option<String>) -> Vec<Finding> {
    let mut found = vec![finding(Well, "server", format!("{url}, as named"))];
    found.extend(health(url, None).await);
    if found.iter().all(|finding| finding.health != Fail) {
        found.extend(nodes::of_server(url, key.clone()).await);
        found.push(admits(url, key).await);
    }
    found
}

/// What a server says of itself; a key is not shown to it before it is known.
async fn health(url: &str, store: Option<&str>) -> Vec<Finding> {
    let client = match Client::new(url, None) {
        Ok(client) => client,
        Err(bad) => return vec![finding(Fail, "server", bad.to_string())],
    };
    let health = match timeout(PATIENCE, client.health()).await {
        Err(_) => return vec![finding(Fail, "server", format!("did not answer within {} s", PATIENCE.as_secs()))],
        Ok(Err(bad)) => return vec![finding(Fail, "server", bad.to_string())],
        Ok(Ok(health)) => health,
    };
    let ours = env!("CARGO_PKG_VERSION");
    let mut found = vec![if health.version == ours {
        finding(Well, "version", format!("{ours}, like this program"))
    } else {
        finding(Warn, "version", format!("the server is {}, this program {ours}", health.version))
    }];
    if store.is_some_and(|store| store != health.store) {
        found.push(finding(Fail, "server", format!("it has another store: {}", health.store)));
    }
    found.push(match timeout(PATIENCE, client.ready()).await {
        Ok(Ok(_)) => finding(Well, "ready", "it accepts runs"),
        Ok(Err(bad)) => finding(Fail, "ready", bad.to_string()),
        Err(_) => finding(Fail, "ready", format!("did not say within {} s", PATIENCE.as_secs())),
    });
    found
}

async fn admits(url: &str, key: Option<String>) -> Finding {
    let which = legwork_api::client::ListRuns { limit: Some(1), ..Default::default() };
    let shown = if key.is_some() { "the key is accepted" } else { "no key is needed" };
    let client = match Client::new(url, key) {
        Ok(client) => client,
        Err(bad) => return finding(Fail, "key", bad.to_string()),
    };
    match timeout(PATIENCE, client.list(&which)).await {
        Ok(Ok(_)) => finding(Well, "key", shown),
        Ok(Err(bad)) => finding(Fail, "key", bad.to_string()),
        Err(_) => finding(Fail, "key", "the server did not answer"),
    }
}

fn files() -> Finding {
    match machine::file_limit() {
        Ok((_, most)) if most < FEW_FILES => finding(
            Warn,
            "files",
            format!("{most} at once, so fewer than a thousand callers can wait: raise `ulimit -Hn`"),
        ),
        Ok((now, most)) => {
            let most = if most == u64::MAX { "any number".to_owned() } else { most.to_string() };
            finding(Well, "files", format!("{now} at once, which a server raises to {most}"))
        }
        Err(error) => finding(Warn, "files", format!("nobody knows how many may be open: {error}")),
    }
}

/// What the environment makes the official SDKs do.
fn variables(environment: &Environment) -> Vec<Finding> {
    match (&environment.parallel_base_url, &environment.parallel_api_key) {
        (Some(url), _) => vec![finding(Well, "sdk", format!("PARALLEL_BASE_URL points the official SDKs to {url}"))],
        (None, Some(_)) => {
            let says = "PARALLEL_API_KEY is set and PARALLEL_BASE_URL is not: the official SDKs ask their own service";
            vec![finding(Warn, "sdk", says)]
        }
        (None, None) => Vec::new(),
    }
}
