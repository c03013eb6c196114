//! As much of ZIP as documents need: the directory at the end, and parts that are stored or deflated.

use std::cell::Cell;
use std::io::Read as _;

use flate2::read::DeflateDecoder;

use super::super::Reason;

/// An archive with more parts than this is no document.
const PARTS: usize = 10_000;
/// What is said where the parts are too many or too large.
pub(super) const TOO_MUCH: &str = "there is too much in it";

/// An archive in memory.
pub(super) struct Archive<'a> {
    bytes: &'a [u8],
    parts: Vec<Part<'a>>,
    /// How many bytes may still be unpacked, of all parts together: a small archive can hold any number of large ones.
    left: Cell<usize>,
}

struct Part<'a> {
    name: &'a str,
    method: u16,
    packed: usize,
    start: usize,
}

impl<'a> Archive<'a> {
    /// Opens an archive of which `most` bytes may be unpacked.
    pub(super) fn open(bytes: &'a [u8], most: usize) -> Result<Self, Reason> {
        let parts = directory(bytes).ok_or("the archive is broken")?;
        if parts.len() > PARTS {
            return Err(TOO_MUCH.to_owned());
        }
        Ok(Self { bytes, parts, left: Cell::new(most) })
    }

    /// The names of all parts, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.parts.iter().map(|part| part.name)
    }

    /// The bytes of a part; `None` if there is no such part.
    pub(super) fn part(&self, name: &str) -> Option<Result<Vec<u8>, Reason>> {
        let part = self.parts.iter().find(|part| part.name == name)?;
        if self.left.get() == 0 {
            return Some(Err(TOO_MUCH.to_owned()));
        }
        let bytes = self.unpacked(part);
        let too_much = self.left.get() == 0;
        Some(if too_much { Err(TOO_MUCH.to_owned()) } else { bytes.ok_or_else(|| "the archive is broken".to_owned()) })
    }

    /// Unpacks a part as far as it may; what is broken has cost as much up to there.
    fn unpacked(&self, part: &Part<'_>) -> Option<Vec<u8>> {
        let head = part.start;
        let data = head + 30 + number(self.bytes, head + 26, 2)? + number(self.bytes, head + 28, 2)?;
        let packed = self.bytes.get(data..data.checked_add(part.packed)?)?;
        let mut out = Vec::new();
        let limit = u64::try_from(self.left.get()).unwrap_or(u64::MAX);
        let read = match part.method {
            0 => packed.take(limit).read_to_end(&mut out),
            8 => DeflateDecoder::new(packed).take(limit).read_to_end(&mut out),
            _ => return None,
        };
        self.left.set(self.left.get() - out.len());
        read.ok().map(|_| out)
    }
}

/// The directory at the end; `None` if there is none that makes sense.
fn directory(bytes: &[u8]) -> Option<Vec<Part<'_>>> {
    let end =
        (0..=bytes.len().checked_sub(22)?).rev().take(1 << 16).find(|at| bytes[*at..].starts_with(b"PK\x05\x06"))?;
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
    Some(parts)
}

/// A number of so many bytes, the low ones first.
fn number(bytes: &[u8], at: usize, size: usize) -> Option<usize> {
    let part = bytes.get(at..at.checked_add(size)?)?;
    Some(part.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}
