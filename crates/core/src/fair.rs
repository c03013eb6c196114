//! Who is served next when several owners wait: the one with the least running.

use std::collections::{BTreeMap, BTreeSet};

use crate::time::Micros;

/// What decides who is next: first how much its owner has running, counting what goes before it, then since when it
/// waits. The smaller is served first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn {
    /// How much its owner has running.
    pub running: usize,
    /// Since when it waits.
    pub since: Micros,
}

/// The front of one owner's runs that wait for one processor.
#[derive(Clone, Debug)]
pub struct Queue<T> {
    /// The processor.
    pub processor: String,
    /// The owner, as his place in the list of what owners have running.
    pub owner: usize,
    /// What waits, longest first: since when, and what.
    pub waiting: Vec<(Micros, T)>,
}

/// For how many more runs there is room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// For how many of each processor; of one that is not named, for none.
    pub each: BTreeMap<String, usize>,
    /// For how many of several processors taken together.
    pub together: Vec<(BTreeSet<String>, usize)>,
}

impl Room {
    /// Whether there is room for a run of this processor.
    fn is_for(&self, processor: &str) -> bool {
        let full = |(of, room): &(BTreeSet<String>, usize)| *room == 0 && of.contains(processor);
        self.each.get(processor).is_some_and(|room| *room > 0) && !self.together.iter().any(full)
    }

    fn take(&mut self, processor: &str) {
        let together = self.together.iter_mut().filter(|(of, _)| of.contains(processor)).map(|(_, room)| room);
        for room in self.each.get_mut(processor).into_iter().chain(together) {
            *room = room.saturating_sub(1);
        }
    }
}

/// How many runs may be worked on at a time, by all nodes of a store taken together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Of these processors at the most; 0 is never. Of one that is not named, as many as there is room for.
    pub each_processor: BTreeMap<String, usize>,
    /// Of one owner at the most, whatever for; `None` is as many as there is room for.
    pub each_owner: Option<usize>,
}

/// What is being worked on, by whatever node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Running {
    /// How much each owner has running, whatever for. A [`Queue`] names its owner by his place here.
    pub owners: Vec<usize>,
    /// How many runs of each processor are; those without a limit need not be counted.
    pub processors: BTreeMap<String, usize>,
}

impl Limits {
    /// What the limits of processors leave of a claimer's room when so many runs of each are being worked on.
    pub fn leave_of(&self, mut room: Room, running: &BTreeMap<String, usize>) -> Room {
        for (processor, most) in &self.each_processor {
            if let Some(room) = room.each.get_mut(processor) {
                *room = (*room).min(most.saturating_sub(running.get(processor).copied().unwrap_or(0)));
            }
        }
        room
    }

    /// How many more may be started for an owner who has so many running.
    pub fn leave_owner(&self, running: usize) -> usize {
        self.each_owner.map_or(usize::MAX, |most| most.saturating_sub(running))
    }
}

impl FromIterator<(String, usize)> for Room {
    fn from_iter<I: IntoIterator<Item = (String, usize)>>(each: I) -> Self {
        Self { each: each.into_iter().collect(), together: Vec::new() }
    }
}

impl<const N: usize> From<[(String, usize); N]> for Room {
    fn from(each: [(String, usize); N]) -> Self {
        each.into_iter().collect()
    }
}

