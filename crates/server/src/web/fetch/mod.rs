//! Fetches pages for those who ask questions: only where this server may go, as a guest who is known to his hosts, never more
//! than may be read, and only what is a page.

mod body;
mod cache;
mod content;
mod page;
mod robots;
mod sites;
mod turns;
mod visit;
mod wall;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use http::HeaderValue;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use self::cache::{Cache, Kept};
use self::content::Content;
pub use self::page::{Class, Link, Page, Trouble};
use self::visit::{Answer, Manners, Visited, Visitor};
use self::wall::{Extent, Seen};
use crate::clock::{Clock, SystemClock};
use crate::config::{Fetch, Targets};
use crate::reach::{Client, Names, Rule};
use crate::read::{self, About, Given, Helper, Kind, Reading, Reason};
use crate::source::hash_of;

/// What an operator does who wants pages to be fetched from further away.
const HINT: &str = "a server goes there if it was started with --fetch-allow-host HOST[:PORT]";
/// How many names are looked up at a time for pages.
const LOOKUPS: usize = 16;
/// How many pages are fetched at a time: each may be as large as a page can be.
const AT_ONCE: usize = 32;
/// How many bytes of pages are kept.
const KEPT: usize = 64 << 20;
/// The time between two beginnings at one host.
const APART: Duration = Duration::from_secs(1);
/// How long a PDF may take to be read.
const PDF: Duration = Duration::from_secs(10);
/// A page may be nested deep, and its reader may be a function that calls itself. Only what is used of it is taken.
const STACK: usize = 64 << 20;
/// As much of one text is taken.
const LONGEST: usize = 8 << 20;
/// How many links of a page are kept, and how long they are at the most.
const LINKS: usize = 100;
const LINK: usize = 2000;
/// What tells hosts where their readers came from, and changes nothing about a page.
const TRACKING: [&str; 7] = ["gclid", "fbclid", "msclkid", "mc_cid", "mc_eid", "igshid", "yclid"];

/// Fetches pages. One a process: it knows how often each host was asked.
pub struct Fetcher {
    desk: Arc<Desk>,
    /// Pages that are on their way, for all who want them. When nobody does any more, they are left.
    under_way: Mutex<HashMap<String, WeakShared<Work>>>,
}

/// A page on its way.
type Work = BoxFuture<'static, Result<Arc<Kept>, Trouble>>;

/// What one caller wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct How {
    /// How old a page may be.
    pub max_age: Duration,
    /// How long he waits for it, all in all.
    pub patience: Duration,
}

impl How {
    /// For most.
    pub const USUAL: Self = Self { max_age: Duration::from_hours(1), patience: Duration::from_secs(12) };
    /// For those who are in haste.
    pub const FAST: Self = Self { max_age: Duration::from_hours(7 * 24), patience: Duration::from_secs(4) };
}

/// What every page needs.
struct Desk {
    visitor: Visitor,
    cache: Cache,
    clock: Arc<dyn Clock>,
    helper: Helper,
    places: Semaphore,
    readers: Arc<Semaphore>,
}

impl Fetcher {
    /// For a server that listens at `own`.
    pub fn new(settings: &Fetch, own: SocketAddr) -> Self {
        let helper = Helper::this_program().within(PDF);
        Self::with(settings, own, &Names::new(), Arc::new(SystemClock), helper)
    }

    fn with(settings: &Fetch, own: SocketAddr, names: &Names, clock: Arc<dyn Clock>, helper: Helper) -> Self {
        let targets = Targets { private: false, hosts: settings.allow_hosts.clone() };
        let rule = Arc::new(Rule::new(targets, own, HINT).at_usual_ports());
        let client = Client::new(rule.clone(), names.share(LOOKUPS));
        let manners = Manners { robots: settings.robots, agent: agent(settings.contact.as_ref()), apart: APART };
        let readers = thread::available_parallelism().map_or(2, usize::from);
        let desk = Desk {
            visitor: Visitor::new(client, rule, clock.clone(), manners),
            cache: Cache::new(KEPT),
            clock,
            helper,
            places: Semaphore::new(AT_ONCE),
            readers: Arc::new(Semaphore::new(readers)),
        };
        Self { desk: Arc::new(desk), under_way: Mutex::default() }
    }

