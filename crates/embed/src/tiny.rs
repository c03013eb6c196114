//! A pack made up on the spot, for tests of what uses one: random weights, so that the vectors of two texts are alike
//! only as far as they share words.

use std::path::Path;
use std::{fs, io};

use serde_json::json;

const SIZE: usize = 8;
const WIDE: usize = 16;
const POSITIONS: usize = 32;

/// Writes a pack that knows these words, in lower case, into a folder that exists.
pub fn write(folder: &Path, words: &[&str]) -> io::Result<()> {
    let letters: Vec<String> = ('a'..='z').flat_map(|letter| [letter.to_string(), format!("##{letter}")]).collect();
    let pieces =
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", ".", "?", ","].into_iter().chain(letters.iter().map(String::as_str));
    let mut vocab = serde_json::Map::new();
    for piece in pieces.chain(words.iter().copied()) {
        let next = vocab.len();
        vocab.entry(piece).or_insert(next.into());
    }
    let known = vocab.len();
    let config = json!({
        "model_type": "bert", "hidden_act": "gelu", "hidden_size": SIZE, "intermediate_size": WIDE,
        "layer_norm_eps": 1e-12, "max_position_embeddings": POSITIONS, "num_attention_heads": 2,
        "num_hidden_layers": 1, "type_vocab_size": 2, "vocab_size": known
    });
    let tokenizer = json!({
        "normalizer": { "type": "BertNormalizer", "lowercase": true, "strip_accents": null, "handle_chinese_chars": true },
        "model": {
            "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": vocab
        }
    });
    fs::write(folder.join("config.json"), config.to_string())?;
    fs::write(folder.join("tokenizer.json"), tokenizer.to_string())?;
    fs::write(folder.join("model.safetensors"), weights(known))
}

fn weights(known: usize) -> Vec<u8> {
    let mut arrays: Vec<(String, Vec<usize>)> = vec![
        ("embeddings.word_embeddings.weight".into(), vec![known, SIZE]),
        ("embeddings.position_embeddings.weight".into(), vec![POSITIONS, SIZE]),
        ("embeddings.token_type_embeddings.weight".into(), vec![2, SIZE]),
    ];
    let mut linear = |name: &str, inputs: usize, outputs: usize| {
        arrays.push((format!("encoder.layer.0.{name}.weight"), vec![outputs, inputs]));
        arrays.push((format!("encoder.layer.0.{name}.bias"), vec![outputs]));
    };
    for name in ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"] {
        linear(name, SIZE, SIZE);
    }
    linear("intermediate.dense", SIZE, WIDE);
    linear("output.dense", WIDE, SIZE);
    for name in ["embeddings", "encoder.layer.0.attention.output", "encoder.layer.0.output"] {
        arrays.push((format!("{name}.LayerNorm.weight"), vec![SIZE]));
        arrays.push((format!("{name}.LayerNorm.bias"), vec![SIZE]));
    }
    let (mut header, mut data, mut random) = (serde_json::Map::new(), Vec::new(), 1_u32);
    for (name, shape) in arrays {
        let start = data.len();
        for _ in 0..shape.iter().product() {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [high, ..] = random.to_be_bytes();
            let value = f32::from(high) / 128.0 - 1.0;
            let value = if name.ends_with("LayerNorm.weight") { 1.0 } else { value };
            data.extend(value.to_le_bytes());
        }
        header.insert(name, json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, data.len()] }));
    }
    let header = serde_json::Value::from(header).to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat()
}
