//! What can be typed after `countersign keys`.

use std::path::PathBuf;

use claims::Algorithm;
use clap::{Args, Subcommand};

use super::{Format, LiveKeysArguments};

/// Generate, list, rotate, revoke, import and export signing keys
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign keys list
  # for an algorithm that has no key yet: it signs at once
  countersign keys generate --algorithm EdDSA
  # announced now, signs after `keys.announceFor`: no verifier breaks
  countersign keys rotate --algorithm ES256
  # its tokens are dead at once
  countersign keys revoke 4Yh2kPqs
  # a key that backends know already
  countersign keys import wso2carbon.p12 --password-file password.txt

A running gateway picks the changes up by itself.")]
pub(crate) struct KeysArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: KeysCommand,
}

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    Generate(GenerateArguments),
    List(ListArguments),
    Rotate(RotateArguments),
    Revoke(RevokeArguments),
    Import(ImportArguments),
    Export(ExportArguments),
    Live(LiveKeysArguments),
}

/// Where the keys are.
#[derive(Clone, Debug, Args)]
pub(crate) struct KeyPlace {
    /// The operator's file, which names the keys directory [default: countersign.yaml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The keys directory itself, in place of the operator's file
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    pub(crate) directory: Option<PathBuf>,
}

/// When a new key begins to sign.
#[derive(Clone, Debug, Args)]
pub(crate) struct KeyTiming {
    /// Sign with the new key at once: verifiers that hold an older JWKS refuse its tokens until they fetch it again
    #[arg(long)]
    pub(crate) now: bool,
    /// Publish the new key for this long before it signs, such as `24h` [default: `keys.announceFor`, 24h]
    #[arg(long, value_name = "DURATION", conflicts_with = "now")]
    pub(crate) announce_for: Option<String>,
}

/// Make a key for an algorithm
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign keys generate --algorithm ES256
  countersign keys generate --algorithm RS256 --rsa-size 3072 --directory keys
  countersign keys generate --algorithm ES256 --announce-for 48h

The first key of an algorithm signs at once. Where one signs already, the new key is announced and takes over later.")]
pub(crate) struct GenerateArguments {
    /// What the key is for: `ES256`, `RS256`, `EdDSA` and the like, or a Java name such as `SHA256withRSA`
    #[arg(long, value_name = "ALG", value_parser = algorithm)]
    pub(crate) algorithm: Algorithm,
    #[command(flatten)]
    pub(crate) place: KeyPlace,
    #[command(flatten)]
    pub(crate) timing: KeyTiming,
    /// Bits of an RSA key: 2048, 3072 or 4096
    #[arg(long, value_name = "BITS", default_value_t = 2048)]
    pub(crate) rsa_size: u32,
}

/// List the keys with their states
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign keys list
  countersign keys list --directory /var/lib/countersign/keys --format json

States:
  announced      published, does not sign yet
  active         signs
  retired        signs no more, still published
  gone, revoked  not published, tokens are refused")]
pub(crate) struct ListArguments {
    #[command(flatten)]
    pub(crate) place: KeyPlace,
    /// How to print them
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// Replace the key that signs for an algorithm
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # published now, signs in 24 hours
  countersign keys rotate --algorithm ES256
  # in an emergency; see what it says about who may break
  countersign keys rotate --algorithm ES256 --now

The old key stays published until every token that it signed has expired.")]
pub(crate) struct RotateArguments {
    /// The algorithm
    #[arg(long, value_name = "ALG", value_parser = algorithm)]
    pub(crate) algorithm: Algorithm,
    #[command(flatten)]
    pub(crate) place: KeyPlace,
    #[command(flatten)]
    pub(crate) timing: KeyTiming,
    /// Bits of an RSA key: 2048, 3072 or 4096 [default: as the old key]
    #[arg(long, value_name = "BITS")]
    pub(crate) rsa_size: Option<u32>,
}

/// Take a key back: its tokens are not served any more, and it leaves the JWKS at once
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # the kid, or its unambiguous beginning
  countersign keys revoke 4Yh2kPqs7XnUT0zI

If it was the key that signs, its successor takes over now: the announced one, or a new one.")]
pub(crate) struct RevokeArguments {
    /// The key's `kid`, or its unambiguous beginning
    #[arg(value_name = "KID", allow_hyphen_values = true)]
    pub(crate) kid: String,
    #[command(flatten)]
    pub(crate) place: KeyPlace,
}

/// Take over a key that was made elsewhere: PKCS#12, PEM or JWK
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign keys import wso2carbon.p12 --password-file password.txt \\
      --alias wso2carbon
  countersign keys import server.key --certificate server.pem --now
  countersign keys import signing.jwk --algorithm PS256

The key becomes a file of the keys directory. A Java key store is converted first:
  keytool -importkeystore -srckeystore wso2carbon.jks \\
      -destkeystore wso2carbon.p12 -deststoretype PKCS12")]
pub(crate) struct ImportArguments {
    /// The file: PKCS#12, unencrypted PEM (PKCS#8, PKCS#1, SEC 1) or a private JWK
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The key's certificate and those above it, PEM: for `x5t` and for backends that pin it
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate: Option<PathBuf>,
    /// A file with the PKCS#12 password [default: an empty password]
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Which key of a PKCS#12 file
    #[arg(long, value_name = "NAME")]
    pub(crate) alias: Option<String>,
    /// What the key is for [default: `RS256`, the curve's own, or `EdDSA`, by the key's type]
    #[arg(long, value_name = "ALG", value_parser = algorithm)]
    pub(crate) algorithm: Option<Algorithm>,
    #[command(flatten)]
    pub(crate) place: KeyPlace,
    #[command(flatten)]
    pub(crate) timing: KeyTiming,
}

/// Print a key: its public JWK, a JWKS, its certificate; the private key only when asked for
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # the public JWK
  countersign keys export 4Yh2kPqs
  # for a verifier's file
  countersign keys export 4Yh2kPqs --jwks > jwks.json
  # for backends that pin it
  countersign keys export 4Yh2kPqs --certificate > certificate.pem
  # to move the key elsewhere
  countersign keys export 4Yh2kPqs --private > key.jwk")]
pub(crate) struct ExportArguments {
    /// The key's `kid`, or its unambiguous beginning
    #[arg(value_name = "KID", allow_hyphen_values = true)]
    pub(crate) kid: String,
    #[command(flatten)]
    pub(crate) place: KeyPlace,
    #[command(flatten)]
    pub(crate) form: PublicForm,
    /// The private key, as JWK: whoever has it can be the gateway
    #[arg(long)]
    pub(crate) private: bool,
}

/// What is printed of a public key, in place of its JWK.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct PublicForm {
    /// The public key as a JWKS
    #[arg(long, conflicts_with_all = ["certificate", "private"])]
    pub(crate) jwks: bool,
    /// The certificate chain, PEM
    #[arg(long, conflicts_with = "private")]
    pub(crate) certificate: bool,
}

/// Reads an algorithm by its JOSE or Java name.
fn algorithm(name: &str) -> Result<Algorithm, String> {
    let known = || Algorithm::accepted_names().collect::<Vec<_>>().join(" ");
    name.parse().map_err(|_| format!("there is no such algorithm; the names are {}", known()))
}
