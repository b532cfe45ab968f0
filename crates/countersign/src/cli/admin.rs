//! What can be typed after `countersign apis`, `policies`, `apps` and `preview`: the admin API from a shell.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Format;

/// Where the running gateway's admin API is, and who asks.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunningArguments {
    /// The running gateway's admin address, such as `http://127.0.0.1:9090` [default: `admin.address` of the operator's file]
    #[arg(long, value_name = "URL")]
    pub(crate) admin: Option<String>,
    /// The operator's file
    #[arg(long, value_name = "FILE", default_value = "countersign.yaml")]
    pub(crate) config: PathBuf,
    /// A file with an access token for the admin API [default: the variable `COUNTERSIGN_ADMIN_TOKEN`, if it is set]
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

/// The running gateway's admin API, and how to print what it says.
#[derive(Clone, Debug, Args)]
pub(crate) struct AdminArguments {
    /// Where it is, and who asks.
    #[command(flatten)]
    pub(crate) running: RunningArguments,
    /// How to print it
    #[arg(long, alias = "output", value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// How a change is made.
#[derive(Clone, Debug, Args)]
pub(crate) struct ChangeArguments {
    /// Change it without asking
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) yes: bool,
    /// Show what would change; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// What to say about the change in the history
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(crate) note: String,
}

/// On which state a change is made.
#[derive(Clone, Debug, Args)]
pub(crate) struct SeenArguments {
    /// Change only this state: its entity tag, as `show` prints it; `*`: whatever is there
    #[arg(long, value_name = "ETAG")]
    pub(crate) if_match: Option<String>,
}

/// See, make, change and remove APIs on the running gateway
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign apis list
  countersign apis show orders:1.0
  # an API definition or an OpenAPI document
  countersign apis create orders.openapi.yaml --endpoint http://orders:8080
  # what it was like before
  countersign apis revisions orders:1.0
  countersign apis restore orders:1.0 12 --note \"back to the old scopes\"

A change shows the difference of the file first, and asks; --yes does not ask. `show` ends with the entity tag of what \
it shows; if somebody has changed the API since, `update` is refused.

Exit codes: 0 done; 1 refused, or not confirmed; 2 it could not be done.")]
pub(crate) struct ApisArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: ApisCommand,
}

/// What can be done with APIs.
#[derive(Debug, Subcommand)]
pub(crate) enum ApisCommand {
    /// List the APIs
    #[command(after_help = "Examples:\n  countersign apis list\n  countersign apis list --search orders --format json")]
    List {
        /// Only those whose name, id or path holds this text
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        #[command(flatten)]
        admin: AdminArguments,
    },
    /// Print an API's definition; with `--format json` everything about it
    #[command(after_help = "Examples:\n  countersign apis show orders:1.0 > orders.yaml")]
    Show {
        /// The API's id, as `apis list` shows it
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        admin: AdminArguments,
    },
    Create(CreateApiArguments),
    /// Replace an API's definition by a file
    #[command(
        after_help = "Examples:\n  countersign apis show orders:1.0 > orders.yaml\n  # edit it, then\n  countersign apis update orders:1.0 orders.yaml"
    )]
    Update {
        /// The API's id
        #[arg(value_name = "ID")]
        id: String,
        /// The definition, as `apis show` prints one
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        seen: SeenArguments,
        #[command(flatten)]
        change: ChangeArguments,
        #[command(flatten)]
        admin: AdminArguments,
    },
    /// Remove an API
    #[command(
        after_help = "Examples:\n  countersign apis delete orders:1.0 --dry-run\n  countersign apis delete orders:1.0 --yes"
    )]
    Delete {
        /// The API's id
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        change: ChangeArguments,
        #[command(flatten)]
        admin: AdminArguments,
    },
    /// List the states that an API's file has had
    #[command(after_help = "Examples:\n  countersign apis revisions orders:1.0")]
    Revisions {
        /// The API's id
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        admin: AdminArguments,
    },
    /// Write an earlier state of an API's file again
    #[command(after_help = "Examples:\n  countersign apis restore orders:1.0 12")]
    Restore {
        /// The API's id
        #[arg(value_name = "ID")]
        id: String,
        /// The revision's number, as `apis revisions` shows it
        #[arg(value_name = "NUMBER")]
        number: u64,
        #[command(flatten)]
        change: ChangeArguments,
        #[command(flatten)]
        admin: AdminArguments,
    },
}

/// Make an API of an API definition or an OpenAPI document
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign apis create orders.apk-conf
  countersign apis create orders.openapi.yaml --endpoint http://orders:8080 --base-path /orders --dry-run")]
pub(crate) struct CreateApiArguments {
    /// The API definition or OpenAPI document
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) wishes: super::import::WishesArguments,
    /// What to call the definition's file [default: as the API is called]
    #[arg(long, value_name = "NAME")]
    pub(crate) file_name: Option<String>,
    #[command(flatten)]
    pub(crate) change: ChangeArguments,
    #[command(flatten)]
    pub(crate) admin: AdminArguments,
}

/// See, attach and detach policies of an API or of one operation on the running gateway
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign policies list orders:1.0
  # what has effect at each operation, and where it comes from
  countersign policies effective orders:1.0
  countersign policies attach orders:1.0 BackendJwt --set tokenTTL=300
  countersign policies attach orders:1.0 BackendJwt --operation \"GET /{id}\" \\
      --set header=X-User --set 'claims=[\"email\"]'
  countersign policies detach orders:1.0 BackendJwt --operation \"GET /{id}\"