/// Picks up to `n` runs, as many of each processor as there is room for and as the limits leave: always from the owner that
/// has the least running, whatever for (what was just picked counts), and among equals the one that waits longest. So
/// neither a long line nor a busy processor keeps another owner's run waiting, and whoever is at a limit is passed over.
pub fn share<T: Copy>(
    mut queues: Vec<Queue<T>>,
    Running { mut owners, processors }: Running,
    room: Room,
    limits: &Limits,
    n: usize,
) -> Vec<T> {
    let mut room = limits.leave_of(room, &processors);
    let has = |owners: &[usize], owner: usize| owners.get(owner).copied().unwrap_or_default();
    let may = |queue: &Queue<T>, room: &Room, owners: &[usize]| {
        room.is_for(&queue.processor) && limits.leave_owner(has(owners, queue.owner)) > 0
    };
    queues.retain(|queue| may(queue, &room, &owners));
    for queue in &mut queues {
        queue.waiting.reverse();
    }
    let mut picked = Vec::new();
    while picked.len() < n {
        let turn = |queue: &Queue<T>| {
            queue.waiting.last().map(|(since, _)| Turn { running: has(&owners, queue.owner), since: *since })
        };
        let next = queues.iter().enumerate().filter_map(|(i, queue)| Some((turn(queue)?, i))).min();
        let Some(queue) = next.and_then(|(_, i)| queues.get_mut(i)) else { break };
        picked.extend(queue.waiting.pop().map(|(_, what)| what));
        if let Some(running) = owners.get_mut(queue.owner) {
            *running += 1;
        }
        room.take(&queue.processor);
        if !may(queue, &room, &owners) {
            queues.retain(|queue| may(queue, &room, &owners));
        }
    }
    picked
}

/// How many of another owner's runs, which wait since these moments, longest first, are picked before one whose turn this
/// is. `running` is how much the other has running. As many moments as [`worth_reading`] says are enough.
pub fn before(turn: Turn, running: usize, waiting: impl IntoIterator<Item = Micros>) -> usize {
    let turns = (running..).zip(waiting).map(|(running, since)| Turn { running, since });
    turns.take_while(|other| *other < turn).count()
}

/// How many of another owner's runs can be picked before one whose turn this is, at the most.
pub fn worth_reading(turn: Turn, running: usize) -> usize {
    (turn.running + 1).saturating_sub(running)
}

/// The front of what waits in one line of several.
#[derive(Clone, Debug)]
pub struct Line<T> {
    /// How much of it is being worked on.
    pub running: usize,
    /// What waits, longest first: since when, and what.
    pub waiting: Vec<(Micros, T)>,
}

