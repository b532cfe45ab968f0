//! What can be typed after `countersign apikey`.

use clap::{Args, Subcommand};

use super::Format;

/// Make API keys for applications
#[derive(Debug, Args)]
pub(crate) struct ApiKeyArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: ApiKeyCommand,
}

/// What can be done with API keys.
#[derive(Debug, Subcommand)]
pub(crate) enum ApiKeyCommand {
    Generate(GenerateApiKeyArguments),
}

/// Make an API key: prints it, once, and the lines for the operator's file, which hold its hash alone
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign apikey generate --application Mobile
  # for a year, standing for a user
  countersign apikey generate --application Batch --expires 365d --issuer corp --user nightly
  # for scripts
  countersign apikey generate --application Mobile --format json

To rotate: add the new key beside the old one, hand it out, take the old one away. Nothing is written by this command; \
a running gateway picks the edited file up by itself.")]
pub(crate) struct GenerateApiKeyArguments {
    /// The application, by its name in the operator's file
    #[arg(long, value_name = "NAME")]
    pub(crate) application: String,
    /// The key's name in the operator's file [default: made of today's date]
    #[arg(long, value_name = "NAME")]
    pub(crate) id: Option<String>,
    /// How long it is good, such as `90d` [default: until it is taken away]
    #[arg(long, value_name = "DURATION")]
    pub(crate) expires: Option<String>,
    /// The user that it stands for [default: the application calls for itself]
    #[arg(long, value_name = "NAME", requires = "issuer")]
    pub(crate) user: Option<String>,
    /// That user's issuer, by its name in the operator's file
    #[arg(long, value_name = "NAME", requires = "user")]
    pub(crate) issuer: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}
