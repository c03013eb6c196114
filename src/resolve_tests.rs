//! What typed settings become.

use std::num::{NonZeroU32, NonZeroUsize};

use super::*;

fn at_home() -> Environment {
    Environment { home: Some("/home/ada".into()), ..Environment::default() }
}

fn served(args: ServeArgs) -> Result<Config, BadConfig> {
    serve(args, ConfigFile::default(), &at_home()).map(|serve| serve.config)
}

fn listening(on: &str) -> ServeArgs {
    ServeArgs { listen: Some(on.to_owned()), ..ServeArgs::default() }
}

fn stored(at: &str) -> StoreArgs {
    StoreArgs { store: Some(at.to_owned()), ..StoreArgs::default() }
}

#[test]
fn without_settings_it_listens_on_loopback_and_works() {
    let config = served(ServeArgs::default()).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8787");
    assert_eq!((config.role, config.slots, config.drain), (Role::All, 64, Duration::from_secs(10)));
    assert!(config.accept_keys.is_empty() && config.store.folder().starts_with("/home/ada"));
}

#[test]
fn what_is_typed_goes_before_the_file() {
    let file = ConfigFile { slots: Some(3), drain: Some(1), ..ConfigFile::default() };
    let typed = ServeArgs { slots: Some(5), ..ServeArgs::default() };
    let config = serve(typed, file, &at_home()).unwrap().config;
    assert_eq!((config.slots, config.drain), (5, Duration::from_secs(1)));
}

#[test]
fn slots_are_given_to_processors_that_there_are() {
    let given = |name: &str| vec![(name.to_owned(), 2)];
    let file = || ConfigFile { processor_slots: [("lite".to_owned(), 1)].into(), ..ConfigFile::default() };
    let typed = ServeArgs { processor_slots: given("ultra-fast"), ..ServeArgs::default() };
    let config = serve(typed, file(), &at_home()).unwrap().config;
    assert_eq!(config.processor_slots, [("ultra-fast".to_owned(), 2)].into(), "what is typed takes the file's place");
    assert_eq!(serve(ServeArgs::default(), file(), &at_home()).unwrap().config.processor_slots["lite"], 1);
    let refused = served(ServeArgs { processor_slots: given("ultar"), ..ServeArgs::default() }).unwrap_err();
    assert_eq!(refused.to_string(), "slots are given to `ultar`, and there is no such processor");
    assert!(refused.hint().unwrap().contains("lite, lite-fast, base"), "{refused:?}");
}

#[test]
fn a_key_has_all_slots_unless_it_is_given_fewer() {
    assert_eq!(served(ServeArgs::default()).unwrap().key_slots, None);
    let file = || ConfigFile { key_slots: NonZeroUsize::new(8), ..ConfigFile::default() };
    let typed = ServeArgs { key_slots: NonZeroUsize::new(2), ..ServeArgs::default() };
    assert_eq!(serve(typed, file(), &at_home()).unwrap().config.key_slots, NonZeroUsize::new(2));
    assert_eq!(serve(ServeArgs::default(), file(), &at_home()).unwrap().config.key_slots, NonZeroUsize::new(8));
}

#[test]
fn creates_are_not_counted_unless_that_is_asked_for() {
    assert_eq!(served(ServeArgs::default()).unwrap().creates_per_minute, None);
    let file = ConfigFile { creates_per_minute: NonZeroU32::new(2000), ..ConfigFile::default() };
    assert_eq!(serve(ServeArgs::default(), file, &at_home()).unwrap().config.creates_per_minute, NonZeroU32::new(2000));
}

#[test]
fn documents_are_found_by_meaning_with_a_pack_that_is_named() {
    let named = |path: &str| StoreArgs { embeddings: Some(path.into()), ..StoreArgs::default() };
    let typed = |path| ServeArgs { store: named(path), ..ServeArgs::default() };
    let file = || ConfigFile { embeddings: Some("/in/file".into()), ..ConfigFile::default() };
    let used = |args, file| serve(args, file, &at_home()).unwrap().config.embeddings;
    assert_eq!(used(ServeArgs::default(), ConfigFile::default()), None);
    assert_eq!(used(ServeArgs::default(), file()), Some("/in/file".into()));
    assert_eq!(used(typed("/typed"), file()), Some("/typed".into()));
    assert_eq!(used(typed(""), ConfigFile::default()), None);
}

