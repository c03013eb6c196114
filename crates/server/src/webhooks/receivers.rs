//! How many attempts may be under way, for an owner and from him to a receiver. A receiver that answers well gets more at a
//! time; one that fails or is silent gets few. What one owner's receivers do is nothing to another: the same receiver is
//! another to each owner, and no owner can have all places.

use std::collections::BTreeMap;

use legwork_core::id::Owner;
use legwork_core::store::{OwnersShare, Receiver};

/// How many attempts are under way at the most.
pub(super) const TOTAL: usize = 512;
/// How many for one owner.
pub(super) const OWNERS: usize = 128;
/// How many at a receiver that is not known yet.
pub(super) const AT_FIRST: usize = 8;
/// How many at a receiver that answers well.
const MOST: usize = 64;
/// How many at a receiver that just failed.
const LEAST: usize = 2;

/// How many receivers are remembered that have nothing under way.
const REMEMBERED: usize = 128;

/// The receivers at which attempts are under way, and some at which they were.
#[derive(Debug, Default)]
pub(super) struct Receivers(BTreeMap<Name, Load>);

/// An owner, and the host and port that his webhook is at.
type Name = (Owner, String);

#[derive(Clone, Copy, Debug)]
struct Load {
    under_way: usize,
    allowed: usize,
}

/// What an attempt says about its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Learned {
    /// It answers well.
    Well,
    /// It fails.
    Failed,
    /// Nothing: it was not its doing.
    Nothing,
}

impl Receivers {
    /// How many more attempts there is room for.
    pub(super) fn room(&self) -> usize {
        TOTAL.saturating_sub(self.0.values().map(|load| load.under_way).sum())
    }

    /// What there is for each owner.
    pub(super) fn shares(&self) -> BTreeMap<Owner, OwnersShare> {
        let mut shares = BTreeMap::<Owner, OwnersShare>::new();
        for ((owner, receiver), Load { under_way, allowed }) in &self.0 {
            let share = shares.entry(owner.clone()).or_insert(OwnersShare { room: OWNERS, receivers: BTreeMap::new() });
            share.room = share.room.saturating_sub(*under_way);
            let room = allowed.saturating_sub(*under_way);
            share.receivers.insert(receiver.clone(), Receiver { under_way: *under_way, room });
        }
        shares
    }

    /// An attempt begins.
    pub(super) fn begin(&mut self, name: &Name) {
        let load = self.0.entry(name.clone()).or_insert(Load { under_way: 0, allowed: AT_FIRST });
        load.under_way += 1;
    }

    /// An attempt has ended.
    pub(super) fn end(&mut self, name: &Name, learned: Learned) {
        let Some(load) = self.0.get_mut(name) else { return };
        load.under_way = load.under_way.saturating_sub(1);
        match learned {
            Learned::Well => load.allowed = (load.allowed + 1).min(MOST),
            Learned::Failed => load.allowed = LEAST,
            Learned::Nothing => {}
        }
        let is_idle = load.under_way == 0;
        // Who is forgotten begins anew.
        if is_idle && self.0.len() > REMEMBERED {
            self.0.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(owner: &str, receiver: &str) -> Name {
        (Owner::named(owner), receiver.to_owned())
    }

    fn room(receivers: &Receivers, (owner, receiver): &Name) -> Option<usize> {
        Some(receivers.shares().get(owner)?.receivers.get(receiver)?.room)
    }

    #[test]
    fn a_receiver_that_answers_well_gets_more_at_a_time() {
        let (mut receivers, a) = (Receivers::default(), of("me", "a"));
        (0..AT_FIRST).for_each(|_| receivers.begin(&a));
        assert_eq!(room(&receivers, &a), Some(0));
        for _ in 0..200 {
            receivers.end(&a, Learned::Well);
            receivers.begin(&a);
        }
        assert_eq!(room(&receivers, &a), Some(MOST - AT_FIRST));
    }

    #[test]
    fn a_receiver_that_fails_gets_few_and_the_others_as_many_as_before() {
        let (mut receivers, dead, well) = (Receivers::default(), of("me", "dead"), of("me", "well"));
        (0..AT_FIRST).for_each(|_| receivers.begin(&dead));
        receivers.begin(&well);
        receivers.end(&dead, Learned::Failed);
        assert_eq!((room(&receivers, &dead), room(&receivers, &well)), (Some(0), Some(AT_FIRST - 1)));
        assert_eq!(receivers.room(), TOTAL - AT_FIRST);
        (1..AT_FIRST).for_each(|_| receivers.end(&dead, Learned::Failed));
        assert_eq!(room(&receivers, &dead), Some(LEAST), "it is remembered");
        receivers.begin(&well);
        receivers.end(&well, Learned::Nothing);
        assert_eq!(room(&receivers, &well), Some(AT_FIRST - 1), "what is our fault is not held against it");
    }

    #[test]
    fn an_owner_has_a_share_and_lines_of_his_own() {
        let (mut receivers, mine, yours) = (Receivers::default(), of("me", "a"), of("you", "a"));
        (0..=OWNERS).for_each(|_| receivers.begin(&mine));
        receivers.begin(&yours);
        receivers.end(&mine, Learned::Failed);
        let shares = receivers.shares();
        assert_eq!((shares[&mine.0].room, shares[&yours.0].room), (0, OWNERS - 1));
        assert_eq!(room(&receivers, &yours), Some(AT_FIRST - 1), "it has failed another");
        assert!(receivers.room() >= OWNERS);
    }

    #[test]
    fn only_so_many_are_remembered() {
        let mut receivers = Receivers::default();
        for number in 0..10 * REMEMBERED {
            let name = of("me", &number.to_string());
            receivers.begin(&name);
            receivers.end(&name, Learned::Failed);
        }
        assert_eq!(receivers.0.len(), REMEMBERED);
    }
}
