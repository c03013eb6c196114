//! What every store promises of the keys that were made for callers.

use super::{Promise, T, id, new, submit};
use crate::id::Owner;
use crate::key::{Digest, Key, Standing};
use crate::store::{AddKeyError, ForgetKeyError, Store};
use crate::time::Micros;

/// The promises with their names.
pub(super) fn promises() -> Vec<(&'static str, Promise)> {
    vec![
        ("a_key_is_found_as_it_was_added", |s| Box::pin(a_key_is_found_as_it_was_added(s))),
        ("a_name_belongs_to_one_good_key", |s| Box::pin(a_name_belongs_to_one_good_key(s))),
        ("two_at_once_do_not_get_one_name", |s| Box::pin(two_at_once_do_not_get_one_name(s))),
        ("a_key_is_revoked_once_and_stays", |s| Box::pin(a_key_is_revoked_once_and_stays(s))),
        ("a_key_is_forgotten_when_it_opens_nothing", |s| Box::pin(a_key_is_forgotten_when_it_opens_nothing(s))),
        ("a_forgotten_key_leaves_its_runs", |s| Box::pin(a_forgotten_key_leaves_its_runs(s))),
    ]
}

const LATER: Micros = Micros(T.0 + 1_000);

fn key(number: u8, name: &str) -> Key {
    let digest = Digest([number; 32]);
    Key {
        digest,
        name: name.to_owned(),
        ending: "wxyz".to_owned(),
        owner: Owner::of_key(digest.id()),
        created_at: T,
        expires_at: None,
        revoked_at: None,
    }
}

async fn names(store: &dyn Store) -> Vec<String> {
    store.keys().await.unwrap().into_iter().map(|key| key.name).collect()
}

async fn a_key_is_found_as_it_was_added(store: &dyn Store) {
    assert_eq!(store.keys().await.unwrap(), []);
    let limited = Key { expires_at: Some(LATER), owner: Owner::local(), ..key(2, "zwei, mit Bedacht") };
    for key in [key(9, "nine"), limited.clone(), key(1, "one")] {
        store.add_key(key).await.unwrap();
    }
    assert_eq!(store.keys().await.unwrap(), [key(9, "nine"), limited, key(1, "one")], "oldest first");
}

async fn a_name_belongs_to_one_good_key(store: &dyn Store) {
    store.add_key(Key { expires_at: Some(LATER), ..key(1, "ci") }).await.unwrap();
    assert!(matches!(store.add_key(key(2, "ci")).await, Err(AddKeyError::Taken)));
    store.add_key(key(2, "CI")).await.unwrap();
    store.add_key(Key { created_at: LATER, ..key(3, "ci") }).await.unwrap();
    store.revoke_key(Digest([3; 32]).id(), LATER).await.unwrap();
    store.add_key(Key { created_at: LATER, ..key(4, "ci") }).await.unwrap();
    assert_eq!(names(store).await, ["ci", "CI", "ci", "ci"]);
    assert!(store.add_key(key(4, "another")).await.is_err(), "a key is added once");
}

async fn two_at_once_do_not_get_one_name(store: &dyn Store) {
    let (one, two) = futures_util::future::join(store.add_key(key(1, "ci")), store.add_key(key(2, "ci"))).await;
    assert!(one.is_ok() != two.is_ok(), "{one:?}, {two:?}");
    assert_eq!(names(store).await, ["ci"]);
}

async fn a_key_is_revoked_once_and_stays(store: &dyn Store) {
    let id = Digest([1; 32]).id();
    assert_eq!(store.revoke_key(id, T).await.unwrap(), None);
    store.add_key(key(1, "one")).await.unwrap();
    store.add_key(key(2, "two")).await.unwrap();
    let revoked = store.revoke_key(id, T).await.unwrap().unwrap();
    assert_eq!((revoked.standing(T), revoked.revoked_at), (Standing::Revoked, Some(T)));
    assert_eq!(store.revoke_key(id, LATER).await.unwrap(), Some(revoked.clone()), "the first time counts");
    assert_eq!(store.keys().await.unwrap(), [revoked, key(2, "two")]);
}

async fn a_key_is_forgotten_when_it_opens_nothing(store: &dyn Store) {
    let (one, two) = (Digest([1; 32]).id(), Digest([2; 32]).id());
    assert!(matches!(store.forget_key(one, T).await, Err(ForgetKeyError::Unknown)));
    store.add_key(key(1, "one")).await.unwrap();
    store.add_key(Key { expires_at: Some(LATER), ..key(2, "two") }).await.unwrap();
    for id in [one, two] {
        assert!(matches!(store.forget_key(id, T).await, Err(ForgetKeyError::Good)));
    }
    store.forget_key(two, LATER).await.unwrap();
    store.revoke_key(one, T).await.unwrap();
    store.forget_key(one, T).await.unwrap();
    assert_eq!(store.keys().await.unwrap(), []);
}

async fn a_forgotten_key_leaves_its_runs(store: &dyn Store) {
    let key = key(1, "one");
    store.add_key(key.clone()).await.unwrap();
    let run = submit(store, crate::store::NewRun { owner: key.owner.clone(), ..new(1) }, T).await;
    store.revoke_key(key.id(), T).await.unwrap();
    store.forget_key(key.id(), T).await.unwrap();
    assert_eq!(store.run(id(1)).await.unwrap(), Some(run));
}