#[test]
fn labels_follow_a_measurement_that_is_named() {
    assert_eq!(served(ServeArgs::default()).unwrap().calibration, None);
    let named = |path: &str| StoreArgs { calibration: Some(path.into()), ..StoreArgs::default() };
    let file = || ConfigFile { calibration: Some("/in/file.json".into()), ..ConfigFile::default() };
    let typed = |path| ServeArgs { store: named(path), ..ServeArgs::default() };
    assert_eq!(
        serve(ServeArgs::default(), file(), &at_home()).unwrap().config.calibration,
        Some("/in/file.json".into())
    );
    assert_eq!(serve(typed("/typed.json"), file(), &at_home()).unwrap().config.calibration, Some("/typed.json".into()));
    assert_eq!(served(typed("")).unwrap().calibration, None);
}

#[test]
fn an_address_may_be_short() {
    for (given, meant) in
        [("0", "127.0.0.1:0"), ("9000", "127.0.0.1:9000"), ("localhost:9000", "127.0.0.1:9000"), ("[::1]:1", "[::1]:1")]
    {
        assert_eq!(served(listening(given)).unwrap().listen.to_string(), meant);
    }
    for odd in ["", "example.com:80", "127.0.0.1", "1.2.3.4:99999"] {
        assert!(matches!(served(listening(odd)), Err(BadConfig::Listen(_))), "{odd}");
    }
}

#[test]
fn beyond_loopback_it_wants_a_key_and_says_how() {
    let beyond = served(listening("0.0.0.0:8787")).unwrap();
    let refused = check_reach(&beyond, 0).unwrap_err();
    assert!(matches!(refused, BadConfig::NeedsKey(_)), "{refused}");
    let hint = refused.hint().unwrap();
    assert!(hint.contains("`legwork key create NAME`"), "{hint}");
    assert!(hint.contains(": legwork serve --listen 0.0.0.0:8787 --accept-key "), "{hint}");
    assert!(check_reach(&beyond, 1).is_ok(), "there is one in the store");
    let keyed = ServeArgs { accept_keys: vec!["k".to_owned()], ..listening("0.0.0.0:8787") };
    let keyed = served(keyed).unwrap();
    assert!(check_reach(&keyed, 0).is_ok());
    assert_eq!(keyed.accept_keys, ["k"]);
}

#[test]
fn behind_a_public_address_it_wants_a_key_and_says_how() {
    let public = || ServeArgs { public_url: Some("https://tasks.example.com".to_owned()), ..ServeArgs::default() };
    let refused = check_reach(&served(public()).unwrap(), 0).unwrap_err();
    assert!(matches!(refused, BadConfig::NeedsKeyAt(_)), "{refused}");
    let hint = refused.hint().unwrap();
    assert!(hint.contains(": legwork serve --public-url https://tasks.example.com/ --accept-key "), "{hint}");
    let keyed = served(ServeArgs { accept_keys: vec!["k".to_owned()], ..public() }).unwrap();
    assert!(check_reach(&keyed, 0).is_ok() && check_reach(&served(public()).unwrap(), 1).is_ok());
}

#[test]
fn keys_come_from_files_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    std::fs::write(&path, "# ours\none\n\n  two \n").unwrap();
    let given = vec![format!("@{}", path.display()), "three".to_owned()];
    assert_eq!(keys(given).unwrap(), ["one", "two", "three"]);
    assert!(matches!(keys(vec!["@/nowhere/at/all".to_owned()]), Err(BadConfig::KeyFile { .. })));
    for odd in ["", "two words", "é"] {
        assert!(matches!(keys(vec![odd.to_owned()]), Err(BadConfig::Key)), "{odd}");
    }
}

#[test]
fn a_store_is_a_folder_or_a_database() {
    let node = |at: &str, environment: &Environment| {
        let args = ServeArgs { store: stored(at), ..ServeArgs::default() };
        match serve(args, ConfigFile::default(), environment).unwrap().config.store {
            StoreAt::Database { node, .. } => node,
            StoreAt::Folder(folder) => panic!("{at} is no folder {}", folder.display()),
        }
    };
    // What a process keeps for itself lies at home, in one place whatever the password is.
    let home = node("postgres://u:secret@h/d", &at_home());
    assert!(home.starts_with("/home/ada"));
    assert_eq!(home, node("postgres://u:other@h/d", &at_home()));
    assert_ne!(home, node("postgresql://h", &at_home()));
    node("postgres://u:secret@h/d", &Environment::default());
    assert!(served(ServeArgs { store: stored("redis://h"), ..ServeArgs::default() }).is_err());
    let homeless = serve(ServeArgs::default(), ConfigFile::default(), &Environment::default());
    assert!(matches!(homeless, Err(BadConfig::NoHome)));
}

