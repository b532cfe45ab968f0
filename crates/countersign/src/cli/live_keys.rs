//! What can be typed after `countersign keys live`: the signing keys of the running gateway, through the admin API.

use clap::{Args, Subcommand};

use super::admin::AdminArguments;

/// See and change the signing keys of the running gateway, through its admin API
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign keys live list
  # published now, signs after `keys.announceFor`
  countersign keys live announce ES256
  countersign keys live activate 4Yh2kPqs7XnUT0zI
  # its tokens are dead at once
  countersign keys live revoke 4Yh2kPqs7XnUT0zI --yes

The other commands change the files of the keys directory; a running gateway picks that up by itself.")]
pub(crate) struct LiveKeysArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: LiveKeysCommand,
}

/// What can be done with the running gateway's keys.
#[derive(Debug, Subcommand)]
pub(crate) enum LiveKeysCommand {
    /// List the keys with their states, and how many operations each signs for
    #[command(after_help = "Examples:\n  countersign keys live list --format json")]
    List {
        #[command(flatten)]
        admin: AdminArguments,
    },
    /// Make a key: it is published now and signs later
    #[command(after_help = "Examples:\n  countersign keys live announce ES256 --announce-for 48h")]
    Announce {
        /// JOSE or Java name, such as `ES256`
        #[arg(value_name = "ALG")]
        algorithm: String,
        /// How long it is published before it signs [default: `keys.announceFor`]
        #[arg(long, value_name = "DURATION")]
        announce_for: Option<String>,
        #[command(flatten)]
        admin: AdminArguments,
    },
    /// Let an announced key sign now: verifiers with an older JWKS refuse its tokens until they fetch again
    #[command(after_help = "Examples:\n  countersign keys live activate 4Yh2kPqs7XnUT0zI")]
    Activate(LiveKeyArguments),
    /// Let a key sign no more; it stays published until its tokens have expired
    #[command(after_help = "Examples:\n  countersign keys live retire 4Yh2kPqs7XnUT0zI")]
    Retire(LiveKeyArguments),
    /// Take a key back: its tokens are refused, and it leaves the JWKS at once
    #[command(after_help = "Examples:\n  countersign keys live revoke 4Yh2kPqs7XnUT0zI --yes")]
    Revoke(LiveKeyArguments),
}

/// One key of the running gateway.
#[derive(Debug, Args)]
pub(crate) struct LiveKeyArguments {
    /// The key's `kid`
    #[arg(value_name = "KID", allow_hyphen_values = true)]
    pub(crate) kid: String,
    /// Do it without asking
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) admin: AdminArguments,
}
