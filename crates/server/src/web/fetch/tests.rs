//! Fetching from sites of our own.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::poll;

use super::*;
use crate::clock::TestClock;
use crate::read::pdf_tests::{child, pdf};
use crate::testing::{MONDAY, Reply, Site};

const SENTENCE: &str = "The Zelkova probe was launched in 2019, and it was built by Anna Larch in Oslo, with care. ";

/// A fetcher that finds every name on this machine, at a clock of its own.
struct Reader {
    fetcher: Fetcher,
    clock: Arc<TestClock>,
    names: Arc<Mutex<Vec<String>>>,
}

impl Reader {
    /// One that may go to these sites, each under the name `site.example` and as the number it has.
    fn of(sites: &[&Site]) -> Self {
        Self::with(&Fetch { allow_hosts: hosts(sites), ..Fetch::default() })
    }

    fn with(settings: &Fetch) -> Self {
        let (clock, names) = (Arc::new(TestClock::at(MONDAY)), Arc::<Mutex<Vec<String>>>::default());
        let asked = names.clone();
        let look_up = Names::by(move |name, port| {
            asked.lock().unwrap().push(name.to_owned());
            Ok(vec![(IpAddr::from(Ipv4Addr::LOCALHOST), port).into()])
        });
        let own = "127.0.0.1:1".parse().unwrap();
        let fetcher = Fetcher::with(settings, own, &look_up, clock.clone(), child());
        Self { fetcher, clock, names }
    }

    async fn read(&self, url: &str) -> Result<Page, Trouble> {
        self.read_as(url, How { patience: Duration::from_mins(1), ..How::USUAL }).await
    }

    async fn read_as(&self, url: &str, how: How) -> Result<Page, Trouble> {
        self.fetcher.fetch(&url.parse().unwrap(), how).await
    }

    async fn trouble(&self, url: &str) -> (Class, String) {
        let trouble = self.read(url).await.expect_err(url);
        (trouble.class, trouble.why)
    }
}

fn hosts(sites: &[&Site]) -> Vec<String> {
    let names = ["site.example", "127.0.0.1"];
    sites.iter().flat_map(|site| names.map(|name| format!("{name}:{}", site.port()))).collect()
}

fn at(site: &Site, path: &str) -> String {
    format!("http://site.example:{}{path}", site.port())
}

