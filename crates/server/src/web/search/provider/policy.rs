//! A source policy in the words of providers. What they make of it is only help: it is kept to afterwards in any case.

use std::collections::BTreeSet;

use legwork_core::task::SourcePolicy;

use super::text::cut;

/// The question with `site:` operators, if they all fit in beside it: a list that is cut would leave out what was wanted.
pub(super) fn with_operators(text: &str, policy: &SourcePolicy, most_chars: usize, most_words: usize) -> String {
    let operators = operators(policy);
    let chars = operators.chars().count();
    let words = operators.split(' ').count();
    // Half of the room is the question's.
    if operators.is_empty() || chars > most_chars / 2 || words > most_words / 2 {
        return cut(text, most_chars, most_words);
    }
    format!("{} {operators}", cut(text, most_chars - chars - 1, most_words - words))
}

fn operators(policy: &SourcePolicy) -> String {
    let sites = |mark: &str, domains: &BTreeSet<&str>, between: &str| {
        domains.iter().map(|domain| format!("{mark}site:{domain}")).collect::<Vec<_>>().join(between)
    };
    match included(policy) {
        wanted if wanted.len() == 1 => sites("", &wanted, ""),
        wanted if !wanted.is_empty() => format!("({})", sites("", &wanted, " OR ")),
        _ => sites("-", &excluded(policy), " "),
    }
}

/// The domains of which something is wanted; none is all.
pub(super) fn included(policy: &SourcePolicy) -> BTreeSet<&str> {
    policy.include_domains.iter().filter_map(|entry| entry.split('/').next()).collect()
}

/// The domains of which nothing is wanted. A domain that is excluded in part is not among them.
pub(super) fn excluded(policy: &SourcePolicy) -> BTreeSet<&str> {
    if !policy.include_domains.is_empty() {
        return BTreeSet::new();
    }
    policy.exclude_domains.iter().map(String::as_str).filter(|entry| !entry.contains('/')).collect()
}

/// For vendors that know whole domains only: the two lists, without a list that has a bare ending such as `gov` in it.
pub(super) fn whole_domains(policy: &SourcePolicy) -> (Vec<&str>, Vec<&str>) {
    let whole = |list: BTreeSet<&'_ str>| list.iter().all(|domain| domain.contains('.'));
    let (wanted, unwanted) = (included(policy), excluded(policy));
    let wanted = if whole(wanted.clone()) { wanted } else { BTreeSet::new() };
    (wanted.into_iter().collect(), unwanted.into_iter().filter(|domain| domain.contains('.')).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(include: &[&str], exclude: &[&str]) -> SourcePolicy {
        let owned = |list: &[&str]| list.iter().map(|entry| (*entry).to_owned()).collect();
        SourcePolicy { include_domains: owned(include), exclude_domains: owned(exclude), after_date: None }
    }

    #[test]
    fn a_policy_becomes_operators() {
        for (include, exclude, question) in [
            (&["example.org/docs", "example.org/api"][..], &[][..], "q site:example.org"),
            (&["a.org", "gov"], &["b.org"], "q (site:a.org OR site:gov)"),
            (&[], &["b.org", "c.org/x"], "q -site:b.org"),
            (&[], &["c.org/x"], "q"),
            (&[], &[], "q"),
        ] {
            assert_eq!(with_operators("q", &policy(include, exclude), 100, 20), question);
        }
    }

    #[test]
    fn operators_that_do_not_fit_are_left_out_whole() {
        let many: Vec<_> = (0..30).map(|i| format!("domain{i}.example")).collect();
        let policy = SourcePolicy { include_domains: many, ..SourcePolicy::default() };
        assert_eq!(with_operators("a question", &policy, 400, 50), "a question");
        let long = "word ".repeat(100);
        let one = SourcePolicy { include_domains: vec!["a.org".to_owned()], ..SourcePolicy::default() };
        let asked = with_operators(&long, &one, 400, 50);
        assert!(asked.ends_with(" site:a.org") && asked.split(' ').count() == 50 && asked.len() <= 400, "{asked}");
    }

    #[test]
    fn a_vendor_that_knows_whole_domains_is_not_told_endings() {
        assert_eq!(whole_domains(&policy(&["a.org", "gov"], &[])), (vec![], vec![]));
        assert_eq!(whole_domains(&policy(&["a.org/b"], &["c.org"])), (vec!["a.org"], vec![]));
        assert_eq!(whole_domains(&policy(&[], &["c.org", "gov", "d.org/x"])), (vec![], vec!["c.org"]));
    }
}
