//! What can be typed after `countersign completions` and `countersign manual`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// Print the completions of a shell: commands, options and their values
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # for this shell
  source <(countersign completions bash)
  # for good
  countersign completions bash > /etc/bash_completion.d/countersign
  countersign completions zsh > \"${fpath[1]}/_countersign\"
  countersign completions fish > ~/.config/fish/completions/countersign.fish
  countersign completions powershell >> $PROFILE")]
pub(crate) struct CompletionsArguments {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// Write the manual pages: one for each command
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign manual --output /usr/local/share/man/man1
  man countersign-import")]
pub(crate) struct ManualArguments {
    /// The folder to write them into
    #[arg(long, value_name = "DIR")]
    pub(crate) output: PathBuf,
}