fn article(title: &str, sentences: usize) -> String {
    format!(
        "<html><head><title>{title}</title></head><body><article><h1>{title}</h1><p>{}</p></article></body></html>",
        SENTENCE.repeat(sentences)
    )
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

#[tokio::test]
async fn a_page_is_read_with_all_that_it_says_of_itself() {
    let site = Site::start().await;
    let page = format!(
        "<html><head><title>The Zelkova probe</title><meta property='article:published_time' content='2019-05-17T08:00Z'></head>\
         <body><nav><a href=/menu>Menu</a></nav><article><h1>The Zelkova probe</h1><p>{0}</p><p>{0} See <a href='/oslo#top'>Oslo</a>, \
         <a href='https://other.example/?utm_source=x'>another</a>, <a href='mailto:a@b'>mail</a>.</p></article></body></html>",
        SENTENCE.repeat(4)
    );
    site.says("/probe?id=1", Reply::html(packed(page.as_bytes())).with("content-encoding", "gzip"));
    let contact = Some("https://ours.example/bot".parse().unwrap());
    let reader = Reader::with(&Fetch { allow_hosts: hosts(&[&site]), contact, ..Fetch::default() });
    let url = at(&site, "/probe?id=1");
    let read = reader.read(&format!("{url}#crew")).await.unwrap();
    assert!(read.text.contains(SENTENCE.trim_end()) && !read.text.contains("Menu"), "{}", read.text);
    let Page { title, published, kind, truncated, fetched_at, .. } = &read;
    assert_eq!(
        (title.as_str(), published.as_deref(), kind.as_str()),
        ("The Zelkova probe", Some("2019-05-17"), "html")
    );
    assert_eq!(
        (read.url.as_str(), read.final_url.as_str(), &read.hash),
        (url.as_str(), url.as_str(), &hash_of(&read.text))
    );
    assert_eq!((*truncated, *fetched_at), (false, MONDAY));
    let links: Vec<_> = read.links.iter().map(|link| (link.url.as_str(), link.text.as_str())).collect();
    assert_eq!(links, [(at(&site, "/oslo").as_str(), "Oslo"), ("https://other.example/?utm_source=x", "another")]);
    let kept = serde_json::to_string(&read).unwrap();
    assert_eq!(serde_json::from_str::<Page>(&kept).unwrap(), read);
    let asked = site.asked();
    let headers = &asked.last().unwrap().headers;
    let agent = concat!("legwork/", env!("CARGO_PKG_VERSION"), " (+https://ours.example/bot)");
    assert_eq!(
        (headers["user-agent"].to_str().unwrap(), headers["accept-encoding"].to_str().unwrap()),
        (agent, "gzip")
    );
    assert!(!headers.contains_key("cookie") && !headers.contains_key("referer"));
}

#[tokio::test]
async fn redirects_are_followed_five_times_and_no_more() {
    let site = Site::start().await;
    let reader = Reader::of(&[&site]);
    for hop in 1..=6 {
        site.says(&format!("/{hop}"), Reply::to(&format!("./{}", hop - 1)));
    }
    site.says("/0", Reply::html(article("The probe", 5)));
    let read = reader.read(&at(&site, "/5")).await.unwrap();
    assert_eq!((read.url, read.final_url), (at(&site, "/5"), at(&site, "/0")));
    let (class, why) = reader.trouble(&at(&site, "/6")).await;
    assert!(class == Class::Status && why.ends_with("more than 5 times"), "{why}");
    site.says("/round", Reply::to("/round"));
    assert_eq!(reader.trouble(&at(&site, "/round")).await.0, Class::Status);
    site.says("/nowhere", Reply::status(301, ""));
    assert_eq!(
        reader.trouble(&at(&site, "/nowhere")).await,
        (Class::Status, "it says 301 Moved Permanently and does not say where to".to_owned())
    );
}

#[tokio::test]
async fn a_redirect_leads_nowhere_that_may_not_be_gone_to() {
    let (site, secret) = (Site::start().await, Site::start().await);
    secret.says("/", Reply::html(article("The secret", 5)));
    let reader = Reader::of(&[&site]);
    let port = secret.port();
    for (to, class) in [
        (format!("http://127.0.0.1:{port}/"), Class::Forbidden),
        (format!("http://site.example:{port}/"), Class::Forbidden),
        (format!("http://2130706433:{port}/"), Class::Forbidden),
        (format!("//[::ffff:127.0.0.1]:{port}/"), Class::Forbidden),
        ("http://169.254.169.254/latest/meta-data/".to_owned(), Class::Forbidden),
        ("http://other.example/".to_owned(), Class::Forbidden),
        ("http://a.example:22/".to_owned(), Class::Forbidden),
        ("http://user:word@site.example/".to_owned(), Class::Address),
        ("file:///etc/passwd".to_owned(), Class::Address),
        ("javascript:alert(1)".to_owned(), Class::Address),
    ] {
        site.says("/", Reply::to(&to));
        let (got, why) = reader.trouble(&at(&site, "/")).await;
        assert!(got == class && why.starts_with("it leads to "), "{to}: {why}");
    }
    assert_eq!(secret.asked().len(), 0);
}

#[tokio::test]
async fn a_name_is_judged_by_where_it_leads_at_that_moment_and_asked_for_once() {
    let secret = Site::start().await;
    let reader =
        Reader::with(&Fetch { allow_hosts: vec![format!("listed.example:{}", secret.port())], ..Fetch::default() });
    let (class, why) = reader.trouble("http://rebound.example/").await;
    assert_eq!(class, Class::Forbidden);
    assert!(
        why.starts_with("rebound.example may not be called: it is an address of the server's own machine"),
        "{why}"
    );
    assert!(why.ends_with("--fetch-allow-host HOST[:PORT]"), "{why}");
    assert_eq!(*reader.names.lock().unwrap(), ["rebound.example"]);
    secret.says("/", Reply::html(article("The probe", 5)));
    let listed = format!("http://listed.example:{}/", secret.port());
    assert!(reader.read(&listed).await.is_ok(), "the operator said so");
}

#[tokio::test]
async fn no_spelling_of_an_address_leads_to_this_machine_or_its_network() {
    let reader = Reader::with(&Fetch::default());
    for url in crate::reach::ATTACKS {
        assert_eq!(reader.trouble(url).await.0, Class::Forbidden, "{url}");
    }
    for url in ["ftp://a.example/", "data:text/plain,x", "http://user@a.example/", "about:blank"] {
        assert_eq!(reader.trouble(url).await.0, Class::Address, "{url}");
    }
    assert_eq!(reader.trouble(&format!("http://a.example/{}", "x".repeat(9000))).await.0, Class::Address);
    assert!(reader.names.lock().unwrap().is_empty(), "no name was asked for");
}

#[tokio::test]
async fn no_more_is_read_than_may_be() {
    let site = Site::start().await;
    let reader = Reader::of(&[&site]);
    let bomb = packed(&vec![b' '; 64 << 20]);
    site.says("/bomb", Reply::html(bomb).with("content-encoding", "gzip"));
    assert_eq!(
        reader.trouble(&at(&site, "/bomb")).await,
        (Class::TooLarge, "it unpacks to more than 50 times its size".to_owned())
    );
    let line = SENTENCE.repeat(100) + "\n";
    site.says("/log", Reply::typed("text/plain", line.clone()).endless());
    let read = reader.read(&at(&site, "/log")).await.unwrap();
    assert!(read.truncated && read.text.len() <= visit::MOST, "{}", read.text.len());
    site.says("/endless.pdf", Reply::typed("application/pdf", [pdf(&["x"]), vec![b' '; 1000]].concat()).endless());
    assert_eq!(
        reader.trouble(&at(&site, "/endless.pdf")).await,
        (Class::TooLarge, "it is larger than 8 MiB".to_owned())
    );
    site.says("/film", Reply::typed("video/mp4", line).endless());
    assert_eq!(reader.trouble(&at(&site, "/film")).await.0, Class::NotText);
}

#[tokio::test]
async fn who_does_not_come_to_an_end_is_left_when_patience_is() {
    let site = Site::start().await;
    let reader = Reader::of(&[&site]);
    site.says("/silent", Reply::html(article("The probe", 5)).held());
    site.says("/slow", Reply::html("<html><p>The probe").stuck());
    for path in ["/silent", "/slow"] {
        let how = How { patience: Duration::from_millis(100), ..How::USUAL };
        let trouble = reader.read_as(&at(&site, path), how).await.unwrap_err();
        assert_eq!((trouble.class, trouble.why.as_str()), (Class::Time, "there was no page within 0.1 s"), "{path}");
    }
}

#[tokio::test]
async fn a_pdf_is_read_by_a_child_and_no_hostile_one_does_harm() {
    let site = Site::start().await;
    let reader = Reader::of(&[&site]);
    let good = pdf(&["The probe was built by Anna Larch."]);
    site.says("/good", Reply::typed("application/octet-stream", good.clone()));
    let read = reader.read(&at(&site, "/good")).await.unwrap();
    assert_eq!((read.kind.as_str(), read.title.as_str()), ("pdf", "The Zelkova probe"));
    assert!(read.text.contains("built by Anna Larch"), "{}", read.text);
    let deep = [b"%PDF-1.4\n1 0 obj\n".to_vec(), b"[".repeat(3_000_000)].concat();
    let wild = good.iter().map(|byte| if *byte == b'<' { b'(' } else { *byte }).collect();
    for (name, bytes) in
        [("cut", good[..good.len() / 3].to_vec()), ("deep", deep), ("wild", wild), ("zip", b"PK\x03\x04".to_vec())]
    {
        site.says("/hostile.pdf", Reply::typed("application/pdf", bytes));
        let (class, why) = reader.trouble(&at(&site, "/hostile.pdf")).await;
        assert_eq!(class, Class::NotText, "{name}: {why}");
    }
}

#[tokio::test]
async fn a_text_is_decoded_by_what_its_host_or_itself_says() {
    let site = Site::start().await;
    let reader = Reader::of(&[&site]);
    let text = "Москва является столицей России и крупнейшим городом страны.";
    let page = |meta: &str| format!("<html><head>{meta}<title>Москва</title></head><body><p>{text}</p></body></html>");
    let cyrillic = |text: String| encoding_rs::WINDOWS_1251.encode(&text).0.into_owned();
    let wide = |text: String| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    for (path, media, bytes) in [
        ("/header", "text/html; charset=windows-1251", cyrillic(page(""))),
        ("/before", "text/html; charset=windows-1251", cyrillic(page("<meta charset=iso-8859-1>"))),
        ("/meta", "text/html", cyrillic(page("<meta charset='windows-1251'>"))),
        ("/guess", "text/html", cyrillic(page(""))),
        ("/wrong", "text/html; charset=windows-1251", page("").into_bytes()),
        ("/mark", "text/html", [b"\xff\xfe".to_vec(), wide(page(""))].concat()),
    ] {
        site.says(path, Reply::typed(media, bytes));
        let read = reader.read(&at(&site, path)).await.unwrap();
        assert_eq!((read.title.as_str(), read.text.trim()), ("Москва", text), "{path}");
    }
}

#[tokio::test]
async fn every_kind_becomes_a_text_and_what_is_none_is_told() {
    let site = Site::start().await;
    let reader = Reader::of(&[&site]);
    let feed = "<?xml version='1.0'?><rss><channel><title>News</title><item><title>The probe</title>\
                <description>&lt;p&gt;Built in &lt;b&gt;Oslo&lt;/b&gt;.&lt;/p&gt;</description><pubDate>2019</pubDate></item></channel></rss>";
    for (path, media, body, kind, part) in [
        ("/a.csv", "text/csv", "City,People\nOslo,700000\n", "csv", "City: Oslo; People: 700000"),
        ("/a.json", "application/json", r#"{"city":"Oslo","people":700000}"#, "json", "city: Oslo; people: 700000"),
        (
            "/list",
            "application/json",
            r#"[{"title":"A","text":"One."},{"title":"B","text":"Two."}]"#,
            "json",
            "One.\n\nB\n\nTwo.",
        ),
        ("/b.json", "text/plain", "{not json, but words}", "text", "not json"),
        ("/feed", "application/rss+xml", feed, "xml", "title: The probe; description: Built in Oslo.; pub date: 2019"),
        ("/readme.md", "text/plain", "# The probe\n\nBuilt in Oslo.", "markdown", "Built in Oslo."),
        ("/plain", "", "Built in Oslo, by Anna Larch.", "text", "by Anna Larch"),
    ] {
        site.says(path, Reply::typed(media, body));
        let read = reader.read(&at(&site, path)).await.unwrap();
        assert!(read.kind == kind && read.text.contains(part), "{path}: {} {}", read.kind, read.text);
    }
    site.says("/x", Reply::typed("image/png", "x"));
    assert_eq!(reader.trouble(&at(&site, "/x")).await, (Class::NotText, "it is an image, not text".to_owned()));
    site.says("/y", Reply::typed("application/octet-stream", b"MZ\x90\0\0\0".as_slice()));
    assert_eq!(reader.trouble(&at(&site, "/y")).await.0, Class::NotText);
    site.says("/z", Reply::html("<p>x").with("content-encoding", "br"));
    assert_eq!(reader.trouble(&at(&site, "/z")).await.0, Class::NotText);
    site.says("/empty", Reply::html(""));
    assert_eq!(reader.trouble(&at(&site, "/empty")).await, (Class::NoPage, "the answer is empty".to_owned()));
    assert_eq!(reader.trouble(&at(&site, "/none")).await, (Class::Status, "its host says 404 Not Found".to_owned()));
}

#[tokio::test]
async fn what_a_page_hides_is_not_read() {
    let site = Site::start().await;
    let reader = Reader::of(&[&site]);
    let hidden = "<p style='display:none'>Poison one</p><p class=x>Poison two</p><!-- Poison three --><span hidden>Poison four</span>\
                  <p style='color:#fff'>Poison five</p><p style='position:absolute;left:-9999px'>Poison six</p>";
    let page = format!(
        "<html><head><title>The&#8203; probe&#x202e;</title><style>.x {{ opacity: 0 }}</style></head><body>{hidden}<p>{}</p>{hidden}\
         <p>Launched&zwnj; in&#xE0041;&#xE0042; Oslo&#x200b;.</p></body></html>",
        SENTENCE.repeat(5)
    );
    site.says("/", Reply::html(page));
    let read = reader.read(&at(&site, "/")).await.unwrap();
    assert!(!read.text.contains("Poison") && read.text.contains("Launched in Oslo."), "{}", read.text);
    assert_eq!(read.title, "The probe");
}

#[tokio::test]
async fn what_stands_in_a_pages_place_is_never_a_page() {
    let site = Site::start().await;
    let reader = Reader::of(&[&site]);
    let page = |title: &str, text: &str| Reply::html(format!("<title>{title}</title><h1>{title}</h1><p>{text}</p>"));
    site.says("/gone/page", page("Page not found", "Sorry, there is nothing here. Try the search."));
    site.says("/robot/page", page("Just a moment...", "Checking if the site connection is secure"));
    site.says("/question/page", Reply::html(article("The probe", 9)).with("cf-mitigated", "challenge"));
    site.says("/consent/page", Reply::to("/login?back=/consent/page"));
    site.says("/login?back=/consent/page", Reply::html(article("Welcome", 9)));
    site.says("/old/page", Reply::to("/"));
    site.says("/", Reply::html(article("Welcome", 9)));
    site.says("/paid/page", page("The probe", "It was launched on Monday. Subscribe to continue reading."));
    site.says(
        "/scripts/page",
        Reply::html("<title>App</title><div id=root></div><noscript>Enable JavaScript</noscript>"),
    );
    for path in ["gone", "robot", "question", "consent", "old", "paid", "scripts"] {
        let (class, why) = reader.trouble(&at(&site, &format!("/{path}/page"))).await;
        assert_eq!(class, Class::NoPage, "{path}: {why}");
    }
    let long = format!("{}<p>Subscribe to continue reading.</p>", article("The probe", 30));
    site.says("/metered", Reply::html(long));
    assert!(reader.read(&at(&site, "/metered")).await.unwrap().truncated);
}

#[tokio::test]
async fn robots_go_where_a_site_lets_them_and_ask_once_a_day() {
    let site = Site::start().await;
    let reader = Reader::of(&[&site]);
    let rules = |text: &str| site.says("/robots.txt", Reply::typed("text/plain", text.to_owned()));
    rules("User-agent: *\nDisallow: /\n\nUser-agent: legwork\nDisallow: /private\n");
    for path in ["/a", "/b", "/private/c"] {
        site.says(path, Reply::html(article("The probe", 5)));
    }
    assert!(reader.read(&at(&site, "/a")).await.is_ok() && reader.read(&at(&site, "/b")).await.is_ok());
    site.says("/lead", Reply::to("/private/c"));
    for path in ["/private/c", "/lead"] {
        let (class, why) = reader.trouble(&at(&site, path)).await;
        assert!(class == Class::Robots && why.contains("robots.txt"), "{why}");
    }
    assert_eq!(site.paths(), ["/a", "/b", "/lead"]);
    assert_eq!(site.asked().len(), 4, "the rules were asked for once");
    rules("User-agent: *\nDisallow:\n");
    reader.clock.pass(Duration::from_hours(23));
    assert!(reader.read(&at(&site, "/private/c")).await.is_err());
    reader.clock.pass(Duration::from_hours(2));
    assert!(reader.read(&at(&site, "/private/c")).await.is_ok());
    site.says("/robots.txt", Reply::status(503, ""));
    reader.clock.pass(Duration::from_hours(25));
    assert!(reader.read(&at(&site, "/a")).await.is_ok(), "it is known what they were");
}

#[tokio::test]
async fn a_site_whose_rules_cannot_be_had_is_left_alone_for_a_while() {
    let site = Site::start().await;
    let reader = Reader::of(&[&site]);
    site.says("/", Reply::html(article("The probe", 5)));
    for status in [500, 503, 429] {
        site.says("/robots.txt", Reply::status(status, "Disallow nothing"));
        let (class, why) = reader.trouble(&at(&site, "/")).await;
        assert!(class == Class::Robots && why.contains(&status.to_string()), "{why}");
        let asked = site.asked().len();
        assert!(reader.read(&at(&site, "/")).await.is_err());
        assert_eq!((site.asked().len(), site.paths().len()), (asked, 0));
        reader.clock.pass(Duration::from_mins(11));
    }
    for status in [404, 403, 410] {
        site.says("/robots.txt", Reply::status(status, "User-agent: *\nDisallow: /"));
        assert!(reader.read(&at(&site, "/")).await.is_ok(), "there are no rules");
        reader.clock.pass(Duration::from_hours(25));
    }
    site.says("/robots.txt", Reply::to("/rules"));
    site.says("/rules", Reply::typed("text/plain", "User-agent: *\nDisallow: /"));
    assert_eq!(reader.trouble(&at(&site, "/")).await.0, Class::Robots);
    let bold = Reader::with(&Fetch { allow_hosts: hosts(&[&site]), robots: false, contact: None });
    assert!(bold.read(&at(&site, "/")).await.is_ok(), "the operator said so");
}

#[tokio::test]
async fn a_site_that_wants_to_be_left_alone_is() {
    let site = Site::start().await;
    let reader = Reader::of(&[&site]);
    site.says("/a", Reply::status(429, "").with("retry-after", "120"));
    site.says("/b", Reply::html(article("The probe", 5)));
    let trouble = reader.read(&at(&site, "/a")).await.unwrap_err();
    assert_eq!((trouble.class, trouble.retry_after), (Class::Status, Some(120)));
    reader.clock.pass(Duration::from_secs(20));
    let trouble = reader.read(&at(&site, "/b")).await.unwrap_err();
    assert_eq!((trouble.why.as_str(), trouble.retry_after), ("its host says 429 Too Many Requests", Some(100)));
    assert_eq!(site.paths(), ["/a"]);
    reader.clock.pass(Duration::from_secs(100));
    assert!(reader.read(&at(&site, "/b")).await.is_ok());
    site.says("/c", Reply::status(503, "").with("retry-after", "0"));
    assert_eq!(reader.trouble(&at(&site, "/c")).await.0, Class::Status);
    assert_eq!(site.paths(), ["/a", "/b", "/c", "/c"], "it was asked once more at once");
}

#[tokio::test]
async fn a_host_at_which_nobody_answers_is_not_tried_again_at_once() {
    let site = Site::start().await;
    let (reader, address) = (Reader::of(&[&site]), ([127, 0, 0, 1], site.port()).into());
    let url = at(&site, "/");
    drop(site);
    // A listener is gone when its task has ended.
    let site = loop {
        if let Ok(listener) = std::net::TcpListener::bind(address) {
            break listener;
        }
        tokio::task::yield_now().await;
    };
    drop(site);
    assert_eq!(reader.trouble(&url).await.0, Class::Unreachable);
    let site = Site::start_at(address).await;
    site.says("/", Reply::html(article("The probe", 5)));
    reader.clock.pass(Duration::from_mins(9));
    assert_eq!(reader.trouble(&url).await.0, Class::Unreachable);
    assert_eq!(site.asked().len(), 0);
    reader.clock.pass(Duration::from_mins(2));
    assert!(reader.read(&url).await.is_ok());
}

#[tokio::test]
async fn two_who_want_one_page_ask_once_and_one_who_leaves_holds_up_no_other() {
    let site = Site::start().await;
    let reader = Reader::of(&[&site]);
    site.says("/", Reply::html(article("The probe", 5)).held());
    let (url, other) = (at(&site, "/"), at(&site, "/?utm_campaign=x&fbclid=1#top"));
    let mut first = Box::pin(reader.read(&url));
    let (mut second, mut third) = (pin!(reader.read(&other)), pin!(reader.read(&url)));
    assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending() && poll!(&mut third).is_pending());
    tokio::select! {
        () = site.is_asked("/") => {}
        _ = &mut first => panic!("nothing was said yet"),
    }
    drop(first);
    site.go_on();
    let (second, third) = (second.await.unwrap(), third.await.unwrap());
    assert_eq!((second.url, third.url.as_str(), &second.text), (other.replace("#top", ""), url.as_str(), &third.text));
    assert_eq!(site.paths(), ["/"]);
}

#[tokio::test]
async fn a_page_is_asked_for_again_when_it_is_too_old_and_read_again_when_it_has_changed() {
    let site = Site::start().await;
    let reader = Reader::of(&[&site]);
    let page = |sentences| Reply::html(article("The probe", sentences));
    let url = at(&site, "/old");
    site.says("/old", Reply::to("/new"));
    site.says("/new", page(5).with("etag", "\"one\"").with("last-modified", "Fri, 17 May 2019 08:00:00 GMT"));
    let first = reader.read(&url).await.unwrap();
    reader.clock.pass(Duration::from_mins(59));
    assert_eq!(reader.read(&url).await.unwrap(), first);
    assert_eq!(reader.read(&at(&site, "/new")).await.unwrap().text, first.text, "it is known under both addresses");
    assert_eq!(site.paths().len(), 2);
    site.says("/new", Reply::status(304, "").with("etag", "\"one\""));
    let fresh = How { max_age: Duration::ZERO, patience: Duration::from_mins(1) };
    let again = reader.read_as(&url, fresh).await.unwrap();
    assert_eq!((&again.text, again.fetched_at), (&first.text, MONDAY + Duration::from_mins(59)));
    let headers = site.asked().last().unwrap().headers.clone();
    assert_eq!(headers["if-none-match"], "\"one\"");
    assert_eq!(headers["if-modified-since"], "Fri, 17 May 2019 08:00:00 GMT");
    reader.clock.pass(Duration::from_hours(24 * 6));
    assert_eq!(reader.read_as(&url, How::FAST).await.unwrap(), again, "a week is young enough for who is in haste");
    site.says("/new", page(6).with("etag", "\"two\""));
    assert_ne!(reader.read(&url).await.unwrap().hash, first.hash);
    site.says("/other", Reply::status(304, ""));
    assert_eq!(
        reader.trouble(&at(&site, "/other")).await.0,
        Class::Status,
        "nothing was asked of which it could be true"
    );
}