    /// The page at this address, as it is or as it was lately.
    pub async fn fetch(&self, url: &Url, how: How) -> Result<Page, Trouble> {
        let mut url = url.clone();
        url.set_fragment(None);
        let name = name(&url);
        let as_asked = |kept: Arc<Kept>| Page { url: url.to_string(), ..kept.page.clone() };
        let now = self.desk.clock.now();
        if let Some(kept) = self.desk.cache.find(&name).filter(|kept| now < kept.at + how.max_age) {
            return Ok(as_asked(kept));
        }
        if let Ok(fetched) = timeout(how.patience, self.work(name, url.clone())).await {
            return fetched.map(as_asked);
        }
        let why = format!("there was no page within {} s", how.patience.as_secs_f64());
        Err(Trouble::new(Class::Time, why))
    }

    /// The work on a page: what others wait for already, or begun now. It ends when nobody waits for it any more.
    fn work(&self, name: String, url: Url) -> Shared<Work> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(work) = under_way.get(&name).and_then(WeakShared::upgrade) {
            return work;
        }
        under_way.retain(|_, work| work.upgrade().is_some());
        let desk = self.desk.clone();
        // A task of its own: whoever waits may be busy with something else, and it may have the turn of others.
        let task = AbortOnDropHandle::new(tokio::spawn(async move { desk.page(&url).await }));
        let broken = |_| Err(Trouble::new(Class::Unreachable, "fetching it broke down"));
        let work = task.map(move |done| done.unwrap_or_else(broken)).boxed().shared();
        under_way.extend(work.downgrade().map(|work| (name, work)));
        work
    }
}

impl Desk {
    async fn page(&self, url: &Url) -> Result<Arc<Kept>, Trouble> {
        let _place = self.places.acquire().await;
        let known = |at: &Url| self.cache.find(&name(at)).filter(|kept| kept.page.final_url == at.as_str());
        let kept = match self.visitor.visit(url, known).await? {
            Visited::Unchanged(kept) => {
                let at = self.clock.now();
                let page = Page { fetched_at: at, ..kept.page.clone() };
                Arc::new(Kept { page, marks: kept.marks.clone(), at })
            }
            Visited::Answer(answer) => Arc::new(self.kept(url, *answer).await?),
        };
        if let Ok(at) = Url::parse(&kept.page.final_url) {
            self.cache.keep(name(&at), kept.clone());
        }
        self.cache.keep(name(url), kept.clone());
        Ok(kept)
    }

    /// Makes a page of an answer, if it is one.
    async fn kept(&self, asked: &Url, answer: Answer) -> Result<Kept, Trouble> {
        let fetched_at = self.clock.now();
        let Answer { at, said, headers, marks, body } = answer;
        if body.bytes.is_empty() {
            return Err(Trouble::new(Class::NoPage, "the answer is empty"));
        }
        let content = said.content(&at, &body.bytes)?;
        if body.cut && !content.is_of_use_cut() {
            return Err(Trouble::new(Class::TooLarge, format!("it is larger than {} MiB", visit::MOST >> 20)));
        }
        let (kind, reading) = self.read(body.bytes, content, said.charset, &at).await?;
        let mut text = joined(reading);
        let mut truncated = body.cut || text.incomplete;
        if kind == Kind::Html {
            let (title, about) = (text.title.as_str(), &text.about);
            let (paid, whole) = (about.paid, about.whole.as_deref());
            let seen = Seen { asked, at: &at, headers: &headers, title, text: &text.body, whole, paid };
            truncated |= wall::judge(&seen)? == Extent::Beginning;
        }
        truncated |= cut(&mut text.body);
        let page = Page {
            url: asked.to_string(),
            final_url: at.to_string(),
            hash: hash_of(&text.body),
            title: text.title,
            links: links(&at, &text.about),
            text: text.body,
            fetched_at,
            published: text.about.published,
            kind: kind.name().to_owned(),
            truncated,
        };
        Ok(Kept { page, marks, at: fetched_at })
    }

