//! What is given as the name of a file, or as `-` for stdin.

use std::io::Read as _;
use std::{fs, io};

/// The whole text.
pub(crate) fn read(from: &str) -> io::Result<String> {
    if from == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    fs::read_to_string(from)
}
