//! What is kept over a death, a stop, and a wish to finish.

use super::*;

/// How many of the steps are calls: one says that looking is over.
fn calls_in(journal: &[Entry]) -> usize {
    journal.iter().filter(|entry| entry.key() != "looked").count()
}

#[tokio::test]
async fn a_run_that_dies_after_any_step_goes_on_behind_it_and_says_the_same() {
    let schema =
        json!({"type": "object", "properties": {"founder": {"type": "string"}, "revenue": {"type": "string"}}});
    let wanted = Wanted::Json { schema };
    let budget = Budget::of("core").unwrap();
    let world = aperture();
    let whole = Desk::new();
    let first =
        run_on(&world, &whole, Vec::new(), budget.clone(), "core", "Aperture Labs", wanted.clone()).await.unwrap();
    let steps = std::mem::take(&mut *whole.journal.lock().unwrap());
    let all = calls_in(&steps);
    assert_eq!(all, world.calls.load(SeqCst), "every call is a step");
    for steps in 0..steps.len() {
        let world = aperture();
        let cut = Desk::that_dies_after(steps);
        let end = run_on(&world, &cut, Vec::new(), budget.clone(), "core", "Aperture Labs", wanted.clone()).await;
        assert_eq!(end.unwrap_err(), Halt::Lost, "after {steps} steps");
        let before = world.calls.load(SeqCst);
        let journal = std::mem::take(&mut *cut.journal.lock().unwrap());
        let kept = calls_in(&journal);
        let again = Desk::new();
        *again.told.lock().unwrap() = std::mem::take(&mut *cut.told.lock().unwrap());
        let second =
            run_on(&world, &again, journal, budget.clone(), "core", "Aperture Labs", wanted.clone()).await.unwrap();
        assert_eq!(content(&second), content(&first));
        assert_eq!(second.basis(), first.basis());
        assert_eq!(world.calls.load(SeqCst) - before, all - kept, "what was kept is not done again");
        assert_eq!(again.messages(), whole.messages(), "nothing is told twice, and nothing is left out");
    }
}

#[tokio::test]
async fn a_wish_to_finish_ends_the_looking_and_what_is_there_is_written() {
    let world = aperture();
    let desk = Desk::new();
    desk.wish.send_replace(Wish::Finish);
    let budget = Budget::of("base").unwrap();
    let output = run_on(&world, &desk, Vec::new(), budget, "base", WHO, text()).await.unwrap();
    assert!(content(&output).starts_with("Not found"));
    assert_eq!(world.calls.load(SeqCst), 0);
    assert!(output.extras().unwrap().warnings.iter().any(|warning| warning.contains("wish to finish")));
}

/// Whatever was found by then is answered from, and nothing more is looked for, when the server dies after the wish.
#[tokio::test]
async fn a_run_that_was_told_to_finish_answers_from_what_it_found_before_it_died() {
    let schema = json!({"type": "object", "properties": {"founder": {"type": "string"}, "city": {"type": "string"}}});
    let (wanted, budget) = (Wanted::Json { schema }, Budget::of("core").unwrap());
    let whole = Desk::new();
    let world = aperture();
    run_on(&world, &whole, Vec::new(), budget.clone(), "core", "Aperture Labs", wanted.clone()).await.unwrap();
    let all = std::mem::take(&mut *whole.journal.lock().unwrap());
    let looked = all.iter().position(|entry| entry.key() == "looked").unwrap();
    let first_read = all.iter().enumerate().position(|(at, entry)| at > 1 && entry.key().starts_with("ask")).unwrap();
    for steps in first_read + 1..=looked {
        let (world, desk) = (aperture(), Desk::new());
        desk.wish.send_replace(Wish::Finish);
        let journal = all[..steps].to_vec();
        let again = run_on(&world, &desk, journal, budget.clone(), "core", "Aperture Labs", wanted.clone()).await;
        assert!(content(&again.unwrap()).contains("Ada Quill"), "after {steps} steps");
        assert_eq!((world.asked(Role::Reader), world.fetched.lock().unwrap().len()), (0, 0), "after {steps} steps");
        assert_eq!(calls_in(&desk.journal.lock().unwrap()), world.asked(Role::Judge) + world.asked(Role::Writer));
    }
}

/// A search that failed for now is not made again by an attempt that has only the writing before it: it would write from other
/// evidence, and ask and pay once more.
#[tokio::test]
async fn a_run_that_dies_while_it_writes_looks_for_nothing_more() {
    let plan = json!({"parts": [], "searches": ["Aperture Labs", "broken search"]});
    let world = Little { plan: Some(plan.clone()), mute: Some("broken"), ..aperture() };
    let budget = Budget::of("core").unwrap();
    let whole = Desk::new();
    let first = run_on(&world, &whole, Vec::new(), budget.clone(), "core", WHO, text()).await.unwrap();
    assert!(first.extras().unwrap().warnings.iter().any(|warning| warning.contains("a search failed")));
    let mut journal = std::mem::take(&mut *whole.journal.lock().unwrap());
    while journal.last().is_some_and(|entry| entry.key() != "looked") {
        journal.pop();
    }
    let (world, again) = (Little { plan: Some(plan), ..aperture() }, Desk::new());
    let second = run_on(&world, &again, journal, budget, "core", WHO, text()).await.unwrap();
    assert_eq!((content(&second), second.basis()), (content(&first), first.basis()));
    assert_eq!(second.extras().unwrap().warnings, first.extras().unwrap().warnings);
    assert_eq!(world.calls.load(SeqCst), world.asked(Role::Judge) + world.asked(Role::Writer));
}

