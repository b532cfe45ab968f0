//! Crates that must not be in the build: one crypto provider, and no RSA with a known timing leak.
//!
//! Reads `cargo tree --prefix none --format {p}`, which follows features exactly (`cargo metadata` does not).

use std::collections::BTreeSet;

/// Each forbidden crate, with why.
const FORBIDDEN: [(&str, &str); 6] = [
    ("rsa", "RUSTSEC-2023-0071: its private operations leak through timing"),
    ("ring", "aws-lc-rs is the one crypto provider"),
    ("openssl", "aws-lc-rs is the one crypto provider, rustls the one TLS stack"),
    ("openssl-sys", "aws-lc-rs is the one crypto provider, rustls the one TLS stack"),
    ("native-tls", "rustls is the one TLS stack"),
    ("serde_yml", "unsound, and configuration is read with positions"),
];

/// Returns every forbidden crate in the tree, in words.
pub(crate) fn broken(tree: &str) -> Vec<String> {
    let names: BTreeSet<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    FORBIDDEN
        .iter()
        .filter(|(name, _)| names.contains(name))
        .map(|(name, why)| format!("crate `{name}` must not be in the build: {why}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forbidden_crate_is_found_by_its_whole_name() {
        assert_eq!(broken("claims v0.1.0\nring v0.17.14\n").len(), 1);
        assert_eq!(broken("rsa v0.9.6 (*)\nnative-tls v0.2.12\n").len(), 2);
        assert!(broken("string-ring v1.0.0\ncreusa v1.0.0\nrustls v0.23.1\n").is_empty());
    }
}
