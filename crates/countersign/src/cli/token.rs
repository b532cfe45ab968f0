//! What can be typed after `countersign token`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Issue development access tokens, verify any token
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign token issue --issuer https://dev.example --subject alice
  countersign token verify --jwks jwks.json @backend.jwt")]
pub(crate) struct TokenArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: TokenCommand,
}

/// What can be done with tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    Issue(Box<IssueArguments>),
    Verify(VerifyArguments),
}

/// Issue an access token for development, signed by a development key; prints the token alone
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign token issue --issuer https://dev.example --subject alice
  countersign token issue --issuer https://dev.example --subject alice \\
      --audience orders --scope \"orders:read\" --client-id mobile-app --ttl 8h \\
      --claim department=Sales --claim 'groups=[\"staff\"]'
  # a request with a fresh token
  curl http://127.0.0.1:8080/orders/1.0/42 -H \"Authorization: Bearer $(
      countersign token issue --issuer https://dev.example --subject alice)\"

The first use makes dev-issuer/key.json and dev-issuer/jwks.json. The gateway trusts the tokens with this in the \
operator's file:
  issuers:
    - name: dev
      issuer: https://dev.example
      jwks: { file: dev-issuer/jwks.json }")]
pub(crate) struct IssueArguments {
    /// The folder of the development key and its jwks.json; made on first use
    #[arg(long, value_name = "DIR", default_value = "dev-issuer", conflicts_with = "key")]
    pub(crate) dev_dir: PathBuf,
    /// A private key to sign with, in place of the development key: JWK or PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// `iss`
    #[arg(long, value_name = "ISS")]
    pub(crate) issuer: String,
    /// `sub`
    #[arg(long, value_name = "SUB")]
    pub(crate) subject: String,
    /// `aud`; may be given several times
    #[arg(long, value_name = "AUD")]
    pub(crate) audience: Vec<String>,
    /// `scope`; may be given several times
    #[arg(long, value_name = "SCOPES")]
    pub(crate) scope: Vec<String>,
    /// `client_id`
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// How long it is valid: 30s, 15m, 1h, 7d
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    pub(crate) ttl: String,
    /// One more claim, with a JSON value; what is no JSON is taken as text. May be given several times
    #[arg(long = "claim", value_name = "NAME=JSON")]
    pub(crate) claims: Vec<String>,
}

/// Verify a token's signature and claims; prints its payload
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign token verify --jwks jwks.json @token.txt
  countersign token verify --issuer https://gateway.example.com \\
      --jwks https://gateway.example.com/.well-known/jwks.json \\
      --audience orders @backend.jwt
  # one verdict a line
  countersign token verify --jwks jwks.json - < tokens.txt
  # no times, no issuer, no audience
  countersign token verify --jwks jwks.json --signature-only @token.txt

Exit codes: 0 the token is good (with `-`: all are); 1 it is not, the reason is on standard error; 2 it could not be \
done.")]
pub(crate) struct VerifyArguments {
    /// The keys: a file, or an address
    #[arg(long, value_name = "FILE|URL")]
    pub(crate) jwks: String,
    /// What `iss` must be
    #[arg(long, value_name = "ISS")]
    pub(crate) issuer: Option<String>,
    /// What `aud` must be, or have among others
    #[arg(long, value_name = "AUD")]
    pub(crate) audience: Option<String>,
    /// How the token is encoded: Base64url, or Base64 for the gateway's legacy encoding
    #[arg(long, value_name = "ENCODING", default_value = "Base64url")]
    pub(crate) encoding: String,
    /// Verify the signature alone: no times, no issuer, no audience, any payload
    #[arg(long, conflicts_with_all = ["issuer", "audience"])]
    pub(crate) signature_only: bool,
    /// The token; `@FILE` reads it from a file, `-` reads one token a line from standard input
    #[arg(value_name = "TOKEN", allow_hyphen_values = true)]
    pub(crate) token: String,
}
