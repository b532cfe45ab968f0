//! What can be typed after `countersign import`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use control::{ApiWishes, ImportKind};

use super::Format;

/// Make configuration files of other products' files: API definitions, and an operator's file
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # what would become of a folder; writes nothing
  countersign import old-gateway/ --dry-run
  # API Manager's deployment.toml and forty definitions of WSO2 APK: a whole gateway
  countersign import deployment.toml apis/*.apk-conf --output gateway
  countersign check --config gateway/countersign.yaml
  # an OpenAPI document whose servers are not where the calls should go
  countersign import orders.openapi.yaml --endpoint http://orders:8080 --base-path /orders
  # for scripts
  countersign import orders.openapi.yaml --dry-run --format json

Takes apk-conf files, OpenAPI 2.0 to 3.2 (YAML or JSON), the custom resources BackendJWT and APIPolicy of WSO2 APK, \
api.yaml with backendJWTConfiguration, deployment.toml of WSO2 API Manager and config.toml of Choreo Connect; what a \
file is, it says itself. API definitions go into the folder that the operator's file names (`apis/`).

The table says of each part whether it was carried over, changed or not carried over, why, and on which line it \
stands. Secrets are never copied: each becomes a variable of the environment, and the list at the end says which to \
set. Nothing that is there is overwritten without --force.

Exit codes: 0 every file was imported; 1 a file was refused; 2 it could not be done.")]
pub(crate) struct ImportArguments {
    /// Files, folders, and patterns with `*`, `?` and `**`
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Insist on what the files are [default: as each file says itself]
    #[arg(long, value_enum, value_name = "KIND")]
    pub(crate) kind: Option<KindChoice>,
    /// The folder to write into
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) output: PathBuf,
    /// Say what would become of the files; write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Overwrite files that are there and say something else
    #[arg(long)]
    pub(crate) force: bool,
    /// How to print it
    #[arg(long, alias = "output-format", value_enum, default_value_t)]
    pub(crate) format: Format,
    /// What an OpenAPI document's API should be like.
    #[command(flatten)]
    pub(crate) wishes: WishesArguments,
}

/// What goes before what an OpenAPI document says.
#[derive(Debug, Args)]
pub(crate) struct WishesArguments {
    /// OpenAPI: the API's name, instead of its title
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// OpenAPI: the API's version, instead of the document's
    #[arg(long = "api-version", value_name = "VERSION")]
    version: Option<String>,
    /// OpenAPI: the path that the API lives under, followed by its version, instead of the first server's
    #[arg(long, value_name = "PATH")]
    base_path: Option<String>,
    /// OpenAPI: where the calls go, instead of the first server
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindChoice {
    /// An API definition as WSO2 APK has them
    ApkConf,
    /// An OpenAPI document, 2.0 to 3.2
    #[value(name = "openapi")]
    OpenApi,
    /// Custom resources of WSO2 APK: BackendJWT, APIPolicy, API, HTTPRoute, Backend
    ApkResources,
    /// An api.yaml of WSO2 API Manager, Choreo or Choreo Connect
    Choreo,
    /// deployment.toml of WSO2 API Manager
    ApiManager,
    /// config.toml of Choreo Connect
    ChoreoConnect,
}

impl WishesArguments {
    /// True when nothing is asked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.to_wishes() == ApiWishes::default()
    }

    /// Returns what was typed.
    pub(crate) fn to_wishes(&self) -> ApiWishes {
        ApiWishes {
            name: self.name.clone(),
            version: self.version.clone(),
            base_path: self.base_path.clone(),
            endpoint: self.endpoint.clone(),
        }
    }
}

impl KindChoice {
    /// All of them, for looking up how one is written.
    const ALL: [Self; 6] =
        [Self::ApkConf, Self::OpenApi, Self::ApkResources, Self::Choreo, Self::ApiManager, Self::ChoreoConnect];

    /// Resolves what was typed.
    pub(crate) const fn to_kind(self) -> ImportKind {
        match self {
            Self::ApkConf => ImportKind::ApkConf,
            Self::OpenApi => ImportKind::OpenApi,
            Self::ApkResources => ImportKind::ApkResources,
            Self::Choreo => ImportKind::Choreo,
            Self::ApiManager => ImportKind::ApiManager,
            Self::ChoreoConnect => ImportKind::ChoreoConnect,
        }
    }

    /// Returns how a kind is written.
    pub(crate) fn text(kind: ImportKind) -> String {
        let choice = Self::ALL.into_iter().find(|choice| choice.to_kind() == kind);
        choice
            .and_then(|choice| choice.to_possible_value())
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }
}
