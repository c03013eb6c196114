//! How many attempts may be under way at one receiver. One that answers well gets more at a time; one that fails or is
//! silent gets few, so that a dead one holds up nobody else.

use std::collections::BTreeMap;

use legwork_core::store::Receiver;

/// How many attempts are under way at the most.
pub(super) const TOTAL: usize = 512;
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
pub(super) struct Receivers(BTreeMap<String, Load>);

#[derive(Clone, Copy, Debug)]
struct Load {
    under_way: usize,
    allowed: usize,
}

impl Receivers {
    /// How many more attempts there is room for.
    pub(super) fn room(&self) -> usize {
        TOTAL.saturating_sub(self.0.values().map(|load| load.under_way).sum())
    }

    /// What there is with each.
    pub(super) fn loads(&self) -> BTreeMap<String, Receiver> {
        let load =
            |load: &Load| Receiver { under_way: load.under_way, room: load.allowed.saturating_sub(load.under_way) };
        self.0.iter().map(|(name, of)| (name.clone(), load(of))).collect()
    }

    /// An attempt begins.
    pub(super) fn begin(&mut self, receiver: &str) {
        let load = self.0.entry(receiver.to_owned()).or_insert(Load { under_way: 0, allowed: AT_FIRST });
        load.under_way += 1;
    }

    /// An attempt has ended.
    pub(super) fn end(&mut self, receiver: &str, well: bool) {
        let Some(load) = self.0.get_mut(receiver) else { return };
        load.under_way = load.under_way.saturating_sub(1);
        load.allowed = if well { (load.allowed + 1).min(MOST) } else { LEAST };
        let is_idle = load.under_way == 0;
        // Who is forgotten begins anew.
        if is_idle && self.0.len() > REMEMBERED {
            self.0.remove(receiver);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(receivers: &Receivers, name: &str) -> Option<usize> {
        receivers.loads().get(name).map(|load| load.room)
    }

    #[test]
    fn a_receiver_that_answers_well_gets_more_at_a_time() {
        let mut receivers = Receivers::default();
        (0..AT_FIRST).for_each(|_| receivers.begin("a"));
        assert_eq!(room(&receivers, "a"), Some(0));
        for _ in 0..200 {
            receivers.end("a", true);
            receivers.begin("a");
        }
        assert_eq!(room(&receivers, "a"), Some(MOST - AT_FIRST));
    }

    #[test]
    fn a_receiver_that_fails_gets_few_and_the_others_as_many_as_before() {
        let mut receivers = Receivers::default();
        (0..AT_FIRST).for_each(|_| receivers.begin("dead"));
        receivers.begin("well");
        receivers.end("dead", false);
        assert_eq!((room(&receivers, "dead"), room(&receivers, "well")), (Some(0), Some(AT_FIRST - 1)));
        assert_eq!(receivers.room(), TOTAL - AT_FIRST);
        (1..AT_FIRST).for_each(|_| receivers.end("dead", false));
        assert_eq!(room(&receivers, "dead"), Some(LEAST), "it is remembered");
    }

    #[test]
    fn only_so_many_are_remembered() {
        let mut receivers = Receivers::default();
        for number in 0..10 * REMEMBERED {
            receivers.begin(&number.to_string());
            receivers.end(&number.to_string(), false);
        }
        assert_eq!(receivers.loads().len(), REMEMBERED);
    }
}
