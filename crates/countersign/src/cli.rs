//! What can be typed: commands, options and their help.
//!
//! Text only: what it means is resolved by the commands. Exit codes, everywhere: 0 done, or yes; 1 the answer is no
//! (mistakes found, a token refused, a difference, a broken configuration); 2 it could not be done (wrong arguments, a file
//! that cannot be read).

mod admin;
mod api_key;
mod completions;
mod import;
mod keys;
mod live_keys;
mod state;
mod stores;
mod token;

use std::{collections::BTreeMap, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use gateway::BrokenApis;

pub(crate) use self::{
    admin::{
        AdminArguments, ApisArguments, ApisCommand, AppsArguments, AppsCommand, AttachArguments, ChangeArguments,
        CreateApiArguments, DetachArguments, Flow, PoliciesArguments, PoliciesCommand, PolicyPlace, PreviewArguments,
        RunningArguments, SeenArguments,
    },
    api_key::{ApiKeyArguments, ApiKeyCommand, GenerateApiKeyArguments},
    completions::{CompletionsArguments, ManualArguments},
    import::{ImportArguments as ImportFilesArguments, KindChoice},
    keys::{
        ExportArguments, GenerateArguments, ImportArguments, KeyPlace, KeyTiming, KeysArguments, KeysCommand,
        ListArguments, RevokeArguments, RotateArguments,
    },
    live_keys::{LiveKeyArguments, LiveKeysArguments, LiveKeysCommand},
    state::{PullStateArguments, PushStateArguments, StateArguments, StateCommand},
    stores::{
        HoldStoreArguments, InvalidateArguments, StoreStatusArguments, StoresArguments, StoresCommand,
        TestStoreArguments,
    },
    token::{IssueArguments, TokenArguments, TokenCommand, VerifyArguments},
};
use crate::serve::ServeSettings;

/// The answer is no.
pub(crate) const EXIT_NO: u8 = 1;
/// It could not be done.
pub(crate) const EXIT_CANNOT: u8 = 2;

/// An API gateway that tells the backend who is calling: it forwards each call with a signed Backend JWT.
#[derive(Debug, Parser)]
#[command(
    name = "countersign",
    version,
    max_term_width = 100,
    after_help = "\
Examples:
  # a whole gateway to try, with curl lines to paste
  countersign demo
  # every mistake, with file, line and hint
  countersign check --config countersign.yaml
  # run it
  countersign serve --config countersign.yaml
  # files of WSO2 APK, API Manager or OpenAPI become its own
  countersign import deployment.toml apis/*.apk-conf --output gateway
  # a policy for one operation of the running gateway
  countersign policies attach orders:1.0 BackendJwt --operation \"GET /{id}\"
  # what the backend gets, and why
  countersign explain --api orders --operation \"GET /{id}\" --user alice

Exit codes: 0 done, or yes; 1 the answer is no (mistakes found, token refused, difference); 2 it could not be done.

`countersign COMMAND --help` shows each command's own examples."
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(ServeArguments),
    Check(CheckArguments),
    Explain(ExplainArguments),
    Disclosures(DisclosuresArguments),
    Keys(KeysArguments),
    Stores(StoresArguments),
    State(StateArguments),
    Apis(ApisArguments),
    Policies(PoliciesArguments),
    Apps(AppsArguments),
    Preview(PreviewArguments),
    #[command(name = "apikey")]
    ApiKey(ApiKeyArguments),
    Token(TokenArguments),
    Import(ImportFilesArguments),
    Config(ConfigArguments),
    Demo(DemoArguments),
    Completions(CompletionsArguments),
    #[command(name = "manual")]
    Manual(ManualArguments),
}

/// Text for people, or JSON for scripts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For scripts.
    Json,
}

/// Run the gateway
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # with ./countersign.yaml
  countersign serve
  # every API definition must be sound
  countersign serve --config /etc/countersign/countersign.yaml --strict

Edits of the files are picked up while it runs; SIGHUP asks for it at once. A broken edit changes nothing and is \
reported in the log, in /readyz and in a metric. SIGTERM and Ctrl-C finish the requests in flight. The first start \
makes an ES256 and an RS256 signing key.

Messages go to standard error; RUST_LOG=debug shows more. Audit records go to standard output unless \
`audit.file` says otherwise.")]
pub(crate) struct ServeArguments {
    /// The operator's file
    #[arg(long, value_name = "FILE", default_value = "countersign.yaml")]
    pub(crate) config: PathBuf,
    /// Refuse to start when an API definition is broken, instead of answering 503 for that API
    #[arg(long)]
    pub(crate) strict: bool,
}

impl ServeArguments {
    /// Resolves what was typed; `variables` is the environment, for `{env: …}` secrets.
    pub(crate) fn into_settings(self, variables: BTreeMap<String, String>) -> ServeSettings {
        let broken_apis = if self.strict { BrokenApis::Refuse } else { BrokenApis::Answer503 };
        ServeSettings { config: self.config, variables, broken_apis }
    }
}

/// Show every mistake in configuration files; changes nothing
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # ./countersign.yaml and the API definitions that it names
  countersign check
  # for scripts
  countersign check --config gateway/countersign.yaml --format json
  # and ask every user store and issuer whether it answers as configured
  countersign check --probe
  # an API definition alone, without the operator's file
  countersign check orders.apk-conf
  # this definition in place of those of the configured folder
  countersign check --config countersign.yaml orders.apk-conf

Exit codes: 0 no errors; 1 errors (with --strict-warnings: or warnings); 2 it could not be done.")]
pub(crate) struct CheckArguments {
    /// The operator's file [default: countersign.yaml, unless API definitions are named]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// API definitions to check, in place of those of the configured folder
    #[arg(value_name = "API_FILE")]
    pub(crate) apis: Vec<PathBuf>,
    /// How to print what is found
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Ask the configured user stores and issuers whether they answer, and as configured
    #[arg(long)]
    pub(crate) probe: bool,
    /// Exit with 1 on warnings too
    #[arg(long)]
    pub(crate) strict_warnings: bool,
}

/// Show the Backend JWT of one caller for one operation: each claim's source, and why everything else is not in it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # a user, with the token that the operation would accept
  countersign explain --api orders --operation \"GET /{id}\" --user alice
  # the bearer of a token
  countersign explain --api orders --operation \"GET /42\" --token @token.txt
  # what differs from another gateway's token: exit code 1 if anything does
  countersign explain --api orders --operation \"GET /{id}\" --user alice \\
      --against @old-gateway.jwt
  # what the running gateway would send, with what its caches hold
  countersign explain --api orders --operation \"GET /{id}\" --user alice --live
  # where operators log in: the variable COUNTERSIGN_ADMIN_TOKEN, or a file, says who asks
  countersign explain --api orders --operation \"GET /{id}\" --user alice --live \\
      --token-file admin.token

Exit codes: 0 explained (and no difference); 1 refused, or a difference; 2 it could not be done.")]
pub(crate) struct ExplainArguments {
    /// The configuration; with `--live` the running gateway, and who asks it.
    #[command(flatten)]
    pub(crate) running: RunningArguments,
    /// The API's name; with a version: `orders:1.0`
    #[arg(long, value_name = "NAME")]
    pub(crate) api: String,
    /// Verb and path below the API's base: the template, or a path that it matches
    #[arg(long, value_name = "\"VERB PATH\"")]
    pub(crate) operation: String,
    /// The user, as their issuer's `lookup` claim would name them
    #[arg(long, value_name = "NAME", required_unless_present = "token", conflicts_with = "token")]
    pub(crate) user: Option<String>,
    /// The user's issuer, by its name in the operator's file [default: the first that the API trusts]
    #[arg(long, value_name = "NAME", requires = "user")]
    pub(crate) issuer: Option<String>,
    /// An access token, or `@FILE`
    #[arg(long, value_name = "@FILE")]
    pub(crate) token: Option<String>,
    /// Ask the running gateway on its admin address, instead of looking up from here
    #[arg(long)]
    pub(crate) live: bool,
    /// Compare with another gateway's Backend JWT, or `@FILE` with it
    #[arg(long, value_name = "@OLD_TOKEN")]
    pub(crate) against: Option<String>,
    /// Only the Backend JWT in this header
    #[arg(long, value_name = "NAME")]
    pub(crate) header: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// List every attribute that can leave: claim, API, operation, backend, header, audience, lifetime, policy line
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # a table
  countersign disclosures
  # for a spreadsheet
  countersign disclosures --format csv > disclosures.csv
  # for scripts
  countersign disclosures --format json

From the compiled configuration alone: what may be sent, whether or not a user has it. An allowed sensitive \
attribute is marked with the operator's reason.")]
pub(crate) struct DisclosuresArguments {
    /// The operator's file
    #[arg(long, value_name = "FILE", default_value = "countersign.yaml")]
    pub(crate) config: PathBuf,
    /// How to print them
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: TableFormat,
}

/// How a table is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum TableFormat {
    /// In columns, for people.
    #[default]
    Text,
    /// RFC 4180, with a line of names.
    Csv,
    /// A list of objects.
    Json,
}

/// Print the defaults or the JSON Schema of the configuration files
#[derive(Debug, Args)]
pub(crate) struct ConfigArguments {
    /// What to print.
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

/// What `config` prints.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Every field with its meaning and its default, as YAML
    #[command(after_help = "\
Examples:
  countersign config defaults
  countersign config defaults api")]
    Defaults {
        /// Of which file
        #[arg(value_enum, default_value_t)]
        file: ConfigFile,
    },
    /// The description of the admin REST API (OpenAPI 3.1)
    #[command(after_help = "\
Examples:
  countersign config openapi > openapi.json")]
    Openapi,
    /// The JSON Schema, for editors
    #[command(after_help = "\
Examples:
  countersign config schema > countersign.schema.json
  countersign config schema api > api.schema.json

In an editor with a YAML language server, the first line of a file names its schema:
  # yaml-language-server: $schema=countersign.schema.json")]
    Schema {
        /// Of which file
        #[arg(value_enum, default_value_t)]
        file: ConfigFile,
    },
}

/// The two kinds of file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ConfigFile {
    /// The operator's file, countersign.yaml
    #[default]
    Operator,
    /// An API definition
    Api,
}

/// Run a whole example: gateway, backend, token issuer and user store, with curl lines to paste
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign demo
  # keep the files; edit them while it runs
  countersign demo --dir ./demo
  countersign demo --port 9000

Ports that are taken are replaced by free ones; the printed lines are right in any case. Ctrl-C ends it; files in a \
temporary folder are removed then.")]
pub(crate) struct DemoArguments {
    /// Write the example's files here and keep them [default: a temporary folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// The gateway's port
    #[arg(long, default_value_t = 8080)]
    pub(crate) port: u16,
    /// The echo backend's port
    #[arg(long, default_value_t = 8091)]
    pub(crate) echo_port: u16,
    /// The token issuer's port
    #[arg(long, default_value_t = 8092)]
    pub(crate) issuer_port: u16,
    /// The admin listener's port
    #[arg(long, default_value_t = 9090)]
    pub(crate) admin_port: u16,
}
