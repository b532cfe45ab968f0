//! The content-derived identity of a key: what caches compare to know that a key is still the same and still trusted.
//!
//! Not the `kid`: a fingerprint also covers the algorithm and the certificate, so that it changes with everything that
//! shapes or vouches for a token.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};

/// SHA-256 over everything that makes a key what it is; equal only for equal keys in equal use.
///
/// Holds no secret: safe to log, to compare and to keep.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyFingerprint([u8; 32]);

impl KeyFingerprint {
    /// Hashes the parts, each with its length before it, so that no two lists of parts collide.
    pub(crate) fn of(parts: &[&[u8]]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        Self::from_digest(context.finish().as_ref())
    }

    fn from_digest(digest: &[u8]) -> Self {
        let mut bytes = [0; 32];
        for (byte, digest) in bytes.iter_mut().zip(digest) {
            *byte = *digest;
        }
        Self(bytes)
    }

    /// Returns the 32 bytes, for use in other hashes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for KeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyFingerprint(")?;
        self.0.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_a_byte_between_parts_changes_the_fingerprint() {
        assert_ne!(KeyFingerprint::of(&[b"ab", b"c"]), KeyFingerprint::of(&[b"a", b"bc"]));
        assert_ne!(KeyFingerprint::of(&[b"ab"]), KeyFingerprint::of(&[b"ab", b""]));
        assert_eq!(KeyFingerprint::of(&[b"ab"]), KeyFingerprint::of(&[b"ab"]));
    }

    #[test]
    fn debug_shows_the_first_bytes_only() {
        assert_eq!(format!("{:?}", KeyFingerprint([0xab; 32])), "KeyFingerprint(abababababababab…)");
    }
}
