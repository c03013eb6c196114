//! Hints between nodes: after a commit a node tells the others what changed, and hears what they tell. A hint carries no
//! data and may be lost; those of some milliseconds go together, since the database lets one transaction at a time notify.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use legwork_core::id::{GroupId, RunId};
use legwork_core::store::Nudge;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_postgres::{AsyncMessage, Client};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::link::Door;
use super::sql;
use crate::metrics::Metrics;
use crate::store::told::Told;

/// How long hints are gathered after the last were sent. The first is sent at once.
const GATHER: Duration = Duration::from_millis(5);
/// So many runs and groups are named in one notification, which may have 8,000 bytes; beyond that all are meant.
const NAMED: usize = 200;
/// The pauses between tries to listen again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// How often it is seen whether the connection that listens still lives: one that a network ate says nothing.
const ALIVE: Duration = Duration::from_secs(15);
/// How long it may take to say so.
const ANSWER: Duration = Duration::from_secs(5);

/// What others are to be told.
#[expect(clippy::struct_excessive_bools, reason = "each is a kind of news, and they come in any company")]
#[derive(Debug, Default, PartialEq, Eq)]
struct News {
    runs: BTreeSet<RunId>,
    groups: BTreeSet<GroupId>,
    queued: bool,
    owed: bool,
    logged: bool,
    /// More changed than is named.
    all: bool,
}

impl News {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn add(&mut self, told: &Told) {
        if !self.all {
            self.runs.extend(&told.changed);
            self.groups.extend(&told.grouped);
            self.all = self.runs.len() + self.groups.len() > NAMED;
        }
        if self.all {
            self.runs.clear();
            self.groups.clear();
        }
        self.queued |= told.queued;
        self.owed |= told.due;
        self.logged |= told.logged;
    }

    /// As it is sent: who sends it, what kinds of news there are, and the names.
    fn text(&self, from: u32) -> String {
        let mut text = format!("{from:08x} ");
        for (is, letter) in [(self.queued, 'q'), (self.owed, 'o'), (self.logged, 'l'), (self.all, 'a')] {
            if is {
                text.push(letter);
            }
        }
        for run in &self.runs {
            let _ = write!(text, " r{:x}", run.as_u128());
        }
        for group in &self.groups {
            let _ = write!(text, " g{:x}", group.as_u128());
        }
        text
    }

    /// Tells what a text says; `None` when it is one's own. What cannot be read means that anything may have changed.
    fn heard(text: &str, own: u32) -> Option<Self> {
        let mut words = text.split(' ');
        if words.next().is_some_and(|from| u32::from_str_radix(from, 16) == Ok(own)) {
            return None;
        }
        let mut news = Self::default();
        for letter in words.next().unwrap_or("a").chars() {
            match letter {
                'q' => news.queued = true,
                'o' => news.owed = true,
                'l' => news.logged = true,
                _ => news.all = true,
            }
        }
        for word in words {
            let number = word.get(1..).and_then(|number| u128::from_str_radix(number, 16).ok());
            match (word.as_bytes().first(), number) {
                (Some(b'r'), Some(number)) => drop(news.runs.insert(RunId::from_u128(number))),
                (Some(b'g'), Some(number)) => drop(news.groups.insert(GroupId::from_u128(number))),
                _ => news.all = true,
            }
        }
        Some(news)
    }

    fn tell(&self, nudge: &dyn Nudge) {
        self.runs.iter().for_each(|id| nudge.changed(*id));
        self.groups.iter().for_each(|id| nudge.grouped(*id));
        if self.queued {
            nudge.queued();
        }
        if self.owed {
            nudge.owed();
        }
        if self.logged {
            nudge.logged();
        }
        if self.all {
            nudge.missed();
        }
    }
}

/// Tells those on this node at once, and the other nodes a moment later.
pub(super) struct Teller {
    nudge: Arc<dyn Nudge>,
    metrics: Arc<Metrics>,
    /// Whether there are other nodes to tell.
    has_others: bool,
    news: Mutex<News>,
    some: Notify,
}

impl Teller {
    pub(super) fn new(nudge: Arc<dyn Nudge>, metrics: Arc<Metrics>, has_others: bool) -> Arc<Self> {
        Arc::new(Self { nudge, metrics, has_others, news: Mutex::default(), some: Notify::new() })
    }

