//! Settling: equal values are put together, the one that is supported best is chosen, and what speaks against it is kept.

use std::collections::BTreeSet;

use super::super::research::fold;
use super::brief::Brief;
use super::honest::{Class, Judgement, Supporter, independent, verify_values};
use super::ledger::{Evidence, Ledger};

/// What came of one field, or of one item of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settled {
    /// Which field.
    pub(super) field: usize,
    /// Which item of a list.
    pub(super) item: Option<String>,
    /// The value as it is said.
    pub(super) value: String,
    /// What supports it: places in the ledger's list, best first.
    pub(super) support: Vec<usize>,
    /// On how many sites that do not copy each other it stands.
    pub(super) domains: usize,
    /// Other values for the same, with what supports them.
    pub(super) against: Vec<(String, Vec<usize>)>,
    /// What a judge said, if one was asked.
    pub(super) verdict: Option<Judgement>,
}

/// A value and all that says it.
struct Group {
    value: String,
    members: Vec<usize>,
    domains: usize,
    class: Class,
}

/// All that was settled, in the order of the fields, items in the order in which they were found; of one pass only, if one is
/// named.
pub(super) fn settle(brief: &Brief, ledger: &Ledger, pass: Option<u32>) -> Vec<Settled> {
    (0..brief.fields.len()).flat_map(|field| of_field(brief, ledger, field, pass)).collect()
}

fn of_field(brief: &Brief, ledger: &Ledger, field: usize, pass: Option<u32>) -> Vec<Settled> {
    let belongs = |evidence: &Evidence| evidence.field == field && pass.is_none_or(|pass| evidence.pass == pass);
    let mine: Vec<usize> = (0..ledger.evidence.len()).filter(|at| belongs(&ledger.evidence[*at])).collect();
    let mut items: Vec<(Option<String>, Vec<usize>)> = Vec::new();
    for at in mine {
        let item = &ledger.evidence[at].item;
        match items.iter_mut().find(|(known, _)| same_item(known.as_deref(), item.as_deref())) {
            Some((_, members)) => members.push(at),
            None => items.push((item.clone(), vec![at])),
        }
    }
    items.into_iter().filter_map(|(item, members)| chosen(brief, ledger, field, item, members)).collect()
}

fn chosen(brief: &Brief, ledger: &Ledger, field: usize, item: Option<String>, members: Vec<usize>) -> Option<Settled> {
    let mut groups: Vec<Group> = Vec::new();
    for at in members {
        let value = &ledger.evidence[at].value;
        if let Some(group) = groups.iter_mut().find(|group| same_value(&group.value, value)) {
            group.members.push(at);
        } else {
            let value = value.clone();
            groups.push(Group { value, members: vec![at], domains: 0, class: Class::Other });
        }
    }
    for group in &mut groups {
        weigh(brief, ledger, group);
    }
    // Sound before doubtful, then many sites before few, then the better kind of source, then what was found first.
    let order = |group: &Group| {
        let sound = group.members.iter().any(|at| is_sound(&ledger.evidence[*at]));
        (!sound, std::cmp::Reverse(group.domains), std::cmp::Reverse(group.class), group.members[0])
    };
    groups.sort_by_key(order);
    let mut groups = groups.into_iter();
    let first = groups.next()?;
    let against = groups
        .filter(|group| group.members.iter().any(|at| is_sound(&ledger.evidence[*at])))
        .map(|group| (group.value, group.members))
        .collect();
    Some(Settled {
        field,
        item,
        value: first.value,
        support: first.members,
        domains: first.domains,
        against,
        verdict: None,
    })
}

fn weigh(brief: &Brief, ledger: &Ledger, group: &mut Group) {
    let sound = group.members.iter().map(|at| &ledger.evidence[*at]).filter(|evidence| !evidence.suspicious);
    let from: Vec<Supporter<'_>> = sound
        .map(|evidence| Supporter { url: &ledger.document(evidence).url, passage: ledger.excerpt(evidence) })
        .collect();
    group.domains = independent(&from);
    let classes = group.members.iter().map(|at| ledger.class(brief, &ledger.evidence[*at]));
    group.class = classes.max().unwrap_or_default();
    group.members.sort_by_key(|at| (!is_sound(&ledger.evidence[*at]), *at));
    // Of equal values the one that is said most briefly is the one to say; but never a mere part of a name.
    if let Some(best) = group.members.first() {
        group.value.clone_from(&ledger.evidence[*best].value);
    }
}

/// Whether nothing speaks against a piece of evidence but that others may say otherwise.
pub(super) fn is_sound(evidence: &Evidence) -> bool {
    evidence.anchored && !evidence.suspicious
}

