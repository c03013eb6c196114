//! What a pack does, with one made up on the spot, and with a real one where `LEGWORK_TEST_EMBEDDINGS` names its folder.

use std::fs;
use std::path::PathBuf;

use crate::{Compact, Embedder, OpenError, tiny};

fn made_up() -> (tempfile::TempDir, Embedder) {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path(), &["river", "city", "king", "long"]).unwrap();
    let embedder = Embedder::open(folder.path()).unwrap();
    (folder, embedder)
}

#[test]
fn a_text_has_one_vector_of_length_one_whoever_stands_beside_it() {
    let (_folder, embedder) = made_up();
    let long = "a long river ".repeat(40);
    let alone = embedder.embed(&["The long river."]);
    let many: Vec<&str> = (0..100).map(|number| if number == 50 { "The long river." } else { long.as_str() }).collect();
    let beside = embedder.embed(&many);
    assert_eq!(alone[0], beside[50]);
    assert_eq!(beside[0], beside[99]);
    assert!((alone[0].cosine(&alone[0]) - 1.0).abs() < 1e-5);
    assert_eq!(embedder.embed(&[]), []);
    assert_eq!(embedder.embed(&[""]).len(), 1);
}

#[test]
fn case_accents_and_what_cannot_be_seen_make_no_difference() {
    let (_folder, embedder) = made_up();
    let vectors = embedder.embed(&["Köln city\u{200b}", "KOLN\tCITY", "koln river"]);
    assert_eq!(vectors[0], vectors[1]);
    assert_ne!(vectors[0], vectors[2]);
}

#[test]
fn one_byte_a_number_keeps_the_cosine_and_comes_back_from_bytes() {
    let (_folder, embedder) = made_up();
    let vectors = embedder.embed(&["the king of the city", "a long river"]);
    let compact = vectors[0].compact();
    assert!((compact.cosine(&vectors[1]) - vectors[0].cosine(&vectors[1])).abs() < 0.02);
    let bytes = compact.to_bytes();
    assert_eq!(bytes.len(), 4 + embedder.dimensions());
    assert_eq!(Compact::from_bytes(&bytes, 8), Some(compact));
    assert_eq!(Compact::from_bytes(&bytes, 9), None);
    assert_eq!(Compact::from_bytes(&[], 8), None);
}

#[test]
fn a_folder_that_is_no_pack_says_which_file_is_wrong() {
    let (folder, embedder) = made_up();
    assert_eq!(Embedder::open(folder.path()).unwrap().fingerprint(), embedder.fingerprint());
    let weights = folder.path().join("model.safetensors");
    let whole = fs::read(&weights).unwrap();
    for length in [0, 7, 100, whole.len() - 1] {
        fs::write(&weights, &whole[..length]).unwrap();
        let error = Embedder::open(folder.path()).err().unwrap();
        assert!(matches!(error, OpenError::Odd { file: "model.safetensors", .. }), "{length}: {error}");
    }
    // The last number of all is none.
    let mut broken = whole.clone();
    let last = broken.len() - 4;
    broken[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&weights, broken).unwrap();
    let error = Embedder::open(folder.path()).err().unwrap().to_string();
    assert!(error.contains("is no number"), "{error}");
    fs::remove_file(&weights).unwrap();
    let error = Embedder::open(folder.path()).err().unwrap().to_string();
    assert!(error.starts_with("model.safetensors is not in this folder"), "{error}");
    fs::write(&weights, &whole).unwrap();
    fs::write(folder.path().join("config.json"), "{\"model_type\": \"gpt2\"}").unwrap();
    let error = Embedder::open(folder.path()).err().unwrap().to_string();
    assert!(error.starts_with("config.json is not what it should be"), "{error}");
}

#[test]
fn a_real_pack_puts_what_means_alike_close() {
    let Some(folder) = std::env::var_os("LEGWORK_TEST_EMBEDDINGS").map(PathBuf::from) else { return };
    let embedder = Embedder::open(&folder).unwrap();
    let vectors = embedder.embed(&[
        "That is a happy person",
        "That is a happy dog",
        "That is a very happy person",
        "Today is a sunny day",
    ]);
    let close: Vec<f32> = vectors.iter().skip(1).map(|vector| vectors[0].cosine(vector)).collect();
    assert!(close[1] > close[0] && close[0] > close[2], "{close:?}");
}
