//! What a run may spend, and what comes of it when that is used up.

use super::*;

#[tokio::test]
async fn a_caller_gets_what_is_proved_within_his_limits_and_is_told() {
    let world = aperture();
    let limits = legwork_core::task::Limits { max_tokens: Some(110), ..Default::default() };
    let budget = Budget::of("core").unwrap().within(&limits);
    let output = run_on(&world, &Desk::new(), Vec::new(), budget, "core", WHO, text()).await.unwrap();
    let usage = &output.extras().unwrap().usage;
    assert_eq!(usage.prompt_tokens + usage.completion_tokens, 0, "there is no room for a single question");
    assert!(content(&output).contains("founded"), "words decide where no model may: {}", content(&output));
    assert!(output.extras().unwrap().warnings.iter().any(|warning| warning.contains("tokens")), "{output:?}");
}

/// Many readers at a time keep to a limit together, and leave something to the writer.
#[tokio::test]
async fn what_is_asked_at_the_same_time_keeps_to_the_limits_together() {
    let long: &'static str = Box::leak(
        format!(
            "{}\n\nAperture Labs was founded in 1998 by Ada Quill.",
            "Aperture Labs makes doors of all kinds.\n\n".repeat(900)
        )
        .into_boxed_str(),
    );
    let pages = (0..6).map(|n| (&*Box::leak(format!("https://{n}.example/").into_boxed_str()), "Aperture Labs", long));
    let world = Little { pages: pages.collect(), honest_count: true, ..aperture() };
    for limits in [
        legwork_core::task::Limits { max_tokens: Some(12_000), ..Default::default() },
        legwork_core::task::Limits { max_cost_usd: Some(0.012), ..Default::default() },
    ] {
        let budget = Budget { parts: 0, ..Budget::of("pro").unwrap() }.within(&limits);
        let budget = Budget { evidence_tokens: 3_000, ..budget };
        world.asked.lock().unwrap().clear();
        let output = run_on(&world, &Desk::new(), Vec::new(), budget, "pro", WHO, text()).await.unwrap();
        let usage = &output.extras().unwrap().usage;
        assert!(usage.prompt_tokens + usage.completion_tokens <= 12_000, "{usage:?}");
        assert!(usage.cost_usd.is_some_and(|cost| cost <= 0.012), "{usage:?}");
        assert!(world.asked(Role::Reader) > 0 && world.asked(Role::Writer) > 0, "{limits:?}: {usage:?}");
        assert!(content(&output).contains("Ada Quill"), "{}", content(&output));
    }
}

#[tokio::test]
async fn no_processor_makes_more_calls_than_it_may() {
    let long =
        json!({"parts": ["Who?", "When?", "Where?"], "searches": ["Aperture Labs", "doors Lund", "Ada Quill tea"]});
    for processor in legwork_core::tier::Tier::names() {
        let world = Little { plan: Some(long.clone()), ..aperture() };
        let budget = Budget::of(&processor).unwrap();
        let output = run(&world, &processor, WHO, text()).await;
        let usage = &output.extras().unwrap().usage;
        assert!(usage.model_calls <= budget.calls, "{processor}: {usage:?}");
        assert!(usage.searches <= budget.queries && usage.pages <= budget.pages, "{processor}: {usage:?}");
    }
}

