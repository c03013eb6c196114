//! One visit: from an address over all that it leads to up to the answer, as a guest who asks whether he may, waits for his
//! turn, and leaves when he is told to.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::sleep;
use url::Url;

use super::body::{self, Read};
use super::cache::{Kept, Marks};
use super::content::Said;
use super::page::{Class, Trouble};
use super::robots::{self, Robots};
use super::sites::{Known, Site, Sites};
use super::turns::{Turn, Turns};
use crate::clock::Clock;
use crate::reach::{Client, ReachError, Rule, retry_after};

/// The name by which a `robots.txt` may call us.
pub(super) const ROBOT: &str = "legwork";
/// How often one address may lead to the next.
const REDIRECTS: usize = 5;
/// A longer address is none.
const LONGEST: usize = 8 << 10;
/// How much of a document is read.
pub(super) const MOST: usize = 8 << 20;
/// How long a host is left alone that nobody answers at, and one whose name nobody knows: that may be for our own lack of a
/// network.
const DEAD: Duration = Duration::from_mins(10);
const NAMELESS: Duration = Duration::from_secs(30);
/// How long a site is left alone that is asked too much and does not say how long, and how long at the most.
const TOO_MUCH: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// What is said to come back so soon is waited for, once.
const SOON: Duration = Duration::from_secs(3);
/// How long what a `robots.txt` says holds, and how long it is not asked for again when it cannot be had.
const ROBOTS: Duration = Duration::from_hours(24);
const NO_ROBOTS: Duration = Duration::from_mins(10);

/// Visits addresses.
pub(super) struct Visitor {
    client: Client,
    rule: Arc<Rule>,
    clock: Arc<dyn Clock>,
    manners: Manners,
    turns: Turns,
    sites: Sites,
}

/// How a visitor behaves.
pub(super) struct Manners {
    /// Asks a `robots.txt` before anything else.
    pub(super) robots: bool,
    /// What it says it is.
    pub(super) agent: HeaderValue,
    /// The time between two beginnings at one host.
    pub(super) apart: Duration,
}

/// What came of a visit.
pub(super) enum Visited {
    /// A document.
    Answer(Box<Answer>),
    /// What is kept is as it was.
    Unchanged(Arc<Kept>),
}

/// A document as it came.
pub(super) struct Answer {
    /// Where it came from.
    pub(super) at: Url,
    pub(super) said: Said,
    pub(super) headers: HeaderMap,
    pub(super) marks: Marks,
    pub(super) body: Read,
}

/// Where one address leads.
enum Step {
    Here(Visited),
    To(Url),
}

impl Visitor {
    pub(super) fn new(client: Client, rule: Arc<Rule>, clock: Arc<dyn Clock>, manners: Manners) -> Self {
        let turns = Turns::new(manners.apart);
        Self { client, rule, clock, manners, turns, sites: Sites::new() }
    }

    /// Goes where an address leads; `kept` knows what was read there before.
    pub(super) async fn visit(&self, url: &Url, kept: impl Fn(&Url) -> Option<Arc<Kept>>) -> Result<Visited, Trouble> {
        let (mut at, mut turn) = (url.clone(), None);
        for _ in 0..=REDIRECTS {
            match self.step(&at, &mut turn, kept(&at)).await {
                Ok(Step::Here(visited)) => return Ok(visited),
                Ok(Step::To(next)) => at = next,
                Err(trouble) if at == *url => return Err(trouble),
                Err(trouble) => {
                    return Err(Trouble { why: format!("it leads to {at}, and {}", trouble.why), ..trouble });
                }
            }
        }
        Err(Trouble::new(Class::Status, format!("it leads from one address to the next more than {REDIRECTS} times")))
    }

