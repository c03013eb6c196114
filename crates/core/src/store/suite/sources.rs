//! What every store promises of the texts that were cited.

use bytes::Bytes;
use futures_util::future::join_all;

use super::{Promise, T};
use crate::source::KeptSource;
use crate::store::Store;
use crate::time::Micros;

/// The promises with their names.
pub(super) fn promises() -> Vec<(&'static str, Promise)> {
    vec![
        ("a_text_is_found_by_its_hash_and_its_address", |s| Box::pin(a_text_is_found_by_its_hash_and_its_address(s))),
        ("a_text_is_kept_once", |s| Box::pin(a_text_is_kept_once(s))),
        ("of_several_texts_at_an_address_the_one_read_last_is_found", |s| {
            Box::pin(of_several_texts_at_an_address_the_one_read_last_is_found(s))
        }),
        ("a_big_text_comes_back_whole", |s| Box::pin(a_big_text_comes_back_whole(s))),
        ("an_address_may_be_anything", |s| Box::pin(an_address_may_be_anything(s))),
        ("many_may_keep_the_same_texts_at_once", |s| Box::pin(many_may_keep_the_same_texts_at_once(s))),
    ]
}

const LATER: Micros = Micros(T.0 + 1_000);

fn text(number: u8, url: &str) -> KeptSource {
    let body = Bytes::from(vec![number, 0, 0x1f, 0xff]);
    KeptSource { hash: [number; 32], url: url.to_owned(), retrieved_at: Some(T), body }
}

async fn keep(store: &dyn Store, sources: &[KeptSource]) {
    store.keep_sources(sources.to_vec()).await.unwrap();
}

async fn a_text_is_found_by_its_hash_and_its_address(store: &dyn Store) {
    assert_eq!(store.source(&[1; 32]).await.unwrap(), None);
    assert_eq!(store.source_at("corpus:notes/1").await.unwrap(), None);
    keep(store, &[]).await;
    let (one, two) = (text(1, "corpus:notes/1"), KeptSource { retrieved_at: None, ..text(2, "corpus:notes/2") });
    keep(store, &[one.clone(), two.clone()]).await;
    for kept in [one, two] {
        assert_eq!(store.source(&kept.hash).await.unwrap(), Some(kept.clone()));
        assert_eq!(store.source_at(&kept.url).await.unwrap(), Some(kept));
    }
    assert_eq!(store.source(&[3; 32]).await.unwrap(), None);
    for other in ["corpus:notes/", "corpus:notes/12", "CORPUS:notes/1", ""] {
        assert_eq!(store.source_at(other).await.unwrap(), None, "{other}");
    }
}

async fn a_text_is_kept_once(store: &dyn Store) {
    let first = text(1, "corpus:a");
    let again =
        KeptSource { url: "corpus:b".to_owned(), retrieved_at: Some(LATER), body: Bytes::from("b"), ..first.clone() };
    keep(store, std::slice::from_ref(&first)).await;
    keep(store, &[again.clone(), text(2, "corpus:c")]).await;
    assert_eq!(store.source(&first.hash).await.unwrap(), Some(first));
    assert_eq!(store.source_at("corpus:b").await.unwrap(), None);
    assert_eq!(store.source_at("corpus:c").await.unwrap(), Some(text(2, "corpus:c")), "others are not held up by it");
    let third = text(3, "corpus:d");
    keep(store, &[third.clone(), KeptSource { hash: third.hash, ..again }]).await;
    assert_eq!(store.source(&third.hash).await.unwrap(), Some(third), "the first of those that come together");
}

async fn of_several_texts_at_an_address_the_one_read_last_is_found(store: &dyn Store) {
    let read = |number, retrieved_at| KeptSource { retrieved_at, ..text(number, "corpus:a") };
    let found = async || store.source_at("corpus:a").await.unwrap().unwrap().hash[0];
    keep(store, &[read(1, None), text(9, "corpus:b")]).await;
    assert_eq!(found().await, 1);
    keep(store, &[read(2, Some(T))]).await;
    assert_eq!(found().await, 2);
    keep(store, &[read(3, None)]).await;
    assert_eq!(found().await, 2, "what came with the program was not read at any time");
    keep(store, &[read(4, Some(LATER)), read(5, Some(Micros(T.0 - 1)))]).await;
    assert_eq!(found().await, 4, "the order in which they are kept does not matter");
}

async fn a_big_text_comes_back_whole(store: &dyn Store) {
    // What is packed looks like chance, with zeros in it.
    let bytes = (0..6_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]);
    let big = KeptSource { body: bytes.collect(), ..text(1, "corpus:big") };
    let empty = KeptSource { body: Bytes::new(), ..text(2, "corpus:empty") };
    keep(store, &[big.clone(), empty.clone()]).await;
    for kept in [big, empty] {
        assert!(store.source(&kept.hash).await.unwrap() == Some(kept.clone()), "{}", kept.url);
        assert!(store.source_at(&kept.url).await.unwrap() == Some(kept.clone()), "{}", kept.url);
    }
}

async fn an_address_may_be_anything(store: &dyn Store) {
    let path: Vec<_> = (0..4_000).map(|n| n.to_string()).collect();
    let long = format!("https://example.org/{}", path.join("/"));
    let longer = format!("{long}x");
    for (number, url) in
        (1..).zip(["", "it's \"50%\"\\_", "https://example.org/a\0b", "a\0c", "ü\u{1f600}", &long, &longer])
    {
        keep(store, &[text(number, url)]).await;
        assert_eq!(store.source(&[number; 32]).await.unwrap(), Some(text(number, url)), "{url:?}");
        assert_eq!(store.source_at(url).await.unwrap(), Some(text(number, url)), "{url:?}");
    }
}

async fn many_may_keep_the_same_texts_at_once(store: &dyn Store) {
    let all: Vec<_> = (0..60).map(|number| text(number, &format!("corpus:{number}"))).collect();
    let in_another_order = |by: usize| {
        let mut some = all.clone();
        some.rotate_left(by * 7);
        if by % 2 == 1 {
            some.reverse();
        }
        some
    };
    let kept = join_all((0..8).map(|by| store.keep_sources(in_another_order(by)))).await;
    assert!(kept.iter().all(Result::is_ok), "{kept:?}");
    for one in all {
        assert_eq!(store.source(&one.hash).await.unwrap(), Some(one));
    }
}
