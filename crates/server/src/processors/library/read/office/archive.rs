//! As much of ZIP as documents need: the directory at the end, and parts that are stored or deflated.

use std::io::Read as _;

use flate2::read::DeflateDecoder;

use super::super::Reason;

/// An archive in memory.
pub(super) struct Archive<'a> {
    bytes: &'a [u8],
    parts: Vec<Part<'a>>,
}

struct Part<'a> {
    name: &'a str,
    method: u16,
    packed: usize,
    start: usize,
}

impl<'a> Archive<'a> {
    /// Reads the directory; `None` if there is none that makes sense.
    pub(super) fn open(bytes: &'a [u8]) -> Option<Self> {
        let end = (0..=bytes.len().checked_sub(22)?)
            .rev()
            .take(1 << 16)
            .find(|at| bytes[*at..].starts_with(b"PK\x05\x06"))?;
        let count = number(bytes, end + 10, 2)?;
        let mut at = number(bytes, end + 16, 4)?;
        let mut parts = Vec::new();
        for _ in 0..count {
            if bytes.get(at..at + 4)? != b"PK\x01\x02" {
                return None;
            }
            let [name, extra, note] = [28, 30, 32].map(|place| number(bytes, at + place, 2));
            let name = name?;
            parts.push(Part {
                // Names that are no UTF-8 are none that a document needs.
                name: std::str::from_utf8(bytes.get(at + 46..at + 46 + name)?).unwrap_or_default(),
                method: u16::try_from(number(bytes, at + 10, 2)?).ok()?,
                packed: number(bytes, at + 20, 4)?,
                start: number(bytes, at + 42, 4)?,
            });
            at += 46 + name + extra? + note?;
        }
        Some(Self { bytes, parts })
    }

    /// The names of all parts, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.parts.iter().map(|part| part.name)
    }

    /// The bytes of a part, of which there may be `most`; `None` if there is no such part.
    pub(super) fn part(&self, name: &str, most: usize) -> Option<Result<Vec<u8>, Reason>> {
        let part = self.parts.iter().find(|part| part.name == name)?;
        Some(
            self.unpacked(part, most).ok_or_else(|| "the archive is broken".to_owned()).and_then(|bytes| {
                if bytes.len() > most { Err("there is too much in it".to_owned()) } else { Ok(bytes) }
            }),
        )
    }

    fn unpacked(&self, part: &Part<'_>, most: usize) -> Option<Vec<u8>> {
        let head = part.start;
        let data = head + 30 + number(self.bytes, head + 26, 2)? + number(self.bytes, head + 28, 2)?;
        let packed = self.bytes.get(data..data.checked_add(part.packed)?)?;
        match part.method {
            0 => Some(packed.to_vec()),
            8 => {
                let mut out = Vec::new();
                let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
                DeflateDecoder::new(packed).take(limit).read_to_end(&mut out).ok()?;
                Some(out)
            }
            _ => None,
        }
    }
}

/// A number of so many bytes, the low ones first.
fn number(bytes: &[u8], at: usize, size: usize) -> Option<usize> {
    let part = bytes.get(at..at.checked_add(size)?)?;
    Some(part.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}
