//! How a worker's slots are shared: long runs never take them all, so that a short one always finds a place soon.

use std::collections::{BTreeMap, BTreeSet};

use legwork_core::fair::{Limits, Room};
use legwork_core::tier::{Tier, Weight};

/// How many runs a worker works on at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slots {
    /// Of all processors together.
    pub(crate) all: usize,
    /// What it keeps to together with all others that work on the store: the store counts.
    pub(crate) limits: Limits,
}

/// How many runs of each processor are being worked on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Busy(BTreeMap<String, usize>);

impl Busy {
    pub(super) fn begin(&mut self, processor: &str) {
        *self.0.entry(processor.to_owned()).or_default() += 1;
    }

    pub(super) fn end(&mut self, processor: &str) {
        if let Some(count) = self.0.get_mut(processor) {
            *count = count.saturating_sub(1);
        }
    }

    /// How many there are of those that hold a worker at least so long.
    fn from(&self, lightest: Weight) -> usize {
        self.0.iter().filter(|(name, _)| weight(name) >= lightest).map(|(_, count)| count).sum()
    }
}

/// The weight of a processor; one that is none of the eighteen may run for as long as it likes.
fn weight(processor: &str) -> Weight {
    Tier::of(processor).map_or(Weight::Heavy, |tier| tier.weight)
}

impl Slots {
    /// How many more runs there are slots for, of each processor and of those together that share a part of the slots.
    pub(super) fn room<'a>(&self, busy: &Busy, processors: impl Iterator<Item = &'a str>) -> Room {
        let names: BTreeSet<_> = processors.map(str::to_owned).collect();
        let together = [Weight::Light, Weight::Middle, Weight::Heavy].map(|lightest| {
            let of = names.iter().filter(|name| weight(name) >= lightest).cloned().collect();
            (of, self.share(lightest).saturating_sub(busy.from(lightest)))
        });
        let room = Room { each: BTreeMap::new(), together: together.into() };
        let each = names.into_iter().map(|name| {
            let shared = room.together.iter().filter(|(of, _)| of.contains(&name)).map(|(_, room)| *room).min();
            (name, shared.unwrap_or(0))
        });
        let each = each.filter(|(_, free)| *free > 0).collect();
        Room { each, ..room }
    }

    /// How many runs of this processor are worked on at a time when there are no others.
    pub(crate) fn most(&self, processor: &str) -> usize {
        let share = self.share(weight(processor));
        self.limits.each_processor.get(processor).map_or(share, |most| share.min(*most))
    }

    /// How many slots the runs of a weight share with heavier ones: what runs for minutes or longer gets three quarters of
    /// them, what runs for hours half, and each at least one.
    fn share(&self, lightest: Weight) -> usize {
        match lightest {
            Weight::Light => self.all,
            Weight::Middle => (self.all * 3 / 4).max(1),
            Weight::Heavy => (self.all / 2).max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many light, middle and heavy ones.
    fn busy(light: usize, middle: usize, heavy: usize) -> Busy {
        Busy([("lite", light), ("core", middle), ("pro", heavy)].map(|(name, n)| (name.to_owned(), n)).into())
    }

    fn slots(all: usize) -> Slots {
        Slots { all, limits: Limits::default() }
    }

    /// How many more of a processor may be started.
    fn free(slots: &Slots, busy: &Busy, processor: &str) -> usize {
        let room = slots.room(busy, ["lite", "core", "pro", "my-own"].into_iter());
        room.each.get(processor).copied().unwrap_or(0)
    }

    #[test]
    fn heavy_runs_leave_room_for_light_ones() {
        let slots = slots(64);
        assert_eq!(free(&slots, &busy(0, 0, 0), "pro"), 32);
        assert_eq!(free(&slots, &busy(0, 0, 32), "pro"), 0);
        assert_eq!(free(&slots, &busy(0, 0, 32), "core"), 16);
        assert_eq!(free(&slots, &busy(0, 16, 32), "core"), 0);
        assert_eq!(free(&slots, &busy(0, 16, 32), "lite"), 16);
        assert_eq!(free(&slots, &busy(64, 0, 0), "pro"), 0);
    }

    #[test]
    fn a_single_slot_serves_every_weight() {
        for processor in ["lite", "core", "pro"] {
            assert_eq!(free(&slots(1), &busy(0, 0, 0), processor), 1);
            assert_eq!(free(&slots(1), &busy(1, 0, 0), processor), 0);
        }
    }

    #[test]
    fn only_processors_with_room_are_asked_for() {
        let room = slots(4).room(&busy(0, 0, 2), ["lite", "pro-fast", "my-own"].into_iter());
        assert_eq!(room.each, BTreeMap::from([("lite".to_owned(), 2)]));
    }

    /// Two kinds of heavy runs do not each take the half that is for both.
    #[test]
    fn processors_of_one_weight_share_their_part() {
        let room = slots(4).room(&Busy::default(), ["lite", "pro", "ultra"].into_iter());
        let heavy: BTreeSet<_> = ["pro", "ultra"].map(str::to_owned).into();
        assert!(room.together.contains(&(heavy, 2)), "{room:?}");
    }

    #[test]
    fn a_processor_gets_its_share_or_its_limit_whichever_is_less() {
        let each_processor =
            [("pro", 3), ("core", 0), ("lite", 1000)].map(|(name, most)| (name.to_owned(), most)).into();
        let few = Slots { limits: Limits { each_processor, each_owner: None }, ..slots(64) };
        assert_eq!(["pro", "core", "lite", "base", "ultra"].map(|name| few.most(name)), [3, 0, 64, 64, 32]);
    }
}