/// Whether two values say the same: the same words, the same numbers, dates and names, or one of them with an addition:
/// `Paris` and `Paris, France`.
pub(super) fn same_value(one: &str, other: &str) -> bool {
    let (short, long) = (folded(one), folded(other));
    let (short, long) = if short.len() <= long.len() { (short, long) } else { (long, short) };
    if short.is_empty() || short == long {
        return short == long;
    }
    let added =
        long.strip_prefix(&short).is_some_and(|rest| rest.starts_with([',', '(', ';']) || rest.starts_with(" ("));
    let (there, back) = (verify_values(one, &[other]), verify_values(other, &[one]));
    let alike = there.checked > 0 && back.checked > 0 && there.stands() && back.stands();
    added || alike
}

fn folded(text: &str) -> String {
    let text = fold(text);
    text.split_whitespace().collect::<Vec<_>>().join(" ").trim_end_matches('.').to_owned()
}

/// Whether two names are of one item.
pub(super) fn same_item(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => same_value(one, other),
        _ => false,
    }
}

/// Which fields want more looking: nothing sound is known of them, or too little for what is to be reached.
pub(super) fn open(
    brief: &Brief,
    ledger: &Ledger,
    settled: &[Settled],
    second_domain: bool,
    conflicts: bool,
) -> Vec<usize> {
    (0..brief.fields.len())
        .filter(|field| {
            let mut mine = settled.iter().filter(|settled| settled.field == *field).peekable();
            if mine.peek().is_none() {
                return true;
            }
            mine.any(|settled| {
                let sound = settled.support.iter().any(|at| is_sound(&ledger.evidence[*at]));
                !sound || second_domain && settled.domains < 2 || conflicts && !settled.against.is_empty()
            })
        })
        .collect()
}

/// The share of the fields of which anything is known.
pub(super) fn share(brief: &Brief, settled: &[Settled]) -> f64 {
    let known: BTreeSet<usize> = settled.iter().map(|settled| settled.field).collect();
    let of = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    if brief.fields.is_empty() { 1.0 } else { of(known.len()) / of(brief.fields.len()) }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{evidence, fields, source};
    use super::*;

    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        for (url, text) in [
            ("https://a.example/", "The tower is 330 metres high, says the company that owns it."),
            ("https://b.org/", "At a height of 330 m it is the tallest in the city."),
            ("https://c.net/", "Older books say that the tower is 300 metres high."),
        ] {
            ledger.add_source(source(url, "Tower", text));
        }
        ledger
    }

    #[test]
    fn what_more_sites_say_is_chosen_and_the_other_is_kept_against_it() {
        let (brief, mut ledger) = (fields("How high is the tower?", &["height"]), ledger());
        for (source, value) in [(2, "300 metres"), (0, "330 metres"), (1, "330 m")] {
            let proof = evidence(&ledger, 0, source, value);
            assert!(ledger.prove(proof));
        }
        let settled = settle(&brief, &ledger, None);
        assert_eq!(settled.len(), 1);
        assert_eq!((settled[0].value.as_str(), settled[0].domains), ("330 metres", 2));
        assert_eq!(settled[0].against, [("300 metres".to_owned(), vec![0])]);
        assert!(open(&brief, &ledger, &settled, true, false).is_empty());
        assert_eq!(open(&brief, &ledger, &settled, true, true), [0], "a conflict is worth a look");
    }

    #[test]
    fn values_say_the_same_in_other_words() {
        for (one, other) in
            [("Paris", "Paris, France"), ("330 metres", "330 m"), ("ada quill", "Ada Quill."), ("1,200", "1200")]
        {
            assert!(same_value(one, other), "{one} and {other}");
        }
        for (one, other) in [("America", "Bank of America"), ("doors", "windows"), ("1998", "1999"), ("", "x")] {
            assert!(!same_value(one, other), "{one} and {other}");
        }
    }

    #[test]
    fn what_is_not_known_is_open_and_what_one_site_says_is_where_two_are_wanted() {
        let (brief, mut ledger) = (fields("The tower?", &["height", "owner"]), ledger());
        let proof = evidence(&ledger, 0, 0, "330 metres");
        ledger.prove(proof);
        let settled = settle(&brief, &ledger, None);
        assert_eq!(open(&brief, &ledger, &settled, false, false), [1]);
        assert_eq!(open(&brief, &ledger, &settled, true, false), [0, 1]);
        assert!((share(&brief, &settled) - 0.5).abs() < f64::EPSILON);
    }

    #[test]
    fn a_doubtful_source_never_wins_over_a_sound_one() {
        let (brief, mut ledger) = (fields("How high is the tower?", &["height"]), ledger());
        for source in [0, 1] {
            let proof = Evidence { suspicious: true, ..evidence(&ledger, 0, source, "330") };
            ledger.prove(proof);
        }
        let sound = evidence(&ledger, 0, 2, "300 metres");
        ledger.prove(sound);
        let settled = settle(&brief, &ledger, None);
        assert_eq!(settled[0].value, "300 metres");
        assert!(settled[0].against.is_empty(), "what is doubtful speaks against nothing");
    }
}
