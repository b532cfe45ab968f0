//! What can be typed after `countersign stores`.

use clap::{Args, Subcommand};

use super::{Format, RunningArguments};

/// Look users up, and see how their stores are doing
#[derive(Debug, Args)]
pub(crate) struct StoresArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: StoresCommand,
}

/// What can be done with user stores.
#[derive(Debug, Subcommand)]
pub(crate) enum StoresCommand {
    Test(TestStoreArguments),
    Status(StoreStatusArguments),
    Hold(HoldStoreArguments),
    Invalidate(InvalidateArguments),
}

/// Look one user up, from here or on the running gateway: what was asked, what came back, and what did not
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign stores test directory --user alice
  # a store that asks with the user's own token
  countersign stores test userinfo --user alice --token @token.txt
  # from where the gateway stands
  countersign stores test directory --user alice --live --admin https://admin.example.com \\
      --token-file admin.token

Asks the store itself, past every cache, with the connection and the secrets of the configuration. Shows attribute \
values: they are for your eyes; the running gateway masks those that your role does not see.

Exit codes: 0 found; 1 no such user, more than one, or no answer; 2 it could not be done.")]
pub(crate) struct TestStoreArguments {
    /// The user store, by its name in the operator's file
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The user, as the issuer's `lookup` claim names them
    #[arg(long, value_name = "USER")]
    pub(crate) user: String,
    /// The user's access token, or `@FILE`
    #[arg(long, value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    /// Have the running gateway ask, with its connections, instead of asking from here
    #[arg(long)]
    pub(crate) live: bool,
    /// The configuration; with `--live` the running gateway, and who asks it.
    #[command(flatten)]
    pub(crate) running: RunningArguments,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// Show how the running gateway's user stores are doing, and why one does not answer
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign stores status
  # for scripts
  countersign stores status --format json

Exit codes: 0 every store is asked; 1 one is left alone, because it failed several times in a row; 2 it could not be \
done.")]
pub(crate) struct StoreStatusArguments {
    /// The running gateway.
    #[command(flatten)]
    pub(crate) running: RunningArguments,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// Let a store's last answers serve for longer while it is down, on the running gateway; no file is edited
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # answers of up to four hours serve, for the next four hours
  countersign stores hold directory --stale 4h
  # as configured again
  countersign stores hold directory --release

Holds for policies that use stale answers (`onAttributeFailure: useStale`, the default); their JWTs have \
`attributes_as_of`. Invalidated answers stay invalidated. The audit log says that it was done.")]
pub(crate) struct HoldStoreArguments {
    /// The user store, by its name in the operator's file
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// How old an answer may be, such as `4h`; at most `7d`
    #[arg(long, value_name = "DURATION", required_unless_present = "release")]
    pub(crate) stale: Option<String>,
    /// End the hold
    #[arg(long, conflicts_with = "stale")]
    pub(crate) release: bool,
    /// The running gateway.
    #[command(flatten)]
    pub(crate) running: RunningArguments,
}

/// Forget what the running gateway knows of a user, of a store or of everybody: the next call asks the store
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # alice's roles have changed
  countersign stores invalidate directory --user alice
  # in every store
  countersign stores invalidate --user alice
  # everybody of a store
  countersign stores invalidate directory
  countersign stores invalidate --all

Backend JWTs made from the old answers are not used again, and the open streams of that user end. The audit log says \
that it was done.")]
pub(crate) struct InvalidateArguments {
    /// The user store, by its name in the operator's file [default: all of them]
    #[arg(value_name = "NAME", required_unless_present_any = ["user", "all"])]
    pub(crate) name: Option<String>,
    /// The user, as the issuer's `lookup` claim names them [default: everybody]
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Everybody, in all stores
    #[arg(long, conflicts_with_all = ["name", "user"])]
    pub(crate) all: bool,
    /// The running gateway.
    #[command(flatten)]
    pub(crate) running: RunningArguments,
}
