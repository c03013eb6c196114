//! What is typed, set and written down about providers of search becomes.

use super::*;
use crate::config_file::ConfigFile;

fn file(text: &str) -> SearchFile {
    let file: ConfigFile = toml::from_str(text).unwrap();
    file.search
}

fn environment(settings: &[(&str, &str)], keys: &[(&'static str, &str)]) -> Environment {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Environment {
        search_settings: settings.iter().map(owned).collect(),
        search_keys: keys.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        ..Environment::default()
    }
}

fn resolved(typed: &[&str], text: &str, environment: &Environment) -> Result<Search, BadConfig> {
    search(typed.iter().map(|name| (*name).to_owned()).collect(), file(text), environment)
}

fn names(search: &Search) -> Vec<&str> {
    search.providers.iter().map(|provider| provider.name.as_str()).collect()
}

/// What is wrong, and what to try.
fn refused(typed: &[&str], text: &str, settings: &[(&str, &str)]) -> (String, Option<String>) {
    let refused = resolved(typed, text, &environment(settings, &[])).unwrap_err();
    (refused.to_string(), refused.hint())
}

#[test]
fn without_a_word_wikipedia_is_asked_politely() {
    let search = usual_search();
    let [wiki] = &search.providers[..] else { panic!("{search:?}") };
    assert_eq!((wiki.name.as_str(), wiki.base.as_str()), ("wikipedia", "https://en.wikipedia.org/"));
    assert_eq!((wiki.key.clone(), wiki.per_second, wiki.at_once), (None, Some(5.0), NonZeroUsize::MIN));
    assert_eq!(resolved(&[], "", &Environment::default()).unwrap(), search);
    assert_eq!(resolved(&[""], "", &Environment::default()).unwrap(), search, "an empty variable says nothing");
}

#[test]
fn nobody_is_asked_if_that_is_wanted() {
    let text = "[search]\nuse = ['wikipedia']";
    assert_eq!(resolved(&["none"], text, &Environment::default()).unwrap(), Search::default());
    assert_eq!(resolved(&[], "[search]\nuse = ['none']", &Environment::default()).unwrap(), Search::default());
    let (why, _) = refused(&["none", "wikipedia"], "", &[]);
    assert_eq!(why, "the search provider `none` is nobody, and stands alone");
}

#[test]
fn those_that_are_named_are_asked_else_those_that_have_a_table() {
    let text =
        "[search.searxng]\nbase_url = 'http://127.0.0.1:8888/searx'\nweight = 0.5\n[search.wikipedia]\nlanguage = 'de'";
    let all = resolved(&[], text, &Environment::default()).unwrap();
    assert_eq!(names(&all), ["searxng", "wikipedia"]);
    assert_eq!((all.providers[0].weight, all.providers[0].at_once.get()), (0.5, 4));
    assert_eq!(all.providers[1].base.as_str(), "https://de.wikipedia.org/");
    let typed = resolved(&["wikipedia", "searxng", "wikipedia"], text, &Environment::default()).unwrap();
    assert_eq!(names(&typed), ["wikipedia", "searxng"]);
    let used = format!("[search]\nuse = ['wikipedia']\n{text}");
    assert_eq!(names(&resolved(&[], &used, &Environment::default()).unwrap()), ["wikipedia"]);
}

#[test]
fn a_vendor_needs_a_key_and_it_is_taken_from_where_it_was_meant() {
    let (why, hint) = refused(&["brave"], "", &[]);
    assert_eq!(why, "the search provider `brave` has no key");
    let told = "give it as LEGWORK_SEARCH_BRAVE_KEY, or as `key` in the table [search.brave] of the settings file";
    assert_eq!(hint.as_deref(), Some(told));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("brave.key");
    std::fs::write(&path, "# ours\nof the file\n").unwrap();
    let text = format!("[search.brave]\nkey = '@{}'", path.display());
    let key = |typed: &[&str], text: &str, environment: &Environment| {
        let search = resolved(typed, text, environment).unwrap();
        assert!(!format!("{search:?}").contains("of the"), "it is shown by nothing");
        search.providers[0].key.as_ref().unwrap().reveal().to_owned()
    };
    let vendors = environment(&[], &[("BRAVE_API_KEY", "of the vendor")]);
    let ours = environment(&[("BRAVE_KEY", "of the variable")], &[("BRAVE_API_KEY", "of the vendor")]);
    assert_eq!(key(&["brave"], "", &vendors), "of the vendor");
    assert_eq!(key(&[], &text, &vendors), "of the file");
    assert_eq!(key(&[], &text, &ours), "of the variable");
}

#[test]
fn a_key_that_lies_around_is_a_hint_and_nothing_else() {
    let environment = environment(&[], &[("BRAVE_API_KEY", "a"), ("KAGI_API_KEY", "b")]);
    let usual = resolved(&[], "", &environment).unwrap();
    assert_eq!(names(&usual), ["wikipedia"]);
    let told = hints(&usual, &environment);
    assert_eq!(told[0], "BRAVE_API_KEY is set, and is not used: with `--search brave` it is");
    assert_eq!(told.len(), 2);
    let kagi = resolved(&["kagi"], "", &environment).unwrap();
    assert_eq!(hints(&kagi, &environment).len(), 1);
}

#[test]
fn variables_go_before_the_file_and_are_of_the_provider_with_the_longer_name() {
    let text = "[search.a]\nkind = 'searxng'\nbase_url = 'http://one.example'\n[search.a-b]\nkind = 'searxng'\nbase_url = 'http://two.example'";
    let settings = [
        ("A_BASE_URL", "http://three.example"),
        ("A_B_PER_SECOND", "0.5"),
        ("A_B_HEADERS", r#"{ "X-Team" = "blue" }"#),
        ("OTHER_KEY", "of nobody who is asked"),
    ];
    let search = resolved(&[], text, &environment(&settings, &[])).unwrap();
    assert_eq!(search.providers[0].base.as_str(), "http://three.example/");
    assert_eq!((search.providers[1].per_second, search.providers[1].headers[0].0.as_str()), (Some(0.5), "X-Team"));
    let (why, _) = refused(&[], text, &[("A_PER_SECOND", "sesame")]);
    let told = "the search provider `a` is told by LEGWORK_SEARCH_A_PER_SECOND what cannot be read; write it as in the settings file";
    assert_eq!(why, told);
    let (why, _) = refused(&[], text, &[("A_KYE", "sesame")]);
    assert_eq!(why, "the search provider `a` is told by LEGWORK_SEARCH_A_KYE what is no setting: `kye`");
}

#[test]
fn anything_over_http_is_described_by_a_template() {
    let text = r#"
        [search.ours]
        kind = "http"
        url = "https://search.example/{query}?n={count}&token={key}"
        key = "sesame"
        operators = true
        pointers = { list = "/items", published = "/date" }
    "#;
    let search = resolved(&[], text, &Environment::default()).unwrap();
    assert_eq!(search.providers[0].base.as_str(), "https://search.example/words?n=1&token=key");
    let Engine::Http(template) = &search.providers[0].engine else { panic!("{search:?}") };
    assert!(template.operators && template.url.contains("{query}"));
    assert_eq!((template.pointers.list.as_str(), template.pointers.title.as_str()), ("/items", "/title"));
    for (table, why) in [
        ("", "is called over HTTP, and has no `url`"),
        ("url = 'https://a.example/'", "has no `{query}` in its `url` or its `body`"),
        ("url = 'ftp://a.example/{query}'", "has an address that is no http or https URL"),
        ("url = 'https://a.example/{query}'\nkey = 'a'", "has a key, and no `{key}` in its `url` or its `body`"),
        ("url = 'https://a.example/'\nbody = '{query}'", "has a `body` that is no JSON"),
        ("url = 'https://a.example/{query}'\nbody = '{'", "has a `body` that is no JSON"),
        (
            "url = 'https://a.example/{query}'\nbase_url = 'https://a.example'",
            "has a `base_url`, and is called at its `url`",
        ),
        (
            "url = 'https://a.example/{query}'\npointers = { list = 'items' }",
            "has a pointer that is none: `items`; they begin with `/`",
        ),
    ] {
        let (told, _) = refused(&[], &format!("[search.x]\nkind = 'http'\n{table}"), &[]);
        assert_eq!(told, format!("the search provider `x` {why}"), "{table}");
    }
}

#[test]
fn a_tool_of_an_mcp_server_needs_its_name_and_its_address() {
    let table =
        "[search.x]\nkind = 'mcp'\nbase_url = 'https://mcp.example/mcp'\ntool = 'web_search'\ncount_argument = 'n'";
    let search = resolved(&[], table, &Environment::default()).unwrap();
    let Engine::Mcp(tool) = &search.providers[0].engine else { panic!("{search:?}") };
    assert_eq!((tool.argument.as_str(), tool.count.as_deref(), &tool.pointers), ("query", Some("n"), &None));
    let (why, _) = refused(&[], "[search.x]\nkind = 'mcp'\ntool = 't'", &[]);
    assert_eq!(why, "the search provider `x` has no address");
    let (why, _) = refused(&[], "[search.x]\nkind = 'mcp'\nbase_url = 'https://a.example'", &[]);
    assert_eq!(why, "the search provider `x` is a tool of an MCP server, and has no `tool`");
}

#[test]
fn what_cannot_be_is_refused_in_words() {
    for (typed, text, why) in [
        (&["gogle"][..], "", "the search provider `gogle` is not known"),
        (
            &["A b"],
            "",
            "the search provider `A b` has no name that one can have: write small letters, digits, `-` and `_`",
        ),
        (&[], "[search.x]\nkey = 'a'", "the search provider `x` is of no kind that there is: `x`"),
        (&["searxng"], "", "the search provider `searxng` has no address"),
        (
            &[],
            "[search.brave]\nkey = 'a'\ntool = 'b'",
            "the search provider `brave` is of the kind brave, which has no setting `tool`",
        ),
        (
            &[],
            "[search.wikipedia]\nkey = 'a'",
            "the search provider `wikipedia` is of the kind wikipedia, which has no setting `key`",
        ),
        (
            &[],
            "[search.wikipedia]\nlanguage = 'd/e'",
            "the search provider `wikipedia` has no `language` that there is: `d/e`",
        ),
        (
            &[],
            "[search.wikipedia]\nweight = 0",
            "the search provider `wikipedia` has a `weight` that is no number above 0",
        ),
        (
            &[],
            "[search.wikipedia]\nper_second = inf",
            "the search provider `wikipedia` has a `per_second` that is no number above 0",
        ),
    ] {
        assert_eq!(refused(typed, text, &[]).0, why);
    }
    let (_, hint) = refused(&["gogle"], "", &[]);
    assert!(hint.unwrap().starts_with("known are wikipedia, brave, tavily, exa, serper, kagi, parallel, searxng, and"));
}
