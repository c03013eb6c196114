//! A pack is read from its folder.

use std::path::Path;
use std::{fs, io};

use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::Embedder;
use crate::bert::Bert;
use crate::config::{Config, Pooling, Reach};
use crate::weights::Weights;
use crate::wordpiece::WordPiece;

/// Another number whenever the same files would give other vectors.
const WAY_OF_COMPUTING: u64 = 1;

/// Why a folder is no pack that can be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no such file in the folder.
    #[error(
        "{file} is not in this folder; a pack has model.safetensors, tokenizer.json and config.json, \
         as all-MiniLM-L6-v2 is handed out"
    )]
    Missing {
        /// The file's name.
        file: &'static str,
    },
    /// It is there and cannot be read.
    #[error("{file} cannot be read")]
    Unreadable {
        /// The file's name.
        file: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// It is not what it should be.
    #[error("{file} is not what it should be: {why}")]
    Odd {
        /// The file's name.
        file: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// Reads all files, and holds them against each other.
pub(crate) fn open(folder: &Path) -> Result<Embedder, OpenError> {
    let files = ["config.json", "tokenizer.json", "model.safetensors"];
    let [config_bytes, words_bytes, weights_bytes] = files.map(|file| needed(folder, file));
    let (config_bytes, words_bytes, weights_bytes) = (config_bytes?, words_bytes?, weights_bytes?);
    let config: Config = json("config.json", &config_bytes)?;
    if let Some(why) = config.objection() {
        return Err(OpenError::Odd { file: "config.json", why });
    }
    let reach_bytes = maybe(folder, "sentence_bert_config.json")?;
    let reach: Reach =
        reach_bytes.as_deref().map_or(Ok(Reach::default()), |bytes| json("sentence_bert_config.json", bytes))?;
    if let Some(bytes) = maybe(folder, "1_Pooling/config.json")?
        && !json::<Pooling>("1_Pooling/config.json", &bytes)?.pooling_mode_mean_tokens
    {
        let why = "it does not take the mean of the tokens, and nothing else is known".to_owned();
        return Err(OpenError::Odd { file: "1_Pooling/config.json", why });
    }
    let odd_words = |why| OpenError::Odd { file: "tokenizer.json", why };
    let words = WordPiece::read(&words_bytes, config.vocab_size).map_err(odd_words)?;
    let odd_weights = |why| OpenError::Odd { file: "model.safetensors", why };
    let weights = Weights::read(&weights_bytes).map_err(odd_weights)?;
    let network = Bert::new(&config, &weights).map_err(odd_weights)?;
    let most = config.max_position_embeddings;
    let limit = reach.max_seq_length.unwrap_or(most).clamp(3, most);

    let mut hash = Sha256::new();
    hash.update(WAY_OF_COMPUTING.to_be_bytes());
    hash.update((limit as u64).to_be_bytes());
    for bytes in [&config_bytes, &words_bytes, &weights_bytes] {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let fingerprint = digest.iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
    Ok(Embedder { words, network, limit, fingerprint })
}

fn needed(folder: &Path, file: &'static str) -> Result<Vec<u8>, OpenError> {
    maybe(folder, file)?.ok_or(OpenError::Missing { file })
}

fn maybe(folder: &Path, file: &'static str) -> Result<Option<Vec<u8>>, OpenError> {
    match fs::read(folder.join(file)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(OpenError::Unreadable { file, source }),
    }
}

fn json<T: DeserializeOwned>(file: &'static str, bytes: &[u8]) -> Result<T, OpenError> {
    serde_json::from_slice(bytes).map_err(|error| OpenError::Odd { file, why: error.to_string() })
}