    /// Reads a document on a thread of its own: it may take long, and deep stacks.
    async fn read(
        &self,
        bytes: Vec<u8>,
        content: Content,
        charset: Option<String>,
        at: &Url,
    ) -> Result<(Kind, Reading), Trouble> {
        let place = self.readers.clone().acquire_owned().await;
        let (helper, called) = (self.helper.clone(), called(at));
        let (tell, told) = oneshot::channel();
        let reading = thread::Builder::new().name("pages".to_owned()).stack_size(STACK).spawn(move || {
            let _place = place;
            // Whoever wanted it may be gone.
            let _ = tell.send(read_as(&bytes, content, charset.as_deref(), &called, &helper));
        });
        let broken = || Err("the reader broke down on it".to_owned());
        let read = match reading {
            Ok(_) => told.await.unwrap_or_else(|_| broken()),
            Err(_) => broken(),
        };
        read.map_err(|why| {
            let class = if content.kind == Kind::Html { Class::NoPage } else { Class::NotText };
            Trouble::new(class, why)
        })
    }
}

/// Reads a document as what it is taken for, or else as the text that its host calls it.
fn read_as(
    bytes: &[u8],
    content: Content,
    charset: Option<&str>,
    called: &str,
    helper: &Helper,
) -> Result<(Kind, Reading), Reason> {
    let read = |kind: Kind| {
        let kind = kind.checked(bytes)?;
        read::read(bytes, Given { kind, name: called, charset }, helper).map(|reading| (kind, reading))
    };
    match read(content.kind) {
        Err(_) if content.or_text && content.kind != Kind::Text => read(Kind::Text),
        read => read,
    }
}

/// A document as one text.
struct Joined {
    title: String,
    body: String,
    about: About,
    /// A part of it could not be read.
    incomplete: bool,
}

fn joined(reading: Reading) -> Joined {
    let incomplete = !reading.left_out.is_empty();
    let mut texts = reading.texts.into_iter();
    let Some(mut first) = texts.next() else {
        return Joined { title: String::new(), body: String::new(), about: About::default(), incomplete };
    };
    for text in texts {
        for part in [text.title.as_str(), text.body.as_str()] {
            first.body.truncate(first.body.trim_end().len());
            first.body.push_str("\n\n");
            first.body.push_str(part);
        }
    }
    Joined { title: first.title, body: first.body, about: first.about, incomplete }
}

/// Cuts off what is too much of a text; says whether it had to.
fn cut(text: &mut String) -> bool {
    let is_long = text.len() > LONGEST;
    if is_long {
        let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
    is_long
}

/// Where the links of a page lead.
fn links(at: &Url, about: &About) -> Vec<Link> {
    let base = about.base.as_ref().and_then(|base| at.join(base).ok()).unwrap_or_else(|| at.clone());
    let mut seen = HashSet::from([name(at)]);
    let leads = |(href, text): &(String, String)| {
        let mut url = base.join(href).ok()?;
        url.set_fragment(None);
        let fits = matches!(url.scheme(), "http" | "https") && url.as_str().len() <= LINK;
        (fits && seen.insert(name(&url))).then(|| Link { url: url.to_string(), text: text.clone() })
    };
    about.links.iter().filter_map(leads).take(LINKS).collect()
}

/// What a document is called that has no title.
fn called(at: &Url) -> String {
    let last = at.path_segments().and_then(|mut parts| parts.next_back()).filter(|last| !last.is_empty());
    last.or_else(|| at.host_str()).unwrap_or_default().to_owned()
}

/// One name for all addresses of one page.
fn name(url: &Url) -> String {
    let mut url = url.clone();
    url.set_fragment(None);
    let kept: Vec<&str> = url.query().unwrap_or_default().split('&').filter(|pair| !is_tracking(pair)).collect();
    let query = kept.join("&");
    url.set_query(Some(query.as_str()).filter(|query| !query.is_empty()));
    url.into()
}

fn is_tracking(pair: &str) -> bool {
    let key = pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
    key.starts_with("utm_") || TRACKING.contains(&key.as_str())
}

/// What a host is told about who asks.
fn agent(contact: Option<&Url>) -> HeaderValue {
    let own = HeaderValue::from_static(concat!("legwork/", env!("CARGO_PKG_VERSION")));
    let with_contact = contact.map(|contact| format!("legwork/{} (+{contact})", env!("CARGO_PKG_VERSION")));
    with_contact.and_then(|text| text.parse().ok()).unwrap_or(own)
}
