//! Texts that were cited, as stores keep them.

use bytes::Bytes;

use crate::time::Micros;

/// A text that was cited, kept as it was read: the citation can be opened when what it was read from has long changed or
/// gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSource {
    /// SHA-256 of the text, by which citations name it.
    pub hash: [u8; 32],
    /// The address under which it was cited. It is what a document says of itself: of any length, with any characters.
    pub url: String,
    /// When it was read; `None` when it came with the program.
    pub retrieved_at: Option<Micros>,
    /// The text with its title, packed; for a store it is bytes.
    pub body: Bytes,
}
