//! How a worker's slots are shared: long runs never take them all, so that a short one always finds a place soon.

use std::collections::BTreeMap;

use legwork_core::tier::{Tier, Weight};

/// How many runs of each weight are being worked on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Busy {
    pub(super) light: usize,
    pub(super) middle: usize,
    pub(super) heavy: usize,
}

impl Busy {
    pub(super) fn of(&mut self, weight: Weight) -> &mut usize {
        match weight {
            Weight::Light => &mut self.light,
            Weight::Middle => &mut self.middle,
            Weight::Heavy => &mut self.heavy,
        }
    }
}

/// The weight of a processor; one that is none of the eighteen may run for as long as it likes.
pub(super) fn weight(processor: &str) -> Weight {
    Tier::of(processor).map_or(Weight::Heavy, |tier| tier.weight)
}

/// How many more runs of a weight may be started.
///
/// All share `slots`; what runs for minutes or longer gets three quarters of them, what runs for hours half.
/// Each weight has at least one place when nothing else runs.
pub(super) fn free(slots: usize, busy: Busy, weight: Weight) -> usize {
    let Busy { light, middle, heavy } = busy;
    let share = |part: usize, used: usize| part.max(1).saturating_sub(used);
    let all = slots.saturating_sub(light + middle + heavy);
    let long = share(slots * 3 / 4, middle + heavy);
    match weight {
        Weight::Light => all,
        Weight::Middle => all.min(long),
        Weight::Heavy => all.min(long).min(share(slots / 2, heavy)),
    }
}

/// How many runs of each processor there is room for.
pub(super) fn room<'a>(slots: usize, busy: Busy, processors: impl Iterator<Item = &'a str>) -> BTreeMap<String, usize> {
    let room = processors.map(|name| (name.to_owned(), free(slots, busy, weight(name))));
    room.filter(|(_, free)| *free > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy(light: usize, middle: usize, heavy: usize) -> Busy {
        Busy { light, middle, heavy }
    }

    #[test]
    fn heavy_runs_leave_room_for_light_ones() {
        assert_eq!(free(64, busy(0, 0, 0), Weight::Heavy), 32);
        assert_eq!(free(64, busy(0, 0, 32), Weight::Heavy), 0);
        assert_eq!(free(64, busy(0, 0, 32), Weight::Middle), 16);
        assert_eq!(free(64, busy(0, 16, 32), Weight::Middle), 0);
        assert_eq!(free(64, busy(0, 16, 32), Weight::Light), 16);
        assert_eq!(free(64, busy(64, 0, 0), Weight::Heavy), 0);
    }

    #[test]
    fn a_single_slot_serves_every_weight() {
        for weight in [Weight::Light, Weight::Middle, Weight::Heavy] {
            assert_eq!(free(1, Busy::default(), weight), 1);
            assert_eq!(free(1, busy(1, 0, 0), weight), 0);
        }
    }

    #[test]
    fn only_processors_with_room_are_asked_for() {
        let room = room(4, busy(0, 0, 2), ["lite", "pro-fast", "my-own"].into_iter());
        assert_eq!(room, BTreeMap::from([("lite".to_owned(), 2)]));
    }
}
