//! The steps that a processor has taken in a run, kept so that none is taken twice: a call that was paid for, a page that
//! was read. Another attempt finds them and goes on behind the last one.

use bytes::Bytes;

/// How long a step's key may be, in bytes.
pub const LONGEST_KEY: usize = 256;

/// How much a step may bring, in bytes. Strangers share a commit with it.
pub const LONGEST_BODY: usize = 8 * 1024 * 1024;

/// How much the steps of one run may bring together, in bytes: another attempt has all of them in memory.
pub const MOST_BYTES: usize = 256 * 1024 * 1024;

/// A step that was taken, with what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    key: String,
    body: Bytes,
}

/// A step that cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unkeepable {
    /// Its name is none.
    #[error("the key of a step has 1 to {LONGEST_KEY} bytes and no control characters in it")]
    Key,
    /// It brings too much.
    #[error("a step brings {0} bytes, and at most {LONGEST_BODY} are kept of one")]
    Body(usize),
}

impl Entry {
    /// A step of this name, which stands for the call with all that its answer depends on, and what came of it. For stores
    /// the body is bytes. Of several steps of one name in a run the first is kept.
    pub fn new(key: impl Into<String>, body: impl Into<Bytes>) -> Result<Self, Unkeepable> {
        let (key, body) = (key.into(), body.into());
        if key.is_empty() || key.len() > LONGEST_KEY || key.contains(char::is_control) {
            return Err(Unkeepable::Key);
        }
        if body.len() > LONGEST_BODY {
            return Err(Unkeepable::Body(body.len()));
        }
        Ok(Self { key, body })
    }

    /// What it is called within its run, whatever the attempt.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What came of it.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// How much of [`MOST_BYTES`] it takes.
    pub fn size(&self) -> usize {
        self.key.len() + self.body.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_has_a_name_and_is_not_too_big() {
        for bad in ["", "a\0b", "a\n", &"k".repeat(LONGEST_KEY + 1)] {
            assert_eq!(Entry::new(bad, ""), Err(Unkeepable::Key), "{bad:?}");
        }
        let entry = Entry::new("k".repeat(LONGEST_KEY), vec![0; LONGEST_BODY]).unwrap();
        assert_eq!(entry.size(), LONGEST_KEY + LONGEST_BODY);
        assert_eq!(Entry::new("k", vec![0; LONGEST_BODY + 1]), Err(Unkeepable::Body(LONGEST_BODY + 1)));
    }
}