    async fn step(
        &self,
        at: &Url,
        turn: &mut Option<(String, Turn)>,
        kept: Option<Arc<Kept>>,
    ) -> Result<Step, Trouble> {
        self.check(at)?;
        let site = self.sites.at(&at.origin().ascii_serialization());
        self.ask_robots(at, &site).await?;
        self.take_turn(at, turn).await;
        let marks = kept.as_ref().map(|kept| &kept.marks).filter(|marks| !marks.is_empty());
        let mut answer = self.ask(at, &site, marks).await?;
        if let Some(wait) = self.wait(&answer).filter(|wait| *wait <= SOON) {
            sleep(wait).await;
            answer = self.ask(at, &site, marks).await?;
        }
        match answer.status() {
            StatusCode::NOT_MODIFIED if marks.is_some() => match kept {
                Some(kept) => Ok(Step::Here(Visited::Unchanged(kept))),
                None => Err(refused(&answer)),
            },
            status if is_redirect(status) => next(at, &answer).map(Step::To),
            status if status.is_success() => self.take(at, answer).await.map(Step::Here),
            _ => Err(self.shut_out(&site, &answer)),
        }
    }

    /// Whether an address may be gone to at all, by its form.
    fn check(&self, at: &Url) -> Result<(), Trouble> {
        let odd = |why: &str| Err(Trouble::new(Class::Address, why));
        if !matches!(at.scheme(), "http" | "https") {
            return odd("it is no address of the web: only http and https are");
        }
        if !at.username().is_empty() || at.password().is_some() {
            return odd("it has the name of a user in it");
        }
        if at.as_str().len() > LONGEST {
            return odd("it is too long for an address");
        }
        let host = at.host_str().unwrap_or_default();
        self.rule.form(at).map_err(|why| Trouble::new(Class::Forbidden, format!("{host} may not be called: {why}")))
    }

    /// Waits for a turn at the host; who is led on within it keeps his.
    async fn take_turn(&self, at: &Url, turn: &mut Option<(String, Turn)>) {
        let host = at.host_str().unwrap_or_default().trim_end_matches('.').to_owned();
        if self.rule.lists(at) || turn.as_ref().is_some_and(|(own, _)| *own == host) {
            return;
        }
        *turn = None;
        *turn = Some((host.clone(), self.turns.take(&host).await));
    }

    /// Asks once.
    async fn ask(&self, at: &Url, site: &Site, marks: Option<&Marks>) -> Result<Response<Incoming>, Trouble> {
        site.check(self.clock.now())?;
        let mut request = Request::get(at.as_str())
            .header(USER_AGENT, self.manners.agent.clone())
            .header(ACCEPT, "text/html,application/xhtml+xml,application/pdf;q=0.9,text/*;q=0.8,*/*;q=0.5")
            .header(ACCEPT_ENCODING, "gzip");
        if let Some(Marks { etag, last_modified }) = marks {
            for (name, mark) in [(IF_NONE_MATCH, etag), (IF_MODIFIED_SINCE, last_modified)] {
                request = mark.iter().fold(request, |request, mark| request.header(name.clone(), mark));
            }
        }
        let request = request.body(Full::<Bytes>::default());
        let request =
            request.map_err(|error| Trouble::new(Class::Address, format!("it cannot be asked for: {error}")))?;
        self.client.send(request).await.map_err(|error| {
            let class = match error {
                ReachError::Forbidden { .. } => Class::Forbidden,
                ReachError::NoName(_) | ReachError::NoConnection(_) | ReachError::NoAnswer(_) => Class::Unreachable,
            };
            let trouble = Trouble::new(class, error.to_string());
            match error {
                ReachError::NoName(_) => site.shut(self.clock.now(), NAMELESS, trouble.clone()),
                ReachError::NoConnection(_) => site.shut(self.clock.now(), DEAD, trouble.clone()),
                ReachError::Forbidden { .. } | ReachError::NoAnswer(_) => {}
            }
            trouble
        })
    }

    /// Reads a document, if it may be one that has a text.
    async fn take(&self, at: &Url, answer: Response<Incoming>) -> Result<Visited, Trouble> {
        let (head, body) = answer.into_parts();
        let said = Said::of(&head.headers);
        said.check()?;
        let body = body::read(&head.headers, body, MOST).await?;
        let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let marks = Marks { etag: text(ETAG), last_modified: text(LAST_MODIFIED) };
        Ok(Visited::Answer(Box::new(Answer { at: at.clone(), said, marks, body, headers: head.headers })))
    }