A change shows the difference of the file first, and asks; --yes does not ask.")]
pub(crate) struct PoliciesArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: PoliciesCommand,
}

/// What can be done with policies.
#[derive(Debug, Subcommand)]
pub(crate) enum PoliciesCommand {
    /// List the policies that an API's file attaches
    #[command(after_help = "Examples:\n  countersign policies list orders:1.0")]
    List {
        /// The API's id, as `apis list` shows it
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        admin: AdminArguments,
    },
    /// Show the policies that have effect at each operation, and where each comes from
    #[command(after_help = "Examples:\n  countersign policies effective orders:1.0 --format json")]
    Effective {
        /// The API's id
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        admin: AdminArguments,
    },
    Attach(AttachArguments),
    Detach(DetachArguments),
}

/// Where a policy is attached.
#[derive(Clone, Debug, Args)]
pub(crate) struct PolicyPlace {
    /// The API's id
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// The policy's name, such as `BackendJwt`
    #[arg(value_name = "POLICY")]
    pub(crate) policy: String,
    /// Verb and target of one operation [default: the whole API]
    #[arg(long, value_name = "\"VERB TARGET\"")]
    pub(crate) operation: Option<String>,
    /// What it is about
    #[arg(long, value_enum, default_value_t)]
    pub(crate) flow: Flow,
}

/// What a policy is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Flow {
    /// The call
    #[default]
    Request,
    /// Its answer
    Response,
}

/// Attach a policy: to the whole API, or to one operation
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign policies attach orders:1.0 BackendJwt
  countersign policies attach orders:1.0 BackendJwt --set audience=orders --set tokenTTL=300 --yes")]
pub(crate) struct AttachArguments {
    #[command(flatten)]
    pub(crate) place: PolicyPlace,
    /// A parameter; the value is JSON where it can be, otherwise text
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) parameters: Vec<String>,
    #[command(flatten)]
    pub(crate) change: ChangeArguments,
    #[command(flatten)]
    pub(crate) admin: AdminArguments,
}

/// Detach a policy: from the whole API, or from one operation
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign policies detach orders:1.0 BackendJwt
  # of several, the one with this header
  countersign policies detach orders:1.0 BackendJwt --header X-User")]
pub(crate) struct DetachArguments {
    #[command(flatten)]
    pub(crate) place: PolicyPlace,
    /// Of several policies of that name, the one with this header
    #[arg(long, value_name = "NAME")]
    pub(crate) header: Option<String>,
    #[command(flatten)]
    pub(crate) change: ChangeArguments,
    #[command(flatten)]
    pub(crate) admin: AdminArguments,
}

/// See, make and remove client applications on the running gateway
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign apps list
  countersign apps show Mobile
  # a file such as: { name: Mobile, clientIds: [mobile-app], owner: alice, tier: Gold } as JSON
  countersign apps create mobile.json
  countersign apps delete Mobile --yes

API keys are made by `countersign apikey generate`.")]
pub(crate) struct AppsArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: AppsCommand,
}

/// What can be done with client applications.
#[derive(Debug, Subcommand)]
pub(crate) enum AppsCommand {
    /// List the client applications
    #[command(after_help = "Examples:\n  countersign apps list --format json")]
    List {
        #[command(flatten)]
        admin: AdminArguments,
    },
    /// Print one client application
    #[command(after_help = "Examples:\n  countersign apps show Mobile")]
    Show {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        admin: AdminArguments,
    },
    /// Make a client application, or replace one of the same name
    #[command(after_help = "Examples:\n  countersign apps create mobile.json --dry-run")]
    Create {
        /// The application as JSON, as `apps show` prints one
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        seen: SeenArguments,
        #[command(flatten)]
        change: ChangeArguments,
        #[command(flatten)]
        admin: AdminArguments,
    },
    /// Remove a client application
    #[command(after_help = "Examples:\n  countersign apps delete Mobile --yes")]
    Delete {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        change: ChangeArguments,
        #[command(flatten)]
        admin: AdminArguments,
    },
}

/// Show the Backend JWT that a caller would get from the running gateway, also with a definition that is not saved yet
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign preview --api orders:1.0 --operation \"GET /{id}\" --user alice
  # with what you have edited, before it is saved
  countersign preview --api orders:1.0 --operation \"GET /{id}\" --user alice --draft orders.yaml
  countersign preview --api orders:1.0 --operation \"GET /42\" --token @token.txt --format json

Shows attribute values, as far as you may see them. `countersign explain` shows more, and needs the operator's file.

Exit codes: 0 shown; 1 the call would be refused, or the draft is; 2 it could not be done.")]
pub(crate) struct PreviewArguments {
    /// The API's id, as `apis list` shows it
    #[arg(long, value_name = "ID")]
    pub(crate) api: String,
    /// Verb and target, or a path that it matches
    #[arg(long, value_name = "\"VERB PATH\"")]
    pub(crate) operation: String,
    /// The user, as the issuer's `lookup` claim would name them
    #[arg(long, value_name = "NAME", required_unless_present = "token", conflicts_with = "token")]
    pub(crate) user: Option<String>,
    /// The user's issuer, by its name
    #[arg(long, value_name = "NAME", requires = "user")]
    pub(crate) issuer: Option<String>,
    /// An access token, or `@FILE`
    #[arg(long, value_name = "@FILE")]
    pub(crate) token: Option<String>,
    /// A definition that is not saved yet
    #[arg(long, value_name = "FILE")]
    pub(crate) draft: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) admin: AdminArguments,
}