/// The address a command will talk to; `None` when it is whoever runs on the store.
fn talks_to(args: TargetArgs, file: ConfigFile, environment: &Environment) -> Option<(String, Option<String>)> {
    match target(args, || Ok(EngineArgs::default()), file, environment).unwrap() {
        Target::Server { url, key, .. } => Some((url, key)),
        Target::Store(_) => None,
    }
}

#[test]
fn a_server_is_found_in_the_order_in_which_it_was_meant() {
    let text = |text: &str| Some(text.to_owned());
    let file = || ConfigFile { server: text("http://file"), api_key: text("of the file"), ..ConfigFile::default() };
    let sdk = Environment { parallel_base_url: text("http://sdk"), parallel_api_key: text("of the sdk"), ..at_home() };
    let typed = || TargetArgs { server: text("http://typed"), api_key: text("typed"), ..TargetArgs::default() };
    assert_eq!(talks_to(typed(), file(), &sdk), Some(("http://typed".to_owned(), text("typed"))));
    assert_eq!(talks_to(TargetArgs::default(), file(), &sdk), Some(("http://sdk".to_owned(), text("of the sdk"))));
    assert_eq!(
        talks_to(TargetArgs::default(), file(), &at_home()),
        Some(("http://file".to_owned(), text("of the file")))
    );
    assert_eq!(talks_to(TargetArgs { store: stored("/s"), ..TargetArgs::default() }, file(), &sdk), None);
    assert_eq!(talks_to(TargetArgs::default(), ConfigFile::default(), &at_home()), None);
}

#[test]
fn a_command_on_a_store_listens_where_nobody_else_does_and_stops_at_once() {
    let Target::Store(local) =
        target(TargetArgs::default(), || Ok(EngineArgs::default()), ConfigFile::default(), &at_home()).unwrap()
    else {
        panic!("no server was named")
    };
    assert_eq!((local.config.listen.port(), local.config.drain), (0, Duration::ZERO));
    assert!(local.config.listen.ip().is_loopback());
}

#[test]
fn the_engine_of_a_command_calls_this_machine_only_where_serve_would() {
    let engine = |keys: &[&str]| {
        let accept_keys = keys.iter().map(|key| (*key).to_owned()).collect();
        let file = ConfigFile { accept_keys, ..ConfigFile::default() };
        target(TargetArgs::default(), || Ok(EngineArgs::default()), file, &at_home()).unwrap()
    };
    let targets = |target| {
        let Target::Store(local) = target else { panic!("no server was named") };
        local.config.webhooks.targets
    };
    assert!(targets(engine(&[])).hosts.is_empty(), "that there are no keys says enough");
    let mut keyed = engine(&["sesame"]);
    keyed.allow("127.0.0.1:5000".parse().unwrap());
    assert_eq!(targets(keyed).hosts, ["127.0.0.1:5000"]);
}

#[test]
fn what_the_environment_says_of_webhooks_matters_only_on_a_store() {
    let odd = || Err(BadConfig::Variable("odd".to_owned()));
    let typed = TargetArgs { server: Some("http://h".to_owned()), ..TargetArgs::default() };
    assert!(target(typed, odd, ConfigFile::default(), &at_home()).is_ok());
    assert!(target(TargetArgs::default(), odd, ConfigFile::default(), &at_home()).is_err());
}

#[test]
fn a_server_on_this_machine_calls_over_loopback() {
    for url in ["http://127.0.0.1:8787", "http://localhost:1/", "http://[::1]:8787"] {
        let server = Target::Server { url: url.to_owned(), key: None, named: true };
        assert!(server.reaches_us_at().is_loopback(), "{url}");
    }
}

#[test]
fn the_next_command_can_be_told_whom_to_talk_to() {
    let option = |args| target(args, || Ok(EngineArgs::default()), ConfigFile::default(), &at_home()).unwrap().option();
    assert_eq!(option(TargetArgs::default()), "");
    assert_eq!(
        option(TargetArgs { store: stored("/it's here"), ..TargetArgs::default() }),
        r" --store '/it'\''s here'"
    );
    let server = Some("http://127.0.0.1:1".to_owned());
    assert_eq!(option(TargetArgs { server, ..TargetArgs::default() }), " --server http://127.0.0.1:1");
}
