//! A text that can be cited, and the form in which it is kept: packed JSON under the hash of the text.

use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use legwork_core::source::KeptSource;
use legwork_core::time::Micros;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A text that can be cited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// SHA-256 of the text, in lower-case hexadecimal.
    pub hash: String,
    /// Its address.
    pub url: String,
    /// What it is called.
    pub title: String,
    /// The text, as it was read.
    pub text: String,
    /// When it was read; `None` when it came with the program.
    pub retrieved_at: Option<Micros>,
    /// The day on which it was published, as `YYYY-MM-DD`, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<String>,
}

impl Source {
    /// As it is kept.
    pub(crate) fn packed(&self) -> io::Result<KeptSource> {
        Ok(self.kept_as(pack(self)?))
    }

    /// As it is kept when it is packed already.
    pub(crate) fn kept_as(&self, body: Vec<u8>) -> KeptSource {
        let hash = Sha256::digest(self.text.as_bytes()).into();
        KeptSource { hash, url: self.url.clone(), retrieved_at: self.retrieved_at, body: body.into() }
    }

    /// What was packed; `None` when that is damaged.
    pub(crate) fn unpacked(body: &[u8]) -> Option<Self> {
        unpack(body).filter(Self::is_whole)
    }

    /// Whether its hash is that of its text.
    pub(crate) fn is_whole(&self) -> bool {
        hash_of(&self.text) == self.hash
    }
}

/// Data of ours as packed JSON.
pub(crate) fn pack<T: Serialize>(data: &T) -> io::Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(&serde_json::to_vec(data)?)?;
    packer.finish()
}

/// What was packed; `None` when that is damaged, or something else.
pub(crate) fn unpack<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    let mut text = Vec::new();
    GzDecoder::new(body).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

/// The name of a text.
pub(crate) fn hash_of(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_equal_names() {
        assert_eq!(hash_of("a"), "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb");
    }
}
