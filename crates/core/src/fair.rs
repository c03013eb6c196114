//! Who is served next when several owners wait: the one with the least running.

use crate::time::Micros;

/// The front of one owner's queue for one processor.
#[derive(Clone, Debug)]
pub struct Line<T> {
    /// How many of the owner's runs are being worked on.
    pub running: usize,
    /// What waits, longest first: since when, and what.
    pub waiting: Vec<(Micros, T)>,
}

/// Picks up to `n` from the lines: always from the owner that has the least running (counting what was just picked),
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
}