    /// How long an answer asks to wait.
    fn wait(&self, answer: &Response<Incoming>) -> Option<Duration> {
        let waits = matches!(answer.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        retry_after(answer.headers(), self.clock.now()).filter(|_| waits)
    }

    /// What a refusal says; a site that wants to be left alone is.
    fn shut_out(&self, site: &Site, answer: &Response<Incoming>) -> Trouble {
        let wait = self.wait(answer).map(|wait| wait.min(LONGEST_WAIT));
        let wait = wait.or((answer.status() == StatusCode::TOO_MANY_REQUESTS).then_some(TOO_MUCH));
        let trouble = refused(answer).after(wait);
        if let Some(wait) = wait {
            site.shut(self.clock.now(), wait, trouble.clone());
        }
        trouble
    }

    /// Whether robots may go there. Who finds nobody at home hears that.
    async fn ask_robots(&self, at: &Url, site: &Site) -> Result<(), Trouble> {
        if !self.manners.robots {
            return Ok(());
        }
        let mut known = site.robots.lock().await;
        if known.as_ref().is_none_or(|known| known.until <= self.clock.now()) {
            let old = known.as_ref().and_then(|known| known.rules.clone().ok());
            *known = Some(self.robots(at, site, old).await?);
        }
        let rules = known.as_ref().map(|known| known.rules.clone());
        drop(known);
        let path = &at[url::Position::BeforePath..url::Position::AfterQuery];
        match rules {
            Some(Ok(rules)) if !rules.allows(path) => {
                Err(Trouble::new(Class::Robots, "the robots.txt of its site asks robots to stay away from it"))
            }
            Some(Err(trouble)) => Err(trouble),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    /// Asks a site for its rules, as RFC 9309 has it: without a file everything is allowed; where the file cannot be had
    /// nothing is, unless it is known what it said before.
    async fn robots(&self, at: &Url, site: &Site, old: Option<Arc<Robots>>) -> Result<Known, Trouble> {
        let now = self.clock.now();
        let all = || Ok(Known { rules: Ok(Arc::default()), until: now + ROBOTS });
        let careful = |why: String| {
            let why = format!("it cannot be asked whether robots may go there: its robots.txt cannot be had ({why})");
            let rules = old.clone().ok_or_else(|| Trouble::new(Class::Robots, why));
            Ok(Known { rules, until: now + NO_ROBOTS })
        };
        let mut url = at.clone();
        url.set_path("/robots.txt");
        url.set_query(None);
        for hop in 0..=REDIRECTS {
            if let Err(trouble) = self.check(&url) {
                return careful(trouble.why);
            }
            let other = (hop > 0).then(|| self.sites.at(&url.origin().ascii_serialization()));
            let answer = match self.ask(&url, other.as_deref().unwrap_or(site), None).await {
                Ok(answer) => answer,
                // The page would be as far away; what is asked for again later has no rules yet.
                Err(trouble) if hop == 0 && site.check(self.clock.now()).is_err() => return Err(trouble),
                Err(trouble) if hop == 0 && trouble.class == Class::Forbidden => return Err(trouble),
                Err(trouble) => return careful(trouble.why),
            };
            match answer.status() {
                status if is_redirect(status) => match next(&url, &answer) {
                    Ok(next) => url = next,
                    Err(_) => return all(),
                },
                status if status.is_success() => {
                    let (head, body) = answer.into_parts();
                    return match body::read(&head.headers, body, robots::MOST).await {
                        Ok(read) => {
                            let rules = Robots::read(&String::from_utf8_lossy(&read.bytes), ROBOT);
                            Ok(Known { rules: Ok(Arc::new(rules)), until: now + ROBOTS })
                        }
                        Err(trouble) => careful(trouble.why),
                    };
                }
                status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                    return careful(status.to_string());
                }
                _ => return all(),
            }
        }
        all()
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Where an answer leads.
fn next(at: &Url, answer: &Response<Incoming>) -> Result<Url, Trouble> {
    let location = answer.headers().get(LOCATION).and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
    let mut next = location
        .and_then(|location| at.join(location).ok())
        .ok_or_else(|| Trouble::new(Class::Status, format!("it says {} and does not say where to", answer.status())))?;
    next.set_fragment(None);
    Ok(next)
}

fn refused(answer: &Response<Incoming>) -> Trouble {
    Trouble::new(Class::Status, format!("its host says {}", answer.status()))
}
