//! What is fitted to answers, and when it is refused.

use super::super::class::Class;
use super::super::label::{Judgement, by_rule, label};
use super::*;

/// A made-up answer: `seed` decides what was checked, and with it how likely it is right.
fn answer(seed: u64, honest: bool) -> Answer {
    let draw = |what: &str, of: u64| usize::try_from(hash(&[what, &seed.to_string()]) % of).unwrap();
    let judge = [Judgement::Supports, Judgement::Supports, Judgement::Insufficient][draw("judge", 3)];
    let features = Features {
        quote_ok: true,
        values_ok: draw("values", 10) > 1,
        anchored: true,
        judge: Some(judge),
        independent_domains: u32::try_from(draw("domains", 4)).unwrap(),
        contradiction: draw("contradiction", 6) == 0,
        class: [Class::Other, Class::Reference, Class::Primary][draw("class", 3)],
        similarity: None,
        computed: false,
        suspicious: false,
        age_ok: None,
        agreement_of_passes: None,
        by_words: None,
    };
    let confidence = by_rule(&features).confidence;
    let chance = match confidence {
        _ if !honest => 50,
        Confidence::High => 97,
        Confidence::Medium => 75,
        Confidence::Low => 30,
    };
    Answer {
        question: format!("question {seed}"),
        processor: "core".to_owned(),
        model: Some("m".to_owned()),
        confidence,
        correct: draw("right", 100) < chance,
        found: true,
        features: Some(features),
        labels: None,
    }
}

fn set(n: u64, honest: bool) -> Vec<Answer> {
    (0..n).map(|seed| answer(seed, honest)).collect()
}

#[test]
fn checks_that_mean_something_give_a_table_that_can_be_used() {
    let all = calibrate(&set(600, true), "2026-03-10");
    let [table] = all.tables.as_slice() else { panic!("one model, one tier") };
    assert!(table.usable, "{:?}: {:?}", table.why, table.held_out);
    assert!(table.held_out.high.n > 50 && table.held_out.high.accuracy().unwrap() >= 0.9, "{:?}", table.held_out);
    assert!(table.held_out.ece.unwrap() < 0.08 && table.held_out.brier.unwrap() < 0.2, "{:?}", table.held_out);
    let good = answer(0, true).features.map(|features| Features {
        values_ok: true,
        judge: Some(Judgement::Supports),
        independent_domains: 3,
        contradiction: false,
        class: Class::Primary,
        ..features
    });
    let label = label(&good.unwrap(), all.of(Some("m"), "core"));
    assert_eq!(label.confidence, Confidence::High);
    assert!(label.p.unwrap() > 0.9);
}

#[test]
fn labels_that_mean_nothing_are_never_high() {
    let all = calibrate(&set(600, false), "2026-03-10");
    let table = &all.tables[0];
    assert!(!table.usable || table.held_out.high.n == 0, "{:?}", table.held_out);
}

#[test]
fn few_answers_are_too_few() {
    let all = calibrate(&set(12, true), "2026-03-10");
    assert!(!all.tables[0].usable && all.tables[0].why.as_ref().unwrap().contains("too few"));
    assert_eq!(all.of(Some("m"), "core"), None);
    assert!(calibrate(&[], "2026-03-10").tables.is_empty());
}

#[test]
fn a_table_that_does_not_hold_out_is_refused() {
    let share = |n, right| Share { n, right };
    let held = |high, medium, low| Measured { high, medium, low, ece: None, brier: None };
    assert_eq!(unusable(100, &held(share(40, 36), share(30, 20), share(30, 5))), None);
    assert!(unusable(100, &held(share(40, 35), share(30, 20), share(30, 5))).unwrap().contains("87.5 %"));
    assert!(
        unusable(100, &held(share(40, 36), share(30, 10), share(30, 15))).unwrap().contains("low are right more often")
    );
    assert_eq!(unusable(100, &held(share(0, 0), share(70, 50), share(30, 5))), None, "what is never high is not wrong");
}

#[test]
fn without_checks_labels_themselves_are_measured() {
    let answers: Vec<Answer> = set(400, true).into_iter().map(|answer| Answer { features: None, ..answer }).collect();
    let all = calibrate(&answers, "2026-03-10");
    assert!(matches!(&all.tables[0].table, Table::Labels { steps } if steps.len() == 3), "{:?}", all.tables[0].table);
    assert!(all.tables[0].usable, "{:?}", all.tables[0].held_out);
}

/// Measuring what was measured would move labels twice.
#[test]
fn a_label_that_was_measured_is_not_measured_again_unless_what_was_checked_is_known() {
    let line =
        |more: &str| format!(r#"{{"question":"q","processor":"base","confidence":"high","correct":true{more}}}"#);
    assert!(answers(&line(r#","labels":"uncalibrated""#)).is_ok());
    assert!(answers(&line(r#","labels":null"#)).is_ok());
    let measured = r#","labels":"calibrated on 2026-03-10 with 90 answers""#;
    assert!(answers(&line(measured)).unwrap_err().why.contains("measured already"));
    let features = r#","features":{"quote_ok":true,"values_ok":true}"#;
    assert!(answers(&line(&format!("{measured}{features}"))).is_ok());
}

/// What no server would call high is not counted as high, however likely it seems.
#[test]
fn what_is_held_out_is_labelled_as_a_server_would() {
    let doubtful = |answer: Answer| Answer {
        correct: true,
        features: answer.features.map(|features| Features { contradiction: true, ..features }),
        ..answer
    };
    let answers: Vec<Answer> = set(100, true).into_iter().map(doubtful).collect();
    let all = calibrate(&answers, "2026-03-10");
    let held_out = &all.tables[0].held_out;
    assert_eq!((held_out.high.n, held_out.low.n > 0), (0, true), "{held_out:?}");
}

#[test]
fn models_and_tiers_are_measured_apart_and_what_was_not_found_is_not() {
    let mut answers = set(40, true);
    answers[0].model = None;
    answers[1].processor = "pro".to_owned();
    answers[2].found = false;
    let all = calibrate(&answers, "2026-03-10");
    let sizes: Vec<_> = all.tables.iter().map(|table| (table.model.as_deref(), table.tier.as_str(), table.n)).collect();
    assert_eq!(sizes, [(None, "core", 1), (Some("m"), "core", 37), (Some("m"), "pro", 1)]);
    assert_eq!(all.n, 39);
}

#[test]
fn steps_rise_and_are_never_certain() {
    let steps = isotonic(vec![(0.0, false), (0.0, true), (1.0, true), (2.0, false), (3.0, true), (3.0, true)]);
    assert!(steps.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 < two[1].1), "{steps:?}");
    assert!(steps.iter().all(|(_, p)| *p > 0.0 && *p < 1.0));
    assert_eq!(isotonic(vec![]), [(0.0, 0.5)]);
}

#[test]
fn the_same_answers_give_the_same_table() {
    assert_eq!(calibrate(&set(200, true), "2026-03-10"), calibrate(&set(200, true), "2026-03-10"));
}

#[test]
fn a_line_that_is_no_answer_is_named() {
    let good = r#"{"question":"q","processor":"base","model":null,"confidence":"high","correct":true,"seconds":1.5}"#;
    assert_eq!(answers(&format!("{good}\n\n{good}\n")).unwrap().len(), 2);
    for odd in ["[]", "{}", &good.replace("high", "sure"), &good.replace("true", "\"yes\"")] {
        let error = answers(&format!("{good}\n{odd}")).unwrap_err();
        assert_eq!(error.line, 2, "{odd}");
    }
}