/// Picks up to `n` from the lines: always from the line that has the least running (counting what was just picked),
/// and among equals the one that waits longest. So a long line never keeps a short one waiting.
pub fn pick<T: Copy>(mut lines: Vec<Line<T>>, n: usize) -> Vec<T> {
    for line in &mut lines {
        line.waiting.reverse();
    }
    let mut picked = Vec::new();
    while picked.len() < n {
        let next = lines
            .iter_mut()
            .filter(|line| !line.waiting.is_empty())
            .min_by_key(|line| (line.running, line.waiting.last().map(|(since, _)| *since)));
        let Some(line) = next else { break };
        line.running += 1;
        picked.extend(line.waiting.pop().map(|(_, what)| what));
    }
    picked
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::{collection, sample};

    use super::*;

    fn line(running: usize, waiting: &[(i64, char)]) -> Line<char> {
        Line { running, waiting: waiting.iter().map(|&(at, c)| (Micros(at), c)).collect() }
    }

    #[test]
    fn one_owner_is_served_in_order() {
        assert_eq!(pick(vec![line(5, &[(1, 'a'), (2, 'b'), (3, 'c')])], 2), ['a', 'b']);
    }

    #[test]
    fn the_owner_with_less_running_is_served_first_however_late_he_came() {
        let busy = line(3, &[(1, 'a'), (2, 'b')]);
        let calm = line(0, &[(9, 'z')]);
        assert_eq!(pick(vec![busy, calm], 1), ['z']);
    }

    #[test]
    fn equals_take_turns() {
        let one = line(0, &[(1, 'a'), (2, 'b'), (3, 'c')]);
        let two = line(0, &[(4, 'x'), (5, 'y')]);
        assert_eq!(pick(vec![one, two], 9), ['a', 'x', 'b', 'y', 'c']);
    }

    fn queue(processor: &str, owner: usize, waiting: &[(i64, char)]) -> Queue<char> {
        Queue { processor: processor.to_owned(), owner, waiting: line(0, waiting).waiting }
    }

    fn room(each: &[(&str, usize)]) -> Room {
        each.iter().map(|(name, room)| ((*name).to_owned(), *room)).collect()
    }

    /// What is picked without limits.
    fn shared<T: Copy>(queues: Vec<Queue<T>>, owners: &[usize], room: Room, n: usize) -> Vec<T> {
        share(queues, Running { owners: owners.to_vec(), ..Running::default() }, room, &Limits::default(), n)
    }

    #[test]
    fn a_busy_processor_does_not_keep_another_owners_run_waiting() {
        let busy = queue("base", 0, &[(1, 'a'), (2, 'b'), (3, 'c')]);
        let calm = queue("ultra", 1, &[(9, 'z')]);
        assert_eq!(shared(vec![busy, calm], &[7, 0], room(&[("base", 9), ("ultra", 9)]), 1), ['z']);
    }

    #[test]
    fn what_an_owner_has_running_counts_for_all_he_waits_for() {
        let one = [queue("base", 0, &[(1, 'a')]), queue("core", 0, &[(2, 'b')])];
        let two = queue("core", 1, &[(9, 'z')]);
        let queues = one.into_iter().chain([two]).collect();
        assert_eq!(shared(queues, &[0, 0], room(&[("base", 9), ("core", 9)]), 9), ['a', 'z', 'b']);
    }

    #[test]
    fn no_more_is_picked_than_there_is_room_for() {
        let queues = || {
            let names = ["lite", "pro", "ultra"];
            names.map(|name| queue(name, 0, &[(1, 'a'), (2, 'b'), (3, 'c')])).to_vec()
        };
        let each = room(&[("lite", 1), ("pro", 2), ("ultra", 2)]);
        assert_eq!(shared(queues(), &[0], each.clone(), 9).len(), 5);
        let heavy = ["pro", "ultra"].map(str::to_owned).into();
        assert_eq!(shared(queues(), &[0], Room { together: vec![(heavy, 3)], ..each }, 9).len(), 4);
        assert_eq!(shared(queues(), &[0], room(&[("base", 9), ("pro", 0)]), 9), []);
    }

    #[test]
    fn a_processor_gets_what_its_limit_leaves_and_the_others_go_on() {
        let queues = || vec![queue("base", 0, &[(1, 'a'), (2, 'b'), (3, 'c')]), queue("ultra", 0, &[(9, 'z')])];
        let picked = |most, running| {
            let limits = Limits { each_processor: [("base".to_owned(), most)].into(), each_owner: None };
            let running = Running { owners: vec![0], processors: [("base".to_owned(), running)].into() };
            share(queues(), running, room(&[("base", 9), ("ultra", 9)]), &limits, 9)
        };
        assert_eq!(picked(3, 1), ['a', 'b', 'z']);
        assert_eq!((picked(3, 3), picked(3, 4), picked(0, 0)), (vec!['z'], vec!['z'], vec!['z']));
        assert_eq!(picked(99, 0), ['a', 'b', 'c', 'z']);
    }

    /// Whatever his runs are for.
    #[test]
    fn an_owner_at_his_limit_is_passed_over() {
        let one = [queue("base", 0, &[(1, 'a'), (2, 'b')]), queue("core", 0, &[(3, 'c')])];
        let queues = || one.iter().cloned().chain([queue("core", 1, &[(8, 'y'), (9, 'z')])]).collect();
        let picked = |most, owners: &[usize]| {
            let limits = Limits { each_owner: Some(most), ..Limits::default() };
            let running = Running { owners: owners.to_vec(), ..Running::default() };
            share(queues(), running, room(&[("base", 9), ("core", 9)]), &limits, 9)
        };
        assert_eq!(picked(1, &[0, 0]), ['a', 'y']);
        assert_eq!(picked(2, &[0, 1]), ['a', 'b', 'y']);
        assert_eq!(picked(2, &[2, 0]), ['y', 'z']);
        assert_eq!(picked(3, &[9, 3]), []);
    }

    proptest! {
        /// No limit is exceeded by what is picked, and nothing is left that no limit holds back.
        #[test]
        fn limits_are_kept_and_used(
            long in collection::vec(collection::vec(0..5_usize, 3), 1..5),
            running in collection::vec(0..4_usize, 7),
            most in collection::vec(0..9_usize, 4),
        ) {
            let names = ["base", "core", "ultra"];
            let owners = running[..long.len()].to_vec();
            let processors: BTreeMap<_, _> = names.map(str::to_owned).into_iter().zip(running[4..].to_vec()).collect();
            // The last processor has no limit.
            let each_processor = names.map(str::to_owned).into_iter().zip(most[..2].to_vec()).collect();
            let limits = Limits { each_processor, each_owner: (most[3] < 8).then_some(most[3]) };
            let since = |i: usize, owner: usize| Micros(i64::try_from(i * 31 + owner).unwrap());
            let all = (0..long.len()).flat_map(|owner| (0..3).map(move |name| (owner, name)));
            let queues = all.clone().map(|(owner, name)| Queue {
                processor: names[name].to_owned(),
                owner,
                waiting: (0..long[owner][name]).map(|i| (since(i, owner), (owner, name))).collect(),
            });
            let before = Running { owners: owners.clone(), processors: processors.clone() };
            let picked = share(queues.collect(), before, room(&names.map(|name| (name, 100))), &limits, 100);
            let of_owner = |owner| picked.iter().filter(|(whose, _)| *whose == owner).count();
            let of_name = |name| picked.iter().filter(|(_, what)| *what == name).count();
            let owner_left = |owner: usize| limits.leave_owner(owners[owner]) - of_owner(owner);
            let name_left = |name: usize| {
                let most = limits.each_processor.get(names[name]);
                most.map_or(usize::MAX, |most| most.saturating_sub(processors[names[name]]) - of_name(name))
            };
            for (owner, name) in all {
                let taken = picked.iter().filter(|what| **what == (owner, name)).count();
                prop_assert!(taken == long[owner][name] || owner_left(owner) == 0 || name_left(name) == 0);
            }
        }

        /// What is said of a run's place is what is done: as many runs are picked before it as were counted.
        #[test]
        fn a_place_is_told_as_it_is_given(
            lines in collection::vec((0..4_usize, 1..6_usize), 1..5),
            which in any::<sample::Index>(),
        ) {
            let since = |owner: usize, i: usize| Micros(i64::try_from((i * 7919 + owner * 104_729) % 1000 + i * 1000).unwrap());
            let running: Vec<_> = lines.iter().map(|(running, _)| *running).collect();
            let all: Vec<_> = (0..lines.len()).flat_map(|owner| (0..lines[owner].1).map(move |i| (owner, i))).collect();
            let (mine, ahead) = all[which.index(all.len())];
            let queues = lines.iter().enumerate().map(|(owner, (_, long))| Queue {
                processor: "base".to_owned(),
                owner,
                waiting: (0..*long).map(|i| (since(owner, i), (owner, i))).collect(),
            });
            let picked = shared(queues.collect(), &running, room(&[("base", 100)]), 100);
            let turn = Turn { running: running[mine] + ahead, since: since(mine, ahead) };
            let others = (0..lines.len()).filter(|other| *other != mine).map(|other| {
                let read = worth_reading(turn, running[other]).min(lines[other].1);
                before(turn, running[other], (0..read).map(|i| since(other, i)))
            });
            prop_assert_eq!(picked[ahead + others.sum::<usize>()], (mine, ahead));
        }
    }
}
