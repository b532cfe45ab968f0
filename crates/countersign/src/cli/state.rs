//! What can be typed after `countersign state`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Move API definitions and applications into the database that several gateways share, and back
#[derive(Debug, Args)]
pub(crate) struct StateArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: StateCommand,
}

/// What can be done with the desired state.
#[derive(Debug, Subcommand)]
pub(crate) enum StateCommand {
    Push(PushStateArguments),
    Pull(PullStateArguments),
    /// Print the SQL that makes the tables, for whoever may make them
    #[command(after_help = "\
Examples:
  countersign state schema | psql \"$DATABASE\"")]
    Schema,
}

/// Put a folder's API definitions and applications into the database
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # apis/ and applications.yaml beside the operator's file; makes the tables the first time
  countersign state push
  # what would change
  countersign state push --dry-run
  # from a folder that was pulled; what it does not have is removed
  countersign state push gateway-state --delete

The operator's file names the database (`state`). All is checked first, as `countersign check` does, and written in \
one transaction; the gateways take it up at once. A folder that was not pulled since the last change is refused, so \
that nobody's work is lost; --force says that the folder is right.

Exit codes: 0 done, or nothing to do; 1 refused: mistakes, or changed meanwhile; 2 it could not be done.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that is typed")]
pub(crate) struct PushStateArguments {
    /// The folder: `apis/` with API definitions, and `applications.yaml` [default: that of the operator's file]
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// The operator's file
    #[arg(long, value_name = "FILE", default_value = "countersign.yaml")]
    pub(crate) config: PathBuf,
    /// Remove what the folder does not have
    #[arg(long)]
    pub(crate) delete: bool,
    /// Whatever others have changed since the folder was pulled
    #[arg(long)]
    pub(crate) force: bool,
    /// Say what would change; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Write the database's API definitions and applications into a folder
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign state pull gateway-state
  # and remove definitions that the database does not have
  countersign state pull gateway-state --delete

Files that are there are overwritten. The folder remembers the database's revision (`.countersign-revision`), so that \
`push` knows whether somebody has changed something since.")]
pub(crate) struct PullStateArguments {
    /// The folder
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    /// The operator's file
    #[arg(long, value_name = "FILE", default_value = "countersign.yaml")]
    pub(crate) config: PathBuf,
    /// Remove definitions that the database does not have
    #[arg(long)]
    pub(crate) delete: bool,
}