/// A model on a slow machine: the time for looking is over before it has read anything.
#[tokio::test(start_paused = true)]
async fn what_no_model_could_read_in_time_is_chosen_by_its_words_and_that_is_said() {
    let world = Little { slow: Some(("", Duration::from_mins(10))), ..aperture() };
    let (desk, budget) = (Desk::new(), Budget::of("base").unwrap());
    // What was measured of the model is not true of sentences that it did not read.
    let calibration = Some(Arc::new(Calibration::always(0.99)));
    let begun = Start { calibration, labels: "calibrated".to_owned(), ..start(&world, "base", WHO, text()) };
    let output = research(begun, &Steps::new(&world, &desk, budget, &[])).await.unwrap().output;
    assert!(content(&output).contains("Ada Quill"), "{}", content(&output));
    assert!(output.basis()[0].confidence < Confidence::High);
    assert_eq!(output.extras().unwrap().labels.as_deref(), Some("uncalibrated"));
    assert_eq!(output.basis()[0].legwork.as_ref().unwrap().probability, None);
    let warnings = &output.extras().unwrap().warnings;
    assert!(warnings.iter().any(|warning| warning.contains("no model read anything in the time")), "{warnings:?}");
    // What was begun in time is waited for, as long as there is time to write.
    let world = Little { slow: Some(("", Duration::from_mins(1))), ..aperture() };
    let output = run(&world, "base", WHO, text()).await;
    let warnings = &output.extras().unwrap().warnings;
    assert!(!warnings.iter().any(|warning| warning.contains("no model read anything")), "{warnings:?}");
    assert_eq!(world.asked(Role::Reader), 1);
}

/// Two passages are read apart from each other, and one of them takes too long.
#[tokio::test(start_paused = true)]
async fn what_one_reader_found_stays_when_another_is_broken_off() {
    for (slow, found) in [("All about tea", "Ada Quill"), ("in a shed", "Ada Quill")] {
        let world = Little { slow: Some((slow, Duration::from_mins(10))), ..aperture() };
        let budget = Budget { evidence_tokens: 30, ..Budget::of("core").unwrap() };
        let question = "Who founded Aperture Labs, and what is tea?";
        let output = run_on(&world, &Desk::new(), Vec::new(), budget, "core", question, text()).await.unwrap();
        assert!(world.asked(Role::Reader) > 1);
        assert!(content(&output).contains(found), "{}", content(&output));
        let warnings = &output.extras().unwrap().warnings;
        assert!(!warnings.iter().any(|warning| warning.contains("no model read anything")), "{warnings:?}");
    }
}

/// How much a model takes may show only when it is asked.
#[tokio::test]
async fn what_is_too_long_for_a_reader_is_shown_in_parts() {
    let whole = aperture();
    run(&whole, "core", WHO, text()).await;
    let longest =
        whole.asked.lock().unwrap().iter().filter(|ask| ask.role == Role::Reader).map(|ask| ask.user.len()).max();
    let world = Little { takes: longest.map(|bytes| bytes - 1), ..aperture() };
    let output = run(&world, "core", WHO, text()).await;
    assert!(content(&output).contains("Ada Quill"), "{}", content(&output));
    let Usage { model_calls, .. } = output.extras().unwrap().usage;
    assert_eq!(model_calls as usize, world.asked.lock().unwrap().len() - 1, "what was refused counts as none");
    assert_eq!(output.extras().unwrap().warnings, Vec::<String>::new());
}

/// The last round of a pass is not the last of the run.
#[tokio::test]
async fn a_pass_leaves_pages_to_the_next_one() {
    let names: Vec<&'static str> =
        (0..8).map(|n| &*Box::leak(format!("https://{n}.example/").into_boxed_str())).collect();
    let pages = names.iter().map(|url| (*url, "Aperture Labs", *url)).collect();
    let world = Little { pages, knows: Vec::new(), ..Little::default() };
    let budget = Budget { passes: 2, rounds: 1, pages: 4, parts: 0, ..Budget::of("core").unwrap() };
    let desk = Desk::new();
    run_on(&world, &desk, Vec::new(), budget, "core", WHO, text()).await.unwrap();
    let told = desk.told.lock().unwrap();
    let read = |place: &str| {
        let report = told.iter().find(|report| report.key == format!("research:stats:{place}")).unwrap();
        let ReportBody::Stats { read, .. } = report.body else { panic!("{report:?}") };
        read
    };
    assert_eq!((read("pass 1 round 0 read"), read("pass 2 round 0 read")), (2, 4));
}