    /// What this says is on disk.
    pub(super) fn tell(&self, told: &Told) {
        told.tell(&*self.nudge, &self.metrics);
        if self.has_others {
            self.news.lock().unwrap_or_else(PoisonError::into_inner).add(told);
            self.some.notify_one();
        }
    }

    fn take(&self) -> News {
        std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Listens and notifies until `stop`, over a connection of its own that is made again when it is lost.
pub(super) async fn exchange(door: Arc<Door>, teller: Arc<Teller>, channel: String, stop: CancellationToken) {
    let own = uuid::Uuid::new_v4().as_fields().0;
    let mut pause = PAUSES.0;
    while !stop.is_cancelled() {
        match listening(&door, &teller, &channel, own, &stop).await {
            Ok(()) => pause = PAUSES.0,
            Err(error) => {
                debug!(error = &error as &dyn std::error::Error, "hints of other nodes are not heard for a moment");
                pause = (pause * 2).min(PAUSES.1);
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(pause) => {}
        }
    }
}

/// Until the connection is lost.
async fn listening(
    door: &Door,
    teller: &Teller,
    channel: &str,
    own: u32,
    stop: &CancellationToken,
) -> Result<(), tokio_postgres::Error> {
    let (client, mut connection) = door.raw().await?;
    let (heard, mut hear) = mpsc::unbounded_channel();
    let driver = tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(told) = message
                && heard.send(told.payload().to_owned()).is_err()
            {
                return;
            }
        }
    });
    client.batch_execute(&format!("listen {channel}")).await?;
    // What was told while nobody listened is not heard.
    teller.nudge.missed();
    let told = async {
        let mut next = Instant::now();
        loop {
            teller.some.notified().await;
            sleep_until(next).await;
            let news = teller.take();
            if !news.is_empty() {
                next = Instant::now() + GATHER;
                notify(&client, channel, &news.text(own)).await?;
            }
        }
    };
    let listened = async {
        loop {
            tokio::select! {
                heard = hear.recv() => match heard {
                    Some(text) => if let Some(news) = News::heard(&text, own) { news.tell(&*teller.nudge) },
                    None => return Ok(()),
                },
                () = sleep(ALIVE) => match timeout(ANSWER, client.batch_execute("")).await {
                    Ok(answered) => answered?,
                    Err(_) => return Ok(()),
                },
            }
        }
    };
    let ended = tokio::select! {
        () = stop.cancelled() => Ok(()),
        ended = told => ended,
        ended = listened => ended,
    };
    driver.abort();
    if ended.is_ok() && !stop.is_cancelled() {
        warn!("the connection over which other nodes' hints come was lost, and is made again");
    }
    ended
}

async fn notify(client: &Client, channel: &str, text: &str) -> Result<(), tokio_postgres::Error> {
    client
        .query_typed(
            sql::NOTIFY.text,
            &[(&channel, sql::NOTIFY.types[0].clone()), (&text, sql::NOTIFY.types[1].clone())],
        )
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_are_heard_as_they_were_told_and_nobody_hears_himself() {
        let told = Told {
            changed: vec![RunId::from_u128(7), RunId::from_u128(u128::MAX)],
            grouped: vec![GroupId::from_u128(9)],
            queued: true,
            logged: true,
            ..Told::default()
        };
        let mut news = News::default();
        news.add(&told);
        let text = news.text(5);
        assert_eq!(News::heard(&text, 6), Some(news));
        assert_eq!(News::heard(&text, 5), None);
    }

    #[test]
    fn what_is_too_much_to_name_is_told_all_the_same() {
        let told = Told { changed: (0..1000).map(RunId::from_u128).collect(), ..Told::default() };
        let mut news = News::default();
        news.add(&told);
        let most = Told {
            changed: (0..u128::try_from(NAMED).unwrap()).map(|n| RunId::from_u128(u128::MAX - n)).collect(),
            ..Told::default()
        };
        let mut full = News::default();
        full.add(&most);
        assert!(news.all && news.text(1).len() < 100 && !full.all && full.text(u32::MAX).len() < 8000);
        assert!(News::heard("something else", 1).unwrap().all);
    }
}
