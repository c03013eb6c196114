//! The proof by chaos: nodes on one store behind a proxy are killed, paused and cut off from their database at random while
//! callers use all four patterns. Afterwards every run that was accepted has ended once, every stream was whole, and every
//! webhook arrived.
//!
//! Half a minute of it by default; ten minutes, with pauses longer than a lease, by
//! `LEGWORK_TEST_CHAOS_SECONDS=600 cargo nextest run nodes:: --no-capture`. `LEGWORK_TEST_CHAOS_SEED` has the same
//! blows fall in the same order again.

pub(crate) mod claims;
pub(crate) mod clients;
mod machines;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, timeout};

use self::clients::Notes;
use self::machines::{Blows, Machines, Postgres, proxy};
use crate::receiver::Receiver;

/// How long what was begun may take once nothing is broken any more: leases run out first, and who lost several workers
/// waits longer each time.
const CALM: Duration = Duration::from_mins(5);
/// How many callers of each pattern there are.
const CALLERS: u64 = 3;

/// Chance that comes again with its seed (splitmix64).
pub(crate) struct Chance(u64);

impl Chance {
    /// Another sequence for each `who`.
    fn of(seed: u64, who: u64) -> Self {
        let mut chance = Self(seed ^ who.wrapping_mul(0xd6e8_feb8_6659_fd93));
        chance.next();
        chance
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }

    /// So many milliseconds, between these.
    fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from))
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

fn seconds() -> u64 {
    number("LEGWORK_TEST_CHAOS_SECONDS").unwrap_or(30)
}

fn seed() -> u64 {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    number("LEGWORK_TEST_CHAOS_SEED").unwrap_or_else(now)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_on_postgresql_lose_nothing_whatever_is_killed_paused_or_restarted() {
    let Some(postgres) = Postgres::start() else { return };
    let store = postgres.url.clone();
    let machines = Machines::start(&store, &["api", "all", "all"], Some(postgres));
    chaos(Arc::new(machines), Duration::from_secs(seconds())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_on_a_folder_loses_nothing_whatever_is_killed_or_paused() {
    let store = tempfile::tempdir().unwrap();
    let machines = Machines::start(&store.path().display().to_string(), &["all"], None);
    chaos(Arc::new(machines), Duration::from_secs(seconds().div_ceil(3))).await;
}

async fn chaos(machines: Arc<Machines>, duration: Duration) {
    let seed = seed();
    eprintln!("LEGWORK_TEST_CHAOS_SEED={seed}");
    machines.ready().await;
    let receiver = Receiver::start(0).await;
    let notes = Arc::new(Notes::new(&proxy(machines.addresses()).await, &receiver.url));
    let callers: Vec<_> = (0..CALLERS).flat_map(|n| clients::start(&notes, seed, n)).collect();
    let mirror = clients::mirror(&notes, seed);

    let (for_blows, until) = (machines.clone(), std::time::Instant::now() + duration);
    let blows = tokio::task::spawn_blocking(move || for_blows.strike(&mut Chance::of(seed, u64::MAX), until));
    let blows = blows.await.unwrap();

    let calm = Instant::now();
    notes.enough();
    machines.ready().await;
    let ended = async {
        for caller in callers {
            caller.await.unwrap();
        }
        notes.complete();
        claims::hold(&machines, &notes, &receiver, &mirror.await.unwrap()).await;
    };
    let in_time = timeout(CALM, ended).await.is_ok();
    assert!(in_time, "{CALM:?} after the last blow something has not come to its end");
    machines.are_sound(&blows);
    report(&blows, &notes, calm.elapsed());
}

fn report(blows: &Blows, notes: &Notes, calm: Duration) {
    let mut creates = notes.creates.lock().unwrap().clone();
    creates.sort_unstable();
    let at = |percent: usize| creates[(creates.len() - 1) * percent / 100].as_millis();
    let (runs, groups) = (notes.runs.lock().unwrap().len(), notes.groups.lock().unwrap().len());
    eprintln!(
        "{runs} runs, {groups} groups; {blows}; a create took {} ms (p50), {} ms (p99); all was done {:.1} s after the \
         last blow",
        at(50),
        at(99),
        calm.as_secs_f64(),
    );
}
