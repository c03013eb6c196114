//! Whether what came is the page, or something in its place: an error that calls itself a success, a question whether one is
//! a robot, a wall of consent, sign-in or payment, or nothing at all. Pure.
//!
//! A word alone decides nothing: pages are about errors and captchas, too. What is in a page's place is short, and says
//! little else.

use http::HeaderMap;
use url::Url;

use super::page::{Class, Trouble};

/// What came.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) asked: &'a Url,
    /// Where it came from, after all redirects.
    pub(super) at: &'a Url,
    pub(super) headers: &'a HeaderMap,
    pub(super) title: &'a str,
    pub(super) text: &'a str,
    /// All that is shown, when the text is an article that was found in it.
    pub(super) whole: Option<&'a str>,
    /// It says of itself that it has to be paid for.
    pub(super) paid: bool,
}

/// How much of the page it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    /// The rest is for those who pay.
    Beginning,
}

/// Fewer letters and digits than this are no page.
const LEAST: usize = 25;

/// Headers that say that a question came, and no answer.
const QUESTIONS: [(&str, &[&str]); 2] =
    [("cf-mitigated", &["challenge"]), ("x-amzn-waf-action", &["challenge", "captcha"])];

/// What stands in a page's place. Of several texts each ends at a `|`.
struct Place {
    what: &'static str,
    /// One of the parts of its title, exactly, on a page of no more than so many characters.
    titles: (usize, &'static str),
    /// Words of its text, on a page of no more than so many characters.
    words: (usize, &'static str),
}

const PLACES: &[Place] = &[
    Place {
        what: "it asks whether one is a robot",
        titles: (
            1500,
            "just a moment|just a moment...|attention required!|are you a robot?|robot check|robot or human?|\
             access to this page has been denied|access to this page has been denied.|\
             pardon our interruption|pardon our interruption...|verify you are human|human verification|\
             security check|vercel security checkpoint|security checkpoint|ddos-guard|checking your browser|\
             one moment, please...|bot verification|client challenge|please verify you are a human|\
             bist du ein roboter?",
        ),
        words: (
            1500,
            "verify you are human|verify that you are human|verifying you are human|verify you are a human|\
             confirm you are human|confirm that you are human|are you a robot?|you are not a robot|\
             you're not a robot|i'm not a robot|complete the captcha|solve the captcha|\
             complete the security check|enter the characters you see|unusual traffic from your|\
             checking your browser before|review the security of your connection|press & hold to confirm|\
             press and hold to confirm|please enable js and disable any ad blocker|enable cookies and reload|\
             ddos protection by|dass sie kein roboter sind|que vous n'êtes pas un robot|que no eres un robot",
        ),
    },
    Place {
        what: "it is an error page",
        titles: (
            500,
            "404|404 not found|404 error|error 404|http 404|not found|page not found|404 page not found|\
             page not available|page unavailable|file not found|this page could not be found|410 gone|\
             seite nicht gefunden|page introuvable|page non trouvée|página no encontrada|\
             página não encontrada|pagina non trovata|pagina niet gevonden|sidan kunde inte hittas|\
             siden blev ikke fundet|strona nie została znaleziona|страница не найдена|ページが見つかりません|页面不存在|\
             找不到页面|sayfa bulunamadı|500 internal server error|internal server error|500|502|503|\
             502 bad gateway|bad gateway|503 service unavailable|service unavailable|\
             503 service temporarily unavailable|service temporarily unavailable|504 gateway time-out|\
             504 gateway timeout|gateway timeout|error|server error|application error|an error occurred|\
             database error|site maintenance|under maintenance|maintenance|maintenance mode|\
             down for maintenance|sorry!|something went wrong|site not found|403 forbidden|403|forbidden|\
             access denied|401 unauthorized|unauthorized|400 bad request|bad request|account suspended|\
             429 too many requests|too many requests",
        ),
        words: (
            400,
            "page you are looking for|page you were looking for|page you're looking for|page you requested|\
             page cannot be found|page could not be found|page can't be found|page was not found|\
             page doesn't exist|page does not exist|page no longer exists|can't find the page|\
             can't find that page|couldn't find the page|die angeforderte seite|la page que vous|\
             la página que|error establishing a database connection|encountered an internal error|\
             an unexpected error|undergoing maintenance|we'll be back soon|be right back|\
             this domain is for sale|buy this domain|domain may be for sale|bandwidth limit exceeded|\
             account has been suspended|too many requests",
        ),
    },
    Place {
        what: "it shows nothing to those who run no scripts",
        titles: (500, "javascript required|javascript is not available|javascript is disabled"),
        words: (
            500,
            "enable javascript|enabling javascript|javascript is disabled|javascript disabled|\
             requires javascript|javascript is required|turn on javascript|activate javascript|\
             javascript aktivieren|javascript zu aktivieren|activer javascript|habilitar javascript|\
             browser is not supported|browser is no longer supported",
        ),
    },
    Place {
        what: "it asks for consent first",
        titles: (2500, "before you continue|cookie consent|your privacy choices|privacy gate"),
        words: (1200, "before you continue to|is part of the yahoo family of brands|bevor sie fortfahren"),
    },
    Place {
        what: "it asks to sign in first",
        titles: (800, "log in|login|log in or sign up|sign in|sign up|anmelden|connexion|iniciar sesión"),
        words: (
            500,
            "you must be logged in|you need to be logged in|you must log in|please log in to|\
             please sign in to|sign in to continue|log in to continue|log in to view|sign in to view",
        ),
    },
    Place {
        what: PAY,
        titles: (800, "subscribe|subscription required|subscribers only"),
        words: (TEASER, "already a subscriber?|already a member?"),
    },
];

const PAY: &str = "only those who pay see it";

/// What is said where the text ends for those who do not pay.
const PAID: &str = "subscribe to continue|subscribe to read|subscribe to keep reading|subscribe now to read|\
     sign up to continue|to continue reading,|to continue reading this|to keep reading,|article is for subscribers|\
     content is for subscribers|story is for subscribers|for subscribers only|subscriber-only|\
     exclusively for subscribers|exclusive to subscribers|only available to subscribers|\
     available to subscribers only|limit of free articles|reached your article limit|\
     used all your free articles|unlock this article|unlock this story|create a free account to continue|\
     register to continue|register for free to|become a member to read|jetzt weiterlesen|\
     weiterlesen mit|mit abo lesen|nur für abonnenten|exklusiv für abonnenten|réservé aux abonnés|\
     réservée aux abonnés|abonnez-vous pour lire|exclusivo para suscriptores|solo para suscriptores|\
     riservato agli abbonati|alleen voor abonnees";
/// A page that has to be paid for and shows no more than this shows nothing.
const TEASER: usize = 1200;
/// A page that shows more than this shows all.
const LONG: usize = 8000;

/// Words of which the paragraphs of a wall of consent are full.
const CONSENT: &str = "cookie|consent|partners|privacy|personal data|datenschutz";
/// And one of these is said on each.
const ASKS: &str =
    "we and our|we value your privacy|we use cookies|uses cookies|wir verwenden cookies|nous utilisons des cookies";
/// A wall of consent is no longer than this, and no less of it than this many percent is about it.
const WALL: (usize, usize) = (2500, 70);

/// Judges what came as a web page.
pub(super) fn judge(seen: &Seen<'_>) -> Result<Extent, Trouble> {
    let no_page = |why: String| Err(Trouble::new(Class::NoPage, why));
    if asks_by_header(seen.headers) {
        return no_page("it asks whether one is a robot".to_owned());
    }
    if let Some(why) = elsewhere(seen.asked, seen.at) {
        return no_page(why.to_owned());
    }
    let (title, text) = (parts(&folded(seen.title)), folded(seen.text));
    let long = text.chars().count();
    let has = |words: &str| words.split('|').any(|words| text.contains(words));
    if text.chars().filter(|c| c.is_alphanumeric()).count() < LEAST {
        return no_page("there is next to nothing on it".to_owned());
    }
    for Place { what, titles, words } in PLACES {
        let is_titled = || titles.1.split('|').any(|place| title.iter().any(|part| part == place));
        if long <= titles.0 && is_titled() || long <= words.0 && has(words.1) {
            let called = seen.title.trim();
            let named = if called.is_empty() { String::new() } else { format!(" (“{called}”)") };
            return no_page(format!("{what}{named}"));
        }
    }
    if long <= WALL.0 && has(ASKS) && about_consent(&text) >= WALL.1 {
        return no_page("it asks for consent first".to_owned());
    }
    let whole = seen.whole.map(folded);
    let whole = whole.as_ref().unwrap_or(&text);
    let ends_early =
        || PAID.split('|').filter_map(|words| whole.rfind(words)).any(|at| long <= TEASER || at * 2 > text.len());
    match seen.paid || ends_early() {
        true if long <= TEASER => no_page(PAY.to_owned()),
        true if long <= LONG => Ok(Extent::Beginning),
        _ => Ok(Extent::Whole),
    }
}

fn asks_by_header(headers: &HeaderMap) -> bool {
    QUESTIONS.iter().any(|(name, values)| {
        headers
            .get(*name)
            .is_some_and(|value| values.iter().any(|asks| value.as_bytes().eq_ignore_ascii_case(asks.as_bytes())))
    })
}

/// Redirects that lead away from what was asked for.
fn elsewhere(asked: &Url, at: &Url) -> Option<&'static str> {
    if asked == at {
        return None;
    }
    let segments = |url: &Url| -> Vec<String> {
        url.path_segments().into_iter().flatten().filter(|part| !part.is_empty()).map(str::to_lowercase).collect()
    };
    let (wanted, got) = (segments(asked), segments(at));
    let is_gate = |parts: &[String], gates: &[&str]| parts.iter().any(|part| gates.contains(&part.as_str()));
    let is_consent = |url: &Url, parts: &[String]| {
        url.host_str().is_some_and(|host| host.starts_with("consent."))
            || is_gate(parts, &["consent", "collectconsent"])
    };
    let sign_in = ["login", "signin", "sign-in", "sign_in", "log-in", "authwall", "sso"];
    if is_consent(at, &got) && !is_consent(asked, &wanted) {
        return Some("it leads to a page that asks for consent");
    }
    if is_gate(&got, &sign_in) && !is_gate(&wanted, &sign_in) {
        return Some("it leads to a page that asks to sign in");
    }
    let host = |url: &Url| url.host_str().map(|host| host.trim_start_matches("www.").to_owned());
    let specific = wanted.len() > 1 || wanted.last().is_some_and(|last| last.len() > 20);
    let is_front = |part: &String| ["index", "home", "default"].iter().any(|name| part.starts_with(name));
    let to_front = got.is_empty() && at.query().is_none() && host(asked) == host(at);
    if to_front && specific && !wanted.last().is_some_and(is_front) {
        return Some("it leads to the front page, so that what was asked for is gone");
    }
    None
}

/// What stands between the marks in a title.
fn parts(title: &str) -> Vec<String> {
    let marks = [" | ", " - ", " – ", " — ", " · ", " :: ", ": ", " » "];
    let lines = marks.iter().fold(title.to_owned(), |title, mark| title.replace(mark, "\n"));
    lines.split('\n').map(|part| part.trim().to_owned()).collect()
}

/// How many percent of a text stand in paragraphs about consent.
fn about_consent(text: &str) -> usize {
    let paragraphs = || text.split('\n').map(str::trim).filter(|paragraph| !paragraph.is_empty());
    let all: usize = paragraphs().map(str::len).sum();
    let about = paragraphs().filter(|paragraph| CONSENT.split('|').any(|word| paragraph.contains(word))).map(str::len);
    about.sum::<usize>() * 100 / all.max(1)
}

/// In small letters, with one kind of apostrophe.
fn folded(text: &str) -> String {
    text.to_lowercase().replace('’', "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENTENCE: &str = "The Zelkova probe was launched in 2019, and it was built by Anna Larch in Oslo. ";

    fn judged(asked: &str, at: &str, title: &str, text: &str, paid: bool) -> Result<Extent, Trouble> {
        let (asked, at) = (asked.parse().unwrap(), at.parse().unwrap());
        judge(&Seen { asked: &asked, at: &at, headers: &HeaderMap::new(), title, text, whole: None, paid })
    }

    fn of(title: &str, text: &str) -> Result<Extent, Trouble> {
        judged("https://a.example/x", "https://a.example/x", title, text, false)
    }

    #[test]
    fn what_stands_in_a_pages_place_is_no_page() {
        for (title, text, why) in [
            (
                "Just a moment...",
                "a.example needs to review the security of your connection before proceeding.",
                "robot",
            ),
            (
                "Attention Required! | Cloudflare",
                "Sorry, you have been blocked. You are unable to access a.example",
                "robot",
            ),
            (
                "Amazon.com",
                "Enter the characters you see below. Sorry, we just need to make sure you're not a robot.",
                "robot",
            ),
            ("Bloomberg - Are you a robot?", "We've detected unusual activity from your computer network", "robot"),
            (
                "Page not found | Example News",
                "Sorry, there is nothing here. Try our front page or the search.",
                "error",
            ),
            ("Example", "Oops! The page you’re looking for has been moved or deleted.", "error"),
            ("404", "Here are some of the stories that our readers liked most this week.", "error"),
            ("Seite nicht gefunden – Beispiel", "Bitte prüfen Sie die Adresse, die Sie eingegeben haben.", "error"),
            ("", "Error establishing a database connection", "error"),
            ("502 Bad Gateway", "502 Bad Gateway. The server is nginx, and it is sorry.", "error"),
            ("Sorry!", "Our search engine is taking a short break, and will return.", "error"),
            ("a.example", "This domain is for sale. Inquire about it today, or make an offer.", "error"),
            ("App", "You need to enable JavaScript to run this app.", "scripts"),
            (
                "Before you continue to Google Search",
                "Sign in. Google uses cookies and data to deliver services.",
                "consent",
            ),
            ("News", "We value your privacy\nWe and our 842 partners store cookies on your device.\nAccept", "consent"),
            ("Log in | Example", "Enter your name and your password, or make an account with us.", "sign in"),
            ("The bridge", "A bridge was opened on Monday. Subscribe to continue reading this story.", "pay"),
            ("Die Brücke", "Am Montag wurde eine Brücke eröffnet. Jetzt weiterlesen mit Z+ für einen Euro.", "pay"),
            ("Blank", " - \n", "next to nothing"),
        ] {
            let told = of(title, text).expect_err(title);
            assert!(told.class == Class::NoPage && told.why.contains(why), "{title}: {told}");
        }
    }

    #[test]
    fn a_page_about_errors_walls_and_cookies_is_a_page() {
        let long = SENTENCE.repeat(8);
        for (title, text) in [
            ("404 Not Found - HTTP", format!("{long}The server says so when the page you requested does not exist.")),
            (
                "How to fix “500 Internal Server Error”",
                "Restart the server, and read its log for the reason.".to_owned(),
            ),
            ("CAPTCHA", "A captcha asks users to confirm what only people can read; it was named in 2003.".to_owned()),
            (
                "How cookies work",
                "A cookie is a small text that a site leaves in a browser; the next request has it.".to_owned(),
            ),
            ("The bridge", format!("Already a subscriber? Sign in.\n{}", SENTENCE.repeat(120))),
            ("Opening hours", "Monday to Friday 9 to 17, closed on Saturday.".to_owned()),
            ("Our company", format!("{SENTENCE}\nWe use cookies. Accept all?\n{SENTENCE}")),
        ] {
            assert_eq!(of(title, &text), Ok(Extent::Whole), "{title}");
        }
    }

    #[test]
    fn a_page_whose_end_is_for_those_who_pay_is_a_beginning() {
        let long = SENTENCE.repeat(30);
        let text = format!("{long}\nSubscribe to continue reading.");
        assert_eq!(of("The bridge", &text), Ok(Extent::Beginning));
        let asked = "https://a.example/x".parse().unwrap();
        let headers = HeaderMap::new();
        let around = format!("Menu\n{text}\nMore stories");
        let seen = Seen {
            asked: &asked,
            at: &asked,
            headers: &headers,
            title: "",
            text: &long,
            whole: Some(&around),
            paid: false,
        };
        assert_eq!(judge(&seen), Ok(Extent::Beginning), "it may stand below the article");
        assert_eq!(judge(&Seen { text: SENTENCE, ..seen }).unwrap_err().class, Class::NoPage);
        let url = "https://a.example/x";
        assert_eq!(judged(url, url, "The bridge", &long, true), Ok(Extent::Beginning));
        assert_eq!(judged(url, url, "The bridge", SENTENCE, true).unwrap_err().class, Class::NoPage);
        assert_eq!(judged(url, url, "The bridge", &SENTENCE.repeat(200), true), Ok(Extent::Whole), "it is all there");
    }

    #[test]
    fn a_redirect_that_leads_away_brings_no_page() {
        let text = SENTENCE.repeat(40);
        for (asked, at, fine) in [
            ("https://a.example/news/2019/probe", "https://www.a.example/", false),
            ("https://a.example/the-probe-that-was-built-in-oslo", "https://a.example/", false),
            ("https://a.example/en/index.html", "https://a.example/", true),
            ("https://a.example/en", "https://a.example/", true),
            ("https://t.example/a/b", "https://a.example/", true),
            ("http://a.example/news/probe", "https://a.example/news/probe", true),
            ("https://a.example/x", "https://consent.a.example/collect?x", false),
            ("https://a.example/x", "https://a.example/users/login?next=x", false),
            ("https://a.example/wiki/login", "https://a.example/wiki/login", true),
        ] {
            assert_eq!(judged(asked, at, "The probe", &text, false).is_ok(), fine, "{asked} {at}");
        }
    }

    #[test]
    fn a_question_may_stand_in_a_header() {
        let url: Url = "https://a.example/".parse().unwrap();
        let mut headers = HeaderMap::new();
        let text = SENTENCE.repeat(9);
        let judged = |headers: &HeaderMap| {
            judge(&Seen { asked: &url, at: &url, headers, title: "The probe", text: &text, whole: None, paid: false })
        };
        assert!(judged(&headers).is_ok());
        headers.insert("cf-mitigated", "challenge".parse().unwrap());
        assert!(judged(&headers).is_err());
    }
}
