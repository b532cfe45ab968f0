//! Fingerprints of configuration: what tells whether something that was cached may still be used.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};

/// 128 bits of SHA-256 over everything that shapes a thing: content, not a revision number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// Fingerprints the parts, each with its length, so that no two lists of parts look alike.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut short = [0; 16];
        for (slot, byte) in short.iter_mut().zip(context.finish().as_ref()) {
            *slot = *byte;
        }
        Self(short)
    }

    /// Fingerprints a value by its complete debug text; secrets, which have none, must be added as parts.
    pub fn of_value(value: &impl fmt::Debug) -> Self {
        Self::of([format!("{value:?}").as_bytes()])
    }

    /// Returns the first 64 bits, for a quick comparison that a full one confirms.
    pub fn short(&self) -> u64 {
        self.0.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }

    /// Returns the bytes, for use in a key.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Combines with another one; the order matters.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::of([self.0.as_slice(), other.0.as_slice()])
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_kept_apart() {
        let one = Fingerprint::of([b"ab".as_slice(), b"c"]);
        let other = Fingerprint::of([b"a".as_slice(), b"bc"]);
        assert_ne!(one, other);
        assert_eq!(one, Fingerprint::of([b"ab".as_slice(), b"c"]));
    }
}