/// What failed for now has failed, as long as others came after it: their questions rest on it.
#[tokio::test]
async fn a_run_whose_search_failed_takes_the_same_way_again_when_the_search_would_work() {
    let plan = json!({"parts": [], "searches": ["Aperture Labs", "broken search"]});
    let broken = || Little { plan: Some(plan.clone()), mute: Some("broken"), ..aperture() };
    let budget = Budget::of("core").unwrap();
    let whole = Desk::new();
    let first = run_on(&broken(), &whole, Vec::new(), budget.clone(), "core", WHO, text()).await.unwrap();
    let journal = std::mem::take(&mut *whole.journal.lock().unwrap());
    let failed = journal.iter().position(|entry| entry.key().starts_with("failed:")).unwrap();
    for steps in failed + 2..journal.len() {
        let (world, again) = (Little { plan: Some(plan.clone()), ..aperture() }, Desk::new());
        *again.told.lock().unwrap() = whole.told.lock().unwrap().clone();
        let kept = journal[..steps].to_vec();
        let second = run_on(&world, &again, kept, budget.clone(), "core", WHO, text()).await.unwrap();
        assert_eq!((content(&second), second.basis()), (content(&first), first.basis()), "after {steps} steps");
        let left = calls_in(&journal) - calls_in(&journal[..steps]);
        assert_eq!(world.calls.load(SeqCst), left, "after {steps} steps");
        assert_eq!(again.told.lock().unwrap().len(), whole.told.lock().unwrap().len(), "nothing is told anew");
    }
    // Nothing rests on it yet: it is tried once more.
    let (world, again) = (Little { plan: Some(plan.clone()), ..aperture() }, Desk::new());
    let kept = journal[..=failed].iter().filter(|entry| !entry.key().starts_with("search")).cloned().collect();
    let second = run_on(&world, &again, kept, budget, "core", WHO, text()).await.unwrap();
    assert!(!second.extras().unwrap().warnings.iter().any(|warning| warning.contains("a search failed")));
}

/// What was chosen by words says nothing to a model that is there now, and the other way round.
#[tokio::test]
async fn a_run_that_began_without_a_model_is_done_anew_with_one() {
    let world = aperture();
    let budget = Budget::of("core").unwrap();
    let by_words = Desk::new();
    run_on(&world, &by_words, Vec::new(), budget.clone().without_models(), "core", WHO, text()).await.unwrap();
    let journal = std::mem::take(&mut *by_words.journal.lock().unwrap());
    assert!(journal.iter().all(|entry| entry.key().starts_with("words:")) && Fit::of(&journal).is_none());
    let output = run_on(&world, &Desk::new(), journal, budget, "core", WHO, text()).await.unwrap();
    assert!(world.asked(Role::Reader) > 0 && content(&output).contains("Ada Quill"), "{}", content(&output));
}

#[tokio::test]
async fn a_wish_to_stop_ends_everything() {
    let desk = Desk::new();
    desk.wish.send_replace(Wish::Stop);
    let budget = Budget::of("base").unwrap();
    let end = run_on(&aperture(), &desk, Vec::new(), budget, "base", WHO, text()).await;
    assert_eq!(end.unwrap_err(), Halt::Stopped);
}

#[tokio::test]
async fn a_model_that_is_not_there_is_waited_for_and_not_taken_for_an_answer() {
    let budget = Budget::of("base").unwrap();
    let (world, desk) = (Little { down: Some(model::Kind::Unreachable), ..aperture() }, Desk::new());
    let end = run_on(&world, &desk, Vec::new(), budget.clone(), "base", WHO, text()).await;
    assert!(matches!(end.unwrap_err(), Halt::Later(why) if why.contains("not there")));
    // When it is there, it reads what was found, and nothing is looked for anew.
    let journal = std::mem::take(&mut *desk.journal.lock().unwrap());
    let world = aperture();
    let output = run_on(&world, &Desk::new(), journal, budget, "base", WHO, text()).await.unwrap();
    assert!(content(&output).contains("Ada Quill"), "{}", content(&output));
    assert!(world.fetched.lock().unwrap().is_empty());
    assert!(!output.extras().unwrap().warnings.iter().any(|warning| warning.contains("failed")), "{output:?}");
}

/// That the server stops says nothing of what was asked: the next attempt asks it.
#[tokio::test]
async fn what_was_asked_while_the_server_stopped_is_asked_again() {
    let (world, desk) = (Little { down: Some(model::Kind::Stopped), ..aperture() }, Desk::new());
    let budget = Budget::of("base").unwrap();
    let end = run_on(&world, &desk, Vec::new(), budget, "base", WHO, text()).await;
    assert_eq!(end.unwrap_err(), Halt::Stopped);
    assert!(desk.journal.lock().unwrap().iter().all(|entry| !entry.key().contains("ask:")));
}

#[tokio::test]
async fn what_was_taken_for_the_models_size_at_first_stays_so_for_later_attempts() {
    let (world, desk) = (aperture(), Desk::new());
    let fit = Fit { context: Some(4_096) };
    let steps = Steps::new(&world, &desk, Budget::of("base").unwrap(), &[]).fitted(fit);
    research(start(&world, "base", WHO, text()), &steps).await.unwrap();
    let journal = desk.journal.lock().unwrap().clone();
    assert_eq!((Fit::of(&journal), Fit::of(&[])), (Some(fit), None));
}
